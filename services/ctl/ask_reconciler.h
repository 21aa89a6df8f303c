/* Requests to the reconciler. A pass has several replies, so it is asked over a DEALER. */
#ifndef CTL_ASK_RECONCILER_H
#define CTL_ASK_RECONCILER_H

#include "proto/reconcile.h"
#include "verb.h"

/* A pass now, in which every object is appended when full. Waits up to --wait. A refusal is an error, too. */
NODISCARD enum error reconciler_pass(const struct call *c, bool full, struct reconcile_done *ret_done,
				     struct problem *why);

#endif
