#include "fold_support.h"

struct seen_changes {
	unsigned n, stop_after;
	uint64_t vers[64];
	char text[64][128];
};

static void note(struct seen_changes *s, const struct change *c) {
	if (s->n == ARRAY_LEN(s->vers)) return;
	s->vers[s->n] = c->ver;
	(void)snprintf(s->text[s->n], sizeof s->text[0], "%.*s %.*s>%.*s %s %.*s", VIEW_FMT(c->subject),
		       VIEW_FMT(c->before), VIEW_FMT(c->after), reason_name(c->reason), VIEW_FMT(c->event));
	s->n++;
}

static void each(void *ctx, const struct change *c) { note(ctx, c); }

static bool each_until(void *ctx, const struct change *c) {
	struct seen_changes *s = ctx;
	note(s, c);
	return s->n != s->stop_after;
}

/* bound, subscribed, bound anew, ended: in one transaction */
static void a_life(struct store *s, struct seen_changes *told) {
	const struct observation o[] = {
		a_sub("sub_1", "cus_1", SUB_ACTIVE, NOW, "evt_1"), a_checkout("cus_1", "u1", NOW, "evt_2"),
		a_checkout("cus_1", "u2", NOW + 1, "evt_3"), a_sub("sub_1", "cus_1", SUB_CANCELED, NOW + 2, "evt_4")};
	begin(s);
	for (unsigned i = 0; i < ARRAY_LEN(o); i++) assert_int_equal(fold_observe(s->f, &o[i]), OK);
	assert_int_equal(fold_commit(&s->f, told ? each : NULL, told, NULL), OK);
	assert_null(s->f);
	assert_int_equal(look_renew(s->l), OK);
}

static const char *const life[] = {"cus_1 free>pro active evt_1", "cus_1 pro>free unknown_subject evt_2",
				   "u1 free>pro active evt_2",    "u1 pro>free unknown_subject evt_3",
				   "u2 free>pro active evt_3",    "u2 pro>free no_subscription evt_4"};

static void test_changes_are_told_and_logged(void **state) {
	struct store *s = *state;
	struct seen_changes told = {.n = 0}, logged = {.n = 0};
	a_life(s, &told);
	assert_int_equal(told.n, ARRAY_LEN(life));
	for (unsigned i = 0; i < told.n; i++) {
		assert_string_equal(told.text[i], life[i]);
		assert_int_equal(told.vers[i], i + 1);
	}
	assert_int_equal(look_version(s->l), ARRAY_LEN(life));
	assert_int_equal(look_changes(s->l, 0, 100, each_until, &logged), OK);
	assert_int_equal(logged.n, told.n);
	for (unsigned i = 0; i < logged.n; i++) assert_string_equal(logged.text[i], life[i]);
}

static void test_changes_after(void **state) {
	struct store *s = *state;
	a_life(s, NULL);
	const struct {
		uint64_t after;
		size_t max;
		unsigned stop_after, n;
	} cases[] = {{0, 0, 0, 0},  {0, 2, 0, 2}, {3, 100, 0, 3}, {6, 100, 0, 0}, {UINT64_MAX, 100, 0, 0},
		     {0, 100, 4, 4}};
	for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
		struct seen_changes seen = {.stop_after = cases[i].stop_after};
		assert_int_equal(look_changes(s->l, cases[i].after, cases[i].max, each_until, &seen), OK);
		assert_int_equal(seen.n, cases[i].n);
		if (seen.n) assert_int_equal(seen.vers[0], cases[i].after + 1);
	}
}

static void test_history_is_of_one_subject(void **state) {
	struct store *s = *state;
	a_life(s, NULL);
	struct seen_changes u1 = {.n = 0}, last = {.n = 0}, none = {.n = 0}, other_mode = {.n = 0};
	assert_int_equal(look_history(s->l, &platform, VIEW("u1"), 10, each_until, &u1), OK);
	assert_int_equal(u1.n, 2);
	assert_string_equal(u1.text[0], life[3]);
	assert_string_equal(u1.text[1], life[2]);
	assert_int_equal(look_history(s->l, &platform, VIEW("u2"), 1, each_until, &last), OK);
	assert_int_equal(last.n, 1);
	assert_string_equal(last.text[0], life[5]);
	assert_int_equal(look_history(s->l, &platform, VIEW("u"), 10, each_until, &none), OK);
	assert_int_equal(none.n, 0);
	const struct scope live = {true, VIEW_NONE};
	assert_int_equal(look_history(s->l, &live, VIEW("u1"), 10, each_until, &other_mode), OK);
	assert_int_equal(other_mode.n, 0);
}

/* A row carries the version of its last change. */
static void test_rows_carry_their_version(void **state) {
	struct store *s = *state;
	a_life(s, NULL);
	struct observation o = a_sub("sub_9", "cus_9", SUB_ACTIVE, NOW, "evt_9");
	apply(s, &o);
	struct view bytes;
	struct subject_row row;
	assert_int_equal(look_subject(s->l, &platform, VIEW("u2"), &bytes), OK);
	assert_int_equal(subject_row_open(bytes, &row), OK);
	assert_int_equal(row.ver, 6);
	assert_int_equal(look_subject(s->l, &platform, VIEW("cus_9"), &bytes), OK);
	assert_int_equal(subject_row_open(bytes, &row), OK);
	assert_int_equal(row.ver, 7);
}

static void test_an_aborted_fold_tells_nothing(void **state) {
	struct store *s = *state;
	struct observation o = a_sub("sub_1", "cus_1", SUB_ACTIVE, NOW, "evt_1");
	struct seen_changes seen = {.n = 0};
	begin(s);
	assert_int_equal(fold_observe(s->f, &o), OK);
	fold_abort(&s->f);
	begin(s);
	assert_int_equal(fold_commit(&s->f, each, &seen, NULL), OK);
	assert_int_equal(seen.n, 0);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)
	const struct CMUnitTest tests[] = {
		T(test_changes_are_told_and_logged),   T(test_changes_after),
		T(test_history_is_of_one_subject),     T(test_rows_carry_their_version),
		T(test_an_aborted_fold_tells_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
