/* Law: the scanner and jansson agree on what is JSON, whatever the bytes, but for the differences that
 * proto/json_scan.h states. Inputs are made from valid texts, then damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/limits.h"
#include "proto/json_scan.h"
#include "proto/stripe_envelope.h"
#include "support/random.h"

#define TEXT_MAX 4096
#define ROUNDS 150000

struct text {
	size_t len;
	char bytes[TEXT_MAX];
};

static void put(struct text *t, const char *s) {
	size_t n = strlen(s);
	if (t->len + n > TEXT_MAX) return;
	memcpy(t->bytes + t->len, s, n);
	t->len += n;
}

static void put_any(struct random *r, struct text *t, const char *const *choices, size_t count) {
	put(t, choices[random_below(r, count)]);
}
#define PUT_ANY(r, t, list) put_any((r), (t), (list), ARRAY_LEN(list))

static const char *const spaces[] = {"", "", "", " ", "\n  ", "\t", "\r\n", "\n                  "};
static const char *const pieces[] = {"a",
				     "id",
				     "evt_1",
				     "user_id",
				     "\\n",
				     "\\u00e9",
				     "\\ud83d\\ude00",
				     "\\/",
				     "\\\"",
				     "\xc3\xa9",
				     "\xe2\x82\xac",
				     "\xf0\x9f\x98\x80",
				     "\xef\xbf\xbf",
				     "12345678",
				     "a longer piece of plain text",
				     "\x7f",
				     "\\u0041"};
static const char *const wrong_pieces[] = {"\\u0000", "\\ud800", "\\udc00x", "\\ud800\\u0041", "\\x",
					   "\\u12g4", "\x01",    "\xc0\x80", "\xed\xa0\x80",   "\xf4\x90\x80\x80",
					   "\x80",    "\xc3",    "\xff",     "\xe0\x9f\xbf",   "\xf0\x8f\xbf\xbf"};
static const char *const scalars[] = {"0",     "-0",   "1",    "-17",     "9223372036854775807", "-9223372036854775808",
				      "1.5",   "1e3",  "1E+3", "2e-2",    "1234567890",          "true",
				      "false", "null", "0.0",  "-1.25e10"};
static const char *const wrong_scalars[] = {"01",   "1.",  ".5",       "-",   "+1",  "1e",    "tru",
					    "nul",  "NaN", "Infinity", "0x1", "'a'", "1e999", "9223372036854775808",
					    "True", "--1", "1..2",     "1e+"};
static const char *const faults[] = {",", ":", "}", "]", "{", "[", "\"", "\\", "\xef\xbb\xbf", "/* */", "\x0b", "x"};

/* One in this many places is wrong. */
#define WRONG 60
static bool wrong(struct random *r) { return random_below(r, WRONG) == 0; }

static void put_string(struct random *r, struct text *t) {
	put(t, "\"");
	for (size_t n = random_below(r, 4); n > 0; n--) {
		if (wrong(r))
			PUT_ANY(r, t, wrong_pieces);
		else
			PUT_ANY(r, t, pieces);
	}
	put(t, "\"");
}

static void put_value(struct random *r, struct text *t, unsigned depth) {
	size_t kind = random_below(r, depth ? 4 : 2);
	PUT_ANY(r, t, spaces);
	if (wrong(r)) {
		PUT_ANY(r, t, wrong_scalars);
	} else if (kind == 0) {
		PUT_ANY(r, t, scalars);
	} else if (kind == 1) {
		put_string(r, t);
	} else {
		bool object = kind == 2;
		put(t, object ? "{" : "[");
		PUT_ANY(r, t, spaces);
		for (size_t i = 0, n = random_below(r, 4); i < n; i++) {
			if (i) put(t, ",");
			if (object) {
				PUT_ANY(r, t, spaces);
				put_string(r, t);
				PUT_ANY(r, t, spaces);
				put(t, ":");
			}
			put_value(r, t, depth - 1);
		}
		put(t, object ? "}" : "]");
	}
	PUT_ANY(r, t, spaces);
	if (wrong(r)) PUT_ANY(r, t, faults);
}

/* Changes, drops, doubles or swaps a few bytes. */
static void damage(struct random *r, struct text *t) {
	for (size_t n = random_below(r, 3); n > 0 && t->len > 1; n--) {
		size_t at = random_below(r, t->len);
		switch (random_below(r, 4)) {
		case 0:
			t->bytes[at] = (char)random_u64(r);
			break;
		case 1:
			t->len = at + 1;
			break;
		case 2:
			memmove(t->bytes + at, t->bytes + at + 1, --t->len - at);
			break;
		default:
			t->bytes[at] = t->bytes[random_below(r, t->len)];
			break;
		}
	}
}

static bool scan_all(struct view text) {
	struct json_scan s = json_scan_of(text);
	if (!json_scan_value(&s, JSON_DEPTH_MAX)) return false;
	json_scan_space(&s);
	return s.at == s.end;
}

/* The stated differences: JSON for us, an error for jansson. */
static bool excused(const json_error_t *e) {
	enum json_error_code code = json_error_code(e);
	return code == json_error_numeric_overflow || code == json_error_null_character ||
	       code == json_error_null_byte_in_key || code == json_error_duplicate_key;
}

static void agrees_with_jansson(void **state) {
	struct random r = random_start();
	size_t valid = 0, invalid = 0;
	(void)state;
	for (size_t i = 0; i < ROUNDS; i++) {
		struct text t = {.len = 0};
		json_error_t error;
		put_value(&r, &t, 5);
		if (random_below(&r, 2)) damage(&r, &t);
		struct view text = view_of(t.bytes, t.len);
		json_t *tree = json_loadb(t.bytes, t.len, JSON_DECODE_ANY, &error);
		bool ours = scan_all(text);
		/* jansson 2.14 loses a NUL byte that follows a number or a word: "[1\0]" passes as [1] */
		bool nul = memchr(t.bytes, 0, t.len) != NULL;
		if (nul) assert_false(ours);
		if (nul || (!tree && excused(&error))) {
			json_decref(tree);
			continue;
		}
		if (ours != (tree != NULL))
			fail_msg("round %zu: ours %d, jansson %d (%s): %.*s", i, ours, tree != NULL,
				 tree ? "" : error.text, VIEW_FMT(text));
		*(tree ? &valid : &invalid) += 1;
		json_decref(tree);
	}
	/* the law would be empty if the texts were all of one kind */
	assert_true(valid > ROUNDS / 10);
	assert_true(invalid > ROUNDS / 10);
}

/* ---- the envelope: what is accepted has jansson's values ------------------- */

static const char *const members[] = {
	"\"id\":\"evt_1\"",
	"\"id\": \"evt_2\"",
	"\"id\":7",
	"\"object\":\"event\"",
	"\"object\":\"event\"",
	"\"object\":\"v2.core.event\"",
	"\"type\":\"invoice.paid\"",
	"\"type\":\"a b\"",
	"\"created\":1700000000",
	"\"created\": 1700000001",
	"\"created\":-1",
	"\"created\":1.0",
	"\"livemode\":true",
	"\"livemode\":false",
	"\"livemode\":null",
	"\"account\":\"acct_1\"",
	"\"account\":null",
	"\"account\":\"\"",
	"\"api_version\":null",
	"\"api_version\":\"2020-08-27\"",
	"\"data\":{\"object\":{\"id\":\"x\",\"type\":[1,{}]}}",
	"\"data\":[]",
	"\"pending_webhooks\":1",
	"\"\\u0069d\":\"evt_3\"",
	"\"request\":{\"id\":null}",
};
/* The indices that make an event, of which most rounds keep all. */
static const size_t needed[] = {0, 3, 6, 8, 12, 20};

static bool same(json_t *tree, const char *key, struct view ours) {
	json_t *v = json_object_get(tree, key);
	if (!v || json_is_null(v)) return ours.len == 0;
	return json_is_string(v) && view_eq(ours, view_of(json_string_value(v), json_string_length(v)));
}

static void check_values(struct view text, const struct stripe_envelope *e) {
	json_error_t error;
	json_t *tree = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, &error);
	if (!tree && excused(&error)) return;
	if (!tree) fail_msg("accepted, but jansson says %s: %.*s", error.text, VIEW_FMT(text));
	assert_true(same(tree, "id", e->id));
	assert_true(same(tree, "type", e->type));
	assert_true(same(tree, "account", e->account));
	assert_true(same(tree, "api_version", e->api_version));
	assert_true(same(tree, "object", e->thin ? VIEW("v2.core.event") : VIEW("event")));
	assert_true(json_is_integer(json_object_get(tree, "created")));
	assert_true(json_integer_value(json_object_get(tree, "created")) == e->created);
	assert_true(json_is_boolean(json_object_get(tree, "livemode")));
	assert_true(json_is_true(json_object_get(tree, "livemode")) == e->livemode);
	assert_true(json_is_object(json_object_get(tree, "data")));
	json_decref(tree);
}

static void envelope_has_jansson_values(void **state) {
	struct random r = random_start();
	size_t accepted = 0;
	(void)state;
	for (size_t i = 0; i < ROUNDS; i++) {
		struct text t = {.len = 0};
		size_t picks[12], count = 0;
		for (size_t n = 0; n < ARRAY_LEN(needed); n++)
			if (random_below(&r, 30)) picks[count++] = needed[n];
		for (size_t n = random_below(&r, 3); n > 0; n--) picks[count++] = random_below(&r, ARRAY_LEN(members));
		for (size_t n = count; n > 1; n--) {
			size_t at = random_below(&r, n), last = picks[n - 1];
			picks[n - 1] = picks[at];
			picks[at] = last;
		}
		put(&t, "{");
		for (size_t n = 0; n < count; n++) {
			if (n) put(&t, ",");
			PUT_ANY(&r, &t, spaces);
			put(&t, members[picks[n]]);
			PUT_ANY(&r, &t, spaces);
		}
		put(&t, "}");
		if (random_below(&r, 3) == 0) damage(&r, &t);

		struct stripe_envelope e;
		struct view text = view_of(t.bytes, t.len);
		if (stripe_envelope_parse(text, &e, NULL) != OK) continue;
		accepted++;
		check_values(text, &e);
	}
	assert_true(accepted > ROUNDS / 10);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_jansson),
		cmocka_unit_test(envelope_has_jansson_values),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
