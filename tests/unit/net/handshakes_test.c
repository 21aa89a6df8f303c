/* Who is there where a socket connects: somebody, nobody, and somebody else. */
#include "net/handshakes.h"

#include "support/again.h"
#include "support/served.h"

static uint64_t wait_until(struct handshakes *h, bool there) {
	const int64_t deadline = test_ms() + PATIENCE_MS;
	uint64_t connection;
	while (((connection = handshakes_connection(h)) != 0) != there) {
		assert_true(test_ms() < deadline);
		(void)poll(NULL, 0, 1);
	}
	return connection;
}

static void each_connection_has_its_number(void **state) {
	(void)state;
	void *context = NULL, *socket = NULL, *own = NULL, *router = NULL;
	char at[ENDPOINT_MAX], endpoint[ENDPOINT_MAX];
	struct handshakes h;
	bool changed = true;
	assert_int_equal(zcontext_create(&context, NULL), OK);
	assert_int_equal(zsocket_create(context, ZMQ_DEALER, NULL, &socket, NULL), OK);
	assert_int_equal(handshakes_watch(context, socket, &h, NULL), OK);
	served_open(&own, &router, again_endpoint(at), endpoint);
	assert_int_equal(handshakes_connection(&h), 0);
	assert_int_equal(handshakes_look(&h, &changed), HANDSHAKE_UNKNOWN);
	assert_false(changed);
	for (uint64_t number = 1; number <= 3; number++) {
		if (number == 1) assert_int_equal(zsocket_connect(socket, endpoint, NULL), OK);
		assert_int_equal(wait_until(&h, true), number);
		assert_int_equal(handshakes_connection(&h), number);
		zsocket_close(&router);
		zcontext_destroy(&own);
		assert_int_equal(wait_until(&h, false), 0);
		memcpy(at, endpoint, sizeof at);
		served_open(&own, &router, at, endpoint);
	}
	assert_int_equal(wait_until(&h, true), 4);
	/* whoever asks for one does not hide it from who wants to know of changes */
	assert_int_equal(handshakes_look(&h, &changed), HANDSHAKE_DONE);
	assert_true(changed);
	assert_int_equal(handshakes_look(&h, &changed), HANDSHAKE_DONE);
	assert_false(changed);
	handshakes_close(&h);
	assert_int_equal(handshakes_connection(&(struct handshakes){0}), 0);
	zsocket_close(&socket);
	zsocket_close(&router);
	zcontext_destroy(&context);
	zcontext_destroy(&own);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_connection_has_its_number),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
