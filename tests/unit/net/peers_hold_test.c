/* Who floods is read a piece at a time while others ask, and who is to be cut stays without an answer for a while. */
#include "net/peers_private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/zsocket.h"

#define WAIT_MS 60000
#define STEP 400      /* messages of a flood at a time */
#define STEPS_MAX 70  /* PEERS_WAITING_FRAMES would be too many */
#define CLOCK_MS 15   /* the kernel's last tick may be so old, and a bit */
#define MESSAGE_LEN 9 /* with its header */

static void *context, *router, *other;
static struct peers *peers;
static char endpoint[ENDPOINT_MAX];
static int raw;
static struct peer *flooder;
static unsigned of_flooder, of_other; /* taken */

static void give(const void *bytes, size_t n) {
	for (const uint8_t *at = bytes; n > 0;) {
		ssize_t sent = send(raw, at, n, MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR) continue;
		assert_true(sent > 0);
		at += sent;
		n -= (size_t)sent;
	}
}

static void get(size_t n) {
	uint8_t byte;
	while (n > 0) {
		ssize_t got = recv(raw, &byte, 1, 0);
		if (got < 0 && errno == EINTR) continue;
		assert_int_equal(got, 1);
		n--;
	}
}

static void connect_raw(void) {
	static const char ready[] = "\4\x1c"
				    "\5READY"
				    "\xbSocket-Type\0\0\0\6"
				    "DEALER";
	static const uint8_t greeting[64] = {0xff, [9] = 0x7f, [10] = 3, [11] = 1, [12] = 'N', 'U', 'L', 'L'};
	const struct timeval limit = {.tv_sec = WAIT_MS / 1000};
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	a.sin_port = htons((uint16_t)strtoul(strrchr(endpoint, ':') + 1, NULL, 10));
	raw = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(raw >= 0);
	assert_int_equal(setsockopt(raw, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
	assert_int_equal(connect(raw, (const struct sockaddr *)&a, sizeof a), 0);
	give(greeting, sizeof greeting);
	get(sizeof greeting);
	give(ready, sizeof ready - 1);
}

static int set_up(void **state) {
	(void)state;
	const struct zsocket_limits limits = {
		.receive_hwm = 100000, .receive_timeout_ms = WAIT_MS, .send_timeout_ms = WAIT_MS};
	assert_int_equal(zcontext_create(&context, NULL), OK);
	assert_int_equal(zsocket_create(context, ZMQ_ROUTER, &limits, &router, NULL), OK);
	assert_int_equal(zsocket_bind(router, "tcp://127.0.0.1:0", endpoint, NULL), OK);
	assert_int_equal(zsocket_create(context, ZMQ_DEALER, &limits, &other, NULL), OK);
	assert_int_equal(zsocket_connect(other, endpoint, NULL), OK);
	peers = peers_of(router);
	assert_non_null(peers);
	flooder = NULL;
	of_flooder = of_other = 0;
	connect_raw();
	return 0;
}

static int tear_down(void **state) {
	(void)state;
	(void)close(raw);
	zsocket_close(&other);
	zsocket_close(&router);
	zcontext_destroy(&context);
	return 0;
}

static void flood(unsigned messages) {
	static const uint8_t message[MESSAGE_LEN] = {0, 7, 'm', 'e', 's', 's', 'a', 'g', 'e'};
	static uint8_t bytes[STEP * MESSAGE_LEN];
	for (unsigned i = 0; i < messages; i++) memcpy(bytes + (size_t)i * MESSAGE_LEN, message, MESSAGE_LEN);
	give(bytes, (size_t)messages * MESSAGE_LEN);
}

static void ask(void) { assert_int_equal(zmq_send(other, "ask", 3, 0), 3); }

/* Takes one, of whomever it is; false: there is none within so long. */
static bool take(int wait_ms) {
	zmq_pollitem_t item = {.socket = router, .events = ZMQ_POLLIN};
	zmq_msg_t first, m;
	uint32_t waiting;
	if (zmq_poll(&item, 1, wait_ms) != 1) return false;
	(void)zmq_msg_init(&first);
	(void)zmq_msg_init(&m);
	assert_true(zmq_msg_recv(&first, router, 0) >= 0);
	assert_true(zmq_msg_recv(&m, router, 0) >= 0);
	assert_false(zmq_msg_more(&m));
	const bool is_other = zmq_msg_size(&m) == 3;
	if (!is_other) assert_memory_equal(zmq_msg_data(&m), "message", 7);
	const int peer = peers_took(peers, &first, &m, 1, zmq_msg_size(&m), &waiting);
	if (is_other)
		of_other++;
	else
		of_flooder++;
	if (!is_other && !flooder && peer >= 0) flooder = &peers_state.table[peer];
	(void)zmq_msg_close(&m);
	(void)zmq_msg_close(&first);
	return true;
}

static int number(const struct peer *p) { return (int)(p - peers_state.table); }

/* Sends on while what it sent waits, until it is called a flood. How many messages it were. */
static unsigned flood_until_noticed(bool others) {
	unsigned sent = 1;
	flood(1);
	while (!flooder) assert_true(take(WAIT_MS));
	assert_false(atomic_load(&flooder->floods));
	for (unsigned i = 0; i < STEPS_MAX && !atomic_load(&flooder->floods); i++) {
		flood(STEP);
		sent += STEP;
		if (others) ask();
		(void)poll(NULL, 0, 5);
		if (others) /* its own, and one of the flood */
			assert_true(take(WAIT_MS) && take(WAIT_MS));
	}
	assert_true(atomic_load(&flooder->floods));
	return sent;
}

static void holds_who_floods(void **state) {
	(void)state;
	unsigned sent = flood_until_noticed(true), asked = of_other;
	bool floods = false, held = false;
	for (unsigned i = 0; i < STEPS_MAX && !(floods && held); i++) {
		flood(STEP);
		sent += STEP;
		ask();
		asked++;
		for (unsigned was = of_other; of_other == was;) assert_true(take(WAIT_MS)); /* it is answered at once */
		floods = floods || peers_floods(peers, number(flooder));
		held = held || atomic_load(&flooder->held);
	}
	assert_true(floods && held);
	/* nothing of it is lost, and it comes also when nobody else asks any more */
	while (of_flooder < sent) assert_true(take(WAIT_MS));
	assert_int_equal(of_flooder, sent);
	/* and who sends one at a time from then on is as good as anybody */
	for (unsigned i = 0; i < WAIT_MS && atomic_load(&flooder->floods); i++) {
		flood(1);
		assert_true(take(WAIT_MS));
	}
	assert_false(peers_floods(peers, number(flooder)));
	assert_false(take(0));
}

/* Somebody who asks much and hinders nobody is let be. */
static void holds_nobody_who_is_alone(void **state) {
	(void)state;
	const unsigned sent = flood_until_noticed(false);
	assert_false(peers_floods(peers, number(flooder)));
	assert_false(atomic_load(&flooder->held));
	assert_int_equal(atomic_load(&peers_state.holds.epoll), 0);
	while (of_flooder < sent) assert_true(take(WAIT_MS));
}

/* As many as a client of ours has on their way, and many more at once, but not for long. */
static void a_burst_is_no_flood(void **state) {
	(void)state;
	unsigned sent = 0;
	for (unsigned i = 0; i < 10; i++) {
		flood(STEP);
		sent += STEP;
		while (of_flooder < sent) assert_true(take(WAIT_MS));
		ask();
		assert_true(take(WAIT_MS));
	}
	assert_false(atomic_load(&flooder->floods));
}

static int64_t now_ms(void) {
	struct timespec t;
	assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &t), 0);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Also who sends again and again what is not to be borne: the next attempt comes later. */
static void holds_who_is_to_be_cut(void **state) {
	(void)state;
	static const uint8_t part[] = {1, 1, 'x'};
	const uint64_t before = peers_count_cut(PEERS_ENDLESS);
	const int64_t began = now_ms();
	uint8_t byte;
	for (unsigned i = 0; i < 2000; i++)
		if (send(raw, part, sizeof part, MSG_NOSIGNAL) != sizeof part) break;
	ssize_t got; /* what it was told in the handshake, and then the end */
	do got = recv(raw, &byte, 1, 0);
	while (got > 0 || (got < 0 && errno == EINTR));
	assert_true(got == 0 || errno == ECONNRESET);
	assert_true(now_ms() - began >= PEERS_HOLD_MS - CLOCK_MS);
	assert_int_equal(peers_count_cut(PEERS_ENDLESS), before + 1);
	ask();
	assert_true(take(WAIT_MS));
	assert_int_equal(of_other, 1);
}

/* Who leaves while it is held is forgotten, and whoever gets its number is nobody's heir. */
static void forgets_who_leaves_meanwhile(void **state) {
	(void)state;
	(void)flood_until_noticed(true);
	for (unsigned i = 0; i < 5; i++) {
		const struct linger reset = {.l_onoff = 1};
		assert_int_equal(setsockopt(raw, SOL_SOCKET, SO_LINGER, &reset, sizeof reset), 0);
		(void)close(raw);
		for (unsigned k = 0; k < WAIT_MS && peers_connected() > 1; k++) {
			ask();
			(void)take(1);
		}
		assert_int_equal(peers_connected(), 1);
		while (take(0)) { /* of the one that left, and of the other */
		}
		peers_emptied(peers);
		flooder = NULL;
		connect_raw();
		(void)flood_until_noticed(true);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(holds_who_floods, set_up, tear_down),
		cmocka_unit_test_setup_teardown(holds_nobody_who_is_alone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_burst_is_no_flood, set_up, tear_down),
		cmocka_unit_test_setup_teardown(holds_who_is_to_be_cut, set_up, tear_down),
		cmocka_unit_test_setup_teardown(forgets_who_leaves_meanwhile, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
