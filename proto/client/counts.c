#include "private.h"

static uint64_t of(const _Atomic uint64_t *n) { return atomic_load_explicit(n, memory_order_relaxed); }

void tg_counts(struct tg_client *c, struct tg_counts *ret_counts) {
	const struct counters *n = &c->counters;
	*ret_counts = (struct tg_counts){.asked = of(&n->asked),
					 .answered = of(&n->answered),
					 .refused = of(&n->refused),
					 .hits = of(&n->hits),
					 .misses = of(&n->misses),
					 .evicted = of(&n->evicted),
					 .fallbacks = of(&n->fallbacks),
					 .timeouts = of(&n->timeouts),
					 .hedges = of(&n->hedges),
					 .reconnects = of(&n->reconnects),
					 .denied = of(&n->denied),
					 .gaps = of(&n->gaps),
					 .restarts = of(&n->restarts),
					 .feed_age_ms = -1};
}
