#include "net/curl_loop.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define EVENTS_AT_ONCE 32

static int64_t now_ms(void) {
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* EPOLL_CTL_MOD first: curl does not say whether it has named the socket before. */
static int on_socket(CURL *curl, curl_socket_t fd, int what, void *ctx, void *unused) {
	const struct curl_loop *l = ctx;
	struct epoll_event e = {.data.fd = fd};
	(void)curl;
	(void)unused;
	if (what == CURL_POLL_REMOVE) {
		(void)epoll_ctl(l->epoll, EPOLL_CTL_DEL, fd, NULL);
		return 0;
	}
	if (what & CURL_POLL_IN) e.events |= EPOLLIN;
	if (what & CURL_POLL_OUT) e.events |= EPOLLOUT;
	if (epoll_ctl(l->epoll, EPOLL_CTL_MOD, fd, &e) != 0 && errno == ENOENT)
		(void)epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &e);
	return 0;
}

static int on_timer(CURLM *multi, long wait_ms, void *ctx) {
	struct curl_loop *l = ctx;
	(void)multi;
	l->timer_ms = wait_ms < 0 ? -1 : now_ms() + wait_ms;
	return 0;
}

int64_t curl_loop_wait_ms(const struct curl_loop *l, int64_t most) {
	if (l->timer_ms < 0) return most;
	int64_t wait = l->timer_ms - now_ms();
	return wait < 0 ? 0 : wait < most ? wait : most;
}

void curl_loop_run(struct curl_loop *l) {
	struct epoll_event events[EVENTS_AT_ONCE];
	int running;
	int n = epoll_wait(l->epoll, events, EVENTS_AT_ONCE, 0);
	for (int i = 0; i < n; i++) {
		int what = 0;
		if (events[i].events & EPOLLIN) what |= CURL_CSELECT_IN;
		if (events[i].events & EPOLLOUT) what |= CURL_CSELECT_OUT;
		if (events[i].events & (EPOLLERR | EPOLLHUP)) what |= CURL_CSELECT_ERR;
		(void)curl_multi_socket_action(l->multi, events[i].data.fd, what, &running);
	}
	if (l->timer_ms >= 0 && now_ms() >= l->timer_ms) {
		l->timer_ms = -1;
		(void)curl_multi_socket_action(l->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	}
}

enum error curl_loop_open(struct curl_loop *l, struct problem *why) {
	*l = (struct curl_loop){.epoll = -1, .timer_ms = -1};
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return problem_set(why, ERR_MEMORY, "cannot start libcurl");
	l->global = true;
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll < 0) return problem_set(why, ERR_UNAVAILABLE, "epoll: %s", strerror(errno));
	l->multi = curl_multi_init();
	if (!l->multi) return problem_set(why, ERR_MEMORY, "out of memory");
	curl_multi_setopt(l->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(l->multi, CURLMOPT_SOCKETDATA, l);
	curl_multi_setopt(l->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(l->multi, CURLMOPT_TIMERDATA, l);
	return OK;
}

void curl_loop_close(struct curl_loop *l) {
	if (!l->global) return; /* all zeros: there is no descriptor 0 of ours */
	if (l->multi) curl_multi_cleanup(l->multi);
	if (l->epoll >= 0) (void)close(l->epoll);
	curl_global_cleanup();
	*l = (struct curl_loop){.epoll = -1, .timer_ms = -1};
}

void curl_request(CURL *curl, const char *url, int64_t deadline_ms, int64_t connect_ms) {
	curl_easy_reset(curl);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(curl, CURLOPT_NOPROXY, "localhost,127.0.0.1,::1");
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)deadline_ms);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)connect_ms);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "tiergate/" TIERGATE_VERSION);
}
