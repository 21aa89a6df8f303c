/* A difference in words, and what it does to whose tier: told before anything is appended, so it is worked out as the
 * fold would, from the registers and the row that there are. Where that would take more than the row (a customer that
 * goes over to another subject, a refund), the tier after is left out: the worker will say it. */
#include <stdarg.h>
#include <stdio.h>

#include "base/parse.h"
#include "reconciler.h"
#include "service/clock.h"

struct words {
	char *at;
	size_t left;
};

static void say(struct words *w, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void say(struct words *w, const char *fmt, ...) {
	va_list args;
	va_start(args, fmt);
	int n = vsnprintf(w->at, w->left, fmt, args);
	va_end(args);
	size_t used = n < 0 ? 0 : (size_t)n < w->left ? (size_t)n : w->left - 1;
	w->at += used;
	w->left -= used;
}

static void say_time(struct words *w, const char *label, int64_t t) {
	char text[RFC3339_SIZE];
	if (!t) return;
	format_rfc3339(t, text);
	say(w, ", %s %s", label, text);
}

static void copy(char *into, size_t size, struct view v) { (void)snprintf(into, size, "%.*s", VIEW_FMT(v)); }

/* ---- subscriptions ---------------------------------------------------------------------- */

static void say_items(struct words *w, const struct item_set *set) {
	for (unsigned i = 0; i < set->count; i++) {
		const struct item *item = &set->items[i];
		struct view name = item->lookup_key.len ? item->lookup_key
				   : item->price.len    ? item->price
							: item->product;
		say(w, "%s%.*s x%llu", i ? " + " : ", ", VIEW_FMT(name), (unsigned long long)item->quantity);
	}
}

static void say_subscription(struct words *w, const struct subscription *s) {
	say(w, "%s", sub_status_name(s->status));
	say_items(w, &s->items);
	say_time(w, "until", s->period_end);
	if (s->cancel_at_period_end) say(w, ", cancels at period end");
	say_time(w, "cancels", s->cancel_at);
	if (s->collection_paused) say(w, ", collection paused");
	say_time(w, "ended", s->ended_at);
	if (s->subject.len) say(w, ", for %.*s", VIEW_FMT(s->subject));
}

/* The grant that the row would hold: what the register says now, and what else the old one knew. */
static void regrant(struct grant *g, const struct sub_register *reg) {
	if (!view_eq(g->event, sub_register_value(reg).seen->stamp.event)) g->invoice_paid = false;
	grant_set_subscription(g, reg);
}

static struct view tier_name(const struct catalog *c, const struct entitlement *e) { return c->tiers[e->tier].name; }

/* The subject's tier as its row is, and with this subscription as the register says; reg NULL: as it is. */
static struct view tier_with(struct reconciler *r, struct view row, const struct sub_register *reg, struct view id) {
	const struct catalog *c = catalog_file_get(r->catalog);
	struct subject_row rows;
	struct entitlement e;
	struct grant g;
	struct override o;
	bool there = false;
	entitlement_begin(&e, c, wall_s());
	if (row.len && subject_row_open(row, &rows) == OK) {
		entitlement_known(&e);
		while (subject_row_next(&rows, &g)) {
			if (reg && view_eq(g.subscription, id)) {
				regrant(&g, reg);
				there = true;
			}
			entitlement_add(&e, &g);
		}
		while (subject_row_next_override(&rows, &o)) entitlement_add_override(&e, &o);
	}
	if (reg && !there) {
		g = (struct grant){0};
		regrant(&g, reg);
		entitlement_add(&e, &g);
	}
	entitlement_end(&e);
	return tier_name(c, &e);
}

static struct view subject_of(struct reconciler *r, const struct scope *scope, struct view customer,
			      struct view claim) {
	struct customer_register reg;
	if (look_customer(r->look, scope, customer, &reg) == OK) return customer_register_subject(&reg, customer);
	return claim_valid(claim, customer) ? claim : customer;
}

static void describe_subscription(struct reconciler *r, const struct observation *o, struct drift *d) {
	static struct sub_register stored, seen; /* large; one thread */
	const struct subscription *s = &o->of.subscription.now;
	struct words stripe = {d->stripe, sizeof d->stripe}, store = {d->store, sizeof d->store};
	struct view row = VIEW_NONE;
	say_subscription(&stripe, s);
	bool known = look_sub(r->look, &o->scope, s->id, &stored) == OK;
	if (known)
		say_subscription(&store, &sub_register_value(&stored).seen->sub);
	else
		say(&store, "not known");
	if (known && sub_register_value(&stored).unconfirmed) say(&store, " (unconfirmed)");
	struct view subject = subject_of(r, &o->scope, s->customer, s->subject);
	copy(d->subject, sizeof d->subject, subject);
	(void)!look_subject(r->look, &o->scope, subject, &row);
	copy(d->before, sizeof d->before, tier_with(r, row, NULL, s->id));
	sub_register_observe(&seen, &o->stamp, &o->of.subscription);
	if (known) sub_register_join(&seen, &stored);
	copy(d->after, sizeof d->after, tier_with(r, row, &seen, s->id));
}

/* ---- the others --------------------------------------------------------------------------- */

static void say_tier(struct reconciler *r, const struct scope *scope, struct view subject, struct drift *d) {
	struct view row = VIEW_NONE;
	copy(d->subject, sizeof d->subject, subject);
	(void)!look_subject(r->look, scope, subject, &row);
	copy(d->before, sizeof d->before, tier_with(r, row, NULL, VIEW_NONE));
}

static void describe_customer(struct reconciler *r, const struct observation *o, struct drift *d) {
	const struct customer_observation *c = &o->of.customer;
	struct words stripe = {d->stripe, sizeof d->stripe}, store = {d->store, sizeof d->store};
	struct customer_register reg;
	if (c->deleted)
		say(&stripe, "deleted");
	else if (c->subject.len)
		say(&stripe, "for %.*s", VIEW_FMT(c->subject));
	else
		say(&stripe, "for nobody by name");
	struct view subject = claim_valid(c->subject, c->id) ? c->subject : c->id;
	if (look_customer(r->look, &o->scope, c->id, &reg) == OK) {
		struct view bound = customer_register_subject(&reg, c->id);
		say(&store, "for %.*s%s", VIEW_FMT(bound), reg.deleted ? ", deleted" : "");
		if (c->deleted) subject = bound;
	} else {
		say(&store, "not known");
	}
	say_tier(r, &o->scope, subject, d);
}

static void describe_checkout(struct reconciler *r, const struct observation *o, struct drift *d) {
	const struct checkout_observation *c = &o->of.checkout;
	struct words stripe = {d->stripe, sizeof d->stripe}, store = {d->store, sizeof d->store};
	say(&stripe, "binds %.*s to %.*s", VIEW_FMT(c->customer), VIEW_FMT(c->subject));
	struct view bound = subject_of(r, &o->scope, c->customer, VIEW_NONE);
	say(&store, "%.*s is bound to %.*s", VIEW_FMT(c->customer), VIEW_FMT(bound));
	say_tier(r, &o->scope, c->subject.len ? c->subject : bound, d);
}

static void describe_payment(struct reconciler *r, const struct observation *o, struct drift *d) {
	const struct payment_observation *p = &o->of.payment;
	struct words stripe = {d->stripe, sizeof d->stripe}, store = {d->store, sizeof d->store};
	struct payment_register reg;
	say(&stripe, "payment %.*s", VIEW_FMT(p->id));
	for (unsigned i = 0; i < p->reversal_count; i++)
		say(&stripe, ", %.*s %s of %lld", VIEW_FMT(p->reversals[i].id),
		    reversal_state_name(p->reversals[i].state), (long long)p->reversals[i].amount);
	if (look_payment(r->look, &o->scope, p->id, &reg) != OK) {
		say(&store, "not known");
		if (p->customer.len) say_tier(r, &o->scope, subject_of(r, &o->scope, p->customer, VIEW_NONE), d);
		return;
	}
	say(&store, "%u of it", reg.reversal_count);
	for (unsigned i = 0; i < reg.reversal_count; i++)
		say(&store, ", %.*s %s", VIEW_FMT(reg.reversals[i].reversal.id),
		    reversal_state_name(reg.reversals[i].reversal.state));
	struct view customer = reg.customer.len ? reg.customer : p->customer;
	if (customer.len) say_tier(r, &o->scope, subject_of(r, &o->scope, customer, VIEW_NONE), d);
}

static void describe_schedule(struct reconciler *r, const struct observation *o, struct drift *d) {
	const struct schedule *s = &o->of.schedule;
	struct words stripe = {d->stripe, sizeof d->stripe}, store = {d->store, sizeof d->store};
	static struct schedule_register reg; /* large; one thread */
	say(&stripe, "%s, %u phases", schedule_status_name(s->status), s->phase_count);
	if (look_schedule(r->look, &o->scope, s->id, &reg) == OK)
		say(&store, "%s, %u phases", schedule_status_name(reg.schedule.status), reg.schedule.phase_count);
	else
		say(&store, "not known");
	if (s->customer.len) say_tier(r, &o->scope, subject_of(r, &o->scope, s->customer, VIEW_NONE), d);
}

void drift_describe(struct reconciler *r, const struct observation *o, struct drift *d) {
	*d = (struct drift){0};
	switch (o->kind) {
	case OBSERVE_SUBSCRIPTION:
		describe_subscription(r, o, d);
		break;
	case OBSERVE_CUSTOMER:
		describe_customer(r, o, d);
		break;
	case OBSERVE_CHECKOUT:
		describe_checkout(r, o, d);
		break;
	case OBSERVE_PAYMENT:
		describe_payment(r, o, d);
		break;
	case OBSERVE_SCHEDULE:
		describe_schedule(r, o, d);
		break;
	case OBSERVE_NOTHING:
	case OBSERVE_INVOICE:
	case OBSERVE_OVERRIDE:
	case OBSERVE_MARK:
		break;
	}
}
