/* The cache against a feed and a store that lose, delay and lie. */
#include "hub.h"

#include <sys/wait.h>
#include <unistd.h>

static void a_change_that_was_lost_is_never_answered_over(void **state) {
	(void)state;
	struct hub h;
	struct tg_counts n;
	struct tg_client *c = keep_alice(&h, (struct tg_options){.timeout_ms = 200});
	assert_true(answered(c, "alice").allowed);
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
	struct tg_answer a = answered(c, "alice");
	assert_false(a.allowed);
	assert_int_equal(a.source, TG_FROM_SERVER);
	assert_int_equal(answered(c, "bob").source, TG_FROM_SERVER);
	SET(&h, no_since, false);
	UNTIL(&h, answered(c, "alice").source == TG_FROM_CACHE);
	assert_false(answered(c, "alice").allowed);
	leave(&h, &c);
}

static void a_heartbeat_above_ours_is_a_gap_too(void **state) {
	(void)state;
	struct hub h;
	struct tg_client *c = keep_alice(&h, (struct tg_options){.timeout_ms = 500});
	SET(&h, since_max, 2);
	for (int i = 0; i < 9; i++) happen(&h, i == 4 ? "alice" : "others", i == 8, false);
	beat(&h);
	UNTIL(&h, !answered(c, "alice").allowed);
	UNTIL(&h, answered(c, "alice").source == TG_FROM_CACHE);
	assert_false(answered(c, "alice").allowed);
	assert_int_equal(answered(c, "alice").ver, 10);
	leave(&h, &c);
}

static void silence_ends_what_the_cache_says(void **state) {
	(void)state;
	struct hub h;
	const struct tg_policy policies[] = {{"basic", TG_ALLOW, 0}, {"trading", TG_LAST_KNOWN, 60000}};
	struct tg_client *c = keep_alice(
		&h, (struct tg_options){.timeout_ms = 100, .max_age_ms = 300, .policies = policies, .policy_count = 2});
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
	leave(&h, &c);
}

static void another_store_and_another_catalog_begin_anew(void **state) {
	(void)state;
	struct hub h;
	struct tg_counts n;
	hub_start(&h);
	for (int i = 0; i < 5; i++) happen(&h, "alice", true, true);
	struct tg_client *c = follow(&h, (struct tg_options){.preload = true, .timeout_ms = 500});
	assert_int_equal(answered(c, "alice").source, TG_FROM_CACHE);
	assert_int_equal(h.gets, 0);
	/* made anew: its versions begin again, and alice is not in it */
	(void)pthread_mutex_lock(&h.lock);
	h.epoch++;
	h.count = 0;
	(void)pthread_mutex_unlock(&h.lock);
	happen(&h, "bob", true, true);
	UNTIL(&h, (tg_counts(c, &n), n.restarts == 1 && n.live));
	assert_false(answered(c, "alice").allowed);
	assert_true(answered(c, "bob").allowed);
	assert_int_equal(answered(c, "bob").epoch, EPOCH + 1);
	assert_int_equal(answered(c, "bob").source, TG_FROM_CACHE);
	SET(&h, cat, 100);
	const unsigned pages = h.pages;
	UNTIL(&h, h.pages > pages && (tg_counts(c, &n), n.live));
	assert_true(answered(c, "bob").allowed);
	leave(&h, &c);
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
	UNTIL(&h, answered(c, "bob").source == TG_FROM_CACHE);
	SET(&h, hold_get, true);
	a.ver = (uint64_t)(uintptr_t)c;
	assert_int_equal(pthread_create(&thread, NULL, ask_held, &a), 0);
	UNTIL(&h, (pthread_mutex_lock(&h.lock), pthread_mutex_unlock(&h.lock), h.gets >= 2 && !h.hold_get));
	happen(&h, "alice", false, true);
	happen(&h, "bob", false, true);
	UNTIL(&h,
	      answered(c, "bob").source == TG_FROM_CACHE && !answered(c, "bob").allowed); /* the feed has come so far */
	SET(&h, release, true);
	(void)ask(c, "carol");
	(void)pthread_join(thread, NULL);
	assert_true(a.allowed); /* as it was when the server was asked */
	assert_false(answered(c, "alice").allowed);
	leave(&h, &c);
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
	SET(&h, release, true);
	(void)ask(c, "carol");
	(void)pthread_join(thread, NULL);
	assert_false(answered(c, "alice").allowed);
	leave(&h, &c);
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
	leave(&h, &c);
}

static void a_catalog_that_only_since_names_ends_what_was_kept(void **state) {
	(void)state;
	struct hub h;
	struct tg_client *c = keep_alice(&h, (struct tg_options){.timeout_ms = 500});
	const unsigned gets = h.gets;
	SET(&h, cat, 100); /* and from here on the feed is silent */
	const int64_t deadline = test_ms() + PATIENCE_MS;
	while (h.gets == gets) {
		(void)ask(c, "alice");
		assert_true(test_ms() < deadline);
	}
	leave(&h, &c);
}

static void what_was_held_up_is_as_old_as_it_is(void **state) {
	(void)state;
	struct hub h;
	struct tg_client *c = keep_alice(&h, (struct tg_options){.timeout_ms = 500, .max_age_ms = 300});
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
	leave(&h, &c);
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
	leave(&h, &c);
}

static void what_is_no_feed_is_passed_over(void **state) {
	(void)state;
	struct hub h;
	struct tg_client *c = keep_alice(&h, (struct tg_options){.timeout_ms = 500});
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
	UNTIL(&h, !answered(c, "alice").allowed && answered(c, "alice").source == TG_FROM_CACHE);
	/* a frame that is too large costs the connection; what comes after is heard again */
	(void)zmq_send(h.pub, "alice", 5, ZMQ_SNDMORE);
	(void)zmq_send(h.pub, big, sizeof big, 0);
	happen(&h, "alice", true, true);
	UNTIL(&h, answered(c, "alice").allowed && answered(c, "alice").source == TG_FROM_CACHE);
	leave(&h, &c);
}

static struct tg_client *follow_both(struct hub *a, struct hub *b, int timeout_ms) {
	char query[2 * ENDPOINT_MAX], feed[2 * ENDPOINT_MAX];
	(void)snprintf(query, sizeof query, "%s;%s", a->query, b->query);
	(void)snprintf(feed, sizeof feed, "%s;%s", a->feed, b->feed);
	const struct tg_options o = {.query = query, .feed = feed, .timeout_ms = timeout_ms};
	struct tg_client *c = NULL;
	assert_int_equal(tg_client_open(&o, &c, NULL), 0);
	UNTIL(a, (beat(b), tg_client_wait(c, 20)));
	return c;
}

static void a_catalog_that_cannot_be_had_is_not_waited_for(void **state) {
	(void)state;
	struct hub a, b;
	struct tg_counts n;
	hub_start(&a);
	hub_start(&b);
	for (int i = 0; i < 2; i++) {
		happen(&a, "alice", true, true);
		happen(&b, "alice", true, true);
	}
	struct tg_client *c = follow_both(&a, &b, PATIENCE_MS);
	/* the other one names a catalog of its own, and never shows it */
	SET(&b, cat, 100);
	SET(&b, no_catalog, true);
	SET(&a, count, 1);
	const int64_t deadline = test_ms() + PATIENCE_MS;
	while (!ask(c, "alice").allowed)
		assert_true(test_ms() < deadline); /* the other may be connected a moment later */
	while (b.gets == 0) {
		(void)ask(c, "alice");
		assert_true(test_ms() < deadline);
	}
	SET(&a, count, 2);
	happen(&a, "bob", true, false);
	UNTIL(&a, (tg_counts(c, &n), n.gaps > 0));
	UNTIL(&a, ask(c, "bob").source == TG_FROM_CACHE);
	tg_client_close(&c);
	hub_stop(&b);
	hub_stop(&a);
}

struct nested {
	struct tg_client *client;
	_Atomic int ready; /* -1: not called yet */
};

static void wait_in_callback(void *ctx, enum tg_status status, struct tg_profile *p) {
	struct nested *n = ctx;
	(void)status;
	tg_profile_free(p);
	n->ready = tg_client_wait(n->client, 10 * PATIENCE_MS);
}

static void a_callback_does_not_wait_for_the_feed(void **state) {
	(void)state;
	struct hub h;
	struct nested n = {.ready = -1};
	hub_start(&h);
	const struct tg_options o = {.query = h.query, .feed = h.feed, .timeout_ms = PATIENCE_MS};
	assert_int_equal(tg_client_open(&o, &n.client, NULL), 0);
	tg_get_async(n.client, "alice", true, wait_in_callback, &n);
	const int64_t deadline = test_ms() + 2 * PATIENCE_MS;
	while (n.ready < 0) assert_true(test_ms() < deadline);
	assert_false(n.ready);
	tg_client_close(&n.client);
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
	leave(&h, &c);
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
		cmocka_unit_test(a_catalog_that_cannot_be_had_is_not_waited_for),
		cmocka_unit_test(what_was_held_up_is_as_old_as_it_is),
		cmocka_unit_test(a_child_does_not_answer_from_its_parents_cache),
		cmocka_unit_test(a_callback_does_not_wait_for_the_feed),
		cmocka_unit_test(what_is_no_feed_is_passed_over),
		cmocka_unit_test(a_watcher_hears_each_change_once_and_in_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
