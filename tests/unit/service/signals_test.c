#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "service/clock.h"
#include "service/signals.h"

static struct signals ours;

static int open_signals(void **state) {
	(void)state;
	return signals_open(&ours, NULL) == OK ? 0 : -1;
}

static int close_signals(void **state) {
	(void)state;
	signals_close(&ours);
	signals_close(&ours);
	signals_close(NULL);
	return 0;
}

static void signals_become_values(void **state) {
	(void)state;
	assert_int_equal(signals_wait(&ours, 0), SIGNAL_NONE);
	assert_int_equal(kill(getpid(), SIGHUP), 0);
	assert_int_equal(signals_wait(&ours, 60000), SIGNAL_RELOAD);
	assert_int_equal(kill(getpid(), SIGTERM), 0);
	assert_int_equal(signals_wait(&ours, -1), SIGNAL_STOP);
	assert_int_equal(kill(getpid(), SIGINT), 0);
	assert_int_equal(signals_wait(&ours, 0), SIGNAL_STOP);
	assert_int_equal(signals_wait(&ours, 0), SIGNAL_NONE);
}

static void waits_as_long_as_asked(void **state) {
	(void)state;
	int64_t start = mono_ms();
	assert_int_equal(signals_wait(&ours, 30), SIGNAL_NONE);
	assert_true(mono_ms() - start >= 30);
}

static void *send_from_a_thread(void *ctx) {
	(void)ctx;
	(void)kill(getpid(), SIGTERM);
	return NULL;
}

static void a_thread_made_later_never_gets_them(void **state) {
	(void)state;
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, send_from_a_thread, NULL), 0);
	assert_int_equal(signals_wait(&ours, 60000), SIGNAL_STOP);
	assert_int_equal(pthread_join(thread, NULL), 0);
}

static void a_closed_pipe_is_an_error_and_not_the_end(void **state) {
	(void)state;
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	close(ends[0]);
	assert_int_equal(write(ends[1], "x", 1), -1);
	close(ends[1]);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signals_become_values),
		cmocka_unit_test(waits_as_long_as_asked),
		cmocka_unit_test(a_thread_made_later_never_gets_them),
		cmocka_unit_test(a_closed_pipe_is_an_error_and_not_the_end),
	};
	return cmocka_run_group_tests(tests, open_signals, close_signals);
}
