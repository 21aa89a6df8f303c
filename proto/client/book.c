#include "book.h"
#include "private.h"

#include <stdlib.h>

#define CELLS (2 * FEATURES_MAX)

void tgc_books_finish(struct books *b) {
	for (unsigned i = 0; i < b->count; i++) {
		struct book *book = atomic_load_explicit(&b->at[i], memory_order_relaxed);
		for (unsigned k = 0; k < book->shape_count; k++)
			free(atomic_load_explicit(&book->shapes[k], memory_order_relaxed));
		free(book);
	}
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

static struct ends ends_of(struct view name) {
	struct ends e = {0};
	if (name.len >= 8) {
		memcpy(&e.first, name.ptr, 8);
		memcpy(&e.last, name.ptr + name.len - 8, 8);
	} else {
		for (size_t i = 0; i < name.len; i++) e.first |= (uint64_t)(unsigned char)name.ptr[i] << 8 * i;
	}
	return e;
}

/* Names are few, so no choice of them makes a search long. */
static unsigned cell_of(struct ends e, size_t len) {
	const uint64_t mixed = e.first ^ (e.last ^ len) * UINT64_C(0x9e3779b97f4a7c15);
	return (unsigned)(mixed * UINT64_C(0x9e3779b97f4a7c15) >> 40) % CELLS;
}

/* The ends are all of a name of up to 16 bytes. */
static bool is_feature(const struct book *b, unsigned i, struct view name, struct ends e) {
	const struct view is = b->catalog.features[i];
	if (b->ends[i].first != e.first || b->ends[i].last != e.last || is.len != name.len) return false;
	return name.len <= 16 || memcmp(is.ptr, name.ptr, name.len) == 0;
}

static int feature_of(const struct book *b, struct view name) {
	const struct ends e = ends_of(name);
	for (unsigned i = cell_of(e, name.len); b->cells[i]; i = (i + 1) % CELLS)
		if (is_feature(b, b->cells[i] - 1u, name, e)) return b->cells[i] - 1;
	return -1;
}

static bool put_feature(struct book *b, struct view name) {
	const struct ends e = ends_of(name);
	unsigned cell = cell_of(e, name.len);
	if (!name.len || feature_of(b, name) >= 0) return false;
	while (b->cells[cell]) cell = (cell + 1) % CELLS;
	b->ends[b->catalog.feature_count] = e;
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

bool tgc_book_named(const struct book *b, struct view name, bool tier, struct requirement *ret_r) {
	struct requirement r = {.tier = -1, .feature = -1};
	if (tier)
		r.tier = catalog_tier(&b->catalog, name);
	else
		r.feature = feature_of(b, name);
	*ret_r = r;
	return r.tier >= 0 || r.feature >= 0;
}

bool tgc_book_requirement(const struct book *b, const char *tier, const char *feature, struct requirement *ret_r) {
	return tgc_book_named(b, view_str(tier ? tier : feature), tier, ret_r);
}
