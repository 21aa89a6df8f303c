#include "cache_private.h"

#include <stdlib.h>
#include <sys/mman.h>

#define TRIES 8          /* of a reader, while the writer is at the same slot */
#define CLOCK_STEPS 128  /* at most so many slots are passed over for one that goes */
#define BLOCK_STEPS 1024 /* the same for one that has a block of a class */
#define HUGE_PAGE ((size_t)2 << 20)

/* ---- keys ----------------------------------------------------------------------------- */

static uint64_t mix(uint64_t a, uint64_t b) {
	__extension__ typedef unsigned __int128 wide;
	const wide product = (wide)a * b;
	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

void tgc_key(const struct cache *c, const char *subject, size_t len, struct key *ret_k) {
	uint64_t h = c->seed ^ len * UINT64_C(0xd6e8feb86659fd93);
	ret_k->len = (unsigned)len;
	ret_k->word_count = (unsigned)((len + 7) / 8);
	ret_k->words[ret_k->word_count - 1] = 0;
	memcpy(ret_k->words, subject, len);
	for (unsigned i = 0; i < ret_k->word_count; i++)
		h = mix(h ^ ret_k->words[i], UINT64_C(0xa0761d6478bd642f)) + UINT64_C(0x9e3779b97f4a7c15);
	ret_k->hash = mix(h ^ c->seed, UINT64_C(0xe7037ed1a0b428db));
}

/* ---- one slot --------------------------------------------------------------------------- */

static uint64_t what_of(const struct entry *e, unsigned words, unsigned key_len) {
	return (uint64_t)e->generation << 32 | (uint64_t)e->book << 16 | (uint64_t)words << 8 | key_len;
}

static const word *payload(const struct cache *c, const struct slot_of_cache *s, uint64_t block, unsigned count) {
	if (!block) return count <= INLINE_WORDS ? s->inside : NULL;
	/* torn between two writings it could point anywhere */
	if ((block >> 2) + count > c->blocks.count || count > tgc_block_size(block)) return NULL;
	return tgc_block_words(&c->blocks, block);
}

static bool same_key(const word *at, const struct key *k) {
	for (unsigned i = 0; i < k->word_count; i++)
		if (load(&at[i]) != k->words[i]) return false;
	return true;
}

static void copy(const struct slot_of_cache *s, uint64_t what, const word *line, struct cached *ret) {
	ret->entry = (struct entry){.generation = (uint32_t)(what >> 32),
				    .book = (uint16_t)(what >> 16),
				    .ver = load(&s->ver),
				    .seen_ms = (int64_t)load(&s->seen),
				    .line_until = (int64_t)load(&s->line_until)};
	ret->count = what >> 8 & 0xff;
	for (unsigned i = 0; i < ret->count; i++) ret->words[i] = load(&line[i]);
}

bool tgc_slot_read(const struct cache *c, uint32_t slot, const struct key *k, struct cached *ret) {
	struct slot_of_cache *s = &c->slots[slot];
	for (unsigned i = 0; i < TRIES; i++) {
		uint32_t seq = atomic_load_explicit(&s->seq, memory_order_acquire);
		if (seq & 1) continue;
		if (load(&s->hash) != k->hash) return false;
		uint64_t what = load(&s->what), block = load(&s->block);
		unsigned count = what >> 8 & 0xff;
		if ((what & 0xff) != k->len || count > LINE_WORDS_MAX) return false;
		const word *at = payload(c, s, block, k->word_count + count);
		bool same = at && same_key(at, k);
		if (same && ret) copy(s, what, at + k->word_count, ret);
		/* the loads before this one acquire, so none of them can be later than it */
		if (atomic_load_explicit(&s->seq, memory_order_relaxed) != seq) continue;
		if (same && ret && !atomic_load_explicit(&s->used, memory_order_relaxed))
			atomic_store_explicit(&s->used, 1, memory_order_relaxed);
		return same;
	}
	return false;
}

static void begin_write(struct slot_of_cache *s) {
	uint32_t seq = atomic_load_explicit(&s->seq, memory_order_relaxed);
	atomic_store_explicit(&s->seq, seq + 1, memory_order_relaxed);
}

static void end_write(struct slot_of_cache *s) {
	uint32_t seq = atomic_load_explicit(&s->seq, memory_order_relaxed);
	atomic_store_explicit(&s->seq, seq + 1, memory_order_release);
}

static void write_slot(struct cache *c, uint32_t slot, const struct key *k, const struct entry *e, uint64_t block,
		       const uint64_t *words, unsigned count) {
	struct slot_of_cache *s = &c->slots[slot];
	word *at = block ? tgc_block_words(&c->blocks, block) : s->inside;
	begin_write(s);
	store(&s->hash, k->hash);
	store(&s->what, what_of(e, count, k->len));
	store(&s->ver, e->ver);
	store(&s->seen, (uint64_t)e->seen_ms);
	store(&s->line_until, (uint64_t)e->line_until);
	store(&s->block, block);
	for (unsigned i = 0; i < k->word_count; i++) store(&at[i], k->words[i]);
	for (unsigned i = 0; i < count; i++) store(&at[k->word_count + i], words[i]);
	end_write(s);
}

/* ---- who goes ---------------------------------------------------------------------------- */

static void forget(struct cache *c, uint32_t slot) {
	struct slot_of_cache *s = &c->slots[slot];
	uint64_t block = load(&s->block);
	tgc_index_remove(c, load(&s->hash), slot);
	begin_write(s);
	store(&s->hash, 0);
	store(&s->what, 0);
	store(&s->block, 0);
	end_write(s);
	tgc_block_return(&c->blocks, block);
	c->free_slots[c->free_count++] = slot;
	atomic_fetch_sub_explicit(&c->subjects, 1, memory_order_relaxed);
}

static void evict(struct cache *c, uint32_t slot) {
	forget(c, slot);
	atomic_fetch_add_explicit(&c->evicted, 1, memory_order_relaxed);
}

/* The next slot that was not used since the hand last passed; of a class of blocks alone, when it is >= 0. */
static uint32_t clock_victim(struct cache *c, int class, unsigned steps) {
	uint32_t last = NO_SLOT;
	for (unsigned i = 0; i < steps && c->cut > 0; i++) {
		uint32_t slot = c->hand;
		struct slot_of_cache *s = &c->slots[slot];
		uint64_t block = load(&s->block);
		c->hand = slot + 1 < c->cut ? slot + 1 : 0;
		if (!load(&s->what) || (class >= 0 && (!block || (int)(block & 3) != class))) continue;
		last = slot;
		if (!atomic_load_explicit(&s->used, memory_order_relaxed)) return slot;
		atomic_store_explicit(&s->used, 0, memory_order_relaxed);
	}
	return last;
}

static uint32_t take_slot(struct cache *c) {
	if (c->free_count == 0 && c->cut == c->slot_count) {
		uint32_t victim = clock_victim(c, -1, CLOCK_STEPS);
		if (victim != NO_SLOT) evict(c, victim);
	}
	if (c->free_count > 0) return c->free_slots[--c->free_count];
	return c->cut < c->slot_count ? c->cut++ : NO_SLOT;
}

/* False: there is none to be had. *ret_block 0: it fits inside. */
static bool take_block(struct cache *c, unsigned words, uint64_t *ret_block) {
	*ret_block = 0;
	if (words <= INLINE_WORDS) return true;
	const unsigned class = tgc_block_class(words);
	*ret_block = tgc_block_take(&c->blocks, class);
	if (*ret_block) return true;
	uint32_t victim = clock_victim(c, (int)class, BLOCK_STEPS);
	if (victim != NO_SLOT) evict(c, victim);
	*ret_block = tgc_block_take(&c->blocks, class);
	return *ret_block != 0;
}

/* ---- writing ------------------------------------------------------------------------------ */

static void count_bytes(struct cache *c) {
	uint64_t bytes = (uint64_t)c->cut * (sizeof(struct slot_of_cache) + sizeof(uint32_t)) +
			 (uint64_t)c->buckets * BUCKET_WORDS * 8 + c->blocks.cut * 8;
	atomic_store_explicit(&c->bytes, bytes, memory_order_relaxed);
}

static bool add(struct cache *c, const struct key *k, const struct entry *e, uint64_t block, const uint64_t *words,
		unsigned count) {
	uint32_t slot = take_slot(c);
	if (slot == NO_SLOT) {
		tgc_block_return(&c->blocks, block);
		return false;
	}
	/* used: what was just asked for does not go before what was not */
	atomic_store_explicit(&c->slots[slot].used, 1, memory_order_relaxed);
	write_slot(c, slot, k, e, block, words, count);
	if (!tgc_index_add(c, k->hash, slot)) {
		evict(c, tgc_index_victim(c, k->hash));
		(void)tgc_index_add(c, k->hash, slot);
	}
	atomic_fetch_add_explicit(&c->subjects, 1, memory_order_relaxed);
	count_bytes(c);
	return true;
}

bool tgc_cache_put(struct cache *c, const struct key *k, const struct entry *e, const uint64_t *words, unsigned count) {
	uint64_t block;
	if (count > LINE_WORDS_MAX || !take_block(c, k->word_count + count, &block)) {
		tgc_cache_drop(c, k);
		return false;
	}
	uint32_t slot = tgc_index_find(c, k); /* after take_block, which may have evicted it */
	if (slot == NO_SLOT) return add(c, k, e, block, words, count);
	uint64_t before = load(&c->slots[slot].block);
	write_slot(c, slot, k, e, block, words, count);
	tgc_block_return(&c->blocks, before);
	return true;
}

void tgc_cache_drop(struct cache *c, const struct key *k) {
	uint32_t slot = tgc_index_find(c, k);
	if (slot != NO_SLOT) forget(c, slot);
}

struct cache_size tgc_cache_size(const struct cache *c) {
	return (struct cache_size){.subjects = atomic_load_explicit(&c->subjects, memory_order_relaxed),
				   .bytes = atomic_load_explicit(&c->bytes, memory_order_relaxed),
				   .evicted = atomic_load_explicit(&c->evicted, memory_order_relaxed)};
}

/* ---- its life ------------------------------------------------------------------------------ */

static size_t round_up(size_t n) { return (n + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE; }

/* The parts of one map, which the kernel fills with zeros as they are touched. */
static bool lay_out(struct cache *c, size_t bytes) {
	const size_t for_blocks = bytes / 8;
	/* an index that is seven tenths full at most, and a place in the list of free slots */
	const size_t each = sizeof(struct slot_of_cache) + 12 + sizeof(uint32_t);
	size_t slots = (bytes - for_blocks - 4096) / each; /* 4096: what rounding takes */
	if (slots > UINT32_MAX - 2) slots = UINT32_MAX - 2;
	c->slot_count = (uint32_t)slots;
	c->buckets = (uint32_t)(slots * 12 / (BUCKET_WORDS * 8)) + 1;
	const size_t slots_size = round_up(slots * sizeof(struct slot_of_cache));
	const size_t index_size = round_up((size_t)c->buckets * BUCKET_WORDS * 8);
	const size_t blocks_size = round_up(for_blocks);
	c->map_size = slots_size + index_size + blocks_size + round_up(slots * sizeof(uint32_t)) + HUGE_PAGE;
	c->map = mmap(NULL, c->map_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (c->map == MAP_FAILED) return false;
	uint8_t *at = (uint8_t *)c->map + (HUGE_PAGE - (uintptr_t)c->map % HUGE_PAGE) % HUGE_PAGE;
	c->slots = (void *)at;
	c->index = (void *)(at + slots_size);
	c->blocks.words = (void *)(at + slots_size + index_size);
	c->blocks.count = for_blocks / 8;
	c->blocks.cut = BLOCK_WORDS_MIN; /* so that no block is 0 */
	c->free_slots = (void *)(at + slots_size + index_size + blocks_size);
	/* slots are used in order, so a large page at a time; a small table does not fill the index */
	(void)madvise(c->slots, slots_size, MADV_HUGEPAGE);
	if (index_size >= 4 * HUGE_PAGE) (void)madvise(c->index, index_size, MADV_HUGEPAGE);
	(void)madvise(c->map, c->map_size, MADV_DONTDUMP);
	return true;
}

struct cache *tgc_cache_create(size_t bytes, uint64_t seed) {
	struct cache *c = calloc(1, sizeof *c);
	if (!c) return NULL;
	c->seed = seed;
	if (lay_out(c, bytes)) return c;
	free(c);
	return NULL;
}

void tgc_cache_destroy(struct cache **c) {
	if (!c || !*c) return;
	(void)munmap((*c)->map, (*c)->map_size);
	free(*c);
	*c = NULL;
}
