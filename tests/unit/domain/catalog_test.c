#include "base/attr.h"
#include "domain/catalog.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* Sorted by (kind, name), as the loader leaves it. One name stands in all three kinds, with three tiers. */
static const struct catalog_grant grants[] = {
	{GRANT_PRICE, VIEW_INIT("price_inst"), 2}, {GRANT_PRICE, VIEW_INIT("price_pro"), 1},
	{GRANT_PRICE, VIEW_INIT("same"), 0},       {GRANT_PRODUCT, VIEW_INIT("prod_pro"), 1},
	{GRANT_PRODUCT, VIEW_INIT("same"), 1},     {GRANT_LOOKUP_KEY, VIEW_INIT("inst_yearly"), 2},
	{GRANT_LOOKUP_KEY, VIEW_INIT("same"), 2},
};

static const struct catalog catalog = {
	.tier_count = 3,
	.tiers = {{VIEW_INIT("free"), {1}}, {VIEW_INIT("pro"), {3}}, {VIEW_INIT("institutional"), {1 | 4}}},
	.feature_count = 4,
	.features = {VIEW_INIT("scanner"), VIEW_INIT("trading"), VIEW_INIT("fix"), VIEW_INIT("nobody")},
	.grant_count = ARRAY_LEN(grants),
	.grants = grants,
};

static void grants_are_ordered_by_kind_and_name(void **state) {
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(grants); i++)
		for (size_t j = 0; j < ARRAY_LEN(grants); j++) {
			int c = catalog_grant_cmp(&grants[i], &grants[j]);
			assert_int_equal((c > 0) - (c < 0), (i > j) - (i < j));
		}
}

static void names_are_found(void **state) {
	(void)state;
	assert_int_equal(catalog_tier(&catalog, VIEW("free")), 0);
	assert_int_equal(catalog_tier(&catalog, VIEW("institutional")), 2);
	assert_int_equal(catalog_tier(&catalog, VIEW("Pro")), -1);
	assert_int_equal(catalog_tier(&catalog, VIEW("")), -1);
	assert_int_equal(catalog_tier(&catalog, VIEW("prox")), -1);
	assert_int_equal(catalog_feature(&catalog, VIEW("scanner")), 0);
	assert_int_equal(catalog_feature(&catalog, VIEW("nobody")), 3);
	assert_int_equal(catalog_feature(&catalog, VIEW("pro")), -1);
}

static void features_of_tiers(void **state) {
	(void)state;
	assert_true(catalog_tier_has(&catalog, 0, 0));
	assert_false(catalog_tier_has(&catalog, 0, 1));
	assert_true(catalog_tier_has(&catalog, 1, 1));
	assert_false(catalog_tier_has(&catalog, 2, 1)); /* it does not inherit */
	assert_int_equal(catalog_lowest_with(&catalog, 0), 0);
	assert_int_equal(catalog_lowest_with(&catalog, 1), 1);
	assert_int_equal(catalog_lowest_with(&catalog, 2), 2);
	assert_int_equal(catalog_lowest_with(&catalog, 3), -1);
}

/* The last of FEATURES_MAX features lies in the last word. */
static void the_last_feature(void **state) {
	(void)state;
	static struct catalog full;
	full.tier_count = TIERS_MAX;
	full.feature_count = FEATURES_MAX;
	full.tiers[TIERS_MAX - 1].features[FEATURES_MAX / 64 - 1] = UINT64_C(1) << 63;
	assert_true(catalog_tier_has(&full, TIERS_MAX - 1, FEATURES_MAX - 1));
	assert_false(catalog_tier_has(&full, TIERS_MAX - 1, FEATURES_MAX - 2));
	assert_int_equal(catalog_lowest_with(&full, FEATURES_MAX - 1), TIERS_MAX - 1);
}

static int tier_of(const char *price, const char *product, const char *key) {
	struct item item = {view_str(price), view_str(product), view_str(key), 1};
	return catalog_item_tier(&catalog, &item);
}

static void price_then_lookup_key_then_product(void **state) {
	(void)state;
	assert_int_equal(tier_of("price_pro", "", ""), 1);
	assert_int_equal(tier_of("price_x", "", ""), -1);
	assert_int_equal(tier_of("price_x", "prod_pro", ""), 1);
	assert_int_equal(tier_of("price_x", "prod_pro", "inst_yearly"), 2);
	assert_int_equal(tier_of("price_pro", "", "inst_yearly"), 1);
	assert_int_equal(tier_of("price_inst", "prod_pro", ""), 2);
	/* a name counts as what it is */
	assert_int_equal(tier_of("same", "same", "same"), 0);
	assert_int_equal(tier_of("x", "same", "same"), 2);
	assert_int_equal(tier_of("x", "same", "x"), 1);
	assert_int_equal(tier_of("prod_pro", "price_pro", "price_pro"), -1);
	assert_int_equal(tier_of("", "", ""), -1);
}

static void the_highest_item_counts(void **state) {
	(void)state;
	struct item_set set = {3,
			       {{VIEW("price_pro"), VIEW(""), VIEW(""), 1},
				{VIEW("price_inst"), VIEW(""), VIEW(""), 0},
				{VIEW("price_x"), VIEW(""), VIEW(""), 1}}};
	assert_int_equal(catalog_set_tier(&catalog, &set), 2);
	set.count = 1;
	assert_int_equal(catalog_set_tier(&catalog, &set), 1);
	set.count = 0;
	assert_int_equal(catalog_set_tier(&catalog, &set), -1);
	set = (struct item_set){1, {{VIEW("price_x"), VIEW(""), VIEW(""), 1}}};
	assert_int_equal(catalog_set_tier(&catalog, &set), -1);
}

static void an_empty_catalog_knows_nothing(void **state) {
	(void)state;
	static struct catalog none = {.tier_count = 1};
	struct item item = {VIEW("price"), VIEW("prod"), VIEW("key"), 1};
	assert_int_equal(catalog_item_tier(&none, &item), -1);
	assert_int_equal(catalog_feature(&none, VIEW("scanner")), -1);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grants_are_ordered_by_kind_and_name),
		cmocka_unit_test(names_are_found),
		cmocka_unit_test(features_of_tiers),
		cmocka_unit_test(the_last_feature),
		cmocka_unit_test(price_then_lookup_key_then_product),
		cmocka_unit_test(the_highest_item_counts),
		cmocka_unit_test(an_empty_catalog_knows_nothing),
	};
	return cmocka_run_group_tests_name("catalog", tests, NULL, NULL);
}
