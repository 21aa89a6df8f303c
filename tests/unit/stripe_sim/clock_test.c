/* Time: its order, test clocks, jumps, and that the seed alone decides. */
#include "unit/stripe_sim/rig.h"

static void steps_of_any_size_are_the_same(void **state) {
	(void)state;
	static const int64_t steps[] = {90 * SIM_DAY, 7 * SIM_DAY, SIM_HOUR * 5};
	json_t *tables[ARRAY_LEN(steps)];
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		struct rig g = rig_open();
		struct id cus = new_customer(&g), broke = new_customer(&g);
		(void)subscribe(&g, cus, "");
		(void)subscribe(&g, broke, "&trial_period_days=9");
		set_card(&g, broke, "declined");
		while (g.sim->main.now < RIG_NOW + 90 * SIM_DAY) {
			int64_t left = RIG_NOW + 90 * SIM_DAY - g.sim->main.now;
			advance(&g, left < steps[i] ? left : steps[i]);
		}
		tables[i] = json_deep_copy(ask(&g, "GET", "/_sim/tables", "%s", ""));
		rig_close(&g);
	}
	for (size_t i = 1; i < ARRAY_LEN(steps); i++) assert_true(json_equal(tables[0], tables[i]));
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) json_decref(tables[i]);
}

static void the_seed_alone_decides(void **state) {
	(void)state;
	struct rig a = rig_open_seed(5), b = rig_open_seed(5), c = rig_open_seed(6);
	struct id x = id_in(ask(&a, "POST", "/v1/customers", "name=n"), "id");
	struct id y = id_in(ask(&b, "POST", "/v1/customers", "name=n"), "id");
	struct id z = id_in(ask(&c, "POST", "/v1/customers", "name=n"), "id");
	assert_string_equal(x.text, y.text);
	assert_string_not_equal(x.text, z.text);
	/* and again after a reset */
	(void)ask(&a, "POST", "/_sim/reset", "%s", "");
	x = id_in(ask(&a, "POST", "/v1/customers", "name=n"), "id");
	assert_string_equal(x.text, y.text);
	rig_close(&a);
	rig_close(&b);
	rig_close(&c);
}

static void events_never_go_back_in_time(void **state) {
	(void)state;
	struct rig g = rig_open();
	for (int i = 0; i < 20; i++) {
		struct id cus = new_customer(&g);
		(void)subscribe(&g, cus, i % 2 ? "&trial_period_days=4" : "");
		if (i % 3 == 0) set_card(&g, cus, "declined");
		advance(&g, 1000 + i * 77);
	}
	advance(&g, 100 * SIM_DAY);
	int64_t last = 0;
	for (size_t i = 0; i < events_of(&g)->count; i++) {
		int64_t created = int_of(events_of(&g)->at[i]->json, "created");
		assert_true(created >= last);
		last = created;
	}
	rig_close(&g);
}

/* What previous_attributes say of each event is what the one before left: the chain has no hole. */
static void previous_attributes_chain(void **state) {
	(void)state;
	struct rig g = rig_open();
	struct id cus = new_customer(&g), sub = subscribe(&g, cus, "&trial_period_days=4");
	set_card(&g, cus, "declined");
	advance(&g, 6 * SIM_DAY);
	set_card(&g, cus, "ok");
	advance(&g, 60 * SIM_DAY);
	(void)ask(&g, "POST", path_of("/v1/subscriptions/%s", sub.text).text, "cancel_at_period_end=true");
	json_t *was = NULL;
	size_t checked = 0;
	for (size_t i = 0; i < events_of(&g)->count; i++) {
		const struct record *event = events_of(&g)->at[i];
		if (strncmp(text_of(event->json, "type"), "customer.subscription.", 22) != 0) continue;
		json_t *data = json_loads(event->text, 0, NULL), *now = json_object_get(data, "object");
		json_t *previous = json_object_get(data, "previous_attributes"), *derived = was ? json_object() : NULL;
		const char *key;
		json_t *value;
		if (was) json_object_foreach(now, key, value) {
				json_t *old = json_object_get(was, key);
				if (!json_equal(old, value)) (void)json_object_set(derived, key, old);
			}
		if (was && !text_is(event->json, "type", "customer.subscription.trial_will_end")) {
			assert_int_equal(json_object_size(derived), json_object_size(previous));
			json_object_foreach(derived, key, value) assert_non_null(json_object_get(previous, key));
			checked++;
		}
		json_decref(derived);
		json_decref(was);
		was = json_incref(now);
		json_decref(data);
	}
	json_decref(was);
	assert_true(checked >= 5);
	rig_close(&g);
}

static json_t *last_previous(struct rig *g) {
	const struct record *event = events_of(g)->at[events_of(g)->count - 1];
	json_t *data = json_loads(event->text, 0, NULL);
	json_t *previous = json_incref(json_object_get(data, "previous_attributes"));
	json_decref(data);
	return previous;
}

/* Who took a claim out of the metadata is told only by what was there before. */
static void what_is_there_no_more_is_named(void **state) {
	(void)state;
	struct rig g = rig_open();
	struct id cus = new_customer(&g);
	static const struct {
		const char *form, *was; /* NULL: null */
	} steps[] = {
		{"metadata[user_id]=alice", NULL}, {"metadata[user_id]=bob", "alice"}, {"metadata[user_id]=", "bob"}};
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		(void)ask(&g, "POST", path_of("/v1/customers/%s", cus.text).text, "%s", steps[i].form);
		json_t *previous = last_previous(&g), *metadata = json_object_get(previous, "metadata");
		assert_int_equal(json_object_size(metadata), 1);
		if (steps[i].was)
			assert_string_equal(text_of(metadata, "user_id"), steps[i].was);
		else
			assert_true(json_is_null(json_object_get(metadata, "user_id")));
		json_decref(previous);
	}
	rig_close(&g);
}

static void a_test_clock_is_its_customers_own(void **state) {
	(void)state;
	struct rig g = rig_open();
	struct id clock = id_in(ask(&g, "POST", "/v1/test_helpers/test_clocks", "frozen_time=1700000000"), "id");
	struct id cus = id_in(ask(&g, "POST", "/v1/customers",
				  "test_clock=%s&payment_method=pm_card_visa&"
				  "invoice_settings[default_payment_method]=pm_card_visa",
				  clock.text),
			      "id");
	struct id mine = subscribe(&g, new_customer(&g), ""), theirs = subscribe(&g, cus, "");
	assert_int_equal(int_of(look(&g, theirs), "created"), 1700000000);
	assert_string_equal(text_of(look(&g, theirs), "test_clock"), clock.text);
	skip_events(&g);
	int64_t later = 1700000000 + 31 * SIM_DAY;
	const json_t *after = ask(&g, "POST", path_of("/v1/test_helpers/test_clocks/%s/advance", clock.text).text,
				  "frozen_time=%lld", (long long)later);
	assert_string_equal(text_of(after, "status"), "ready");
	assert_int_equal(int_of(item_at(look(&g, theirs), 0), "current_period_start"), 1700000000 + 30 * SIM_DAY);
	assert_int_equal(int_of(item_at(look(&g, mine), 0), "current_period_start"), RIG_NOW);
	assert_int_equal(g.sim->main.now, RIG_NOW);
	/* and the main clock is not its */
	advance(&g, 100 * SIM_DAY);
	assert_int_equal(int_of(item_at(look(&g, theirs), 0), "current_period_start"), 1700000000 + 30 * SIM_DAY);
	(void)ask(&g, "DELETE", path_of("/v1/test_helpers/test_clocks/%s", clock.text).text, "%s", "");
	expect_status(&g, theirs, "canceled");
	assert_true(sim_find_any(g.sim, cus.text)->deleted);
	rig_close(&g);
}

static void a_jump_does_nothing(void **state) {
	(void)state;
	struct rig g = rig_open();
	struct id sub = subscribe(&g, new_customer(&g), "");
	skip_events(&g);
	(void)ask(&g, "POST", "/_sim/clock", "{\"set\": %lld}", (long long)(RIG_NOW + 400 * SIM_DAY));
	expect_events(&g, "");
	(void)ask(&g, "POST", "/_sim/clock", "{\"set\": %lld}", (long long)RIG_NOW);
	assert_int_equal(g.sim->main.now, RIG_NOW);
	expect_status(&g, sub, "active");
	/* a clock goes back by a jump only */
	(void)ask_as(&g, "", "POST", "/_sim/clock", "{\"to\": 5}");
	assert_int_equal(g.status, 400);
	rig_close(&g);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(steps_of_any_size_are_the_same),
		cmocka_unit_test(the_seed_alone_decides),
		cmocka_unit_test(events_never_go_back_in_time),
		cmocka_unit_test(previous_attributes_chain),
		cmocka_unit_test(what_is_there_no_more_is_named),
		cmocka_unit_test(a_test_clock_is_its_customers_own),
		cmocka_unit_test(a_jump_does_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
