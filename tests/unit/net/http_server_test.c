/* The HTTP server over raw sockets: framing, deadlines, late answers, draining. */
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

#define BODY_MAX (64 * 1024)
#define BIG_ANSWER (16 * 1024 * 1024)
#define PATIENCE_MS 20000

/* ---- the server under test ----------------------------------------------------- */

struct site {
	struct http_server *server;
	_Atomic(struct http_request *) kept;
	atomic_uint handled;
	atomic_uint answers[600];
};

static void get_hello(void *ctx, struct http_request *r) {
	(void)ctx;
	http_answer(r, &(struct http_answer){.status = 200, .content_type = "text/plain", .body = VIEW("hello")});
}

/* "path method headers(X-Two) query(q) first value" */
static void get_facts(void *ctx, struct http_request *r) {
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

static void get_big(void *ctx, struct http_request *r) {
	(void)ctx;
	char *big = calloc(1, BIG_ANSWER);
	http_answer(r, &(struct http_answer){.status = 200, .body = view_of(big, BIG_ANSWER)});
	free(big);
}

static void post_echo(void *ctx, struct http_request *r) {
	struct site *s = ctx;
	atomic_fetch_add(&s->handled, 1);
	/* the scratch is fresh for each request of a connection */
	int *scratch = http_scratch(r);
	http_answer(r, &(struct http_answer){.status = *scratch ? 500 : 200,
					     .content_type = "application/octet-stream",
					     .body = http_body(r)});
	*scratch = 1;
}

static void post_late(void *ctx, struct http_request *r) {
	struct site *s = ctx;
	http_keep(r);
	atomic_store(&s->kept, r);
}

static void get_nothing(void *ctx, struct http_request *r) { (void)ctx, (void)r; }

static void count(void *ctx, unsigned status) {
	struct site *s = ctx;
	if (status < 600) atomic_fetch_add(&s->answers[status], 1);
}

static const struct http_route routes[] = {
	{.method = HTTP_GET, .path = "/hello", .handle = get_hello},
	{.method = HTTP_GET, .path = "/facts/*", .handle = get_facts},
	{.method = HTTP_GET, .path = "/big", .handle = get_big},
	{.method = HTTP_GET, .path = "/nothing", .handle = get_nothing},
	{HTTP_POST, "/echo", post_echo, BODY_MAX, "application/json"},
	{HTTP_POST, "/late", post_late, BODY_MAX, NULL},
	{.method = HTTP_GET, .path = "/late", .handle = get_hello},
};

static struct http_options options(struct site *s) {
	return (struct http_options){.listen = "127.0.0.1:0",
				     .routes = routes,
				     .route_count = ARRAY_LEN(routes),
				     .ctx = s,
				     .threads = 2,
				     .scratch_size = sizeof(int),
				     .on_answer = count};
}

static void open_site(struct site *s, struct http_options o) {
	struct problem why = {0};
	enum error e = http_server_create(&o, &s->server, &why);
	if (e) fail_msg("%s: %s", error_code(e), problem_text(&why));
}

static int setup(void **state) {
	struct site *s = calloc(1, sizeof *s);
	*state = s;
	open_site(s, options(s));
	return 0;
}

static int teardown(void **state) {
	struct site *s = *state;
	http_server_destroy(&s->server);
	assert_null(s->server);
	free(s);
	return 0;
}

/* ---- a client of bytes --------------------------------------------------------- */

static int64_t mono_ms(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int dial_quietly(const char *endpoint) {
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

static int dial(const struct site *s) {
	int fd = dial_quietly(http_server_endpoint(s->server));
	assert_true(fd >= 0);
	return fd;
}

/* False when the server closed. */
static bool say(int fd, const char *bytes, size_t n) {
	while (n) {
		ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);
		if (sent < 0) return false;
		bytes += sent;
		n -= (size_t)sent;
	}
	return true;
}
static void ask(int fd, const char *text) { assert_true(say(fd, text, strlen(text))); }

/* One byte, or -1 at the end of the stream. */
static int next_byte(int fd) {
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

static void hear(int fd, struct heard *h, bool has_body) {
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

static void expect_end(int fd) {
	while (next_byte(fd) >= 0) {
	}
}

static void expect(struct site *s, const char *request, int status, const char *code) {
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

/* ---- tests --------------------------------------------------------------------- */

static void answers_on_one_connection(void **state) {
	struct site *s = *state;
	int fd = dial(s);
	struct heard h;
	for (int i = 0; i < 3; i++) {
		ask(fd, "GET /hello HTTP/1.1\r\n" HOST "\r\n");
		hear(fd, &h, true);
		assert_int_equal(h.status, 200);
		assert_string_equal(h.body, "hello");
	}
	ask(fd, "HEAD /hello HTTP/1.1\r\n" HOST "\r\n");
	hear(fd, &h, false);
	assert_int_equal(h.status, 200);
	assert_non_null(strstr(h.head, "Content-Length: 5\r\n"));
	/* a refusal of a request without a body keeps the connection too */
	ask(fd, "GET /none HTTP/1.1\r\n" HOST "\r\nGET /hello HTTP/1.1\r\n" HOST "\r\n");
	hear(fd, &h, true);
	assert_int_equal(h.status, 404);
	hear(fd, &h, true);
	assert_int_equal(h.status, 200);
	close(fd);
}

static void says_what_was_asked(void **state) {
	struct site *s = *state;
	int fd = dial(s);
	struct heard h;
	ask(fd, "GET /facts/a%20b?q=1%262&q=3 HTTP/1.1\r\n" HOST "X-Two: one\r\nx-tWo: two\r\n\r\n");
	hear(fd, &h, true);
	assert_string_equal(h.body, "/facts/a b 0 2=one 2=1&2");
	assert_non_null(strstr(h.head, "X-More: yes\r\n"));
	close(fd);
}

static void refuses_wrong_routes(void **state) {
	struct site *s = *state;
	expect(s, "GET /none HTTP/1.1\r\n" HOST "\r\n", 404, "not_found");
	expect(s, "GET /facts HTTP/1.1\r\n" HOST "\r\n", 404, "not_found");
	expect(s, "GET /hello/ HTTP/1.1\r\n" HOST "\r\n", 404, "not_found");
	expect(s, "GET /hello%00x HTTP/1.1\r\n" HOST "\r\n", 400, "bad_request");
	expect(s, "GET /nothing HTTP/1.1\r\n" HOST "\r\n", 500, "internal");
	expect(s, POST("/none", JSON "Content-Length: 2\r\n", "{}"), 404, "not_found");
	int fd = dial(s);
	struct heard h;
	ask(fd, "DELETE /late HTTP/1.1\r\n" HOST "\r\n");
	hear(fd, &h, true);
	assert_int_equal(h.status, 405);
	assert_non_null(strstr(h.head, "Allow: POST, GET, HEAD\r\n"));
	ask(fd, "GET /echo HTTP/1.1\r\n" HOST "\r\n");
	hear(fd, &h, true);
	assert_int_equal(h.status, 405);
	assert_non_null(strstr(h.head, "Allow: POST\r\n"));
	close(fd);
}

static void refuses_wrong_framing(void **state) {
	struct site *s = *state;
	expect(s, POST("/echo", JSON, ""), 411, "length_required");
	expect(s, POST("/echo", JSON "Content-Length: 2\r\nContent-Length: 2\r\n", "{}"), 411, "length_required");
	expect(s, POST("/echo", JSON "Content-Length: 2\r\nContent-Length: 3\r\n", "{}"), 411, "length_required");
	expect(s, POST("/echo", JSON "Transfer-Encoding: chunked\r\n", "2\r\n{}\r\n0\r\n\r\n"), 411, "length_required");
	expect(s, POST("/echo", JSON "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", "2\r\n{}\r\n0\r\n\r\n"),
	       411, "length_required");
	expect(s, POST("/echo", JSON "Transfer-Encoding: identity\r\nContent-Length: 2\r\n", "{}"), 411,
	       "length_required");
	expect(s, POST("/echo", JSON "Transfer-Encoding: xchunked\r\nContent-Length: 2\r\n", "{}"), 411,
	       "length_required");
	expect(s, POST("/echo", JSON "Content-Length: 02\r\n", "{}"), 400, "bad_request");
	expect(s, POST("/echo", JSON "Content-Length: +2\r\n", "{}"), 400, NULL);
	expect(s, POST("/echo", JSON "Content-Length: 2, 2\r\n", "{}"), 400, NULL);
	expect(s, POST("/echo", JSON "Content-Length: 65537\r\n", ""), 413, "too_large");
	expect(s, POST("/echo", JSON "Content-Length: 18446744073709551615\r\n", ""), 413, NULL);
	expect(s, POST("/echo", "Content-Length: 2\r\n", "{}"), 415, "unsupported_media_type");
	expect(s, POST("/echo", "Content-Type: application/jsonx\r\nContent-Length: 2\r\n", "{}"), 415,
	       "unsupported_media_type");
	expect(s, POST("/echo", JSON JSON "Content-Length: 2\r\n", "{}"), 400, "bad_request");
	expect(s, POST("/echo", JSON "Host: y\r\nContent-Length: 2\r\n", "{}"), 400, "bad_request");
	expect(s, "GET /hello HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\n{}", 400, "bad_request");
	expect(s, "GET /hello HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411, "length_required");
	expect(s, "GET /hello HTTP/1.1\r\n\r\n", 400, NULL);
	assert_int_equal(atomic_load(&s->handled), 0);
	assert_int_equal(atomic_load(&s->answers[415]), 2);
	expect(s, POST("/echo", "content-type: Application/JSON; charset=utf-8\r\nContent-Length: 2\r\n", "{}"), 200,
	       NULL);
	expect(s, POST("/echo", JSON "Content-Length: 0\r\n", ""), 200, NULL);
}

/* A refused connection ends: the bytes after a refusal are never taken for a request. */
static void smuggles_nothing(void **state) {
	struct site *s = *state;
	int fd = dial(s);
	struct heard h;
	ask(fd, POST("/echo", JSON "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
		     "0\r\n\r\nPOST /echo HTTP/1.1\r\n" HOST JSON "Content-Length: 2\r\n\r\n{}"));
	hear(fd, &h, true);
	assert_int_equal(h.status, 411);
	assert_non_null(strstr(h.head, "Connection: close"));
	expect_end(fd);
	assert_int_equal(atomic_load(&s->handled), 0);
	close(fd);
}

static void bounds_headers(void **state) {
	struct site *s = *state;
	int fd = dial(s);
	struct heard h;
	ask(fd, "GET /hello HTTP/1.1\r\n" HOST);
	char line[1000];
	memset(line, 'a', sizeof line);
	memcpy(line, "X-Long: ", 8);
	memcpy(line + sizeof line - 2, "\r\n", 2);
	for (size_t sent = 0; sent < 2 * HTTP_HEADERS_MAX; sent += sizeof line)
		if (!say(fd, line, sizeof line)) break;
	hear(fd, &h, true);
	/* a reset may overtake the refusal */
	assert_true(h.status == 431 || h.status == 413 || h.status == 0);
	close(fd);
	expect(s, "GET /hello HTTP/1.1\r\n" HOST "\r\n", 200, NULL);
}

/* The refusal reaches a client that sends a large body before it listens. */
static void refuses_while_the_body_comes(void **state) {
	struct site *s = *state;
	size_t size = 1024 * 1024;
	char *body = calloc(1, size), head[256];
	for (int i = 0; i < 5; i++) {
		int fd = dial(s);
		struct heard h;
		snprintf(head, sizeof head, POST("/echo", JSON "Content-Length: %zu\r\n", ""), size);
		ask(fd, head);
		assert_true(say(fd, body, size));
		hear(fd, &h, true);
		assert_int_equal(h.status, 413);
		close(fd);
	}
	free(body);
}

static void takes_any_split(void **state) {
	struct site *s = *state;
	static const char request[] = POST("/echo", JSON "Content-Length: 12\r\n", "{\"a\": \"bcd\"}");
	size_t n = sizeof request - 1;
	int fd = dial(s);
	struct heard h;
	for (size_t i = 1; i < n; i++) {
		assert_true(say(fd, request, i));
		assert_true(say(fd, request + i, n - i));
		hear(fd, &h, true);
		assert_int_equal(h.status, 200);
		assert_string_equal(h.body, "{\"a\": \"bcd\"}");
	}
	for (size_t i = 0; i < n; i++) assert_true(say(fd, request + i, 1));
	hear(fd, &h, true);
	assert_int_equal(h.status, 200);
	assert_string_equal(h.body, "{\"a\": \"bcd\"}");
	close(fd);
}

static void takes_the_largest_body(void **state) {
	struct site *s = *state;
	static char body[BODY_MAX];
	struct heard *h = malloc(sizeof *h);
	for (size_t i = 0; i < sizeof body; i++) body[i] = (char)(i * 7 + i / 251);
	int fd = dial(s);
	char head[256];
	snprintf(head, sizeof head, POST("/echo", JSON "Content-Length: %zu\r\n", ""), sizeof body);
	ask(fd, head);
	assert_true(say(fd, body, sizeof body));
	hear(fd, h, true);
	assert_int_equal(h->status, 200);
	assert_memory_equal(h->body, body, sizeof body);
	close(fd);
	free(h);
}

static void answers_a_pipeline_in_order(void **state) {
	struct site *s = *state;
	int fd = dial(s);
	struct heard h;
	ask(fd, POST("/echo", JSON "Content-Length: 1\r\n", "1") POST("/echo", JSON "Content-Length: 1\r\n", "2")
			POST("/echo", JSON "Content-Length: 1\r\n", "3"));
	for (int i = 1; i <= 3; i++) {
		hear(fd, &h, true);
		assert_int_equal(h.status, 200);
		assert_int_equal(h.body[0], '0' + i);
	}
	close(fd);
}

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
static int64_t trickle(struct site *s, const char *start, const char *drop, struct heard *h) {
	int fd = dial(s);
	ask(fd, start);
	int64_t began = mono_ms();
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

static void ends_slow_senders(void **state) {
	struct site *s = *state;
	http_server_destroy(&s->server);
	struct http_options o = options(s);
	o.request_ms = 400;
	o.idle_ms = 600;
	open_site(s, o);
	struct heard h;
	int64_t took = trickle(s, POST("/echo", JSON "Content-Length: 60000\r\n", ""), "x", &h);
	assert_int_equal(h.status, 408);
	assert_non_null(strstr(h.body, "\"code\":\"request_timeout\""));
	assert_in_range(took, 300, PATIENCE_MS);
	trickle(s, "POST /echo HTTP/1.1\r\n", "X-A: b\r\n", &h);
	assert_int_equal(h.status, 408);
	/* no request line: nothing to answer */
	trickle(s, "POST /", "x", &h);
	assert_int_equal(h.status, 0);
	trickle(s, "", "\n", &h);
	assert_int_equal(h.status, 0);
	/* a kept request has no deadline of the server's; the connection's next one has */
	int fd = dial(s);
	ask(fd, POST("/late", "Content-Length: 1\r\n", "x"));
	struct http_request *r = wait_kept(s);
	took = trickle(s, POST("/echo", JSON "Content-Length: 60000\r\n", ""), "x", &h);
	http_answer(r, &(struct http_answer){.status = 200});
	hear(fd, &h, true);
	assert_int_equal(h.status, 200);
	expect_end(fd); /* idle_ms */
	close(fd);
	assert_int_equal(atomic_load(&s->answers[408]), 3);
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

static void listens_where_told(void **state) {
	struct site *s = *state;
	struct problem why;
	struct http_server *none = NULL;
	static const char *const bad[] = {"",
					  "8701",
					  "127.0.0.1",
					  "127.0.0.1:",
					  "127.0.0.1:x",
					  "127.0.0.1:65536",
					  "127.0.0.1:080",
					  "::1:80",
					  "no-such-host.invalid:80"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct http_options o = options(s);
		o.listen = bad[i];
		if (http_server_create(&o, &none, &why) != ERR_CONFIG) fail_msg("\"%s\" was accepted", bad[i]);
	}
	struct http_options o = options(s);
	o.listen = http_server_endpoint(s->server);
	assert_int_equal(http_server_create(&o, &none, &why), ERR_UNAVAILABLE);
	assert_non_null(strstr(why.text, o.listen));
	assert_null(none);
	http_server_destroy(&s->server);
	struct http_options six = options(s);
	six.listen = "[::1]:0";
	if (http_server_create(&six, &s->server, &why) == ERR_UNAVAILABLE) {
		print_message("no IPv6 here: skipped\n");
		return;
	}
	assert_int_equal(strncmp(http_server_endpoint(s->server), "[::1]:", 6), 0);
	expect(s, "GET /hello HTTP/1.1\r\n" HOST "\r\n", 200, NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
	const struct CMUnitTest tests[] = {
		TEST(answers_on_one_connection),
		TEST(says_what_was_asked),
		TEST(refuses_wrong_routes),
		TEST(refuses_wrong_framing),
		TEST(smuggles_nothing),
		TEST(bounds_headers),
		TEST(refuses_while_the_body_comes),
		TEST(takes_any_split),
		TEST(takes_the_largest_body),
		TEST(answers_a_pipeline_in_order),
		TEST(answers_late),
		TEST(survives_who_leaves),
		TEST(ends_slow_senders),
		TEST(ends_who_never_reads),
		TEST(bounds_bodies_in_memory),
		TEST(drains),
		TEST(leaves_nobody_waiting),
		TEST(listens_where_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
