/* The state is a function of the set of observations: any order, any duplicates, any batches. */
#include "fold_support.h"

#define SETS 150
#define SET_MAX 24
#define ORDERS 4

static char texts[SET_MAX][2][32];

/* Few objects, few seconds: so that everything meets everything. */
static struct observation random_observation(struct random *seed, unsigned i) {
	static const char *const customers[] = {"cus_1", "cus_2", "cus_3"};
	static const char *const subjects[] = {"u1", "u2", "", "cus_1"};
	static const char *const invoices[] = {"in_1", "in_2", ""};
	char *event = texts[i][0];
	/* some events tell of several objects */
	(void)snprintf(event, sizeof texts[i][0], "evt_%zu", random_below(seed, 40));
	const char *customer = customers[random_below(seed, 3)], *subject = subjects[random_below(seed, 4)];
	int64_t second = NOW + (int64_t)random_below(seed, 3);
	struct observation o;
	switch (random_below(seed, 6)) {
	case 0:
		o = a_customer(customer, subject, random_below(seed, 5) == 0, second, event);
		o.of.customer.new_claim = random_below(seed, 2);
		break;
	case 1:
		o = a_checkout(customer, subject, second, event);
		break;
	case 2:
		o = an_invoice(invoices[random_below(seed, 2)], customer,
			       (enum invoice_status)(1 + random_below(seed, INVOICE_STATUS_COUNT - 1)), second, event);
		break;
	default:
		(void)snprintf(texts[i][1], sizeof texts[i][1], "sub_%zu", random_below(seed, 4));
		o = a_sub(texts[i][1], customer, (enum sub_status)(1 + random_below(seed, SUB_STATUS_COUNT - 1)),
			  second, event);
		struct subscription *x = &o.of.subscription.now;
		x->latest_invoice = view_str(invoices[random_below(seed, 3)]);
		x->subject = view_str(subjects[random_below(seed, 4)]);
		if (random_below(seed, 3) == 0) x->items.items[0].price = VIEW("price_inst");
		o.stamp.rank = (enum rank)random_below(seed, 3);
		o.of.subscription.new_claim = random_below(seed, 2);
		o.of.subscription.has_pre = random_below(seed, 2);
		o.of.subscription.pre = random_below(seed, 3);
		o.of.subscription.post = random_below(seed, 2) ? subscription_digest(x) : random_below(seed, 3);
		break;
	}
	o.scope.livemode = random_below(seed, 8) == 0;
	return o;
}

/* Two observations of one digest must be alike, as they are when the digest is of the value: what
 * the registers take for equal may not differ. */
static void settle_digests(struct observation *o, unsigned n) {
	for (unsigned i = 0; i < n; i++)
		if (o[i].kind == OBSERVE_SUBSCRIPTION)
			o[i].of.subscription.post = subscription_digest(&o[i].of.subscription.now);
	/* and a few follow from another, as previous_attributes would say */
	for (unsigned i = 1; i < n; i++)
		if (o[i].kind == OBSERVE_SUBSCRIPTION && o[i - 1].kind == OBSERVE_SUBSCRIPTION &&
		    o[i].of.subscription.has_pre)
			o[i].of.subscription.pre = o[i - 1].of.subscription.post;
}

static void apply_shuffled(struct store *s, struct random *seed, const struct observation *o, unsigned n) {
	unsigned order[SET_MAX * 2], count = 0;
	for (unsigned i = 0; i < n; i++) {
		order[count++] = i;
		if (random_below(seed, 4) == 0) order[count++] = i;
	}
	for (unsigned i = count; i-- > 1;) {
		size_t k = random_below(seed, i + 1);
		unsigned swap = order[i];
		order[i] = order[k];
		order[k] = swap;
	}
	begin(s);
	for (unsigned i = 0; i < count; i++) {
		assert_int_equal(fold_observe(s->f, &o[order[i]]), OK);
		if (random_below(seed, 3)) continue;
		commit(s);
		begin(s);
	}
	commit(s);
}

static void test_any_order(void **state) {
	struct random seed = random_start();
	(void)state;
	for (unsigned round = 0; round < SETS; round++) {
		struct observation o[SET_MAX];
		unsigned n = (unsigned)(2 + random_below(&seed, SET_MAX - 2));
		struct digest first = {{0}};
		for (unsigned i = 0; i < n; i++) o[i] = random_observation(&seed, i);
		settle_digests(o, n);
		for (unsigned k = 0; k < ORDERS; k++) {
			void *fresh;
			(void)store_setup(&fresh);
			apply_shuffled(fresh, &seed, o, n);
			struct digest d = digest_of(fresh);
			if (k == 0) first = d;
			bool same = digest_same(first, d);
			(void)store_teardown(&fresh);
			if (!same) fail_msg("set %u, order %u: another digest", round, k);
		}
	}
}

/* The digest is of all that counts: each of these states has its own. */
static void test_the_digest_tells_states_apart(void **state) {
	(void)state;
	struct observation o[] = {a_sub("sub_1", "cus_1", SUB_ACTIVE, NOW, "evt_1"),
				  a_sub("sub_1", "cus_1", SUB_ACTIVE, NOW, "evt_2"),
				  a_sub("sub_1", "cus_1", SUB_ACTIVE, NOW + 1, "evt_1"),
				  a_sub("sub_2", "cus_1", SUB_ACTIVE, NOW, "evt_1"),
				  a_customer("cus_1", "", false, NOW, "evt_1"),
				  a_checkout("cus_1", "u1", NOW, "evt_1"),
				  a_customer("cus_1", "", true, NOW, "evt_1"),
				  an_invoice("in_1", "cus_1", INVOICE_OPEN, NOW, "evt_1"),
				  an_invoice("in_1", "cus_1", INVOICE_PAID, NOW, "evt_1")};
	struct digest d[ARRAY_LEN(o) + 1];
	for (unsigned i = 0; i <= ARRAY_LEN(o); i++) {
		void *fresh;
		(void)store_setup(&fresh);
		if (i < ARRAY_LEN(o)) apply(fresh, &o[i]);
		d[i] = digest_of(fresh);
		(void)store_teardown(&fresh);
		for (unsigned k = 0; k < i; k++) assert_false(digest_same(d[i], d[k]));
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_any_order),
		cmocka_unit_test(test_the_digest_tells_states_apart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
