/* What of the servers' answers goes into the cache. */
#include "follow.h"

#include <stdlib.h>

static uint64_t *recent(struct tg_client *c, const struct key *k) { return &c->t.follow.recent[k->bits[1] % RECENT]; }

static void put(struct tg_client *c, const struct key *k, const struct entry *e, const struct tg01_line *line,
		const struct book *book) {
	uint64_t words[LINE_WORDS_MAX];
	unsigned count = tgc_line_pack(line, &book->catalog, words);
	struct entry full = *e;
	if (count) full.quick = tgc_book_quick(&c->truth.books, book, words, count, e->line_until);
	if (count == 0 || !tgc_cache_put(c->truth.cache, k, &full, words, count)) tgc_cache_drop(c->truth.cache, k);
}

static uint32_t generation(const struct tg_client *c) {
	return atomic_load_explicit(&c->truth.generation, memory_order_relaxed);
}

/* Is what the cache has of the subject of this generation, and later? */
static bool has_later(struct tg_client *c, const struct key *k, uint64_t ver) {
	struct cached had;
	return tgc_cache_get(c->truth.cache, k, &had) && had.entry.generation == generation(c) && had.entry.ver > ver;
}

void tgc_keep(struct tg_client *c, const struct tg01_source *source, struct view sub, uint64_t ver,
	      const struct tg01_line *line, int64_t now) {
	const struct follow *f = &c->t.follow;
	struct key k;
	if (!c->truth.cache || sub.len == 0 || sub.len > SUBJECT_MAX) return;
	const struct book *book = tgc_book_of(&c->truth.books, source->cat);
	if (!book) return;
	const bool same_store = f->known && f->epoch == source->epoch;
	/* what is older than the feed's first word may have changed before we listened */
	const bool ours = same_store && f->cat == source->cat && ver >= f->floor;
	tgc_key(c->truth.cache, sub.ptr, sub.len, &k);
	/* the feed told of a later change while this was on its way */
	if (same_store && (*recent(c, &k) > ver || has_later(c, &k, ver))) return;
	const struct entry e = {.generation = ours ? generation(c) : 0,
				.book = book->number,
				.ver = ver,
				.seen_ms = now,
				.line_until = line->until};
	if (line->count)
		put(c, &k, &e, line, book);
	else
		tgc_cache_drop(c->truth.cache, &k);
}

void tgc_keep_change(struct tg_client *c, const struct tg01_change *change, int64_t now) {
	const struct follow *f = &c->t.follow;
	struct cached had;
	struct key k;
	if (!c->truth.cache || !view_eq(change->acct, view_str(c->settings.account))) return;
	tgc_key(c->truth.cache, change->sub.ptr, change->sub.len, &k);
	if (*recent(c, &k) < change->ver) *recent(c, &k) = change->ver;
	bool has = tgc_cache_get(c->truth.cache, &k, &had);
	if (has && had.entry.generation == generation(c) && had.entry.ver >= change->ver) return;
	if (!has && !c->settings.preload) return;
	if (!f->book || change->line.count == 0) {
		tgc_cache_drop(c->truth.cache, &k);
		return;
	}
	const struct entry e = {.generation = generation(c),
				.book = f->book->number,
				.ver = change->ver,
				.seen_ms = now,
				.line_until = change->line.until};
	put(c, &k, &e, &change->line, f->book);
}

/* ---- behind the callers' backs --------------------------------------------------------- */

struct fill {
	struct request request;
	struct tg_client *client;
	char subject[SUBJECT_MAX + 1];
};

static void filled(struct request *r) {
	struct fill *f = LIST_ITEM(struct fill, r, request);
	atomic_fetch_sub_explicit(&f->client->fills, 1, memory_order_relaxed);
	free(f);
}

void tgc_fill(struct tg_client *c, const char *subject) {
	struct fill *f = NULL;
	if (atomic_fetch_add_explicit(&c->fills, 1, memory_order_relaxed) < FILLS_MAX) f = calloc(1, sizeof *f);
	if (!f) {
		atomic_fetch_sub_explicit(&c->fills, 1, memory_order_relaxed);
		return;
	}
	f->client = c;
	memcpy(f->subject, subject, strlen(subject) + 1);
	f->request = (struct request){.kind = ASK_LINE,
				      .only = -1,
				      .timeout_ms = c->settings.timeout_ms,
				      .subject = f->subject,
				      .done = filled};
	if (!tgc_submit(c, &f->request)) filled(&f->request);
}

static bool same(const struct tg_answer *a, const struct tg_answer *b) {
	return a->allowed == b->allowed && a->stale == b->stale && a->until == b->until &&
	       strcmp(a->reason, b->reason) == 0 && strcmp(a->tier, b->tier) == 0;
}

void tgc_keep_compare(struct tg_client *c, const struct tg_question *q, const struct tg_answer *a) {
	struct sight s;
	struct tg_answer kept;
	if (!c->truth.cache || !c->settings.remembers) return;
	struct key k;
	tgc_key(c->truth.cache, q->subject, strlen(q->subject), &k);
	if (tgc_sight_old(&c->truth, q->subject, &s) && tgc_sight_check(&c->truth, &s, q->tier, q->feature, &kept) &&
	    same(&kept, a)) {
		if (s.age_ms < 1000) return;
		s.cached.entry.seen_ms = tgc_mono_ms();
		(void)tgc_cache_put(c->truth.cache, &k, &s.cached.entry, s.cached.words, s.cached.count);
		return;
	}
	tgc_cache_drop(c->truth.cache, &k);
	tgc_fill(c, q->subject);
}
