#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "limits.h"

#define NOW INT64_C(1000000)

static int64_t take(struct limits *l, const char *subject, unsigned rate, int64_t now_ms) {
	return limits_take(l, view_str(subject), VIEW_NONE, (struct rate){rate, 0}, 1, now_ms);
}

static void a_burst_and_then_the_rate(void **unused) {
	(void)unused;
	struct limits *l = limits_create(7);
	for (int i = 0; i < 15; i++) assert_int_equal(take(l, "alice", 60, NOW), 0);
	int64_t wait = take(l, "alice", 60, NOW);
	assert_int_equal(wait, 1000);
	assert_int_equal(take(l, "alice", 60, NOW + wait - 1), 1);
	assert_int_equal(take(l, "alice", 60, NOW + wait), 0);
	assert_int_equal(take(l, "bob", 60, NOW), 0);
	assert_int_equal(limits_take(l, VIEW("alice"), VIEW("/other"), (struct rate){60, 0}, 1, NOW), 0);
	limits_destroy(&l);
	assert_null(l);
	limits_destroy(&l);
}

static int64_t cost(struct limits *l, unsigned n, int64_t now_ms) {
	return limits_take(l, VIEW("alice"), VIEW("calls"), (struct rate){60, 60}, n, now_ms);
}

static void what_costs_more_waits_longer(void **unused) {
	(void)unused;
	struct limits *l = limits_create(7);
	for (int i = 0; i < 14; i++) assert_int_equal(cost(l, 4, NOW), 0);
	assert_int_equal(cost(l, 2, NOW), 0);
	assert_int_equal(cost(l, 4, NOW), 2000);
	assert_int_equal(cost(l, 3, NOW), 1000);
	assert_int_equal(cost(l, 2, NOW), 0);
	assert_int_equal(cost(l, 0, NOW), 0);
	assert_int_equal(cost(l, 4, NOW + 3999), 1);
	assert_int_equal(cost(l, 4, NOW + 4000), 0);
	limits_destroy(&l);
}

static void what_is_added_is_waited_for(void **unused) {
	(void)unused;
	struct limits *l = limits_create(7);
	limits_add(l, VIEW("alice"), VIEW("calls"), (struct rate){60, 60}, 90, NOW);
	assert_int_equal(cost(l, 2, NOW), 32000);
	assert_int_equal(cost(l, 2, NOW + 31999), 1);
	assert_int_equal(cost(l, 2, NOW + 32000), 0);
	assert_int_equal(take(l, "alice", 60, NOW), 0);
	limits_destroy(&l);
}

/* What was given back is there again; what nobody took cannot be. */
static void what_is_given_back_is_there(void **unused) {
	(void)unused;
	struct limits *l = limits_create(7);
	const struct rate rate = {60, 60};
	limits_give(l, VIEW("alice"), VIEW("calls"), rate, 5);
	assert_int_equal(cost(l, 60, NOW), 0);
	assert_int_equal(cost(l, 1, NOW), 1000);
	limits_give(l, VIEW("alice"), VIEW("calls"), rate, 3);
	assert_int_equal(cost(l, 4, NOW), 1000);
	assert_int_equal(cost(l, 3, NOW), 0);
	assert_int_equal(cost(l, 1, NOW), 1000);
	limits_give(l, VIEW("bob"), VIEW("calls"), rate, 3);
	limits_give(l, VIEW("alice"), VIEW_NONE, rate, 3);
	assert_int_equal(cost(l, 1, NOW), 1000);
	limits_give(l, VIEW("alice"), VIEW("calls"), (struct rate){0, 0}, 3);
	assert_int_equal(cost(l, 1, NOW), 1000);
	limits_destroy(&l);
}

/* However low the rate: who owes nothing is served. */
static void more_than_may_be_at_once(void **unused) {
	(void)unused;
	struct limits *l = limits_create(7);
	const struct rate rate = {1, 1};
	assert_int_equal(limits_take(l, VIEW("alice"), VIEW_NONE, rate, 4, NOW), 0);
	assert_int_equal(limits_take(l, VIEW("alice"), VIEW_NONE, rate, 4, NOW), 240000);
	assert_int_equal(limits_take(l, VIEW("alice"), VIEW_NONE, rate, 4, NOW + 240000), 0);
	limits_destroy(&l);
}

/* In any span of t minutes no more than rate * t and a burst. */
static void never_more_than_the_rate(void **unused) {
	(void)unused;
	const unsigned rates[] = {1, 2, 3, 7, 60, 240, 6000, 1000000};
	for (size_t r = 0; r < ARRAY_LEN(rates); r++) {
		struct limits *l = limits_create(r);
		uint64_t given = 0;
		for (int64_t ms = 0; ms < 180000; ms += 7)
			for (int i = 0; i < 3; i++) given += take(l, "s", rates[r], NOW + ms) == 0;
		uint64_t burst = rates[r] / 4 ? rates[r] / 4 : 1;
		if (given > 3 * (uint64_t)rates[r] + burst + 1)
			fail_msg("%llu at %u a minute", (unsigned long long)given, rates[r]);
		uint64_t most = 3 * (180000 / 7 + 1), due = 3 * (uint64_t)rates[r];
		if (given + 1 < (due < most ? due : most) * 9 / 10)
			fail_msg("only %llu at %u", (unsigned long long)given, rates[r]);
		limits_destroy(&l);
	}
}

/* More subjects than places: whoever hammers stays limited while others come and go. */
static void a_full_table_forgets_the_quiet(void **unused) {
	(void)unused;
	struct limits *l = limits_create(1);
	char name[32];
	unsigned given = 0;
	for (unsigned i = 0; i < 200000; i++) {
		(void)snprintf(name, sizeof name, "subject-%u", i);
		assert_int_equal(take(l, name, 60, NOW), 0);
		given += take(l, "hammer", 60, NOW) == 0;
	}
	/* its place may be taken a few times, never often */
	assert_true(given < 200);
	limits_destroy(&l);
}

static void no_rate_no_limit(void **unused) {
	(void)unused;
	struct limits *l = limits_create(1);
	for (int i = 0; i < 1000; i++) assert_int_equal(take(l, "alice", 0, NOW), 0);
	limits_destroy(&l);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_burst_and_then_the_rate),      cmocka_unit_test(what_costs_more_waits_longer),
		cmocka_unit_test(what_is_added_is_waited_for),    cmocka_unit_test(what_is_given_back_is_there),
		cmocka_unit_test(more_than_may_be_at_once),       cmocka_unit_test(never_more_than_the_rate),
		cmocka_unit_test(a_full_table_forgets_the_quiet), cmocka_unit_test(no_rate_no_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
