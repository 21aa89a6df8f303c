#include "answer.h"

#include <stdio.h>

#include "base/parse.h"

static bool unknown(enum tg01_code code, const char *key, struct view name, struct answer_failure *ret) {
	struct answer_failure f = {.code = code};
	(void)snprintf(f.text, sizeof f.text, "%s: the catalog has no %.*s", key, VIEW_FMT(name));
	*ret = f;
	return false;
}

bool answer_requirement(const struct catalog *c, const struct tg01_question *q, struct requirement *ret_requirement,
			struct answer_failure *ret_why) {
	struct requirement r = {.tier = -1, .feature = -1};
	if (q->tier.len) {
		r.tier = catalog_tier(c, q->tier);
		if (r.tier < 0) return unknown(TG01_UNKNOWN_TIER, "tier", q->tier, ret_why);
	} else {
		r.feature = catalog_feature(c, q->feat);
		if (r.feature < 0) return unknown(TG01_UNKNOWN_FEATURE, "feat", q->feat, ret_why);
	}
	*ret_requirement = r;
	return true;
}

int64_t answer_moment(const struct tg01_question *q, int64_t now, bool *ret_past) {
	*ret_past = q->at != 0 && q->at < now - AT_SLACK_S;
	if (q->at == 0 || (q->at <= now && !*ret_past)) return now;
	return q->at;
}

static void put(struct answer_failure *f, const char *text) {
	*f = (struct answer_failure){.code = TG01_BAD_REQUEST};
	(void)snprintf(f->text, sizeof f->text, "%s", text);
}

/* Reasons that come with access of a subscription's or an override's own. */
static bool grants(enum reason r) {
	return r == REASON_ACTIVE || r == REASON_TRIALING || r == REASON_GRACE || r == REASON_CANCELING ||
	       r == REASON_OVERRIDE;
}

struct tg01_change answer_change(const struct change *c) {
	return (struct tg01_change){
		.ver = c->ver,
		.at_ms = c->at_ms,
		.acct = c->scope.account,
		.sub = c->subject,
		.before = c->before,
		.after = c->after,
		.reason = view_str(reason_name(c->reason)),
		.status = view_str(sub_status_name(c->status)),
		.until = c->until,
		.event = c->event,
	};
}

bool answer_past(const struct catalog *c, const struct change *then, struct entitlement *ret_e,
		 struct answer_failure *ret_why) {
	struct entitlement e;
	int tier = catalog_tier(c, then->after);
	if (tier < 0) {
		put(ret_why, "");
		(void)snprintf(ret_why->text, sizeof ret_why->text,
			       "at: the tier that was answered then, %.*s, is not in the catalog any more",
			       VIEW_FMT(then->after));
		return false;
	}
	entitlement_begin(&e, c, then->at_ms / 1000);
	entitlement_end(&e);
	e.tier = (unsigned)tier;
	e.reason = then->reason;
	e.rule = then->rule;
	e.status = then->status;
	e.subscription = then->subscription;
	e.event = then->event;
	e.until = then->until;
	e.changes_at = then->changes_at;
	e.next_billing = then->next_billing;
	e.seats = then->seats;
	e.stale = then->stale;
	e.unmapped = then->unmapped;
	e.blocked_tier = catalog_tier(c, then->blocked_tier);
	e.blocked_reason = then->blocked_reason;
	e.granted = grants(then->reason);
	e.tier_granted[0] = false;
	e.tier_granted[e.tier] = true;
	e.tier_until[e.tier] = then->until;
	for (unsigned i = 0; i < then->also_count; i++) {
		int also = catalog_tier(c, then->also[i]);
		if (also >= 0) e.tier_granted[also] = true;
	}
	*ret_e = e;
	return true;
}

struct answer_failure answer_no_log(int64_t at, int64_t from_ms) {
	struct answer_failure f;
	char from[RFC3339_SIZE];
	put(&f, "at: too many changes back; ask about a later moment");
	if (from_ms <= at * 1000) return f;
	format_rfc3339((from_ms + 999) / 1000, from);
	(void)snprintf(f.text, sizeof f.text,
		       "at: the log of changes begins at %s (%lld); what was answered before is not known", from,
		       (long long)((from_ms + 999) / 1000));
	return f;
}

/* How long a cache may keep it: until something changes by itself, a minute at most. An answer about a moment
 * to come, or in the past, does not change as time passes. */
static unsigned ttl(const struct entitlement *e, int64_t now, int64_t at) {
	if (at != now || e->changes_at <= now || e->changes_at - now > TG01_TTL_MAX) return TG01_TTL_MAX;
	return (unsigned)(e->changes_at - now);
}

static struct view tier_name(const struct entitlement *e, unsigned tier) { return e->catalog->tiers[tier].name; }

struct tg01_answer answer_check(const struct entitlement *e, struct requirement q, int64_t now, int64_t at) {
	struct decision d = entitlement_decide(e, q);
	return (struct tg01_answer){
		.allowed = d.allowed,
		.stale = e->stale,
		.reason = view_str(reason_name(d.reason)),
		.tier = tier_name(e, e->tier),
		.status = view_str(sub_status_name(e->status)),
		.need = d.need >= 0 ? tier_name(e, (unsigned)d.need) : VIEW_NONE,
		.until = d.until,
		.ttl = ttl(e, now, at),
	};
}

struct tg01_profile answer_get(const struct entitlement *e, struct view *feats, int64_t now, int64_t at) {
	unsigned n = 0;
	for (unsigned f = 0; f < e->catalog->feature_count; f++)
		if (entitlement_has(e, f)) feats[n++] = e->catalog->features[f];
	return (struct tg01_profile){
		.tier = tier_name(e, e->tier),
		.status = view_str(sub_status_name(e->status)),
		.reason = view_str(reason_name(e->reason)),
		.feats = feats,
		.feat_count = n,
		.seats = e->seats,
		.until = e->until,
		.next_billing = e->next_billing,
		.ttl = ttl(e, now, at),
		.stale = e->stale,
	};
}
