/* A feed and a store of the test's own, which lose, delay and lie as they are told. */
#ifndef TESTS_CLIENT_HUB_H
#define TESTS_CLIENT_HUB_H

#include "support/served.h"
#include "tiergate.h"

#define EPOCH 7
#define CHANGES_MAX 64

/* What the service knows: its answers are those of the changes so far. */
struct hub {
	pthread_mutex_t lock;
	void *context, *router, *pub;
	char query[ENDPOINT_MAX], feed[ENDPOINT_MAX];
	pthread_t thread;
	struct tg01_decoder *decoder;
	struct {
		char sub[32];
		bool pro;
	} changes[CHANGES_MAX]; /* version i + 1 */
	unsigned count;
	uint64_t epoch, cat;
	bool mute;             /* takes everything and answers nothing */
	bool no_since;         /* answers all but since */
	bool no_catalog;       /* the same of catalog */
	unsigned since_max;    /* changes in one reply; 0: as many as there are */
	_Atomic bool hold_get; /* the next get's answer is kept back */
	bool release;          /* and goes when the next request was answered */
	struct served held_for;
	uint8_t held[2048];
	size_t held_len; /* 0: none is */
	_Atomic unsigned gets, sinces, pages;
};

static const struct view feats[] = {VIEW_INIT("basic"), VIEW_INIT("trading")};
static const struct catalog_tier tiers[] = {{VIEW_INIT("free"), {1}}, {VIEW_INIT("pro"), {3}}};

static inline bool is_pro(const struct hub *h, struct view sub) {
	bool pro = false;
	for (unsigned i = 0; i < h->count; i++)
		if (view_eq(sub, view_str(h->changes[i].sub))) pro = h->changes[i].pro;
	return pro;
}

static const struct tg01_grant pro_grant = {VIEW_INIT("pro"), 0};

static inline struct tg01_step step_of(bool pro) {
	return (struct tg01_step){.from = 1000,
				  .tier = pro ? VIEW("pro") : VIEW("free"),
				  .status = pro ? VIEW("active") : VIEW("none"),
				  .reason = pro ? VIEW("active") : VIEW("unknown_subject"),
				  .grants = pro ? &pro_grant : NULL,
				  .grant_count = pro};
}

static inline struct tg01_change change_of(const struct hub *h, unsigned i, const struct tg01_step *step) {
	return (struct tg01_change){.ver = i + 1,
				    .at_ms = 1,
				    .sub = view_str(h->changes[i].sub),
				    .after = step->tier,
				    .reason = step->reason,
				    .status = step->status,
				    .line = {.steps = step, .count = 1}};
}

static inline void write_since(const struct hub *h, const struct tg01_request *r, struct tg01_source source,
			       struct writer *w) {
	struct tg01_since s;
	const bool reset = r->epoch != h->epoch;
	unsigned most = h->since_max ? h->since_max : CHANGES_MAX, i = (unsigned)r->ver;
	tg01_since_begin(w, &r->id, &s);
	for (; !reset && i < h->count && s.count < most; i++) {
		const struct tg01_step step = step_of(is_pro(h, view_str(h->changes[i].sub)));
		const struct tg01_change c = change_of(h, i, &step);
		if (!tg01_since_change(w, &s, &c)) break;
	}
	if (!reset) source.ver = i;
	tg01_since_end(w, &s, &source, !reset && i < h->count, reset);
}

static inline void write_page(const struct hub *h, const struct tg01_request *r, const struct tg01_source *source,
			      struct writer *w) {
	struct tg01_page p;
	tg01_page_begin(w, &r->id, &p);
	for (unsigned i = 0; i < h->count; i++) {
		const struct tg01_step step = step_of(is_pro(h, view_str(h->changes[i].sub)));
		const struct tg01_subject s = {
			.sub = view_str(h->changes[i].sub), .ver = h->count, .line = {.steps = &step, .count = 1}};
		assert_true(tg01_page_subject(w, &p, &s));
	}
	tg01_page_end(w, &p, source, false);
}

static inline void write_reply(struct hub *h, const struct tg01_request *r, struct writer *w) {
	const struct tg01_source source = {.epoch = h->epoch, .ver = h->count, .as_of = 1000, .cat = h->cat};
	const struct tg01_pong pong = {.ready = true, .proto = VIEW("TG01"), .build = VIEW("fake")};
	const struct tg01_catalog catalog = {.feats = feats, .feat_count = 2, .tiers = tiers, .tier_count = 2};
	const bool pro = is_pro(h, r->ask.sub);
	const struct tg01_step step = step_of(pro);
	const struct tg01_profile profile = {.tier = step.tier,
					     .status = step.status,
					     .reason = step.reason,
					     .feats = feats,
					     .feat_count = pro ? 2 : 1,
					     .line = {.steps = &step, .count = 1}};
	const struct tg01_answer answer = {
		.allowed = pro, .tier = step.tier, .status = step.status, .reason = step.reason};
	if (r->op == TG01_PING) tg01_pong_write(w, &r->id, &source, &pong);
	if (r->op == TG01_CATALOG) tg01_catalog_write(w, &r->id, &source, &catalog);
	if (r->op == TG01_GET) tg01_profile_write(w, &r->id, &source, &profile);
	if (r->op == TG01_CHECK) tg01_answer_write(w, &r->id, &source, &answer);
	if (r->op == TG01_SINCE) write_since(h, r, source, w);
	if (r->op == TG01_PAGE) write_page(h, r, &source, w);
	h->gets += r->op == TG01_GET;
	h->sinces += r->op == TG01_SINCE;
	h->pages += r->op == TG01_PAGE;
}

static inline void respond(struct hub *h, const struct served *s) {
	static _Thread_local uint8_t bytes[TG01_MESSAGE_MAX];
	struct tg01_request r;
	struct tg01_failure why;
	struct writer w = writer_of(bytes, sizeof bytes);
	if (!tg01_request_read(h->decoder, s->message, &r, &why) || h->mute) return;
	if ((h->no_since && r.op == TG01_SINCE) || (h->no_catalog && r.op == TG01_CATALOG)) return;
	write_reply(h, &r, &w);
	const size_t n = writer_view(&w).len;
	if (!h->hold_get || r.op != TG01_GET) {
		served_give(h->router, s, bytes, n, false);
		return;
	}
	assert_true(n <= sizeof h->held);
	h->held_for = *s;
	memcpy(h->held, bytes, n);
	h->held_len = n;
	h->hold_get = false;
}

static inline void *hub_run(void *ctx) {
	struct hub *h = ctx;
	struct served s;
	while (served_take(h->router, &s)) {
		(void)pthread_mutex_lock(&h->lock);
		respond(h, &s);
		if (h->held_len && h->release) {
			served_give(h->router, &h->held_for, h->held, h->held_len, false);
			h->held_len = 0;
			h->release = false;
		}
		(void)pthread_mutex_unlock(&h->lock);
	}
	return NULL;
}

static inline void hub_start(struct hub *h) {
	memset(h, 0, sizeof *h);
	(void)pthread_mutex_init(&h->lock, NULL);
	h->epoch = EPOCH;
	h->cat = 99;
	h->decoder = tg01_decoder_create();
	served_open(&h->context, &h->router, NULL, h->query);
	assert_int_equal(zsocket_create(h->context, ZMQ_PUB, NULL, &h->pub, NULL), OK);
	assert_int_equal(zsocket_bind(h->pub, "tcp://127.0.0.1:0", h->feed, NULL), OK);
	assert_int_equal(pthread_create(&h->thread, NULL, hub_run, h), 0);
}

static inline void hub_stop(struct hub *h) {
	zcontext_shutdown(h->context);
	(void)pthread_join(h->thread, NULL);
	zsocket_close(&h->router);
	zsocket_close(&h->pub);
	zcontext_destroy(&h->context);
	tg01_decoder_destroy(&h->decoder);
	(void)pthread_mutex_destroy(&h->lock);
}

static inline void beat_late(struct hub *h, int64_t late_ms) {
	uint8_t bytes[256];
	struct writer w = writer_of(bytes, sizeof bytes);
	struct timespec now;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	(void)pthread_mutex_lock(&h->lock);
	const struct tg01_heartbeat b = {.source = {.epoch = h->epoch, .ver = h->count, .as_of = 1000, .cat = h->cat},
					 .now_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 - late_ms};
	(void)pthread_mutex_unlock(&h->lock);
	tg01_feed_heartbeat_write(&w, &b);
	(void)zmq_send(h->pub, "", 1, ZMQ_SNDMORE);
	(void)zmq_send(h->pub, bytes, writer_view(&w).len, 0);
}

static inline void beat(struct hub *h) { beat_late(h, 0); }

static inline void happen(struct hub *h, const char *sub, bool pro, bool told) {
	uint8_t bytes[1024];
	struct writer w = writer_of(bytes, sizeof bytes);
	(void)pthread_mutex_lock(&h->lock);
	const unsigned i = h->count++;
	(void)snprintf(h->changes[i].sub, sizeof h->changes[i].sub, "%s", sub);
	h->changes[i].pro = pro;
	const struct tg01_step step = step_of(pro);
	const struct tg01_change c = change_of(h, i, &step);
	tg01_feed_change_write(&w, h->epoch, &c);
	(void)pthread_mutex_unlock(&h->lock);
	if (!told) return;
	(void)zmq_send(h->pub, sub, strlen(sub), ZMQ_SNDMORE);
	(void)zmq_send(h->pub, bytes, writer_view(&w).len, 0);
}

#define SET(h, member, value)                                                                                          \
	do {                                                                                                           \
		(void)pthread_mutex_lock(&(h)->lock);                                                                  \
		(h)->member = (value);                                                                                 \
		(void)pthread_mutex_unlock(&(h)->lock);                                                                \
	} while (0)

/* A client that hears it. Unless told otherwise it believes what it has for as long as a test may stand still: only
 * beats of the test's own say that it is true. */
static inline struct tg_client *follow(struct hub *h, struct tg_options o) {
	struct tg_client *c = NULL;
	char why[TG_WHY_SIZE];
	o.query = h->query;
	o.feed = h->feed;
	o.max_age_ms = o.max_age_ms ? o.max_age_ms : PATIENCE_MS;
	if (tg_client_open(&o, &c, why)) fail_msg("%s", why);
	const int64_t deadline = test_ms() + PATIENCE_MS;
	do {
		beat(h); /* a subscription takes a moment to arrive */
		assert_true(test_ms() < deadline);
	} while (!tg_client_wait(c, 20));
	return c;
}

/* What it says now, if only that nobody answered in time. */
static inline struct tg_answer ask(struct tg_client *c, const char *sub) {
	struct tg_answer a;
	(void)tg_check(c, sub, NULL, "trading", &a);
	return a;
}

/* What a server or the cache says: on a busy machine the first to be asked may be late. */
static inline struct tg_answer answered(struct tg_client *c, const char *sub) {
	const int64_t deadline = test_ms() + PATIENCE_MS;
	struct tg_answer a = ask(c, sub);
	while (a.source != TG_FROM_SERVER && a.source != TG_FROM_CACHE) {
		if (test_ms() > deadline) fail_msg("nobody answers for %s: %s", sub, a.why);
		a = ask(c, sub);
	}
	return a;
}

#define UNTIL(h, condition)                                                                                            \
	for (int64_t deadline_ = test_ms() + PATIENCE_MS; !(condition); beat(h))                                       \
		if (test_ms() > deadline_) fail_msg("never: %s", #condition)

/* A hub that knows alice as one who pays, and a client that answers for her from its cache. */
static inline struct tg_client *keep_alice(struct hub *h, struct tg_options o) {
	hub_start(h);
	happen(h, "alice", true, true);
	struct tg_client *c = follow(h, o);
	UNTIL(h, ask(c, "alice").source == TG_FROM_CACHE);
	return c;
}

static inline void leave(struct hub *h, struct tg_client **c) {
	tg_client_close(c);
	hub_stop(h);
}

#endif
