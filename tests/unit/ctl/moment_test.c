#include "moment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define NOW 1795344318

static void moments(void **state) {
	(void)state;
	int64_t at = 77;
	assert_int_equal(moment_read("--at", "2026-11-22T10:45:18Z", &at, NULL), OK);
	assert_int_equal(at, NOW);
	assert_int_equal(moment_read("--at", "1795344318", &at, NULL), OK);
	assert_int_equal(at, NOW);
	static const char *const bad[] = {"",    "soon", "-1",          "30d", "2026-11-22", "2026-13-22T10:45:18Z",
					  "1e9", " 5",   "253402300800"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct problem why = {0};
		at = 77;
		assert_int_equal(moment_read("--at", bad[i], &at, &why), ERR_USAGE);
		assert_int_equal(at, 77);
		assert_non_null(strstr(why.text, "--at"));
	}
}

static void ends(void **state) {
	(void)state;
	static const struct {
		const char *text;
		int64_t want;
	} good[] = {{"30d", NOW + 30 * 86400},
		    {"90m", NOW + 5400},
		    {"1s", NOW + 1},
		    {"2026-11-22T10:45:18Z", NOW},
		    {"5", 5}};
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		int64_t at = 0;
		assert_int_equal(moment_read_end("--until", good[i].text, NOW, &at, NULL), OK);
		assert_int_equal(at, good[i].want);
	}
	static const char *const bad[] = {"", "soon", "30 d", "999ms", "-3d", "3x", "11000d"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		int64_t at = 77;
		assert_int_equal(moment_read_end("--until", bad[i], NOW, &at, NULL), ERR_USAGE);
		assert_int_equal(at, 77);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {cmocka_unit_test(moments), cmocka_unit_test(ends)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
