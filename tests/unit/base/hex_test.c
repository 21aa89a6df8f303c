#include "base/hex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void every_byte_both_ways(void **state) {
	(void)state;
	for (unsigned n = 0; n < 256; n++) {
		uint8_t byte = (uint8_t)n, back = (uint8_t)~n;
		char text[3], upper[3] = {0};
		hex_encode(&byte, 1, text);
		assert_int_equal(strlen(text), 2);
		assert_int_equal(strtoul(text, NULL, 16), n);
		assert_true(hex_decode(view_of(text, 2), &back, 1) && back == byte);
		for (int i = 0; i < 2; i++) upper[i] = (char)(text[i] >= 'a' ? text[i] - 'a' + 'A' : text[i]);
		back = (uint8_t)~n;
		assert_true(hex_decode(view_of(upper, 2), &back, 1) && back == byte);
		for (int i = 0; i < 2; i++) assert_false(text[i] >= 'A' && text[i] <= 'F');
	}
}

/* Every byte that is no digit, in both places. */
static void only_digits(void **state) {
	(void)state;
	for (unsigned n = 0; n < 256; n++) {
		if (n && strchr("0123456789abcdefABCDEF", (int)n)) continue;
		for (int at = 0; at < 2; at++) {
			char text[2] = {'0', '0'};
			uint8_t out = 0xaa;
			text[at] = (char)n;
			assert_false(hex_decode(view_of(text, 2), &out, 1));
			assert_int_equal(out, 0xaa);
		}
	}
}

static void only_the_exact_length(void **state) {
	(void)state;
	uint8_t out[2] = {0xaa, 0xaa};
	assert_false(hex_decode(VIEW("000"), out, 2));
	assert_false(hex_decode(VIEW("00000"), out, 2));
	assert_false(hex_decode(VIEW(""), out, 2));
	assert_int_equal(out[0], 0xaa);
	assert_true(hex_decode(VIEW(""), out, 0));
	char none[1] = {'x'};
	hex_encode(out, 0, none);
	assert_int_equal(none[0], 0);
}

/* The last digit is bad: nothing before it was written. */
static void untouched_on_failure(void **state) {
	(void)state;
	uint8_t out[4] = {1, 2, 3, 4};
	assert_false(hex_decode(VIEW("fffffffx"), out, 4));
	assert_int_equal(out[0], 1);
	assert_int_equal(out[3], 4);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_byte_both_ways),
		cmocka_unit_test(only_digits),
		cmocka_unit_test(only_the_exact_length),
		cmocka_unit_test(untouched_on_failure),
	};
	return cmocka_run_group_tests_name("hex", tests, NULL, NULL);
}
