#include "answer.h"

#include <stdio.h>

#include "proto/state.h"

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

bool answer_moment(const struct tg01_question *q, int64_t now, int64_t *ret_at, struct answer_failure *ret_why) {
	if (q->at == 0 || (q->at <= now && q->at >= now - AT_SLACK_S)) {
		*ret_at = now;
		return true;
	}
	if (q->at > now) {
		*ret_at = q->at;
		return true;
	}
	*ret_why = (struct answer_failure){TG01_BAD_REQUEST, "at: is in the past, and history is not served yet"};
	return false;
}

/* How long a cache may keep it: until something changes by itself, a minute at most. An answer about a moment
 * to come does not change as time passes. */
static unsigned ttl(const struct entitlement *e, int64_t now, int64_t at) {
	if (at > now || e->changes_at <= now || e->changes_at - now > TG01_TTL_MAX) return TG01_TTL_MAX;
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
