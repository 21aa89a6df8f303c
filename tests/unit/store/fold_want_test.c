/* What is asked for, what settles it, and that it ends. */
#include "fold_support.h"

struct asked {
	unsigned n;
	char text[1024];
	int64_t after, since_ms;
};

static bool note(void *ctx, const struct want *w) {
	struct asked *a = ctx;
	size_t at = strlen(a->text);
	(void)snprintf(a->text + at, sizeof a->text - at, "%s:%.*s:%d ", fetch_name(w->fetch.kind),
		       VIEW_FMT(w->fetch.id), (int)w->why);
	a->after = w->after;
	a->since_ms = w->since_ms;
	a->n++;
	return a->n < 20;
}

static struct asked wants(struct store *s) {
	struct asked a = {0};
	assert_int_equal(look_wants(s->l, note, &a), OK);
	return a;
}

#define assert_wants(s, expected) assert_string_equal(wants(s).text, expected)

/* A subscription of a customer who is known, so that it asks for nothing by itself. */
static void known_customer(struct store *s) {
	struct observation o = a_checkout("cus_1", "u1", NOW - DAY, "evt_0");
	apply(s, &o);
}

static void test_a_tie_asks_until_a_later_second(void **state) {
	struct store *s = *state;
	known_customer(s);
	struct observation o = a_sub("sub_1", "cus_1", SUB_ACTIVE, NOW, "evt_1");
	apply(s, &o);
	assert_wants(s, "");
	o = a_sub("sub_1", "cus_1", SUB_PAST_DUE, NOW, "evt_2");
	apply(s, &o);
	assert_wants(s, "subscription:sub_1:0 ");
	assert_int_equal(wants(s).after, NOW);
	assert_int_equal(wants(s).since_ms, NOW * 1000);
	/* the same second does not settle it, nor does another object's answer */
	o = as_answer(a_sub("sub_1", "cus_1", SUB_PAST_DUE, NOW, "snap_1"), FETCH_SUBSCRIPTION, "sub_1");
	apply(s, &o);
	o = an_answer(FETCH_CUSTOMER, "sub_1", NOW + 5);
	apply(s, &o);
	assert_wants(s, "subscription:sub_1:0 ");
	o = as_answer(a_sub("sub_1", "cus_1", SUB_PAST_DUE, NOW + 1, "snap_2"), FETCH_SUBSCRIPTION, "sub_1");
	apply(s, &o);
	assert_wants(s, "");
	/* what is told again asks nothing again */
	o = a_sub("sub_1", "cus_1", SUB_PAST_DUE, NOW, "evt_2");
	apply(s, &o);
	assert_wants(s, "");
}

static void test_an_event_settles_as_well(void **state) {
	struct store *s = *state;
	known_customer(s);
	struct observation o = a_sub("sub_1", "cus_1", SUB_ACTIVE, NOW, "evt_1");
	apply(s, &o);
	o = a_sub("sub_1", "cus_1", SUB_PAST_DUE, NOW, "evt_2");
	apply(s, &o);
	o = a_sub("sub_1", "cus_1", SUB_ACTIVE, NOW + 3, "evt_3");
	apply(s, &o);
	assert_wants(s, "");
}

/* The worst case: whenever an answer comes, Stripe has changed the object in the very second of the answer again, for
 * some rounds. Then it rests, and one answer later nothing is asked. */
static void test_ties_end_when_the_object_rests(void **state) {
	struct store *s = *state;
	struct random seed = random_start();
	for (unsigned round = 0; round < 30; round++) {
		char sub[16], event[32];
		unsigned asked = 0, changes = (unsigned)random_below(&seed, 8);
		(void)snprintf(sub, sizeof sub, "sub_%u", round);
		known_customer(s);
		for (unsigned i = 0; i < 2; i++) {
			(void)snprintf(event, sizeof event, "evt_%u_%u", round, i);
			struct observation o = a_sub(sub, "cus_1", i ? SUB_ACTIVE : SUB_PAST_DUE, NOW, event);
			apply(s, &o);
		}
		for (int64_t last = NOW - 1; wants(s).n; asked++) {
			struct asked w = wants(s);
			assert_int_equal(w.n, 1);
			assert_true(w.after > last);
			last = w.after;
			/* later by one second or some, and while it does not rest an event of that second */
			int64_t at = w.after + 1 + (int64_t)random_below(&seed, 3);
			(void)snprintf(event, sizeof event, "snap_%u_%u", round, asked);
			struct observation o =
				as_answer(a_sub(sub, "cus_1", SUB_ACTIVE, at, event), FETCH_SUBSCRIPTION, sub);
			apply(s, &o);
			if (asked >= changes) continue;
			(void)snprintf(event, sizeof event, "evt_%u_x%u", round, asked);
			o = a_sub(sub, "cus_1", SUB_PAUSED, at, event);
			apply(s, &o);
		}
		assert_int_equal(asked, changes + 1);
	}
}

static void test_what_the_decoder_asks_for(void **state) {
	struct store *s = *state;
	struct observation o = {
		.kind = OBSERVE_NOTHING,
		.stamp = {NOW, RANK_UPDATED, VIEW("evt_1")},
		.fetch_count = 2,
		.fetches = {{FETCH_SUBSCRIPTION, VIEW("sub_1")}, {FETCH_SUBSCRIPTIONS_OF, VIEW("cus_1")}}};
	apply(s, &o);
	assert_wants(s, "subscription:sub_1:1 subscriptions_of:cus_1:4 ");
	/* too early; missing; the end of a list */
	o = an_answer(FETCH_SUBSCRIPTION, "sub_1", NOW);
	apply(s, &o);
	assert_int_equal(wants(s).n, 2);
	o = an_answer(FETCH_SUBSCRIPTION, "sub_1", NOW + 1);
	apply(s, &o);
	o = an_answer(FETCH_SUBSCRIPTIONS_OF, "cus_1", NOW + 1);
	apply(s, &o);
	assert_wants(s, "");
	known_customer(s);
	o = a_sub("sub_2", "cus_1", SUB_ACTIVE, NOW, "evt_2");
	o.fetch_count = 1;
	o.fetches[0] = (struct fetch){FETCH_SUBSCRIPTION, VIEW("sub_2")};
	apply(s, &o);
	assert_wants(s, "subscription:sub_2:2 ");
	/* the answer to it may not ask for itself */
	o.stamp.created = NOW + 4;
	o = as_answer(o, FETCH_SUBSCRIPTION, "sub_2");
	apply(s, &o);
	assert_wants(s, "");
	o.fetches[0] = (struct fetch){FETCH_NOTHING, VIEW("sub_2")};
	begin(s);
	assert_int_equal(fold_observe(s->f, &o), ERR_LIMIT);
	commit(s);
}

static void test_a_reversed_payment_asks_for_its_invoice(void **state) {
	struct store *s = *state;
	struct observation o = a_payment("pi_1", "", REVERSAL_NONE, NOW, "evt_1");
	apply(s, &o);
	assert_wants(s, "");
	o = a_payment("pi_1", "", REFUND_PENDING, NOW, "evt_2");
	apply(s, &o);
	o = a_payment("py_1", "", DISPUTE_OPEN, NOW, "evt_3");
	apply(s, &o);
	assert_wants(s, "payments_of_intent:pi_1:3 payments_of_charge:py_1:3 ");
	/* none: a payment for no invoice */
	o = an_answer(FETCH_PAYMENTS_OF_CHARGE, "py_1", NOW + 1);
	apply(s, &o);
	o = as_answer(a_payment("pi_1", "in_1", REVERSAL_NONE, NOW + 1, "snap_1"), FETCH_INVOICE_PAYMENT, "inpay_1");
	apply(s, &o);
	assert_wants(s, "invoice:in_1:3 ");
	/* any record of it will do */
	o = an_invoice("in_1", "cus_1", INVOICE_PAID, NOW - 5, "evt_4");
	apply(s, &o);
	assert_wants(s, "");
	o = a_payment("pi_1", "in_1", DISPUTE_OPEN, NOW + 9, "evt_5");
	apply(s, &o);
	assert_wants(s, "");
}

/* An older invoice names its payment but not how much that was, so nobody knows whether a refund is of all of it. */
static void test_a_refund_asks_for_the_amount(void **state) {
	struct store *s = *state;
	struct observation o = an_invoice("in_1", "cus_1", INVOICE_PAID, NOW, "evt_1");
	o.of.invoice.payment = VIEW("pi_1");
	apply(s, &o);
	assert_wants(s, "");
	o = a_payment("pi_1", "", REFUND_FAILED, NOW + 1, "evt_2");
	o.of.payment.amount = 0;
	apply(s, &o);
	assert_wants(s, "");
	o = a_payment("pi_1", "", REFUND_SUCCEEDED, NOW + 2, "evt_3");
	o.of.payment.amount = 0;
	apply(s, &o);
	assert_wants(s, "payments_of_intent:pi_1:3 ");
	/* the invoice once more does not tell it */
	o = an_invoice("in_1", "cus_1", INVOICE_PAID, NOW + 3, "evt_4");
	o.of.invoice.payment = VIEW("pi_1");
	apply(s, &o);
	assert_wants(s, "payments_of_intent:pi_1:3 ");
	o = as_answer(a_payment("pi_1", "in_1", REVERSAL_NONE, NOW + 4, "snap_1"), FETCH_INVOICE_PAYMENT, "inpay_1");
	apply(s, &o);
	assert_wants(s, "");
	/* of a dispute the amount does not matter */
	o = an_invoice("in_2", "cus_1", INVOICE_PAID, NOW, "evt_5");
	o.of.invoice.payment = VIEW("pi_2");
	apply(s, &o);
	o = a_payment("pi_2", "", DISPUTE_OPEN, NOW + 5, "evt_6");
	o.of.payment.amount = 0;
	apply(s, &o);
	assert_wants(s, "");
}

static void test_a_subscription_asks_for_its_customer(void **state) {
	struct store *s = *state;
	struct observation o = a_sub("sub_1", "cus_1", SUB_ACTIVE, NOW, "evt_1");
	apply(s, &o);
	o = a_sub("sub_2", "cus_2", SUB_ACTIVE, NOW, "evt_1");
	apply(s, &o);
	o = a_sub("sub_3", "cus_3", SUB_CANCELED, NOW, "evt_1"); /* it grants nothing to anybody */
	apply(s, &o);
	o = a_sub("sub_4", "cus_4", SUB_ACTIVE, NOW, "evt_1");
	o.of.subscription.now.subject = VIEW("u4");
	apply(s, &o);
	assert_wants(s, "customer:cus_1:3 customer:cus_2:3 ");
	o = a_customer("cus_1", "", false, NOW - 9, "evt_2");
	apply(s, &o);
	o = a_checkout("cus_2", "u2", NOW - 9, "evt_3");
	apply(s, &o);
	assert_wants(s, "");
	/* a second one, that lives */
	o = a_sub("sub_6", "cus_3", SUB_ACTIVE, NOW, "evt_6");
	apply(s, &o);
	assert_wants(s, "customer:cus_3:3 ");
	o = an_answer(FETCH_CUSTOMER, "cus_3", NOW + 1);
	apply(s, &o);
	/* there is no such customer: what is told again does not ask again */
	o = a_sub("sub_6", "cus_3", SUB_ACTIVE, NOW, "evt_6");
	apply(s, &o);
	assert_wants(s, "");
	/* known, though nobody claims it */
	o = a_sub("sub_5", "cus_1", SUB_ACTIVE, NOW, "evt_4");
	apply(s, &o);
	assert_wants(s, "");
}

static void test_a_subscription_asks_for_its_schedule(void **state) {
	struct store *s = *state;
	known_customer(s);
	struct observation o = a_sub("sub_1", "cus_1", SUB_ACTIVE, NOW, "evt_1");
	o.of.subscription.now.schedule = VIEW("sub_sched_1");
	apply(s, &o);
	assert_wants(s, "subscription_schedule:sub_sched_1:3 ");
	/* its second phase sells what the catalog may know by another name */
	o = a_schedule("sub_sched_1", "cus_1", "price_x", NOW + DAY, NOW - 3, "evt_2");
	apply(s, &o);
	assert_wants(s, "subscription_schedule:sub_sched_1:3 ");
	assert_int_equal(wants(s).after, NOW - 3);
	/* an answer is expanded as far as it goes, even when that tells nothing */
	o = as_answer(a_schedule("sub_sched_1", "cus_1", "price_x", NOW + DAY, NOW + 1, "snap_1"), FETCH_SCHEDULE,
		      "sub_sched_1");
	apply(s, &o);
	assert_wants(s, "");
	o = a_schedule("sub_sched_1", "cus_1", "price_inst", NOW + DAY, NOW + 2, "evt_3");
	apply(s, &o);
	assert_wants(s, "");
	o = a_schedule("sub_sched_1", "cus_1", "price_pro", NOW + DAY, NOW + 2, "evt_4");
	apply(s, &o);
	assert_wants(s, "subscription_schedule:sub_sched_1:0 ");
}

/* An answer to one question may open another, but never one that leads back. */
static void test_answers_ask_only_further_on(void **state) {
	struct store *s = *state;
	for (unsigned from = 1; from < FETCH_COUNT; from++)
		for (unsigned to = 1; to < FETCH_COUNT; to++) {
			struct observation o = an_answer((enum fetch_kind)from, "id_1", NOW);
			o.fetch_count = 1;
			o.fetches[0] = (struct fetch){(enum fetch_kind)to, VIEW("id_2")};
			apply(s, &o);
			bool forth = wants(s).n == 1;
			o = an_answer((enum fetch_kind)to, "id_2", NOW + 1);
			apply(s, &o);
			assert_wants(s, "");
			o.fetch_count = 1;
			o.fetches[0] = (struct fetch){(enum fetch_kind)from, VIEW("id_1")};
			apply(s, &o);
			bool back = wants(s).n == 1;
			o = an_answer((enum fetch_kind)from, "id_1", NOW + 2);
			apply(s, &o);
			assert_false(forth && back);
			if (from == to) assert_false(forth);
		}
}

static void test_a_full_list_drops_and_says_so(void **state) {
	struct store *s = *state;
	begin(s);
	struct observation o = {.kind = OBSERVE_NOTHING, .stamp = {NOW, RANK_UPDATED, VIEW("evt_1")}, .fetch_count = 1};
	for (unsigned i = 0; i < WANTS_MAX + 3; i++) {
		char id[24];
		(void)snprintf(id, sizeof id, "sub_%06u", i);
		o.fetches[0] = (struct fetch){FETCH_SUBSCRIPTION, view_str(id)};
		assert_int_equal(fold_observe(s->f, &o), OK);
	}
	/* one that is there is still brought forward */
	o.stamp.created = NOW + 1;
	o.fetches[0].id = VIEW("sub_000007");
	assert_int_equal(fold_observe(s->f, &o), OK);
	commit(s);
	struct entitlements_stat st;
	assert_int_equal(look_stat(s->l, &st), OK);
	assert_int_equal(st.wants, WANTS_MAX);
	assert_int_equal(counter(s, "wants_dropped"), 3);
	o = an_answer(FETCH_SUBSCRIPTION, "sub_000007", NOW + 1);
	apply(s, &o);
	assert_int_equal(look_stat(s->l, &st), OK);
	assert_int_equal(st.wants, WANTS_MAX);
}

static void test_an_abort_keeps_the_question(void **state) {
	struct store *s = *state;
	known_customer(s);
	struct observation o[2] = {a_sub("sub_1", "cus_1", SUB_ACTIVE, NOW, "evt_1"),
				   a_sub("sub_1", "cus_1", SUB_PAST_DUE, NOW, "evt_2")};
	apply(s, &o[0]);
	begin(s);
	assert_int_equal(fold_observe(s->f, &o[1]), OK);
	fold_abort(&s->f);
	assert_int_equal(look_renew(s->l), OK);
	assert_wants(s, "");
	apply(s, &o[1]);
	begin(s);
	o[1] = an_answer(FETCH_SUBSCRIPTION, "sub_1", NOW + 1);
	assert_int_equal(fold_observe(s->f, &o[1]), OK);
	fold_abort(&s->f);
	assert_int_equal(look_renew(s->l), OK);
	assert_wants(s, "subscription:sub_1:0 ");
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)
	const struct CMUnitTest tests[] = {
		T(test_a_tie_asks_until_a_later_second),
		T(test_an_event_settles_as_well),
		T(test_ties_end_when_the_object_rests),
		T(test_what_the_decoder_asks_for),
		T(test_a_reversed_payment_asks_for_its_invoice),
		T(test_a_subscription_asks_for_its_customer),
		T(test_a_refund_asks_for_the_amount),
		T(test_a_subscription_asks_for_its_customer),
		T(test_a_subscription_asks_for_its_schedule),
		T(test_answers_ask_only_further_on),
		T(test_a_full_list_drops_and_says_so),
		T(test_an_abort_keeps_the_question),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
