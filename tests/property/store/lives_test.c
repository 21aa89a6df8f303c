/* Laws of the entitlement store over random lives, told as Stripe's bodies in mixed shapes or as observations: the
 * digest does not depend on order, repeats and batches; a replay into a fresh store gives it again; an aborted
 * fold leaves nothing; and each subject's row holds what the plain fold of life.h says. */
#include "lives/bodies.h"
#include "proto/stripe_decode.h"
#include "temporary.h"

#include <stdlib.h>

#define ORDER_MAX (2 * LIFE_EVENTS_MAX)
#define NOW_MS INT64_C(1795344318000)

static struct life life;
static const struct scope scope = {.livemode = false};
static const struct catalog_grant catalog_grants[] = {{GRANT_PRICE, VIEW_INIT("price_institutional_monthly"), 2},
						      {GRANT_PRICE, VIEW_INIT("price_pro_monthly"), 1}};
static const struct catalog catalog = {
	.tier_count = 3,
	.tiers = {{.name = VIEW_INIT("free")}, {.name = VIEW_INIT("pro")}, {.name = VIEW_INIT("institutional")}},
	.grant_count = ARRAY_LEN(catalog_grants),
	.grants = catalog_grants,
	.policies = {.past_due_grace_s = 604800, .renewal_grace_s = 259200, .unmapped_keeps_tier = true},
};

struct digest {
	uint8_t bytes[STATE_DIGEST_SIZE];
};

static struct digest digest_of(struct temporary *t) {
	struct digest d;
	assert_int_equal(look_renew(t->look), OK);
	assert_int_equal(look_digest(t->look, d.bytes), OK);
	look_rest(t->look);
	return d;
}

static bool digest_eq(const struct digest *a, const struct digest *b) {
	return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

/* ---- telling ------------------------------------------------------------------- */

/* How a life is told: as it is, or through bodies in shapes that are drawn anew for each telling. */
struct teller {
	struct random *random;
	struct stripe_decoder *decoder; /* NULL: observations as they are */
};

static void tell_one(const struct teller *t, struct fold *f, unsigned event) {
	static struct text body;
	const struct life_event *e = &life.events[event];
	struct observation o = e->o;
	if (t->decoder) {
		struct body_shape shape = random_body_shape(t->random);
		struct record record;
		struct problem why = {0};
		body_record(&body, e, &shape, event + 1, &record);
		if (stripe_decode(t->decoder, &record, &o, &why)) fail_msg("%s", problem_text(&why));
	}
	assert_int_equal(fold_observe(f, &o), OK);
}

/* In batches of random sizes; now and then one is told and aborted first. */
static void tell(const struct teller *t, struct temporary *store, const unsigned *order, unsigned count) {
	for (unsigned i = 0; i < count;) {
		unsigned n = 1 + (unsigned)random_below(t->random, 12);
		if (n > count - i) n = count - i;
		bool aborts = random_chance(t->random, 15);
		struct problem why = {0};
		struct fold *f = NULL;
		assert_int_equal(fold_begin(store->e, &catalog, NOW_MS, &f, &why), OK);
		for (unsigned j = 0; j < n; j++) tell_one(t, f, order[i + j]);
		if (aborts) {
			fold_abort(&f);
			continue;
		}
		assert_int_equal(fold_cursor(f, 1, i + n), OK);
		assert_int_equal(fold_commit(&f, NULL, NULL, &why), OK);
		i += n;
	}
}

static unsigned random_order(struct random *r, unsigned *order) {
	unsigned count = life.count;
	for (unsigned i = 0; i < count; i++) order[i] = i;
	for (unsigned more = (unsigned)random_below(r, life.count / 2 + 1); more; more--)
		order[count++] = (unsigned)random_below(r, life.count);
	random_shuffle(r, order, count);
	return count;
}

static struct digest digest_after(const struct teller *t, const unsigned *order, unsigned count) {
	struct temporary store;
	temporary_open(&store);
	tell(t, &store, order, count);
	struct digest d = digest_of(&store);
	temporary_close(&store);
	return d;
}

/* Drops what can be dropped while two orders still differ, and prints the rest. */
static void shrink_and_fail(const struct teller *t, unsigned *order, unsigned count) {
	unsigned sorted[ORDER_MAX], fewer[ORDER_MAX];
	for (unsigned i = 0; i < count;) {
		unsigned n = 0, kept = 0;
		for (unsigned j = 0; j < count; j++)
			if (j != i) fewer[n++] = order[j];
		for (unsigned event = 0; event < life.count; event++)
			for (unsigned j = 0; j < n; j++)
				if (fewer[j] == event) {
					sorted[kept++] = event;
					break;
				}
		struct digest a = digest_after(t, fewer, n), b = digest_after(t, sorted, kept);
		if (digest_eq(&a, &b)) {
			i++;
			continue;
		}
		memcpy(order, fewer, n * sizeof *order);
		count = n;
		i = 0;
	}
	AUTO(text_free)
	struct text text = {0};
	life_print(&text, &life, order, count);
	fprintf(stderr, "this order gives another digest than the order of time:\n%s", text.bytes);
	fail_msg("the order matters; shrunk to %u events", count);
}

static void random_life(struct random *r, unsigned events) {
	struct life_shape shape = {.events = events,
				   .same_second_percent = 40,
				   .subs = 1 + (unsigned)random_below(r, 2),
				   .customers = 1 + (unsigned)random_below(r, 2),
				   .silent = random_chance(r, 50)};
	life_make(&life, r, &shape);
}

static void check_orders(const struct teller *t, uint64_t rounds) {
	for (uint64_t round = 0; round < rounds; round++) {
		unsigned order[ORDER_MAX], count;
		random_life(t->random, 3 + (unsigned)random_below(t->random, 60));
		for (unsigned i = 0; i < life.count; i++) order[i] = i;
		struct digest straight = digest_after(t, order, life.count);
		for (unsigned i = 0; i < 5; i++) {
			count = random_order(t->random, order);
			struct digest d = digest_after(t, order, count);
			if (!digest_eq(&straight, &d)) shrink_and_fail(t, order, count);
		}
	}
}

static void observations_in_any_order_give_one_digest(void **state) {
	(void)state;
	struct random r = law_random("store, observations");
	check_orders(&(struct teller){&r, NULL}, law_rounds(60));
}

static void bodies_in_any_order_and_shape_give_one_digest(void **state) {
	(void)state;
	AUTO(stripe_decoder_destroy)
	struct stripe_decoder *d = stripe_decoder_create(VIEW("user_id"));
	struct random r = law_random("store, bodies");
	assert_non_null(d);
	check_orders(&(struct teller){&r, d}, law_rounds(60));
}

/* A digest that never differs would prove nothing. */
static void another_life_has_another_digest(void **state) {
	(void)state;
	struct random r = law_random("store, different");
	const struct teller t = {&r, NULL};
	unsigned order[ORDER_MAX];
	do random_life(&r, 20);
	while (life.count < 4 || !life.subs[0].exists);
	for (unsigned i = 0; i < life.count; i++) order[i] = i;
	struct digest whole = digest_after(&t, order, life.count);
	/* without its newest state the subscription is another */
	unsigned last = 0, count = 0;
	for (unsigned i = 0; i < life.count; i++)
		if (life.events[i].o.kind == OBSERVE_SUBSCRIPTION &&
		    life_sub_index(life.events[i].o.of.subscription.now.id) == 0)
			last = i;
	for (unsigned i = 0; i < life.count; i++)
		if (life.events[i].o.kind != OBSERVE_SUBSCRIPTION ||
		    life_sub_index(life.events[i].o.of.subscription.now.id) != 0 ||
		    (i != last && life.events[i].o.stamp.created != life.events[last].o.stamp.created))
			order[count++] = i;
	struct digest less = digest_after(&t, order, count);
	assert_false(digest_eq(&whole, &less));
}

static void telling_it_all_again_changes_nothing(void **state) {
	(void)state;
	struct random r = law_random("store, again");
	const struct teller t = {&r, NULL};
	uint64_t rounds = law_rounds(40);
	for (uint64_t round = 0; round < rounds; round++) {
		struct temporary store;
		unsigned order[ORDER_MAX];
		random_life(&r, 30);
		for (unsigned i = 0; i < life.count; i++) order[i] = i;
		temporary_open(&store);
		tell(&t, &store, order, life.count);
		struct digest before = digest_of(&store);
		assert_int_equal(look_renew(store.look), OK);
		uint64_t version = look_version(store.look);
		unsigned count = random_order(&r, order);
		tell(&t, &store, order, count);
		struct digest after = digest_of(&store);
		assert_true(digest_eq(&before, &after));
		/* and so nobody is told of a change */
		assert_int_equal(look_renew(store.look), OK);
		assert_int_equal(look_version(store.look), version);
		temporary_close(&store);
	}
}

/* ---- rows ----------------------------------------------------------------------- */

static void print_row(struct text *t, struct temporary *store, struct view subject) {
	struct subject_row row;
	struct view bytes;
	struct grant g;
	struct override o;
	text_clear(t);
	if (look_subject(store->look, &scope, subject, &bytes)) return;
	assert_int_equal(subject_row_open(bytes, &row), OK);
	while (subject_row_next(&row, &g)) print_grant(t, &g);
	while (subject_row_next_override(&row, &o)) print_granted_override(t, &o);
	assert_false(row.reader.failed);
}

static void print_naive_row(struct text *t, const struct world *w, struct view subject) {
	text_clear(t);
	for (unsigned i = 0; i < LIFE_SUBS_MAX; i++) {
		struct grant g;
		if (!w->sub_known[i]) continue;
		struct view customer = sub_register_value(&w->subs[i]).seen->sub.customer;
		if (!view_eq(customer_register_subject(&w->customers[life_customer_index(customer)], customer),
			     subject))
			continue;
		world_grant(w, i, &g);
		print_grant(t, &g);
	}
	for (unsigned i = 0; i < LIFE_OVERRIDES_MAX; i++) {
		struct override o;
		if (world_override(w, i, subject, &o)) print_granted_override(t, &o);
	}
}

static void check_row(struct temporary *store, const struct world *w, struct view subject) {
	static struct text row, naive;
	print_naive_row(&naive, w, subject);
	/* a customer's id shows the row of whom it pays for */
	int c = life_customer_index(subject);
	if (c >= 0) {
		struct view bound = customer_register_subject(&w->customers[c], subject);
		if (!view_eq(bound, subject)) print_naive_row(&naive, w, bound);
	}
	print_row(&row, store, subject);
	if (text_eq(&row, &naive)) return;
	AUTO(text_free)
	struct text story = {0};
	life_print(&story, &life, NULL, life.count);
	fprintf(stderr, "%s%.*s\n--- naive\n%.*s--- row\n%.*s", story.bytes, VIEW_FMT(subject), (int)naive.len,
		naive.bytes, (int)row.len, row.bytes);
	fail_msg("the row is not what the naive model says");
}

static void rows_are_as_the_naive_model(void **state) {
	(void)state;
	static struct world w;
	static const struct view subjects[] = {VIEW_INIT("user_1"), VIEW_INIT("user_2"), VIEW_INIT("cus_1"),
					       VIEW_INIT("cus_2")};
	AUTO(stripe_decoder_destroy)
	struct stripe_decoder *d = stripe_decoder_create(VIEW("user_id"));
	struct random r = law_random("store, rows");
	const struct teller t = {&r, d};
	uint64_t rounds = law_rounds(150);
	for (uint64_t round = 0; round < rounds; round++) {
		struct temporary store;
		unsigned order[ORDER_MAX];
		random_life(&r, 3 + (unsigned)random_below(&r, 70));
		unsigned count = random_order(&r, order);
		memset(&w, 0, sizeof w);
		for (unsigned i = 0; i < life.count; i++) world_apply(&w, &life.events[i].o);
		temporary_open(&store);
		tell(&t, &store, order, count);
		assert_int_equal(look_renew(store.look), OK);
		for (unsigned i = 0; i < ARRAY_LEN(subjects); i++) check_row(&store, &w, subjects[i]);
		temporary_close(&store);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(observations_in_any_order_give_one_digest),
		cmocka_unit_test(bodies_in_any_order_and_shape_give_one_digest),
		cmocka_unit_test(another_life_has_another_digest),
		cmocka_unit_test(telling_it_all_again_changes_nothing),
		cmocka_unit_test(rows_are_as_the_naive_model),
	};
	(void)law_seed();
	return cmocka_run_group_tests_name("lives", tests, NULL, NULL);
}
