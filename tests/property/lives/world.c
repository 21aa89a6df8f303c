#include "lives/life.h"

static void claim(struct world *w, struct view customer, struct view subject, bool is_new, const struct stamp *stamp) {
	int i = life_customer_index(customer);
	if (i < 0 || !claim_valid(subject, customer)) return;
	w->customer_known[i] = true;
	customer_register_claim(&w->customers[i], subject, is_new, false, stamp);
}

static void apply_subscription(struct world *w, const struct observation *o) {
	const struct subscription_observation *s = &o->of.subscription;
	int i = life_sub_index(s->now.id);
	if (i < 0) return;
	struct sub_register just = {0};
	sub_register_observe(&just, &o->stamp, s);
	sub_register_join(&w->subs[i], &just);
	w->sub_known[i] = true;
	claim(w, s->now.customer, s->now.subject, s->new_claim, &o->stamp);
}

static void apply_customer(struct world *w, const struct observation *o) {
	int i = life_customer_index(o->of.customer.id);
	if (i < 0) return;
	w->customer_known[i] = true;
	if (o->of.customer.deleted) customer_register_delete(&w->customers[i], &o->stamp);
	claim(w, o->of.customer.id, o->of.customer.subject, o->of.customer.new_claim, &o->stamp);
}

void world_apply(struct world *w, const struct observation *o) {
	switch (o->kind) {
	case OBSERVE_SCHEDULE:
	case OBSERVE_PAYMENT:
	case OBSERVE_OVERRIDE:
	case OBSERVE_MARK:
	case OBSERVE_NOTHING:
		break;
	case OBSERVE_SUBSCRIPTION:
		apply_subscription(w, o);
		break;
	case OBSERVE_CUSTOMER:
		apply_customer(w, o);
		break;
	case OBSERVE_CHECKOUT:
		claim(w, o->of.checkout.customer, o->of.checkout.subject, true, &o->stamp);
		break;
	case OBSERVE_INVOICE: {
		int i = life_invoice_index(o->of.invoice.id);
		struct invoice_register just = {0};
		if (i < 0) break;
		invoice_register_observe(&just, &o->stamp, &o->of.invoice);
		invoice_register_join(&w->invoices[i], &just);
		break;
	}
	}
}

void world_join(struct world *into, const struct world *other) {
	for (unsigned i = 0; i < LIFE_SUBS_MAX; i++) {
		if (!other->sub_known[i]) continue;
		into->sub_known[i] = true;
		sub_register_join(&into->subs[i], &other->subs[i]);
	}
	for (unsigned i = 0; i < LIFE_CUSTOMERS_MAX; i++) {
		into->customer_known[i] = into->customer_known[i] || other->customer_known[i];
		customer_register_join(&into->customers[i], &other->customers[i]);
	}
	for (unsigned i = 0; i < LIFE_INVOICES_MAX; i++) invoice_register_join(&into->invoices[i], &other->invoices[i]);
}

void world_print(struct text *t, const struct world *w) {
	text_clear(t);
	for (unsigned i = 0; i < LIFE_SUBS_MAX; i++)
		if (w->sub_known[i]) print_sub_register(t, &w->subs[i]);
	for (unsigned i = 0; i < LIFE_CUSTOMERS_MAX; i++)
		if (w->customer_known[i]) print_customer_register(t, &w->customers[i]);
	for (unsigned i = 0; i < LIFE_INVOICES_MAX; i++)
		if (w->invoices[i].known) print_invoice_register(t, &w->invoices[i]);
}

void world_grant(const struct world *w, unsigned sub, struct grant *ret_g) {
	const struct sub_register *r = &w->subs[sub];
	const struct sub_value v = sub_register_value(r);
	const struct subscription *s = &v.seen->sub;
	int customer = life_customer_index(s->customer), invoice = life_invoice_index(s->latest_invoice);
	*ret_g = (struct grant){.subscription = s->id,
				.event = v.seen->stamp.event,
				.status = s->status,
				.cancel_at_period_end = s->cancel_at_period_end,
				.collection_paused = s->collection_paused,
				.unconfirmed = v.unconfirmed,
				.invoice_paid = invoice >= 0 && w->invoices[invoice].known &&
						w->invoices[invoice].invoice.status == INVOICE_PAID,
				.customer_deleted = customer >= 0 && w->customers[customer].deleted,
				.created = s->created,
				.seen = v.seen->stamp.created,
				.period_start = s->period_start,
				.period_end = s->period_end,
				.trial_end = s->trial_end,
				.cancel_at = s->cancel_at,
				.ended_at = s->ended_at,
				.unpaid_since = v.unpaid_since,
				.items = s->items};
	for (unsigned i = 0; i < r->price_count; i++)
		if (item_set_cmp(&r->prices[i].set, &s->items) != 0)
			ret_g->earlier[ret_g->earlier_count++] = r->prices[i];
}

struct entitlement world_entitlement(const struct world *w, const struct catalog *catalog, int64_t now,
				     struct view subject) {
	struct entitlement e;
	entitlement_begin(&e, catalog, now);
	for (unsigned i = 0; i < LIFE_SUBS_MAX; i++) {
		if (!w->sub_known[i]) continue;
		struct grant g;
		world_grant(w, i, &g);
		struct view customer = sub_register_value(&w->subs[i]).seen->sub.customer;
		int c = life_customer_index(customer);
		struct view bound = c >= 0 ? customer_register_subject(&w->customers[c], customer) : customer;
		if (view_eq(bound, subject)) entitlement_add(&e, &g);
	}
	entitlement_end(&e);
	return e;
}
