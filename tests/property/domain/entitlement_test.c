/* Several grants and overrides together, against the table in lives/table.h: they add up, in any order, and what is
 * said about the future comes true second by second. */
#include "lives/table.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define PARTS_MAX (TABLE_GRANTS_MAX + TABLE_OVERRIDES_MAX)

static struct table table;

static void fail_case(const char *what, int64_t now, const char *more) {
	AUTO(text_free)
	struct text t = {0};
	table_print(&t, &table, now);
	fail_msg("%s\n%s%s", what, t.bytes, more);
}

static void random_table(struct random *r) {
	table_random_catalog(&table, r);
	table_random_grants(&table, r, TABLE_GRANTS_MAX);
	table_random_overrides(&table, r, random_chance(r, 30) ? TABLE_OVERRIDES_MAX : 0);
}

/* Grants first, or in the order given. */
static struct entitlement at(int64_t now, const unsigned *order) {
	struct entitlement e;
	entitlement_begin(&e, &table.catalog, now);
	for (unsigned i = 0; i < table.grant_count + table.override_count; i++) {
		unsigned part = order ? order[i] : i;
		if (part < table.grant_count)
			entitlement_add(&e, &table.grants[part]);
		else
			entitlement_add_override(&e, &table.overrides[part - table.grant_count]);
	}
	entitlement_end(&e);
	return e;
}

static bool tiers_eq(const struct entitlement *a, const struct entitlement *b) {
	for (unsigned i = 0; i < TIERS_MAX; i++)
		if (a->tier_granted[i] != b->tier_granted[i] || a->tier_until[i] != b->tier_until[i]) return false;
	return true;
}

static bool entitlement_eq(const struct entitlement *a, const struct entitlement *b) {
	return a->tier == b->tier && a->reason == b->reason && a->rule == b->rule && a->status == b->status &&
	       view_eq(a->subscription, b->subscription) && view_eq(a->event, b->event) && a->seen == b->seen &&
	       a->until == b->until && a->changes_at == b->changes_at && a->next_billing == b->next_billing &&
	       a->seats == b->seats && a->stale == b->stale && a->unconfirmed == b->unconfirmed &&
	       a->unmapped == b->unmapped && a->blocked_tier == b->blocked_tier &&
	       (a->blocked_tier < 0 || a->blocked_reason == b->blocked_reason) && a->granted == b->granted &&
	       a->by_override == b->by_override && a->begins_at == b->begins_at && tiers_eq(a, b);
}

/* ---- what holds at one moment ---------------------------------------------------- */

/* All verdicts of a moment. */
struct naive {
	unsigned count;
	struct verdict v[PARTS_MAX];
	unsigned tier;
	bool granted;
	int blocked;
};

static bool may_be_blocked(const struct verdict *v) { return !v->grants && v->reason != REASON_NO_SUBSCRIPTION; }

static struct naive naive_at(int64_t now) {
	struct naive n = {.blocked = -1};
	for (unsigned i = 0; i < table.grant_count; i++)
		n.v[n.count++] = naive_verdict(&table.catalog, &table.grants[i], now);
	for (unsigned i = 0; i < table.override_count; i++)
		n.v[n.count++] = naive_override(&table.catalog, &table.overrides[i], now);
	for (unsigned i = 0; i < n.count; i++) {
		if (n.v[i].grants && n.v[i].tier > (int)n.tier) n.tier = (unsigned)n.v[i].tier;
		if (n.v[i].grants) n.granted = true;
		if (may_be_blocked(&n.v[i]) && n.v[i].tier > n.blocked) n.blocked = n.v[i].tier;
	}
	/* a block that would give no more than what is granted explains nothing */
	if (n.granted && n.blocked <= (int)n.tier) n.blocked = -1;
	return n;
}

static uint64_t naive_seats(const struct naive *n) {
	uint64_t seats = 0;
	for (unsigned i = 0; i < table.grant_count; i++)
		for (unsigned j = 0; n->v[i].grants && j < n->v[i].items->count; j++)
			if (n->v[i].unmapped || naive_item_tier(&table.catalog, &n->v[i].items->items[j]) >= 0)
				seats += n->v[i].items->items[j].quantity;
	return seats;
}

static bool decided_by(const struct naive *n, unsigned part, const struct entitlement *e) {
	const struct verdict *v = &n->v[part];
	bool override = part >= table.grant_count;
	const struct override *o = override ? &table.overrides[part - table.grant_count] : NULL;
	const struct grant *g = override ? NULL : &table.grants[part];
	if (v->grants != n->granted || e->reason != v->reason || e->rule != v->rule) return false;
	if (n->granted && v->tier != (int)n->tier) return false;
	if (e->by_override != override || e->status != (g ? g->status : SUB_NONE)) return false;
	return view_eq(e->subscription, g ? g->subscription : o->id) && e->seen == (g ? g->seen : o->seen);
}

static void check_deciding(int64_t now, const struct naive *n, const struct entitlement *e) {
	bool decided = false, blocked = n->blocked < 0;
	for (unsigned i = 0; i < n->count; i++) {
		decided |= decided_by(n, i, e);
		blocked |=
			may_be_blocked(&n->v[i]) && n->v[i].tier == n->blocked && e->blocked_reason == n->v[i].reason;
		bool would = i < table.grant_count && n->v[i].grants == n->granted;
		if (would && (!n->granted || n->v[i].tier == (int)n->tier) && e->by_override)
			fail_case("an override that gives no more decides", now, "");
	}
	if (n->count && !decided) fail_case("nothing gives this answer", now, "");
	if (!blocked) fail_case("no grant is blocked like this", now, "");
}

static void check_now(int64_t now, const struct entitlement *e) {
	const struct naive n = naive_at(now);
	if (e->tier != n.tier) fail_case("tier", now, "");
	if (e->granted != n.granted) fail_case("granted", now, "");
	if (e->seats != naive_seats(&n)) fail_case("seats", now, "");
	if (e->blocked_tier != n.blocked) fail_case("blocked_tier", now, "");
	for (unsigned tier = 0; tier < table.catalog.tier_count; tier++) {
		bool granted = !n.granted && tier == 0;
		for (unsigned i = 0; i < n.count; i++) granted |= n.v[i].grants && n.v[i].tier == (int)tier;
		if (e->tier_granted[tier] != granted) fail_case("tier_granted", now, "");
	}
	/* what the log keeps of it: the tier, and those that add to it */
	for (unsigned f = 0; f < table.catalog.feature_count; f++) {
		bool kept = catalog_tier_has(&table.catalog, e->tier, f);
		for (unsigned tier = 0; tier < table.catalog.tier_count; tier++)
			kept |= entitlement_adds(e, tier) && catalog_tier_has(&table.catalog, tier, f);
		if (kept != entitlement_has(e, f)) fail_case("entitlement_adds", now, "");
	}
	if (entitlement_adds(e, e->tier)) fail_case("a tier adds to itself", now, "");
	check_deciding(now, &n, e);
	if (!n.count && (e->reason != REASON_UNKNOWN_SUBJECT || e->status != SUB_NONE))
		fail_case("nothing known must be an unknown subject", now, "");
}

/* ---- what was said about the future ------------------------------------------------ */

/* Something may begin to grant before the tier ends and take over: then `until` is no later than the end, else it is
 * the end. */
static void check_until(int64_t now, const struct entitlement *seen) {
	const struct entitlement *e = &seen[now];
	int64_t until = 0;
	char more[64];
	for (int64_t t = TABLE_END; t > now; t--)
		if (seen[t].tier < e->tier) until = t;
	if (!e->granted || e->tier == 0 || e->until == until) return;
	if (e->begins_at && e->until > now && (until == 0 || e->until < until)) return;
	snprintf(more, sizeof more, "  until=%" PRId64 ", wanted %" PRId64 "\n", e->until, until);
	fail_case("until is not when the tier ends", now, more);
}

/* Between two moments named by changes_at nothing changes: the feed of time-driven changes rests on it. */
static void check_constant(int64_t now, const struct entitlement *seen) {
	const struct entitlement *e = &seen[now];
	if (e->changes_at && e->changes_at <= now) fail_case("changes_at is in the past", now, "");
	for (int64_t t = now + 1; t <= TABLE_END && (!e->changes_at || t < e->changes_at); t++) {
		if (entitlement_eq(e, &seen[t])) continue;
		char more[96];
		snprintf(more, sizeof more, "  something changed at %" PRId64 ", changes_at=%" PRId64 "\n", t,
			 e->changes_at);
		fail_case("something changed before changes_at", now, more);
	}
}

static void they_add_up(void **state) {
	(void)state;
	struct random r = law_random("several grants");
	uint64_t rounds = law_rounds(4000);
	static struct entitlement seen[TABLE_END + 1];
	for (uint64_t round = 0; round < rounds; round++) {
		random_table(&r);
		for (int64_t t = 1; t <= TABLE_END; t++) {
			seen[t] = at(t, NULL);
			check_now(t, &seen[t]);
		}
		for (int64_t t = 1; t <= TABLE_END; t++) {
			check_until(t, seen);
			check_constant(t, seen);
		}
	}
}

static void their_order_does_not_matter(void **state) {
	(void)state;
	struct random r = law_random("order of grants");
	uint64_t rounds = law_rounds(20000);
	for (uint64_t round = 0; round < rounds; round++) {
		unsigned order[PARTS_MAX];
		random_table(&r);
		/* ties: the same subscription told of twice, but for its id */
		if (table.grant_count > 1 && random_chance(&r, 40)) {
			struct view id = table.grants[1].subscription;
			table.grants[1] = table.grants[0];
			table.grants[1].subscription = id;
		}
		unsigned count = table.grant_count + table.override_count;
		for (unsigned i = 0; i < count; i++) order[i] = i;
		int64_t now = table_second(&r);
		struct entitlement straight = at(now, order);
		random_shuffle(&r, order, count);
		struct entitlement shuffled = at(now, order);
		if (!entitlement_eq(&straight, &shuffled)) fail_case("the order of the grants matters", now, "");
	}
}

/* ---- decisions ---------------------------------------------------------------------- */

static bool has(unsigned tier, struct requirement q) {
	if (q.tier >= 0) return (int)tier >= q.tier;
	return table.catalog.tiers[tier].features[0] >> q.feature & 1;
}

/* Whatever grants adds up; the lowest tier is for those who are granted nothing. */
static bool naive_allowed(const struct naive *n, struct requirement q) {
	bool any = false;
	for (unsigned i = 0; i < n->count; i++) any |= n->v[i].grants && has((unsigned)n->v[i].tier, q);
	return n->granted ? any : has(0, q);
}

static struct decision naive_decision(const struct naive *n, const struct entitlement *e, struct requirement q) {
	struct decision d = {.allowed = naive_allowed(n, q), .reason = e->reason, .need = -1};
	if (d.allowed) return d;
	for (int i = (int)table.catalog.tier_count - 1; i >= 0; i--)
		if (has((unsigned)i, q)) d.need = i;
	if (n->blocked >= 0 && has((unsigned)n->blocked, q))
		d.reason = e->blocked_reason;
	else if (n->granted)
		d.reason = q.tier >= 0 ? REASON_TIER_TOO_LOW : REASON_FEATURE_NOT_IN_TIER;
	return d;
}

static void check_decision(int64_t now, struct requirement q) {
	const struct naive n = naive_at(now);
	struct entitlement e = at(now, NULL);
	struct decision got = entitlement_decide(&e, q), wanted = naive_decision(&n, &e, q);
	char more[200];
	if (got.allowed != wanted.allowed || got.need != wanted.need || got.reason != wanted.reason) {
		snprintf(more, sizeof more,
			 "  tier %u, asked tier %d feature %d: wanted allowed=%d need=%d %s, got allowed=%d need=%d "
			 "%s\n",
			 e.tier, q.tier, q.feature, wanted.allowed, wanted.need, reason_name(wanted.reason),
			 got.allowed, got.need, reason_name(got.reason));
		fail_case("the decision", now, more);
	}
	if (q.feature >= 0 && entitlement_has(&e, (unsigned)q.feature) != wanted.allowed)
		fail_case("a profile's features are not those that checks allow", now, "");
	for (int64_t t = TABLE_END; t > now; t--) {
		const struct naive then = naive_at(t);
		if (naive_allowed(&then, q) != got.allowed) wanted.until = t;
	}
	bool early = e.begins_at && got.until > now && (wanted.until == 0 || got.until < wanted.until);
	if (got.until == wanted.until || early) return;
	snprintf(more, sizeof more, "  asked tier %d feature %d: until=%" PRId64 " but it changes at %" PRId64 "\n",
		 q.tier, q.feature, got.until, wanted.until);
	fail_case("a decision's end", now, more);
}

static void decisions_are_as_the_model(void **state) {
	(void)state;
	struct random r = law_random("decisions");
	uint64_t rounds = law_rounds(4000);
	for (uint64_t round = 0; round < rounds; round++) {
		random_table(&r);
		int64_t now = table_second(&r);
		for (int i = 0; i < (int)table.catalog.tier_count; i++)
			check_decision(now, (struct requirement){i, -1});
		for (int i = 0; i < (int)table.catalog.feature_count; i++)
			check_decision(now, (struct requirement){-1, i});
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(they_add_up),
		cmocka_unit_test(their_order_does_not_matter),
		cmocka_unit_test(decisions_are_as_the_model),
	};
	(void)law_seed();
	return cmocka_run_group_tests_name("entitlement", tests, NULL, NULL);
}
