/* The reconciler's way to the journal, whose part the test plays: it is away, it dies, and it comes back. */
#include "journal_link.h"

#include "support/again.h"
#include "support/served.h"

struct site {
	struct service service;
	struct keys keys;
	struct journal_link *link;
	void *context, *router; /* the journal's */
	char endpoint[ENDPOINT_MAX];
	unsigned done, records;
	int64_t now;   /* the link's clock */
	uint64_t from; /* what is asked */
};

static void journal_comes(struct site *s) {
	char at[ENDPOINT_MAX];
	memcpy(at, s->endpoint, sizeof at);
	served_open(&s->context, &s->router, at, s->endpoint);
}

static void journal_dies(struct site *s) {
	zsocket_close(&s->router);
	zcontext_destroy(&s->context);
}

static int setup(void **state) {
	struct site *s = calloc(1, sizeof *s);
	assert_non_null(s);
	s->from = 1;
	s->keys.service = &s->service;
	assert_int_equal(zcontext_create(&s->service.zmq, NULL), OK);
	(void)again_endpoint(s->endpoint);
	journal_comes(s);
	assert_int_equal(link_create(s->service.zmq, &s->keys, s->endpoint, &s->link, NULL), OK);
	*state = s;
	return 0;
}

static int teardown(void **state) {
	struct site *s = *state;
	keys_unwatch(&s->keys);
	link_destroy(&s->link);
	if (s->router) journal_dies(s);
	zcontext_destroy(&s->service.zmq);
	free(s);
	return 0;
}

static void count(void *ctx, const struct link_reply *r) {
	struct site *s = ctx;
	if (r->error) return; /* at the end */
	s->done++;
	s->records += r->record_count;
}

static void ask(struct site *s) {
	const struct stream_request q = {.op = STREAM_REPLAY, .from = s->from, .max = LINK_RECORDS_MAX};
	assert_int_equal(link_send(s->link, &q, s->now, count, s), OK);
}

static void ask_all(struct site *s) {
	for (unsigned i = 0; i < LINK_CALLS_MAX; i++) ask(s);
	assert_int_equal(link_room(s->link), 0);
}

static void answer(struct site *s) {
	uint8_t bytes[STREAM_MESSAGE_MAX];
	struct served asked;
	struct stream_request q;
	struct stream_reply r = {.code = STREAM_OK, .origin = 1, .count = LINK_RECORDS_MAX};
	struct writer w = writer_of(bytes, sizeof bytes);
	assert_true(served_take(s->router, &asked));
	assert_int_equal(stream_request_read(asked.message, &q, &r.id, NULL), OK);
	assert_int_equal(q.from, s->from);
	stream_reply_write(&w, &r);
	served_give(s->router, &asked, bytes, writer_view(&w).len, true);
	for (unsigned i = 1; i <= LINK_RECORDS_MAX; i++)
		(void)zmq_send(s->router, "record", 6, i < LINK_RECORDS_MAX ? ZMQ_SNDMORE : 0);
}

static bool asked(struct site *s, long wait_ms) {
	zmq_pollitem_t question = {.socket = s->router, .events = ZMQ_POLLIN};
	return zmq_poll(&question, 1, wait_ms) == 1;
}

/* Time goes on, and the journal answers what it is asked, until so many are done. */
static void serve(struct site *s, unsigned done) {
	const int64_t deadline = test_ms() + PATIENCE_MS;
	while (s->done < done) {
		assert_true(test_ms() < deadline);
		s->now += LINK_AGAIN_MS / 10;
		link_tick(s->link, s->now);
		while (asked(s, 10)) answer(s);
		link_receive(s->link, s->now);
	}
	assert_int_equal(s->done, done);
	assert_int_equal(s->records, done * LINK_RECORDS_MAX);
	assert_int_equal(link_room(s->link), LINK_CALLS_MAX);
	assert_false(link_silent(s->link));
}

/* The link's clock stands still, so that each goes at once, and once. */
static void wait_for_journal(struct site *s) {
	const int64_t deadline = test_ms() + PATIENCE_MS;
	for (unsigned i = 0; i < LINK_SOCKETS; i++)
		while (!keys_connected(&s->keys, link_socket(s->link, i))) {
			assert_true(test_ms() < deadline);
			(void)poll(NULL, 0, 1);
		}
}

static void ask_all_at_once(struct site *s) {
	wait_for_journal(s);
	ask_all(s);
}

static void receive(struct site *s, unsigned done) {
	const int64_t deadline = test_ms() + PATIENCE_MS;
	while (s->done < done) {
		assert_true(test_ms() < deadline);
		link_receive(s->link, s->now);
		(void)poll(NULL, 0, 1);
	}
	assert_int_equal(s->done, done);
	assert_int_equal(s->records, done * LINK_RECORDS_MAX);
}

/* However many there are at a time, none waits for a second try: what is sent later would overtake it. */
static void each_goes_when_it_is_asked(void **state) {
	struct site *s = *state;
	unsigned done = 0;
	wait_for_journal(s);
	for (unsigned count = 1; count <= LINK_CALLS_MAX; count++) {
		for (unsigned i = 0; i < count; i++) ask(s);
		for (unsigned i = 0; i < count; i++) answer(s);
		receive(s, done += count);
	}
}

static void answers_outlive_who_gave_them(void **state) {
	struct site *s = *state;
	ask_all_at_once(s);
	for (unsigned i = 0; i < LINK_CALLS_MAX; i++) answer(s);
	for (unsigned i = 0; i < LINK_SOCKETS; i++) {
		zmq_pollitem_t some = {.socket = link_socket(s->link, i), .events = ZMQ_POLLIN};
		assert_int_equal(zmq_poll(&some, 1, PATIENCE_MS), 1);
	}
	journal_dies(s);
	assert_true(again_connected(s->endpoint));
	receive(s, LINK_CALLS_MAX);
}

static void what_one_did_not_answer_the_next_is_asked(void **state) {
	enum { ANSWERED = LINK_CALLS_MAX / 2 };
	struct site *s = *state;
	ask_all_at_once(s);
	for (unsigned i = 0; i < ANSWERED; i++) answer(s);
	journal_dies(s);
	assert_true(again_connected(s->endpoint));
	journal_comes(s);
	serve(s, LINK_CALLS_MAX);
}

static void who_is_away_is_asked_later(void **state) {
	struct site *s = *state;
	ask(s);
	serve(s, 1);
	journal_dies(s);
	assert_true(again_connected(s->endpoint));
	ask_all(s);
	for (int64_t end = s->now + LINK_PATIENCE_MS; s->now <= end; s->now += LINK_AGAIN_MS) {
		link_tick(s->link, s->now);
		link_receive(s->link, s->now);
	}
	assert_true(link_silent(s->link));
	journal_comes(s);
	serve(s, 1 + LINK_CALLS_MAX);
}

static void who_stays_away_is_given_up(void **state) {
	struct site *s = *state;
	journal_dies(s);
	assert_true(again_connected(s->endpoint));
	ask_all(s);
	for (int64_t end = s->now + LINK_GIVE_UP_MS + LINK_AGAIN_MS; s->now <= end; s->now += LINK_AGAIN_MS)
		link_tick(s->link, s->now);
	assert_int_equal(s->done, 0);
	assert_int_equal(link_room(s->link), LINK_CALLS_MAX);
	/* nothing of it is left for who comes */
	journal_comes(s);
	s->from = 2;
	ask(s);
	serve(s, 1);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_goes_when_it_is_asked, setup, teardown),
		cmocka_unit_test_setup_teardown(answers_outlive_who_gave_them, setup, teardown),
		cmocka_unit_test_setup_teardown(what_one_did_not_answer_the_next_is_asked, setup, teardown),
		cmocka_unit_test_setup_teardown(who_is_away_is_asked_later, setup, teardown),
		cmocka_unit_test_setup_teardown(who_stays_away_is_given_up, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
