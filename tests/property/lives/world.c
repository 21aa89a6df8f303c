#include "lives/life.h"

static void claim(struct world *w, struct view customer, struct view subject, bool is_new, const struct stamp *stamp) {
	int i = life_customer_index(customer);
	if (i < 0 || !claim_valid(subject, customer)) return;
	w->customer_known[i] = true;
	customer_register_claim(&w->customers[i], subject, is_new, false, stamp);
}

/* A payment as one observation shows it. */
static void apply_payment(struct world *w, const struct payment_observation *p, const struct stamp *stamp) {
	struct payment_register just = {0};
	int i = life_payment_index(p->id);
	if (i < 0) return;
	payment_register_observe(&just, stamp, p);
	payment_register_join(&w->payments[i], &just);
	w->payment_known[i] = true;
}

static void apply_invoice(struct world *w, const struct observation *o) {
	const struct invoice *invoice = &o->of.invoice;
	struct invoice_register just = {0};
	int i = life_invoice_index(invoice->id);
	if (i < 0) return;
	invoice_register_observe(&just, &o->stamp, invoice);
	invoice_register_join(&w->invoices[i], &just);
	const struct payment_observation link = {
		.id = invoice->payment, .invoice = invoice->id, .customer = invoice->customer};
	if (invoice->payment.len) apply_payment(w, &link, &o->stamp);
}

static void apply_schedule(struct world *w, const struct observation *o) {
	static struct schedule_register just;
	int i = life_schedule_index(o->of.schedule.id);
	if (i < 0) return;
	just = (struct schedule_register){0};
	schedule_register_observe(&just, &o->stamp, &o->of.schedule);
	schedule_register_join(&w->schedules[i], &just);
}

static void apply_override(struct world *w, const struct observation *o) {
	struct override_register just = {0};
	int i = life_override_index(o->of.override.id);
	if (i < 0) return;
	override_register_observe(&just, &o->stamp, &o->of.override);
	override_register_join(&w->overrides[i], &just);
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
	const struct customer_observation *c = &o->of.customer;
	bool valid = claim_valid(c->subject, c->id), standing = !c->deleted;
	w->customer_known[i] = true;
	if (c->deleted) customer_register_delete(&w->customers[i], &o->stamp);
	if (valid)
		customer_register_claim(&w->customers[i], c->subject, c->new_claim, standing, &o->stamp);
	else if (standing)
		customer_register_claim(&w->customers[i], VIEW_NONE, c->claim_gone, true, &o->stamp);
}

void world_apply(struct world *w, const struct observation *o) {
	switch (o->kind) {
	case OBSERVE_SCHEDULE:
		apply_schedule(w, o);
		break;
	case OBSERVE_PAYMENT:
		apply_payment(w, &o->of.payment, &o->stamp);
		break;
	case OBSERVE_OVERRIDE:
		apply_override(w, o);
		break;
	case OBSERVE_MARK:
	case OBSERVE_NOTHING:
		break;
	case OBSERVE_SUBSCRIPTION:
		apply_subscription(w, o);
		break;
	case OBSERVE_CUSTOMER:
		apply_customer(w, o);
		break;
	case OBSERVE_CHECKOUT: {
		struct stamp claimed = o->stamp;
		if (o->of.checkout.claimed) claimed.created = o->of.checkout.claimed;
		claim(w, o->of.checkout.customer, o->of.checkout.subject, true, &claimed);
		break;
	}
	case OBSERVE_INVOICE:
		apply_invoice(w, o);
		break;
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
	for (unsigned i = 0; i < LIFE_INVOICES_MAX; i++) {
		invoice_register_join(&into->invoices[i], &other->invoices[i]);
		payment_register_join(&into->payments[i], &other->payments[i]);
		into->payment_known[i] = into->payment_known[i] || other->payment_known[i];
	}
	for (unsigned i = 0; i < LIFE_SCHEDULES_MAX; i++)
		schedule_register_join(&into->schedules[i], &other->schedules[i]);
	for (unsigned i = 0; i < LIFE_OVERRIDES_MAX; i++)
		override_register_join(&into->overrides[i], &other->overrides[i]);
}

void world_print(struct text *t, const struct world *w) {
	text_clear(t);
	for (unsigned i = 0; i < LIFE_SUBS_MAX; i++)
		if (w->sub_known[i]) print_sub_register(t, &w->subs[i]);
	for (unsigned i = 0; i < LIFE_CUSTOMERS_MAX; i++)
		if (w->customer_known[i]) print_customer_register(t, &w->customers[i]);
	for (unsigned i = 0; i < LIFE_INVOICES_MAX; i++)
		if (w->invoices[i].known) print_invoice_register(t, &w->invoices[i]);
	for (unsigned i = 0; i < LIFE_INVOICES_MAX; i++)
		if (w->payment_known[i]) print_payment_register(t, &w->payments[i]);
	for (unsigned i = 0; i < LIFE_SCHEDULES_MAX; i++)
		if (w->schedules[i].known) print_schedule_register(t, &w->schedules[i]);
	for (unsigned i = 0; i < LIFE_OVERRIDES_MAX; i++) print_override_register(t, &w->overrides[i]);
}

/* Is this invoice known, and the subscription's and its customer's? */
static const struct invoice *own_invoice(const struct world *w, struct view id, const struct subscription *s) {
	int i = life_invoice_index(id);
	if (i < 0 || !w->invoices[i].known || !view_eq(w->invoices[i].invoice.customer, s->customer)) return NULL;
	return &w->invoices[i].invoice;
}

static void add_payments(const struct world *w, const struct subscription *s, struct grant *g) {
	for (unsigned i = 0; i < LIFE_INVOICES_MAX; i++) {
		if (!w->payment_known[i]) continue;
		const struct invoice *paid = own_invoice(w, w->payments[i].invoice, s);
		const struct payment_value v = payment_register_value(&w->payments[i]);
		if (paid && view_eq(paid->subscription, s->id)) grant_add_payment(g, &v, paid->period_end);
	}
}

static void add_schedule(const struct world *w, const struct subscription *s, struct grant *g) {
	int i = life_schedule_index(s->schedule);
	const struct schedule *schedule = i >= 0 && w->schedules[i].known ? &w->schedules[i].schedule : NULL;
	if (schedule && !view_eq(schedule->customer, s->customer)) schedule = NULL;
	if (schedule && schedule->subscription.len && !view_eq(schedule->subscription, s->id)) schedule = NULL;
	grant_set_schedule(g, schedule);
}

void world_grant(const struct world *w, unsigned sub, struct grant *ret_g) {
	const struct sub_register *r = &w->subs[sub];
	const struct sub_value v = sub_register_value(r);
	const struct subscription *s = &v.seen->sub;
	const struct invoice *latest = own_invoice(w, s->latest_invoice, s);
	int customer = life_customer_index(s->customer);
	*ret_g = (struct grant){.subscription = s->id,
				.event = v.seen->stamp.event,
				.status = s->status,
				.cancel_at_period_end = s->cancel_at_period_end,
				.collection_paused = s->collection_paused,
				.unconfirmed = v.unconfirmed,
				.invoice_paid = latest && latest->status == INVOICE_PAID,
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
	add_payments(w, s, ret_g);
	add_schedule(w, s, ret_g);
}

/* Whose is what was granted in this name? A customer's name stands for whom it pays for. */
static struct view owner(const struct world *w, struct view name) {
	int c = life_customer_index(name);
	return c >= 0 && w->customer_known[c] ? customer_register_subject(&w->customers[c], name) : name;
}

bool world_override(const struct world *w, unsigned override, struct view subject, struct override *ret_o) {
	const struct override_register *r = &w->overrides[override];
	if (!r->granted || r->revoked || !view_eq(owner(w, r->given.subject), subject)) return false;
	*ret_o = (struct override){r->given.id,    r->given.tier,  r->given.from,
				   r->given.until, r->stamp.event, r->stamp.created};
	return true;
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
	for (unsigned i = 0; i < LIFE_OVERRIDES_MAX; i++) {
		struct override o;
		if (world_override(w, i, subject, &o)) entitlement_add_override(&e, &o);
	}
	entitlement_end(&e);
	return e;
}
