/* Payments that were refunded or disputed, and which subscription they take from. */
#include "fold_support.h"

static struct observation invoice_for(const char *id, const char *sub, const char *payment, int64_t period_end,
				      int64_t second) {
	struct observation o = an_invoice(id, "cus_1", INVOICE_PAID, second, "evt_invoice");
	o.of.invoice.subscription = view_str(sub);
	o.of.invoice.payment = view_str(payment);
	o.of.invoice.period_end = period_end;
	return o;
}

static struct grant *grant_of(struct store *s, const char *subject) {
	static struct grant g;
	struct view bytes;
	struct subject_row row;
	assert_int_equal(look_subject(s->l, &platform, view_str(subject), &bytes), OK);
	assert_int_equal(subject_row_open(bytes, &row), OK);
	assert_true(subject_row_next(&row, &g));
	return &g;
}

/* The invoice names the payment, in older shapes, or the payment its invoice, in newer ones; and which of the three is
 * heard of first does not matter. */
static void test_a_refund_finds_its_subscription(void **state) {
	static const unsigned orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
	(void)state;
	for (unsigned k = 0; k < 12; k++) {
		bool older = k >= 6;
		const struct observation o[3] = {
			a_sub("sub_1", "cus_1", SUB_ACTIVE, NOW, "evt_1"),
			invoice_for("in_1", "sub_1", older ? "pi_1" : "", NOW + 29 * DAY, NOW),
			a_payment("pi_1", older ? "" : "in_1", REFUND_SUCCEEDED, NOW + 1, "evt_refund")};
		void *fresh;
		(void)store_setup(&fresh);
		struct store *s = fresh;
		for (unsigned i = 0; i < 3; i++) apply(s, &o[orders[k % 6][i]]);
		struct grant *g = grant_of(s, "cus_1");
		assert_int_equal(g->refunded_until, NOW + 29 * DAY);
		assert_true(view_eq(g->reversal_event, VIEW("evt_refund")));
		struct entitlement e = entitlement_of(s, "cus_1", NOW + 2);
		assert_false(e.granted);
		assert_int_equal(e.reason, REASON_REFUNDED);
		/* and the index alone brings nobody else in */
		(void)store_teardown(&fresh);
	}
}

static void test_what_does_not_count(void **state) {
	(void)state;
	const struct observation o[] = {
		a_payment("pi_1", "in_1", REVERSAL_NONE, NOW, "evt_2"),
		a_payment("pi_1", "in_1", REFUND_FAILED, NOW, "evt_2"),
		a_payment("pi_1", "in_1", DISPUTE_INQUIRY, NOW, "evt_2"),
		a_payment("pi_1", "in_1", DISPUTE_WON, NOW, "evt_2"),
		a_payment("pi_1", "in_2", DISPUTE_OPEN, NOW, "evt_2"),
		a_payment("pi_1", "in_3", DISPUTE_OPEN, NOW, "evt_2"),
		a_payment("pi_1", "", DISPUTE_OPEN, NOW, "evt_2"),
	};
	for (unsigned i = 0; i < ARRAY_LEN(o); i++) {
		void *fresh;
		(void)store_setup(&fresh);
		struct store *s = fresh;
		struct observation x = a_sub("sub_1", "cus_1", SUB_ACTIVE, NOW, "evt_1");
		apply(s, &x);
		x = invoice_for("in_1", "sub_1", "", NOW + DAY, NOW);
		apply(s, &x);
		x = invoice_for("in_2", "sub_2", "", NOW + DAY, NOW); /* another subscription's */
		apply(s, &x);
		x = invoice_for("in_3", "sub_1", "", NOW + DAY, NOW); /* another customer's that names it */
		x.of.invoice.customer = VIEW("cus_2");
		apply(s, &x);
		apply(s, &o[i]);
		assert_string_equal(tier_of(s, "cus_1"), "pro");
		assert_false(grant_of(s, "cus_1")->disputed);
		(void)store_teardown(&fresh);
	}
}

static void test_a_dispute_holds_until_it_is_won(void **state) {
	struct store *s = *state;
	struct observation o = a_sub("sub_1", "cus_1", SUB_ACTIVE, NOW, "evt_1");
	apply(s, &o);
	o = invoice_for("in_1", "sub_1", "", NOW + 29 * DAY, NOW);
	apply(s, &o);
	o = a_payment("pi_1", "in_1", DISPUTE_OPEN, NOW + 1, "evt_2");
	apply(s, &o);
	assert_string_equal(tier_of(s, "cus_1"), "free");
	assert_int_equal(entitlement_of(s, "cus_1", NOW).reason, REASON_DISPUTED);
	o = a_payment("pi_1", "in_1", DISPUTE_WON, NOW + 2, "evt_3");
	apply(s, &o);
	assert_string_equal(tier_of(s, "cus_1"), "pro");
}

static void test_what_was_paid_for_later_stands(void **state) {
	struct store *s = *state;
	struct observation o = a_sub("sub_1", "cus_1", SUB_ACTIVE, NOW, "evt_1");
	apply(s, &o);
	o = invoice_for("in_1", "sub_1", "", NOW - DAY, NOW - 31 * DAY);
	apply(s, &o);
	o = a_payment("pi_1", "in_1", DISPUTE_LOST, NOW, "evt_2");
	apply(s, &o);
	assert_int_equal(grant_of(s, "cus_1")->dispute_lost_until, NOW - DAY);
	assert_string_equal(tier_of(s, "cus_1"), "pro");
	assert_string_equal(tier_at(s, "cus_1", NOW - 2 * DAY), "free");
}

/* An invoice that turns out to be of another subscription takes its payments with it. */
static void test_payments_move_with_their_invoice(void **state) {
	struct store *s = *state;
	struct observation o = a_sub("sub_1", "cus_1", SUB_ACTIVE, NOW, "evt_1");
	apply(s, &o);
	o = a_sub("sub_2", "cus_1", SUB_ACTIVE, NOW, "evt_1");
	o.of.subscription.now.items.items[0].price = VIEW("price_inst");
	apply(s, &o);
	begin(s);
	for (unsigned i = 0; i < 5; i++) {
		char id[16];
		(void)snprintf(id, sizeof id, "pi_%u", i);
		o = a_payment(id, "in_1", REFUND_SUCCEEDED, NOW, "evt_2");
		assert_int_equal(fold_observe(s->f, &o), OK);
	}
	commit(s);
	assert_string_equal(tier_of(s, "cus_1"), "institutional");
	o = invoice_for("in_1", "sub_1", "", NOW + DAY, NOW);
	apply(s, &o);
	assert_string_equal(tier_of(s, "cus_1"), "institutional");
	assert_int_equal(grant_of(s, "cus_1")->refunded_until, NOW + DAY);
	o = invoice_for("in_1", "sub_2", "", NOW + DAY, NOW + 1);
	apply(s, &o);
	assert_string_equal(tier_of(s, "cus_1"), "pro");
	assert_int_equal(grant_of(s, "cus_1")->refunded_until, 0);
	/* the first invoice again, which is older, changes nothing */
	struct digest before = digest_of(s);
	o = invoice_for("in_1", "sub_1", "", NOW + DAY, NOW);
	apply(s, &o);
	assert_true(digest_same(before, digest_of(s)));
}

/* More than the row reads: the last ones count, in any order. */
static void test_reversals_are_bounded(void **state) {
	(void)state;
	struct digest first = {{0}};
	for (unsigned k = 0; k < 2; k++) {
		void *fresh;
		(void)store_setup(&fresh);
		struct store *s = fresh;
		unsigned n = SUB_REVERSALS_MAX + 6;
		struct observation o = a_sub("sub_1", "cus_1", SUB_ACTIVE, NOW, "evt_1");
		apply(s, &o);
		begin(s);
		for (unsigned i = 0; i < n; i++) {
			char payment[16], invoice[16];
			unsigned at = k ? n - 1 - i : i;
			(void)snprintf(payment, sizeof payment, "pi_%03u", at);
			(void)snprintf(invoice, sizeof invoice, "in_%03u", at);
			/* the earlier, the later it reaches: those that are not read would show */
			o = invoice_for(invoice, "sub_1", "", NOW + (int64_t)(n - at) * DAY, NOW);
			assert_int_equal(fold_observe(s->f, &o), OK);
			o = a_payment(payment, invoice, REFUND_SUCCEEDED, NOW, "evt_2");
			assert_int_equal(fold_observe(s->f, &o), OK);
		}
		commit(s);
		assert_int_equal(grant_of(s, "cus_1")->refunded_until, NOW + SUB_REVERSALS_MAX * DAY);
		if (k)
			assert_true(digest_same(first, digest_of(s)));
		else
			first = digest_of(s);
		(void)store_teardown(&fresh);
	}
}

/* Nine refunds of one payment: eight are told apart, and the charge's own account tells the whole. */
static void test_nine_refunds_of_one_payment(void **state) {
	struct store *s = *state;
	struct observation o = a_sub("sub_1", "cus_1", SUB_ACTIVE, NOW, "evt_1");
	apply(s, &o);
	o = invoice_for("in_1", "sub_1", "", NOW + DAY, NOW);
	apply(s, &o);
	for (unsigned i = 0; i < REVERSALS_MAX + 1; i++) {
		char id[16], event[16];
		(void)snprintf(id, sizeof id, "re_%u", i);
		(void)snprintf(event, sizeof event, "evt_r%u", i);
		o = a_payment("pi_1", "in_1", REFUND_SUCCEEDED, NOW + i, event);
		o.of.payment.reversals[0].id = view_str(id);
		o.of.payment.reversals[0].amount = i < REVERSALS_MAX ? 111 : 112;
		o.of.payment.has_charge = true;
		o.of.payment.refunded = 111 * (i + 1) + (i == REVERSALS_MAX);
		apply(s, &o);
		assert_string_equal(tier_of(s, "cus_1"), i < REVERSALS_MAX ? "pro" : "free");
	}
	struct payment_register r;
	assert_int_equal(look_payment(s->l, &platform, VIEW("pi_1"), &r), OK);
	assert_int_equal(r.reversal_count, REVERSALS_MAX);
	assert_int_equal(look_payment(s->l, &platform, VIEW("pi_2"), &r), ERR_NOT_FOUND);
	assert_int_equal(look_payment(s->l, &platform, VIEW(""), &r), ERR_NOT_FOUND);
	o.of.payment.reversal_count = REVERSALS_MAX + 1;
	begin(s);
	assert_int_equal(fold_observe(s->f, &o), ERR_LIMIT);
	commit(s);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)
	const struct CMUnitTest tests[] = {
		T(test_a_refund_finds_its_subscription),  T(test_what_does_not_count),
		T(test_a_dispute_holds_until_it_is_won),  T(test_what_was_paid_for_later_stands),
		T(test_payments_move_with_their_invoice), T(test_reversals_are_bounded),
		T(test_nine_refunds_of_one_payment),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
