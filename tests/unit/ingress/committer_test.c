/* Group commit against a journal that does as it is told. */
#include <pthread.h>

#include "committer.h"
#include "support.h"

#define MANY 3000

struct item {
	struct submission submission;
	struct fake *fake;
	unsigned number;
	atomic_int done; /* how often */
	struct outcome outcome;
	bool stored_before; /* it was in the fake when done was called */
};

/* A journal that stops at a gate, fails on demand, and knows a poisoned record by its type. */
struct fake {
	pthread_mutex_t mutex;
	pthread_cond_t moved;
	bool shut;
	bool waiting; /* append is at the gate */
	enum error fail;
	uint64_t seq;
	size_t batches, largest;
	bool stored[MANY];
	bool published[MANY];
	bool published_early; /* before its answer */
	struct committer *committer;
	unsigned done_count;
	atomic_uint ticks;
	enum error last_state;
	unsigned states;
	struct item items[MANY];
};

static unsigned number_of(const struct journal_entry *e) { return (unsigned)e->record.created; }

static enum error fake_append(void *ctx, struct journal_entry *entries, size_t count, struct problem *why) {
	struct fake *f = ctx;
	pthread_mutex_lock(&f->mutex);
	f->waiting = true;
	pthread_cond_broadcast(&f->moved);
	while (f->shut) pthread_cond_wait(&f->moved, &f->mutex);
	f->waiting = false;
	enum error e = f->fail;
	for (size_t i = 0; i < count; i++)
		if (view_eq(entries[i].record.type, VIEW("poison"))) e = ERR_MALFORMED;
	f->batches++;
	if (count > f->largest) f->largest = count;
	for (size_t i = 0; !e && i < count; i++) {
		entries[i].record.seq = ++f->seq;
		entries[i].duplicate = number_of(&entries[i]) % 10 == 9;
		f->stored[number_of(&entries[i])] = true;
	}
	pthread_mutex_unlock(&f->mutex);
	return e ? problem_set(why, e, "told to fail") : OK;
}

static void fake_committed(void *ctx, const struct journal_entry *entries, size_t count) {
	struct fake *f = ctx;
	for (size_t i = 0; i < count; i++) {
		if (atomic_load(&f->items[number_of(&entries[i])].done) != 1) f->published_early = true;
		f->published[number_of(&entries[i])] = true;
	}
}

static int64_t fake_tick(void *ctx) {
	struct fake *f = ctx;
	atomic_fetch_add(&f->ticks, 1);
	return 5;
}

static void fake_state(void *ctx, enum error e, const struct problem *why) {
	struct fake *f = ctx;
	(void)why;
	f->last_state = e;
	f->states++;
}

static void done(struct submission *s, const struct outcome *o) {
	struct item *i = (struct item *)s;
	pthread_mutex_lock(&i->fake->mutex);
	i->outcome = *o;
	i->outcome.why = NULL;
	i->stored_before = i->fake->stored[i->number];
	i->fake->done_count++;
	atomic_fetch_add(&i->done, 1);
	pthread_cond_broadcast(&i->fake->moved);
	pthread_mutex_unlock(&i->fake->mutex);
}

static struct fake *make(void) {
	struct fake *f = calloc(1, sizeof *f);
	pthread_mutex_init(&f->mutex, NULL);
	pthread_cond_init(&f->moved, NULL);
	for (unsigned i = 0; i < MANY; i++) {
		f->items[i].fake = f;
		f->items[i].number = i;
		f->items[i].submission.record = make_record("evt", 1, VIEW("{}"));
		f->items[i].submission.record.created = i;
		f->items[i].submission.done = done;
	}
	return f;
}

static struct committer *start(struct fake *f, size_t queue_max) {
	struct committer *c = NULL;
	struct committer_options o = {.ctx = f,
				      .append = fake_append,
				      .committed = fake_committed,
				      .tick = fake_tick,
				      .state = fake_state,
				      .queue_max = queue_max};
	assert_int_equal(committer_start(&o, &c, NULL), OK);
	f->committer = c;
	return c;
}

static void wait_for(struct fake *f, bool (*is)(const struct fake *f, unsigned n), unsigned n) {
	struct timespec end;
	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += PATIENCE_MS / 1000;
	pthread_mutex_lock(&f->mutex);
	while (!is(f, n))
		if (pthread_cond_timedwait(&f->moved, &f->mutex, &end) != 0) fail_msg("nothing happened");
	pthread_mutex_unlock(&f->mutex);
}
static bool at_the_gate(const struct fake *f, unsigned n) { return (void)n, f->waiting; }
static bool n_done(const struct fake *f, unsigned n) { return f->done_count >= n; }

static void gate(struct fake *f, bool shut) {
	pthread_mutex_lock(&f->mutex);
	f->shut = shut;
	pthread_cond_broadcast(&f->moved);
	pthread_mutex_unlock(&f->mutex);
}

static void drop(struct fake *f, struct committer **c) {
	committer_stop(c);
	assert_null(*c);
	pthread_cond_destroy(&f->moved);
	pthread_mutex_destroy(&f->mutex);
	free(f);
}

static void answers_after_the_commit(void **state) {
	(void)state;
	struct fake *f = make();
	struct committer *c = start(f, MANY);
	gate(f, true);
	assert_int_equal(committer_submit(c, &f->items[0].submission), OK);
	wait_for(f, at_the_gate, 0);
	for (unsigned i = 1; i < MANY; i++) assert_int_equal(committer_submit(c, &f->items[i].submission), OK);
	/* the first is inside append, and nobody has been told anything */
	pthread_mutex_lock(&f->mutex);
	assert_int_equal(f->done_count, 0);
	pthread_mutex_unlock(&f->mutex);
	gate(f, false);
	wait_for(f, n_done, MANY);
	committer_stop(&c);
	for (unsigned i = 0; i < MANY; i++) {
		const struct item *item = &f->items[i];
		assert_int_equal(atomic_load(&item->done), 1);
		assert_int_equal(item->outcome.error, OK);
		assert_int_equal(item->outcome.seq, i + 1);
		assert_int_equal(item->outcome.duplicate, i % 10 == 9);
		assert_true(item->stored_before);
		assert_true(f->published[i]);
	}
	assert_false(f->published_early);
	/* all that waited went together */
	assert_int_equal(f->largest, JOURNAL_BATCH_MAX);
	assert_int_equal(f->batches, 1 + (MANY - 1 + JOURNAL_BATCH_MAX - 1) / JOURNAL_BATCH_MAX);
	drop(f, &c);
}

static void bounds_its_queue(void **state) {
	(void)state;
	struct fake *f = make();
	struct committer *c = start(f, 10);
	gate(f, true);
	assert_int_equal(committer_submit(c, &f->items[0].submission), OK);
	wait_for(f, at_the_gate, 0);
	for (unsigned i = 1; i <= 10; i++) assert_int_equal(committer_submit(c, &f->items[i].submission), OK);
	assert_int_equal(committer_submit(c, &f->items[11].submission), ERR_OVERLOADED);
	gate(f, false);
	wait_for(f, n_done, 11);
	assert_int_equal(committer_submit(c, &f->items[11].submission), OK);
	wait_for(f, n_done, 12);
	assert_int_equal(atomic_load(&f->items[11].done), 1);
	drop(f, &c);
}

static void recovers_from_a_full_disk(void **state) {
	(void)state;
	struct fake *f = make();
	f->fail = ERR_FULL;
	struct committer *c = start(f, 0);
	assert_int_equal(committer_submit(c, &f->items[0].submission), OK);
	wait_for(f, n_done, 1);
	assert_int_equal(f->items[0].outcome.error, ERR_FULL);
	pthread_mutex_lock(&f->mutex);
	f->fail = OK;
	pthread_mutex_unlock(&f->mutex);
	assert_int_equal(committer_submit(c, &f->items[1].submission), OK);
	wait_for(f, n_done, 2);
	assert_int_equal(f->items[1].outcome.error, OK);
	assert_int_equal(committer_submit(c, &f->items[2].submission), OK);
	wait_for(f, n_done, 3);
	committer_stop(&c);
	assert_int_equal(f->last_state, OK);
	assert_int_equal(f->states, 2); /* the failure and its end; not each success */
	assert_false(f->published[0]);
	assert_true(f->published[1]);
	drop(f, &c);
}

static void ends_when_storage_fails(void **state) {
	(void)state;
	struct fake *f = make();
	struct committer *c = start(f, 0);
	gate(f, true);
	assert_int_equal(committer_submit(c, &f->items[0].submission), OK);
	wait_for(f, at_the_gate, 0);
	for (unsigned i = 1; i < 600; i++) assert_int_equal(committer_submit(c, &f->items[i].submission), OK);
	pthread_mutex_lock(&f->mutex);
	f->fail = ERR_STORAGE;
	pthread_mutex_unlock(&f->mutex);
	gate(f, false);
	wait_for(f, n_done, 600);
	assert_int_equal(committer_submit(c, &f->items[600].submission), ERR_STORAGE);
	committer_stop(&c);
	for (unsigned i = 0; i < 600; i++) {
		assert_int_equal(f->items[i].outcome.error, ERR_STORAGE);
		assert_int_equal(atomic_load(&f->items[i].done), 1);
		assert_false(f->published[i]);
	}
	assert_int_equal(f->batches, 1); /* not touched again */
	assert_int_equal(f->states, 1);
	assert_int_equal(f->last_state, ERR_STORAGE);
	drop(f, &c);
}

static void one_bad_entry_fails_alone(void **state) {
	(void)state;
	struct fake *f = make();
	struct committer *c = start(f, 0);
	gate(f, true);
	assert_int_equal(committer_submit(c, &f->items[0].submission), OK);
	wait_for(f, at_the_gate, 0);
	f->items[20].submission.record.type = VIEW("poison");
	for (unsigned i = 1; i < 50; i++) assert_int_equal(committer_submit(c, &f->items[i].submission), OK);
	gate(f, false);
	wait_for(f, n_done, 50);
	committer_stop(&c);
	for (unsigned i = 0; i < 50; i++) {
		assert_int_equal(f->items[i].outcome.error, i == 20 ? ERR_MALFORMED : OK);
		assert_int_equal(f->published[i], i != 20);
	}
	assert_int_equal(f->states, 0); /* it says nothing about the journal */
	drop(f, &c);
}

static void finishes_what_it_has(void **state) {
	(void)state;
	struct fake *f = make();
	struct committer *c = start(f, MANY);
	for (unsigned i = 0; i < MANY; i++) assert_int_equal(committer_submit(c, &f->items[i].submission), OK);
	committer_stop(&c);
	assert_int_equal(f->done_count, MANY);
	drop(f, &c);
}

static void *submit_some(void *item) {
	struct item *i = item;
	struct committer *c = i->fake->committer;
	for (unsigned n = 0; n < MANY / 4; n++)
		while (committer_submit(c, &i[n].submission) == ERR_OVERLOADED) {
		}
	return NULL;
}

static void takes_from_many_threads(void **state) {
	(void)state;
	struct fake *f = make();
	struct committer *c = start(f, 64);
	pthread_t threads[4];
	for (unsigned t = 0; t < 4; t++) {
		assert_int_equal(pthread_create(&threads[t], NULL, submit_some, f->items + (size_t)t * (MANY / 4)), 0);
	}
	for (unsigned t = 0; t < 4; t++) pthread_join(threads[t], NULL);
	wait_for(f, n_done, MANY);
	int64_t end = mono_ms() + PATIENCE_MS;
	while (atomic_load(&f->ticks) < 3 && mono_ms() < end) {
	}
	assert_true(atomic_load(&f->ticks) >= 3);
	committer_stop(&c);
	bool seen[MANY + 1] = {false};
	for (unsigned i = 0; i < MANY; i++) {
		assert_int_equal(atomic_load(&f->items[i].done), 1);
		uint64_t seq = f->items[i].outcome.seq;
		assert_in_range(seq, 1, MANY);
		assert_false(seen[seq]);
		seen[seq] = true;
	}
	drop(f, &c);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_after_the_commit),  cmocka_unit_test(bounds_its_queue),
		cmocka_unit_test(recovers_from_a_full_disk), cmocka_unit_test(ends_when_storage_fails),
		cmocka_unit_test(one_bad_entry_fails_alone), cmocka_unit_test(finishes_what_it_has),
		cmocka_unit_test(takes_from_many_threads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
