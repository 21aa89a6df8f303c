#include "service/clock.h"
#include "worker.h"

#define ASIDE_LINES_MAX 20 /* of what is put aside, in so long: */
#define ASIDE_LINES_MS 60000
#define TYPE_COUNTER_MAX 64 /* bytes of an event type that is counted under its own name */

/* The store cannot take more: everything under way is undone. A full disk or map may get room again, so the loop
 * goes on and asks again; anything else is for a restart. */
static void roll_back(struct worker *w, enum error e, const struct problem *why) {
	fold_abort(&w->fold);
	w->folded = 0;
	w->folded_bytes = 0;
	w->moments.not_before_ms = mono_ms() + MOMENT_RETRY_MS;
	for (unsigned i = 0; i < w->follower_count; i++)
		if (w->followers[i].source.origin) source_rolled_back(&w->followers[i].source, mono_ms());
	if (e != ERR_FULL || w->is_shadow) { /* a rebuild gives its room back */
		w->failed = problem_set(&w->why, e, "the store failed: %s", problem_text(why));
		return;
	}
	health_broken(w->service.health, "store", "full: make room on its disk, or raise MAP_SIZE");
	int64_t now = mono_ms();
	if (now < w->retry_at_ms) return;
	w->retry_at_ms = now + 10000; /* between two such lines */
	log_error(&w->service.log, log_ev("store_full"), kv_error(e), kv_why(why), kv_str("dir", w->store_dir),
		  kv_str("doing", "waiting for room: query answers from what is there"));
}

enum error worker_fold_open(struct worker *w) {
	struct problem why = {0};
	if (w->fold) return OK;
	enum error e = fold_begin(w->store, catalog_file_get(w->catalog), wall_ms(), &w->fold, &why);
	w->folded = 0;
	w->folded_bytes = 0;
	w->fold_started_us = mono_us();
	if (e != OK) roll_back(w, e, &why);
	return e;
}

/* What each journal is known by; errors are sticky. */
static void write_marks(struct worker *w) {
	for (unsigned i = 0; i < w->follower_count; i++) {
		struct follower *f = &w->followers[i];
		const struct source_mark *m = &f->source.mark;
		if (m->run == 0 || (m->run == f->written.run && m->seq == f->written.seq)) continue;
		/* with a mark of another run the cursor may have gone back to it */
		if (fold_journal_mark(w->fold, f->source.origin, m->run, m->seq, m->crc) == OK &&
		    fold_cursor(w->fold, f->source.origin, f->source.cursor) == OK)
			f->written = *m;
	}
}

bool worker_marks_due(const struct worker *w) {
	for (unsigned i = 0; i < w->follower_count; i++) {
		const struct follower *f = &w->followers[i];
		if (f->source.mark.run &&
		    (f->source.mark.run != f->written.run || f->source.mark.seq != f->written.seq))
			return true;
	}
	return false;
}

enum error worker_fold_close(struct worker *w) {
	struct problem why = {0};
	if (!w->fold) return OK;
	write_marks(w);
	enum error e = fold_commit(&w->fold, worker_publish_change, w, &why);
	if (e != OK) {
		roll_back(w, e, &why);
		return e;
	}
	w->folded = 0;
	w->folded_bytes = 0;
	if (!w->is_shadow) health_met(w->service.health, "store");
	/* near the limit small batches still fit: a pair of lines each ten seconds, and no more */
	if (w->retry_at_ms && mono_ms() >= w->retry_at_ms) {
		log_info(&w->service.log, log_ev("store_works_again"), kv_str("dir", w->store_dir));
		w->retry_at_ms = 0;
	}
	for (unsigned i = 0; i < w->follower_count; i++) source_committed(&w->followers[i].source);
	w->moments.due_known = false;
	histogram_add_us(w->metrics.fold, (uint64_t)(mono_us() - w->fold_started_us));
	worker_publish_pulse(w);
	return OK;
}

static bool replace_outdated(struct worker *w) {
	struct problem why = {0};
	enum error e = rebuild_put_in_place(w, &why);
	w->outdated = e != OK;
	if (e == OK) {
		log_info(&w->service.log, log_ev("store_upgraded"), kv_u64("ver", w->ver));
		return true;
	}
	w->failed = problem_set(&w->why, e, "cannot replace the outdated store: %s", problem_text(&why));
	return false;
}

/* Answers were evaluated as they came; unless the catalog was another then, none has to be again. */
static bool complete(struct worker *w) {
	uint64_t hash = catalog_file_get(w->catalog)->hash;
	if (worker_fold_open(w) != OK || fold_complete(w->fold) != OK) return false;
	if (!w->moments.mixed && fold_surveyed(w->fold, hash) != OK) return false;
	if (worker_fold_close(w) != OK) return false;
	w->complete = look_renew(w->look) == OK && look_complete(w->look);
	look_rest(w->look);
	if (!w->complete) return false;
	if (w->moments.mixed)
		worker_survey(w, CHANGE_CATALOG);
	else
		w->moments.surveyed = hash;
	return !w->outdated || replace_outdated(w);
}

/* Once a start; and once in the life of a store it is also written down, since query waits for it. */
void worker_note_caught_up(struct worker *w) {
	int64_t now = mono_ms();
	if (w->caught_up) return;
	for (unsigned i = 0; i < w->follower_count; i++)
		if (!source_caught_up(&w->followers[i].source, now)) return;
	if (!w->complete) {
		if (!complete(w)) return; /* a full disk: the next turn tries again */
		worker_publish_pulse(w);
	}
	w->caught_up = true;
	if (w->is_shadow) return;
	log_info(&w->service.log, log_ev("caught_up"), kv_i64("took_ms", now - w->started_ms), kv_u64("ver", w->ver));
}

/* ---- one record ---------------------------------------------------------------- */

/* Signed, but still somebody else's words: only names of Stripe's form become counters. */
static enum error count_type(struct worker *w, struct view type) {
	char name[sizeof "type:" + TYPE_COUNTER_MAX];
	struct writer out = writer_of(name, sizeof name);
	bool plain = type.len > 0 && type.len <= TYPE_COUNTER_MAX;
	for (size_t i = 0; plain && i < type.len; i++) {
		char c = type.ptr[i];
		plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
	}
	write_bytes(&out, VIEW("type:"));
	write_bytes(&out, plain ? type : VIEW("other"));
	return fold_count(w->fold, writer_view(&out));
}

static void tell_unmapped(const struct worker *w, const struct subscription *s, const struct item *item) {
	log_warn(&w->service.log, log_ev("price_unmapped"), kv_view("price", item->price),
		 kv_view("product", item->product), kv_view("lookup_key", item->lookup_key),
		 kv_view("subscription", s->id), kv_str("doing", "the last tier that is known stands"),
		 kv_str("todo", "name it under a tier of the catalog (the lowest when it grants nothing), then send "
				"HUP to worker "
				"and query"));
}

/* What a person pays for must be in the catalog: when it is not, the last known tier stands, and somebody is told. Each
 * item is looked at: one that is known may hide another that gives more. */
static enum error note_unmapped(struct worker *w, const struct observation *o) {
	if (o->kind != OBSERVE_SUBSCRIPTION) return OK;
	const struct subscription *s = &o->of.subscription.now;
	if (sub_status_final(s->status) || o->stamp.rank == RANK_DELETED) return OK;
	for (unsigned i = 0; i < s->items.count; i++) {
		const struct item *item = &s->items.items[i];
		bool is_new = false;
		if (catalog_item_tier(catalog_file_get(w->catalog), item) >= 0) continue;
		enum error e = fold_unmapped(w->fold, &o->scope, item, o, &is_new);
		if (e != OK) return e;
		if (is_new && !w->is_shadow) tell_unmapped(w, s, item);
	}
	return OK;
}

/* A status that Stripe has made up since comes with every event: a few of them say it as well. */
static void tell_put_aside(struct worker *w, const struct record *r, const struct problem *why) {
	int64_t now = mono_ms();
	if (!w->aside_since_ms || now - w->aside_since_ms >= ASIDE_LINES_MS) {
		w->aside_since_ms = now;
		w->aside_lines = 0;
	}
	if (w->aside_lines > ASIDE_LINES_MAX) return;
	if (w->aside_lines++ < ASIDE_LINES_MAX)
		log_warn(&w->service.log, log_ev("quarantined"), kv_hex("origin", r->origin), kv_u64("seq", r->seq),
			 kv_view("event", r->id), kv_view("type", r->type), kv_error(why->error), kv_why(why));
	else
		log_warn(&w->service.log, log_ev("quarantine_goes_on"),
			 kv_str("doing", "putting aside without more lines for a minute"),
			 kv_str("hint", "tiergate quarantine list"));
}

static enum fold_outcome put_aside(struct worker *w, const struct record *r, struct view bytes,
				   const struct problem *why, bool retry) {
	if (fold_quarantine(w->fold, r, bytes, why, wall_ms()) != OK) return FOLD_FAILED;
	if (retry || w->is_shadow) return FOLD_QUARANTINED;
	counter_add(w->metrics.quarantined, 1);
	tell_put_aside(w, r, why);
	return FOLD_QUARANTINED;
}

enum fold_outcome worker_fold_record(struct worker *w, const struct record *r, struct view bytes, bool retry) {
	struct observation o;
	struct problem why = {0};

	/* while the store is filled, its log has the moments at which things became known, not at which it was filled
	 */
	if (!w->complete) fold_moment(w->fold, r->received_ms);
	enum error e = stripe_decode(w->decoder, r, &o, &why);
	if (e != OK) {
		why.error = e;
		return put_aside(w, r, bytes, &why, retry);
	}
	/* what only asks or answers is for the store's wants */
	if (o.kind == OBSERVE_NOTHING && !o.is_answer && !o.fetch_count) {
		if (!retry && count_type(w, r->type) != OK) return FOLD_FAILED;
		counter_add(w->metrics.ignored, 1);
	} else {
		e = fold_observe(w->fold, &o);
		if (e == ERR_LIMIT) { /* the store's own bounds; nothing was written */
			(void)problem_set(&why, e, "larger than the store takes");
			return put_aside(w, r, bytes, &why, retry);
		}
		if (e != OK) return FOLD_FAILED;
		counter_add(w->metrics.applied, 1);
		if (note_unmapped(w, &o) != OK) return FOLD_FAILED;
	}
	if (retry && fold_quarantine_remove(w->fold, r->origin, r->seq) != OK) return FOLD_FAILED;
	return o.kind == OBSERVE_NOTHING ? FOLD_IGNORED : FOLD_APPLIED;
}
