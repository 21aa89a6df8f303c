#include <stdio.h>
#include <stdlib.h>

#include "service/clock.h"
#include "shop_private.h"
#include "url_allowed.h"

void visit_timer_end(struct visit *v) {
	if (!v->timer) return;
	if (v->timed_before)
		v->timed_before->timed_after = v->timed_after;
	else
		v->shop->timed = v->timed_after;
	if (v->timed_after) v->timed_after->timed_before = v->timed_before;
	v->timed_before = v->timed_after = NULL;
	v->timer = NULL;
}

static void end(void *state) {
	struct visit *v = state;
	visit_leave(v);
	visit_timer_end(v);
	if (v->finish) v->finish(v);
	free(v);
}

void *visit_begin(struct ask *a, size_t size) {
	struct visit *v = calloc(1, size);
	if (!v) {
		ask_refuse(a, REFUSAL_INTERNAL, NULL);
		return NULL;
	}
	v->ask = a;
	v->shop = billing_shop(ask_billing(a));
	ask_keep(a, v, end);
	return v;
}

void visit_wait(struct visit *v, struct waiting *w) {
	visit_leave(v);
	v->in = w;
	v->before = w->last;
	if (w->last)
		w->last->after = v;
	else
		w->first = v;
	w->last = v;
}

void visit_leave(struct visit *v) {
	struct waiting *w = v->in;
	if (!w) return;
	if (v->before)
		v->before->after = v->after;
	else
		w->first = v->after;
	if (v->after)
		v->after->before = v->before;
	else
		w->last = v->before;
	v->in = NULL;
	v->before = v->after = NULL;
}

void visit_timer(struct visit *v, int64_t after_ms, void (*timer)(struct visit *v)) {
	visit_timer_end(v);
	v->due_ms = mono_ms() + after_ms;
	v->timer = timer;
	v->timed_after = v->shop->timed;
	if (v->timed_after) v->timed_after->timed_before = v;
	v->shop->timed = v;
}

/* ---- what came of it ----------------------------------------------------------------------------- */

const char *stripe_error_code(const struct stripe_answer *s) {
	const char *code = text_of(json_object_get(s->body, "error"), "code");
	return code ? code : "";
}

bool visit_failed(struct visit *v, const struct stripe_answer *s) {
	if (s->outcome == STRIPE_INVALID && text_is(json_object_get(s->body, "error"), "type", "idempotency_error")) {
		ask_refuse(v->ask, REFUSAL_OTHER_BODY, NULL);
		return true;
	}
	return ask_stripe_failed(v->ask, s);
}

const char *visit_return_url(struct visit *v, const char *field, const char *otherwise, char *room) {
	bool bad = false;
	const char *given = ask_text(v->ask, field, &bad);
	if (bad) return NULL;
	if (!given) {
		(void)snprintf(room, VISIT_URL_ROOM, "%s%s", v->shop->public_url, otherwise);
		return room;
	}
	if (url_allowed(view_str(given), v->shop->rules, v->shop->rule_count)) return given;
	ask_refuse(v->ask, REFUSAL_URL_NOT_ALLOWED, NULL);
	return NULL;
}
