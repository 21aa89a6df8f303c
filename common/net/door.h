/* A socket that others connect to, and that can be made anew where it was: libzmq cannot end a connection, so a key
 * that was taken out leaves when the socket does (net/curve_gate.h), and who is still allowed comes back by itself.
 *
 * One thread uses it, but for door_open, which may be called by another before. While it is shut `socket` is NULL:
 * libzmq then refuses what is sent, and a zmq_pollitem_t must leave it out.
 */
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
	void *context;
	struct curve_gate *gate; /* NULL: no keys */
	struct door_options options;
	void *socket;
	struct peers *peers;             /* the socket's (net/peers.h) */
	char actual[ENDPOINTS_TEXT_MAX]; /* the list as it was bound; a wildcard's port stays the same */
};

/* *d is overwritten. context and gate outlive it. On failure there is nothing to close. */
NODISCARD enum error door_open(struct door *d, void *context, struct curve_gate *gate, const struct door_options *o,
			       struct problem *why);
/* Ends all connections. An address that was just left is free a moment later, so this may take a few tries, on a
 * machine that is very busy many, for DOOR_WAIT_MS at most; then ERR_UNAVAILABLE, and it is shut. */
#define DOOR_WAIT_MS 10000
NODISCARD enum error door_reopen(struct door *d, struct problem *why);
/* A zeroed one is fine. */
void door_close(struct door *d);

/* What the sender of a message that came through it may do. */
static inline unsigned door_rights(const struct door *d, zmq_msg_t *message) {
	return curve_gate_rights(d->gate, message);
}

#endif
