#include "service/clock.h"
#include "worker.h"

struct retry {
	struct worker *w;
	uint64_t tried, still;
	enum error failed;
};

/* Entries are written back whole, and a transaction holds what it writes in memory: so it is cut where a fold is. */
static enum error make_way(struct worker *w, size_t bytes) {
	if (++w->folded < FOLD_MAX && (w->folded_bytes += bytes) < FOLD_BYTES_MAX) return OK;
	enum error e = worker_fold_close(w);
	return e ? e : worker_fold_open(w);
}

/* The entry's bytes belong to the look's snapshot, which no transaction changes. */
static bool retry_one(void *ctx, const struct quarantined *q) {
	struct retry *t = ctx;
	struct record r;

	t->tried++;
	/* damaged or, past the quarantine's bound, not kept: nothing can be tried */
	if (record_read(q->record, &r) != OK) {
		t->still++;
		return true;
	}
	t->failed = make_way(t->w, q->record.len);
	if (t->failed != OK) return false;
	switch (worker_fold_record(t->w, &r, q->record, true)) {
	case FOLD_QUARANTINED:
		t->still++;
		break;
	case FOLD_FAILED:
		t->failed = ERR_STORAGE;
		return false;
	case FOLD_APPLIED:
	case FOLD_IGNORED:
		break;
	}
	return true;
}

/* l: a look of its own, since commits on the way use the worker's. */
static enum error retry(struct retry *t, struct look *l, uint64_t origin, uint64_t seq, struct problem *why) {
	struct quarantined one;
	enum error e = OK;

	if (origin) {
		e = look_quarantined(l, origin, seq, &one);
		if (e == ERR_NOT_FOUND)
			(void)problem_set(why, e, "record %llu of journal %llu is not in quarantine",
					  (unsigned long long)seq, (unsigned long long)origin);
	}
	if (e == OK) e = worker_fold_open(t->w);
	if (e == OK && origin) (void)retry_one(t, &one);
	if (e == OK && !origin) e = look_quarantine(l, retry_one, t);
	if (e != OK) fold_abort(&t->w->fold);
	return e;
}

enum error worker_retry_quarantine(struct worker *w, uint64_t origin, uint64_t seq, uint64_t *ret_tried,
				   uint64_t *ret_still, struct problem *why) {
	struct retry t = {.w = w};
	struct look *l = NULL;

	(void)worker_fold_close(w);
	enum error e = look_begin(w->store, &l, why);
	if (e == OK) e = retry(&t, l, origin, seq, why);
	look_end(&l);
	if (e != OK) return why && why->text[0] ? e : problem_set(why, e, "cannot retry: %s", error_text(e));
	e = worker_fold_close(w); /* a failure inside is sticky, and rolls back here */
	if (e == OK) e = t.failed;
	if (e != OK || w->failed != OK)
		return problem_set(why, e ? e : ERR_STORAGE,
				   "the store failed, or is full; what it could not take stays");
	*ret_tried = t.tried;
	*ret_still = t.still;
	return OK;
}
