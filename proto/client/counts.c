#include "private.h"

static uint64_t of(const _Atomic uint64_t *n) { return atomic_load_explicit(n, memory_order_relaxed); }

void tg_counts(struct tg_client *c, struct tg_counts *ret_counts) {
	const struct counters *n = &c->counters;
	*ret_counts = (struct tg_counts){.asked = of(&n->asked),
					 .answered = of(&n->answered),
					 .refused = of(&n->refused),
					 .hits = tgc_truth_hits(&c->truth),
					 .misses = of(&n->misses),
					 .fallbacks = of(&n->fallbacks),
					 .timeouts = of(&n->timeouts),
					 .hedges = of(&n->hedges),
					 .reconnects = of(&n->reconnects),
					 .denied = of(&n->denied),
					 .gaps = of(&n->gaps),
					 .restarts = of(&n->restarts),
					 .ver = of(&c->truth.ver),
					 .epoch = of(&c->truth.epoch),
					 .live = atomic_load(&c->truth.live),
					 .feed_age_ms = -1};
	int64_t word = atomic_load(&c->truth.word_ms), age = tgc_mono_ms() - word;
	if (word) ret_counts->feed_age_ms = age;
	if (age > c->settings.max_age_ms) ret_counts->live = false;
	if (!c->truth.cache) return;
	const struct cache_size size = tgc_cache_size(c->truth.cache);
	ret_counts->subjects = size.subjects;
	ret_counts->cache_bytes = size.bytes;
	ret_counts->evicted = size.evicted;
}
