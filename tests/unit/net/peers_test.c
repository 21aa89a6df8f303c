#include "net/peers.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "net/zsocket.h"

#define WAIT_MS 10000

static void *context, *router, *dealer;
static struct peers *peers;
static char endpoint[ENDPOINT_MAX];

static int set_up(void **state) {
	(void)state;
	const struct zsocket_limits limits = {
		.unread = 1000, .receive_timeout_ms = WAIT_MS, .send_timeout_ms = WAIT_MS};
	assert_int_equal(zcontext_create(&context, NULL), OK);
	assert_int_equal(zsocket_create(context, ZMQ_ROUTER, &limits, &router, NULL), OK);
	assert_int_equal(zsocket_bind(router, "tcp://127.0.0.1:0", endpoint, NULL), OK);
	assert_int_equal(zsocket_create(context, ZMQ_DEALER, &limits, &dealer, NULL), OK);
	assert_int_equal(zsocket_connect(dealer, endpoint, NULL), OK);
	peers = peers_of(router);
	assert_non_null(peers);
	return 0;
}

static int tear_down(void **state) {
	(void)state;
	zsocket_close(&dealer);
	zsocket_close(&router);
	zcontext_destroy(&context);
	return 0;
}

static void send_two_frames(void) {
	assert_int_equal(zmq_send(dealer, "TG01", 4, ZMQ_SNDMORE), 4);
	assert_int_equal(zmq_send(dealer, "message", 7, 0), 7);
}

/* Takes one; the peer's number. */
static int take(uint32_t *ret_waiting) {
	zmq_msg_t m;
	int peer = -1;
	for (unsigned n = 0;; n++) {
		(void)zmq_msg_init(&m);
		assert_true(zmq_msg_recv(&m, router, 0) >= 0);
		bool more = zmq_msg_more(&m);
		if (!more) peer = peers_took(peers, &m, n, 11, ret_waiting);
		(void)zmq_msg_close(&m);
		if (!more) return peer;
	}
}

static void wait_for_frames(uint64_t wanted) {
	uint64_t of, n = 0;
	for (unsigned i = 0; i < WAIT_MS && (n = peers_waiting(peers, &of)) != wanted; i++) (void)poll(NULL, 0, 1);
	assert_int_equal(n, wanted);
}

static void counts_what_waits(void **state) {
	(void)state;
	uint32_t mine;
	uint64_t of;
	for (unsigned i = 0; i < 3; i++) send_two_frames();
	wait_for_frames(6);
	assert_int_equal(peers_waiting(peers, &of), 6);
	assert_int_equal(of, 1);
	assert_true(take(&mine) >= 0);
	assert_int_equal(mine, 4);
	assert_int_equal(peers_waiting(peers, &of), 4);
	peers_emptied(peers); /* whatever was believed */
	assert_int_equal(peers_waiting(peers, &of), 0);
	assert_int_equal(of, 0);
	(void)take(&mine);
	assert_int_equal(mine, 0);
	assert_int_equal(peers_waiting(peers, &of), 0);
}

static void bounds_what_is_not_read(void **state) {
	(void)state;
	uint32_t mine;
	send_two_frames();
	int peer = take(&mine);
	assert_true(peer >= 0);
	assert_true(peers_may_send(peers, peer, 5000)); /* one may be as large as it is */
	assert_false(peers_has_room(peers, peer, 1));
	assert_false(peers_may_send(peers, peer, 1));
	assert_true(peers_may_send(peers, -1, 5000)); /* somebody who has left: libzmq says so itself */
	assert_true(peers_may_send(NULL, peer, 5000));
}

static void forgets_who_leaves(void **state) {
	(void)state;
	uint32_t mine;
	send_two_frames();
	(void)take(&mine);
	assert_int_equal(peers_connected(), 1);
	zsocket_close(&dealer);
	for (unsigned i = 0; i < WAIT_MS && peers_connected(); i++) (void)poll(NULL, 0, 1);
	assert_int_equal(peers_connected(), 0);
}

static void knows_only_what_binds(void **state) {
	(void)state;
	uint32_t waiting;
	uint64_t of;
	assert_null(peers_of(dealer));
	assert_null(peers_of(NULL));
	assert_int_equal(peers_took(NULL, NULL, 2, 11, &waiting), -1);
	assert_int_equal(peers_waiting(NULL, &of), 0);
	peers_emptied(NULL);
}

int main(void) {
	const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(counts_what_waits, set_up, tear_down),
					   cmocka_unit_test_setup_teardown(bounds_what_is_not_read, set_up, tear_down),
					   cmocka_unit_test_setup_teardown(forgets_who_leaves, set_up, tear_down),
					   cmocka_unit_test_setup_teardown(knows_only_what_binds, set_up, tear_down)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
