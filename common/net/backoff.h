/* Exponential backoff with full jitter: how long to wait after a failure, so that many who failed together do not come
 * back together.
 *
 * The n-th failure in a row waits a random time up to base * 2^(n-1), and never longer than cap. The caller brings the
 * randomness.
 */
#ifndef NET_BACKOFF_H
#define NET_BACKOFF_H

#include "base/attr.h"
#include <stdint.h>

#define BACKOFF_MS_MAX (INT64_C(24) * 3600 * 1000) /* of base and cap */

struct backoff {
	int64_t base_ms; /* at least 1 */
	int64_t cap_ms;  /* at least base_ms */
	unsigned failures;
};

/* Values out of range are brought into it. */
void backoff_init(struct backoff *b, int64_t base_ms, int64_t cap_ms);
/* One more failure. The wait in ms, 0 to backoff_most; `random` is any 64 random bits. */
int64_t backoff_failed(struct backoff *b, uint64_t random);
/* The longest that the next failure may wait. */
int64_t backoff_most(const struct backoff *b);
/* It worked: the next failure is a first one. */
void backoff_worked(struct backoff *b);

#endif
