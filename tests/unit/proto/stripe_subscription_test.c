#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/decoded.h"

static void check_subscription(const struct subscription *s) {
	is_text(s->id, "sub_TgFixture1");
	is_text(s->customer, "cus_TgFixture1");
	is_text(s->subject, "user-42");
	is_text(s->latest_invoice, "in_TgFixture1");
	assert_int_equal(s->status, SUB_ACTIVE);
	assert_true(s->created == DEC_1);
	assert_true(s->period_start == DEC_1);
	assert_true(s->period_end == JAN_1);
	assert_true(!s->trial_end && !s->cancel_at && !s->canceled_at && !s->ended_at);
	assert_false(s->cancel_at_period_end);
	assert_false(s->collection_paused);
	assert_int_equal(s->items.count, 1);
	is_text(s->items.items[0].price, "price_pro_monthly");
	is_text(s->items.items[0].product, "prod_TgPro");
	is_text(s->items.items[0].lookup_key, "pro_monthly");
	assert_true(s->items.items[0].quantity == 3);
}

static void both_shapes_give_one_subscription(void **state) {
	LET(classic) = DECODE(SUB_CLASSIC);
	LET(basil) = DECODE(SUB_BASIL);
	(void)state;
	must(&classic, OBSERVE_SUBSCRIPTION);
	must(&basil, OBSERVE_SUBSCRIPTION);
	check_subscription(&classic.o.of.subscription.now);
	check_subscription(&basil.o.of.subscription.now);
	assert_true(classic.o.of.subscription.post == subscription_digest(&classic.o.of.subscription.now));
	assert_true(classic.o.of.subscription.post == basil.o.of.subscription.post);
	assert_true(classic.o.of.subscription.has_pre && basil.o.of.subscription.has_pre);
	assert_true(classic.o.of.subscription.pre == basil.o.of.subscription.pre);
	assert_false(basil.o.of.subscription.new_claim);

	assert_true(basil.o.stamp.created == DEC_1 + 40);
	assert_int_equal(basil.o.stamp.rank, RANK_UPDATED);
	is_text(basil.o.stamp.event, "evt_TgSub1");
	assert_false(basil.o.scope.livemode);
	assert_int_equal(basil.o.scope.account.len, 0);
}

/* Edits of the object after which it must decode as the fixture itself does. */
static void many_spellings_mean_the_same(void **state) {
	static const char *const same[][2] = {
		{"data.object.customer", "{\"id\":\"cus_TgFixture1\",\"object\":\"customer\",\"deleted\":true}"},
		{"data.object.latest_invoice", "{\"id\":\"in_TgFixture1\",\"lines\":{\"has_more\":true}}"},
		{"data.object.items.data.0.price.product", "{\"id\":\"prod_TgPro\",\"name\":\"Pro\"}"},
		{"data.object.plan", NULL},
		{"data.object.items.data.0.plan", NULL},
		{"data.object.cancel_at", NULL},
		{"data.object.pause_collection", NULL},
		{"data.object.cancel_at_period_end", "null"},
		{"data.object.items.has_more", NULL},
		{"data.object.metadata.campaign", "\"\\u0000 anything\""},
		{"data.object.description", "\"a NUL \\u0000 where we do not look\""},
		{"livemode", NULL},
		{"api_version", "null"},
		{"data.object.object", NULL},
	};
	LET(fixture) = DECODE(SUB_BASIL);
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(same); i++) {
		LET(d) = DECODE(SUB_BASIL, {same[i][0], same[i][1]});
		if (d.result != OK) fail_msg("%s: %s", same[i][0], d.why.text);
		if (d.o.of.subscription.post != fixture.o.of.subscription.post) fail_msg("%s", same[i][0]);
	}
}

static void every_field_counts(void **state) {
	static const char *const edits[][2] = {
		{"data.object.id", "\"sub_2\""},
		{"data.object.customer", "\"cus_2\""},
		{"data.object.metadata.user_id", "\"user-43\""},
		{"data.object.metadata", "null"},
		{"data.object.latest_invoice", "null"},
		{"data.object.status", "\"past_due\""},
		{"data.object.created", "1764547201"},
		{"data.object.trial_end", "1764547201"},
		{"data.object.cancel_at", "1764547201"},
		{"data.object.canceled_at", "1764547201"},
		{"data.object.ended_at", "1764547201"},
		{"data.object.cancel_at_period_end", "true"},
		{"data.object.pause_collection", "{\"behavior\":\"void\"}"},
		{"data.object.items.data", "[]"},
		{"data.object.items.data.0.quantity", "4"},
		{"data.object.items.data.0.price.id", "\"price_2\""},
		{"data.object.items.data.0.price.product", "\"prod_2\""},
		{"data.object.items.data.0.price.lookup_key", "null"},
		{"data.object.items.data.0.current_period_start", "1764547201"},
		{"data.object.items.data.0.current_period_end", "1764547201"},
	};
	LET(fixture) = DECODE(SUB_BASIL);
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(edits); i++) {
		LET(d) = DECODE(SUB_BASIL, {edits[i][0], edits[i][1]});
		if (d.result != OK) fail_msg("%s: %s", edits[i][0], d.why.text);
		if (d.o.of.subscription.post == fixture.o.of.subscription.post)
			fail_msg("%s makes no difference", edits[i][0]);
	}
}

static void old_items_are_read_too(void **state) {
	LET(metered) = DECODE(SUB_BASIL, {"data.object.items.data.0.quantity", "null"});
	LET(plan) = DECODE(SUB_CLASSIC, {"data.object.items.data.0.price", NULL});
	LET(no_items) = DECODE(SUB_CLASSIC, {"data.object.items", NULL});
	LET(payer) =
		DECODE(SUB_BASIL, {"data.object.customer", "null"}, {"data.object.customer_account", "\"acct_7\""});
	(void)state;
	must(&metered, OBSERVE_SUBSCRIPTION);
	assert_true(metered.o.of.subscription.now.items.items[0].quantity == 1);
	must(&plan, OBSERVE_SUBSCRIPTION);
	must(&no_items, OBSERVE_SUBSCRIPTION);
	const struct item_set *sets[] = {&plan.o.of.subscription.now.items, &no_items.o.of.subscription.now.items};
	for (size_t i = 0; i < ARRAY_LEN(sets); i++) {
		assert_int_equal(sets[i]->count, 1);
		is_text(sets[i]->items[0].price, "price_pro_monthly");
		is_text(sets[i]->items[0].product, "prod_TgPro");
		assert_int_equal(sets[i]->items[0].lookup_key.len, 0);
		assert_true(sets[i]->items[0].quantity == 3);
	}
	must(&payer, OBSERVE_SUBSCRIPTION);
	is_text(payer.o.of.subscription.now.customer, "acct_7");
}

/* n items in descending order of price and ascending order of period. */
static json_t *items(unsigned n) {
	json_t *list = json_array();
	for (unsigned i = 0; i < n; i++) {
		char id[32];
		(void)snprintf(id, sizeof id, "price_%02u", n - i);
		json_array_append_new(list,
				      json_pack("{s:{s:s,s:s},s:i,s:I,s:I}", "price", "id", id, "product", "prod_1",
						"quantity", (int)i, "current_period_start", (json_int_t)(DEC_1 - i),
						"current_period_end", (json_int_t)(JAN_1 + i)));
	}
	return list;
}

static void many_items_are_sorted_and_bounded(void **state) {
	(void)state;
	for (unsigned n = ITEMS_MAX; n <= ITEMS_MAX + 1; n++) {
		json_t *list = items(n);
		char *text = json_dumps(list, 0);
		LET(d) = DECODE(SUB_BASIL, {"data.object.items.data", text});
		free(text);
		json_decref(list);
		if (n > ITEMS_MAX) {
			assert_int_equal(d.result, ERR_MALFORMED);
			continue;
		}
		must(&d, OBSERVE_SUBSCRIPTION);
		const struct subscription *s = &d.o.of.subscription.now;
		assert_int_equal(s->items.count, ITEMS_MAX);
		is_text(s->items.items[0].price, "price_01");
		is_text(s->items.items[ITEMS_MAX - 1].price, "price_20");
		assert_true(s->items.items[0].quantity == ITEMS_MAX - 1);
		assert_true(s->period_start == DEC_1 - (ITEMS_MAX - 1));
		assert_true(s->period_end == JAN_1);
	}
}

/* The law of previous_attributes: an event with `after` applied and previous_attributes `previous` has
 * as its pre the post of an event with `before` applied. */
static void pre_is_the_post_of_what_was_before(void **state) {
	static const struct {
		const char *fixture;
		const char *before[2], *after[2];
		const char *previous;
	} cases[] = {
		{SUB_BASIL,
		 {"data.object.status", "\"trialing\""},
		 {"data.object.status", "\"active\""},
		 "{\"status\":\"trialing\"}"},
		{SUB_BASIL, {"data.object.cancel_at", NULL}, {"data.object.cancel_at", "99"}, "{\"cancel_at\":null}"},
		{SUB_BASIL, {"data.object.cancel_at", "98"}, {"data.object.cancel_at", "null"}, "{\"cancel_at\":98}"},
		{SUB_BASIL,
		 {"data.object.pause_collection", "{\"behavior\":\"void\"}"},
		 {"data.object.pause_collection", "null"},
		 "{\"pause_collection\":{\"behavior\":\"void\",\"resumes_at\":null}}"},
		{SUB_BASIL,
		 {"data.object.pause_collection", "null"},
		 {"data.object.pause_collection", "{\"behavior\":\"void\"}"},
		 "{\"pause_collection\":null}"},
		{SUB_BASIL,
		 {"data.object.pause_collection", "{\"behavior\":\"void\"}"},
		 {"data.object.pause_collection", "{\"behavior\":\"keep_as_draft\"}"},
		 "{\"pause_collection\":{\"behavior\":\"void\"}}"},
		{SUB_BASIL,
		 {"data.object.metadata.user_id", "\"old\""},
		 {"data.object.metadata.user_id", "\"new\""},
		 "{\"metadata\":{\"user_id\":\"old\"}}"},
		{SUB_BASIL,
		 {"data.object.metadata.user_id", NULL},
		 {"data.object.metadata.user_id", "\"new\""},
		 "{\"metadata\":{\"user_id\":null}}"},
		{SUB_BASIL,
		 {"data.object.metadata.user_id", "\"user-42\""},
		 {"data.object.metadata.user_id", "\"user-42\""},
		 "{\"metadata\":{\"campaign\":\"spring\"}}"},
		{SUB_BASIL,
		 {"data.object.items.data.0.quantity", "7"},
		 {"data.object.items.data.0.quantity", "8"},
		 "{\"items\":{\"data\":[{\"quantity\":7}]}}"},
		{SUB_BASIL,
		 {"data.object.items.data.0.quantity", "null"},
		 {"data.object.items.data.0.quantity", "8"},
		 "{\"items\":{\"data\":[{\"quantity\":null}]}}"},
		{SUB_BASIL,
		 {"data.object.items.data.0.price.id", "\"price_old\""},
		 {"data.object.items.data.0.price.id", "\"price_new\""},
		 "{\"items\":{\"data\":[{\"price\":{\"id\":\"price_old\"}}]}}"},
		/* a whole list: what its element lacks is absent, not the base's */
		{SUB_BASIL,
		 {"data.object.items.data",
		  "[{\"id\":\"si_1\",\"price\":{\"id\":\"price_old\"},\"current_period_end\":50}]"},
		 {"data.object.items.data.0.quantity", "8"},
		 "{\"items\":{\"data\":[{\"id\":\"si_1\",\"price\":{\"id\":\"price_old\"},\"current_period_end\":50}]},"
		 "\"quantity\":1}"},
		/* an item was added: the list was shorter */
		{SUB_BASIL,
		 {"data.object.items.data", "[{\"id\":\"si_1\",\"price\":\"price_a\"}]"},
		 {"data.object.items.data",
		  "[{\"id\":\"si_1\",\"price\":\"price_a\"},{\"id\":\"si_2\",\"price\":\"price_b\"}]"},
		 "{\"items\":{\"data\":[{\"id\":\"si_1\",\"price\":\"price_a\"}],\"total_count\":1}}"},
		/* and one was removed */
		{SUB_BASIL,
		 {"data.object.items.data",
		  "[{\"id\":\"si_1\",\"price\":\"price_a\"},{\"id\":\"si_2\",\"price\":\"price_b\"}]"},
		 {"data.object.items.data", "[{\"id\":\"si_1\",\"price\":\"price_a\"}]"},
		 "{\"items\":{\"data\":[{\"id\":\"si_1\",\"price\":\"price_a\"},{\"id\":\"si_2\",\"price\":\"price_b\"}"
		 "]}}"},
		{SUB_CLASSIC,
		 {"data.object.current_period_end", "5000"},
		 {"data.object.current_period_end", "6000"},
		 "{\"current_period_end\":5000}"},
		{SUB_BASIL,
		 {"data.object.latest_invoice", "\"in_old\""},
		 {"data.object.latest_invoice", "{\"id\":\"in_new\"}"},
		 "{\"latest_invoice\":\"in_old\"}"},
		{SUB_BASIL,
		 {"data.object.description", "\"a\""},
		 {"data.object.description", "\"b\""},
		 "{\"description\":\"a\"}"},
		{SUB_BASIL, {"data.object.description", "\"a\""}, {"data.object.description", "\"a\""}, "{}"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		LET(before) = DECODE(cases[i].fixture, {cases[i].before[0], cases[i].before[1]});
		LET(event) = DECODE(cases[i].fixture, {cases[i].after[0], cases[i].after[1]},
				    {"data.previous_attributes", cases[i].previous});
		must(&before, OBSERVE_SUBSCRIPTION);
		must(&event, OBSERVE_SUBSCRIPTION);
		if (!event.o.of.subscription.has_pre) fail_msg("case %zu: no pre", i);
		if (event.o.of.subscription.pre != before.o.of.subscription.post) fail_msg("case %zu: another pre", i);
	}
}

static void not_every_event_has_a_pre(void **state) {
	static const char *const without[][2] = {
		{"data.previous_attributes", NULL},
		{"data.previous_attributes", "null"},
		{"data.previous_attributes", "[]"},
		{"data.previous_attributes", "{\"status\":\"no such status\"}"},
		{"data.previous_attributes", "{\"items\":{\"has_more\":true}}"},
		{"data.previous_attributes", "{\"items\":null,\"plan\":null}"},
		{"data.previous_attributes", "{\"id\":null}"},
		{"type", "\"customer.subscription.created\""},
		{"type", "\"customer.subscription.deleted\""},
	};
	LET(fixture) = DECODE(SUB_BASIL);
	LET(snapshot) = SNAPSHOT(SUB_BASIL);
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(without); i++) {
		LET(d) = DECODE(SUB_BASIL, {without[i][0], without[i][1]});
		must(&d, OBSERVE_SUBSCRIPTION);
		if (d.o.of.subscription.has_pre) fail_msg("case %zu", i);
		assert_true(d.o.of.subscription.post == fixture.o.of.subscription.post);
	}
	must(&snapshot, OBSERVE_SUBSCRIPTION);
	assert_false(snapshot.o.of.subscription.has_pre);
	assert_false(snapshot.o.of.subscription.new_claim);
	assert_true(snapshot.o.of.subscription.post == fixture.o.of.subscription.post);
	assert_true(snapshot.o.stamp.created == DEC_1 + 100);
	assert_int_equal(snapshot.o.stamp.rank, RANK_UPDATED);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_shapes_give_one_subscription),
		cmocka_unit_test(many_spellings_mean_the_same),
		cmocka_unit_test(every_field_counts),
		cmocka_unit_test(old_items_are_read_too),
		cmocka_unit_test(many_items_are_sorted_and_bounded),
		cmocka_unit_test(pre_is_the_post_of_what_was_before),
		cmocka_unit_test(not_every_event_has_a_pre),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
