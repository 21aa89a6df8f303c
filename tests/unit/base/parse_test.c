#include "base/parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

static void numbers_have_one_form(void **state) {
	(void)state;
	uint64_t n = 7;
	assert_true(parse_u64(VIEW("0"), 0, &n) && n == 0);
	assert_true(parse_u64(VIEW("18446744073709551615"), UINT64_MAX, &n) && n == UINT64_MAX);
	assert_true(parse_u64(VIEW("42"), 42, &n) && n == 42);
	static const struct view bad[] = {VIEW_INIT(""),     VIEW_INIT("00"),  VIEW_INIT("042"), VIEW_INIT("+1"),
					  VIEW_INIT("-1"),   VIEW_INIT(" 1"),  VIEW_INIT("1 "),  VIEW_INIT("1\0"),
					  VIEW_INIT("0x10"), VIEW_INIT("1e3"), VIEW_INIT("43"),  VIEW_INIT("\xd9\xa1")};
	n = 7;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) assert_false(parse_u64(bad[i], 42, &n));
	assert_false(parse_u64(VIEW("18446744073709551616"), UINT64_MAX, &n));
	assert_false(parse_u64(VIEW("99999999999999999999"), UINT64_MAX, &n));
	assert_int_equal(n, 7);
}

static void durations(void **state) {
	(void)state;
	static const struct {
		struct view text;
		int64_t ms;
	} good[] = {{VIEW_INIT("0"), 0},          {VIEW_INIT("0s"), 0},
		    {VIEW_INIT("1ms"), 1},        {VIEW_INIT("90s"), 90000},
		    {VIEW_INIT("2m"), 120000},    {VIEW_INIT("3h"), 10800000},
		    {VIEW_INIT("7d"), 604800000}, {VIEW_INIT("3653d"), INT64_C(3653) * 86400000}};
	static const struct view bad[] = {VIEW_INIT(""),
					  VIEW_INIT("s"),
					  VIEW_INIT("1"),
					  VIEW_INIT("01s"),
					  VIEW_INIT("1 s"),
					  VIEW_INIT("1S"),
					  VIEW_INIT("-1s"),
					  VIEW_INIT("1.5h"),
					  VIEW_INIT("1w"),
					  VIEW_INIT("1ds"),
					  VIEW_INIT("1h30m"),
					  VIEW_INIT("3654d"),
					  VIEW_INIT("99999999999999999999d"),
					  VIEW_INIT("18446744073709552s")};
	int64_t ms = 7;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		assert_true(parse_duration_ms(good[i].text, &ms));
		assert_true(ms == good[i].ms);
	}
	ms = 7;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) assert_false(parse_duration_ms(bad[i], &ms));
	assert_true(ms == 7);
}

static void times(void **state) {
	(void)state;
	static const struct {
		struct view text;
		int64_t seconds;
	} good[] = {{VIEW_INIT("1970-01-01T00:00:00Z"), 0},
		    {VIEW_INIT("1970-01-01T00:00:01.999999999Z"), 1},
		    {VIEW_INIT("2000-02-29T23:59:59Z"), 951868799},
		    {VIEW_INIT("2026-11-22T10:45:18Z"), 1795344318},
		    {VIEW_INIT("2026-11-22T10:45:18.5Z"), 1795344318},
		    {VIEW_INIT("2100-03-01T00:00:00Z"), 4107542400},
		    {VIEW_INIT("9999-12-31T23:59:59Z"), 253402300799}};
	static const struct view bad[] = {
		VIEW_INIT(""),
		VIEW_INIT("1969-12-31T23:59:59Z"),
		VIEW_INIT("2026-11-22"),
		VIEW_INIT("2026-11-22T10:45:18"),
		VIEW_INIT("2026-11-22 10:45:18Z"),
		VIEW_INIT("2026-11-22t10:45:18z"),
		VIEW_INIT("2026-11-22T10:45:18+00:00"),
		VIEW_INIT("2026-11-22T10:45:18.Z"),
		VIEW_INIT("2026-11-22T10:45:18.1234567890Z"),
		VIEW_INIT("2026-11-22T10:45:18,5Z"),
		VIEW_INIT("2026-11-22T10:45:18Zx"),
		VIEW_INIT("2026-13-01T00:00:00Z"),
		VIEW_INIT("2026-00-01T00:00:00Z"),
		VIEW_INIT("2026-04-31T00:00:00Z"),
		VIEW_INIT("2026-02-29T00:00:00Z"),
		VIEW_INIT("2100-02-29T00:00:00Z"),
		VIEW_INIT("2026-01-00T00:00:00Z"),
		VIEW_INIT("2026-01-01T24:00:00Z"),
		VIEW_INIT("2026-01-01T00:60:00Z"),
		VIEW_INIT("2026-01-01T00:00:60Z"),
		VIEW_INIT("20 6-01-01T00:00:00Z"),
		VIEW_INIT("+026-01-01T00:00:00Z"),
	};
	int64_t s = 7;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		assert_true(parse_rfc3339(good[i].text, &s));
		assert_true(s == good[i].seconds);
	}
	s = 7;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) assert_false(parse_rfc3339(bad[i], &s));
	assert_true(s == 7);
}

static void every_prefix_of_a_time_is_refused(void **state) {
	(void)state;
	static const char text[] = "2026-11-22T10:45:18.123Z";
	int64_t s = 7;
	for (size_t len = 0; len < sizeof text - 1; len++) {
		char *prefix = malloc(len ? len : 1);
		assert_non_null(prefix);
		memcpy(prefix, text, len);
		assert_false(parse_rfc3339(view_of(prefix, len), &s));
		free(prefix);
	}
	assert_true(s == 7);
}

/* Both ways against the C library, over all the years in odd steps. */
static void times_agree_with_gmtime(void **state) {
	(void)state;
	for (int64_t s = 0; s <= INT64_C(253402300799); s += 8640007) {
		char ours[RFC3339_SIZE], theirs[64];
		time_t t = (time_t)s;
		struct tm tm;
		assert_non_null(gmtime_r(&t, &tm));
		assert_int_equal(strftime(theirs, sizeof theirs, "%Y-%m-%dT%H:%M:%SZ", &tm), RFC3339_SIZE - 1);
		format_rfc3339(s, ours);
		assert_string_equal(ours, theirs);
		int64_t back = -1;
		assert_true(parse_rfc3339(view_str(ours), &back));
		assert_true(back == s);
	}
}

static void times_out_of_range_are_clamped(void **state) {
	(void)state;
	char out[RFC3339_SIZE];
	format_rfc3339(INT64_MIN, out);
	assert_string_equal(out, "1970-01-01T00:00:00Z");
	format_rfc3339(INT64_MAX, out);
	assert_string_equal(out, "9999-12-31T23:59:59Z");
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_have_one_form),
		cmocka_unit_test(durations),
		cmocka_unit_test(times),
		cmocka_unit_test(every_prefix_of_a_time_is_refused),
		cmocka_unit_test(times_agree_with_gmtime),
		cmocka_unit_test(times_out_of_range_are_clamped),
	};
	return cmocka_run_group_tests_name("parse", tests, NULL, NULL);
}
