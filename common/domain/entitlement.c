#include "domain/entitlement.h"

static const char *const reasons[] = {
#define X(symbol, name) [symbol] = name,
	REASON_TABLE(X)
#undef X
};

const char *reason_name(enum reason r) { return reasons[r < REASON_COUNT ? r : REASON_NO_SUBSCRIPTION]; }

static const char *const rules[] = {
#define X(symbol, sentence) [symbol] = sentence,
	RULE_TABLE(X)
#undef X
};

const char *rule_sentence(enum rule r) { return rules[r < RULE_COUNT ? r : RULE_NONE]; }

void entitlement_begin(struct entitlement *e, const struct catalog *c, int64_t now) {
	*e = (struct entitlement){
		.reason = REASON_UNKNOWN_SUBJECT, .rule = RULE_NONE, .blocked_tier = -1, .catalog = c, .now = now};
}

void entitlement_known(struct entitlement *e) {
	e->known = true;
	if (e->reason == REASON_UNKNOWN_SUBJECT) e->reason = REASON_NO_SUBSCRIPTION;
}

/* Which of two reasons for a block helps more: what the customer can mend himself comes first. */
static int block_weight(enum reason r) {
	switch ((int)r) {
	case REASON_PAST_DUE:
		return 6;
	case REASON_UNPAID:
		return 5;
	case REASON_INCOMPLETE:
		return 4;
	case REASON_PAUSED:
		return 3;
	case REASON_DISPUTED:
		return 2;
	case REASON_REFUNDED:
		return 1;
	default:
		return 0; /* ended: nothing is blocked */
	}
}

static void add_block(struct entitlement *e, const struct verdict *v) {
	if (block_weight(v->reason) == 0 || v->tier < 0) return;
	if (v->tier < e->blocked_tier) return;
	if (v->tier == e->blocked_tier && block_weight(v->reason) <= block_weight(e->blocked_reason)) return;
	e->blocked_tier = v->tier;
	e->blocked_reason = v->reason;
}

/* The earlier of two moments, where 0 means never. */
static int64_t earlier(int64_t a, int64_t b) {
	if (a == 0 || b == 0) return a + b;
	return a < b ? a : b;
}

static void add_billing(struct entitlement *e, const struct grant *g, const struct verdict *v) {
	int64_t canceled = grant_cancel_date(g, &e->catalog->policies);
	int64_t next = g->status == SUB_TRIALING && g->trial_end ? g->trial_end : g->period_end;
	if (!v->grants || next <= e->now || (canceled && canceled <= next)) return;
	e->next_billing = earlier(e->next_billing, next);
	e->changes_at = earlier(e->changes_at, next);
}

static void add_seats(struct entitlement *e, const struct verdict *v) {
	for (unsigned i = 0; v->grants && i < v->items->count; i++) {
		const struct item *item = &v->items->items[i];
		if (!v->unmapped && catalog_item_tier(e->catalog, item) < 0) continue;
		e->seats = item->quantity > UINT64_MAX - e->seats ? UINT64_MAX : e->seats + item->quantity;
	}
}

/* Never ends beats a date, a later date beats an earlier one. */
static int until_cmp(int64_t a, int64_t b) {
	if (a == b) return 0;
	if (a == 0 || b == 0) return a == 0 ? 1 : -1;
	return a > b ? 1 : -1;
}

/* Does this item decide rather than the one so far? A subscription goes before an override that gives no more, so that
 * the answer has a status. */
static bool decides(const struct entitlement *e, struct view id, bool override, const struct verdict *v) {
	if (v->grants != e->granted) return v->grants;
	if (e->subscription.len == 0) return true;
	if (v->grants && (unsigned)v->tier != e->tier) return (unsigned)v->tier > e->tier;
	if (override != e->by_override) return e->by_override;
	if (v->grants) {
		int c = until_cmp(v->until, e->until);
		if (c) return c > 0;
		if (v->stale != e->stale) return e->stale;
	} else {
		int mine = block_weight(v->reason), theirs = block_weight(e->reason);
		if (mine != theirs) return mine > theirs;
	}
	return view_cmp(id, e->subscription) < 0;
}

/* What every verdict adds, whether it decides or not. */
static void add_verdict(struct entitlement *e, const struct verdict *v) {
	entitlement_known(e);
	e->changes_at = earlier(e->changes_at, v->changes_at);
	e->begins_at = earlier(e->begins_at, v->begins_at);
	if (!v->grants) return;
	if (!e->tier_granted[v->tier] || until_cmp(v->until, e->tier_until[v->tier]) > 0)
		e->tier_until[v->tier] = v->until;
	e->tier_granted[v->tier] = true;
}

static void decide_by(struct entitlement *e, const struct verdict *v) {
	e->granted = v->grants;
	e->tier = v->grants ? (unsigned)v->tier : 0;
	e->reason = v->reason;
	e->rule = v->rule;
	e->until = v->until;
	e->stale = v->stale;
}

static bool by_reversal(enum rule r) { return r == RULE_DISPUTED || r == RULE_DISPUTE_LOST || r == RULE_REFUNDED; }

void entitlement_add(struct entitlement *e, const struct grant *g) {
	const struct verdict v = grant_verdict(g, e->catalog, e->now);

	add_verdict(e, &v);
	add_billing(e, g, &v);
	add_seats(e, &v);
	if (v.grants && v.unmapped) e->unmapped = true;
	if (!v.grants) add_block(e, &v);
	if (!decides(e, g->subscription, false, &v)) return;
	decide_by(e, &v);
	e->by_override = false;
	e->status = g->status;
	e->subscription = g->subscription;
	e->event = by_reversal(v.rule) && g->reversal_event.len ? g->reversal_event : g->event;
	e->seen = g->seen;
	e->unconfirmed = g->unconfirmed;
}

void entitlement_add_override(struct entitlement *e, const struct override *o) {
	const struct verdict v = override_verdict(o, e->catalog, e->now);

	add_verdict(e, &v);
	if (!decides(e, o->id, true, &v)) return;
	decide_by(e, &v);
	e->by_override = true;
	e->status = SUB_NONE;
	e->subscription = o->id;
	e->event = o->event;
	e->seen = o->seen;
	e->unconfirmed = false;
}

void entitlement_end(struct entitlement *e) {
	/* a block that would give no more than what is granted explains nothing */
	if (e->granted && e->blocked_tier <= (int)e->tier) e->blocked_tier = -1;
	if (!e->granted) e->tier_granted[0] = true;
	/* an override may outlast the subscription that decides */
	e->until = e->tier_until[e->tier];
}

bool entitlement_has(const struct entitlement *e, unsigned feature) {
	for (unsigned tier = 0; tier < e->catalog->tier_count; tier++)
		if (e->tier_granted[tier] && catalog_tier_has(e->catalog, tier, feature)) return true;
	return false;
}

bool entitlement_adds(const struct entitlement *e, unsigned tier) {
	const struct catalog *c = e->catalog;
	uint64_t more = 0;
	if (!e->tier_granted[tier]) return false;
	for (unsigned i = 0; i < FEATURES_MAX / 64; i++)
		more |= c->tiers[tier].features[i] & ~c->tiers[e->tier].features[i];
	return more != 0;
}

static bool meets(const struct catalog *c, unsigned tier, struct requirement q) {
	if (q.tier >= 0) return tier >= (unsigned)q.tier;
	return catalog_tier_has(c, tier, (unsigned)q.feature);
}

/* When the answer may first change by itself. The lowest tier takes over when nothing grants any more. */
static int64_t decision_until(const struct entitlement *e, struct requirement q, bool allowed) {
	const struct catalog *c = e->catalog;
	bool met = false, lost = false; /* does a tier meet it, and one above it not? */
	int64_t enough = 0, any = 0;    /* when the last granted tier that meets it ends, and the last of all */
	bool has_enough = false, has_any = false;

	/* mostly: the tier does not end, and it alone decides */
	if (e->until == 0 && e->begins_at == 0 && meets(c, e->tier, q) == allowed) return 0;
	for (unsigned tier = 0; tier < c->tier_count; tier++) {
		const int64_t until = e->tier_until[tier];
		bool does = meets(c, tier, q);
		lost |= met && !does;
		met |= does;
		if (!e->tier_granted[tier]) continue;
		if (!has_any || until_cmp(until, any) > 0) any = until;
		if (does && (!has_enough || until_cmp(until, enough) > 0)) enough = until;
		has_any = true;
		has_enough |= does;
	}
	bool lowest = meets(c, 0, q);
	if (allowed) return earlier(e->granted && lowest && enough == any ? 0 : enough, lost ? e->begins_at : 0);
	return earlier(lowest ? any : 0, e->begins_at);
}

struct decision entitlement_decide(const struct entitlement *e, struct requirement q) {
	const struct catalog *c = e->catalog;
	struct decision d = {.reason = e->reason, .need = -1};

	d.allowed = q.tier >= 0 ? e->tier >= (unsigned)q.tier : entitlement_has(e, (unsigned)q.feature);
	d.until = decision_until(e, q, d.allowed);
	if (d.allowed) return d;
	d.need = q.tier >= 0 ? q.tier : catalog_lowest_with(c, (unsigned)q.feature);
	if (e->blocked_tier >= 0 && meets(c, (unsigned)e->blocked_tier, q))
		d.reason = e->blocked_reason;
	else if (e->granted)
		d.reason = q.tier >= 0 ? REASON_TIER_TOO_LOW : REASON_FEATURE_NOT_IN_TIER;
	return d;
}
