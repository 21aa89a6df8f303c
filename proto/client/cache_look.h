/* The look into the table that a check takes, for the compiler to merge with what surrounds it: the fewer instructions
 * there are from one check to the next, the more of the next one the processor does while it waits for memory. */
#ifndef CLIENT_CACHE_LOOK_H
#define CLIENT_CACHE_LOOK_H

#include "cache_private.h"

static inline bool tgc_place_is(const struct place *p, const struct key *k) {
	return !((load(&p->bits[0]) ^ k->bits[0]) | (load(&p->bits[1]) ^ k->bits[1]));
}

/* The one of the two that it is, if it is any. Not guessed but computed: a wrong guess would wait for memory twice. */
static inline struct place *tgc_place_pick(struct place *pair, const struct key *k) {
	return pair + !tgc_place_is(pair, k);
}

static inline void tgc_place_entry(const struct place *p, struct entry *ret) {
	ret->generation = LOAD(p->generation);
	ret->book = LOAD(p->book);
	ret->ver = load(&p->ver);
	ret->seen_ms = (int64_t)load(&p->seen);
	ret->quick = (struct quick){LOAD(p->from), LOAD(p->end), LOAD(p->until), LOAD(p->shape)};
}

static inline void tgc_place_use(struct place *p) {
	if (!atomic_load_explicit(&p->used, memory_order_relaxed))
		atomic_store_explicit(&p->used, 1, memory_order_relaxed);
}

/* Anything but a hit at the first attempt. */
bool tgc_cache_look_again(const struct cache *c, const struct key *k, struct entry *ret);

/* Fetches what is far away in memory while the caller does something else. */
static inline void tgc_cache_hint(const struct cache *c, const struct key *k) {
	const struct place *pair = tgc_pair(tgc_table(c), k->bits[0]);
	__builtin_prefetch(pair);
	__builtin_prefetch(pair + 1);
}

/* The entry, but for its line_until. */
static inline bool tgc_cache_look(const struct cache *c, const struct key *k, struct entry *ret) {
	struct place *p = tgc_place_pick(tgc_pair(tgc_table(c), k->bits[0]), k);
	const uint32_t seq = LOAD(p->seq);
	/* all at once: one branch, which is hardly ever guessed wrong */
	const int is = (int)tgc_place_is(p, k) & (int)!(seq & 1) & (int)(LOAD(p->count) != 0);
	tgc_place_entry(p, ret);
	/* the loads before this one acquire, so none of them can be later than it */
	if (is && atomic_load_explicit(&p->seq, memory_order_relaxed) == seq) {
		tgc_place_use(p);
		return true;
	}
	struct entry other; /* of its own, so that *ret may stay in registers */
	if (!tgc_cache_look_again(c, k, &other)) return false;
	*ret = other;
	return true;
}

#endif
