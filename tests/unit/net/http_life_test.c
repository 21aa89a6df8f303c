/* The HTTP server over raw sockets: late answers, deadlines, bounds, draining. */
#include "http_site.h"

#include <sys/resource.h>

static struct http_request *wait_kept(struct site *s) {
	struct http_request *r = NULL;
	for (int64_t end = mono_ms() + PATIENCE_MS; !r && mono_ms() < end;) r = atomic_exchange(&s->kept, NULL);
	assert_non_null(r);
	return r;
}

static void answers_late(void **state) {
	struct site *s = *state;
	int fd = dial(s);
	struct heard h;
	for (int i = 0; i < 50; i++) {
		ask(fd, POST("/late", "Content-Length: 3\r\n", "abc"));
		struct http_request *r = wait_kept(s);
		struct http_stat stat;
		http_server_stat(s->server, &stat);
		assert_int_equal(stat.requests, 1);
		assert_int_equal(stat.body_bytes, 3);
		assert_true(http_received_ms(r) > 0);
		assert_true(view_eq(http_body(r), VIEW("abc")));
		if (i % 2)
			http_answer(r, &(struct http_answer){.status = 202, .body = VIEW("late")});
		else
			http_answer_problem(r, &(struct http_problem){.error = ERR_OVERLOADED, .retry_after_s = 7});
		hear(fd, &h, true);
		assert_int_equal(h.status, i % 2 ? 202 : 503);
		if (i % 2 == 0) assert_non_null(strstr(h.head, "Retry-After: 7\r\n"));
	}
	close(fd);
}

/* Whoever leaves while a request is kept costs nothing but the answer. */
static void survives_who_leaves(void **state) {
	struct site *s = *state;
	struct http_stat stat;
	for (int i = 0; i < 20; i++) {
		int fd = dial(s);
		ask(fd, POST("/late", "Content-Length: 3\r\n", "abc"));
		struct http_request *r = wait_kept(s);
		close(fd);
		http_answer(r, &(struct http_answer){.status = 200, .body = VIEW("late")});
		/* and in the middle of a body */
		fd = dial(s);
		ask(fd, POST("/echo", JSON "Content-Length: 300\r\n", "half"));
		close(fd);
	}
	int64_t end = mono_ms() + PATIENCE_MS;
	do http_server_stat(s->server, &stat);
	while ((stat.connections || stat.body_bytes || stat.requests) && mono_ms() < end);
	assert_int_equal(stat.connections, 0);
	assert_int_equal(stat.body_bytes, 0);
	assert_int_equal(stat.requests, 0);
	assert_int_equal(atomic_load(&s->handled), 0);
	expect(s, "GET /hello HTTP/1.1\r\n" HOST "\r\n", 200, NULL);
}

/* Sends a byte every few ms, for as long as the server takes them; how long that was. */
static int64_t trickle_once(struct site *s, const char *start, const char *drop, struct heard *h) {
	int64_t began = mono_ms();
	int fd = dial(s);
	(void)say(fd, start, strlen(start));
	struct pollfd p = {.fd = fd, .events = POLLIN};
	while (poll(&p, 1, 20) == 0) {
		if (mono_ms() - began > PATIENCE_MS) fail_msg("a trickling sender was served for %d ms", PATIENCE_MS);
		if (!say(fd, drop, strlen(drop))) break;
	}
	hear(fd, h, true);
	int64_t took = mono_ms() - began;
	close(fd);
	return took;
}

/* The same, until it is ended in that way: who stands still before the first byte is ended for that. */
static int64_t trickle(struct site *s, const char *start, const char *drop, int status, struct heard *h) {
	for (int64_t end = mono_ms() + PATIENCE_MS;;) {
		int64_t took = trickle_once(s, start, drop, h);
		if (h->status == status) return took;
		if (mono_ms() > end) fail_msg("%d, not %d, for a trickling sender", h->status, status);
	}
}

/* A request that is kept, and its connection; another try where the server ended that before the request was sent. */
static struct http_request *send_to_be_kept(struct site *s, int *ret_fd) {
	static const char request[] = POST("/late", "Content-Length: 1\r\n", "x");
	for (int64_t end = mono_ms() + PATIENCE_MS; mono_ms() < end;) {
		struct http_request *r = NULL;
		int fd = dial(s);
		struct pollfd p = {.fd = fd, .events = POLLIN};
		(void)say(fd, request, sizeof request - 1);
		while (!(r = atomic_exchange(&s->kept, NULL)) && poll(&p, 1, 1) == 0) {
		}
		*ret_fd = fd;
		if (r) return r;
		close(fd);
	}
	fail_msg("no request was kept");
	return NULL;
}

static void ends_slow_senders(void **state) {
	struct site *s = *state;
	http_server_destroy(&s->server);
	struct http_options o = options(s);
	o.request_ms = 400;
	o.idle_ms = 600;
	open_site(s, o);
	struct heard h;
	int64_t took = trickle(s, POST("/echo", JSON "Content-Length: 60000\r\n", ""), "x", 408, &h);
	assert_non_null(strstr(h.body, "\"code\":\"request_timeout\""));
	assert_in_range(took, 300, PATIENCE_MS);
	trickle(s, "POST /echo HTTP/1.1\r\n", "X-A: b\r\n", 408, &h);
	/* no request line: nothing to answer */
	trickle(s, "POST /", "x", 0, &h);
	trickle(s, "", "\n", 0, &h);
	/* a kept request has no deadline of the server's; the connection's next one has */
	int fd = -1;
	struct http_request *r = send_to_be_kept(s, &fd);
	(void)trickle(s, POST("/echo", JSON "Content-Length: 60000\r\n", ""), "x", 408, &h);
	http_answer(r, &(struct http_answer){.status = 200});
	hear(fd, &h, true);
	assert_int_equal(h.status, 200);
	expect_end(fd); /* idle_ms */
	close(fd);
	assert_true(atomic_load(&s->answers[408]) >= 3);
	struct http_stat stat;
	http_server_stat(s->server, &stat);
	assert_true(stat.overdue >= 3);
}

static void ends_who_never_reads(void **state) {
	struct site *s = *state;
	http_server_destroy(&s->server);
	struct http_options o = options(s);
	o.request_ms = 300;
	open_site(s, o);
	int fd = dial(s);
	ask(fd, "GET /big HTTP/1.1\r\n" HOST "\r\n");
	struct http_stat stat;
	int64_t end = mono_ms() + PATIENCE_MS;
	do http_server_stat(s->server, &stat);
	while ((stat.overdue == 0 || stat.connections) && mono_ms() < end);
	assert_int_equal(stat.overdue, 1);
	assert_int_equal(stat.connections, 0);
	close(fd);
}

static void bounds_bodies_in_memory(void **state) {
	struct site *s = *state;
	http_server_destroy(&s->server);
	struct http_options o = options(s);
	o.bodies_max = 1000;
	open_site(s, o);
	int first = dial(s), second = dial(s);
	struct heard h;
	char request[2048];
	int n = snprintf(request, sizeof request, POST("/late", "Content-Length: 600\r\n", "%600d"), 1);
	assert_true(say(first, request, (size_t)n));
	struct http_request *r = wait_kept(s);
	assert_true(say(second, request, (size_t)n));
	hear(second, &h, true);
	assert_int_equal(h.status, 503);
	assert_non_null(strstr(h.body, "\"code\":\"overloaded\""));
	assert_non_null(strstr(h.head, "Retry-After: 1\r\n"));
	http_answer(r, &(struct http_answer){.status = 200});
	hear(first, &h, true);
	assert_int_equal(h.status, 200);
	/* and there is room again */
	assert_true(say(second, request, (size_t)n));
	http_answer(wait_kept(s), &(struct http_answer){.status = 200});
	hear(second, &h, true);
	assert_int_equal(h.status, 200);
	close(first);
	close(second);
}

static size_t anonymous_kib(void) {
	char line[256];
	size_t kib = 0;
	FILE *f = fopen("/proc/self/status", "r");
	assert_non_null(f);
	while (fgets(line, sizeof line, f))
		if (strncmp(line, "RssAnon:", 8) == 0) kib = strtoul(line + 8, NULL, 10);
	fclose(f);
	return kib;
}

/* Many large bodies are announced, and then arrive a few at a time: what is not in use must not stay resident. */
static void gives_back_the_memory_of_bodies(void **state) {
	struct site *s = *state;
	http_server_destroy(&s->server);
	struct http_options o = options(s);
	o.request_ms = 5 * PATIENCE_MS; /* the first are announced long before they arrive, on a slow machine */
	open_site(s, o);
	enum { CONNECTIONS = 128, AT_ONCE = 8 };
	int fds[CONNECTIONS];
	struct heard h;
	char *body = calloc(1, LARGE_MAX);
	char request[256];
	int n = snprintf(request, sizeof request, POST("/soon", "Content-Length: %zu\r\n", ""), LARGE_MAX);
	for (int round = 0; round < 2; round++) { /* the first makes the allocator believe that such sizes are common */
		size_t before = anonymous_kib();
		for (int i = 0; i < CONNECTIONS; i++) {
			fds[i] = dial(s);
			assert_true(say(fds[i], request, (size_t)n) && say(fds[i], body, 1));
		}
		for (int i = 0; i < CONNECTIONS; i += AT_ONCE) {
			for (int k = i; k < i + AT_ONCE; k++) assert_true(say(fds[k], body + 1, LARGE_MAX - 1));
			for (int k = i; k < i + AT_ONCE; k++) {
				hear(fds[k], &h, true);
				assert_int_equal(h.status, 200);
			}
		}
		size_t after = anonymous_kib();
		for (int i = 0; i < CONNECTIONS; i++) close(fds[i]);
		if (after > before + 32 * 1024) fail_msg("%zu KiB, and %zu after the bodies", before, after);
	}
	free(body);
}

enum { CROWD = 100 };
struct crowd {
	int fds[CROWD];
};

static void *all_ask(void *crowd) {
	struct crowd *c = crowd;
	static const char request[] = POST("/soon", "Content-Length: 1\r\n", "x");
	for (int i = 0; i < CROWD; i++) (void)say(c->fds[i], request, sizeof request - 1);
	return NULL;
}

/* What a handler has taken is answered, also when the request came just as the drain began. */
static void answers_what_it_took_when_drained(void **state) {
	struct site *s = *state;
	for (int round = 0; round < 20; round++) {
		struct crowd c;
		unsigned answered = 0;
		struct heard h;
		pthread_t thread;
		for (int i = 0; i < CROWD; i++) c.fds[i] = dial(s);
		atomic_store(&s->handled, 0);
		assert_int_equal(pthread_create(&thread, NULL, all_ask, &c), 0);
		while (atomic_load(&s->handled) < 20) {
		}
		assert_int_equal(http_server_drain(s->server, PATIENCE_MS), 0);
		pthread_join(thread, NULL);
		http_server_destroy(&s->server);
		for (int i = 0; i < CROWD; i++) {
			hear(c.fds[i], &h, true);
			answered += h.status == 200;
			close(c.fds[i]);
		}
		if (atomic_load(&s->handled) != answered)
			fail_msg("round %d: took %u, answered %u", round, atomic_load(&s->handled), answered);
		open_site(s, options(s));
	}
}

/* Whoever opens connections must not take the files that the journal, ZeroMQ and the admin port need: libzmq aborts
 * the process when it cannot accept. */
static void leaves_files_to_others(void **state) {
	struct site *s = *state;
	struct rlimit was, low;
	int fds[150];
	struct heard h;
	struct http_stat stat;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	http_server_destroy(&s->server);
	low = was;
	low.rlim_cur = 200;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	open_site(s, options(s));
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0); /* this client's own are not counted */
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) fds[i] = dial(s);
	int64_t end = mono_ms() + PATIENCE_MS;
	do http_server_stat(s->server, &stat);
	while (stat.connections < 100 && mono_ms() < end);
	assert_int_equal(stat.connections, 100);
	/* the others are served when there is room */
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		ask(fds[i], "GET /hello HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
		if (i < 100) continue;
		hear(fds[i - 100], &h, true);
		assert_int_equal(h.status, 200);
	}
	http_server_stat(s->server, &stat);
	assert_true(stat.connections <= 100);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) close(fds[i]);
}

static void *drain(void *site) {
	struct site *s = site;
	return (void *)http_server_drain(s->server, PATIENCE_MS);
}

static void drains(void **state) {
	struct site *s = *state;
	char endpoint[HTTP_ENDPOINT_MAX];
	snprintf(endpoint, sizeof endpoint, "%s", http_server_endpoint(s->server));
	int idle = dial(s), busy = dial(s);
	struct heard h;
	ask(idle, "GET /hello HTTP/1.1\r\n" HOST "\r\n");
	hear(idle, &h, true);
	ask(busy, POST("/late", "Content-Length: 1\r\n", "x"));
	struct http_request *r = wait_kept(s);
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, drain, s), 0);
	expect_end(idle);
	assert_int_equal(dial_quietly(endpoint), -1);
	http_answer(r, &(struct http_answer){.status = 200, .body = VIEW("done")});
	hear(busy, &h, true);
	assert_int_equal(h.status, 200);
	assert_non_null(strstr(h.head, "Connection: close"));
	expect_end(busy);
	void *left;
	pthread_join(thread, &left);
	assert_null(left);
	close(idle);
	close(busy);
}

/* Nobody answers: destroy does. */
static void leaves_nobody_waiting(void **state) {
	struct site *s = *state;
	int fd = dial(s);
	struct heard h;
	ask(fd, POST("/late", "Content-Length: 1\r\n", "x"));
	wait_kept(s);
	assert_int_equal(http_server_drain(s->server, 10), 1);
	http_server_destroy(&s->server);
	hear(fd, &h, true);
	assert_int_equal(h.status, 503);
	close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
	const struct CMUnitTest tests[] = {
		TEST(answers_late),
		TEST(survives_who_leaves),
		TEST(ends_slow_senders),
		TEST(ends_who_never_reads),
		TEST(bounds_bodies_in_memory),
		TEST(drains),
		TEST(gives_back_the_memory_of_bodies),
		TEST(answers_what_it_took_when_drained),
		TEST(leaves_files_to_others),
		TEST(leaves_nobody_waiting),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
