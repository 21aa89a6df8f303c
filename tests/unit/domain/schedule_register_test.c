#include "domain/registers.h"

#include "base/attr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct schedule_register seen(int64_t at, enum rank rank, const char *event, enum schedule_status status,
				     int64_t start) {
	struct schedule_register r = {0};
	const struct schedule s = {
		.id = VIEW("sub_sched_1"), .status = status, .phase_count = 1, .phases = {{.start = start}}};
	const struct stamp stamp = {at, rank, view_str(event)};
	schedule_register_observe(&r, &stamp, &s);
	return r;
}

/* Both ways round; what is kept then. */
static struct schedule_register both(struct schedule_register a, struct schedule_register b) {
	static struct schedule_register x, y;
	x = a;
	y = b;
	schedule_register_join(&x, &b);
	schedule_register_join(&y, &a);
	assert_int_equal(schedule_digest(&x.schedule), schedule_digest(&y.schedule));
	assert_int_equal(x.unconfirmed, y.unconfirmed);
	assert_true(view_eq(x.stamp.event, y.stamp.event));
	return x;
}

static void the_later_second_counts(void **state) {
	(void)state;
	struct schedule_register r = both(seen(5, RANK_UPDATED, "evt_b", SCHEDULE_ACTIVE, 100),
					  seen(6, RANK_UPDATED, "evt_a", SCHEDULE_ACTIVE, 200));
	assert_int_equal(r.schedule.phases[0].start, 200);
	assert_false(r.unconfirmed);
}

static void within_a_second_its_life_tells(void **state) {
	(void)state;
	struct schedule_register r = both(seen(5, RANK_UPDATED, "evt_b", SCHEDULE_ACTIVE, 100),
					  seen(5, RANK_UPDATED, "evt_a", SCHEDULE_RELEASED, 200));
	assert_int_equal(r.schedule.status, SCHEDULE_RELEASED);
	assert_false(r.unconfirmed);
	r = both(seen(5, RANK_CREATED, "evt_b", SCHEDULE_ACTIVE, 100),
		 seen(5, RANK_UPDATED, "evt_a", SCHEDULE_ACTIVE, 200));
	assert_int_equal(r.schedule.phases[0].start, 200);
	assert_false(r.unconfirmed);
}

static void a_tie_is_unconfirmed_until_a_later_second(void **state) {
	(void)state;
	struct schedule_register r = both(seen(5, RANK_UPDATED, "evt_b", SCHEDULE_ACTIVE, 100),
					  seen(5, RANK_UPDATED, "evt_a", SCHEDULE_ACTIVE, 200));
	assert_true(r.unconfirmed);
	/* the same state told again says nothing new */
	r = both(r, r);
	assert_true(r.unconfirmed);
	r = both(r, seen(6, RANK_UPDATED, "snap_1", SCHEDULE_ACTIVE, 100));
	assert_false(r.unconfirmed);
	r = both(r, seen(6, RANK_UPDATED, "evt_c", SCHEDULE_ACTIVE, 100));
	assert_false(r.unconfirmed);
	assert_true(view_eq(r.stamp.event, VIEW("snap_1")));
}

static void nothing_says_nothing(void **state) {
	(void)state;
	struct schedule_register none = {0}, r = seen(5, RANK_UPDATED, "evt_a", SCHEDULE_ACTIVE, 100);
	schedule_register_join(&r, &none);
	assert_int_equal(r.schedule.phases[0].start, 100);
	schedule_register_join(&none, &r);
	assert_true(none.known);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_later_second_counts),
		cmocka_unit_test(within_a_second_its_life_tells),
		cmocka_unit_test(a_tie_is_unconfirmed_until_a_later_second),
		cmocka_unit_test(nothing_says_nothing),
	};
	return cmocka_run_group_tests_name("schedule_register", tests, NULL, NULL);
}
