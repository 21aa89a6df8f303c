/* A small shell around LMDB. For this layer alone: nothing above it sees lmdb.h.
 *
 * Transactions have sticky errors: after the first failure every later call on them is a no-op that
 * yields nothing, and commit returns that error, so that a caller writes straight down and checks
 * once. LMDB's and the system's errors become `enum error` here, at the border.
 *
 * Keys and values are views. What a get or a cursor hands out points into the map and lives
 * until the transaction ends or, in one that writes, until its next write.
 *
 * LMDB's own caveats (lmdb.h): not on network file systems; a process opens an environment once; processes
 * that share one must share the PID namespace, since its reader table is keyed by pid.
 */
#ifndef STORE_LMDB_SHELL_H
#define STORE_LMDB_SHELL_H

#include <lmdb.h>

#include "base/error.h"
#include "base/view.h"
#include "store/journal.h"

#define LMDB_TABLES_MAX 24
#define LMDB_READERS_MAX 254 /* concurrent looks at one environment, all processes together */

struct lmdb {
	MDB_env *env;
	MDB_dbi tables[LMDB_TABLES_MAX];
	unsigned table_count;
	bool read_only;
	bool broken;  /* the writer's: a commit failed in a way that forbids another */
	bool no_sync; /* for tests */
	bool locked;  /* writer_fd holds the lock that keeps a second writer out */
	int writer_fd;
};

struct lmdb_options {
	const char *dir;
	bool read_only;
	bool no_sync;
	uint64_t map_size;
	const char *const *tables; /* made when missing; the index is the table's number below */
	unsigned table_count;
};

/* ERR_NOT_FOUND: to be read, and not there (yet). ERR_VERSION: to be read, and some table is not there.
 * ERR_UNAVAILABLE: another process writes it, or a reader's slot cannot be had. `db` is filled in place and may not
 * move. */
NODISCARD enum error lmdb_open(const struct lmdb_options *o, struct lmdb *db, struct problem *why);
void lmdb_close(struct lmdb *db); /* accepts one that was zeroed or never opened */

/* Is the file that is open still the one in its directory? Not when somebody removed or replaced it: then what is
 * written is gone with the process. */
bool lmdb_in_place(const struct lmdb *db);

/* Makes the directory and its missing parents, mode 0700, and makes their names durable. */
NODISCARD enum error lmdb_make_dir(const char *dir, struct problem *why);
NODISCARD enum error lmdb_sync_dir(const char *dir, struct problem *why);

/* A return code of LMDB's or an errno. */
enum error lmdb_error(int code);
/* The same with a sentence: "commit: No space left on device". */
enum error lmdb_problem(struct problem *why, int code, const char *doing);

struct lmdb_txn {
	struct lmdb *db;
	MDB_txn *txn; /* NULL once ended */
	enum error error;
	int code;          /* LMDB's, of the first failure; 0 when the caller set the error */
	const char *doing; /* what failed */
};

NODISCARD enum error lmdb_begin(struct lmdb *db, bool write, struct lmdb_txn *ret_t, struct problem *why);
/* For readers: lets the snapshot go but keeps the slot; and takes a fresh one. */
void lmdb_rest(struct lmdb_txn *t);
NODISCARD enum error lmdb_renew(struct lmdb_txn *t);
/* The number of the commit that a reading transaction shows. */
uint64_t lmdb_snapshot(const struct lmdb_txn *t);
/* The transaction's first error, with its sentence. */
NODISCARD enum error lmdb_failed(const struct lmdb_txn *t, struct problem *why);
void lmdb_fail(struct lmdb_txn *t, enum error e, const char *doing);
/* Ends it. After ERR_STORAGE the environment takes no further write; so it is when the file is no longer
 * where it was opened. */
NODISCARD enum error lmdb_commit(struct lmdb_txn *t, struct problem *why);
void lmdb_abort(struct lmdb_txn *t);

/* True when it is there; false otherwise, ret_v untouched. */
bool lmdb_get(struct lmdb_txn *t, unsigned table, struct view key, struct view *ret_v);
void lmdb_put(struct lmdb_txn *t, unsigned table, struct view key, struct view value);
/* For keys that grow: fills pages instead of leaving them half empty. The key must be the greatest. */
void lmdb_append(struct lmdb_txn *t, unsigned table, struct view key, struct view value);
/* For keys that are new, and often but not always the greatest, as Stripe's ids are, which begin with the
 * time: page after page is filled where a put would leave each half empty. */
void lmdb_add(struct lmdb_txn *t, unsigned table, struct view key, struct view value);
/* As lmdb_add, unless the key is there: true when it was not. */
bool lmdb_insert(struct lmdb_txn *t, unsigned table, struct view key, struct view value);
/* True when it was there. */
bool lmdb_del(struct lmdb_txn *t, unsigned table, struct view key);
uint64_t lmdb_count(struct lmdb_txn *t, unsigned table);

bool lmdb_get_u64(struct lmdb_txn *t, unsigned table, struct view key, uint64_t *ret_n);
void lmdb_put_u64(struct lmdb_txn *t, unsigned table, struct view key, uint64_t n);

/* u64 as a key: big-endian, so that bytes sort as numbers. */
struct key_u64 {
	uint8_t bytes[8];
};
struct key_u64 key_u64(uint64_t n);
static inline struct view key_u64_view(const struct key_u64 *k) { return view_of(k->bytes, sizeof k->bytes); }
/* 0 unless it is 8 bytes long. */
uint64_t view_u64(struct view v);

struct lmdb_cursor {
	struct lmdb_txn *t;
	MDB_cursor *cursor;
	struct view key, value; /* where it stands */
};

/* Each move is false at the end or after a failure. Close it before the transaction ends. */
void lmdb_cursor_open(struct lmdb_txn *t, unsigned table, struct lmdb_cursor *ret_c);
void lmdb_cursor_close(struct lmdb_cursor *c);
bool lmdb_first(struct lmdb_cursor *c);
bool lmdb_last(struct lmdb_cursor *c);
bool lmdb_seek(struct lmdb_cursor *c, struct view key); /* the first at or after key */
bool lmdb_next(struct lmdb_cursor *c);
bool lmdb_prev(struct lmdb_cursor *c);
void lmdb_cursor_del(struct lmdb_cursor *c); /* next then yields the one after it */

/* Pages in use by all tables, in bytes; free ones not counted. */
NODISCARD enum error lmdb_usage(struct lmdb_txn *t, struct store_usage *ret_u);
/* Bytes that are left in the map, as of the last commit: never used, or free again. Exact but slow (it walks the list
 * of free pages) when less than `enough` was never used; otherwise cheap. */
uint64_t lmdb_room(struct lmdb *db, uint64_t enough);

#endif
