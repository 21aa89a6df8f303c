#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/attr.h"
#include "service/nearest.h"
#include "support/random.h"

static const char *const names[] = {"check", "get", "explain", "status", "send", "journal", "quarantine"};

static const char *nearest(struct view typed) {
	struct nearest n = {0};
	for (size_t i = 0; i < ARRAY_LEN(names); i++) nearest_try(&n, typed, names[i]);
	return n.name;
}

static void finds_the_nearest(void **state) {
	static const struct {
		const char *typed, *found;
	} cases[] = {{"chek", "check"},
		     {"checkk", "check"},
		     {"hceck", "check"},
		     {"stauts", "status"},
		     {"get", "get"},
		     {"gte", NULL},
		     {"gett", "get"},
		     {"sned", "send"},
		     {"quarrantine", "quarantine"},
		     {"", NULL},
		     {"x", NULL},
		     {"zzzzzz", NULL},
		     {"explanation", NULL},
		     {"jurnal", "journal"}};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *got = nearest(view_str(cases[i].typed));
		if (got != cases[i].found && (!got || !cases[i].found || strcmp(got, cases[i].found) != 0))
			fail_msg("%s: %s", cases[i].typed, got ? got : "none");
	}
}

/* Law: one change of a long name still finds it. */
static void one_change_finds_the_name(void **state) {
	(void)state;
	struct random r = random_start();
	for (int round = 0; round < 10000; round++) {
		const char *name = names[5 + random_below(&r, 2)];
		char typed[32];
		size_t n = strlen(name), at = random_below(&r, n);
		(void)snprintf(typed, sizeof typed, "%s", name);
		typed[at] = (char)('a' + random_below(&r, 26));
		assert_string_equal(nearest(view_of(typed, n)), name);
	}
}

static void long_input_is_not_tried(void **state) {
	char large[4096];
	(void)state;
	memset(large, 'c', sizeof large);
	assert_null(nearest(view_of(large, sizeof large)));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_the_nearest),
		cmocka_unit_test(one_change_finds_the_name),
		cmocka_unit_test(long_input_is_not_tried),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
