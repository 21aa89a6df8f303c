/* Subjects of one account in parts, and whose customers are whose. */
#include "fold_support.h"

/* ---- in parts ----------------------------------------------------------------------- */

struct part {
	unsigned max, count;
	char names[256];
	char last[SUBJECT_MAX + 1];
};

static bool take(void *ctx, struct view subject, struct view row) {
	struct part *p = ctx;
	assert_true(row.len > 0);
	if (p->count == p->max) return false;
	p->count++;
	size_t n = strlen(p->names);
	(void)snprintf(p->names + n, sizeof p->names - n, "%.*s ", VIEW_FMT(subject));
	(void)snprintf(p->last, sizeof p->last, "%.*s", VIEW_FMT(subject));
	return true;
}

static const char *part_of(struct store *s, const struct scope *scope, const char *after, unsigned max,
			   struct part *p) {
	char from[SUBJECT_MAX + 1]; /* it may be p's own */
	(void)snprintf(from, sizeof from, "%s", after);
	*p = (struct part){.max = max};
	assert_int_equal(look_subjects_after(s->l, scope, view_str(from), take, p), OK);
	return p->names;
}

static void bind(struct store *s, const struct scope *scope, const char *customer, const char *subject) {
	static unsigned n;
	char id[24];
	(void)snprintf(id, sizeof id, "evt_s%u", n++);
	struct observation o = a_checkout(customer, subject, NOW, id);
	o.scope = *scope;
	apply(s, &o);
}

static void test_subjects_come_in_parts(void **state) {
	struct store *s = *state;
	static const struct scope live = {.livemode = true}, of_account = {.account = VIEW_INIT("acct_1")},
				  of_next = {.account = VIEW_INIT("acct_2")};
	struct part p;
	assert_string_equal(part_of(s, &platform, "", 9, &p), "");
	bind(s, &platform, "cus_1", "b");
	bind(s, &platform, "cus_2", "\x01");
	bind(s, &platform, "cus_3", "bb");
	bind(s, &platform, "cus_4", "z\xc3\xb6");
	bind(s, &live, "cus_5", "a");
	bind(s, &of_account, "cus_6", "a");
	bind(s, &of_next, "cus_7", "0");
	assert_string_equal(part_of(s, &platform, "", 9, &p), "\x01 b bb z\xc3\xb6 ");
	assert_string_equal(part_of(s, &platform, "", 2, &p), "\x01 b ");
	assert_string_equal(part_of(s, &platform, p.last, 2, &p), "bb z\xc3\xb6 ");
	assert_string_equal(part_of(s, &platform, p.last, 2, &p), "");
	/* one that is not there, or not any more, is a place as well */
	assert_string_equal(part_of(s, &platform, "ba", 9, &p), "bb z\xc3\xb6 ");
	assert_string_equal(part_of(s, &live, "", 9, &p), "a ");
	assert_string_equal(part_of(s, &of_account, "", 9, &p), "a ");
	assert_string_equal(part_of(s, &of_next, "", 9, &p), "0 ");
	assert_string_equal(part_of(s, &of_next, "0", 9, &p), "");
}

/* ---- customers ----------------------------------------------------------------------- */

static const char *customers_of(struct store *s, const char *subject, unsigned max) {
	static char text[256];
	struct bound_customer into[8];
	unsigned count = 99;
	assert_int_equal(look_bound_customers(s->l, &platform, view_str(subject), into, max, &count), OK);
	assert_true(count <= max);
	text[0] = '\0';
	for (unsigned i = 0; i < count; i++) {
		size_t n = strlen(text);
		(void)snprintf(text + n, sizeof text - n, "%.*s ", VIEW_FMT(into[i].id));
	}
	return text;
}

static void test_the_last_bound_customer_comes_first(void **state) {
	struct store *s = *state;
	struct observation o;
	assert_string_equal(customers_of(s, "u1", 8), "");
	o = a_checkout("cus_2", "u1", NOW, "evt_1");
	apply(s, &o);
	o = a_checkout("cus_1", "u1", NOW + 5, "evt_2");
	apply(s, &o);
	o = a_checkout("cus_3", "u1", NOW + 2, "evt_3");
	apply(s, &o);
	o = a_checkout("cus_4", "u2", NOW + 9, "evt_4");
	apply(s, &o);
	assert_string_equal(customers_of(s, "u1", 8), "cus_1 cus_3 cus_2 ");
	assert_string_equal(customers_of(s, "u1", 2), "cus_1 cus_3 ");
	/* by any of its customers, too */
	assert_string_equal(customers_of(s, "cus_2", 1), "cus_1 ");
	/* one goes to another subject, one is deleted */
	o = a_checkout("cus_1", "u2", NOW + 20, "evt_5");
	apply(s, &o);
	assert_string_equal(customers_of(s, "u1", 8), "cus_3 cus_2 ");
	assert_string_equal(customers_of(s, "u2", 8), "cus_1 cus_4 ");
	o = a_customer("cus_3", "", true, NOW + 30, "evt_6");
	apply(s, &o);
	assert_string_equal(customers_of(s, "u1", 8), "cus_2 ");
}

static void test_a_customer_that_nobody_claims_is_its_own(void **state) {
	struct store *s = *state;
	struct observation o = a_sub("sub_1", "cus_1", SUB_ACTIVE, NOW, "evt_1");
	struct view row;
	apply(s, &o);
	assert_string_equal(customers_of(s, "cus_1", 8), "cus_1 ");
	assert_int_equal(look_own_row(s->l, &platform, VIEW("cus_1"), &row), OK);
	o = a_checkout("cus_1", "u1", NOW + 1, "evt_2");
	apply(s, &o);
	assert_int_equal(look_own_row(s->l, &platform, VIEW("cus_1"), &row), ERR_NOT_FOUND);
	assert_int_equal(look_subject(s->l, &platform, VIEW("cus_1"), &row), OK);
	assert_string_equal(customers_of(s, "cus_1", 8), "cus_1 ");
	assert_string_equal(customers_of(s, "cus_9", 8), "");
	struct bound_customer none;
	unsigned count;
	assert_int_equal(look_bound_customers(s->l, &platform, VIEW("u1"), &none, 0, &count), ERR_USAGE);
}

int main(void) {
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)
		T(test_subjects_come_in_parts),
		T(test_the_last_bound_customer_comes_first),
		T(test_a_customer_that_nobody_claims_is_its_own),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
