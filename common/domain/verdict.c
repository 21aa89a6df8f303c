/* The status table: what one subscription gives at a moment. */
#include "domain/entitlement.h"

#define MOMENT_MAX INT64_C(253402300799) /* 9999-12-31: sums of hostile times stay far from overflow */

/* t + after, for times that come from outside. */
static int64_t later(int64_t t, int64_t after) {
	if (t > MOMENT_MAX - after) return MOMENT_MAX;
	return t + after;
}

/* The earlier of two moments, where 0 means never. */
static int64_t earlier(int64_t a, int64_t b) {
	if (a == 0 || b == 0) return a + b;
	return a < b ? a : b;
}

/* A moment to come. */
static void note(struct verdict *v, int64_t moment, int64_t now) {
	if (moment > now) v->changes_at = earlier(v->changes_at, moment);
}

static void deny(struct verdict *v, enum reason reason, enum rule rule) {
	v->grants = false;
	v->reason = reason;
	v->rule = rule;
	v->until = 0;
	v->changes_at = 0;
	v->stale = false;
}

int64_t grant_cancel_date(const struct grant *g, const struct policies *p) {
	int64_t date = g->cancel_at;
	if (!date && g->cancel_at_period_end) date = g->period_end;
	return p->scheduled_phases_count ? earlier(date, g->schedule_ends) : date;
}

/* Granting, but a scheduled cancellation ends it. */
static void apply_cancellation(struct verdict *v, const struct grant *g, const struct policies *p, int64_t now) {
	int64_t date = grant_cancel_date(g, p);
	if (date == 0) return;
	if (now >= date) {
		deny(v, REASON_NO_SUBSCRIPTION, RULE_CANCEL_REACHED);
		return;
	}
	if (v->reason != REASON_GRACE) {
		v->reason = REASON_CANCELING;
		v->rule = RULE_CANCELING;
	}
	v->until = earlier(v->until, date);
	note(v, date, now);
}

/* Granting until told otherwise: but a period that ended long ago with no renewal seen is suspicious. */
static void apply_renewal(struct verdict *v, const struct grant *g, const struct policies *p, int64_t now) {
	int64_t end = g->period_end > g->trial_end || g->status != SUB_TRIALING ? g->period_end : g->trial_end;
	int64_t canceled = grant_cancel_date(g, p);
	int64_t deadline = later(end, p->renewal_grace_s);
	/* what ends it first: no renewal is awaited of one that is canceled by then */
	if (end == 0 || (canceled && canceled <= deadline)) return;
	if (now < deadline) {
		note(v, deadline, now);
		if (p->lapse_unrenewed) v->until = deadline;
		return;
	}
	if (p->lapse_unrenewed)
		deny(v, REASON_PAST_DUE, RULE_LAPSED);
	else
		v->stale = true;
}

static void verdict_current(struct verdict *v, const struct grant *g, const struct policies *p, int64_t now) {
	v->grants = true;
	v->reason = g->status == SUB_TRIALING ? REASON_TRIALING : REASON_ACTIVE;
	v->rule = g->status == SUB_TRIALING ? RULE_TRIALING : RULE_ACTIVE;
	if (g->status != SUB_TRIALING && g->status != SUB_ACTIVE) v->rule = RULE_INVOICE_PAID;
	apply_renewal(v, g, p, now);
}

static void verdict_past_due(struct verdict *v, const struct grant *g, const struct policies *p, int64_t now) {
	/* without a period, the event that said so is the best that is known */
	int64_t deadline = later(g->unpaid_since ? g->unpaid_since : g->seen, p->past_due_grace_s);
	/* what ended it first stays the reason: apply_cancellation says the other */
	int64_t canceled = grant_cancel_date(g, p);
	bool canceled_first = canceled && canceled <= deadline;
	if (now >= deadline && !canceled_first) {
		deny(v, REASON_PAST_DUE, RULE_PAST_DUE_OVER);
		return;
	}
	v->grants = true;
	v->reason = REASON_GRACE;
	v->rule = RULE_PAST_DUE_GRACE;
	v->until = deadline;
	note(v, deadline, now);
}

static void verdict_status(struct verdict *v, const struct grant *g, const struct policies *p, int64_t now) {
	switch (g->status) {
	case SUB_TRIALING:
	case SUB_ACTIVE:
		verdict_current(v, g, p, now);
		return;
	case SUB_PAST_DUE:
		/* Stripe: paying the latest invoice makes the subscription active, from these three */
		if (g->invoice_paid)
			verdict_current(v, g, p, now);
		else
			verdict_past_due(v, g, p, now);
		return;
	case SUB_INCOMPLETE:
	case SUB_UNPAID:
		if (g->invoice_paid)
			verdict_current(v, g, p, now);
		else if (g->status == SUB_UNPAID)
			deny(v, REASON_UNPAID, RULE_UNPAID);
		else
			deny(v, REASON_INCOMPLETE, RULE_INCOMPLETE);
		return;
	case SUB_PAUSED:
		deny(v, REASON_PAUSED, RULE_PAUSED);
		return;
	case SUB_NONE:
	case SUB_INCOMPLETE_EXPIRED:
	case SUB_CANCELED:
	case SUB_STATUS_COUNT:
		break;
	}
	deny(v, REASON_NO_SUBSCRIPTION, RULE_ENDED);
}

/* Would it be collecting, were collection not paused? */
static bool collects(const struct grant *g) {
	switch ((int)g->status) {
	case SUB_TRIALING:
	case SUB_ACTIVE:
	case SUB_PAST_DUE:
		return true;
	case SUB_INCOMPLETE:
	case SUB_UNPAID:
		return g->invoice_paid;
	default:
		return false;
	}
}

/* ---- what it sells ----------------------------------------------------------- */

#define NO_PHASE (-1)

static const struct item_set *items_of(const struct grant *g, int phase) {
	return phase == NO_PHASE ? &g->items : &g->phases[phase].items;
}

/* The tier of a phase or of the items, or that of what was sold before and the catalog knows. */
static int tier_of(const struct grant *g, int phase, const struct catalog *c, bool *ret_unmapped) {
	int tier = catalog_set_tier(c, items_of(g, phase));
	*ret_unmapped = tier < 0;
	if (!c->policies.unmapped_keeps_tier) return tier;
	while (tier < 0 && phase > NO_PHASE) tier = catalog_set_tier(c, items_of(g, --phase));
	for (unsigned i = 0; i < g->earlier_count && tier < 0; i++) tier = catalog_set_tier(c, &g->earlier[i].set);
	return tier;
}

/* The subscription grants: phases that began since it was last seen replace what it sells, and the first to come that
 * gives less ends what it gives now. */
static void apply_phases(struct verdict *v, const struct grant *g, const struct catalog *c, int64_t now) {
	int phase = NO_PHASE;
	unsigned next = 0;
	bool unmapped;

	for (; next < g->phase_count && g->phases[next].start <= now; next++) phase = (int)next;
	if (phase != NO_PHASE) {
		v->items = items_of(g, phase);
		v->tier = tier_of(g, phase, c, &v->unmapped);
		if (v->reason == REASON_ACTIVE || v->reason == REASON_TRIALING) v->rule = RULE_SCHEDULED;
	}
	if (next < g->phase_count) note(v, g->phases[next].start, now);
	for (; next < g->phase_count && (!v->until || g->phases[next].start < v->until); next++) {
		int tier = tier_of(g, (int)next, c, &unmapped);
		if (tier == v->tier || (tier <= 0 && v->tier <= 0)) continue; /* unmapped gives the lowest */
		if (!v->begins_at) v->begins_at = g->phases[next].start;
		if (tier < v->tier) v->until = g->phases[next].start;
	}
}

/* ---- money that went back ------------------------------------------------------ */

/* It would grant, were it not for a payment that is or was taken back. */
static void hold(struct verdict *v, enum reason reason, enum rule rule, int64_t until, int64_t now) {
	const int64_t changes_at = v->changes_at;
	deny(v, reason, rule);
	v->changes_at = changes_at;
	v->begins_at = until;
	note(v, until, now);
}

static void apply_reversals(struct verdict *v, const struct grant *g, const struct policies *p, int64_t now) {
	if (g->disputed && !p->open_dispute_grants)
		hold(v, REASON_DISPUTED, RULE_DISPUTED, 0, now);
	else if (now < g->dispute_lost_until && !p->lost_dispute_grants)
		hold(v, REASON_DISPUTED, RULE_DISPUTE_LOST, g->dispute_lost_until, now);
	else if (now < g->refunded_until && !p->full_refund_grants)
		hold(v, REASON_REFUNDED, RULE_REFUNDED, g->refunded_until, now);
}

/* ---- the verdict ----------------------------------------------------------------- */

struct verdict grant_verdict(const struct grant *g, const struct catalog *c, int64_t now) {
	struct verdict v = {.items = &g->items};
	const struct policies *p = &c->policies;

	v.tier = tier_of(g, NO_PHASE, c, &v.unmapped);
	if (g->customer_deleted) {
		deny(&v, REASON_NO_SUBSCRIPTION, RULE_CUSTOMER_DELETED);
		return v;
	}
	/* before all that depends on the clock: this denial never changes by itself */
	if (g->collection_paused && !p->paused_collection_grants && collects(g)) {
		deny(&v, REASON_PAUSED, RULE_COLLECTION_PAUSED);
		return v;
	}
	verdict_status(&v, g, p, now);
	if (v.grants) apply_cancellation(&v, g, p, now);
	if (v.grants && p->scheduled_phases_count) apply_phases(&v, g, c, now);
	if (v.grants) apply_reversals(&v, g, p, now);
	if (v.grants && v.tier < 0) {
		v.tier = 0;
		v.rule = RULE_UNMAPPED;
	}
	return v;
}

struct verdict override_verdict(const struct override *o, const struct catalog *c, int64_t now) {
	struct verdict v = {.tier = catalog_tier(c, o->tier)};

	deny(&v, REASON_NO_SUBSCRIPTION, RULE_OVERRIDE_OVER);
	if (v.tier < 0) {
		v.rule = RULE_OVERRIDE_UNKNOWN;
	} else if (o->until && (now >= o->until || o->from >= o->until)) {
		return v;
	} else if (now < o->from) {
		v.rule = RULE_OVERRIDE_WAITING;
		v.begins_at = v.changes_at = o->from;
	} else {
		v.grants = true;
		v.reason = REASON_OVERRIDE;
		v.rule = RULE_OVERRIDE;
		v.until = v.changes_at = o->until;
	}
	return v;
}
