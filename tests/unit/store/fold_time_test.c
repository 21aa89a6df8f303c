/* What the clock changes, the log's memory, and looks into the past. */
#include "fold_support.h"

struct log {
	unsigned n;
	char text[2048];
};

static bool note(void *ctx, const struct change *c) {
	static const char *const causes[] = {"record", "clock", "catalog"};
	struct log *l = ctx;
	size_t at = strlen(l->text);
	(void)snprintf(l->text + at, sizeof l->text - at, "%s@%lld %.*s>%.*s | ", causes[c->cause],
		       (long long)(c->at_ms / 1000 - NOW), VIEW_FMT(c->before), VIEW_FMT(c->after));
	l->n++;
	return true;
}

static struct log history(struct store *s, const char *subject) {
	struct log l = {0};
	assert_int_equal(look_history(s->l, &platform, view_str(subject), 100, note, &l), OK);
	return l;
}

static bool due_at(struct store *s, int64_t second, unsigned max) {
	bool more = true;
	begin_at(s, second);
	assert_int_equal(fold_due(s->f, max, &more), OK);
	commit(s);
	return more;
}

static struct observation ending(const char *sub, const char *customer, int64_t at) {
	struct observation o = a_sub(sub, customer, SUB_ACTIVE, NOW, "evt_1");
	o.of.subscription.now.cancel_at = at;
	o.of.subscription.post = subscription_digest(&o.of.subscription.now);
	return o;
}

/* However late the worker comes, the end is logged where it was. */
static void test_what_ends_is_logged_at_its_moment(void **state) {
	struct store *s = *state;
	struct observation o = ending("sub_1", "cus_1", NOW + 100);
	assert_int_equal(look_next_due(s->l), 0);
	assert_false(due_at(s, NOW, 10));
	apply(s, &o);
	assert_int_equal(look_next_due(s->l), NOW + 100);
	assert_false(due_at(s, NOW + 99, 10));
	assert_int_equal(history(s, "cus_1").n, 1);
	assert_false(due_at(s, NOW + 5000, 10));
	assert_string_equal(history(s, "cus_1").text, "clock@100 pro>free | record@0 free>pro | ");
	/* the row is what it was, but for its number */
	assert_string_equal(tier_at(s, "cus_1", NOW + 99), "pro");
	struct view bytes;
	struct subject_row row;
	assert_int_equal(look_subject(s->l, &platform, VIEW("cus_1"), &bytes), OK);
	assert_int_equal(subject_row_open(bytes, &row), OK);
	assert_int_equal(row.ver, look_version(s->l));
}

/* Nobody came by before the next record did. */
static void test_a_record_after_a_missed_moment(void **state) {
	struct store *s = *state;
	struct observation o = ending("sub_1", "cus_1", NOW + 100);
	apply(s, &o);
	o = a_sub("sub_2", "cus_1", SUB_ACTIVE, NOW + 200, "evt_2");
	o.of.subscription.now.items.items[0].price = VIEW("price_inst");
	apply_at(s, NOW + 300, &o);
	assert_string_equal(history(s, "cus_1").text,
			    "record@300 free>institutional | clock@100 pro>free | record@0 free>pro | ");
}

static void test_the_state_does_not_know_time(void **state) {
	struct store *s = *state;
	struct observation o = ending("sub_1", "cus_1", NOW + 100);
	apply(s, &o);
	struct digest before = digest_of(s);
	(void)due_at(s, NOW + 100, 10);
	assert_int_equal(history(s, "cus_1").n, 2);
	assert_true(digest_same(before, digest_of(s)));
}

static void test_a_few_at_a_time(void **state) {
	struct store *s = *state;
	begin(s);
	for (unsigned i = 0; i < 10; i++) {
		char sub[16], cus[16];
		(void)snprintf(sub, sizeof sub, "sub_%u", i);
		(void)snprintf(cus, sizeof cus, "cus_%u", i);
		struct observation o = ending(sub, cus, NOW + 100 + i);
		assert_int_equal(fold_observe(s->f, &o), OK);
	}
	commit(s);
	uint64_t version = look_version(s->l);
	assert_true(due_at(s, NOW + 104, 0));
	assert_int_equal(look_version(s->l), version);
	assert_true(due_at(s, NOW + 104, 4));
	assert_int_equal(look_version(s->l), version + 4);
	assert_int_equal(look_next_due(s->l), NOW + 104);
	assert_false(due_at(s, NOW + 104, 4));
	assert_int_equal(look_version(s->l), version + 5);
	assert_int_equal(look_next_due(s->l), NOW + 105);
}

/* A renewal date that passes changes no answer: nobody is told, and it is due again when it turns stale. */
static void test_a_renewal_date_is_no_change(void **state) {
	struct store *s = *state;
	struct observation o = a_checkout("cus_1", "u1", NOW, "evt_0");
	apply(s, &o);
	/* another of the subject's, which ends later */
	o = ending("sub_2", "cus_1", NOW + 50 * DAY);
	o.of.subscription.now.period_end = NOW + 50 * DAY;
	apply(s, &o);
	o = a_sub("sub_1", "cus_1", SUB_ACTIVE, NOW, "evt_1");
	apply(s, &o);
	assert_int_equal(look_next_due(s->l), NOW + 29 * DAY);
	(void)due_at(s, NOW + 29 * DAY, 10);
	assert_int_equal(history(s, "u1").n, 3);
	assert_int_equal(look_next_due(s->l), NOW + 32 * DAY);
	struct entitlements_stat st;
	assert_int_equal(look_stat(s->l, &st), OK);
	assert_int_equal(st.wants, 0);
	(void)due_at(s, NOW + 32 * DAY, 10);
	assert_string_equal(history(s, "u1").text,
			    "clock@2764800 pro>pro | record@0 pro>pro | record@0 free>pro | record@0 free>free | ");
	/* and the subscription is asked for, once */
	assert_int_equal(look_stat(s->l, &st), OK);
	assert_int_equal(st.wants, 1);
	o = an_answer(FETCH_SUBSCRIPTION, "sub_1", NOW + 32 * DAY);
	apply_at(s, NOW + 32 * DAY, &o);
	(void)due_at(s, NOW + 60 * DAY, 10);
	assert_int_equal(look_next_due(s->l), 0);
	assert_int_equal(look_stat(s->l, &st), OK);
	assert_int_equal(st.wants, 0);
}

static bool survey_at(struct store *s, const struct catalog *c, int64_t second, struct survey *at,
		      enum change_cause cause, unsigned max) {
	bool more = true;
	assert_int_equal(fold_begin(s->e, c, second * 1000, &s->f, NULL), OK);
	assert_int_equal(fold_survey(s->f, at, cause, max, &more), OK);
	commit(s);
	return more;
}

static void test_a_new_catalog_is_told(void **state) {
	struct store *s = *state;
	struct catalog newer = catalog;
	newer.grant_count = 1; /* price_inst alone */
	struct survey at = {0};
	assert_false(survey_at(s, &newer, NOW, &at, CHANGE_CATALOG, 10));
	begin(s);
	for (unsigned i = 0; i < 5; i++) {
		char sub[16], cus[16];
		(void)snprintf(sub, sizeof sub, "sub_%u", i);
		(void)snprintf(cus, sizeof cus, "cus_%u", i);
		struct observation o = a_sub(sub, cus, SUB_ACTIVE, NOW, "evt_1");
		if (i % 2) o.of.subscription.now.items.items[0].price = VIEW("price_inst");
		assert_int_equal(fold_observe(s->f, &o), OK);
	}
	commit(s);
	at = (struct survey){0};
	unsigned calls = 1;
	while (survey_at(s, &newer, NOW + 50, &at, CHANGE_CATALOG, 2)) calls++;
	assert_int_equal(calls, 3);
	assert_string_equal(history(s, "cus_0").text, "catalog@50 pro>free | record@0 free>pro | ");
	assert_int_equal(history(s, "cus_1").n, 1);
	uint64_t version = look_version(s->l);
	at = (struct survey){0};
	while (survey_at(s, &newer, NOW + 60, &at, CHANGE_CATALOG, 2)) continue;
	assert_int_equal(look_version(s->l), version);
}

/* ---- the past --------------------------------------------------------------------------- */

static const char *answer(struct store *s, const char *subject, int64_t second, int64_t *ret_from) {
	static char tier[NAME_MAX_BYTES + 1];
	struct change c;
	int64_t from_ms = 0;
	enum error e = look_answer_at(s->l, &platform, view_str(subject), second * 1000, &c, &from_ms);
	if (e == ERR_LIMIT) *ret_from = from_ms / 1000;
	if (e) return error_code(e);
	(void)snprintf(tier, sizeof tier, "%.*s", VIEW_FMT(c.after));
	return c.known ? tier : "gone";
}

static void test_the_past_of_a_customer_is_its_subjects(void **state) {
	struct store *s = *state;
	int64_t from;
	struct observation o = a_sub("sub_1", "cus_1", SUB_ACTIVE, NOW, "evt_1");
	apply_at(s, NOW, &o);
	o = a_checkout("cus_1", "u1", NOW, "evt_2");
	apply_at(s, NOW + 100, &o);
	o = a_sub("sub_1", "cus_1", SUB_CANCELED, NOW + 200, "evt_3");
	apply_at(s, NOW + 200, &o);
	assert_string_equal(answer(s, "cus_1", NOW - 1, &from), "not_found");
	assert_string_equal(answer(s, "cus_1", NOW, &from), "pro");
	assert_string_equal(answer(s, "cus_1", NOW + 150, &from), "pro");
	assert_string_equal(answer(s, "cus_1", NOW + 250, &from), "free");
	assert_string_equal(answer(s, "u1", NOW + 99, &from), "not_found");
	assert_string_equal(answer(s, "u1", NOW + 100, &from), "pro");
	assert_string_equal(answer(s, "nobody", NOW, &from), "not_found");
	assert_string_equal(answer(s, "", NOW, &from), "not_found");
	assert_string_equal(answer(s, "cus_9", NOW, &from), "not_found");
	assert_int_equal(history(s, "nobody").n, 0);
}

static bool forget(struct store *s, int64_t before, unsigned max) {
	bool more = true;
	begin_at(s, NOW + 100 * DAY);
	assert_int_equal(fold_forget_changes(s->f, before * 1000, max, &more), OK);
	commit(s);
	return more;
}

/* What nobody was there to log. */
static void test_the_past_that_was_not_logged(void **state) {
	struct store *s = *state;
	struct change c;
	int64_t from_ms;
	struct observation o = a_sub("sub_1", "cus_1", SUB_ACTIVE, NOW, "evt_1");
	o.of.subscription.now.cancel_at = NOW + 100;
	apply_at(s, NOW, &o);
	static const struct {
		int64_t at;
		const char *tier;
		int64_t since;
	} rows[] = {{NOW, "pro", NOW},
		    {NOW + 99, "pro", NOW},
		    {NOW + 100, "free", NOW + 100},
		    {NOW + DAY, "free", NOW + 100}};
	for (int logged = 0; logged < 2; logged++) {
		for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
			int64_t at_ms = rows[i].at * 1000;
			assert_int_equal(look_answer_at(s->l, &platform, VIEW("cus_1"), at_ms, &c, &from_ms), OK);
			assert_int_equal(look_answer_unlogged(s->l, &platform, VIEW("cus_1"), &catalog, rows[i].at, &c),
					 OK);
			assert_true(view_eq(c.after, view_str(rows[i].tier)));
			assert_int_equal(c.at_ms, rows[i].since * 1000);
			assert_int_equal(c.cause, rows[i].since == NOW ? CHANGE_RECORD : CHANGE_CLOCK);
			assert_true(c.known);
		}
		bool more;
		begin_at(s, NOW + 2 * DAY);
		assert_int_equal(fold_due(s->f, 10, &more), OK);
		commit(s);
	}
}

static void test_what_is_forgotten_and_what_is_not(void **state) {
	struct store *s = *state;
	int64_t from = 0;
	for (unsigned i = 0; i < 10; i++) {
		struct observation o = a_sub("sub_1", "cus_1", i % 2 ? SUB_UNPAID : SUB_ACTIVE, NOW + i * 100, "evt_1");
		apply_at(s, NOW + i * 100, &o);
		if (i == 0) {
			o = a_sub("sub_2", "cus_2", SUB_ACTIVE, NOW, "evt_2");
			apply_at(s, NOW, &o);
		}
	}
	assert_false(forget(s, NOW, 100));
	assert_int_equal(history(s, "cus_1").n, 10);
	/* what was the answer at 450 stays: it was logged at 400 */
	while (forget(s, NOW + 450, 2)) continue;
	assert_int_equal(history(s, "cus_1").n, 6);
	assert_string_equal(answer(s, "cus_1", NOW + 450, &from), "pro");
	assert_string_equal(answer(s, "cus_1", NOW + 400, &from), "pro");
	assert_string_equal(answer(s, "cus_1", NOW + 399, &from), "limit");
	assert_int_equal(from, NOW + 400);
	assert_string_equal(answer(s, "cus_1", NOW - 1, &from), "limit");
	/* the last of each stays for ever */
	assert_false(forget(s, NOW + 50 * DAY, 100));
	assert_int_equal(history(s, "cus_1").n, 1);
	assert_int_equal(history(s, "cus_2").n, 1);
	assert_string_equal(answer(s, "cus_2", NOW, &from), "pro");
	/* and the chain goes on from it */
	struct observation o = a_sub("sub_1", "cus_1", SUB_ACTIVE, NOW + 60 * DAY, "evt_9");
	apply_at(s, NOW + 60 * DAY, &o);
	assert_int_equal(history(s, "cus_1").n, 2);
	assert_false(forget(s, NOW + 61 * DAY, 100));
	assert_int_equal(history(s, "cus_1").n, 1);
	struct entitlements_stat st;
	assert_int_equal(look_stat(s->l, &st), OK);
	assert_int_equal(st.changes, 2);
}

/* What was logged while the clock was years ahead does not hold up the rest. */
static void test_a_clock_that_was_ahead(void **state) {
	struct store *s = *state;
	int64_t from;
	struct observation o = a_sub("sub_9", "cus_9", SUB_ACTIVE, NOW, "evt_1");
	apply_at(s, NOW + 4000 * DAY, &o);
	for (unsigned i = 0; i < 3; i++) {
		o = a_sub("sub_1", "cus_1", i % 2 ? SUB_UNPAID : SUB_ACTIVE, NOW + i, "evt_1");
		apply_at(s, NOW + i, &o);
	}
	assert_false(forget(s, NOW + 50 * DAY, 100));
	assert_int_equal(history(s, "cus_1").n, 1);
	/* when the clock is right again, a survey says since when */
	struct survey at = {0};
	assert_string_equal(answer(s, "cus_9", NOW + 10, &from), "not_found");
	while (survey_at(s, &catalog, NOW + 10, &at, CHANGE_CLOCK, 2)) continue;
	assert_string_equal(answer(s, "cus_9", NOW + 10, &from), "pro");
	assert_string_equal(history(s, "cus_9").text, "clock@10 pro>pro | record@345600000 free>pro | ");
}

static void test_a_very_long_past(void **state) {
	struct store *s = *state;
	int64_t from = 0;
	begin(s);
	for (unsigned i = 0; i <= HISTORY_STEPS_MAX; i++) {
		fold_moment(s->f, (NOW + i) * 1000);
		struct observation o = a_sub("sub_1", "cus_1", i % 2 ? SUB_UNPAID : SUB_ACTIVE, NOW + i, "evt_1");
		assert_int_equal(fold_observe(s->f, &o), OK);
	}
	commit(s);
	assert_string_equal(answer(s, "cus_1", NOW + 2, &from), "pro");
	assert_string_equal(answer(s, "cus_1", NOW, &from), "limit");
	assert_int_equal(from, NOW + 1);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)
	const struct CMUnitTest tests[] = {
		T(test_what_ends_is_logged_at_its_moment),
		T(test_a_record_after_a_missed_moment),
		T(test_the_state_does_not_know_time),
		T(test_a_few_at_a_time),
		T(test_a_renewal_date_is_no_change),
		T(test_a_new_catalog_is_told),
		T(test_the_past_of_a_customer_is_its_subjects),
		T(test_the_past_that_was_not_logged),
		T(test_what_is_forgotten_and_what_is_not),
		T(test_a_clock_that_was_ahead),
		T(test_a_very_long_past),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
