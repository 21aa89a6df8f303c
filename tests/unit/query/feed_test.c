#include "feed.h"

#include <poll.h>
#include <zmq.h>

#include "fake_store.h"
#include "net/zsocket.h"
#include "proto/tg01.h"

#define NOW 1000000
#define WAIT_MS 60000

static void *context;
static void *worker;     /* PUB, as the worker has it */
static void *subscriber; /* SUB of the feed */
static struct store_link store;
static struct feed feed;
static struct catalog_file *file;
static struct tg01_decoder *decoder;

static void *make(int type, const char *bind, const char *connect) {
	const struct zsocket_limits limits = {.receive_timeout_ms = WAIT_MS};
	void *s = NULL;
	assert_int_equal(zsocket_create(context, type, &limits, &s, NULL), OK);
	if (type == ZMQ_SUB) assert_int_equal(zmq_setsockopt(s, ZMQ_SUBSCRIBE, "", 0), 0);
	if (bind) assert_int_equal(zsocket_bind(s, bind, NULL, NULL), OK);
	if (connect) assert_int_equal(zsocket_connect(s, connect, NULL), OK);
	return s;
}

/* Sends until the subscriber has one: a subscription takes a moment to arrive. */
static void await_subscription(void *pub, void *sub, const char *topic) {
	zmq_pollitem_t item = {.socket = sub, .events = ZMQ_POLLIN};
	for (int i = 0; i < WAIT_MS; i++) {
		assert_true(zmq_send(pub, topic, 1, ZMQ_SNDMORE) >= 0 && zmq_send(pub, "", 0, 0) >= 0);
		if (zmq_poll(&item, 1, 1) > 0) return;
	}
	fail_msg("no subscription arrives");
}

static void empty(void *sub) {
	char b[8];
	while (zmq_recv(sub, b, sizeof b, ZMQ_DONTWAIT) >= 0) {
	}
}

static int set_up(void **state) {
	(void)state;
	fake_reset();
	decoder = tg01_decoder_create();
	link_init(&store, "unused");
	store.store = &fake_store;
	store.look = &fake_look;
	store.epoch = FAKE_EPOCH;
	store.settled = true;
	file = fake_catalog();
	feed = (struct feed){.link = &store, .livemode = true, .catalog = catalog_file_get(file)};
	assert_int_equal(zcontext_create(&context, NULL), OK);
	feed.door.socket = make(ZMQ_PUB, "inproc://feed", NULL);
	worker = make(ZMQ_PUB, "inproc://changes", NULL);
	feed.worker = make(ZMQ_SUB, NULL, "inproc://changes");
	subscriber = make(ZMQ_SUB, NULL, "inproc://feed");
	await_subscription(worker, feed.worker, "?");
	await_subscription(feed.door.socket, subscriber, "?");
	empty(feed.worker);
	empty(subscriber);
	return 0;
}

static int tear_down(void **state) {
	(void)state;
	zsocket_close(&feed.door.socket);
	zsocket_close(&feed.worker);
	zsocket_close(&worker);
	zsocket_close(&subscriber);
	zcontext_destroy(&context);
	catalog_file_destroy(&file);
	tg01_decoder_destroy(&decoder);
	store.store = NULL;
	store.look = NULL;
	return 0;
}

static struct tg01_change told; /* until the next one */

static uint64_t next_change(char *topic, size_t size) {
	static char m[2048];
	int t = zmq_recv(subscriber, topic, size - 1, 0);
	int n = zmq_recv(subscriber, m, sizeof m, 0);
	assert_true(t > 0 && n > 0);
	topic[t] = '\0';
	uint64_t epoch = 0;
	struct tg01_change c;
	assert_int_equal(tg01_feed_change_read(decoder, view_of(m, (size_t)n), &epoch, &c, NULL), OK);
	assert_int_equal(epoch, FAKE_EPOCH);
	assert_true(view_eq(c.sub, view_str(topic)));
	told = c;
	return c.ver;
}

static void begins_where_the_store_is(void **state) {
	(void)state;
	fake_change(true, "old");
	assert_false(feed_publish(&feed, NOW));
	assert_int_equal(feed.published, 0);
	assert_int_equal(feed.sent, 1);
	fake_change(true, "u1");
	fake_change(false, "other_mode");
	fake_change(true, "u2");
	assert_false(feed_publish(&feed, NOW));
	char topic[64];
	assert_int_equal(next_change(topic, sizeof topic), 2);
	assert_string_equal(topic, "u1");
	assert_int_equal(next_change(topic, sizeof topic), 4);
	assert_string_equal(topic, "u2");
	assert_int_equal(feed.sent, 4);
	assert_false(fake_look.pinned);
}

static void a_long_list_comes_in_parts(void **state) {
	(void)state;
	assert_false(feed_publish(&feed, NOW));
	for (int i = 0; i < FEED_BATCH + 3; i++) fake_change(true, "u");
	char topic[64];
	assert_true(feed_publish(&feed, NOW));
	for (int i = 0; i < FEED_BATCH; i++) assert_int_equal(next_change(topic, sizeof topic), i + 1);
	assert_false(feed_publish(&feed, NOW));
	for (int i = 0; i < 3; i++) assert_int_equal(next_change(topic, sizeof topic), FEED_BATCH + i + 1);
}

static void changes_carry_the_line_of_now(void **state) {
	(void)state;
	assert_false(feed_publish(&feed, NOW));
	fake_change(true, "u");
	fake_change(true, "gone");
	fake_change(true, "cus_1");
	struct grant g = fake_grant(SUB_ACTIVE, "price_pro");
	g.cancel_at = 3000;
	fake_add(true, "", "u", &g);
	fake.ver = 3;
	char topic[64];
	assert_false(feed_publish(&feed, NOW));
	assert_int_equal(next_change(topic, sizeof topic), 1);
	assert_int_equal(told.line.count, 2);
	assert_int_equal(told.line.steps[0].from, NOW / 1000);
	assert_int_equal(told.line.steps[1].from, 3000);
	assert_int_equal(next_change(topic, sizeof topic), 2);
	assert_true(view_eq(told.line.steps[0].reason, VIEW("unknown_subject")));
	assert_int_equal(next_change(topic, sizeof topic), 3);
	assert_int_equal(told.line.count, 0);
}

static void heartbeat(void **state) {
	(void)state;
	fake.ver = 9;
	assert_false(feed_publish(&feed, NOW));
	store.as_of = 77;
	feed_heartbeat(&feed, NOW);
	char topic[8], m[256];
	assert_int_equal(zmq_recv(subscriber, topic, sizeof topic, 0), 1);
	assert_int_equal(topic[0], 0);
	int n = zmq_recv(subscriber, m, sizeof m, 0);
	struct tg01_heartbeat h;
	assert_true(n > 0);
	assert_int_equal(tg01_feed_heartbeat_read(decoder, view_of(m, (size_t)n), &h, NULL), OK);
	assert_int_equal(h.source.ver, 9);
	assert_int_equal(h.source.epoch, FAKE_EPOCH);
	assert_int_equal(h.source.as_of, 77);
	assert_int_equal(h.now_ms, NOW);
	assert_int_equal(h.source.cat, feed.catalog->hash);
}

/* Work for nobody is not done, and nothing is owed to who comes later. */
static void skips_what_nobody_hears(void **state) {
	(void)state;
	char endpoint[ENDPOINT_MAX];
	void *empty_door = make(ZMQ_PUB, NULL, NULL);
	assert_int_equal(zsocket_bind(empty_door, "tcp://127.0.0.1:0", endpoint, NULL), OK);
	assert_false(feed_publish(&feed, NOW));
	feed.door.peers = peers_of(empty_door);
	for (int i = 0; i < FEED_BATCH + 3; i++) fake_change(true, "u");
	assert_false(feed_publish(&feed, NOW));
	assert_int_equal(feed.sent, FEED_BATCH + 3);
	assert_int_equal(feed.published, 0);
	assert_false(fake_look.pinned);
	void *somebody = make(ZMQ_SUB, NULL, endpoint);
	for (int i = 0; i < WAIT_MS && !peers_any(feed.door.peers); i++) (void)poll(NULL, 0, 1);
	fake_change(true, "heard");
	assert_false(feed_publish(&feed, NOW));
	assert_int_equal(feed.published, 1);
	zsocket_close(&somebody);
	zsocket_close(&empty_door);
}

static void another_epoch_starts_afresh(void **state) {
	(void)state;
	fake.ver = 9;
	assert_false(feed_publish(&feed, NOW));
	store.epoch = FAKE_EPOCH + 1;
	fake.ver = 3;
	assert_false(feed_publish(&feed, NOW));
	assert_int_equal(feed.epoch, FAKE_EPOCH + 1);
	assert_int_equal(feed.sent, 3);
}

static void a_filling_store_is_no_news(void **state) {
	(void)state;
	fake.ver = 9;
	assert_false(feed_publish(&feed, NOW));
	store.epoch = FAKE_EPOCH + 1;
	store.settled = false;
	fake.ver = 0;
	for (int i = 0; i < 3; i++) fake_change(true, "past");
	assert_false(feed_publish(&feed, NOW));
	assert_int_equal(feed.epoch, 0);
	store.settled = true;
	assert_false(feed_publish(&feed, NOW));
	assert_int_equal(feed.sent, 3);
	fake_change(true, "now");
	assert_false(feed_publish(&feed, NOW));
	assert_int_equal(feed.published, 1);
}

static void say(const char *topic, const void *m, size_t n) {
	assert_true(zmq_send(worker, topic, strlen(topic), ZMQ_SNDMORE) >= 0);
	assert_true(zmq_send(worker, m, n, 0) >= 0);
}

static void listens(void **state) {
	(void)state;
	store.settled = false;
	assert_false(feed_listen(&feed));
	say("C", "x", 1); /* what it says does not matter: the store has it */
	assert_true(feed_listen(&feed));
	uint8_t m[256];
	struct writer w = writer_of(m, sizeof m);
	stream_pulse_write(&w,
			   &(struct stream_pulse){.epoch = FAKE_EPOCH, .ver = 2, .as_of = NOW - 1, .caught_up = true});
	say("H", m, writer_view(&w).len);
	assert_true(feed_listen(&feed)); /* its version is above what was sent: a change was lost on the way */
	assert_true(link_ready(&store));
	feed.sent = 2;
	say("H", m, writer_view(&w).len);
	assert_false(feed_listen(&feed));
	say("H", "\xc1", 1);
	assert_true(zmq_send(worker, "H", 1, 0) >= 0);
	for (int i = 0; i < 5; i++) assert_true(zmq_send(worker, "C", 1, i < 4 ? ZMQ_SNDMORE : 0) >= 0);
	assert_false(feed_listen(&feed));
	assert_int_equal(feed.bad_messages, 3);
}

int main(void) {
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		TEST(begins_where_the_store_is),
		TEST(a_long_list_comes_in_parts),
		TEST(heartbeat),
		TEST(changes_carry_the_line_of_now),
		TEST(skips_what_nobody_hears),
		TEST(another_epoch_starts_afresh),
		TEST(a_filling_store_is_no_news),
		TEST(listens),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
