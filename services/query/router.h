/* The ROUTER: frames in, frames out, the envelope untouched.
 *
 * A message is the envelope (the identity, and what REQ, REQ_CORRELATE or a proxy put behind it), "TG01" and one
 * frame of msgpack. Nothing waits: a reply that cannot go (its peer left, or does not read) is dropped and
 * counted, and the peer asks again.
 *
 * Overload. What waits (net/peers.h counts it) times what a frame cost lately is how late all of it will be answered.
 * Beyond ROUTER_BUSY_NS those who have more than ROUTER_SHARE frames waiting get half of the time, beyond
 * ROUTER_LATE_NS none: they are answered `overloaded` without being served, which costs a tenth of an answer, so that
 * what waits is soon gone. libzmq takes from each connection in turn, so who has a request at a time waits for one
 * request of each other one: when that takes longer than ROUTER_HOPELESS_NS, all are answered so. Who does not read its
 * replies is not served.
 *
 * Floods (peers_floods) are read in small pieces while others ask. However little of them waits, all of them together
 * get one part in ROUTER_FLOOD_REST + 1 of the time, and are told so as above. */
#ifndef QUERY_ROUTER_H
#define QUERY_ROUTER_H

#include "net/door.h"
#include "net/peers.h"
#include "serve.h"

#define ROUTER_BATCH 256 /* requests served before the other sockets get a look */

#define ROUTER_CALM 256     /* frames that wait: no reason to look at the clock */
#define ROUTER_SHARE 16     /* of one peer: four requests of a REQ socket, eight of a DEALER */
#define ROUTER_FLOOD_REST 8 /* what a flood gets is followed by so many times as long without */
#define ROUTER_BUSY_NS INT64_C(20000000)
#define ROUTER_LATE_NS INT64_C(200000000)
#define ROUTER_HOPELESS_NS INT64_C(2000000000)

struct router {
	struct door door;
	int64_t request_ns; /* what a request cost lately, while others waited */
	int64_t frame_ns;   /* and a frame of one */
	int64_t heavy_ns;   /* not before then is another request served of one who has many */
	struct server *server;
	uint64_t unroutable; /* the peer was gone */
	uint64_t blocked;    /* the peer does not read */
	uint64_t misframed;  /* no envelope, or too many frames */
	uint8_t reply[TG01_MESSAGE_MAX];
};

/* Serves what waits, at most ROUTER_BATCH. True: there may be more. */
bool router_serve(struct router *r);

#endif
