/* The service: what is opened, in which order, and how it ends.
 *
 * Threads: libmicrohttpd's receive, verify and queue; the committer's appends, answers, publishes and keeps the house;
 * the replay thread owns the ROUTER; the admin port has its own; main owns the signals. */
#ifndef INGRESS_INGRESS_H
#define INGRESS_INGRESS_H

#include <stdatomic.h>

#include "receiver.h"
#include "replay.h"
#include "service/keys.h"
#include "service/peers_report.h"
#include "settings.h"
#include "upkeep.h"

#define INGRESS_DRAIN_MS 5000 /* for requests that are still arriving; the rest takes as long as it takes */

struct ingress {
	const struct ingress_settings *settings;
	struct settings *origin; /* of the settings, to read the secrets again */
	struct service service;
	struct meters meters;
	struct secrets *secrets;
	struct journal *journal;
	struct progress progress;
	struct publisher *publisher;
	struct committer *committer;
	struct replay *replay;
	struct receiver receiver;
	struct http_server *http;
	struct upkeep upkeep;
	struct keys keys;
	int fatal_fd; /* readable once the journal has failed, or a socket is lost */
	atomic_bool fatal_claimed;
	struct problem fatal;  /* set by who claimed it, before has_fatal */
	atomic_bool has_fatal; /* set before fatal_fd becomes readable */
};

/* in: zeroed, but for the service, which is started. On failure it holds what was opened, for
 * ingress_close. settings and origin outlive it. */
NODISCARD enum error ingress_open(struct ingress *in, const struct ingress_settings *settings, struct settings *origin,
				  struct problem *why);
/* Until TERM or INT (OK), or until the journal fails (ERR_STORAGE). */
NODISCARD enum error ingress_run(struct ingress *in, struct problem *why);
/* Drains: no new requests, what was accepted is finished, answered and published. The
 * service itself is stopped by whoever started it. A zeroed one is fine. */
void ingress_close(struct ingress *in);

#endif
