/* Laws of the registers: joining is commutative, associative and idempotent, and gives what a naive model
 * gives that keeps every observation and reads the definitions off domain/registers.h.
 *
 * The input is dense on purpose: few seconds, few ids, many ties, and more of everything than a register keeps. */
#include "domain/naive_registers.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define VARIANTS 48

static const struct view events[] = {VIEW_INIT("evt_a"), VIEW_INIT("evt_b"), VIEW_INIT("evt_c"), VIEW_INIT("evt_d"),
				     VIEW_INIT("evt_e"), VIEW_INIT("evt_"),  VIEW_INIT("evt_aa")};
static const struct view subjects[] = {VIEW_INIT("u1"), VIEW_INIT("u2"), VIEW_INIT("u3"),   VIEW_INIT("u4"),
				       VIEW_INIT("u5"), VIEW_INIT("u"),  VIEW_INIT("cus_1")};
static const struct view prices[] = {VIEW_INIT("price_1"), VIEW_INIT("price_2"), VIEW_INIT("price_3"),
				     VIEW_INIT("price_4"), VIEW_INIT("price_5"), VIEW_INIT("price_6")};

/* How dense the input is; drawn anew for each case. */
struct density {
	unsigned count, seconds, variants;
	bool event_says_one_thing; /* an event id is used once; else ids clash, which a sender should not do */
};

static struct density random_density(struct random *r, bool clean) {
	return (struct density){
		.count = 1 + (unsigned)random_below(r, SAID_MAX),
		.seconds = 1 + (unsigned)random_below(r, 6),
		.variants = 1 + (unsigned)random_below(r, VARIANTS),
		.event_says_one_thing = clean,
	};
}

/* Variant n of one subscription: the same n gives the same value. */
static struct subscription variant(unsigned n) {
	struct random r = {n};
	static const enum sub_status statuses[] = {SUB_PAST_DUE, SUB_PAST_DUE, SUB_ACTIVE, SUB_TRIALING, SUB_UNPAID,
						   SUB_PAST_DUE, SUB_CANCELED, SUB_PAUSED, SUB_ACTIVE};
	struct subscription s = {.id = VIEW("sub_1"),
				 .customer = VIEW("cus_1"),
				 .status = statuses[random_below(&r, ARRAY_LEN(statuses))],
				 .created = 50};
	s.period_start = 100 + 10 * (int64_t)random_below(&r, SUB_UNPAID_MAX + 4);
	s.period_end = s.period_start + 10;
	s.items.count = (unsigned)random_below(&r, 3);
	for (unsigned i = 0; i < s.items.count; i++)
		s.items.items[i] = (struct item){.price = prices[random_below(&r, ARRAY_LEN(prices))],
						 .product = VIEW("prod_1"),
						 .quantity = 1 + random_below(&r, 2)};
	item_set_sort(&s.items);
	return s;
}

static void random_schedule(struct random *r, struct schedule *s) {
	*s = (struct schedule){.id = VIEW("sub_sched_1"),
			       .customer = VIEW("cus_1"),
			       .subscription = random_chance(r, 50) ? VIEW("sub_1") : VIEW_NONE,
			       .status = (enum schedule_status)(1 + random_below(r, 3)),
			       .ends_subscription = random_chance(r, 50),
			       .phase_count = (unsigned)random_below(r, 3)};
	for (unsigned i = 0; i < s->phase_count; i++) s->phases[i].start = 1000 + (int64_t)random_below(r, 3);
}

/* As many ids as are kept and then some; sometimes an id is a refund and a dispute, which Stripe's never are. */
static void random_payment(struct random *r, struct payment_observation *p) {
	static const struct view ids[] = {VIEW_INIT("re_1"), VIEW_INIT("re_2"), VIEW_INIT("re_3"), VIEW_INIT("re_4"),
					  VIEW_INIT("re_5"), VIEW_INIT("re_6"), VIEW_INIT("re_7"), VIEW_INIT("re_8"),
					  VIEW_INIT("re_9"), VIEW_INIT("dp_1"), VIEW_INIT("dp_2"), VIEW_INIT("dp_3")};
	*p = (struct payment_observation){.id = VIEW("pi_1"),
					  .invoice = random_chance(r, 30) ? events[random_below(r, 2)] : VIEW_NONE,
					  .customer = random_chance(r, 30) ? VIEW("cus_1") : VIEW_NONE,
					  .amount = random_chance(r, 30) ? 2900 : 0,
					  .has_charge = random_chance(r, 30),
					  .refunded = (int64_t)random_below(r, 3)};
	if (random_chance(r, 30)) return;
	unsigned id = (unsigned)random_below(r, ARRAY_LEN(ids));
	bool is_dispute = random_chance(r, 5) ? id < 9 : id >= 9;
	unsigned state = is_dispute ? DISPUTE_INQUIRY + (unsigned)random_below(r, 4)
				    : REFUND_PENDING + (unsigned)random_below(r, 3);
	p->reversal_count = 1;
	p->reversals[0] = (struct reversal){ids[id], (enum reversal_state)state, (int64_t)random_below(r, 3)};
}

static void random_said(struct random *r, const struct density *d, unsigned i, struct said *ret) {
	static char ids[SAID_MAX][16];
	*ret = (struct said){0};
	struct subscription_observation *o = &ret->o;
	o->now = variant((unsigned)random_below(r, d->variants));
	if (random_chance(r, 80)) o->now.subject = subjects[random_below(r, ARRAY_LEN(subjects))];
	o->new_claim = random_chance(r, 40);
	o->post = subscription_digest(&o->now);
	o->has_pre = random_chance(r, 70);
	if (o->has_pre) {
		struct subscription before = variant((unsigned)random_below(r, d->variants));
		o->pre = subscription_digest(&before);
	}
	ret->stamp.created = 1000 + (int64_t)random_below(r, d->seconds);
	ret->stamp.rank = (enum rank)random_below(r, 3);
	ret->stamp.event = events[random_below(r, ARRAY_LEN(events))];
	if (d->event_says_one_thing) {
		/* the order of ids must not follow the order of time */
		snprintf(ids[i], sizeof ids[i], "evt_%02x%u", (unsigned)random_below(r, 256), i);
		ret->stamp.event = view_str(ids[i]);
	}
	ret->deletes = random_chance(r, 10);
	ret->stands = random_chance(r, 40);
	ret->invoice = (struct invoice){.id = VIEW("in_1"),
					.customer = VIEW("cus_1"),
					.subscription = random_chance(r, 50) ? VIEW("sub_1") : VIEW_NONE,
					.status = (enum invoice_status)(1 + random_below(r, INVOICE_STATUS_COUNT - 1)),
					.amount_remaining = (int64_t)random_below(r, 3),
					.attempt_count = (int64_t)random_below(r, 2)};
	if (random_chance(r, 50)) ret->invoice.payment = events[random_below(r, 3)];
	random_schedule(r, &ret->schedule);
	random_payment(r, &ret->payment);
	ret->override = (struct override_observation){.id = VIEW("ovr_1"),
						      .subject = subjects[random_below(r, 2)],
						      .revoked = random_chance(r, 30),
						      .tier = prices[random_below(r, 2)],
						      .from = (int64_t)random_below(r, 2),
						      .until = (int64_t)random_below(r, 2),
						      .why = events[random_below(r, 2)],
						      .by = events[random_below(r, 2)]};
}

/* ---- the laws -------------------------------------------------------------- */

/* The registers side by side, so that each law is written once. */
struct registers {
	struct sub_register sub;
	struct customer_register customer;
	struct invoice_register invoice;
	struct schedule_register schedule;
	struct payment_register payment;
	struct override_register override;
};

static void join(struct registers *into, const struct registers *other) {
	sub_register_join(&into->sub, &other->sub);
	customer_register_join(&into->customer, &other->customer);
	invoice_register_join(&into->invoice, &other->invoice);
	schedule_register_join(&into->schedule, &other->schedule);
	payment_register_join(&into->payment, &other->payment);
	override_register_join(&into->override, &other->override);
}

static void observe(struct registers *r, const struct said *s) {
	static struct registers just;
	memset(&just, 0, sizeof just);
	sub_register_observe(&just.sub, &s->stamp, &s->o);
	if (s->deletes)
		customer_register_delete(&just.customer, &s->stamp);
	else
		customer_register_claim(&just.customer, s->o.now.subject, s->o.new_claim, s->stands, &s->stamp);
	invoice_register_observe(&just.invoice, &s->stamp, &s->invoice);
	schedule_register_observe(&just.schedule, &s->stamp, &s->schedule);
	payment_register_observe(&just.payment, &s->stamp, &s->payment);
	override_register_observe(&just.override, &s->stamp, &s->override);
	join(r, &just);
}

static void print(struct text *t, const struct registers *r) {
	text_clear(t);
	print_sub_register(t, &r->sub);
	print_customer_register(t, &r->customer);
	print_invoice_register(t, &r->invoice);
	print_schedule_register(t, &r->schedule);
	print_payment_register(t, &r->payment);
	print_override_register(t, &r->override);
}

static void assert_same(const char *law, const struct registers *a, const struct registers *b) {
	AUTO(text_free)
	struct text left = {0}, right = {0};
	print(&left, a);
	print(&right, b);
	if (text_eq(&left, &right)) return;
	fprintf(stderr, "%s\n--- left\n%s--- right\n%s", law, left.bytes, right.bytes);
	fail_msg("%s", law);
}

static void observe_all(struct registers *r, const struct said *all, unsigned count) {
	*r = (struct registers){0};
	for (unsigned i = 0; i < count; i++) observe(r, &all[i]);
}

/* Three heaps of observations, and the laws of a semilattice over what they make. */
static void check_join(const struct said *all, unsigned count, struct random *random) {
	static struct registers a, b, c, x, y;
	unsigned first = (unsigned)random_below(random, count + 1);
	unsigned second = first + (unsigned)random_below(random, count - first + 1);
	observe_all(&a, all, first);
	observe_all(&b, all + first, second - first);
	observe_all(&c, all + second, count - second);

	x = a, join(&x, &b), y = b, join(&y, &a);
	assert_same("a ∪ b = b ∪ a", &x, &y);
	x = a, join(&x, &b), join(&x, &c);
	y = b, join(&y, &c);
	struct registers *bc = &y;
	static struct registers z;
	z = a, join(&z, bc);
	assert_same("(a ∪ b) ∪ c = a ∪ (b ∪ c)", &x, &z);
	y = x, join(&y, &x);
	assert_same("x ∪ x = x", &y, &x);
	y = x, join(&y, &a);
	assert_same("a ∪ b ∪ c ∪ a = a ∪ b ∪ c", &y, &x);
	y = (struct registers){0}, join(&y, &x);
	assert_same("nothing ∪ x = x", &y, &x);
	y = x, z = (struct registers){0}, join(&y, &z);
	assert_same("x ∪ nothing = x", &y, &x);
	observe_all(&y, all, count);
	assert_same("observing one by one = joining heaps", &y, &x);
}

static void check_order(const struct said *all, unsigned count, struct random *random) {
	static struct registers x, y;
	unsigned order[SAID_MAX];
	observe_all(&x, all, count);
	for (unsigned i = 0; i < count; i++) order[i] = i;
	random_shuffle(random, order, count);
	y = (struct registers){0};
	for (unsigned i = 0; i < count; i++) {
		observe(&y, &all[order[i]]);
		if (random_chance(random, 20)) observe(&y, &all[order[random_below(random, i + 1)]]);
	}
	assert_same("any order with repeats", &x, &y);
}

static void join_is_a_semilattice(void **state) {
	(void)state;
	static struct said all[SAID_MAX];
	struct random random = law_random("semilattice");
	uint64_t rounds = law_rounds(6000);
	for (uint64_t round = 0; round < rounds; round++) {
		struct density d = random_density(&random, true);
		for (unsigned i = 0; i < d.count; i++) random_said(&random, &d, i, &all[i]);
		check_join(all, d.count, &random);
		check_order(all, d.count, &random);
	}
}

/* One event id with two contents: two endpoints with different API versions deliver one event in two
 * renderings. Whatever is kept then, it must not depend on the order. */
static void clashing_ids_keep_the_laws(void **state) {
	(void)state;
	static struct said all[SAID_MAX];
	struct random random = law_random("clashing ids");
	uint64_t rounds = law_rounds(6000);
	for (uint64_t round = 0; round < rounds; round++) {
		struct density d = random_density(&random, false);
		for (unsigned i = 0; i < d.count; i++) random_said(&random, &d, i, &all[i]);
		check_join(all, d.count, &random);
		check_order(all, d.count, &random);
	}
}

static void equals_the_naive_model(void **state) {
	(void)state;
	static struct said all[SAID_MAX];
	static struct registers real, naive;
	struct random random = law_random("naive registers");
	uint64_t rounds = law_rounds(6000), full[5] = {0};
	for (uint64_t round = 0; round < rounds; round++) {
		struct density d = random_density(&random, true);
		for (unsigned i = 0; i < d.count; i++) random_said(&random, &d, i, &all[i]);
		observe_all(&real, all, d.count);
		naive_sub(all, d.count, &naive.sub);
		naive_customer(all, d.count, &naive.customer);
		naive.invoice = real.invoice; /* its model is below */
		naive_schedule(all, d.count, &naive.schedule);
		naive_payment(all, d.count, &naive.payment);
		naive_override(all, d.count, &naive.override);
		assert_same("as the naive model", &naive, &real);
		full[0] += real.sub.latest_count == SUB_LATEST_MAX;
		full[1] += real.sub.price_count == SUB_PRICES_MAX;
		full[2] += real.sub.unpaid_count == SUB_UNPAID_MAX;
		full[3] += real.customer.claim_count == CLAIMS_MAX;
		full[4] += real.payment.reversal_count == REVERSALS_MAX;
	}
	for (unsigned i = 0; rounds >= 1000 && i < ARRAY_LEN(full); i++)
		if (!full[i]) fail_msg("no case filled array %u", i);
}

/* "an invoice only moves forward": the greatest status wins, then the latest second, then the attempts. */
static void invoices_only_move_forward(void **state) {
	(void)state;
	static struct said all[SAID_MAX];
	static struct registers real;
	struct random random = law_random("invoices");
	uint64_t rounds = law_rounds(6000);
	for (uint64_t round = 0; round < rounds; round++) {
		struct density d = random_density(&random, true);
		unsigned best = 0;
		for (unsigned i = 0; i < d.count; i++) {
			random_said(&random, &d, i, &all[i]);
			const struct said *a = &all[i], *b = &all[best];
			int c = cmp_u64(a->invoice.status, b->invoice.status);
			if (!c) c = cmp_i64(a->stamp.created, b->stamp.created);
			if (!c) c = cmp_i64(a->invoice.attempt_count, b->invoice.attempt_count);
			if (!c) c = view_cmp(a->stamp.event, b->stamp.event);
			if (c > 0) best = i;
		}
		observe_all(&real, all, d.count);
		assert_true(real.invoice.known);
		assert_int_equal(real.invoice.invoice.status, all[best].invoice.status);
		assert_int_equal(real.invoice.stamp.created, all[best].stamp.created);
		assert_true(view_eq(real.invoice.stamp.event, all[best].stamp.event));
		assert_int_equal(real.invoice.invoice.amount_remaining, all[best].invoice.amount_remaining);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(join_is_a_semilattice),
		cmocka_unit_test(clashing_ids_keep_the_laws),
		cmocka_unit_test(equals_the_naive_model),
		cmocka_unit_test(invoices_only_move_forward),
	};
	(void)law_seed();
	return cmocka_run_group_tests_name("registers", tests, NULL, NULL);
}
