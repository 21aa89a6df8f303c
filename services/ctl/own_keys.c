#include "own_keys.h"

#include "net/curve_gate.h"
#include "service/clock.h"

#include <zmq.h>

enum error own_keys_connect(const struct call *c, void *zmq, void *socket, const char *endpoint,
			    struct handshakes *ret_h, struct problem *why) {
	struct curve_identity me = {0};
	*ret_h = (struct handshakes){0};
	const bool keyed = c->s.curve_dir && !endpoint_is_local(endpoint);
	enum error e = keyed ? curve_identity_read(c->s.curve_dir, &me, why) : OK;
	if (!e) e = handshakes_watch(zmq, socket, ret_h, why);
	if (!e) e = curve_connect(socket, keyed ? &me : NULL, endpoint, why);
	curve_pair_forget(&me.mine);
	return e;
}

uint64_t own_keys_await(const struct call *c, struct handshakes *h) {
	const int64_t deadline = mono_ms() + c->s.timeout_ms;
	zmq_pollitem_t told = {.socket = h->monitor, .events = ZMQ_POLLIN};
	for (;;) {
		const uint64_t connection = handshakes_connection(h);
		const int64_t left = deadline - mono_ms();
		if (connection || left <= 0) return connection;
		(void)zmq_poll(&told, 1, (long)left);
	}
}

enum error own_keys_problem(struct handshakes *h, const char *endpoint, struct problem *why) {
	const char *text = endpoint_is_local(endpoint) ? "" : handshake_text(handshakes_look(h, NULL));
	return *text ? problem_set(why, ERR_FORBIDDEN, "%.110s: %s", endpoint, text) : OK;
}
