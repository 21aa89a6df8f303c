/* Reading fields out of a parsed Stripe object, with what was before laid over it. Private to stripe_*.c.
 *
 * A place is a JSON value and the way to it, so that a refusal can name it ("data.object.items.data[2].price").
 * It has up to two layers. `base` is what the event says is now. `over`, when set, is the part of
 * previous_attributes at that place, and wins where it has something to say
 * (https://docs.stripe.com/api/events/object#event_object-data-previous_attributes):
 *   null            the field was absent
 *   an object       holds only what differs: the rest comes from base
 *   a list          is whole: its length counts. An element with an id is whole too; one without is
 *                   laid over the base's element at the same index.
 *
 * Readers are sticky: after the first failure each yields nothing, so that a decoder is
 * written straight down and checked once at its end. Absent and null are the same everywhere.
 */
#ifndef PROTO_STRIPE_PLACE_H
#define PROTO_STRIPE_PLACE_H

#include <jansson.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/view.h"

struct stripe_reader {
	struct problem *why; /* the first failure; may be NULL */
	bool failed;
	bool cut;                 /* a list that must be whole has more pages */
	const char *metadata_key; /* which metadata entry names the subject */
};

struct stripe_place {
	const struct stripe_place *parent; /* NULL: the root */
	const char *key;                   /* NULL: an element of a list; at the root it may be a path, or NULL */
	size_t index;
	json_t *over; /* set only where base is a container of the same kind */
	json_t *base; /* NULL: absent or null */
};

struct stripe_place stripe_member(const struct stripe_place *object, const char *key);
/* The length of a list; 0 of anything else. */
size_t stripe_length(const struct stripe_place *list);
/* index < stripe_length(list). */
struct stripe_place stripe_element(const struct stripe_place *list, size_t index);

static inline bool stripe_present(const struct stripe_place *p) { return p->base != NULL; }
static inline bool stripe_is_object(const struct stripe_place *p) { return json_is_object(p->base); }

/* Records the failure, with the place's path in front of the sentence, unless there was one before. */
void stripe_fail(struct stripe_reader *r, const struct stripe_place *at, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Of an object's member. Each fails on a value of another type; text over `max` bytes or with U+0000
 * in it fails too. Absent: an empty view, 0, or false. */
struct view stripe_text(struct stripe_reader *r, const struct stripe_place *object, const char *key, size_t max);
/* "cus_1", or {"id": "cus_1", …} when Stripe was asked to expand it. */
struct view stripe_id(struct stripe_reader *r, const struct stripe_place *object, const char *key);
/* As stripe_id; absent fails. */
struct view stripe_need_id(struct stripe_reader *r, const struct stripe_place *object, const char *key);
int64_t stripe_integer(struct stripe_reader *r, const struct stripe_place *object, const char *key);
/* Not negative: a time or a count. */
int64_t stripe_natural(struct stripe_reader *r, const struct stripe_place *object, const char *key);
bool stripe_flag(struct stripe_reader *r, const struct stripe_place *object, const char *key);

/* Who pays: `customer`, or `customer_account` where only that is set. May be empty. */
struct view stripe_customer(struct stripe_reader *r, const struct stripe_place *object);
/* metadata's claim to a subject. A value that can be none (longer than SUBJECT_MAX, not text) is no claim
 * rather than a failure: a careless label must not hide what the object says of money. */
struct view stripe_claim(const struct stripe_reader *r, const struct stripe_place *object);

#endif
