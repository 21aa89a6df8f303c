/* The replay socket with a real journal and committer, spoken to by plain DEALERs. */
#include <pthread.h>
#include <zmq.h>

#include "net/zsocket.h"
#include "proto/stream.h"
#include "replay.h"
#include "support.h"

#define FRAMES_MAX (STREAM_REPLAY_RECORDS_MAX + 8)

struct site {
	struct scratch scratch;
	struct journal *journal;
	struct committer *committer;
	struct progress progress;
	struct replay *replay;
	struct metrics *metrics;
	struct counter *dropped;
	void *zmq;
	void *client;
};

static enum error append(void *ctx, struct journal_entry *entries, size_t count, struct problem *why) {
	struct site *s = ctx;
	return journal_append(s->journal, entries, count, why);
}

static void *dial(struct site *s) {
	void *client = NULL;
	struct zsocket_limits limits = {.message_max = 8 << 20, .receive_timeout_ms = PATIENCE_MS};
	assert_int_equal(zsocket_create(s->zmq, ZMQ_DEALER, &limits, &client, NULL), OK);
	assert_int_equal(zsocket_connect(client, replay_endpoints(s->replay), NULL), OK);
	return client;
}

static int setup(void **state) {
	struct site *s = calloc(1, sizeof *s);
	*state = s;
	scratch_make(&s->scratch);
	s->journal = open_journal(&s->scratch, 256 << 20);
	progress_init(&s->progress);
	s->metrics = metrics_create("test");
	s->dropped = metrics_counter(s->metrics, "dropped_total", "x", NULL);
	assert_int_equal(zcontext_create(&s->zmq, NULL), OK);
	struct committer_options c = {.ctx = s, .append = append};
	assert_int_equal(committer_start(&c, &s->committer, NULL), OK);
	struct replay_options r = {.zmq = s->zmq,
				   .at = {.count = 1, .at = {"tcp://127.0.0.1:*"}},
				   .journal = s->journal,
				   .committer = s->committer,
				   .progress = &s->progress,
				   .dropped = s->dropped};
	struct problem why = {0};
	if (replay_start(&r, &s->replay, &why) != OK) fail_msg("%s", problem_text(&why));
	s->client = dial(s);
	return 0;
}

static int teardown(void **state) {
	struct site *s = *state;
	replay_stop(&s->replay);
	committer_stop(&s->committer);
	zsocket_close(&s->client);
	zcontext_destroy(&s->zmq);
	journal_close(&s->journal);
	progress_finish(&s->progress);
	metrics_destroy(&s->metrics);
	scratch_remove(&s->scratch);
	free(s);
	return 0;
}

/* ---- a client -------------------------------------------------------------------- */

static void send_frame(void *client, struct view v, bool more) {
	assert_true(zmq_send(client, v.ptr, v.len, more ? ZMQ_SNDMORE : 0) >= 0);
}

static void ask(void *client, const struct stream_request *q) {
	static uint8_t bytes[STREAM_APPEND_MAX];
	struct writer w = writer_of(bytes, sizeof bytes);
	stream_request_write(&w, q);
	assert_false(w.failed);
	send_frame(client, VIEW(STREAM_VERSION), true);
	send_frame(client, writer_view(&w), false);
}

struct heard {
	size_t count; /* frames behind the reply */
	zmq_msg_t map;
	zmq_msg_t frames[FRAMES_MAX];
	struct stream_reply reply;
};

static void forget(struct heard *h) {
	zmq_msg_close(&h->map);
	for (size_t i = 0; i < h->count; i++) zmq_msg_close(&h->frames[i]);
	h->count = 0;
}

static void hear(void *client, struct heard *h) {
	char version[8];
	int n = zmq_recv(client, version, sizeof version, 0);
	if (n < 0) fail_msg("no reply: %s", zmq_strerror(zmq_errno()));
	assert_true(view_eq(view_of(version, (size_t)n), VIEW(STREAM_VERSION)));
	zmq_msg_init(&h->map);
	assert_true(zmq_msg_recv(&h->map, client, 0) >= 0);
	h->count = 0;
	for (bool more = zmq_msg_more(&h->map); more; more = zmq_msg_more(&h->frames[h->count - 1])) {
		assert_true(h->count < FRAMES_MAX);
		zmq_msg_init(&h->frames[h->count]);
		assert_true(zmq_msg_recv(&h->frames[h->count++], client, 0) >= 0);
	}
	struct problem why = {0};
	enum error e = stream_reply_read(view_of(zmq_msg_data(&h->map), zmq_msg_size(&h->map)), &h->reply, &why);
	if (e) fail_msg("%s: %s", error_code(e), problem_text(&why));
}

/* One question and its answer; the reply's views are gone. */
static struct stream_reply talk(void *client, struct stream_request q) {
	static struct heard h;
	ask(client, &q);
	hear(client, &h);
	assert_int_equal(h.reply.id, q.id);
	assert_int_equal(h.reply.count, h.count);
	forget(&h);
	return h.reply;
}

static struct stream_request append_request(uint64_t id, const char *event, struct view body) {
	return (struct stream_request){.op = STREAM_APPEND,
				       .id = id,
				       .record = {.kind = RECORD_EVENT,
						  .livemode = true,
						  .created = 5,
						  .account = VIEW("acct_1"),
						  .id = view_str(event),
						  .type = VIEW("customer.updated"),
						  .body = body}};
}

static void fill(struct site *s, unsigned count, struct view body) {
	char id[32];
	for (unsigned i = 1; i <= count; i++) {
		snprintf(id, sizeof id, "evt_%u", i);
		assert_int_equal(talk(s->client, append_request(i, id, body)).seq, i);
	}
}

/* ---- tests ------------------------------------------------------------------------ */

static void appends_once(void **state) {
	struct site *s = *state;
	struct stream_reply r = talk(s->client, (struct stream_request){.op = STREAM_HEAD, .id = 1});
	assert_int_equal(r.origin, 77);
	assert_int_equal(r.head, 0);
	r = talk(s->client, append_request(2, "evt_1", VIEW("{\"short\":1}")));
	assert_int_equal(r.code, STREAM_OK);
	assert_int_equal(r.seq, 1);
	assert_false(r.duplicate);
	assert_int_equal(r.head, 1);
	r = talk(s->client, append_request(3, "evt_1", VIEW("{\"another\":1}")));
	assert_int_equal(r.seq, 1);
	assert_true(r.duplicate);
	struct stream_request find = {.op = STREAM_FIND,
				      .id = 4,
				      .record = {.livemode = true, .account = VIEW("acct_1"), .id = VIEW("evt_1")}};
	assert_int_equal(talk(s->client, find).seq, 1);
	find.record.livemode = false;
	r = talk(s->client, find);
	assert_int_equal(r.code, STREAM_NOT_FOUND);
	assert_false(r.retry);
}

static void replays_what_is_stored(void **state) {
	struct site *s = *state;
	static struct heard h;
	static const char body[] = "{\"some\":\"body\"}";
	fill(s, 20, VIEW(body));
	assert_int_equal(talk(s->client, (struct stream_request){.op = STREAM_REPLAY, .from = 0, .max = 1}).code,
			 STREAM_BAD_REQUEST);
	ask(s->client, &(struct stream_request){.op = STREAM_REPLAY, .id = 9, .from = 5, .max = 10});
	hear(s->client, &h);
	assert_int_equal(h.reply.count, 10);
	assert_int_equal(h.count, 10);
	for (unsigned i = 0; i < 10; i++) {
		struct record r;
		assert_int_equal(record_read(view_of(zmq_msg_data(&h.frames[i]), zmq_msg_size(&h.frames[i])), &r), OK);
		assert_int_equal(r.seq, 5 + i);
		assert_int_equal(r.origin, 77);
		assert_int_equal(r.kind, RECORD_EVENT);
		assert_true(r.received_ms > 0);
		assert_true(view_eq(r.body, VIEW(body)));
		assert_int_equal(r.secret.len, 0);
	}
	forget(&h);
	assert_int_equal(talk(s->client, (struct stream_request){.op = STREAM_REPLAY, .from = 21, .max = 9}).count, 0);
	assert_int_equal(
		talk(s->client, (struct stream_request){.op = STREAM_REPLAY, .from = UINT64_MAX, .max = 9}).count, 0);
	assert_int_equal(talk(s->client, (struct stream_request){.op = STREAM_REPLAY, .from = 1, .max = 1024}).count,
			 20);
}

static void bounds_a_replay_by_its_bytes(void **state) {
	struct site *s = *state;
	static char body[EVENT_BODY_MAX];
	memset(body, ' ', sizeof body);
	body[0] = '{';
	body[1] = '}';
	fill(s, 9, view_of(body, sizeof body));
	uint64_t next = 1, replies = 0;
	while (next <= 9) {
		struct stream_reply r =
			talk(s->client, (struct stream_request){.op = STREAM_REPLAY, .from = next, .max = 1024});
		assert_in_range(r.count, 1, STREAM_REPLAY_BYTES_MAX / EVENT_BODY_MAX);
		next += r.count;
		replies++;
	}
	assert_int_equal(next, 10);
	assert_true(replies >= 3);
}

static void takes_reports_of_progress(void **state) {
	struct site *s = *state;
	struct stream_request q = {.op = STREAM_PROGRESS, .id = 1, .worker = VIEW("worker"), .seq = 12};
	assert_int_equal(talk(s->client, q).code, STREAM_OK);
	pthread_mutex_lock(&s->progress.mutex);
	unsigned count = s->progress.count;
	uint64_t seq = s->progress.workers[0].seq;
	pthread_mutex_unlock(&s->progress.mutex);
	assert_int_equal(count, 1);
	assert_int_equal(seq, 12);
}

static void forgets_only_whom_it_knows(void **state) {
	struct site *s = *state;
	struct stream_request q = {.op = STREAM_FORGET, .id = 1, .worker = VIEW("worker")};
	assert_int_equal(talk(s->client, q).code, STREAM_NOT_FOUND);
	assert_int_equal(journal_worker_progress(s->journal, VIEW("worker"), 3, NULL), OK);
	assert_int_equal(talk(s->client, q).code, STREAM_OK);
	pthread_mutex_lock(&s->progress.mutex);
	bool forgotten = s->progress.count == 1 && s->progress.workers[0].forgotten;
	pthread_mutex_unlock(&s->progress.mutex);
	assert_true(forgotten);
}

static void answers_nonsense(void **state) {
	struct site *s = *state;
	static struct heard h;
	send_frame(s->client, VIEW(STREAM_VERSION), true);
	send_frame(s->client, VIEW("\xc1 not a map"), false);
	hear(s->client, &h);
	assert_int_equal(h.reply.code, STREAM_BAD_REQUEST);
	assert_false(h.reply.retry);
	forget(&h);
	/* another version, too few frames, too many, a huge route: dropped, and counted */
	send_frame(s->client, VIEW("TGJ9"), true);
	send_frame(s->client, VIEW("x"), false);
	send_frame(s->client, VIEW(STREAM_VERSION), false);
	for (int i = 0; i < 100; i++) send_frame(s->client, VIEW(STREAM_VERSION), i < 99);
	char route[REPLAY_ROUTE_MAX + 1] = {0};
	send_frame(s->client, view_of(route, sizeof route), true);
	ask(s->client, &(struct stream_request){.op = STREAM_HEAD, .id = 5});
	/* and the next one is served */
	assert_int_equal(talk(s->client, (struct stream_request){.op = STREAM_HEAD, .id = 6}).code, STREAM_OK);
	assert_int_equal(counter_get(s->dropped), 4);
}

static void echoes_the_envelope(void **state) {
	struct site *s = *state;
	for (unsigned append_too = 0; append_too < 2; append_too++) {
		struct stream_request head = {.op = STREAM_HEAD, .id = 6};
		struct stream_request add = append_request(7, "evt_1", VIEW("{}"));
		send_frame(s->client, VIEW("route"), true);
		send_frame(s->client, VIEW(""), true);
		ask(s->client, append_too ? &add : &head);
		char frame[16];
		static struct heard h;
		assert_int_equal(zmq_recv(s->client, frame, sizeof frame, 0), 5);
		assert_memory_equal(frame, "route", 5);
		assert_int_equal(zmq_recv(s->client, frame, sizeof frame, 0), 0);
		hear(s->client, &h);
		assert_int_equal(h.reply.id, append_too ? 7 : 6);
		forget(&h);
	}
}

/* Peers that ask and never read, and peers that leave: the others do not notice. */
static void serves_beside_dead_peers(void **state) {
	struct site *s = *state;
	static char body[64 * 1024];
	memset(body, ' ', sizeof body);
	body[0] = '{';
	body[1] = '}';
	fill(s, 60, view_of(body, sizeof body));
	void *deaf = dial(s), *gone = dial(s);
	for (unsigned i = 0; i < 200; i++) {
		ask(deaf, &(struct stream_request){.op = STREAM_REPLAY, .id = i, .from = 1, .max = 60});
		if (i < 20) ask(gone, &(struct stream_request){.op = STREAM_REPLAY, .id = i, .from = 1, .max = 60});
		if (i == 20) zsocket_close(&gone);
	}
	for (unsigned i = 0; i < 50; i++)
		assert_int_equal(talk(s->client, (struct stream_request){.op = STREAM_HEAD, .id = i}).head, 60);
	int64_t end = mono_ms() + PATIENCE_MS;
	while (counter_get(s->dropped) == 0 && mono_ms() < end)
		(void)talk(s->client, (struct stream_request){.op = STREAM_HEAD, .id = 1});
	assert_true(counter_get(s->dropped) > 0);
	zsocket_close(&deaf);
}

static void many_appends_at_once(void **state) {
	struct site *s = *state;
	static struct heard h;
	bool seen[16] = {false};
	char id[32];
	for (unsigned i = 0; i < ARRAY_LEN(seen); i++) {
		snprintf(id, sizeof id, "evt_%u", i);
		struct stream_request q = append_request(i, id, VIEW("{}"));
		ask(s->client, &q);
	}
	for (unsigned i = 0; i < ARRAY_LEN(seen); i++) {
		hear(s->client, &h);
		assert_int_equal(h.reply.code, STREAM_OK);
		assert_false(seen[h.reply.id]);
		seen[h.reply.id] = true;
		forget(&h);
	}
	uint64_t first, head;
	journal_ends(s->journal, &first, &head);
	assert_int_equal(head, ARRAY_LEN(seen));
}

/* What was asked before the end is answered: it may be on disk already. */
static void answers_appends_before_it_ends(void **state) {
	struct site *s = *state;
	static struct heard h;
	struct stream_request q = append_request(1, "evt_1", VIEW("{}"));
	ask(s->client, &q);
	uint64_t first, head = 0;
	for (int64_t end = mono_ms() + PATIENCE_MS; head == 0 && mono_ms() < end;)
		journal_ends(s->journal, &first, &head);
	assert_int_equal(head, 1);
	replay_stop(&s->replay);
	hear(s->client, &h);
	assert_int_equal(h.reply.seq, 1);
	forget(&h);
}

enum { CROWD = 4, QUESTIONS = 5000 };
struct asker {
	pthread_t thread;
	void *client;
	unsigned answered;
};

/* One question at a time; ends with the first that has no answer. */
static void *ask_in_turn(void *asker) {
	struct asker *a = asker;
	uint8_t bytes[256];
	struct writer w = writer_of(bytes, sizeof bytes);
	stream_request_write(&w, &(struct stream_request){.op = STREAM_HEAD, .id = 1});
	bool good = !w.failed;
	while (good && a->answered < QUESTIONS) {
		char reply[256];
		int more = 0;
		size_t n = sizeof more;
		good = zmq_send(a->client, STREAM_VERSION, strlen(STREAM_VERSION), ZMQ_SNDMORE) >= 0 &&
		       zmq_send(a->client, bytes, writer_view(&w).len, 0) >= 0 &&
		       zmq_recv(a->client, reply, sizeof reply, 0) >= 0 &&
		       zmq_recv(a->client, reply, sizeof reply, 0) >= 0 &&
		       zmq_getsockopt(a->client, ZMQ_RCVMORE, &more, &n) == 0 && !more;
		if (good) a->answered++;
	}
	return NULL;
}

/* While requests keep coming the thread never has nothing to receive, and libzmq learns late that earlier replies have
 * left: the peers that wait for their answers must not be taken for such as do not read. */
static void answers_all_that_read(void **state) {
	struct site *s = *state;
	struct asker askers[CROWD] = {{0}};
	int patience_ms = PATIENCE_MS;
	for (int i = 0; i < CROWD; i++) {
		askers[i].client = dial(s);
		assert_int_equal(zmq_setsockopt(askers[i].client, ZMQ_RCVTIMEO, &patience_ms, sizeof patience_ms), 0);
		assert_int_equal(pthread_create(&askers[i].thread, NULL, ask_in_turn, &askers[i]), 0);
	}
	for (int i = 0; i < CROWD; i++) {
		pthread_join(askers[i].thread, NULL);
		zsocket_close(&askers[i].client);
	}
	for (int i = 0; i < CROWD; i++) assert_int_equal(askers[i].answered, QUESTIONS);
	assert_int_equal(counter_get(s->dropped), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
	const struct CMUnitTest tests[] = {
		TEST(appends_once),
		TEST(replays_what_is_stored),
		TEST(bounds_a_replay_by_its_bytes),
		TEST(takes_reports_of_progress),
		TEST(forgets_only_whom_it_knows),
		TEST(answers_nonsense),
		TEST(echoes_the_envelope),
		TEST(serves_beside_dead_peers),
		TEST(many_appends_at_once),
		TEST(answers_all_that_read),
		TEST(answers_appends_before_it_ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
