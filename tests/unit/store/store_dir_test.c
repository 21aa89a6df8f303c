#include "store/store_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/entitlements.h"
#include "support/scratch.h"

struct fixture {
	struct scratch scratch;
	char dir[PATH_MAX], fresh[PATH_MAX], old[PATH_MAX];
};

static int setup(void **state) {
	struct fixture *f = calloc(1, sizeof *f);
	scratch_make(&f->scratch);
	(void)snprintf(f->dir, sizeof f->dir, "%s/store", f->scratch.dir);
	*state = f;
	return store_dir_beside(f->dir, STORE_NEW, f->fresh, NULL) || store_dir_beside(f->dir, STORE_OLD, f->old, NULL);
}

static int teardown(void **state) {
	struct fixture *f = *state;
	assert_int_equal(store_dir_remove(f->dir, NULL), OK);
	assert_int_equal(store_dir_remove(f->fresh, NULL), OK);
	assert_int_equal(store_dir_remove(f->old, NULL), OK);
	scratch_remove(&f->scratch);
	free(f);
	return 0;
}

/* A store that is told by its epoch. */
static void make(const char *dir, uint64_t epoch) {
	const struct entitlements_options o = {.dir = dir, .map_size = 1 << 20, .epoch = epoch};
	struct entitlements *e = NULL;
	assert_int_equal(entitlements_open(&o, &e, NULL), OK);
	entitlements_close(&e);
}

/* 0: none is there. */
static uint64_t epoch_at(const char *dir) {
	const struct entitlements_options o = {.dir = dir, .read_only = true};
	struct entitlements *e = NULL;
	if (entitlements_open(&o, &e, NULL)) return 0;
	uint64_t epoch = entitlements_epoch(e);
	entitlements_close(&e);
	return epoch;
}

static bool exists(const char *path) {
	struct stat st;
	return lstat(path, &st) == 0;
}

static void names(void **state) {
	(void)state;
	char out[PATH_MAX];
	assert_int_equal(store_dir_beside("a/b", ".new", out, NULL), OK);
	assert_string_equal(out, "a/b.new");
	assert_int_equal(store_dir_beside("a/b///", ".new", out, NULL), OK);
	assert_string_equal(out, "a/b.new");
	char long_name[PATH_MAX];
	memset(long_name, 'x', sizeof long_name - 1);
	long_name[sizeof long_name - 1] = '\0';
	assert_int_equal(store_dir_beside(long_name, ".new", out, NULL), ERR_CONFIG);
}

static void replaces(void **state) {
	struct fixture *f = *state;
	make(f->dir, 1);
	make(f->fresh, 2);
	assert_int_equal(store_dir_replace(f->dir, NULL), OK);
	assert_int_equal(epoch_at(f->dir), 2);
	assert_int_equal(store_dir_remove(f->fresh, NULL), OK);
	assert_int_equal(store_dir_remove(f->old, NULL), OK);
	assert_false(exists(f->fresh) || exists(f->old));
	/* nothing to put in its place: it stays */
	assert_int_not_equal(store_dir_replace(f->dir, NULL), OK);
	assert_int_equal(epoch_at(f->dir), 2);
}

static void recovers(void **state) {
	struct fixture *f = *state;
	assert_int_equal(store_dir_recover(f->dir, NULL), OK); /* nothing at all */
	/* cut off between the two renames: the new one is whole */
	make(f->old, 1);
	make(f->fresh, 2);
	assert_int_equal(store_dir_recover(f->dir, NULL), OK);
	assert_int_equal(epoch_at(f->dir), 2);
	assert_false(exists(f->fresh));
	/* while one is there, it stands, whatever lies beside it */
	make(f->fresh, 3);
	assert_int_equal(store_dir_recover(f->dir, NULL), OK);
	assert_int_equal(epoch_at(f->dir), 2);
	/* only the old one is left */
	assert_int_equal(store_dir_remove(f->dir, NULL), OK);
	assert_int_equal(store_dir_remove(f->fresh, NULL), OK);
	assert_int_equal(store_dir_recover(f->dir, NULL), OK);
	assert_int_equal(epoch_at(f->dir), 1);
	/* one that is being filled is not taken for whole: a directory that somebody removed is made anew */
	assert_int_equal(store_dir_remove(f->dir, NULL), OK);
	make(f->fresh, 4);
	assert_int_equal(store_dir_recover(f->dir, NULL), OK);
	assert_int_equal(epoch_at(f->dir), 0);
}

static void removes_only_what_is_nobodys(void **state) {
	struct fixture *f = *state;
	struct problem why = {0};
	assert_int_equal(store_dir_remove(f->fresh, NULL), OK); /* there is none */
	const struct entitlements_options o = {.dir = f->fresh, .map_size = 1 << 20, .epoch = 1};
	struct entitlements *e = NULL;
	assert_int_equal(entitlements_open(&o, &e, NULL), OK);
	assert_int_equal(store_dir_remove(f->fresh, &why), ERR_UNAVAILABLE);
	entitlements_close(&e);
	assert_int_equal(epoch_at(f->fresh), 1);
	/* another's file: said, and left */
	char path[PATH_MAX + 8];
	(void)snprintf(path, sizeof path, "%s/notes", f->fresh);
	FILE *notes = fopen(path, "w");
	assert_non_null(notes);
	(void)fclose(notes);
	assert_int_not_equal(store_dir_remove(f->fresh, &why), OK);
	assert_true(exists(path));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(store_dir_remove(f->fresh, NULL), OK);
	/* a link is not followed */
	make(f->dir, 5);
	assert_int_equal(symlink(f->dir, f->fresh), 0);
	assert_int_not_equal(store_dir_remove(f->fresh, NULL), OK);
	assert_int_equal(epoch_at(f->dir), 5);
	assert_int_equal(unlink(f->fresh), 0);
}

static void an_older_form_is_told(void **state) {
	struct fixture *f = *state;
	assert_false(entitlements_outdated(f->dir)); /* none there */
	make(f->dir, 1);
	assert_false(entitlements_outdated(f->dir));
}

int main(void) {
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		TEST(names),
		TEST(replaces),
		TEST(recovers),
		TEST(removes_only_what_is_nobodys),
		TEST(an_older_form_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
