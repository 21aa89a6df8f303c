#include <stdlib.h>

#include "proto/fact.h"
#include "reconciler.h"

#define AGAIN_FIRST_MS 1000 /* of a task that failed; doubles */
#define AGAIN_MOST_MS 60000

static void on_answer(void *ctx, const struct stripe_answer *a);

/* ---- records -------------------------------------------------------------------------- */

bool snapshot_of(struct reconciler *r, const json_t *object, const struct scope *scope, int64_t second, char **ret_text,
		 char id[STRIPE_ID_MAX + 1], struct record *ret_record, struct problem *why) {
	const json_t *own_id = json_object_get(object, "id"), *name = json_object_get(object, "object");
	const json_t *livemode = json_object_get(object, "livemode");
	size_t n = json_string_length(own_id), name_n = json_string_length(name);
	if (n == 0 || n > STRIPE_ID_MAX || name_n == 0 || name_n > EVENT_TYPE_MAX) {
		(void)problem_set(why, ERR_MALFORMED, "it has no id or says not what it is");
		return false;
	}
	if (json_is_boolean(livemode) && json_is_true(livemode) != r->livemode) {
		(void)problem_set(why, ERR_WRONG_MODE, "it is of the other mode than the key");
		return false;
	}
	char *text = json_dumps(object, JSON_COMPACT);
	if (!text) {
		(void)problem_set(why, ERR_MEMORY, "out of memory");
		return false;
	}
	struct view body = view_str(text);
	fact_snapshot_id(view_of(json_string_value(own_id), n), second, body, id);
	*ret_record = (struct record){.kind = RECORD_SNAPSHOT,
				      .livemode = scope->livemode,
				      .created = second,
				      .account = scope->account,
				      .id = view_str(id),
				      .type = view_of(json_string_value(name), name_n),
				      .api_version = VIEW(STRIPE_API_VERSION),
				      .body = body};
	*ret_text = text;
	return true;
}

static void add_object(struct errand *e, const json_t *object) {
	char id[STRIPE_ID_MAX + 1], *text = NULL;
	struct record record;
	struct problem why = {0};
	if (snapshot_of(e->r, object, &e->task->scope, e->second, &text, id, &record, &why)) {
		batch_add(e->r, &e->batch, &record);
		free(text);
		return;
	}
	e->batch.failed++;
	log_warn(&e->r->service.log, log_ev("object_not_kept"), kv_str("fetch", fetch_name(e->task->fetch.kind)),
		 kv_view("of", e->task->fetch.id), kv_why(&why));
}

/* "There is none", or "that was all of the list". */
static void add_fact(struct errand *e, const char *type, char *text) {
	char id[STRIPE_ID_MAX + 1];
	if (!text) {
		e->batch.failed++;
		return;
	}
	struct view body = view_str(text);
	fact_snapshot_id(e->task->fetch.id, e->second, body, id);
	const struct record record = {.kind = RECORD_SNAPSHOT,
				      .livemode = e->task->scope.livemode,
				      .created = e->second,
				      .account = e->task->scope.account,
				      .id = view_str(id),
				      .type = view_str(type),
				      .api_version = VIEW(STRIPE_API_VERSION),
				      .body = body};
	batch_add(e->r, &e->batch, &record);
	free(text);
}

/* ---- the end of an errand ------------------------------------------------------------------ */

static void release(struct errand *e) {
	json_decref(e->object);
	*e = (struct errand){.stage = ERRAND_FREE};
}

static int64_t doubled(int64_t first, unsigned times, int64_t most) {
	for (unsigned i = 0; i < times && first < most; i++) first *= 2;
	return first < most ? first : most;
}

static void fail(struct errand *e, int64_t wait_ms) {
	(void)queue_finish(e->r->queue, e->task, TASK_FAILED, e->r->now_ms + wait_ms);
	release(e);
}

/* Stripe does not give it, and will not a moment later. */
static void refuse(struct errand *e, const struct stripe_answer *a) {
	struct reconciler *r = e->r;
	uint64_t askers = e->task->askers;
	log_warn(&r->service.log, log_ev("fetch_refused"), kv_str("fetch", fetch_name(e->task->fetch.kind)),
		 kv_view("of", e->task->fetch.id), kv_str("why", a->why), kv_str("request", a->request_id));
	e->task->askers = 0;
	fail(e, TASK_AGAIN_MS);
	socket_failed(r, askers, RECONCILE_API_REFUSED, a->why);
}

/* All of it is in the journal, or the journal did not take it. */
static void on_appended(void *ctx, struct batch *b) {
	struct errand *e = ctx;
	struct reconciler *r = e->r;
	struct task *t = e->task;
	if (b->failed) {
		fail(e, doubled(SETTLE_MS, t->tries, SETTLE_MAX_MS));
		return;
	}
	counter_add(r->metrics.fetched, 1);
	/* before the task goes: a session's askers go on to what it names */
	if (t->askers) socket_served(r, t->askers, t, e->object, b, e->missing);
	(void)queue_finish(r->queue, t, TASK_ANSWERED, r->now_ms + doubled(SETTLE_MS, t->answers, SETTLE_MAX_MS));
	release(e);
}

static void seal(struct errand *e) {
	e->stage = ERRAND_APPENDS;
	batch_seal(&e->batch);
}

/* ---- answers -------------------------------------------------------------------------------- */

static bool is_list(enum fetch_kind k) {
	return k == FETCH_SUBSCRIPTIONS_OF || k == FETCH_PAYMENTS_OF_INTENT || k == FETCH_PAYMENTS_OF_CHARGE;
}

static void ask_page(struct errand *e) {
	if (++e->pages > LISTS_PAGES_MAX) {
		log_warn(&e->r->service.log, log_ev("too_many_pages"), kv_view("of", e->task->fetch.id));
		fail(e, TASK_AGAIN_MS);
		return;
	}
	e->stage = ERRAND_WAITS;
}

static bool path_of(struct errand *e, const char *after) {
	struct writer w = writer_of(e->path, sizeof e->path);
	const struct fetch *f = &e->task->fetch;
	stripe_path(&w, fetch_path(f->kind), f->id);
	if (f->kind == FETCH_INVOICE) stripe_param(&w, "expand[]", VIEW("payments"));
	if (f->kind == FETCH_SCHEDULE) stripe_param(&w, "expand[]", VIEW("phases.items.price"));
	if (is_list(f->kind)) stripe_param_number(&w, "limit", 100);
	if (after) stripe_param(&w, "starting_after", view_str(after));
	return stripe_text_end(&w) != NULL;
}

/* The object, once no list in it lacks a page. */
static void complete(struct errand *e) {
	e->completing = lists_next(e->object, e->path, sizeof e->path);
	if (e->completing) {
		ask_page(e);
		return;
	}
	add_object(e, e->object);
	seal(e);
}

/* A page of a list that answers the question: its objects, then the next page or the word that this was all. An object
 * in it that lacks pages itself is fetched by itself, once the decoder has said so. */
static void take_page(struct errand *e, const json_t *page) {
	size_t i;
	json_t *object;
	json_array_foreach(json_object_get(page, "data"), i, object) add_object(e, object);
	const char *last = page_last(page);
	if (page_more(page) && last && path_of(e, last)) {
		ask_page(e);
		return;
	}
	add_fact(e, FACT_ANSWERED, fact_answered_write(&e->task->fetch));
	seal(e);
}

static void take(struct errand *e, const struct stripe_answer *a) {
	if (e->completing) {
		if (lists_add(e->object, a->body) == OK)
			complete(e);
		else
			fail(e, AGAIN_MOST_MS);
		return;
	}
	if (is_list(e->task->fetch.kind)) {
		if (page_valid(a->body))
			take_page(e, a->body);
		else
			fail(e, AGAIN_MOST_MS);
		return;
	}
	e->object = json_incref(a->body);
	complete(e);
}

/* Too early to tell what came last in a second? */
static bool settles(const struct errand *e) { return !e->task->after || e->second > e->task->after; }

static void on_answer(void *ctx, const struct stripe_answer *a) {
	struct errand *e = ctx;
	if (!ask_learn(e->r, a)) {
		fail(e, doubled(AGAIN_FIRST_MS, e->task->tries, AGAIN_MOST_MS));
		return;
	}
	if (!e->second || a->second < e->second) e->second = a->second;
	bool missing = a->outcome == STRIPE_MISSING && !e->completing;
	if (a->outcome != STRIPE_OK && !missing) {
		refuse(e, a);
	} else if (e->second <= 0 || !settles(e)) {
		fail(e, CLOCK_AGAIN_MS);
	} else if (missing) {
		e->missing = true;
		add_fact(e, FACT_MISSING, fact_missing_write(&e->task->fetch));
		seal(e);
	} else {
		take(e, a);
	}
}

/* ---- its beginning ----------------------------------------------------------------------------- */

bool errand_send(struct errand *e) {
	struct problem why = {0};
	const struct stripe_call call = {
		.path = e->path, .account = e->task->scope.account, .done = on_answer, .ctx = e};
	if (stripe_api_call(e->r->api, &call, &why)) {
		log_warn(&e->r->service.log, log_ev("request_not_made"), kv_why(&why));
		fail(e, AGAIN_FIRST_MS);
		return false;
	}
	e->stage = ERRAND_ASKS;
	return true;
}

bool errand_start(struct reconciler *r, struct task *t) {
	for (unsigned i = 0; i < ERRANDS_MAX; i++) {
		struct errand *e = &r->errands[i];
		if (e->stage != ERRAND_FREE) continue;
		*e = (struct errand){.stage = ERRAND_WAITS, .r = r, .task = t};
		batch_begin(&e->batch, on_appended, e);
		queue_start(r->queue, t);
		if (path_of(e, NULL)) return errand_send(e);
		fail(e, TASK_AGAIN_MS); /* an id that no path holds */
		return false;
	}
	return false;
}
