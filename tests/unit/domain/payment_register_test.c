#include "domain/registers.h"

#include "base/attr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define PAID 2900

/* One register from what was said of one payment, in order. */
static void say(struct payment_register *r, int64_t at, const char *event, const struct payment_observation *o) {
	struct payment_register just = {0};
	const struct stamp stamp = {at, RANK_UPDATED, view_str(event)};
	payment_register_observe(&just, &stamp, o);
	payment_register_join(r, &just);
}

static void say_paid(struct payment_register *r, int64_t amount) {
	say(r, 1, "evt_paid", &(struct payment_observation){.invoice = VIEW("in_1"), .amount = amount});
}

static void say_charge(struct payment_register *r, int64_t at, int64_t refunded) {
	say(r, at, "evt_charge", &(struct payment_observation){.has_charge = true, .refunded = refunded});
}

static void say_reversal(struct payment_register *r, int64_t at, const char *id, enum reversal_state state,
			 int64_t amount) {
	const struct payment_observation o = {.reversal_count = 1, .reversals = {{view_str(id), state, amount}}};
	say(r, at, id, &o);
}

static struct payment_value value(const struct payment_register *r) { return payment_register_value(r); }

static void nothing_happened(void **state) {
	(void)state;
	struct payment_register r = {0};
	say_paid(&r, PAID);
	struct payment_value v = value(&r);
	assert_true(!v.disputed && !v.dispute_lost && !v.refunded && !v.reversed && v.event.len == 0);
}

static void each_state_means_what_it_says(void **state) {
	static const struct {
		enum reversal_state state;
		bool disputed, lost, refunded, reversed;
	} rows[] = {
		{REVERSAL_NONE, false, false, false, false},   {REFUND_PENDING, false, false, true, true},
		{REFUND_SUCCEEDED, false, false, true, true},  {REFUND_FAILED, false, false, false, false},
		{DISPUTE_INQUIRY, false, false, false, false}, {DISPUTE_OPEN, true, false, false, true},
		{DISPUTE_WON, false, false, false, false},     {DISPUTE_LOST, false, true, false, true},
	};
	(void)state;
	assert_int_equal(ARRAY_LEN(rows), REVERSAL_STATE_COUNT);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct payment_register r = {0};
		say_paid(&r, PAID);
		say_reversal(&r, 2, "x_1", rows[i].state, PAID);
		struct payment_value v = value(&r);
		if (v.disputed != rows[i].disputed || v.dispute_lost != rows[i].lost ||
		    v.refunded != rows[i].refunded || v.reversed != rows[i].reversed)
			fail_msg("%s", reversal_state_name(rows[i].state));
		assert_true(view_eq(v.event, v.disputed || v.dispute_lost || v.refunded ? VIEW("x_1") : VIEW_NONE));
	}
}

static void a_refund_is_full_when_its_parts_are(void **state) {
	(void)state;
	struct payment_register r = {0};
	say_paid(&r, PAID);
	say_reversal(&r, 2, "re_1", REFUND_SUCCEEDED, PAID - 1);
	assert_false(value(&r).refunded);
	assert_true(value(&r).reversed);
	say_reversal(&r, 3, "re_2", REFUND_PENDING, 1);
	assert_true(value(&r).refunded);
	assert_true(view_eq(value(&r).event, VIEW("re_2")));
	say_reversal(&r, 4, "re_2", REFUND_FAILED, 1);
	assert_false(value(&r).refunded);
}

static void an_unknown_amount_is_never_refunded_in_full(void **state) {
	(void)state;
	struct payment_register r = {0};
	say_reversal(&r, 2, "re_1", REFUND_SUCCEEDED, PAID);
	say_charge(&r, 3, PAID);
	assert_false(value(&r).refunded);
	assert_true(value(&r).reversed);
	/* free of charge: nothing to give back */
	say_paid(&r, 0);
	assert_false(value(&r).refunded);
	say_paid(&r, PAID);
	assert_true(value(&r).refunded);
}

/* Ten refunds, of which eight are kept: the charge's account knows better. */
static void more_refunds_than_are_kept(void **state) {
	static const char *const ids[] = {"re_a", "re_b", "re_c", "re_d", "re_e",
					  "re_f", "re_g", "re_h", "re_i", "re_j"};
	(void)state;
	struct payment_register r = {0};
	say_paid(&r, 1000);
	say_reversal(&r, 1, "dp_1", DISPUTE_OPEN, 1000);
	for (size_t i = 0; i < ARRAY_LEN(ids); i++) say_reversal(&r, 2 + (int64_t)i, ids[i], REFUND_SUCCEEDED, 100);
	assert_int_equal(r.reversal_count, REVERSALS_MAX);
	assert_false(value(&r).refunded);
	/* they push out refunds, and not the dispute that is older than all */
	assert_true(value(&r).disputed);
	say_charge(&r, 20, 1000);
	assert_true(value(&r).refunded);
}

/* The account falls when a refund fails; an account from before that still has it. */
static void a_failed_refund_leaves_the_account(void **state) {
	(void)state;
	static const struct {
		int64_t charge_at, failed_at;
		bool refunded;
	} rows[] = {{5, 9, false}, {5, 5, false}, {9, 5, true}};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct payment_register r = {0};
		say_paid(&r, PAID);
		say_charge(&r, rows[i].charge_at, PAID);
		say_reversal(&r, rows[i].failed_at, "re_1", REFUND_FAILED, PAID);
		assert_int_equal(value(&r).refunded, rows[i].refunded);
	}
}

static void the_later_word_on_a_dispute_counts(void **state) {
	(void)state;
	struct payment_register r = {0};
	say_paid(&r, PAID);
	say_reversal(&r, 9, "dp_1", DISPUTE_WON, PAID);
	say_reversal(&r, 5, "dp_1", DISPUTE_LOST, PAID); /* heard later, said before */
	assert_false(value(&r).dispute_lost);
	say_reversal(&r, 12, "dp_1", DISPUTE_LOST, PAID);
	assert_true(value(&r).dispute_lost);
	/* within one second the order of the states decides */
	say_reversal(&r, 12, "dp_1", DISPUTE_WON, PAID);
	assert_true(value(&r).dispute_lost);
}

static void hostile_amounts_do_no_harm(void **state) {
	static const int64_t amounts[] = {INT64_MIN, -1, 0, 1, INT64_MAX - 1, INT64_MAX};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(amounts); i++)
		for (size_t j = 0; j < ARRAY_LEN(amounts); j++) {
			struct payment_register r = {0};
			say_paid(&r, amounts[i]);
			say_reversal(&r, 2, "re_1", REFUND_SUCCEEDED, amounts[j]);
			say_reversal(&r, 2, "re_2", REFUND_PENDING, INT64_MAX);
			say_reversal(&r, 2, "re_3", REFUND_FAILED, amounts[j]);
			say_charge(&r, 1, amounts[j]);
			struct payment_value v = value(&r);
			/* nothing negative takes away what was given back */
			assert_int_equal(v.refunded, amounts[i] > 0);
		}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_happened),
		cmocka_unit_test(each_state_means_what_it_says),
		cmocka_unit_test(a_refund_is_full_when_its_parts_are),
		cmocka_unit_test(an_unknown_amount_is_never_refunded_in_full),
		cmocka_unit_test(more_refunds_than_are_kept),
		cmocka_unit_test(a_failed_refund_leaves_the_account),
		cmocka_unit_test(the_later_word_on_a_dispute_counts),
		cmocka_unit_test(hostile_amounts_do_no_harm),
	};
	return cmocka_run_group_tests_name("payment_register", tests, NULL, NULL);
}
