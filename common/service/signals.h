/* Signals: owned by one thread, delivered as values, never as handlers.
 *
 * main() calls signals_open first, before any thread or ZeroMQ context exists: the mask is inherited, so no
 * other thread ever sees TERM, INT or HUP. SIGPIPE is ignored. czmq's handlers are turned off.
 */
#ifndef SERVICE_SIGNALS_H
#define SERVICE_SIGNALS_H

#include "base/error.h"
#include <stdbool.h>

enum signal_event {
	SIGNAL_NONE,   /* the time ran out */
	SIGNAL_STOP,   /* TERM or INT: drain and exit 0 */
	SIGNAL_RELOAD, /* HUP: read catalog and secrets again, and keep the old ones when the new are bad */
};

struct signals {
	int fd; /* readable when a signal waits; for poll and zmq_poll */
};

NODISCARD enum error signals_open(struct signals *ret_s, struct problem *why);
void signals_close(struct signals *s);

/* The next signal, waiting at most timeout_ms (-1: without end, 0: not at all). One thread: main's. */
enum signal_event signals_wait(struct signals *s, int timeout_ms);

#endif
