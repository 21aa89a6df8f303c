/* Steps as they are answered from: what all steps of a shape have in common is computed once. */
#include "book.h"

#include <stdlib.h>

_Static_assert(REASON_COUNT <= UINT8_MAX && TIERS_MAX <= INT8_MAX, "they fit");

static struct decided decide(const struct entitlement *e, struct requirement q) {
	const struct decision d = entitlement_decide(e, q);
	return (struct decided){
		.allowed = d.allowed, .ends = d.until != 0, .reason = (uint8_t)d.reason, .need = (int8_t)d.need};
}

static struct shape *make(const struct book *b, uint64_t what, const struct entitlement *e) {
	const struct catalog *c = &b->catalog;
	struct shape *s = malloc(sizeof *s + (c->feature_count + c->tier_count) * sizeof s->decided[0]);
	if (!s) return NULL;
	s->what = what;
	s->tier = c->tiers[e->tier].name.ptr;
	s->status = sub_status_name(e->status);
	s->stale = e->stale;
	for (unsigned i = 0; i < c->feature_count; i++)
		s->decided[i] = decide(e, (struct requirement){.tier = -1, .feature = (int)i});
	for (unsigned i = 0; i < c->tier_count; i++)
		s->decided[c->feature_count + i] = decide(e, (struct requirement){.tier = (int)i, .feature = -1});
	return s;
}

/* 0: there are too many. */
static uint16_t number_of(struct books *books, struct book *b, uint64_t what, const struct entitlement *e) {
	for (unsigned i = 0; i < b->shape_count; i++)
		if (atomic_load_explicit(&b->shapes[i], memory_order_relaxed)->what == what) return (uint16_t)(i + 1);
	if (b->shape_count == SHAPES_MAX || books->shape_count == SHAPES_MAX_ALL) return 0;
	struct shape *s = make(b, what, e);
	if (!s) return 0;
	atomic_store_explicit(&b->shapes[b->shape_count++], s, memory_order_release);
	books->shape_count++;
	return (uint16_t)b->shape_count;
}

static bool in_range(int64_t at) { return at >= 0 && at < UINT32_MAX; }

/* The moment at which all that ends of the step does; 0: nothing does, -1: it is not one moment. */
static int64_t common_end(const struct entitlement *e) {
	int64_t end = 0;
	for (unsigned i = 0; i < TIERS_MAX; i++) {
		if (!e->tier_until[i] || e->tier_until[i] == end) continue;
		if (end) return -1;
		end = e->tier_until[i];
	}
	return end;
}

struct quick tgc_book_quick(struct books *books, const struct book *b, const uint64_t *words, unsigned count,
			    int64_t line_until) {
	const struct quick none = {0};
	struct entitlement e;
	const int64_t from = tgc_line_from(words), end = tgc_line_first_end(words, count, line_until);
	if (!tgc_line_at(words, count, 0, &b->catalog, from, 0, &e) || e.begins_at) return none;
	const int64_t until = common_end(&e);
	if (!in_range(from) || !in_range(end) || !in_range(until)) return none;
	struct book *ours = atomic_load_explicit(&books->at[b->number], memory_order_relaxed);
	return (struct quick){.from = (uint32_t)from,
			      .end = end ? (uint32_t)end : UINT32_MAX,
			      .until = (uint32_t)until,
			      .shape = number_of(books, ours, tgc_line_shape(words), &e)};
}
