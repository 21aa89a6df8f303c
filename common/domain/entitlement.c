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

static void add_times(struct entitlement *e, const struct grant *g, const struct verdict *v) {
	if (v->changes_at > e->now && (e->changes_at == 0 || v->changes_at < e->changes_at))
		e->changes_at = v->changes_at;
	if (!v->grants || g->cancel_at || g->cancel_at_period_end) return;
	int64_t next = g->status == SUB_TRIALING && g->trial_end ? g->trial_end : g->period_end;
	if (next <= e->now) return;
	if (e->next_billing == 0 || next < e->next_billing) e->next_billing = next;
	if (e->changes_at == 0 || next < e->changes_at) e->changes_at = next;
}

static void add_seats(struct entitlement *e, const struct grant *g, const struct verdict *v) {
	if (!v->grants) return;
	for (unsigned i = 0; i < g->items.count; i++) {
		uint64_t n = g->items.items[i].quantity;
		if (!v->unmapped && catalog_item_tier(e->catalog, &g->items.items[i]) < 0) continue;
		e->seats = n > UINT64_MAX - e->seats ? UINT64_MAX : e->seats + n;
	}
}

/* Never ends beats a date, a later date beats an earlier one. */
static int until_cmp(int64_t a, int64_t b) {
	if (a == b) return 0;
	if (a == 0 || b == 0) return a == 0 ? 1 : -1;
	return a > b ? 1 : -1;
}

/* Does this grant decide rather than the one so far? */
static bool decides(const struct entitlement *e, const struct grant *g, const struct verdict *v) {
	if (v->grants != e->granted) return v->grants;
	if (e->subscription.len == 0) return true;
	if (v->grants) {
		if ((unsigned)v->tier != e->tier) return (unsigned)v->tier > e->tier;
		int c = until_cmp(v->until, e->until);
		if (c) return c > 0;
		if (v->stale != e->stale) return e->stale;
	} else {
		int mine = block_weight(v->reason), theirs = block_weight(e->reason);
		if (mine != theirs) return mine > theirs;
	}
	return view_cmp(g->subscription, e->subscription) < 0;
}

void entitlement_add(struct entitlement *e, const struct grant *g) {
	const struct verdict v = grant_verdict(g, e->catalog, e->now);

	entitlement_known(e);
	add_times(e, g, &v);
	add_seats(e, g, &v);
	if (v.grants && v.unmapped) e->unmapped = true;
	if (!v.grants) add_block(e, &v);
	if (!decides(e, g, &v)) return;
	e->granted = v.grants;
	e->tier = v.grants ? (unsigned)v.tier : 0;
	e->reason = v.reason;
	e->rule = v.rule;
	e->status = g->status;
	e->subscription = g->subscription;
	e->event = g->event;
	e->seen = g->seen;
	e->until = v.until;
	e->stale = v.stale;
	e->unconfirmed = g->unconfirmed;
}

void entitlement_end(struct entitlement *e) {
	/* a block that would give no more than what is granted explains nothing */
	if (e->granted && e->blocked_tier <= (int)e->tier) e->blocked_tier = -1;
}

static bool meets(const struct catalog *c, unsigned tier, struct requirement q) {
	if (q.tier >= 0) return tier >= (unsigned)q.tier;
	return catalog_tier_has(c, tier, (unsigned)q.feature);
}

struct decision entitlement_decide(const struct entitlement *e, struct requirement q) {
	const struct catalog *c = e->catalog;
	struct decision d = {.allowed = meets(c, e->tier, q), .reason = e->reason, .need = -1};

	/* a tier need not have the features of those below it: its end may take some and give others */
	for (unsigned tier = 0; tier < e->tier; tier++)
		if (meets(c, tier, q) != d.allowed) d.until = e->until;
	if (d.allowed) return d;
	d.need = q.tier >= 0 ? q.tier : catalog_lowest_with(c, (unsigned)q.feature);
	if (e->blocked_tier >= 0 && meets(c, (unsigned)e->blocked_tier, q))
		d.reason = e->blocked_reason;
	else if (e->granted)
		d.reason = q.tier >= 0 ? REASON_TIER_TOO_LOW : REASON_FEATURE_NOT_IN_TIER;
	return d;
}
