#include "router.h"

#include <errno.h>
#include <zmq.h>

#include "fake_store.h"
#include "net/peers_private.h"
#include "net/zsocket.h"

#define PART 1024
#define WAIT_MS 60000

static struct catalog_file *file;
static struct store_link store;
static struct server server;
static struct router router;
static struct tg01_decoder *client;
static void *context;
static char endpoint[ENDPOINT_MAX];

struct parts {
	unsigned count;
	size_t sizes[40];
	char at[40][PART];
};

static int set_up(void **state) {
	(void)state;
	fake_reset();
	file = fake_catalog();
	client = tg01_decoder_create();
	link_init(&store, "unused");
	store.store = &fake_store;
	store.look = &fake_look;
	store.epoch = FAKE_EPOCH;
	store.settled = true;
	server = (struct server){
		.catalog = catalog_file_get(file), .link = &store, .decoder = tg01_decoder_create(), .livemode = true};
	memset(&router, 0, sizeof router);
	router.server = &server;
	const struct zsocket_limits limits = {
		.receive_timeout_ms = WAIT_MS, .send_timeout_ms = WAIT_MS, .message_max = TG01_MESSAGE_MAX};
	assert_int_equal(zcontext_create(&context, NULL), OK);
	assert_int_equal(zsocket_create(context, ZMQ_ROUTER, &limits, &router.door.socket, NULL), OK);
	assert_int_equal(zsocket_bind(router.door.socket, "tcp://127.0.0.1:0", endpoint, NULL), OK);
	return 0;
}

static int tear_down(void **state) {
	(void)state;
	zsocket_close(&router.door.socket);
	zcontext_destroy(&context);
	store.store = NULL;
	store.look = NULL;
	tg01_decoder_destroy(&client);
	tg01_decoder_destroy(&server.decoder);
	catalog_file_destroy(&file);
	return 0;
}

static void *peer(int type) {
	const struct zsocket_limits limits = {.receive_timeout_ms = WAIT_MS, .send_timeout_ms = WAIT_MS};
	void *s = NULL;
	assert_int_equal(zsocket_create(context, type, &limits, &s, NULL), OK);
	assert_int_equal(zsocket_connect(s, endpoint, NULL), OK);
	return s;
}

static void serve_once(void) {
	zmq_pollitem_t item = {.socket = router.door.socket, .events = ZMQ_POLLIN};
	assert_int_equal(zmq_poll(&item, 1, WAIT_MS), 1);
	assert_false(router_serve(&router));
	assert_false(fake_look.pinned); /* the snapshot is let go when there is no more to do */
}

static size_t ping(uint8_t *bytes, size_t size, uint64_t id) {
	const struct tg01_request r = {.op = TG01_PING, .id = {.kind = TG01_ID_NUMBER, .number = id}};
	struct writer w = writer_of(bytes, size);
	tg01_request_write(&w, &r);
	return writer_view(&w).len;
}

static void receive(void *s, struct parts *p) {
	int more = 1;
	size_t size = sizeof more;
	for (p->count = 0; more; p->count++) {
		assert_true(p->count < 40);
		int n = zmq_recv(s, p->at[p->count], PART, 0);
		assert_true(n >= 0 && n <= PART);
		p->sizes[p->count] = (size_t)n;
		assert_int_equal(zmq_getsockopt(s, ZMQ_RCVMORE, &more, &size), 0);
	}
}

static struct tg01_reply reply_in(const struct parts *p, unsigned at, enum tg01_op op) {
	struct tg01_reply r;
	assert_int_equal(p->count, at + 2);
	assert_true(view_eq(view_of(p->at[at], p->sizes[at]), VIEW("TG01")));
	assert_int_equal(tg01_reply_read(client, op, view_of(p->at[at + 1], p->sizes[at + 1]), &r, NULL), OK);
	return r;
}

static void req_with_correlation(void **state) {
	(void)state;
	void *s = peer(ZMQ_REQ);
	uint8_t m[64];
	size_t n = ping(m, sizeof m, 4);
	assert_int_equal(zmq_send(s, "TG01", 4, ZMQ_SNDMORE), 4);
	assert_int_equal(zmq_send(s, m, n, 0), (int)n);
	serve_once();
	struct parts p;
	receive(s, &p);
	assert_int_equal(reply_in(&p, 0, TG01_PING).id.number, 4);
	zsocket_close(&s);
}

/* Whatever stands before the last two frames comes back as it was. */
static void the_envelope_is_untouched(void **state) {
	(void)state;
	void *s = peer(ZMQ_DEALER);
	static const char *const envelope[] = {"", "abc", "TG01", "\x01\x02", "", "TG01", "x"};
	uint8_t m[64];
	size_t n = ping(m, sizeof m, 5);
	for (unsigned depth = 0; depth <= TG01_ENVELOPE_MAX - 1; depth++) {
		for (unsigned i = 0; i < depth; i++)
			assert_true(zmq_send(s, envelope[i], strlen(envelope[i]), ZMQ_SNDMORE) >= 0);
		assert_int_equal(zmq_send(s, "TG01", 4, ZMQ_SNDMORE), 4);
		assert_int_equal(zmq_send(s, m, n, 0), (int)n);
		serve_once();
		struct parts p;
		receive(s, &p);
		assert_int_equal(reply_in(&p, depth, TG01_PING).id.number, 5);
		for (unsigned i = 0; i < depth; i++)
			assert_true(view_eq(view_of(p.at[i], p.sizes[i]), view_str(envelope[i])));
	}
	assert_int_equal(router.misframed, 0);
	zsocket_close(&s);
}

static void misframed(void **state) {
	(void)state;
	void *s = peer(ZMQ_DEALER);
	struct parts p;
	assert_int_equal(zmq_send(s, "TG01", 4, 0), 4); /* no message */
	serve_once();
	receive(s, &p);
	assert_int_equal(reply_in(&p, 0, TG01_PING).code, TG01_BAD_REQUEST);
	for (int i = 0; i < 100; i++) assert_int_equal(zmq_send(s, "x", 1, i < 99 ? ZMQ_SNDMORE : 0), 1);
	serve_once();
	receive(s, &p);
	assert_int_equal(reply_in(&p, 0, TG01_PING).code, TG01_BAD_REQUEST);
	assert_int_equal(router.misframed, 2);
	assert_int_equal(zmq_send(s, "TG02", 4, ZMQ_SNDMORE), 4);
	assert_int_equal(zmq_send(s, "", 0, 0), 0);
	serve_once();
	receive(s, &p);
	assert_int_equal(reply_in(&p, 0, TG01_PING).code, TG01_UNSUPPORTED_VERSION);
	zsocket_close(&s);
}

/* A reply to a peer that is gone is counted, and the next one is served. */
static void a_peer_that_left(void **state) {
	(void)state;
	void *gone = peer(ZMQ_DEALER);
	uint8_t m[64];
	size_t n = ping(m, sizeof m, 6);
	assert_int_equal(zmq_send(gone, "TG01", 4, ZMQ_SNDMORE), 4);
	assert_int_equal(zmq_send(gone, m, n, 0), (int)n);
	zmq_pollitem_t item = {.socket = router.door.socket, .events = ZMQ_POLLIN};
	assert_int_equal(zmq_poll(&item, 1, WAIT_MS), 1);
	/* take the request as the service does, and lose the peer before the reply */
	char identity[PART];
	int id_size = zmq_recv(router.door.socket, identity, sizeof identity, 0);
	assert_true(id_size > 0);
	char rest[PART];
	assert_int_equal(zmq_recv(router.door.socket, rest, sizeof rest, 0), 4);
	assert_int_equal(zmq_recv(router.door.socket, rest, sizeof rest, 0), (int)n);
	zsocket_close(&gone);
	/* a new peer's request makes the router look at its pipes; until it has seen the end, sending still works */
	void *s = peer(ZMQ_DEALER);
	for (int i = 0; i < 2000; i++) {
		assert_int_equal(zmq_send(s, "TG01", 4, ZMQ_SNDMORE), 4);
		assert_int_equal(zmq_send(s, m, n, 0), (int)n);
		serve_once();
		struct parts p;
		receive(s, &p);
		if (zmq_send(router.door.socket, identity, (size_t)id_size, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0) {
			assert_int_equal(zmq_errno(), EHOSTUNREACH);
			zsocket_close(&s);
			return;
		}
		assert_int_equal(zmq_send(router.door.socket, "", 0, ZMQ_DONTWAIT), 0);
	}
	fail_msg("the router never noticed");
}

/* A peer that sends and never reads loses replies; nobody else waits for it. */
static void a_peer_that_never_reads(void **state) {
	(void)state;
	enum { REQUESTS = 20000 };
	void *deaf = NULL;
	const struct zsocket_limits tight = {.send_hwm = 100000, .receive_hwm = 1, .send_timeout_ms = WAIT_MS};
	assert_int_equal(zsocket_create(context, ZMQ_DEALER, &tight, &deaf, NULL), OK);
	assert_int_equal(zsocket_connect(deaf, endpoint, NULL), OK);
	static char big[TG01_MESSAGE_MAX - 64];
	struct tg01_question checks[TG01_BATCH_MAX];
	for (int i = 0; i < TG01_BATCH_MAX; i++)
		checks[i] = (struct tg01_question){.sub = VIEW("u"), .tier = VIEW("pro")};
	const struct tg01_request r = {.op = TG01_BATCH,
				       .id = {.kind = TG01_ID_NUMBER, .number = 1},
				       .checks = checks,
				       .check_count = TG01_BATCH_MAX};
	struct writer w = writer_of(big, sizeof big);
	tg01_request_write(&w, &r);
	struct view m = writer_view(&w);
	zmq_pollitem_t asked = {.socket = router.door.socket, .events = ZMQ_POLLIN};
	for (int i = 0; i < REQUESTS + WAIT_MS && router.blocked == 0; i++) {
		if (i < REQUESTS) {
			assert_int_equal(zmq_send(deaf, "TG01", 4, ZMQ_SNDMORE), 4);
			assert_int_equal(zmq_send(deaf, m.ptr, m.len, 0), (int)m.len);
		} else { /* libzmq's thread is behind with those */
			(void)zmq_poll(&asked, 1, 1);
		}
		(void)router_serve(&router);
	}
	assert_true(router.blocked > 0);
	void *s = peer(ZMQ_REQ);
	uint8_t q[64];
	size_t n = ping(q, sizeof q, 9);
	assert_int_equal(zmq_send(s, "TG01", 4, ZMQ_SNDMORE), 4);
	assert_int_equal(zmq_send(s, q, n, 0), (int)n);
	zmq_pollitem_t item = {.socket = s, .events = ZMQ_POLLIN};
	for (int i = 0; i < WAIT_MS && zmq_poll(&item, 1, 1) == 0; i++) (void)router_serve(&router);
	struct parts p;
	receive(s, &p);
	assert_int_equal(reply_in(&p, 0, TG01_PING).id.number, 9);
	zsocket_close(&s);
	zsocket_close(&deaf);
}

/* What it leaves unread is bounded in bytes, and the envelope, which it chose, is the most of it. */
static void an_envelope_counts(void **state) {
	(void)state;
	enum { REQUESTS = 600, ENVELOPE = 60000 };
	static const uint8_t envelope[ENVELOPE];
	const struct zsocket_limits tight = {.send_hwm = 2 * REQUESTS, .receive_hwm = 1, .send_timeout_ms = WAIT_MS};
	uint8_t m[64];
	size_t n = ping(m, sizeof m, 5);
	void *deaf = NULL;
	router.door.peers = peers_of(router.door.socket);
	assert_non_null(router.door.peers);
	assert_int_equal(zsocket_create(context, ZMQ_DEALER, &tight, &deaf, NULL), OK);
	assert_int_equal(zsocket_connect(deaf, endpoint, NULL), OK);
	for (unsigned i = 0; i < REQUESTS && router.blocked == 0; i++) {
		assert_int_equal(zmq_send(deaf, envelope, sizeof envelope, ZMQ_SNDMORE), sizeof envelope);
		assert_int_equal(zmq_send(deaf, "TG01", 4, ZMQ_SNDMORE), 4);
		assert_int_equal(zmq_send(deaf, m, n, 0), (int)n);
		serve_once();
	}
	zsocket_close(&deaf);
	assert_true(router.blocked > 0);
}

enum { NO_FLOOD, FLOODS_ALONE, FLOODS_WHILE_OTHERS_ASK };

/* What net/peers may find once it has read the request of the only one who is connected. */
static void find(int what) {
	struct peers *peers = router.door.peers;
	for (int fd = 0; fd < PEERS_FDS; fd++) {
		struct peer *p = &peers_state.table[fd];
		if (atomic_load(&p->kind) == PEER_CONNECTION && p->of == peers)
			atomic_store(&p->floods, what != NO_FLOOD);
	}
	/* whoever it was: a clock that no pause of this process can reach */
	const int64_t when = what == FLOODS_WHILE_OTHERS_ASK ? INT64_MAX / 2 : INT64_MIN / 2;
	atomic_store(&peers->before_ms, when);
	atomic_store(&peers->asked_ms, when);
}

static bool is_served(void *s, uint64_t id, int what) {
	uint8_t m[64];
	size_t n = ping(m, sizeof m, id);
	zmq_pollitem_t item = {.socket = router.door.socket, .events = ZMQ_POLLIN};
	struct parts p;
	assert_int_equal(zmq_send(s, "TG01", 4, ZMQ_SNDMORE), 4);
	assert_int_equal(zmq_send(s, m, n, 0), (int)n);
	assert_int_equal(zmq_poll(&item, 1, WAIT_MS), 1);
	find(what);
	(void)router_serve(&router);
	receive(s, &p);
	struct tg01_reply r = reply_in(&p, 0, TG01_PING);
	assert_int_equal(r.id.number, id);
	if (r.failed) assert_int_equal(r.code, TG01_OVERLOADED);
	return !r.failed;
}

/* While others ask it gets a small part of the time, and is told so by the id of its request. */
static void who_floods_waits(void **state) {
	(void)state;
	void *s = peer(ZMQ_DEALER);
	router.door.peers = peers_of(router.door.socket);
	assert_non_null(router.door.peers);
	assert_true(is_served(s, 1, NO_FLOOD));
	assert_int_equal(router.heavy_ns, 0);
	assert_true(is_served(s, 2, FLOODS_WHILE_OTHERS_ASK));
	assert_true(router.heavy_ns > 0); /* its next one not before then */
	router.heavy_ns = INT64_MAX;
	assert_false(is_served(s, 3, FLOODS_WHILE_OTHERS_ASK));
	assert_true(is_served(s, 4, FLOODS_ALONE));
	assert_true(is_served(s, 5, NO_FLOOD));
	zsocket_close(&s);
}

int main(void) {
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		TEST(req_with_correlation), TEST(the_envelope_is_untouched), TEST(misframed),
		TEST(a_peer_that_left),     TEST(a_peer_that_never_reads),   TEST(an_envelope_counts),
		TEST(who_floods_waits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
