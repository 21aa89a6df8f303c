#include "fold_support.h"

struct noted {
	unsigned n;
	char text[512];
};

static bool note(void *ctx, const struct unmapped_price *u) {
	struct noted *x = ctx;
	size_t at = strlen(x->text);
	(void)snprintf(x->text + at, sizeof x->text - at, "%.*s:%.*s:%llu:%lld ", VIEW_FMT(u->price),
		       VIEW_FMT(u->subscription), (unsigned long long)u->seen, (long long)(u->last_ms - u->first_ms));
	return ++x->n < 20;
}

static struct noted noted(struct store *s) {
	struct noted x = {0};
	assert_int_equal(look_unmapped(s->l, note, &x), OK);
	return x;
}

static bool meet(struct store *s, const char *price, const char *product, const char *key) {
	const struct item item = {.price = view_str(price), .product = view_str(product), .lookup_key = view_str(key)};
	const struct observation o = a_sub("sub_1", "cus_1", SUB_ACTIVE, NOW, "evt_1");
	bool is_new = false;
	assert_int_equal(fold_unmapped(s->f, &platform, &item, &o, &is_new), OK);
	return is_new;
}

static void test_a_price_is_noted_once(void **state) {
	struct store *s = *state;
	assert_string_equal(noted(s).text, "");
	begin(s);
	assert_true(meet(s, "price_x", "prod_x", ""));
	fold_moment(s->f, NOW * 1000 + 5);
	assert_false(meet(s, "price_x", "prod_x", ""));
	assert_true(meet(s, "", "prod_y", ""));
	assert_true(meet(s, "", "", "key_z"));
	commit(s);
	assert_string_equal(noted(s).text, "key_z:sub_1:1:0 price_x:sub_1:2:5 prod_y:sub_1:1:0 ");
	struct entitlements_stat st;
	assert_int_equal(look_stat(s->l, &st), OK);
	assert_int_equal(st.unmapped, 3);
}

static void test_what_the_catalog_learns_heals(void **state) {
	struct store *s = *state;
	begin(s);
	(void)meet(s, "price_x", "prod_x", "");
	(void)meet(s, "price_y", "prod_y", "key_y");
	(void)meet(s, "price_z", "prod_z", "");
	commit(s);
	uint64_t healed = 9;
	begin(s);
	assert_int_equal(fold_unmapped_heal(s->f, &healed), OK);
	assert_int_equal(healed, 0);
	commit(s);
	const struct catalog_grant grants[] = {{GRANT_PRICE, VIEW("price_x"), 1},
					       {GRANT_PRODUCT, VIEW("prod_z"), 2},
					       {GRANT_LOOKUP_KEY, VIEW("key_y"), 1}};
	struct catalog newer = catalog;
	newer.grants = grants;
	newer.grant_count = 1;
	assert_int_equal(fold_begin(s->e, &newer, NOW * 1000, &s->f, NULL), OK);
	assert_int_equal(fold_unmapped_heal(s->f, &healed), OK);
	assert_int_equal(healed, 1);
	commit(s);
	assert_string_equal(noted(s).text, "price_y:sub_1:1:0 price_z:sub_1:1:0 ");
	newer.grant_count = 3;
	assert_int_equal(fold_begin(s->e, &newer, NOW * 1000, &s->f, NULL), OK);
	assert_int_equal(fold_unmapped_heal(s->f, &healed), OK);
	assert_int_equal(healed, 2);
	commit(s);
	assert_string_equal(noted(s).text, "");
	/* without a catalog nothing heals */
	assert_int_equal(fold_begin(s->e, NULL, NOW * 1000, &s->f, NULL), OK);
	(void)meet(s, "price_pro", "", "");
	assert_int_equal(fold_unmapped_heal(s->f, &healed), OK);
	assert_int_equal(healed, 0);
	commit(s);
}

static void test_they_are_bounded(void **state) {
	struct store *s = *state;
	begin(s);
	for (unsigned i = 0; i < UNMAPPED_MAX + 2; i++) {
		char price[24];
		(void)snprintf(price, sizeof price, "price_%u", i);
		assert_int_equal(meet(s, price, "prod_x", ""), i < UNMAPPED_MAX);
	}
	assert_false(meet(s, "price_1", "prod_x", ""));
	commit(s);
	assert_int_equal(counter(s, "unmapped_dropped"), 2);
	char longer[SUBJECT_MAX + 2];
	memset(longer, 'x', sizeof longer - 1);
	longer[sizeof longer - 1] = '\0';
	const struct item bad[] = {{.price = view_str(longer)}, {.quantity = 1}};
	const struct observation o = a_sub("sub_1", "cus_1", SUB_ACTIVE, NOW, "evt_1");
	bool is_new = true;
	begin(s);
	for (unsigned i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(fold_unmapped(s->f, &platform, &bad[i], &o, &is_new), ERR_LIMIT);
	assert_true(is_new);
	commit(s);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)
	const struct CMUnitTest tests[] = {
		T(test_a_price_is_noted_once),
		T(test_what_the_catalog_learns_heals),
		T(test_they_are_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
