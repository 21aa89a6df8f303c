/* Changes of what a subscription is for: items, prorations, updates that wait for their payment. */
#include "unit/stripe_sim/rig.h"

#define PAID_EVENTS                                                                                                    \
	"charge.succeeded payment_intent.succeeded invoice_payment.paid invoice.paid invoice.payment_succeeded"
#define BILLED_EVENTS "invoice.created invoice.finalized payment_intent.created"

static struct id first_item(struct rig *g, struct id sub) { return id_in(item_at(look(g, sub), 0), "id"); }
static const char *price_at(struct rig *g, struct id sub, size_t i) {
	return text_of(json_object_get(item_at(look(g, sub), i), "price"), "id");
}

static void an_upgrade_waits_for_the_next_invoice(void **state) {
	(void)state;
	struct rig g = rig_open();
	struct id cus = new_customer(&g), sub = subscribe(&g, cus, "");
	advance(&g, 15 * SIM_DAY);
	skip_events(&g);
	(void)ask(&g, "POST", path_of("/v1/subscriptions/%s", sub.text).text,
		  "items[0][id]=%s&items[0][price]=price_max", first_item(&g, sub).text);
	expect_events(&g, "customer.subscription.updated");
	assert_string_equal(price_at(&g, sub, 0), "price_max");
	advance(&g, 15 * SIM_DAY);
	const json_t *inv = look(&g, latest_invoice(&g, sub));
	/* half a month of 20 back, half of 90 more, and a month of 90 */
	assert_int_equal(int_of(inv, "total"), 9000 - 1000 + 4500);
	assert_int_equal(json_array_size(json_object_get(json_object_get(inv, "lines"), "data")), 3);
	rig_close(&g);
}

static void an_upgrade_is_paid_at_once(void **state) {
	(void)state;
	struct rig g = rig_open();
	struct id cus = new_customer(&g), sub = subscribe(&g, cus, "");
	skip_events(&g);
	(void)ask(&g, "POST", path_of("/v1/subscriptions/%s", sub.text).text,
		  "items[0][id]=%s&items[0][price]=price_max&proration_behavior=always_invoice",
		  first_item(&g, sub).text);
	expect_events(&g, "customer.subscription.updated " BILLED_EVENTS " " PAID_EVENTS);
	assert_int_equal(int_of(look(&g, latest_invoice(&g, sub)), "amount_paid"), 7000);
	assert_string_equal(text_of(look(&g, latest_invoice(&g, sub)), "billing_reason"), "subscription_update");
	rig_close(&g);
}

static void an_unpaid_upgrade_is_past_due(void **state) {
	(void)state;
	struct rig g = rig_open();
	struct id cus = new_customer(&g), sub = subscribe(&g, cus, "");
	set_card(&g, cus, "declined");
	(void)ask(&g, "POST", path_of("/v1/subscriptions/%s", sub.text).text,
		  "items[0][id]=%s&items[0][price]=price_max&proration_behavior=always_invoice",
		  first_item(&g, sub).text);
	expect_status(&g, sub, "past_due");
	assert_string_equal(price_at(&g, sub, 0), "price_max");
	rig_close(&g);
}

static struct id pending(struct rig *g) {
	struct id cus = new_customer(g), sub = subscribe(g, cus, "");
	set_card(g, cus, "declined");
	skip_events(g);
	(void)ask(g, "POST", path_of("/v1/subscriptions/%s", sub.text).text,
		  "items[0][id]=%s&items[0][price]=price_max&proration_behavior=always_invoice&"
		  "payment_behavior=pending_if_incomplete",
		  first_item(g, sub).text);
	expect_events(g, "customer.subscription.updated " BILLED_EVENTS
			 " charge.failed payment_intent.payment_failed invoice.payment_failed invoice.updated");
	expect_status(g, sub, "active");
	assert_string_equal(price_at(g, sub, 0), "price_pro");
	assert_true(json_is_object(json_object_get(look(g, sub), "pending_update")));
	return sub;
}

static void a_pending_update_is_applied(void **state) {
	(void)state;
	struct rig g = rig_open();
	struct id sub = pending(&g);
	set_card(&g, id_in(look(&g, sub), "customer"), "ok");
	skip_events(&g);
	(void)ask(&g, "POST", path_of("/v1/invoices/%s/pay", latest_invoice(&g, sub).text).text, "%s", "");
	expect_events(&g, PAID_EVENTS " customer.subscription.updated customer.subscription.pending_update_applied");
	assert_string_equal(price_at(&g, sub, 0), "price_max");
	assert_true(json_is_null(json_object_get(look(&g, sub), "pending_update")));
	advance(&g, SIM_DAY);
	expect_events(&g, "");
	rig_close(&g);
}

static void a_pending_update_expires(void **state) {
	(void)state;
	struct rig g = rig_open();
	struct id sub = pending(&g);
	advance(&g, 23 * SIM_HOUR);
	expect_events(&g, "customer.subscription.updated customer.subscription.pending_update_expired"
			  " payment_intent.canceled invoice.voided");
	assert_string_equal(price_at(&g, sub, 0), "price_pro");
	expect_status(&g, sub, "active");
	rig_close(&g);
}

/* Its invoice stays open, and who pays it gets nothing for it. */
static void a_pending_update_ends_with_its_subscription(void **state) {
	(void)state;
	struct rig g = rig_open();
	struct id sub = pending(&g), inv = latest_invoice(&g, sub);
	(void)ask(&g, "DELETE", path_of("/v1/subscriptions/%s", sub.text).text, "%s", "");
	assert_true(json_is_null(json_object_get(look(&g, sub), "pending_update")));
	set_card(&g, id_in(look(&g, sub), "customer"), "ok");
	skip_events(&g);
	(void)ask(&g, "POST", path_of("/v1/invoices/%s/pay", inv.text).text, "%s", "");
	expect_events(&g, PAID_EVENTS);
	expect_status(&g, sub, "canceled");
	assert_string_equal(price_at(&g, sub, 0), "price_pro");
	rig_close(&g);
}

/* As Stripe does: an event says what became of its own object, and the prices in it are as they are now. */
static void a_price_that_waits_is_shown_as_it_is(void **state) {
	(void)state;
	struct rig g = rig_open();
	struct id sub = pending(&g);
	skip_events(&g);
	(void)ask(&g, "POST", "/v1/prices/price_max", "lookup_key=moved&transfer_lookup_key=true");
	expect_events(&g, "price.updated");
	const json_t *items = json_object_get(json_object_get(look(&g, sub), "pending_update"), "subscription_items");
	assert_string_equal(text_of(json_object_get(json_array_get(items, 0), "price"), "lookup_key"), "moved");
	rig_close(&g);
}

static void items_come_and_go(void **state) {
	(void)state;
	struct rig g = rig_open();
	struct id cus = new_customer(&g), sub = subscribe(&g, cus, "&items[0][quantity]=3");
	assert_int_equal(int_of(item_at(look(&g, sub), 0), "quantity"), 3);
	struct id item =
		id_in(ask(&g, "POST", "/v1/subscription_items", "subscription=%s&price=price_max", sub.text), "id");
	assert_string_equal(price_at(&g, sub, 1), "price_max");
	(void)ask(&g, "POST", path_of("/v1/subscription_items/%s", item.text).text, "quantity=5");
	assert_int_equal(int_of(item_at(look(&g, sub), 1), "quantity"), 5);
	assert_int_equal(int_of(item_at(look(&g, sub), 1), "current_period_end"), RIG_NOW + 30 * SIM_DAY);
	(void)ask(&g, "DELETE", path_of("/v1/subscription_items/%s", first_item(&g, sub).text).text, "%s", "");
	assert_string_equal(price_at(&g, sub, 0), "price_max");
	/* not the last one */
	(void)ask_as(&g, "", "DELETE", path_of("/v1/subscription_items/%s", first_item(&g, sub).text).text, "");
	assert_int_equal(g.status, 400);
	/* nor another interval beside it, nor the same price twice */
	static const char *const prices[] = {"price_max", "price_year"};
	for (size_t i = 0; i < ARRAY_LEN(prices); i++) {
		char form[200];
		(void)snprintf(form, sizeof form, "subscription=%s&price=%s", sub.text, prices[i]);
		(void)ask_as(&g, "", "POST", "/v1/subscription_items", form);
		assert_int_equal(g.status, 400);
	}
	rig_close(&g);
}

static void another_interval_begins_now(void **state) {
	(void)state;
	struct rig g = rig_open();
	struct id cus = new_customer(&g), sub = subscribe(&g, cus, "");
	advance(&g, SIM_DAY);
	skip_events(&g);
	(void)ask(&g, "POST", path_of("/v1/subscriptions/%s", sub.text).text,
		  "items[0][id]=%s&items[0][price]=price_year", first_item(&g, sub).text);
	expect_events(&g, "customer.subscription.updated " BILLED_EVENTS " " PAID_EVENTS);
	assert_int_equal(int_of(item_at(look(&g, sub), 0), "current_period_end"), RIG_NOW + 366 * SIM_DAY);
	skip_events(&g);
	/* the month's end passes by */
	advance(&g, 40 * SIM_DAY);
	expect_events(&g, "");
	rig_close(&g);
}

static void what_is_refused_changes_nothing(void **state) {
	(void)state;
	static const char *const forms[] = {
		"items[0][price]=price_none",
		"items[0][id]=si_none&items[0][quantity]=2",
		"cancel_at=yesterday",
		"cancel_at=1000",
		"metadata[a]=b&trial_end=never",
		"pause_collection[behavior]=sleep",
		"proration_behavior=maybe",
		"description=x&billing_cycle_anchor=later",
		"nonsense=1",
		"items=1",
		"metadata=x",
	};
	struct rig g = rig_open();
	struct id cus = new_customer(&g), sub = subscribe(&g, cus, "");
	json_t *before = json_deep_copy(look(&g, sub));
	skip_events(&g);
	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		(void)ask_as(&g, "", "POST", path_of("/v1/subscriptions/%s", sub.text).text, forms[i]);
		if (g.status != 400) print_error("%s: %u\n", forms[i], g.status);
		assert_int_equal(g.status, 400);
		assert_true(json_equal(before, sim_find_any(g.sim, sub.text)->json));
	}
	expect_events(&g, "");
	json_decref(before);
	rig_close(&g);
}

static void a_preview_changes_nothing(void **state) {
	(void)state;
	struct rig g = rig_open();
	struct id cus = new_customer(&g), sub = subscribe(&g, cus, "");
	advance(&g, 15 * SIM_DAY);
	json_t *before = json_deep_copy(look(&g, sub));
	size_t invoices = g.sim->scopes[0]->lists[K_INVOICE].count;
	skip_events(&g);
	assert_int_equal(int_of(ask(&g, "POST", "/v1/invoices/create_preview", "customer=%s", cus.text), "total"),
			 2000);
	const json_t *changed = ask(&g, "POST", "/v1/invoices/create_preview",
				    "subscription=%s&subscription_details[items][0][id]=%s&"
				    "subscription_details[items][0][price]=price_max",
				    sub.text, first_item(&g, sub).text);
	assert_int_equal(int_of(changed, "total"), 9000 - 1000 + 4500);
	assert_true(json_equal(before, sim_find_any(g.sim, sub.text)->json));
	assert_int_equal(g.sim->scopes[0]->lists[K_INVOICE].count, invoices);
	expect_events(&g, "");
	json_decref(before);
	rig_close(&g);
}

/* What is billed at once is an invoice of its own: without the next period, or with the one that begins anew. */
static void a_preview_of_now(void **state) {
	(void)state;
	struct rig g = rig_open();
	struct id cus = new_customer(&g), sub = subscribe(&g, cus, "");
	advance(&g, 15 * SIM_DAY);
	struct id item = first_item(&g, sub);
	json_t *now = ask(&g, "POST", "/v1/invoices/create_preview",
			  "subscription=%s&subscription_details[items][0][id]=%s&"
			  "subscription_details[items][0][price]=price_max&"
			  "subscription_details[proration_behavior]=always_invoice",
			  sub.text, item.text);
	assert_int_equal(int_of(now, "amount_due"), 4500 - 1000);
	int64_t previewed = int_of(now, "amount_due");
	now = ask(&g, "POST", "/v1/invoices/create_preview",
		  "subscription=%s&subscription_details[items][0][id]=%s&"
		  "subscription_details[items][0][price]=price_year&"
		  "subscription_details[proration_behavior]=always_invoice",
		  sub.text, item.text);
	json_t *lines = json_object_get(json_object_get(now, "lines"), "data");
	const json_t *last = json_array_get(lines, json_array_size(lines) - 1);
	assert_int_equal(int_of(last, "amount"), 20000);
	assert_int_equal(int_of(json_object_get(last, "period"), "start"), sim_now(g.sim));
	now = ask(&g, "POST", "/v1/invoices/create_preview",
		  "subscription=%s&subscription_details[items][0][id]=%s&"
		  "subscription_details[items][0][price]=price_max&subscription_details[proration_behavior]=none",
		  sub.text, item.text);
	assert_int_equal(int_of(now, "amount_due"), 9000);
	/* and what was previewed is what is charged */
	(void)ask(&g, "POST", path_of("/v1/subscriptions/%s", sub.text).text,
		  "items[0][id]=%s&items[0][price]=price_max&proration_behavior=always_invoice", item.text);
	assert_int_equal(int_of(look(&g, latest_invoice(&g, sub)), "amount_paid"), previewed);
	rig_close(&g);
}

static void calendars(void **state) {
	(void)state;
	/* 31 January 2024 */
	int64_t t = 1706659200;
	assert_int_equal(calendar_add(t, "month", 1), 1709164800);  /* 29 February */
	assert_int_equal(calendar_add(t, "month", 2), 1711843200);  /* 31 March */
	assert_int_equal(calendar_add(t, "month", 13), 1740700800); /* 28 February 2025 */
	assert_int_equal(calendar_add(t, "year", 1), 1738281600);
	assert_int_equal(calendar_add(t, "week", 2), t + 14 * SIM_DAY);
	assert_int_equal(calendar_add(t, "day", 30), t + 30 * SIM_DAY);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_upgrade_waits_for_the_next_invoice),
		cmocka_unit_test(an_upgrade_is_paid_at_once),
		cmocka_unit_test(an_unpaid_upgrade_is_past_due),
		cmocka_unit_test(a_pending_update_is_applied),
		cmocka_unit_test(a_pending_update_expires),
		cmocka_unit_test(a_pending_update_ends_with_its_subscription),
		cmocka_unit_test(a_price_that_waits_is_shown_as_it_is),
		cmocka_unit_test(items_come_and_go),
		cmocka_unit_test(another_interval_begins_now),
		cmocka_unit_test(what_is_refused_changes_nothing),
		cmocka_unit_test(a_preview_changes_nothing),
		cmocka_unit_test(a_preview_of_now),
		cmocka_unit_test(calendars),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
