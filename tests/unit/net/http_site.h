/* A site with one handler of each kind, and a client that speaks bytes. */
#ifndef TESTS_NET_HTTP_SITE_H
#define TESTS_NET_HTTP_SITE_H

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/parse.h"
#include "net/http_server.h"

#define BODY_MAX ((size_t)64 * 1024)
#define LARGE_MAX ((size_t)1 << 20)
#define BIG_ANSWER ((size_t)16 << 20)
#define PATIENCE_MS 60000

/* ---- the server under test ----------------------------------------------------- */

struct site {
	struct http_server *server;
	_Atomic(struct http_request *) kept;
	atomic_uint handled;
	atomic_uint answers[600];
};

static inline void get_hello(void *ctx, struct http_request *r) {
	(void)ctx;
	http_answer(r, &(struct http_answer){.status = 200, .content_type = "text/plain", .body = VIEW("hello")});
}

/* "path method headers(X-Two) query(q) first value" */
static inline void get_facts(void *ctx, struct http_request *r) {
	(void)ctx;
	struct view two = VIEW("-"), q = VIEW("-");
	unsigned twos = http_header(r, "x-two", &two), qs = http_query(r, "q", &q);
	char text[256];
	int n = snprintf(text, sizeof text, "%.*s %d %u=%.*s %u=%.*s", VIEW_FMT(http_path(r)), http_method(r), twos,
			 VIEW_FMT(two), qs, VIEW_FMT(q));
	http_answer(r, &(struct http_answer){.status = 200,
					     .content_type = "text/plain",
					     .body = view_of(text, (size_t)n),
					     .header_count = 1,
					     .headers = &(struct http_field){"X-More", "yes"}});
}

static inline void get_query(void *ctx, struct http_request *r) {
	(void)ctx;
	http_answer(r, &(struct http_answer){.status = 200, .body = http_query_string(r)});
}

static inline void get_big(void *ctx, struct http_request *r) {
	(void)ctx;
	char *big = calloc(1, BIG_ANSWER);
	http_answer(r, &(struct http_answer){.status = 200, .body = view_of(big, BIG_ANSWER)});
	free(big);
}

static inline void post_echo(void *ctx, struct http_request *r) {
	struct site *s = ctx;
	atomic_fetch_add(&s->handled, 1);
	/* the scratch is fresh for each request of a connection */
	int *scratch = http_scratch(r);
	http_answer(r, &(struct http_answer){.status = *scratch ? 500 : 200,
					     .content_type = "application/octet-stream",
					     .body = http_body(r)});
	*scratch = 1;
}

static inline void post_late(void *ctx, struct http_request *r) {
	struct site *s = ctx;
	http_keep(r);
	atomic_store(&s->kept, r);
}

static inline void post_refuse(void *ctx, struct http_request *r) {
	(void)ctx;
	http_answer_problem(r, &(struct http_problem){.error = ERR_BAD_SIGNATURE});
}

/* Kept and answered at once, as a fast committer does. */
static inline void post_soon(void *ctx, struct http_request *r) {
	struct site *s = ctx;
	atomic_fetch_add(&s->handled, 1);
	http_keep(r);
	http_answer(r, &(struct http_answer){.status = 200});
}

static inline void get_nothing(void *ctx, struct http_request *r) { (void)ctx, (void)r; }

static inline void count(void *ctx, unsigned status) {
	struct site *s = ctx;
	if (status < 600) atomic_fetch_add(&s->answers[status], 1);
}

static const struct http_route routes[] = {
	{.method = HTTP_GET, .path = "/hello", .handle = get_hello},
	{.method = HTTP_GET, .path = "/facts/*", .handle = get_facts},
	{.method = HTTP_GET, .path = "/query", .handle = get_query},
	{.method = HTTP_GET, .path = "/big", .handle = get_big},
	{.method = HTTP_GET, .path = "/nothing", .handle = get_nothing},
	{HTTP_POST, "/echo", post_echo, BODY_MAX, "application/json"},
	{HTTP_POST, "/soon", post_soon, LARGE_MAX, NULL},
	{HTTP_POST, "/refuse", post_refuse, BODY_MAX, "application/json"},
	{HTTP_POST, "/late", post_late, BODY_MAX, NULL},
	{.method = HTTP_GET, .path = "/late", .handle = get_hello},
};

static inline struct http_options options(struct site *s) {
	return (struct http_options){.listen = "127.0.0.1:0",
				     .routes = routes,
				     .route_count = ARRAY_LEN(routes),
				     .ctx = s,
				     .threads = 2,
				     .scratch_size = sizeof(int),
				     .on_answer = count};
}

static inline void open_site(struct site *s, struct http_options o) {
	struct problem why = {0};
	enum error e = http_server_create(&o, &s->server, &why);
	if (e) fail_msg("%s: %s", error_code(e), problem_text(&why));
}

static inline int setup(void **state) {
	struct site *s = calloc(1, sizeof *s);
	*state = s;
	open_site(s, options(s));
	return 0;
}

static inline int teardown(void **state) {
	struct site *s = *state;
	http_server_destroy(&s->server);
	assert_null(s->server);
	free(s);
	return 0;
}

/* ---- a client of bytes --------------------------------------------------------- */

static inline int64_t mono_ms(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static inline int dial_quietly(const char *endpoint) {
	char host[HTTP_ENDPOINT_MAX];
	snprintf(host, sizeof host, "%s", endpoint);
	char *port = strrchr(host, ':');
	*port++ = 0;
	char *h = host;
	if (*h == '[') h++, port[-2] = 0;
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST}, *a;
	assert_int_equal(getaddrinfo(h, port, &hints, &a), 0);
	int fd = socket(a->ai_family, SOCK_STREAM, 0);
	int on = 1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	int rc = connect(fd, a->ai_addr, a->ai_addrlen);
	freeaddrinfo(a);
	if (rc == 0) return fd;
	close(fd);
	return -1;
}

static inline int dial(const struct site *s) {
	int fd = dial_quietly(http_server_endpoint(s->server));
	assert_true(fd >= 0);
	return fd;
}

/* False when the server closed. */
static inline bool say(int fd, const char *bytes, size_t n) {
	while (n) {
		ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);
		if (sent < 0) return false;
		bytes += sent;
		n -= (size_t)sent;
	}
	return true;
}
static inline void ask(int fd, const char *text) { assert_true(say(fd, text, strlen(text))); }

/* One byte, or -1 at the end of the stream. */
static inline int next_byte(int fd) {
	struct pollfd p = {.fd = fd, .events = POLLIN};
	if (poll(&p, 1, PATIENCE_MS) != 1) fail_msg("the server said nothing for %d ms", PATIENCE_MS);
	unsigned char c;
	ssize_t n = recv(fd, &c, 1, 0);
	return n == 1 ? c : -1;
}

struct heard {
	int status; /* 0: the connection ended before a whole answer */
	char head[4096];
	char body[BODY_MAX + 1];
	size_t len;
};

static inline void hear(int fd, struct heard *h, bool has_body) {
	size_t n = 0;
	memset(h, 0, sizeof *h);
	while (n < sizeof h->head - 1) {
		int c = next_byte(fd);
		if (c < 0) return;
		h->head[n++] = (char)c;
		if (n >= 4 && memcmp(h->head + n - 4, "\r\n\r\n", 4) == 0) break;
	}
	const char *length = strstr(h->head, "Content-Length: ");
	size_t want = length && has_body ? strtoul(length + 16, NULL, 10) : 0;
	assert_true(want <= BODY_MAX);
	while (h->len < want) {
		int c = next_byte(fd);
		if (c < 0) return;
		h->body[h->len++] = (char)c;
	}
	assert_int_equal(strncmp(h->head, "HTTP/1.1 ", 9), 0);
	h->status = (int)strtol(h->head + 9, NULL, 10);
}

static inline void expect_end(int fd) {
	while (next_byte(fd) >= 0) {
	}
}

static inline void expect(struct site *s, const char *request, int status, const char *code) {
	int fd = dial(s);
	struct heard h;
	ask(fd, request);
	hear(fd, &h, true);
	if (h.status != status) fail_msg("%d, not %d, for %s", h.status, status, request);
	if (code) {
		char want[128];
		snprintf(want, sizeof want, "\"code\":\"%s\"", code);
		if (!strstr(h.body, want)) fail_msg("%s has no %s", h.body, want);
		assert_non_null(strstr(h.head, "Content-Type: application/problem+json"));
		snprintf(want, sizeof want, "\"status\":%d", status);
		assert_non_null(strstr(h.body, want));
	}
	close(fd);
}

#define HOST "Host: x\r\n"
#define JSON "Content-Type: application/json\r\n"
#define POST(path, headers, body) "POST " path " HTTP/1.1\r\n" HOST headers "\r\n" body

#endif
