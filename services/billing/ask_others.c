#include <stdlib.h>

#include "ask_private.h"

/* Somebody else who is to answer an ask. When the ask is answered before, it is told: `ask` is NULL then, and whatever
 * comes is dropped. */
struct ask_wait {
	struct note note; /* of an answer that another thread has */
	struct ask_wait *prev, *next;
	struct ask *ask;
	struct billing *b;
	struct call *call;
	struct reconciler_asked *asked;
	void (*stripe)(struct ask *a, const struct stripe_answer *s);
	void (*profiled)(struct ask *a, enum tg_status status, const struct tg_profile *p);
	void (*known)(struct ask *a, enum tg_status status, struct tg_profile *p); /* instead of `profiled` */
	void (*reconciled)(struct ask *a, bool done);
	enum tg_status status;
	struct tg_profile profile;
};

static struct ask_wait *wait_begin(struct ask *a) {
	struct ask_wait *w = calloc(1, sizeof *w);
	if (!w) return NULL;
	w->ask = a;
	w->b = a->b;
	w->next = a->waits;
	if (w->next) w->next->prev = w;
	a->waits = w;
	return w;
}

/* The ask that waits, out of whose list it is taken; NULL: it was answered before. */
static struct ask *wait_end(struct ask_wait *w) {
	struct ask *a = w->ask;
	if (!a) return NULL;
	*(w->prev ? &w->prev->next : &a->waits) = w->next;
	if (w->next) w->next->prev = w->prev;
	w->ask = NULL;
	return a;
}

void ask_leave_waits(struct ask *a) {
	struct ask_wait *next;
	for (struct ask_wait *w = a->waits; w; w = next) {
		next = w->next;
		w->ask = NULL;
		if (w->call) calls_cancel(w->call);
		if (w->asked) reconciler_link_forget(w->asked);
		/* one that query owes an answer to is freed when it comes: its thread knows the address */
		if (!w->profiled && !w->known) free(w);
	}
	a->waits = NULL;
}

/* ---- Stripe ------------------------------------------------------------------------------- */

static void stripe_answered(void *ctx, const struct stripe_answer *s) {
	struct ask_wait *w = ctx;
	void (*then)(struct ask *, const struct stripe_answer *) = w->stripe;
	struct ask *a = wait_end(w);
	free(w);
	if (a) then(a, s);
}

static void call(struct ask *a, const struct stripe_call *what,
		 void (*then)(struct ask *a, const struct stripe_answer *s)) {
	struct ask_wait *w = wait_begin(a);
	struct problem why = {0};
	if (!w) {
		ask_refuse(a, REFUSAL_INTERNAL, NULL);
		return;
	}
	struct stripe_call c = *what;
	c.done = stripe_answered;
	c.ctx = w;
	w->stripe = then;
	enum error e = calls_send(a->b->calls, &c, false, &w->call, &why);
	if (!e) return;
	log_warn(&a->b->service.log, log_ev("not_called"), kv_error(e), kv_why(&why), kv_str("request", a->request_id));
	ask_refuse(a, e == ERR_OVERLOADED ? REFUSAL_UNAVAILABLE : REFUSAL_INTERNAL, NULL);
}

void ask_get(struct ask *a, const char *path, void (*then)(struct ask *a, const struct stripe_answer *s)) {
	call(a, &(struct stripe_call){.path = path}, then);
}

void ask_post(struct ask *a, const char *path, struct view form, const char *idempotency_key,
	      void (*then)(struct ask *a, const struct stripe_answer *s)) {
	call(a, &(struct stripe_call){.post = true, .path = path, .form = form, .idempotency_key = idempotency_key},
	     then);
}

bool ask_stripe_failed(struct ask *a, const struct stripe_answer *s) {
	if (s->outcome == STRIPE_OK) return false;
	const char *hint = s->status == 401   ? "Stripe refuses the key: STRIPE_API_KEY"
			   : s->status == 403 ? "the key may not do this: give it the right in Stripe's dashboard"
					      : "";
	log_warn(&a->b->service.log, log_ev("stripe_failed"), kv_str("outcome", stripe_outcome_name(s->outcome)),
		 kv_str("why", s->why), kv_str("hint", hint), kv_str("stripe_request", s->request_id),
		 kv_i64("status", s->status), kv_i64("took_us", s->took_us), kv_str("path", a->action->path),
		 kv_str("request", a->request_id));
	if (s->outcome == STRIPE_LIMITED)
		ask_refuse(a, REFUSAL_TOO_MANY, "Stripe takes no more requests for a moment");
	else if (s->outcome == STRIPE_UNREACHABLE)
		ask_refuse(a, REFUSAL_STRIPE_TIMEOUT, NULL);
	else
		ask_refuse(a, REFUSAL_STRIPE, NULL);
	return true;
}

/* ---- query -------------------------------------------------------------------------------- */

static void profile_here(struct note *n) {
	struct ask_wait *w = (struct ask_wait *)n;
	struct ask *a = wait_end(w);
	if (a && w->known)
		w->known(a, w->status, &w->profile);
	else if (a)
		w->profiled(a, w->status, &w->profile);
	tg_profile_free(&w->profile);
	free(w);
}

/* The client's thread, or the loop's own, inside tg_get_async. */
static void profile_came(void *ctx, enum tg_status status, struct tg_profile *p) {
	struct ask_wait *w = ctx;
	w->status = status;
	w->profile = *p;
	w->note.run = profile_here;
	inbox_post(w->b->inbox, &w->note);
}

/* NULL: refused. */
static struct ask_wait *profile_wait(struct ask *a) {
	bool closing = a->b->closing;
	struct ask_wait *w = closing ? NULL : wait_begin(a);
	if (!w) ask_refuse(a, closing ? REFUSAL_UNAVAILABLE : REFUSAL_INTERNAL, NULL);
	return w;
}

void ask_profile(struct ask *a, void (*then)(struct ask *a, enum tg_status status, const struct tg_profile *p)) {
	struct ask_wait *w = profile_wait(a);
	if (!w) return;
	w->profiled = then;
	tg_get_async(a->b->tiers, a->who.subject, true, profile_came, w);
}

void ask_profile_known(struct ask *a, void (*then)(struct ask *a, enum tg_status status, struct tg_profile *p)) {
	struct ask_wait *w = profile_wait(a);
	if (!w) return;
	w->known = then;
	tg_get_async(a->b->tiers, a->who.subject, false, profile_came, w);
}

/* ---- the reconciler -------------------------------------------------------------------------- */

static void reconciled(void *ctx, enum reconcile_code code) {
	struct ask_wait *w = ctx;
	void (*then)(struct ask *, bool) = w->reconciled;
	struct ask *a = wait_end(w);
	free(w);
	if (!a) return;
	if (code != RECONCILE_OK)
		log_warn(&a->b->service.log, log_ev("not_reconciled"), kv_str("code", reconcile_code_name(code)),
			 kv_str("request", a->request_id));
	then(a, code == RECONCILE_OK);
}

static void reconcile(struct ask *a, enum reconcile_op op, const char *id, void (*then)(struct ask *a, bool done)) {
	struct ask_wait *w = wait_begin(a);
	struct problem why = {0};
	if (!w) {
		then(a, false);
		return;
	}
	w->reconciled = then;
	enum error e = reconciler_link_ask(a->b->reconciler, op, a->b->livemode, id, reconciled, w, &w->asked, &why);
	if (!e) return;
	log_warn(&a->b->service.log, log_ev("not_reconciled"), kv_error(e), kv_why(&why),
		 kv_str("request", a->request_id));
	(void)wait_end(w);
	free(w);
	then(a, false);
}

void ask_reconcile(struct ask *a, const char *session, void (*then)(struct ask *a, bool done)) {
	reconcile(a, RECONCILE_SESSION, session, then);
}

void ask_reconcile_customer(struct ask *a, const char *customer, void (*then)(struct ask *a, bool done)) {
	reconcile(a, RECONCILE_CUSTOMER, customer, then);
}
