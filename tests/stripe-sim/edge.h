/* Everything around the simulator's objects: deliveries of webhooks, misbehaviour, idempotency keys, rates, versions,
 * and the pages that Stripe hosts. It hangs in by sim->hooks and by its routes.
 *
 *     edge_create(sim, &options, &edge, &why); edge_webhook(edge, url, secret, &why) …; serve; edge_destroy(&edge);
 *
 * Threads: one of its own, which speaks HTTP to the endpoints and takes sim->mutex to learn what to send and to say how
 * it went.
 */
#ifndef STRIPE_SIM_EDGE_H
#define STRIPE_SIM_EDGE_H

#include "sim.h"

#define EDGE_WEBHOOKS_MAX 16 /* pairs given at the start */

struct edge;

struct edge_options {
	const char *api_version; /* NULL: SIM_VERSION. The account's, which events are made with; the string stays the
				    caller's */
	uint64_t seed;           /* of the misbehaviour */
};

/* Sets sim->hooks; its thread runs. ERR_CONFIG: no such version. */
NODISCARD enum error edge_create(struct sim *sim, const struct edge_options *o, struct edge **ret_e,
				 struct problem *why);
/* An endpoint that is there from the start, and again after a reset, for every type of event, of the platform and of
 * its connected accounts. The same URL again: a second secret of the same endpoint, as while it is rolled. Before the
 * first request. */
NODISCARD enum error edge_webhook(struct edge *e, const char *url, const char *secret, struct problem *why);
/* Ends its thread and unsets the hooks; what was not delivered stays so. No request may be running. Accepts NULL. */
void edge_destroy(struct edge **e);

#endif
