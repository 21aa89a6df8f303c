/* Requests to the reconciler. A pass has several replies, so it is asked over a DEALER. */
#ifndef CTL_ASK_RECONCILER_H
#define CTL_ASK_RECONCILER_H

#include "proto/reconcile.h"
#include "verb.h"

struct pass_wish {
	bool dry;  /* nothing is appended */
	bool full; /* every object is */
	/* Each difference, before it is appended; its views live during the call. NULL: nobody wants to know. */
	void (*found)(void *ctx, const struct reconcile_found *f);
	void *ctx;
};

/* A pass now. Waits up to --wait. A refusal is an error, too. */
NODISCARD enum error reconciler_pass(const struct call *c, const struct pass_wish *wish,
				     struct reconcile_done *ret_done, struct problem *why);

#endif
