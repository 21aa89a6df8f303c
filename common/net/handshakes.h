/* Whether somebody is there where a socket connects, and what became of the handshakes. libzmq tries again for ever and
 * says nothing, so whoever waits for an answer would never know that nobody has the question, or that it is turned
 * away.
 *
 * One thread uses it, which looks every few seconds at least, and ends it before the socket is closed: libzmq's I/O
 * thread waits, and with it all that the context has, when it has an event to tell and nobody to take it. */
#ifndef NET_HANDSHAKES_H
#define NET_HANDSHAKES_H

#include "base/error.h"
#include <stdbool.h>
#include <stdint.h>

enum handshake {
	HANDSHAKE_UNKNOWN, /* none was tried, or nobody is there */
	HANDSHAKE_DONE,
	HANDSHAKE_REFUSED,   /* our key is not allowed, or may not do this */
	HANDSHAKE_STRANGERS, /* the server has another key than we expect or takes none; or we have none and it wants
				one */
};

struct handshakes {
	void *socket, *monitor; /* NULL: nothing is watched */
	enum handshake last, told;
	uint64_t count; /* of those that were done */
	bool connected;
};

/* Before the socket connects; its number of watches is libzmq's one. */
NODISCARD enum error handshakes_watch(void *context, void *socket, struct handshakes *ret_h, struct problem *why);
/* What the latest one came to. *ret_changed (may be NULL): since the last call that wanted to know it. */
enum handshake handshakes_look(struct handshakes *h, bool *ret_changed);
/* The connection over which a question would go now, as far as libzmq has told: another number for each, 0: none. What
 * was asked over one is not answered over another. Not for inproc, of which libzmq tells nothing. */
uint64_t handshakes_connection(struct handshakes *h);
/* Before the socket is closed. A zeroed one is fine. */
void handshakes_close(struct handshakes *h);

/* A sentence about REFUSED and STRANGERS, empty for others. */
const char *handshake_text(enum handshake h);

#endif
