/* The ROUTER: frames in, frames out, the envelope untouched.
 *
 * A message is the envelope (the identity, and what REQ, REQ_CORRELATE or a proxy put behind it), "TG01" and one
 * frame of msgpack. Nothing waits: a reply that cannot go (its peer left, or does not read) is dropped and
 * counted, and the peer asks again. */
#ifndef QUERY_ROUTER_H
#define QUERY_ROUTER_H

#include "net/door.h"
#include "serve.h"

#define ROUTER_BATCH 256 /* requests served before the other sockets get a look */

struct router {
	struct door door;
	struct server *server;
	uint64_t unroutable; /* the peer was gone */
	uint64_t blocked;    /* the peer does not read */
	uint64_t misframed;  /* no envelope, or too many frames */
	uint8_t reply[TG01_MESSAGE_MAX];
};

/* Serves what waits, at most ROUTER_BATCH. True: there may be more. */
bool router_serve(struct router *r);

#endif
