/* A query service of the test's own: answers as it is told, or misbehaves. A thread with a ROUTER. */
#ifndef TESTS_CLIENT_FAKE_H
#define TESTS_CLIENT_FAKE_H

#include "net/zsocket.h"
#include "proto/tg01.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>
#include <zmq.h>

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
	struct {
		char id[64], message[1024];
		int id_len, len;
	} kept;
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

static inline void fake_respond(struct fake *f, const void *id, size_t id_len, struct view message) {
	static _Thread_local uint8_t bytes[TG01_MESSAGE_MAX];
	struct tg01_request r;
	struct tg01_failure why;
	struct writer w = writer_of(bytes, sizeof bytes);
	if (!tg01_request_read(f->decoder, message, &r, &why)) return;
	if (r.op != TG01_PING) f->requests++;
	if (f->behaviour == SILENT && r.op != TG01_PING) return;
	fake_write(f, &r, &w);
	const bool garbage = f->behaviour == GARBAGE && r.op != TG01_PING, extra = f->behaviour == EXTRA_FRAME;
	(void)zmq_send(f->socket, id, id_len, ZMQ_SNDMORE);
	(void)zmq_send(f->socket, "TG01", 4, ZMQ_SNDMORE);
	(void)zmq_send(f->socket, garbage ? (const void *)"\xc1" : bytes, garbage ? 1 : writer_view(&w).len,
		       extra ? ZMQ_SNDMORE : 0);
	if (extra) (void)zmq_send(f->socket, "", 0, 0);
}

static inline void *fake_run(void *ctx) {
	struct fake *f = ctx;
	static _Thread_local char frames[4][TG01_MESSAGE_MAX];
	for (;;) {
		int sizes[4] = {0}, n = 0, more = 1;
		size_t size = sizeof more;
		while (more && n < 4) {
			sizes[n] = zmq_recv(f->socket, frames[n], sizeof frames[n], 0);
			if (sizes[n] < 0) return NULL; /* the context ends */
			n++;
			(void)zmq_getsockopt(f->socket, ZMQ_RCVMORE, &more, &size);
		}
		if (n != 3) continue;
		const bool ping = memmem(frames[2], (size_t)sizes[2], "ping", 4);
		if (f->behaviour == LATE && !ping && f->kept.len == 0 && sizes[2] <= (int)sizeof f->kept.message) {
			memcpy(f->kept.id, frames[0], (size_t)sizes[0]);
			memcpy(f->kept.message, frames[2], (size_t)sizes[2]);
			f->kept.id_len = sizes[0];
			f->kept.len = sizes[2];
			f->requests++;
			continue;
		}
		if (f->kept.len > 0)
			fake_respond(f, f->kept.id, (size_t)f->kept.id_len,
				     view_of(f->kept.message, (size_t)f->kept.len));
		f->kept.len = f->kept.len > 0 ? -1 : f->kept.len;
		fake_respond(f, frames[0], (size_t)sizes[0], view_of(frames[2], (size_t)sizes[2]));
	}
}

/* endpoint NULL: a free port; else the one that it had. */
static inline void fake_start(struct fake *f, enum behaviour b, const char *mark, const char *endpoint) {
	const struct zsocket_limits limits = {.receive_timeout_ms = 60000};
	char at[ENDPOINT_MAX];
	(void)snprintf(at, sizeof at, "%s", endpoint ? endpoint : "tcp://127.0.0.1:0");
	memset(f, 0, sizeof *f);
	f->behaviour = b;
	f->mark = mark;
	f->decoder = tg01_decoder_create();
	assert_non_null(f->decoder);
	assert_int_equal(zcontext_create(&f->context, NULL), OK);
	assert_int_equal(zsocket_create(f->context, ZMQ_ROUTER, &limits, &f->socket, NULL), OK);
	assert_int_equal(zsocket_bind(f->socket, at, f->endpoint, NULL), OK);
	assert_int_equal(pthread_create(&f->thread, NULL, fake_run, f), 0);
}

static inline void fake_stop(struct fake *f) {
	zcontext_shutdown(f->context);
	(void)pthread_join(f->thread, NULL);
	zsocket_close(&f->socket);
	zcontext_destroy(&f->context);
	tg01_decoder_destroy(&f->decoder);
}

static inline int64_t test_ms(void) {
	struct timespec t = {0};
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

#endif
