#include "net/peers_private.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/zsocket.h"

#define WAIT_MS 60000

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
	zmq_msg_t first, m;
	int peer = -1;
	bool more = true;
	(void)zmq_msg_init(&first);
	assert_true(zmq_msg_recv(&first, router, 0) >= 0);
	for (unsigned n = 1; more; n++) {
		(void)zmq_msg_init(&m);
		assert_true(zmq_msg_recv(&m, router, 0) >= 0);
		more = zmq_msg_more(&m);
		if (!more) peer = peers_took(peers, &first, &m, n, 11, ret_waiting);
		(void)zmq_msg_close(&m);
	}
	(void)zmq_msg_close(&first);
	return peer;
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

/* ---- ZMTP 2 ---- */

static int connect_raw(void) {
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	a.sin_port = htons((uint16_t)strtoul(strrchr(endpoint, ':') + 1, NULL, 10));
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (const struct sockaddr *)&a, sizeof a), 0);
	return fd;
}

static void give(int fd, const void *bytes, size_t n) { assert_int_equal(write(fd, bytes, n), n); }

static const uint8_t greeting_2[12] = {0xff, [9] = 0x7f, 1, 5};

/* Whatever identity it has, cut wherever, and also when it comes with what follows. */
static void knows_a_peer_with_zmtp_2(void **state) {
	(void)state;
	static const uint8_t plain[] = {0, 0}, named[] = {0, 4, 'n', 'a', 'm', 'e'};
	static const uint8_t message[] = {1, 4, 'T', 'G', '0', '1', 0, 7, 'm', 'e', 's', 's', 'a', 'g', 'e'};
	int fds[3], peer[3];
	uint32_t mine;
	for (unsigned i = 0; i < 3; i++) {
		fds[i] = connect_raw();
		give(fds[i], greeting_2, sizeof greeting_2);
		if (i < 2) give(fds[i], plain, i);
		give(fds[i], i < 2 ? plain + i : named, i < 2 ? sizeof plain - i : sizeof named);
		give(fds[i], message, sizeof message);
		give(fds[i], message, sizeof message);
		wait_for_frames(4);
		peer[i] = take(&mine);
		assert_true(peer[i] >= 0);
		assert_int_equal(mine, 2);
		assert_int_equal(take(&mine), peer[i]);
		assert_true(peers_may_send(peers, peer[i], 5000));
		assert_false(peers_may_send(peers, peer[i], 1));
	}
	assert_true(peer[0] != peer[1] && peer[1] != peer[2]);
	for (unsigned i = 0; i < 3; i++) close(fds[i]);
}

/* Two that give the same identity are two. */
static void believes_no_identity(void **state) {
	(void)state;
	static const uint8_t first[] = {0,   4, 's', 'a', 'm', 'e', 1,   4,   'T', 'G', '0',
					'1', 0, 7,   'm', 'e', 's', 's', 'a', 'g', 'e'};
	int fds[2], peer[2];
	uint32_t mine;
	for (unsigned i = 0; i < 2; i++) {
		fds[i] = connect_raw();
		give(fds[i], greeting_2, sizeof greeting_2);
		give(fds[i], first, sizeof first);
		peer[i] = take(&mine);
		assert_true(peer[i] >= 0);
	}
	assert_true(peer[0] != peer[1]);
	for (unsigned i = 0; i < 2; i++) close(fds[i]);
}

static void ends_a_handshake_that_takes_too_long(void **state) {
	(void)state;
	uint64_t before = peers_count_cut(PEERS_HANDSHAKE);
	int fd = connect_raw();
	give(fd, greeting_2, sizeof greeting_2);
	for (unsigned i = 0; i < WAIT_MS && peers_count_cut(PEERS_HANDSHAKE) == before; i++) {
		peers_sweep();
		(void)poll(NULL, 0, 1);
	}
	assert_int_equal(peers_count_cut(PEERS_HANDSHAKE), before + 1);
	close(fd);
}

/* libzmq aborts when an identity comes to a socket that is being closed. */
static void closes_under_a_handshake(void **state) {
	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		int fd = connect_raw();
		give(fd, greeting_2, sizeof greeting_2);
		struct pollfd p = {.fd = fd, .events = POLLIN};
		assert_int_equal(poll(&p, 1, WAIT_MS), 1); /* libzmq has taken the greeting */
		zsocket_close(&router);
		(void)!send(fd, "\0\0", 2, MSG_NOSIGNAL);
		close(fd);
		tear_down(NULL);
		set_up(NULL);
	}
}

static void forgets_who_leaves(void **state) {
	(void)state;
	uint32_t mine;
	send_two_frames();
	(void)take(&mine);
	assert_int_equal(peers_connected(), 1);
	assert_true(peers_any(peers));
	zsocket_close(&dealer);
	for (unsigned i = 0; i < WAIT_MS && peers_connected(); i++) (void)poll(NULL, 0, 1);
	assert_int_equal(peers_connected(), 0);
	assert_false(peers_any(peers));
	assert_true(peers_any(NULL));
}

static void knows_only_what_binds(void **state) {
	(void)state;
	uint32_t waiting;
	uint64_t of;
	assert_null(peers_of(dealer));
	assert_null(peers_of(NULL));
	assert_int_equal(peers_took(NULL, NULL, NULL, 2, 11, &waiting), -1);
	assert_int_equal(peers_waiting(NULL, &of), 0);
	peers_emptied(NULL);
}

/* ---- without file numbers ------------------------------------------------------------- */

#define CALLERS 200

static int callers[CALLERS];

/* Sockets that want to be connected, and no number beyond theirs. */
static struct rlimit use_up_numbers(void) {
	struct rlimit was, now;
	for (int i = 0; i < CALLERS; i++) {
		callers[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		assert_true(callers[i] >= 0);
	}
	int next = dup(callers[0]);
	assert_true(next >= 0 && close(next) == 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	now = was;
	now.rlim_cur = (rlim_t)next;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &now), 0);
	assert_true(dup(callers[0]) < 0);
	return was;
}

static void give_numbers_back(const struct rlimit *was) {
	assert_int_equal(setrlimit(RLIMIT_NOFILE, was), 0);
	for (int i = 0; i < CALLERS; i++) (void)close(callers[i]);
}

static void call(int caller) {
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	at.sin_port = htons((uint16_t)strtoul(strrchr(endpoint, ':') + 1, NULL, 10));
	(void)connect(callers[caller], (struct sockaddr *)&at, sizeof at);
}

static bool turned_away(int caller, int within_ms) {
	char byte;
	struct pollfd p = {.fd = callers[caller], .events = POLLIN};
	for (int left = within_ms; left >= 0; left -= 10) {
		if (poll(&p, 1, 10) == 1 && recv(callers[caller], &byte, 1, 0) <= 0) return true;
		p.revents = 0;
	}
	return false;
}

static void gets_a_spare_number_back(void **state) {
	(void)state;
	uint32_t mine;
	send_two_frames();
	(void)take(&mine);
	const struct rlimit was = use_up_numbers();
	const uint64_t before = peers_count_cut(PEERS_FULL);
	/* somebody else has it: nobody can be turned away */
	int taken = atomic_exchange(&peers_state.spare, -1);
	assert_true(taken >= 0);
	call(0);
	assert_false(turned_away(0, 50));
	assert_int_equal(close(taken), 0);
	assert_int_equal(peers_connected(), 1); /* as a service asks every second */
	assert_true(turned_away(0, WAIT_MS));
	assert_true(peers_count_cut(PEERS_FULL) > before);
	/* and when one of its own connections ends */
	for (unsigned i = 0; i < WAIT_MS && peers_state.spare < 0; i++) (void)poll(NULL, 0, 1);
	taken = atomic_exchange(&peers_state.spare, -1);
	assert_true(taken >= 0);
	zsocket_close(&dealer);
	for (unsigned i = 0; i < WAIT_MS && peers_state.spare < 0; i++) (void)poll(NULL, 0, 1);
	assert_true(peers_state.spare >= 0);
	assert_int_equal(close(taken), 0);
	give_numbers_back(&was);
}

struct thief {
	pthread_t thread;
	_Atomic bool end;
	_Atomic unsigned stolen;
};

/* As any thread of a service that opens a file just now. */
static void *steal(void *ctx) {
	struct thief *t = ctx;
	while (!t->end) {
		int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
		if (fd < 0) continue;
		t->stolen++;
		(void)poll(NULL, 0, 1);
		(void)close(fd);
		(void)poll(NULL, 0, 1); /* else nobody else might ever run between the two */
	}
	return NULL;
}

static void turns_away_while_others_open_files(void **state) {
	(void)state;
	struct thief t = {.stolen = 0};
	uint32_t mine;
	send_two_frames(); /* the dealer has its connection, and gives no number back meanwhile */
	(void)take(&mine);
	const struct rlimit was = use_up_numbers();
	assert_int_equal(pthread_create(&t.thread, NULL, steal, &t), 0);
	for (int i = 0; i < CALLERS; i++) {
		call(i);
		for (int waited = 0; !turned_away(i, 20) && waited < WAIT_MS; waited += 20) {
			(void)peers_connected();
			if (waited + 20 >= WAIT_MS) fail_msg("caller %d was never turned away", i);
		}
	}
	t.end = true;
	(void)pthread_join(t.thread, NULL);
	print_message("numbers that another thread had: %u\n", t.stolen);
	give_numbers_back(&was);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(counts_what_waits, set_up, tear_down),
		cmocka_unit_test_setup_teardown(bounds_what_is_not_read, set_up, tear_down),
		cmocka_unit_test_setup_teardown(knows_a_peer_with_zmtp_2, set_up, tear_down),
		cmocka_unit_test_setup_teardown(believes_no_identity, set_up, tear_down),
		cmocka_unit_test_setup_teardown(ends_a_handshake_that_takes_too_long, set_up, tear_down),
		cmocka_unit_test_setup_teardown(closes_under_a_handshake, set_up, tear_down),
		cmocka_unit_test_setup_teardown(forgets_who_leaves, set_up, tear_down),
		cmocka_unit_test_setup_teardown(knows_only_what_binds, set_up, tear_down),
		cmocka_unit_test_setup_teardown(gets_a_spare_number_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(turns_away_while_others_open_files, set_up, tear_down)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
