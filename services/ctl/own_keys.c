#include "own_keys.h"

#include "net/curve_gate.h"

enum error own_keys_connect(const struct call *c, void *zmq, void *socket, const char *endpoint,
			    struct handshakes *ret_h, struct problem *why) {
	struct curve_identity me = {0};
	*ret_h = (struct handshakes){0};
	if (!c->s.curve_dir || endpoint_is_local(endpoint)) return curve_connect(socket, NULL, endpoint, why);
	enum error e = curve_identity_read(c->s.curve_dir, &me, why);
	if (!e) e = handshakes_watch(zmq, socket, ret_h, why);
	if (!e) e = curve_connect(socket, &me, endpoint, why);
	curve_pair_forget(&me.mine);
	return e;
}

enum error own_keys_problem(struct handshakes *h, const char *endpoint, struct problem *why) {
	const char *text = handshake_text(handshakes_look(h, NULL));
	return *text ? problem_set(why, ERR_FORBIDDEN, "%.110s: %s", endpoint, text) : OK;
}
