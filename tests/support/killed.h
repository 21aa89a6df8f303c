/* A child that works until it is killed, and tells of what it has done for good. */
#ifndef SUPPORT_KILLED_H
#define SUPPORT_KILLED_H

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define KILLED_STEPS_MAX 500 /* where nobody kills it: it fills no disk while the test stands still */

/* In the child: `n` is done for good. Does not come back when that was the last step; another number for each step. */
static inline void killed_tells(int out, uint64_t n) {
	static unsigned steps;
	if (write(out, &n, sizeof n) != (ssize_t)sizeof n) quick_exit(1);
	while (++steps >= KILLED_STEPS_MAX) (void)pause();
}

/* Runs work(ctx, out) in a child, which calls killed_tells, kills it once it has told `reads` numbers, in the midst of
 * a later step, and gives the last that it told. */
static inline uint64_t killed_after(size_t reads, void (*work)(const void *ctx, int out), const void *ctx) {
	int pipes[2], status;
	uint64_t told = 0, more;
	assert_int_equal(pipe(pipes), 0);
	const pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		work(ctx, pipes[1]);
		quick_exit(1);
	}
	(void)close(pipes[1]);
	for (size_t i = 0; i < reads; i++) assert_int_equal(read(pipes[0], &told, sizeof told), sizeof told);
	assert_int_equal(kill(pid, SIGKILL), 0);
	while (read(pipes[0], &more, sizeof more) == (ssize_t)sizeof more) told = more;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	(void)close(pipes[0]);
	return told;
}

#endif
