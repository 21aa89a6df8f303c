/* entitlement_at against a table written as plainly as the rules can be read, over random grants, catalogs and
 * policies. Times are small numbers, so that every deadline is met one second before, on and after it, and what is
 * said about the future can be checked second by second. */
#include "domain/entitlement.h"
#include "lives/law.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define GRANTS 5
#define END 90 /* nothing changes by itself after this second */

static const struct view names[] = {VIEW_INIT("a"), VIEW_INIT("b"), VIEW_INIT("c"), VIEW_INIT("d"), VIEW_INIT("e")};
static const struct view ids[] = {VIEW_INIT("sub_1"), VIEW_INIT("sub_2"), VIEW_INIT("sub_3"), VIEW_INIT("sub_4"),
				  VIEW_INIT("sub_5")};
static struct catalog catalog;
static struct catalog_grant catalog_grants[3 * ARRAY_LEN(names)];
static struct grant grants[GRANTS];
static unsigned grant_count;

static struct view any_name(struct random *r) { return names[random_below(r, ARRAY_LEN(names))]; }

static void random_catalog(struct random *r) {
	memset(&catalog, 0, sizeof catalog);
	catalog.tier_count = 1 + (unsigned)random_below(r, 4);
	catalog.feature_count = 1 + (unsigned)random_below(r, ARRAY_LEN(names));
	for (unsigned i = 0; i < catalog.feature_count; i++) catalog.features[i] = names[i];
	for (unsigned i = 0; i < catalog.tier_count; i++) {
		catalog.tiers[i].name = names[i];
		catalog.tiers[i].features[0] = random_u64(r) & ((UINT64_C(1) << catalog.feature_count) - 1);
		if (i && random_chance(r, 70)) catalog.tiers[i].features[0] |= catalog.tiers[i - 1].features[0];
	}
	for (unsigned kind = GRANT_PRICE; kind <= GRANT_LOOKUP_KEY; kind++)
		for (unsigned i = 0; i < ARRAY_LEN(names); i++)
			if (random_chance(r, 30))
				catalog_grants[catalog.grant_count++] = (struct catalog_grant){
					(enum grant_kind)kind, names[i], (unsigned)random_below(r, catalog.tier_count)};
	catalog.grants = catalog_grants;
	catalog.policies = (struct policies){.past_due_grace_s = (int64_t)random_below(r, 12),
					     .renewal_grace_s = (int64_t)random_below(r, 6),
					     .lapse_unrenewed = random_chance(r, 40),
					     .paused_collection_grants = random_chance(r, 60),
					     .unmapped_keeps_tier = random_chance(r, 60)};
}

static struct item_set random_set(struct random *r) {
	struct item_set set = {.count = 1 + (unsigned)random_below(r, 2)};
	for (unsigned i = 0; i < set.count; i++) {
		set.items[i] = (struct item){.price = any_name(r), .quantity = 1 + random_below(r, 4)};
		if (random_chance(r, 50)) set.items[i].product = any_name(r);
		if (random_chance(r, 30)) set.items[i].lookup_key = any_name(r);
	}
	item_set_sort(&set);
	return set;
}

static int64_t second(struct random *r) { return 1 + (int64_t)random_below(r, 50); }

static struct grant random_grant(struct random *r, struct view id) {
	struct grant g = {.subscription = id,
			  .event = any_name(r),
			  .status = (enum sub_status)(1 + random_below(r, SUB_STATUS_COUNT - 1)),
			  .unconfirmed = random_chance(r, 15),
			  .invoice_paid = random_chance(r, 30),
			  .collection_paused = random_chance(r, 15),
			  .customer_deleted = random_chance(r, 5),
			  .created = second(r),
			  .seen = second(r),
			  .items = random_set(r),
			  .earlier_count = (unsigned)random_below(r, SUB_PRICES_MAX)};
	if (random_chance(r, 50)) g.status = random_chance(r, 70) ? SUB_ACTIVE : SUB_PAST_DUE;
	g.period_start = second(r);
	g.period_end = g.period_start + 1 + (int64_t)random_below(r, 20);
	if (g.status == SUB_TRIALING) g.trial_end = g.period_end;
	if (random_chance(r, 15)) g.cancel_at = second(r);
	g.cancel_at_period_end = random_chance(r, 15);
	if (g.status == SUB_PAST_DUE) g.unpaid_since = second(r);
	for (unsigned i = 0; i < g.earlier_count; i++)
		g.earlier[i] = (struct price_set_seen){g.seen - 1 - (int64_t)i, random_set(r)};
	return g;
}

static void random_grants(struct random *r) {
	grant_count = (unsigned)random_below(r, GRANTS + 1);
	for (unsigned i = 0; i < grant_count; i++) grants[i] = random_grant(r, ids[i]);
}

/* ---- the naive model ------------------------------------------------------- */

static int naive_lookup(enum grant_kind kind, struct view name) {
	for (unsigned i = 0; i < catalog.grant_count; i++)
		if (catalog_grants[i].kind == kind && view_eq(catalog_grants[i].name, name))
			return (int)catalog_grants[i].tier;
	return -1;
}

static int naive_item_tier(const struct item *item) {
	int tier = naive_lookup(GRANT_PRICE, item->price);
	if (tier < 0) tier = naive_lookup(GRANT_LOOKUP_KEY, item->lookup_key);
	if (tier < 0) tier = naive_lookup(GRANT_PRODUCT, item->product);
	return tier;
}

static int naive_set_tier(const struct item_set *set) {
	int tier = -1;
	for (unsigned i = 0; i < set->count; i++)
		if (naive_item_tier(&set->items[i]) > tier) tier = naive_item_tier(&set->items[i]);
	return tier;
}

/* The status table. Every line is one rule; the first that applies decides. */
static struct verdict naive_verdict(const struct grant *g, int64_t now) {
	const struct policies *p = &catalog.policies;
	struct verdict v = {.tier = naive_set_tier(&g->items)};
	v.unmapped = v.tier < 0;
	for (unsigned i = 0; v.tier < 0 && p->unmapped_keeps_tier && i < g->earlier_count; i++)
		v.tier = naive_set_tier(&g->earlier[i].set);

	int64_t cancel = g->cancel_at ? g->cancel_at : g->cancel_at_period_end ? g->period_end : 0;
	int64_t grace_end = (g->unpaid_since ? g->unpaid_since : g->seen) + p->past_due_grace_s;
	int64_t stale_from = g->period_end + p->renewal_grace_s;
	/* paying the latest invoice makes all of these active */
	bool waits = g->status == SUB_INCOMPLETE || g->status == SUB_UNPAID || g->status == SUB_PAST_DUE;
	bool owes = waits && !g->invoice_paid;
	bool canceled_first = cancel && cancel <= grace_end;
	bool renews = !cancel || cancel > stale_from;
	bool overdue = !owes && renews && now >= stale_from;

#define DECIDE(condition, does_grant, why, by)                                                                         \
	if (v.rule == RULE_NONE && (condition)) v.grants = (does_grant), v.reason = (why), v.rule = (by)
	DECIDE(g->customer_deleted, false, REASON_NO_SUBSCRIPTION, RULE_CUSTOMER_DELETED);
	DECIDE(sub_status_final(g->status), false, REASON_NO_SUBSCRIPTION, RULE_ENDED);
	DECIDE(owes && g->status == SUB_INCOMPLETE, false, REASON_INCOMPLETE, RULE_INCOMPLETE);
	DECIDE(owes && g->status == SUB_UNPAID, false, REASON_UNPAID, RULE_UNPAID);
	DECIDE(g->status == SUB_PAUSED, false, REASON_PAUSED, RULE_PAUSED);
	DECIDE(g->collection_paused && !p->paused_collection_grants, false, REASON_PAUSED, RULE_COLLECTION_PAUSED);
	DECIDE(owes && !canceled_first && now >= grace_end, false, REASON_PAST_DUE, RULE_PAST_DUE_OVER);
	DECIDE(overdue && p->lapse_unrenewed, false, REASON_PAST_DUE, RULE_LAPSED);
	DECIDE(cancel && now >= cancel, false, REASON_NO_SUBSCRIPTION, RULE_CANCEL_REACHED);
	DECIDE(owes, true, REASON_GRACE, RULE_PAST_DUE_GRACE);
	DECIDE(cancel, true, REASON_CANCELING, RULE_CANCELING);
	DECIDE(waits, true, REASON_ACTIVE, RULE_INVOICE_PAID);
	DECIDE(g->status == SUB_TRIALING, true, REASON_TRIALING, RULE_TRIALING);
	DECIDE(g->status == SUB_ACTIVE, true, REASON_ACTIVE, RULE_ACTIVE);
#undef DECIDE
	v.stale = v.grants && overdue;
	if (v.grants && v.tier < 0) {
		v.tier = 0;
		v.rule = RULE_UNMAPPED;
	}
	return v;
}

/* ---- comparing -------------------------------------------------------------- */

static void tell_grant(struct text *t, const struct grant *g) {
	text_add(t,
		 "  %.*s %s%s%s%s%s%s tier=%d unpaid_since=%" PRId64 " period=%" PRId64 "..%" PRId64
		 " cancel_at=%" PRId64,
		 VIEW_FMT(g->subscription), sub_status_name(g->status),
		 g->cancel_at_period_end ? " cancel_at_period_end" : "",
		 g->collection_paused ? " collection_paused" : "", g->invoice_paid ? " invoice_paid" : "",
		 g->customer_deleted ? " customer_deleted" : "", g->unconfirmed ? " unconfirmed" : "",
		 naive_set_tier(&g->items), g->unpaid_since, g->period_start, g->period_end, g->cancel_at);
	for (unsigned i = 0; i < g->earlier_count; i++) text_add(t, " earlier=%d", naive_set_tier(&g->earlier[i].set));
	text_add(t, "\n");
}

static void print_verdict(struct text *t, const char *who, const struct verdict *v) {
	text_add(t,
		 "  %s: grants=%d stale=%d unmapped=%d tier=%d reason=%s rule=\"%s\" until=%" PRId64
		 " changes_at=%" PRId64 "\n",
		 who, v->grants, v->stale, v->unmapped, v->tier, reason_name(v->reason), rule_sentence(v->rule),
		 v->until, v->changes_at);
}

static void print_case(struct text *t, int64_t now) {
	const struct policies *p = &catalog.policies;
	text_add(t,
		 "now=%" PRId64 " past_due_grace=%" PRId64 " renewal_grace=%" PRId64
		 " lapse_unrenewed=%d paused_collection_grants=%d unmapped_keeps_tier=%d\n",
		 now, p->past_due_grace_s, p->renewal_grace_s, p->lapse_unrenewed, p->paused_collection_grants,
		 p->unmapped_keeps_tier);
	for (unsigned i = 0; i < grant_count; i++) tell_grant(t, &grants[i]);
}

static void fail_case(const char *what, int64_t now, const char *more) {
	AUTO(text_free)
	struct text t = {0};
	print_case(&t, now);
	fprintf(stderr, "%s\n%s%s", what, t.bytes, more);
	fail_msg("%s", what);
}

static bool verdict_eq(const struct verdict *a, const struct verdict *b) {
	return a->grants == b->grants && a->stale == b->stale && a->unmapped == b->unmapped && a->tier == b->tier &&
	       a->reason == b->reason && a->rule == b->rule;
}

static void fail_verdict(const char *what, const struct grant *g, int64_t now, const struct verdict *wanted,
			 const struct verdict *got) {
	AUTO(text_free)
	struct text t = {0};
	grants[0] = *g;
	grant_count = 1;
	print_verdict(&t, "wanted", wanted);
	print_verdict(&t, "got", got);
	fail_case(what, now, t.bytes);
}

/* One grant through all of its time: the table holds, `until` is when granting ends and nothing changes before
 * `changes_at`. */
static void check_through_time(const struct grant *g) {
	struct verdict at[END + 1], real[END + 1];
	for (int64_t t = 1; t <= END; t++) {
		at[t] = naive_verdict(g, t);
		real[t] = grant_verdict(g, &catalog, t);
		if (!verdict_eq(&at[t], &real[t])) fail_verdict("not as the table", g, t, &at[t], &real[t]);
	}
	for (int64_t t = 1; t <= END; t++) {
		int64_t until = 0, changes = 0;
		for (int64_t u = END; u > t; u--) {
			if (at[t].grants && !at[u].grants) until = u;
			if (!verdict_eq(&at[u], &at[t])) changes = u;
		}
		at[t].until = until;
		at[t].changes_at = changes;
		if (real[t].until != until) fail_verdict("until", g, t, &at[t], &real[t]);
		if (real[t].changes_at != changes) fail_verdict("changes_at", g, t, &at[t], &real[t]);
	}
}

static void one_grant_is_as_the_table(void **state) {
	(void)state;
	struct random r = law_random("one grant");
	uint64_t rounds = law_rounds(20000), of_rule[RULE_COUNT] = {0};
	for (uint64_t round = 0; round < rounds; round++) {
		random_catalog(&r);
		struct grant g = random_grant(&r, ids[0]);
		check_through_time(&g);
		of_rule[naive_verdict(&g, second(&r)).rule]++;
	}
	for (unsigned i = RULE_NONE + 1; rounds >= 1000 && i <= RULE_UNMAPPED; i++)
		if (!of_rule[i]) fail_msg("no case reached the rule: %s", rule_sentence((enum rule)i));
}

/* ---- several grants --------------------------------------------------------- */

static struct entitlement at(int64_t now, const unsigned *order) {
	struct entitlement e;
	entitlement_begin(&e, &catalog, now);
	for (unsigned i = 0; i < grant_count; i++) entitlement_add(&e, &grants[order ? order[i] : i]);
	entitlement_end(&e);
	return e;
}

static bool entitlement_eq(const struct entitlement *a, const struct entitlement *b) {
	return a->tier == b->tier && a->reason == b->reason && a->rule == b->rule && a->status == b->status &&
	       view_eq(a->subscription, b->subscription) && view_eq(a->event, b->event) && a->seen == b->seen &&
	       a->until == b->until && a->changes_at == b->changes_at && a->next_billing == b->next_billing &&
	       a->seats == b->seats && a->stale == b->stale && a->unconfirmed == b->unconfirmed &&
	       a->unmapped == b->unmapped && a->blocked_tier == b->blocked_tier &&
	       (a->blocked_tier < 0 || a->blocked_reason == b->blocked_reason) && a->granted == b->granted;
}

static bool may_be_blocked(const struct verdict *v) { return !v->grants && v->reason != REASON_NO_SUBSCRIPTION; }

/* The highest tier that is granted, and the highest that is blocked. */
static void naive_tiers(int64_t now, unsigned *ret_tier, bool *ret_granted, int *ret_blocked) {
	*ret_tier = 0;
	*ret_granted = false;
	*ret_blocked = -1;
	for (unsigned i = 0; i < grant_count; i++) {
		struct verdict v = naive_verdict(&grants[i], now);
		if (v.grants && v.tier > (int)*ret_tier) *ret_tier = (unsigned)v.tier;
		if (v.grants) *ret_granted = true;
		if (may_be_blocked(&v) && v.tier > *ret_blocked) *ret_blocked = v.tier;
	}
}

static uint64_t naive_seats(int64_t now) {
	uint64_t seats = 0;
	for (unsigned i = 0; i < grant_count; i++) {
		struct verdict v = naive_verdict(&grants[i], now);
		for (unsigned j = 0; v.grants && j < grants[i].items.count; j++)
			if (v.unmapped || naive_item_tier(&grants[i].items.items[j]) >= 0)
				seats += grants[i].items.items[j].quantity;
	}
	return seats;
}

static void check_now(int64_t now, const struct entitlement *e) {
	unsigned tier;
	bool granted;
	int blocked;
	naive_tiers(now, &tier, &granted, &blocked);
	if (e->tier != tier) fail_case("tier", now, "");
	if (e->granted != granted) fail_case("granted", now, "");
	if (e->seats != naive_seats(now)) fail_case("seats", now, "");
	/* a block that would give no more than what is granted explains nothing */
	if (granted && blocked <= (int)tier) blocked = -1;
	if (e->blocked_tier != blocked) fail_case("blocked_tier", now, "");
	bool decided_by_one = false, blocked_by_one = blocked < 0;
	for (unsigned i = 0; i < grant_count; i++) {
		struct verdict v = naive_verdict(&grants[i], now);
		int gives = v.tier < 0 ? 0 : v.tier;
		if (view_eq(e->subscription, grants[i].subscription) && e->seen == grants[i].seen &&
		    v.grants == granted && e->reason == v.reason && e->rule == v.rule &&
		    e->status == grants[i].status && (!granted || gives == (int)tier))
			decided_by_one = true;
		if (may_be_blocked(&v) && v.tier == blocked && e->blocked_reason == v.reason) blocked_by_one = true;
	}
	if (granted && !decided_by_one) fail_case("no grant gives this answer", now, "");
	if (!blocked_by_one) fail_case("no grant is blocked like this", now, "");
	if (!grant_count && (e->reason != REASON_UNKNOWN_SUBJECT || e->status != SUB_NONE))
		fail_case("nothing known must be an unknown subject", now, "");
	if (grant_count && !granted && e->tier != 0) fail_case("no grant is the lowest tier", now, "");
}

/* What was said about the future comes true second by second. */
static void check_future(int64_t now, const struct entitlement *seen) {
	const struct entitlement *e = &seen[now];
	int64_t until = 0;
	for (int64_t t = END; t > now; t--)
		if (seen[t].tier < e->tier) until = t;
	if (e->granted && e->tier > 0 && e->until != until) {
		char more[64];
		snprintf(more, sizeof more, "  until=%" PRId64 ", wanted %" PRId64 "\n", e->until, until);
		fail_case("until is not when the tier ends", now, more);
	}
	if (e->changes_at && e->changes_at <= now) fail_case("changes_at is in the past", now, "");
	for (int64_t t = now + 1; t <= END && (!e->changes_at || t < e->changes_at); t++)
		if (!entitlement_eq(e, &seen[t])) {
			char more[96];
			snprintf(more, sizeof more, "  something changed at %" PRId64 ", changes_at=%" PRId64 "\n", t,
				 e->changes_at);
			fail_case("something changed before changes_at", now, more);
		}
}

static void several_grants_add_up(void **state) {
	(void)state;
	struct random r = law_random("several grants");
	uint64_t rounds = law_rounds(4000);
	static struct entitlement seen[END + 1];
	for (uint64_t round = 0; round < rounds; round++) {
		random_catalog(&r);
		random_grants(&r);
		for (int64_t t = 1; t <= END; t++) {
			seen[t] = at(t, NULL);
			check_now(t, &seen[t]);
		}
		for (int64_t t = 1; t <= END; t++) check_future(t, seen);
	}
}

static void the_order_of_grants_does_not_matter(void **state) {
	(void)state;
	struct random r = law_random("order of grants");
	uint64_t rounds = law_rounds(20000);
	for (uint64_t round = 0; round < rounds; round++) {
		unsigned order[GRANTS] = {0, 1, 2, 3, 4};
		random_catalog(&r);
		random_grants(&r);
		/* ties: the same subscription told of twice, but for its id */
		if (grant_count > 1 && random_chance(&r, 40)) {
			grants[1] = grants[0];
			grants[1].subscription = ids[1];
		}
		int64_t now = second(&r);
		struct entitlement straight = at(now, order);
		random_shuffle(&r, order, grant_count);
		struct entitlement shuffled = at(now, order);
		if (!entitlement_eq(&straight, &shuffled)) fail_case("the order of the grants matters", now, "");
	}
}

/* ---- decisions -------------------------------------------------------------- */

static bool has(unsigned tier, struct requirement q) {
	if (q.tier >= 0) return (int)tier >= q.tier;
	return catalog.tiers[tier].features[0] >> q.feature & 1;
}

/* Whatever grants adds up. */
static bool any_grant_has(int64_t now, struct requirement q) {
	bool any = false, granted = false;
	for (unsigned i = 0; i < grant_count; i++) {
		struct verdict v = naive_verdict(&grants[i], now);
		granted |= v.grants;
		any |= v.grants && has((unsigned)v.tier, q);
	}
	return granted ? any : has(0, q);
}

static struct decision naive_decision(int64_t now, const struct entitlement *e, struct requirement q) {
	struct decision d = {.allowed = any_grant_has(now, q), .need = -1};
	if (d.allowed) {
		d.reason = e->reason;
		return d;
	}
	for (int i = (int)catalog.tier_count - 1; i >= 0; i--)
		if (has((unsigned)i, q)) d.need = i;
	bool blocked = e->blocked_tier >= 0 && has((unsigned)e->blocked_tier, q);
	if (!grant_count)
		d.reason = REASON_UNKNOWN_SUBJECT;
	else if (blocked)
		d.reason = e->blocked_reason;
	else if (!e->granted)
		d.reason = e->reason;
	else
		d.reason = q.tier >= 0 ? REASON_TIER_TOO_LOW : REASON_FEATURE_NOT_IN_TIER;
	return d;
}

static void check_decision(int64_t now, struct requirement q) {
	struct entitlement e = at(now, NULL);
	struct decision got = entitlement_decide(&e, q), wanted = naive_decision(now, &e, q);
	if (got.allowed != wanted.allowed || got.need != wanted.need || got.reason != wanted.reason) {
		char more[200];
		snprintf(more, sizeof more,
			 "  tier %u, asked tier %d feature %d: wanted allowed=%d need=%d %s, got allowed=%d need=%d "
			 "%s\n",
			 e.tier, q.tier, q.feature, wanted.allowed, wanted.need, reason_name(wanted.reason),
			 got.allowed, got.need, reason_name(got.reason));
		fail_case("the decision", now, more);
	}
	if (got.until && got.until <= now) fail_case("a decision ends in the past", now, "");
	for (int64_t t = now + 1; t <= END && (!got.until || t < got.until); t++) {
		struct entitlement then = at(t, NULL);
		if (entitlement_decide(&then, q).allowed != got.allowed) {
			char more[120];
			snprintf(more, sizeof more,
				 "  asked tier %d feature %d: until=%" PRId64 " but it changes at %" PRId64 "\n",
				 q.tier, q.feature, got.until, t);
			fail_case("a decision changes before its end", now, more);
		}
	}
}

static void decisions_are_as_the_model(void **state) {
	(void)state;
	struct random r = law_random("decisions");
	uint64_t rounds = law_rounds(4000);
	for (uint64_t round = 0; round < rounds; round++) {
		random_catalog(&r);
		random_grants(&r);
		int64_t now = second(&r);
		for (int i = 0; i < (int)catalog.tier_count; i++) check_decision(now, (struct requirement){i, -1});
		for (int i = 0; i < (int)catalog.feature_count; i++) check_decision(now, (struct requirement){-1, i});
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_grant_is_as_the_table),
		cmocka_unit_test(several_grants_add_up),
		cmocka_unit_test(the_order_of_grants_does_not_matter),
		cmocka_unit_test(decisions_are_as_the_model),
	};
	(void)law_seed();
	return cmocka_run_group_tests_name("entitlement", tests, NULL, NULL);
}
