/* Checkout: from a session to a subscription, at once, days later, or never. */
#include "unit/stripe_sim/rig.h"

#define PAID_EVENTS                                                                                                    \
	"charge.succeeded payment_intent.succeeded invoice_payment.paid invoice.paid invoice.payment_succeeded"
#define NEW_CARD "payment_method.attached customer.updated"
#define BILLED_EVENTS "invoice.created invoice.finalized payment_intent.created"
#define FORM "mode=subscription&success_url=https://example.com&line_items[0][price]=price_pro"

static struct id pay(struct rig *g, struct id session) {
	return id_in(ask(g, "POST", "/_sim/pay", "{\"session\": \"%s\"}", session.text), "subscription");
}

static void a_new_customer_pays(void **state) {
	(void)state;
	struct rig g = rig_open();
	skip_events(&g);
	struct id session =
		id_in(ask(&g, "POST", "/v1/checkout/sessions",
			  FORM "&line_items[0][quantity]=2&client_reference_id=alice&metadata[a]=b&"
			       "subscription_data[metadata][user_id]=alice&customer_email=c%%40example.com"),
		      "id");
	expect_status(&g, session, "open");
	assert_string_equal(text_of(look(&g, session), "payment_status"), "unpaid");
	expect_events(&g, "");
	struct id sub = pay(&g, session);
	expect_events(&g, "customer.created " NEW_CARD " customer.subscription.created " BILLED_EVENTS " " PAID_EVENTS
			  " customer.subscription.updated checkout.session.completed");
	expect_status(&g, session, "complete");
	expect_status(&g, sub, "active");
	assert_string_equal(text_of(look(&g, session), "payment_status"), "paid");
	assert_string_equal(text_of(look(&g, session), "client_reference_id"), "alice");
	assert_string_equal(text_of(json_object_get(look(&g, sub), "metadata"), "user_id"), "alice");
	assert_int_equal(int_of(look(&g, session), "amount_total"), 4000);
	struct id cus = id_in(look(&g, session), "customer");
	assert_string_equal(text_of(look(&g, cus), "email"), "c@example.com");
	const json_t *items =
		ask(&g, "GET", path_of("/v1/checkout/sessions/%s/line_items", session.text).text, "%s", "");
	assert_int_equal(int_of(json_array_get(json_object_get(items, "data"), 0), "quantity"), 2);
	/* once */
	char form[160];
	(void)snprintf(form, sizeof form, "{\"session\": \"%s\"}", session.text);
	(void)ask_as(&g, "", "POST", "/_sim/pay", form);
	assert_int_equal(g.status, 400);
	rig_close(&g);
}

static void a_trial_needs_no_payment(void **state) {
	(void)state;
	struct rig g = rig_open();
	struct id cus = new_customer(&g);
	struct id session = id_in(ask(&g, "POST", "/v1/checkout/sessions",
				      FORM "&customer=%s&subscription_data[trial_period_days]=7", cus.text),
				  "id");
	struct id sub = pay(&g, session);
	expect_status(&g, sub, "trialing");
	assert_string_equal(text_of(look(&g, session), "payment_status"), "no_payment_required");
	rig_close(&g);
}

static void paid_days_later(void **state) {
	(void)state;
	for (int ok = 0; ok < 2; ok++) {
		struct rig g = rig_open();
		struct id cus = new_customer(&g);
		struct id session = id_in(ask(&g, "POST", "/v1/checkout/sessions",
					      FORM "&customer=%s&payment_method_types[0]=sepa_debit", cus.text),
					  "id");
		struct id sub = pay(&g, session);
		assert_string_equal(text_of(look(&g, session), "payment_status"), "unpaid");
		expect_status(&g, latest_invoice(&g, sub), "open");
		if (!ok) set_card(&g, cus, "declined");
		skip_events(&g);
		advance(&g, 3 * SIM_DAY);
		assert_string_equal(text_of(look(&g, session), "payment_status"), ok ? "paid" : "unpaid");
		expect_status(&g, sub, ok ? "active" : "past_due");
		expect_events(&g,
			      ok ? PAID_EVENTS " checkout.session.async_payment_succeeded"
				 : "charge.failed payment_intent.payment_failed invoice.payment_failed invoice.updated"
				   " customer.subscription.updated checkout.session.async_payment_failed");
		rig_close(&g);
	}
}

static void it_expires(void **state) {
	(void)state;
	struct rig g = rig_open();
	struct id a = id_in(ask(&g, "POST", "/v1/checkout/sessions", FORM), "id");
	struct id b = id_in(ask(&g, "POST", "/v1/checkout/sessions", FORM), "id");
	skip_events(&g);
	(void)ask(&g, "POST", path_of("/v1/checkout/sessions/%s/expire", a.text).text, "%s", "");
	expect_events(&g, "checkout.session.expired");
	advance(&g, SIM_DAY);
	expect_events(&g, "checkout.session.expired");
	expect_status(&g, b, "expired");
	rig_close(&g);
}

static void what_is_wrong_is_named(void **state) {
	(void)state;
	static const struct {
		const char *form, *param;
	} cases[] = {
		{"success_url=x&line_items[0][price]=price_pro", "mode"},
		{"mode=donation&success_url=x&line_items[0][price]=price_pro", "mode"},
		{"mode=subscription&success_url=x", "line_items"},
		{"mode=subscription&line_items[0][price]=price_pro", "success_url"},
		{FORM "&customer=cus_none", "customer"},
		{FORM "&line_items[0][quantity]=0", "line_items[0][quantity]"},
		{FORM "&line_items[1][quantity]=1", "line_items[1][price]"},
		{FORM "&subscription_data[trial_period_days]=many", "subscription_data[trial_period_days]"},
		{FORM "&expires_at=1", "expires_at"},
	};
	struct rig g = rig_open();
	skip_events(&g);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		json_t *error =
			json_object_get(ask_as(&g, "", "POST", "/v1/checkout/sessions", cases[i].form), "error");
		assert_int_equal(g.status, 400);
		assert_string_equal(text_of(error, "param"), cases[i].param);
		assert_string_equal(text_of(error, "type"), "invalid_request_error");
	}
	expect_events(&g, "");
	assert_int_equal(g.sim->scopes[0]->lists[K_SESSION].count, 0);
	rig_close(&g);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_customer_pays),    cmocka_unit_test(a_trial_needs_no_payment),
		cmocka_unit_test(paid_days_later),        cmocka_unit_test(it_expires),
		cmocka_unit_test(what_is_wrong_is_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
