/* What is appended is there, once, whole and in order. */
#include "journal_support.h"

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
	const struct journal_options o = {.dir = f->scratch.dir, .origin = 123, .map_size = LARGE_MAP};
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

static void test_usage(void **state) {
	struct fixture *f = *state;
	struct store_usage before, after;
	assert_int_equal(journal_usage(f->j, &before), OK);
	append_ids(f->j, "evt_", 0, 100, 1);
	assert_int_equal(journal_usage(f->j, &after), OK);
	assert_int_equal(after.map_size, LARGE_MAP);
	assert_true(after.used > before.used);
	assert_true(after.used < after.map_size);
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
		cmocka_unit_test_setup_teardown(test_usage, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
