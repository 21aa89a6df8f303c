/* What the simulator shows has Stripe's fields, all of them, with Stripe's types, after a life with everything in it.
 */
#include "unit/stripe_sim/rig.h"

#include "unit/stripe_sim/fields.h"

static char type_of(const json_t *v) {
	switch (json_typeof(v)) {
	case JSON_OBJECT:
		return 'o';
	case JSON_ARRAY:
		return 'a';
	case JSON_STRING:
		return 's';
	case JSON_INTEGER:
		return 'i';
	case JSON_REAL:
		return 'f';
	case JSON_TRUE:
	case JSON_FALSE:
		return 'b';
	case JSON_NULL:
		return 'n';
	}
	return '?';
}

static const char *fields_of(const char *name) {
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (strcmp(fields[i].name, name) == 0) return fields[i].fields;
	return NULL;
}

static void expect_fields(const char *name, const json_t *object) {
	const char *at = fields_of(name);
	size_t known = 0;
	assert_non_null(at);
	if (!at) return; /* gcc does not know that the line above ends the test */
	for (; *at; known++) {
		char field[64];
		size_t n = strcspn(at, ":"), types = strcspn(at + n + 1, " ");
		assert_true(n < sizeof field);
		memcpy(field, at, n);
		field[n] = 0;
		const json_t *v = json_object_get(object, field);
		if (!v || !memchr(at + n + 1, type_of(v), types))
			fail_msg("%s.%s: %c", name, field, v ? type_of(v) : '-');
		at += n + 1 + types;
		while (*at == ' ') at++;
	}
	/* a refund that failed says why, and only it */
	size_t more = json_object_get(object, "failure_reason") ? 1 : 0;
	if (json_object_size(object) != known + more) {
		char *text = json_dumps(object, JSON_INDENT(1) | JSON_SORT_KEYS);
		print_error("%s has a field too many:\n%s\n", name, text);
		free(text);
	}
	assert_int_equal(json_object_size(object), known + more);
}

static void expect_list(const char *name, const json_t *list) {
	assert_true(json_array_size(list) > 0);
	for (size_t i = 0; i < json_array_size(list); i++) expect_fields(name, json_array_get(list, i));
}

static void money_goes_back(struct rig *g) {
	const struct records *charges = &g->sim->scopes[0]->lists[K_CHARGE];
	struct id first = id_in(charges->at[0]->json, "id");
	(void)ask(g, "POST", "/v1/refunds", "charge=%s&amount=10&metadata[sim_status]=failing", first.text);
	(void)ask(g, "POST", "/_sim/dispute", "{\"charge\": \"%s\"}", first.text);
}

static void everything_happens(struct rig *g) {
	struct id session = id_in(ask(g, "POST", "/v1/checkout/sessions",
				      "mode=subscription&success_url=x&line_items[0][price]=price_pro"),
				  "id");
	struct id setup = id_in(ask(g, "POST", "/v1/checkout/sessions", "mode=setup&success_url=x"), "id");
	(void)ask(g, "POST", "/_sim/pay", "{\"session\": \"%s\"}", session.text);
	(void)ask(g, "POST", "/_sim/pay", "{\"session\": \"%s\"}", setup.text);
	struct id cus = new_customer(g), a = subscribe(g, cus, "&trial_period_days=3"), b = subscribe(g, cus, "");
	(void)ask(g, "POST", "/v1/subscription_schedules", "from_subscription=%s", a.text);
	(void)ask(g, "POST", path_of("/v1/subscriptions/%s", b.text).text,
		  "cancel_at_period_end=true&pause_collection[behavior]=void");
	struct id c = subscribe(g, cus, "");
	money_goes_back(g);
	set_card(g, cus, "declined");
	(void)ask(g, "POST", path_of("/v1/subscriptions/%s", c.text).text,
		  "items[0][price]=price_max&proration_behavior=always_invoice&payment_behavior=pending_if_incomplete");
	(void)ask(g, "POST", path_of("/v1/subscriptions/%s/pause", subscribe(g, cus, "&trial_period_days=9").text).text,
		  "%s", "");
	(void)ask(g, "POST", "/v1/test_helpers/test_clocks", "frozen_time=1700000000&name=n");
	(void)ask(g, "POST", "/v1/billing_portal/sessions",
		  "customer=%s&return_url=x&flow_data[type]=subscription_cancel", cus.text);
	advance(g, 2 * SIM_HOUR);
}

static void check_all(struct rig *g) {
	size_t kinds = 0;
	for (unsigned k = 0; k < K_COUNT; k++) {
		if (!fields_of(kind_name((enum kind)k))) continue;
		json_t *list = ask(g, "GET", "/_sim/tables", "{\"kind\": \"%s\"}", kind_name((enum kind)k));
		if (k != K_WEBHOOK_ENDPOINT) expect_list(kind_name((enum kind)k), json_object_get(list, "data"));
		kinds++;
	}
	assert_int_equal(kinds, 19);
	const struct records *subs = &g->sim->scopes[0]->lists[K_SUBSCRIPTION];
	for (size_t i = 0; i < subs->count; i++) {
		const json_t *items = json_object_get(json_object_get(subs->at[i]->json, "items"), "data");
		expect_list("subscription_item", items);
		expect_fields("price", json_object_get(json_array_get(items, 0), "price"));
		expect_fields("plan", json_object_get(json_array_get(items, 0), "plan"));
	}
	const struct records *invoices = &g->sim->scopes[0]->lists[K_INVOICE];
	for (size_t i = 0; i < invoices->count; i++)
		expect_list("line_item", json_object_get(json_object_get(invoices->at[i]->json, "lines"), "data"));
	const struct records *schedules = &g->sim->scopes[0]->lists[K_SCHEDULE];
	expect_list("schedule phase", json_object_get(schedules->at[0]->json, "phases"));
}

static void objects_have_stripes_fields(void **state) {
	(void)state;
	struct rig g = rig_open();
	everything_happens(&g);
	check_all(&g);
	advance(&g, 40 * SIM_DAY);
	check_all(&g);
	rig_close(&g);
}

/* Every snapshot in an event is an object of its kind. */
static void events_carry_whole_objects(void **state) {
	(void)state;
	struct rig g = rig_open();
	everything_happens(&g);
	advance(&g, 40 * SIM_DAY);
	for (size_t i = 0; i < events_of(&g)->count; i++) {
		json_t *event = record_show(events_of(&g)->at[i]);
		const json_t *object = json_object_get(json_object_get(event, "data"), "object");
		expect_fields("event", event);
		/* an upcoming invoice has no id */
		if (!text_is(event, "type", "invoice.upcoming")) expect_fields(text_of(object, "object"), object);
		json_decref(event);
	}
	rig_close(&g);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(objects_have_stripes_fields),
		cmocka_unit_test(events_carry_whole_objects),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
