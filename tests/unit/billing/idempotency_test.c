#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/attr.h"
#include "idempotency.h"

struct met {
	enum idempotency_found found;
	struct idempotent *entry;
	unsigned status;
	struct view answer;
};

static struct met begin(struct idempotency *i, const char *subject, const char *key, const char *body, int64_t now_ms) {
	struct met m = {0};
	const struct idempotency_ask a = {view_str(subject), VIEW("/x"), view_str(key), view_str(body), now_ms};
	m.found = idempotency_begin(i, &a, &m.entry, &m.status, &m.answer);
	return m;
}

static void the_same_and_others(void **unused) {
	(void)unused;
	struct idempotency *i = idempotency_create();
	struct met m = begin(i, "alice", "k", "{}", 0);
	assert_int_equal(m.found, IDEMPOTENCY_NEW);
	assert_int_equal(begin(i, "alice", "k", "{}", 0).found, IDEMPOTENCY_RUNNING);
	assert_int_equal(begin(i, "alice", "k", "{ }", 0).found, IDEMPOTENCY_OTHER_BODY);
	struct met other = begin(i, "bob", "k", "{}", 0);
	assert_int_equal(other.found, IDEMPOTENCY_NEW);
	idempotency_done(i, m.entry, 201, VIEW("answer"));
	struct met again = begin(i, "alice", "k", "{}", 5);
	assert_int_equal(again.found, IDEMPOTENCY_SAME);
	assert_int_equal(again.status, 201);
	assert_true(view_eq(again.answer, VIEW("answer")));
	assert_int_equal(begin(i, "alice", "k", "[]", 5).found, IDEMPOTENCY_OTHER_BODY);
	idempotency_drop(i, other.entry);
	assert_int_equal(begin(i, "bob", "k", "other", 5).found, IDEMPOTENCY_NEW);
	/* parts do not run into one another */
	assert_int_equal(begin(i, "alic", "ek", "{}", 5).found, IDEMPOTENCY_NEW);
	idempotency_destroy(&i);
	assert_null(i);
	idempotency_destroy(&i);
}

static void a_day_later_it_is_new(void **unused) {
	(void)unused;
	struct idempotency *i = idempotency_create();
	struct met m = begin(i, "alice", "k", "{}", 0);
	idempotency_done(i, m.entry, 200, VIEW_NONE);
	assert_int_equal(begin(i, "alice", "k", "{}", IDEMPOTENCY_MS).found, IDEMPOTENCY_SAME);
	assert_int_equal(begin(i, "alice", "k", "other", IDEMPOTENCY_MS + 1).found, IDEMPOTENCY_NEW);
	idempotency_destroy(&i);
}

static void the_oldest_that_is_done_leaves_first(void **unused) {
	(void)unused;
	struct idempotency *i = idempotency_create();
	struct met running = begin(i, "alice", "running", "", 0);
	char key[32];
	for (unsigned n = 0; n < IDEMPOTENCY_ENTRIES + 10; n++) {
		(void)snprintf(key, sizeof key, "k%u", n);
		struct met m = begin(i, "alice", key, "", 1);
		assert_int_equal(m.found, IDEMPOTENCY_NEW);
		idempotency_done(i, m.entry, 200, VIEW("x"));
	}
	assert_int_equal(begin(i, "alice", "running", "", 2).found, IDEMPOTENCY_RUNNING);
	assert_int_equal(begin(i, "alice", "k5000", "", 2).found, IDEMPOTENCY_SAME);
	assert_int_equal(begin(i, "alice", "k0", "", 2).found, IDEMPOTENCY_NEW);
	idempotency_drop(i, running.entry);
	assert_int_equal(begin(i, "alice", "running", "", 2).found, IDEMPOTENCY_NEW);
	idempotency_destroy(&i);
}

static void nothing_is_kept_beyond_the_bounds(void **unused) {
	(void)unused;
	struct idempotency *i = idempotency_create();
	size_t size = IDEMPOTENCY_BYTES / 4;
	char *large = calloc(1, IDEMPOTENCY_BYTES + 1), key[16];
	for (unsigned n = 0; n < 6; n++) {
		(void)snprintf(key, sizeof key, "k%u", n);
		struct met m = begin(i, "alice", key, "", 0);
		idempotency_done(i, m.entry, 200, view_of(large, size));
	}
	assert_int_equal(begin(i, "alice", "k5", "", 0).found, IDEMPOTENCY_SAME);
	assert_int_equal(begin(i, "alice", "k2", "", 0).found, IDEMPOTENCY_SAME);
	struct met first = begin(i, "alice", "k0", "", 0);
	assert_int_equal(first.found, IDEMPOTENCY_NEW);
	/* one that is too large by itself is not kept, and may be asked again */
	idempotency_done(i, first.entry, 200, view_of(large, IDEMPOTENCY_BYTES + 1));
	assert_int_equal(begin(i, "alice", "k0", "", 0).found, IDEMPOTENCY_NEW);
	free(large);
	idempotency_destroy(&i);
}

static void full_of_what_runs(void **unused) {
	(void)unused;
	struct idempotency *i = idempotency_create();
	char key[32];
	for (unsigned n = 0; n < IDEMPOTENCY_ENTRIES; n++) {
		(void)snprintf(key, sizeof key, "k%u", n);
		assert_int_equal(begin(i, "alice", key, "", 0).found, IDEMPOTENCY_NEW);
	}
	assert_int_equal(begin(i, "alice", "more", "", 0).found, IDEMPOTENCY_FULL);
	idempotency_destroy(&i);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_and_others),
		cmocka_unit_test(a_day_later_it_is_new),
		cmocka_unit_test(the_oldest_that_is_done_leaves_first),
		cmocka_unit_test(nothing_is_kept_beyond_the_bounds),
		cmocka_unit_test(full_of_what_runs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
