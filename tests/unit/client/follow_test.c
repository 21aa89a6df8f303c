/* The cache against a feed and a store of the test's own, which lose, delay and lie. */
#include "fake.h"

#include "tiergate.h"

#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_MS 10000
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
	unsigned since_max;    /* changes in one reply; 0: as many as there are */
	_Atomic bool hold_get; /* the next get's answer is kept back until release */
	char held_id[64];
	int held_id_len;
	uint8_t held[2048];
	size_t held_len;
	_Atomic unsigned gets, sinces, pages;
};

static const struct view feats[] = {VIEW_INIT("basic"), VIEW_INIT("trading")};
static const struct catalog_tier tiers[] = {{VIEW_INIT("free"), {1}}, {VIEW_INIT("pro"), {3}}};

static bool is_pro(const struct hub *h, struct view sub) {
	bool pro = false;
	for (unsigned i = 0; i < h->count; i++)
		if (view_eq(sub, view_str(h->changes[i].sub))) pro = h->changes[i].pro;
	return pro;
}

static const struct tg01_grant pro_grant = {VIEW_INIT("pro"), 0};

static struct tg01_step step_of(bool pro) {
	return (struct tg01_step){.from = 1000,
				  .tier = pro ? VIEW("pro") : VIEW("free"),
				  .status = pro ? VIEW("active") : VIEW("none"),
				  .reason = pro ? VIEW("active") : VIEW("unknown_subject"),
				  .grants = pro ? &pro_grant : NULL,
				  .grant_count = pro};
}

static struct tg01_change change_of(const struct hub *h, unsigned i, const struct tg01_step *step) {
	return (struct tg01_change){.ver = i + 1,
				    .at_ms = 1,
				    .sub = view_str(h->changes[i].sub),
				    .after = step->tier,
				    .reason = step->reason,
				    .status = step->status,
				    .line = {.steps = step, .count = 1}};
}

static void write_since(const struct hub *h, const struct tg01_request *r, struct tg01_source source,
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

static void write_page(const struct hub *h, const struct tg01_request *r, const struct tg01_source *source,
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

static void write_reply(struct hub *h, const struct tg01_request *r, struct writer *w) {
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

static void respond(struct hub *h, const char *id, int id_len, struct view message) {
	static _Thread_local uint8_t bytes[TG01_MESSAGE_MAX];
	struct tg01_request r;
	struct tg01_failure why;
	struct writer w = writer_of(bytes, sizeof bytes);
	if (!tg01_request_read(h->decoder, message, &r, &why) || h->mute || (h->no_since && r.op == TG01_SINCE)) return;
	write_reply(h, &r, &w);
	if (h->hold_get && r.op == TG01_GET) {
		h->hold_get = false;
		memcpy(h->held_id, id, (size_t)id_len);
		h->held_id_len = id_len;
		h->held_len = writer_view(&w).len;
		memcpy(h->held, bytes, h->held_len);
		return;
	}
	(void)zmq_send(h->router, id, (size_t)id_len, ZMQ_SNDMORE);
	(void)zmq_send(h->router, "TG01", 4, ZMQ_SNDMORE);
	(void)zmq_send(h->router, bytes, writer_view(&w).len, 0);
}

/* What was held back goes when hold_get was set, taken, and its id emptied by release(). */
static void send_held(struct hub *h) {
	(void)zmq_send(h->router, h->held_id, (size_t)h->held_id_len, ZMQ_SNDMORE);
	(void)zmq_send(h->router, "TG01", 4, ZMQ_SNDMORE);
	(void)zmq_send(h->router, h->held, h->held_len, 0);
	h->held_len = 0;
}

static void *hub_run(void *ctx) {
	struct hub *h = ctx;
	static _Thread_local char frames[4][TG01_MESSAGE_MAX];
	for (;;) {
		int sizes[4] = {0}, n = 0, more = 1;
		size_t size = sizeof more;
		while (more && n < 4) {
			sizes[n] = zmq_recv(h->router, frames[n], sizeof frames[n], 0);
			if (sizes[n] < 0) return NULL;
			n++;
			(void)zmq_getsockopt(h->router, ZMQ_RCVMORE, &more, &size);
		}
		if (n != 3) continue;
		(void)pthread_mutex_lock(&h->lock);
		respond(h, frames[0], sizes[0], view_of(frames[2], (size_t)sizes[2]));
		if (h->held_len && !h->hold_get && h->held_id[63] == 1) {
			h->held_id[63] = 0;
			send_held(h);
		}
		(void)pthread_mutex_unlock(&h->lock);
	}
}

static void hub_start(struct hub *h) {
	const struct zsocket_limits limits = {.receive_timeout_ms = 60000};
	memset(h, 0, sizeof *h);
	(void)pthread_mutex_init(&h->lock, NULL);
	h->epoch = EPOCH;
	h->cat = 99;
	h->decoder = tg01_decoder_create();
	assert_int_equal(zcontext_create(&h->context, NULL), OK);
	assert_int_equal(zsocket_create(h->context, ZMQ_ROUTER, &limits, &h->router, NULL), OK);
	assert_int_equal(zsocket_bind(h->router, "tcp://127.0.0.1:0", h->query, NULL), OK);
	assert_int_equal(zsocket_create(h->context, ZMQ_PUB, NULL, &h->pub, NULL), OK);
	assert_int_equal(zsocket_bind(h->pub, "tcp://127.0.0.1:0", h->feed, NULL), OK);
	assert_int_equal(pthread_create(&h->thread, NULL, hub_run, h), 0);
}

static void hub_stop(struct hub *h) {
	zcontext_shutdown(h->context);
	(void)pthread_join(h->thread, NULL);
	zsocket_close(&h->router);
	zsocket_close(&h->pub);
	zcontext_destroy(&h->context);
	tg01_decoder_destroy(&h->decoder);
	(void)pthread_mutex_destroy(&h->lock);
}

static void beat_late(struct hub *h, int64_t late_ms) {
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

static void beat(struct hub *h) { beat_late(h, 0); }

static void happen(struct hub *h, const char *sub, bool pro, bool told) {
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

static struct tg_client *follow(struct hub *h, struct tg_options o) {
	struct tg_client *c = NULL;
	char why[TG_WHY_SIZE];
	o.query = h->query;
	o.feed = h->feed;
	if (tg_client_open(&o, &c, why)) fail_msg("%s", why);
	const int64_t deadline = test_ms() + PATIENCE_MS;
	do {
		beat(h); /* a subscription takes a moment to arrive */
		assert_true(test_ms() < deadline);
	} while (!tg_client_wait(c, 20));
	return c;
}

static struct tg_answer ask(struct tg_client *c, const char *sub) {
	struct tg_answer a;
	(void)tg_check(c, sub, NULL, "trading", &a);
	return a;
}

#define UNTIL(h, condition)                                                                                            \
	for (int64_t deadline_ = test_ms() + PATIENCE_MS; !(condition); beat(h))                                       \
		if (test_ms() > deadline_) fail_msg("never: %s", #condition)

static void a_change_that_was_lost_is_never_answered_over(void **state) {
	(void)state;
	struct hub h;
	struct tg_counts n;
	hub_start(&h);
	happen(&h, "alice", true, true);
	struct tg_client *c = follow(&h, (struct tg_options){.timeout_ms = 200});
	assert_true(ask(c, "alice").allowed);
	UNTIL(&h, ask(c, "alice").source == TG_FROM_CACHE);
	/* alice is told to nobody; since is not answered: the cache may say nothing once bob's change has shown the gap
	 */
	SET(&h, no_since, true);
	happen(&h, "alice", false, false);
	happen(&h, "bob", true, true);
	const int64_t deadline = test_ms() + PATIENCE_MS;
	do {
		tg_counts(c, &n);
		assert_true(test_ms() < deadline);
	} while (n.gaps == 0);
	struct tg_answer a = ask(c, "alice");
	assert_false(a.allowed);
	assert_int_equal(a.source, TG_FROM_SERVER);
	assert_int_equal(ask(c, "bob").source, TG_FROM_SERVER);
	SET(&h, no_since, false);
	UNTIL(&h, ask(c, "alice").source == TG_FROM_CACHE);
	assert_false(ask(c, "alice").allowed);
	tg_client_close(&c);
	hub_stop(&h);
}

static void a_heartbeat_above_ours_is_a_gap_too(void **state) {
	(void)state;
	struct hub h;
	hub_start(&h);
	happen(&h, "alice", true, true);
	struct tg_client *c = follow(&h, (struct tg_options){.timeout_ms = 500});
	UNTIL(&h, ask(c, "alice").source == TG_FROM_CACHE);
	SET(&h, since_max, 2);
	for (int i = 0; i < 9; i++) happen(&h, i == 4 ? "alice" : "others", i == 8, false);
	beat(&h);
	UNTIL(&h, !ask(c, "alice").allowed);
	UNTIL(&h, ask(c, "alice").source == TG_FROM_CACHE);
	assert_false(ask(c, "alice").allowed);
	assert_int_equal(ask(c, "alice").ver, 10);
	tg_client_close(&c);
	hub_stop(&h);
}

static void silence_ends_what_the_cache_says(void **state) {
	(void)state;
	struct hub h;
	const struct tg_policy policies[] = {{"basic", TG_ALLOW, 0}, {"trading", TG_LAST_KNOWN, 60000}};
	hub_start(&h);
	happen(&h, "alice", true, true);
	struct tg_client *c = follow(
		&h, (struct tg_options){.timeout_ms = 100, .max_age_ms = 300, .policies = policies, .policy_count = 2});
	UNTIL(&h, ask(c, "alice").source == TG_FROM_CACHE);
	SET(&h, mute, true);
	const int64_t from = test_ms();
	struct tg_answer a = ask(c, "alice");
	while (a.source == TG_FROM_CACHE) {
		assert_true(a.age_ms <= 300 && test_ms() - from < PATIENCE_MS);
		a = ask(c, "alice");
	}
	/* last known: allowed, and said to be old; what was never asked about is not known */
	assert_true(a.allowed && a.stale);
	assert_int_equal(a.source, TG_FROM_LAST_KNOWN);
	assert_int_equal(a.error, TG_TIMED_OUT);
	assert_true(a.age_ms > 300);
	a = ask(c, "stranger");
	assert_false(a.allowed);
	assert_int_equal(a.source, TG_FROM_POLICY);
	struct tg_counts n;
	tg_counts(c, &n);
	assert_false(n.live);
	assert_true(n.fallbacks >= 2 && n.feed_age_ms > 300);
	SET(&h, mute, false);
	UNTIL(&h, ask(c, "alice").source == TG_FROM_CACHE);
	tg_client_close(&c);
	hub_stop(&h);
}

static void another_store_and_another_catalog_begin_anew(void **state) {
	(void)state;
	struct hub h;
	struct tg_counts n;
	hub_start(&h);
	for (int i = 0; i < 5; i++) happen(&h, "alice", true, true);
	struct tg_client *c = follow(&h, (struct tg_options){.preload = true, .timeout_ms = 500});
	assert_int_equal(ask(c, "alice").source, TG_FROM_CACHE);
	assert_int_equal(h.gets, 0);
	/* made anew: its versions begin again, and alice is not in it */
	(void)pthread_mutex_lock(&h.lock);
	h.epoch++;
	h.count = 0;
	(void)pthread_mutex_unlock(&h.lock);
	happen(&h, "bob", true, true);
	UNTIL(&h, (tg_counts(c, &n), n.restarts == 1 && n.live));
	assert_false(ask(c, "alice").allowed);
	assert_true(ask(c, "bob").allowed);
	assert_int_equal(ask(c, "bob").epoch, EPOCH + 1);
	assert_int_equal(ask(c, "bob").source, TG_FROM_CACHE);
	SET(&h, cat, 100);
	const unsigned pages = h.pages;
	UNTIL(&h, h.pages > pages && (tg_counts(c, &n), n.live));
	assert_true(ask(c, "bob").allowed);
	tg_client_close(&c);
	hub_stop(&h);
}

static void *ask_held(void *ctx) {
	struct tg_answer *a = ctx, got;
	struct tg_client *c = (struct tg_client *)(void *)(uintptr_t)a->ver;
	(void)tg_check(c, "alice", NULL, "trading", &got);
	*a = got;
	return NULL;
}

static void a_reply_that_a_change_overtook_is_not_kept(void **state) {
	(void)state;
	struct hub h;
	struct tg_answer a = {0};
	pthread_t thread;
	hub_start(&h);
	happen(&h, "alice", true, true);
	happen(&h, "bob", true, true);
	struct tg_client *c = follow(&h, (struct tg_options){.timeout_ms = PATIENCE_MS});
	UNTIL(&h, ask(c, "bob").source == TG_FROM_CACHE);
	SET(&h, hold_get, true);
	a.ver = (uint64_t)(uintptr_t)c;
	assert_int_equal(pthread_create(&thread, NULL, ask_held, &a), 0);
	UNTIL(&h, (pthread_mutex_lock(&h.lock), pthread_mutex_unlock(&h.lock), h.gets >= 2 && !h.hold_get));
	happen(&h, "alice", false, true);
	happen(&h, "bob", false, true);
	UNTIL(&h, ask(c, "bob").source == TG_FROM_CACHE && !ask(c, "bob").allowed); /* the feed has come so far */
	(void)pthread_mutex_lock(&h.lock);
	h.held_id[63] = 1; /* goes with the next request */
	(void)pthread_mutex_unlock(&h.lock);
	(void)ask(c, "carol");
	(void)pthread_join(thread, NULL);
	assert_true(a.allowed); /* as it was when the server was asked */
	assert_false(ask(c, "alice").allowed);
	tg_client_close(&c);
	hub_stop(&h);
}

static void *get_held(void *ctx) {
	struct tg_profile p;
	assert_int_equal(tg_get(ctx, "alice", &p), TG_OK);
	tg_profile_free(&p);
	return NULL;
}

static void a_reply_from_before_the_feed_is_not_kept(void **state) {
	(void)state;
	struct hub h;
	struct tg_counts n;
	pthread_t thread;
	struct tg_client *c = NULL;
	hub_start(&h);
	happen(&h, "alice", true, true);
	SET(&h, hold_get, true);
	const struct tg_options o = {.query = h.query, .feed = h.feed, .timeout_ms = PATIENCE_MS};
	assert_int_equal(tg_client_open(&o, &c, NULL), 0);
	assert_int_equal(pthread_create(&thread, NULL, get_held, c), 0);
	const int64_t deadline = test_ms() + PATIENCE_MS;
	while (h.hold_get) assert_true(test_ms() < deadline);
	/* told before the client listens: nothing but the version of its first heartbeat says so */
	happen(&h, "alice", false, false);
	UNTIL(&h, (tg_counts(c, &n), n.live));
	(void)pthread_mutex_lock(&h.lock);
	h.held_id[63] = 1;
	(void)pthread_mutex_unlock(&h.lock);
	(void)ask(c, "carol");
	(void)pthread_join(thread, NULL);
	assert_false(ask(c, "alice").allowed);
	tg_client_close(&c);
	hub_stop(&h);
}

static void a_server_that_is_behind_the_feed_is_not_believed(void **state) {
	(void)state;
	struct hub h;
	struct tg_profile p;
	hub_start(&h);
	happen(&h, "alice", true, true);
	happen(&h, "alice", false, true);
	struct tg_client *c = follow(&h, (struct tg_options){.timeout_ms = PATIENCE_MS});
	SET(&h, count, 1);
	assert_int_equal(tg_get_now(c, "alice", &p), TG_FALLBACK);
	assert_int_equal(p.as.error, TG_NOT_READY);
	tg_profile_free(&p);
	assert_false(ask(c, "alice").allowed);
	SET(&h, count, 2);
	assert_int_equal(tg_get_now(c, "alice", &p), TG_OK);
	assert_string_equal(p.as.tier, "free");
	tg_profile_free(&p);
	/* it stays behind: the store was put back to an older copy, which is the truth then */
	SET(&h, count, 1);
	UNTIL(&h, ask(c, "alice").allowed);
	tg_client_close(&c);
	hub_stop(&h);
}

static void a_catalog_that_only_since_names_ends_what_was_kept(void **state) {
	(void)state;
	struct hub h;
	hub_start(&h);
	happen(&h, "alice", true, true);
	struct tg_client *c = follow(&h, (struct tg_options){.timeout_ms = 500});
	UNTIL(&h, ask(c, "alice").source == TG_FROM_CACHE);
	const unsigned gets = h.gets;
	SET(&h, cat, 100); /* and from here on the feed is silent */
	const int64_t deadline = test_ms() + PATIENCE_MS;
	while (h.gets == gets) {
		(void)ask(c, "alice");
		assert_true(test_ms() < deadline);
	}
	tg_client_close(&c);
	hub_stop(&h);
}

static void what_was_held_up_is_as_old_as_it_is(void **state) {
	(void)state;
	struct hub h;
	hub_start(&h);
	happen(&h, "alice", true, true);
	struct tg_client *c = follow(&h, (struct tg_options){.timeout_ms = 500, .max_age_ms = 300});
	UNTIL(&h, ask(c, "alice").source == TG_FROM_CACHE);
	SET(&h, no_since, true);
	int64_t deadline = test_ms() + PATIENCE_MS;
	while (ask(c, "alice").source == TG_FROM_CACHE) {
		beat_late(&h, 60000);
		assert_true(test_ms() < deadline);
	}
	/* but when they go on like that, it is the clock that was set back */
	deadline = test_ms() + PATIENCE_MS;
	while (ask(c, "alice").source != TG_FROM_CACHE) {
		beat_late(&h, 60000);
		assert_true(test_ms() < deadline);
	}
	tg_client_close(&c);
	hub_stop(&h);
}

static void a_child_does_not_answer_from_its_parents_cache(void **state) {
	(void)state;
	struct hub h;
	int status = 0;
	hub_start(&h);
	happen(&h, "alice", true, true);
	struct tg_client *c = follow(&h, (struct tg_options){.timeout_ms = 500});
	UNTIL(&h, ask(c, "alice").source == TG_FROM_CACHE);
	const pid_t child = fork();
	if (child == 0) {
		struct tg_answer a, many;
		struct tg_profile p;
		const struct tg_question q = {"alice", NULL, "trading"};
		const bool good = tg_check(c, "alice", NULL, "trading", &a) == TG_USAGE && !a.allowed &&
				  tg_check_many(c, &q, 1, &many) == TG_USAGE && !many.allowed &&
				  tg_get(c, "alice", &p) == TG_USAGE && !p.as.allowed;
		_exit(good ? 0 : 1);
	}
	assert_true(child > 0 && waitpid(child, &status, 0) == child);
	assert_int_equal(status, 0);
	tg_client_close(&c);
	hub_stop(&h);
}

static void what_is_no_feed_is_passed_over(void **state) {
	(void)state;
	struct hub h;
	hub_start(&h);
	happen(&h, "alice", true, true);
	struct tg_client *c = follow(&h, (struct tg_options){.timeout_ms = 500});
	UNTIL(&h, ask(c, "alice").source == TG_FROM_CACHE);
	static const char big[TG01_MESSAGE_MAX + 100];
	for (int i = 0; i < 20; i++) {
		(void)zmq_send(h.pub, "alice", 5, 0);
		(void)zmq_send(h.pub, "alice", 5, ZMQ_SNDMORE);
		(void)zmq_send(h.pub, "\xc1", 1, 0);
		(void)zmq_send(h.pub, "", 1, ZMQ_SNDMORE);
		(void)zmq_send(h.pub, "\x80", 1, ZMQ_SNDMORE);
		(void)zmq_send(h.pub, "\x80", 1, 0);
	}
	happen(&h, "alice", false, true);
	UNTIL(&h, !ask(c, "alice").allowed && ask(c, "alice").source == TG_FROM_CACHE);
	/* a frame that is too large costs the connection; what comes after is heard again */
	(void)zmq_send(h.pub, "alice", 5, ZMQ_SNDMORE);
	(void)zmq_send(h.pub, big, sizeof big, 0);
	happen(&h, "alice", true, true);
	UNTIL(&h, ask(c, "alice").allowed && ask(c, "alice").source == TG_FROM_CACHE);
	tg_client_close(&c);
	hub_stop(&h);
}

struct watched {
	_Atomic uint64_t last;
	_Atomic unsigned changes, beats, gaps, wrong;
};

static void on_event(void *ctx, const struct tg_event *e, bool gap) {
	struct watched *w = ctx;
	w->gaps += gap;
	if (gap) w->last = 0;
	if (!e->subject) {
		w->beats++;
		return;
	}
	w->wrong += e->ver != w->last + 1;
	w->last = e->ver;
	w->changes++;
}

static void a_watcher_hears_each_change_once_and_in_order(void **state) {
	(void)state;
	struct hub h;
	struct watched w = {0};
	hub_start(&h);
	struct tg_client *c = follow(&h, (struct tg_options){.timeout_ms = 500});
	tg_watch(c, on_event, &w);
	for (int i = 0; i < 40; i++) happen(&h, i % 3 ? "alice" : "bob", i % 2, i % 7 != 3 && i < 30);
	UNTIL(&h, w.changes == 40);
	assert_int_equal(w.wrong, 0);
	assert_int_equal(w.gaps, 0);
	UNTIL(&h, w.beats > 1);
	(void)pthread_mutex_lock(&h.lock);
	h.epoch++;
	h.count = 0;
	(void)pthread_mutex_unlock(&h.lock);
	UNTIL(&h, w.gaps == 1);
	tg_watch(c, NULL, NULL);
	const unsigned beats = w.beats;
	for (int i = 0; i < 10; i++) beat(&h);
	(void)tg_client_wait(c, 50);
	assert_int_equal(w.beats, beats);
	tg_client_close(&c);
	hub_stop(&h);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_change_that_was_lost_is_never_answered_over),
		cmocka_unit_test(a_heartbeat_above_ours_is_a_gap_too),
		cmocka_unit_test(silence_ends_what_the_cache_says),
		cmocka_unit_test(another_store_and_another_catalog_begin_anew),
		cmocka_unit_test(a_reply_that_a_change_overtook_is_not_kept),
		cmocka_unit_test(a_reply_from_before_the_feed_is_not_kept),
		cmocka_unit_test(a_server_that_is_behind_the_feed_is_not_believed),
		cmocka_unit_test(a_catalog_that_only_since_names_ends_what_was_kept),
		cmocka_unit_test(what_was_held_up_is_as_old_as_it_is),
		cmocka_unit_test(a_child_does_not_answer_from_its_parents_cache),
		cmocka_unit_test(what_is_no_feed_is_passed_over),
		cmocka_unit_test(a_watcher_hears_each_change_once_and_in_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
