/* The server's side of TG01, TGR1 or TGJ1, for tests that play it: a ROUTER, one request off it and one reply onto it.
 */
#ifndef TESTS_SERVED_H
#define TESTS_SERVED_H

#include "net/zsocket.h"
#include "proto/tg01.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <zmq.h>

#define PATIENCE_MS 60000 /* for what must come */

/* Who asks; and for a while, what. */
struct served {
	char id[64];
	int id_len;
	char version[4];     /* of the protocol, which the reply has, too */
	struct view message; /* until the thread takes the next one */
};

/* endpoint NULL: a free port. */
static inline void served_open(void **context, void **socket, const char *endpoint, char actual[ENDPOINT_MAX]) {
	const struct zsocket_limits limits = {.receive_timeout_ms = 2 * PATIENCE_MS};
	assert_int_equal(zcontext_create(context, NULL), OK);
	assert_int_equal(zsocket_create(*context, ZMQ_ROUTER, &limits, socket, NULL), OK);
	assert_int_equal(zsocket_bind(*socket, endpoint ? endpoint : "tcp://127.0.0.1:0", actual, NULL), OK);
}

/* The next request. False: the context ends. */
static inline bool served_take(void *socket, struct served *ret_s) {
	static _Thread_local char frames[4][TG01_MESSAGE_MAX];
	for (;;) {
		int sizes[4] = {0}, n = 0, more = 1;
		size_t size = sizeof more;
		while (more && n < 4) {
			sizes[n] = zmq_recv(socket, frames[n], sizeof frames[n], 0);
			if (sizes[n] < 0) return false;
			n++;
			(void)zmq_getsockopt(socket, ZMQ_RCVMORE, &more, &size);
		}
		if (n != 3 || sizes[0] > (int)sizeof ret_s->id || sizes[1] != (int)sizeof ret_s->version) continue;
		memcpy(ret_s->id, frames[0], (size_t)sizes[0]);
		ret_s->id_len = sizes[0];
		memcpy(ret_s->version, frames[1], sizeof ret_s->version);
		ret_s->message = view_of(frames[2], (size_t)sizes[2]);
		return true;
	}
}

/* more: another frame follows. */
static inline void served_give(void *socket, const struct served *s, const void *bytes, size_t n, bool more) {
	(void)zmq_send(socket, s->id, (size_t)s->id_len, ZMQ_SNDMORE);
	(void)zmq_send(socket, s->version, sizeof s->version, ZMQ_SNDMORE);
	(void)zmq_send(socket, bytes, n, more ? ZMQ_SNDMORE : 0);
}

static inline int64_t test_ms(void) {
	struct timespec t = {0};
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

#endif
