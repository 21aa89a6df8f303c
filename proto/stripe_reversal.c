/* What goes back of a payment: https://docs.stripe.com/api/charges/object, https://docs.stripe.com/api/refunds/object,
 * https://docs.stripe.com/api/disputes/object
 *
 * Each tells of one payment, known by its intent or, where there is none, by its charge. Of a charge its own
 * sum counts and not its list of refunds, which not every version shows: each of them has events of its own. */
#include "proto/stripe_object.h"

struct state_name {
	struct view name;
	enum reversal_state state;
};

static const struct state_name refund_states[] = {
	{VIEW_INIT("pending"), REFUND_PENDING},     {VIEW_INIT("requires_action"), REFUND_PENDING},
	{VIEW_INIT("succeeded"), REFUND_SUCCEEDED}, {VIEW_INIT("failed"), REFUND_FAILED},
	{VIEW_INIT("canceled"), REFUND_FAILED},
};

static const struct state_name dispute_states[] = {
	{VIEW_INIT("warning_needs_response"), DISPUTE_INQUIRY},
	{VIEW_INIT("warning_under_review"), DISPUTE_INQUIRY},
	{VIEW_INIT("warning_closed"), DISPUTE_WON},
	{VIEW_INIT("needs_response"), DISPUTE_OPEN},
	{VIEW_INIT("under_review"), DISPUTE_OPEN},
	{VIEW_INIT("won"), DISPUTE_WON},
	{VIEW_INIT("prevented"), DISPUTE_WON},
	/* of older versions: it was refunded instead, and that refund has its own events */
	{VIEW_INIT("charge_refunded"), DISPUTE_WON},
	{VIEW_INIT("lost"), DISPUTE_LOST},
};

static enum reversal_state read_state(struct stripe_reader *r, const struct stripe_place *at,
				      const struct state_name *names, size_t count) {
	struct stripe_place place = stripe_member(at, "status");
	struct view name = stripe_text(r, at, "status", NAME_MAX_BYTES);
	for (size_t i = 0; i < count; i++)
		if (view_eq(name, names[i].name)) return names[i].state;
	stripe_fail(r, &place, "missing, or an unknown status");
	return REVERSAL_NONE;
}

/* The payment that it is about; none makes it say nothing. */
static void read_payment_of(struct stripe_reader *r, const struct stripe_place *at, struct observation *out) {
	struct view charge = stripe_id(r, at, "charge");
	out->of.payment.id = stripe_id(r, at, "payment_intent");
	if (!out->of.payment.id.len) out->of.payment.id = charge;
	if (!out->of.payment.id.len) out->kind = OBSERVE_NOTHING;
}

static void read_reversal(struct stripe_reader *r, const struct stripe_place *at, enum reversal_state state,
			  struct payment_observation *o) {
	o->reversal_count = 1;
	o->reversals[0] = (struct reversal){stripe_need_id(r, at, "id"), state, stripe_natural(r, at, "amount")};
}

void stripe_read_refund(struct stripe_reader *r, const struct stripe_place *at, const struct stripe_event *e,
			struct observation *out) {
	struct stripe_place status = stripe_member(at, "status");
	enum reversal_state state = REFUND_SUCCEEDED; /* refunds of old have no status: they went through at once */
	(void)e;
	read_payment_of(r, at, out);
	if (stripe_present(&status)) state = read_state(r, at, refund_states, ARRAY_LEN(refund_states));
	out->of.payment.customer = stripe_customer(r, at);
	read_reversal(r, at, state, &out->of.payment);
}

void stripe_read_dispute(struct stripe_reader *r, const struct stripe_place *at, const struct stripe_event *e,
			 struct observation *out) {
	(void)e;
	read_payment_of(r, at, out);
	read_reversal(r, at, read_state(r, at, dispute_states, ARRAY_LEN(dispute_states)), &out->of.payment);
}

void stripe_read_charge(struct stripe_reader *r, const struct stripe_place *at, const struct stripe_event *e,
			struct observation *out) {
	struct payment_observation *o = &out->of.payment;
	struct stripe_place captured = stripe_member(at, "amount_captured");
	struct view id = stripe_need_id(r, at, "id");
	(void)e;
	o->id = stripe_id(r, at, "payment_intent");
	if (!o->id.len) o->id = id;
	o->invoice = stripe_id(r, at, "invoice"); /* until basil */
	o->customer = stripe_customer(r, at);
	o->amount = stripe_natural(r, at, stripe_present(&captured) ? "amount_captured" : "amount");
	o->has_charge = true;
	o->refunded = stripe_natural(r, at, "amount_refunded");
}
