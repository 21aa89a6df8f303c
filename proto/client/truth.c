#include "truth.h"
#include "cache_look.h"
#include "private.h"

#include <pthread.h>
#include <stdlib.h>

static int64_t get(const _Atomic int64_t *n) { return atomic_load_explicit(n, memory_order_acquire); }

static bool find(const struct truth *t, const char *subject, struct sight *s) {
	struct key k;
	tgc_key(t->cache, subject, strlen(subject), &k);
	if (!tgc_cache_get(t->cache, &k, &s->cached)) return false;
	s->book = tgc_book(&t->books, s->cached.entry.book);
	return s->book != NULL;
}

static int64_t server_time(const struct truth *t, int64_t now) {
	int64_t ms = now + get(&t->offset_ms);
	return ms >= 0 ? ms / 1000 : 0;
}

bool tgc_sight(const struct truth *t, const char *subject, int max_age_ms, struct sight *ret_s) {
	uint32_t generation = atomic_load_explicit(&t->generation, memory_order_acquire);
	if (!t->cache || !atomic_load_explicit(&t->live, memory_order_acquire)) return false;
	int64_t now = tgc_mono_ms(), word = get(&t->word_ms);
	ret_s->at = server_time(t, now);
	if (now - word > max_age_ms || !find(t, subject, ret_s)) return false;
	int64_t seen = ret_s->cached.entry.seen_ms;
	ret_s->age_ms = now - (seen > word ? seen : word);
	if (ret_s->age_ms < 0) ret_s->age_ms = 0;
	return ret_s->cached.entry.generation == generation &&
	       atomic_load_explicit(&t->generation, memory_order_acquire) == generation;
}

bool tgc_sight_old(const struct truth *t, const char *subject, struct sight *ret_s) {
	if (!t->cache || !find(t, subject, ret_s)) return false;
	const struct entry *e = &ret_s->cached.entry;
	int64_t now = tgc_mono_ms(), word = 0;
	uint32_t generation = atomic_load_explicit(&t->generation, memory_order_acquire);
	if (e->generation == generation)
		word = get(&t->word_ms);
	else if (e->generation && generation - e->generation < ENDED_MAX)
		word = get(&t->ended_ms[e->generation % ENDED_MAX]);
	ret_s->at = server_time(t, now);
	ret_s->age_ms = now - (e->seen_ms > word ? e->seen_ms : word);
	if (ret_s->age_ms < 0) ret_s->age_ms = 0;
	return true;
}

/* The generation's, or NULL when the cache is not true. */
static const struct book *book_now(const struct truth *t, uint32_t *ret_generation) {
	*ret_generation = atomic_load_explicit(&t->generation, memory_order_acquire);
	if (!t->cache || !atomic_load_explicit(&t->live, memory_order_acquire)) return NULL;
	return atomic_load_explicit(&t->book, memory_order_acquire);
}

static bool evaluate(const struct sight *s, struct entitlement *ret_e) {
	return tgc_line_at(s->cached.words, s->cached.count, s->cached.entry.line_until, &s->book->catalog, s->at,
			   SLACK_S, ret_e);
}

/* Which store and version; those of a generation that is over, or that was never followed, are not known any more. */
static inline void fill_source(const struct truth *t, const struct entry *e, int64_t age_ms, struct tg_answer *a) {
	a->source = TG_FROM_CACHE;
	a->error = TG_NO_ERROR;
	a->age_ms = age_ms > 0 ? age_ms : 0;
	a->ver = e->ver;
	a->epoch = 0;
	a->as_of_ms = 0;
	a->why[0] = '\0';
	if (e->generation != atomic_load_explicit(&t->generation, memory_order_acquire)) return;
	uint64_t ver = atomic_load_explicit(&t->ver, memory_order_relaxed);
	if (ver > a->ver) a->ver = ver;
	a->epoch = atomic_load_explicit(&t->epoch, memory_order_relaxed);
	a->as_of_ms = atomic_load_explicit(&t->as_of_ms, memory_order_relaxed);
}

static void answer(const struct entitlement *e, const struct sight *s, struct requirement q, struct tg_answer *ret_a) {
	const struct decision d = entitlement_decide(e, q);
	const struct catalog_tier *tiers = s->book->catalog.tiers;
	ret_a->allowed = d.allowed;
	ret_a->stale = e->stale;
	ret_a->reason = reason_name(d.reason);
	ret_a->tier = tiers[e->tier].name.ptr;
	ret_a->status = sub_status_name(e->status);
	ret_a->need = d.need >= 0 ? tiers[d.need].name.ptr : "";
	ret_a->until = d.until;
}

bool tgc_sight_check(const struct truth *t, const struct sight *s, const char *tier, const char *feature,
		     struct tg_answer *ret_a) {
	struct requirement q;
	struct entitlement e;
	if (!tgc_book_requirement(s->book, tier, feature, &q) || !evaluate(s, &e)) return false;
	answer(&e, s, q, ret_a);
	fill_source(t, &s->cached.entry, s->age_ms, ret_a);
	return true;
}

/* By the shape of the step that holds then. False: only the whole line tells. */
static inline bool answer_quickly(const struct quick *quick, const struct book *b, int64_t at, struct requirement q,
				  struct tg_answer *ret_a) {
	const struct shape *shape = tgc_book_shape(b, quick->shape);
	if (!shape || at + SLACK_S < quick->from || at >= quick->end) return false;
	const struct decided *d = tgc_shape_decides(shape, b, q);
	ret_a->allowed = d->allowed;
	ret_a->stale = shape->stale;
	ret_a->reason = reason_name((enum reason)d->reason);
	ret_a->tier = shape->tier;
	ret_a->status = shape->status;
	ret_a->need = d->need >= 0 ? b->catalog.tiers[d->need].name.ptr : "";
	ret_a->until = d->ends ? quick->until : 0;
	return true;
}

__attribute__((noinline)) static bool answer_slowly(const struct truth *t, const struct key *k, uint32_t generation,
						    const struct book *b, int64_t at, struct requirement q,
						    struct tg_answer *ret_a) {
	struct sight s = {.book = b, .at = at};
	struct entitlement e;
	/* it may have been written anew since */
	if (!tgc_cache_get(t->cache, k, &s.cached) || s.cached.entry.generation != generation) return false;
	if (s.cached.entry.book != b->number || !evaluate(&s, &e)) return false;
	answer(&e, &s, q, ret_a);
	return true;
}

void tgc_truth_seek(const struct truth *t, const struct asked *q, struct key *ret_k) {
	tgc_key(t->cache, q->subject.ptr, q->subject.len, ret_k);
	tgc_cache_hint(t->cache, ret_k);
}

bool tgc_truth_check(struct truth *t, const struct asked *q, const struct key *k, int64_t now, int max_age_ms,
		     struct tg_answer *ret_a) {
	uint32_t generation;
	struct requirement needed;
	struct entry e;
	const struct book *b = book_now(t, &generation);
	if (!b || !tgc_book_named(b, q->name, q->tier, &needed)) return false;
	const int64_t word = get(&t->word_ms), at = server_time(t, now);
	if (now - word > max_age_ms || !tgc_cache_look(t->cache, k, &e)) return false;
	if (e.generation != generation || e.book != b->number) return false;
	if (!answer_quickly(&e.quick, b, at, needed, ret_a) && !answer_slowly(t, k, generation, b, at, needed, ret_a))
		return false;
	fill_source(t, &e, now - (e.seen_ms > word ? e.seen_ms : word), ret_a);
	if (atomic_load_explicit(&t->generation, memory_order_acquire) != generation) return false;
	tgc_truth_hit(t);
	return true;
}

static struct tg_step step_of(const struct catalog *c, const struct entitlement *e) {
	return (struct tg_step){.from = e->now,
				.tier = c->tiers[e->tier].name.ptr,
				.status = sub_status_name(e->status),
				.reason = reason_name(e->reason),
				.until = e->until};
}

bool tgc_sight_profile(const struct truth *t, const struct sight *s, struct tg_profile *ret_p) {
	const struct catalog *c = &s->book->catalog;
	struct entitlement e, steps[LINE_STEPS_MAX];
	if (!evaluate(s, &e)) return false;
	const char **features = calloc(c->feature_count ? c->feature_count : 1, sizeof *features);
	if (!features) return false;
	memset(ret_p, 0, sizeof *ret_p);
	ret_p->features = features;
	for (unsigned i = 0; i < c->feature_count; i++)
		if (entitlement_has(&e, i)) features[ret_p->feature_count++] = c->features[i].ptr;
	ret_p->as.allowed = true;
	ret_p->as.stale = e.stale;
	ret_p->as.tier = c->tiers[e.tier].name.ptr;
	ret_p->as.status = sub_status_name(e.status);
	ret_p->as.reason = reason_name(e.reason);
	ret_p->as.need = "";
	ret_p->as.until = e.until;
	fill_source(t, &s->cached.entry, s->age_ms, &ret_p->as);
	ret_p->seats = e.seats;
	ret_p->next_billing = e.next_billing;
	ret_p->step_count = tgc_line_steps(s->cached.words, s->cached.count, c, s->at, steps);
	for (size_t i = 0; i < ret_p->step_count; i++) ret_p->steps[i] = step_of(c, &steps[i]);
	return true;
}

static unsigned shard(void) {
	return (unsigned)(((uint64_t)(uintptr_t)pthread_self() >> 12) * UINT64_C(0x9e3779b97f4a7c15) >> 60);
}

void tgc_truth_hit(struct truth *t) {
	(void)atomic_fetch_add_explicit(&t->shards[shard() % SHARDS].hits, 1, memory_order_relaxed);
}

uint64_t tgc_truth_hits(const struct truth *t) {
	uint64_t n = 0;
	for (unsigned i = 0; i < SHARDS; i++) n += atomic_load_explicit(&t->shards[i].hits, memory_order_relaxed);
	return n;
}
