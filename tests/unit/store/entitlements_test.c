#include "fold_support.h"

#include <sys/stat.h>

/* ---- subjects and customers ------------------------------------------------------ */

static void test_an_unbound_customer_is_its_own_subject(void **state) {
	struct store *s = *state;
	struct observation o = a_sub("sub_1", "cus_1", SUB_ACTIVE, NOW, "evt_1");
	assert_int_equal(grants_of(s, "cus_1"), -1);
	apply(s, &o);
	assert_string_equal(tier_of(s, "cus_1"), "pro");
	assert_int_equal(look_version(s->l), 1);
	assert_int_equal(grants_of(s, "cus_2"), -1);
	assert_int_equal(grants_of(s, "u1"), -1);
}

static void test_a_checkout_binds(void **state) {
	struct store *s = *state;
	struct observation o = a_sub("sub_1", "cus_1", SUB_ACTIVE, NOW, "evt_1");
	apply(s, &o);
	o = a_checkout("cus_1", "u1", NOW, "evt_2");
	apply(s, &o);
	assert_string_equal(tier_of(s, "u1"), "pro");
	/* the customer's id still finds it, though its own row is gone */
	assert_string_equal(tier_of(s, "cus_1"), "pro");
	struct entitlements_stat st;
	assert_int_equal(look_stat(s->l, &st), OK);
	assert_int_equal(st.subjects, 1);
	assert_int_equal(st.subs, 1);
	assert_int_equal(st.customers, 1);
	assert_int_equal(st.changes, 3);
	assert_true(st.usage.used > 0 && st.usage.used < st.usage.map_size);
}

static void test_a_bound_subject_without_subscriptions_is_known(void **state) {
	struct store *s = *state;
	struct observation o = a_checkout("cus_1", "u1", NOW, "evt_1");
	apply(s, &o);
	assert_int_equal(grants_of(s, "u1"), 0);
	o = a_customer("cus_2", "", false, NOW, "evt_2");
	apply(s, &o);
	assert_int_equal(grants_of(s, "cus_2"), 0);
}

static void test_claims_that_are_not_valid(void **state) {
	struct store *s = *state;
	struct observation o = a_checkout("cus_1", "cus_2", NOW, "evt_1");
	apply(s, &o);
	o = a_checkout("cus_1", "", NOW, "evt_2");
	apply(s, &o);
	o = a_checkout("", "u1", NOW, "evt_3");
	apply(s, &o);
	assert_int_equal(look_version(s->l), 0);
	o = a_customer("cus_1", "cus_2", false, NOW, "evt_4");
	apply(s, &o);
	assert_int_equal(grants_of(s, "cus_1"), 0);
	assert_int_equal(grants_of(s, "cus_2"), -1);
}

static void test_rebinding_moves_the_subscription(void **state) {
	struct store *s = *state;
	struct observation o = a_checkout("cus_1", "u1", NOW, "evt_1");
	apply(s, &o);
	o = a_sub("sub_1", "cus_1", SUB_ACTIVE, NOW, "evt_2");
	apply(s, &o);
	o = a_checkout("cus_1", "u2", NOW + 1, "evt_3");
	apply(s, &o);
	assert_string_equal(tier_of(s, "u1"), "unknown");
	assert_string_equal(tier_of(s, "u2"), "pro");
	assert_string_equal(tier_of(s, "cus_1"), "pro");
	assert_int_equal(counter(s, "claim_conflict"), 1);
	/* an older claim that comes late changes nothing */
	o = a_checkout("cus_1", "u3", NOW - 5, "evt_4");
	uint64_t version = look_version(s->l);
	apply(s, &o);
	assert_string_equal(tier_of(s, "u2"), "pro");
	assert_int_equal(grants_of(s, "u3"), -1);
	assert_int_equal(look_version(s->l), version);
}

static bool collect_customer(void *ctx, struct view customer) {
	char *out = ctx;
	size_t n = strlen(out);
	(void)snprintf(out + n, 64 - n, "%.*s ", VIEW_FMT(customer));
	return true;
}

static void test_two_customers_add_up(void **state) {
	struct store *s = *state;
	struct observation o = a_checkout("cus_1", "u1", NOW, "evt_1");
	apply(s, &o);
	o = a_checkout("cus_2", "u1", NOW, "evt_2");
	apply(s, &o);
	o = a_sub("sub_1", "cus_1", SUB_ACTIVE, NOW, "evt_3");
	apply(s, &o);
	o = a_sub("sub_2", "cus_2", SUB_ACTIVE, NOW, "evt_4");
	o.of.subscription.now.items.items[0].price = VIEW("price_inst");
	apply(s, &o);
	assert_int_equal(grants_of(s, "u1"), 2);
	assert_string_equal(tier_of(s, "u1"), "institutional");
	char customers[64] = "";
	assert_int_equal(look_customers_of(s->l, &platform, VIEW("u1"), collect_customer, customers), OK);
	assert_string_equal(customers, "cus_1 cus_2 ");
	/* one of them goes to another subject */
	o = a_checkout("cus_2", "u2", NOW + 9, "evt_5");
	apply(s, &o);
	assert_string_equal(tier_of(s, "u1"), "pro");
	assert_string_equal(tier_of(s, "u2"), "institutional");
}

static void test_a_deleted_customer_has_nothing(void **state) {
	struct store *s = *state;
	struct observation o = a_customer("cus_1", "u1", false, NOW, "evt_1");
	o.of.customer.new_claim = true;
	apply(s, &o);
	o = a_sub("sub_1", "cus_1", SUB_ACTIVE, NOW, "evt_2");
	apply(s, &o);
	assert_string_equal(tier_of(s, "u1"), "pro");
	o = a_customer("cus_1", "", true, NOW + 1, "evt_3");
	apply(s, &o);
	assert_int_equal(grants_of(s, "u1"), 1);
	assert_string_equal(tier_of(s, "u1"), "free");
	struct customer_register r;
	assert_int_equal(look_customer(s->l, &platform, VIEW("cus_1"), &r), OK);
	assert_true(r.deleted);
	assert_int_equal(r.claim_count, 1);
}

static void test_modes_and_accounts_are_apart(void **state) {
	struct store *s = *state;
	struct observation o = a_sub("sub_1", "cus_1", SUB_ACTIVE, NOW, "evt_1");
	o.scope = (struct scope){true, VIEW("acct_1")};
	apply(s, &o);
	const struct scope others[] = {{false, VIEW("acct_1")}, {true, VIEW_NONE}, {true, VIEW("acct_2")}};
	struct view row;
	assert_int_equal(look_subject(s->l, &o.scope, VIEW("cus_1"), &row), OK);
	for (unsigned i = 0; i < ARRAY_LEN(others); i++)
		assert_int_equal(look_subject(s->l, &others[i], VIEW("cus_1"), &row), ERR_NOT_FOUND);
}

/* ---- subscriptions and invoices ------------------------------------------------------ */

static void test_a_subscription_that_changes_customers(void **state) {
	struct store *s = *state;
	struct observation o = a_sub("sub_1", "cus_1", SUB_ACTIVE, NOW, "evt_1");
	apply(s, &o);
	o = a_sub("sub_1", "cus_2", SUB_ACTIVE, NOW + 1, "evt_2");
	apply(s, &o);
	assert_int_equal(grants_of(s, "cus_1"), 0);
	assert_int_equal(grants_of(s, "cus_2"), 1);
}

static void test_a_paid_invoice_settles(void **state) {
	struct store *s = *state;
	/* either may come first */
	for (unsigned first = 0; first < 2; first++) {
		char cus[16], sub[16], in[16];
		(void)snprintf(cus, sizeof cus, "cus_%u", first);
		(void)snprintf(sub, sizeof sub, "sub_%u", first);
		(void)snprintf(in, sizeof in, "in_%u", first);
		struct observation o[2] = {a_sub(sub, cus, SUB_INCOMPLETE, NOW, "evt_1"),
					   an_invoice(in, cus, INVOICE_PAID, NOW, "evt_2")};
		o[0].of.subscription.now.latest_invoice = view_str(in);
		apply(s, &o[first]);
		assert_string_not_equal(tier_of(s, cus), "pro");
		apply(s, &o[1 - first]);
		assert_string_equal(tier_of(s, cus), "pro");
	}
}

static void test_only_its_own_invoice_counts(void **state) {
	struct store *s = *state;
	struct observation o = a_sub("sub_1", "cus_1", SUB_INCOMPLETE, NOW, "evt_1");
	o.of.subscription.now.latest_invoice = VIEW("in_1");
	apply(s, &o);
	o = an_invoice("in_2", "cus_1", INVOICE_PAID, NOW, "evt_2");
	apply(s, &o);
	assert_string_equal(tier_of(s, "cus_1"), "free");
	o = an_invoice("in_1", "cus_1", INVOICE_OPEN, NOW, "evt_3");
	apply(s, &o);
	assert_string_equal(tier_of(s, "cus_1"), "free");
	o = an_invoice("in_1", "cus_2", INVOICE_PAID, NOW, "evt_4");
	apply(s, &o);
	assert_string_equal(tier_of(s, "cus_1"), "free");
	o = an_invoice("in_1", "cus_1", INVOICE_PAID, NOW + 1, "evt_5");
	apply(s, &o);
	assert_string_equal(tier_of(s, "cus_1"), "pro");
	struct invoice_register r;
	assert_int_equal(look_invoice(s->l, &platform, VIEW("in_1"), &r), OK);
	assert_true(view_eq(r.invoice.id, VIEW("in_1")));
	assert_true(view_eq(r.stamp.event, VIEW("evt_5")));
}

static void test_an_old_price_set_is_remembered(void **state) {
	struct store *s = *state;
	struct observation o = a_sub("sub_1", "cus_1", SUB_ACTIVE, NOW, "evt_1");
	apply(s, &o);
	o = a_sub("sub_1", "cus_1", SUB_ACTIVE, NOW + 1, "evt_2");
	o.of.subscription.now.items.items[0].price = VIEW("price_new");
	apply(s, &o);
	struct view bytes;
	struct subject_row row;
	struct grant g;
	assert_int_equal(look_subject(s->l, &platform, VIEW("cus_1"), &bytes), OK);
	assert_int_equal(subject_row_open(bytes, &row), OK);
	assert_true(subject_row_next(&row, &g));
	assert_true(view_eq(g.items.items[0].price, VIEW("price_new")));
	assert_int_equal(g.earlier_count, 1);
	assert_true(view_eq(g.earlier[0].set.items[0].price, VIEW("price_pro")));
	assert_true(view_eq(g.event, VIEW("evt_2")));
	struct sub_register r;
	assert_int_equal(look_sub(s->l, &platform, VIEW("sub_1"), &r), OK);
	assert_int_equal(r.price_count, 2);
	assert_int_equal(look_sub(s->l, &platform, VIEW("sub_2"), &r), ERR_NOT_FOUND);
}

static void test_a_row_is_bounded(void **state) {
	struct store *s = *state;
	begin(s);
	/* ended ones, older ones, and among them a few that live */
	for (unsigned i = 0; i < 3 * SUBJECT_GRANTS_MAX; i++) {
		char id[16], event[16];
		(void)snprintf(id, sizeof id, "sub_%04u", i * 7919 % 1000);
		(void)snprintf(event, sizeof event, "evt_%u", i);
		struct observation o = a_sub(id, "cus_1", i % 50 == 0 ? SUB_ACTIVE : SUB_CANCELED, NOW, event);
		o.of.subscription.now.created = NOW - i;
		assert_int_equal(fold_observe(s->f, &o), OK);
	}
	commit(s);
	assert_int_equal(grants_of(s, "cus_1"), SUBJECT_GRANTS_MAX);
	struct view bytes, before = VIEW_NONE;
	struct subject_row row;
	struct grant g;
	unsigned live = 0;
	int64_t oldest = NOW;
	assert_int_equal(look_subject(s->l, &platform, VIEW("cus_1"), &bytes), OK);
	assert_int_equal(subject_row_open(bytes, &row), OK);
	while (subject_row_next(&row, &g)) {
		assert_true(view_cmp(before, g.subscription) < 0);
		before = g.subscription;
		if (g.status == SUB_ACTIVE)
			live++;
		else if (g.created < oldest)
			oldest = g.created;
	}
	assert_int_equal(live, 4);
	/* 60 ended ones: the latest created, passing over the live ones 0 and 50 */
	assert_int_equal(oldest, NOW - 61);
	struct entitlements_stat st;
	assert_int_equal(look_stat(s->l, &st), OK);
	assert_int_equal(st.subs, 3 * SUBJECT_GRANTS_MAX);
}

/* A year that is paid for, and since then a card that fails again and again. */
static void test_unpaid_tries_do_not_push_out_what_is_paid(void **state) {
	struct store *s = *state;
	begin(s);
	for (unsigned i = 0; i <= 2 * SUBJECT_GRANTS_MAX; i++) {
		char id[16], event[16];
		(void)snprintf(id, sizeof id, "sub_%04u", i);
		(void)snprintf(event, sizeof event, "evt_%u", i);
		struct observation o = a_sub(id, "cus_1", i ? SUB_INCOMPLETE : SUB_ACTIVE, NOW, event);
		o.of.subscription.now.created = NOW + i;
		assert_int_equal(fold_observe(s->f, &o), OK);
	}
	commit(s);
	assert_int_equal(grants_of(s, "cus_1"), SUBJECT_GRANTS_MAX);
	struct view bytes;
	struct subject_row row;
	struct grant g;
	assert_int_equal(look_subject(s->l, &platform, VIEW("cus_1"), &bytes), OK);
	assert_int_equal(subject_row_open(bytes, &row), OK);
	assert_true(subject_row_next(&row, &g));
	assert_int_equal(g.status, SUB_ACTIVE);
}

static void test_customers_of_a_row_are_bounded(void **state) {
	struct store *s = *state;
	begin(s);
	for (unsigned i = SUBJECT_CUSTOMERS_MAX + 1; i-- > 0;) {
		char cus[16], sub[16];
		(void)snprintf(cus, sizeof cus, "cus_%03u", i);
		(void)snprintf(sub, sizeof sub, "sub_%03u", i);
		struct observation o = a_checkout(cus, "u1", NOW, "evt_1");
		assert_int_equal(fold_observe(s->f, &o), OK);
		o = a_sub(sub, cus, SUB_ACTIVE, NOW, "evt_2");
		/* the first and the last that are read, and the first that is not */
		if (i == 0 || i + 1 >= SUBJECT_CUSTOMERS_MAX) assert_int_equal(fold_observe(s->f, &o), OK);
	}
	commit(s);
	assert_int_equal(grants_of(s, "u1"), 2);
	assert_true(counter(s, "customers_unread") > 0);
}

/* ---- transactions ---------------------------------------------------------------------- */

static void test_a_repetition_changes_nothing(void **state) {
	struct store *s = *state;
	struct observation o[3] = {a_checkout("cus_1", "u1", NOW, "evt_1"),
				   a_sub("sub_1", "cus_1", SUB_ACTIVE, NOW, "evt_2"),
				   an_invoice("in_1", "cus_1", INVOICE_PAID, NOW, "evt_3")};
	for (unsigned i = 0; i < 3; i++) apply(s, &o[i]);
	struct digest d = digest_of(s);
	uint64_t version = look_version(s->l);
	for (unsigned i = 0; i < 6; i++) apply(s, &o[i % 3]);
	assert_true(digest_same(d, digest_of(s)));
	assert_int_equal(look_version(s->l), version);
}

static void test_an_abort_leaves_nothing(void **state) {
	struct store *s = *state;
	struct observation o = a_sub("sub_1", "cus_1", SUB_ACTIVE, NOW, "evt_1");
	struct digest empty = digest_of(s);
	begin(s);
	assert_int_equal(fold_observe(s->f, &o), OK);
	assert_int_equal(fold_cursor(s->f, 7, 100), OK);
	assert_int_equal(fold_count(s->f, VIEW("x")), OK);
	fold_abort(&s->f);
	assert_null(s->f);
	assert_true(digest_same(empty, digest_of(s)));
	assert_int_equal(cursor(s, 7), 0);
	assert_int_equal(counter(s, "x"), 0);
	assert_int_equal(look_version(s->l), 0);
	/* and nothing of it appears in the next */
	begin(s);
	commit(s);
	assert_int_equal(counter(s, "x"), 0);
	assert_int_equal(look_version(s->l), 0);
}

static void each_cursor(void *ctx, uint64_t origin, uint64_t seq) {
	uint64_t *sum = ctx;
	*sum += origin * 1000 + seq;
}

static void test_cursors(void **state) {
	struct store *s = *state;
	begin(s);
	assert_int_equal(fold_cursor(s->f, 7, 100), OK);
	assert_int_equal(fold_cursor(s->f, 7, 101), OK);
	assert_int_equal(fold_cursor(s->f, 8, 5), OK);
	/* a look that began before does not see it */
	assert_int_equal(cursor(s, 7), 0);
	commit(s);
	assert_int_equal(cursor(s, 7), 101);
	assert_int_equal(cursor(s, 9), 0);
	uint64_t sum = 0;
	assert_int_equal(look_cursors(s->l, each_cursor, &sum), OK);
	assert_int_equal(sum, 15106);
}

static void test_complete_only_once_it_is_committed(void **state) {
	struct store *s = *state;
	assert_int_equal(look_renew(s->l), OK);
	assert_false(look_complete(s->l));
	begin(s);
	assert_int_equal(fold_complete(s->f), OK);
	fold_abort(&s->f);
	assert_int_equal(look_renew(s->l), OK);
	assert_false(look_complete(s->l));
	begin(s);
	assert_int_equal(fold_complete(s->f), OK);
	commit(s);
	assert_int_equal(look_renew(s->l), OK);
	assert_true(look_complete(s->l));
	assert_int_equal(look_version(s->l), 0); /* no change of anybody's */
}

static void test_one_fold_at_a_time(void **state) {
	struct store *s = *state;
	struct fold *other = NULL;
	begin(s);
	assert_int_equal(fold_begin(s->e, &catalog, 0, &other, NULL), ERR_USAGE);
	assert_null(other);
	commit(s);
	begin(s);
	commit(s);
}

static void test_what_is_over_a_limit_is_refused_alone(void **state) {
	struct store *s = *state;
	char longer[CLAIM_TEXT_MAX + 2];
	memset(longer, 'x', sizeof longer - 1);
	longer[sizeof longer - 1] = '\0';
	longer[STRIPE_ID_MAX + 1] = '\0';
	const struct observation bad[] = {a_sub(longer, "cus_1", SUB_ACTIVE, NOW, "evt"),
					  a_sub("", "cus_1", SUB_ACTIVE, NOW, "evt"),
					  a_sub("sub_1", longer, SUB_ACTIVE, NOW, "evt"),
					  a_sub("sub_1", "", SUB_ACTIVE, NOW, "evt"),
					  a_sub("sub_1", "cus_1", SUB_ACTIVE, NOW, longer),
					  a_customer(longer, "", false, NOW, "evt"),
					  a_customer("", "", false, NOW, "evt"),
					  a_checkout(longer, "u1", NOW, "evt"),
					  an_invoice(longer, "cus_1", INVOICE_PAID, NOW, "evt"),
					  an_invoice("in_1", longer, INVOICE_PAID, NOW, "evt")};
	struct digest empty = digest_of(s);
	begin(s);
	for (unsigned i = 0; i < ARRAY_LEN(bad); i++) assert_int_equal(fold_observe(s->f, &bad[i]), ERR_LIMIT);
	assert_int_equal(fold_cursor(s->f, 7, 1), OK);
	commit(s);
	assert_true(digest_same(empty, digest_of(s)));
	assert_int_equal(cursor(s, 7), 1);
	/* a claim may be long: it only does not bind */
	memset(longer, 'x', sizeof longer - 2);
	longer[CLAIM_TEXT_MAX] = '\0';
	struct observation o = a_sub("sub_1", "cus_1", SUB_ACTIVE, NOW, "evt_1");
	o.of.subscription.now.subject = view_str(longer);
	apply(s, &o);
	assert_string_equal(tier_of(s, "cus_1"), "pro");
}

/* ---- counters and quarantine -------------------------------------------------------------- */

static void test_counters(void **state) {
	struct store *s = *state;
	begin(s);
	for (unsigned i = 0; i < 1200; i++) {
		char name[32];
		(void)snprintf(name, sizeof name, "type.%u", i);
		assert_int_equal(fold_count(s->f, view_str(name)), OK);
		assert_int_equal(fold_count(s->f, VIEW("often")), OK);
	}
	assert_int_equal(fold_count(s->f, VIEW("")), OK);
	commit(s);
	assert_int_equal(counter(s, "often"), 1200);
	assert_int_equal(counter(s, "type.0"), 1);
	/* 1000 names, of which "often" is one; the rest, and the empty one */
	assert_int_equal(counter(s, "other"), 1200 + 1 - 1000 + 1);
	begin(s);
	assert_int_equal(fold_count(s->f, VIEW("often")), OK);
	commit(s);
	assert_int_equal(counter(s, "often"), 1201);
}

static void test_unconfirmed_is_counted(void **state) {
	struct store *s = *state;
	struct observation o = a_sub("sub_1", "cus_1", SUB_ACTIVE, NOW, "evt_1");
	apply(s, &o);
	assert_int_equal(counter(s, "unconfirmed"), 0);
	o = a_sub("sub_1", "cus_1", SUB_PAST_DUE, NOW, "evt_2");
	apply(s, &o);
	assert_int_equal(counter(s, "unconfirmed"), 1);
}

static void test_without_a_catalog(void **state) {
	struct store *s = *state;
	struct observation o = a_sub("sub_1", "cus_1", SUB_ACTIVE, NOW, "evt_1");
	assert_int_equal(fold_begin(s->e, NULL, 0, &s->f, NULL), OK);
	assert_int_equal(fold_observe(s->f, &o), OK);
	commit(s);
	assert_string_equal(tier_of(s, "cus_1"), "pro");
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)
	const struct CMUnitTest tests[] = {
		T(test_an_unbound_customer_is_its_own_subject),
		T(test_a_checkout_binds),
		T(test_a_bound_subject_without_subscriptions_is_known),
		T(test_claims_that_are_not_valid),
		T(test_rebinding_moves_the_subscription),
		T(test_two_customers_add_up),
		T(test_a_deleted_customer_has_nothing),
		T(test_modes_and_accounts_are_apart),
		T(test_a_subscription_that_changes_customers),
		T(test_a_paid_invoice_settles),
		T(test_only_its_own_invoice_counts),
		T(test_an_old_price_set_is_remembered),
		T(test_a_row_is_bounded),
		T(test_unpaid_tries_do_not_push_out_what_is_paid),
		T(test_customers_of_a_row_are_bounded),
		T(test_a_repetition_changes_nothing),
		T(test_an_abort_leaves_nothing),
		T(test_cursors),
		T(test_complete_only_once_it_is_committed),
		T(test_one_fold_at_a_time),
		T(test_what_is_over_a_limit_is_refused_alone),
		T(test_counters),
		T(test_unconfirmed_is_counted),
		T(test_without_a_catalog),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
