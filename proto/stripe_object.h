/* The decoders of single objects, one file each. Private to stripe_decode.c.
 *
 * Each reads an object at `at` and reports through the reader's `failed`. `previous` is the event's
 * previous_attributes, NULL when it has none. */
#ifndef PROTO_STRIPE_OBJECT_H
#define PROTO_STRIPE_OBJECT_H

#include "domain/observation.h"
#include "proto/stripe_place.h"

/* What the event is to its object; a snapshot is an update without `previous`. */
struct stripe_event {
	enum rank rank;
	json_t *previous;
};

void stripe_read_subscription(struct stripe_reader *r, const struct stripe_place *at, const struct stripe_event *e,
			      struct subscription_observation *o);
void stripe_read_customer(struct stripe_reader *r, const struct stripe_place *at, const struct stripe_event *e,
			  struct customer_observation *o);
/* False: the session is not complete, so it says nothing. */
NODISCARD bool stripe_read_checkout(struct stripe_reader *r, const struct stripe_place *at,
				    struct checkout_observation *o);
void stripe_read_invoice(struct stripe_reader *r, const struct stripe_place *at, struct invoice *o);

/* Did this event make the claim, rather than repeat it? It did when it created the object, and when
 * previous_attributes says that the metadata entry was another one, or that there was no metadata. */
bool stripe_claim_is_new(const struct stripe_reader *r, const struct stripe_event *e, struct view subject);

#endif
