/* What the files of the table share; nobody else includes it. */
#ifndef CLIENT_CACHE_PRIVATE_H
#define CLIENT_CACHE_PRIVATE_H

#include "cache.h"

#define UNIT_WORDS 8
#define TABLES_MAX 26     /* sizes that there are, each half of the one before */
#define PLACES_FIRST 1024 /* about as many there are in the beginning */
#define TRIES 8           /* of a reader, while the writer is at the same place */

typedef _Atomic uint64_t word64;

struct place {
	_Atomic uint32_t seq;
	_Atomic uint8_t used, count; /* count: words of the line; 0: free */
	_Atomic uint16_t book;
	word64 bits[2];
	_Atomic uint32_t generation, unit; /* unit: the first of the chain */
	word64 ver, seen;
	_Atomic uint32_t from, end, until;
	_Atomic uint16_t shape, reserved;
};

_Static_assert(sizeof(struct place) == 64, "one cache line");

struct table {
	struct place *places;
	uint32_t pairs;
};

/* A chain of units: seven words and the next one's number in each but the last, which has up to eight. Cut off in
 * order, and kept in a list when they come back. */
struct units {
	word64 *words;
	uint32_t count, cut, free, free_count; /* free: 0: none; a free unit's first word has the next one */
};

struct cache {
	/* what readers look at */
	_Alignas(64) struct fingerprint_key key;
	_Alignas(64) _Atomic(const struct table *) table;
	_Atomic uint32_t moves;          /* counts when a subject may have been missed because it was moved */
	struct table tables[TABLES_MAX]; /* the largest first; neighbours do not overlap */
	/* the writer's, but that readers of whole lines look into the units */
	_Alignas(64) struct units units;
	unsigned level; /* of the table that is used */
	uint32_t hand;  /* where CLOCK goes on */
	size_t bytes_max;
	_Atomic uint64_t subjects, bytes, evicted;
	void *map;
	size_t map_size;
};

static inline uint64_t load(const word64 *w) { return atomic_load_explicit(w, memory_order_acquire); }
static inline void store(word64 *w, uint64_t n) { atomic_store_explicit(w, n, memory_order_release); }
#define LOAD(p) atomic_load_explicit(&(p), memory_order_acquire)
#define STORE(p, n) atomic_store_explicit(&(p), n, memory_order_release)

/* units */
static inline unsigned tgc_units_for(unsigned words) {
	return words <= UNIT_WORDS ? 1 : 1 + (words - UNIT_WORDS + UNIT_WORDS - 2) / (UNIT_WORDS - 1);
}
static inline uint32_t tgc_units_left(const struct units *u) { return u->count - u->cut + u->free_count; }
/* A chain with these words; there must be as many units left. */
uint32_t tgc_units_write(struct units *u, const uint64_t *words, unsigned count);
/* False: it is no chain, which a reader may meet where the writer was quicker. */
bool tgc_units_read(const struct units *u, uint32_t unit, uint64_t *words, unsigned count);
void tgc_units_return(struct units *u, uint32_t unit, unsigned count);

/* places */
static inline struct place *tgc_pair(const struct table *t, uint64_t bits) {
	return t->places + 2 * ((bits >> 32) * t->pairs >> 32);
}
static inline const struct table *tgc_table(const struct cache *c) {
	return atomic_load_explicit(&c->table, memory_order_acquire);
}
/* The writer: the subject's, or NULL. */
struct place *tgc_place_find(const struct table *t, const struct key *k);
/* One that is free, where need be by moving another to its other pair; NULL: all that there could be are taken. */
struct place *tgc_place_make(struct cache *c, const struct table *t, const struct key *k);
/* One of the subject's that may go: one that was not used if there is such. All must be taken. */
struct place *tgc_place_victim(const struct table *t, const struct key *k);
static inline void tgc_place_begin(struct place *p) {
	atomic_store_explicit(&p->seq, atomic_load_explicit(&p->seq, memory_order_relaxed) + 1, memory_order_relaxed);
}
static inline void tgc_place_end(struct place *p) {
	atomic_store_explicit(&p->seq, atomic_load_explicit(&p->seq, memory_order_relaxed) + 1, memory_order_release);
}
/* What stood there is forgotten; its units are the caller's. */
void tgc_place_clear(struct place *p);
/* Twice as many, where the bound allows it. */
void tgc_places_grow(struct cache *c);
static inline size_t tgc_places_of(const struct table *t) { return (size_t)t->pairs * 2; }
void tgc_cache_count_bytes(struct cache *c);

#endif
