/* The cache on a machine that slept: clocks of the test's own, of which two go on meanwhile. */
#include "hub.h"

#include <sys/syscall.h>
#include <unistd.h>

static _Atomic int64_t slept_s;        /* the last sleep is over; it was while this was another number */
static _Atomic int64_t slept_before_s; /* before the wall clock was set: it knows nothing of it */

int clock_gettime(clockid_t clock, struct timespec *now) {
	const int rc = (int)syscall(SYS_clock_gettime, clock, now);
	if (rc == 0 && clock == CLOCK_BOOTTIME) now->tv_sec += slept_s + slept_before_s;
	if (rc == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += slept_s;
	return rc;
}

static int forget_sleep(void **state) {
	(void)state;
	slept_s = slept_before_s = 0;
	return 0;
}

static struct tg_answer ask_many(struct tg_client *c, const char *sub) {
	const struct tg_question q = {sub, NULL, "trading"};
	struct tg_answer a;
	(void)tg_check_many(c, &q, 1, &a);
	return a;
}

static void silence_is_silence_on_a_machine_that_slept(void **state) {
	(void)state;
	struct hub h;
	slept_before_s = 8 * 3600;
	struct tg_client *c = keep_alice(&h, (struct tg_options){.timeout_ms = 200, .max_age_ms = 300});
	SET(&h, mute, true);
	const int64_t deadline = test_ms() + PATIENCE_MS;
	while (ask(c, "alice").source == TG_FROM_CACHE) assert_true(test_ms() < deadline);
	assert_int_not_equal(ask_many(c, "alice").source, TG_FROM_CACHE);
	leave(&h, &c);
}

static void after_a_sleep_nothing_is_young(void **state) {
	(void)state;
	struct hub h;
	struct tg_client *c = keep_alice(&h, (struct tg_options){.timeout_ms = PATIENCE_MS, .max_age_ms = PATIENCE_MS});
	assert_int_equal(ask_many(c, "alice").source, TG_FROM_CACHE);
	/* its access was taken away meanwhile, and nobody has told us yet; the first answer counts */
	SET(&h, no_since, true);
	happen(&h, "alice", false, false);
	slept_s = 8 * 3600;
	struct tg_answer a = ask(c, "alice");
	assert_false(a.allowed);
	assert_int_equal(a.source, TG_FROM_SERVER);
	assert_false(ask_many(c, "alice").allowed);
	SET(&h, no_since, false);
	UNTIL(&h, ask(c, "alice").source == TG_FROM_CACHE);
	assert_false(ask(c, "alice").allowed);
	leave(&h, &c);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(silence_is_silence_on_a_machine_that_slept, forget_sleep),
		cmocka_unit_test_setup(after_a_sleep_nothing_is_young, forget_sleep),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
