/* Retention and the workers' progress on a real journal. */
#include "progress.h"
#include "retention.h"
#include "support.h"

#define RECORDS 600
#define DAY_MS (INT64_C(86400) * 1000)

struct site {
	struct scratch scratch;
	struct journal *journal;
	struct progress progress;
};

/* Record n was received n ms after the epoch. */
static int setup(void **state) {
	struct site *s = calloc(1, sizeof *s);
	*state = s;
	scratch_make(&s->scratch);
	s->journal = open_journal(&s->scratch, 64 << 20);
	progress_init(&s->progress);
	struct journal_entry entries[RECORDS / 3];
	char ids[RECORDS / 3][32];
	for (unsigned done = 0; done < RECORDS; done += ARRAY_LEN(entries)) {
		for (unsigned i = 0; i < ARRAY_LEN(entries); i++) {
			snprintf(ids[i], sizeof ids[i], "evt_%u", done + i + 1);
			entries[i] = (struct journal_entry){.record = make_record(ids[i], done + i + 1, VIEW("{}"))};
		}
		assert_int_equal(journal_append(s->journal, entries, ARRAY_LEN(entries), NULL), OK);
	}
	return 0;
}

static int teardown(void **state) {
	struct site *s = *state;
	journal_close(&s->journal);
	progress_finish(&s->progress);
	scratch_remove(&s->scratch);
	free(s);
	return 0;
}

static unsigned run(struct site *s, struct retention *r, int64_t now_ms) {
	bool more = true;
	unsigned steps = 0;
	for (; more && steps < 100; steps++) assert_int_equal(retention_step(r, s->journal, now_ms, &more, NULL), OK);
	assert_false(more);
	return steps;
}

static void deletes_by_age(void **state) {
	struct site *s = *state;
	struct retention r = {.retention_ms = DAY_MS};
	uint64_t first, head;
	run(s, &r, DAY_MS + 1);
	journal_ends(s->journal, &first, &head);
	assert_int_equal(first, 1); /* received at 1 ms: exactly as old as allowed */
	assert_false(r.held_by_worker);
	assert_true(run(s, &r, DAY_MS + 301) > 1);
	journal_ends(s->journal, &first, &head);
	assert_int_equal(first, 301);
	assert_int_equal(head, RECORDS);
	assert_int_equal(r.deleted, 300);
	/* the head stays, however old: the sequence goes on from it */
	run(s, &r, 1000 * DAY_MS);
	journal_ends(s->journal, &first, &head);
	assert_int_equal(first, RECORDS);
	assert_int_equal(head, RECORDS);
}

static void waits_for_the_slowest_worker(void **state) {
	struct site *s = *state;
	struct retention r = {.retention_ms = DAY_MS};
	uint64_t first, head;
	assert_int_equal(progress_report(&s->progress, VIEW("fast"), RECORDS), OK);
	assert_int_equal(progress_report(&s->progress, VIEW("slow"), 100), OK);
	assert_int_equal(progress_flush(&s->progress, s->journal, NULL), OK);
	run(s, &r, 2 * DAY_MS);
	journal_ends(s->journal, &first, &head);
	assert_int_equal(first, 101);
	run(s, &r, 2 * DAY_MS);
	assert_true(r.held_by_worker);
	assert_int_equal(r.slowest, 100);
	journal_ends(s->journal, &first, &head);
	assert_int_equal(first, 101);
	/* not held by it when there is nothing to expire */
	run(s, &r, 1);
	assert_false(r.held_by_worker);
	assert_int_equal(progress_report(&s->progress, VIEW("slow"), RECORDS), OK);
	assert_int_equal(progress_flush(&s->progress, s->journal, NULL), OK);
	run(s, &r, 2 * DAY_MS);
	assert_false(r.held_by_worker);
	journal_ends(s->journal, &first, &head);
	assert_int_equal(first, RECORDS);
}

static void keeps_progress(void **state) {
	struct site *s = *state;
	uint64_t slowest = 99;
	struct journal_reader *reader = NULL;
	assert_int_equal(progress_report(&s->progress, VIEW(""), 1), ERR_LIMIT);
	char name[STREAM_WORKER_MAX + 1];
	memset(name, 'w', sizeof name);
	assert_int_equal(progress_report(&s->progress, view_of(name, sizeof name), 1), ERR_LIMIT);
	assert_int_equal(progress_report(&s->progress, VIEW("w"), 7), OK);
	/* a store made anew starts over, and needs the records again */
	assert_int_equal(progress_report(&s->progress, VIEW("w"), 3), OK);
	assert_int_equal(progress_flush(&s->progress, s->journal, NULL), OK);
	assert_int_equal(journal_read_begin(s->journal, &reader, NULL), OK);
	assert_int_equal(journal_slowest_worker(reader, &slowest), OK);
	assert_int_equal(slowest, 3);
	journal_read_end(&reader);
	for (unsigned i = 1; i < PROGRESS_WORKERS_MAX; i++) {
		int n = snprintf(name, sizeof name, "worker%u", i);
		assert_int_equal(progress_report(&s->progress, view_of(name, (size_t)n), i), OK);
	}
	assert_int_equal(progress_report(&s->progress, VIEW("one too many"), 1), ERR_LIMIT);
	assert_int_equal(progress_report(&s->progress, VIEW("w"), 4), OK);
}

/* Each name takes a place in the journal for good: one that finds none must not hold up those who have theirs. */
static void writes_the_known_beside_one_too_many(void **state) {
	struct site *s = *state;
	char name[32];
	for (unsigned i = 0; i < PROGRESS_WORKERS_MAX; i++) {
		snprintf(name, sizeof name, "worker-%u", i);
		assert_int_equal(journal_worker_progress(s->journal, view_str(name), i ? 100 : 5, NULL), OK);
	}
	assert_int_equal(progress_report(&s->progress, VIEW("stranger"), 1), OK);
	assert_int_equal(progress_report(&s->progress, VIEW("worker-0"), 50), OK);
	assert_int_equal(progress_flush(&s->progress, s->journal, NULL), ERR_LIMIT);
	struct journal_reader *r = NULL;
	uint64_t slowest = 0;
	assert_int_equal(journal_read_begin(s->journal, &r, NULL), OK);
	assert_int_equal(journal_slowest_worker(r, &slowest), OK);
	journal_read_end(&r);
	assert_int_equal(slowest, 50);
}

static bool known(struct site *s, struct view worker) {
	struct journal_reader *r = NULL;
	assert_int_equal(journal_read_begin(s->journal, &r, NULL), OK);
	bool is = journal_worker_known(r, worker);
	journal_read_end(&r);
	return is;
}

static void forgets_who_is_gone(void **state) {
	struct site *s = *state;
	assert_int_equal(progress_report(&s->progress, VIEW("gone"), 7), OK);
	assert_int_equal(progress_report(&s->progress, VIEW("here"), 9), OK);
	assert_int_equal(progress_flush(&s->progress, s->journal, NULL), OK);
	assert_true(known(s, VIEW("gone")));
	assert_int_equal(progress_forget(&s->progress, VIEW("gone")), OK);
	assert_int_equal(progress_forget(&s->progress, VIEW("")), ERR_LIMIT);
	assert_int_equal(progress_flush(&s->progress, s->journal, NULL), OK);
	assert_false(known(s, VIEW("gone")));
	assert_true(known(s, VIEW("here")));
	/* its place is free for another, and for itself when it comes back with the number it had */
	assert_int_equal(progress_report(&s->progress, VIEW("other"), 1), OK);
	assert_int_equal(s->progress.count, 2);
	assert_int_equal(progress_report(&s->progress, VIEW("gone"), 7), OK);
	assert_int_equal(progress_flush(&s->progress, s->journal, NULL), OK);
	assert_true(known(s, VIEW("gone")));
	/* forgotten and heard of again before that was written */
	assert_int_equal(progress_forget(&s->progress, VIEW("gone")), OK);
	assert_int_equal(progress_report(&s->progress, VIEW("gone"), 8), OK);
	assert_int_equal(progress_flush(&s->progress, s->journal, NULL), OK);
	assert_true(known(s, VIEW("gone")));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(deletes_by_age, setup, teardown),
		cmocka_unit_test_setup_teardown(waits_for_the_slowest_worker, setup, teardown),
		cmocka_unit_test_setup_teardown(keeps_progress, setup, teardown),
		cmocka_unit_test_setup_teardown(forgets_who_is_gone, setup, teardown),
		cmocka_unit_test_setup_teardown(writes_the_known_beside_one_too_many, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
