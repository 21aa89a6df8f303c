/* The entitlement store's tables and structs; for entitlements.c, fold*.c and look*.c alone. */
#ifndef STORE_ENTITLEMENTS_INTERNAL_H
#define STORE_ENTITLEMENTS_INTERNAL_H

#include "store/entitlements.h"
#include "store/lmdb_shell.h"

#define STORE_SCHEMA 1

enum store_table {
	TABLE_META,
	TABLE_CURSORS,
	TABLE_SUBS,
	TABLE_CUSTOMERS,
	TABLE_INVOICES,
	TABLE_CUSTOMER_SUBS,
	TABLE_SUBJECT_CUSTOMERS,
	TABLE_SUBJECTS,
	TABLE_CHANGES,
	TABLE_QUARANTINE,
	TABLE_COUNTERS,
	TABLE_COUNT
};
_Static_assert(TABLE_COUNT <= LMDB_TABLES_MAX, "LMDB_TABLES_MAX");

#define META_EPOCH VIEW("epoch")
#define META_VERSION VIEW("version")
#define META_SCHEMA VIEW("schema")
#define META_COMPLETE VIEW("complete")

/* A key in memory of its own. */
struct key {
	size_t len; /* 0: a part was empty or over its limit */
	uint8_t bytes[STATE_KEY_MAX];
};
static inline struct view key_view(const struct key *k) { return view_of(k->bytes, k->len); }
static inline void key_of(struct key *k, const struct scope *scope, struct view id) {
	k->len = state_key(scope, id, k->bytes);
}
static inline void key_of_pair(struct key *k, const struct scope *scope, struct view first, struct view second) {
	k->len = state_key_pair(scope, first, second, k->bytes);
}
static inline void key_of_prefix(struct key *k, const struct scope *scope, struct view first) {
	k->len = state_key_pair_prefix(scope, first, k->bytes);
}

/* An id that was copied out of the map, since the next write may move what it came from. */
struct id_copy {
	size_t len;
	char bytes[SUBJECT_MAX];
};
static inline struct view id_view(const struct id_copy *c) { return view_of(c->bytes, c->len); }
void id_set(struct id_copy *c, struct view id);

/* ---- what a fold carries ------------------------------------------------------- */

#define COUNTERS_MAX 1000    /* names in the store; further ones are counted as "other" */
#define FOLD_COUNTERS_MAX 64 /* names in one fold before they are written out */
#define DIRTY_MAX 8          /* subjects that one observation can touch: old and new of three customers */

struct counter {
	size_t len;
	char name[EVENT_TYPE_MAX];
	uint64_t n;
};

/* A subscription on its way into a row; views into the map. */
struct candidate {
	struct view id, bytes;
	int64_t created;
	unsigned weight; /* 2: may grant, 1: not as it is, 0: ended */
	bool customer_deleted;
};

struct fold {
	struct entitlements *e;
	struct lmdb_txn t;
	const struct catalog *catalog;
	int64_t now_ms;
	uint64_t version_before, version;
	struct counter counters[FOLD_COUNTERS_MAX];
	unsigned counter_count;
	/* of the observation at hand: subjects whose rows may have changed */
	struct id_copy dirty[DIRTY_MAX];
	unsigned dirty_count;
	/* workspace, too large for the stack */
	struct sub_register stored, seen;
	const char *stored_from; /* the bytes in the map that `stored` was read from, while a row is remade */
	struct candidate candidates[SUBJECT_GRANTS_MAX];
	unsigned candidate_count;
	struct grant grant;
	uint8_t *buffer; /* STATE_VALUE_MAX bytes; a value on its way into the store */
};

struct entitlements {
	struct lmdb db;
	uint64_t epoch;
	/* the writer's: */
	bool folding;
	struct fold *fold;
	struct look *committed; /* reads what a commit has made durable */
};

struct look {
	struct entitlements *e;
	struct lmdb_txn t;
	uint64_t version;
};

/* Marks the subject's row for fold_remake_rows. */
void fold_touch(struct fold *f, struct view subject);
/* Remakes the rows of all subjects that were touched, logging what changed. */
void fold_remake_rows(struct fold *f, const struct observation *o);
/* The customer's subject; false when the customer is not known. */
bool fold_subject_of(struct fold *f, const struct scope *scope, struct view customer, struct id_copy *ret_subject);
/* A register that does not decode: the store is damaged, or newer than this program. */
void fold_damaged(struct fold *f);
/* fold_count, where the error is looked at later. */
void fold_tally(struct fold *f, struct view counter);

#endif
