/* The journal's tables and struct; for journal*.c alone. */
#ifndef STORE_JOURNAL_INTERNAL_H
#define STORE_JOURNAL_INTERNAL_H

#include "proto/state.h"
#include "store/lmdb_shell.h"

#define JOURNAL_SCHEMA 1
#define JOURNAL_PAGE (size_t)4096 /* for estimates */

enum journal_table { TABLE_EVENTS, TABLE_IDS, TABLE_JOURNAL_META };

#define META_ORIGIN VIEW("origin")
#define META_SCHEMA VIEW("schema")
#define META_WORKERS VIEW("workers/")

struct journal {
	struct lmdb db;
	uint64_t origin;
	uint64_t run;
	uint8_t *buffer; /* the records of the last append, as stored */
	size_t size;
};

struct journal_reader {
	struct lmdb_txn t;
	struct lmdb_cursor events;
	uint64_t first, head;
	uint64_t at; /* where the cursor stands; 0: nowhere */
};

#endif
