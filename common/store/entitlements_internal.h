/* The entitlement store's tables and structs; for entitlements.c, fold*.c and look*.c alone. */
#ifndef STORE_ENTITLEMENTS_INTERNAL_H
#define STORE_ENTITLEMENTS_INTERNAL_H

#include "store/entitlements.h"
#include "store/lmdb_shell.h"

#define STORE_SCHEMA 2

enum store_table {
	TABLE_META,
	TABLE_CURSORS,
	TABLE_SUBS,
	TABLE_CUSTOMERS,
	TABLE_INVOICES,
	TABLE_SCHEDULES,
	TABLE_PAYMENTS,
	TABLE_OVERRIDES,
	TABLE_CUSTOMER_SUBS,
	TABLE_SUBJECT_CUSTOMERS,
	TABLE_INVOICE_PAYMENTS,
	TABLE_SUB_REVERSALS,
	TABLE_SUBJECT_OVERRIDES,
	TABLE_SUBJECTS,
	TABLE_GONE,
	TABLE_DUE,
	TABLE_UNMAPPED,
	TABLE_WANTS,
	TABLE_MARKS,
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
#define META_FORGOTTEN VIEW("forgotten") /* the last version that fold_forget_changes came past */

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
/* Subjects that one observation can touch: old and new of two customers, and one in whose name an override was made. */
#define DIRTY_MAX 8
#define CHANGE_MAX 2560 /* bytes of a change */

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
	struct schedule_register schedule, schedule_seen;
	struct candidate candidates[SUBJECT_GRANTS_MAX];
	unsigned candidate_count;
	struct override overrides[SUBJECT_OVERRIDES_MAX]; /* on their way into a row; views into the map */
	unsigned override_count;
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

/* What look_differs works in; made when it is first used. */
struct look_space {
	struct sub_register stored, seen;
	struct schedule_register schedule, schedule_seen;
};

struct look {
	struct entitlements *e;
	struct lmdb_txn t;
	uint64_t version;
	struct look_space *space;
};

/* ---- fold_*.c among themselves --------------------------------------------------- */

/* fold_put.c */
/* A register that does not decode: the store is damaged, or newer than this program. */
void fold_damaged(struct fold *f);
/* fold_count, where the error is looked at later. */
void fold_tally(struct fold *f, struct view counter);
void fold_write_counters(struct fold *f);
/* Puts the value under a key that is there already (known) or not. */
void fold_store(struct fold *f, enum store_table table, const struct key *key, struct view value, bool known);

/* fold_fits.c: may every part of it be stored? */
bool observation_fits(const struct observation *o);

/* fold_touch.c */
/* The register and its bytes, views into the map; false when the customer is not known. */
bool fold_get_customer(struct fold *f, const struct scope *scope, struct view customer, struct view *ret_bytes,
		       struct customer_register *ret_r);
/* The customer's subject; false when the customer is not known. */
bool fold_subject_of(struct fold *f, const struct scope *scope, struct view customer, struct id_copy *ret_subject);
/* Marks the subject's row for fold_remake_rows. */
void fold_touch(struct fold *f, struct view subject);
void fold_touch_customer(struct fold *f, const struct scope *scope, struct view customer);

/* fold_customer.c */
void fold_customer(struct fold *f, const struct observation *o);
void fold_checkout(struct fold *f, const struct observation *o);
void fold_subscription(struct fold *f, const struct observation *o);
/* fold_money.c */
void fold_invoice(struct fold *f, const struct observation *o);
void fold_payment(struct fold *f, const struct observation *o);

/* fold_object.c */
void fold_schedule(struct fold *f, const struct observation *o);
void fold_override(struct fold *f, const struct observation *o);
void fold_mark(struct fold *f, const struct observation *o);

/* fold_row.c */
/* Remakes the rows of all subjects that were touched, logging what changed. */
void fold_remake_rows(struct fold *f, const struct observation *o);

/* fold_grant.c: what the subscription in f->stored gives its row, into f->grant. */
void fold_fill_grant(struct fold *f, const struct scope *scope, const struct candidate *c);

/* fold_change.c: the log, and the index of what is due. */

/* The last that was logged of a subject: what it was told to be. Views into the map. */
struct told {
	bool known; /* is there any? */
	struct change change;
};
/* `row` is the subject's, or empty: then it may be gone. */
void fold_told(struct fold *f, const struct key *subject, struct view row, struct told *ret_t);
/* What a subject with that row is at that moment (s); the fields of a change that say what was answered. Views into
 * row and catalog, which may be none (NULL). */
NODISCARD enum error row_answer(struct view row, const struct catalog *catalog, int64_t now, struct change *ret_c);
void fold_answer(struct fold *f, struct view row, int64_t now, struct change *ret_c);
bool fold_answers_equal(const struct change *a, const struct change *b);
/* Logs c, whose ver, prev, before, scope and subject are filled in here, and moves the subject's due moment. */
void fold_log(struct fold *f, const struct key *subject, const struct told *told, struct change *c);
/* Nothing was logged, but it is due at another moment. */
void fold_defer(struct fold *f, const struct key *subject, const struct told *told, int64_t changes_at);
/* Logs what the clock has changed of this subject until `now` (s), each at its own moment; its row is rewritten. */
void fold_catch_up(struct fold *f, const struct key *subject, int64_t now);
/* c is answered for a row that is in the store, and differs from what was told: logs it, and numbers the row anew. */
void fold_log_stored(struct fold *f, const struct key *subject, struct view row, const struct told *told,
		     struct change *c);

/* fold_want.c */
void fold_ask(struct fold *f, const struct scope *scope, enum fetch_kind kind, struct view id, enum want_why why,
	      int64_t after, struct view event);
/* The same for what the observation shows to be unknown; an answer asks only for what lies further on, so that
 * no chain of questions has a circle. */
void fold_ask_link(struct fold *f, const struct observation *o, enum fetch_kind kind, struct view id);
/* The object was seen so in that second. */
void fold_settle(struct fold *f, const struct scope *scope, enum fetch_kind kind, struct view id, int64_t seen);
/* What the observation answers, and what it asks for by itself. */
void fold_answered(struct fold *f, const struct observation *o);
void fold_fetches(struct fold *f, const struct observation *o);

/* Moment and state key, in memory of its own. */
struct due_key {
	size_t len;
	uint8_t bytes[8 + STATE_KEY_MAX];
};
void due_key_of(struct due_key *k, int64_t moment, struct view subject);

/* The key after all that begin with the prefix: where a walk backwards begins. False: there is none. */
bool key_past_prefix(const struct key *prefix, struct key *ret_k);

#endif
