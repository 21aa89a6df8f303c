/* Laws over whole lives (life.h).
 *
 * 1. Any order, with repeats and in any batches, gives the same bytes.
 * 2. When all was heard, in whatever order, the state is the truth wherever it is not marked unconfirmed; and when
 *    every update says what was before, it is marked only where the last second cannot tell (excused). */
#include "lives/life.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define ORDER_MAX (2 * LIFE_EVENTS_MAX)

static struct life life;

static struct life_shape random_shape(struct random *r, unsigned events, bool silent) {
	return (struct life_shape){.events = events,
				   .same_second_percent = (unsigned)random_below(r, 4) * 32,
				   .subs = 1 + (unsigned)random_below(r, LIFE_SUBS_MAX),
				   .customers = 1 + (unsigned)random_below(r, LIFE_CUSTOMERS_MAX),
				   .silent = silent};
}

static void fold(struct world *w, const unsigned *order, unsigned count) {
	memset(w, 0, sizeof *w);
	for (unsigned i = 0; i < count; i++) world_apply(w, &life.events[order[i]].o);
}

/* The same events, in batches that are folded by themselves and joined. */
static void fold_in_batches(struct world *w, const unsigned *order, unsigned count, struct random *r) {
	static struct world batch;
	memset(w, 0, sizeof *w);
	for (unsigned i = 0; i < count;) {
		unsigned n = 1 + (unsigned)random_below(r, count - i);
		fold(&batch, order + i, n);
		world_join(w, &batch);
		i += n;
	}
}

static int by_number(const void *a, const void *b) {
	unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;
	return (x > y) - (x < y);
}

/* Does this order give what its own events give in the order of time, each once? */
static bool order_is_indifferent(const unsigned *order, unsigned count) {
	static struct world told, straight;
	static struct text a, b;
	unsigned sorted[ORDER_MAX], distinct = 0;
	memcpy(sorted, order, count * sizeof *order);
	qsort(sorted, count, sizeof *sorted, by_number);
	for (unsigned i = 0; i < count; i++)
		if (!distinct || sorted[distinct - 1] != sorted[i]) sorted[distinct++] = sorted[i];
	fold(&told, order, count);
	fold(&straight, sorted, distinct);
	world_print(&a, &told);
	world_print(&b, &straight);
	return text_eq(&a, &b);
}

/* Drops what can be dropped while the failure stays, and prints the rest. */
static void shrink_and_fail(unsigned *order, unsigned count) {
	for (bool shorter = true; shorter;) {
		shorter = false;
		for (unsigned i = 0; i < count && !shorter; i++) {
			unsigned fewer[ORDER_MAX];
			memcpy(fewer, order, i * sizeof *order);
			memcpy(fewer + i, order + i + 1, (count - i - 1) * sizeof *order);
			if (order_is_indifferent(fewer, count - 1)) continue;
			memcpy(order, fewer, --count * sizeof *order);
			shorter = true;
		}
	}
	AUTO(text_free)
	struct text t = {0};
	static struct world w;
	life_print(&t, &life, order, count);
	fprintf(stderr, "this order is not indifferent:\n%s", t.bytes);
	fold(&w, order, count);
	world_print(&t, &w);
	fprintf(stderr, "it gives\n%s", t.bytes);
	fail_msg("the order matters; shrunk to %u events", count);
}

static void check_order(const struct text *expected, unsigned *order, unsigned count, struct random *r) {
	static struct world w;
	static struct text got;
	fold(&w, order, count);
	world_print(&got, &w);
	if (!text_eq(&got, expected)) shrink_and_fail(order, count);
	if (!random_chance(r, 10)) return;
	fold_in_batches(&w, order, count, r);
	world_print(&got, &w);
	if (!text_eq(&got, expected)) fail_msg("batches matter");
}

static void expect_of(struct text *expected) {
	static struct world w;
	unsigned order[LIFE_EVENTS_MAX];
	for (unsigned i = 0; i < life.count; i++) order[i] = i;
	fold(&w, order, life.count);
	world_print(expected, &w);
}

/* Every permutation (Heap's algorithm), one event told twice at a random place in each. */
static unsigned check_permutations(struct random *r) {
	static struct text expected;
	unsigned order[LIFE_EVENTS_MAX], counter[LIFE_EVENTS_MAX] = {0}, told[ORDER_MAX], permutations = 1;
	expect_of(&expected);
	for (unsigned i = 0; i < life.count; i++) order[i] = i;
	check_order(&expected, order, life.count, r);
	for (unsigned i = 1; i < life.count;) {
		if (counter[i] >= i) {
			counter[i++] = 0;
			continue;
		}
		unsigned j = i % 2 ? counter[i] : 0, kept = order[j];
		order[j] = order[i];
		order[i] = kept;
		counter[i]++;
		i = 1;
		permutations++;
		memcpy(told, order, life.count * sizeof *order);
		told[life.count] = order[random_below(r, life.count)];
		check_order(&expected, told, life.count + 1, r);
	}
	return permutations;
}

static void every_order_of_short_lives(void **state) {
	(void)state;
	struct random r = law_random("short lives");
	uint64_t rounds = law_rounds(250), permutations = 0;
	for (uint64_t round = 0; round < rounds; round++) {
		struct life_shape shape = random_shape(&r, 5, random_chance(&r, 50));
		do life_make(&life, &r, &shape);
		while (life.count < 3 || life.count > 6);
		permutations += check_permutations(&r);
	}
	printf("%" PRIu64 " permutations\n", permutations);
	assert_true(rounds < 10 || permutations > 10 * rounds);
}

static void random_orders_of_long_lives(void **state) {
	(void)state;
	static struct text expected;
	struct random r = law_random("long lives");
	uint64_t rounds = law_rounds(400);
	for (uint64_t round = 0; round < rounds; round++) {
		struct life_shape shape = random_shape(&r, 10 + (unsigned)random_below(&r, 80), random_chance(&r, 50));
		life_make(&life, &r, &shape);
		expect_of(&expected);
		for (unsigned i = 0; i < 8; i++) {
			unsigned order[ORDER_MAX], count = life.count;
			for (unsigned j = 0; j < count; j++) order[j] = j;
			for (unsigned more = (unsigned)random_below(&r, life.count + 1); more; more--)
				order[count++] = (unsigned)random_below(&r, life.count);
			random_shuffle(&r, order, count);
			check_order(&expected, order, count, &r);
		}
	}
}

/* ---- law 2 ----------------------------------------------------------------- */

static bool about(const struct life_event *e, struct view id) {
	return e->o.kind == OBSERVE_SUBSCRIPTION && view_eq(e->o.of.subscription.now.id, id);
}

static bool departs(const struct subscription_observation *o, uint64_t state) {
	return o->has_pre && o->pre == state && o->post != state;
}

/* May the last second of this subscription be unclear though every update says what was before? When it came back
 * to its final state, when a notification without previous_attributes told of a state that was then left (it
 * might have been a silent return to it), and when the second held more than a register keeps. */
static bool excused(const struct life_sub *sub) {
	const struct subscription_observation *last[LIFE_EVENTS_MAX];
	int64_t second = 0;
	unsigned count = 0;
	for (unsigned i = 0; i < life.count; i++)
		if (about(&life.events[i], sub->is.id)) second = life.events[i].o.stamp.created;
	for (unsigned i = 0; i < life.count; i++) {
		const struct observation *o = &life.events[i].o;
		if (about(&life.events[i], sub->is.id) && o->stamp.created == second && o->stamp.rank == RANK_UPDATED)
			last[count++] = &o->of.subscription;
	}
	for (unsigned i = 0; i < count; i++) {
		if (departs(last[i], subscription_digest(&sub->is))) return true;
		for (unsigned j = 0; j < count; j++)
			if (!last[j]->has_pre && departs(last[i], last[j]->post)) return true;
	}
	return count + 1 >= SUB_LATEST_MAX;
}

/* Was it seen both unpaid and in good order within one second? Then the second says nothing on its order. */
static bool tangled(const struct life_sub *sub) {
	for (unsigned i = 0; i < life.count; i++)
		for (unsigned j = 0; j < life.count; j++) {
			const struct life_event *a = &life.events[i], *b = &life.events[j];
			if (!about(a, sub->is.id) || !about(b, sub->is.id)) continue;
			enum sub_status other = b->o.of.subscription.now.status;
			if (a->o.stamp.created == b->o.stamp.created &&
			    a->o.of.subscription.now.status == SUB_PAST_DUE &&
			    (other == SUB_ACTIVE || other == SUB_TRIALING))
				return true;
		}
	return false;
}

struct tally {
	uint64_t subs, unconfirmed, excused, unpaid;
	uint64_t disputed, lost, refunded, schedules, revoked, cleared;
};

static void tell_and_fail(const char *what, const unsigned *order) {
	AUTO(text_free)
	struct text t = {0};
	life_print(&t, &life, NULL, life.count);
	text_add(&t, "truth:\n");
	for (unsigned i = 0; i < LIFE_SUBS_MAX; i++) {
		if (!life.subs[i].exists) continue;
		print_subscription(&t, &life.subs[i].is);
		text_add(&t, " unpaid_since=%" PRId64 "\n", life.subs[i].unpaid_since);
	}
	text_add(&t, "heard in the order:");
	for (unsigned i = 0; i < life.count; i++) text_add(&t, " %u", order[i]);
	fprintf(stderr, "%s\n%s\n", what, t.bytes);
	fail_msg("%s", what);
}

static void check_sub(const struct life_sub *sub, const struct sub_register *r, const unsigned *order, bool silent,
		      struct tally *tally) {
	AUTO(text_free)
	struct text truth = {0}, got = {0};
	struct sub_value v = sub_register_value(r);
	tally->subs++;
	if (sub_status_final(sub->is.status)) {
		/* what ended it is what counts; later touches are not */
		if (v.seen->sub.status != sub->is.status) tell_and_fail("an ended subscription is not ended", order);
		if (v.unconfirmed) tell_and_fail("an ended subscription is unconfirmed", order);
		return;
	}
	if (v.unconfirmed) {
		tally->unconfirmed++;
		tally->excused += excused(sub);
		if (!silent && !excused(sub)) tell_and_fail("unconfirmed, though the chain is complete", order);
		return;
	}
	print_subscription(&truth, &sub->is);
	print_subscription(&got, &v.seen->sub);
	if (!text_eq(&truth, &got)) tell_and_fail("the state is confirmed and not true", order);
	if (tangled(sub)) return;
	tally->unpaid += sub->unpaid_since != 0;
	if (sub->unpaid_periods <= SUB_UNPAID_MAX && v.unpaid_since != sub->unpaid_since)
		tell_and_fail("the unpaid time began at another moment", order);
	/* more periods than are kept must not give the customer a new grace */
	if (sub->unpaid_since && v.unpaid_since > sub->unpaid_from)
		tell_and_fail("the unpaid time began later than the payment failed", order);
}

static void check_payments(const struct world *w, const unsigned *order, struct tally *tally) {
	for (unsigned i = 0; i < life.invoice_count; i++) {
		const struct life_payment *p = &life.payments[i];
		if (!w->payment_known[i]) continue;
		const struct payment_value v = payment_register_value(&w->payments[i]);
		int64_t back = 0;
		for (unsigned k = 0; k < p->refund_count; k++)
			if (p->refunds[k].state != REFUND_FAILED) back += p->refunds[k].amount;
		bool refunded = back == p->amount && w->payments[i].amount;
		if (v.disputed != (p->dispute == DISPUTE_OPEN)) tell_and_fail("an open dispute", order);
		if (v.dispute_lost != (p->dispute == DISPUTE_LOST)) tell_and_fail("a lost dispute", order);
		if (v.refunded != refunded) tell_and_fail("a full refund", order);
		tally->disputed += v.disputed;
		tally->lost += v.dispute_lost;
		tally->refunded += v.refunded;
	}
}

static void check_schedules(const struct world *w, const unsigned *order, struct tally *tally) {
	for (unsigned i = 0; i < life.schedule_count; i++) {
		const struct schedule_register *r = &w->schedules[i];
		tally->schedules++;
		if (!r->known) tell_and_fail("a schedule is unknown", order);
		bool same = schedule_digest(&r->schedule) == schedule_digest(&life.schedules[i]);
		if (!r->unconfirmed && !same) tell_and_fail("a schedule is confirmed and not true", order);
	}
}

static void check_overrides(const struct world *w, const unsigned *order, struct tally *tally) {
	for (unsigned i = 0; i < LIFE_OVERRIDES_MAX; i++) {
		const struct life_override *o = &life.overrides[i];
		bool given = o->given.id.len > 0;
		if (w->overrides[i].granted != given || w->overrides[i].revoked != o->revoked)
			tell_and_fail("an override", order);
		if (given && !view_eq(w->overrides[i].given.tier, o->given.tier)) tell_and_fail("its tier", order);
		tally->revoked += o->revoked;
	}
}

static void check_customers(const struct world *w, const unsigned *order, struct tally *tally) {
	for (unsigned i = 0; i < LIFE_CUSTOMERS_MAX; i++) {
		const struct life_customer *c = &life.customers[i];
		if (!w->customer_known[i]) continue;
		if (w->customers[i].deleted != c->deleted) tell_and_fail("deletion of a customer", order);
		if (c->bound_twice) continue;
		struct view subject = customer_register_subject(&w->customers[i], c->id);
		/* without a new claim a repeated one may be all there is */
		if (!c->subject.len && !c->cleared && w->customers[i].claim_count) continue;
		tally->cleared += c->cleared;
		if (!view_eq(subject, c->subject.len ? c->subject : c->id))
			tell_and_fail("a customer is bound to the wrong subject", order);
	}
}

static void tell_the_truth(const char *law, bool silent, struct tally *tally) {
	static struct world w;
	struct random r = law_random(law);
	uint64_t rounds = law_rounds(4000);
	for (uint64_t round = 0; round < rounds; round++) {
		unsigned order[LIFE_EVENTS_MAX];
		struct life_shape shape = random_shape(&r, 4 + (unsigned)random_below(&r, 60), silent);
		life_make(&life, &r, &shape);
		for (unsigned i = 0; i < life.count; i++) order[i] = i;
		random_shuffle(&r, order, life.count);
		fold(&w, order, life.count);
		for (unsigned i = 0; i < LIFE_SUBS_MAX; i++)
			if (life.subs[i].exists) check_sub(&life.subs[i], &w.subs[i], order, silent, tally);
		check_customers(&w, order, tally);
		check_payments(&w, order, tally);
		check_schedules(&w, order, tally);
		check_overrides(&w, order, tally);
		for (unsigned i = 0; i < life.invoice_count; i++)
			if (w.invoices[i].known) assert_int_equal(w.invoices[i].invoice.status, life.invoices[i]);
	}
	printf("%" PRIu64 " subscriptions, %" PRIu64 " past due; unconfirmed %" PRIu64 ", of which %" PRIu64
	       " were to be expected\n",
	       tally->subs, tally->unpaid, tally->unconfirmed, tally->excused);
	printf("payments disputed %" PRIu64 ", lost %" PRIu64 ", refunded %" PRIu64 "; schedules %" PRIu64
	       "; overrides revoked %" PRIu64 "; claims cleared %" PRIu64 "\n",
	       tally->disputed, tally->lost, tally->refunded, tally->schedules, tally->revoked, tally->cleared);
	/* else the laws above are about nothing */
	if (rounds >= 1000)
		assert_true(tally->disputed && tally->lost && tally->refunded && tally->schedules && tally->revoked &&
			    tally->cleared);
}

static void complete_chains_are_true_and_confirmed(void **state) {
	(void)state;
	struct tally tally = {0};
	tell_the_truth("complete chains", false, &tally);
	assert_int_equal(tally.unconfirmed, tally.excused);
}

static void confirmed_is_true_even_when_updates_are_silent(void **state) {
	(void)state;
	struct tally tally = {0};
	tell_the_truth("silent updates", true, &tally);
}

/* Whatever the second held, a snapshot two seconds later settles it. */
static void a_later_snapshot_settles(void **state) {
	(void)state;
	static struct world w;
	struct random r = law_random("snapshot settles");
	uint64_t rounds = law_rounds(1000);
	for (uint64_t round = 0; round < rounds; round++) {
		struct life_shape shape = {.events = 4 + (unsigned)random_below(&r, 30),
					   .same_second_percent = 95,
					   .subs = 1,
					   .customers = 1,
					   .silent = true};
		life_make(&life, &r, &shape);
		const struct life_sub *sub = &life.subs[0];
		if (!sub->exists || sub_status_final(sub->is.status)) continue;
		unsigned order[LIFE_EVENTS_MAX];
		struct life_event *e = &life.events[life.count++];
		*e = (struct life_event){.what = "snapshot afterwards"};
		e->o.kind = OBSERVE_SUBSCRIPTION;
		e->o.stamp = (struct stamp){life.now + 2, RANK_UPDATED, VIEW("snap_1")};
		e->o.of.subscription.now = sub->is;
		e->o.of.subscription.post = subscription_digest(&sub->is);
		for (unsigned i = 0; i < life.count; i++) order[i] = i;
		random_shuffle(&r, order, life.count);
		fold(&w, order, life.count);
		struct sub_value v = sub_register_value(&w.subs[0]);
		if (v.unconfirmed || subscription_digest(&v.seen->sub) != subscription_digest(&sub->is))
			tell_and_fail("a later snapshot does not settle", order);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_order_of_short_lives),
		cmocka_unit_test(random_orders_of_long_lives),
		cmocka_unit_test(complete_chains_are_true_and_confirmed),
		cmocka_unit_test(confirmed_is_true_even_when_updates_are_silent),
		cmocka_unit_test(a_later_snapshot_settles),
	};
	(void)law_seed();
	return cmocka_run_group_tests_name("lifecycles", tests, NULL, NULL);
}
