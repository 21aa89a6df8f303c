/* Numbered messages through a ROUTER that looks at keys. */
#ifndef TESTS_NET_RIGHTS_THROUGH_H
#define TESTS_NET_RIGHTS_THROUGH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <zmq.h>

#define RIGHTS_STEP_MS 100

/* The next message that came: is it this one, and with which rights? */
static inline bool rights_take(void *router, unsigned wanted, unsigned (*rights)(void *ctx, zmq_msg_t *m), void *ctx,
			       int *ret_rights) {
	unsigned number;
	zmq_msg_t m;
	(void)zmq_msg_init(&m);
	assert_true(zmq_msg_recv(&m, router, 0) > 0); /* the identity */
	assert_int_equal(zmq_msg_recv(&m, router, 0), sizeof number);
	memcpy(&number, zmq_msg_data(&m), sizeof number);
	*ret_rights = (int)rights(ctx, &m);
	(void)zmq_msg_close(&m);
	return number == wanted;
}

/* Sends `number` from the dealer until it arrives, and gives the rights that it came with; -1: it did not within that
 * time. libzmq may lose what was sent as a connection ended, and what was sent more than once may still come when
 * another is waited for. */
static inline int rights_through(void *router, void *dealer, unsigned number, int timeout_ms,
				 unsigned (*rights)(void *ctx, zmq_msg_t *m), void *ctx) {
	zmq_pollitem_t item = {.socket = router, .events = ZMQ_POLLIN};
	const int step = RIGHTS_STEP_MS;
	int got;
	(void)zmq_setsockopt(dealer, ZMQ_SNDTIMEO, &step, sizeof step);
	for (int i = 0; i < timeout_ms / step; i++) {
		(void)zmq_send(dealer, &number, sizeof number, 0);
		while (zmq_poll(&item, 1, step) > 0)
			if (rights_take(router, number, rights, ctx, &got)) return got;
	}
	return -1;
}

#endif
