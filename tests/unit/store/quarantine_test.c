#include "fold_support.h"

static struct record a_record(uint64_t seq) {
	return (struct record){.origin = 7, .seq = seq, .id = VIEW("evt_1"), .type = VIEW("customer.created")};
}

static enum error put_aside(struct store *s, uint64_t seq, const char *sentence, int64_t now_ms) {
	struct problem why = {0};
	const struct record r = a_record(seq);
	(void)problem_set(&why, ERR_MALFORMED, "%s", sentence);
	return fold_quarantine(s->f, &r, VIEW("record bytes"), &why, now_ms);
}

static bool count(void *ctx, const struct quarantined *q) {
	uint64_t *n = ctx;
	(void)q;
	return ++*n < 3;
}

static void test_a_record_is_put_aside_once(void **state) {
	struct store *s = *state;
	struct quarantined q;
	begin(s);
	assert_int_equal(put_aside(s, 5, "data.object.items: missing", 1000), OK);
	commit(s);
	begin(s);
	assert_int_equal(put_aside(s, 5, "data.object.status: unknown", 2000), OK);
	commit(s);
	assert_int_equal(look_quarantined(s->l, 7, 5, &q), OK);
	assert_int_equal(q.origin, 7);
	assert_int_equal(q.seq, 5);
	assert_int_equal(q.first_ms, 1000);
	assert_int_equal(q.last_ms, 2000);
	assert_int_equal(q.tries, 2);
	assert_true(view_eq(q.event, VIEW("evt_1")));
	assert_true(view_eq(q.type, VIEW("customer.created")));
	assert_true(view_eq(q.reason, VIEW("malformed: data.object.status: unknown")));
	assert_true(view_eq(q.record, VIEW("record bytes")));
	assert_int_equal(look_quarantined(s->l, 7, 6, &q), ERR_NOT_FOUND);
	struct entitlements_stat st;
	assert_int_equal(look_stat(s->l, &st), OK);
	assert_int_equal(st.quarantined, 1);
}

static void test_it_can_leave(void **state) {
	struct store *s = *state;
	struct quarantined q;
	begin(s);
	assert_int_equal(put_aside(s, 5, "x", 1), OK);
	commit(s);
	begin(s);
	assert_int_equal(fold_quarantine_remove(s->f, 7, 5), OK);
	assert_int_equal(fold_quarantine_remove(s->f, 7, 6), OK);
	commit(s);
	assert_int_equal(look_quarantined(s->l, 7, 5, &q), ERR_NOT_FOUND);
}

static void test_it_is_listed_in_order(void **state) {
	struct store *s = *state;
	begin(s);
	for (uint64_t seq = 5; seq > 0; seq--) assert_int_equal(put_aside(s, seq, "x", 1), OK);
	commit(s);
	uint64_t n = 0;
	assert_int_equal(look_quarantine(s->l, count, &n), OK);
	assert_int_equal(n, 3);
}

/* Neither a reason nor a record of any size stops the stream. */
static void test_long_ones(void **state) {
	struct store *s = *state;
	struct problem why = {.error = ERR_MALFORMED};
	struct record r = a_record(1);
	char *large = calloc(1, RECORD_MAX + 1);
	struct quarantined q;
	memset(why.text, 'x', sizeof why.text - 1);
	begin(s);
	assert_int_equal(fold_quarantine(s->f, &r, view_of(large, RECORD_MAX), &why, 1), OK);
	r.seq = 2;
	assert_int_equal(fold_quarantine(s->f, &r, view_of(large, RECORD_MAX + 1), &why, 1), OK);
	commit(s);
	assert_int_equal(look_quarantined(s->l, 7, 1, &q), OK);
	assert_int_equal(q.record.len, RECORD_MAX);
	assert_int_equal(look_quarantined(s->l, 7, 2, &q), ERR_NOT_FOUND);
	assert_int_equal(counter(s, "quarantine_dropped"), 1);
	free(large);
}

static void test_it_is_bounded(void **state) {
	struct store *s = *state;
	struct entitlements_stat st;
	struct quarantined q;
	begin(s);
	for (uint64_t seq = 1; seq <= QUARANTINE_MAX + 5; seq++) assert_int_equal(put_aside(s, seq, "x", 1), OK);
	/* those that are there still get their tries */
	assert_int_equal(put_aside(s, 1, "y", 2), OK);
	commit(s);
	assert_int_equal(look_stat(s->l, &st), OK);
	assert_int_equal(st.quarantined, QUARANTINE_MAX);
	assert_int_equal(counter(s, "quarantine_dropped"), 5);
	assert_int_equal(look_quarantined(s->l, 7, 1, &q), OK);
	assert_int_equal(q.tries, 2);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)
	const struct CMUnitTest tests[] = {
		T(test_a_record_is_put_aside_once),
		T(test_it_can_leave),
		T(test_it_is_listed_in_order),
		T(test_long_ones),
		T(test_it_is_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
