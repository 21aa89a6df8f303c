/* One message of the feed, and what it says of whether the cache is true. */
#include "follow.h"

static struct truth *truth(struct tg_client *c) { return &c->truth; }

static void set(_Atomic int64_t *n, int64_t value) { atomic_store_explicit(n, value, memory_order_release); }

void tgc_generation_begin(struct tg_client *c, uint64_t epoch, uint64_t cat, uint64_t ver) {
	struct follow *f = &c->t.follow;
	struct truth *t = truth(c);
	uint32_t over = atomic_load_explicit(&t->generation, memory_order_relaxed);
	if (f->known && epoch != f->epoch) {
		COUNT(c, restarts);
		tgc_watch_gap(c);
	}
	atomic_store_explicit(&t->live, false, memory_order_release);
	set(&t->ended_ms[over % ENDED_MAX], atomic_load_explicit(&t->word_ms, memory_order_relaxed));
	/* 0 is what was never followed */
	atomic_store_explicit(&t->generation, over + 1 ? over + 1 : 1, memory_order_release);
	atomic_store_explicit(&t->epoch, epoch, memory_order_relaxed);
	f->known = true;
	f->cat = cat;
	/* the changes that are still to come in the same store are told to whoever watches */
	if (f->epoch != epoch || ver < f->ver) {
		memset(f->recent, 0, sizeof f->recent);
		f->ver = f->head = f->floor = ver;
	}
	f->epoch = epoch;
	f->book = tgc_book_of(&t->books, cat);
	atomic_store_explicit(&t->book, f->book, memory_order_release);
	f->gap = f->paging = false;
	f->filled = !c->settings.preload;
	f->went_back = 0;
	f->session++;
	f->retry_ms = 0;
}

/* Several far behind, none of them nearer by the time that passed between: its clock was set back. What was held up on
 * its way comes at once. */
static bool was_set_back(struct follow *f, int64_t offset, int64_t now) {
	if (f->behind && (offset - f->behind_offset > CLOCK_BACK_MS / 4 || now - f->behind_ms > FEED_SILENT_MS))
		f->behind = 0;
	if (f->behind++ == 0) f->behind_ms = now;
	f->behind_offset = offset;
	return f->behind >= CLOCK_BACK_BEATS && now - f->behind_ms >= CLOCK_BACK_MS / 2;
}

/* The quickest of the last heartbeats tells the server's clock best. Returns how late this one came, by that. */
static int64_t learn_clock(struct tg_client *c, int64_t server_ms, int64_t now) {
	struct follow *f = &c->t.follow;
	int64_t offset = server_ms - now, most = offset;
	unsigned known = f->offset_count < OFFSETS ? f->offset_count : OFFSETS;
	for (unsigned i = 0; i < known; i++)
		if (f->offsets[i] > most) most = f->offsets[i];
	if (most - offset > CLOCK_BACK_MS) {
		if (!was_set_back(f, offset, now)) return most - offset;
		f->offset_count = 0;
		most = offset;
	}
	f->behind = 0;
	f->offsets[f->offset_count++ % OFFSETS] = offset;
	if (f->offset_count == 2 * OFFSETS) f->offset_count = OFFSETS;
	set(&truth(c)->offset_ms, most);
	return most - offset;
}

void tgc_confirm(struct tg_client *c, int64_t at) {
	struct follow *f = &c->t.follow;
	struct truth *t = truth(c);
	atomic_store_explicit(&t->ver, f->ver, memory_order_relaxed);
	if (f->gap || !f->filled || !f->book) return;
	atomic_store_explicit(&t->book, f->book, memory_order_release);
	const bool was = atomic_load_explicit(&t->live, memory_order_relaxed);
	if (!was || at > atomic_load_explicit(&t->word_ms, memory_order_relaxed)) set(&t->word_ms, at);
	if (was) return;
	(void)pthread_mutex_lock(&c->lock);
	atomic_store_explicit(&t->live, true, memory_order_release);
	(void)pthread_cond_broadcast(&c->news);
	(void)pthread_mutex_unlock(&c->lock);
}

static void find_gap(struct tg_client *c) {
	struct follow *f = &c->t.follow;
	if (f->gap) return;
	f->gap = true;
	atomic_store_explicit(&truth(c)->live, false, memory_order_release);
	COUNT(c, gaps);
}

void tgc_apply(struct tg_client *c, const struct tg01_change *change, int64_t now) {
	struct follow *f = &c->t.follow;
	if (change->ver <= f->ver) return;
	tgc_keep_change(c, change, now);
	tgc_watch_change(c, change);
	f->ver = change->ver;
	if (f->head < f->ver) f->head = f->ver;
}

static void hear_change(struct tg_client *c, const struct tg01_change *change, uint64_t epoch, int64_t now) {
	struct follow *f = &c->t.follow;
	if (!f->known) return;
	if (epoch != f->epoch) { /* its heartbeat will tell the rest */
		atomic_store_explicit(&truth(c)->live, false, memory_order_release);
		return;
	}
	if (change->ver <= f->ver) return;
	if (f->gap || change->ver > f->ver + 1) {
		/* those between may be of the other mode; only `since` knows. What this one says is newer anyway */
		tgc_keep_change(c, change, now);
		if (f->head < change->ver) f->head = change->ver;
		find_gap(c);
		return;
	}
	tgc_apply(c, change, now);
	/* how long it was on its way is not known: heartbeats alone say as of when the cache is true */
	atomic_store_explicit(&truth(c)->ver, f->ver, memory_order_relaxed);
}

static void hear_heartbeat(struct tg_client *c, const struct tg01_heartbeat *h, int64_t now) {
	struct follow *f = &c->t.follow;
	const struct tg01_source *s = &h->source;
	f->heard_ms = now;
	if (s->epoch == 0) return; /* not ready: what is known stays, and grows old */
	f->told_ms = now - learn_clock(c, h->now_ms, now);
	atomic_store_explicit(&truth(c)->as_of_ms, s->as_of, memory_order_relaxed);
	f->went_back = f->known && s->epoch == f->epoch && s->ver < f->ver ? f->went_back + 1 : 0;
	if (!f->known || s->epoch != f->epoch || s->cat != f->cat || f->went_back >= WENT_BACK_MAX)
		tgc_generation_begin(c, s->epoch, s->cat, s->ver);
	if (f->head < s->ver) f->head = s->ver;
	if (f->ver < s->ver) find_gap(c);
	if (f->ver == s->ver) tgc_confirm(c, f->told_ms);
	tgc_watch_heartbeat(c, h);
}

void tgc_hear(struct tg_client *c, struct view topic, struct view message, int64_t now) {
	if (view_eq(topic, view_of(TG01_FEED_HEARTBEAT, TG01_FEED_HEARTBEAT_LEN))) {
		struct tg01_heartbeat h;
		if (tg01_feed_heartbeat_read(c->t.decoder, message, &h, NULL) == OK) hear_heartbeat(c, &h, now);
		return;
	}
	uint64_t epoch;
	struct tg01_change change;
	if (tg01_feed_change_read(c->t.decoder, message, &epoch, &change, NULL) == OK && view_eq(topic, change.sub))
		hear_change(c, &change, epoch, now);
}
