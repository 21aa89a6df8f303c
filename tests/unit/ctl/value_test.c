#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/attr.h"
#include "quarantine.h"
#include "value.h"

static void says_how_long_ago(void **state) {
	static const struct {
		json_int_t ago_s;
		const char *text;
	} cases[] = {
		{0, "0 s ago"},    {1, "1 s ago"},       {119, "119 s ago"},  {120, "2 min ago"}, {7199, "119 min ago"},
		{7200, "2 h ago"}, {172799, "47 h ago"}, {172800, "2 d ago"}, {-60, "in 60 s"},   {-777600, "in 9 d"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_string_equal(since_ms(1700000000000 - cases[i].ago_s * 1000, 1700000000000).text, cases[i].text);
	assert_string_equal(when_s(0, "never").text, "never");
	assert_string_equal(when_ms(1700000000999, "never").text, "2023-11-14T22:13:20Z");
}

static void values_survive_json(void **state) {
	(void)state;
	json_t *o = json_object();
	json_object_set_new(o, "small", u64_json(INT64_MAX));
	json_object_set_new(o, "large", u64_json(UINT64_MAX));
	json_object_set_new(o, "hex", hex_json(255));
	json_object_set_new(o, "none", time_json(0));
	json_object_set_new(o, "text", text_json(view_of("gr\xc3\xbc\0x", 6)));
	json_object_set_new(o, "bytes", text_json(VIEW("a\xff\nb")));
	json_object_set_new(o, "empty", text_json(VIEW_NONE));
	assert_int_equal(member_number(o, "small"), INT64_MAX);
	assert_string_equal(member_text(o, "large"), "18446744073709551615");
	assert_string_equal(member_text(o, "hex"), "00000000000000ff");
	assert_true(json_is_null(json_object_get(o, "none")));
	assert_int_equal(json_string_length(json_object_get(o, "text")), 6);
	assert_string_equal(member_text(o, "bytes"), "a??b");
	assert_string_equal(member_text(o, "empty"), "");
	assert_string_equal(member_text(o, "absent"), "");
	assert_int_equal(member_number(o, "absent"), 0);
	assert_false(member_true(o, "absent"));
	json_decref(o);
}

static void reads_names_of_quarantine(void **state) {
	static const char *const bad[] = {"",
					  "/",
					  "1",
					  "1/",
					  "/1",
					  "0/1",
					  "00000000000000ff/0",
					  "00000000000000ff/x",
					  "00000000000000fg/1",
					  "00000000000000ff/1/2",
					  "-1/1",
					  "99999999999999999999/1"};
	uint64_t origin = 3, seq = 4;
	(void)state;
	assert_int_equal(quarantine_name("00000000000000ff/12", &origin, &seq, NULL), OK);
	assert_true(origin == 255 && seq == 12);
	assert_int_equal(quarantine_name("2290629602747089241/18446744073709551615", &origin, &seq, NULL), OK);
	assert_true(origin == UINT64_C(2290629602747089241) && seq == UINT64_MAX);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (quarantine_name(bad[i], &origin, &seq, NULL) != ERR_USAGE) fail_msg("%s", bad[i]);
	assert_true(seq == UINT64_MAX);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_how_long_ago),
		cmocka_unit_test(values_survive_json),
		cmocka_unit_test(reads_names_of_quarantine),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
