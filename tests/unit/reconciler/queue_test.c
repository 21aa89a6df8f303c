#include "queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support/random.h"

static const struct scope test_scope = {.livemode = false};

static struct question question(const char *id, enum urgency u, int64_t since) {
	return (struct question){
		.scope = test_scope, .fetch = {FETCH_SUBSCRIPTION, view_str(id)}, .urgency = u, .since_ms = since};
}

static struct task *ask(struct queue *q, const char *id, enum urgency u, int64_t since, uint64_t asker) {
	struct question x = question(id, u, since);
	x.asker = asker;
	return queue_ask(q, &x);
}

static void assert_next(struct queue *q, const char *id, int64_t now) {
	struct task *t = queue_next(q, now);
	assert_non_null(t);
	assert_true(view_eq(t->fetch.id, view_str(id)));
}

static void asked_while_it_waits_is_one(void **state) {
	(void)state;
	struct queue *q = queue_create();
	struct task *t = ask(q, "sub_1", URGENT_WANT, 100, 0);
	assert_ptr_equal(ask(q, "sub_1", URGENT_ASKED, 200, 1), t);
	assert_ptr_equal(ask(q, "sub_1", URGENT_SESSION, 300, 4), t);
	assert_int_equal(queue_count(q), 1);
	assert_int_equal(t->urgency, URGENT_SESSION);
	queue_start(q, t);
	assert_null(queue_next(q, 1000));
	assert_int_equal(queue_finish(q, t, TASK_ANSWERED, 5000), 1 | 4);
	/* the store wanted it: it is there until the store says otherwise */
	assert_int_equal(queue_count(q), 1);
	assert_null(queue_next(q, 1000));
	queue_settle(q, 99);
	assert_int_equal(queue_count(q), 0);
	queue_destroy(&q);
	assert_null(q);
}

static void asked_while_in_flight_is_one_more_after_it(void **state) {
	(void)state;
	struct queue *q = queue_create();
	struct task *t = ask(q, "sub_1", URGENT_ASKED, 0, 1);
	queue_start(q, t);
	assert_ptr_equal(ask(q, "sub_1", URGENT_ASKED, 0, 2), t);
	assert_ptr_equal(ask(q, "sub_1", URGENT_ASKED, 0, 8), t);
	assert_null(queue_next(q, 0));
	assert_int_equal(queue_finish(q, t, TASK_ANSWERED, 0), 1); /* the late ones are not served by it */
	assert_next(q, "sub_1", 0);
	queue_start(q, t);
	assert_int_equal(queue_finish(q, t, TASK_ANSWERED, 0), 2 | 8);
	assert_int_equal(queue_count(q), 0);
	queue_destroy(&q);
}

/* A want that the store still shows while it is being fetched is no new question; one that needs a later answer is. */
static void a_want_that_is_seen_again(void **state) {
	(void)state;
	struct queue *q = queue_create();
	struct question x = question("sub_1", URGENT_WANT, 0);
	x.turn = 1;
	struct task *t = queue_ask(q, &x);
	queue_start(q, t);
	x.turn = 2;
	(void)queue_ask(q, &x);
	queue_settle(q, 2);
	(void)queue_finish(q, t, TASK_ANSWERED, 700);
	assert_null(queue_next(q, 699)); /* settling */
	assert_int_equal(queue_wait_ms(q, 650, 1000), 50);
	assert_next(q, "sub_1", 700); /* it did not leave the store in time */
	assert_int_equal(t->answers, 1);
	x.turn = 3;
	x.after = 50;
	(void)queue_ask(q, &x);
	assert_next(q, "sub_1", 0); /* another tie: at once */
	assert_int_equal(t->after, 50);
	queue_settle(q, 3);
	assert_int_equal(queue_count(q), 1);
	queue_settle(q, 4);
	assert_int_equal(queue_count(q), 0);
	queue_destroy(&q);
}

static void the_most_urgent_then_the_oldest(void **state) {
	(void)state;
	struct queue *q = queue_create();
	(void)ask(q, "sub_old", URGENT_WANT, 10, 0);
	(void)ask(q, "sub_new", URGENT_WANT, 20, 0);
	(void)ask(q, "sub_asked", URGENT_ASKED, 30, 1);
	struct task *s = ask(q, "sub_session", URGENT_SESSION, 40, 2);
	assert_next(q, "sub_session", 0);
	s->not_before_ms = 500;
	assert_next(q, "sub_asked", 0);
	queue_start(q, queue_next(q, 0));
	assert_next(q, "sub_old", 0);
	queue_start(q, queue_next(q, 0));
	assert_next(q, "sub_new", 0);
	assert_next(q, "sub_session", 500);
	queue_destroy(&q);
}

static void failures_and_those_who_leave(void **state) {
	(void)state;
	struct queue *q = queue_create();
	struct task *t = ask(q, "sub_1", URGENT_ASKED, 0, 1);
	queue_start(q, t);
	(void)ask(q, "sub_1", URGENT_ASKED, 0, 2);
	assert_int_equal(queue_finish(q, t, TASK_FAILED, 300), 0);
	assert_int_equal(t->askers, 1 | 2); /* the next try is after both */
	assert_int_equal(t->tries, 1);
	assert_null(queue_next(q, 299));
	queue_forget(q, 1);
	assert_int_equal(queue_count(q), 1);
	queue_forget(q, 2);
	assert_int_equal(queue_count(q), 0);
	t = ask(q, "sub_2", URGENT_ASKED, 0, 1);
	queue_start(q, t);
	assert_int_equal(queue_finish(q, t, TASK_DROPPED, 0), 1);
	assert_int_equal(queue_count(q), 0);
	queue_destroy(&q);
}

static void objects_are_told_apart(void **state) {
	(void)state;
	struct queue *q = queue_create();
	struct question x = question("x_1", URGENT_ASKED, 0);
	(void)queue_ask(q, &x);
	x.scope.livemode = true;
	(void)queue_ask(q, &x);
	x.scope.account = VIEW("acct_1");
	(void)queue_ask(q, &x);
	x.fetch.kind = FETCH_CUSTOMER;
	(void)queue_ask(q, &x);
	assert_int_equal(queue_count(q), 4);
	x.fetch.id = VIEW("");
	assert_null(queue_ask(q, &x));
	char long_id[STRIPE_ID_MAX + 1];
	memset(long_id, 'x', sizeof long_id);
	x.fetch.id = view_of(long_id, sizeof long_id);
	assert_null(queue_ask(q, &x));
	x.fetch.id.len--;
	assert_non_null(queue_ask(q, &x));
	queue_destroy(&q);
}

static void it_is_bounded(void **state) {
	(void)state;
	struct queue *q = queue_create();
	char id[32];
	for (int i = 0; i < QUEUE_MAX; i++) {
		(void)snprintf(id, sizeof id, "sub_%d", i);
		assert_non_null(ask(q, id, URGENT_WANT, i, 0));
	}
	assert_int_equal(queue_count(q), QUEUE_MAX);
	assert_null(ask(q, "sub_more", URGENT_SESSION, 0, 1));
	assert_non_null(ask(q, "sub_7", URGENT_SESSION, 0, 1));
	queue_settle(q, 1);
	assert_int_equal(queue_count(q), 1); /* somebody asks for that one */
	queue_destroy(&q);
}

/* Whatever is done, one object has one task, in flight once, and every asker is served once for each time it asked. */
static void any_order(void **state) {
	(void)state;
	struct random r = random_start();
	struct queue *q = queue_create();
	unsigned asked[8] = {0}, served[8] = {0};
	for (int step = 0; step < 20000; step++) {
		char id[16];
		(void)snprintf(id, sizeof id, "sub_%zu", random_below(&r, 5));
		size_t bit = random_below(&r, 8);
		struct scope scope = test_scope;
		struct fetch f = {FETCH_SUBSCRIPTION, view_str(id)};
		struct task *t = queue_find(q, &scope, &f);
		bool waits = t && ((t->askers | t->next_askers) >> bit & 1);
		if (random_below(&r, 2) && !waits) {
			/* one bit waits for one object: another one with that bit is found first */
			bool elsewhere = false;
			for (int i = 0; i < 5; i++) {
				char other[16];
				(void)snprintf(other, sizeof other, "sub_%d", i);
				struct fetch g = {FETCH_SUBSCRIPTION, view_str(other)};
				struct task *o = queue_find(q, &scope, &g);
				if (o && ((o->askers | o->next_askers) >> bit & 1)) elsewhere = true;
			}
			if (elsewhere) continue;
			assert_non_null(ask(q, id, URGENT_ASKED, step, (uint64_t)1 << bit));
			asked[bit]++;
		} else if (t && t->in_flight) {
			bool fails = random_below(&r, 3) == 0;
			uint64_t who = queue_finish(q, t, fails ? TASK_FAILED : TASK_ANSWERED, 0);
			for (size_t i = 0; i < 8; i++) served[i] += who >> i & 1;
		} else if (queue_next(q, 0)) {
			struct task *n = queue_next(q, 0);
			assert_false(n->in_flight);
			queue_start(q, n);
		}
	}
	for (size_t i = 0; i < 8; i++) assert_in_range(asked[i] - served[i], 0, 1);
	queue_destroy(&q);
}

int main(void) {
	const struct CMUnitTest tests[] = {cmocka_unit_test(asked_while_it_waits_is_one),
					   cmocka_unit_test(asked_while_in_flight_is_one_more_after_it),
					   cmocka_unit_test(a_want_that_is_seen_again),
					   cmocka_unit_test(the_most_urgent_then_the_oldest),
					   cmocka_unit_test(failures_and_those_who_leave),
					   cmocka_unit_test(objects_are_told_apart),
					   cmocka_unit_test(it_is_bounded),
					   cmocka_unit_test(any_order)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
