#include "details.h"

#include <stdio.h>
#include <stdlib.h>

#include "details_private.h"
#include "service/clock.h"

const char *details_state_name(enum details_state s) {
	static const char *const names[] = {[DETAILS_NONE] = "none",
					    [DETAILS_FRESH] = "fresh",
					    [DETAILS_STALE] = "stale",
					    [DETAILS_PENDING] = "pending",
					    [DETAILS_UNAVAILABLE] = "unavailable"};
	return names[s];
}

static uint64_t hash_text(uint64_t h, const char *text) { return hash_u64(view_hash(h, view_str(text)), 0); }

uint64_t details_mark(const struct tg_profile *p) {
	uint64_t h = hash_text(HASH_SEED, p->as.tier);
	h = hash_text(hash_text(h, p->as.status), p->as.reason);
	h = hash_u64(hash_u64(hash_u64(h, (uint64_t)p->as.until), p->seats), (uint64_t)p->next_billing);
	for (size_t i = 1; i < p->step_count && i < TG_STEPS_MAX; i++)
		h = hash_text(hash_u64(h, (uint64_t)p->steps[i].from), p->steps[i].tier);
	return h;
}

/* ---- life ---------------------------------------------------------------------------------------- */

struct details_cache *details_create(struct shop *s) {
	struct details_cache *c = calloc(1, sizeof *c);
	if (!c) return NULL;
	c->entries = calloc(DETAILS_MAX, sizeof *c->entries);
	if (!c->entries || pthread_mutex_init(&c->mutex, NULL) != 0) {
		free(c->entries);
		free(c);
		return NULL;
	}
	c->shop = s;
	for (unsigned i = 0; i < DETAILS_BUCKETS; i++) c->buckets[i] = NOBODY;
	c->newest = c->oldest = NOBODY;
	for (unsigned i = 0; i < DETAILS_FETCHES; i++) c->fetches[i].cache = c;
	backoff_init(&c->backoff, CIRCUIT_BASE_MS, CIRCUIT_CAP_MS);
	return c;
}

void details_destroy(struct details_cache **pc) {
	struct details_cache *c = pc ? *pc : NULL;
	if (!c) return;
	*pc = NULL;
	(void)pthread_mutex_destroy(&c->mutex);
	free(c->entries);
	free(c);
}

/* ---- entries: under the mutex -------------------------------------------------------------------- */

static uint16_t index_of(const struct details_cache *c, const struct details_entry *e) {
	return (uint16_t)(e - c->entries);
}

static struct details_entry *find(struct details_cache *c, const char *subject) {
	uint64_t h = view_hash(HASH_SEED, view_str(subject));
	for (uint16_t i = c->buckets[h % DETAILS_BUCKETS]; i != NOBODY; i = c->entries[i].next) {
		struct details_entry *e = &c->entries[i];
		if (e->hash == h && strcmp(e->subject, subject) == 0) return e;
	}
	return NULL;
}

static void unlink_age(struct details_cache *c, struct details_entry *e) {
	if (e->newer != NOBODY)
		c->entries[e->newer].older = e->older;
	else
		c->newest = e->older;
	if (e->older != NOBODY)
		c->entries[e->older].newer = e->newer;
	else
		c->oldest = e->newer;
}

static void link_newest(struct details_cache *c, struct details_entry *e) {
	uint16_t i = index_of(c, e);
	e->newer = NOBODY;
	e->older = c->newest;
	if (c->newest != NOBODY)
		c->entries[c->newest].newer = i;
	else
		c->oldest = i;
	c->newest = i;
}

/* The one that was not looked at for longest makes room. */
static struct details_entry *evict(struct details_cache *c) {
	struct details_entry *e = &c->entries[c->oldest];
	uint16_t i = c->oldest, *at = &c->buckets[e->hash % DETAILS_BUCKETS];
	unlink_age(c, e);
	while (*at != i) at = &c->entries[*at].next;
	*at = e->next;
	c->counts.evicted++;
	return e;
}

static struct details_entry *insert(struct details_cache *c, const char *subject) {
	struct details_entry *e = c->count < DETAILS_MAX ? &c->entries[c->count++] : evict(c);
	*e = (struct details_entry){.used = true, .hash = view_hash(HASH_SEED, view_str(subject))};
	copy_text(e->subject, sizeof e->subject, subject);
	uint16_t *bucket = &c->buckets[e->hash % DETAILS_BUCKETS];
	e->next = *bucket;
	*bucket = index_of(c, e);
	link_newest(c, e);
	return e;
}

static bool is_fresh(const struct details_entry *e, uint64_t mark, int64_t now_ms) {
	int64_t keeps_ms = now_ms < e->settles_ms ? DETAILS_UNSETTLED_MS : DETAILS_FRESH_MS;
	return e->known && e->mark == mark && e->changes == e->changes_seen && now_ms - e->got_ms < keeps_ms;
}

/* True: the loop has something to do. */
static bool want(struct details_cache *c, struct details_entry *e, uint64_t mark, int64_t now_ms) {
	bool failed = e->tried_ms != e->got_ms;
	bool tried = failed && now_ms - e->tried_ms < DETAILS_AGAIN_MS;
	if (e->wanted || e->fetching || tried || (c->open && now_ms < c->open_ms)) return false;
	if (c->queued == DETAILS_WANTED) {
		c->counts.refused++;
		return false;
	}
	e->wanted = true;
	e->mark_wanted = mark;
	c->queue[(c->first + c->queued++) % DETAILS_WANTED] = index_of(c, e);
	return true;
}

static enum details_state state_of(const struct details_entry *e, bool fresh) {
	bool coming = e->wanted || e->fetching;
	if (e->known && !e->none) return fresh ? DETAILS_FRESH : DETAILS_STALE;
	if (e->known && (fresh || !coming)) return DETAILS_NONE;
	return coming ? DETAILS_PENDING : DETAILS_UNAVAILABLE;
}

enum details_state details_look(struct details_cache *c, const char *subject, uint64_t mark, int64_t now_ms,
				bool wanted, struct details *ret_d) {
	enum details_state state = DETAILS_UNAVAILABLE;
	bool wake = false;
	*ret_d = (struct details){.as_of = 0};
	if (strlen(subject) > SUBJECT_MAX) return state;
	(void)pthread_mutex_lock(&c->mutex);
	struct details_entry *e = find(c, subject);
	if (e) {
		unlink_age(c, e);
		link_newest(c, e);
	} else if (wanted && !(c->open && now_ms < c->open_ms)) {
		e = insert(c, subject);
	}
	if (e) {
		bool fresh = is_fresh(e, mark, now_ms);
		if (wanted && !fresh) wake = want(c, e, mark, now_ms);
		state = state_of(e, fresh);
		if (state == DETAILS_FRESH || state == DETAILS_STALE) *ret_d = e->details;
	}
	(void)pthread_mutex_unlock(&c->mutex);
	if (wake) c->shop->ports.wake(c->shop->ports.ctx);
	return state;
}

void details_expire(struct details_cache *c, const char *subject) {
	(void)pthread_mutex_lock(&c->mutex);
	struct details_entry *e = find(c, subject);
	if (e) {
		e->changes++;
		e->tried_ms = e->got_ms;
	}
	(void)pthread_mutex_unlock(&c->mutex);
}

void details_unsettle(struct details_cache *c, const char *subject, int64_t now_ms) {
	if (strlen(subject) > SUBJECT_MAX) return;
	(void)pthread_mutex_lock(&c->mutex);
	struct details_entry *e = find(c, subject);
	if (!e) e = insert(c, subject); /* what is fetched first may be from before the change */
	e->settles_ms = now_ms + DETAILS_UNSETTLED_FOR_MS;
	(void)pthread_mutex_unlock(&c->mutex);
}

void details_counts(struct details_cache *c, struct details_counts *ret_counts) {
	(void)pthread_mutex_lock(&c->mutex);
	*ret_counts = c->counts;
	ret_counts->subjects = c->count;
	ret_counts->circuit_open = c->open;
	(void)pthread_mutex_unlock(&c->mutex);
}

/* ---- waiting: the loop --------------------------------------------------------------------------- */

bool details_await(struct details_cache *c, const char *subject, uint64_t mark, int64_t now_ms, void *owner,
		   void (*then)(void *owner)) {
	struct details d;
	bool coming = false;
	if (details_look(c, subject, mark, now_ms, true, &d) == DETAILS_FRESH) return false;
	(void)pthread_mutex_lock(&c->mutex);
	const struct details_entry *e = find(c, subject);
	coming = e && (e->wanted || e->fetching);
	(void)pthread_mutex_unlock(&c->mutex);
	for (unsigned i = 0; coming && i < DETAILS_WAITERS; i++) {
		struct details_waiter *w = &c->waiters[i];
		if (w->owner) continue;
		w->owner = owner;
		w->then = then;
		copy_text(w->subject, sizeof w->subject, subject);
		return true;
	}
	return false;
}

void details_forget(struct details_cache *c, const void *owner) {
	for (unsigned i = 0; i < DETAILS_WAITERS; i++)
		if (c->waiters[i].owner == owner) c->waiters[i].owner = NULL;
}

static void tell(struct details_cache *c, const char *subject) {
	for (unsigned i = 0; i < DETAILS_WAITERS; i++) {
		struct details_waiter *w = &c->waiters[i];
		if (!w->owner || strcmp(w->subject, subject) != 0) continue;
		void *owner = w->owner;
		w->owner = NULL;
		w->then(owner);
	}
}

/* ---- fetches: the loop --------------------------------------------------------------------------- */

void details_got(struct details_cache *c, struct details_fetch *f, const struct details *d) {
	int64_t now_ms = mono_ms();
	(void)pthread_mutex_lock(&c->mutex);
	struct details_entry *e = find(c, f->subject);
	if (e && e->fetching) {
		e->fetching = false;
		e->known = true;
		e->none = !d;
		e->mark = f->mark;
		e->changes_seen = f->changes;
		e->got_ms = e->tried_ms = now_ms;
		if (d) e->details = *d;
	}
	if (c->open) log_info(c->shop->log, log_ev("details_resumed"));
	c->failures = 0;
	c->open = false;
	backoff_worked(&c->backoff);
	(void)pthread_mutex_unlock(&c->mutex);
	f->busy = false;
	tell(c, f->subject);
}

/* The circuit opens: whoever waits in line is told that it is in vain. */
static void open_circuit(struct details_cache *c, int64_t now_ms) {
	char subject[SUBJECT_MAX + 1];
	(void)pthread_mutex_lock(&c->mutex);
	if (!c->open || now_ms >= c->open_ms) { /* not again for each of those that were under way */
		c->open = true;
		c->open_ms = now_ms + backoff_most(&c->backoff);
		log_warn(c->shop->log, log_ev("details_paused"), kv_i64("for_ms", c->open_ms - now_ms),
			 kv_u64("failures", c->failures));
		(void)backoff_failed(&c->backoff, 0);
	}
	(void)pthread_mutex_unlock(&c->mutex);
	for (bool more = true; more;) {
		(void)pthread_mutex_lock(&c->mutex);
		more = c->queued > 0;
		subject[0] = 0;
		if (more) {
			struct details_entry *e = &c->entries[c->queue[c->first]];
			c->first = (c->first + 1) % DETAILS_WANTED;
			c->queued--;
			e->wanted = false;
			copy_text(subject, sizeof subject, e->subject);
		}
		(void)pthread_mutex_unlock(&c->mutex);
		if (more) tell(c, subject);
	}
}

void details_failed(struct details_cache *c, struct details_fetch *f) {
	int64_t now_ms = mono_ms();
	(void)pthread_mutex_lock(&c->mutex);
	struct details_entry *e = find(c, f->subject);
	if (e && e->fetching) {
		e->fetching = false;
		e->tried_ms = now_ms;
	}
	c->counts.failures++;
	bool opens = ++c->failures >= DETAILS_FAILURES;
	(void)pthread_mutex_unlock(&c->mutex);
	f->busy = false;
	tell(c, f->subject);
	if (opens) open_circuit(c, now_ms);
}

/* The next in line goes into a fetch. False: nobody waits, or the circuit is open. */
static bool take_wanted(struct details_cache *c, struct details_fetch *f, int64_t now_ms) {
	bool taken = false;
	(void)pthread_mutex_lock(&c->mutex);
	while (!taken && c->queued && !(c->open && now_ms < c->open_ms)) {
		struct details_entry *e = &c->entries[c->queue[c->first]];
		c->first = (c->first + 1) % DETAILS_WANTED;
		c->queued--;
		if (!e->wanted) continue; /* its place was given to another subject meanwhile */
		e->wanted = false;
		e->fetching = true;
		*f = (struct details_fetch){.busy = true, .cache = c, .mark = e->mark_wanted, .changes = e->changes};
		copy_text(f->subject, sizeof f->subject, e->subject);
		c->counts.fetches++;
		taken = true;
	}
	(void)pthread_mutex_unlock(&c->mutex);
	return taken;
}

void details_run(struct details_cache *c, int64_t now_ms) {
	for (unsigned i = 0; i < DETAILS_FETCHES; i++) {
		struct details_fetch *f = &c->fetches[i];
		if (f->busy) continue;
		if (!take_wanted(c, f, now_ms)) return;
		fetch_begin(f);
	}
}

int64_t details_due_ms(struct details_cache *c) {
	bool free_one = false;
	for (unsigned i = 0; i < DETAILS_FETCHES; i++) free_one = free_one || !c->fetches[i].busy;
	(void)pthread_mutex_lock(&c->mutex);
	int64_t due = !c->queued || !free_one ? INT64_MAX : c->open ? c->open_ms : 0;
	(void)pthread_mutex_unlock(&c->mutex);
	return due;
}
