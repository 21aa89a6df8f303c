#include "clock_watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void tells_a_clock_that_was_set_back(void **state) {
	(void)state;
	struct clock_watch c = {0};
	assert_false(clock_watch_back(&c, 1000000, 50));
	assert_false(clock_watch_back(&c, 1000250, 300));
	/* forward is no news, however far; and back from there is */
	assert_false(clock_watch_back(&c, 9000000, 350));
	assert_true(clock_watch_back(&c, 8990000, 400));
	assert_false(clock_watch_back(&c, 8990050, 450));
	/* to the millisecond */
	assert_false(clock_watch_back(&c, 8990100 - CLOCK_BACK_MS, 500));
	assert_true(clock_watch_back(&c, 8990149 - CLOCK_BACK_MS, 550));
	assert_false(clock_watch_back(&c, 8990199 - CLOCK_BACK_MS, 600));
}

static void adds_small_steps_up(void **state) {
	(void)state;
	struct clock_watch c = {0};
	int64_t wall = 1000000, mono = 0;
	int backs = 0;
	assert_false(clock_watch_back(&c, wall, mono));
	for (int i = 0; i < 50; i++) {
		wall += 250 - 100; /* a tenth of a second back each time: five seconds in all */
		mono += 250;
		if (clock_watch_back(&c, wall, mono)) backs++;
	}
	assert_int_equal(backs, 2);
}

static void long_sleeps_are_no_jump(void **state) {
	(void)state;
	struct clock_watch c = {0};
	assert_false(clock_watch_back(&c, 5000, 5000));
	assert_false(clock_watch_back(&c, 5000 + 86400000, 5000 + 86400000));
	/* the monotonic clock stands still while the machine sleeps */
	assert_false(clock_watch_back(&c, 5000 + 2 * 86400000, 5000 + 86400000));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_a_clock_that_was_set_back),
		cmocka_unit_test(adds_small_steps_up),
		cmocka_unit_test(long_sleeps_are_no_jump),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
