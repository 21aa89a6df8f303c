/* Replies of all sizes and in all bursts, to a peer that reads late: what the kernel is not asked to watch for must not
 * be missed. */
#include "net/peers_private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/zsocket.h"
#include "support/random.h"

#define WAIT_MS 60000
#define REPLY_MAX 40000
#define BURST_MAX 300

static void *context, *router;
static char endpoint[ENDPOINT_MAX];
static int raw;

static void put(const void *bytes, size_t n) { assert_int_equal(send(raw, bytes, n, MSG_NOSIGNAL), n); }

/* A receive with a limit is cut short when the process is stopped and goes on. */
static void get(void *bytes, size_t n) {
	uint8_t *at = bytes;
	for (ssize_t got; n > 0; at += got, n -= (size_t)got) {
		got = recv(raw, at, n, MSG_WAITALL);
		if (got < 0 && errno == EINTR)
			got = 0;
		else if (got <= 0)
			fail_msg("%zu bytes are missing: %s", n, got ? strerror(errno) : "the end");
	}
}

/* A DEALER that reads when it is told to. */
static void connect_raw(void) {
	static const char ready[] = "\4\x1c"
				    "\5READY"
				    "\xbSocket-Type\0\0\0\6"
				    "DEALER";
	uint8_t greeting[64] = {0xff, [9] = 0x7f, [10] = 3, [11] = 1, [12] = 'N', 'U', 'L', 'L'}, head[2], body[255];
	const struct timeval limit = {.tv_sec = WAIT_MS / 1000};
	const int small = 4096;
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	a.sin_port = htons((uint16_t)strtoul(strrchr(endpoint, ':') + 1, NULL, 10));
	raw = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(raw >= 0);
	assert_int_equal(setsockopt(raw, SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
	assert_int_equal(setsockopt(raw, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
	assert_int_equal(connect(raw, (const struct sockaddr *)&a, sizeof a), 0);
	put(greeting, sizeof greeting);
	get(greeting, sizeof greeting);
	put(ready, sizeof ready - 1);
	get(head, 2);
	assert_int_equal(head[0], 4);
	get(body, head[1]);
}

static int set_up(void **state) {
	(void)state;
	const int small = 4096;
	const struct zsocket_limits limits = {.send_hwm = 2 * BURST_MAX, .receive_timeout_ms = WAIT_MS};
	assert_int_equal(zcontext_create(&context, NULL), OK);
	assert_int_equal(zsocket_create(context, ZMQ_ROUTER, &limits, &router, NULL), OK);
	assert_int_equal(zmq_setsockopt(router, ZMQ_SNDBUF, &small, sizeof small), 0); /* the kernel is soon full */
	assert_int_equal(zsocket_bind(router, "tcp://127.0.0.1:0", endpoint, NULL), OK);
	connect_raw();
	return 0;
}

static int tear_down(void **state) {
	(void)state;
	(void)close(raw);
	zsocket_close(&router);
	zcontext_destroy(&context);
	return 0;
}

/* One request; its identity, and the number of its connection. */
static size_t take(uint8_t identity[255], int *ret_peer) {
	zmq_msg_t m;
	put("\0\1?", 3);
	int n = zmq_recv(router, identity, 255, 0);
	assert_true(n > 0);
	(void)zmq_msg_init(&m);
	assert_int_equal(zmq_msg_recv(&m, router, 0), 1);
	*ret_peer = zmq_msg_get(&m, ZMQ_SRCFD);
	(void)zmq_msg_close(&m);
	return (size_t)n;
}

static void reply(const uint8_t *identity, size_t n, size_t size, uint8_t fill) {
	static uint8_t body[REPLY_MAX];
	memset(body, fill, size);
	assert_int_equal(zmq_send(router, identity, n, ZMQ_SNDMORE), n);
	assert_int_equal(zmq_send(router, body, size, 0), size);
}

static void expect(size_t size, uint8_t fill) {
	static uint8_t body[REPLY_MAX];
	uint8_t head[9];
	uint64_t len = 0;
	get(head, 1);
	size_t digits = head[0] & 2 ? 8 : 1;
	get(head + 1, digits);
	for (size_t i = 1; i <= digits; i++) len = len << 8 | head[i];
	assert_int_equal(len, size);
	get(body, size);
	for (size_t i = 0; i < size; i++) assert_int_equal(body[i], fill);
}

/* Around what libzmq gathers for one send, and any other. */
static size_t any_size(struct random *r) {
	if (random_below(r, 2)) return 1 + random_below(r, 300);
	if (random_below(r, 2)) return PEERS_DRAINED - 40 + random_below(r, 80);
	return 1 + random_below(r, REPLY_MAX - 1);
}

static void every_reply_arrives(void **state) {
	(void)state;
	struct random r = random_start();
	uint8_t identity[255];
	size_t sizes[BURST_MAX];
	int peer;
	size_t n = take(identity, &peer);
	for (unsigned round = 0; round < 60; round++) {
		unsigned burst = 1 + (unsigned)random_below(&r, random_below(&r, 3) ? 3 : BURST_MAX);
		for (unsigned i = 0; i < burst; i++) reply(identity, n, sizes[i] = any_size(&r), (uint8_t)(round + i));
		if (random_below(&r, 2)) (void)take(identity, &peer);
		for (unsigned i = 0; i < burst; i++) expect(sizes[i], (uint8_t)(round + i));
	}
}

/* A peer that reads in small pieces has libzmq offer what is left of a batch by itself, which is little and all taken:
 * what is behind it is still unread. And nothing is once all was read. */
static void counts_what_is_behind_a_rest(void **state) {
	(void)state;
	enum { COUNT = 150, SIZE = 7000, READ = 30, HELD_MAX = 256 * 1024 }; /* held by the kernel, on both sides */
	struct peers *peers = peers_of(router);
	uint8_t identity[255];
	int peer;
	size_t n = take(identity, &peer);
	const struct peer *p = &peers_state.table[peer];
	for (unsigned i = 0; i < COUNT; i++) {
		assert_true(peers_may_send(peers, peer, SIZE));
		reply(identity, n, SIZE, (uint8_t)i);
	}
	for (unsigned i = 0; i < COUNT; i++) {
		expect(SIZE, (uint8_t)i);
		const int64_t left = (int64_t)(COUNT - 1 - i) * SIZE;
		if (i < READ) assert_true(atomic_load(&p->unread) >= left - HELD_MAX);
	}
	for (unsigned i = 0; i < WAIT_MS && atomic_load(&p->unread) > 0; i++) (void)take(identity, &peer);
	assert_int_equal(atomic_load(&p->unread), 0);
}

/* Why all this is there: a reply that the kernel takes costs no question about room. */
static void does_not_ask_for_room(void **state) {
	(void)state;
	uint8_t identity[255];
	int peer;
	size_t n = take(identity, &peer);
	const struct peer *p = &peers_state.table[peer];
	for (unsigned i = 0; i < 10; i++) {
		reply(identity, n, 100, (uint8_t)i);
		expect(100, (uint8_t)i);
		n = take(identity, &peer); /* so that the I/O thread is done with the reply */
		assert_true(p->talks);
		assert_int_equal(p->polled.events, EPOLLIN);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_reply_arrives, set_up, tear_down),
		cmocka_unit_test_setup_teardown(counts_what_is_behind_a_rest, set_up, tear_down),
		cmocka_unit_test_setup_teardown(does_not_ask_for_room, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
