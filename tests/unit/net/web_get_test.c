/* The small client against the project's own server, and addresses that it does not ask. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <stdio.h>
#include <time.h>

#include "base/attr.h"
#include "net/http_server.h"
#include "net/web_get.h"

#define MOST 1000
#define PATIENCE_MS 60000

static void answer(void *ctx, struct http_request *r) {
	static const struct http_field away = {"Location", "/good"};
	static char large[MOST + 1];
	(void)ctx;
	struct view path = http_path(r);
	if (view_eq(path, VIEW("/good")))
		http_answer(r, &(struct http_answer){.status = 200, .body = VIEW("good")});
	else if (view_eq(path, VIEW("/empty")))
		http_answer(r, &(struct http_answer){.status = 200});
	else if (view_eq(path, VIEW("/large")))
		http_answer(r, &(struct http_answer){.status = 200, .body = view_of(large, sizeof large)});
	else if (view_eq(path, VIEW("/full")))
		http_answer(r, &(struct http_answer){.status = 200, .body = view_of(large, MOST)});
	else if (view_eq(path, VIEW("/moved")))
		http_answer(r, &(struct http_answer){.status = 302, .header_count = 1, .headers = &away});
	else if (view_eq(path, VIEW("/never")))
		http_keep(r); /* answered when the server goes */
	else
		http_answer(r, &(struct http_answer){.status = 404, .body = VIEW("no")});
}

static const struct http_route routes[] = {{.method = HTTP_GET, .path = "/*", .handle = answer}};

struct got {
	unsigned count;
	enum error error;
	size_t len;
	char body[16];
};

static void done(void *ctx, enum error e, struct view body, const struct problem *why) {
	struct got *g = ctx;
	g->count++;
	g->error = e;
	g->len = body.len;
	if (body.len && body.len < sizeof g->body) memcpy(g->body, body.ptr, body.len);
	assert_true(e == OK || problem_text(why)[0]);
}

static struct got get(struct web_get *w, const char *server, const char *path, int64_t deadline_ms) {
	struct got g = {0};
	char url[256];
	(void)snprintf(url, sizeof url, "http://%s%s", server, path);
	assert_int_equal(web_get_start(w, url, deadline_ms, done, &g, NULL), OK);
	assert_true(web_get_busy(w));
	assert_int_equal(web_get_start(w, url, deadline_ms, done, &g, NULL), ERR_OVERLOADED);
	while (!g.count) {
		struct pollfd p = {.fd = web_get_fd(w), .events = POLLIN};
		(void)poll(&p, 1, (int)web_get_wait_ms(w, 100));
		web_get_run(w);
	}
	assert_int_equal(g.count, 1);
	assert_false(web_get_busy(w));
	return g;
}

static void answers_of_all_kinds(void **unused) {
	(void)unused;
	struct http_server *s = NULL;
	struct web_get *w = NULL;
	const struct http_options o = {.listen = "127.0.0.1:0", .routes = routes, .route_count = 1};
	assert_int_equal(http_server_create(&o, &s, NULL), OK);
	assert_int_equal(web_get_create(MOST, &w, NULL), OK);
	const char *at = http_server_endpoint(s);
	for (int i = 0; i < 3; i++) {
		struct got g = get(w, at, "/good", PATIENCE_MS);
		assert_int_equal(g.error, OK);
		assert_memory_equal(g.body, "good", 4);
	}
	assert_int_equal(get(w, at, "/empty", PATIENCE_MS).error, OK);
	assert_int_equal(get(w, at, "/full", PATIENCE_MS).len, MOST);
	assert_int_equal(get(w, at, "/large", PATIENCE_MS).error, ERR_LIMIT);
	assert_int_equal(get(w, at, "/none", PATIENCE_MS).error, ERR_UNAVAILABLE);
	assert_int_equal(get(w, at, "/moved", PATIENCE_MS).error, ERR_UNAVAILABLE);
	assert_int_equal(get(w, at, "/never", 50).error, ERR_UNAVAILABLE);
	assert_int_equal(get(w, "127.0.0.1:1", "/", PATIENCE_MS).error, ERR_UNAVAILABLE);
	assert_int_equal(get(w, at, "/good", PATIENCE_MS).error, OK);
	/* given up */
	struct got g = {0};
	char url[128];
	(void)snprintf(url, sizeof url, "http://%s/never", at);
	assert_int_equal(web_get_start(w, url, PATIENCE_MS, done, &g, NULL), OK);
	web_get_destroy(&w);
	assert_int_equal(g.count, 0);
	web_get_destroy(&w);
	http_server_destroy(&s);
}

static void addresses(void **unused) {
	(void)unused;
	static const char *const good[] = {"https://a.example/jwks.json", "https://a.example:8443/x?y=z",
					   "http://127.0.0.1:1/x",        "http://localhost/x",
					   "http://[::1]:80/x",           "HTTPS://a.example"};
	static const char *const bad[] = {"",
					  "a.example",
					  "ftp://a.example",
					  "file:///etc/passwd",
					  "http://a.example/x",
					  "http://127.0.0.1.example/x",
					  "http://127.a/x",
					  "http://user@127.0.0.1/",
					  "https://user:word@a.example/",
					  "https:///x",
					  "https://",
					  "https://a example",
					  "https://a\n.example"};
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		if (web_url_check(good[i], NULL) != OK) fail_msg("%s is refused", good[i]);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (web_url_check(bad[i], NULL) != ERR_CONFIG) fail_msg("%s is taken", bad[i]);
}

int main(void) {
	const struct CMUnitTest tests[] = {cmocka_unit_test(answers_of_all_kinds), cmocka_unit_test(addresses)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
