#include "net/token_bucket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support/random.h"

static void gives_what_it_holds_and_then_its_rate(void **state) {
	(void)state;
	struct token_bucket b;
	token_bucket_init(&b, 20, 2, 1000);
	assert_int_equal(token_bucket_level(&b, 1000), 2);
	assert_true(token_bucket_take(&b, 1000));
	assert_true(token_bucket_take(&b, 1000));
	assert_false(token_bucket_take(&b, 1000));
	assert_int_equal(token_bucket_wait_ms(&b, 1000), 50);
	assert_false(token_bucket_take(&b, 1049));
	assert_int_equal(token_bucket_wait_ms(&b, 1049), 1);
	assert_true(token_bucket_take(&b, 1050));
	assert_false(token_bucket_take(&b, 1050));
	/* it never holds more than its burst, however long nobody came */
	assert_int_equal(token_bucket_level(&b, INT64_MAX), 2);
}

static void a_clock_that_stands_or_goes_back_gives_nothing(void **state) {
	(void)state;
	struct token_bucket b;
	token_bucket_init(&b, 10, 1, 5000);
	assert_true(token_bucket_take(&b, 5000));
	assert_false(token_bucket_take(&b, 4000));
	assert_false(token_bucket_take(&b, 5099));
	assert_true(token_bucket_take(&b, 5100));
	token_bucket_init(&b, 0, 0, 0);
	assert_int_equal(b.rate, 1);
	assert_int_equal(b.burst, 1);
	token_bucket_init(&b, UINT64_MAX, UINT64_MAX, 0);
	assert_int_equal(b.rate, TOKEN_RATE_MAX);
}

#define GIVEN_MAX 4096

/* In no span are there more than rate * span + burst, whenever it is asked. */
static void never_more_than_its_budget(void **state) {
	(void)state;
	struct random r = random_start();
	static int64_t given[GIVEN_MAX];
	for (int round = 0; round < 50; round++) {
		uint64_t rate = 1 + random_below(&r, 200), burst = 1 + random_below(&r, 10);
		struct token_bucket b;
		size_t count = 0;
		int64_t now = (int64_t)random_below(&r, 1000000);
		token_bucket_init(&b, rate, burst, now);
		for (int i = 0; i < 2000 && count < GIVEN_MAX; i++) {
			int64_t wait = token_bucket_wait_ms(&b, now);
			if (token_bucket_take(&b, now)) {
				assert_int_equal(wait, 0);
				given[count++] = now;
			} else {
				assert_true(wait > 0);
			}
			now += random_below(&r, 4) ? (int64_t)random_below(&r, 20) : 0;
		}
		for (size_t i = 0; i < count; i++) {
			for (size_t k = i; k < count; k += 1 + k / 8) {
				uint64_t span = (uint64_t)(given[k] - given[i]);
				assert_true((k - i + 1) * 1000 <= rate * span + burst * 1000);
			}
		}
		assert_true(count > 0);
	}
}

/* Who takes whenever there is one gets the whole rate. */
static void the_rate_is_reached(void **state) {
	(void)state;
	struct token_bucket b;
	token_bucket_init(&b, 33, 1, 0);
	unsigned taken = 0;
	for (int64_t now = 0; now <= 100000; now++) taken += token_bucket_take(&b, now);
	assert_in_range(taken, 3225, 3301);
}

int main(void) {
	const struct CMUnitTest tests[] = {cmocka_unit_test(gives_what_it_holds_and_then_its_rate),
					   cmocka_unit_test(a_clock_that_stands_or_goes_back_gives_nothing),
					   cmocka_unit_test(never_more_than_its_budget),
					   cmocka_unit_test(the_rate_is_reached)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
