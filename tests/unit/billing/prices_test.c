#include "prices.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "service/catalog_file.h"

static const char text[] = "version: 1\n"
			   "tiers:\n"
			   "  - name: free\n"
			   "    features: [a]\n"
			   "  - name: pro\n"
			   "    features: [b]\n"
			   "    stripe: {lookup_keys: [pro_m, pro_y], prices: [price_old], products: [prod_pro]}\n"
			   "  - name: top\n"
			   "    features: [c]\n"
			   "    stripe: {prices: [price_top]}\n";

static struct catalog_file *file;
static struct price_list list;

static int open_catalog(void **state) {
	(void)state;
	return catalog_file_parse("test", view_str(text), &file, NULL) != OK;
}
static int close_catalog(void **state) {
	(void)state;
	catalog_file_destroy(&file);
	return 0;
}

static bool add(const char *json) {
	json_t *o = json_loads(json, 0, NULL);
	assert_non_null(o);
	bool added = price_list_add(&list, catalog_file_get(file), o);
	json_decref(o);
	return added;
}

#define PRICE(id, key, product, interval, count, amount, created, more)                                                \
	"{\"id\":\"" id "\",\"lookup_key\":" key ",\"product\":" product ",\"active\":true,\"currency\":\"usd\","      \
	"\"unit_amount\":" amount ",\"created\":" created ",\"recurring\":{\"interval\":\"" interval                   \
	"\",\"interval_count\":" count ",\"usage_type\":\"licensed\"}" more "}"

static void one_of_several_is_for_sale(void **state) {
	(void)state;
	list.count = 0;
	assert_true(add(PRICE("price_new", "null", "\"prod_pro\"", "month", "1", "900", "50", "")));
	assert_true(add(
		PRICE("price_newer", "null", "{\"id\":\"prod_pro\",\"active\":true}", "month", "1", "800", "60", "")));
	assert_int_equal(list.count, 1);
	assert_string_equal(list.at[0].id, "price_newer");
	assert_true(add(PRICE("price_old", "null", "\"prod_x\"", "month", "1", "1000", "10", "")));
	assert_string_equal(list.at[0].id, "price_old");
	assert_true(add(PRICE("price_key", "\"pro_m\"", "\"prod_x\"", "month", "1", "1100", "5", "")));
	assert_true(add(PRICE("price_newest", "null", "\"prod_pro\"", "month", "1", "1", "99", "")));
	assert_int_equal(list.count, 1);
	assert_string_equal(list.at[0].id, "price_key");
	assert_int_equal(list.at[0].amount, 1100);
	/* another interval, another currency: offers of their own */
	assert_true(add(PRICE("price_year", "\"pro_y\"", "\"prod_x\"", "year", "1", "9900", "5", "")));
	assert_true(add(PRICE("price_q", "null", "\"prod_pro\"", "month", "3", "2900", "5", "")));
	assert_true(add(PRICE("price_top", "null", "\"prod_x\"", "week", "1", "null", "5", "")));
	price_list_sort(&list);
	assert_int_equal(list.count, 4);
	assert_string_equal(list.at[0].id, "price_key");
	assert_string_equal(list.at[1].id, "price_q");
	assert_string_equal(list.at[2].id, "price_year");
	assert_string_equal(list.at[3].id, "price_top");
	assert_int_equal(list.at[3].amount, -1);
	assert_string_equal(price_for(&list, 1, NULL, NULL, false)->id, "price_key");
	assert_string_equal(price_for(&list, 1, "year", NULL, false)->id, "price_year");
	assert_null(price_for(&list, 1, "week", NULL, false));
	assert_string_equal(price_for(&list, 2, NULL, NULL, false)->id, "price_top");
	assert_null(price_for(&list, 0, NULL, NULL, false));
	assert_string_equal(price_named(&list, "price_q")->id, "price_q");
	assert_string_equal(price_named(&list, "pro_y")->id, "price_year");
	assert_null(price_named(&list, "price_newest")); /* another one is offered instead */
	assert_null(price_named(&list, ""));
	assert_null(price_named(&list, "PRO_Y"));
}

#define IN(id, currency, interval)                                                                                     \
	"{\"id\":\"" id "\",\"lookup_key\":null,\"product\":\"prod_pro\",\"active\":true,\"currency\":\"" currency     \
	"\",\"unit_amount\":5,\"created\":1,\"recurring\":{\"interval\":\"" interval "\",\"interval_count\":1}}"

static void each_currency_has_its_offer(void **state) {
	(void)state;
	list.count = 0;
	price_list_sort(&list);
	assert_string_equal(list.currency, "");
	assert_true(add(IN("price_eur", "eur", "month")));
	assert_true(add(IN("price_chf", "chf", "month")));
	price_list_sort(&list);
	assert_string_equal(list.currency, "chf"); /* of equals the first */
	assert_true(add(IN("price_usd", "usd", "month")));
	assert_true(add(IN("price_usd_year", "usd", "year")));
	price_list_sort(&list);
	assert_string_equal(list.currency, "usd");
	static const struct {
		const char *interval, *currency;
		bool only;
		const char *id;
	} cases[] = {
		{NULL, NULL, false, "price_usd"},
		{NULL, "", false, "price_usd"},
		{NULL, "eur", false, "price_eur"},
		{"month", "chf", true, "price_chf"},
		{"year", "eur", false, "price_usd_year"},
		{"year", "eur", true, NULL},
		{NULL, "jpy", false, "price_usd"},
		{NULL, "jpy", true, NULL},
		{"week", "usd", false, NULL},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct price *p = price_for(&list, 1, cases[i].interval, cases[i].currency, cases[i].only);
		if (cases[i].id)
			assert_string_equal(p->id, cases[i].id);
		else
			assert_null(p);
	}
	/* the currency before the interval, when neither is asked for by name */
	list.count = 0;
	assert_true(add(IN("price_usd", "usd", "month")));
	assert_true(add(IN("price_usd_year", "usd", "year")));
	assert_true(add(IN("price_eur_year", "eur", "year")));
	price_list_sort(&list);
	assert_string_equal(price_for(&list, 1, NULL, "eur", false)->id, "price_eur_year");
}

static void what_is_not_for_sale_is_left_out(void **state) {
	(void)state;
	list.count = 0;
	static const char *const none[] = {
		"{}",
		"[]",
		"null",
		"\"x\"",
		"{\"id\":7}",
		"{\"id\":\"price_top\"}",
		"{\"id\":\"price_top\",\"active\":true,\"currency\":\"usd\",\"recurring\":null}",
		"{\"id\":\"price_top\",\"active\":true,\"currency\":\"usd\",\"recurring\":{\"interval\":7}}",
		"{\"id\":\"price_top\",\"active\":\"true\",\"currency\":\"usd\",\"recurring\":{\"interval\":\"month\"}"
		"}",
		"{\"id\":\"price_top\",\"active\":true,\"currency\":\"usd\",\"recurring\":{\"interval\":\"a interval "
		"that is longer\"}}",
		"{\"id\":\"price_top\",\"active\":true,\"currency\":\"usd\",\"recurring\":{\"interval\":\"month\","
		"\"interval_count\":0}}",
		"{\"id\":\"price_top\",\"active\":true,\"currency\":\"usd\",\"recurring\":{\"interval\":\"month\","
		"\"usage_type\":\"metered\"}}",
		"{\"id\":\"price_top\",\"active\":true,\"currency\":\"usd\",\"product\":{\"id\":\"prod_z\",\"active\":"
		"false},"
		"\"recurring\":{\"interval\":\"month\"}}",
		PRICE("price_unknown", "\"nobody\"", "\"prod_z\"", "month", "1", "1", "1", ""),
	};
	for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
		json_t *o = json_loads(none[i], JSON_DECODE_ANY, NULL);
		assert_true(price_list_add(&list, catalog_file_get(file), o));
		json_decref(o);
	}
	assert_int_equal(list.count, 0);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_of_several_is_for_sale),
		cmocka_unit_test(each_currency_has_its_offer),
		cmocka_unit_test(what_is_not_for_sale_is_left_out),
	};
	return cmocka_run_group_tests(tests, open_catalog, close_catalog);
}
