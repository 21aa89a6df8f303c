/* Lists and errors: pages, filters, cursors, accounts, and what Stripe says to requests that are wrong. */
#include "unit/stripe_sim/rig.h"

static json_t *data_of(json_t *list) { return json_object_get(list, "data"); }

static void pages_in_both_directions(void **state) {
	(void)state;
	struct rig g = rig_open_seed(3);
	struct id ids[25];
	for (size_t i = 0; i < ARRAY_LEN(ids); i++)
		ids[i] = id_in(ask(&g, "POST", "/v1/customers", "name=n%zu", i), "id");
	/* newest first, ten of them when nothing is said */
	json_t *list = ask(&g, "GET", "/v1/customers", "%s", "");
	assert_int_equal(json_array_size(data_of(list)), 10);
	assert_true(bool_of(list, "has_more"));
	assert_string_equal(text_of(json_array_get(data_of(list), 0), "id"), ids[24].text);
	list = ask(&g, "GET", "/v1/customers", "limit=4&starting_after=%s", ids[4].text);
	assert_int_equal(json_array_size(data_of(list)), 4);
	assert_false(bool_of(list, "has_more"));
	assert_string_equal(text_of(json_array_get(data_of(list), 0), "id"), ids[3].text);
	list = ask(&g, "GET", "/v1/customers", "limit=3&ending_before=%s", ids[20].text);
	assert_true(bool_of(list, "has_more"));
	assert_string_equal(text_of(json_array_get(data_of(list), 2), "id"), ids[21].text);
	assert_string_equal(text_of(json_array_get(data_of(list), 0), "id"), ids[23].text);
	list = ask(&g, "GET", "/v1/customers", "limit=100&ending_before=%s", ids[24].text);
	assert_int_equal(json_array_size(data_of(list)), 0);
	/* all of them, page by page, each once */
	size_t seen = 0;
	struct id after = {.text = ""};
	for (bool more = true; more;) {
		list = after.text[0] ? ask(&g, "GET", "/v1/customers", "limit=7&starting_after=%s", after.text)
				     : ask(&g, "GET", "/v1/customers", "limit=7");
		for (size_t i = 0; i < json_array_size(data_of(list)); i++, seen++) {
			after = id_in(json_array_get(data_of(list), i), "id");
			assert_string_equal(after.text, ids[24 - seen].text);
		}
		more = bool_of(list, "has_more");
	}
	assert_int_equal(seen, ARRAY_LEN(ids));
	rig_close(&g);
}

static size_t count(struct rig *g, const char *path, const char *form) {
	return json_array_size(data_of(ask(g, "GET", path, "limit=100&%s", form)));
}

static void filters(void **state) {
	(void)state;
	struct rig g = rig_open();
	struct id cus = new_customer(&g), other = new_customer(&g);
	struct id a = subscribe(&g, cus, ""), b = subscribe(&g, cus, "&trial_period_days=3");
	(void)subscribe(&g, other, "");
	(void)ask(&g, "DELETE", path_of("/v1/subscriptions/%s", a.text).text, "%s", "");
	char form[200];
	assert_int_equal(count(&g, "/v1/subscriptions", ""), 2);
	assert_int_equal(count(&g, "/v1/subscriptions", "status=all"), 3);
	assert_int_equal(count(&g, "/v1/subscriptions", "status=canceled"), 1);
	assert_int_equal(count(&g, "/v1/subscriptions", "status=ended"), 1);
	assert_int_equal(count(&g, "/v1/subscriptions", "status=trialing"), 1);
	(void)snprintf(form, sizeof form, "status=all&customer=%s", cus.text);
	assert_int_equal(count(&g, "/v1/subscriptions", form), 2);
	assert_int_equal(count(&g, "/v1/subscriptions", "status=all&customer=cus_none"), 0);
	assert_int_equal(count(&g, "/v1/subscriptions", "status=all&price=price_pro"), 3);
	assert_int_equal(count(&g, "/v1/subscriptions", "status=all&price=price_max"), 0);
	(void)snprintf(form, sizeof form, "subscription=%s", b.text);
	assert_int_equal(count(&g, "/v1/invoices", form), 1);
	(void)snprintf(form, sizeof form, "status=paid&customer=%s", cus.text);
	assert_int_equal(count(&g, "/v1/invoices", form), 2);
	assert_int_equal(count(&g, "/v1/customers", "email=a%40example.com"), 2);
	assert_int_equal(count(&g, "/v1/customers", "email=b%40example.com"), 0);
	assert_int_equal(count(&g, "/v1/customers", "created[gte]=1790000000"), 2);
	assert_int_equal(count(&g, "/v1/customers", "created[gt]=1790000000"), 0);
	assert_int_equal(count(&g, "/v1/customers", "created[lt]=1790000000"), 0);
	assert_int_equal(count(&g, "/v1/customers", "created[lte]=1790000000"), 2);
	rig_close(&g);
}

static void lookup_keys_move(void **state) {
	(void)state;
	struct rig g = rig_open();
	(void)ask(&g, "POST", "/v1/prices/price_pro", "lookup_key=monthly");
	skip_events(&g);
	(void)ask_as(&g, "", "POST", "/v1/prices/price_max", "lookup_key=monthly");
	assert_int_equal(g.status, 400);
	(void)ask(&g, "POST", "/v1/prices/price_max", "lookup_key=monthly&transfer_lookup_key=true");
	expect_events(&g, "price.updated price.updated");
	json_t *list = ask(&g, "GET", "/v1/prices", "lookup_keys[]=monthly&lookup_keys[]=none");
	assert_int_equal(json_array_size(data_of(list)), 1);
	assert_string_equal(text_of(json_array_get(data_of(list), 0), "id"), "price_max");
	rig_close(&g);
}

static void events_by_type_and_age(void **state) {
	(void)state;
	struct rig g = rig_open();
	struct id cus = new_customer(&g);
	(void)subscribe(&g, cus, "");
	assert_int_equal(count(&g, "/v1/events", "type=customer.subscription.*"), 1);
	assert_int_equal(count(&g, "/v1/events", "types[]=price.created&types[]=product.created"), 4);
	advance(&g, 29 * SIM_DAY);
	assert_int_equal(count(&g, "/v1/events", "types[]=price.created"), 3);
	advance(&g, 2 * SIM_DAY);
	/* Stripe keeps them for thirty days */
	assert_int_equal(count(&g, "/v1/events", "types[]=price.created"), 0);
	const struct record *event = events_of(&g)->at[0];
	const json_t *shown = ask(&g, "GET", path_of("/v1/events/%s", record_id(event)).text, "%s", "");
	assert_string_equal(text_of(json_object_get(json_object_get(shown, "data"), "object"), "id"), "prod_a");
	rig_close(&g);
}

static void accounts_are_kept_apart(void **state) {
	(void)state;
	struct rig g = rig_open();
	(void)ask_as(&g, "acct_1", "POST", "/v1/customers", "name=theirs");
	assert_int_equal(g.status, 200);
	struct id id = id_in(g.last, "id");
	assert_int_equal(count(&g, "/v1/customers", ""), 0);
	(void)ask_as(&g, "", "GET", path_of("/v1/customers/%s", id.text).text, "");
	assert_int_equal(g.status, 404);
	(void)ask_as(&g, "acct_1", "GET", path_of("/v1/customers/%s", id.text).text, "");
	assert_int_equal(g.status, 200);
	(void)ask_as(&g, "acct_1", "GET", "/v1/events", "");
	assert_string_equal(text_of(json_array_get(data_of(g.last), 0), "account"), "acct_1");
	rig_close(&g);
}

static void errors(void **state) {
	(void)state;
	static const struct {
		const char *method, *path, *form;
		unsigned status;
		const char *code, *param; /* NULL: none */
	} cases[] = {
		{"GET", "/v1/customers/cus_none", "", 404, "resource_missing", "id"},
		{"GET", "/v1/customers/price_pro", "", 404, "resource_missing", "id"},
		{"DELETE", "/v1/subscriptions/sub_none", "", 404, "resource_missing", "id"},
		{"GET", "/v1/nothing", "", 404, NULL, NULL},
		{"PUT", "/v1/customers", "", 404, NULL, NULL},
		{"GET", "/v1/customers/a/b/c", "", 404, NULL, NULL},
		{"GET", "/v1/customers", "limit=0", 400, "parameter_invalid_integer", "limit"},
		{"GET", "/v1/customers", "limit=101", 400, "parameter_invalid_integer", "limit"},
		{"GET", "/v1/customers", "limit=1e3", 400, "parameter_invalid_integer", "limit"},
		{"GET", "/v1/customers", "limit=99999999999999999999", 400, "parameter_invalid_integer", "limit"},
		{"GET", "/v1/customers", "starting_after=cus_none", 400, "resource_missing", "starting_after"},
		{"GET", "/v1/customers", "starting_after=price_pro", 400, "resource_missing", "starting_after"},
		{"GET", "/v1/customers", "created[gte]=now", 400, "parameter_invalid_integer", "created[gte]"},
		{"GET", "/v1/customers", "page=2", 400, "parameter_unknown", "page"},
		{"POST", "/v1/customers", "name[first]=x", 400, NULL, "name"},
		{"POST", "/v1/customers", "metadata=x", 400, "parameter_invalid", "metadata"},
		{"POST", "/v1/customers", "metadata[a][b]=x", 400, "parameter_invalid", "metadata[a]"},
		{"POST", "/v1/products", "", 400, "parameter_missing", "name"},
		{"POST", "/v1/products", "name=", 400, "parameter_invalid_empty", "name"},
		{"POST", "/v1/products", "name=B&id=prod_a", 400, "resource_already_exists", "id"},
		{"POST", "/v1/prices", "currency=usd&unit_amount=1&product=prod_none", 400, "resource_missing",
		 "product"},
		{"POST", "/v1/prices", "currency=dollars&unit_amount=1&product=prod_a", 400, NULL, "currency"},
		{"POST", "/v1/prices", "currency=usd&unit_amount=-1&product=prod_a", 400, "parameter_invalid_integer",
		 "unit_amount"},
		{"POST", "/v1/subscriptions", "items[0][price]=price_pro", 400, "parameter_missing", "customer"},
		{"POST", "/v1/invoices/in_none/pay", "", 404, "resource_missing", "id"},
		{"POST", "/v1/refunds", "", 400, "parameter_missing", "charge"},
		{"GET", "/v1/events", "types[0][x]=y", 400, NULL, "types"},
		{"POST", "/v1/test_helpers/test_clocks", "frozen_time=soon", 400, "parameter_invalid_integer",
		 "frozen_time"},
		{"POST", "/v1/billing_portal/sessions", "customer=cus_none", 400, "resource_missing", "customer"},
	};
	struct rig g = rig_open();
	skip_events(&g);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		json_t *error = json_object_get(ask_as(&g, "", cases[i].method, cases[i].path, cases[i].form), "error");
		const char *code = text_of(error, "code"), *param = text_of(error, "param");
		if (g.status != cases[i].status || (code == NULL) != (cases[i].code == NULL))
			print_error("%s %s %s: %u %s\n", cases[i].method, cases[i].path, cases[i].form, g.status,
				    code ? code : "-");
		assert_int_equal(g.status, cases[i].status);
		assert_string_equal(text_of(error, "type"), "invalid_request_error");
		assert_non_null(text_of(error, "message"));
		assert_string_equal(code ? code : "", cases[i].code ? cases[i].code : "");
		assert_string_equal(param ? param : "", cases[i].param ? cases[i].param : "");
	}
	expect_events(&g, "");
	rig_close(&g);
}

/* Customers by a value of their metadata, newest first; nothing else of Stripe's query language. */
static void customers_are_searched_by_metadata(void **state) {
	(void)state;
	struct rig g = rig_open();
	struct id old = id_in(ask(&g, "POST", "/v1/customers", "metadata[user_id]=o'neill\\x"), "id");
	struct id gone = id_in(ask(&g, "POST", "/v1/customers", "metadata[user_id]=o'neill\\x"), "id");
	struct id new = id_in(ask(&g, "POST", "/v1/customers", "metadata[user_id]=o'neill\\x"), "id");
	(void)ask(&g, "POST", "/v1/customers", "metadata[user_id]=o");
	(void)ask(&g, "DELETE", path_of("/v1/customers/%s", gone.text).text, "%s", "");
	json_t *found = ask(&g, "GET", "/v1/customers/search", "query=metadata['user_id']:'o\\'neill\\\\x'");
	assert_string_equal(text_of(found, "object"), "search_result");
	assert_int_equal(json_array_size(data_of(found)), 2);
	assert_string_equal(text_of(json_array_get(data_of(found), 0), "id"), new.text);
	assert_string_equal(text_of(json_array_get(data_of(found), 1), "id"), old.text);
	found = ask(&g, "GET", "/v1/customers/search", "limit=1&query=metadata['user_id']:'o\\'neill\\\\x'");
	assert_true(bool_of(found, "has_more"));
	static const char *const odd[] = {"query=",
					  "query=email:'a'",
					  "query=metadata['a']",
					  "query=metadata['a']:'b",
					  "query=metadata['a']:'b' AND x",
					  "query=metadata[a]:'b'",
					  ""};
	for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
		(void)ask_as(&g, "", "GET", "/v1/customers/search", odd[i]);
		assert_int_equal(g.status, 400);
	}
	rig_close(&g);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(customers_are_searched_by_metadata),
		cmocka_unit_test(pages_in_both_directions),
		cmocka_unit_test(filters),
		cmocka_unit_test(lookup_keys_move),
		cmocka_unit_test(events_by_type_and_age),
		cmocka_unit_test(accounts_are_kept_apart),
		cmocka_unit_test(errors),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
