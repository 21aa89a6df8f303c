/* A query service of the test's own: answers as it is told, or misbehaves. A thread with a ROUTER. */
#ifndef TESTS_CLIENT_FAKE_H
#define TESTS_CLIENT_FAKE_H

#include "support/served.h"
#include "tiergate.h"

enum behaviour {
	ANSWER,      /* whoever is called pro…: allowed; else denied */
	SILENT,      /* takes and never answers */
	NOT_READY,   /* not_ready, which is worth a retry */
	UNKNOWN,     /* unknown_feature, which is not */
	GARBAGE,     /* bytes that are no msgpack */
	WRONG_KIND,  /* a reply to a ping */
	EXTRA_FRAME, /* one more than there may be */
	LATE,        /* keeps the first, answers it before the second */
	SHORT_BATCH, /* fewer results than checks */
};

struct fake {
	void *context, *socket;
	char endpoint[ENDPOINT_MAX];
	pthread_t thread;
	const char *mark; /* the tier that it says: which of several servers answered */
	_Atomic int behaviour;
	_Atomic unsigned requests; /* but pings */
	struct tg01_decoder *decoder;
	struct served kept;
	char kept_message[1024];
	enum { NOTHING_KEPT, KEPT, WAS_KEPT } keeps;
};

static inline struct tg01_answer fake_answer(const struct fake *f, const struct tg01_question *q) {
	const bool pro = view_starts(q->sub, VIEW("pro"));
	return (struct tg01_answer){.allowed = pro,
				    .reason = pro ? VIEW("active") : VIEW("unknown_subject"),
				    .tier = view_str(f->mark),
				    .status = pro ? VIEW("active") : VIEW("none"),
				    .need = pro ? VIEW_NONE : VIEW("pro"),
				    .until = 77};
}

static inline void fake_batch(const struct fake *f, const struct tg01_request *r, const struct tg01_source *source,
			      struct writer *w) {
	const unsigned n = r->check_count - (f->behaviour == SHORT_BATCH);
	tg01_batch_begin(w, &r->id, source, n);
	for (unsigned i = 0; i < n; i++) {
		const struct tg01_answer a = fake_answer(f, &r->checks[i]);
		if (view_eq(r->checks[i].feat, VIEW("typo")))
			tg01_batch_error(w, TG01_UNKNOWN_FEATURE, VIEW("no such feature"));
		else if (view_eq(r->checks[i].feat, VIEW("behind")))
			tg01_batch_error(w, TG01_BEHIND, VIEW("wait"));
		else
			tg01_batch_answer(w, &a);
	}
}

static inline void fake_write(const struct fake *f, const struct tg01_request *r, struct writer *w) {
	static const struct view feats[] = {VIEW_INIT("charts"), VIEW_INIT("trading")};
	const struct tg01_source source = {.epoch = 7, .ver = 9, .as_of = 1000};
	const struct tg01_pong pong = {.ready = true, .proto = VIEW("TG01"), .build = VIEW("fake")};
	const struct tg01_answer a = fake_answer(f, &r->ask);
	const struct tg01_profile p = {.tier = a.tier,
				       .status = a.status,
				       .reason = a.reason,
				       .feats = feats,
				       .feat_count = 2,
				       .seats = 3,
				       .until = 77,
				       .next_billing = 78};
	if (r->op == TG01_PING || f->behaviour == WRONG_KIND)
		tg01_pong_write(w, &r->id, &source, &pong);
	else if (f->behaviour == NOT_READY)
		tg01_error_write(w, &r->id, TG01_NOT_READY, VIEW("wait"));
	else if (f->behaviour == UNKNOWN)
		tg01_error_write(w, &r->id, TG01_UNKNOWN_FEATURE, VIEW("no such feature"));
	else if (r->op == TG01_GET)
		tg01_profile_write(w, &r->id, &source, &p);
	else if (r->op == TG01_BATCH)
		fake_batch(f, r, &source, w);
	else
		tg01_answer_write(w, &r->id, &source, &a);
}

static inline void fake_respond(struct fake *f, const struct served *s) {
	static _Thread_local uint8_t bytes[TG01_MESSAGE_MAX];
	struct tg01_request r;
	struct tg01_failure why;
	struct writer w = writer_of(bytes, sizeof bytes);
	if (!tg01_request_read(f->decoder, s->message, &r, &why)) return;
	if (r.op != TG01_PING) f->requests++;
	if (f->behaviour == SILENT && r.op != TG01_PING) return;
	fake_write(f, &r, &w);
	const bool garbage = f->behaviour == GARBAGE && r.op != TG01_PING, extra = f->behaviour == EXTRA_FRAME;
	served_give(f->socket, s, garbage ? (const void *)"\xc1" : bytes, garbage ? 1 : writer_view(&w).len, extra);
	if (extra) (void)zmq_send(f->socket, "", 0, 0);
}

/* LATE: is it kept until the next one comes? */
static inline bool fake_keeps(struct fake *f, const struct served *s) {
	const bool ping = memmem(s->message.ptr, s->message.len, "ping", 4);
	if (f->behaviour != LATE || ping || f->keeps != NOTHING_KEPT || s->message.len > sizeof f->kept_message)
		return false;
	memcpy(f->kept_message, s->message.ptr, s->message.len);
	f->kept = *s;
	f->kept.message = view_of(f->kept_message, s->message.len);
	f->keeps = KEPT;
	f->requests++;
	return true;
}

static inline void *fake_run(void *ctx) {
	struct fake *f = ctx;
	struct served s;
	while (served_take(f->socket, &s)) {
		if (fake_keeps(f, &s)) continue;
		if (f->keeps == KEPT) fake_respond(f, &f->kept);
		if (f->keeps == KEPT) f->keeps = WAS_KEPT;
		fake_respond(f, &s);
	}
	return NULL;
}

/* endpoint NULL: a free port; else the one that it had. */
static inline void fake_start(struct fake *f, enum behaviour b, const char *mark, const char *endpoint) {
	char at[ENDPOINT_MAX];
	(void)snprintf(at, sizeof at, "%s", endpoint ? endpoint : "");
	memset(f, 0, sizeof *f);
	f->behaviour = b;
	f->mark = mark;
	f->decoder = tg01_decoder_create();
	assert_non_null(f->decoder);
	served_open(&f->context, &f->socket, at[0] ? at : NULL, f->endpoint);
	assert_int_equal(pthread_create(&f->thread, NULL, fake_run, f), 0);
}

static inline void fake_stop(struct fake *f) {
	zcontext_shutdown(f->context);
	(void)pthread_join(f->thread, NULL);
	zsocket_close(&f->socket);
	zcontext_destroy(&f->context);
	tg01_decoder_destroy(&f->decoder);
}

static inline struct tg_client *opened(const struct tg_options *o) {
	char why[TG_WHY_SIZE] = "";
	struct tg_client *c = NULL;
	const int e = tg_client_open(o, &c, why);
	if (e) fail_msg("open: %d %s", e, why);
	return c;
}

static inline struct tg_client *client_of(const struct fake *f, int timeout_ms) {
	const struct tg_options o = {.query = f->endpoint, .timeout_ms = timeout_ms};
	struct tg_client *c = opened(&o);
	assert_true(tg_client_wait(c, PATIENCE_MS));
	return c;
}

#endif
