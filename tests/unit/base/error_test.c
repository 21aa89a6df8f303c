#include "base/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void every_row_is_filled_in(void **state) {
	(void)state;
	for (unsigned i = 0; i < ERROR_COUNT; i++) {
		enum error e = (enum error)i;
		assert_true(strlen(error_code(e)) > 0);
		assert_true(strlen(error_text(e)) > 0);
		/* codes go on the wire and into scripts */
		assert_int_equal(strspn(error_code(e), "abcdefghijklmnopqrstuvwxyz0123456789_"), strlen(error_code(e)));
		for (unsigned j = 0; j < i; j++) assert_string_not_equal(error_code(e), error_code((enum error)j));
	}
}

static void exit_codes_and_statuses_are_of_the_documented_sets(void **state) {
	(void)state;
	assert_int_equal(error_exit_code(OK), 0);
	assert_int_equal(error_http_status(OK), 200);
	for (unsigned i = OK + 1; i < ERROR_COUNT; i++) {
		int code = error_exit_code((enum error)i), http = error_http_status((enum error)i);
		assert_true(code == 64 || code == 69 || code == 74 || code == 78);
		assert_true(http >= 400 && http < 600);
	}
	assert_int_equal(error_exit_code(ERR_CONFIG), 78);
	assert_int_equal(error_exit_code(ERR_USAGE), 64);
	assert_int_equal(error_http_status(ERR_FULL), 503);
	assert_int_equal(error_http_status(ERR_BAD_SIGNATURE), 400);
	assert_int_equal(error_http_status(ERR_TOO_LARGE), 413);
}

static void an_unknown_number_is_internal(void **state) {
	(void)state;
	assert_string_equal(error_code((enum error)ERROR_COUNT), "internal");
	assert_string_equal(error_code((enum error) - 1), "internal");
}

static void a_problem_keeps_its_sentence(void **state) {
	(void)state;
	struct problem p = {0};
	assert_string_equal(problem_text(&p), error_text(OK));
	assert_int_equal(problem_set(&p, ERR_CONFIG, "line %d: %s", 12, "price"), ERR_CONFIG);
	assert_int_equal(p.error, ERR_CONFIG);
	assert_string_equal(problem_text(&p), "line 12: price");
	assert_int_equal(problem_set(NULL, ERR_IO, "%s", "nobody listens"), ERR_IO);
}

static void a_long_sentence_is_cut(void **state) {
	(void)state;
	struct problem p;
	char text[1000];
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = 0;
	assert_int_equal(problem_set(&p, ERR_LIMIT, "%s", text), ERR_LIMIT);
	assert_int_equal(strlen(p.text), sizeof p.text - 1);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_is_filled_in),
		cmocka_unit_test(exit_codes_and_statuses_are_of_the_documented_sets),
		cmocka_unit_test(an_unknown_number_is_internal),
		cmocka_unit_test(a_problem_keeps_its_sentence),
		cmocka_unit_test(a_long_sentence_is_cut),
	};
	return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
