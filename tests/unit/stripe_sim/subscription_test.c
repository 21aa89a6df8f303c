/* Each way from one status to another: its events, in order, and what they say was before. */
#include "unit/stripe_sim/rig.h"

#define PAID_EVENTS                                                                                                    \
	"charge.succeeded payment_intent.succeeded invoice_payment.paid invoice.paid invoice.payment_succeeded"
#define FAILED_EVENTS "charge.failed payment_intent.payment_failed invoice.payment_failed invoice.updated"
#define BILLED_EVENTS "invoice.created invoice.finalized payment_intent.created"

static void begins_active(void **state) {
	(void)state;
	struct rig g = rig_open();
	struct id cus = new_customer(&g), sub = subscribe(&g, cus, "&metadata[user_id]=alice");
	expect_status(&g, sub, "active");
	expect_events(&g, "customer.subscription.created " BILLED_EVENTS " " PAID_EVENTS);
	assert_int_equal(int_of(item_at(look(&g, sub), 0), "current_period_start"), RIG_NOW);
	/* 21 September to 21 October */
	assert_int_equal(int_of(item_at(look(&g, sub), 0), "current_period_end"), RIG_NOW + 30 * SIM_DAY);
	expect_status(&g, latest_invoice(&g, sub), "paid");
	rig_close(&g);
}

static void needs_a_card(void **state) {
	(void)state;
	struct rig g = rig_open();
	struct id cus = id_in(ask(&g, "POST", "/v1/customers", "email=a@example.com"), "id");
	char form[200];
	(void)snprintf(form, sizeof form, "customer=%s&items[0][price]=price_pro", cus.text);
	json_t *error = json_object_get(ask_as(&g, "", "POST", "/v1/subscriptions", form), "error");
	assert_int_equal(g.status, 400);
	assert_string_equal(text_of(error, "code"), "resource_missing");
	rig_close(&g);
}

static void incomplete_until_paid(void **state) {
	(void)state;
	struct rig g = rig_open();
	struct id cus = new_customer(&g), sub = subscribe(&g, cus, "&payment_behavior=default_incomplete");
	expect_status(&g, sub, "incomplete");
	expect_events(&g, "customer.subscription.created " BILLED_EVENTS);
	(void)ask(&g, "POST", path_of("/v1/invoices/%s/pay", latest_invoice(&g, sub).text).text, "%s", "");
	expect_status(&g, sub, "active");
	expect_events(&g, PAID_EVENTS " customer.subscription.updated");
	expect_previous(&g, "customer.subscription.updated", "{\"status\":\"incomplete\"}");
	rig_close(&g);
}

static void a_declined_card_leaves_it_incomplete(void **state) {
	(void)state;
	struct rig g = rig_open();
	struct id cus = new_customer(&g);
	set_card(&g, cus, "declined");
	struct id sub = subscribe(&g, cus, "");
	expect_status(&g, sub, "incomplete");
	expect_events(&g, "customer.subscription.created " BILLED_EVENTS " " FAILED_EVENTS);
	advance(&g, 23 * SIM_HOUR - 1);
	expect_status(&g, sub, "incomplete");
	advance(&g, 1);
	expect_status(&g, sub, "incomplete_expired");
	expect_events(&g, "customer.subscription.updated payment_intent.canceled invoice.voided");
	expect_previous(&g, "customer.subscription.updated", "{\"ended_at\":null,\"status\":\"incomplete\"}");
	rig_close(&g);
}

static void action_is_asked_for(void **state) {
	(void)state;
	struct rig g = rig_open();
	struct id cus = new_customer(&g);
	set_card(&g, cus, "requires_action");
	struct id sub = subscribe(&g, cus, "");
	expect_events(&g, "customer.subscription.created " BILLED_EVENTS
			  " payment_intent.requires_action invoice.payment_action_required invoice.payment_failed"
			  " invoice.updated");
	const struct record *inv = sim_find_any(g.sim, latest_invoice(&g, sub).text);
	struct path confirm = path_of("/v1/payment_intents/%s/confirm", text_of(inv->hidden, "intent"));
	assert_string_equal(text_of(ask(&g, "POST", confirm.text, "%s", ""), "status"), "succeeded");
	expect_status(&g, sub, "active");
	rig_close(&g);
}

static void strict_payment_makes_nothing(void **state) {
	(void)state;
	struct rig g = rig_open();
	struct id cus = new_customer(&g);
	set_card(&g, cus, "declined");
	char form[200];
	(void)snprintf(form, sizeof form, "customer=%s&items[0][price]=price_pro&payment_behavior=error_if_incomplete",
		       cus.text);
	json_t *error = json_object_get(ask_as(&g, "", "POST", "/v1/subscriptions", form), "error");
	assert_int_equal(g.status, 402);
	assert_string_equal(text_of(error, "type"), "card_error");
	assert_string_equal(text_of(error, "code"), "card_declined");
	expect_events(&g, "");
	assert_int_equal(g.sim->scopes[0]->lists[K_SUBSCRIPTION].count, 0);
	rig_close(&g);
}

static void voiding_the_first_invoice_expires_it(void **state) {
	(void)state;
	struct rig g = rig_open();
	struct id cus = new_customer(&g), sub = subscribe(&g, cus, "&payment_behavior=default_incomplete");
	(void)ask(&g, "POST", path_of("/v1/invoices/%s/void", latest_invoice(&g, sub).text).text, "%s", "");
	expect_status(&g, sub, "incomplete_expired");
	rig_close(&g);
}

/* ---- trials ---------------------------------------------------------------------- */

static void a_trial_becomes_active(void **state) {
	(void)state;
	struct rig g = rig_open();
	struct id cus = new_customer(&g), sub = subscribe(&g, cus, "&trial_period_days=7");
	expect_status(&g, sub, "trialing");
	expect_events(&g, "customer.subscription.created invoice.created invoice.finalized invoice.paid"
			  " invoice.payment_succeeded");
	advance(&g, 4 * SIM_DAY);
	expect_events(&g, "customer.subscription.trial_will_end");
	advance(&g, 3 * SIM_DAY);
	expect_status(&g, sub, "active");
	expect_events(&g, "customer.subscription.updated invoice.created");
	expect_status(&g, latest_invoice(&g, sub), "draft");
	advance(&g, SIM_HOUR);
	expect_events(&g, "invoice.finalized payment_intent.created " PAID_EVENTS);
	rig_close(&g);
}

static void a_trial_without_card(void **state) {
	(void)state;
	static const struct {
		const char *behavior, *status, *events;
	} cases[] = {
		{"pause", "paused", "customer.subscription.updated customer.subscription.paused"},
		{"cancel", "canceled", "customer.subscription.deleted"},
		{"create_invoice", "active", "customer.subscription.updated invoice.created"},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct rig g = rig_open();
		struct id cus = id_in(ask(&g, "POST", "/v1/customers", "email=a@example.com"), "id");
		char more[200];
		(void)snprintf(more, sizeof more,
			       "&trial_period_days=5&trial_settings[end_behavior][missing_payment_method]=%s",
			       cases[i].behavior);
		struct id sub = subscribe(&g, cus, more);
		advance(&g, 4 * SIM_DAY);
		skip_events(&g);
		advance(&g, SIM_DAY);
		expect_status(&g, sub, cases[i].status);
		expect_events(&g, cases[i].events);
		rig_close(&g);
	}
}

static void a_trial_may_end_now(void **state) {
	(void)state;
	struct rig g = rig_open();
	struct id cus = new_customer(&g), sub = subscribe(&g, cus, "&trial_period_days=7");
	skip_events(&g);
	(void)ask(&g, "POST", path_of("/v1/subscriptions/%s", sub.text).text, "trial_end=now");
	expect_status(&g, sub, "active");
	expect_events(&g, "customer.subscription.updated " BILLED_EVENTS " " PAID_EVENTS);
	rig_close(&g);
}

/* ---- renewal ---------------------------------------------------------------------- */

static void the_period_moves_before_payment(void **state) {
	(void)state;
	struct rig g = rig_open();
	struct id cus = new_customer(&g), sub = subscribe(&g, cus, "");
	advance(&g, 24 * SIM_DAY);
	skip_events(&g);
	advance(&g, 6 * SIM_DAY);
	expect_events(&g, "customer.subscription.updated invoice.created");
	assert_int_equal(int_of(item_at(look(&g, sub), 0), "current_period_start"), RIG_NOW + 30 * SIM_DAY);
	/* 21 October to 21 November */
	assert_int_equal(int_of(item_at(look(&g, sub), 0), "current_period_end"), RIG_NOW + 61 * SIM_DAY);
	expect_status(&g, latest_invoice(&g, sub), "draft");
	advance(&g, SIM_HOUR - 1);
	expect_events(&g, "");
	advance(&g, 1);
	expect_events(&g, "invoice.finalized payment_intent.created " PAID_EVENTS);
	rig_close(&g);
}

static struct id past_due(struct rig *g, const char *after_retries) {
	(void)ask(g, "POST", "/_sim/settings", "{\"after_retries\": \"%s\"}", after_retries);
	struct id cus = new_customer(g), sub = subscribe(g, cus, "");
	set_card(g, cus, "declined");
	advance(g, 30 * SIM_DAY);
	skip_events(g);
	advance(g, SIM_HOUR);
	expect_status(g, sub, "past_due");
	expect_events(g, "invoice.finalized payment_intent.created " FAILED_EVENTS " customer.subscription.updated");
	expect_previous(g, "customer.subscription.updated", "{\"status\":\"active\"}");
	return sub;
}

static void retries_then_the_setting(void **state) {
	(void)state;
	static const struct {
		const char *setting, *status, *events;
	} cases[] = {
		{"cancel", "canceled", FAILED_EVENTS " customer.subscription.deleted"},
		{"unpaid", "unpaid", FAILED_EVENTS " customer.subscription.updated"},
		{"past_due", "past_due", FAILED_EVENTS},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct rig g = rig_open();
		struct id sub = past_due(&g, cases[i].setting);
		advance(&g, 3 * SIM_DAY);
		expect_events(&g, FAILED_EVENTS);
		advance(&g, 2 * SIM_DAY);
		expect_events(&g, FAILED_EVENTS);
		expect_status(&g, sub, "past_due");
		advance(&g, 2 * SIM_DAY);
		expect_events(&g, cases[i].events);
		expect_status(&g, sub, cases[i].status);
		advance(&g, 10 * SIM_DAY);
		expect_events(&g, "");
		rig_close(&g);
	}
}

static void a_retry_heals(void **state) {
	(void)state;
	struct rig g = rig_open();
	struct id sub = past_due(&g, "cancel"), cus = id_in(look(&g, sub), "customer");
	set_card(&g, cus, "ok");
	advance(&g, 3 * SIM_DAY);
	expect_events(&g, PAID_EVENTS " customer.subscription.updated");
	expect_previous(&g, "customer.subscription.updated", "{\"status\":\"past_due\"}");
	expect_status(&g, sub, "active");
	rig_close(&g);
}

static void unpaid_heals_by_its_latest_invoice(void **state) {
	(void)state;
	struct rig g = rig_open();
	struct id sub = past_due(&g, "unpaid"), first = latest_invoice(&g, sub);
	set_card(&g, id_in(look(&g, sub), "customer"), "declined");
	advance(&g, 7 * SIM_DAY);
	expect_status(&g, sub, "unpaid");
	/* the next period's invoice stays a draft */
	advance(&g, 31 * SIM_DAY);
	struct id second = latest_invoice(&g, sub);
	assert_string_not_equal(first.text, second.text);
	expect_status(&g, second, "draft");
	set_card(&g, id_in(look(&g, sub), "customer"), "ok");
	(void)ask(&g, "POST", path_of("/v1/invoices/%s/pay", second.text).text, "%s", "");
	expect_status(&g, sub, "active");
	rig_close(&g);
}

static void out_of_band_counts(void **state) {
	(void)state;
	struct rig g = rig_open();
	struct id sub = past_due(&g, "cancel");
	(void)ask(&g, "POST", path_of("/v1/invoices/%s/pay", latest_invoice(&g, sub).text).text,
		  "paid_out_of_band=true");
	expect_events(&g, "invoice.paid customer.subscription.updated");
	expect_status(&g, sub, "active");
	rig_close(&g);
}

static void an_excused_invoice_heals_past_due(void **state) {
	(void)state;
	static const char *const verbs[] = {"void", "mark_uncollectible"};
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		struct rig g = rig_open();
		struct id sub = past_due(&g, "cancel");
		(void)ask(&g, "POST", path_of("/v1/invoices/%s/%s", latest_invoice(&g, sub).text, verbs[i]).text, "%s",
			  "");
		expect_status(&g, sub, "active");
		advance(&g, 8 * SIM_DAY);
		expect_status(&g, sub, "active");
		rig_close(&g);
	}
}

static void a_sent_invoice_becomes_overdue(void **state) {
	(void)state;
	struct rig g = rig_open();
	struct id cus = new_customer(&g);
	struct id sub = subscribe(&g, cus, "&collection_method=send_invoice&days_until_due=5");
	expect_status(&g, sub, "active");
	advance(&g, SIM_HOUR);
	expect_events(&g, "customer.subscription.created invoice.created invoice.finalized invoice.sent"
			  " payment_intent.created");
	advance(&g, 5 * SIM_DAY);
	expect_events(&g, "invoice.overdue customer.subscription.updated");
	expect_status(&g, sub, "past_due");
	rig_close(&g);
}

/* ---- ends ------------------------------------------------------------------------- */

static void cancelled_at_period_end(void **state) {
	(void)state;
	struct rig g = rig_open();
	struct id cus = new_customer(&g), sub = subscribe(&g, cus, "");
	skip_events(&g);
	struct path path = path_of("/v1/subscriptions/%s", sub.text);
	(void)ask(&g, "POST", path.text, "cancel_at_period_end=true");
	expect_events(&g, "customer.subscription.updated");
	expect_previous(&g, "customer.subscription.updated",
			"{\"cancel_at\":null,\"cancel_at_period_end\":false,\"canceled_at\":null,"
			"\"cancellation_details\":{\"reason\":null}}");
	advance(&g, 30 * SIM_DAY - 1);
	expect_status(&g, sub, "active");
	advance(&g, 1);
	expect_status(&g, sub, "canceled");
	expect_events(&g, "customer.subscription.deleted");
	assert_int_equal(int_of(look(&g, sub), "ended_at"), RIG_NOW + 30 * SIM_DAY);
	rig_close(&g);
}

static void cancelled_at_a_date_and_not(void **state) {
	(void)state;
	struct rig g = rig_open();
	struct id cus = new_customer(&g), a = subscribe(&g, cus, ""), b = subscribe(&g, cus, "");
	long long at = (long long)RIG_NOW + 1000;
	(void)ask(&g, "POST", path_of("/v1/subscriptions/%s", a.text).text, "cancel_at=%lld", at);
	(void)ask(&g, "POST", path_of("/v1/subscriptions/%s", b.text).text, "cancel_at=%lld", at);
	(void)ask(&g, "POST", path_of("/v1/subscriptions/%s", b.text).text, "cancel_at=");
	advance(&g, 1000);
	expect_status(&g, a, "canceled");
	expect_status(&g, b, "active");
	assert_true(json_is_null(json_object_get(look(&g, b), "cancel_at")));
	rig_close(&g);
}

static void cancelled_now_and_for_good(void **state) {
	(void)state;
	struct rig g = rig_open();
	struct id cus = new_customer(&g), sub = subscribe(&g, cus, "");
	skip_events(&g);
	struct path path = path_of("/v1/subscriptions/%s", sub.text);
	(void)ask(&g, "DELETE", path.text, "%s", "");
	expect_events(&g, "customer.subscription.deleted");
	(void)ask(&g, "POST", path.text, "metadata[a]=b");
	(void)ask_as(&g, "", "POST", path.text, "cancel_at_period_end=true");
	assert_int_equal(g.status, 400);
	(void)ask_as(&g, "", "DELETE", path.text, "");
	assert_int_equal(g.status, 404);
	skip_events(&g);
	advance(&g, 40 * SIM_DAY);
	expect_events(&g, "");
	rig_close(&g);
}

static void a_deleted_customer_ends_all(void **state) {
	(void)state;
	struct rig g = rig_open();
	struct id cus = new_customer(&g), a = subscribe(&g, cus, ""), b = subscribe(&g, cus, "&trial_period_days=3");
	skip_events(&g);
	(void)ask(&g, "DELETE", path_of("/v1/customers/%s", cus.text).text, "%s", "");
	expect_events(&g, "customer.subscription.deleted customer.subscription.deleted customer.deleted");
	expect_status(&g, a, "canceled");
	expect_status(&g, b, "canceled");
	assert_true(bool_of(ask(&g, "GET", path_of("/v1/customers/%s", cus.text).text, "%s", ""), "deleted"));
	rig_close(&g);
}

/* ---- pauses ------------------------------------------------------------------------ */

static void paused_and_resumed(void **state) {
	(void)state;
	struct rig g = rig_open();
	struct id cus = new_customer(&g), sub = subscribe(&g, cus, "");
	skip_events(&g);
	(void)ask(&g, "POST", path_of("/v1/subscriptions/%s/pause", sub.text).text, "type=subscription");
	expect_events(&g, "customer.subscription.updated customer.subscription.paused");
	expect_previous(&g, "customer.subscription.updated", "{\"status\":\"active\",\"status_details\":null}");
	advance(&g, 40 * SIM_DAY);
	expect_events(&g, "");
	(void)ask(&g, "POST", path_of("/v1/subscriptions/%s/resume", sub.text).text,
		  "payment_behavior=resume_on_payment_success");
	expect_status(&g, sub, "active");
	expect_events(&g, "customer.subscription.updated " BILLED_EVENTS " " PAID_EVENTS
			  " customer.subscription.updated customer.subscription.resumed");
	rig_close(&g);
}

static void a_resumed_one_waits_for_its_payment(void **state) {
	(void)state;
	struct rig g = rig_open();
	struct id cus = new_customer(&g), sub = subscribe(&g, cus, "");
	(void)ask(&g, "POST", path_of("/v1/subscriptions/%s/pause", sub.text).text, "type=subscription");
	set_card(&g, cus, "declined");
	(void)ask(&g, "POST", path_of("/v1/subscriptions/%s/resume", sub.text).text,
		  "payment_behavior=resume_on_payment_success");
	expect_status(&g, sub, "paused");
	set_card(&g, cus, "ok");
	advance(&g, 3 * SIM_DAY);
	expect_status(&g, sub, "active");
	rig_close(&g);
}

static void collection_is_paused(void **state) {
	(void)state;
	static const struct {
		const char *behavior, *status;
	} cases[] = {{"void", "void"}, {"mark_uncollectible", "uncollectible"}, {"keep_as_draft", "draft"}};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct rig g = rig_open();
		struct id cus = new_customer(&g), sub = subscribe(&g, cus, "");
		(void)ask(&g, "POST", path_of("/v1/subscriptions/%s", sub.text).text,
			  "pause_collection[behavior]=%s&pause_collection[resumes_at]=%lld", cases[i].behavior,
			  (long long)(RIG_NOW + 35 * SIM_DAY));
		advance(&g, 31 * SIM_DAY);
		expect_status(&g, sub, "active");
		expect_status(&g, latest_invoice(&g, sub), cases[i].status);
		skip_events(&g);
		advance(&g, 4 * SIM_DAY);
		expect_events(&g, "customer.subscription.updated");
		assert_true(json_is_null(json_object_get(look(&g, sub), "pause_collection")));
		rig_close(&g);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(begins_active),
		cmocka_unit_test(needs_a_card),
		cmocka_unit_test(incomplete_until_paid),
		cmocka_unit_test(a_declined_card_leaves_it_incomplete),
		cmocka_unit_test(action_is_asked_for),
		cmocka_unit_test(strict_payment_makes_nothing),
		cmocka_unit_test(voiding_the_first_invoice_expires_it),
		cmocka_unit_test(a_trial_becomes_active),
		cmocka_unit_test(a_trial_without_card),
		cmocka_unit_test(a_trial_may_end_now),
		cmocka_unit_test(the_period_moves_before_payment),
		cmocka_unit_test(retries_then_the_setting),
		cmocka_unit_test(a_retry_heals),
		cmocka_unit_test(unpaid_heals_by_its_latest_invoice),
		cmocka_unit_test(out_of_band_counts),
		cmocka_unit_test(an_excused_invoice_heals_past_due),
		cmocka_unit_test(a_sent_invoice_becomes_overdue),
		cmocka_unit_test(cancelled_at_period_end),
		cmocka_unit_test(cancelled_at_a_date_and_not),
		cmocka_unit_test(cancelled_now_and_for_good),
		cmocka_unit_test(a_deleted_customer_ends_all),
		cmocka_unit_test(paused_and_resumed),
		cmocka_unit_test(a_resumed_one_waits_for_its_payment),
		cmocka_unit_test(collection_is_paused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
