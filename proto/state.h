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
/* The largest register or row, a subject's with SUBJECT_GRANTS_MAX full subscriptions, fits. */
#define STATE_VALUE_MAX (2 * 1024 * 1024)
#define SUBJECT_GRANTS_MAX 64    /* subscriptions in a subject's row; see subject_row below */
#define SUBJECT_CUSTOMERS_MAX 64 /* customers that one subject's row reads */

/* Writes the key into out[STATE_KEY_MAX]; its length, or 0 when a part is over its limit. */
size_t state_key(const struct scope *scope, struct view id, uint8_t *out);
size_t state_key_pair(const struct scope *scope, struct view first, struct view second, uint8_t *out);
/* The prefix of all pairs with that first id. */
size_t state_key_pair_prefix(const struct scope *scope, struct view first, uint8_t *out);
/* Views into key. */
NODISCARD enum error state_key_parse(struct view key, struct scope *ret_scope, struct view *ret_id);
NODISCARD enum error state_key_pair_parse(struct view key, struct scope *ret_scope, struct view *ret_first,
					  struct view *ret_second);

/* A writer that fails (too small) leaves its `failed` set; nothing else can go wrong. */
void sub_register_write(struct writer *w, const struct sub_register *r);
void customer_register_write(struct writer *w, const struct customer_register *r);
void invoice_register_write(struct writer *w, const struct invoice_register *r);
/* ERR_VERSION, ERR_TRUNCATED or ERR_MALFORMED: the store is damaged or newer than the program. */
NODISCARD enum error sub_register_read(struct view bytes, struct sub_register *ret_r);
NODISCARD enum error customer_register_read(struct view bytes, struct customer_register *ret_r);
NODISCARD enum error invoice_register_read(struct view bytes, struct invoice_register *ret_r);

/* A subject's row: the one row that a tier check reads.
 *
 *   u8 version · varint ver · varint count · count × grant
 *
 * `ver` is the store version of the row's last change. Grants are sorted by subscription id. When a
 * subject has more than SUBJECT_GRANTS_MAX, the not yet ended ones come first, then the latest created. */
void subject_row_begin(struct writer *w, uint64_t ver, unsigned count);
void subject_row_grant(struct writer *w, const struct grant *g);

struct subject_row {
	uint64_t ver;
	unsigned left;
	struct reader reader;
};

NODISCARD enum error subject_row_open(struct view bytes, struct subject_row *ret_row);
/* True with the next grant; false at the end, or when the row is damaged (row->reader.failed). */
NODISCARD bool subject_row_next(struct subject_row *row, struct grant *ret_g);

#endif
