#include "base/attr.h"
#include "domain/subscription.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void statuses_have_stripes_names(void **state) {
	(void)state;
	static const char *const stripe[] = {
		"incomplete", "incomplete_expired", "trialing", "active", "past_due", "unpaid", "paused", "canceled"};
	assert_int_equal(ARRAY_LEN(stripe) + 1, SUB_STATUS_COUNT);
	for (size_t i = 0; i < ARRAY_LEN(stripe); i++) {
		enum sub_status s = SUB_NONE;
		assert_true(sub_status_parse(view_str(stripe[i]), &s));
		assert_string_equal(sub_status_name(s), stripe[i]);
		bool final = strcmp(stripe[i], "canceled") == 0 || strcmp(stripe[i], "incomplete_expired") == 0;
		assert_true(sub_status_final(s) == final);
	}
}

static void other_statuses_are_refused(void **state) {
	(void)state;
	enum sub_status s = SUB_PAUSED;
	assert_false(sub_status_parse(VIEW("none"), &s));
	assert_false(sub_status_parse(VIEW(""), &s));
	assert_false(sub_status_parse(VIEW("Active"), &s));
	assert_false(sub_status_parse(VIEW("active "), &s));
	assert_false(sub_status_parse(VIEW("activ"), &s));
	assert_false(sub_status_parse(VIEW("ended"), &s));
	assert_int_equal(s, SUB_PAUSED);
	assert_string_equal(sub_status_name((enum sub_status)99), "none");
	assert_false(sub_status_final(SUB_NONE));
	assert_false(sub_status_final((enum sub_status)99));
}

/* The numbers are stored: this order must never change. */
static void stored_numbers_stay(void **state) {
	(void)state;
	assert_int_equal(SUB_NONE, 0);
	assert_int_equal(SUB_INCOMPLETE, 1);
	assert_int_equal(SUB_INCOMPLETE_EXPIRED, 2);
	assert_int_equal(SUB_TRIALING, 3);
	assert_int_equal(SUB_ACTIVE, 4);
	assert_int_equal(SUB_PAST_DUE, 5);
	assert_int_equal(SUB_UNPAID, 6);
	assert_int_equal(SUB_PAUSED, 7);
	assert_int_equal(SUB_CANCELED, 8);
	assert_int_equal(INVOICE_DRAFT, 1);
	assert_int_equal(INVOICE_OPEN, 2);
	assert_int_equal(INVOICE_UNCOLLECTIBLE, 3);
	assert_int_equal(INVOICE_VOID, 4);
	assert_int_equal(INVOICE_PAID, 5);
}

static void invoice_statuses(void **state) {
	(void)state;
	for (unsigned i = INVOICE_NONE + 1; i < INVOICE_STATUS_COUNT; i++) {
		enum invoice_status s = INVOICE_NONE;
		assert_true(invoice_status_parse(view_str(invoice_status_name((enum invoice_status)i)), &s));
		assert_int_equal(s, i);
	}
	enum invoice_status s = INVOICE_OPEN;
	assert_false(invoice_status_parse(VIEW("none"), &s));
	assert_false(invoice_status_parse(VIEW("paid_out_of_band"), &s));
	assert_int_equal(s, INVOICE_OPEN);
}

static const struct item sorted[] = {
	{VIEW_INIT(""), VIEW_INIT("prod_1"), VIEW_INIT(""), 1},
	{VIEW_INIT("price_1"), VIEW_INIT(""), VIEW_INIT(""), 1},
	{VIEW_INIT("price_1"), VIEW_INIT("prod_1"), VIEW_INIT(""), 1},
	{VIEW_INIT("price_1"), VIEW_INIT("prod_1"), VIEW_INIT(""), 2},
	{VIEW_INIT("price_1"), VIEW_INIT("prod_1"), VIEW_INIT("key"), 1},
	{VIEW_INIT("price_10"), VIEW_INIT(""), VIEW_INIT(""), 1},
	{VIEW_INIT("price_2"), VIEW_INIT(""), VIEW_INIT(""), 0},
};
#define SORTED ARRAY_LEN(sorted)

static bool item_eq(const struct item *a, const struct item *b) {
	return view_eq(a->price, b->price) && view_eq(a->product, b->product) &&
	       view_eq(a->lookup_key, b->lookup_key) && a->quantity == b->quantity;
}

/* All rotations, straight and reversed. */
static void sets_have_one_order(void **state) {
	(void)state;
	for (size_t turn = 0; turn < SORTED; turn++)
		for (int reversed = 0; reversed < 2; reversed++) {
			struct item_set set = {.count = SORTED};
			for (size_t i = 0; i < SORTED; i++) {
				size_t at = (i + turn) % SORTED;
				set.items[i] = sorted[reversed ? SORTED - 1 - at : at];
			}
			item_set_sort(&set);
			for (size_t i = 0; i < SORTED; i++) assert_true(item_eq(&set.items[i], &sorted[i]));
		}
	struct item_set none = {0};
	item_set_sort(&none);
	assert_int_equal(none.count, 0);
}

static struct item_set set_of(const struct item *items, unsigned count) {
	struct item_set set = {.count = count};
	for (unsigned i = 0; i < count; i++) set.items[i] = items[i];
	return set;
}

static void quantities_are_not_what_is_sold(void **state) {
	(void)state;
	struct item_set one = set_of(&sorted[2], 1), many = set_of(&sorted[3], 1), other = set_of(&sorted[4], 1);
	assert_int_equal(item_set_cmp(&one, &many), 0);
	assert_true(item_set_cmp(&one, &other) < 0);
	assert_true(item_set_cmp(&other, &one) > 0);
	struct item_set more = set_of(&sorted[2], 2), none = {0};
	assert_true(item_set_cmp(&one, &more) < 0);
	assert_true(item_set_cmp(&more, &one) > 0);
	assert_true(item_set_cmp(&none, &one) < 0);
	assert_int_equal(item_set_cmp(&none, &none), 0);
}

static struct subscription whole(void) {
	return (struct subscription){.id = VIEW("sub_1"),
				     .customer = VIEW("cus_1"),
				     .subject = VIEW("user"),
				     .latest_invoice = VIEW("in_1"),
				     .status = SUB_ACTIVE,
				     .created = 1,
				     .period_start = 2,
				     .period_end = 3,
				     .trial_end = 4,
				     .cancel_at = 5,
				     .canceled_at = 6,
				     .ended_at = 7,
				     .items = {1, {{VIEW("price"), VIEW("prod"), VIEW("key"), 3}}}};
}

/* One field changed at a time: no two digests are the same. */
static void the_digest_sees_every_field(void **state) {
	(void)state;
	struct subscription v[24];
	size_t n = 0;
	for (size_t i = 0; i < ARRAY_LEN(v); i++) v[i] = whole();
	n++;
	v[n++].id = VIEW("sub_2");
	v[n++].customer = VIEW("cus_2");
	v[n++].subject = VIEW("");
	v[n++].latest_invoice = VIEW("in_2");
	v[n++].status = SUB_PAST_DUE;
	v[n++].created = 9;
	v[n++].period_start = 9;
	v[n++].period_end = 9;
	v[n++].trial_end = 9;
	v[n++].cancel_at = 9;
	v[n++].canceled_at = 9;
	v[n++].ended_at = 9;
	v[n++].cancel_at_period_end = true;
	v[n++].collection_paused = true;
	v[n++].items.count = 0;
	v[n++].items.items[0].price = VIEW("other");
	v[n++].items.items[0].product = VIEW("other");
	v[n++].items.items[0].lookup_key = VIEW("other");
	v[n++].items.items[0].quantity = 4;
	/* the same letters, cut elsewhere */
	v[n].id = VIEW("sub_1c"), v[n++].customer = VIEW("us_1");
	v[n].items.items[0].price = VIEW("pricep"), v[n++].items.items[0].product = VIEW("rod");
	v[n].period_start = 3, v[n++].period_end = 2;
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < i; j++) assert_true(subscription_digest(&v[i]) != subscription_digest(&v[j]));
	struct subscription same = whole();
	assert_true(subscription_digest(&same) == subscription_digest(&v[0]));
	/* what lies behind the count is nothing */
	same.items.items[1].quantity = 77;
	assert_true(subscription_digest(&same) == subscription_digest(&v[0]));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(statuses_have_stripes_names), cmocka_unit_test(other_statuses_are_refused),
		cmocka_unit_test(stored_numbers_stay),         cmocka_unit_test(invoice_statuses),
		cmocka_unit_test(sets_have_one_order),         cmocka_unit_test(quantities_are_not_what_is_sold),
		cmocka_unit_test(the_digest_sees_every_field),
	};
	return cmocka_run_group_tests_name("subscription", tests, NULL, NULL);
}
