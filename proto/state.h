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

#define STATE_VERSION 1
#define STATE_KEY_MAX 511 /* LMDB's limit */
/* The largest register or row fits: that of a subject with SUBJECT_GRANTS_MAX subscriptions, each with
 * 1 + SUB_PRICES_MAX distinct sets of ITEMS_MAX items with names as long as they may be. */
#define STATE_VALUE_MAX (size_t)(4 * 1024 * 1024)
#define SUBJECT_GRANTS_MAX 64    /* subscriptions in a subject's row; see subject_row below */
#define SUBJECT_CUSTOMERS_MAX 64 /* customers that one subject's row reads: the first ones in key order */
#define CLAIM_TEXT_MAX 2048      /* a claim as it was made: 500 characters of metadata, whether it is valid or not */

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
/* ERR_VERSION or ERR_MALFORMED: the store is damaged or newer than the program. The object's own id is in
 * its key and not repeated in the value: it is passed in, and views of it go into the result. */
NODISCARD enum error customer_register_read(struct view bytes, struct customer_register *ret_r);
NODISCARD enum error invoice_register_read(struct view bytes, struct view id, struct invoice_register *ret_r);
/* As these, but it is large: `into` is filled in place, and undefined after a failure. It must not move
 * between this call and the last use of what it holds. */
NODISCARD enum error sub_register_read(struct view bytes, struct view id, struct sub_register *into);

/* A subject's row: the one row that a tier check reads.
 *
 *   u8 version · varint ver · varint count · count × grant
 *
 * `ver` is the store version of the row's last change. Grants are sorted by subscription id. When a
 * subject has more than SUBJECT_GRANTS_MAX, those trialing, active or past_due come first, then the others that have
 * not ended, and of each the latest created. */
void subject_row_begin(struct writer *w, uint64_t ver, unsigned count);
void subject_row_grant(struct writer *w, const struct grant *g);

struct subject_row {
	uint64_t ver;
	unsigned left;
	struct reader reader;
};

NODISCARD enum error subject_row_open(struct view bytes, struct subject_row *ret_row);
/* The row without version and ver: two rows say the same when their bodies are equal. Empty when damaged. */
struct view subject_row_body(struct view bytes);
/* True with the next grant; false at the end, or when the row is damaged (row->reader.failed; ret_g is
 * undefined then). */
NODISCARD bool subject_row_next(struct subject_row *row, struct grant *ret_g);

/* One change of a subject's row, as it is logged and published:
 *
 *   u8 version · zigzag at_ms · u8 livemode · string account · string subject · string event
 *   string before · string after · u8 reason · u8 status · zigzag until
 */
struct change {
	uint64_t ver;  /* the key */
	int64_t at_ms; /* when this store applied it */
	struct scope scope;
	struct view subject;
	struct view event;  /* the event that caused it */
	struct view before; /* tier's name at that moment, by the worker's catalog */
	struct view after;
	enum reason reason; /* of `after` */
	enum sub_status status;
	int64_t until;
};

void change_write(struct writer *w, const struct change *c);
NODISCARD enum error change_read(uint64_t ver, struct view bytes, struct change *ret_c);

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
