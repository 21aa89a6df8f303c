#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/hex.h"
#include "base/utf8.h"
#include "service/log.h"
#include "support/random.h"

#define NOW INT64_C(1763808318123)

static const struct log logfmt = {.fd = -1, .level = LEVEL_INFO, .format = FORMAT_LOGFMT, .service = "ingress"};
static const struct log json = {.fd = -1, .level = LEVEL_INFO, .format = FORMAT_JSON, .service = "ingress"};

/* The line, NUL-terminated. */
static const char *line_of(const struct log *l, const struct kv *fields) {
	static char out[LOG_LINE_MAX + 1];
	size_t n = log_format_line(l, LEVEL_WARN, fields, NOW, out);
	assert_true(n > 0 && n <= LOG_LINE_MAX);
	out[n] = '\0';
	assert_int_equal(strlen(out), n);
	assert_int_equal(strcspn(out, "\n"), n - 1);
	return out;
}

static void writes_fixed_keys_first(void **state) {
	(void)state;
	const struct kv *f = LOG_FIELDS(log_ev("ready"), kv_str("listen", "127.0.0.1:8701"), kv_u64("head", UINT64_MAX),
					kv_i64("skew", INT64_MIN), kv_hex("epoch", 0x0049b773926502a9),
					kv_bool("ok", true), kv_error(ERR_FULL));
	assert_string_equal(line_of(&logfmt, f),
			    "ts=2025-11-22T10:45:18.123Z lvl=warn svc=ingress ev=ready "
			    "listen=127.0.0.1:8701 head=18446744073709551615 "
			    "skew=-9223372036854775808 epoch=0049b773926502a9 ok=true err=storage_full\n");
	assert_string_equal(
		line_of(&json, f),
		"{\"ts\":\"2025-11-22T10:45:18.123Z\",\"lvl\":\"warn\",\"svc\":\"ingress\",\"ev\":\"ready\","
		"\"listen\":\"127.0.0.1:8701\",\"head\":18446744073709551615,\"skew\":-9223372036854775808,"
		"\"epoch\":\"0049b773926502a9\",\"ok\":true,\"err\":\"storage_full\"}\n");
}

static void quotes_what_could_forge_a_key(void **state) {
	static const struct {
		const char *value, *logfmt, *json;
	} cases[] = {
		{"", "k=\"\"", "\"k\":\"\""},
		{"a b", "k=\"a b\"", "\"k\":\"a b\""},
		{"a=b", "k=\"a=b\"", "\"k\":\"a=b\""},
		{"a\"b\\c", "k=\"a\\\"b\\\\c\"", "\"k\":\"a\\\"b\\\\c\""},
		{"x\nev=forged", "k=\"x\\nev=forged\"", "\"k\":\"x\\nev=forged\""},
		{"tab\there", "k=\"tab\\there\"", "\"k\":\"tab\\there\""},
		{"\x1b[31m", "k=\"\\x1b[31m\"", "\"k\":\"\\u001b[31m\""},
		{"gr\xc3\xbc\xc3\x9f", "k=\"gr\xc3\xbc\xc3\x9f\"", "\"k\":\"gr\xc3\xbc\xc3\x9f\""},
		{"bad\xff!", "k=\"bad\\xff!\"", "\"k\":\"bad\\u00ff!\""},
		{"\xc0\xaf", "k=\"\\xc0\\xaf\"", "\"k\":\"\\u00c0\\u00af\""},
		{"\xe2\x80\xa8x", "k=\"\\xe2\\x80\\xa8x\"", "\"k\":\"\\u00e2\\u0080\\u00a8x\""},
		{"\xe2\x80\xae"
		 "evil",
		 "k=\"\\xe2\\x80\\xaeevil\"", "\"k\":\"\\u00e2\\u0080\\u00aeevil\""},
		{"\xc2\x9b", "k=\"\\xc2\\x9b\"", "\"k\":\"\\u00c2\\u009b\""},
		{"\xf0\x9f\x98\x80", "k=\"\xf0\x9f\x98\x80\"", "\"k\":\"\xf0\x9f\x98\x80\""},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct kv *f = LOG_FIELDS(log_ev("x"), kv_str("k", cases[i].value));
		if (!strstr(line_of(&logfmt, f), cases[i].logfmt)) fail_msg("%zu: %s", i, line_of(&logfmt, f));
		if (!strstr(line_of(&json, f), cases[i].json)) fail_msg("%zu: %s", i, line_of(&json, f));
	}
}

static void accepts_null_and_nothing(void **state) {
	(void)state;
	assert_non_null(strstr(line_of(&logfmt, LOG_FIELDS(log_ev("x"), kv_str("k", NULL))), "k=\"\"\n"));
	assert_non_null(strstr(line_of(&logfmt, LOG_FIELDS(log_ev("x"))), "ev=x\n"));
	log_info(NULL, log_ev("x"));
	log_write(NULL, LEVEL_ERROR, NULL);
}

static void bounds_values_and_lines(void **state) {
	static char large[LOG_VALUE_MAX + 10];
	(void)state;
	memset(large, 'a', sizeof large - 1);
	const char *line = line_of(&logfmt, LOG_FIELDS(log_ev("x"), kv_str("k", large), kv_u64("last", 1)));
	assert_non_null(strstr(line, "last=1 cut=true\n"));
	assert_int_equal(strspn(strstr(line, "k=") + 2, "a"), LOG_VALUE_MAX);
	/* cut between characters, not inside one */
	for (size_t i = 0; i + 1 < sizeof large - 1; i += 2)
		memcpy(large + i + 1, "\xc3\xbc", i + 3 < sizeof large ? 2 : 0);
	line = line_of(&json, LOG_FIELDS(log_ev("x"), kv_str("k", large)));
	assert_true(utf8_valid(view_str(line)));
	assert_null(strstr(line, "\\u00c3"));
	/* what does not fit in the line is left out whole; what comes after it and fits is there */
	memset(large, 0xff, sizeof large - 1);
	line = line_of(&json, LOG_FIELDS(log_ev("x"), kv_str("a", large), kv_str("b", large), kv_u64("last", 1)));
	assert_non_null(strstr(line, "\"last\":1,\"cut\":true}\n"));
	assert_null(strstr(line, "\"b\":"));
	json_t *parsed = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(parsed);
	json_decref(parsed);
}

/* Reads one `key=value` off a logfmt line; the decoded value's length, or -1. */
static long take_pair(const char **at, char *ret_value) {
	const char *p = *at;
	while ((*p >= 'a' && *p <= 'z') || *p == '_') p++;
	if (p == *at || *p++ != '=') return -1;
	long n = 0;
	if (*p != '"') {
		while (*p > ' ' && *p != '"' && *p != '=' && *p < 0x7f) ret_value[n++] = *p++;
	} else {
		for (p++; *p && *p != '"';) {
			uint8_t byte;
			if (p[0] != '\\') {
				ret_value[n++] = *p++;
			} else if (p[1] == 'x' && hex_decode(view_of(p + 2, 2), &byte, 1)) {
				ret_value[n++] = (char)byte;
				p += 4;
			} else {
				ret_value[n] = p[1];
				if (p[1] == 'n') ret_value[n] = '\n';
				if (p[1] == 't') ret_value[n] = '\t';
				n++;
				p += 2;
			}
		}
		if (*p++ != '"') return -1;
	}
	if (*p != ' ' && *p != '\n') return -1;
	*at = p + 1;
	return n;
}

/* Law: any bytes come back from a logfmt line, and a JSON line of any bytes is JSON with the same keys. */
static void random_bytes_survive(void **state) {
	(void)state;
	struct random r = random_start();
	for (int round = 0; round < 20000; round++) {
		char bytes[200], value[LOG_LINE_MAX];
		size_t n = random_below(&r, sizeof bytes);
		bool wild = random_below(&r, 2) == 0;
		for (size_t i = 0; i < n; i++) {
			bytes[i] = (char)random_below(&r, 256);
			if (!wild) bytes[i] = "ab \"\\=\n\xc3\xbc\xe2\x80\xa8"[random_below(&r, 12)];
		}
		const struct kv *f = LOG_FIELDS(log_ev("x"), kv_view("k", view_of(bytes, n)), kv_u64("z", 1));
		const char *at = strstr(line_of(&logfmt, f), " k=") + 1;
		long got = take_pair(&at, value);
		assert_int_equal(got, (long)n);
		assert_memory_equal(value, bytes, n);
		assert_string_equal(at, "z=1\n");

		const char *line = line_of(&json, f);
		assert_true(utf8_valid(view_str(line)));
		json_t *parsed = json_loads(line, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
		assert_non_null(parsed);
		assert_int_equal(json_object_size(parsed), 6);
		json_decref(parsed);
	}
}

static void writes_one_line_at_its_level(void **state) {
	(void)state;
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	struct log l = logfmt;
	l.fd = ends[1];
	log_debug(&l, log_ev("hidden"));
	log_info(&l, log_ev("shown"));
	close(ends[1]);
	char got[LOG_LINE_MAX] = "";
	ssize_t n = read(ends[0], got, sizeof got - 1);
	assert_true(n > 0);
	assert_non_null(strstr(got, "lvl=info svc=ingress ev=shown\n"));
	assert_null(strstr(got, "hidden"));
	close(ends[0]);
	log_error(&l, log_ev("nobody_reads")); /* the descriptor is closed: nothing happens */
}

static void clamps_the_clock(void **state) {
	(void)state;
	char out[LOG_LINE_MAX];
	(void)log_format_line(&logfmt, LEVEL_INFO, LOG_FIELDS(log_ev("x")), -5, out);
	assert_memory_equal(out, "ts=1970-01-01T00:00:00.000Z ", 28);
	(void)log_format_line(&logfmt, LEVEL_INFO, LOG_FIELDS(log_ev("x")), INT64_MAX, out);
	assert_memory_equal(out, "ts=9999-12-31T23:59:59.", 23);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_fixed_keys_first),  cmocka_unit_test(quotes_what_could_forge_a_key),
		cmocka_unit_test(accepts_null_and_nothing), cmocka_unit_test(bounds_values_and_lines),
		cmocka_unit_test(random_bytes_survive),     cmocka_unit_test(writes_one_line_at_its_level),
		cmocka_unit_test(clamps_the_clock),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
