#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <czmq.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include "net/curve_gate.h"
#include "net/zsocket.h"
#include "support/again.h"

static void *context;
static char directory[64];

static int open_context(void **state) {
	(void)state;
	(void)snprintf(directory, sizeof directory, "/tmp/tiergate-zsocket-XXXXXX");
	if (!mkdtemp(directory)) return -1;
	return zcontext_create(&context, NULL) == OK ? 0 : -1;
}

static int close_context(void **state) {
	(void)state;
	zcontext_destroy(&context);
	zcontext_destroy(&context);
	char path[128];
	(void)snprintf(path, sizeof path, "%s/a/b", directory);
	(void)rmdir(path);
	(void)snprintf(path, sizeof path, "%s/a", directory);
	(void)rmdir(path);
	return rmdir(directory);
}

static void *make(int type) {
	void *s = NULL;
	struct problem why = {0};
	struct zsocket_limits l = {.send_timeout_ms = 60000, .receive_timeout_ms = 60000, .message_max = 100};
	if (zsocket_create(context, type, &l, &s, &why) != OK) fail_msg("%s", why.text);
	return s;
}

static int option(void *s, int name) {
	int value = -1;
	size_t n = sizeof value;
	assert_int_equal(zmq_getsockopt(s, name, &value, &n), 0);
	return value;
}

static void options_are_set_at_once(void **state) {
	(void)state;
	static const int types[] = {ZMQ_ROUTER, ZMQ_DEALER, ZMQ_REQ,  ZMQ_REP,  ZMQ_PUB,
				    ZMQ_SUB,    ZMQ_XPUB,   ZMQ_PUSH, ZMQ_PULL, ZMQ_PAIR};
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		void *s = NULL;
		assert_int_equal(zsocket_create(context, types[i], NULL, &s, NULL), OK);
		assert_int_equal(option(s, ZMQ_LINGER), 0);
		assert_int_equal(option(s, ZMQ_SNDHWM), ZSOCKET_HWM);
		assert_int_equal(option(s, ZMQ_RCVHWM), ZSOCKET_HWM);
		assert_int_equal(option(s, ZMQ_HANDSHAKE_IVL), 3000);
		assert_int_equal(option(s, ZMQ_HEARTBEAT_IVL), 0); /* net/zsocket.h: it ends the process */
		assert_int_equal(option(s, ZMQ_TCP_KEEPALIVE), 1);
		assert_int_equal(option(s, ZMQ_TCP_MAXRT), 15000);
		assert_int_equal(option(s, ZMQ_RECONNECT_IVL_MAX), 2000);
		assert_int_equal(option(s, ZMQ_IMMEDIATE), 0); /* net/zsocket.h: it ends the process */
		int64_t max = 0;
		size_t n = sizeof max;
		assert_int_equal(zmq_getsockopt(s, ZMQ_MAXMSGSIZE, &max, &n), 0);
		assert_int_equal(max, ZSOCKET_MESSAGE_MAX);
		zsocket_close(&s);
		assert_null(s);
		zsocket_close(&s);
	}
	void *none = NULL;
	assert_int_equal(zsocket_create(context, 99, NULL, &none, NULL), ERR_INTERNAL);
	assert_null(none);
}

/* One round trip over what was bound, so that the actual endpoint is proved to be one. */
static void round_trip(const char *endpoint, const char *prefix) {
	void *router = make(ZMQ_ROUTER), *request = make(ZMQ_REQ);
	char actual[ENDPOINT_MAX] = "";
	struct problem why = {0};
	if (zsocket_bind(router, endpoint, actual, &why) != OK) fail_msg("%s", why.text);
	assert_memory_equal(actual, prefix, strlen(prefix));
	assert_null(strchr(actual, '*'));
	assert_int_equal(zsocket_connect(request, actual, NULL), OK);
	assert_int_equal(zmq_send(request, "ping", 4, 0), 4);
	/* identity, the correlation frame, the empty one, the body */
	char frame[4][64];
	int size[4];
	for (int i = 0; i < 4; i++) size[i] = zmq_recv(router, frame[i], sizeof frame[i], 0);
	assert_int_equal(size[1], 4);
	assert_int_equal(size[2], 0);
	assert_memory_equal(frame[3], "ping", 4);
	for (int i = 0; i < 4; i++)
		assert_int_equal(zmq_send(router, frame[i], (size_t)size[i], i < 3 ? ZMQ_SNDMORE : 0), size[i]);
	assert_int_equal(zmq_recv(request, frame[0], sizeof frame[0], 0), 4);

	/* a reply to nobody is an error, not silence */
	assert_int_equal(zmq_send(router, "nobody", 6, ZMQ_SNDMORE), -1);
	assert_int_equal(zmq_errno(), EHOSTUNREACH);
	zsocket_close(&request);
	zsocket_close(&router);
}

static void binds_and_says_where(void **state) {
	(void)state;
	char ipc[128];
	round_trip("tcp://127.0.0.1:*", "tcp://127.0.0.1:");
	round_trip("tcp://127.0.0.1:0", "tcp://127.0.0.1:");
	(void)snprintf(ipc, sizeof ipc, "ipc://%s/a/b/socket", directory);
	round_trip(ipc, ipc);
	struct stat st;
	(void)snprintf(ipc, sizeof ipc, "%s/a/b", directory);
	assert_int_equal(stat(ipc, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
}

static void binds_ipv6_where_there_is_one(void **state) {
	(void)state;
	void *router = make(ZMQ_ROUTER);
	char actual[ENDPOINT_MAX];
	enum error e = zsocket_bind(router, "tcp://[::1]:*", actual, NULL);
	zsocket_close(&router);
	if (e) skip();
	round_trip("tcp://[::1]:*", "tcp://[::1]:");
}

static void binds_several(void **state) {
	(void)state;
	struct endpoints list;
	char actual[ENDPOINTS_TEXT_MAX];
	assert_int_equal(endpoints_parse(VIEW("tcp://127.0.0.1:*;inproc://several"), &list, NULL), OK);
	void *pub = make(ZMQ_PUB), *sub = make(ZMQ_SUB);
	assert_int_equal(curve_gate_bind_all(NULL, CURVE_FEED, pub, &list, actual, NULL), OK);
	assert_non_null(strstr(actual, ";inproc://several"));
	assert_int_equal(endpoints_parse(view_str(actual), &list, NULL), OK);
	assert_int_equal(curve_connect_all(sub, NULL, NULL, &list, NULL), OK);
	zsocket_close(&sub);
	zsocket_close(&pub);
}

static void what_is_taken_stays_taken(void **state) {
	(void)state;
	static const char *const endpoints[] = {"tcp://127.0.0.1:*", "ipc"};
	for (size_t i = 0; i < ARRAY_LEN(endpoints); i++) {
		char ipc[128], actual[ENDPOINT_MAX];
		(void)snprintf(ipc, sizeof ipc, "ipc://%s/taken", directory);
		void *first = make(ZMQ_PUB), *second = make(ZMQ_PUB);
		struct problem why = {0};
		assert_int_equal(zsocket_bind(first, i ? ipc : endpoints[i], actual, NULL), OK);
		assert_int_equal(zsocket_bind(second, actual, NULL, &why), ERR_UNAVAILABLE);
		assert_non_null(strstr(why.text, actual));
		zsocket_close(&second);
		zsocket_close(&first);
	}
	/* a socket file that a killed process left behind is no hindrance */
	char path[128], ipc[160];
	(void)snprintf(path, sizeof path, "%s/left", directory);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	(void)fclose(f);
	(void)snprintf(ipc, sizeof ipc, "ipc://%s", path);
	void *s = make(ZMQ_PUB);
	assert_int_equal(zsocket_bind(s, ipc, NULL, NULL), OK);
	zsocket_close(&s);
	(void)unlink(path);
}

static void refuses_what_cannot_work(void **state) {
	(void)state;
	struct problem why = {0};
	void *s = make(ZMQ_PUB);
	assert_int_equal(zsocket_bind(s, "tcp://192.0.2.1:1", NULL, &why), ERR_CONFIG);
	assert_int_equal(zsocket_bind(s, "ipc:///proc/no/such/socket", NULL, &why), ERR_CONFIG);
	assert_int_equal(zsocket_bind(s, "nonsense", NULL, &why), ERR_CONFIG);
	assert_int_equal(zsocket_connect(s, "nonsense", &why), ERR_CONFIG);
	zsocket_close(&s);
}

static void a_request_to_nobody_times_out(void **state) {
	(void)state;
	void *s = NULL;
	struct zsocket_limits l = {.send_timeout_ms = 20, .receive_timeout_ms = 20};
	assert_int_equal(zsocket_create(context, ZMQ_REQ, &l, &s, NULL), OK);
	assert_int_equal(zsocket_connect(s, "ipc:///tmp/tiergate-nobody-is-here", NULL), OK);
	assert_int_equal(zmq_send(s, "x", 1, 0), 1);
	assert_int_equal(zmq_recv(s, (char[1]){0}, 1, 0), -1);
	assert_int_equal(zmq_errno(), EAGAIN);
	zsocket_close(&s);
}

static void a_frame_over_the_limit_ends_its_connection(void **state) {
	(void)state;
	void *router = make(ZMQ_ROUTER), *dealer = make(ZMQ_DEALER), *good = make(ZMQ_DEALER);
	char actual[ENDPOINT_MAX], large[101] = {0}, got[128];
	assert_int_equal(zsocket_bind(router, "tcp://127.0.0.1:*", actual, NULL), OK);
	assert_int_equal(zsocket_connect(dealer, actual, NULL), OK);
	assert_int_equal(zmq_send(dealer, large, sizeof large, 0), (int)sizeof large);
	assert_int_equal(zsocket_connect(good, actual, NULL), OK);
	assert_int_equal(zmq_send(good, large, 100, 0), 100);
	assert_int_equal(zmq_recv(router, got, sizeof got, 0), 5);
	assert_int_equal(zmq_recv(router, got, sizeof got, 0), 100);
	zsocket_close(&good);
	zsocket_close(&dealer);
	zsocket_close(&router);
}

/* A ROUTER takes a message, answers with one of many parts, and is gone as soon as that is there. */
static void send_parts_and_go(void *receiver, const char *endpoint, int parts) {
	void *own = NULL, *sender = NULL;
	char actual[ENDPOINT_MAX], id[64];
	const struct zsocket_limits l = {.receive_timeout_ms = 60000};
	zmq_pollitem_t there = {.socket = receiver, .events = ZMQ_POLLIN};
	assert_int_equal(zcontext_create(&own, NULL), OK);
	assert_int_equal(zsocket_create(own, ZMQ_ROUTER, &l, &sender, NULL), OK);
	assert_int_equal(zsocket_bind(sender, endpoint, actual, NULL), OK);
	assert_int_equal(zsocket_connect(receiver, actual, NULL), OK);
	assert_int_equal(zmq_send(receiver, "x", 1, 0), 1);
	const int n = zmq_recv(sender, id, sizeof id, 0);
	assert_true(n > 0);
	assert_int_equal(zmq_recv(sender, id + n, 1, 0), 1);
	assert_int_equal(zmq_send(sender, id, (size_t)n, ZMQ_SNDMORE), n);
	for (int i = 1; i <= parts; i++) assert_int_equal(zmq_send(sender, "part", 4, i < parts ? ZMQ_SNDMORE : 0), 4);
	assert_int_equal(zmq_poll(&there, 1, 60000), 1);
	zsocket_close(&sender);
	zcontext_destroy(&own);
	assert_true(again_connected(actual));
}

static void a_long_message_outlives_its_connection(void **state) {
	(void)state;
	enum { PARTS = 300 };
	const struct zsocket_limits l = {.send_timeout_ms = 60000, .receive_timeout_ms = 60000};
	void *s = NULL;
	char at[64], part[8];
	int more = 1, count = 0;
	size_t size = sizeof more;
	assert_int_equal(zsocket_create(context, ZMQ_DEALER, &l, &s, NULL), OK);
	send_parts_and_go(s, again_endpoint(at), PARTS);
	for (; more; count++) {
		assert_int_equal(zmq_recv(s, part, sizeof part, 0), 4);
		assert_int_equal(zmq_getsockopt(s, ZMQ_RCVMORE, &more, &size), 0);
	}
	assert_int_equal(count, PARTS);
	zsocket_close(&s);
}

static void shutdown_wakes_a_blocked_thread(void **state) {
	(void)state;
	void *own = NULL, *s = NULL;
	char byte;
	assert_int_equal(zcontext_create(&own, NULL), OK);
	assert_int_equal(zsocket_create(own, ZMQ_PULL, NULL, &s, NULL), OK);
	zcontext_shutdown(own);
	assert_int_equal(zmq_recv(s, &byte, 1, 0), -1);
	assert_int_equal(zmq_errno(), ETERM);
	zsocket_close(&s);
	zcontext_destroy(&own);
	assert_null(own);
	zcontext_shutdown(NULL);
}

/* czmq would catch INT and TERM as soon as it is used. */
static void czmq_leaves_signals_alone(void **state) {
	(void)state;
	static const int signals[] = {SIGINT, SIGTERM};
	struct sigaction before[ARRAY_LEN(signals)]; /* ignored, maybe: by a shell that runs this in the background */
	for (size_t i = 0; i < ARRAY_LEN(signals); i++) assert_int_equal(sigaction(signals[i], NULL, &before[i]), 0);
	zsock_t *s = zsock_new(ZMQ_PUB);
	assert_non_null(s);
	for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
		struct sigaction now;
		assert_int_equal(sigaction(signals[i], NULL, &now), 0);
		assert_ptr_equal(now.sa_handler, before[i].sa_handler);
	}
	zsock_destroy(&s);
	zsys_shutdown();
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_are_set_at_once),
		cmocka_unit_test(binds_and_says_where),
		cmocka_unit_test(binds_ipv6_where_there_is_one),
		cmocka_unit_test(binds_several),
		cmocka_unit_test(what_is_taken_stays_taken),
		cmocka_unit_test(refuses_what_cannot_work),
		cmocka_unit_test(a_request_to_nobody_times_out),
		cmocka_unit_test(a_frame_over_the_limit_ends_its_connection),
		cmocka_unit_test(a_long_message_outlives_its_connection),
		cmocka_unit_test(shutdown_wakes_a_blocked_thread),
		cmocka_unit_test(czmq_leaves_signals_alone),
	};
	return cmocka_run_group_tests(tests, open_context, close_context);
}
