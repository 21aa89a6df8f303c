/* What a client sees of an object: the shape of its API version, its lists cut as Stripe cuts them, and what it asked
 * for with expand[].
 *
 * Embedded lists show at most RENDER_LIST_MAX elements and has_more; a list that Stripe includes only on request
 * (session.line_items, invoice.payments, charge.refunds, customer.subscriptions, …) is left out unless it is expanded.
 * An event is shown at the version that it was made with, whatever the request's.
 */
#ifndef STRIPE_SIM_RENDER_H
#define STRIPE_SIM_RENDER_H

#include "shape.h"
#include "sim.h"

#define RENDER_LIST_MAX 10
#define RENDER_EXPAND_DEPTH 4 /* Stripe's limit: a.b.c.d, after a list's "data" */

/* A new reference, which may share with `object`: read only. NULL: out of memory. */
json_t *render_object(struct sim *sim, json_t *object, enum shape shape);

/* The hook. `answer` stays the caller's. A new reference, or NULL and r->error. */
json_t *render_answer(struct sim_request *r, json_t *answer, enum shape shape);

/* The webhook's body for an event: rendered at `version`, with the account of a Connect event. Malloc. */
char *render_event(struct sim *sim, const struct record *event, const char *version);
/* The same as a thin event. Malloc. */
char *render_thin(struct sim *sim, const struct record *event);

/* render_classic.c: both change what they get, which nobody shares. The first knows subscriptions, their items,
 * invoices, lines, charges and payment intents, and leaves others alone. */
void classic_object(struct sim *sim, json_t *object);
/* previous_attributes of an event whose object is `object`, classic already. */
void classic_previous(const json_t *object, json_t *previous);

/* render_expand.c: one path of expand[] in an answer that nobody shares. False: r->error. */
bool expand_path(struct sim_request *r, json_t *answer, const char *path, enum shape shape);

#endif
