#include "answer.h"

#include "fake_store.h"

#define NOW 5000

static struct catalog_file *file;
static const struct catalog *catalog;

static int set_up(void **state) {
	(void)state;
	file = fake_catalog();
	catalog = catalog_file_get(file);
	return 0;
}

static int tear_down(void **state) {
	(void)state;
	catalog_file_destroy(&file);
	return 0;
}

static struct entitlement entitlement(const struct grant *g, int64_t at) {
	fake_reset();
	fake_add(true, "", "u", g);
	struct entitlement e;
	assert_int_equal(subject_row_entitlement(view_of(fake.rows[0].bytes, fake.rows[0].len), catalog, at, &e), OK);
	return e;
}

static struct requirement need(const char *tier, const char *feat) {
	const struct tg01_question q = {.tier = view_str(tier), .feat = view_str(feat)};
	struct requirement r;
	struct answer_failure why;
	assert_true(answer_requirement(catalog, &q, &r, &why));
	return r;
}

static void assert_text(struct view got, const char *want) {
	if (!view_eq(got, view_str(want))) fail_msg("\"%.*s\" is not \"%s\"", VIEW_FMT(got), want);
}

static void allows(void **state) {
	(void)state;
	const struct grant g = fake_grant(SUB_ACTIVE, "price_pro");
	const struct entitlement e = entitlement(&g, NOW);
	struct tg01_answer a = answer_check(&e, need("pro", NULL), NOW, NOW);
	assert_true(a.allowed);
	assert_text(a.reason, "active");
	assert_text(a.tier, "pro");
	assert_text(a.status, "active");
	assert_int_equal(a.need.len, 0);
	assert_int_equal(a.until, 0);
	assert_int_equal(a.ttl, TG01_TTL_MAX);
	assert_false(a.stale);
	assert_true(answer_check(&e, need(NULL, "trading"), NOW, NOW).allowed);
	assert_true(answer_check(&e, need(NULL, "basic"), NOW, NOW).allowed);
}

static void denies(void **state) {
	(void)state;
	const struct grant g = fake_grant(SUB_ACTIVE, "price_pro");
	const struct entitlement e = entitlement(&g, NOW);
	struct tg01_answer a = answer_check(&e, need("inst", NULL), NOW, NOW);
	assert_false(a.allowed);
	assert_text(a.reason, "tier_too_low");
	assert_text(a.need, "inst");
	a = answer_check(&e, need(NULL, "fix"), NOW, NOW);
	assert_false(a.allowed);
	assert_text(a.reason, "feature_not_in_tier");
	assert_text(a.need, "inst");
}

static void an_unknown_subject_has_the_lowest_tier(void **state) {
	(void)state;
	struct entitlement e;
	assert_int_equal(subject_row_entitlement(VIEW_NONE, catalog, NOW, &e), OK);
	struct tg01_answer a = answer_check(&e, need("pro", NULL), NOW, NOW);
	assert_false(a.allowed);
	assert_text(a.reason, "unknown_subject");
	assert_text(a.tier, "free");
	assert_text(a.status, "none");
	a = answer_check(&e, need(NULL, "basic"), NOW, NOW);
	assert_true(a.allowed);
	const struct entitlement known = entitlement(NULL, NOW);
	assert_text(answer_check(&known, need("pro", NULL), NOW, NOW).reason, "no_subscription");
}

static void ttl_ends_at_the_next_change(void **state) {
	(void)state;
	struct grant g = fake_grant(SUB_ACTIVE, "price_pro");
	g.cancel_at_period_end = true;
	g.period_end = g.cancel_at = NOW + 30;
	struct entitlement e = entitlement(&g, NOW);
	struct tg01_answer a = answer_check(&e, need("pro", NULL), NOW, NOW);
	assert_text(a.reason, "canceling");
	assert_int_equal(a.until, NOW + 30);
	assert_int_equal(a.ttl, 30);
	g.period_end = g.cancel_at = NOW + TG01_TTL_MAX + 1;
	e = entitlement(&g, NOW);
	assert_int_equal(answer_check(&e, need("pro", NULL), NOW, NOW).ttl, TG01_TTL_MAX);
	/* the same function with another now: after the date it is over */
	g.period_end = g.cancel_at = NOW + 30;
	e = entitlement(&g, NOW + 30);
	a = answer_check(&e, need("pro", NULL), NOW, NOW + 30);
	assert_false(a.allowed);
	assert_int_equal(a.ttl, TG01_TTL_MAX);
}

static void profile(void **state) {
	(void)state;
	const struct grant g = fake_grant(SUB_TRIALING, "price_pro");
	const struct entitlement e = entitlement(&g, NOW);
	struct view feats[FEATURES_MAX];
	const struct tg01_profile p = answer_get(&e, feats, NOW, NOW);
	assert_text(p.tier, "pro");
	assert_text(p.status, "trialing");
	assert_text(p.reason, "trialing");
	assert_int_equal(p.feat_count, 2);
	assert_text(p.feats[0], "basic");
	assert_text(p.feats[1], "trading");
	assert_int_equal(p.seats, 3);
}

static void unknown_names_are_errors(void **state) {
	(void)state;
	struct requirement r = {7, 7};
	struct answer_failure why;
	assert_false(answer_requirement(catalog, &(struct tg01_question){.tier = VIEW("gold")}, &r, &why));
	assert_int_equal(why.code, TG01_UNKNOWN_TIER);
	assert_string_equal(why.text, "tier: the catalog has no gold");
	assert_false(answer_requirement(catalog, &(struct tg01_question){.feat = VIEW("tradin")}, &r, &why));
	assert_int_equal(why.code, TG01_UNKNOWN_FEATURE);
	assert_int_equal(r.tier, 7);
}

static void moments(void **state) {
	(void)state;
	static const struct {
		int64_t at, want;
	} cases[] = {{0, NOW}, {NOW, NOW}, {NOW - AT_SLACK_S, NOW}, {NOW + 1, NOW + 1}, {NOW + 1000000, NOW + 1000000}};
	bool past;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(answer_moment(&(struct tg01_question){.at = cases[i].at}, NOW, &past), cases[i].want);
		assert_false(past);
	}
	assert_int_equal(answer_moment(&(struct tg01_question){.at = NOW - AT_SLACK_S - 1}, NOW, &past),
			 NOW - AT_SLACK_S - 1);
	assert_true(past);
}

static struct change answered(const char *tier, enum reason reason) {
	return (struct change){.ver = 9,
			       .at_ms = 4000000,
			       .after = view_str(tier),
			       .reason = reason,
			       .rule = RULE_ACTIVE,
			       .status = SUB_ACTIVE,
			       .until = 4900,
			       .changes_at = 4500,
			       .seats = 3,
			       .known = true};
}

static void the_past(void **state) {
	(void)state;
	struct change then = answered("pro", REASON_CANCELING);
	struct entitlement e;
	struct answer_failure why;
	assert_true(answer_past(catalog, &then, &e, &why));
	struct tg01_answer a = answer_check(&e, need(NULL, "trading"), NOW, 4100);
	assert_true(a.allowed);
	assert_text(a.reason, "canceling");
	assert_int_equal(a.until, 4900);
	assert_int_equal(a.ttl, TG01_TTL_MAX); /* the past does not change */
	a = answer_check(&e, need("inst", NULL), NOW, 4100);
	assert_false(a.allowed);
	assert_text(a.reason, "tier_too_low");
	assert_text(a.need, "inst");
	struct view feats[FEATURES_MAX];
	struct tg01_profile p = answer_get(&e, feats, NOW, 4100);
	assert_text(p.tier, "pro");
	assert_int_equal(p.feat_count, 2);
	assert_int_equal(p.seats, 3);

	/* what lower tiers had beside it counted, too; one that is not in the catalog any more does not */
	assert_false(answer_check(&e, need(NULL, "fix"), NOW, 4100).allowed);
	then.also_count = 2;
	then.also[0] = VIEW("gone");
	then.also[1] = VIEW("inst");
	assert_true(answer_past(catalog, &then, &e, &why));
	assert_true(answer_check(&e, need(NULL, "fix"), NOW, 4100).allowed);

	then = answered("free", REASON_PAST_DUE);
	then.until = 0;
	then.blocked_tier = VIEW("pro");
	then.blocked_reason = REASON_PAST_DUE;
	assert_true(answer_past(catalog, &then, &e, &why));
	a = answer_check(&e, need("pro", NULL), NOW, 4100);
	assert_false(a.allowed);
	assert_text(a.reason, "past_due");
	assert_true(answer_check(&e, need("free", NULL), NOW, 4100).allowed);

	then = answered("gold", REASON_ACTIVE);
	assert_false(answer_past(catalog, &then, &e, &why));
	assert_int_equal(why.code, TG01_BAD_REQUEST);
	assert_non_null(strstr(why.text, "gold"));
}

static void before_the_log(void **state) {
	(void)state;
	struct answer_failure why = answer_no_log(100, 1700000000001);
	assert_int_equal(why.code, TG01_BAD_REQUEST);
	assert_non_null(strstr(why.text, "2023-11-14T22:13:21Z (1700000001)"));
	why = answer_no_log(1700000009, 1700000000001);
	assert_non_null(strstr(why.text, "too many changes"));
}

static void a_damaged_row_is_no_answer(void **state) {
	(void)state;
	const struct grant g = fake_grant(SUB_ACTIVE, "price_pro");
	fake_reset();
	fake_add(true, "", "u", &g);
	for (size_t cut = 1; cut < fake.rows[0].len; cut++) {
		struct entitlement e;
		if (subject_row_entitlement(view_of(fake.rows[0].bytes, cut), catalog, NOW, &e) == OK)
			fail_msg("a row cut to %zu is answered", cut);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(allows),
		cmocka_unit_test(denies),
		cmocka_unit_test(an_unknown_subject_has_the_lowest_tier),
		cmocka_unit_test(ttl_ends_at_the_next_change),
		cmocka_unit_test(profile),
		cmocka_unit_test(unknown_names_are_errors),
		cmocka_unit_test(moments),
		cmocka_unit_test(the_past),
		cmocka_unit_test(before_the_log),
		cmocka_unit_test(a_damaged_row_is_no_answer),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
