/* The entitlement store's rows as bytes: keys, registers and the subject's row.
 *
 * Keys are ordered bytes: a mode byte ('L' live, 'T' test), the account's length (u8) and bytes, then
 * the id. Two ids in one key are separated by the first one's length (u8) in front of it.
 * Values start with a version byte and are written field by field (base/bytes.h); equal values
 * have equal bytes, which the state digest rests on. A decoded value's views point into
 * the encoded bytes.
 */
#ifndef PROTO_STATE_H
#define PROTO_STATE_H

#include "base/bytes.h"
#include "base/error.h"
#include "domain/entitlement.h"
#include "domain/registers.h"

#define STATE_VERSION 2
#define STATE_KEY_MAX 511 /* LMDB's limit */
/* The largest register or row fits: that of a subject with SUBJECT_GRANTS_MAX subscriptions, each with
 * 1 + SUB_PRICES_MAX + GRANT_PHASES_MAX distinct sets of ITEMS_MAX items with names as long as they may be. */
#define STATE_VALUE_MAX (size_t)(8 * 1024 * 1024)
#define SUBJECT_GRANTS_MAX 64     /* subscriptions in a subject's row; see subject_row below */
#define SUBJECT_OVERRIDES_MAX 16  /* overrides in a subject's row: of those not revoked, the ones that end last */
#define SUBJECT_CUSTOMERS_MAX 256 /* customers that one subject's row reads: the first ones in key order */
#define CLAIM_TEXT_MAX 2048       /* a claim as it was made: 500 characters of metadata, whether it is valid or not */

/* Writes the key into out[STATE_KEY_MAX]; its length, or 0 when a part is over its limit (id and first: SUBJECT_MAX,
 * second: STRIPE_ID_MAX) or an id is empty. */
size_t state_key(const struct scope *scope, struct view id, uint8_t *out);
size_t state_key_pair(const struct scope *scope, struct view first, struct view second, uint8_t *out);
/* The prefix of all pairs with that first id. */
size_t state_key_pair_prefix(const struct scope *scope, struct view first, uint8_t *out);
/* Views into key. */
NODISCARD enum error state_key_parse(struct view key, struct scope *ret_scope, struct view *ret_id);
NODISCARD enum error state_key_pair_parse(struct view key, struct scope *ret_scope, struct view *ret_first,
					  struct view *ret_second);

/* A writer fails when the space is too small or a part is over its limit (an id: STRIPE_ID_MAX). */
void sub_register_write(struct writer *w, const struct sub_register *r);
void customer_register_write(struct writer *w, const struct customer_register *r);
void invoice_register_write(struct writer *w, const struct invoice_register *r);
void schedule_register_write(struct writer *w, const struct schedule_register *r);
void payment_register_write(struct writer *w, const struct payment_register *r);
void override_register_write(struct writer *w, const struct override_register *r);
/* ERR_VERSION or ERR_MALFORMED: the store is damaged or newer than the program. The object's own id is in
 * its key and not repeated in the value: it is passed in, and views of it go into the result. */
NODISCARD enum error customer_register_read(struct view bytes, struct customer_register *ret_r);
NODISCARD enum error invoice_register_read(struct view bytes, struct view id, struct invoice_register *ret_r);
NODISCARD enum error payment_register_read(struct view bytes, struct payment_register *ret_r);
NODISCARD enum error override_register_read(struct view bytes, struct view id, struct override_register *ret_r);
/* As these, but it is large: `into` is filled in place, and undefined after a failure. It must not move
 * between this call and the last use of what it holds. */
NODISCARD enum error sub_register_read(struct view bytes, struct view id, struct sub_register *into);
NODISCARD enum error schedule_register_read(struct view bytes, struct view id, struct schedule_register *into);

/* A subject's row: the one row that a tier check reads.
 *
 *   u8 version · varint ver · varint count · count × grant · varint overrides · overrides × override
 *
 * `ver` is the store version of the row's last change. Grants are sorted by subscription id. When a
 * subject has more than SUBJECT_GRANTS_MAX, those trialing, active or past_due come first, then the others that have
 * not ended, and of each the latest created. */
void subject_row_begin(struct writer *w, uint64_t ver, unsigned count);
void subject_row_grant(struct writer *w, const struct grant *g);
/* After the grants, always, also with 0. Overrides are sorted by id. */
void subject_row_overrides(struct writer *w, unsigned count);
void subject_row_override(struct writer *w, const struct override *o);

struct subject_row {
	uint64_t ver;
	unsigned left;           /* grants */
	unsigned overrides_left; /* known once the grants are read */
	struct reader reader;
};

NODISCARD enum error subject_row_open(struct view bytes, struct subject_row *ret_row);
/* The same row with another ver. */
void subject_row_renumber(struct writer *w, struct view row, uint64_t ver);
/* The row without version and ver: two rows say the same when their bodies are equal. Empty when damaged. */
struct view subject_row_body(struct view bytes);
/* True with the next grant; false after the last, or when the row is damaged (row->reader.failed; ret_g is
 * undefined then). */
NODISCARD bool subject_row_next(struct subject_row *row, struct grant *ret_g);
/* True with the next override; only after subject_row_next was false. */
NODISCARD bool subject_row_next_override(struct subject_row *row, struct override *ret_o);
/* The whole of it: entitlement_begin, every grant and override, entitlement_end. `row` may be empty: an unknown
 * subject. What reads a row reads it so. ERR_MALFORMED, ERR_VERSION: the row is damaged. Views in *ret_e point into row
 * and catalog. */
NODISCARD enum error subject_row_entitlement(struct view row, const struct catalog *catalog, int64_t now,
					     struct entitlement *ret_e);

/* Why the answer about a subject changed. The numbers are part of the store's format. */
enum change_cause {
	CHANGE_RECORD = 0,  /* a record of the journal: `event` */
	CHANGE_CLOCK = 1,   /* a moment passed: a grace was over, a cancellation's date came; or the clock was set */
	CHANGE_CATALOG = 2, /* tiers.yaml was changed */
};

/* One change of a subject's row or answer, as it is logged and published. It is also what history is read from: all
 * that a check needs is in it.
 *
 *   u8 version · varint prev · zigzag at_ms · u8 cause · u8 livemode · string account · string subject · string event
 *   string before · string after · u8 reason · u8 rule · u8 status · zigzag until · zigzag changes_at · varint seats
 *   zigzag next_billing · u8 flags · string blocked_tier · u8 blocked_reason · string subscription
 *   varint count · count × string also
 */
struct change {
	uint64_t ver;  /* the key */
	uint64_t prev; /* the version of this subject's change before it; 0: this is its first */
	int64_t at_ms; /* when this store applied it; while a store is made anew, when the record was received; of what
			  the clock changed, the moment at which it did */
	enum change_cause cause;
	struct scope scope;
	struct view subject;
	struct view event;  /* the event that caused it; empty when none did */
	struct view before; /* the tier that the subject's change before this one gave; of its first: the lowest */
	struct view after;  /* the tier's name at that moment, by the worker's catalog */
	enum reason reason; /* of `after`, as all that follows */
	enum rule rule;
	enum sub_status status;
	int64_t until;
	int64_t changes_at; /* when this may change by itself. Of a subject's last change it is moved when the moment
			       passes and no answer changes: the one thing that is rewritten in the log */
	int64_t next_billing;
	uint64_t seats;
	bool known; /* the subject has a row */
	bool stale;
	bool unmapped;
	struct view blocked_tier; /* empty: nothing is blocked */
	enum reason blocked_reason;
	struct view subscription; /* the deciding one */
	/* Tiers that were granted beside `after` with features that it lacks, where one does not inherit from another.
	 */
	unsigned also_count;
	struct view also[TIERS_MAX];
};

void change_write(struct writer *w, const struct change *c);
NODISCARD enum error change_read(uint64_t ver, struct view bytes, struct change *ret_c);

/* A price that is in no tier of the catalog, and was met in a subscription that should grant something:
 *
 *   u8 version · zigzag first_ms · zigzag last_ms · varint seen · string product · string lookup_key
 *   string subscription · string event
 */
struct unmapped_price {
	struct view price; /* the key, with the scope; a product or a lookup key where there is no price */
	struct scope scope;
	int64_t first_ms, last_ms;
	uint64_t seen; /* records */
	struct view product;
	struct view lookup_key;
	struct view subscription; /* the last one it was met in */
	struct view event;
};

void unmapped_write(struct writer *w, const struct unmapped_price *u);
/* price and scope come from the key. */
NODISCARD enum error unmapped_read(struct view bytes, struct unmapped_price *ret_u);

/* Something that the worker wants to have fetched:
 *
 *   u8 version · zigzag since_ms · zigzag after · string event · u8 why
 *
 * Its key is the scope's, then u8 fetch kind, then the id. */
#define WANT_WHY_TABLE(X)                                                                                              \
	X(WANT_TIE, "the order of two events in one second is not known")                                              \
	X(WANT_THIN, "the event shows no object, or not all of it")                                                    \
	X(WANT_PAGES, "a list has more pages than the event shows")                                                    \
	X(WANT_LINK, "what it belongs to is not known")                                                                \
	X(WANT_SUMMARY, "a summary of entitlements is not to be relied on")                                            \
	X(WANT_STALE, "its period is over and no renewal was seen")

enum want_why {
#define X(symbol, sentence) symbol,
	WANT_WHY_TABLE(X)
#undef X
		WANT_WHY_COUNT
};

const char *want_sentence(enum want_why w);

struct want {
	struct scope scope;
	struct fetch fetch;
	int64_t since_ms;
	int64_t after; /* s, by Stripe's clock: only an answer with a later stamp settles it */
	struct view event;
	enum want_why why;
};

/* Into out[STATE_KEY_MAX]; 0 when a part is over its limit. */
size_t want_key(const struct scope *scope, const struct fetch *f, uint8_t *out);
NODISCARD enum error want_key_parse(struct view key, struct scope *ret_scope, struct fetch *ret_f);
void want_write(struct writer *w, const struct want *x);
/* scope and fetch come from the key. */
NODISCARD enum error want_read(struct view bytes, struct want *ret_w);

/* The reconciler's last mark of an account: u8 version · zigzag events_to · zigzag swept_at · varint listed · varint
 * missed · varint swept · varint differing */
void mark_write(struct writer *w, const struct reconcile_mark *m);
NODISCARD enum error mark_read(struct view bytes, struct reconcile_mark *ret_m);

/* A record that could not be decoded, put aside:
 *
 *   u8 version · zigzag first_ms · zigzag last_ms · varint tries · string event · string type
 *   string reason · string record
 */
#define QUARANTINE_REASON_MAX 320
struct quarantined {
	uint64_t origin, seq; /* the key */
	int64_t first_ms, last_ms;
	uint64_t tries;
	struct view event;
	struct view type;
	struct view reason; /* an error code and a sentence: "malformed: data.object.items: …" */
	struct view record; /* the whole record (proto/record.h) */
};

void quarantined_write(struct writer *w, const struct quarantined *q);
NODISCARD enum error quarantined_read(uint64_t origin, uint64_t seq, struct view bytes, struct quarantined *ret_q);

#endif
