/* Requests that nobody sane sends, thousands of them, mixed with sane ones and with time: every answer is an object of
 * Stripe's or one of its errors, no status is unheard of, and the tables stay whole. TIERGATE_SEED chooses others. */
#include "unit/stripe_sim/rig.h"

#include "support/random.h"

#define REQUESTS 20000

static const char *const methods[] = {"GET", "POST", "POST", "POST", "DELETE"};
static const char *const paths[] = {
	"/v1/customers",
	"/v1/customers/@",
	"/v1/customers/@/payment_methods",
	"/v1/products",
	"/v1/products/@",
	"/v1/products/@/features",
	"/v1/prices",
	"/v1/prices/@",
	"/v1/payment_methods",
	"/v1/payment_methods/@",
	"/v1/payment_methods/@/attach",
	"/v1/payment_methods/@/detach",
	"/v1/subscriptions",
	"/v1/subscriptions",
	"/v1/subscriptions/@",
	"/v1/subscriptions/@",
	"/v1/subscriptions/@/pause",
	"/v1/subscriptions/@/resume",
	"/v1/subscription_items",
	"/v1/subscription_items/@",
	"/v1/subscription_schedules",
	"/v1/subscription_schedules",
	"/v1/subscription_schedules/@",
	"/v1/subscription_schedules/@/release",
	"/v1/subscription_schedules/@/cancel",
	"/v1/invoices",
	"/v1/invoices/create_preview",
	"/v1/invoices/@",
	"/v1/invoices/@/lines",
	"/v1/invoices/@/pay",
	"/v1/invoices/@/void",
	"/v1/invoices/@/finalize",
	"/v1/invoices/@/mark_uncollectible",
	"/v1/payment_intents",
	"/v1/payment_intents/@/confirm",
	"/v1/charges",
	"/v1/invoice_payments",
	"/v1/refunds",
	"/v1/refunds/@/cancel",
	"/v1/disputes",
	"/v1/disputes/@",
	"/v1/disputes/@/close",
	"/v1/checkout/sessions",
	"/v1/checkout/sessions/@",
	"/v1/checkout/sessions/@/expire",
	"/v1/checkout/sessions/@/line_items",
	"/v1/billing_portal/sessions",
	"/v1/billing_portal/configurations",
	"/v1/billing_portal/configurations/@",
	"/v1/test_helpers/test_clocks",
	"/v1/test_helpers/test_clocks/@/advance",
	"/v1/test_helpers/test_clocks/@",
	"/v1/entitlements/features",
	"/v1/entitlements/active_entitlements",
	"/v1/events",
	"/v1/events/@",
	"/v1/accounts",
	"/v1//@",
};
static const char *const names[] = {
	"customer",
	"items[0][price]",
	"items[0][price]",
	"items[0][id]",
	"items[0][quantity]",
	"items[0][deleted]",
	"items[1][price]",
	"items",
	"price",
	"product",
	"quantity",
	"name",
	"email",
	"metadata[user_id]",
	"metadata",
	"limit",
	"starting_after",
	"ending_before",
	"created[gte]",
	"created",
	"status",
	"trial_period_days",
	"trial_end",
	"trial_settings[end_behavior][missing_payment_method]",
	"cancel_at",
	"cancel_at_period_end",
	"pause_collection[behavior]",
	"pause_collection",
	"proration_behavior",
	"payment_behavior",
	"billing_cycle_anchor",
	"collection_method",
	"days_until_due",
	"default_payment_method",
	"payment_method",
	"invoice_settings[default_payment_method]",
	"charge",
	"payment_intent",
	"amount",
	"reason",
	"subscription",
	"from_subscription",
	"phases[0][items][0][price]",
	"phases[0][end_date]",
	"phases[1][items][0][price]",
	"phases[1][iterations]",
	"phases",
	"end_behavior",
	"start_date",
	"mode",
	"success_url",
	"line_items[0][price]",
	"line_items[0][quantity]",
	"subscription_data[trial_period_days]",
	"subscription_data",
	"client_reference_id",
	"frozen_time",
	"test_clock",
	"lookup_key",
	"transfer_lookup_key",
	"currency",
	"unit_amount",
	"recurring[interval]",
	"recurring[interval_count]",
	"evidence[uncategorized_text]",
	"evidence",
	"features[subscription_cancel][enabled]",
	"features",
	"flow_data[type]",
	"types[]",
	"type",
	"entitlement_feature",
	"card[token]",
	"paid_out_of_band",
};
static const char *const values[] = {
	"@",
	"@",
	"@",
	"@",
	"",
	"0",
	"1",
	"-1",
	"3",
	"100",
	"99999999999",
	"9223372036854775807",
	"true",
	"false",
	"now",
	"month",
	"year",
	"usd",
	"price_pro",
	"price_max",
	"price_year",
	"prod_a",
	"card",
	"tok_visa",
	"tok_chargeDeclined",
	"pm_card_visa",
	"pm_card_authenticationRequired",
	"subscription",
	"setup",
	"none",
	"always_invoice",
	"create_prorations",
	"pending_if_incomplete",
	"default_incomplete",
	"error_if_incomplete",
	"send_invoice",
	"void",
	"keep_as_draft",
	"pause",
	"cancel",
	"release",
	"min_period_end",
	"all",
	"1790003600",
	"1795000000",
	"1700000000",
	"%25%00",
	"%ff%fe",
	"x",
	"alice",
	"resume_on_payment_success",
	"unchanged",
	"customer.*",
	"subscription_cancel",
};

static struct id some_id(struct rig *g, struct random *rng) {
	struct id id = {.text = "none"};
	for (int tries = 0; tries < 20; tries++) {
		const struct records *list = &g->sim->scopes[0]->lists[random_below(rng, K_COUNT)];
		if (list->count == 0) continue;
		const struct record *rec = list->at[random_below(rng, list->count)];
		(void)snprintf(id.text, sizeof id.text, "%s", record_id(rec));
		const json_t *item =
			rec->kind == K_SUBSCRIPTION && random_below(rng, 4) == 0 ? item_at(rec->json, 0) : NULL;
		if (item) (void)snprintf(id.text, sizeof id.text, "%s", text_of(item, "id"));
		return id;
	}
	return id;
}

/* `pattern` with every @ an id. */
static void fill(struct rig *g, struct random *rng, const char *pattern, char *out, size_t size) {
	size_t n = 0;
	for (; *pattern && n + 1 < size; pattern++) {
		if (*pattern == '@')
			n += (size_t)snprintf(out + n, size - n, "%s", some_id(g, rng).text);
		else
			out[n++] = *pattern;
	}
	out[n < size ? n : size - 1] = 0;
}

static void one_request(struct rig *g, struct random *rng) {
	char path[300], form[2000] = "", value[120];
	fill(g, rng, paths[random_below(rng, ARRAY_LEN(paths))], path, sizeof path);
	size_t n = 0, params = random_below(rng, 6);
	for (size_t i = 0; i < params; i++) {
		fill(g, rng, values[random_below(rng, ARRAY_LEN(values))], value, sizeof value);
		n += (size_t)snprintf(form + n, sizeof form - n, "&%s=%s", names[random_below(rng, ARRAY_LEN(names))],
				      value);
	}
	struct params_fault fault;
	json_t *tree = NULL;
	if (params_parse(view_str(form), &tree, &fault)) return;
	json_decref(tree);
	const json_t *answer = ask_as(g, "", methods[random_below(rng, ARRAY_LEN(methods))], path, form);
	const json_t *error = json_object_get(answer, "error");
	assert_true(json_is_object(answer));
	assert_true((g->status == 200) == (error == NULL));
	if (!error) return;
	assert_true(g->status == 400 || g->status == 402 || g->status == 404);
	assert_non_null(text_of(error, "type"));
	assert_non_null(text_of(error, "message"));
}

/* What would help: customers with cards, and what they subscribe to. */
static void one_sane(struct rig *g, struct random *rng) {
	struct id cus = new_customer(g);
	if (random_below(rng, 2)) set_card(g, cus, random_below(rng, 2) ? "declined" : "requires_action");
	(void)subscribe(g, cus, random_below(rng, 2) ? "&trial_period_days=5" : "&payment_behavior=default_incomplete");
}

static void the_tables_are_whole(struct rig *g) {
	static const char statuses[] = "incomplete incomplete_expired trialing active past_due canceled unpaid paused ";
	const struct records *subs = &g->sim->scopes[0]->lists[K_SUBSCRIPTION];
	for (size_t i = 0; i < subs->count; i++) {
		const json_t *sub = subs->at[i]->json;
		const char *found = strstr(statuses, text_of(sub, "status"));
		assert_non_null(found);
		size_t items = json_array_size(json_object_get(json_object_get(sub, "items"), "data"));
		assert_true(items >= 1 && items <= ITEMS_MAX);
		assert_non_null(sim_find_any(g->sim, text_of(sub, "customer")));
		assert_non_null(sim_find_any(g->sim, text_of(sub, "latest_invoice")));
		bool ended = text_is(sub, "status", "canceled") || text_is(sub, "status", "incomplete_expired");
		assert_int_equal(ended, json_is_integer(json_object_get(sub, "ended_at")));
		for (size_t k = 0; k < items; k++)
			assert_true(int_of(item_at(sub, k), "current_period_end") >=
				    int_of(item_at(sub, k), "current_period_start"));
	}
	const struct records *invoices = &g->sim->scopes[0]->lists[K_INVOICE];
	for (size_t i = 0; i < invoices->count; i++) {
		const json_t *inv = invoices->at[i]->json;
		assert_int_equal(
			text_is(inv, "status", "paid"),
			json_is_integer(json_object_get(json_object_get(inv, "status_transitions"), "paid_at")));
	}
}

static void anything_goes(void **state) {
	(void)state;
	struct random rng = random_start();
	struct rig g = rig_open();
	for (int i = 0; i < REQUESTS; i++) {
		if (i % 50 == 0) one_sane(&g, &rng);
		if (i % 100 == 99) advance(&g, (int64_t)random_below(&rng, 3 * SIM_DAY));
		one_request(&g, &rng);
	}
	advance(&g, 60 * SIM_DAY);
	the_tables_are_whole(&g);
	rig_close(&g);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(anything_goes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
