#include "rig.h"

#include "render.h"

/* What a client of that version gets for GET path. */
static json_t *shown(struct rig *g, const char *version, const char *path, const char *form) {
	struct params_fault fault;
	struct sim_request r = {.sim = g->sim, .method = "GET", .path = path, .account = "", .version = version};
	enum shape shape;
	assert_true(shape_of_version(version, &shape));
	assert_int_equal(params_parse(view_str(form), &r.params, &fault), OK);
	json_t *answer = sim_handle(&r), *out = NULL;
	if (answer) out = render_answer(&r, answer, shape);
	g->status = r.error.status ? r.error.status : 200;
	json_decref(answer);
	json_decref(r.params);
	json_decref(g->last);
	g->last = out ? out : sim_error_json(&r.error);
	return g->last;
}

static json_t *step(const json_t *o, const char *key) {
	return json_is_array(o) ? json_array_get(o, (size_t)(key[0] - '0')) : json_object_get(o, key);
}

/* Up to three steps: keys, or places in a list. */
static json_t *at(const json_t *o, const char *a, const char *b, const char *c) {
	json_t *there = step(o, a);
	if (b) there = step(there, b);
	return c ? step(there, c) : there;
}

static void test_versions(void **state) {
	(void)state;
	enum shape shape = SHAPE_NEWEST;
	assert_true(shape_of_version("2024-06-20", &shape) && shape == SHAPE_CLASSIC);
	assert_true(shape_of_version("2025-02-24.acacia", &shape) && shape == SHAPE_CLASSIC);
	assert_true(shape_of_version("2025-03-31.basil", &shape) && shape == SHAPE_NEWEST);
	assert_true(shape_of_version(SIM_VERSION, &shape) && shape == SHAPE_NEWEST);
	static const char *const none[] = {
		"", "2024-06-21", "2025-03-31", "2025-03-31.acacia", "2026-09-30.endive ", "latest"};
	for (size_t i = 0; i < ARRAY_LEN(none); i++) assert_false(shape_of_version(none[i], &shape));
}

static void test_classic_subscription(void **state) {
	(void)state;
	struct rig g = rig_open();
	struct id customer = new_customer(&g), sub = subscribe(&g, customer, "&items[0][quantity]=3");
	struct path path = path_of("/v1/subscriptions/%s", sub.text);
	int64_t end = int_of(item_at(look(&g, sub), 0), "current_period_end");
	json_t *o = shown(&g, CLASSIC_VERSION, path.text, "");
	assert_int_equal(int_of(o, "current_period_end"), end);
	assert_int_equal(int_of(o, "quantity"), 3);
	assert_string_equal(text_of(at(o, "plan", NULL, NULL), "id"), "price_pro");
	assert_false(bool_of(o, "cancel_at_period_end"));
	assert_null(json_object_get(item_at(o, 0), "current_period_end"));
	assert_null(json_object_get(o, "billing_mode"));
	(void)ask(&g, "POST", path.text, "cancel_at=%lld", (long long)end);
	o = shown(&g, CLASSIC_VERSION, path.text, "");
	assert_true(bool_of(o, "cancel_at_period_end"));
	o = shown(&g, SIM_VERSION, path.text, "");
	assert_false(bool_of(o, "cancel_at_period_end"));
	assert_null(json_object_get(o, "current_period_end"));
	assert_int_equal(int_of(item_at(o, 0), "current_period_end"), end);
	rig_close(&g);
}

static void test_classic_money(void **state) {
	(void)state;
	struct rig g = rig_open();
	struct id customer = new_customer(&g), sub = subscribe(&g, customer, ""), inv = latest_invoice(&g, sub);
	json_t *o = shown(&g, CLASSIC_VERSION, path_of("/v1/invoices/%s", inv.text).text,
			  "expand[]=charge&expand[]=payment_intent");
	assert_string_equal(text_of(o, "subscription"), sub.text);
	assert_true(bool_of(o, "paid"));
	assert_string_equal(text_of(at(o, "charge", NULL, NULL), "invoice"), inv.text);
	assert_string_equal(text_of(at(o, "payment_intent", NULL, NULL), "invoice"), inv.text);
	json_t *line = json_array_get(at(o, "lines", "data", NULL), 0);
	assert_string_equal(text_of(at(line, "price", NULL, NULL), "id"), "price_pro");
	assert_string_equal(text_of(line, "subscription"), sub.text);
	assert_string_equal(text_of(line, "type"), "subscription");
	assert_null(json_object_get(line, "pricing"));
	assert_null(json_object_get(o, "parent"));
	o = shown(&g, SIM_VERSION, path_of("/v1/invoices/%s", inv.text).text, "");
	assert_null(json_object_get(o, "subscription"));
	assert_null(json_object_get(o, "paid"));
	rig_close(&g);
}

/* The newest event of that type as a webhook of that version. */
static json_t *webhook(struct rig *g, const char *type, const char *version) {
	for (size_t i = events_of(g)->count; i--;) {
		if (!text_is(events_of(g)->at[i]->json, "type", type)) continue;
		char *text = render_event(g->sim, events_of(g)->at[i], version);
		json_t *o = json_loads(text ? text : "", JSON_REJECT_DUPLICATES, NULL);
		free(text);
		assert_non_null(o);
		assert_string_equal(text_of(o, "api_version"), version);
		json_decref(g->last);
		return g->last = o;
	}
	fail_msg("no event of type %s", type);
	return NULL;
}

static void test_previous_attributes(void **state) {
	(void)state;
	struct rig g = rig_open();
	struct id customer = new_customer(&g), sub = subscribe(&g, customer, "");
	int64_t start = int_of(item_at(look(&g, sub), 0), "current_period_start"),
		end = int_of(item_at(look(&g, sub), 0), "current_period_end");
	advance(&g, end - start + 7200);
	json_t *o = webhook(&g, "customer.subscription.updated", CLASSIC_VERSION);
	json_t *before = at(o, "data", "previous_attributes", NULL);
	assert_int_equal(int_of(before, "current_period_end"), end);
	assert_int_equal(int_of(before, "current_period_start"), start);
	assert_null(json_object_get(before, "items")); /* nothing else of them was changed */
	assert_int_equal(int_of(at(o, "data", "object", NULL), "current_period_start"), end);
	o = webhook(&g, "customer.subscription.updated", SIM_VERSION);
	assert_non_null(at(at(o, "data", "previous_attributes", NULL), "items", "data", NULL));
	end = int_of(item_at(look(&g, sub), 0), "current_period_end");
	(void)ask(&g, "POST", path_of("/v1/subscriptions/%s", sub.text).text, "cancel_at=%lld", (long long)end);
	o = webhook(&g, "customer.subscription.updated", CLASSIC_VERSION);
	assert_true(json_is_false(at(o, "data", "previous_attributes", "cancel_at_period_end")));
	(void)ask(&g, "POST", path_of("/v1/subscriptions/%s", sub.text).text, "cancel_at=");
	o = webhook(&g, "customer.subscription.updated", CLASSIC_VERSION);
	assert_true(json_is_true(at(o, "data", "previous_attributes", "cancel_at_period_end")));
	assert_true(json_is_false(at(o, "data", "object", "cancel_at_period_end")));
	rig_close(&g);
}

static void test_long_lists(void **state) {
	(void)state;
	struct rig g = rig_open();
	struct id customer = new_customer(&g);
	char form[2048];
	int n = snprintf(form, sizeof form, "customer=%s", customer.text);
	for (int i = 0; i < 12; i++) {
		(void)ask(&g, "POST", "/v1/prices",
			  "id=price_%d&product=prod_a&currency=usd&unit_amount=100&recurring[interval]=month", i);
		n += snprintf(form + n, sizeof form - (size_t)n, "&items[%d][price]=price_%d", i, i);
	}
	struct id sub = id_in(ask(&g, "POST", "/v1/subscriptions", "%s", form), "id");
	json_t *o = shown(&g, SIM_VERSION, path_of("/v1/subscriptions/%s", sub.text).text, "");
	assert_int_equal(json_array_size(at(o, "items", "data", NULL)), RENDER_LIST_MAX);
	assert_true(json_is_true(at(o, "items", "has_more", NULL)));
	assert_int_equal(json_array_size(at(look(&g, sub), "items", "data", NULL)), 12);
	o = shown(&g, SIM_VERSION, "/v1/subscriptions", "");
	assert_int_equal(json_array_size(at(at(o, "data", "0", NULL), "items", "data", NULL)), RENDER_LIST_MAX);
	o = webhook(&g, "customer.subscription.created", SIM_VERSION);
	assert_int_equal(json_array_size(at(at(o, "data", "object", "items"), "data", NULL, NULL)), RENDER_LIST_MAX);
	o = webhook(&g, "customer.subscription.created", CLASSIC_VERSION);
	assert_int_equal(int_of(at(o, "data", "object", "items"), "total_count"), 12);
	rig_close(&g);
}

static void expect_refused(struct rig *g, const char *path, const char *form, const char *part) {
	const json_t *o = json_object_get(shown(g, SIM_VERSION, path, form), "error");
	if (g->status != 400) fail_msg("%s?%s is answered with %u", path, form, g->status);
	assert_non_null(strstr(text_of(o, "message"), part));
}

static void test_expand(void **state) {
	(void)state;
	struct rig g = rig_open();
	struct id customer = new_customer(&g), sub = subscribe(&g, customer, ""), inv = latest_invoice(&g, sub);
	json_t *o = shown(&g, SIM_VERSION, "/v1/subscriptions",
			  "expand[]=data.customer&expand[]=data.latest_invoice.payments");
	json_t *first = at(o, "data", "0", NULL);
	assert_string_equal(text_of(at(first, "customer", NULL, NULL), "id"), customer.text);
	assert_string_equal(text_of(at(first, "latest_invoice", NULL, NULL), "id"), inv.text);
	assert_int_equal(json_array_size(at(first, "latest_invoice", "payments", "data")), 1);
	o = shown(&g, SIM_VERSION, path_of("/v1/customers/%s", customer.text).text,
		  "expand[]=subscriptions.data.items.data.price.product&expand[]=invoice_settings.default_payment_"
		  "method");
	json_t *product =
		at(item_at(json_array_get(at(o, "subscriptions", "data", NULL), 0), 0), "price", "product", NULL);
	assert_string_equal(text_of(product, "id"), "prod_a");
	assert_string_equal(text_of(at(o, "invoice_settings", "default_payment_method", NULL), "object"),
			    "payment_method");
	/* what is null stays so, and the tables are as they were */
	o = shown(&g, SIM_VERSION, path_of("/v1/subscriptions/%s", sub.text).text,
		  "expand[]=schedule&expand[]=test_clock");
	assert_true(json_is_null(json_object_get(o, "schedule")));
	assert_true(json_is_string(json_object_get(look(&g, sub), "customer")));
	assert_null(json_object_get(shown(&g, SIM_VERSION, path_of("/v1/invoices/%s", inv.text).text, ""), "payments"));
	rig_close(&g);
}

static void test_expand_refused(void **state) {
	(void)state;
	struct rig g = rig_open();
	struct id customer = new_customer(&g), sub = subscribe(&g, customer, "");
	struct path path = path_of("/v1/subscriptions/%s", sub.text);
	expect_refused(&g, path.text, "expand[]=nothing", "cannot be expanded");
	expect_refused(&g, path.text, "expand[]=status", "cannot be expanded");
	expect_refused(&g, path.text, "expand[]=customer.", "cannot be expanded");
	expect_refused(&g, path.text, "expand[]=", "cannot be expanded");
	expect_refused(&g, path.text, "expand[]=.", "cannot be expanded");
	expect_refused(&g, path.text, "expand[]=created.x", "cannot be expanded");
	expect_refused(&g, "/v1/subscriptions", "expand[]=customer", "cannot be expanded");
	expect_refused(&g, path.text, "expand[]=a.b.c.d.e", "levels");
	expect_refused(&g, path.text, "expand=customer", "");
	expect_refused(&g, path.text, "expand[a]=customer", "");
	char longest[300] = "expand[]=";
	memset(longest + 9, 'x', 200);
	expect_refused(&g, path.text, longest, "cannot be expanded");
	rig_close(&g);
}

/* An id of another account is as good as none. */
static void test_expand_stays_in_its_account(void **state) {
	(void)state;
	struct rig g = rig_open();
	struct id theirs = id_in(ask_as(&g, "acct_1", "POST", "/v1/customers", "email=x"), "id");
	struct id mine = new_customer(&g);
	struct record *rec = sim_find_any(g.sim, mine.text);
	set_text(rec->json, "default_source", theirs.text);
	expect_refused(&g, path_of("/v1/customers/%s", mine.text).text, "expand[]=default_source",
		       "cannot be expanded");
	rig_close(&g);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_versions),       cmocka_unit_test(test_classic_subscription),
		cmocka_unit_test(test_classic_money),  cmocka_unit_test(test_previous_attributes),
		cmocka_unit_test(test_long_lists),     cmocka_unit_test(test_expand),
		cmocka_unit_test(test_expand_refused), cmocka_unit_test(test_expand_stays_in_its_account),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
