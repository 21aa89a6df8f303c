/* billing's way to the reconciler, whose part the test plays: it is away, it dies, and it comes back. */
#include "reconciler_link.h"

#include "support/again.h"
#include "support/served.h"

struct site {
	struct service service;
	struct keys keys;
	struct reconciler_link *link;
	void *context, *router; /* the reconciler's */
	char endpoint[ENDPOINT_MAX];
	unsigned done;
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

static int setup(void **state) {
	struct site *s = calloc(1, sizeof *s);
	assert_non_null(s);
	s->keys.service = &s->service;
	assert_int_equal(zcontext_create(&s->service.zmq, NULL), OK);
	(void)again_endpoint(s->endpoint);
	reconciler_comes(s);
	assert_int_equal(reconciler_link_create(s->service.zmq, &s->keys, s->endpoint, &s->link, NULL), OK);
	*state = s;
	return 0;
}

static int teardown(void **state) {
	struct site *s = *state;
	keys_unwatch(&s->keys);
	reconciler_link_destroy(&s->link);
	if (s->router) reconciler_dies(s);
	zcontext_destroy(&s->service.zmq);
	free(s);
	return 0;
}

static void count(void *ctx, enum reconcile_code code) {
	unsigned *done = ctx;
	assert_int_equal(code, RECONCILE_OK);
	++*done;
}

static enum error ask(struct site *s, const char *session, struct reconciler_asked **ret_asked) {
	return reconciler_link_ask(s->link, RECONCILE_SESSION, false, session, count, &s->done, ret_asked, NULL);
}

/* As soon as it is there. */
static struct reconciler_asked *ask_it(struct site *s, const char *session) {
	const int64_t deadline = test_ms() + PATIENCE_MS;
	struct reconciler_asked *asked = NULL;
	enum error e;
	while ((e = ask(s, session, &asked)) == ERR_UNAVAILABLE) {
		assert_true(test_ms() < deadline);
		(void)poll(NULL, 0, 1);
	}
	assert_int_equal(e, OK);
	return asked;
}

/* All that can be under way: when it is there, none of them is refused. */
static void ask_all(struct site *s, const char *session) {
	struct reconciler_asked *asked = ask_it(s, session);
	for (unsigned i = 1; i < RECONCILER_ASKED_MAX; i++) assert_int_equal(ask(s, session, &asked), OK);
	assert_int_equal(ask(s, session, &asked), ERR_OVERLOADED);
}

/* To a question about that one. */
static void answer(struct site *s, const char *session) {
	uint8_t bytes[RECONCILE_MESSAGE_MAX];
	struct served asked;
	struct reconcile_request q;
	struct reconcile_reply r = {.say = RECONCILE_SAYS_DONE};
	struct writer w = writer_of(bytes, sizeof bytes);
	assert_true(served_take(s->router, &asked));
	assert_int_equal(reconcile_request_read(asked.message, &q, &r.id, NULL), OK);
	assert_true(view_eq(q.fetch.id, view_str(session)));
	reconcile_reply_write(&w, &r);
	served_give(s->router, &asked, bytes, writer_view(&w).len, false);
}

static void await(struct site *s, unsigned done) {
	const int64_t deadline = test_ms() + PATIENCE_MS;
	while (s->done < done) {
		assert_true(test_ms() < deadline);
		reconciler_link_run(s->link);
		(void)poll(NULL, 0, 1);
	}
	assert_int_equal(s->done, done);
}

static void answers_outlive_who_gave_them(void **state) {
	struct site *s = *state;
	ask_all(s, "cs_1");
	for (unsigned i = 0; i < RECONCILER_ASKED_MAX; i++) answer(s, "cs_1");
	zmq_pollitem_t some = {.socket = reconciler_link_socket(s->link), .events = ZMQ_POLLIN};
	assert_int_equal(zmq_poll(&some, 1, PATIENCE_MS), 1);
	reconciler_dies(s);
	assert_true(again_connected(s->endpoint));
	await(s, RECONCILER_ASKED_MAX);
}

static void refuses_at_once(struct site *s) {
	struct reconciler_asked *asked = NULL;
	/* and each leaves room for the next */
	for (unsigned i = 0; i < 2 * RECONCILER_ASKED_MAX; i++)
		assert_int_equal(ask(s, "cs_none", &asked), ERR_UNAVAILABLE);
	assert_null(asked);
}

static void who_is_away_is_asked_nothing(void **state) {
	struct site *s = *state;
	(void)ask_it(s, "cs_1");
	answer(s, "cs_1");
	await(s, 1);
	reconciler_dies(s);
	assert_true(again_connected(s->endpoint));
	refuses_at_once(s);
	reconciler_comes(s);
	(void)ask_it(s, "cs_2");
	answer(s, "cs_2");
	await(s, 2);
}

static void what_one_did_not_answer_the_next_is_not_asked(void **state) {
	enum { ASKED = 10, ANSWERED = 4 };
	struct site *s = *state;
	struct reconciler_asked *asked[ASKED];
	struct served kept;
	for (unsigned i = 0; i < ASKED; i++) asked[i] = ask_it(s, "cs_1");
	for (unsigned i = 0; i < ANSWERED; i++) answer(s, "cs_1");
	for (unsigned i = ANSWERED; i < ASKED; i++) assert_true(served_take(s->router, &kept));
	reconciler_dies(s);
	assert_true(again_connected(s->endpoint));
	await(s, ANSWERED);
	refuses_at_once(s);
	for (unsigned i = ANSWERED; i < ASKED; i++) reconciler_link_forget(asked[i]); /* their deadlines */
	reconciler_comes(s);
	ask_all(s, "cs_2");
	for (unsigned i = 0; i < RECONCILER_ASKED_MAX; i++) answer(s, "cs_2");
	await(s, ANSWERED + RECONCILER_ASKED_MAX);
}

static void nobody_was_ever_there(void **state) {
	struct site *s = *state;
	struct reconciler_link *link = s->link;
	char at[64] = "ipc:///tmp/tiergate-nobody-is-here";
	assert_int_equal(reconciler_link_create(s->service.zmq, &s->keys, at, &s->link, NULL), OK);
	refuses_at_once(s);
	reconciler_link_run(s->link);
	reconciler_link_destroy(&s->link);
	s->link = link;
	(void)ask_it(s, "cs_1"); /* the other is as it was */
	answer(s, "cs_1");
	await(s, 1);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(answers_outlive_who_gave_them, setup, teardown),
		cmocka_unit_test_setup_teardown(who_is_away_is_asked_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(what_one_did_not_answer_the_next_is_not_asked, setup, teardown),
		cmocka_unit_test_setup_teardown(nobody_was_ever_there, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
