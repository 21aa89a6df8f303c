#include "preview.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define NOW INT64_C(1790000000)
#define END INT64_C(1791000000)

static const struct price monthly = {
	.id = "price_m", .interval = "month", .interval_count = 1, .currency = "usd", .amount = 2000, .tier = 1};
static const struct price yearly = {
	.id = "price_y", .interval = "year", .interval_count = 1, .currency = "usd", .amount = 20000, .tier = 1};

static json_t *load(const char *text) {
	json_t *o = json_loads(text, 0, NULL);
	assert_non_null(o);
	return o;
}

static struct change changed(const struct price *to, int64_t quantity, const char *interval, int64_t amount,
			     const struct portal_rules *rules) {
	struct change c = {.customer = "cus_1",
			   .subscription = "sub_1",
			   .item = "si_1",
			   .to = to,
			   .quantity = quantity,
			   .now = NOW};
	json_t *item = json_pack("{s:i, s:I, s:{s:I, s:{s:s, s:i}}}", "quantity", 1, "current_period_end",
				 (json_int_t)END, "price", "unit_amount", (json_int_t)amount, "recurring", "interval",
				 interval, "interval_count", 1);
	change_decide(&c, item, rules);
	json_decref(item);
	return c;
}

static int64_t number(const json_t *o, const char *a, const char *b) {
	return json_integer_value(json_object_get(json_object_get(o, a), b));
}
static const char *word(const json_t *o, const char *a, const char *b) {
	const json_t *at = json_object_get(o, a);
	return json_string_value(b ? json_object_get(at, b) : at);
}

static void the_portals_settings_are_read(void **state) {
	(void)state;
	struct portal_rules r;
	json_t *o = load("{\"features\":{\"subscription_update\":{\"proration_behavior\":\"always_invoice\","
			 "\"schedule_at_period_end\":{\"conditions\":[{\"type\":\"shortening_interval\"},7,{\"type\":"
			 "\"x\"}]}}}}");
	portal_rules_read(o, &r);
	assert_int_equal(r.proration, PRORATION_NOW);
	assert_true(r.shorter_later);
	assert_false(r.cheaper_later);
	json_decref(o);
	portal_rules_read(NULL, &r);
	assert_int_equal(r.proration, PRORATION_LATER);
	assert_false(r.shorter_later || r.cheaper_later);
}

static void an_upgrade_is_charged_now(void **state) {
	(void)state;
	char room[1024];
	const struct portal_rules rules = {.proration = PRORATION_NOW, .cheaper_later = true, .shorter_later = true};
	struct change c = changed(&monthly, 1, "month", 1000, &rules);
	assert_true(change_asks_now(&c) && change_asks_next(&c));
	struct writer w = writer_of(room, sizeof room);
	change_form(&w, &c, true);
	stripe_text_end(&w);
	assert_non_null(strstr(room, "always_invoice"));
	assert_non_null(strstr(room, "proration_date%5D=1790000000"));
	json_t *now = load("{\"amount_due\":500,\"lines\":{\"data\":[{\"description\":\"Unused\",\"amount\":-500,"
			   "\"parent\":{\"subscription_item_details\":{\"proration\":true}}},{\"description\":\"Rest\","
			   "\"amount\":1000,\"parent\":{\"invoice_item_details\":{\"proration\":true}}}]}}");
	json_t *next = load("{\"amount_due\":2000,\"lines\":{\"data\":[{\"amount\":2000}]}}");
	json_t *shown = change_show(&c, VIEW("pro"), now, next);
	assert_string_equal(word(shown, "effective", NULL), "now");
	assert_int_equal(number(shown, "now", "amount"), 500);
	assert_int_equal(number(shown, "next", "amount"), 2000);
	assert_string_equal(word(shown, "next", "at"), "2026-10-03T04:00:00Z");
	assert_int_equal(json_array_size(json_object_get(shown, "lines")), 2);
	assert_true(json_is_true(json_object_get(json_array_get(json_object_get(shown, "lines"), 1), "proration")));
	json_decref(shown);
	json_decref(now);
	json_decref(next);
}

static void a_downgrade_at_once_leaves_a_credit_for_what_comes(void **state) {
	(void)state;
	const struct portal_rules rules = {.proration = PRORATION_NOW};
	struct change c = changed(&monthly, 1, "month", 5000, &rules);
	assert_true(!c.at_period_end && change_asks_now(&c) && change_asks_next(&c));
	json_t *next = load("{\"amount_due\":2000,\"total\":2000,\"lines\":{\"data\":[]}}");
	json_t *some = load("{\"amount_due\":0,\"total\":-1500,\"lines\":{\"data\":[]}}");
	json_t *shown = change_show(&c, VIEW("pro"), some, next);
	assert_int_equal(number(shown, "now", "amount"), -1500);
	assert_int_equal(number(shown, "next", "amount"), 500);
	json_decref(shown);
	json_decref(some);
	json_t *more = load("{\"amount_due\":0,\"total\":-3000,\"lines\":{\"data\":[]}}");
	shown = change_show(&c, VIEW("pro"), more, next);
	assert_int_equal(number(shown, "now", "amount"), -3000);
	assert_int_equal(number(shown, "next", "amount"), 0);
	json_decref(shown);
	json_decref(more);
	json_decref(next);
}

static void prorations_may_wait_for_the_next_invoice(void **state) {
	(void)state;
	const struct portal_rules rules = {.proration = PRORATION_LATER};
	struct change c = changed(&monthly, 1, "month", 1000, &rules);
	assert_true(change_asks_now(&c) && !change_asks_next(&c));
	json_t *preview = load("{\"amount_due\":2500,\"lines\":{\"data\":[]}}");
	json_t *shown = change_show(&c, VIEW("pro"), preview, NULL);
	assert_int_equal(number(shown, "now", "amount"), 0);
	assert_int_equal(number(shown, "next", "amount"), 2500);
	json_decref(shown);
	json_decref(preview);
}

static void a_downgrade_waits_where_the_portal_says_so(void **state) {
	(void)state;
	const struct portal_rules rules = {.proration = PRORATION_NOW, .cheaper_later = true};
	struct change c = changed(&monthly, 1, "month", 5000, &rules);
	assert_true(c.at_period_end);
	assert_true(!change_asks_now(&c) && change_asks_next(&c));
	json_t *next = load("{\"amount_due\":2000,\"lines\":{\"data\":[{\"amount\":2000,\"description\":\"Pro\"}]}}");
	json_t *shown = change_show(&c, VIEW("pro"), NULL, next);
	assert_string_equal(word(shown, "effective", NULL), "period_end");
	assert_int_equal(number(shown, "now", "amount"), 0);
	assert_int_equal(number(shown, "next", "amount"), 2000);
	assert_int_equal(json_array_size(json_object_get(shown, "lines")), 1);
	json_decref(shown);
	json_decref(next);
	/* more seats of a cheaper price are not cheaper */
	c = changed(&monthly, 3, "month", 5000, &rules);
	assert_false(c.at_period_end);
}

static void another_interval_begins_anew(void **state) {
	(void)state;
	const struct portal_rules rules = {.proration = PRORATION_NOW, .shorter_later = true};
	struct change c = changed(&yearly, 2, "month", 2000, &rules);
	assert_true(c.other_interval && !c.at_period_end && change_asks_now(&c) && !change_asks_next(&c));
	json_t *now = load("{\"amount_due\":39000,\"lines\":{\"data\":[]}}");
	json_t *shown = change_show(&c, VIEW("pro"), now, NULL);
	assert_int_equal(number(shown, "now", "amount"), 39000);
	assert_int_equal(number(shown, "next", "amount"), 40000);
	assert_string_equal(word(shown, "next", "at"), "2027-09-21T14:13:20Z");
	json_decref(shown);
	json_decref(now);
	c = changed(&monthly, 1, "year", 20000, &rules);
	assert_true(c.at_period_end && !change_asks_now(&c) && !change_asks_next(&c));
	shown = change_show(&c, VIEW("pro"), NULL, NULL);
	assert_string_equal(word(shown, "next", "at"), "2026-10-03T04:00:00Z");
	assert_int_equal(number(shown, "next", "amount"), 2000);
	json_decref(shown);
}

static void months_end_on_their_last_day(void **state) {
	(void)state;
	assert_int_equal(interval_after(1769860800, "month", 1), 1772280000); /* 31 January 2026 → 28 February */
	assert_int_equal(interval_after(1832932800, "month", 1), 1835438400); /* 31 January 2028 → 29 February */
	assert_int_equal(interval_after(1835438400, "year", 1), 1866974400); /* 29 February 2028 → 28 February 2029 */
	assert_int_equal(interval_after(1769860800, "month", 12), 1801396800); /* → 31 January 2027 */
	assert_int_equal(interval_after(NOW, "week", 2), NOW + 14 * 86400);
	assert_int_equal(interval_after(NOW, "day", 1), NOW + 86400);
	assert_int_equal(interval_after(NOW, "month", 0), 0);
}

static void a_first_purchase_costs_its_price(void **state) {
	(void)state;
	json_t *shown = purchase_show(&monthly, 3, NOW, VIEW("pro"));
	assert_int_equal(number(shown, "now", "amount"), 6000);
	assert_int_equal(number(shown, "next", "amount"), 6000);
	assert_string_equal(word(shown, "next", "at"), "2026-10-21T14:13:20Z");
	json_decref(shown);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_portals_settings_are_read),
		cmocka_unit_test(an_upgrade_is_charged_now),
		cmocka_unit_test(a_downgrade_at_once_leaves_a_credit_for_what_comes),
		cmocka_unit_test(prorations_may_wait_for_the_next_invoice),
		cmocka_unit_test(a_downgrade_waits_where_the_portal_says_so),
		cmocka_unit_test(another_interval_begins_anew),
		cmocka_unit_test(months_end_on_their_last_day),
		cmocka_unit_test(a_first_purchase_costs_its_price),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
