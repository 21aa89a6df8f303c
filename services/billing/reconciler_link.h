/* The way to the reconciler: a paid checkout session, or a customer, is to be fetched now
 * (proto/reconcile.h). One DEALER on the loop;
 * answers are told apart by their id. The loop's thread alone. */
#ifndef BILLING_RECONCILER_LINK_H
#define BILLING_RECONCILER_LINK_H

#include "proto/reconcile.h"
#include "service/keys.h"

#define RECONCILER_ASKED_MAX 64 /* under way; as many as it serves at a time */

struct reconciler_link;
struct reconciler_asked;

/* keys outlive the link. */
NODISCARD enum error reconciler_link_create(void *zmq, struct keys *keys, const char *endpoint,
					    struct reconciler_link **ret_l, struct problem *why);
/* Nobody's `done` is called. */
void reconciler_link_destroy(struct reconciler_link **l);

/* op: RECONCILE_SESSION or RECONCILE_CUSTOMER. `code`: RECONCILE_OK when it is done as proto/reconcile.h says. It comes
 * from reconciler_link_run alone, and not at all when nobody answers: whoever asks has a deadline of its own, and
 * forgets then. ERR_OVERLOADED; ERR_UNAVAILABLE: nobody is there, which is known at once.
 */
NODISCARD enum error reconciler_link_ask(struct reconciler_link *l, enum reconcile_op op, bool livemode, const char *id,
					 void (*done)(void *ctx, enum reconcile_code code), void *ctx,
					 struct reconciler_asked **ret_asked, struct problem *why);
/* Accepts NULL. */
void reconciler_link_forget(struct reconciler_asked *asked);

void *reconciler_link_socket(const struct reconciler_link *l);
void reconciler_link_run(struct reconciler_link *l);

#endif
