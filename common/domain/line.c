#include "domain/line.h"

static bool same_tiers(const struct entitlement *a, const struct entitlement *b) {
	for (unsigned i = 0; i < a->catalog->tier_count; i++) {
		if (a->tier_granted[i] != b->tier_granted[i]) return false;
		if (a->tier_granted[i] && a->tier_until[i] != b->tier_until[i]) return false;
	}
	return true;
}

bool entitlement_same(const struct entitlement *a, const struct entitlement *b) {
	if (a->tier != b->tier || a->reason != b->reason || a->status != b->status || a->granted != b->granted)
		return false;
	if (a->until != b->until || a->begins_at != b->begins_at || a->next_billing != b->next_billing) return false;
	if (a->seats != b->seats || a->stale != b->stale || a->blocked_tier != b->blocked_tier) return false;
	if (a->blocked_tier >= 0 && a->blocked_reason != b->blocked_reason) return false;
	return same_tiers(a, b);
}

enum error line_make(line_look *look, const void *ctx, int64_t now, struct line *ret_l) {
	int64_t at = now;
	ret_l->count = 0;
	ret_l->until = 0;
	for (unsigned looks = 0; looks < LINE_LOOKS_MAX; looks++) {
		struct entitlement e;
		enum error error = look(ctx, at, &e);
		if (error) return error;
		if (ret_l->count == 0 || !entitlement_same(&ret_l->steps[ret_l->count - 1], &e)) {
			if (ret_l->count == LINE_STEPS_MAX) break;
			ret_l->steps[ret_l->count++] = e;
		}
		if (e.changes_at == 0) return OK;
		/* no entitlement names a moment that has passed; if one did, nothing would be known of what comes */
		at = e.changes_at > at ? e.changes_at : at + 1;
	}
	ret_l->until = at;
	return OK;
}

const struct entitlement *line_at(const struct line *l, int64_t at) {
	if (l->count == 0 || at < l->steps[0].now || (l->until && at >= l->until)) return NULL;
	unsigned i = l->count - 1;
	while (i > 0 && l->steps[i].now > at) i--;
	return &l->steps[i];
}
