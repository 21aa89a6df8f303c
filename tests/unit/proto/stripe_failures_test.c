/* What went wrong in other people's decoders. Each test is named for the mistake. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/decoded.h"

/* Since 2025-03-31.basil the subscription has no period, and reading it there gave an error, or 1970. */
static void the_old_period_field_is_not_missed_after_basil(void **state) {
	LET(classic) = DECODE(SUB_CLASSIC);
	LET(basil) = DECODE(SUB_BASIL);
	LET(endive) = DECODE("subscription_paused.endive.json");
	LET(none) = DECODE(SUB_CLASSIC, {"data.object.current_period_start", NULL},
			   {"data.object.current_period_end", NULL});
	(void)state;
	assert_null(fixture_at(basil.event, "data.object.current_period_end"));
	assert_null(fixture_at(endive.event, "data.object.current_period_end"));
	must(&classic, OBSERVE_SUBSCRIPTION);
	must(&basil, OBSERVE_SUBSCRIPTION);
	must(&endive, OBSERVE_SUBSCRIPTION);
	assert_true(classic.o.of.subscription.now.period_end == JAN_1);
	assert_true(basil.o.of.subscription.now.period_end == JAN_1);
	assert_true(endive.o.of.subscription.now.period_end == JAN_1); /* the earlier of its two items' */
	must(&none, OBSERVE_SUBSCRIPTION);
	assert_true(none.o.of.subscription.now.period_end == 0);
}

/* invoice.subscription went the same way: without it an invoice is nobody's. */
static void the_old_subscription_field_is_not_missed_after_basil(void **state) {
	LET(classic) = DECODE(INVOICE_CLASSIC);
	LET(basil) = DECODE(INVOICE_BASIL);
	(void)state;
	must(&classic, OBSERVE_INVOICE);
	must(&basil, OBSERVE_INVOICE);
	is_text(classic.o.of.invoice.subscription, "sub_TgFixture1");
	is_text(basil.o.of.invoice.subscription, "sub_TgFixture1");
	assert_true(classic.o.of.invoice.period_end == JAN_1 && basil.o.of.invoice.period_end == JAN_1);
}

static void more_than_the_first_item_is_looked_at(void **state) {
	LET(d) = DECODE("subscription_paused.endive.json");
	(void)state;
	must(&d, OBSERVE_SUBSCRIPTION);
	const struct item_set *items = &d.o.of.subscription.now.items;
	assert_int_equal(items->count, 2);
	is_text(items->items[0].price, "price_institutional_yearly");
	assert_true(items->items[0].quantity == 12);
	is_text(items->items[1].price, "price_pro_monthly");
	assert_true(items->items[1].quantity == 3);
}

/* An answer of 400 made Stripe disable the endpoint. */
static void an_unknown_event_type_is_no_error(void **state) {
	static const char *const types[] = {"\"customer.subscription.hibernated\"",
					    "\"tax.settings.updated\"",
					    "\"charge.dispute\"",
					    "\"zebra\"",
					    "\"v1.zebra.striped\"",
					    "\"a\""};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		LET(d) = DECODE(SUB_BASIL, {"type", types[i]}, {"data.object", "{\"object\":\"zebra\"}"});
		must(&d, OBSERVE_NOTHING);
		assert_int_equal(d.o.fetch_count, 0);
	}
}

/* A status that Stripe adds is not "no access": the record waits, and what was known stands. */
static void an_unknown_status_is_not_no_access(void **state) {
	LET(d) = DECODE(SUB_BASIL, {"data.object.status", "\"hibernating\""});
	(void)state;
	assert_int_equal(d.result, ERR_MALFORMED);
	assert_string_equal(problem_text(&d.why), "data.object.status: unknown status \"hibernating\"");
}

/* The first ten of twelve items are not the subscription. */
static void a_cut_list_is_not_taken_for_the_whole(void **state) {
	LET(d) = DECODE(SUB_BASIL, {"data.object.items.has_more", "true"});
	(void)state;
	must(&d, OBSERVE_NOTHING);
	assert_int_equal(d.o.fetch_count, 1);
	assert_int_equal(d.o.fetches[0].kind, FETCH_SUBSCRIPTION);
	is_text(d.o.fetches[0].id, "sub_TgFixture1");
}

/* checkout.session.completed also comes before the money does. */
static void an_unpaid_session_is_not_a_paid_one(void **state) {
	LET(unpaid) = DECODE("checkout_session_completed.json", {"data.object.payment_status", "\"unpaid\""});
	LET(later) =
		DECODE("checkout_session_completed.json", {"type", "\"checkout.session.async_payment_succeeded\""});
	(void)state;
	must(&unpaid, OBSERVE_CHECKOUT);
	assert_false(unpaid.o.of.checkout.paid);
	assert_int_equal(unpaid.o.of.checkout.customer.len, 0);
	must(&later, OBSERVE_CHECKOUT);
	assert_true(later.o.of.checkout.paid);
	is_text(later.o.of.checkout.customer, "cus_TgFixture1");
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_old_period_field_is_not_missed_after_basil),
		cmocka_unit_test(the_old_subscription_field_is_not_missed_after_basil),
		cmocka_unit_test(more_than_the_first_item_is_looked_at),
		cmocka_unit_test(an_unknown_event_type_is_no_error),
		cmocka_unit_test(an_unknown_status_is_not_no_access),
		cmocka_unit_test(a_cut_list_is_not_taken_for_the_whole),
		cmocka_unit_test(an_unpaid_session_is_not_a_paid_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
