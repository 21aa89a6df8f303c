/* Idempotency-Key: what was answered to a POST, so that the same one again gets the same answer and does nothing.
 *
 * An entry belongs to a subject, a path and the key, and knows the body by its hash. Kept for IDEMPOTENCY_MS, at most
 * IDEMPOTENCY_ENTRIES and IDEMPOTENCY_BYTES of answers; the oldest that is done leaves first. It lives in memory: after
 * a restart Stripe's own keys, which are made of ours, keep a repeated request from doing things twice. The loop's
 * thread alone. */
#ifndef BILLING_IDEMPOTENCY_H
#define BILLING_IDEMPOTENCY_H

#include "base/error.h"
#include "base/view.h"

#define IDEMPOTENCY_KEY_MAX 255
#define IDEMPOTENCY_MS INT64_C(86400000) /* as long as Stripe keeps its own */
#define IDEMPOTENCY_ENTRIES 16384
#define IDEMPOTENCY_BYTES ((size_t)16 << 20)

struct idempotency;
struct idempotent;

NODISCARD struct idempotency *idempotency_create(void); /* NULL when out of memory */
void idempotency_destroy(struct idempotency **i);

enum idempotency_found {
	IDEMPOTENCY_NEW,        /* *ret_entry is running: end it by idempotency_done or idempotency_drop */
	IDEMPOTENCY_SAME,       /* answered before: *ret_status and *ret_answer, until the next call */
	IDEMPOTENCY_RUNNING,    /* the same, and not answered yet */
	IDEMPOTENCY_OTHER_BODY, /* the key came with another body */
	IDEMPOTENCY_FULL,       /* as many run as are kept, or no memory */
};

struct idempotency_ask {
	struct view subject, path, key, body;
	int64_t now_ms;
};

enum idempotency_found idempotency_begin(struct idempotency *i, const struct idempotency_ask *a,
					 struct idempotent **ret_entry, unsigned *ret_status, struct view *ret_answer);
/* Keeps a copy of the answer; one that cannot be kept is dropped. */
void idempotency_done(struct idempotency *i, struct idempotent *e, unsigned status, struct view answer);
/* The same request may be made again. */
void idempotency_drop(struct idempotency *i, struct idempotent *e);

#endif
