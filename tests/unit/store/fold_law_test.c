/* The state is a function of the set of observations: any order, any duplicates, any batches. */
#include "fold_support.h"

#define SETS 200
#define SET_MAX 32
#define ORDERS 4

static char texts[SET_MAX][32];

static const char *one_of(struct random *seed, const char *const *names, size_t count) {
	return names[random_below(seed, count)];
}

static const char *const customers[] = {"cus_1", "cus_2", "cus_3"};
static const char *const subjects[] = {"u1", "u2", "", "cus_1"};
static const char *const invoices[] = {"in_1", "in_2", "in_3", ""};
static const char *const payments[] = {"pi_1", "pi_2", "ch_1"};
static const char *const schedules[] = {"sub_sched_1", "sub_sched_2", ""};
static const char *const subs[] = {"sub_1", "sub_2", "sub_3", "sub_4"};
static const char *const gifts[] = {"ovr_1", "ovr_2", "ovr_3"};
static const char *const prices[] = {"price_pro", "price_inst", "price_none"};
#define ONE_OF(seed, names) one_of(seed, names, ARRAY_LEN(names))

static struct observation random_subscription(struct random *seed, int64_t second, const char *event) {
	struct observation o = a_sub(ONE_OF(seed, subs), ONE_OF(seed, customers),
				     (enum sub_status)(1 + random_below(seed, SUB_STATUS_COUNT - 1)), second, event);
	struct subscription *x = &o.of.subscription.now;
	x->latest_invoice = view_str(ONE_OF(seed, invoices));
	x->schedule = view_str(random_below(seed, 2) ? "sub_sched_1" : ONE_OF(seed, schedules));
	x->subject = view_str(ONE_OF(seed, subjects));
	if (random_below(seed, 3) == 0) x->items.items[0].price = VIEW("price_inst");
	o.stamp.rank = (enum rank)random_below(seed, 3);
	o.of.subscription.new_claim = random_below(seed, 2);
	o.of.subscription.has_pre = random_below(seed, 2);
	o.of.subscription.pre = random_below(seed, 3);
	return o;
}

static struct observation random_invoice(struct random *seed, int64_t second, const char *event) {
	struct observation o =
		an_invoice(invoices[random_below(seed, 3)], ONE_OF(seed, customers),
			   (enum invoice_status)(1 + random_below(seed, INVOICE_STATUS_COUNT - 1)), second, event);
	if (random_below(seed, 4)) o.of.invoice.subscription = view_str(ONE_OF(seed, subs));
	if (random_below(seed, 2)) o.of.invoice.payment = view_str(ONE_OF(seed, payments));
	if (random_below(seed, 2)) o.of.invoice.period_end = NOW + DAY * (int64_t)random_below(seed, 4);
	return o;
}

static struct observation random_payment(struct random *seed, int64_t second, const char *event) {
	struct observation o = a_payment(ONE_OF(seed, payments), ONE_OF(seed, invoices),
					 (enum reversal_state)random_below(seed, REVERSAL_STATE_COUNT), second, event);
	struct payment_observation *p = &o.of.payment;
	if (random_below(seed, 3) == 0) p->amount = 0;
	if (p->reversal_count) p->reversals[0].amount = 500 * (1 + (int64_t)random_below(seed, 2));
	if (p->reversal_count && random_below(seed, 2)) p->reversals[0].id = VIEW("re_2");
	p->has_charge = random_below(seed, 3) == 0;
	if (p->has_charge) p->refunded = 500 * (int64_t)random_below(seed, 3);
	return o;
}

static struct observation random_schedule(struct random *seed, int64_t second, const char *event) {
	struct observation o =
		a_schedule(schedules[random_below(seed, 2)], ONE_OF(seed, customers), ONE_OF(seed, prices),
			   NOW + DAY * (int64_t)random_below(seed, 3), second, event);
	if (random_below(seed, 3) == 0)
		o.of.schedule.status = (enum schedule_status)(1 + random_below(seed, SCHEDULE_STATUS_COUNT - 1));
	o.of.schedule.ends_subscription = random_below(seed, 2);
	if (random_below(seed, 2)) o.of.schedule.subscription = view_str(ONE_OF(seed, subs));
	return o;
}

static struct observation random_gift(struct random *seed, int64_t second, const char *event) {
	const char *id = ONE_OF(seed, gifts), *subject = ONE_OF(seed, subjects);
	if (!*subject) subject = "cus_2";
	if (random_below(seed, 3) == 0) return a_revocation(id, subject, second, event);
	return a_gift(id, subject, random_below(seed, 2) ? "pro" : "institutional",
		      random_below(seed, 2) ? NOW + DAY : 0, second, event);
}

/* Few objects, few seconds: so that everything meets everything. */
static struct observation random_observation(struct random *seed, unsigned i) {
	char *event = texts[i];
	/* some events tell of several objects */
	(void)snprintf(event, sizeof texts[i], "evt_%zu", random_below(seed, 40));
	const char *customer = ONE_OF(seed, customers), *subject = ONE_OF(seed, subjects);
	int64_t second = NOW + (int64_t)random_below(seed, 3);
	struct observation o;
	switch (random_below(seed, 12)) {
	case 0:
	case 1:
		o = a_customer(customer, subject, random_below(seed, 5) == 0, second, event);
		o.of.customer.new_claim = random_below(seed, 2);
		o.of.customer.claim_gone = !*subject && random_below(seed, 2);
		break;
	case 2:
		o = a_checkout(customer, subject, second, event);
		break;
	case 3:
	case 4:
		o = random_invoice(seed, second, event);
		break;
	case 5:
	case 6:
		o = random_payment(seed, second, event);
		break;
	case 7:
		o = random_schedule(seed, second, event);
		break;
	case 8:
		o = random_gift(seed, second, event);
		break;
	default:
		o = random_subscription(seed, second, event);
		break;
	}
	if (random_below(seed, 6) == 0) o = as_answer(o, FETCH_SUBSCRIPTION, ONE_OF(seed, subs));
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
				  an_invoice("in_1", "cus_1", INVOICE_PAID, NOW, "evt_1"),
				  a_schedule("sub_sched_1", "cus_1", "price_pro", NOW, NOW, "evt_1"),
				  a_schedule("sub_sched_1", "cus_1", "price_inst", NOW, NOW, "evt_1"),
				  a_payment("pi_1", "in_1", REVERSAL_NONE, NOW, "evt_1"),
				  a_payment("pi_1", "in_1", REFUND_SUCCEEDED, NOW, "evt_1"),
				  a_payment("pi_1", "in_1", DISPUTE_OPEN, NOW, "evt_1"),
				  a_gift("ovr_1", "u1", "pro", 0, NOW, "evt_1"),
				  a_gift("ovr_1", "u1", "pro", NOW, NOW, "evt_1"),
				  a_revocation("ovr_1", "u1", NOW, "evt_1")};
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
