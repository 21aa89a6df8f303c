#include "calls.h"

#include <stdlib.h>

struct call {
	struct call *next; /* in line */
	struct call *prev_all, *next_all;
	struct calls *owner;
	bool background;
	bool sent;
	struct stripe_call what;
	void (*done)(void *ctx, const struct stripe_answer *a); /* NULL: cancelled */
	void *ctx;
	char *path, *form, *key;
};

struct line {
	struct call *first, **end;
};

struct calls {
	struct stripe_api *api;
	void (*observe)(void *ctx, const struct stripe_answer *a);
	void *ctx;
	struct line lines[2]; /* [background] */
	struct call *all;
	unsigned waiting, background;
};

static void call_free(struct call *c) {
	if (c->prev_all)
		c->prev_all->next_all = c->next_all;
	else
		c->owner->all = c->next_all;
	if (c->next_all) c->next_all->prev_all = c->prev_all;
	free(c->path);
	free(c->form);
	free(c->key);
	free(c);
}

/* A copy that outlives its turn in line. */
static struct call *call_new(struct calls *o, const struct stripe_call *what, bool background) {
	struct call *c = calloc(1, sizeof *c);
	if (!c) return NULL;
	*c = (struct call){.owner = o, .background = background, .what = *what, .done = what->done, .ctx = what->ctx};
	c->next_all = o->all;
	if (o->all) o->all->prev_all = c;
	o->all = c;
	c->what.path = c->path = strdup(what->path);
	bool whole = c->path;
	if (what->form.len) whole = whole && (c->form = strndup(what->form.ptr, what->form.len));
	c->what.form.ptr = c->form;
	if (what->idempotency_key) whole = whole && (c->key = strdup(what->idempotency_key));
	c->what.idempotency_key = c->key;
	if (whole) return c;
	call_free(c);
	return NULL;
}

static void answered(void *ctx, const struct stripe_answer *a) {
	struct call *c = ctx;
	struct calls *o = c->owner;
	void (*done)(void *, const struct stripe_answer *) = c->done;
	void *done_ctx = c->ctx;
	if (c->background) o->background--;
	call_free(c);
	if (o->observe) o->observe(o->ctx, a);
	if (done) done(done_ctx, a);
}

/* A call that Stripe's client cannot make now, after it was taken. */
static void fail(struct call *c, const struct problem *why) {
	const struct stripe_answer none = {.outcome = STRIPE_UNREACHABLE, .request_id = "", .why = problem_text(why)};
	if (c->background) c->owner->background++; /* which answered() takes back */
	answered(c, &none);
}

static struct call *next(struct calls *o) {
	for (unsigned b = 0; b < 2; b++) {
		struct line *l = &o->lines[b];
		struct call *c = l->first;
		if (!c || (b && o->background >= CALLS_BACKGROUND)) continue;
		l->first = c->next;
		if (!l->first) l->end = &l->first;
		o->waiting--;
		return c;
	}
	return NULL;
}

static void send_some(struct calls *o) {
	while (stripe_api_in_flight(o->api) < STRIPE_CONCURRENCY_MAX) {
		struct call *c = next(o);
		if (!c) return;
		if (!c->done) { /* nobody waits for it any more */
			call_free(c);
			continue;
		}
		struct problem why = {0};
		c->what.done = answered;
		c->what.ctx = c;
		c->sent = true;
		if (stripe_api_call(o->api, &c->what, &why))
			fail(c, &why);
		else if (c->background)
			o->background++;
	}
}

enum error calls_send(struct calls *o, const struct stripe_call *what, bool background, struct call **ret_call,
		      struct problem *why) {
	if (o->waiting >= CALLS_MAX) return problem_set(why, ERR_OVERLOADED, "%d requests wait already", CALLS_MAX);
	struct call *c = call_new(o, what, background);
	if (!c) return problem_set(why, ERR_MEMORY, "no memory for a request");
	struct line *l = &o->lines[background];
	*l->end = c;
	l->end = &c->next;
	o->waiting++;
	if (ret_call) *ret_call = c;
	return OK; /* it leaves with the next calls_run: `done` never runs inside this */
}

void calls_cancel(struct call *c) {
	if (c) c->done = NULL;
}

int calls_fd(const struct calls *o) { return stripe_api_fd(o->api); }

int64_t calls_wait_ms(const struct calls *o, int64_t most) {
	bool may_send = o->lines[0].first || (o->lines[1].first && o->background < CALLS_BACKGROUND);
	if (may_send && stripe_api_in_flight(o->api) < STRIPE_CONCURRENCY_MAX) return 0;
	return stripe_api_wait_ms(o->api, most);
}

void calls_run(struct calls *o) {
	stripe_api_run(o->api);
	send_some(o);
}

unsigned calls_under_way(const struct calls *o) { return stripe_api_in_flight(o->api); }
unsigned calls_waiting(const struct calls *o) { return o->waiting; }

enum error calls_create(const struct stripe_api_options *options,
			void (*observe)(void *ctx, const struct stripe_answer *a), void *ctx, struct calls **ret_c,
			struct problem *why) {
	struct calls *o = calloc(1, sizeof *o);
	if (!o) return problem_set(why, ERR_MEMORY, "out of memory");
	o->observe = observe;
	o->ctx = ctx;
	for (unsigned b = 0; b < 2; b++) o->lines[b].end = &o->lines[b].first;
	enum error e = stripe_api_create(options, &o->api, why);
	if (e) {
		free(o);
		return e;
	}
	*ret_c = o;
	return OK;
}

void calls_destroy(struct calls **pointer) {
	struct calls *o = pointer ? *pointer : NULL;
	if (!o) return;
	stripe_api_destroy(&o->api);
	for (struct call *c = o->all, *next; c; c = next) {
		next = c->next_all;
		call_free(c);
	}
	free(o);
	*pointer = NULL;
}
