#include "cache_look.h"

#include <sys/mman.h>

#define MOVES_MAX 5 /* in a row, for one new subject; with more, hardly any would find a place that these do not */

/* ---- finding ------------------------------------------------------------------------------ */

/* With `ret_words` its chain's, `*ret_count` of them. */
static bool read_place(const struct cache *c, struct place *p, const struct key *k, struct entry *ret,
		       uint64_t *ret_words, unsigned *ret_count) {
	for (unsigned i = 0; i < TRIES; i++) {
		const uint32_t seq = LOAD(p->seq);
		if (seq & 1) continue;
		const unsigned count = LOAD(p->count);
		if (!count || count > LINE_WORDS_MAX || !tgc_place_is(p, k)) return false;
		tgc_place_entry(p, ret);
		const bool whole = !ret_words || tgc_units_read(&c->units, LOAD(p->unit), ret_words, count + 1);
		*ret_count = count;
		if (atomic_load_explicit(&p->seq, memory_order_relaxed) != seq) continue;
		tgc_place_use(p);
		return whole;
	}
	return false;
}

static bool find(const struct cache *c, const struct key *k, struct entry *ret, uint64_t *ret_words,
		 unsigned *ret_count) {
	for (unsigned i = 0; i < TRIES; i++) {
		const uint32_t moves = LOAD(c->moves);
		const struct table *t = tgc_table(c);
		for (unsigned which = 0; which < 2; which++) {
			struct place *p = tgc_place_pick(tgc_pair(t, k->bits[which]), k);
			if (read_place(c, p, k, ret, ret_words, ret_count)) return true;
		}
		if (LOAD(c->moves) == moves) return false;
	}
	return false;
}

bool tgc_cache_look_again(const struct cache *c, const struct key *k, struct entry *ret) {
	unsigned count;
	return find(c, k, ret, NULL, &count);
}

bool tgc_cache_get(const struct cache *c, const struct key *k, struct cached *ret) {
	uint64_t words[LINE_WORDS_MAX + 1];
	if (!find(c, k, &ret->entry, words, &ret->count)) return false;
	ret->entry.line_until = (int64_t)words[0];
	memcpy(ret->words, words + 1, ret->count * sizeof *words);
	return true;
}

struct place *tgc_place_find(const struct table *t, const struct key *k) {
	for (unsigned which = 0; which < 2; which++) {
		struct place *pair = tgc_pair(t, k->bits[which]);
		for (unsigned i = 0; i < 2; i++)
			if (LOAD(pair[i].count) && tgc_place_is(&pair[i], k)) return &pair[i];
	}
	return NULL;
}

/* ---- writing ------------------------------------------------------------------------------ */

void tgc_place_clear(struct place *p) {
	tgc_place_begin(p);
	store(&p->bits[0], 0);
	store(&p->bits[1], 0);
	STORE(p->count, 0);
	STORE(p->unit, 0);
	tgc_place_end(p);
}

static void copy(struct place *to, const struct place *from) {
	tgc_place_begin(to);
	STORE(to->count, LOAD(from->count));
	STORE(to->book, LOAD(from->book));
	for (unsigned i = 0; i < 2; i++) store(&to->bits[i], load(&from->bits[i]));
	STORE(to->generation, LOAD(from->generation));
	STORE(to->unit, LOAD(from->unit));
	store(&to->ver, load(&from->ver));
	store(&to->seen, load(&from->seen));
	STORE(to->from, LOAD(from->from));
	STORE(to->end, LOAD(from->end));
	STORE(to->until, LOAD(from->until));
	STORE(to->shape, LOAD(from->shape));
	tgc_place_end(to);
	atomic_store_explicit(&to->used, atomic_load_explicit(&from->used, memory_order_relaxed), memory_order_relaxed);
}

static struct place *free_one(const struct table *t, uint64_t bits) {
	struct place *pair = tgc_pair(t, bits);
	return !LOAD(pair[0].count) ? &pair[0] : !LOAD(pair[1].count) ? &pair[1] : NULL;
}

/* One of a full pair goes to its other pair, if need be after one of those did the same, and so on. For a moment it
 * stands in both; a reader that looked there before it came, and here after it left, looks again. */
static struct place *move_one(struct cache *c, const struct table *t, struct place *pair, unsigned depth) {
	for (unsigned i = 0; i < 2; i++) {
		const uint64_t first = load(&pair[i].bits[0]), second = load(&pair[i].bits[1]);
		const uint64_t there = tgc_pair(t, first) == pair ? second : first;
		struct place *to = free_one(t, there);
		if (!to && depth > 0) to = move_one(c, t, tgc_pair(t, there), depth - 1);
		if (!LOAD(pair[i].count)) return &pair[i]; /* those that moved may have come by here */
		if (!to) continue;
		copy(to, &pair[i]);
		atomic_fetch_add_explicit(&c->moves, 1, memory_order_release);
		tgc_place_clear(&pair[i]);
		return &pair[i];
	}
	return NULL;
}

struct place *tgc_place_make(struct cache *c, const struct table *t, const struct key *k) {
	struct place *p = free_one(t, k->bits[0]);
	if (!p) p = free_one(t, k->bits[1]);
	for (unsigned depth = 0; !p && depth <= MOVES_MAX; depth++)
		for (unsigned which = 0; !p && which < 2; which++)
			p = move_one(c, t, tgc_pair(t, k->bits[which]), depth);
	return p;
}

struct place *tgc_place_victim(const struct table *t, const struct key *k) {
	for (unsigned i = 0; i < 4; i++) {
		struct place *p = tgc_pair(t, k->bits[i / 2]) + i % 2;
		if (!atomic_load_explicit(&p->used, memory_order_relaxed)) return p;
	}
	return tgc_pair(t, k->bits[0]);
}

/* ---- more of them --------------------------------------------------------------------------- */

static void move_all(struct cache *c, const struct table *from, const struct table *to) {
	for (size_t i = 0; i < tgc_places_of(from); i++) {
		struct place *old = &from->places[i];
		if (!LOAD(old->count)) continue;
		const struct key k = {{load(&old->bits[0]), load(&old->bits[1])}};
		struct place *new = tgc_place_make(c, to, &k);
		if (!new) {
			new = tgc_place_victim(to, &k);
			tgc_units_return(&c->units, LOAD(new->unit), LOAD(new->count) + 1u);
			atomic_fetch_sub_explicit(&c->subjects, 1, memory_order_relaxed);
			atomic_fetch_add_explicit(&c->evicted, 1, memory_order_relaxed);
		}
		copy(new, old);
	}
}

void tgc_places_grow(struct cache *c) {
	const struct table *from = &c->tables[c->level], *to = from - 1;
	const size_t both = (tgc_places_of(from) + tgc_places_of(to)) * sizeof(struct place);
	if (c->level == 0 || both + (size_t)c->units.cut * UNIT_WORDS * 8 > c->bytes_max) return;
	move_all(c, from, to);
	c->level--;
	c->hand = 0;
	atomic_store_explicit(&c->table, to, memory_order_release);
	atomic_fetch_add_explicit(&c->moves, 1, memory_order_release);
	/* zeros are read there from now on by whoever still looks, which is nobody's fingerprint: he looks again */
	(void)madvise(from->places, tgc_places_of(from) * sizeof(struct place), MADV_DONTNEED);
	tgc_cache_count_bytes(c);
}
