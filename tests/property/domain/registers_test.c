/* Laws of the registers: joining is commutative, associative and idempotent, and gives what a naive model
 * gives that keeps every observation and reads the definitions off domain/registers.h.
 *
 * The input is dense on purpose: few seconds, few ids, many ties, and more of everything than a register keeps. */
#include "lives/law.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define SAID_MAX 40
#define VARIANTS 48

static const struct view events[] = {VIEW_INIT("evt_a"), VIEW_INIT("evt_b"), VIEW_INIT("evt_c"), VIEW_INIT("evt_d"),
				     VIEW_INIT("evt_e"), VIEW_INIT("evt_"),  VIEW_INIT("evt_aa")};
static const struct view subjects[] = {VIEW_INIT("u1"), VIEW_INIT("u2"), VIEW_INIT("u3"),   VIEW_INIT("u4"),
				       VIEW_INIT("u5"), VIEW_INIT("u"),  VIEW_INIT("cus_1")};
static const struct view prices[] = {VIEW_INIT("price_1"), VIEW_INIT("price_2"), VIEW_INIT("price_3"),
				     VIEW_INIT("price_4"), VIEW_INIT("price_5"), VIEW_INIT("price_6")};

struct said {
	struct stamp stamp;
	struct subscription_observation o;
	bool deletes;
	struct invoice invoice;
};

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
	s.period_start = 100 + 10 * (int64_t)random_below(&r, 8);
	s.period_end = s.period_start + 10;
	s.items.count = (unsigned)random_below(&r, 3);
	for (unsigned i = 0; i < s.items.count; i++)
		s.items.items[i] = (struct item){.price = prices[random_below(&r, ARRAY_LEN(prices))],
						 .product = VIEW("prod_1"),
						 .quantity = 1 + random_below(&r, 2)};
	item_set_sort(&s.items);
	return s;
}

static void random_said(struct random *r, const struct density *d, unsigned i, struct said *ret) {
	static char ids[SAID_MAX][16];
	*ret = (struct said){0};
	struct subscription_observation *o = &ret->o;
	o->now = variant((unsigned)random_below(r, d->variants));
	o->now.subject = subjects[random_below(r, ARRAY_LEN(subjects))];
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
	ret->invoice = (struct invoice){.id = VIEW("in_1"),
					.customer = VIEW("cus_1"),
					.subscription = random_chance(r, 50) ? VIEW("sub_1") : VIEW_NONE,
					.status = (enum invoice_status)(1 + random_below(r, INVOICE_STATUS_COUNT - 1)),
					.amount_remaining = (int64_t)random_below(r, 3),
					.attempt_count = (int64_t)random_below(r, 2)};
}

/* ---- the naive model ------------------------------------------------------- */

static int cmp_u64(uint64_t a, uint64_t b) { return (a > b) - (a < b); }
static int cmp_i64(int64_t a, int64_t b) { return (a > b) - (a < b); }

/* "greatest first by (rank, post, has_pre, pre)" */
static int cmp_latest(const struct sub_seen *a, const struct sub_seen *b) {
	int c = cmp_u64(a->stamp.rank, b->stamp.rank);
	if (!c) c = cmp_u64(a->post, b->post);
	if (!c) c = cmp_u64(a->has_pre, b->has_pre);
	return c ? c : cmp_u64(a->pre, b->pre);
}

static struct sub_seen seen_of(const struct said *s) {
	return (struct sub_seen){s->stamp, s->o.pre, s->o.post, s->o.has_pre, s->o.now};
}

static void naive_latest(const struct said *all, unsigned count, struct sub_register *r) {
	int64_t greatest = 0;
	struct sub_seen kept[SAID_MAX];
	unsigned n = 0;
	for (unsigned i = 0; i < count; i++)
		if (all[i].stamp.created > greatest) greatest = all[i].stamp.created;
	for (unsigned i = 0; i < count; i++) {
		if (all[i].stamp.created != greatest) continue;
		struct sub_seen one = seen_of(&all[i]);
		unsigned j = 0;
		while (j < n && cmp_latest(&kept[j], &one) != 0) j++;
		if (j == n) kept[n++] = one;
		if (view_cmp(one.stamp.event, kept[j].stamp.event) > 0) kept[j] = one;
	}
	while (r->latest_count < SUB_LATEST_MAX && n) {
		unsigned top = 0;
		for (unsigned i = 1; i < n; i++)
			if (cmp_latest(&kept[i], &kept[top]) > 0) top = i;
		r->latest[r->latest_count++] = kept[top];
		kept[top] = kept[--n];
	}
}

static void naive_ended(const struct said *all, unsigned count, struct sub_register *r) {
	for (unsigned i = 0; i < count; i++) {
		if (!sub_status_final(all[i].o.now.status)) continue;
		int c = cmp_i64(all[i].stamp.created, r->ended.stamp.created);
		if (!c) c = view_cmp(all[i].stamp.event, r->ended.stamp.event);
		if (r->has_ended && c >= 0) continue;
		r->has_ended = true;
		r->ended = seen_of(&all[i]);
	}
}

static struct item_set sold(const struct subscription *s) {
	struct item_set set = s->items;
	for (unsigned i = 0; i < set.count; i++) set.items[i].quantity = 0;
	return set;
}

static void naive_prices(const struct said *all, unsigned count, struct sub_register *r) {
	struct price_set_seen kept[SAID_MAX];
	unsigned n = 0;
	for (unsigned i = 0; i < count; i++) {
		struct price_set_seen one = {all[i].stamp.created, sold(&all[i].o.now)};
		if (!one.set.count) continue;
		unsigned j = 0;
		while (j < n && item_set_cmp(&kept[j].set, &one.set) != 0) j++;
		if (j == n) kept[n++] = one;
		if (one.seen > kept[j].seen) kept[j].seen = one.seen;
	}
	while (r->price_count < SUB_PRICES_MAX && n) {
		unsigned top = 0;
		for (unsigned i = 1; i < n; i++) {
			int c = cmp_i64(kept[i].seen, kept[top].seen);
			if (!c) c = item_set_cmp(&kept[i].set, &kept[top].set);
			if (c > 0) top = i;
		}
		r->prices[r->price_count++] = kept[top];
		kept[top] = kept[--n];
	}
}

static void naive_unpaid(const struct said *all, unsigned count, struct sub_register *r) {
	struct unpaid_seen kept[SAID_MAX];
	unsigned n = 0;
	for (unsigned i = 0; i < count; i++) {
		const struct subscription *s = &all[i].o.now;
		if ((s->status == SUB_ACTIVE || s->status == SUB_TRIALING) && all[i].stamp.created > r->good)
			r->good = all[i].stamp.created;
		if (s->status != SUB_PAST_DUE) continue;
		unsigned j = 0;
		while (j < n && kept[j].period_start != s->period_start) j++;
		if (j == n) kept[n++] = (struct unpaid_seen){s->period_start, 0};
		if (all[i].stamp.created > kept[j].seen) kept[j].seen = all[i].stamp.created;
	}
	while (r->unpaid_count < SUB_UNPAID_MAX && n) {
		unsigned top = 0;
		for (unsigned i = 1; i < n; i++) {
			int c = cmp_i64(kept[i].seen, kept[top].seen);
			if (!c) c = cmp_i64(kept[i].period_start, kept[top].period_start);
			if (c > 0) top = i;
		}
		r->unpaid[r->unpaid_count++] = kept[top];
		kept[top] = kept[--n];
	}
}

static void naive_sub(const struct said *said, unsigned count, struct sub_register *r) {
	static struct said all[SAID_MAX];
	*r = (struct sub_register){0};
	for (unsigned i = 0; i < count; i++) {
		all[i] = said[i];
		/* a deletion has ended the subscription, whatever status its object still shows */
		if (all[i].stamp.rank == RANK_DELETED && !sub_status_final(all[i].o.now.status))
			all[i].o.now.status = SUB_CANCELED;
	}
	naive_latest(all, count, r);
	naive_ended(all, count, r);
	naive_prices(all, count, r);
	naive_unpaid(all, count, r);
}

static int cmp_claim(const struct claim *a, const struct claim *b) {
	int c = cmp_u64(a->is_new, b->is_new);
	if (!c) c = cmp_i64(a->seen, b->seen);
	return c ? c : view_cmp(a->event, b->event);
}

static void naive_customer(const struct said *all, unsigned count, struct customer_register *r) {
	struct claim kept[SAID_MAX];
	unsigned n = 0;
	*r = (struct customer_register){0};
	for (unsigned i = 0; i < count; i++) {
		const struct stamp *at = &all[i].stamp;
		if (all[i].deletes) {
			int c = cmp_i64(at->created, r->deleted_at);
			if (!c) c = view_cmp(at->event, r->deleted_event);
			if (!r->deleted || c < 0) r->deleted_at = at->created, r->deleted_event = at->event;
			r->deleted = true;
			continue;
		}
		struct claim one = {all[i].o.now.subject, all[i].o.new_claim, false, at->created, at->event};
		unsigned j = 0;
		while (j < n && !view_eq(kept[j].subject, one.subject)) j++;
		if (j == n) kept[n++] = one;
		if (cmp_claim(&one, &kept[j]) > 0) kept[j] = one;
	}
	while (r->claim_count < CLAIMS_MAX && n) {
		unsigned top = 0;
		for (unsigned i = 1; i < n; i++) {
			int c = cmp_claim(&kept[i], &kept[top]);
			if (!c) c = view_cmp(kept[i].subject, kept[top].subject);
			if (c > 0) top = i;
		}
		r->claims[r->claim_count++] = kept[top];
		kept[top] = kept[--n];
	}
}

/* ---- the laws -------------------------------------------------------------- */

/* The three registers side by side, so that each law is written once. */
struct registers {
	struct sub_register sub;
	struct customer_register customer;
	struct invoice_register invoice;
};

static void join(struct registers *into, const struct registers *other) {
	sub_register_join(&into->sub, &other->sub);
	customer_register_join(&into->customer, &other->customer);
	invoice_register_join(&into->invoice, &other->invoice);
}

static void observe(struct registers *r, const struct said *s) {
	struct registers just = {0};
	sub_register_observe(&just.sub, &s->stamp, &s->o);
	if (s->deletes)
		customer_register_delete(&just.customer, &s->stamp);
	else
		customer_register_claim(&just.customer, s->o.now.subject, s->o.new_claim, false, &s->stamp);
	invoice_register_observe(&just.invoice, &s->stamp, &s->invoice);
	join(r, &just);
}

static void print(struct text *t, const struct registers *r) {
	text_clear(t);
	print_sub_register(t, &r->sub);
	print_customer_register(t, &r->customer);
	print_invoice_register(t, &r->invoice);
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
	uint64_t rounds = law_rounds(6000), full = 0;
	for (uint64_t round = 0; round < rounds; round++) {
		struct density d = random_density(&random, true);
		for (unsigned i = 0; i < d.count; i++) random_said(&random, &d, i, &all[i]);
		observe_all(&real, all, d.count);
		naive_sub(all, d.count, &naive.sub);
		naive_customer(all, d.count, &naive.customer);
		naive.invoice = real.invoice; /* its model is below */
		assert_same("as the naive model", &naive, &real);
		full += real.sub.latest_count == SUB_LATEST_MAX && real.sub.price_count == SUB_PRICES_MAX &&
			real.sub.unpaid_count == SUB_UNPAID_MAX && real.customer.claim_count == CLAIMS_MAX;
	}
	printf("%" PRIu64 " of %" PRIu64 " cases filled every array\n", full, rounds);
	if (rounds >= 1000) assert_true(full > 0);
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
