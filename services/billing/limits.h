/* How often one subject may do something: a rate a minute, and so many at once. A bounded table of the moments at which
 * each may do so again (GCRA); when a set is full, the one who took least is forgotten. Any thread. */
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

struct rate {
	unsigned per_minute; /* 0: no limit */
	unsigned at_once;    /* 0: a quarter of a minute's */
};

/* `n` more of `subject` under `name` (an action's path, or ""). 0: they may be; also when they are more than may be at
 * once, to who owes nothing. Else the ms after which they may, and nothing is taken. */
int64_t limits_take(struct limits *l, struct view subject, struct view name, struct rate rate, unsigned n,
		    int64_t now_ms);
/* `n` of those that were taken last have not been used. */
void limits_give(struct limits *l, struct view subject, struct view name, struct rate rate, unsigned n);
/* `n` more that are under way already: those who come next wait for them as well. */
void limits_add(struct limits *l, struct view subject, struct view name, struct rate rate, unsigned n, int64_t now_ms);

#endif
