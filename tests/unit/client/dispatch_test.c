/* Requests that wait, with servers that are there as far as the client thinks. */
#include "client/private.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void done(struct request *r) { ++*(unsigned *)r->ctx; }

static unsigned waiting(const struct tg_client *c) {
	unsigned n = 0;
	for (const struct link *l = c->t.waiting.after; l != &c->t.waiting; l = l->after) n++;
	return n;
}

/* A server's last words may be read after its end was: the request is back and waits by then. */
static void what_waits_waits_once(void **state) {
	(void)state;
	unsigned ended = 0;
	struct tg_client *c = aligned_alloc(_Alignof(struct tg_client), sizeof *c);
	assert_non_null(c);
	memset(c, 0, sizeof *c);
	c->t.slots = calloc(REQUESTS_MAX, sizeof *c->t.slots);
	assert_non_null(c->t.slots);
	for (uint32_t i = 0; i < REQUESTS_MAX; i++) c->t.slots[i].next_free = i + 1;
	list_init(&c->t.by_deadline);
	list_init(&c->t.by_hedge);
	list_init(&c->t.waiting);
	c->settings.timeout_ms = c->settings.hedge_ms = 1000;
	c->t.server_count = 2;
	c->t.servers[1] = (struct server){.index = 1, .connected = true}; /* with no room */
	struct request r[3];
	for (unsigned i = 0; i < 3; i++) {
		r[i] = (struct request){.only = -1, .deadline_ms = 2000 + i, .done = done, .ctx = &ended};
		assert_true(tgc_admit(c));
		tgc_begin(c, &r[i], 1000);
	}
	assert_int_equal(waiting(c), 3);
	tgc_try_next(c, &r[0], &c->t.servers[0], TG_NOT_READY, "not_ready", 1000);
	assert_int_equal(waiting(c), 3);
	tgc_dispatch_timers(c, 3000);
	assert_int_equal(ended, 3);
	assert_int_equal(waiting(c), 0);
	free(c->t.slots);
	free(c);
}

int main(void) {
	const struct CMUnitTest tests[] = {cmocka_unit_test(what_waits_waits_once)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
