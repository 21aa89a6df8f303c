/* Which request goes to which server, and what becomes of those that nobody answers. */
#include "private.h"

#include <stdio.h>
#include <zmq.h>

#define ANSWERABLE(c) ((1u << (c)->t.server_count) - 1)
#define AWAY_MS 1000 /* a server that was away for so long (or a timeout, if that is less) is not waited for */

static unsigned bit(const struct server *s) { return 1u << s->index; }

struct request *tgc_find(struct client_thread *t, uint64_t id) {
	const struct slot *slot = &t->slots[id & (REQUESTS_MAX - 1)];
	return slot->request && slot->request->id == id ? slot->request : NULL;
}

static void take_slot(struct client_thread *t, struct request *r) {
	uint32_t i = t->first_free;
	struct slot *slot = &t->slots[i];
	t->first_free = slot->next_free;
	slot->request = r;
	r->id = ((uint64_t)++slot->use << REQUESTS_BITS) | i;
}

static void leave_slot(struct client_thread *t, struct request *r) {
	uint32_t i = (uint32_t)(r->id & (REQUESTS_MAX - 1));
	t->slots[i].request = NULL;
	t->slots[i].next_free = t->first_free;
	t->first_free = i;
}

bool tgc_admit(struct tg_client *c) {
	if (atomic_fetch_add_explicit(&c->on_the_way, 1, memory_order_relaxed) < REQUESTS_MAX) return true;
	atomic_fetch_sub_explicit(&c->on_the_way, 1, memory_order_relaxed);
	return false;
}

static void count_outcome(struct tg_client *c, const struct request *r) {
	if (r->kind == ASK_PING) return;
	if (r->status == TG_OK) COUNT(c, answered);
	if (r->status == TG_REFUSED) COUNT(c, refused);
	if (r->error == TG_TIMED_OUT) COUNT(c, timeouts);
	if (r->error == TG_KEY_UNKNOWN) COUNT(c, denied);
}

/* These servers have it no more. */
static void take_back(struct tg_client *c, struct request *r, unsigned servers) {
	for (unsigned i = 0; i < c->t.server_count; i++)
		if (r->has & servers & (1u << i)) c->t.servers[i].in_flight--;
	r->has &= ~servers;
}

void tgc_finish(struct tg_client *c, struct request *r, enum tg_status status, enum tg_error error, const char *why) {
	list_remove(&r->by_deadline);
	list_remove(&r->by_hedge);
	list_remove(&r->waiting);
	take_back(c, r, r->has);
	leave_slot(&c->t, r);
	tgc_refuse(r, status, error, why);
	count_outcome(c, r);
	atomic_fetch_sub_explicit(&c->on_the_way, 1, memory_order_relaxed);
	r->done(r); /* and it may be gone */
}

/* ---- sending -------------------------------------------------------------------------- */

static struct tg01_question question_of(const struct tg_client *c, const char *subject, const char *tier,
					const char *feature) {
	return (struct tg01_question){.sub = view_str(subject),
				      .acct = view_str(c->settings.account),
				      .tier = view_str(tier),
				      .feat = view_str(feature)};
}

static struct view encode(struct tg_client *c, const struct request *r) {
	struct tg01_question checks[TG01_BATCH_MAX];
	struct tg01_request out = {.id = {.kind = TG01_ID_NUMBER, .number = r->id}};
	struct writer w = writer_of(c->t.out, sizeof c->t.out);
	switch (r->kind) {
	case ASK_CHECK:
		out.op = TG01_CHECK;
		out.ask = question_of(c, r->subject, r->tier, r->feature);
		break;
	case ASK_GET:
	case ASK_LOOK:
	case ASK_LINE:
		out.op = TG01_GET;
		out.ask = question_of(c, r->subject, NULL, NULL);
		out.with = r->kind == ASK_GET ? r->with : TG01_WITH_LINE;
		break;
	case ASK_BATCH:
		out.op = TG01_BATCH;
		for (unsigned i = 0; i < r->count; i++)
			checks[i] =
				question_of(c, r->questions[i].subject, r->questions[i].tier, r->questions[i].feature);
		out.checks = checks;
		out.check_count = r->count;
		break;
	case ASK_CATALOG:
		out.op = TG01_CATALOG;
		break;
	case ASK_SINCE:
		out.op = TG01_SINCE;
		out.ver = c->t.follow.ver;
		out.epoch = c->t.follow.epoch;
		break;
	case ASK_PAGE:
		out.op = TG01_PAGE;
		out.ask.acct = view_str(c->settings.account);
		out.after = view_str(r->subject);
		break;
	case ASK_RAW:
		out = *r->raw;
		out.id = (struct tg01_id){.kind = TG01_ID_NUMBER, .number = r->id};
		break;
	case ASK_PING:
	case REQUEST_KINDS:
		out.op = TG01_PING;
		break;
	}
	tg01_request_write(&w, &out);
	return writer_view(&w);
}

static bool send_to(struct tg_client *c, struct server *s, struct request *r, int64_t now) {
	struct view body = encode(c, r);
	if (zmq_send(s->socket, TG01_VERSION, sizeof TG01_VERSION - 1, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0) return false;
	if (zmq_send(s->socket, body.ptr, body.len, ZMQ_DONTWAIT) < 0) return false;
	r->has |= bit(s);
	s->in_flight++;
	r->sendings++;
	r->sent_ms = now;
	return true;
}

static unsigned meant(const struct tg_client *c, const struct request *r) {
	return r->only >= 0 ? 1u << (unsigned)r->only : ANSWERABLE(c);
}

static bool has_room(const struct server *s, int64_t now) {
	return s->connected && s->in_flight < s->window && s->pause_ms <= now;
}

/* To the nearest that is connected and has not had it; those that were silent lately come last. */
static bool send_on(struct tg_client *c, struct request *r, int64_t now) {
	unsigned open = meant(c, r) & ~r->has & ~r->tried;
	for (int suspects = 0; suspects < 2; suspects++) {
		for (unsigned i = 0; i < c->t.server_count; i++) {
			struct server *s = &c->t.servers[i];
			bool suspect = s->suspect_ms > now;
			if (!(open & bit(s)) || !has_room(s, now) || suspect != (suspects == 1)) continue;
			if (send_to(c, s, r, now)) return true;
		}
	}
	return false;
}

/* Is nobody there whom waiting for could help? */
static bool nobody_left(const struct tg_client *c, const struct request *r, int64_t now, const struct server **ret_s) {
	const int64_t patience = c->settings.timeout_ms < AWAY_MS ? c->settings.timeout_ms : AWAY_MS;
	*ret_s = NULL;
	for (unsigned i = 0; i < c->t.server_count; i++) {
		const struct server *s = &c->t.servers[i];
		if (!(meant(c, r) & ~r->tried & bit(s))) continue;
		bool gone = s->hopeless || (s->away_ms && now - s->away_ms >= patience);
		if (s->connected || !gone) return false;
		if (!*ret_s || s->trouble == TG_KEY_UNKNOWN) *ret_s = s;
	}
	return true;
}

static void finish_for_want(struct tg_client *c, struct request *r, const struct server *s) {
	if (s)
		tgc_finish(c, r, TG_FALLBACK, s->trouble, s->why);
	else
		tgc_finish(c, r, TG_FALLBACK, r->error, r->why);
}

/* Sends it, or lets it wait for somebody, or ends it. */
static void dispatch(struct tg_client *c, struct request *r, int64_t now) {
	const struct server *s;
	if (send_on(c, r, now)) {
		list_remove(&r->waiting);
	} else if (!r->has) {
		if (nobody_left(c, r, now, &s))
			finish_for_want(c, r, s);
		else if (!list_in(&r->waiting))
			list_append(&c->t.waiting, &r->waiting);
	}
}

void tgc_begin(struct tg_client *c, struct request *r, int64_t now) {
	struct client_thread *t = &c->t;
	struct link *at = t->by_deadline.before;
	take_slot(t, r);
	if (t->follow.known) {
		r->known_epoch = t->follow.epoch;
		r->known_ver = t->follow.ver;
	}
	while (at != &t->by_deadline && LIST_ITEM(struct request, at, by_deadline)->deadline_ms > r->deadline_ms)
		at = at->before;
	list_put(at, &r->by_deadline);
	if (r->only < 0 && t->server_count > 1) {
		r->hedge_at_ms = now + c->settings.hedge_ms;
		list_append(&t->by_hedge, &r->by_hedge);
	}
	dispatch(c, r, now);
}

void tgc_dispatch_waiting(struct tg_client *c, int64_t now) {
	struct link *head = &c->t.waiting;
	bool connected = false, room = true;
	for (unsigned i = 0; i < c->t.server_count; i++) connected |= c->t.servers[i].connected;
	for (struct link *l = head->after, *next; l != head && (room || !connected); l = next) {
		next = l->after;
		dispatch(c, LIST_ITEM(struct request, l, waiting), now);
		/* while somebody is there who has no room, those behind wait as well */
		room = false;
		for (unsigned i = 0; i < c->t.server_count; i++) room |= has_room(&c->t.servers[i], now);
	}
}

void tgc_ask_plainly(struct tg_client *c, struct request *r, int64_t now) {
	r->kind = ASK_CHECK;
	take_back(c, r, r->has);
	/* another server may still answer the question before */
	leave_slot(&c->t, r);
	take_slot(&c->t, r);
	dispatch(c, r, now);
}

void tgc_try_later(struct tg_client *c, struct request *r, struct server *s, const char *why, int64_t now) {
	tgc_server_overloaded(c, s, now);
	take_back(c, r, bit(s));
	r->error = TG_NOT_READY;
	(void)snprintf(r->why, sizeof r->why, "%s", why);
	if (!r->has) dispatch(c, r, now);
}

void tgc_try_next(struct tg_client *c, struct request *r, struct server *s, enum tg_error error, const char *why,
		  int64_t now) {
	take_back(c, r, bit(s));
	r->tried |= bit(s);
	r->error = error;
	(void)snprintf(r->why, sizeof r->why, "%s", why);
	if (r->has) return;
	if (send_on(c, r, now)) {
		list_remove(&r->waiting);
		return;
	}
	for (unsigned i = 0; i < c->t.server_count; i++) {
		const struct server *other = &c->t.servers[i];
		if (!other->connected || !(meant(c, r) & ~r->tried & bit(other))) continue;
		/* it has no room yet. What was lost with its server waits already */
		if (!list_in(&r->waiting)) list_append(&c->t.waiting, &r->waiting);
		return;
	}
	tgc_finish(c, r, TG_FALLBACK, error, r->why);
}

void tgc_dispatch_lost(struct tg_client *c, struct server *s, bool try_again, int64_t now) {
	struct link *head = &c->t.by_deadline;
	for (struct link *l = head->after, *next; l != head; l = next) {
		struct request *r = LIST_ITEM(struct request, l, by_deadline);
		next = l->after;
		if (!(r->has & bit(s))) continue;
		take_back(c, r, bit(s));
		if (!try_again || r->sendings >= SENDINGS_MAX) {
			r->tried |= bit(s);
			r->error = s->trouble ? s->trouble : TG_NO_SERVER;
			(void)snprintf(r->why, sizeof r->why, "%s", s->why);
		}
		if (!r->has && !list_in(&r->waiting)) list_append(&c->t.waiting, &r->waiting);
	}
	tgc_dispatch_waiting(c, now);
}

/* ---- time ----------------------------------------------------------------------------- */

static void time_out(struct tg_client *c, struct request *r, int64_t now) {
	const struct server *s = &c->t.servers[r->only < 0 ? 0 : r->only];
	for (unsigned i = 0; i < c->t.server_count; i++)
		if (r->has & (1u << i)) tgc_server_silent(c, &c->t.servers[i], now);
	bool there = false;
	for (unsigned i = 0; i < c->t.server_count; i++) there |= c->t.servers[i].connected && (meant(c, r) >> i & 1);
	if (r->has || (!r->error && (r->sendings || there))) {
		tgc_refuse(r, TG_FALLBACK, TG_TIMED_OUT, "");
		(void)snprintf(r->why, sizeof r->why, "no answer within %d ms", r->timeout_ms);
		tgc_finish(c, r, TG_FALLBACK, TG_TIMED_OUT, r->why);
	} else if (r->error) {
		tgc_finish(c, r, TG_FALLBACK, r->error, r->why);
	} else {
		tgc_finish(c, r, TG_FALLBACK, s->trouble ? s->trouble : TG_NO_SERVER,
			   s->trouble ? s->why : "no server could be connected to in time");
	}
}

static void hedge(struct tg_client *c, struct request *r, int64_t now) {
	list_remove(&r->by_hedge);
	if (r->has && send_on(c, r, now)) COUNT(c, hedges);
	if (!(ANSWERABLE(c) & ~r->has & ~r->tried)) return; /* all have it */
	r->hedge_at_ms = now + c->settings.hedge_ms;
	list_append(&c->t.by_hedge, &r->by_hedge);
}

void tgc_dispatch_timers(struct tg_client *c, int64_t now) {
	struct client_thread *t = &c->t;
	while (!list_empty(&t->by_deadline)) {
		struct request *r = LIST_ITEM(struct request, t->by_deadline.after, by_deadline);
		if (r->deadline_ms > now) break;
		time_out(c, r, now);
	}
	while (!list_empty(&t->by_hedge)) {
		struct request *r = LIST_ITEM(struct request, t->by_hedge.after, by_hedge);
		if (r->hedge_at_ms > now) break;
		hedge(c, r, now);
	}
}

int64_t tgc_dispatch_next(const struct tg_client *c) {
	const struct client_thread *t = &c->t;
	int64_t next = INT64_MAX;
	if (!list_empty(&t->by_deadline))
		next = LIST_ITEM(struct request, t->by_deadline.after, by_deadline)->deadline_ms;
	if (!list_empty(&t->by_hedge)) {
		int64_t at = LIST_ITEM(struct request, t->by_hedge.after, by_hedge)->hedge_at_ms;
		if (at < next) next = at;
	}
	return next;
}
