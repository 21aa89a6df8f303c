/* The decoders of single objects, and which event shows which object. Private to proto.
 *
 * Each reads the object at `at` into `o`, whose kind is set beforehand, and reports through the reader's `failed`.
 * One that has nothing to say makes it OBSERVE_NOTHING; one that shows that something should be
 * fetched adds that (stripe_ask). */
#ifndef PROTO_STRIPE_OBJECT_H
#define PROTO_STRIPE_OBJECT_H

#include "domain/observation.h"
#include "proto/stripe_place.h"

/* What the record is to its object. */
struct stripe_event {
	enum rank rank;
	bool snapshot;    /* the API's answer, and no event: an update without `previous` */
	json_t *previous; /* previous_attributes; NULL: none */
};

typedef void stripe_reading(struct stripe_reader *r, const struct stripe_place *at, const struct stripe_event *e,
			    struct observation *o);

stripe_reading stripe_read_subscription, stripe_read_customer, stripe_read_checkout, stripe_read_invoice;
stripe_reading stripe_read_schedule, stripe_read_summary;
stripe_reading stripe_read_charge, stripe_read_refund, stripe_read_dispute, stripe_read_invoice_payment;
stripe_reading fact_read_answer, fact_read_override, fact_read_mark;

/* A kind of object, by its "object". */
struct stripe_object {
	struct view name;
	enum observation_kind kind;
	enum fetch_kind fetch; /* how to ask for one by its id; FETCH_NOTHING: it has none */
	stripe_reading *read;
};

/* NULL: of no use here. */
const struct stripe_object *stripe_object_named(struct view name);

/* An event type of https://docs.stripe.com/api/events/types. */
struct stripe_type {
	struct view name;
	const struct stripe_object *object; /* what data.object is */
	enum rank rank;
};

/* NULL: of no use here. Costs a few comparisons, whatever the type. */
const struct stripe_type *stripe_type_named(struct view name);

/* Notes that the object should be fetched. Past OBSERVATION_FETCHES_MAX, and without an id, nothing is noted. */
void stripe_ask(struct observation *o, enum fetch_kind kind, struct view id);

/* Did this event make the claim, rather than repeat it? It did when it created the object, and when
 * previous_attributes says that the metadata entry was another one, or that there was no metadata. */
bool stripe_claim_is_new(const struct stripe_reader *r, const struct stripe_event *e, struct view subject);

/* One item of a subscription or of a schedule's phase: its price, or the legacy plan, and the quantity. */
void stripe_read_item(struct stripe_reader *r, const struct stripe_place *at, struct item *item);

#endif
