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

/* Is the line a subscription's, and does it settle a change in the midst of a period? */
static bool of_subscription(struct stripe_reader *r, const struct stripe_place *line, bool *ret_proration) {
	struct stripe_place parent = stripe_member(line, "parent");
	if (!stripe_present(&parent)) { /* before basil */
		*ret_proration = stripe_flag(r, line, "proration");
		return view_eq(stripe_text(r, line, "type", NAME_MAX_BYTES), VIEW("subscription"));
	}
	struct stripe_place details = stripe_member(&parent, "subscription_item_details");
	*ret_proration = stripe_flag(r, &details, "proration");
	return view_eq(stripe_text(r, &parent, "type", NAME_MAX_BYTES), VIEW("subscription_item_details"));
}

/* The period of the first subscription line that is not a proration, else of the first one. The list
 * may have more pages: subscription lines that are no prorations come early, and nothing but
 * the period rests on it. */
static void read_period(struct stripe_reader *r, const struct stripe_place *at, struct invoice *o) {
	struct stripe_place lines = stripe_member(at, "lines");
	struct stripe_place data = stripe_member(&lines, "data");
	bool found = false;
	for (size_t i = 0, n = stripe_length(&data); i < n && !r->failed; i++) {
		struct stripe_place line = stripe_element(&data, i);
		struct stripe_place period = stripe_member(&line, "period");
		bool proration = false;
		if (!of_subscription(r, &line, &proration) || (found && proration)) continue;
		o->period_start = stripe_natural(r, &period, "start");
		o->period_end = stripe_natural(r, &period, "end");
		found = true;
		if (!proration) return;
	}
}

void stripe_read_invoice(struct stripe_reader *r, const struct stripe_place *at, struct invoice *o) {
	o->id = stripe_need_id(r, at, "id");
	o->customer = stripe_customer(r, at);
	o->subscription = read_subscription(r, at);
	o->currency = stripe_text(r, at, "currency", CURRENCY_MAX);
	o->status = read_status(r, at);
	o->amount_due = stripe_integer(r, at, "amount_due");
	o->amount_remaining = stripe_integer(r, at, "amount_remaining");
	o->attempt_count = stripe_natural(r, at, "attempt_count");
	o->next_payment_attempt = stripe_natural(r, at, "next_payment_attempt");
	read_period(r, at, o);
}
