#include "explain.h"

#include "value.h"

static json_t *items_json(const struct item_set *set) {
	json_t *items = json_array();
	for (unsigned i = 0; i < set->count; i++) {
		const struct item *item = &set->items[i];
		json_t *o = json_object();
		json_object_set_new(o, "price", text_json(item->price));
		if (item->product.len) json_object_set_new(o, "product", text_json(item->product));
		if (item->lookup_key.len) json_object_set_new(o, "lookup_key", text_json(item->lookup_key));
		json_object_set_new(o, "quantity", u64_json(item->quantity));
		json_array_append_new(items, o);
	}
	return items;
}

static json_t *seen_json(const struct sub_seen *seen) {
	static const char *const ranks[] = {
		[RANK_CREATED] = "created", [RANK_UPDATED] = "updated", [RANK_DELETED] = "deleted"};
	json_t *o = json_object();
	json_object_set_new(o, "event", text_json(seen->stamp.event));
	json_object_set_new(o, "created", time_json(seen->stamp.created));
	json_object_set_new(o, "rank", json_string(ranks[seen->stamp.rank]));
	json_object_set_new(o, "status", json_string(sub_status_name(seen->sub.status)));
	return o;
}

static json_t *invoice_json(const struct explanation *x, struct view id) {
	struct invoice_register r;
	json_t *o = json_object();
	json_object_set_new(o, "id", text_json(id));
	if (look_invoice(x->look, &x->scope, id, &r) != OK || !r.known) return o;
	json_object_set_new(o, "status", json_string(invoice_status_name(r.invoice.status)));
	json_object_set_new(o, "event", text_json(r.stamp.event));
	return o;
}

/* The register behind the row: the events of the subscription's last second, and the one that ended it. */
static void add_register(const struct explanation *x, struct view id, json_t *o) {
	struct sub_register r;
	if (look_sub(x->look, &x->scope, id, &r) != OK) return;
	json_t *events = json_array();
	for (unsigned i = 0; i < r.latest_count; i++) json_array_append_new(events, seen_json(&r.latest[i]));
	json_object_set_new(o, "events", events);
	if (r.has_ended) json_object_set_new(o, "ended", seen_json(&r.ended));
	if (r.latest_count == 0) return;
	const struct subscription *s = &sub_register_value(&r).seen->sub;
	json_object_set_new(o, "customer", text_json(s->customer));
	if (s->latest_invoice.len) json_object_set_new(o, "latest_invoice", invoice_json(x, s->latest_invoice));
}

static void add_dates(const struct grant *g, json_t *o) {
	json_object_set_new(o, "period_start", time_json(g->period_start));
	json_object_set_new(o, "period_end", time_json(g->period_end));
	if (g->trial_end) json_object_set_new(o, "trial_end", time_json(g->trial_end));
	if (g->cancel_at) json_object_set_new(o, "cancel_at", time_json(g->cancel_at));
	if (g->ended_at) json_object_set_new(o, "ended_at", time_json(g->ended_at));
	if (g->unpaid_since) json_object_set_new(o, "unpaid_since", time_json(g->unpaid_since));
	if (g->cancel_at_period_end) json_object_set_new(o, "cancel_at_period_end", json_true());
	if (g->collection_paused) json_object_set_new(o, "collection_paused", json_true());
	if (g->unconfirmed) json_object_set_new(o, "unconfirmed", json_true());
}

/* What its payments say: what went back, or is disputed. */
static void add_reversals(const struct grant *g, json_t *o) {
	if (g->disputed) json_object_set_new(o, "disputed", json_true());
	if (g->refunded_until) json_object_set_new(o, "refunded_until", time_json(g->refunded_until));
	if (g->dispute_lost_until) json_object_set_new(o, "dispute_lost_until", time_json(g->dispute_lost_until));
	if (g->reversal_event.len) json_object_set_new(o, "reversal_event", text_json(g->reversal_event));
}

/* Its schedule's phases that are to come. */
static void add_schedule(const struct grant *g, json_t *o) {
	if (g->phase_count == 0 && !g->schedule_ends) return;
	json_t *schedule = json_object(), *phases = json_array();
	for (unsigned i = 0; i < g->phase_count; i++) {
		json_t *phase = json_object();
		json_object_set_new(phase, "start", time_json(g->phases[i].start));
		json_object_set_new(phase, "items", items_json(&g->phases[i].items));
		json_array_append_new(phases, phase);
	}
	json_object_set_new(schedule, "phases", phases);
	json_object_set_new(schedule, "ends", time_json(g->schedule_ends));
	json_object_set_new(o, "schedule", schedule);
}

json_t *explain_subscription(const struct explanation *x, const struct grant *g) {
	struct verdict v = grant_verdict(g, x->catalog, x->at);
	json_t *o = json_object();
	json_object_set_new(o, "id", text_json(g->subscription));
	json_object_set_new(o, "status", json_string(sub_status_name(g->status)));
	json_object_set_new(o, "event", text_json(g->event));
	json_object_set_new(o, "seen", time_json(g->seen));
	json_object_set_new(o, "grants", json_boolean(v.grants));
	json_object_set_new(o, "tier", v.tier >= 0 ? text_json(x->catalog->tiers[v.tier].name) : json_null());
	json_object_set_new(o, "reason", json_string(reason_name(v.reason)));
	json_object_set_new(o, "rule", json_string(rule_sentence(v.rule)));
	json_object_set_new(o, "until", time_json(v.until));
	if (v.stale) json_object_set_new(o, "stale", json_true());
	if (v.unmapped) json_object_set_new(o, "unmapped", json_true());
	add_dates(g, o);
	json_object_set_new(o, "items", items_json(&g->items));
	add_reversals(g, o);
	add_schedule(g, o);
	add_register(x, g->subscription, o);
	return o;
}

json_t *explain_customer(const struct explanation *x, struct view id) {
	json_t *o = json_object(), *claims = json_array();
	json_object_set_new(o, "id", text_json(id));
	json_object_set_new(o, "claims", claims);
	struct customer_register r;
	if (look_customer(x->look, &x->scope, id, &r) != OK) return o;
	for (unsigned i = 0; i < r.claim_count; i++) {
		const struct claim *claim = &r.claims[i];
		json_t *one = json_object();
		json_object_set_new(one, "sub", text_json(claim->subject));
		json_object_set_new(one, "event", text_json(claim->event));
		json_object_set_new(one, "seen", time_json(claim->seen));
		json_array_append_new(claims, one);
	}
	if (r.deleted) json_object_set_new(o, "deleted_event", text_json(r.deleted_event));
	return o;
}
