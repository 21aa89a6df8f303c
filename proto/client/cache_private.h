/* What the files of the table share; nobody else includes it. */
#ifndef CLIENT_CACHE_PRIVATE_H
#define CLIENT_CACHE_PRIVATE_H

#include "cache.h"

#define BUCKET_WORDS 8 /* of the index: one cache line */
#define SLOT_WORDS 24
#define HEAD_WORDS 7
#define INLINE_WORDS (SLOT_WORDS - HEAD_WORDS)
#define BLOCK_CLASSES 4
#define BLOCK_WORDS_MIN 32u
#define BLOCK_WORDS_MAX (BLOCK_WORDS_MIN << (BLOCK_CLASSES - 1))
#define NO_SLOT UINT32_MAX

_Static_assert(KEY_WORDS_MAX + LINE_WORDS_MAX <= BLOCK_WORDS_MAX, "the longest entry fits into the largest block");

typedef _Atomic uint64_t word;

struct slot_of_cache {
	_Atomic uint32_t seq, used;
	word hash;
	word what; /* generation : 32 | book : 16 | words of the line : 8 | bytes of the key : 8; 0: free */
	word ver, seen, line_until;
	word block; /* 0: inline; else its first word's place, and its class in the low bits */
	word inside[INLINE_WORDS];
};

_Static_assert(sizeof(struct slot_of_cache) == SLOT_WORDS * 8, "three cache lines");

/* Memory of blocks: cut off in order, and kept in a list for each class when they come back. */
struct blocks {
	word *words;
	size_t count, cut;
	uint64_t free[BLOCK_CLASSES]; /* 0: none; a free block's first word has the next one */
	size_t used_words;
};

struct cache {
	uint64_t seed;
	word *index;
	uint32_t buckets;
	struct slot_of_cache *slots;
	uint32_t slot_count, cut, hand; /* how many were ever used; where CLOCK goes on */
	uint32_t *free_slots, free_count;
	struct blocks blocks;
	_Atomic uint64_t subjects, bytes, evicted;
	void *map;
	size_t map_size;
};

static inline uint64_t load(const word *w) { return atomic_load_explicit(w, memory_order_acquire); }
static inline void store(word *w, uint64_t n) { atomic_store_explicit(w, n, memory_order_release); }

/* blocks */
unsigned tgc_block_class(unsigned words);
/* 0: there is none. */
uint64_t tgc_block_take(struct blocks *b, unsigned class);
void tgc_block_return(struct blocks *b, uint64_t block);
static inline word *tgc_block_words(const struct blocks *b, uint64_t block) { return b->words + (block >> 2); }
static inline unsigned tgc_block_size(uint64_t block) { return BLOCK_WORDS_MIN << (block & 3); }

/* index: the slot of the key, or NO_SLOT */
uint32_t tgc_index_find(const struct cache *c, const struct key *k);
/* False: both buckets are full. */
bool tgc_index_add(struct cache *c, uint64_t hash, uint32_t slot);
void tgc_index_remove(struct cache *c, uint64_t hash, uint32_t slot);
/* A slot in one of the key's buckets, one that was not used if there is such; of full buckets alone. */
uint32_t tgc_index_victim(const struct cache *c, uint64_t hash);

/* Does the slot hold that key? Copies it, where `ret` is not NULL. */
bool tgc_slot_read(const struct cache *c, uint32_t slot, const struct key *k, struct cached *ret);

#endif
