/* What went wrong in other integrations with Stripe, each as a story, told in every order that matters here. */
#include "domain/story.h"

static void deletion_of_the_old_subscription_keeps_the_new_plan(void **state) {
	(void)state;
	struct story s = {0};
	struct subscription old = sub("sub_1", "price_pro", SUB_ACTIVE), new = sub("sub_2", "price_inst", SUB_ACTIVE);
	tell_sub(&s, T, RANK_CREATED, NULL, &old);
	tell_sub(&s, T + 100, RANK_CREATED, NULL, &new);
	old.status = SUB_CANCELED;
	tell_sub(&s, T + 101, RANK_DELETED, NULL, &old);
	struct entitlement e = after_any_order(&s, T + 200);
	assert_int_equal(e.tier, 2);
	assert_int_equal(e.reason, REASON_ACTIVE);
	assert_true(view_eq(e.subscription, VIEW("sub_2")));
}

static void updates_in_one_second_are_not_lost(void **state) {
	(void)state;
	struct story s = {0};
	struct subscription a = sub("sub_1", "price_pro", SUB_INCOMPLETE), b = a, c;
	tell_sub(&s, T, RANK_CREATED, NULL, &a);
	b.status = SUB_ACTIVE;
	tell_sub(&s, T, RANK_UPDATED, &a, &b);
	c = b;
	c.items.items[0].price = VIEW("price_inst");
	tell_sub(&s, T, RANK_UPDATED, &b, &c);
	struct subscription d = c;
	d.items.items[0].quantity = 5;
	tell_sub(&s, T, RANK_UPDATED, &c, &d);
	struct entitlement e = after_any_order(&s, T + 1);
	assert_int_equal(e.tier, 2);
	assert_int_equal(e.seats, 5);
	assert_false(e.unconfirmed);
}

static void a_stale_redelivery_changes_nothing(void **state) {
	(void)state;
	struct story s = {0};
	struct subscription pro = sub("sub_1", "price_pro", SUB_ACTIVE), inst = pro;
	inst.items.items[0].price = VIEW("price_inst");
	tell_sub(&s, T, RANK_CREATED, NULL, &pro);
	tell_sub(&s, T, RANK_UPDATED, &pro, &inst);
	s.told[s.count++] = s.told[0]; /* the very same again, last to arrive in some orders */
	struct entitlement e = after_any_order(&s, T + 1);
	assert_int_equal(e.tier, 2);
	assert_false(e.unconfirmed);
}

static void updated_before_created_does_not_stay_incomplete(void **state) {
	(void)state;
	struct story s = {0};
	struct subscription a = sub("sub_1", "price_pro", SUB_INCOMPLETE), b = a;
	b.status = SUB_ACTIVE;
	/* in one second, and the update says nothing of what was before */
	tell_sub(&s, T, RANK_CREATED, NULL, &a);
	tell_sub(&s, T, RANK_UPDATED, NULL, &b);
	struct entitlement e = after_any_order(&s, T + 1);
	assert_int_equal(e.tier, 1);
	assert_false(e.unconfirmed);
}

static void an_unmapped_price_is_not_free(void **state) {
	(void)state;
	struct story s = {0};
	struct subscription a = sub("sub_1", "price_pro", SUB_ACTIVE), b = a;
	tell_sub(&s, T, RANK_CREATED, NULL, &a);
	b.items.items[0].price = VIEW("price_pro_2027");
	tell_sub(&s, T + DAY, RANK_UPDATED, &a, &b);
	struct entitlement e = after_any_order(&s, T + 2 * DAY);
	assert_int_equal(e.tier, 1);
	assert_true(e.unmapped);
	assert_int_equal(e.reason, REASON_ACTIVE);
}

static void every_item_and_every_subscription_counts(void **state) {
	(void)state;
	struct story s = {0};
	struct subscription two = sub("sub_1", "price_addon", SUB_ACTIVE),
			    newest = sub("sub_2", "price_pro", SUB_ACTIVE);
	two.items.items[two.items.count++] = (struct item){VIEW("price_inst"), VIEW("prod"), VIEW(""), 2};
	newest.created = T + DAY;
	tell_sub(&s, T, RANK_CREATED, NULL, &two);
	tell_sub(&s, T + DAY, RANK_CREATED, NULL, &newest);
	struct entitlement e = after_any_order(&s, T + 2 * DAY);
	assert_int_equal(e.tier, 2); /* the older subscription's second item */
	assert_int_equal(e.seats, 3);
}

/* Since basil the period stands on the items; an observation may come without any. */
static void a_missing_period_is_no_error(void **state) {
	(void)state;
	struct story s = {0};
	struct subscription a = sub("sub_1", "price_pro", SUB_ACTIVE);
	a.period_start = a.period_end = 0;
	tell_sub(&s, T, RANK_CREATED, NULL, &a);
	struct entitlement e = after_any_order(&s, T + 900 * DAY);
	assert_int_equal(e.tier, 1);
	assert_false(e.stale);
	assert_int_equal(e.next_billing, 0);
}

static void a_late_update_does_not_revive_the_deleted(void **state) {
	(void)state;
	struct story s = {0};
	struct subscription a = sub("sub_1", "price_pro", SUB_ACTIVE), gone = a, touched;
	tell_sub(&s, T, RANK_CREATED, NULL, &a);
	gone.status = SUB_CANCELED;
	gone.ended_at = T + 5;
	tell_sub(&s, T + 5, RANK_DELETED, NULL, &gone);
	tell_sub(&s, T + 5, RANK_UPDATED, NULL, &a); /* the same second, still active */
	touched = a;
	touched.items.items[0].quantity = 2;
	tell_sub(&s, T + 9, RANK_UPDATED, &a, &touched); /* and a later one, from a confused clock */
	struct entitlement e = after_any_order(&s, T + 10);
	assert_int_equal(e.tier, 0);
	assert_int_equal(e.reason, REASON_NO_SUBSCRIPTION);
	assert_int_equal(e.rule, RULE_ENDED);
}

static void a_new_period_is_no_payment(void **state) {
	(void)state;
	struct story s = {0};
	struct subscription a = sub("sub_1", "price_pro", SUB_PAST_DUE), renewed = a;
	tell_sub(&s, T, RANK_UPDATED, NULL, &a);
	renewed.period_start = a.period_end;
	renewed.period_end = a.period_end + 30 * DAY;
	tell_sub(&s, a.period_end, RANK_UPDATED, &a, &renewed);
	struct entitlement e = after_any_order(&s, a.period_end + 1);
	assert_int_equal(e.tier, 0);
	assert_int_equal(e.reason, REASON_PAST_DUE);
}

/* Left past_due for ever on a daily plan: the grace of a week does not begin anew each day. */
static void endless_past_due_runs_out_of_grace(void **state) {
	(void)state;
	static struct world w;
	struct subscription day = sub("sub_1", "price_pro", SUB_ACTIVE), next = day;
	for (int64_t i = 0; i <= 30; i++) {
		/* each day the period moves on; on the second the payment fails an hour later */
		struct story s = {0};
		const int64_t renewal = T + i * DAY;
		next.period_start = renewal;
		next.period_end = renewal + DAY;
		tell_sub(&s, renewal, i ? RANK_UPDATED : RANK_CREATED, i ? &day : NULL, &next);
		day = next;
		if (i == 1) {
			next.status = SUB_PAST_DUE;
			tell_sub(&s, renewal + 3600, RANK_UPDATED, &day, &next);
			day = next;
		}
		for (unsigned j = s.count; j > 0; j--) world_apply(&w, &s.told[j - 1]);
		const int64_t end = T + DAY + 7 * DAY;
		assert_int_equal(world_entitlement(&w, &catalog, renewal + 3600, VIEW("cus_1")).tier,
				 renewal + 3600 < end ? 1 : 0);
	}
}

static void a_payment_counts_before_the_update_says_so(void **state) {
	(void)state;
	struct story s = {0};
	struct subscription a = sub("sub_1", "price_pro", SUB_INCOMPLETE);
	tell_sub(&s, T, RANK_CREATED, NULL, &a);
	struct invoice *i = &tell(&s, OBSERVE_INVOICE, T + 1, RANK_UPDATED)->of.invoice;
	*i = (struct invoice){
		.id = VIEW("in_0"), .customer = VIEW("cus_1"), .subscription = VIEW("sub_1"), .status = INVOICE_PAID};
	struct entitlement e = after_any_order(&s, T + 2);
	assert_int_equal(e.tier, 1);
	assert_int_equal(e.rule, RULE_INVOICE_PAID);
}

static void a_failed_attempt_told_late_does_not_undo_the_payment(void **state) {
	(void)state;
	struct story s = {0};
	struct subscription a = sub("sub_1", "price_pro", SUB_PAST_DUE);
	tell_sub(&s, T, RANK_UPDATED, NULL, &a);
	struct invoice paid = {
		.id = VIEW("in_0"), .customer = VIEW("cus_1"), .subscription = VIEW("sub_1"), .status = INVOICE_PAID};
	struct invoice failed = paid;
	failed.status = INVOICE_OPEN;
	failed.attempt_count = 3;
	tell(&s, OBSERVE_INVOICE, T + 50 * DAY, RANK_UPDATED)->of.invoice = paid;
	tell(&s, OBSERVE_INVOICE, T + 50 * DAY, RANK_UPDATED)->of.invoice = failed;
	struct entitlement e = after_any_order(&s, T + 51 * DAY);
	assert_int_equal(e.tier, 1);
}

static void deleting_the_customer_ends_all_at_once(void **state) {
	(void)state;
	struct story s = {0};
	struct subscription a = sub("sub_1", "price_pro", SUB_ACTIVE);
	tell_sub(&s, T, RANK_CREATED, NULL, &a);
	/* and the subscription's own deletion never arrives */
	tell(&s, OBSERVE_CUSTOMER, T + 5, RANK_DELETED)->of.customer =
		(struct customer_observation){.id = VIEW("cus_1"), .deleted = true};
	struct entitlement e = after_any_order(&s, T + 6);
	assert_int_equal(e.tier, 0);
	assert_int_equal(e.rule, RULE_CUSTOMER_DELETED);
}

static void a_visitor_cannot_claim_another_customer(void **state) {
	(void)state;
	struct story s = {0};
	struct subscription a = sub("sub_1", "price_pro", SUB_ACTIVE);
	tell_sub(&s, T, RANK_CREATED, NULL, &a);
	tell(&s, OBSERVE_CHECKOUT, T + 5, RANK_UPDATED)->of.checkout =
		(struct checkout_observation){.id = VIEW("cs_1"), .customer = VIEW("cus_1"), .subject = VIEW("cus_2")};
	struct entitlement e = after_any_order(&s, T + 6);
	assert_int_equal(e.tier, 1);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(deletion_of_the_old_subscription_keeps_the_new_plan),
		cmocka_unit_test(updates_in_one_second_are_not_lost),
		cmocka_unit_test(a_stale_redelivery_changes_nothing),
		cmocka_unit_test(updated_before_created_does_not_stay_incomplete),
		cmocka_unit_test(an_unmapped_price_is_not_free),
		cmocka_unit_test(every_item_and_every_subscription_counts),
		cmocka_unit_test(a_missing_period_is_no_error),
		cmocka_unit_test(a_late_update_does_not_revive_the_deleted),
		cmocka_unit_test(a_new_period_is_no_payment),
		cmocka_unit_test(endless_past_due_runs_out_of_grace),
		cmocka_unit_test(a_payment_counts_before_the_update_says_so),
		cmocka_unit_test(a_failed_attempt_told_late_does_not_undo_the_payment),
		cmocka_unit_test(deleting_the_customer_ends_all_at_once),
		cmocka_unit_test(a_visitor_cannot_claim_another_customer),
	};
	return cmocka_run_group_tests_name("failures", tests, NULL, NULL);
}
