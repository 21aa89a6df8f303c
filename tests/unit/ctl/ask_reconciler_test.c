/* `tiergate reconcile` and a reconciler, whose part the test plays: it is away, it dies, and it comes back. */
#include "ask_reconciler.h"

#include "support/again.h"
#include "support/served.h"

#define FOUND 300 /* libzmq looks at what its threads have told in every 100th call that receives */

struct site {
	struct call call;
	void *context, *router; /* the reconciler's */
	pthread_t thread;
	char endpoint[ENDPOINT_MAX];
	unsigned answers; /* before the last one, which comes when `ends` */
	bool ends;
	void (*then)(struct site *s); /* when the first was read */
	unsigned found;
};

static void reconciler_comes(struct site *s) {
	char at[ENDPOINT_MAX];
	memcpy(at, s->endpoint, sizeof at);
	served_open(&s->context, &s->router, at, s->endpoint);
}

static void reconciler_dies(struct site *s) {
	zsocket_close(&s->router);
	zcontext_destroy(&s->context);
}

static void give(struct site *s, const struct served *asked, const struct reconcile_reply *r) {
	uint8_t bytes[RECONCILE_MESSAGE_MAX];
	struct writer w = writer_of(bytes, sizeof bytes);
	reconcile_reply_write(&w, r);
	served_give(s->router, asked, bytes, writer_view(&w).len, false);
}

/* One pass. */
static void *serve(void *ctx) {
	struct site *s = ctx;
	struct served asked;
	if (!served_take(s->router, &asked)) return NULL;
	const struct reconcile_reply found = {
		.id = 1,
		.say = RECONCILE_SAYS_FOUND,
		.of.found = {.object = VIEW("customer"), .id = VIEW("cus_1"), .stripe = VIEW("a"), .store = VIEW("b")}};
	const struct reconcile_reply done = {.id = 1, .say = RECONCILE_SAYS_DONE, .of.done = {.differing = 7}};
	for (unsigned i = 0; i < s->answers; i++) give(s, &asked, &found);
	if (s->ends) give(s, &asked, &done);
	return NULL;
}

static int setup(void **state) {
	struct site *s = calloc(1, sizeof *s);
	assert_non_null(s);
	(void)again_endpoint(s->endpoint);
	reconciler_comes(s);
	char name[] = "tiergate", flag[] = "--reconciler", timeout[] = "--timeout", minute[] = "60s";
	char *argv[] = {name, flag, s->endpoint, timeout, minute, NULL}, *envp[] = {NULL};
	enum settings_wish wish;
	assert_int_equal(settings_read(verb_reconcile.table, ARRAY_LEN(argv) - 1, argv, envp, &s->call.s,
				       &s->call.settings, &wish, NULL),
			 OK);
	*state = s;
	return 0;
}

static int teardown(void **state) {
	struct site *s = *state;
	if (s->router) reconciler_dies(s);
	settings_destroy(&s->call.settings);
	free(s);
	return 0;
}

static void found(void *ctx, const struct reconcile_found *f) {
	struct site *s = ctx;
	assert_true(view_eq(f->id, VIEW("cus_1")));
	if (s->found++ == 0 && s->then) s->then(s);
}

static enum error pass(struct site *s, struct problem *why) {
	struct reconcile_done done = {0};
	const struct pass_wish wish = {.found = found, .ctx = s};
	enum error e = reconciler_pass(&s->call, &wish, &done, why);
	if (!e) assert_int_equal(done.differing, 7);
	return e;
}

static enum error served_pass(struct site *s, struct problem *why) {
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
	enum error e = pass(s, why);
	if (!s->then) (void)pthread_join(s->thread, NULL);
	return e;
}

static void says_at_once_that_nobody_is_there(void **state) {
	struct site *s = *state;
	struct problem why = {0};
	reconciler_dies(s);
	s->call.s.timeout_ms = 100;
	assert_int_equal(pass(s, &why), ERR_UNAVAILABLE);
	assert_non_null(strstr(why.text, "no reconciler at "));
}

static void goes(struct site *s) {
	(void)pthread_join(s->thread, NULL);
	reconciler_dies(s);
	assert_true(again_connected(s->endpoint));
}

static void answers_outlive_who_gave_them(void **state) {
	struct site *s = *state;
	struct problem why = {0};
	s->answers = FOUND;
	s->then = goes;
	assert_int_equal(served_pass(s, &why), ERR_UNAVAILABLE);
	assert_non_null(strstr(why.text, "no answer from a reconciler at "));
	assert_int_equal(s->found, FOUND);
	/* one that says all */
	s->ends = true;
	s->found = 0;
	reconciler_comes(s);
	assert_int_equal(served_pass(s, &why), OK);
	assert_int_equal(s->found, FOUND);
}

static void is_replaced(struct site *s) {
	goes(s);
	reconciler_comes(s);
}

/* Not after --wait: what was asked of one is not answered by the next, and it is not asked for a pass by itself. */
static void another_that_comes_owes_no_answer(void **state) {
	struct site *s = *state;
	struct problem why = {0};
	s->answers = 1;
	s->then = is_replaced;
	assert_int_equal(served_pass(s, &why), ERR_UNAVAILABLE);
	assert_non_null(strstr(why.text, "no answer from a reconciler at "));
	s->then = NULL;
	s->ends = true;
	assert_int_equal(served_pass(s, &why), OK);
	assert_int_equal(s->found, 2);
	zmq_pollitem_t more = {.socket = s->router, .events = ZMQ_POLLIN};
	assert_int_equal(zmq_poll(&more, 1, 0), 0);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(says_at_once_that_nobody_is_there, setup, teardown),
		cmocka_unit_test_setup_teardown(answers_outlive_who_gave_them, setup, teardown),
		cmocka_unit_test_setup_teardown(another_that_comes_owes_no_answer, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
