/* A grant from the registers behind it: the subscription, payments and the schedule. */
#include "domain/entitlement.h"

void grant_set_subscription(struct grant *g, const struct sub_register *r) {
	const struct sub_value value = sub_register_value(r);
	const struct subscription *s = &value.seen->sub;
	g->subscription = s->id;
	g->event = value.seen->stamp.event;
	g->status = s->status;
	g->cancel_at_period_end = s->cancel_at_period_end;
	g->collection_paused = s->collection_paused;
	g->unconfirmed = value.unconfirmed;
	g->created = s->created;
	g->seen = value.seen->stamp.created;
	g->period_start = s->period_start;
	g->period_end = s->period_end;
	g->trial_end = s->trial_end;
	g->cancel_at = s->cancel_at;
	g->ended_at = s->ended_at;
	g->unpaid_since = value.unpaid_since;
	g->items = s->items;
	g->earlier_count = 0;
	for (unsigned i = 0; i < r->price_count; i++)
		if (item_set_cmp(&r->prices[i].set, &s->items) != 0) g->earlier[g->earlier_count++] = r->prices[i];
}

/* Whether a payment that says this explains more than those so far: a dispute that is open does, then what lasts
 * longest; the event's id makes the order total. */
static bool explains(const struct grant *g, const struct payment_value *v, int64_t until) {
	if (v->disputed != g->disputed) return v->disputed;
	if (!v->disputed) {
		int64_t now = g->refunded_until > g->dispute_lost_until ? g->refunded_until : g->dispute_lost_until;
		if (until != now) return until > now;
	}
	return view_cmp(v->event, g->reversal_event) > 0;
}

void grant_add_payment(struct grant *g, const struct payment_value *v, int64_t period_end) {
	if (!v->disputed && !v->dispute_lost && !v->refunded) return;
	if (period_end == 0) period_end = g->period_end;
	if (explains(g, v, period_end)) g->reversal_event = v->event;
	g->disputed |= v->disputed;
	if (v->dispute_lost && period_end > g->dispute_lost_until) g->dispute_lost_until = period_end;
	if (v->refunded && period_end > g->refunded_until) g->refunded_until = period_end;
}

static const struct item *same_price(const struct item_set *set, struct view price) {
	for (unsigned i = 0; i < set->count; i++)
		if (view_eq(set->items[i].price, price)) return &set->items[i];
	return NULL;
}

/* A schedule names prices alone: what the subscription was seen with tells their products. */
static void complete(struct item *item, const struct grant *g) {
	if (item->price.len == 0 || item->product.len || item->lookup_key.len) return;
	const struct item *known = same_price(&g->items, item->price);
	for (unsigned i = 0; i < g->earlier_count && !known; i++) known = same_price(&g->earlier[i].set, item->price);
	if (!known) return;
	item->product = known->product;
	item->lookup_key = known->lookup_key;
}

void grant_set_schedule(struct grant *g, const struct schedule *s) {
	g->phase_count = 0;
	g->schedule_ends = 0;
	if (!s || s->status != SCHEDULE_ACTIVE || s->phase_count == 0) return;
	/* one that was seen alive after its schedule's end has another schedule by now, or none */
	const int64_t end = s->phases[s->phase_count - 1].end;
	if (s->ends_subscription && end > g->seen) g->schedule_ends = end;
	for (unsigned i = 0; i < s->phase_count; i++) {
		const struct schedule_phase *p = &s->phases[i];
		const int64_t last = g->phase_count ? g->phases[g->phase_count - 1].start : g->seen;
		if (p->start <= g->seen || p->start < last) continue;
		/* of two that start together the first has no time at all */
		if (g->phase_count && p->start == last) g->phase_count--;
		if (g->phase_count == GRANT_PHASES_MAX) break;
		struct grant_phase *into = &g->phases[g->phase_count++];
		into->start = p->start;
		into->items = p->items;
		for (unsigned k = 0; k < into->items.count; k++) complete(&into->items.items[k], g);
		item_set_sort(&into->items);
	}
}
