/* https://docs.stripe.com/api/customers/object, and https://docs.stripe.com/api/checkout/sessions/object, which
 * ties a customer to a subject. */
#include "proto/stripe_object.h"

bool stripe_claim_is_new(const struct stripe_reader *r, const struct stripe_event *e, struct view subject) {
	if (!subject.len) return false;
	if (e->rank != RANK_UPDATED) return e->rank == RANK_CREATED;
	json_t *metadata = json_object_get(e->previous, "metadata");
	return json_is_null(metadata) || json_object_get(metadata, r->metadata_key);
}

/* Did this event take a claim out of the metadata that had one? */
static bool claim_is_gone(const struct stripe_reader *r, const struct stripe_event *e,
			  const struct customer_observation *o) {
	if (e->rank != RANK_UPDATED || o->subject.len) return false;
	struct stripe_place before = {.base = e->previous};
	return claim_valid(stripe_claim(r, &before), o->id);
}

void stripe_read_customer(struct stripe_reader *r, const struct stripe_place *at, const struct stripe_event *e,
			  struct observation *out) {
	struct customer_observation *o = &out->of.customer;
	o->id = stripe_need_id(r, at, "id");
	o->subject = stripe_claim(r, at);
	/* the API shows a deleted customer as {id, object, deleted: true} */
	o->deleted = stripe_flag(r, at, "deleted") || e->rank == RANK_DELETED;
	o->new_claim = stripe_claim_is_new(r, e, o->subject);
	o->claim_gone = claim_is_gone(r, e, o);
}

void stripe_read_checkout(struct stripe_reader *r, const struct stripe_place *at, const struct stripe_event *e,
			  struct observation *out) {
	struct checkout_observation *o = &out->of.checkout;
	struct view status = stripe_text(r, at, "status", NAME_MAX_BYTES);
	struct view payment = stripe_text(r, at, "payment_status", NAME_MAX_BYTES);
	struct stripe_reader quiet = {.metadata_key = r->metadata_key};

	int64_t created = stripe_natural(r, at, "created");
	o->id = stripe_need_id(r, at, "id");
	o->paid = payment.len && !view_eq(payment, VIEW("unpaid"));
	o->customer = stripe_customer(r, at);
	o->subscription = stripe_id(r, at, "subscription");
	/* a payment link lets its visitor choose the reference: a monstrous one is none, as with metadata */
	o->subject = stripe_text(&quiet, at, "client_reference_id", SUBJECT_MAX);
	if (!o->subject.len) o->subject = stripe_claim(r, at);
	if (!o->paid) o->customer = VIEW_NONE;
	if (e->snapshot && created < out->stamp.created) o->claimed = created;
	if (status.len && !view_eq(status, VIEW("complete"))) out->kind = OBSERVE_NOTHING;
}

/* https://docs.stripe.com/api/entitlements/active-entitlement-summary/object: ten of the entitlements at most, and
 * silent when a trial ends in a pause. It tells that something changed, and of whom. */
void stripe_read_summary(struct stripe_reader *r, const struct stripe_place *at, const struct stripe_event *e,
			 struct observation *o) {
	(void)e;
	stripe_ask(o, FETCH_SUBSCRIPTIONS_OF, stripe_need_id(r, at, "customer"));
}
