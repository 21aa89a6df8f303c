#include "truth.h"
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
static void fill_source(const struct truth *t, const struct sight *s, struct tg_answer *a) {
	const struct entry *e = &s->cached.entry;
	a->source = TG_FROM_CACHE;
	a->error = TG_NO_ERROR;
	a->age_ms = s->age_ms;
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

static void answer(const struct truth *t, const struct sight *s, const struct entitlement *e, struct requirement q,
		   struct tg_answer *ret_a) {
	const struct decision d = entitlement_decide(e, q);
	const struct catalog_tier *tiers = s->book->catalog.tiers;
	ret_a->allowed = d.allowed;
	ret_a->stale = e->stale;
	ret_a->reason = reason_name(d.reason);
	ret_a->tier = tiers[e->tier].name.ptr;
	ret_a->status = sub_status_name(e->status);
	ret_a->need = d.need >= 0 ? tiers[d.need].name.ptr : "";
	ret_a->until = d.until;
	fill_source(t, s, ret_a);
}

bool tgc_sight_check(const struct truth *t, const struct sight *s, const char *tier, const char *feature,
		     struct tg_answer *ret_a) {
	struct requirement q;
	struct entitlement e;
	if (!tgc_book_requirement(s->book, tier, feature, &q) || !evaluate(s, &e)) return false;
	answer(t, s, &e, q, ret_a);
	return true;
}

/* The order is that of the memory: while a line of it comes, something else is done. */
bool tgc_truth_check(struct truth *t, const struct tg_question *q, int max_age_ms, struct tg_answer *ret_a) {
	uint32_t generation;
	struct requirement needed;
	struct entitlement e;
	struct sight s;
	struct key k;
	s.book = book_now(t, &generation);
	if (!s.book) return false;
	tgc_key(t->cache, q->subject, strlen(q->subject), &k);
	tgc_cache_hint(t->cache, &k);
	if (!tgc_book_requirement(s.book, q->tier, q->feature, &needed)) return false;
	tgc_cache_hint_slot(t->cache, &k);
	int64_t now = tgc_mono_ms(), word = get(&t->word_ms);
	if (now - word > max_age_ms || !tgc_cache_get(t->cache, &k, &s.cached)) return false;
	if (s.cached.entry.generation != generation || s.cached.entry.book != s.book->number) return false;
	s.at = server_time(t, now);
	s.age_ms = now - (s.cached.entry.seen_ms > word ? s.cached.entry.seen_ms : word);
	if (s.age_ms < 0) s.age_ms = 0;
	if (!evaluate(&s, &e)) return false;
	answer(t, &s, &e, needed, ret_a);
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
	fill_source(t, s, &ret_p->as);
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
