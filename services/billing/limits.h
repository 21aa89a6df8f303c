/* How often one subject may ask: a rate a minute, with bursts of a quarter of it. A bounded table of the moments at
 * which each may ask again (GCRA); when a set is full, the one who asked least is forgotten. Any thread. */
#ifndef BILLING_LIMITS_H
#define BILLING_LIMITS_H

#include "base/error.h"
#include "base/view.h"

#define LIMITS_SETS 16384
#define LIMITS_WAYS 4
#define LIMITS_LOCKS 64

struct limits;

/* seed: random, so that nobody can choose two subjects that share a place. NULL when out of memory. */
NODISCARD struct limits *limits_create(uint64_t seed);
void limits_destroy(struct limits **l);

/* One more of `subject` under `name` (an action's path, or ""). 0: it may be. Else the ms after which it may. */
int64_t limits_take(struct limits *l, struct view subject, struct view name, unsigned per_minute, int64_t now_ms);

#endif
