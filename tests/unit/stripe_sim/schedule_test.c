/* Phases apply at their start, and a schedule ends as it says. */
#include "unit/stripe_sim/rig.h"

static const char *price_of(struct rig *g, struct id sub) {
	return text_of(json_object_get(item_at(look(g, sub), 0), "price"), "id");
}

/* From a subscription to price_pro: then price_max for a month. */
static struct id scheduled(struct rig *g, struct id sub, const char *end) {
	const json_t *made = ask(g, "POST", "/v1/subscription_schedules", "from_subscription=%s", sub.text);
	struct id id = id_in(made, "id");
	const json_t *phase = json_array_get(json_object_get(made, "phases"), 0);
	(void)ask(g, "POST", path_of("/v1/subscription_schedules/%s", id.text).text,
		  "end_behavior=%s&phases[0][items][0][price]=price_pro&phases[0][start_date]=%lld&phases[0][end_date]="
		  "%lld&"
		  "phases[1][items][0][price]=price_max&phases[1][iterations]=1",
		  end, (long long)int_of(phase, "start_date"), (long long)int_of(phase, "end_date"));
	return id;
}

static void a_phase_applies_at_its_start(void **state) {
	(void)state;
	struct rig g = rig_open();
	struct id cus = new_customer(&g), sub = subscribe(&g, cus, "");
	skip_events(&g);
	struct id schedule = scheduled(&g, sub, "release");
	expect_events(&g, "subscription_schedule.created customer.subscription.updated subscription_schedule.updated");
	assert_string_equal(text_of(look(&g, sub), "schedule"), schedule.text);
	advance(&g, 30 * SIM_DAY - 1);
	assert_string_equal(price_of(&g, sub), "price_pro");
	skip_events(&g);
	advance(&g, 1);
	assert_string_equal(price_of(&g, sub), "price_max");
	expect_events(&g, "customer.subscription.updated subscription_schedule.updated customer.subscription.updated"
			  " invoice.created");
	/* the new price, and nothing prorated */
	assert_int_equal(int_of(look(&g, latest_invoice(&g, sub)), "total"), 9000);
	advance(&g, 31 * SIM_DAY);
	expect_status(&g, schedule, "released");
	expect_status(&g, sub, "active");
	assert_true(json_is_null(json_object_get(look(&g, sub), "schedule")));
	assert_string_equal(price_of(&g, sub), "price_max");
	rig_close(&g);
}

static void it_cancels_at_its_end(void **state) {
	(void)state;
	struct rig g = rig_open();
	struct id cus = new_customer(&g), sub = subscribe(&g, cus, ""), schedule = scheduled(&g, sub, "cancel");
	advance(&g, 61 * SIM_DAY - 1);
	expect_status(&g, sub, "active");
	skip_events(&g);
	advance(&g, 1);
	expect_status(&g, sub, "canceled");
	expect_status(&g, schedule, "completed");
	expect_events(&g, "subscription_schedule.completed customer.subscription.deleted");
	rig_close(&g);
}

static void it_begins_later(void **state) {
	(void)state;
	struct rig g = rig_open();
	struct id cus = new_customer(&g);
	struct id schedule = id_in(ask(&g, "POST", "/v1/subscription_schedules",
				       "customer=%s&start_date=%lld&phases[0][items][0][price]=price_pro&"
				       "phases[0][items][0][quantity]=4&phases[0][duration][interval]=year",
				       cus.text, (long long)RIG_NOW + 500),
				   "id");
	expect_status(&g, schedule, "not_started");
	advance(&g, 499);
	assert_int_equal(g.sim->scopes[0]->lists[K_SUBSCRIPTION].count, 0);
	advance(&g, 1);
	expect_status(&g, schedule, "active");
	struct id sub = id_in(look(&g, schedule), "subscription");
	expect_status(&g, sub, "active");
	assert_int_equal(int_of(item_at(look(&g, sub), 0), "quantity"), 4);
	assert_string_equal(text_of(look(&g, sub), "schedule"), schedule.text);
	rig_close(&g);
}

static void released_and_cancelled(void **state) {
	(void)state;
	struct rig g = rig_open();
	struct id cus = new_customer(&g), a = subscribe(&g, cus, ""), b = subscribe(&g, cus, ""),
		  c = subscribe(&g, cus, "");
	struct id released = scheduled(&g, a, "release"), cancelled = scheduled(&g, b, "release"),
		  orphan = scheduled(&g, c, "release");
	(void)ask(&g, "POST", path_of("/v1/subscription_schedules/%s/release", released.text).text, "%s", "");
	(void)ask(&g, "POST", path_of("/v1/subscription_schedules/%s/cancel", cancelled.text).text, "%s", "");
	(void)ask(&g, "DELETE", path_of("/v1/subscriptions/%s", c.text).text, "%s", "");
	expect_status(&g, a, "active");
	expect_status(&g, b, "canceled");
	expect_status(&g, released, "released");
	expect_status(&g, cancelled, "canceled");
	expect_status(&g, orphan, "canceled");
	assert_string_equal(text_of(look(&g, released), "released_subscription"), a.text);
	advance(&g, 31 * SIM_DAY);
	assert_string_equal(price_of(&g, a), "price_pro");
	(void)ask_as(&g, "", "POST", path_of("/v1/subscription_schedules/%s", released.text).text,
		     "end_behavior=cancel");
	assert_int_equal(g.status, 400);
	rig_close(&g);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_phase_applies_at_its_start),
		cmocka_unit_test(it_cancels_at_its_end),
		cmocka_unit_test(it_begins_later),
		cmocka_unit_test(released_and_cancelled),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
