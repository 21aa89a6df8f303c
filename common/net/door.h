/* A socket that others connect to: where, with which rights, and who they are.
 *
 * One thread uses it, but for door_open, which may be called by another before. */
#ifndef NET_DOOR_H
#define NET_DOOR_H

#include "net/curve_gate.h"
#include "net/peers.h"

struct door_options {
	int type; /* ZMQ_ROUTER, ZMQ_PUB */
	struct zsocket_limits limits;
	struct endpoints at;
	unsigned rights; /* who has one of them may come in */
};

struct door {
	struct curve_gate *gate; /* NULL: no keys */
	void *socket;
	struct peers *peers;             /* the socket's (net/peers.h) */
	char actual[ENDPOINTS_TEXT_MAX]; /* the list as it was bound */
};

/* *d is overwritten. context and gate outlive it. On failure there is nothing to close. */
NODISCARD enum error door_open(struct door *d, void *context, struct curve_gate *gate, const struct door_options *o,
			       struct problem *why);
/* A zeroed one is fine. */
void door_close(struct door *d);

/* What the sender of a message that came through it may do. */
static inline unsigned door_rights(const struct door *d, zmq_msg_t *message) {
	return curve_gate_rights(d->gate, message);
}

#endif
