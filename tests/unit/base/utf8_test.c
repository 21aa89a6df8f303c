#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void accepts(void **state) {
	(void)state;
	static const char *const good[] = {"",
					   "a",
					   "\x7f",
					   "\xc2\x80",
					   "\xdf\xbf",
					   "\xe0\xa0\x80",
					   "\xed\x9f\xbf",
					   "\xee\x80\x80",
					   "\xef\xbf\xbf",
					   "\xf0\x90\x80\x80",
					   "\xf4\x8f\xbf\xbf",
					   "na\xc3\xafve \xe2\x82\xac \xf0\x9f\x98\x80"};
	for (size_t i = 0; i < ARRAY_LEN(good); i++) assert_true(utf8_valid(view_str(good[i])));
	assert_true(utf8_valid(VIEW("zero\0inside")));
}

static void refuses(void **state) {
	(void)state;
	static const char *const bad[] = {"\x80",
					  "\xbf",
					  "\xc0\x80",
					  "\xc1\xbf",
					  "\xc2",
					  "\xc2 ",
					  "\xe0\x9f\xbf",
					  "\xed\xa0\x80",
					  "\xed\xbf\xbf",
					  "\xe2\x82",
					  "\xe2\x82 ",
					  "\xf0\x8f\xbf\xbf",
					  "\xf4\x90\x80\x80",
					  "\xf5\x80\x80\x80",
					  "\xf0\x9f\x98",
					  "\xff",
					  "a\xfe",
					  "\xf0\x9f\x98\x80\x80"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (utf8_valid(view_str(bad[i]))) fail_msg("case %zu passes", i);
}

/* every sequence of two bytes against the table of RFC 3629: only c2..df followed by 80..bf */
static void pairs(void **state) {
	(void)state;
	for (unsigned a = 0; a < 256; a++) {
		for (unsigned b = 0; b < 256; b++) {
			char s[2] = {(char)a, (char)b};
			bool want = (a < 0x80 && b < 0x80) || (a >= 0xc2 && a <= 0xdf && b >= 0x80 && b <= 0xbf);
			assert_int_equal(utf8_valid(view_of(s, 2)), want);
		}
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {cmocka_unit_test(accepts), cmocka_unit_test(refuses),
					   cmocka_unit_test(pairs)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
