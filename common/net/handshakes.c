#include "net/handshakes.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

#include "net/zsocket.h"

#define EVENTS                                                                                                         \
	(ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |       \
	 ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_DISCONNECTED)
#define LOOK_MOST 256 /* events taken in one look */

enum error handshakes_watch(void *context, void *socket, struct handshakes *ret_h, struct problem *why) {
	static atomic_uint number; /* a name is used once in a process */
	const struct zsocket_limits limits = {.receive_hwm = 1000};
	struct handshakes h = {.socket = socket, .last = HANDSHAKE_UNKNOWN, .told = HANDSHAKE_UNKNOWN};
	char at[64];
	(void)snprintf(at, sizeof at, "inproc://tiergate-handshakes-%u", atomic_fetch_add(&number, 1));
	if (zmq_socket_monitor(socket, at, EVENTS) != 0)
		return problem_set(why, ERR_INTERNAL, "cannot watch a socket: %s", zmq_strerror(zmq_errno()));
	enum error e = zsocket_create(context, ZMQ_PAIR, &limits, &h.monitor, why);
	if (!e) e = zsocket_connect(h.monitor, at, why);
	if (e)
		handshakes_close(&h);
	else
		*ret_h = h;
	return e;
}

/* An event is two frames: its number and value as they are in memory, and the endpoint. False: none waits. */
static bool take(struct handshakes *h, uint16_t *ret_event) {
	char frame[ENDPOINT_MAX];
	int more = 1, n = 0;
	size_t size = sizeof more;
	*ret_event = 0;
	for (bool first = true; more; first = false) {
		n = zmq_recv(h->monitor, frame, sizeof frame, ZMQ_DONTWAIT);
		if (n < 0 || zmq_getsockopt(h->monitor, ZMQ_RCVMORE, &more, &size) != 0) return false;
		if (first && n >= (int)sizeof *ret_event) memcpy(ret_event, frame, sizeof *ret_event);
	}
	return true;
}

static void note(struct handshakes *h, uint16_t event) {
	switch (event) {
	case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
		h->last = HANDSHAKE_DONE;
		h->count++;
		h->connected = true;
		break;
	case ZMQ_EVENT_DISCONNECTED:
		h->connected = false;
		break;
	case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
		h->last = HANDSHAKE_REFUSED;
		break;
	case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
	case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
		h->last = HANDSHAKE_STRANGERS;
		break;
	default:
		break;
	}
}

static void take_all(struct handshakes *h) {
	uint16_t event;
	for (unsigned i = 0; i < LOOK_MOST && h->monitor && take(h, &event); i++) note(h, event);
}

enum handshake handshakes_look(struct handshakes *h, bool *ret_changed) {
	take_all(h);
	if (ret_changed) {
		*ret_changed = h->last != h->told;
		h->told = h->last;
	}
	return h->last;
}

uint64_t handshakes_connection(struct handshakes *h) {
	take_all(h);
	return h->connected ? h->count : 0;
}

void handshakes_close(struct handshakes *h) {
	if (h->socket) (void)zmq_socket_monitor(h->socket, NULL, 0);
	h->socket = NULL;
	zsocket_close(&h->monitor);
}

const char *handshake_text(enum handshake h) {
	switch (h) {
	case HANDSHAKE_REFUSED:
		return "it turns this side's key away: is client.key among its allowed keys, with the right for this?";
	case HANDSHAKE_STRANGERS:
		return "it has another key than server.pub says, takes none, or wants one";
	case HANDSHAKE_UNKNOWN:
	case HANDSHAKE_DONE:
		break;
	}
	return "";
}
