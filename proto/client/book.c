#include "book.h"
#include "private.h"

#include <stdlib.h>

#define CELLS (2 * FEATURES_MAX)

void tgc_books_finish(struct books *b) {
	for (unsigned i = 0; i < b->count; i++) free(atomic_load_explicit(&b->at[i], memory_order_relaxed));
}

const struct book *tgc_book(const struct books *b, uint16_t number) {
	return number < BOOKS_MAX ? atomic_load_explicit(&b->at[number], memory_order_acquire) : NULL;
}

const struct book *tgc_book_of(const struct books *b, uint64_t hash) {
	for (unsigned i = b->count; i > 0; i--) {
		const struct book *book = atomic_load_explicit(&b->at[i - 1], memory_order_relaxed);
		if (book->catalog.hash == hash) return book;
	}
	return NULL;
}

static unsigned cell_of(struct view name) { return (unsigned)(view_hash(HASH_SEED, name) % CELLS); }

static int feature_of(const struct book *b, struct view name) {
	for (unsigned i = cell_of(name); b->cells[i]; i = (i + 1) % CELLS)
		if (view_eq(b->catalog.features[b->cells[i] - 1], name)) return b->cells[i] - 1;
	return -1;
}

static bool put_feature(struct book *b, struct view name) {
	unsigned cell = cell_of(name);
	if (!name.len || feature_of(b, name) >= 0) return false;
	while (b->cells[cell]) cell = (cell + 1) % CELLS;
	b->catalog.features[b->catalog.feature_count++] = name;
	b->cells[cell] = (uint16_t)b->catalog.feature_count;
	return true;
}

static bool fill(struct book *b, const struct tg01_catalog *c, struct names *names) {
	if (c->feat_count > FEATURES_MAX || c->tier_count < 1 || c->tier_count > TIERS_MAX) return false;
	for (unsigned i = 0; i < c->feat_count; i++)
		if (!put_feature(b, view_str(tgc_name(names, c->feats[i])))) return false;
	for (unsigned i = 0; i < c->tier_count; i++) {
		struct view name = view_str(tgc_name(names, c->tiers[i].name));
		if (!name.len || catalog_tier(&b->catalog, name) >= 0) return false;
		b->catalog.tiers[i] = c->tiers[i];
		b->catalog.tiers[i].name = name;
		b->catalog.tier_count++;
	}
	return true;
}

const struct book *tgc_book_take(struct books *b, const struct tg01_catalog *c, uint64_t hash, struct names *names,
				 int64_t now) {
	const struct book *known = tgc_book_of(b, hash);
	if (known) return known;
	if (b->count == BOOKS_MAX || (b->count >= BOOKS_FREE && now - b->last_ms < BOOK_MS)) return NULL;
	struct book *book = calloc(1, sizeof *book);
	if (!book || !fill(book, c, names)) {
		free(book);
		return NULL;
	}
	book->catalog.hash = hash;
	book->number = (uint16_t)b->count;
	b->last_ms = now;
	atomic_store_explicit(&b->at[b->count++], book, memory_order_release);
	return book;
}

bool tgc_book_requirement(const struct book *b, const char *tier, const char *feature, struct requirement *ret_r) {
	struct requirement r = {.tier = -1, .feature = -1};
	if (tier)
		r.tier = catalog_tier(&b->catalog, view_str(tier));
	else
		r.feature = feature_of(b, view_str(feature));
	*ret_r = r;
	return r.tier >= 0 || r.feature >= 0;
}
