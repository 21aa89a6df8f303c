/* Which workers a journal knows, and how far the slowest is. */
#include "journal_support.h"

static void test_workers(void **state) {
	struct fixture *f = *state;
	struct journal_reader *r = NULL;
	uint64_t seq;
	assert_int_equal(journal_read_begin(f->j, &r, NULL), OK);
	assert_int_equal(journal_slowest_worker(r, &seq), ERR_NOT_FOUND);
	journal_read_end(&r);
	assert_int_equal(journal_worker_progress(f->j, VIEW("a"), 10, NULL), OK);
	assert_int_equal(journal_worker_progress(f->j, VIEW("b"), 7, NULL), OK);
	assert_int_equal(journal_worker_progress(f->j, VIEW("b"), 12, NULL), OK);
	assert_int_equal(journal_read_begin(f->j, &r, NULL), OK);
	assert_int_equal(journal_slowest_worker(r, &seq), OK);
	assert_int_equal(seq, 10);
	journal_read_end(&r);
	assert_int_equal(journal_worker_progress(f->j, VIEW(""), 1, NULL), ERR_LIMIT);
	enum error e = OK;
	for (unsigned i = 0; i < 100 && !e; i++) {
		char name[16];
		(void)snprintf(name, sizeof name, "w%u", i);
		e = journal_worker_progress(f->j, view_str(name), 1, NULL);
	}
	assert_int_equal(e, ERR_LIMIT);
	assert_int_equal(journal_worker_progress(f->j, VIEW("a"), 11, NULL), OK);
}

static void test_a_worker_is_forgotten(void **state) {
	struct fixture *f = *state;
	struct journal_reader *r = NULL;
	uint64_t seq;
	assert_int_equal(journal_worker_progress(f->j, VIEW("a"), 10, NULL), OK);
	assert_int_equal(journal_worker_progress(f->j, VIEW("ab"), 7, NULL), OK);
	assert_int_equal(journal_worker_forget(f->j, VIEW("stranger"), NULL), OK);
	assert_int_equal(journal_worker_forget(f->j, VIEW(""), NULL), ERR_LIMIT);
	assert_int_equal(journal_worker_forget(f->j, VIEW("ab"), NULL), OK);
	assert_int_equal(journal_read_begin(f->j, &r, NULL), OK);
	assert_true(journal_worker_known(r, VIEW("a")));
	assert_false(journal_worker_known(r, VIEW("ab")));
	assert_int_equal(journal_slowest_worker(r, &seq), OK);
	assert_int_equal(seq, 10);
	journal_read_end(&r);
	assert_int_equal(journal_worker_forget(f->j, VIEW("a"), NULL), OK);
	assert_int_equal(journal_read_begin(f->j, &r, NULL), OK);
	assert_int_equal(journal_slowest_worker(r, &seq), ERR_NOT_FOUND);
	journal_read_end(&r);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_workers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_worker_is_forgotten, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
