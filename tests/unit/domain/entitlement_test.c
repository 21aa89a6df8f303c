#include "base/attr.h"
#include "domain/entitlement.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define NOW 1500
#define PERIOD_END 2000

static const struct catalog_grant catalog_grants[] = {{GRANT_PRICE, VIEW_INIT("inst"), 2},
						      {GRANT_PRICE, VIEW_INIT("pro"), 1}};
/* institutional has fix, and not pro's trading */
static const struct catalog catalog = {
	.tier_count = 3,
	.tiers = {{VIEW_INIT("free"), {1}}, {VIEW_INIT("pro"), {1 | 2}}, {VIEW_INIT("institutional"), {1 | 4}}},
	.feature_count = 4,
	.features = {VIEW_INIT("scanner"), VIEW_INIT("trading"), VIEW_INIT("fix"), VIEW_INIT("nobody")},
	.grant_count = ARRAY_LEN(catalog_grants),
	.grants = catalog_grants,
	.policies = {.past_due_grace_s = 100, .renewal_grace_s = 30, .paused_collection_grants = true},
};

static struct grant grant(const char *id, const char *price, enum sub_status status) {
	return (struct grant){.subscription = view_str(id),
			      .event = VIEW("evt_1"),
			      .status = status,
			      .seen = 1200,
			      .period_start = 1000,
			      .period_end = PERIOD_END,
			      .unpaid_since = status == SUB_PAST_DUE ? 1000 : 0,
			      .items = {1, {{view_str(price), VIEW(""), VIEW(""), 3}}}};
}

static struct entitlement of(const struct grant *grants, unsigned count) {
	struct entitlement e;
	entitlement_begin(&e, &catalog, NOW);
	for (unsigned i = 0; i < count; i++) entitlement_add(&e, &grants[i]);
	entitlement_end(&e);
	return e;
}

static struct decision ask(const struct entitlement *e, int tier, int feature) {
	return entitlement_decide(e, (struct requirement){tier, feature});
}

static void names_and_sentences_are_there(void **state) {
	(void)state;
	for (unsigned i = 0; i < REASON_COUNT; i++) assert_true(strlen(reason_name((enum reason)i)) > 0);
	for (unsigned i = 0; i < RULE_COUNT; i++) assert_true(strlen(rule_sentence((enum rule)i)) > 0);
	assert_non_null(reason_name((enum reason)99));
	assert_non_null(rule_sentence((enum rule)99));
}

static void an_unknown_subject_has_the_lowest_tier(void **state) {
	(void)state;
	struct entitlement e = of(NULL, 0);
	assert_int_equal(e.tier, 0);
	assert_int_equal(e.reason, REASON_UNKNOWN_SUBJECT);
	assert_int_equal(e.status, SUB_NONE);
	struct decision free_one = ask(&e, -1, 0), paid = ask(&e, 1, -1), nobodys = ask(&e, -1, 3);
	assert_true(free_one.allowed);
	assert_int_equal(free_one.reason, REASON_UNKNOWN_SUBJECT);
	assert_false(paid.allowed);
	assert_int_equal(paid.reason, REASON_UNKNOWN_SUBJECT);
	assert_int_equal(paid.need, 1);
	assert_false(nobodys.allowed);
	assert_int_equal(nobodys.need, -1);
}

static void a_known_subject_without_a_subscription(void **state) {
	(void)state;
	struct entitlement e;
	entitlement_begin(&e, &catalog, NOW);
	entitlement_known(&e);
	entitlement_end(&e);
	assert_int_equal(e.reason, REASON_NO_SUBSCRIPTION);
	assert_int_equal(ask(&e, 1, -1).reason, REASON_NO_SUBSCRIPTION);
	assert_true(ask(&e, 0, -1).allowed);
}

static void the_highest_tier_counts_and_seats_add_up(void **state) {
	(void)state;
	const struct grant both[] = {grant("sub_1", "inst", SUB_ACTIVE), grant("sub_2", "pro", SUB_ACTIVE)};
	struct entitlement e = of(both, 2);
	assert_int_equal(e.tier, 2);
	assert_int_equal(e.seats, 6);
	assert_true(view_eq(e.subscription, VIEW("sub_1")));
	assert_int_equal(e.seen, 1200);
	assert_int_equal(e.next_billing, PERIOD_END);
}

static void seats_do_not_overflow(void **state) {
	(void)state;
	struct grant many[] = {grant("sub_1", "inst", SUB_ACTIVE), grant("sub_2", "pro", SUB_ACTIVE)};
	many[0].items.items[0].quantity = many[1].items.items[0].quantity = UINT64_MAX - 1;
	struct entitlement e = of(many, 2);
	assert_true(e.seats == UINT64_MAX);
}

static void a_block_explains_a_denial(void **state) {
	(void)state;
	/* pro is granted, institutional would be if it were paid */
	const struct grant mixed[] = {grant("sub_1", "pro", SUB_ACTIVE), grant("sub_2", "inst", SUB_PAST_DUE)};
	struct entitlement e = of(mixed, 2);
	assert_int_equal(e.tier, 1);
	assert_int_equal(e.blocked_tier, 2);
	assert_int_equal(ask(&e, 2, -1).reason, REASON_PAST_DUE);
	assert_int_equal(ask(&e, -1, 2).reason, REASON_PAST_DUE);
	assert_int_equal(ask(&e, 2, -1).need, 2);
	assert_int_equal(ask(&e, -1, 3).reason, REASON_FEATURE_NOT_IN_TIER);
	/* nothing blocked: simply too low */
	e = of(mixed, 1);
	assert_int_equal(e.blocked_tier, -1);
	assert_int_equal(ask(&e, 2, -1).reason, REASON_TIER_TOO_LOW);
	assert_int_equal(ask(&e, -1, 2).reason, REASON_FEATURE_NOT_IN_TIER);
}

static void a_higher_tier_need_not_have_the_features_below(void **state) {
	(void)state;
	struct grant inst = grant("sub_1", "inst", SUB_ACTIVE);
	struct entitlement e = of(&inst, 1);
	struct decision d = ask(&e, -1, 1);
	assert_false(d.allowed);
	assert_int_equal(d.need, 1);
	assert_int_equal(d.reason, REASON_FEATURE_NOT_IN_TIER);
}

static void answers_say_when_they_end(void **state) {
	(void)state;
	struct grant g = grant("sub_1", "inst", SUB_ACTIVE);
	g.cancel_at_period_end = true;
	struct entitlement e = of(&g, 1);
	assert_int_equal(e.until, PERIOD_END);
	assert_int_equal(e.changes_at, PERIOD_END);
	assert_int_equal(e.next_billing, 0);
	assert_int_equal(ask(&e, 2, -1).until, PERIOD_END);
	assert_int_equal(ask(&e, 0, -1).until, 0); /* everybody has that */
	assert_int_equal(ask(&e, -1, 0).until, 0); /* so has every tier below */
	assert_int_equal(ask(&e, -1, 2).until, PERIOD_END);
	assert_int_equal(ask(&e, -1, 3).until, 0);
	/* the tier below has it, but the lowest is what follows */
	assert_int_equal(ask(&e, -1, 1).until, 0);
	/* a second subscription of the same tier that does not end */
	const struct grant two[] = {g, grant("sub_2", "inst", SUB_ACTIVE)};
	e = of(two, 2);
	assert_int_equal(e.until, 0);
	assert_true(view_eq(e.subscription, VIEW("sub_2")));
	assert_int_equal(e.changes_at, PERIOD_END);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_and_sentences_are_there),
		cmocka_unit_test(an_unknown_subject_has_the_lowest_tier),
		cmocka_unit_test(a_known_subject_without_a_subscription),
		cmocka_unit_test(the_highest_tier_counts_and_seats_add_up),
		cmocka_unit_test(seats_do_not_overflow),
		cmocka_unit_test(a_block_explains_a_denial),
		cmocka_unit_test(a_higher_tier_need_not_have_the_features_below),
		cmocka_unit_test(answers_say_when_they_end),
	};
	return cmocka_run_group_tests_name("entitlement", tests, NULL, NULL);
}
