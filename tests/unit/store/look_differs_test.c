/* What a sweep appends: that which the store does not say, and nothing else. */
#include "fold_support.h"

static void check(struct store *s, const struct observation *o, bool expected, bool expected_known, int line) {
	bool differs = !expected, known = !expected_known;
	enum error e = look_differs(s->l, o, &differs, &known);
	if (e || differs != expected || known != expected_known)
		fail_msg("line %d: %s differs %d known %d", line, error_code(e), differs, known);
	if (differs) return;
	/* and that is so: told to the store, it changes no answer */
	struct entitlement was = entitlement_of(s, "u1", NOW);
	apply(s, o);
	struct entitlement is = entitlement_of(s, "u1", NOW);
	assert_int_equal(was.tier, is.tier);
	assert_int_equal(was.reason, is.reason);
	assert_int_equal(was.seats, is.seats);
}
#define assert_differs(s, o) check(s, o, true, true, __LINE__)
#define assert_says_nothing_new(s, o) check(s, o, false, true, __LINE__)
#define assert_unknown(s, o) check(s, o, true, false, __LINE__)

static void test_subscriptions(void **state) {
	struct store *s = *state;
	struct observation o = a_sub("sub_1", "cus_1", SUB_ACTIVE, NOW, "evt_1");
	assert_unknown(s, &o);
	apply(s, &o);
	o = a_checkout("cus_1", "u1", NOW, "evt_2");
	apply(s, &o);
	o = a_sub("sub_1", "cus_1", SUB_ACTIVE, NOW + 9, "snap_1");
	assert_says_nothing_new(s, &o);
	o = a_sub("sub_1", "cus_1", SUB_PAST_DUE, NOW + 10, "snap_2");
	assert_differs(s, &o);
	/* the store is ahead of it */
	o = a_sub("sub_1", "cus_1", SUB_PAST_DUE, NOW - 10, "snap_3");
	assert_says_nothing_new(s, &o);
	/* the same, but for one field that matters */
	o = a_sub("sub_1", "cus_1", SUB_ACTIVE, NOW + 20, "snap_4");
	o.of.subscription.now.items.items[0].quantity = 5;
	o.of.subscription.post = subscription_digest(&o.of.subscription.now);
	assert_differs(s, &o);
	/* a claim that is not known */
	o = a_sub("sub_1", "cus_1", SUB_ACTIVE, NOW + 20, "snap_5");
	o.of.subscription.now.customer = VIEW("cus_2");
	o.of.subscription.post = subscription_digest(&o.of.subscription.now);
	assert_differs(s, &o);
}

static void test_a_tie_differs_from_what_settles_it(void **state) {
	struct store *s = *state;
	struct observation o = a_checkout("cus_1", "u1", NOW, "evt_0");
	apply(s, &o);
	o = a_sub("sub_1", "cus_1", SUB_ACTIVE, NOW, "evt_1");
	apply(s, &o);
	o = a_sub("sub_1", "cus_1", SUB_TRIALING, NOW, "evt_2");
	apply(s, &o);
	/* whichever of the two it says, it is now sure */
	o = a_sub("sub_1", "cus_1", SUB_ACTIVE, NOW + 1, "snap_1");
	assert_differs(s, &o);
	o = a_sub("sub_1", "cus_1", SUB_TRIALING, NOW + 1, "snap_1");
	assert_differs(s, &o);
	/* in the same second it settles nothing */
	o = a_sub("sub_1", "cus_1", SUB_TRIALING, NOW, "snap_1");
	assert_says_nothing_new(s, &o);
}

static void test_customers(void **state) {
	struct store *s = *state;
	struct observation o = a_customer("cus_1", "u1", false, NOW, "evt_1");
	o.of.customer.new_claim = true;
	assert_unknown(s, &o);
	apply(s, &o);
	o = a_customer("cus_1", "u1", false, NOW + 5, "snap_1");
	assert_says_nothing_new(s, &o);
	/* the event that changed the metadata was missed */
	o = a_customer("cus_1", "u2", false, NOW + 6, "snap_2");
	assert_differs(s, &o);
	o = a_customer("cus_1", "", true, NOW + 6, "snap_3");
	assert_differs(s, &o);
	apply(s, &o);
	assert_says_nothing_new(s, &o);
	o = a_checkout("cus_1", "u1", NOW, "snap_4");
	assert_says_nothing_new(s, &o);
	o = a_checkout("cus_9", "u1", NOW, "snap_4");
	assert_unknown(s, &o);
}

static void test_the_others(void **state) {
	struct store *s = *state;
	struct observation o = an_invoice("in_1", "cus_1", INVOICE_OPEN, NOW, "evt_1");
	assert_unknown(s, &o);
	apply(s, &o);
	o = an_invoice("in_1", "cus_1", INVOICE_DRAFT, NOW + 5, "snap_1");
	assert_says_nothing_new(s, &o);
	o = an_invoice("in_1", "cus_1", INVOICE_PAID, NOW - 5, "snap_1");
	assert_differs(s, &o);
	o = a_schedule("sub_sched_1", "cus_1", "price_pro", NOW, NOW, "evt_2");
	assert_unknown(s, &o);
	apply(s, &o);
	o = a_schedule("sub_sched_1", "cus_1", "price_pro", NOW, NOW + 3, "snap_2");
	assert_says_nothing_new(s, &o);
	o = a_schedule("sub_sched_1", "cus_1", "price_inst", NOW, NOW + 4, "snap_2");
	assert_differs(s, &o);
	o = a_payment("pi_1", "in_1", REVERSAL_NONE, NOW, "evt_3");
	assert_unknown(s, &o);
	apply(s, &o);
	assert_says_nothing_new(s, &o);
	o = a_payment("pi_1", "in_1", REFUND_SUCCEEDED, NOW, "snap_3");
	assert_differs(s, &o);
	bool differs, known;
	o = a_gift("ovr_1", "u1", "pro", 0, NOW, "evt_4");
	assert_int_equal(look_differs(s->l, &o, &differs, &known), ERR_USAGE);
	o = a_sub("", "cus_1", SUB_ACTIVE, NOW, "evt_5");
	assert_int_equal(look_differs(s->l, &o, &differs, &known), ERR_LIMIT);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)
	const struct CMUnitTest tests[] = {
		T(test_subscriptions),
		T(test_a_tie_differs_from_what_settles_it),
		T(test_customers),
		T(test_the_others),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
