#include "service/clock.h"
#include "store/store_dir.h"
#include "worker.h"

#include <stdio.h>
#include <stdlib.h>

static void drop_shadow(struct worker *w) {
	struct worker *s = w->rebuild.shadow;
	if (!s) return;
	s->catalog = NULL; /* borrowed */
	worker_close(s);
	free(s);
	w->rebuild.shadow = NULL;
}

static void count(struct worker *w) {
	const struct worker *s = w->rebuild.shadow;
	struct rebuild *r = &w->rebuild;
	if (!s) return;
	r->applied = r->head = r->missing = 0;
	for (unsigned i = 0; i < s->follower_count; i++) {
		const struct source *source = &s->followers[i].source;
		r->applied += source->committed;
		r->head += source->head;
		r->missing += source->skipped;
	}
}

static void give_up(struct worker *w, enum error e, const struct problem *why) {
	char path[PATH_MAX];
	struct problem left = {0};
	count(w);
	drop_shadow(w);
	w->rebuild.phase = REBUILD_FAILED;
	w->rebuild.why = *why;
	log_error(&w->service.log, log_ev("rebuild_failed"), kv_error(e), kv_why(why),
		  kv_str("doing", "the old store stands"));
	if (store_dir_beside(w->settings.store_dir, STORE_NEW, path, NULL) == OK && store_dir_remove(path, &left) != OK)
		log_warn(&w->service.log, log_ev("store_left"), kv_str("dir", path), kv_why(&left));
}

static enum error make_shadow(struct worker *w, struct problem *why) {
	struct worker *s = calloc(1, sizeof *s);
	if (!s) return problem_set(why, ERR_MEMORY, "no memory for another store");
	w->rebuild.shadow = s;
	s->service = w->service; /* shared: log, sockets' context; a shadow stops none of it */
	s->settings = w->settings;
	s->keys = w->keys;
	s->is_shadow = true;
	s->catalog = w->catalog;
	s->started_ms = mono_ms();
	enum error e = store_dir_beside(w->settings.store_dir, STORE_NEW, s->store_dir, why);
	if (e == OK) e = store_dir_remove(s->store_dir, why);
	s->decoder = stripe_decoder_create(view_str(w->settings.metadata_key));
	if (e == OK && !s->decoder) e = problem_set(why, ERR_MEMORY, "cannot make the decoder");
	if (e == OK) e = worker_open_store(s, why);
	return e == OK ? worker_open_followers(s, why) : e;
}

enum error rebuild_start(struct worker *w, bool partial, struct problem *why) {
	struct problem inner = {0};
	if (w->rebuild.shadow) return OK;
	if (w->outdated)
		return problem_set(why, ERR_UNAVAILABLE, "the store is being made anew already, from an older form");
	w->rebuild = (struct rebuild){.phase = REBUILD_FILLING, .partial = partial};
	enum error e = make_shadow(w, &inner);
	if (e != OK) {
		give_up(w, e, &inner);
		return problem_set(why, e, "%s", problem_text(&inner));
	}
	log_info(&w->service.log, log_ev("rebuild_begins"), kv_str("dir", w->rebuild.shadow->store_dir));
	return OK;
}

/* The new store has all that the old one has, of every journal that is followed. */
static bool is_level(const struct worker *w) {
	const struct worker *s = w->rebuild.shadow;
	for (unsigned i = 0; i < w->follower_count; i++) {
		const struct source *old = &w->followers[i].source, *fresh = &s->followers[i].source;
		if (old->origin == 0) continue;
		if (fresh->origin != old->origin || fresh->committed < old->committed) return false;
	}
	return s->complete && !w->fold;
}

/* The followers go on from where the store is that was just opened. */
static enum error follow_on(struct worker *w) {
	enum error e = look_renew(w->look);
	for (unsigned i = 0; e == OK && i < w->follower_count; i++) {
		struct source *source = &w->followers[i].source;
		uint64_t cursor = 0;
		if (source->origin) e = look_cursor(w->look, source->origin, &cursor);
		struct source_mark mark = {0};
		if (e != OK || !source->origin) continue;
		look_journal_mark(w->look, source->origin, &mark.run, &mark.seq, &mark.crc);
		source_known(source, source->origin, cursor);
		source_marked(source, &mark);
		w->followers[i].written = mark; /* what the store before had does not count */
	}
	look_rest(w->look);
	return e;
}

static void remove_beside(const struct worker *w, const char *suffix) {
	char path[PATH_MAX];
	struct problem why = {0};
	enum error e = store_dir_beside(w->settings.store_dir, suffix, path, &why);
	if (e == OK) e = store_dir_remove(path, &why);
	if (e != OK) log_warn(&w->service.log, log_ev("store_left"), kv_str("dir", path), kv_why(&why));
}

void rebuild_clean(const struct worker *w) {
	remove_beside(w, STORE_NEW);
	remove_beside(w, STORE_OLD);
}

enum error rebuild_put_in_place(struct worker *w, struct problem *why) {
	enum error e = store_dir_replace(w->settings.store_dir, why);
	if (e != OK) return e;
	look_end(&w->look);
	entitlements_close(&w->store);
	(void)snprintf(w->store_dir, sizeof w->store_dir, "%s", w->settings.store_dir);
	e = worker_open_store(w, why);
	if (e == OK) e = follow_on(w);
	if (e != OK) { /* whole, but not ours to write: a new start opens it */
		w->failed = problem_set(&w->why, e, "cannot go on with the new store: %s", problem_text(why));
		return e;
	}
	worker_publish_pulse(w); /* query hears of another store at once */
	rebuild_clean(w);
	return OK;
}

static void replace(struct worker *w) {
	struct problem why = {0};
	count(w);
	drop_shadow(w); /* its handles name the directory that is about to move */
	enum error e = rebuild_put_in_place(w, &why);
	if (e != OK) {
		give_up(w, e, &why);
		return;
	}
	w->rebuild.phase = REBUILD_DONE;
	log_info(&w->service.log, log_ev("rebuilt"), kv_u64("records", w->rebuild.applied),
		 kv_u64("missing", w->rebuild.missing), kv_u64("ver", w->ver),
		 kv_hex("epoch", entitlements_epoch(w->store)));
}

bool rebuild_step(struct worker *w, int64_t now_ms) {
	struct worker *s = w->rebuild.shadow;
	if (!s) return false;
	worker_ask(s, now_ms);
	worker_receive(s, now_ms);
	if (s->failed == OK) worker_note_caught_up(s);
	if (s->failed != OK) {
		struct problem why = s->why;
		give_up(w, s->failed, &why);
		return false;
	}
	count(w);
	if (w->rebuild.missing > 0 && !w->rebuild.partial) {
		struct problem why;
		enum error e = problem_set(&why, ERR_NOT_FOUND,
					   "%llu records are no longer in the journals; Stripe has to be asked first",
					   (unsigned long long)w->rebuild.missing);
		give_up(w, e, &why);
		return false;
	}
	if (s->caught_up && is_level(w)) replace(w);
	return false; /* what waits on its sockets wakes the loop */
}

void rebuild_stop(struct worker *w) {
	bool was = w->rebuild.shadow != NULL;
	drop_shadow(w);
	if (was) remove_beside(w, STORE_NEW);
}

struct rebuild_status rebuild_status(const struct worker *w) {
	const struct rebuild *r = &w->rebuild;
	return (struct rebuild_status){
		.phase = r->phase,
		.epoch = entitlements_epoch(w->store),
		.applied = r->applied,
		.head = r->head,
		.missing = r->missing,
		.why = r->phase == REBUILD_FAILED ? view_str(problem_text(&r->why)) : VIEW_NONE,
	};
}

uint64_t rebuild_progress(const struct worker *w, uint64_t origin, uint64_t committed) {
	const struct worker *s = w->rebuild.shadow;
	if (!s) return committed;
	for (unsigned i = 0; i < s->follower_count; i++) {
		const struct source *source = &s->followers[i].source;
		if (source->origin == origin) return source->committed < committed ? source->committed : committed;
	}
	return 0; /* it has not met this journal yet, and needs all of it */
}
