#include "cache_private.h"

static uint32_t tag_of(uint64_t hash) { return (uint32_t)(hash >> 32); }

static word *bucket(const struct cache *c, uint64_t hash, unsigned which) {
	uint32_t h = which ? (uint32_t)hash * 0x9e3779b1u ^ tag_of(hash) : (uint32_t)hash;
	return c->index + (((uint64_t)h * c->buckets) >> 32) * BUCKET_WORDS;
}

static uint64_t entry_of(uint64_t hash, uint32_t slot) { return (uint64_t)tag_of(hash) << 32 | (slot + 1u); }

uint32_t tgc_index_find(const struct cache *c, const struct key *k) {
	for (unsigned which = 0; which < 2; which++) {
		const word *b = bucket(c, k->hash, which);
		for (unsigned i = 0; i < BUCKET_WORDS; i++) {
			uint64_t entry = load(&b[i]);
			if (entry >> 32 != tag_of(k->hash) || !(uint32_t)entry) continue;
			if (tgc_slot_read(c, (uint32_t)entry - 1, k, NULL)) return (uint32_t)entry - 1;
		}
	}
	return NO_SLOT;
}

void tgc_cache_hint(const struct cache *c, const struct key *k) { __builtin_prefetch(bucket(c, k->hash, 0)); }

void tgc_cache_hint_slot(const struct cache *c, const struct key *k) {
	const word *b = bucket(c, k->hash, 0);
	for (unsigned i = 0; i < BUCKET_WORDS; i++) {
		uint64_t entry = load(&b[i]);
		if (entry >> 32 != tag_of(k->hash) || !(uint32_t)entry) continue;
		const struct slot_of_cache *slot = &c->slots[(uint32_t)entry - 1];
		__builtin_prefetch(slot);
		__builtin_prefetch(&slot->inside[1]);
		__builtin_prefetch(&slot->inside[9]);
		return;
	}
}

bool tgc_cache_get(const struct cache *c, const struct key *k, struct cached *ret) {
	for (unsigned which = 0; which < 2; which++) {
		const word *b = bucket(c, k->hash, which);
		for (unsigned i = 0; i < BUCKET_WORDS; i++) {
			uint64_t entry = load(&b[i]);
			if (entry >> 32 != tag_of(k->hash) || !(uint32_t)entry) continue;
			if (tgc_slot_read(c, (uint32_t)entry - 1, k, ret)) return true;
		}
	}
	return false;
}

/* Another bucket's place for one that stands in a full one: it stands in both for a moment, which no reader minds. */
static bool make_room(struct cache *c, word *b) {
	for (unsigned i = 0; i < BUCKET_WORDS; i++) {
		uint64_t entry = load(&b[i]);
		uint64_t hash = load(&c->slots[(uint32_t)entry - 1].hash);
		word *other = bucket(c, hash, 0);
		if (other == b) other = bucket(c, hash, 1);
		for (unsigned k = 0; k < BUCKET_WORDS; k++) {
			if (other == b || load(&other[k])) continue;
			store(&other[k], entry);
			store(&b[i], 0);
			return true;
		}
	}
	return false;
}

static bool put(struct cache *c, uint64_t hash, uint32_t slot) {
	for (unsigned which = 0; which < 2; which++) {
		word *b = bucket(c, hash, which);
		for (unsigned i = 0; i < BUCKET_WORDS; i++) {
			if (load(&b[i])) continue;
			store(&b[i], entry_of(hash, slot));
			return true;
		}
	}
	return false;
}

bool tgc_index_add(struct cache *c, uint64_t hash, uint32_t slot) {
	if (put(c, hash, slot)) return true;
	return (make_room(c, bucket(c, hash, 0)) || make_room(c, bucket(c, hash, 1))) && put(c, hash, slot);
}

void tgc_index_remove(struct cache *c, uint64_t hash, uint32_t slot) {
	for (unsigned which = 0; which < 2; which++) {
		word *b = bucket(c, hash, which);
		for (unsigned i = 0; i < BUCKET_WORDS; i++)
			if (load(&b[i]) == entry_of(hash, slot)) store(&b[i], 0);
	}
}

uint32_t tgc_index_victim(const struct cache *c, uint64_t hash) {
	uint32_t any = (uint32_t)load(bucket(c, hash, 0)) - 1;
	for (unsigned which = 0; which < 2; which++) {
		const word *b = bucket(c, hash, which);
		for (unsigned i = 0; i < BUCKET_WORDS; i++) {
			uint32_t slot = (uint32_t)load(&b[i]) - 1;
			if (slot != NO_SLOT && !atomic_load_explicit(&c->slots[slot].used, memory_order_relaxed))
				return slot;
		}
	}
	return any;
}
