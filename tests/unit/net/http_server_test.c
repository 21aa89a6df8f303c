/* The HTTP server over raw sockets: routes and framing. */
#include "http_site.h"

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

static void keeps_the_query_for_who_asks(void **state) {
	struct site *plain = *state, *s = calloc(1, sizeof *s);
	struct http_options o = options(s);
	o.keep_query = true;
	open_site(s, o);
	int fd = dial(s);
	struct heard h;
	ask(fd, "GET /query?a[b]=c%26d&e=f+g&&=? HTTP/1.1\r\n" HOST "\r\n");
	hear(fd, &h, true);
	assert_string_equal(h.body, "a[b]=c%26d&e=f+g&&=?");
	/* the next request on the connection has none */
	ask(fd, "GET /query HTTP/1.1\r\n" HOST "\r\n");
	hear(fd, &h, true);
	assert_string_equal(h.body, "");
	close(fd);
	http_server_destroy(&s->server);
	free(s);
	fd = dial(plain);
	ask(fd, "GET /query?a=b HTTP/1.1\r\n" HOST "\r\n");
	hear(fd, &h, true);
	assert_string_equal(h.body, "");
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
	expect(s, POST("/echo", JSON "Content-Length: 2\r\nTransfer-Encoding : chunked\r\n", "{}"), 400, "bad_request");
	expect(s, POST("/echo", JSON "Content-Length: 2\r\nTransfer-Encoding\t: chunked\r\n", "{}"), 400,
	       "bad_request");
	expect(s, POST("/echo", JSON "Content-Length: 2\r\nContent-Length : 3\r\n", "{}"), 400, "bad_request");
	expect(s, POST("/echo", JSON "Content-Length: 2\r\nTransfer-Encoding:\r\n chunked\r\n", "{}"), 400,
	       "bad_request");
	expect(s, POST("/echo", JSON "Content-Length: 2\r\nX: y\r\n\tTransfer-Encoding: chunked\r\n", "{}"), 400,
	       "bad_request");
	expect(s, POST("/echo", JSON "Content-Length: 2\r\nContent-Length: 2\r\n 3\r\n", "{}"), 400, "bad_request");
	expect(s, POST("/echo", JSON "Content-Length: 2\r\nX: y\rTransfer-Encoding: chunked\r\n", "{}"), 400,
	       "bad_request");
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

/* libmicrohttpd takes a line that begins with a colon for the end of the headers. Whoever relays it sees the next
 * line as a header, so the bytes after such a refused body must not become a request. */
static void ends_after_a_refused_body(void **state) {
	struct site *s = *state;
	int fd = dial(s);
	struct heard h;
	ask(fd, POST("/refuse", JSON "Content-Length: 4\r\n: x\r\n",
		     "{}POST /echo HTTP/1.1\r\n" HOST JSON "Content-Length: 2\r\n\r\n{}"));
	hear(fd, &h, true);
	assert_int_equal(h.status, 400);
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
	line[6] = ':';
	line[sizeof line - 2] = '\r';
	line[sizeof line - 1] = '\n';
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
	size_t size = (size_t)1 << 20;
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
		TEST(answers_on_one_connection), TEST(says_what_was_asked),    TEST(keeps_the_query_for_who_asks),
		TEST(refuses_wrong_routes),      TEST(refuses_wrong_framing),  TEST(smuggles_nothing),
		TEST(ends_after_a_refused_body), TEST(bounds_headers),         TEST(refuses_while_the_body_comes),
		TEST(takes_any_split),           TEST(takes_the_largest_body), TEST(answers_a_pipeline_in_order),
		TEST(listens_where_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
