/* Many calls at once: each ends once, and with its own answer. */
#include "fake.h"

#include <semaphore.h>

#include "support/again.h"

struct got {
	_Atomic unsigned ok, fallback;
};

static void take(void *ctx, enum tg_status status, struct tg_profile *p) {
	struct got *g = ctx;
	if (status == TG_OK && p->as.allowed && p->feature_count == 2) g->ok++;
	if (status == TG_FALLBACK && !p->as.allowed) g->fallback++;
	tg_profile_free(p);
}

static void callbacks_come_exactly_once_also_at_the_end(void **state) {
	(void)state;
	struct fake f;
	struct got g = {0};
	fake_start(&f, ANSWER, "pro", NULL);
	struct tg_client *c = client_of(&f, PATIENCE_MS);
	for (int i = 0; i < 100; i++) tg_get_async(c, "pro-alice", false, take, &g);
	const int64_t deadline = test_ms() + PATIENCE_MS;
	while (g.ok < 100) assert_true(test_ms() < deadline);
	f.behaviour = SILENT;
	for (int i = 0; i < 100; i++) tg_get_async(c, "pro-alice", true, take, &g);
	tg_client_close(&c);
	assert_int_equal(g.ok, 100);
	assert_int_equal(g.fallback, 100);
	fake_stop(&f);
}

static void no_more_than_a_bound_are_on_their_way(void **state) {
	(void)state;
	struct fake f;
	struct got g = {0};
	fake_start(&f, SILENT, "pro", NULL);
	struct tg_client *c = client_of(&f, PATIENCE_MS);
	for (int i = 0; i < 20000; i++) tg_get_async(c, "pro-alice", true, take, &g);
	assert_true(g.fallback >= 20000 - 16384);
	struct tg_answer a;
	assert_int_equal(tg_check(c, "pro-alice", "pro", NULL, &a), TG_FALLBACK);
	assert_int_equal(a.error, TG_NOT_READY);
	tg_client_close(&c);
	assert_int_equal(g.fallback, 20000);
	fake_stop(&f);
}

struct caller {
	pthread_t thread;
	struct tg_client *client;
	int number;
	unsigned wrong;
};

static void *call(void *ctx) {
	struct caller *me = ctx;
	char subject[32];
	for (int i = 0; i < 20; i++) {
		struct tg_answer a;
		const bool pro = (me->number + i) % 2;
		(void)snprintf(subject, sizeof subject, "%s%d", pro ? "pro" : "bob", me->number);
		const enum tg_status status = tg_check(me->client, subject, "pro", NULL, &a);
		if (status == TG_OK && a.allowed == pro) continue;
		print_message("%s: status %d, allowed %d: %s\n", subject, (int)status, a.allowed, a.why);
		me->wrong++;
	}
	return NULL;
}

static void a_thousand_threads_each_get_their_own_answer(void **state) {
	(void)state;
	enum { THREADS = 1000 };
	static struct caller callers[THREADS];
	struct fake f;
	pthread_attr_t small;
	fake_start(&f, ANSWER, "pro", NULL);
	const struct tg_options o = {.query = f.endpoint, .timeout_ms = 60000};
	struct tg_client *c = opened(&o);
	(void)pthread_attr_init(&small);
	(void)pthread_attr_setstacksize(&small, 1024 * 1024);
	for (int i = 0; i < THREADS; i++) {
		callers[i] = (struct caller){.client = c, .number = i};
		assert_int_equal(pthread_create(&callers[i].thread, &small, call, &callers[i]), 0);
	}
	unsigned wrong = 0;
	for (int i = 0; i < THREADS; i++) {
		(void)pthread_join(callers[i].thread, NULL);
		wrong += callers[i].wrong;
	}
	(void)pthread_attr_destroy(&small);
	assert_int_equal(wrong, 0);
	tg_client_close(&c);
	fake_stop(&f);
}

struct held {
	struct got got;
	sem_t begun, go_on;
};

static void hold(void *ctx, enum tg_status status, struct tg_profile *p) {
	struct held *h = ctx;
	take(&h->got, status, p);
	(void)sem_post(&h->begun);
	(void)sem_wait(&h->go_on);
}

/* Its answers are read while libzmq's thread has long told that the connection is lost. */
static void a_server_that_dies_behind_its_answers_takes_none_back(void **state) {
	(void)state;
	enum { COUNT = 64 };
	static struct served asked[COUNT];
	static char messages[COUNT][512];
	struct fake f = {.behaviour = ANSWER, .mark = "pro", .decoder = tg01_decoder_create()};
	struct held h = {.got = {0}};
	char at[64];
	(void)sem_init(&h.begun, 0, 0);
	(void)sem_init(&h.go_on, 0, 0);
	served_open(&f.context, &f.socket, again_endpoint(at), f.endpoint);
	const struct tg_options o = {.query = f.endpoint, .timeout_ms = 60000};
	struct tg_client *c = opened(&o);
	for (int i = 0; i < COUNT; i++)
		tg_get_async(c, "pro-alice", true, i ? take : hold, i ? (void *)&h.got : (void *)&h);
	for (int i = 0; i < COUNT; i++) {
		assert_true(served_take(f.socket, &asked[i]) && asked[i].message.len <= sizeof messages[i]);
		memcpy(messages[i], asked[i].message.ptr, asked[i].message.len);
		asked[i].message.ptr = messages[i];
	}
	fake_respond(&f, &asked[0]);
	assert_int_equal(sem_wait(&h.begun), 0); /* the client's thread stands still in its callback */
	for (int i = 1; i < COUNT; i++) fake_respond(&f, &asked[i]);
	zsocket_close(&f.socket);
	zcontext_destroy(&f.context);
	assert_true(again_connected(f.endpoint));
	(void)sem_post(&h.go_on);
	const int64_t deadline = test_ms() + 2 * PATIENCE_MS;
	while (h.got.ok < COUNT) assert_true(test_ms() < deadline);
	tg_client_close(&c);
	tg01_decoder_destroy(&f.decoder);
	(void)sem_destroy(&h.begun);
	(void)sem_destroy(&h.go_on);
}

static void many_open_and_close_and_nothing_is_left(void **state) {
	(void)state;
	struct fake f;
	fake_start(&f, ANSWER, "pro", NULL);
	for (int i = 0; i < 50; i++) {
		const struct tg_options o = {.query = f.endpoint, .timeout_ms = PATIENCE_MS};
		struct tg_client *c = opened(&o);
		struct tg_answer a;
		if (i % 2) assert_int_equal(tg_check(c, "pro-alice", "pro", NULL, &a), TG_OK);
		tg_client_close(&c);
	}
	fake_stop(&f);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(callbacks_come_exactly_once_also_at_the_end),
		cmocka_unit_test(no_more_than_a_bound_are_on_their_way),
		cmocka_unit_test(a_thousand_threads_each_get_their_own_answer),
		cmocka_unit_test(a_server_that_dies_behind_its_answers_takes_none_back),
		cmocka_unit_test(many_open_and_close_and_nothing_is_left),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
