#include "lists.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static json_t *parse(const char *text) {
	json_t *o = json_loads(text, 0, NULL);
	assert_non_null(o);
	return o;
}

static void a_list_is_completed_page_by_page(void **state) {
	(void)state;
	char path[512];
	json_t *sub = parse("{\"id\":\"sub_1\",\"items\":{\"object\":\"list\",\"has_more\":true,"
			    "\"url\":\"/v1/subscription_items?subscription=sub_1\",\"data\":[{\"id\":\"si_1\"}]}}");
	assert_true(lists_next(sub, path, sizeof path));
	assert_string_equal(path, "/v1/subscription_items?subscription=sub_1&limit=100&starting_after=si_1");
	json_t *page = parse("{\"object\":\"list\",\"has_more\":true,\"data\":[{\"id\":\"si_2\"},{\"id\":\"si_3\"}]}");
	assert_int_equal(lists_add(sub, page), OK);
	json_decref(page);
	assert_true(lists_next(sub, path, sizeof path));
	assert_string_equal(path, "/v1/subscription_items?subscription=sub_1&limit=100&starting_after=si_3");
	page = parse("{\"object\":\"list\",\"has_more\":false,\"data\":[{\"id\":\"si_4\"}]}");
	assert_int_equal(lists_add(sub, page), OK);
	json_decref(page);
	assert_false(lists_next(sub, path, sizeof path));
	json_t *items = json_object_get(sub, "items");
	assert_int_equal(json_array_size(json_object_get(items, "data")), 4);
	assert_true(json_is_false(json_object_get(items, "has_more")));
	json_decref(sub);
}

/* The url is part of an answer: it leads nowhere but to the API. */
static void only_stripes_own_paths_are_followed(void **state) {
	(void)state;
	static const char *const urls[] = {
		"https://evil.example/v1/x", "//evil", "/v2/x", "/v1/../../x", "/v1/x y", "/v1/x#y", "", "/v1/x@y"};
	for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
		char path[512];
		json_t *o = json_pack("{s:{s:s, s:b, s:s, s:[{s:s}]}}", "lines", "object", "list", "has_more", 1, "url",
				      urls[i], "data", "id", "x");
		assert_non_null(o);
		assert_false(lists_next(o, path, sizeof path));
		json_decref(o);
	}
}

static void what_is_no_page(void **state) {
	(void)state;
	char path[512];
	json_t *o =
		parse("{\"a\":{\"object\":\"list\",\"has_more\":true,\"url\":\"/v1/a\",\"data\":[{\"id\":\"x\"}]}}");
	assert_false(lists_next(o, path, 20)); /* it does not fit */
	static const char *const pages[] = {"{}", "[]", "{\"object\":\"list\",\"data\":{}}",
					    "{\"object\":\"list\",\"has_more\":true,\"data\":[]}"};
	for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
		json_t *page = parse(pages[i]);
		assert_int_equal(lists_add(o, page), ERR_MALFORMED);
		json_decref(page);
	}
	assert_true(lists_next(o, path, sizeof path));
	json_decref(o);
	o = parse("{\"a\":{\"object\":\"list\",\"has_more\":true,\"url\":\"/v1/a\",\"data\":[]}}");
	assert_false(lists_next(o, path, sizeof path));
	json_decref(o);
}

int main(void) {
	const struct CMUnitTest tests[] = {cmocka_unit_test(a_list_is_completed_page_by_page),
					   cmocka_unit_test(only_stripes_own_paths_are_followed),
					   cmocka_unit_test(what_is_no_page)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
