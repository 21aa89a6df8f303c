/* Which events are of use, and what they show. https://docs.stripe.com/api/events/types
 *
 * Not here, and so counted by their type and passed over: price.* and product.* (the catalog is the operator's file);
 * invoice.created, .updated, .sent and .upcoming (no step of an invoice's life that matters; the last one
 * has no id); charge.succeeded and .updated (each payment has one, and only what goes back is of interest). */
#include "proto/stripe_decode.h"
#include "proto/stripe_object.h"

enum {
	CHARGE,
	CHECKOUT,
	CUSTOMER,
	DISPUTE,
	SUMMARY,
	INVOICE,
	INVOICE_PAYMENT,
	REFUND,
	SUBSCRIPTION,
	SCHEDULE,
	OBJECT_COUNT,
};

static const struct stripe_object objects[OBJECT_COUNT] = {
	[CHARGE] = {VIEW_INIT("charge"), OBSERVE_PAYMENT, FETCH_CHARGE, stripe_read_charge},
	[CHECKOUT] = {VIEW_INIT("checkout.session"), OBSERVE_CHECKOUT, FETCH_CHECKOUT, stripe_read_checkout},
	[CUSTOMER] = {VIEW_INIT("customer"), OBSERVE_CUSTOMER, FETCH_CUSTOMER, stripe_read_customer},
	[DISPUTE] = {VIEW_INIT("dispute"), OBSERVE_PAYMENT, FETCH_DISPUTE, stripe_read_dispute},
	[SUMMARY] = {VIEW_INIT("entitlements.active_entitlement_summary"), OBSERVE_NOTHING, FETCH_NOTHING,
		     stripe_read_summary},
	[INVOICE] = {VIEW_INIT("invoice"), OBSERVE_INVOICE, FETCH_INVOICE, stripe_read_invoice},
	[INVOICE_PAYMENT] = {VIEW_INIT("invoice_payment"), OBSERVE_PAYMENT, FETCH_INVOICE_PAYMENT,
			     stripe_read_invoice_payment},
	[REFUND] = {VIEW_INIT("refund"), OBSERVE_PAYMENT, FETCH_REFUND, stripe_read_refund},
	[SUBSCRIPTION] = {VIEW_INIT("subscription"), OBSERVE_SUBSCRIPTION, FETCH_SUBSCRIPTION,
			  stripe_read_subscription},
	[SCHEDULE] = {VIEW_INIT("subscription_schedule"), OBSERVE_SCHEDULE, FETCH_SCHEDULE, stripe_read_schedule},
};

/* In the order of view_cmp, for the search below. */
static const struct stripe_type types[] = {
#define X(name, object, rank)                                                                                          \
	{ VIEW_INIT(name), &objects[object], rank }
	X("charge.dispute.closed", DISPUTE, RANK_UPDATED),
	X("charge.dispute.created", DISPUTE, RANK_CREATED),
	X("charge.dispute.funds_reinstated", DISPUTE, RANK_UPDATED),
	X("charge.dispute.funds_withdrawn", DISPUTE, RANK_UPDATED),
	X("charge.dispute.updated", DISPUTE, RANK_UPDATED),
	X("charge.refund.updated", REFUND, RANK_UPDATED),
	X("charge.refunded", CHARGE, RANK_UPDATED),
	X("checkout.session.async_payment_failed", CHECKOUT, RANK_UPDATED),
	X("checkout.session.async_payment_succeeded", CHECKOUT, RANK_UPDATED),
	X("checkout.session.completed", CHECKOUT, RANK_UPDATED),
	X("checkout.session.expired", CHECKOUT, RANK_UPDATED),
	X("customer.created", CUSTOMER, RANK_CREATED),
	X("customer.deleted", CUSTOMER, RANK_DELETED),
	X("customer.subscription.created", SUBSCRIPTION, RANK_CREATED),
	X("customer.subscription.deleted", SUBSCRIPTION, RANK_DELETED),
	X("customer.subscription.paused", SUBSCRIPTION, RANK_UPDATED),
	X("customer.subscription.pending_update_applied", SUBSCRIPTION, RANK_UPDATED),
	X("customer.subscription.pending_update_expired", SUBSCRIPTION, RANK_UPDATED),
	X("customer.subscription.resumed", SUBSCRIPTION, RANK_UPDATED),
	X("customer.subscription.trial_will_end", SUBSCRIPTION, RANK_UPDATED),
	X("customer.subscription.updated", SUBSCRIPTION, RANK_UPDATED),
	X("customer.updated", CUSTOMER, RANK_UPDATED),
	X("entitlements.active_entitlement_summary.updated", SUMMARY, RANK_UPDATED),
	X("invoice.finalization_failed", INVOICE, RANK_UPDATED),
	X("invoice.finalized", INVOICE, RANK_UPDATED),
	X("invoice.marked_uncollectible", INVOICE, RANK_UPDATED),
	X("invoice.overdue", INVOICE, RANK_UPDATED),
	X("invoice.overpaid", INVOICE, RANK_UPDATED),
	X("invoice.paid", INVOICE, RANK_UPDATED),
	X("invoice.payment_action_required", INVOICE, RANK_UPDATED),
	X("invoice.payment_attempt_required", INVOICE, RANK_UPDATED),
	X("invoice.payment_failed", INVOICE, RANK_UPDATED),
	X("invoice.payment_succeeded", INVOICE, RANK_UPDATED),
	X("invoice.voided", INVOICE, RANK_UPDATED),
	X("invoice.will_be_due", INVOICE, RANK_UPDATED),
	X("invoice_payment.created", INVOICE_PAYMENT, RANK_CREATED),
	X("invoice_payment.paid", INVOICE_PAYMENT, RANK_UPDATED),
	X("invoice_payment.updated", INVOICE_PAYMENT, RANK_UPDATED),
	X("refund.created", REFUND, RANK_CREATED),
	X("refund.failed", REFUND, RANK_UPDATED),
	X("refund.updated", REFUND, RANK_UPDATED),
	X("subscription_schedule.aborted", SCHEDULE, RANK_UPDATED),
	X("subscription_schedule.canceled", SCHEDULE, RANK_UPDATED),
	X("subscription_schedule.completed", SCHEDULE, RANK_UPDATED),
	X("subscription_schedule.created", SCHEDULE, RANK_CREATED),
	X("subscription_schedule.expiring", SCHEDULE, RANK_UPDATED),
	X("subscription_schedule.released", SCHEDULE, RANK_UPDATED),
	X("subscription_schedule.updated", SCHEDULE, RANK_UPDATED),
#undef X
};

struct view stripe_event_type(unsigned i) {
	return i < ARRAY_LEN(types) ? types[i].name : VIEW_NONE;
}

const struct stripe_object *stripe_object_named(struct view name) {
	for (size_t i = 0; i < OBJECT_COUNT; i++)
		if (view_eq(objects[i].name, name)) return &objects[i];
	return NULL;
}

const struct stripe_type *stripe_type_named(struct view name) {
	size_t from = 0, to = ARRAY_LEN(types);
	while (from < to) {
		size_t middle = from + (to - from) / 2;
		int c = view_cmp(name, types[middle].name);
		if (!c) return &types[middle];
		if (c < 0)
			to = middle;
		else
			from = middle + 1;
	}
	return NULL;
}

void stripe_ask(struct observation *o, enum fetch_kind kind, struct view id) {
	if (kind == FETCH_NOTHING || !id.len || o->fetch_count == OBSERVATION_FETCHES_MAX) return;
	o->fetches[o->fetch_count++] = (struct fetch){kind, id};
}
