/* What comes back: put into the caller's structs before the message is gone. */
#include "follow.h"

#include <stdio.h>
#include <stdlib.h>
#include <zmq.h>

static const enum tg01_op ops[REQUEST_KINDS] = {
	[ASK_CHECK] = TG01_CHECK, [ASK_BATCH] = TG01_BATCH, [ASK_GET] = TG01_GET,
	[ASK_LOOK] = TG01_GET,    [ASK_LINE] = TG01_GET,    [ASK_CATALOG] = TG01_CATALOG,
	[ASK_SINCE] = TG01_SINCE, [ASK_PAGE] = TG01_PAGE,   [ASK_PING] = TG01_PING};

static void take_answer(struct client_thread *t, const struct tg01_answer *from, const struct tg01_source *source,
			struct tg_answer *to) {
	to->allowed = from->allowed;
	to->stale = from->stale;
	to->source = TG_FROM_SERVER;
	to->error = TG_NO_ERROR;
	to->reason = tgc_name(t->names, from->reason);
	to->tier = tgc_name(t->names, from->tier);
	to->status = tgc_name(t->names, from->status);
	to->need = tgc_name(t->names, from->need);
	to->until = from->until;
	to->epoch = source->epoch;
	to->ver = source->ver;
	to->as_of_ms = source->as_of;
	to->age_ms = 0;
	to->why[0] = '\0';
}

static void take_result(struct client_thread *t, const struct tg01_result *from, const struct tg01_source *source,
			struct tg_answer *to) {
	if (!from->failed) {
		take_answer(t, &from->answer, source, to);
		return;
	}
	to->error = from->retry ? TG_NOT_READY : TG_WRONG_QUESTION;
	(void)snprintf(to->why, sizeof to->why, "%.*s: %.*s", VIEW_FMT(from->code_name), VIEW_FMT(from->text));
}

static void take_steps(struct client_thread *t, const struct tg01_line *line, struct tg_profile *to) {
	for (unsigned i = 0; i < line->count && i < TG_STEPS_MAX; i++) {
		const struct tg01_step *s = &line->steps[i];
		to->steps[to->step_count++] = (struct tg_step){.from = s->from,
							       .tier = tgc_name(t->names, s->tier),
							       .status = tgc_name(t->names, s->status),
							       .reason = tgc_name(t->names, s->reason),
							       .until = s->until};
	}
}

static void take_customers(const struct tg01_profile *from, struct tg_profile *to) {
	for (unsigned i = 0; i < from->customer_count && to->customer_count < TG_CUSTOMERS_MAX; i++) {
		char *out = to->customers[to->customer_count];
		if (from->customers[i].len >= sizeof to->customers[0]) continue;
		memcpy(out, from->customers[i].ptr, from->customers[i].len);
		out[from->customers[i].len] = '\0';
		to->customer_count++;
	}
}

static bool take_profile(struct client_thread *t, const struct tg01_reply *reply, struct tg_profile *to) {
	const struct tg01_profile *from = &reply->of.profile;
	const struct tg01_answer answer = {.allowed = true,
					   .stale = from->stale,
					   .reason = from->reason,
					   .tier = from->tier,
					   .status = from->status,
					   .until = from->until};
	take_answer(t, &answer, &reply->source, &to->as);
	to->seats = from->seats;
	to->next_billing = from->next_billing;
	to->features = calloc(from->feat_count ? from->feat_count : 1, sizeof *to->features);
	if (!to->features) return false;
	to->feature_count = from->feat_count;
	for (unsigned i = 0; i < from->feat_count; i++) to->features[i] = tgc_name(t->names, from->feats[i]);
	take_steps(t, &from->line, to);
	take_customers(from, to);
	return true;
}

/* The check's answer by the line, at the moment of the reply. False: it does not tell. */
static bool take_look(struct tg_client *c, const struct request *r, const struct tg01_reply *reply) {
	const struct tg01_profile *p = &reply->of.profile;
	struct sight s = {.book = tgc_book_of(&c->truth.books, reply->source.cat)};
	if (!s.book || p->line.count == 0) return false;
	s.at = p->line.steps[0].from;
	s.cached.entry.line_until = p->line.until;
	s.cached.count = tgc_line_pack(&p->line, &s.book->catalog, s.cached.words);
	if (!s.cached.count || !tgc_sight_check(&c->truth, &s, r->tier, r->feature, r->answers)) return false;
	r->answers->source = TG_FROM_SERVER;
	r->answers->epoch = reply->source.epoch;
	r->answers->ver = reply->source.ver;
	r->answers->as_of_ms = reply->source.as_of;
	return true;
}

static void keep_line(struct tg_client *c, const struct server *s, const struct request *r,
		      const struct tg01_reply *reply, int64_t now) {
	const struct tg01_source *source = &reply->source;
	if (r->kind == ASK_GET && !(r->with & TG01_WITH_LINE)) return;
	tgc_catalog_named(c, source->cat, s->index);
	tgc_keep(c, source, view_str(r->subject), source->ver, &reply->of.profile.line, now);
}

static enum tg_status take_catalog(struct tg_client *c, struct request *r, const struct tg01_reply *reply,
				   int64_t now) {
	const struct book *b = tgc_catalog_came(c, reply, now);
	if (!r->catalog) return TG_OK;
	return b ? tgc_catalog_copy(&b->catalog, r->catalog) : TG_MEMORY;
}

static void compare_batch(struct tg_client *c, const struct request *r) {
	for (unsigned i = 0; i < r->count; i++)
		if (r->answers[i].error == TG_NO_ERROR) tgc_keep_compare(c, &r->questions[i], &r->answers[i]);
}

/* False: it says something that does not belong to what was asked. */
static bool take(struct tg_client *c, const struct server *s, struct request *r, const struct tg01_reply *reply,
		 int64_t now) {
	enum tg_status status = TG_OK;
	switch (r->kind) {
	case ASK_CHECK:
		take_answer(&c->t, &reply->of.answer, &reply->source, r->answers);
		tgc_keep_compare(c, &(const struct tg_question){r->subject, r->tier, r->feature}, r->answers);
		break;
	case ASK_BATCH:
		if (reply->of.batch.count != r->count) return false;
		for (unsigned i = 0; i < r->count; i++)
			take_result(&c->t, &reply->of.batch.results[i], &reply->source, &r->answers[i]);
		compare_batch(c, r);
		break;
	case ASK_GET:
		keep_line(c, s, r, reply, now);
		if (!take_profile(&c->t, reply, r->profile)) status = TG_MEMORY;
		break;
	case ASK_LOOK:
	case ASK_LINE:
		keep_line(c, s, r, reply, now);
		if (r->kind == ASK_LINE || take_look(c, r, reply)) break;
		tgc_ask_plainly(c, r, now);
		return true;
	case ASK_CATALOG:
		status = take_catalog(c, r, reply, now);
		break;
	case ASK_SINCE:
		tgc_follow_changes(c, r, reply);
		break;
	case ASK_PAGE:
		tgc_follow_page(c, r, reply, now);
		break;
	case ASK_PING:
		if (!c->settings.feed.count) tgc_catalog_named(c, reply->source.cat, (unsigned)r->only);
		break;
	case ASK_RAW:
		r->take(r->take_ctx, reply);
		break;
	case REQUEST_KINDS:
		break;
	}
	tgc_finish(c, r, status, TG_NO_ERROR, status == TG_MEMORY ? "no memory" : "");
	return true;
}

static void refuse(struct tg_client *c, struct server *s, struct request *r, const struct tg01_reply *reply,
		   int64_t now) {
	char why[TG_WHY_SIZE];
	(void)snprintf(why, sizeof why, "%.*s: %.*s", VIEW_FMT(reply->code_name),
		       (int)(reply->text.len < 100 ? reply->text.len : 100), reply->text.ptr);
	if (reply->code == TG01_OVERLOADED)
		tgc_try_later(c, r, s, why, now);
	else if (reply->retry)
		tgc_try_next(c, r, s, TG_NOT_READY, why, now);
	else
		tgc_finish(c, r, TG_REFUSED, TG_WRONG_QUESTION, why);
}

/* An answer of a store that has not come as far as we knew when we asked: a copy of it, or one that was set back. */
static bool is_behind(const struct request *r, const struct tg01_source *source) {
	const bool answers = r->kind == ASK_CHECK || r->kind == ASK_BATCH || r->kind == ASK_GET ||
			     r->kind == ASK_LOOK || r->kind == ASK_LINE;
	return answers && source->epoch == r->known_epoch && source->ver < r->known_ver;
}

/* NULL, or what is wrong with it. */
static const char *read_reply(struct tg_client *c, struct server *s, struct view message, int64_t now) {
	uint64_t number;
	struct tg01_reply reply;
	if (!tg01_reply_number(message, &number)) return "a reply that is none of TG01's";
	tgc_server_heard(s, now);
	tgc_answered(c);
	struct request *r = tgc_find(&c->t, number);
	if (!r) return NULL; /* late: it was given up, or another server was faster */
	const enum tg01_op op = r->kind == ASK_RAW ? r->raw->op : ops[r->kind];
	if (tg01_reply_read(c->t.decoder, op, message, &reply, NULL) != OK)
		return "a reply that is no answer to the question";
	if (!reply.failed) tgc_server_answered(s);
	if (!reply.failed && is_behind(r, &reply.source))
		tgc_try_next(c, r, s, TG_NOT_READY, "the server is behind what the feed has told", now);
	else if (reply.failed && r->kind != ASK_RAW)
		refuse(c, s, r, &reply, now);
	else if (!take(c, s, r, &reply, now))
		return "a reply to another question";
	return NULL;
}

/* Takes the frames of one message; false when none waits. Two are right; of more, none is looked at. */
static bool receive(struct server *s, zmq_msg_t parts[2], unsigned *ret_count) {
	unsigned n = 0;
	for (bool more = true; more;) {
		zmq_msg_t spare, *m = n < 2 ? &parts[n] : &spare;
		(void)zmq_msg_init(m);
		if (zmq_msg_recv(m, s->socket, ZMQ_DONTWAIT) < 0) {
			(void)zmq_msg_close(m);
			while (n > 0) (void)zmq_msg_close(&parts[--n < 2 ? n : 1]);
			return false;
		}
		more = zmq_msg_more(m);
		if (m == &spare) (void)zmq_msg_close(m);
		if (n < 3) n++;
	}
	*ret_count = n;
	return true;
}

static struct view bytes(zmq_msg_t *m) { return view_of(zmq_msg_data(m), zmq_msg_size(m)); }

bool tgc_receive(struct tg_client *c, struct server *s, int64_t now) {
	zmq_msg_t parts[2];
	unsigned n, i = 0;
	for (; i < REPLIES_AT_ONCE && receive(s, parts, &n); i++) {
		const char *wrong = "what answers there does not speak " TG01_VERSION;
		if (n == 2 && view_eq(bytes(&parts[0]), VIEW(TG01_VERSION)))
			wrong = read_reply(c, s, bytes(&parts[1]), now);
		for (unsigned k = 0; k < n && k < 2; k++) (void)zmq_msg_close(&parts[k]);
		if (!wrong) continue;
		tgc_server_garbage(c, s, wrong);
		return true;
	}
	return i > 0;
}
