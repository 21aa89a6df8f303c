#include "service/clock.h"
#include "worker.h"

struct retry {
	struct worker *w;
	uint64_t tried, still;
	enum error failed;
};

/* The entry's bytes belong to the look's snapshot, which the transaction does not change. */
static bool retry_one(void *ctx, const struct quarantined *q) {
	struct retry *t = ctx;
	struct record r;

	t->tried++;
	/* damaged or, past the quarantine's bound, not kept: nothing can be tried */
	if (record_read(q->record, &r) != OK) {
		t->still++;
		return true;
	}
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

enum error worker_retry_quarantine(struct worker *w, uint64_t origin, uint64_t seq, uint64_t *ret_tried,
				   uint64_t *ret_still, struct problem *why) {
	struct retry t = {.w = w};
	struct quarantined one;

	worker_fold_close(w);
	enum error e = look_renew(w->look);
	if (e == OK && origin) {
		e = look_quarantined(w->look, origin, seq, &one);
		if (e == ERR_NOT_FOUND)
			(void)problem_set(why, e, "record %llu of journal %llu is not in quarantine",
					  (unsigned long long)seq, (unsigned long long)origin);
	}
	if (e == OK) e = worker_fold_open(w);
	if (e == OK && origin) (void)retry_one(&t, &one);
	if (e == OK && !origin) e = look_quarantine(w->look, retry_one, &t);
	look_rest(w->look);
	if (e != OK) {
		fold_abort(&w->fold);
		return why && why->text[0] ? e : problem_set(why, e, "cannot retry: %s", error_text(e));
	}
	worker_fold_close(w); /* a failure inside is sticky, and rolls back here */
	if (t.failed != OK || w->failed != OK)
		return problem_set(why, ERR_STORAGE, "the store failed; nothing was changed");
	*ret_tried = t.tried;
	*ret_still = t.still;
	return OK;
}
