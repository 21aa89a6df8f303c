/* Stores of another form, and what is remembered of evaluations. */
#include "fold_support.h"

#include "store/lmdb_shell.h"

/* A store whose meta table says that schema, with that many of today's tables (at least that one). */
static void make_store_of_schema(const char *dir, uint64_t schema, bool all_tables) {
	if (!all_tables) {
		static const char *const tables[] = {"meta", "cursors", "subs"};
		const struct lmdb_options o = {.dir = dir,
					       .no_sync = true,
					       .map_size = 1 << 20,
					       .tables = tables,
					       .table_count = ARRAY_LEN(tables)};
		struct lmdb db;
		assert_int_equal(lmdb_open(&o, &db, NULL), OK);
		lmdb_close(&db);
	}
	const char *const meta[] = {"meta"};
	const struct lmdb_options o = {
		.dir = dir, .no_sync = true, .map_size = 256 << 20, .tables = meta, .table_count = ARRAY_LEN(meta)};
	struct lmdb db;
	struct lmdb_txn t;
	assert_int_equal(lmdb_open(&o, &db, NULL), OK);
	assert_int_equal(lmdb_begin(&db, true, &t, NULL), OK);
	lmdb_put_u64(&t, 0, VIEW("schema"), schema);
	lmdb_put_u64(&t, 0, VIEW("epoch"), EPOCH);
	assert_int_equal(lmdb_commit(&t, NULL), OK);
	lmdb_close(&db);
}

static void assert_refused(const char *dir, const char *says, bool outdated) {
	for (unsigned read_only = 0; read_only < 2; read_only++) {
		const struct entitlements_options o = {
			.dir = dir, .read_only = read_only, .epoch = 1, .map_size = 256 << 20};
		struct entitlements *e = NULL;
		struct problem why = {0};
		assert_int_equal(entitlements_outdated(dir), outdated);
		assert_int_equal(entitlements_open(&o, &e, &why), ERR_VERSION);
		assert_null(e);
		assert_non_null(strstr(problem_text(&why), says));
	}
}

static void test_a_store_of_another_form_is_refused(void **state) {
	struct store *s = *state;
	const struct {
		uint64_t schema;
		bool all_tables;
		const char *says;
		bool outdated;
	} cases[] = {
		{1, false, "tiergate rebuild", true}, {1, true, "tiergate rebuild", true}, {99, true, "newer", false}};
	for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
		struct scratch other;
		scratch_make(&other);
		if (cases[i].all_tables) {
			struct store whole = {.scratch = other};
			open_at(&whole, 256 << 20);
			store_close(&whole);
		}
		make_store_of_schema(other.dir, cases[i].schema, cases[i].all_tables);
		assert_refused(other.dir, cases[i].says, cases[i].outdated);
		scratch_remove(&other);
	}
	assert_false(entitlements_outdated(s->scratch.dir));
	assert_false(entitlements_outdated("/nowhere"));
}

static void test_the_catalog_of_a_survey_is_remembered(void **state) {
	struct store *s = *state;
	assert_int_equal(look_surveyed(s->l), 0);
	begin(s);
	assert_int_equal(fold_surveyed(s->f, 4711), OK);
	fold_abort(&s->f);
	assert_int_equal(look_renew(s->l), OK);
	assert_int_equal(look_surveyed(s->l), 0);
	begin(s);
	assert_int_equal(fold_surveyed(s->f, 4711), OK);
	commit(s);
	assert_int_equal(look_surveyed(s->l), 4711);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)
	const struct CMUnitTest tests[] = {
		T(test_a_store_of_another_form_is_refused),
		T(test_the_catalog_of_a_survey_is_remembered),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
