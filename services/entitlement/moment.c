#include "service/clock.h"
#include "worker.h"

/* Whoever names a later one: it never comes, and its milliseconds are still a number. */
#define MOMENT_MAX_S (INT64_MAX / 1000)

/* ---- what is due ---------------------------------------------------------------- */

static void learn_due(struct worker *w) {
	struct moments *m = &w->moments;
	if (m->due_known || look_renew(w->look) != OK) return;
	int64_t due_s = look_next_due(w->look);
	m->due_s = due_s < MOMENT_MAX_S ? due_s : MOMENT_MAX_S;
	m->due_known = true;
	look_rest(w->look);
}

/* A chunk is a transaction of its own: its moment is now, and what waits on the sockets does not wait for long. */
static bool evaluate_due(struct worker *w) {
	bool more = false;
	learn_due(w);
	if (!w->moments.due_s || wall_ms() < w->moments.due_s * 1000) return false;
	if (worker_fold_open(w) != OK) return false;
	uint64_t before = w->ver;
	if (fold_due(w->fold, MOMENT_CHUNK, &more) != OK) more = false;
	if (worker_fold_close(w) != OK) return false;
	counter_add(w->metrics.by_clock, w->ver - before);
	return more;
}

/* ---- all of them ------------------------------------------------------------------ */

void worker_survey(struct worker *w, enum change_cause cause) {
	struct moments *m = &w->moments;
	/* a catalog is the better reason: what it changed is no work of the clock's */
	m->cause = m->surveying && m->cause == CHANGE_CATALOG ? CHANGE_CATALOG : cause;
	m->surveying = true;
	m->survey.len = 0;
}

static bool survey_chunk(struct worker *w) {
	struct moments *m = &w->moments;
	struct survey at = m->survey;
	bool more = false;
	if (!m->surveying || worker_fold_open(w) != OK) return false;
	/* While some answers are of before and some of after, the store says so: then a start, or the catalog of before
	 * once more, begins anew. */
	enum error e = fold_survey(w->fold, &at, m->cause, MOMENT_CHUNK, &more);
	uint64_t surveyed = more ? 0 : catalog_file_get(w->catalog)->hash;
	if (e == OK && m->surveyed != surveyed) e = fold_surveyed(w->fold, surveyed);
	if (worker_fold_close(w) != OK || e != OK) return false; /* and on from the same place */
	m->surveyed = surveyed;
	m->surveying = more;
	m->survey = at;
	if (!more)
		log_info(&w->service.log, log_ev("surveyed"),
			 kv_str("cause", m->cause == CHANGE_CATALOG ? "catalog" : "clock"), kv_u64("ver", w->ver));
	return more;
}

/* ---- old changes -------------------------------------------------------------------- */

static bool forget_chunk(struct worker *w, int64_t now_ms) {
	struct moments *m = &w->moments;
	bool more = false;
	if (!m->forgetting && now_ms < m->forget_at_ms) return false;
	if (worker_fold_open(w) != OK) return false;
	if (fold_forget_changes(w->fold, wall_ms() - w->settings.history_ms, MOMENT_CHUNK, &more) != OK) more = false;
	if (worker_fold_close(w) != OK) more = false;
	m->forgetting = more;
	if (!more) m->forget_at_ms = now_ms + FORGET_EVERY_MS;
	return more;
}

/* ---- together ------------------------------------------------------------------------ */

bool worker_moments(struct worker *w) {
	int64_t now_ms = mono_ms();
	bool back = clock_watch_back(&w->moments.watch, wall_ms(), now_ms);
	if (back) log_warn(&w->service.log, log_ev("clock_set_back"), kv_str("doing", "evaluating all answers again"));
	/* a store that is being filled lives through its past first: fold.c */
	if (!w->complete || w->failed != OK) return false;
	if (back) worker_survey(w, CHANGE_CLOCK);
	if (now_ms < w->moments.not_before_ms) return false;
	bool more = evaluate_due(w);
	if (w->failed == OK) more = survey_chunk(w) || more;
	if (w->failed == OK) more = forget_chunk(w, now_ms) || more;
	return more && w->failed == OK;
}

int64_t worker_moments_wait_ms(const struct worker *w, int64_t most) {
	if (!w->complete || !w->moments.due_known || !w->moments.due_s) return most;
	int64_t wait = w->moments.due_s * 1000 - wall_ms(), pause = w->moments.not_before_ms - mono_ms();
	if (wait < pause) wait = pause;
	return wait < 0 ? 0 : wait > most ? most : wait;
}

enum error worker_note_catalog(struct worker *w, struct problem *why) {
	uint64_t healed = 0;
	enum error e = worker_fold_open(w);
	if (e == OK) e = fold_unmapped_heal(w->fold, &healed);
	if (e == OK) e = worker_fold_close(w);
	if (e != OK) return problem_set(why, e, "cannot look for prices that the catalog knows now: %s", error_text(e));
	if (healed) log_info(&w->service.log, log_ev("prices_mapped"), kv_u64("count", healed));
	if (!w->complete)
		w->moments.mixed = w->moments.mixed || w->ver > 0;
	else if (catalog_file_get(w->catalog)->hash != w->moments.surveyed)
		worker_survey(w, CHANGE_CATALOG);
	return OK;
}
