/* One grant or override against the status table in lives/table.h, second by second. */
#include "lives/table.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct table table;

static void print_verdict(struct text *t, const char *who, const struct verdict *v) {
	text_add(t,
		 "  %s: grants=%d stale=%d unmapped=%d tier=%d reason=%s rule=\"%s\" until=%" PRId64
		 " begins_at=%" PRId64 " changes_at=%" PRId64 "\n",
		 who, v->grants, v->stale, v->unmapped, v->tier, reason_name(v->reason), rule_sentence(v->rule),
		 v->until, v->begins_at, v->changes_at);
}

static void fail_verdict(const char *what, int64_t now, const struct verdict *wanted, const struct verdict *got) {
	AUTO(text_free)
	struct text t = {0};
	table_print(&t, &table, now);
	print_verdict(&t, "wanted", wanted);
	print_verdict(&t, "got", got);
	fail_msg("%s\n%s", what, t.bytes);
}

static bool verdict_eq(const struct verdict *a, const struct verdict *b) {
	return a->grants == b->grants && a->stale == b->stale && a->unmapped == b->unmapped && a->tier == b->tier &&
	       a->reason == b->reason && a->rule == b->rule && a->items == b->items;
}

/* Does `b` give less than `a`? */
static bool less(const struct verdict *a, const struct verdict *b) { return !b->grants || b->tier < a->tier; }
static bool more(const struct verdict *a, const struct verdict *b) {
	return b->grants && (!a->grants || b->tier != a->tier);
}

/* Through all of its time: the table holds, `until` is when it gives less, nothing it may give begins before begins_at,
 * and nothing at all changes before changes_at. */
static void check_through_time(struct verdict (*naive)(int64_t now), struct verdict (*real)(int64_t now)) {
	struct verdict wanted[TABLE_END + 1], got[TABLE_END + 1];
	for (int64_t t = 1; t <= TABLE_END; t++) {
		wanted[t] = naive(t);
		got[t] = real(t);
		if (!verdict_eq(&wanted[t], &got[t])) fail_verdict("not as the table", t, &wanted[t], &got[t]);
	}
	for (int64_t t = 1; t <= TABLE_END; t++) {
		struct verdict *w = &wanted[t], *g = &got[t];
		for (int64_t u = TABLE_END; u > t; u--) {
			if (w->grants && less(w, &wanted[u])) w->until = u;
			if (more(w, &wanted[u])) w->begins_at = u;
			if (!verdict_eq(w, &wanted[u])) w->changes_at = u;
		}
		if (g->until != w->until) fail_verdict("until", t, w, g);
		if (w->changes_at && (g->changes_at <= t || g->changes_at > w->changes_at))
			fail_verdict("changes_at", t, w, g);
		if (g->changes_at && g->changes_at <= t) fail_verdict("changes_at is past", t, w, g);
		if (w->begins_at && (g->begins_at <= t || g->begins_at > w->begins_at))
			fail_verdict("begins_at", t, w, g);
		if (g->begins_at && g->begins_at <= t) fail_verdict("begins_at is past", t, w, g);
	}
}

static struct verdict naive_grant_at(int64_t now) { return naive_verdict(&table.catalog, &table.grants[0], now); }
static struct verdict real_grant_at(int64_t now) { return grant_verdict(&table.grants[0], &table.catalog, now); }
static struct verdict naive_override_at(int64_t now) {
	return naive_override(&table.catalog, &table.overrides[0], now);
}
static struct verdict real_override_at(int64_t now) {
	return override_verdict(&table.overrides[0], &table.catalog, now);
}

static void one_at_a_time_is_as_the_table(void **state) {
	(void)state;
	struct random r = law_random("one grant");
	uint64_t rounds = law_rounds(20000), of_rule[RULE_COUNT] = {0}, of_reason[REASON_COUNT] = {0};
	for (uint64_t round = 0; round < rounds; round++) {
		table_random_catalog(&table, &r);
		table_random_grants(&table, &r, 1);
		table_random_overrides(&table, &r, 1);
		if (table.grant_count) check_through_time(naive_grant_at, real_grant_at);
		if (table.override_count) check_through_time(naive_override_at, real_override_at);
		int64_t now = table_second(&r);
		if (table.grant_count) of_rule[naive_grant_at(now).rule]++, of_reason[naive_grant_at(now).reason]++;
		if (table.override_count) of_rule[naive_override_at(now).rule]++;
		/* what has ended never wakes anybody again */
		if (table.grant_count && sub_status_final(table.grants[0].status))
			assert_int_equal(real_grant_at(now).changes_at, 0);
	}
	for (unsigned i = RULE_NONE + 1; rounds >= 1000 && i < RULE_COUNT; i++)
		if (!of_rule[i]) fail_msg("no case reached the rule: %s", rule_sentence((enum rule)i));
}

/* Dates as a hostile sender may write them: nothing overflows, and what is said about the future is in the future. */
static void times_of_any_size(void **state) {
	static const int64_t odd[] = {INT64_MIN, INT64_MIN + 1, -1, 0, 1, INT64_MAX - 1, INT64_MAX};
	(void)state;
	struct random r = law_random("odd times");
	uint64_t rounds = law_rounds(20000);
	for (uint64_t round = 0; round < rounds; round++) {
		table_random_catalog(&table, &r);
		do table_random_grants(&table, &r, 1);
		while (!table.grant_count);
		struct grant *g = &table.grants[0];
		int64_t *const times[] = {&g->created,        &g->seen,
					  &g->period_start,   &g->period_end,
					  &g->trial_end,      &g->cancel_at,
					  &g->ended_at,       &g->unpaid_since,
					  &g->refunded_until, &g->dispute_lost_until,
					  &g->schedule_ends,  &g->phases[0].start,
					  &g->phases[1].start};
		for (unsigned i = 0; i < 4; i++)
			*times[random_below(&r, ARRAY_LEN(times))] = odd[random_below(&r, ARRAY_LEN(odd))];
		int64_t now = random_chance(&r, 30) ? odd[random_below(&r, ARRAY_LEN(odd))] : table_second(&r);
		struct verdict v = grant_verdict(g, &table.catalog, now);
		assert_true(v.changes_at == 0 || v.changes_at > now);
		assert_true(v.grants || v.until == 0);
		assert_true(!v.grants || (v.tier >= 0 && v.tier < (int)table.catalog.tier_count));
		struct override o = {.tier = VIEW("a"), .from = odd[round % ARRAY_LEN(odd)], .until = g->cancel_at};
		v = override_verdict(&o, &table.catalog, now);
		assert_true(v.changes_at == 0 || v.changes_at > now);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_at_a_time_is_as_the_table),
		cmocka_unit_test(times_of_any_size),
	};
	(void)law_seed();
	return cmocka_run_group_tests_name("verdict", tests, NULL, NULL);
}
