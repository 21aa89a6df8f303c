#include "net/backoff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/random.h"

static void doubles_up_to_its_cap(void **state) {
	(void)state;
	struct backoff b;
	backoff_init(&b, 100, 1500);
	static const int64_t most[] = {100, 200, 400, 800, 1500, 1500, 1500};
	for (size_t i = 0; i < sizeof most / sizeof *most; i++) {
		assert_int_equal(backoff_most(&b), most[i]);
		(void)backoff_failed(&b, 7);
	}
	backoff_worked(&b);
	assert_int_equal(backoff_most(&b), 100);
}

static void the_whole_span_is_used_and_nothing_beyond(void **state) {
	(void)state;
	struct random r = random_start();
	unsigned low = 0, high = 0;
	for (int i = 0; i < 4000; i++) {
		struct backoff b;
		backoff_init(&b, 1000, 1000);
		int64_t wait = backoff_failed(&b, random_u64(&r));
		assert_in_range(wait, 0, 1000);
		low += wait < 250;
		high += wait > 750;
	}
	assert_true(low > 700 && high > 700);
}

static void odd_arguments(void **state) {
	(void)state;
	struct backoff b;
	backoff_init(&b, 0, -5);
	assert_int_equal(b.base_ms, 1);
	assert_int_equal(b.cap_ms, 1);
	backoff_init(&b, INT64_MAX, INT64_MAX);
	for (int i = 0; i < 100; i++) assert_in_range(backoff_failed(&b, UINT64_MAX), 0, BACKOFF_MS_MAX);
}

int main(void) {
	const struct CMUnitTest tests[] = {cmocka_unit_test(doubles_up_to_its_cap),
					   cmocka_unit_test(the_whole_span_is_used_and_nothing_beyond),
					   cmocka_unit_test(odd_arguments)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
