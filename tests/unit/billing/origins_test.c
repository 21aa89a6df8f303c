#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "origins.h"

static void exactly(void **unused) {
	(void)unused;
	struct origins o = {0};
	assert_int_equal(origins_add_list(&o, "https://A.example;http://127.0.0.1:8700;;https://b.example:443", NULL),
			 OK);
	assert_int_equal(o.count, 3);
	assert_string_equal(origins_find(&o, VIEW("https://a.example")), "https://a.example");
	assert_non_null(origins_find(&o, VIEW("http://127.0.0.1:8700")));
	assert_non_null(origins_find(&o, VIEW("https://b.example")));
	static const char *const others[] = {"",
					     "null",
					     "https://a.example/",
					     "https://a.example:444",
					     "http://a.example",
					     "https://a.example.evil",
					     "https://A.example",
					     "https://xa.example",
					     "https://b.example:443",
					     "http://127.0.0.1:870"};
	for (size_t i = 0; i < ARRAY_LEN(others); i++) assert_null(origins_find(&o, view_str(others[i])));
}

static void what_is_no_origin(void **unused) {
	(void)unused;
	static const char *const bad[] = {"*",
					  "a.example",
					  "ftp://a.example",
					  "https://",
					  "https:///x",
					  "https://a.example/",
					  "https://a.example/x",
					  "https://a.example?x",
					  "https://user@a.example",
					  "https://a b",
					  "https://*.example",
					  "https://a,b",
					  "https://:443",
					  "javascript:alert(1)",
					  "https://a%2eexample"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct origins o = {0};
		struct problem why = {0};
		if (origins_add_list(&o, bad[i], &why) != ERR_CONFIG) fail_msg("%s is taken", bad[i]);
		assert_true(why.text[0] != 0);
	}
	struct origins o = {0};
	assert_int_equal(origins_add_list(&o, NULL, NULL), OK);
	assert_int_equal(o.count, 0);
}

static void no_more_than_the_most(void **unused) {
	(void)unused;
	struct origins o = {0};
	for (unsigned i = 0; i < ORIGINS_MAX; i++)
		assert_int_equal(origins_add_url(&o, VIEW("https://a.example"), NULL), OK);
	assert_int_equal(origins_add_url(&o, VIEW("https://a.example"), NULL), ERR_LIMIT);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exactly),
		cmocka_unit_test(what_is_no_origin),
		cmocka_unit_test(no_more_than_the_most),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
