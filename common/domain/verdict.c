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

/* The tier of what is sold now, or of the newest earlier set that the catalog knows. */
static void verdict_tier(struct verdict *v, const struct grant *g, const struct catalog *c) {
	v->tier = catalog_set_tier(c, &g->items);
	v->unmapped = v->tier < 0;
	if (!v->unmapped || !c->policies.unmapped_keeps_tier) return;
	for (unsigned i = 0; i < g->earlier_count && v->tier < 0; i++)
		v->tier = catalog_set_tier(c, &g->earlier[i].set);
}

static void deny(struct verdict *v, enum reason reason, enum rule rule) {
	v->grants = false;
	v->reason = reason;
	v->rule = rule;
	v->until = 0;
	v->changes_at = 0;
	v->stale = false;
}

static int64_t cancel_date(const struct grant *g) {
	if (g->cancel_at) return g->cancel_at;
	return g->cancel_at_period_end ? g->period_end : 0;
}

/* Granting, but a scheduled cancellation ends it. */
static void apply_cancellation(struct verdict *v, const struct grant *g, int64_t now) {
	int64_t date = cancel_date(g);
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
	v->changes_at = earlier(v->changes_at, date);
}

/* Granting until told otherwise: but a period that ended long ago with no renewal seen is suspicious. */
static void apply_renewal(struct verdict *v, const struct grant *g, const struct policies *p, int64_t now) {
	int64_t end = g->period_end > g->trial_end || g->status != SUB_TRIALING ? g->period_end : g->trial_end;
	if (end == 0 || cancel_date(g)) return;
	int64_t deadline = later(end, p->renewal_grace_s);
	if (now < deadline) {
		v->changes_at = deadline;
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
	bool canceled_first = cancel_date(g) && cancel_date(g) <= deadline;
	if (now >= deadline && !canceled_first) {
		deny(v, REASON_PAST_DUE, RULE_PAST_DUE_OVER);
		return;
	}
	v->grants = true;
	v->reason = REASON_GRACE;
	v->rule = RULE_PAST_DUE_GRACE;
	v->until = v->changes_at = deadline;
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

struct verdict grant_verdict(const struct grant *g, const struct catalog *c, int64_t now) {
	struct verdict v = {.tier = -1};
	const struct policies *p = &c->policies;

	verdict_tier(&v, g, c);
	if (g->customer_deleted) {
		deny(&v, REASON_NO_SUBSCRIPTION, RULE_CUSTOMER_DELETED);
		return v;
	}
	/* before all that depends on the clock: a denial never changes by itself */
	if (g->collection_paused && !p->paused_collection_grants && collects(g)) {
		deny(&v, REASON_PAUSED, RULE_COLLECTION_PAUSED);
		return v;
	}
	verdict_status(&v, g, p, now);
	if (v.grants) apply_cancellation(&v, g, now);
	if (v.grants && v.tier < 0) {
		v.tier = 0;
		v.rule = RULE_UNMAPPED;
	}
	return v;
}
