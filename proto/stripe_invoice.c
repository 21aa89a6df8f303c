/* https://docs.stripe.com/api/invoices/object */
#include "proto/stripe_object.h"

static enum invoice_status read_status(struct stripe_reader *r, const struct stripe_place *at) {
	enum invoice_status status = INVOICE_NONE;
	struct stripe_place place = stripe_member(at, "status");
	struct view name = stripe_text(r, at, "status", NAME_MAX_BYTES);
	if (name.len && !invoice_status_parse(name, &status)) stripe_fail(r, &place, "unknown status");
	return status;
}

static struct view read_subscription(struct stripe_reader *r, const struct stripe_place *at) {
	struct view id = stripe_id(r, at, "subscription");
	struct stripe_place parent = stripe_member(at, "parent");
	struct stripe_place details = stripe_member(&parent, "subscription_details");
	return id.len ? id : stripe_id(r, &details, "subscription");
}

/* Is the line a subscription's, and does it settle a change in the midst of a period? Such changes may come as
 * pending invoice items, which name the subscription all the same. */
static bool of_subscription(struct stripe_reader *r, const struct stripe_place *line, bool *ret_proration) {
	struct stripe_place parent = stripe_member(line, "parent"), whose = *line;
	bool item = false; /* of the subscription itself */
	if (stripe_present(&parent)) {
		item = view_eq(stripe_text(r, &parent, "type", NAME_MAX_BYTES), VIEW("subscription_item_details"));
		whose = stripe_member(&parent, item ? "subscription_item_details" : "invoice_item_details");
	} else { /* before basil */
		item = view_eq(stripe_text(r, line, "type", NAME_MAX_BYTES), VIEW("subscription"));
	}
	*ret_proration = stripe_flag(r, &whose, "proration");
	return item || (*ret_proration && stripe_id(r, &whose, "subscription").len);
}

/* The period of the first subscription line that is not a proration, else of the first one. Prorations and other
 * pending items come before it in the list, so a first page may be too short for it: false, and then the period is
 * not known. (https://docs.stripe.com/api/invoices/object#invoice_object-lines has the order.) */
static bool read_period(struct stripe_reader *r, const struct stripe_place *at, struct invoice *o) {
	struct stripe_place lines = stripe_member(at, "lines");
	struct stripe_place data = stripe_member(&lines, "data");
	bool found = false, more = stripe_flag(r, &lines, "has_more");
	for (size_t i = 0, n = stripe_length(&data); i < n && !r->failed; i++) {
		struct stripe_place line = stripe_element(&data, i);
		struct stripe_place period = stripe_member(&line, "period");
		bool proration = false;
		if (!of_subscription(r, &line, &proration) || (proration && (found || more))) continue;
		o->period_start = stripe_natural(r, &period, "start");
		o->period_end = stripe_natural(r, &period, "end");
		found = true;
		if (!proration) return true;
	}
	return !more;
}

/* The payment of an invoice payment: its intent; or its charge, where there is no intent. */
static struct view read_paid_by(struct stripe_reader *r, const struct stripe_place *invoice_payment) {
	struct stripe_place payment = stripe_member(invoice_payment, "payment");
	struct view intent = stripe_id(r, &payment, "payment_intent");
	return intent.len ? intent : stripe_id(r, &payment, "charge");
}

static bool is_paid(struct stripe_reader *r, const struct stripe_place *at) {
	return view_eq(stripe_text(r, at, "status", NAME_MAX_BYTES), VIEW("paid"));
}

/* Since basil an invoice may have several payments, and shows them only when asked to: then the default one, or the
 * first, of those that were made. Before, the intent or the charge stands in the invoice. */
static struct view read_payment(struct stripe_reader *r, const struct stripe_place *at) {
	struct stripe_place payments = stripe_member(at, "payments");
	struct stripe_place data = stripe_member(&payments, "data");
	struct view intent = stripe_id(r, at, "payment_intent"), charge = stripe_id(r, at, "charge");
	struct view first = intent.len ? intent : charge;
	for (size_t i = 0, n = stripe_length(&data); i < n && !r->failed; i++) {
		struct stripe_place payment = stripe_element(&data, i);
		if (!is_paid(r, &payment)) continue;
		struct view id = read_paid_by(r, &payment);
		if (stripe_flag(r, &payment, "is_default") && id.len) return id;
		if (!first.len) first = id;
	}
	return first;
}

void stripe_read_invoice(struct stripe_reader *r, const struct stripe_place *at, const struct stripe_event *e,
			 struct observation *out) {
	struct invoice *o = &out->of.invoice;
	o->id = stripe_need_id(r, at, "id");
	o->customer = stripe_customer(r, at);
	o->subscription = read_subscription(r, at);
	o->currency = stripe_text(r, at, "currency", CURRENCY_MAX);
	o->status = read_status(r, at);
	o->amount_due = stripe_integer(r, at, "amount_due");
	o->amount_remaining = stripe_integer(r, at, "amount_remaining");
	o->attempt_count = stripe_natural(r, at, "attempt_count");
	o->next_payment_attempt = stripe_natural(r, at, "next_payment_attempt");
	bool whole = read_period(r, at, o);
	if (!whole && o->subscription.len && !e->snapshot) stripe_ask(out, FETCH_INVOICE, o->id);
	if (o->status == INVOICE_PAID) o->payment = read_payment(r, at);
}

/* https://docs.stripe.com/api/invoice-payment/object. One that is open or canceled has paid nothing. */
void stripe_read_invoice_payment(struct stripe_reader *r, const struct stripe_place *at, const struct stripe_event *e,
				 struct observation *out) {
	struct payment_observation *o = &out->of.payment;
	(void)e;
	(void)stripe_need_id(r, at, "id");
	o->id = read_paid_by(r, at);
	o->invoice = stripe_id(r, at, "invoice");
	o->amount = stripe_natural(r, at, "amount_paid");
	/* a payment record, which was paid somewhere else, cannot be refunded here */
	if (!is_paid(r, at) || !o->id.len || !o->invoice.len) out->kind = OBSERVE_NOTHING;
}
