#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "store/journal.h"
#include "support/random.h"
#include "support/scratch.h"

#define ORIGIN 77
#define SMALL_MAP (1 << 20)
#define NOW_MS INT64_C(1800000000000)

struct fixture {
	struct scratch scratch;
	struct journal *j;
};

static enum error try_open(struct fixture *f, bool read_only, uint64_t map_size) {
	struct problem why = {0};
	const struct journal_options o = {
		.dir = f->scratch.dir, .read_only = read_only, .map_size = map_size, .origin = ORIGIN};
	enum error e = journal_open(&o, &f->j, &why);
	if (e && read_only) return e;
	if (e) fail_msg("open: %s", problem_text(&why));
	return e;
}

static int setup_map(void **state, uint64_t map_size) {
	struct fixture *f = calloc(1, sizeof *f);
	scratch_make(&f->scratch);
	*state = f;
	return (int)try_open(f, false, map_size);
}

static int setup(void **state) { return setup_map(state, 1 << 30); }
static int setup_small(void **state) { return setup_map(state, SMALL_MAP); }

static int teardown(void **state) {
	struct fixture *f = *state;
	journal_close(&f->j);
	scratch_remove(&f->scratch);
	free(f);
	return 0;
}

static struct journal_entry entry(const char *id, int64_t received_ms, struct view body) {
	return (struct journal_entry){.record = {.kind = RECORD_EVENT,
						 .received_ms = received_ms,
						 .created = received_ms / 1000,
						 .id = view_str(id),
						 .type = VIEW("customer.created"),
						 .body = body}};
}

static void append_ids(struct journal *j, const char *prefix, unsigned from, unsigned n, int64_t received_ms) {
	struct problem why = {0};
	for (unsigned i = from; i < from + n; i++) {
		char id[64];
		(void)snprintf(id, sizeof id, "%s%u", prefix, i);
		struct journal_entry e = entry(id, received_ms, VIEW("{}"));
		if (journal_append(j, &e, 1, &why)) fail_msg("append: %s", problem_text(&why));
	}
}

static void bounds(struct journal *j, uint64_t *first, uint64_t *head) {
	struct journal_reader *r = NULL;
	assert_int_equal(journal_read_begin(j, &r, NULL), OK);
	journal_bounds(r, first, head);
	journal_read_end(&r);
}

static void assert_bounds(struct journal *j, uint64_t first, uint64_t head) {
	uint64_t f, h;
	bounds(j, &f, &h);
	assert_int_equal(f, first);
	assert_int_equal(h, head);
}

/* every record is whole, numbered without a gap, and found by its id */
static void assert_sound(struct journal *j) {
	struct journal_reader *r = NULL;
	uint64_t first, head, seq;
	struct view bytes;
	assert_int_equal(journal_read_begin(j, &r, NULL), OK);
	journal_bounds(r, &first, &head);
	for (uint64_t i = first; head && i <= head; i++) {
		struct record rec;
		assert_int_equal(journal_read(r, i, &seq, &bytes), OK);
		assert_int_equal(seq, i);
		assert_int_equal(record_read(bytes, &rec), OK);
		assert_int_equal(rec.seq, i);
		assert_int_equal(rec.origin, ORIGIN);
		assert_int_equal(journal_find(r, rec.livemode, rec.account, rec.id, &seq), OK);
		assert_int_equal(seq, i);
	}
	assert_int_equal(journal_read(r, head + 1, &seq, &bytes), ERR_NOT_FOUND);
	journal_read_end(&r);
}

static void test_appends_and_reads(void **state) {
	struct fixture *f = *state;
	assert_bounds(f->j, 0, 0);
	struct journal_entry e[3] = {entry("evt_a", 1, VIEW("{\"a\":1}")), entry("evt_b", 2, VIEW("{}")),
				     entry("evt_c", 3, VIEW("{}"))};
	assert_int_equal(journal_append(f->j, e, 3, NULL), OK);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(e[i].record.seq, i + 1);
		assert_int_equal(e[i].record.origin, ORIGIN);
		assert_false(e[i].duplicate);
	}
	assert_bounds(f->j, 1, 3);
	assert_sound(f->j);

	struct journal_reader *r = NULL;
	uint64_t seq;
	struct view bytes;
	assert_int_equal(journal_read_begin(f->j, &r, NULL), OK);
	assert_int_equal(journal_read(r, 0, &seq, &bytes), OK);
	assert_int_equal(seq, 1);
	assert_true(view_eq(bytes, e[0].bytes));
	assert_int_equal(journal_read(r, 3, &seq, &bytes), OK);
	assert_true(view_eq(bytes, e[2].bytes));
	journal_read_end(&r);
}

static void test_knows_duplicates(void **state) {
	struct fixture *f = *state;
	struct journal_entry e[4] = {entry("evt_a", 1, VIEW("{}")), entry("evt_a", 2, VIEW("{}")),
				     entry("evt_b", 3, VIEW("{}")), entry("evt_a", 4, VIEW("{}"))};
	e[3].record.livemode = true; /* another mode is another event */
	assert_int_equal(journal_append(f->j, e, 4, NULL), OK);
	assert_false(e[0].duplicate);
	assert_true(e[1].duplicate);
	assert_int_equal(e[1].record.seq, 1);
	assert_int_equal(e[1].bytes.len, 0);
	assert_int_equal(e[2].record.seq, 2);
	assert_false(e[3].duplicate);
	assert_int_equal(e[3].record.seq, 3);

	struct journal_entry again[2] = {entry("evt_b", 9, VIEW("{}")), entry("evt_b", 9, VIEW("{}"))};
	again[1].record.account = VIEW("acct_1");
	assert_int_equal(journal_append(f->j, again, 2, NULL), OK);
	assert_true(again[0].duplicate);
	assert_int_equal(again[0].record.seq, 2);
	assert_false(again[1].duplicate);
	assert_int_equal(again[1].record.seq, 4);
	assert_bounds(f->j, 1, 4);
	assert_sound(f->j);
}

static void test_refuses_a_whole_batch(void **state) {
	struct fixture *f = *state;
	char longer[STRIPE_ID_MAX + 2];
	memset(longer, 'x', sizeof longer - 1);
	longer[sizeof longer - 1] = '\0';
	const char *bad[] = {"", longer};
	for (unsigned i = 0; i < 2; i++) {
		struct problem why = {0};
		struct journal_entry e[2] = {entry("evt_a", 1, VIEW("{}")), entry(bad[i], 1, VIEW("{}"))};
		assert_int_equal(journal_append(f->j, e, 2, &why), ERR_LIMIT);
		assert_true(why.text[0] != '\0');
		assert_int_equal(e[0].record.seq, 0);
		assert_int_equal(e[0].bytes.len, 0);
		assert_bounds(f->j, 0, 0);
	}
	struct journal_entry none[JOURNAL_BATCH_MAX + 1] = {{.duplicate = false}};
	assert_int_equal(journal_append(f->j, none, JOURNAL_BATCH_MAX + 1, NULL), ERR_LIMIT);
	assert_int_equal(journal_append(f->j, none, 0, NULL), OK);
}

static void test_takes_the_largest_batch(void **state) {
	struct fixture *f = *state;
	char *body = calloc(1, (size_t)EVENT_BODY_MAX);
	struct journal_entry *e = calloc(JOURNAL_BATCH_MAX, sizeof *e);
	char ids[JOURNAL_BATCH_MAX][16];
	for (unsigned i = 0; i < JOURNAL_BATCH_MAX; i++) {
		(void)snprintf(ids[i], sizeof ids[i], "evt_%u", i);
		e[i] = entry(ids[i], 1, view_of(body, (size_t)EVENT_BODY_MAX));
	}
	struct problem why = {0};
	enum error rc = journal_append(f->j, e, JOURNAL_BATCH_MAX, &why);
	if (rc) fail_msg("%s", problem_text(&why));
	assert_bounds(f->j, 1, JOURNAL_BATCH_MAX);
	struct record r;
	assert_int_equal(record_read(e[JOURNAL_BATCH_MAX - 1].bytes, &r), OK);
	append_ids(f->j, "evt_small", 0, 3, 1);
	free(e);
	free(body);
}

static void test_reopens(void **state) {
	struct fixture *f = *state;
	append_ids(f->j, "evt_", 0, 5, 1);
	journal_close(&f->j);
	const struct journal_options o = {.dir = f->scratch.dir, .origin = 123, .map_size = 1 << 30};
	assert_int_equal(journal_open(&o, &f->j, NULL), OK);
	assert_int_equal(journal_origin(f->j), ORIGIN);
	struct journal_entry e = entry("evt_3", 1, VIEW("{}"));
	assert_int_equal(journal_append(f->j, &e, 1, NULL), OK);
	assert_true(e.duplicate);
	append_ids(f->j, "evt_", 5, 1, 1);
	assert_bounds(f->j, 1, 6);
}

/* An answer given for a record in a file that is gone would be an event lost without a word. */
static void test_notices_that_its_file_is_gone(void **state) {
	struct fixture *f = *state;
	struct problem why = {0};
	char path[512], other[512];
	append_ids(f->j, "evt_", 0, 1, 1);
	(void)snprintf(path, sizeof path, "%s/data.mdb", f->scratch.dir);
	(void)snprintf(other, sizeof other, "%s/moved.mdb", f->scratch.dir);
	assert_int_equal(rename(path, other), 0);
	struct journal_entry e = entry("evt_1", 1, VIEW("{}"));
	assert_int_equal(journal_append(f->j, &e, 1, &why), ERR_STORAGE);
	assert_non_null(strstr(why.text, "removed or replaced"));
	assert_int_equal(rename(other, path), 0);
	assert_int_equal(journal_append(f->j, &e, 1, &why), ERR_STORAGE); /* until a restart has looked again */
}

static void test_needs_an_origin_and_a_journal(void **state) {
	(void)state;
	struct fixture f;
	struct journal *j = NULL;
	scratch_make(&f.scratch);
	struct journal_options o = {.dir = f.scratch.dir, .map_size = 1 << 20};
	o.read_only = true;
	assert_int_equal(journal_open(&o, &j, NULL), ERR_NOT_FOUND);
	o.read_only = false;
	assert_int_equal(journal_open(&o, &j, NULL), ERR_USAGE);
	/* the tables are there, the origin is not: still not a journal to a reader */
	o.read_only = true;
	assert_int_equal(journal_open(&o, &j, NULL), ERR_NOT_FOUND);
	assert_null(j);
	scratch_remove(&f.scratch);
}

static void test_makes_its_directories(void **state) {
	struct fixture *f = *state;
	char dir[300];
	struct stat st;
	(void)snprintf(dir, sizeof dir, "%s/a/b//c/", f->scratch.dir);
	const struct journal_options o = {.dir = dir, .origin = 5, .map_size = 1 << 20};
	struct journal *j = NULL;
	assert_int_equal(journal_open(&o, &j, NULL), OK);
	journal_close(&j);
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	(void)snprintf(dir, sizeof dir, "%s/a/b/c/data.mdb", f->scratch.dir);
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

/* ---- retention ------------------------------------------------------------------ */

/* Stripe can tell its events again; nobody could tell an operator's gift again. */
static void test_carries_overrides(void **state) {
	struct fixture *f = *state;
	struct journal_entry given = entry("ovr_1_g", 1000, VIEW("{\"op\":\"grant\"}"));
	struct journal_reader *r = NULL;
	struct record carried;
	struct view bytes;
	uint64_t seq = 0;
	size_t n = 0;

	given.record.kind = RECORD_OVERRIDE;
	assert_int_equal(journal_append(f->j, &given, 1, NULL), OK);
	append_ids(f->j, "evt_", 0, 5, 1001);
	/* twice: the carried one has the age of its carrying, so the second time it is the newest by far */
	for (int round = 0; round < 2; round++) {
		assert_int_equal(journal_expire(f->j, NOW_MS, 9999, UINT64_MAX, 100, &n, NULL), OK);
		assert_int_equal(n, round ? 1 : 5);
		assert_bounds(f->j, round ? 7 : 6, 7);
	}
	assert_int_equal(journal_expire(f->j, NOW_MS, 9999, UINT64_MAX, 100, &n, NULL), OK);
	assert_int_equal(n, 0);
	assert_sound(f->j);
	assert_int_equal(journal_read_begin(f->j, &r, NULL), OK);
	assert_int_equal(journal_find(r, false, VIEW_NONE, VIEW("ovr_1_g"), &seq), OK);
	assert_int_equal(seq, 7);
	assert_int_equal(journal_read(r, seq, &seq, &bytes), OK);
	assert_int_equal(record_read(bytes, &carried), OK);
	assert_int_equal(carried.seq, 7);
	assert_int_equal(carried.received_ms, NOW_MS);
	assert_int_equal(carried.created, given.record.created);
	assert_true(view_eq(carried.body, VIEW("{\"op\":\"grant\"}")));
	journal_read_end(&r);
	/* and the same grant again is still a duplicate */
	assert_int_equal(journal_append(f->j, &given, 1, NULL), OK);
	assert_true(given.duplicate);
}

static void test_expires_the_oldest(void **state) {
	struct fixture *f = *state;
	size_t n = 99;
	for (unsigned i = 0; i < 10; i++) append_ids(f->j, "evt_", i, 1, 1000 + i);

	assert_int_equal(journal_expire(f->j, NOW_MS, 1000, 100, 100, &n, NULL), OK);
	assert_int_equal(n, 0);
	assert_int_equal(journal_expire(f->j, NOW_MS, 1005, 100, 2, &n, NULL), OK);
	assert_int_equal(n, 2);
	assert_bounds(f->j, 3, 10);
	assert_int_equal(journal_expire(f->j, NOW_MS, 1005, 4, 100, &n, NULL), OK);
	assert_int_equal(n, 1);
	assert_bounds(f->j, 4, 10);
	assert_int_equal(journal_expire(f->j, NOW_MS, 9999, UINT64_MAX, 100, &n, NULL), OK);
	assert_bounds(f->j, 10, 10);
	assert_sound(f->j);
	assert_int_equal(journal_expire(f->j, NOW_MS, 9999, UINT64_MAX, 100, &n, NULL), OK);
	assert_int_equal(n, 0);

	/* an expired id is forgotten: it may come again, with a number of its own */
	struct journal_entry e = entry("evt_0", 2000, VIEW("{}"));
	assert_int_equal(journal_append(f->j, &e, 1, NULL), OK);
	assert_false(e.duplicate);
	assert_int_equal(e.record.seq, 11);
	assert_sound(f->j);
}

static void test_full_then_room_again(void **state) {
	struct fixture *f = *state;
	char body[3000];
	memset(body, ' ', sizeof body);
	enum error e = OK;
	uint64_t first, head;
	unsigned stored = 0;
	struct problem why = {0};
	for (; e == OK && stored < 10000; stored++) {
		char id[32];
		(void)snprintf(id, sizeof id, "evt_%u", stored);
		struct journal_entry x = entry(id, stored, view_of(body, sizeof body));
		e = journal_append(f->j, &x, 1, &why);
		if (e) assert_int_equal(x.record.seq, 0);
	}
	stored--;
	assert_int_equal(e, ERR_FULL);
	assert_bounds(f->j, 1, stored);
	assert_sound(f->j);
	assert_true(stored > 50);

	/* the oldest half may go, in as many steps as the room allows */
	size_t n = 1, deleted = 0;
	while (n > 0) {
		assert_int_equal(journal_expire(f->j, NOW_MS, INT64_MAX, stored / 2, 50, &n, &why), OK);
		deleted += n;
	}
	assert_int_equal(deleted, stored / 2 - 1);
	struct journal_entry again = entry("evt_again", 1, view_of(body, sizeof body));
	assert_int_equal(journal_append(f->j, &again, 1, &why), OK);
	bounds(f->j, &first, &head);
	assert_int_equal(head, stored + 1);
	assert_sound(f->j);
}

static void test_full_of_small_ones_can_be_emptied(void **state) {
	struct fixture *f = *state;
	enum error e = OK;
	unsigned round = 0;
	/* several times round: whatever the state of the free list, retention gets it going again */
	for (unsigned i = 0; round < 4; i++) {
		char id[32];
		(void)snprintf(id, sizeof id, "evt_%u_%u", i * 2654435761u, i);
		struct journal_entry x = entry(id, 1, VIEW("{}"));
		e = journal_append(f->j, &x, 1, NULL);
		if (e == OK) continue;
		assert_int_equal(e, ERR_FULL);
		size_t n = 1;
		while (n > 0) assert_int_equal(journal_expire(f->j, NOW_MS, 2, UINT64_MAX, 500, &n, NULL), OK);
		round++;
	}
	assert_sound(f->j);
}

static void test_usage(void **state) {
	struct fixture *f = *state;
	struct store_usage before, after;
	assert_int_equal(journal_usage(f->j, &before), OK);
	append_ids(f->j, "evt_", 0, 100, 1);
	assert_int_equal(journal_usage(f->j, &after), OK);
	assert_int_equal(after.map_size, 1 << 30);
	assert_true(after.used > before.used);
	assert_true(after.used < after.map_size);
}

/* ---- other processes --------------------------------------------------------------- */

/* Runs `body` in a child, which must end with status 0. */
#define IN_CHILD(body)                                                                                                 \
	do {                                                                                                           \
		pid_t child_pid = fork();                                                                              \
		assert_true(child_pid >= 0);                                                                           \
		if (child_pid == 0) {                                                                                  \
			bool ok = body;                                                                                \
			quick_exit(ok ? 0 : 1);                                                                        \
		}                                                                                                      \
		int child_status;                                                                                      \
		assert_int_equal(waitpid(child_pid, &child_status, 0), child_pid);                                     \
		assert_int_equal(child_status, 0);                                                                     \
	} while (0)

static bool reads_head(const char *dir, uint64_t head) {
	const struct journal_options o = {.dir = dir, .read_only = true};
	struct journal *j = NULL;
	struct journal_reader *r = NULL;
	uint64_t first, h;
	if (journal_open(&o, &j, NULL) || journal_read_begin(j, &r, NULL)) return false;
	journal_bounds(r, &first, &h);
	struct journal_entry e = entry("evt_x", 1, VIEW("{}"));
	bool refused = journal_append(j, &e, 1, NULL) == ERR_USAGE;
	journal_read_end(&r);
	journal_close(&j);
	return h == head && refused;
}

static bool second_writer_refused(const char *dir) {
	const struct journal_options o = {.dir = dir, .origin = 1, .map_size = 1 << 30};
	struct journal *j = NULL;
	struct problem why = {0};
	return journal_open(&o, &j, &why) == ERR_UNAVAILABLE && strstr(why.text, "another process") != NULL;
}

static void test_other_processes(void **state) {
	struct fixture *f = *state;
	append_ids(f->j, "evt_", 0, 5, 1);
	IN_CHILD(reads_head(f->scratch.dir, 5));
	IN_CHILD(second_writer_refused(f->scratch.dir));
	append_ids(f->j, "evt_", 5, 5, 1);
	IN_CHILD(reads_head(f->scratch.dir, 10));
}

/* Appends without end and tells the pipe of every sequence that journal_append vouched for. */
static void append_until_killed(const char *dir, int out, unsigned round) {
	const struct journal_options o = {.dir = dir, .origin = ORIGIN, .map_size = 1 << 30};
	struct journal *j = NULL;
	static char body[9000];
	if (journal_open(&o, &j, NULL)) quick_exit(1);
	for (unsigned n = 0;; n++) {
		struct journal_entry e[7];
		char ids[7][40];
		for (unsigned i = 0; i < 7; i++) {
			(void)snprintf(ids[i], sizeof ids[i], "evt_%u_%u_%u", round, n, i);
			e[i] = entry(ids[i], 1, view_of(body, ((size_t)n * 7 + i) * 131 % sizeof body));
		}
		if (journal_append(j, e, 7, NULL)) quick_exit(1);
		uint64_t seq = e[6].record.seq;
		if (write(out, &seq, sizeof seq) != (ssize_t)sizeof seq) quick_exit(1);
	}
}

static void test_survives_kill(void **state) {
	struct fixture *f = *state;
	struct random seed = random_start();
	uint64_t vouched = 0, first, head;
	for (unsigned round = 0; round < 15; round++) {
		int pipes[2];
		journal_close(&f->j);
		assert_int_equal(pipe(pipes), 0);
		pid_t pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) append_until_killed(f->scratch.dir, pipes[1], round);
		(void)close(pipes[1]);
		/* killed in the midst of a later append than those read of here */
		size_t reads = 1 + random_below(&seed, 12);
		uint64_t seq = 0;
		for (size_t i = 0; i < reads; i++) {
			assert_int_equal(read(pipes[0], &seq, sizeof seq), sizeof seq);
			vouched = seq;
		}
		assert_int_equal(kill(pid, SIGKILL), 0);
		while (read(pipes[0], &seq, sizeof seq) == (ssize_t)sizeof seq) vouched = seq;
		int status;
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		(void)close(pipes[0]);
		assert_int_equal(try_open(f, false, 1 << 30), OK);
		bounds(f->j, &first, &head);
		assert_true(head >= vouched);
		assert_int_equal(head % 7, 0);
		assert_sound(f->j);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_appends_and_reads, setup, teardown),
		cmocka_unit_test_setup_teardown(test_knows_duplicates, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refuses_a_whole_batch, setup, teardown),
		cmocka_unit_test_setup_teardown(test_takes_the_largest_batch, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reopens, setup, teardown),
		cmocka_unit_test_setup_teardown(test_notices_that_its_file_is_gone, setup, teardown),
		cmocka_unit_test(test_needs_an_origin_and_a_journal),
		cmocka_unit_test_setup_teardown(test_makes_its_directories, setup, teardown),
		cmocka_unit_test_setup_teardown(test_carries_overrides, setup, teardown),
		cmocka_unit_test_setup_teardown(test_expires_the_oldest, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full_then_room_again, setup_small, teardown),
		cmocka_unit_test_setup_teardown(test_full_of_small_ones_can_be_emptied, setup_small, teardown),
		cmocka_unit_test_setup_teardown(test_usage, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_processes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_survives_kill, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
