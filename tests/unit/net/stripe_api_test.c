#include "net/stripe_api.h"

#include <jansson.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "net/http_server.h"

#define KEY "sk_test_0123456789secret"
#define PATIENCE_MS 60000
#define DATE "Sun, 06 Nov 1994 08:49:37 GMT"
#define DATE_S 784111777

/* ---- the other side ------------------------------------------------------------------ */

struct site {
	struct http_server *server;
	struct stripe_api *api;
	char base[160];
	_Atomic(struct http_request *) kept;
};

static void answer(struct http_request *r, unsigned status, const char *body, const char *name, const char *value) {
	const struct http_field headers[] = {{"Date", DATE}, {"Request-Id", "req_1"}, {name, value}};
	http_answer(r, &(struct http_answer){.status = status,
					     .content_type = "application/json",
					     .body = view_str(body),
					     .header_count = name ? 3 : 2,
					     .headers = headers});
}

/* What it got, said back as JSON. */
static void on_echo(void *ctx, struct http_request *r) {
	(void)ctx;
	static const char *const names[] = {"authorization", "stripe-version",  "stripe-account",
					    "content-type",  "idempotency-key", "expect"};
	json_t *o = json_object();
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct view v = VIEW_NONE;
		if (http_header(r, names[i], &v)) json_object_set_new(o, names[i], json_stringn(v.ptr, v.len));
	}
	struct view q = VIEW_NONE, body = http_body(r);
	if (http_query(r, "expand[]", &q)) json_object_set_new(o, "expand", json_stringn(q.ptr, q.len));
	json_object_set_new(o, "body", json_stringn(body.len ? body.ptr : "", body.len));
	char *text = json_dumps(o, 0);
	answer(r, 200, text, NULL, NULL);
	free(text);
	json_decref(o);
}

/* /v1/status/NNN */
static void on_status(void *ctx, struct http_request *r) {
	(void)ctx;
	unsigned status = (unsigned)strtoul(strrchr(http_path(r).ptr, '/') + 1, NULL, 10);
	answer(r, status, "{\"error\":{\"type\":\"api_error\",\"code\":\"some_code\",\"message\":\"secret " KEY "\"}}",
	       status == 429 ? "Retry-After" : NULL, "7");
}

static void on_big(void *ctx, struct http_request *r) {
	(void)ctx;
	char text[4096];
	memset(text, ' ', sizeof text);
	text[0] = '[', text[sizeof text - 2] = ']', text[sizeof text - 1] = 0;
	answer(r, 200, text, NULL, NULL);
}

static void on_text(void *ctx, struct http_request *r) {
	(void)ctx;
	answer(r, 200, "<html>", NULL, NULL);
}

static void on_late(void *ctx, struct http_request *r) {
	struct site *s = ctx;
	http_keep(r);
	atomic_store(&s->kept, r);
}

static const struct http_route routes[] = {
	{.method = HTTP_GET, .path = "/v1/echo", .handle = on_echo},
	{HTTP_POST, "/v1/echo", on_echo, 4096, NULL},
	{.method = HTTP_GET, .path = "/v1/status/*", .handle = on_status},
	{.method = HTTP_GET, .path = "/v1/big", .handle = on_big},
	{.method = HTTP_GET, .path = "/v1/text", .handle = on_text},
	{.method = HTTP_GET, .path = "/v1/late", .handle = on_late},
};

static void open_api(struct site *s, struct stripe_api_options o) {
	struct problem why = {0};
	o.base = o.base ? o.base : s->base;
	o.key = VIEW(KEY);
	stripe_api_destroy(&s->api);
	if (stripe_api_create(&o, &s->api, &why)) fail_msg("%s", problem_text(&why));
}

static int setup(void **state) {
	struct site *s = calloc(1, sizeof *s);
	struct problem why = {0};
	const struct http_options o = {
		.listen = "127.0.0.1:0", .routes = routes, .route_count = ARRAY_LEN(routes), .ctx = s};
	*state = s;
	if (http_server_create(&o, &s->server, &why)) fail_msg("%s", problem_text(&why));
	(void)snprintf(s->base, sizeof s->base, "http://%s/", http_server_endpoint(s->server));
	open_api(s, (struct stripe_api_options){0});
	return 0;
}

static int teardown(void **state) {
	struct site *s = *state;
	stripe_api_destroy(&s->api);
	assert_null(s->api);
	http_server_destroy(&s->server);
	free(s);
	return 0;
}

/* ---- asking ----------------------------------------------------------------------------- */

struct got {
	unsigned answers;
	struct stripe_answer answer; /* body is a reference of its own, the texts are below */
	char why[256], request_id[64];
};

static void take(void *ctx, const struct stripe_answer *a) {
	struct got *g = ctx;
	g->answers++;
	json_decref(g->answer.body);
	g->answer = *a;
	json_incref(g->answer.body);
	(void)snprintf(g->why, sizeof g->why, "%s", a->why);
	(void)snprintf(g->request_id, sizeof g->request_id, "%s", a->request_id);
}

static int64_t mono_ms(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void run_until(struct site *s, const struct got *g, unsigned answers) {
	int64_t give_up = mono_ms() + PATIENCE_MS;
	while (g->answers < answers) {
		assert_true(mono_ms() < give_up);
		struct pollfd p = {.fd = stripe_api_fd(s->api), .events = POLLIN};
		(void)poll(&p, 1, (int)stripe_api_wait_ms(s->api, 1000));
		stripe_api_run(s->api);
	}
}

static void call(struct site *s, struct stripe_call c, struct got *g) {
	struct problem why = {0};
	c.done = take;
	c.ctx = g;
	if (stripe_api_call(s->api, &c, &why)) fail_msg("%s", problem_text(&why));
}

static struct got ask(struct site *s, struct stripe_call c) {
	struct got g = {0};
	call(s, c, &g);
	run_until(s, &g, 1);
	assert_int_equal(stripe_api_in_flight(s->api), 0);
	/* whatever happens, the key is in no sentence */
	assert_null(strstr(g.why, KEY));
	return g;
}

static const char *text_of(const struct got *g, const char *key) {
	const char *text = json_string_value(json_object_get(g->answer.body, key));
	return text ? text : "(none)";
}

/* ---- tests --------------------------------------------------------------------------------- */

static void what_a_request_carries(void **state) {
	struct site *s = *state;
	struct got g = ask(s, (struct stripe_call){.path = "/v1/echo?expand%5B%5D=data.x", .account = VIEW("acct_1")});
	assert_int_equal(g.answer.outcome, STRIPE_OK);
	assert_string_equal(text_of(&g, "authorization"), "Bearer " KEY);
	assert_string_equal(text_of(&g, "stripe-version"), "2026-09-30.endive");
	assert_string_equal(text_of(&g, "stripe-account"), "acct_1");
	assert_string_equal(text_of(&g, "expand"), "data.x");
	assert_string_equal(text_of(&g, "expect"), "(none)");
	assert_string_equal(g.request_id, "req_1");
	json_decref(g.answer.body);

	g = ask(s,
		(struct stripe_call){
			.post = true, .path = "/v1/echo", .form = VIEW("a=b&c%5Bd%5D=e"), .idempotency_key = "once-1"});
	assert_string_equal(text_of(&g, "body"), "a=b&c%5Bd%5D=e");
	assert_string_equal(text_of(&g, "content-type"), "application/x-www-form-urlencoded");
	assert_string_equal(text_of(&g, "idempotency-key"), "once-1");
	assert_string_equal(text_of(&g, "stripe-account"), "(none)");
	json_decref(g.answer.body);
}

static void outcomes(void **state) {
	struct site *s = *state;
	static const struct {
		const char *path;
		enum stripe_outcome outcome;
		const char *why;
	} cases[] = {
		{"/v1/status/200", STRIPE_OK, ""},
		{"/v1/status/401", STRIPE_REFUSED, "HTTP 401: api_error some_code"},
		{"/v1/status/403", STRIPE_REFUSED, "HTTP 403: api_error some_code"},
		{"/v1/status/404", STRIPE_MISSING, "HTTP 404: api_error some_code"},
		{"/v1/status/429", STRIPE_LIMITED, "HTTP 429: api_error some_code"},
		{"/v1/status/400", STRIPE_INVALID, "HTTP 400: api_error some_code"},
		{"/v1/status/402", STRIPE_INVALID, "HTTP 402: api_error some_code"},
		{"/v1/status/500", STRIPE_SERVER, "HTTP 500: api_error some_code"},
		{"/v1/status/302", STRIPE_MALFORMED, "HTTP 302: api_error some_code"},
		{"/v1/text", STRIPE_MALFORMED, "the answer is not JSON"},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct got g = ask(s, (struct stripe_call){.path = cases[i].path});
		assert_int_equal(g.answer.outcome, cases[i].outcome);
		assert_string_equal(g.why, cases[i].why);
		assert_int_equal(g.answer.retry_after_ms, cases[i].outcome == STRIPE_LIMITED ? 7000 : 0);
		json_decref(g.answer.body);
	}
	assert_true(stripe_outcome_passes(STRIPE_LIMITED) && stripe_outcome_passes(STRIPE_UNREACHABLE));
	assert_false(stripe_outcome_passes(STRIPE_REFUSED) || stripe_outcome_passes(STRIPE_MISSING));
}

/* Date, less one, less the whole seconds that the request took. */
static void the_second_of_an_answer(void **state) {
	struct site *s = *state;
	struct got g = ask(s, (struct stripe_call){.path = "/v1/status/200"});
	assert_int_equal(g.answer.date, DATE_S);
	assert_int_equal(g.answer.second, DATE_S - 1 - g.answer.took_us / 1000000);
	json_decref(g.answer.body);

	/* the answer is held back until more than a second has passed */
	g = (struct got){0};
	call(s, (struct stripe_call){.path = "/v1/late"}, &g);
	int64_t since = mono_ms();
	while (!atomic_load(&s->kept) || mono_ms() - since < 1400) {
		struct pollfd p = {.fd = stripe_api_fd(s->api), .events = POLLIN};
		(void)poll(&p, 1, 10);
		stripe_api_run(s->api);
	}
	answer(atomic_exchange(&s->kept, NULL), 200, "{}", NULL, NULL);
	run_until(s, &g, 1);
	assert_true(g.answer.took_us >= 1100000);
	assert_int_equal(g.answer.second, DATE_S - 1 - g.answer.took_us / 1000000);
	json_decref(g.answer.body);
}

static void an_answer_is_bounded(void **state) {
	struct site *s = *state;
	open_api(s, (struct stripe_api_options){.answer_max = 4095});
	struct got g = ask(s, (struct stripe_call){.path = "/v1/big"});
	assert_int_equal(g.answer.outcome, STRIPE_OK);
	json_decref(g.answer.body);
	open_api(s, (struct stripe_api_options){.answer_max = 4094});
	g = ask(s, (struct stripe_call){.path = "/v1/big"});
	assert_int_equal(g.answer.outcome, STRIPE_MALFORMED);
	assert_string_equal(g.why, "the answer is larger than it may be");
}

static void deadline_and_nobody_there(void **state) {
	struct site *s = *state;
	open_api(s, (struct stripe_api_options){.deadline_ms = 100});
	struct got g = ask(s, (struct stripe_call){.path = "/v1/late"});
	assert_int_equal(g.answer.outcome, STRIPE_UNREACHABLE);
	assert_true(g.why[0] != '\0');
	assert_int_equal(g.answer.second, 0);
	http_server_destroy(&s->server);
	g = ask(s, (struct stripe_call){.path = "/v1/echo"});
	assert_int_equal(g.answer.outcome, STRIPE_UNREACHABLE);
}

static void many_at_a_time_and_no_more(void **state) {
	struct site *s = *state;
	struct got g = {0};
	struct problem why = {0};
	open_api(s, (struct stripe_api_options){.concurrency = 3});
	for (int i = 0; i < 3; i++) call(s, (struct stripe_call){.path = "/v1/echo"}, &g);
	struct stripe_call more = {.path = "/v1/echo", .done = take, .ctx = &g};
	assert_int_equal(stripe_api_call(s->api, &more, &why), ERR_OVERLOADED);
	assert_int_equal(stripe_api_in_flight(s->api), 3);
	run_until(s, &g, 3);
	/* one after the other over the connections that are there */
	for (unsigned i = 0; i < 50; i++) {
		call(s, (struct stripe_call){.path = "/v1/echo"}, &g);
		run_until(s, &g, 4 + i);
	}
	struct http_stat stat;
	http_server_stat(s->server, &stat);
	assert_in_range(stat.connections, 1, 3);
	json_decref(g.answer.body);
}

/* What is under way when the client is destroyed is given up without a word. */
static void ends_in_the_middle(void **state) {
	struct site *s = *state;
	struct got g = {0};
	for (int i = 0; i < 5; i++) call(s, (struct stripe_call){.path = i ? "/v1/late" : "/v1/echo"}, &g);
	stripe_api_run(s->api);
	unsigned before = g.answers;
	stripe_api_destroy(&s->api);
	assert_int_equal(g.answers, before);
	json_decref(g.answer.body);
}

static void calls_that_are_none(void **state) {
	struct site *s = *state;
	struct problem why = {0};
	struct got g = {0};
	static const struct stripe_call bad[] = {
		{.path = ""},
		{.path = "v1/x"},
		{.path = "/v1/a b"},
		{.path = "/v1/x", .account = VIEW_INIT("acct\r\nX: y")},
		{.post = true, .path = "/v1/x", .idempotency_key = "a\nb"},
	};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct stripe_call c = bad[i];
		c.done = take;
		c.ctx = &g;
		assert_int_equal(stripe_api_call(s->api, &c, &why), ERR_BAD_REQUEST);
	}
	assert_int_equal(stripe_api_in_flight(s->api), 0);
}

static void bases_and_keys(void **state) {
	(void)state;
	static const char *const good[] = {"https://api.stripe.com", "https://api.stripe.com/", "https://x:8443",
					   "http://127.0.0.1:12111", "http://localhost:1/",     "http://[::1]:80"};
	static const char *const bad[] = {"",
					  "api.stripe.com",
					  "http://api.stripe.com",
					  "http://127.0.0.1.evil.example@x",
					  "http://127.0.0.1.evil.example",
					  "http://127.evil.example",
					  "https://api.stripe.com/v1",
					  "https://u:p@api.stripe.com",
					  "https://api.stripe.com?x",
					  "ftp://127.0.0.1"};
	for (size_t i = 0; i < ARRAY_LEN(good); i++) assert_int_equal(stripe_base_check(good[i], NULL), OK);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) assert_int_equal(stripe_base_check(bad[i], NULL), ERR_CONFIG);

	struct problem why = {0};
	bool livemode = true;
	assert_int_equal(stripe_key_mode(VIEW("rk_test_x"), &livemode, NULL), OK);
	assert_false(livemode);
	assert_int_equal(stripe_key_mode(VIEW("sk_live_x"), &livemode, NULL), OK);
	assert_true(livemode);
	static const char *const no_keys[] = {"", "sk_live_", "pk_live_abc", "whsec_abc", "sk_live_a b", "sk_live_a\n"};
	for (size_t i = 0; i < ARRAY_LEN(no_keys); i++)
		assert_int_equal(stripe_key_mode(view_str(no_keys[i]), &livemode, &why), ERR_CONFIG);
	assert_int_equal(stripe_key_mode(VIEW("pk_live_abcdefgh"), &livemode, &why), ERR_CONFIG);
	assert_null(strstr(why.text, "abcdefgh"));
}

/* What comes back need not be from Stripe. */
static void http_to_another_host_is_refused(void **state) {
	(void)state;
	struct stripe_api *api = NULL;
	struct problem why = {0};
	struct stripe_api_options o = {.base = "http://example.com", .key = VIEW(KEY)};
	assert_int_equal(stripe_api_create(&o, &api, &why), ERR_CONFIG);
	assert_null(api);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_a_request_carries, setup, teardown),
		cmocka_unit_test_setup_teardown(outcomes, setup, teardown),
		cmocka_unit_test_setup_teardown(the_second_of_an_answer, setup, teardown),
		cmocka_unit_test_setup_teardown(an_answer_is_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(deadline_and_nobody_there, setup, teardown),
		cmocka_unit_test_setup_teardown(many_at_a_time_and_no_more, setup, teardown),
		cmocka_unit_test_setup_teardown(ends_in_the_middle, setup, teardown),
		cmocka_unit_test_setup_teardown(calls_that_are_none, setup, teardown),
		cmocka_unit_test(bases_and_keys),
		cmocka_unit_test(http_to_another_host_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
