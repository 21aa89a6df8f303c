#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "params.h"
#include "support/guard.h"
#include "support/random.h"

static json_t *parsed(const char *text) {
	json_t *tree = NULL;
	struct params_fault fault;
	assert_int_equal(params_parse(view_str(text), &tree, &fault), OK);
	return tree;
}

static void check(const char *text, const char *want_json) {
	json_t *got = parsed(text), *want = json_loads(want_json, 0, NULL);
	assert_non_null(want);
	if (!json_equal(got, want)) {
		char *dump = json_dumps(got, JSON_SORT_KEYS);
		fail_msg("%s gives %s, not %s", text, dump, want_json);
		free(dump);
	}
	json_decref(got);
	json_decref(want);
}

static void refused(const char *text, const char *param, const char *part_of_message) {
	json_t *tree = NULL;
	struct params_fault fault;
	if (params_parse(view_str(text), &tree, &fault) != ERR_BAD_REQUEST) fail_msg("%.80s is taken", text);
	assert_null(tree);
	assert_string_equal(fault.param, param);
	assert_non_null(strstr(fault.message, part_of_message));
}

static void test_shapes(void **state) {
	(void)state;
	check("", "{}");
	check("&&", "{}");
	check("a=1&b=", "{\"a\":\"1\",\"b\":\"\"}");
	check("a", "{\"a\":\"\"}");
	check("a==b", "{\"a\":\"=b\"}");
	check("a=1&a=2", "{\"a\":\"2\"}");
	check("a=x+y%20z%2Bw", "{\"a\":\"x y z+w\"}");
	check("a%5Bb%5D=1", "{\"a\":{\"b\":\"1\"}}");
	check("expand[]=customer&expand[]=data.items", "{\"expand\":[\"customer\",\"data.items\"]}");
	check("expand[0]=b&expand[1]=a", "{\"expand\":[\"b\",\"a\"]}");
	check("items[1][price]=q&items[0][price]=p&items[0][quantity]=2",
	      "{\"items\":[{\"price\":\"p\",\"quantity\":\"2\"},{\"price\":\"q\"}]}");
	check("items[][price]=p&items[][quantity]=2&items[][price]=q",
	      "{\"items\":[{\"price\":\"p\",\"quantity\":\"2\"},{\"price\":\"q\"}]}");
	check("a[5]=x&a[2]=y", "{\"a\":[\"y\",\"x\"]}");
	check("a[0]=x&a[b]=y", "{\"a\":{\"0\":\"x\",\"b\":\"y\"}}");
	check("a[00]=x", "{\"a\":{\"00\":\"x\"}}");
	check("metadata[0]=zero&metadata[4000000]=m", "{\"metadata\":{\"0\":\"zero\",\"4000000\":\"m\"}}");
	check("s[metadata][7]=x", "{\"s\":{\"metadata\":{\"7\":\"x\"}}}");
	check("created[gte]=5&0=top", "{\"created\":{\"gte\":\"5\"},\"0\":\"top\"}");
	check("name=%C3%A9&n=%f0%9f%92%b0", "{\"name\":\"\\u00e9\",\"n\":\"\\ud83d\\udcb0\"}");
	check("a[b][c][d][e][f][g][h]=8", "{\"a\":{\"b\":{\"c\":{\"d\":{\"e\":{\"f\":{\"g\":{\"h\":\"8\"}}}}}}}}");
}

static void test_refusals(void **state) {
	(void)state;
	refused("=x", "", "name");
	refused("[a]=x", "[a]", "name");
	refused("a[b=x", "a[b", "brackets");
	refused("a]=x", "a]", "brackets");
	refused("a[b]c=x", "a[b]c", "brackets");
	refused("a[b[c]]=x", "a[b[c]]", "brackets");
	refused("a=1&a[b]=2", "a[b]", "both");
	refused("a[b]=2&a=1", "a", "both");
	refused("a=%", "a", "percent");
	refused("a=%4", "a", "percent");
	refused("a=%zz", "a", "percent");
	refused("%zz=1", "%zz", "percent");
	refused("a=%00", "a", "UTF-8");
	refused("a=%ff", "a", "UTF-8");
	refused("a=%ed%a0%80", "a", "UTF-8");
	refused("a%00=1", "a", "UTF-8");
	refused("a[b][c][d][e][f][g][h][i]=9", "a[b][c][d][e][f][g][h][i]", "deep");
	refused("a[128]=x", "a[128]", "too many");
	refused("a[4294967295]=x", "a[4294967295]", "too many");
}

static void test_limits(void **state) {
	(void)state;
	size_t room = PARAMS_TEXT_MAX + 16;
	char *text = malloc(room);
	assert_non_null(text);
	json_t *tree = NULL;
	struct params_fault fault;
	memset(text, 'x', room);
	text[0] = 'a', text[1] = '=';
	assert_int_equal(params_parse(view_of(text, 2 + PARAMS_VALUE_MAX), &tree, &fault), OK);
	json_decref(tree);
	assert_int_equal(params_parse(view_of(text, 3 + PARAMS_VALUE_MAX), &tree, &fault), ERR_BAD_REQUEST);
	assert_string_equal(fault.param, "a");
	assert_int_equal(params_parse(view_of(text, PARAMS_TEXT_MAX + 1), &tree, &fault), ERR_BAD_REQUEST);
	assert_int_equal(params_parse(view_of(text + 2, PARAMS_NAME_MAX), &tree, &fault), OK);
	json_decref(tree);
	assert_int_equal(params_parse(view_of(text + 2, PARAMS_NAME_MAX + 1), &tree, &fault), ERR_BAD_REQUEST);
	assert_int_equal(strlen(fault.param), PARAMS_NAME_MAX);
	size_t n = 0;
	for (int i = 0; i <= PARAMS_COUNT_MAX; i++) n += (size_t)snprintf(text + n, room - n, "k%d=v&", i);
	assert_int_equal(params_parse(view_of(text, n), &tree, &fault), ERR_BAD_REQUEST);
	assert_non_null(strstr(fault.message, "Too many"));
	free(text);
}

/* No input crashes it or makes it read past its end, and what it takes is a tree within the limits. */
static void depth_of(const json_t *t, size_t depth) {
	const char *key;
	json_t *value;
	size_t i;
	assert_true(depth <= PARAMS_DEPTH_MAX);
	if (json_is_array(t)) assert_in_range(json_array_size(t), 1, PARAMS_LIST_MAX);
	json_object_foreach((json_t *)(uintptr_t)t, key, value) depth_of(value, depth + 1);
	json_array_foreach(t, i, value) depth_of(value, depth + 1);
}

static void test_hostile(void **state) {
	(void)state;
	static const char *const words[] = {"a", "b",   "[",   "]", "[]", "[0]", "[1]",  "[127]", "[b]",      "=",
					    "&", "%5B", "%5d", "%", "%0", "+",   "\xc3", "\xa9",  "metadata", "\x01"};
	struct random r = random_start();
	struct guard g = guard_open(512);
	size_t taken = 0;
	for (int round = 0; round < 20000; round++) {
		char text[512];
		size_t n = 0, parts = random_below(&r, 24);
		for (size_t i = 0; i < parts; i++) {
			const char *w = words[random_below(&r, ARRAY_LEN(words))];
			memcpy(text + n, w, strlen(w));
			n += strlen(w);
		}
		json_t *tree = NULL;
		struct params_fault fault = {.message = NULL};
		enum error e = params_parse(guard_copy(&g, view_of(text, n)), &tree, &fault);
		if (e) {
			assert_int_equal(e, ERR_BAD_REQUEST);
			assert_non_null(fault.message);
			assert_null(tree);
			json_t *repeated = json_string(fault.param); /* fit to be repeated in JSON */
			assert_non_null(repeated);
			json_decref(repeated);
			continue;
		}
		taken++;
		depth_of(tree, 0);
		json_decref(tree);
	}
	assert_true(taken > 100);
	guard_close(&g);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_hostile),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
