#include "lives/body_parts.h"

#include <inttypes.h>

static bool is_charge(struct view payment) { return !view_starts(payment, VIEW("pi_")); }

/* {"type":…} of an invoice payment. */
static void add_payment(struct text *t, const struct body_shape *shape, struct view payment) {
	const char *what = is_charge(payment) ? "charge" : "payment_intent";
	text_add(t, "\"payment\":{");
	body_id(t, shape, what, payment, what);
	text_add(t, "\"type\":\"%s\"},", what);
}

/* Of a paid invoice. Since basil: its payments, of which the first ones were given up or only help. */
static void add_paid_by(struct text *t, const struct body_shape *shape, struct view payment) {
	if (!shape->basil) {
		/* an invoice with an intent has that intent's charge as well */
		body_id(t, shape, "charge", is_charge(payment) ? payment : VIEW("ch_of_the_intent"), "charge");
		body_id(t, shape, "payment_intent", is_charge(payment) ? VIEW_NONE : payment, "payment_intent");
		return;
	}
	text_add(
		t,
		"\"payments\":{\"data\":[{\"id\":\"inpay_1\",\"status\":\"canceled\",\"is_default\":true,\"payment\":{"
		"\"type\":\"payment_intent\",\"payment_intent\":\"pi_given_up\"},\"object\":\"invoice_payment\"},"
		"{\"id\":\"inpay_2\",\"status\":\"paid\",\"is_default\":false,\"payment\":{\"type\":\"payment_intent\","
		"\"payment_intent\":\"pi_part\"},\"object\":\"invoice_payment\"},"
		"{\"id\":\"inpay_3\",\"status\":\"paid\",\"is_default\":true,");
	add_payment(t, shape, payment);
	text_add(t, "\"object\":\"invoice_payment\"}],\"has_more\":false,\"object\":\"list\"},");
}

void body_invoice(struct text *t, const struct body_shape *shape, const struct invoice *i) {
	text_add(t, "{\"id\":\"%.*s\",\"status\":\"%s\",\"currency\":\"%.*s\",", VIEW_FMT(i->id),
		 invoice_status_name(i->status), VIEW_FMT(i->currency));
	body_id(t, shape, "customer", i->customer, "customer");
	text_add(t, "\"amount_due\":%" PRId64 ",\"amount_remaining\":%" PRId64 ",\"attempt_count\":%" PRId64 ",",
		 i->amount_due, i->amount_remaining, i->attempt_count);
	body_time(t, shape, "next_payment_attempt", i->next_payment_attempt);
	/* the invoice's own period is not the service's */
	text_add(t,
		 "\"period_start\":11,\"period_end\":12,\"lines\":{\"data\":[{\"id\":\"il_1\",\"period\":{\"start\":"
		 "%" PRId64 ",\"end\":%" PRId64 "},",
		 i->period_start, i->period_end);
	if (shape->basil)
		text_add(t,
			 "\"pricing\":{\"type\":\"price_details\",\"price_details\":{\"price\":\"price_1\",\"product\":"
			 "\"prod_1\"}},"
			 "\"parent\":{\"type\":\"subscription_item_details\",\"subscription_item_details\":{"
			 "\"subscription\":"
			 "\"%.*s\",\"subscription_item\":\"si_1\"}},",
			 VIEW_FMT(i->subscription));
	else
		text_add(t,
			 "\"price\":{\"id\":\"price_1\",\"object\":\"price\"},\"subscription\":\"%.*s\",\"type\":"
			 "\"subscription\",",
			 VIEW_FMT(i->subscription));
	text_add(t, "\"object\":\"line_item\"}],\"has_more\":false,\"object\":\"list\"},");
	if (shape->basil) {
		text_add(t, "\"parent\":{\"type\":\"subscription_details\",\"subscription_details\":{");
		body_id(t, shape, "subscription", i->subscription, "subscription");
		text_add(t, "\"metadata\":{}}},");
	} else {
		body_id(t, shape, "subscription", i->subscription, "subscription");
	}
	if (i->status == INVOICE_PAID && i->payment.len) add_paid_by(t, shape, i->payment);
	text_add(t, "\"object\":\"invoice\"}");
}

/* What a refund and a dispute are of: the intent, if any, and a charge. */
static void add_payment_of(struct text *t, const struct body_shape *shape, struct view payment) {
	body_id(t, shape, "charge", is_charge(payment) ? payment : VIEW("ch_of_the_intent"), "charge");
	body_id(t, shape, "payment_intent", is_charge(payment) ? VIEW_NONE : payment, "payment_intent");
}

static void add_charge(struct text *t, const struct body_shape *shape, const struct payment_observation *p) {
	text_add(t, "{\"id\":\"%.*s\",\"amount\":%" PRId64 ",", VIEW_FMT(is_charge(p->id) ? p->id : VIEW("ch_1")),
		 p->amount);
	if (!shape->terse) text_add(t, "\"amount_captured\":%" PRId64 ",", p->amount);
	body_id(t, shape, "payment_intent", is_charge(p->id) ? VIEW_NONE : p->id, "payment_intent");
	body_id(t, shape, "customer", p->customer, "customer");
	/* since basil a charge does not know its invoice: this one is then of an older version */
	if (p->invoice.len || !shape->basil) body_id(t, shape, "invoice", p->invoice, "invoice");
	text_add(t,
		 "\"amount_refunded\":%" PRId64
		 ",\"captured\":true,\"refunds\":{\"data\":[{\"id\":\"re_1\",\"amount\":1,"
		 "\"status\":\"failed\",\"object\":\"refund\"}],\"has_more\":true},\"object\":\"charge\"}",
		 p->refunded);
}

/* One of Stripe's own statuses for each state; where there are several, which one is up to the amount. */
static const char *status_of(const struct reversal *r) {
	bool odd = r->amount & 1;
	switch (r->state) {
	case REFUND_PENDING:
		return odd ? "requires_action" : "pending";
	case REFUND_SUCCEEDED:
		return "succeeded";
	case REFUND_FAILED:
		return odd ? "canceled" : "failed";
	case DISPUTE_INQUIRY:
		return odd ? "warning_needs_response" : "warning_under_review";
	case DISPUTE_OPEN:
		return odd ? "needs_response" : "under_review";
	case DISPUTE_WON:
		return odd ? "warning_closed" : "won";
	case DISPUTE_LOST:
		return "lost";
	case REVERSAL_NONE:
	case REVERSAL_STATE_COUNT:
		break;
	}
	return "none";
}

static void add_reversal(struct text *t, const struct body_shape *shape, const struct payment_observation *p) {
	const struct reversal *r = &p->reversals[0];
	bool refund = reversal_is_refund(r->state);
	text_add(t, "{\"id\":\"%.*s\",\"amount\":%" PRId64 ",", VIEW_FMT(r->id), r->amount);
	if (!refund || r->state != REFUND_SUCCEEDED || !shape->terse) /* refunds of old have no status */
		text_add(t, "\"status\":\"%s\",", status_of(r));
	add_payment_of(t, shape, p->id);
	if (refund) body_id(t, shape, "customer", p->customer, "customer");
	text_add(t, "\"reason\":null,\"object\":\"%s\"}", refund ? "refund" : "dispute");
}

static void add_invoice_payment(struct text *t, const struct body_shape *shape, const struct payment_observation *p) {
	text_add(t, "{\"id\":\"inpay_1\",\"amount_paid\":%" PRId64 ",\"amount_requested\":%" PRId64 ",", p->amount,
		 p->amount + 1);
	body_id(t, shape, "invoice", p->invoice, "invoice");
	add_payment(t, shape, p->id);
	text_add(t, "\"is_default\":true,\"livemode\":false,\"status\":\"paid\",\"object\":\"invoice_payment\"}");
}

void body_payment(struct text *t, const struct body_shape *shape, const struct payment_observation *p) {
	if (p->has_charge)
		add_charge(t, shape, p);
	else if (p->reversal_count)
		add_reversal(t, shape, p);
	else
		add_invoice_payment(t, shape, p);
}
