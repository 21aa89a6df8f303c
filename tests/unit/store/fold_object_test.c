/* Schedules, overrides and marks. */
#include "fold_support.h"

/* ---- schedules -------------------------------------------------------------------------- */

static struct observation scheduled_sub(int64_t second) {
	struct observation o = a_sub("sub_1", "cus_1", SUB_ACTIVE, second, "evt_1");
	o.of.subscription.now.schedule = VIEW("sub_sched_1");
	return o;
}

static void test_a_phase_takes_effect_at_its_start(void **state) {
	struct store *s = *state;
	struct observation o = a_schedule("sub_sched_1", "cus_1", "price_inst", NOW + 10 * DAY, NOW, "evt_2");
	apply(s, &o);
	o = scheduled_sub(NOW);
	apply(s, &o);
	assert_string_equal(tier_at(s, "cus_1", NOW + 10 * DAY - 1), "pro");
	assert_string_equal(tier_at(s, "cus_1", NOW + 10 * DAY), "institutional");
	/* released: what the subscription says counts again */
	o = a_schedule("sub_sched_1", "cus_1", "price_inst", NOW + 10 * DAY, NOW + 1, "evt_3");
	o.of.schedule.status = SCHEDULE_RELEASED;
	apply(s, &o);
	assert_string_equal(tier_at(s, "cus_1", NOW + 10 * DAY), "pro");
}

static void test_only_its_own_schedule_counts(void **state) {
	struct store *s = *state;
	struct observation o = scheduled_sub(NOW);
	apply(s, &o);
	o = a_schedule("sub_sched_1", "cus_2", "price_inst", NOW + DAY, NOW, "evt_2");
	apply(s, &o);
	assert_string_equal(tier_at(s, "cus_1", NOW + 2 * DAY), "pro");
	o = a_schedule("sub_sched_1", "cus_1", "price_inst", NOW + DAY, NOW + 1, "evt_3");
	o.of.schedule.subscription = VIEW("sub_2");
	apply(s, &o);
	assert_string_equal(tier_at(s, "cus_1", NOW + 2 * DAY), "pro");
	o = a_schedule("sub_sched_1", "cus_1", "price_inst", NOW + DAY, NOW + 2, "evt_4");
	o.of.schedule.subscription = VIEW("sub_1");
	apply(s, &o);
	assert_string_equal(tier_at(s, "cus_1", NOW + 2 * DAY), "institutional");
	static struct schedule_register r;
	assert_int_equal(look_schedule(s->l, &platform, VIEW("sub_sched_1"), &r), OK);
	assert_int_equal(r.stamp.created, NOW + 2);
	assert_int_equal(look_schedule(s->l, &platform, VIEW("sub_sched_2"), &r), ERR_NOT_FOUND);
}

/* ---- overrides -------------------------------------------------------------------------- */

struct listed {
	unsigned n;
	char ids[512];
};

static bool list_one(void *ctx, struct view id, const struct override_register *r) {
	struct listed *l = ctx;
	size_t at = strlen(l->ids);
	(void)snprintf(l->ids + at, sizeof l->ids - at, "%.*s%s ", VIEW_FMT(id), r->revoked ? "!" : "");
	return ++l->n < 20;
}

static struct listed list_of(struct store *s, const char *subject) {
	struct listed l = {0};
	assert_int_equal(look_overrides(s->l, &platform, view_str(subject), list_one, &l), OK);
	return l;
}

static void test_a_gift_and_its_end(void **state) {
	struct store *s = *state;
	struct observation o = a_gift("ovr_1", "u1", "pro", NOW + DAY, NOW, "evt_1");
	assert_string_equal(tier_of(s, "u1"), "unknown");
	assert_int_equal(list_of(s, "u1").n, 0);
	apply(s, &o);
	assert_string_equal(tier_of(s, "u1"), "pro");
	assert_int_equal(entitlement_of(s, "u1", NOW).reason, REASON_OVERRIDE);
	assert_string_equal(tier_at(s, "u1", NOW + DAY), "free");
	assert_string_equal(list_of(s, "u1").ids, "ovr_1 ");
	assert_string_equal(list_of(s, "u").ids, "");
	o = a_revocation("ovr_1", "u1", NOW + 1, "evt_2");
	apply(s, &o);
	/* nothing else is known of the subject */
	assert_string_equal(tier_of(s, "u1"), "unknown");
	assert_string_equal(list_of(s, "u1").ids, "ovr_1! ");
	assert_string_equal(list_of(s, "").ids, "ovr_1! ");
	struct override_register r;
	assert_int_equal(look_override(s->l, &platform, VIEW("ovr_1"), &r), OK);
	assert_true(r.granted && r.revoked);
	assert_int_equal(look_override(s->l, &platform, VIEW("ovr_2"), &r), ERR_NOT_FOUND);
}

static void test_a_revocation_that_comes_first(void **state) {
	struct store *s = *state;
	struct observation o = a_revocation("ovr_1", "u1", NOW + 1, "evt_2");
	apply(s, &o);
	assert_string_equal(tier_of(s, "u1"), "unknown");
	assert_string_equal(list_of(s, "u1").ids, "ovr_1! ");
	o = a_gift("ovr_1", "u1", "pro", 0, NOW, "evt_1");
	apply(s, &o);
	assert_string_equal(tier_of(s, "u1"), "unknown");
}

/* A gift in a customer's name follows the customer to whom it pays for, whichever is heard of first. */
static void test_a_gift_in_a_customers_name(void **state) {
	static const unsigned orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
	(void)state;
	const struct observation o[3] = {a_gift("ovr_1", "cus_1", "institutional", 0, NOW, "evt_1"),
					 a_sub("sub_1", "cus_1", SUB_ACTIVE, NOW, "evt_2"),
					 a_checkout("cus_1", "u1", NOW, "evt_3")};
	for (unsigned k = 0; k < 6; k++) {
		void *fresh;
		(void)store_setup(&fresh);
		struct store *s = fresh;
		for (unsigned i = 0; i < 3; i++) {
			apply(s, &o[orders[k][i]]);
			if (orders[k][i] == 0) assert_string_equal(tier_of(s, "cus_1"), "institutional");
		}
		assert_string_equal(tier_of(s, "u1"), "institutional");
		assert_string_equal(tier_of(s, "cus_1"), "institutional");
		assert_string_equal(list_of(s, "cus_1").ids, "ovr_1 ");
		assert_string_equal(list_of(s, "u1").ids, "");
		struct entitlements_stat st;
		assert_int_equal(look_stat(s->l, &st), OK);
		assert_int_equal(st.subjects, 1);
		assert_int_equal(st.overrides, 1);
		/* and goes with it */
		struct observation x = a_checkout("cus_1", "u2", NOW + 1, "evt_4");
		apply(s, &x);
		assert_string_equal(tier_of(s, "u1"), "unknown");
		assert_string_equal(tier_of(s, "u2"), "institutional");
		(void)store_teardown(&fresh);
	}
}

/* Somebody opens the page of an old session once more, and it is fetched again. */
static void test_a_session_looked_at_again_takes_nothing_back(void **state) {
	struct store *s = *state;
	struct observation o = a_checkout("cus_1", "u1", NOW, "evt_1");
	apply(s, &o);
	o = a_sub("sub_1", "cus_1", SUB_ACTIVE, NOW, "evt_2");
	apply(s, &o);
	o = a_checkout("cus_1", "u2", NOW + 100, "evt_3");
	apply(s, &o);
	o = a_checkout("cus_1", "u1", NOW + 200, "snap_1");
	o.of.checkout.claimed = NOW - 5;
	apply(s, &o);
	assert_string_equal(tier_of(s, "u1"), "unknown");
	assert_string_equal(tier_of(s, "u2"), "pro");
	/* but one whose event was lost binds */
	o = a_checkout("cus_1", "u3", NOW + 300, "snap_2");
	o.of.checkout.claimed = NOW + 150;
	apply(s, &o);
	assert_string_equal(tier_of(s, "u3"), "pro");
}

/* The ids in the row, which are in order. */
static unsigned row_overrides(struct store *s, const char *subject, char ids[32][16]) {
	static struct grant g;
	struct view bytes;
	struct subject_row row;
	struct override x;
	unsigned count = 0;
	assert_int_equal(look_subject(s->l, &platform, view_str(subject), &bytes), OK);
	assert_int_equal(subject_row_open(bytes, &row), OK);
	assert_false(subject_row_next(&row, &g));
	for (; subject_row_next_override(&row, &x); count++) {
		(void)snprintf(ids[count], 16, "%.*s", VIEW_FMT(x.id));
		assert_true(count == 0 || strcmp(ids[count - 1], ids[count]) < 0);
	}
	assert_false(row.reader.failed);
	return count;
}

/* More gifts than a row takes: it has those that end last, of one end those granted last, and of one second the
 * greatest ids, in whatever order they come. */
static void test_overrides_of_a_row_are_bounded(void **state) {
	enum { GIFTS = SUBJECT_OVERRIDES_MAX + 9 };
	struct random seed = random_start();
	(void)state;
	for (unsigned round = 0; round < 20; round++) {
		char id[GIFTS][16], event[GIFTS][16], ids[32][16];
		int64_t second[GIFTS], until[GIFTS];
		unsigned order[GIFTS];
		void *fresh;
		(void)store_setup(&fresh);
		struct store *s = fresh;
		for (unsigned i = 0; i < GIFTS; i++) {
			(void)snprintf(id[i], sizeof id[i], "ovr_%02u", i);
			(void)snprintf(event[i], sizeof event[i], "evt_%u", i);
			second[i] = NOW + (int64_t)random_below(&seed, 5);
			until[i] = random_below(&seed, 4) ? NOW + (int64_t)random_below(&seed, 4) * DAY : 0;
			size_t k = random_below(&seed, i + 1);
			order[i] = order[k];
			order[k] = i;
		}
		begin(s);
		for (unsigned i = 0; i < GIFTS; i++) {
			unsigned n = order[i];
			struct observation o = a_gift(id[n], "u1", "pro", until[n], second[n], event[n]);
			assert_int_equal(fold_observe(s->f, &o), OK);
		}
		commit(s);
		assert_int_equal(row_overrides(s, "u1", ids), SUBJECT_OVERRIDES_MAX);
		assert_int_equal(list_of(s, "u1").n, 20); /* its reader stops there */
		for (unsigned i = 0, at = 0; i < GIFTS; i++) {
			unsigned better = 0;
			int64_t end = until[i] ? until[i] : INT64_MAX;
			for (unsigned k = 0; k < GIFTS; k++) {
				int64_t other = until[k] ? until[k] : INT64_MAX;
				better += other > end || (other == end &&
							  (second[k] > second[i] || (second[k] == second[i] && k > i)));
			}
			bool there = at < SUBJECT_OVERRIDES_MAX && strcmp(ids[at], id[i]) == 0;
			assert_int_equal(there, better < SUBJECT_OVERRIDES_MAX);
			at += there;
		}
		/* when one is revoked there is room for the next */
		struct observation o = a_revocation(ids[3], "u1", NOW + 9, "evt_r");
		char gone[16];
		memcpy(gone, ids[3], sizeof gone);
		apply(s, &o);
		assert_int_equal(row_overrides(s, "u1", ids), SUBJECT_OVERRIDES_MAX);
		for (unsigned i = 0; i < SUBJECT_OVERRIDES_MAX; i++) assert_string_not_equal(ids[i], gone);
		(void)store_teardown(&fresh);
	}
}

static void test_overrides_over_a_limit(void **state) {
	struct store *s = *state;
	char longer[OVERRIDE_WHY_MAX + 2];
	memset(longer, 'x', sizeof longer - 1);
	longer[sizeof longer - 1] = '\0';
	struct observation bad[5];
	for (unsigned i = 0; i < ARRAY_LEN(bad); i++) bad[i] = a_gift("ovr_1", "u1", "pro", 0, NOW, "evt");
	bad[0].of.override.id = VIEW("");
	bad[1].of.override.subject = VIEW("");
	bad[2].of.override.tier = VIEW("");
	bad[3].of.override.why = view_str(longer);
	bad[4].of.override.subject = view_str(longer);
	begin(s);
	for (unsigned i = 0; i < ARRAY_LEN(bad); i++) assert_int_equal(fold_observe(s->f, &bad[i]), ERR_LIMIT);
	commit(s);
	struct entitlements_stat st;
	assert_int_equal(look_stat(s->l, &st), OK);
	assert_int_equal(st.overrides + st.subjects, 0);
}

/* Other scopes are other lists. */
static void test_overrides_of_one_scope_alone(void **state) {
	struct store *s = *state;
	struct observation o = a_gift("ovr_1", "u1", "pro", 0, NOW, "evt_1");
	apply(s, &o);
	o = a_gift("ovr_2", "u1", "pro", 0, NOW, "evt_2");
	o.scope.livemode = true;
	apply(s, &o);
	o = a_gift("ovr_3", "u1", "pro", 0, NOW, "evt_3");
	o.scope.account = VIEW("acct_1");
	apply(s, &o);
	assert_string_equal(list_of(s, "").ids, "ovr_1 ");
	assert_string_equal(list_of(s, "u1").ids, "ovr_1 ");
}

/* ---- marks -------------------------------------------------------------------------------- */

static struct observation a_mark(int64_t events_to, uint64_t missed, int64_t swept_at, uint64_t differing) {
	return (struct observation){.kind = OBSERVE_MARK,
				    .stamp = {NOW, RANK_UPDATED, VIEW("mark_1")},
				    .of.mark = {.events_to = events_to,
						.listed = missed + 1,
						.missed = missed,
						.swept_at = swept_at,
						.swept = differing + 1,
						.differing = differing}};
}

static void test_the_furthest_mark_and_the_last_sweep(void **state) {
	struct store *s = *state;
	struct reconcile_mark m;
	assert_int_equal(look_mark(s->l, &platform, &m), ERR_NOT_FOUND);
	const struct observation o[] = {a_mark(NOW, 3, NOW - 9, 7), a_mark(NOW + 5, 1, 0, 0),
					a_mark(NOW - 5, 8, NOW - 8, 2)};
	for (unsigned k = 0; k < 3; k++) {
		for (unsigned i = 0; i < 3; i++) apply(s, &o[(i + k) % 3]);
		assert_int_equal(look_mark(s->l, &platform, &m), OK);
		assert_int_equal(m.events_to, NOW + 5);
		assert_int_equal(m.missed, 1);
		assert_int_equal(m.swept_at, NOW - 8);
		assert_int_equal(m.differing, 2);
	}
	const struct scope account = {false, VIEW("acct_1")}, live = {true, VIEW_NONE};
	assert_int_equal(look_mark(s->l, &account, &m), ERR_NOT_FOUND);
	assert_int_equal(look_mark(s->l, &live, &m), ERR_NOT_FOUND);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)
	const struct CMUnitTest tests[] = {
		T(test_a_phase_takes_effect_at_its_start),
		T(test_only_its_own_schedule_counts),
		T(test_a_gift_and_its_end),
		T(test_a_revocation_that_comes_first),
		T(test_a_gift_in_a_customers_name),
		T(test_a_session_looked_at_again_takes_nothing_back),
		T(test_overrides_of_a_row_are_bounded),
		T(test_overrides_over_a_limit),
		T(test_overrides_of_one_scope_alone),
		T(test_the_furthest_mark_and_the_last_sweep),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
