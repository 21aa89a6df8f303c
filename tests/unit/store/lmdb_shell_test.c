#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "store/journal.h"
#include "store/lmdb_shell.h"
#include "support/scratch.h"

static const char *const names[] = {"a", "b"};

struct fixture {
	struct scratch scratch;
	struct lmdb db;
};

static int setup(void **state) {
	struct fixture *f = calloc(1, sizeof *f);
	scratch_make(&f->scratch);
	const struct lmdb_options o = {
		.dir = f->scratch.dir, .map_size = 1 << 20, .no_sync = true, .tables = names, .table_count = 2};
	*state = f;
	return (int)lmdb_open(&o, &f->db, NULL);
}

static int teardown(void **state) {
	struct fixture *f = *state;
	lmdb_close(&f->db);
	scratch_remove(&f->scratch);
	free(f);
	return 0;
}

static void test_foreign_errors_are_translated(void **state) {
	(void)state;
	static const struct {
		int code;
		enum error error;
	} cases[] = {{0, OK},
		     {MDB_NOTFOUND, ERR_NOT_FOUND},
		     {MDB_KEYEXIST, ERR_EXISTS},
		     {MDB_MAP_FULL, ERR_FULL},
		     {ENOSPC, ERR_FULL},
		     {EDQUOT, ERR_FULL},
		     {EIO, ERR_STORAGE},
		     {MDB_PANIC, ERR_STORAGE},
		     {MDB_CORRUPTED, ERR_STORAGE},
		     {MDB_BAD_TXN, ERR_STORAGE},
		     {ENOMEM, ERR_MEMORY},
		     {EAGAIN, ERR_UNAVAILABLE},
		     {MDB_READERS_FULL, ERR_UNAVAILABLE},
		     {MDB_VERSION_MISMATCH, ERR_VERSION},
		     {MDB_INVALID, ERR_MALFORMED},
		     {EACCES, ERR_IO}};
	for (unsigned i = 0; i < ARRAY_LEN(cases); i++) assert_int_equal(lmdb_error(cases[i].code), cases[i].error);
	struct problem why;
	assert_int_equal(lmdb_problem(&why, EAGAIN, "begin"), ERR_UNAVAILABLE);
	assert_non_null(strstr(why.text, "PID namespace"));
}

static void test_errors_are_sticky(void **state) {
	struct fixture *f = *state;
	struct lmdb_txn t;
	struct view v;
	struct problem why = {0};
	assert_int_equal(lmdb_begin(&f->db, true, &t, NULL), OK);
	lmdb_put(&t, 0, VIEW("k"), VIEW("1"));
	lmdb_fail(&t, ERR_LIMIT, "too much");
	lmdb_fail(&t, ERR_IO, "later");
	lmdb_put(&t, 0, VIEW("k"), VIEW("2"));
	assert_false(lmdb_get(&t, 0, VIEW("k"), &v));
	assert_false(lmdb_insert(&t, 0, VIEW("l"), VIEW("2")));
	assert_false(lmdb_del(&t, 0, VIEW("k")));
	assert_int_equal(lmdb_commit(&t, &why), ERR_LIMIT);
	assert_string_equal(why.text, "too much");
	assert_int_equal(lmdb_begin(&f->db, false, &t, NULL), OK);
	assert_false(lmdb_get(&t, 0, VIEW("k"), &v));
	assert_int_equal(t.error, OK);
	lmdb_abort(&t);
}

static void test_a_bad_key_is_an_error(void **state) {
	struct fixture *f = *state;
	struct lmdb_txn t;
	assert_int_equal(lmdb_begin(&f->db, true, &t, NULL), OK);
	lmdb_put(&t, 0, VIEW_NONE, VIEW("1"));
	assert_int_equal(lmdb_commit(&t, NULL), ERR_LIMIT);
}

static void test_rows_and_cursors(void **state) {
	struct fixture *f = *state;
	struct lmdb_txn t;
	struct lmdb_cursor c;
	struct view v;
	assert_int_equal(lmdb_begin(&f->db, true, &t, NULL), OK);
	for (uint64_t i = 1; i <= 5; i++) {
		const struct key_u64 key = key_u64(i * 10);
		lmdb_append(&t, 0, key_u64_view(&key), VIEW("x"));
	}
	lmdb_add(&t, 1, VIEW("m"), VIEW("1"));
	lmdb_add(&t, 1, VIEW("a"), VIEW("2"));
	lmdb_add(&t, 1, VIEW("z"), VIEW("3"));
	assert_false(lmdb_insert(&t, 1, VIEW("m"), VIEW("9")));
	assert_false(lmdb_insert(&t, 1, VIEW("z"), VIEW("9")));
	assert_true(lmdb_insert(&t, 1, VIEW("b"), VIEW("4")));
	assert_true(lmdb_del(&t, 1, VIEW("a")));
	assert_false(lmdb_del(&t, 1, VIEW("a")));
	assert_int_equal(lmdb_commit(&t, NULL), OK);

	assert_int_equal(lmdb_begin(&f->db, false, &t, NULL), OK);
	assert_int_equal(lmdb_count(&t, 0), 5);
	assert_int_equal(lmdb_count(&t, 1), 3);
	assert_true(lmdb_get(&t, 1, VIEW("m"), &v) && view_eq(v, VIEW("1")));
	lmdb_cursor_open(&t, 0, &c);
	const struct key_u64 from = key_u64(25);
	assert_true(lmdb_seek(&c, key_u64_view(&from)) && view_u64(c.key) == 30);
	assert_true(lmdb_prev(&c) && view_u64(c.key) == 20);
	assert_true(lmdb_next(&c) && view_u64(c.key) == 30);
	assert_true(lmdb_last(&c) && view_u64(c.key) == 50);
	assert_false(lmdb_next(&c));
	assert_true(lmdb_first(&c) && view_u64(c.key) == 10);
	assert_false(lmdb_prev(&c));
	lmdb_cursor_close(&c);
	lmdb_abort(&t);
}

/* An append out of order would be a damaged table: it must never pass for "exists". */
static void test_an_append_must_be_the_greatest(void **state) {
	struct fixture *f = *state;
	struct lmdb_txn t;
	assert_int_equal(lmdb_begin(&f->db, true, &t, NULL), OK);
	lmdb_append(&t, 0, VIEW("b"), VIEW("1"));
	lmdb_append(&t, 0, VIEW("a"), VIEW("1"));
	assert_int_equal(lmdb_commit(&t, NULL), ERR_STORAGE);
	/* that is the caller's fault and not the disk's: the next may write */
	assert_int_equal(lmdb_begin(&f->db, true, &t, NULL), OK);
	assert_int_equal(lmdb_commit(&t, NULL), OK);
}

static void test_room_shrinks_and_comes_back(void **state) {
	struct fixture *f = *state;
	struct lmdb_txn t;
	uint64_t before = lmdb_room(&f->db, UINT64_MAX);
	static char large[100000];
	assert_int_equal(lmdb_begin(&f->db, true, &t, NULL), OK);
	lmdb_put(&t, 0, VIEW("k"), view_of(large, sizeof large));
	assert_int_equal(lmdb_commit(&t, NULL), OK);
	uint64_t after = lmdb_room(&f->db, UINT64_MAX);
	assert_true(after + sizeof large <= before);
	assert_int_equal(lmdb_begin(&f->db, true, &t, NULL), OK);
	(void)lmdb_del(&t, 0, VIEW("k"));
	assert_int_equal(lmdb_commit(&t, NULL), OK);
	assert_true(lmdb_room(&f->db, UINT64_MAX) >= after + sizeof large);
	/* the cheap answer leaves out what was used once */
	assert_true(lmdb_room(&f->db, 0) < before);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_foreign_errors_are_translated),
		T(test_errors_are_sticky),
		T(test_a_bad_key_is_an_error),
		T(test_rows_and_cursors),
		T(test_an_append_must_be_the_greatest),
		T(test_room_shrinks_and_comes_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
