/* A store that was put back from a copy gets another epoch; one that goes on keeps its own. */
#include "store/lineage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "fold_support.h"

#define FIRST 11

struct site {
	struct scratch scratch;
	char data[sizeof(struct scratch) + 16], copy[sizeof(struct scratch) + 16], lock[sizeof(struct scratch) + 16];
	unsigned people;
	uint64_t next; /* the epoch that the next start would give */
};

static int set_up(void **state) {
	struct site *s = calloc(1, sizeof *s);
	scratch_make(&s->scratch);
	(void)snprintf(s->data, sizeof s->data, "%s/data.mdb", s->scratch.dir);
	(void)snprintf(s->copy, sizeof s->copy, "%s/copy", s->scratch.dir);
	(void)snprintf(s->lock, sizeof s->lock, "%s/writer.lock", s->scratch.dir);
	s->next = FIRST;
	*state = s;
	return 0;
}

static int tear_down(void **state) {
	struct site *s = *state;
	scratch_remove(&s->scratch);
	free(s);
	return 0;
}

/* Starts, makes `changes` of them, and ends. The store's epoch. */
static uint64_t live(struct site *s, unsigned changes) {
	const struct entitlements_options o = {.dir = s->scratch.dir, .epoch = s->next++, .map_size = 4 << 20};
	struct store store = {.e = NULL};
	assert_int_equal(entitlements_open(&o, &store.e, NULL), OK);
	assert_int_equal(look_begin(store.e, &store.l, NULL), OK);
	for (unsigned i = 0; i < changes; i++) {
		char name[32];
		(void)snprintf(name, sizeof name, "cus_%u", s->people++);
		const struct observation seen = a_sub(name, name, SUB_ACTIVE, NOW, "evt_1");
		uint64_t before = look_version(store.l);
		apply(&store, &seen);
		assert_true(look_version(store.l) > before);
	}
	uint64_t epoch = entitlements_epoch(store.e);
	assert_int_equal(look_epoch(store.l), epoch);
	store_close(&store);
	return epoch;
}

static void copy_file(const char *from, const char *to) {
	char bytes[4096];
	FILE *in = fopen(from, "r"), *out = fopen(to, "w");
	assert_true(in && out);
	for (size_t n; (n = fread(bytes, 1, sizeof bytes, in)) > 0;) assert_int_equal(fwrite(bytes, 1, n, out), n);
	assert_int_equal(fclose(out), 0);
	(void)fclose(in);
}

static void who_goes_on_keeps_it(void **state) {
	struct site *s = *state;
	for (unsigned i = 0; i < 5; i++) assert_int_equal(live(s, i), FIRST);
}

/* Over the file that was there: only the version tells. */
static void a_copy_in_place_is_another(void **state) {
	struct site *s = *state;
	assert_int_equal(live(s, 2), FIRST);
	copy_file(s->data, s->copy);
	assert_int_equal(live(s, 1), FIRST);
	copy_file(s->copy, s->data);
	uint64_t second = live(s, 0);
	assert_true(second != FIRST);
	assert_int_equal(live(s, 3), second);
}

static void a_copy_that_is_another_file_is_another(void **state) {
	struct site *s = *state;
	assert_int_equal(live(s, 2), FIRST);
	copy_file(s->data, s->copy);
	assert_int_equal(rename(s->copy, s->data), 0);
	uint64_t second = live(s, 0);
	assert_true(second != FIRST);
	assert_int_equal(live(s, 1), second);
}

static void what_is_not_known_is_not_believed(void **state) {
	struct site *s = *state;
	uint64_t epoch = live(s, 1);
	assert_int_equal(unlink(s->lock), 0);
	uint64_t second = live(s, 1);
	assert_true(second != epoch);
	assert_int_equal(truncate(s->lock, 8), 0);
	assert_true(live(s, 1) != second);
}

int main(void) {
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		TEST(who_goes_on_keeps_it),
		TEST(a_copy_in_place_is_another),
		TEST(a_copy_that_is_another_file_is_another),
		TEST(what_is_not_known_is_not_believed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
