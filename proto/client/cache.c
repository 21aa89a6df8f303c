#include "cache_private.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>

#define CLOCK_STEPS 1024 /* at most so many places are passed over for one that goes */
#define HUGE_PAGE ((size_t)2 << 20)

void tgc_key(const struct cache *c, const char *subject, size_t len, struct key *ret_k) {
	tgc_fingerprint(&c->key, subject, len, ret_k->bits);
}

/* ---- who goes ---------------------------------------------------------------------------- */

static void forget(struct cache *c, struct place *p) {
	const uint32_t unit = LOAD(p->unit);
	const unsigned count = LOAD(p->count);
	tgc_place_clear(p);
	tgc_units_return(&c->units, unit, count + 1);
	atomic_fetch_sub_explicit(&c->subjects, 1, memory_order_relaxed);
}

static void evict(struct cache *c, struct place *p) {
	forget(c, p);
	atomic_fetch_add_explicit(&c->evicted, 1, memory_order_relaxed);
}

/* The next one that was not used since the hand last passed; else the last that was passed. */
static bool evict_one(struct cache *c) {
	const struct table *t = tgc_table(c);
	struct place *last = NULL;
	for (unsigned i = 0; i < CLOCK_STEPS; i++) {
		struct place *p = &t->places[c->hand];
		c->hand = c->hand + 1 < tgc_places_of(t) ? c->hand + 1 : 0;
		if (!LOAD(p->count)) continue;
		last = p;
		if (!atomic_load_explicit(&p->used, memory_order_relaxed)) break;
		atomic_store_explicit(&p->used, 0, memory_order_relaxed);
	}
	if (last) evict(c, last);
	return last != NULL;
}

static bool make_units(struct cache *c, unsigned needed) {
	while (tgc_units_left(&c->units) < needed)
		if (!evict_one(c)) return false;
	return true;
}

/* ---- writing ------------------------------------------------------------------------------ */

void tgc_cache_count_bytes(struct cache *c) {
	const uint64_t bytes = (tgc_places_of(tgc_table(c)) + c->units.cut) * UNIT_WORDS * 8;
	atomic_store_explicit(&c->bytes, bytes, memory_order_relaxed);
}

static void write_place(struct place *p, const struct key *k, const struct entry *e, uint32_t unit, unsigned count) {
	tgc_place_begin(p);
	STORE(p->count, (uint8_t)count);
	STORE(p->book, e->book);
	store(&p->bits[0], k->bits[0]);
	store(&p->bits[1], k->bits[1]);
	STORE(p->generation, e->generation);
	STORE(p->unit, unit);
	store(&p->ver, e->ver);
	store(&p->seen, (uint64_t)e->seen_ms);
	STORE(p->from, e->quick.from);
	STORE(p->end, e->quick.end);
	STORE(p->until, e->quick.until);
	STORE(p->shape, e->quick.shape);
	tgc_place_end(p);
}

/* A place that nothing stands in. Above nine sixteenths there are more made, if there may be; above thirteen sixteenths
 * somebody goes. */
static struct place *new_place(struct cache *c, const struct key *k) {
	const size_t subjects = atomic_load_explicit(&c->subjects, memory_order_relaxed);
	if (subjects >= tgc_places_of(tgc_table(c)) / 16 * 9) tgc_places_grow(c);
	const struct table *t = tgc_table(c);
	if (subjects >= tgc_places_of(t) / 16 * 13) (void)evict_one(c);
	struct place *p = tgc_place_make(c, t, k);
	if (!p) {
		p = tgc_place_victim(t, k);
		evict(c, p);
	}
	/* used: what was just asked for does not go before what was not */
	atomic_store_explicit(&p->used, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&c->subjects, 1, memory_order_relaxed);
	return p;
}

bool tgc_cache_put(struct cache *c, const struct key *k, const struct entry *e, const uint64_t *words, unsigned count) {
	uint64_t all[LINE_WORDS_MAX + 1] = {(uint64_t)e->line_until};
	if (count < 1 || count > LINE_WORDS_MAX || !make_units(c, tgc_units_for(count + 1))) {
		tgc_cache_drop(c, k);
		return false;
	}
	memcpy(all + 1, words, count * sizeof *words);
	struct place *p = tgc_place_find(tgc_table(c), k); /* after make_units, which may have evicted it */
	const uint32_t unit_before = p ? LOAD(p->unit) : 0;
	const unsigned count_before = p ? LOAD(p->count) : 0;
	const uint32_t unit = tgc_units_write(&c->units, all, count + 1);
	if (!p) p = new_place(c, k);
	write_place(p, k, e, unit, count);
	if (count_before) tgc_units_return(&c->units, unit_before, count_before + 1);
	tgc_cache_count_bytes(c);
	return true;
}

void tgc_cache_drop(struct cache *c, const struct key *k) {
	struct place *p = tgc_place_find(tgc_table(c), k);
	if (p) forget(c, p);
}

struct cache_size tgc_cache_size(const struct cache *c) {
	return (struct cache_size){.subjects = atomic_load_explicit(&c->subjects, memory_order_relaxed),
				   .bytes = atomic_load_explicit(&c->bytes, memory_order_relaxed),
				   .evicted = atomic_load_explicit(&c->evicted, memory_order_relaxed)};
}

/* ---- its life ------------------------------------------------------------------------------ */

static size_t round_up(size_t n) { return (n + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE; }

/* Two stretches for tables, in turn, so that one can be filled while the one before is read; then the units. The kernel
 * fills all of it with zeros as it is touched. */
static bool lay_out(struct cache *c, size_t bytes) {
	size_t places = bytes / 2 / sizeof(struct place);
	if (places < 2 || places > UINT32_MAX) return false;
	const size_t first = round_up(places * sizeof(struct place)), second = round_up(first / 2);
	const size_t units_size = round_up(bytes / 2);
	c->map_size = first + second + units_size + HUGE_PAGE;
	c->map = mmap(NULL, c->map_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (c->map == MAP_FAILED) return false;
	uint8_t *at = (uint8_t *)c->map + (HUGE_PAGE - (uintptr_t)c->map % HUGE_PAGE) % HUGE_PAGE;
	for (c->level = 0;; c->level++, places /= 2) {
		c->tables[c->level] = (struct table){(void *)(at + (c->level % 2 ? first : 0)), (uint32_t)(places / 2)};
		if (places <= PLACES_FIRST || c->level == TABLES_MAX - 1) break;
	}
	c->units.words = (void *)(at + first + second);
	c->units.count = (uint32_t)(bytes / 2 / (UNIT_WORDS * 8));
	c->units.cut = 1; /* so that no unit is 0 */
	(void)madvise(c->map, c->map_size, MADV_HUGEPAGE);
	(void)madvise(c->map, c->map_size, MADV_DONTDUMP);
	return true;
}

static bool make_key(struct fingerprint_key *k, const uint8_t *bytes) {
	k->by_aes = tgc_fingerprint_has_aes();
	if (bytes) memcpy(k->bytes, bytes, sizeof k->bytes);
	/* 256 bytes and less come whole, or not at all */
	return bytes || getrandom(k->bytes, sizeof k->bytes, 0) == (ssize_t)sizeof k->bytes;
}

struct cache *tgc_cache_create(size_t bytes, const uint8_t *key) {
	struct cache *c = aligned_alloc(_Alignof(struct cache), sizeof *c);
	if (!c) return NULL;
	memset(c, 0, sizeof *c);
	c->bytes_max = bytes;
	if (make_key(&c->key, key) && lay_out(c, bytes)) {
		atomic_store_explicit(&c->table, &c->tables[c->level], memory_order_release);
		return c;
	}
	free(c);
	return NULL;
}

void tgc_cache_destroy(struct cache **c) {
	if (!c || !*c) return;
	(void)munmap((*c)->map, (*c)->map_size);
	explicit_bzero(&(*c)->key, sizeof(*c)->key);
	free(*c);
	*c = NULL;
}
