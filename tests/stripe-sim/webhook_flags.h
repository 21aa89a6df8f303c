/* --webhook URL --webhook-secret whsec_…, as often as wanted: what the table of settings cannot say. */
#ifndef STRIPE_SIM_WEBHOOK_FLAGS_H
#define STRIPE_SIM_WEBHOOK_FLAGS_H

#include "edge.h"

struct webhook_flags {
	struct {
		const char *url, *secret;
	} at[EDGE_WEBHOOKS_MAX];
	size_t count;
};

/* Takes the pairs out of argv, which stays in order otherwise; "--webhook=URL" will do as well. ERR_USAGE: a URL
 * without a secret, a secret without a URL, too many. */
NODISCARD enum error webhook_flags_take(int *argc, char **argv, struct webhook_flags *ret_flags, struct problem *why);

#endif
