/* The status table, row by row: each with each value of the policy that it names and on both sides of its date. */
#include "base/attr.h"
#include "domain/entitlement.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define START 1000
#define PERIOD_END 2000
#define GRACE 70
#define RENEWAL 30

static const struct catalog_grant catalog_grants[] = {{GRANT_PRICE, VIEW_INIT("inst"), 2},
						      {GRANT_PRICE, VIEW_INIT("pro"), 1}};

static struct catalog catalog(void) {
	return (struct catalog){.tier_count = 3,
				.grant_count = ARRAY_LEN(catalog_grants),
				.grants = catalog_grants,
				.policies = {.past_due_grace_s = GRACE,
					     .renewal_grace_s = RENEWAL,
					     .paused_collection_grants = true,
					     .unmapped_keeps_tier = true}};
}

static struct grant pro(enum sub_status status) {
	return (struct grant){.subscription = VIEW("sub_1"),
			      .status = status,
			      .created = START,
			      .seen = START,
			      .period_start = START,
			      .period_end = PERIOD_END,
			      .items = {1, {{VIEW("pro"), VIEW(""), VIEW(""), 1}}}};
}

/* What a row promises at a moment. */
struct row {
	int64_t now;
	bool grants;
	enum reason reason;
	enum rule rule;
	int64_t until;
	bool stale;
};

static void check(const struct grant *g, const struct catalog *c, const struct row *rows, size_t count) {
	for (size_t i = 0; i < count; i++) {
		const struct row *want = &rows[i];
		struct verdict v = grant_verdict(g, c, want->now);
		if (v.grants != want->grants || v.reason != want->reason || v.rule != want->rule ||
		    v.until != want->until || v.stale != want->stale)
			fail_msg("%s at %lld: grants=%d stale=%d reason=%s until=%lld rule=%s",
				 sub_status_name(g->status), (long long)want->now, v.grants, v.stale,
				 reason_name(v.reason), (long long)v.until, rule_sentence(v.rule));
		assert_true(v.changes_at == 0 || v.changes_at > want->now);
	}
}
#define CHECK(g, c, ...)                                                                                               \
	do {                                                                                                           \
		const struct row rows_[] = {__VA_ARGS__};                                                              \
		check(&(g), &(c), rows_, ARRAY_LEN(rows_));                                                            \
	} while (0)

static void active_and_trialing_grant_until_told_otherwise(void **state) {
	(void)state;
	struct catalog c = catalog();
	struct grant g = pro(SUB_ACTIVE);
	CHECK(g, c, {START, true, REASON_ACTIVE, RULE_ACTIVE, 0, false},
	      {PERIOD_END + RENEWAL - 1, true, REASON_ACTIVE, RULE_ACTIVE, 0, false},
	      {PERIOD_END + RENEWAL, true, REASON_ACTIVE, RULE_ACTIVE, 0, true},
	      {PERIOD_END * 100, true, REASON_ACTIVE, RULE_ACTIVE, 0, true});
	g.status = SUB_TRIALING;
	g.trial_end = PERIOD_END;
	CHECK(g, c, {START, true, REASON_TRIALING, RULE_TRIALING, 0, false},
	      {PERIOD_END + RENEWAL - 1, true, REASON_TRIALING, RULE_TRIALING, 0, false},
	      {PERIOD_END + RENEWAL, true, REASON_TRIALING, RULE_TRIALING, 0, true});
	/* no period was told: nothing to be stale by */
	g = pro(SUB_ACTIVE);
	g.period_end = 0;
	CHECK(g, c, {PERIOD_END * 100, true, REASON_ACTIVE, RULE_ACTIVE, 0, false});
}

static void unrenewed_lapses_by_policy(void **state) {
	(void)state;
	struct catalog c = catalog();
	struct grant g = pro(SUB_ACTIVE);
	c.policies.lapse_unrenewed = true;
	const int64_t end = PERIOD_END + RENEWAL;
	CHECK(g, c, {end - 1, true, REASON_ACTIVE, RULE_ACTIVE, end, false},
	      {end, false, REASON_PAST_DUE, RULE_LAPSED, 0, false},
	      {end + 1, false, REASON_PAST_DUE, RULE_LAPSED, 0, false});
	/* a scheduled end is no missing renewal */
	g.cancel_at_period_end = true;
	CHECK(g, c, {PERIOD_END - 1, true, REASON_CANCELING, RULE_CANCELING, PERIOD_END, false},
	      {end, false, REASON_NO_SUBSCRIPTION, RULE_CANCEL_REACHED, 0, false});
}

static void past_due_grants_for_its_grace(void **state) {
	(void)state;
	struct catalog c = catalog();
	struct grant g = pro(SUB_PAST_DUE);
	g.unpaid_since = 1500;
	CHECK(g, c, {1500, true, REASON_GRACE, RULE_PAST_DUE_GRACE, 1500 + GRACE, false},
	      {1500 + GRACE - 1, true, REASON_GRACE, RULE_PAST_DUE_GRACE, 1500 + GRACE, false},
	      {1500 + GRACE, false, REASON_PAST_DUE, RULE_PAST_DUE_OVER, 0, false},
	      {1500 + GRACE + 1, false, REASON_PAST_DUE, RULE_PAST_DUE_OVER, 0, false});
	c.policies.past_due_grace_s = 0;
	CHECK(g, c, {1499, true, REASON_GRACE, RULE_PAST_DUE_GRACE, 1500, false},
	      {1500, false, REASON_PAST_DUE, RULE_PAST_DUE_OVER, 0, false});
	/* nothing said since when: the event that said past_due */
	g.unpaid_since = 0;
	g.seen = 1600;
	CHECK(g, c, {1599, true, REASON_GRACE, RULE_PAST_DUE_GRACE, 1600, false},
	      {1600, false, REASON_PAST_DUE, RULE_PAST_DUE_OVER, 0, false});
}

static void a_paid_latest_invoice_settles(void **state) {
	(void)state;
	struct catalog c = catalog();
	static const enum sub_status waiting[] = {SUB_PAST_DUE, SUB_INCOMPLETE, SUB_UNPAID};
	for (size_t i = 0; i < ARRAY_LEN(waiting); i++) {
		struct grant g = pro(waiting[i]);
		g.unpaid_since = START;
		g.invoice_paid = true;
		CHECK(g, c, {PERIOD_END, true, REASON_ACTIVE, RULE_INVOICE_PAID, 0, false},
		      {PERIOD_END + RENEWAL, true, REASON_ACTIVE, RULE_INVOICE_PAID, 0, true});
	}
	static const enum sub_status others[] = {SUB_PAUSED, SUB_CANCELED, SUB_INCOMPLETE_EXPIRED};
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		struct grant g = pro(others[i]);
		g.invoice_paid = true;
		assert_false(grant_verdict(&g, &c, START).grants);
	}
}

static void a_scheduled_cancellation_grants_until_its_date(void **state) {
	(void)state;
	struct catalog c = catalog();
	static const enum sub_status runs[] = {SUB_ACTIVE, SUB_TRIALING};
	for (size_t i = 0; i < ARRAY_LEN(runs); i++) {
		struct grant g = pro(runs[i]);
		g.cancel_at_period_end = true;
		CHECK(g, c, {START, true, REASON_CANCELING, RULE_CANCELING, PERIOD_END, false},
		      {PERIOD_END - 1, true, REASON_CANCELING, RULE_CANCELING, PERIOD_END, false},
		      {PERIOD_END, false, REASON_NO_SUBSCRIPTION, RULE_CANCEL_REACHED, 0, false});
		/* flexible billing: a date, and not the period's end */
		g = pro(runs[i]);
		g.cancel_at = 1700;
		CHECK(g, c, {1699, true, REASON_CANCELING, RULE_CANCELING, 1700, false},
		      {1700, false, REASON_NO_SUBSCRIPTION, RULE_CANCEL_REACHED, 0, false});
	}
}

static void past_due_and_canceling_ends_with_the_first(void **state) {
	(void)state;
	struct catalog c = catalog();
	struct grant g = pro(SUB_PAST_DUE);
	g.unpaid_since = 1500;
	g.cancel_at = 1500 + GRACE - 5;
	CHECK(g, c, {1500, true, REASON_GRACE, RULE_PAST_DUE_GRACE, 1500 + GRACE - 5, false},
	      {1500 + GRACE - 5, false, REASON_NO_SUBSCRIPTION, RULE_CANCEL_REACHED, 0, false},
	      {1500 + GRACE, false, REASON_NO_SUBSCRIPTION, RULE_CANCEL_REACHED, 0, false});
	g.cancel_at = 1500 + GRACE + 5;
	CHECK(g, c, {1500, true, REASON_GRACE, RULE_PAST_DUE_GRACE, 1500 + GRACE, false},
	      {1500 + GRACE, false, REASON_PAST_DUE, RULE_PAST_DUE_OVER, 0, false},
	      {1500 + GRACE + 5, false, REASON_PAST_DUE, RULE_PAST_DUE_OVER, 0, false});
}

static void the_rest_grants_nothing(void **state) {
	(void)state;
	struct catalog c = catalog();
	static const struct {
		enum sub_status status;
		enum reason reason;
		enum rule rule;
	} rows[] = {{SUB_INCOMPLETE, REASON_INCOMPLETE, RULE_INCOMPLETE},
		    {SUB_INCOMPLETE_EXPIRED, REASON_NO_SUBSCRIPTION, RULE_ENDED},
		    {SUB_UNPAID, REASON_UNPAID, RULE_UNPAID},
		    {SUB_PAUSED, REASON_PAUSED, RULE_PAUSED},
		    {SUB_CANCELED, REASON_NO_SUBSCRIPTION, RULE_ENDED},
		    {SUB_NONE, REASON_NO_SUBSCRIPTION, RULE_ENDED}};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct grant g = pro(rows[i].status);
		CHECK(g, c, {START, false, rows[i].reason, rows[i].rule, 0, false},
		      {PERIOD_END * 2, false, rows[i].reason, rows[i].rule, 0, false});
	}
}

static void paused_collection_is_a_policy(void **state) {
	(void)state;
	struct catalog c = catalog();
	static const enum sub_status runs[] = {SUB_ACTIVE, SUB_TRIALING, SUB_PAST_DUE};
	for (size_t i = 0; i < ARRAY_LEN(runs); i++) {
		struct grant g = pro(runs[i]);
		g.unpaid_since = START;
		g.collection_paused = true;
		c.policies.paused_collection_grants = true;
		assert_true(grant_verdict(&g, &c, START).grants);
		c.policies.paused_collection_grants = false;
		CHECK(g, c, {START, false, REASON_PAUSED, RULE_COLLECTION_PAUSED, 0, false},
		      {PERIOD_END * 2, false, REASON_PAUSED, RULE_COLLECTION_PAUSED, 0, false});
	}
	/* what is not running is not paused */
	struct grant g = pro(SUB_CANCELED);
	g.collection_paused = true;
	CHECK(g, c, {START, false, REASON_NO_SUBSCRIPTION, RULE_ENDED, 0, false});
}

static void a_deleted_customer_has_nothing(void **state) {
	(void)state;
	struct catalog c = catalog();
	for (unsigned i = SUB_NONE; i < SUB_STATUS_COUNT; i++) {
		struct grant g = pro((enum sub_status)i);
		g.customer_deleted = true;
		g.invoice_paid = true;
		CHECK(g, c, {START, false, REASON_NO_SUBSCRIPTION, RULE_CUSTOMER_DELETED, 0, false});
	}
}

static void an_unmapped_price_keeps_the_last_known_tier(void **state) {
	(void)state;
	struct catalog c = catalog();
	struct grant g = pro(SUB_ACTIVE);
	const struct item_set unknown = {1, {{VIEW("new"), VIEW(""), VIEW(""), 1}}};
	const struct item_set was_pro = g.items, was_inst = {1, {{VIEW("inst"), VIEW(""), VIEW(""), 1}}};
	g.items = unknown;
	/* never known: not "no subscription", but no more than everybody has */
	struct verdict v = grant_verdict(&g, &c, START);
	assert_true(v.grants && v.unmapped);
	assert_int_equal(v.tier, 0);
	assert_int_equal(v.reason, REASON_ACTIVE);
	assert_int_equal(v.rule, RULE_UNMAPPED);
	/* the newest that the catalog knows, not the highest */
	g.earlier_count = 3;
	g.earlier[0] = (struct price_set_seen){900, unknown};
	g.earlier[1] = (struct price_set_seen){800, was_pro};
	g.earlier[2] = (struct price_set_seen){700, was_inst};
	v = grant_verdict(&g, &c, START);
	assert_true(v.grants && v.unmapped);
	assert_int_equal(v.tier, 1);
	assert_int_equal(v.rule, RULE_ACTIVE);
	c.policies.unmapped_keeps_tier = false;
	v = grant_verdict(&g, &c, START);
	assert_true(v.grants && v.unmapped);
	assert_int_equal(v.tier, 0);
	/* mapping the price heals it */
	g.items = was_inst;
	v = grant_verdict(&g, &c, START);
	assert_false(v.unmapped);
	assert_int_equal(v.tier, 2);
}

/* Everything that grants but for money that went back, and everything that does not anyway. */
static void set_running(struct grant *g, unsigned i) {
	static const enum sub_status running[] = {SUB_ACTIVE, SUB_TRIALING, SUB_PAST_DUE, SUB_UNPAID};
	*g = pro(running[i]);
	g->unpaid_since = START;
	g->invoice_paid = running[i] == SUB_UNPAID;
}
#define RUNNING 4

static void an_open_dispute_is_a_policy(void **state) {
	(void)state;
	for (unsigned i = 0; i < RUNNING; i++) {
		struct catalog c = catalog();
		struct grant g;
		set_running(&g, i);
		g.disputed = true;
		CHECK(g, c, {START, false, REASON_DISPUTED, RULE_DISPUTED, 0, false});
		c.policies.open_dispute_grants = true;
		assert_true(grant_verdict(&g, &c, START).grants);
		/* the other policies have no say in it */
		c = catalog();
		c.policies.lost_dispute_grants = c.policies.full_refund_grants = true;
		CHECK(g, c, {START, false, REASON_DISPUTED, RULE_DISPUTED, 0, false});
	}
	/* it holds for as long as it is open, and what it would give stays known */
	struct catalog c = catalog();
	struct grant g = pro(SUB_ACTIVE);
	g.disputed = true;
	CHECK(g, c, {PERIOD_END * 2, false, REASON_DISPUTED, RULE_DISPUTED, 0, false});
	assert_int_equal(grant_verdict(&g, &c, START).tier, 1);
	assert_int_equal(grant_verdict(&g, &c, START).begins_at, 0);
	/* it is no reason where there is another */
	g.status = SUB_CANCELED;
	CHECK(g, c, {START, false, REASON_NO_SUBSCRIPTION, RULE_ENDED, 0, false});
	g.status = SUB_PAST_DUE;
	CHECK(g, c, {START + GRACE, false, REASON_PAST_DUE, RULE_PAST_DUE_OVER, 0, false});
}

static void what_was_taken_back_is_a_policy(void **state) {
	(void)state;
	for (unsigned i = 0; i < RUNNING; i++) {
		struct catalog c = catalog();
		struct grant g;
		set_running(&g, i);
		g.dispute_lost_until = 1050;
		CHECK(g, c, {1049, false, REASON_DISPUTED, RULE_DISPUTE_LOST, 0, false});
		assert_int_equal(grant_verdict(&g, &c, 1049).begins_at, 1050);
		assert_true(grant_verdict(&g, &c, 1050).grants);
		c.policies.open_dispute_grants = c.policies.full_refund_grants = true;
		assert_false(grant_verdict(&g, &c, 1049).grants);
		c.policies.lost_dispute_grants = true;
		assert_true(grant_verdict(&g, &c, 1049).grants);

		c = catalog();
		set_running(&g, i);
		g.refunded_until = 1050;
		CHECK(g, c, {1049, false, REASON_REFUNDED, RULE_REFUNDED, 0, false});
		assert_int_equal(grant_verdict(&g, &c, 1049).begins_at, 1050);
		assert_true(grant_verdict(&g, &c, 1050).grants);
		c.policies.open_dispute_grants = c.policies.lost_dispute_grants = true;
		assert_false(grant_verdict(&g, &c, 1049).grants);
		c.policies.full_refund_grants = true;
		assert_true(grant_verdict(&g, &c, 1049).grants);
	}
	/* refunded and to be canceled: what ended it last is what is said */
	struct catalog c = catalog();
	struct grant g = pro(SUB_ACTIVE);
	g.refunded_until = PERIOD_END;
	g.cancel_at = 1500;
	CHECK(g, c, {1499, false, REASON_REFUNDED, RULE_REFUNDED, 0, false},
	      {1500, false, REASON_NO_SUBSCRIPTION, RULE_CANCEL_REACHED, 0, false});
	assert_int_equal(grant_verdict(&g, &c, 1499).changes_at, 1500);
}

static void a_schedule_is_a_policy(void **state) {
	(void)state;
	struct catalog c = catalog();
	struct grant g = pro(SUB_ACTIVE);
	g.phase_count = 2;
	g.phases[0] = (struct grant_phase){1200, {1, {{VIEW("inst"), VIEW(""), VIEW(""), 1}}}};
	g.phases[1] = (struct grant_phase){1300, {1, {{VIEW("pro"), VIEW(""), VIEW(""), 1}}}};
	g.schedule_ends = 1400;
	/* the example's default is to apply; a policy of zero ignores */
	CHECK(g, c, {1200, true, REASON_ACTIVE, RULE_ACTIVE, 0, false},
	      {1400, true, REASON_ACTIVE, RULE_ACTIVE, 0, false});
	assert_int_equal(grant_verdict(&g, &c, 1250).tier, 1);
	c.policies.scheduled_phases_count = true;
	CHECK(g, c, {1199, true, REASON_CANCELING, RULE_CANCELING, 1400, false},
	      {1200, true, REASON_CANCELING, RULE_CANCELING, 1300, false},
	      {1300, true, REASON_CANCELING, RULE_CANCELING, 1400, false},
	      {1400, false, REASON_NO_SUBSCRIPTION, RULE_CANCEL_REACHED, 0, false});
	g.schedule_ends = 0;
	CHECK(g, c, {1199, true, REASON_ACTIVE, RULE_ACTIVE, 0, false},
	      {1200, true, REASON_ACTIVE, RULE_SCHEDULED, 1300, false},
	      {1300, true, REASON_ACTIVE, RULE_SCHEDULED, 0, false});
	assert_int_equal(grant_verdict(&g, &c, 1199).changes_at, 1200);
	assert_int_equal(grant_verdict(&g, &c, 1199).begins_at, 1200);
	assert_int_equal(grant_verdict(&g, &c, 1200).tier, 2);
	/* an upgrade gives more and a downgrade ends it; what does not grant does not go on */
	g.status = SUB_UNPAID;
	assert_int_equal(grant_verdict(&g, &c, 1250).tier, 1);
	assert_int_equal(grant_verdict(&g, &c, 1199).changes_at, 0);
}

static void a_far_cancellation_awaits_renewals(void **state) {
	(void)state;
	struct catalog c = catalog();
	struct grant g = pro(SUB_ACTIVE);
	g.cancel_at = PERIOD_END + RENEWAL + 1;
	CHECK(g, c, {PERIOD_END + RENEWAL - 1, true, REASON_CANCELING, RULE_CANCELING, g.cancel_at, false},
	      {PERIOD_END + RENEWAL, true, REASON_CANCELING, RULE_CANCELING, g.cancel_at, true});
	g.cancel_at = PERIOD_END + RENEWAL;
	CHECK(g, c, {PERIOD_END + RENEWAL - 1, true, REASON_CANCELING, RULE_CANCELING, g.cancel_at, false},
	      {PERIOD_END + RENEWAL, false, REASON_NO_SUBSCRIPTION, RULE_CANCEL_REACHED, 0, false});
}

static void an_override_has_its_time(void **state) {
	(void)state;
	struct catalog c = catalog();
	c.tiers[1].name = VIEW("pro");
	static const struct {
		int64_t from, until, now;
		bool grants;
		enum rule rule;
		int64_t changes_at;
	} rows[] = {
		{0, 0, 50, true, RULE_OVERRIDE, 0},
		{10, 20, 9, false, RULE_OVERRIDE_WAITING, 10},
		{10, 20, 10, true, RULE_OVERRIDE, 20},
		{10, 20, 19, true, RULE_OVERRIDE, 20},
		{10, 20, 20, false, RULE_OVERRIDE_OVER, 0},
		{10, 0, 1000, true, RULE_OVERRIDE, 0},
		{20, 10, 5, false, RULE_OVERRIDE_OVER, 0},
		{20, 20, 5, false, RULE_OVERRIDE_OVER, 0},
		{INT64_MIN, INT64_MAX, 0, true, RULE_OVERRIDE, INT64_MAX},
		{0, -1, 5, false, RULE_OVERRIDE_OVER, 0},
		{INT64_MAX, 0, INT64_MAX - 1, false, RULE_OVERRIDE_WAITING, INT64_MAX},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct override o = {
			.id = VIEW("ovr_1"), .tier = VIEW("pro"), .from = rows[i].from, .until = rows[i].until};
		struct verdict v = override_verdict(&o, &c, rows[i].now);
		if (v.grants != rows[i].grants || v.rule != rows[i].rule || v.changes_at != rows[i].changes_at)
			fail_msg("row %zu: grants=%d changes_at=%lld rule=%s", i, v.grants, (long long)v.changes_at,
				 rule_sentence(v.rule));
		assert_int_equal(v.reason, v.grants ? REASON_OVERRIDE : REASON_NO_SUBSCRIPTION);
		assert_int_equal(v.until, v.grants ? rows[i].until : 0);
	}
	const struct override unknown = {.id = VIEW("ovr_1"), .tier = VIEW("platinum")};
	assert_int_equal(override_verdict(&unknown, &c, 5).rule, RULE_OVERRIDE_UNKNOWN);
	assert_false(override_verdict(&unknown, &c, 5).grants);
}

/* Dates from outside at both ends of the range, and every moment: no overflow (the sanitizers watch). */
static void extreme_dates_do_no_harm(void **state) {
	(void)state;
	static const int64_t dates[] = {INT64_MIN, -1, 0, 1, START, INT64_C(253402300799), INT64_MAX - 1, INT64_MAX};
	struct catalog c = catalog();
	for (unsigned status = SUB_NONE; status < SUB_STATUS_COUNT; status++)
		for (size_t i = 0; i < ARRAY_LEN(dates); i++)
			for (size_t j = 0; j < ARRAY_LEN(dates); j++) {
				struct grant g = pro((enum sub_status)status);
				g.period_end = g.trial_end = g.unpaid_since = dates[i];
				(void)grant_verdict(&g, &c, dates[j]);
				g.cancel_at = g.refunded_until = g.schedule_ends = dates[i];
				g.phase_count = 1;
				g.phases[0].start = dates[i];
				c.policies.scheduled_phases_count = true;
				(void)grant_verdict(&g, &c, dates[j]);
			}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(active_and_trialing_grant_until_told_otherwise),
		cmocka_unit_test(unrenewed_lapses_by_policy),
		cmocka_unit_test(past_due_grants_for_its_grace),
		cmocka_unit_test(a_paid_latest_invoice_settles),
		cmocka_unit_test(a_scheduled_cancellation_grants_until_its_date),
		cmocka_unit_test(past_due_and_canceling_ends_with_the_first),
		cmocka_unit_test(the_rest_grants_nothing),
		cmocka_unit_test(paused_collection_is_a_policy),
		cmocka_unit_test(a_deleted_customer_has_nothing),
		cmocka_unit_test(an_unmapped_price_keeps_the_last_known_tier),
		cmocka_unit_test(an_open_dispute_is_a_policy),
		cmocka_unit_test(what_was_taken_back_is_a_policy),
		cmocka_unit_test(a_schedule_is_a_policy),
		cmocka_unit_test(a_far_cancellation_awaits_renewals),
		cmocka_unit_test(an_override_has_its_time),
		cmocka_unit_test(extreme_dates_do_no_harm),
	};
	return cmocka_run_group_tests_name("verdict", tests, NULL, NULL);
}
