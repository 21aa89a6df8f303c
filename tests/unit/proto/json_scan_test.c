#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/limits.h"
#include "proto/json_scan.h"

static bool valid(struct view text) {
	struct json_scan s = json_scan_of(text);
	bool ok = json_scan_value(&s, JSON_DEPTH_MAX);
	assert_true(ok == (s.fault == NULL));
	json_scan_space(&s);
	return ok && s.at == s.end;
}

static void accepts_json(void **state) {
	static const struct view texts[] = {
		VIEW_INIT("{}"),
		VIEW_INIT("[]"),
		VIEW_INIT(" \t\r\n[ ]"),
		VIEW_INIT("[[],{},[{}]]"),
		VIEW_INIT("{\"\":[1,-0,0.5,1e9,1E-9,-12.50e+3,true,false,null]}"),
		VIEW_INIT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD83D\\uDE00\""),
		VIEW_INIT("\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf\xed\x9f\xbf\x7f\""),
		VIEW_INIT("{\"a\" : 1 ,\"a\" : 2}"),
		VIEW_INIT("123456789012345678901234567890"),
		VIEW_INIT("1e999"),
		VIEW_INIT("\"\\u0000\""),
		VIEW_INIT("[1,\n        2,\n                3\n]"),
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (!valid(texts[i])) fail_msg("refused: %.*s", VIEW_FMT(texts[i]));
}

static void refuses_what_is_not(void **state) {
	static const struct view texts[] = {
		VIEW_INIT(""),
		VIEW_INIT("  "),
		VIEW_INIT("{"),
		VIEW_INIT("["),
		VIEW_INIT("[1,]"),
		VIEW_INIT("[,1]"),
		VIEW_INIT("{\"a\"}"),
		VIEW_INIT("{\"a\":}"),
		VIEW_INIT("{\"a\":1,}"),
		VIEW_INIT("{a:1}"),
		VIEW_INIT("{1:1}"),
		VIEW_INIT("[1 2]"),
		VIEW_INIT("[1}"),
		VIEW_INIT("{\"a\":1]"),
		VIEW_INIT("[]]"),
		VIEW_INIT("1 2"),
		VIEW_INIT("01"),
		VIEW_INIT("-"),
		VIEW_INIT("+1"),
		VIEW_INIT("1."),
		VIEW_INIT(".1"),
		VIEW_INIT("1e"),
		VIEW_INIT("1e+"),
		VIEW_INIT("-01"),
		VIEW_INIT("0x10"),
		VIEW_INIT("tru"),
		VIEW_INIT("truer"),
		VIEW_INIT("True"),
		VIEW_INIT("nul"),
		VIEW_INIT("NaN"),
		VIEW_INIT("'a'"),
		VIEW_INIT("\"a"),
		VIEW_INIT("\""),
		VIEW_INIT("\"\\"),
		VIEW_INIT("\"\\x\""),
		VIEW_INIT("\"\\u12\""),
		VIEW_INIT("\"\\u12g4\""),
		VIEW_INIT("\"\\u"),
		VIEW_INIT("\"\n\""),
		VIEW_INIT("\"\x1f\""),
		VIEW_INIT("\"\0\""),
		VIEW_INIT("[1\0]"),
		VIEW_INIT("\0[]"),
		VIEW_INIT("[]\0"),
		VIEW_INIT("\v[]"),
		VIEW_INIT("[]//c"),
		VIEW_INIT("\"\\\0\""),
		VIEW_INIT("\xef\xbb\xbf[]"),
		VIEW_INIT("\"\\ud800\""),
		VIEW_INIT("\"\\udc00\""),
		VIEW_INIT("\"\\ud800\\u0041\""),
		VIEW_INIT("\"\\ud800\\ud800\""),
		/* UTF-8: a lone tail, a missing one, shorter forms, a surrogate, beyond the end, bytes that never occur
		 */
		VIEW_INIT("\"\x80\""),
		VIEW_INIT("\"\xc3\""),
		VIEW_INIT("\"\xc3(\""),
		VIEW_INIT("\"\xc0\x80\""),
		VIEW_INIT("\"\xc1\xbf\""),
		VIEW_INIT("\"\xe0\x9f\xbf\""),
		VIEW_INIT("\"\xed\xa0\x80\""),
		VIEW_INIT("\"\xf0\x8f\xbf\xbf\""),
		VIEW_INIT("\"\xf4\x90\x80\x80\""),
		VIEW_INIT("\"\xf5\x80\x80\x80\""),
		VIEW_INIT("\"\xff\""),
		VIEW_INIT("\"\xe2\x82\""),
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (valid(texts[i])) fail_msg("accepted: %.*s", VIEW_FMT(texts[i]));
}

/* Every kind of byte at every place of a word, so that no lane of the eight-byte step is blind. */
static void sees_every_byte_of_a_word(void **state) {
	(void)state;
	for (size_t place = 1; place <= 24; place++) {
		for (unsigned byte = 0; byte < 256; byte++) {
			char text[26];
			memset(text, 'a', sizeof text);
			text[0] = text[25] = '"';
			text[place] = (char)byte;
			bool plain = byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
			if (valid(view_of(text, sizeof text)) != plain) fail_msg("byte %02x at %zu", byte, place);
		}
	}
}

static void bounds_the_depth(void **state) {
	(void)state;
	for (unsigned levels = 1; levels <= JSON_DEPTH_MAX + 1; levels++) {
		char text[8 * (JSON_DEPTH_MAX + 1)];
		size_t n = 0;
		for (unsigned i = 0; i < levels; i++) {
			n += (size_t)snprintf(text + n, sizeof text - n, "%s", i % 2 ? "{\"a\":" : "[");
		}
		text[n++] = '1';
		for (unsigned i = levels; i-- > 0;) text[n++] = i % 2 ? '}' : ']';
		assert_true(valid(view_of(text, n)) == (levels <= JSON_DEPTH_MAX));
		struct json_scan s = json_scan_of(view_of(text, n));
		assert_false(json_scan_value(&s, levels - 1));
		assert_string_equal(s.fault, "it is nested too deeply");
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts_json),
		cmocka_unit_test(refuses_what_is_not),
		cmocka_unit_test(sees_every_byte_of_a_word),
		cmocka_unit_test(bounds_the_depth),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
