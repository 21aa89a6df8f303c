#include "domain/entitlement.h"

#include "base/attr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define PERIOD_END 2000

static void begin(struct grant *g) {
	*g = (struct grant){.seen = 1000,
			    .period_end = PERIOD_END,
			    .items = {1, {{VIEW("price_pro"), VIEW("prod_pro"), VIEW("pro_monthly"), 1}}},
			    .earlier_count = 1,
			    .earlier = {{900, {1, {{VIEW("price_old"), VIEW("prod_old"), VIEW(""), 0}}}}}};
}

/* ---- payments ------------------------------------------------------------------ */

static void payments_add_up(void **state) {
	(void)state;
	struct grant g;
	begin(&g);
	grant_add_payment(&g, &(struct payment_value){.reversed = true, .event = VIEW("evt_0")}, 3000);
	assert_true(!g.disputed && !g.refunded_until && !g.dispute_lost_until && !g.reversal_event.len);
	grant_add_payment(&g, &(struct payment_value){.refunded = true, .event = VIEW("evt_9")}, 1500);
	assert_int_equal(g.refunded_until, 1500);
	/* the period is not known: the subscription's own */
	grant_add_payment(&g, &(struct payment_value){.refunded = true, .event = VIEW("evt_1")}, 0);
	assert_int_equal(g.refunded_until, PERIOD_END);
	assert_true(view_eq(g.reversal_event, VIEW("evt_1")));
	grant_add_payment(&g, &(struct payment_value){.dispute_lost = true, .event = VIEW("evt_2")}, 1200);
	assert_int_equal(g.dispute_lost_until, 1200);
	assert_true(view_eq(g.reversal_event, VIEW("evt_1")));
	grant_add_payment(&g, &(struct payment_value){.disputed = true, .event = VIEW("evt_0")}, 1000);
	assert_true(g.disputed);
	assert_int_equal(g.refunded_until, PERIOD_END);
	assert_true(view_eq(g.reversal_event, VIEW("evt_0")));
}

static void in_any_order(void **state) {
	(void)state;
	static const struct payment_value values[] = {
		{.refunded = true, .event = VIEW_INIT("evt_5")},
		{.disputed = true, .event = VIEW_INIT("evt_1")},
		{.dispute_lost = true, .refunded = true, .event = VIEW_INIT("evt_7")},
		{.disputed = true, .refunded = true, .event = VIEW_INIT("evt_3")},
		{.refunded = true, .event = VIEW_INIT("evt_6")},
		{.reversed = true, .event = VIEW_INIT("evt_9")},
	};
	static const int64_t ends[] = {1500, 0, 1700, 1200, 1500, 5000};
	const size_t n = ARRAY_LEN(values);
	struct grant first;
	/* every rotation of every subset, both ways */
	for (unsigned set = 1; set < 1u << n; set++)
		for (size_t turn = 0; turn < 2 * n; turn++) {
			struct grant g;
			begin(&g);
			for (size_t k = 0; k < n; k++) {
				size_t i = turn < n ? (turn + k) % n : (turn + n - k) % n;
				if (set >> i & 1) grant_add_payment(&g, &values[i], ends[i]);
			}
			if (turn == 0) first = g;
			assert_int_equal(g.disputed, first.disputed);
			assert_int_equal(g.refunded_until, first.refunded_until);
			assert_int_equal(g.dispute_lost_until, first.dispute_lost_until);
			assert_true(view_eq(g.reversal_event, first.reversal_event));
		}
}

/* ---- schedules -------------------------------------------------------------------- */

static struct schedule schedule(unsigned phases) {
	struct schedule s = {.id = VIEW("sub_sched_1"), .status = SCHEDULE_ACTIVE, .phase_count = phases};
	for (unsigned i = 0; i < phases; i++)
		s.phases[i] = (struct schedule_phase){1000 + 100 * (int64_t)i,
						      1100 + 100 * (int64_t)i,
						      {1, {{.price = VIEW("price_new"), .quantity = i}}}};
	return s;
}

static void only_what_is_to_come_is_kept(void **state) {
	(void)state;
	struct grant g;
	struct schedule s = schedule(3);
	begin(&g);
	grant_set_schedule(&g, &s);
	/* the first began in the very second that the subscription was seen in */
	assert_int_equal(g.phase_count, 2);
	assert_int_equal(g.phases[0].start, 1100);
	assert_int_equal(g.phases[1].start, 1200);
	assert_int_equal(g.schedule_ends, 0);
	s.ends_subscription = true;
	grant_set_schedule(&g, &s);
	assert_int_equal(g.schedule_ends, 1300);
	/* it was seen alive after that: what is known of the schedule is old */
	g.seen = 1300;
	grant_set_schedule(&g, &s);
	assert_int_equal(g.schedule_ends, 0);
	assert_int_equal(g.phase_count, 0);
	g.seen = 1000;
	s = schedule(SCHEDULE_PHASES_MAX);
	grant_set_schedule(&g, &s);
	assert_int_equal(g.phase_count, GRANT_PHASES_MAX);
	assert_int_equal(g.phases[0].start, 1100);
}

static void only_an_active_schedule_has_a_say(void **state) {
	(void)state;
	for (unsigned i = 0; i < SCHEDULE_STATUS_COUNT; i++) {
		struct grant g;
		struct schedule s = schedule(3);
		begin(&g);
		s.status = (enum schedule_status)i;
		s.ends_subscription = true;
		grant_set_schedule(&g, &s);
		assert_int_equal(g.phase_count > 0, i == SCHEDULE_ACTIVE);
		assert_int_equal(g.schedule_ends > 0, i == SCHEDULE_ACTIVE);
		grant_set_schedule(&g, NULL);
		assert_int_equal(g.phase_count, 0);
		assert_int_equal(g.schedule_ends, 0);
	}
}

static void a_phase_without_time_is_none(void **state) {
	(void)state;
	struct grant g;
	struct schedule s = schedule(SCHEDULE_PHASES_MAX);
	begin(&g);
	for (unsigned i = 1; i < SCHEDULE_PHASES_MAX; i++) s.phases[i].start = 1100;
	s.phases[5].start = 1050; /* out of order, which Stripe never sends */
	grant_set_schedule(&g, &s);
	assert_int_equal(g.phase_count, 1);
	assert_int_equal(g.phases[0].start, 1100);
	assert_int_equal(g.phases[0].items.items[0].quantity, SCHEDULE_PHASES_MAX - 1);
	/* also when the row is full already */
	s = schedule(6);
	s.phases[5].start = s.phases[4].start;
	grant_set_schedule(&g, &s);
	assert_int_equal(g.phase_count, 4);
	assert_int_equal(g.phases[3].items.items[0].quantity, 5);
}

static void a_price_takes_its_names_from_where_it_was_seen(void **state) {
	(void)state;
	struct grant g;
	struct schedule s = schedule(4);
	begin(&g);
	s.phases[1].items.items[0].price = VIEW("price_pro");
	s.phases[2].items.items[0].price = VIEW("price_old");
	s.phases[3].items.items[0] = (struct item){VIEW("price_pro"), VIEW("prod_other"), VIEW(""), 7};
	grant_set_schedule(&g, &s);
	assert_int_equal(g.phase_count, 3);
	assert_true(view_eq(g.phases[0].items.items[0].lookup_key, VIEW("pro_monthly")));
	assert_int_equal(g.phases[0].items.items[0].quantity, 1);
	assert_true(view_eq(g.phases[1].items.items[0].product, VIEW("prod_old")));
	/* what the schedule says itself stays */
	assert_true(view_eq(g.phases[2].items.items[0].product, VIEW("prod_other")));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(payments_add_up),
		cmocka_unit_test(in_any_order),
		cmocka_unit_test(only_what_is_to_come_is_kept),
		cmocka_unit_test(only_an_active_schedule_has_a_say),
		cmocka_unit_test(a_phase_without_time_is_none),
		cmocka_unit_test(a_price_takes_its_names_from_where_it_was_seen),
	};
	return cmocka_run_group_tests_name("grant", tests, NULL, NULL);
}
