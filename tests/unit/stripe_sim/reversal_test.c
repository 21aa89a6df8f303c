/* Money that goes back: refunds and disputes. */
#include "unit/stripe_sim/rig.h"

static struct id a_charge(struct rig *g) {
	struct id cus = new_customer(g);
	(void)subscribe(g, cus, "");
	skip_events(g);
	const struct records *charges = &g->sim->scopes[0]->lists[K_CHARGE];
	return id_in(charges->at[charges->count - 1]->json, "id");
}

static void a_full_refund(void **state) {
	(void)state;
	struct rig g = rig_open();
	struct id charge = a_charge(&g);
	struct id refund = id_in(ask(&g, "POST", "/v1/refunds", "charge=%s", charge.text), "id");
	expect_events(&g, "refund.created charge.refunded");
	expect_previous(&g, "charge.refunded", "{\"amount_refunded\":0,\"refunded\":false}");
	expect_status(&g, refund, "succeeded");
	char form[120];
	(void)snprintf(form, sizeof form, "charge=%s", charge.text);
	json_t *error = json_object_get(ask_as(&g, "", "POST", "/v1/refunds", form), "error");
	assert_string_equal(text_of(error, "code"), "charge_already_refunded");
	rig_close(&g);
}

static void in_parts_and_not_more(void **state) {
	(void)state;
	struct rig g = rig_open();
	struct id charge = a_charge(&g);
	struct id intent = id_in(look(&g, charge), "payment_intent");
	(void)ask(&g, "POST", "/v1/refunds", "payment_intent=%s&amount=500", intent.text);
	expect_previous(&g, "charge.refunded", "{\"amount_refunded\":0}");
	assert_false(bool_of(look(&g, charge), "refunded"));
	char form[120];
	(void)snprintf(form, sizeof form, "charge=%s&amount=1501", charge.text);
	(void)ask_as(&g, "", "POST", "/v1/refunds", form);
	assert_int_equal(g.status, 400);
	(void)ask(&g, "POST", "/v1/refunds", "charge=%s&amount=1500", charge.text);
	assert_true(bool_of(look(&g, charge), "refunded"));
	rig_close(&g);
}

static void one_that_fails_later(void **state) {
	(void)state;
	struct rig g = rig_open();
	struct id charge = a_charge(&g);
	struct id refund =
		id_in(ask(&g, "POST", "/v1/refunds", "charge=%s&metadata[sim_status]=failing", charge.text), "id");
	expect_status(&g, refund, "pending");
	assert_true(bool_of(look(&g, charge), "refunded"));
	skip_events(&g);
	advance(&g, 5 * SIM_DAY);
	expect_status(&g, refund, "failed");
	assert_int_equal(int_of(look(&g, charge), "amount_refunded"), 0);
	expect_events(&g, "refund.updated charge.refund.updated refund.failed charge.updated");
	rig_close(&g);
}

static void one_that_takes_days_or_is_cancelled(void **state) {
	(void)state;
	struct rig g = rig_open();
	struct id charge = a_charge(&g);
#define FORM "charge=%s&amount=10&metadata[sim_status]=pending"
	struct id a = id_in(ask(&g, "POST", "/v1/refunds", FORM, charge.text), "id");
	struct id b = id_in(ask(&g, "POST", "/v1/refunds", FORM, charge.text), "id");
	(void)ask(&g, "POST", path_of("/v1/refunds/%s/cancel", b.text).text, "%s", "");
	advance(&g, 5 * SIM_DAY);
	expect_status(&g, a, "succeeded");
	expect_status(&g, b, "canceled");
	assert_int_equal(int_of(look(&g, charge), "amount_refunded"), 10);
	rig_close(&g);
}

static struct id dispute(struct rig *g, struct id charge, const char *more) {
	return id_in(ask(g, "POST", "/_sim/dispute", "{\"charge\": \"%s\"%s}", charge.text, more), "id");
}

static void a_dispute_is_won_or_lost(void **state) {
	(void)state;
	for (int won = 0; won < 2; won++) {
		struct rig g = rig_open();
		struct id charge = a_charge(&g), d = dispute(&g, charge, "");
		expect_status(&g, d, "needs_response");
		expect_events(&g, "charge.dispute.created charge.updated charge.dispute.funds_withdrawn");
		(void)ask(&g, "POST", "/_sim/dispute/close", "{\"dispute\": \"%s\", \"won\": %s}", d.text,
			  won ? "true" : "false");
		expect_status(&g, d, won ? "won" : "lost");
		expect_events(&g,
			      won ? "charge.dispute.closed charge.dispute.funds_reinstated" : "charge.dispute.closed");
		advance(&g, 60 * SIM_DAY);
		expect_status(&g, d, won ? "won" : "lost");
		rig_close(&g);
	}
}

static void silence_loses_and_evidence_wins(void **state) {
	(void)state;
	struct rig g = rig_open();
	struct id a = dispute(&g, a_charge(&g), ""), b = dispute(&g, a_charge(&g), "");
	(void)ask(&g, "POST", path_of("/v1/disputes/%s", b.text).text, "evidence[uncategorized_text]=we%%20delivered");
	expect_status(&g, b, "under_review");
	advance(&g, 7 * SIM_DAY);
	expect_status(&g, a, "lost");
	expect_status(&g, b, "under_review");
	advance(&g, 30 * SIM_DAY);
	expect_status(&g, b, "won");
	rig_close(&g);
}

static void an_inquiry(void **state) {
	(void)state;
	struct rig g = rig_open();
	struct id charge = a_charge(&g), a = dispute(&g, charge, ", \"inquiry\": true");
	expect_status(&g, a, "warning_needs_response");
	expect_events(&g, "charge.dispute.created");
	assert_false(bool_of(look(&g, charge), "disputed"));
	struct id b = dispute(&g, a_charge(&g), ", \"inquiry\": true");
	skip_events(&g);
	(void)ask(&g, "POST", "/_sim/dispute", "{\"dispute\": \"%s\"}", b.text);
	expect_events(&g, "charge.dispute.updated charge.updated charge.dispute.funds_withdrawn");
	advance(&g, 7 * SIM_DAY);
	expect_status(&g, a, "warning_closed");
	expect_status(&g, b, "lost");
	rig_close(&g);
}

/* The way from a charge to its invoice, since basil. */
static void an_invoice_is_found_by_its_payment(void **state) {
	(void)state;
	struct rig g = rig_open();
	struct id charge = a_charge(&g), intent = id_in(look(&g, charge), "payment_intent");
	const json_t *list = ask(&g, "GET", "/v1/invoice_payments",
				 "payment[type]=payment_intent&payment[payment_intent]=%s", intent.text);
	const json_t *data = json_object_get(list, "data");
	assert_int_equal(json_array_size(data), 1);
	const json_t *payment = json_array_get(data, 0);
	assert_string_equal(text_of(payment, "status"), "paid");
	struct id inv = id_in(payment, "invoice");
	expect_status(&g, inv, "paid");
	assert_int_equal(json_array_size(json_object_get(ask(&g, "GET", "/v1/invoice_payments", "invoice=%s", inv.text),
							 "data")),
			 1);
	assert_int_equal(json_array_size(json_object_get(
				 ask(&g, "GET", "/v1/invoice_payments", "payment[payment_intent]=pi_none"), "data")),
			 0);
	rig_close(&g);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_refund),
		cmocka_unit_test(in_parts_and_not_more),
		cmocka_unit_test(one_that_fails_later),
		cmocka_unit_test(one_that_takes_days_or_is_cancelled),
		cmocka_unit_test(a_dispute_is_won_or_lost),
		cmocka_unit_test(silence_loses_and_evidence_wins),
		cmocka_unit_test(an_inquiry),
		cmocka_unit_test(an_invoice_is_found_by_its_payment),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
