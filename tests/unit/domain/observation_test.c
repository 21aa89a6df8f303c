#include "domain/observation.h"

#include "base/attr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void every_fetch_has_a_name_and_a_path(void **state) {
	(void)state;
	for (unsigned i = 0; i < FETCH_COUNT; i++) {
		enum fetch_kind k = (enum fetch_kind)i;
		assert_true(strlen(fetch_name(k)) > 0);
		assert_int_equal(fetch_parse(view_str(fetch_name(k))), k);
		/* where the id goes */
		if (k == FETCH_NOTHING)
			assert_string_equal(fetch_path(k), "");
		else
			assert_non_null(strstr(fetch_path(k), "{id}"));
	}
	assert_int_equal(fetch_parse(VIEW("subscriptio")), FETCH_NOTHING);
	assert_int_equal(fetch_parse(VIEW_NONE), FETCH_NOTHING);
	assert_string_equal(fetch_name((enum fetch_kind)99), fetch_name(FETCH_NOTHING));
	assert_string_equal(fetch_path((enum fetch_kind)99), "");
}

static void every_reversal_state_has_a_name(void **state) {
	(void)state;
	for (unsigned i = 0; i < REVERSAL_STATE_COUNT; i++)
		assert_true(strlen(reversal_state_name((enum reversal_state)i)) > 0);
	assert_string_equal(reversal_state_name((enum reversal_state)99), "none");
	assert_true(reversal_is_refund(REFUND_PENDING) && reversal_is_refund(REFUND_FAILED));
	assert_false(reversal_is_refund(REVERSAL_NONE) || reversal_is_refund(DISPUTE_INQUIRY));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_fetch_has_a_name_and_a_path),
		cmocka_unit_test(every_reversal_state_has_a_name),
	};
	return cmocka_run_group_tests_name("observation", tests, NULL, NULL);
}
