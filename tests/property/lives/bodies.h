/* The bodies that Stripe would send for a life, in the shapes that API versions gave them. */
#ifndef PROPERTY_BODIES_H
#define PROPERTY_BODIES_H

#include "lives/life.h"
#include "proto/record.h"

struct body_shape {
	bool basil;    /* since 2025-03-31.basil */
	bool expanded; /* ids as objects where the API can expand them */
	bool terse;    /* nulls left out, as older versions did, and quantity 1 as null */
	const char *version;
};

struct body_shape random_body_shape(struct random *r);

/* The record of one event of a life: ret_record's views point into the event and into *t, which is overwritten.
 *
 * `what` is the event's type when it is one (has a dot and no space); "API snapshot" makes it a snapshot; else the
 * type is what fits the observation. What one object cannot say must not be asked for:
 *   checkout   not paid: no customer; claimed: only of an API snapshot, and before it
 *   payment    has_charge: no reversals. One reversal: no invoice and no amount, and a dispute has no customer.
 * Neither: what an invoice payment says, so id, invoice and amount alone. The id is an intent's when it starts with
 * "pi_" override   its event is the override's id + "_g" or "_r" (proto/fact.h) schedule   its phases in order of start
 */
void body_record(struct text *t, const struct life_event *e, const struct body_shape *shape, uint64_t seq,
		 struct record *ret_record);

#endif
