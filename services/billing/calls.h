/* Requests of Stripe's API for everybody on the loop. At most STRIPE_CONCURRENCY_MAX are under way; others wait in line
 * up to CALLS_MAX. What runs in the background takes no more than CALLS_BACKGROUND of them, so that somebody who
 * waits for an answer never waits for a refresh. Nothing is retried. The loop's thread alone. */
#ifndef BILLING_CALLS_H
#define BILLING_CALLS_H

#include "net/stripe_api.h"

#define CALLS_MAX 4096
#define CALLS_BACKGROUND 12

struct calls;
struct call;

/* observe: every answer, before its `done`; for counting and the log. */
NODISCARD enum error calls_create(const struct stripe_api_options *o,
				  void (*observe)(void *ctx, const struct stripe_answer *a), void *ctx,
				  struct calls **ret_c, struct problem *why);
/* Nobody's `done` is called. */
void calls_destroy(struct calls **c);

/* As stripe_api_call; path, form and key are copied. The handle lives until `done` has been called or calls_cancel.
 * ERR_OVERLOADED: the line is full. ret_call may be NULL. */
NODISCARD enum error calls_send(struct calls *c, const struct stripe_call *what, bool background,
				struct call **ret_call, struct problem *why);
/* Its `done` is not called any more; the request itself may go on. Accepts NULL. */
void calls_cancel(struct call *call);

int calls_fd(const struct calls *c);
int64_t calls_wait_ms(const struct calls *c, int64_t most);
void calls_run(struct calls *c);
unsigned calls_under_way(const struct calls *c);
unsigned calls_waiting(const struct calls *c);

#endif
