#include "service/signals.h"

#include "service/clock.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum error signals_open(struct signals *ret_s, struct problem *why) {
	sigset_t ours;
	sigemptyset(&ours);
	sigaddset(&ours, SIGTERM);
	sigaddset(&ours, SIGINT);
	sigaddset(&ours, SIGHUP);
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	if (sigaction(SIGPIPE, &ignore, NULL) != 0 || sigprocmask(SIG_BLOCK, &ours, NULL) != 0)
		return problem_set(why, ERR_INTERNAL, "cannot block signals: %s", strerror(errno));
	int fd = signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0) return problem_set(why, ERR_UNAVAILABLE, "signalfd: %s", strerror(errno));
	ret_s->fd = fd;
	return OK;
}

void signals_close(struct signals *s) {
	if (!s || s->fd <= 0) return;
	close(s->fd);
	s->fd = 0;
}

static enum signal_event take(const struct signals *s) {
	struct signalfd_siginfo info;
	if (read(s->fd, &info, sizeof info) != (ssize_t)sizeof info) return SIGNAL_NONE;
	return info.ssi_signo == SIGHUP ? SIGNAL_RELOAD : SIGNAL_STOP;
}

enum signal_event signals_wait(struct signals *s, int timeout_ms) {
	int64_t until = mono_ms() + timeout_ms;
	for (;;) {
		enum signal_event got = take(s);
		if (got != SIGNAL_NONE || timeout_ms == 0) return got;
		int64_t left = timeout_ms < 0 ? -1 : until - mono_ms();
		if (timeout_ms > 0 && left <= 0) return SIGNAL_NONE;
		struct pollfd p = {.fd = s->fd, .events = POLLIN};
		if (poll(&p, 1, (int)left) < 0 && errno != EINTR) return SIGNAL_NONE;
	}
}
