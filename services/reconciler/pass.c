#include <stdlib.h>

#include "proto/fact.h"
#include "reconciler.h"
#include "service/clock.h"
#include "service/random.h"

#include <inttypes.h>
#include <stdio.h>

struct scope pass_scope(const struct reconciler *r) {
	return (struct scope){r->livemode, view_str(r->scopes[r->pass.scope].account)};
}

/* ---- requests ------------------------------------------------------------------------------ */

void pass_want(struct reconciler *r, enum pass_stage stage) {
	struct pass *p = &r->pass;
	p->stage = stage;
	p->wants_request = true;
	p->failures = 0;
	p->not_before_ms = 0;
	pass_drop_page(p);
}

void pass_want_path(struct reconciler *r, struct writer *w, enum pass_stage stage) {
	if (stripe_text_end(w))
		pass_want(r, stage);
	else
		pass_fail(r, RECONCILE_INTERNAL, "a path is too long");
}

void pass_drop_page(struct pass *p) {
	json_decref(p->page);
	p->page = NULL;
}

bool pass_wants_request(const struct reconciler *r) {
	return r->pass.wants_request && !r->pass.asking && r->now_ms >= r->pass.not_before_ms;
}

static void on_answer(void *ctx, const struct stripe_answer *a) {
	struct reconciler *r = ctx;
	struct pass *p = &r->pass;
	p->asking = false;
	bool useful = ask_learn(r, a);
	p->done.requests++;
	if (p->failed) return;
	if (!useful) {
		if (a->status == 401)
			pass_fail(r, RECONCILE_API_REFUSED, a->why);
		else if (++p->failures >= PASS_TRIES)
			pass_fail(r, RECONCILE_API_UNREACHABLE, a->why);
		return; /* wants_request still holds: the same again, after the pause */
	}
	p->wants_request = false;
	p->page_second = a->second;
	p->page_date = a->date;
	if (a->outcome == STRIPE_OK) {
		p->page = json_incref(a->body);
	} else {
		p->page = json_null(); /* a list that this key may not see: the pass goes on without */
		p->done.unread++;
		counter_add(r->metrics.unread, 1);
		log_warn(&r->service.log, log_ev("list_refused"), kv_str("why", a->why),
			 kv_str("request", a->request_id), kv_str("account", r->scopes[p->scope].account),
			 kv_view("path", view_of(p->path, strcspn(p->path, "?"))));
	}
}

void pass_send(struct reconciler *r) {
	struct pass *p = &r->pass;
	struct problem why = {0};
	const struct scope scope = pass_scope(r);
	const struct stripe_call call = {.path = p->path, .account = scope.account, .done = on_answer, .ctx = r};
	if (stripe_api_call(r->api, &call, &why))
		pass_fail(r, RECONCILE_INTERNAL, problem_text(&why));
	else
		p->asking = true;
}

/* ---- its end -------------------------------------------------------------------------------- */

void pass_fail(struct reconciler *r, enum reconcile_code code, const char *sentence) {
	if (r->pass.failed) return;
	r->pass.failed = code;
	(void)problem_set(&r->pass.why, reconcile_code_error(code), "%s", sentence);
}

static void note_result(struct reconciler *r) {
	struct pass *p = &r->pass;
	p->done.took_ms = (uint64_t)(r->now_ms - p->begun_ms);
	if (p->failed) {
		counter_add(r->metrics.passes_failed, 1);
		log_warn(&r->service.log, log_ev("pass_failed"), kv_str("code", reconcile_code_name(p->failed)),
			 kv_why(&p->why), kv_bool("sweep", p->sweeps), kv_u64("requests", p->done.requests));
		return;
	}
	counter_add(r->metrics.passes, 1);
	if (!p->dry) {
		r->last.missed = p->done.missed;
		if (p->sweeps) r->last.differing = p->done.differing;
		r->missed_last = p->stale_missed;
		r->drift += p->done.missed + p->done.differing;
		counter_add(r->metrics.missed, p->done.missed);
		counter_add(r->metrics.differing, p->done.differing);
	}
	bool worth = p->done.missed || p->done.differing || p->sweeps || p->asker >= 0;
	log_write(&r->service.log,
		  p->done.missed || p->done.differing ? LEVEL_WARN
		  : worth                             ? LEVEL_INFO
						      : LEVEL_DEBUG,
		  LOG_FIELDS(log_ev("pass"), kv_bool("dry", p->dry), kv_bool("sweep", p->sweeps),
			     kv_u64("listed", p->done.listed), kv_u64("missed", p->done.missed),
			     kv_u64("swept", p->done.swept), kv_u64("differing", p->done.differing),
			     kv_u64("appended", p->done.appended), kv_u64("unread", p->done.unread),
			     kv_u64("requests", p->done.requests), kv_u64("took_ms", p->done.took_ms)));
	report_silence(r);
}

/* Nothing of it is under way any more: its answer, its searches and its records have come back. */
static bool idle(const struct pass *p) { return !p->asking && !p->searching && !p->looking && !p->batch.left; }

static void finish(struct reconciler *r) {
	struct pass *p = &r->pass;
	note_result(r);
	socket_pass_over(r);
	pass_drop_page(p);
	pass_events_free(p);
	pass_objects_free(p);
	*p = (struct pass){.asker = -1};
}

/* ---- stages ------------------------------------------------------------------------------------ */

static void on_batch(void *ctx, struct batch *b) {
	struct reconciler *r = ctx;
	r->pass.done.appended += b->appended;
	if (b->failed) pass_fail(r, RECONCILE_NO_JOURNAL, "the journal did not take a record");
}

static void begin_scope(struct reconciler *r) {
	struct pass *p = &r->pass;
	p->scope_listed = p->scope_missed = p->scope_swept = p->scope_differing = 0;
	p->events_to = p->list_date = 0;
	p->first_type = 0;
	p->last_id[0] = '\0';
	p->list = 0;
	p->swept_at = 0;
	p->refused = false;
	batch_begin(&p->batch, on_batch, r);
	p->stage = PASS_LIST;
}

static bool drain(struct reconciler *r) {
	struct pass *p = &r->pass;
	if (!p->batch.sealed) batch_seal(&p->batch);
	if (p->batch.left) return false;
	p->stage = PASS_MARK;
	return true;
}

static bool worth_a_mark(const struct reconciler *r) {
	const struct pass *p = &r->pass;
	if (p->dry || !p->events_to || p->refused) return false;
	return p->scope_missed || p->swept_at || p->events_to - r->scopes[p->scope].marked_s >= MARK_EVERY_S;
}

static void on_mark(void *ctx, struct batch *b) {
	struct reconciler *r = ctx;
	if (b->failed) pass_fail(r, RECONCILE_NO_JOURNAL, "the journal did not take the mark");
}

/* What was found, for the next start. A mark that cannot be made costs a longer list then, and nothing else. */
static void append_mark(struct reconciler *r) {
	struct pass *p = &r->pass;
	const struct reconcile_mark mark = {.events_to = p->events_to,
					    .swept_at = p->swept_at,
					    .listed = p->scope_listed,
					    .missed = p->scope_missed,
					    .swept = p->scope_swept,
					    .differing = p->scope_differing};
	const struct scope scope = pass_scope(r);
	char id[STRIPE_ID_MAX + 1];
	uint64_t random = 0;
	char *text = fact_mark_write(&mark);
	if (!text || random_u64(&random, NULL)) {
		free(text);
		return;
	}
	int64_t now = stripe_now_s(r);
	(void)snprintf(id, sizeof id, "mark_%" PRId64 "_%08x", now, (unsigned)(random & UINT32_MAX));
	const struct record record = {.kind = RECORD_MARK,
				      .livemode = scope.livemode,
				      .created = now,
				      .account = scope.account,
				      .id = view_str(id),
				      .type = VIEW(FACT_MARK),
				      .api_version = VIEW(STRIPE_API_VERSION),
				      .body = view_str(text)};
	batch_begin(&p->batch, on_mark, r);
	batch_add(r, &p->batch, &record);
	batch_seal(&p->batch);
	free(text);
	r->scopes[p->scope].marked_s = p->events_to;
}

static bool mark(struct reconciler *r) {
	struct pass *p = &r->pass;
	if (worth_a_mark(r)) append_mark(r);
	if (!p->dry && p->events_to && !p->refused) {
		r->scopes[p->scope].events_to = p->events_to;
		if (p->scope == 0) r->events_to = p->events_to;
		if (p->scope == 0 && p->swept_at) r->swept_at = p->swept_at;
	}
	p->stage = PASS_END;
	return true;
}

static bool end_scope(struct reconciler *r) {
	struct pass *p = &r->pass;
	if (p->batch.left) return false;
	if (p->scope + 1 < r->scope_count) {
		p->scope++;
		p->stage = PASS_SCOPE;
		return true;
	}
	finish(r);
	return false;
}

static bool step(struct reconciler *r) {
	struct pass *p = &r->pass;
	switch (p->stage) {
	case PASS_SCOPE:
		begin_scope(r);
		return true;
	case PASS_LIST:
	case PASS_SEARCH:
	case PASS_NEWEST:
		return pass_step_events(r);
	case PASS_HEAD:
	case PASS_BEHIND:
	case PASS_SWEEP:
	case PASS_LATE:
	case PASS_OBJECTS:
	case PASS_COMPLETE:
		return pass_step_sweep(r);
	case PASS_DRAIN:
		return drain(r);
	case PASS_MARK:
		return mark(r);
	case PASS_END:
		return end_scope(r);
	case PASS_NONE:
		break;
	}
	return false;
}

void pass_step(struct reconciler *r) {
	while (r->pass.stage != PASS_NONE && !r->pass.failed && step(r)) {
	}
	if (r->pass.stage == PASS_NONE || !r->pass.failed) return;
	r->pass.wants_request = false;
	if (idle(&r->pass)) finish(r);
}

/* ---- its beginning ------------------------------------------------------------------------------- */

void pass_begin(struct reconciler *r, const struct pass *how) {
	struct pass *p = &r->pass;
	*p = (struct pass){.stage = PASS_SCOPE,
			   .scheduled = how->scheduled,
			   .sweeps = how->sweeps,
			   .dry = how->dry,
			   .full = how->full,
			   .asker = how->asker,
			   .begun_ms = r->now_ms};
	p->done.dry = p->dry;
}

/* Sweeps go on from the last one that the store knows of, over restarts. */
static bool sweep_is_due(struct reconciler *r) {
	struct reconcile_mark m = {0};
	const struct scope scope = {r->livemode, VIEW_NONE};
	if (r->sweep_due_ms) return r->now_ms >= r->sweep_due_ms;
	if (!store_renew(r)) return false; /* it would wait for the store */
	enum error e = look_mark(r->look, &scope, &m);
	store_rest(r);
	int64_t ago_ms = e == OK && m.swept_at ? (stripe_now_s(r) - m.swept_at) * 1000 : INT64_MAX;
	if (e == OK && !r->swept_at) r->swept_at = m.swept_at;
	if (ago_ms < 0 || ago_ms >= r->settings.sweep_every_ms) return true;
	r->sweep_due_ms = r->now_ms + r->settings.sweep_every_ms - ago_ms;
	return false;
}

void pass_schedule(struct reconciler *r) {
	if (!r->api || r->pass.stage != PASS_NONE || r->now_ms < r->events_due_ms || !r->store) return;
	if (r->now_ms < r->paused_until_ms) return;
	struct pass how = {.scheduled = true, .asker = -1, .sweeps = sweep_is_due(r)};
	r->events_due_ms = r->now_ms + r->settings.events_every_ms;
	if (how.sweeps) r->sweep_due_ms = r->now_ms + r->settings.sweep_every_ms;
	pass_begin(r, &how);
}
