#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "net/zsocket.h"
#include "support/guard.h"
#include "support/random.h"

static void accepts(void **state) {
	static const struct {
		const char *text, *becomes;
	} cases[] = {
		{"ipc://./data/journal-pub", NULL},
		{"ipc:///run/tiergate/x", NULL},
		{"inproc://feed", NULL},
		{"tcp://127.0.0.1:8721", NULL},
		{"tcp://127.9.9.9:1", NULL},
		{"tcp://127.0.0.1:*", NULL},
		{"tcp://127.0.0.1:0", NULL},
		{"tcp://[::1]:65535", NULL},
		{"tcp://localhost:80", "tcp://127.0.0.1:80"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char out[ENDPOINT_MAX];
		struct problem why = {0};
		if (endpoint_parse(view_str(cases[i].text), out, &why) != OK) fail_msg("%s", why.text);
		assert_string_equal(out, cases[i].becomes ? cases[i].becomes : cases[i].text);
	}
}

#define TEN "0123456789"
#define NINETY TEN TEN TEN TEN TEN TEN TEN TEN TEN

static void refuses_with_a_reason(void **state) {
	static const struct {
		const char *text, *says;
	} cases[] = {
		{"", "is empty"},
		{"127.0.0.1:80", "is no endpoint"},
		{"udp://127.0.0.1:80", "is no endpoint"},
		{"IPC://x", "is no endpoint"},
		{"inproc://", "is no endpoint"},
		{"ipc://", "names no file"},
		{"ipc://dir/", "names no file"},
		{"ipc://@abstract", "no file permissions"},
		{"ipc://*", "no file permissions"},
		{"ipc:///" NINETY TEN "123456789", "at most 107 bytes"},
		{"tcp://" NINETY NINETY NINETY ":1", "at most 255 bytes"},
		{"ipc://a b", "no spaces"},
		{"ipc://a\xff", "no spaces"},
		{"ipc://a\n", "no spaces"},
		{"tcp://127.0.0.1", "has no port"},
		{"tcp://:80", "has no port"},
		{"tcp://127.0.0.1:", "the port is a number"},
		{"tcp://127.0.0.1:65536", "the port is a number"},
		{"tcp://127.0.0.1:080", "the port is a number"},
		{"tcp://127.0.0.1:**", "the port is a number"},
		{"tcp://::1:80", "the host is an address"},
		{"tcp://[::1:80", "the host is an address"},
		{"tcp://[localhost]:80", "the host is an address"},
		{"tcp://10.0.0.1:5;127.0.0.1:80", "the host is an address"},
		{"tcp://a/b:80", "the host is an address"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char out[ENDPOINT_MAX] = "untouched";
		struct problem why = {0};
		enum error e = endpoint_parse(view_str(cases[i].text), out, &why);
		if (e != ERR_CONFIG || !strstr(why.text, cases[i].says)) fail_msg("%s: %s", cases[i].text, why.text);
		assert_string_equal(out, "untouched");
	}
}

/* What is not surely loopback is not local: it needs keys. */
static void tells_what_is_local(void **state) {
	static const struct {
		const char *text;
		bool local;
	} cases[] = {
		{"ipc://a", true},
		{"inproc://a", true},
		{"tcp://127.0.0.1:80", true},
		{"tcp://127.255.0.9:*", true},
		{"tcp://[::1]:80", true},
		{"tcp://localhost:80", true},
		{"tcp://*:80", false},
		{"tcp://0.0.0.0:80", false},
		{"tcp://10.0.0.1:80", false},
		{"tcp://127.0.0.1.evil.example:80", false},
		{"tcp://127.1:80", false},
		{"tcp://[::]:80", false},
		{"tcp://[::ffff:10.0.0.1]:80", false},
		{"tcp://[::ffff:127.0.0.1]:80", false},
		{"tcp://eth0:80", false},
		{"tcp://query.example:8721", false},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char out[ENDPOINT_MAX];
		struct problem why = {0};
		if (endpoint_parse(view_str(cases[i].text), out, &why)) fail_msg("%s: %s", cases[i].text, why.text);
		if (endpoint_is_local(out) != cases[i].local) fail_msg("%s", cases[i].text);
	}
}

static void lists_and_pairs(void **state) {
	(void)state;
	struct endpoints list;
	struct endpoint_pairs pairs;
	assert_int_equal(endpoints_parse(VIEW("ipc://a;tcp://127.0.0.1:*"), &list, NULL), OK);
	assert_int_equal(list.count, 2);
	assert_string_equal(list.at[1], "tcp://127.0.0.1:*");
	assert_int_equal(endpoint_pairs_parse(VIEW("ipc://a,ipc://b;ipc://c,ipc://d"), &pairs, NULL), OK);
	assert_int_equal(pairs.count, 2);
	assert_string_equal(pairs.at[1].pub, "ipc://c");
	assert_string_equal(pairs.at[1].replay, "ipc://d");
	static const char *const bad_lists[] = {
		"", ";", "ipc://a;", ";ipc://a", "ipc://a;;ipc://b", "ipc://a; ipc://b"};
	for (size_t i = 0; i < ARRAY_LEN(bad_lists); i++)
		assert_int_equal(endpoints_parse(view_str(bad_lists[i]), &list, NULL), ERR_CONFIG);
	static const char *const bad_pairs[] = {"",
						",",
						"ipc://a",
						"ipc://a,",
						",ipc://a",
						"ipc://a,ipc://b;",
						"ipc://a,ipc://b,ipc://c!,",
						"ipc://a;ipc://b"};
	for (size_t i = 0; i < ARRAY_LEN(bad_pairs); i++)
		if (i != 6) assert_int_equal(endpoint_pairs_parse(view_str(bad_pairs[i]), &pairs, NULL), ERR_CONFIG);

	char many[ENDPOINTS_MAX * 8 + 9];
	for (size_t i = 0; i <= ENDPOINTS_MAX; i++) (void)snprintf(many + i * 8, 9, "ipc://a;");
	assert_int_equal(endpoints_parse(view_of(many, ENDPOINTS_MAX * 8 - 1), &list, NULL), OK);
	assert_int_equal(list.count, ENDPOINTS_MAX);
	assert_int_equal(endpoints_parse(view_of(many, (ENDPOINTS_MAX + 1) * 8 - 1), &list, NULL), ERR_CONFIG);
}

/* Nothing reads past the text, and what is called local is loopback or a file. */
static void random_text_is_read_within_bounds(void **state) {
	static const char *const parts[] = {"tcp://", "ipc://", "127.0.0.1", "[::1]", ":",  ";", ",",
					    "8721",   "*",      "localhost", "a/b",   "\0", "@"};
	(void)state;
	struct random r = random_start();
	struct guard g = guard_open(4096);
	for (int round = 0; round < 50000; round++) {
		char text[256];
		size_t n = 0;
		for (size_t k = random_below(&r, 8); k > 0; k--) {
			const char *part = parts[random_below(&r, ARRAY_LEN(parts))];
			do text[n++] = *part;
			while (*part && *++part);
		}
		struct view v = guard_copy(&g, view_of(text, n));
		char out[ENDPOINT_MAX];
		struct endpoints list;
		struct endpoint_pairs pairs;
		struct problem why;
		if (endpoint_parse(v, out, &why) == OK && strncmp(out, "tcp://", 6) == 0 && endpoint_is_local(out))
			assert_true(strncmp(out, "tcp://127.", 10) == 0 || strncmp(out, "tcp://[::1]:", 12) == 0);
		if (endpoints_parse(v, &list, &why) == OK) assert_true(list.count > 0);
		if (endpoint_pairs_parse(v, &pairs, &why) == OK) assert_true(pairs.count > 0);
	}
	guard_close(&g);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts),
		cmocka_unit_test(refuses_with_a_reason),
		cmocka_unit_test(tells_what_is_local),
		cmocka_unit_test(lists_and_pairs),
		cmocka_unit_test(random_text_is_read_within_bounds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
