/* The law of history over random lives: whatever came late or out of order, and however seldom the worker looked at
 * the clock, the log says of every moment what the plain fold of life.h would have answered then, from the records that
 * had arrived and the clock. */
#include "lives/life.h"
#include "temporary.h"

#include <stdlib.h>

#define DAY INT64_C(86400)

static struct life life;
static int64_t arrived[LIFE_EVENTS_MAX]; /* by place in the order */
static unsigned order[LIFE_EVENTS_MAX];
static const struct scope scope = {.livemode = false};
static const struct view subjects[] = {VIEW_INIT("user_1"), VIEW_INIT("user_2"), VIEW_INIT("cus_1"),
				       VIEW_INIT("cus_2")};
static const struct catalog_grant grants[] = {{GRANT_PRICE, VIEW_INIT("price_institutional_monthly"), 2},
					      {GRANT_PRICE, VIEW_INIT("price_pro_monthly"), 1},
					      {GRANT_PRICE, VIEW_INIT("price_pro_yearly"), 1}};
static struct catalog catalog = {
	.tier_count = 3,
	.tiers = {{.name = VIEW_INIT("free")}, {.name = VIEW_INIT("pro")}, {.name = VIEW_INIT("institutional")}},
	.grant_count = ARRAY_LEN(grants),
	.grants = grants,
	.policies = {.past_due_grace_s = 7 * DAY,
		     .renewal_grace_s = 3 * DAY,
		     .unmapped_keeps_tier = true,
		     .scheduled_phases_count = true},
};

/* ---- telling ------------------------------------------------------------------------ */

static void make_life(struct random *r) {
	const struct life_shape shape = {.events = 4 + (unsigned)random_below(r, 60),
					 .same_second_percent = (unsigned)random_below(r, 60),
					 .subs = 1 + (unsigned)random_below(r, 2),
					 .customers = 1 + (unsigned)random_below(r, 2),
					 .silent = random_chance(r, 30)};
	life_make(&life, r, &shape);
	catalog.policies.lapse_unrenewed = random_chance(r, 50);
	catalog.policies.paused_collection_grants = random_chance(r, 50);
	/* mostly in order, each when it happened or later; some wait for others to pass */
	for (unsigned i = 0; i < life.count; i++) order[i] = i;
	for (unsigned i = 0; i + 1 < life.count; i++) {
		if (!random_chance(r, 30)) continue;
		unsigned k = i + (unsigned)random_below(r, life.count - i), swap = order[i];
		order[i] = order[k];
		order[k] = swap;
	}
	int64_t clock = 0;
	for (unsigned i = 0; i < life.count; i++) {
		int64_t happened = life.events[order[i]].o.stamp.created;
		if (clock < happened) clock = happened;
		clock += random_chance(r, 70) ? (int64_t)random_below(r, 3) : (int64_t)random_below(r, 4 * DAY);
		arrived[i] = clock;
	}
}

/* In folds of a few records; time is looked at now and then, or never until the end. */
static void tell(struct random *r, struct temporary *store, int64_t end) {
	bool looks = random_chance(r, 60);
	struct problem why = {0};
	struct fold *f = NULL;
	bool more = true;
	for (unsigned i = 0; i < life.count;) {
		assert_int_equal(fold_begin(store->e, &catalog, arrived[i] * 1000, &f, &why), OK);
		for (unsigned n = 1 + (unsigned)random_below(r, 8); n > 0 && i < life.count; n--, i++) {
			fold_moment(f, arrived[i] * 1000);
			if (looks && random_chance(r, 30)) assert_int_equal(fold_due(f, 2, &more), OK);
			assert_int_equal(fold_observe(f, &life.events[order[i]].o), OK);
		}
		assert_int_equal(fold_commit(&f, NULL, NULL, &why), OK);
	}
	for (more = true; more;) {
		assert_int_equal(fold_begin(store->e, &catalog, end * 1000, &f, &why), OK);
		assert_int_equal(fold_due(f, 3, &more), OK);
		assert_int_equal(fold_commit(&f, NULL, NULL, &why), OK);
	}
	assert_int_equal(look_renew(store->look), OK);
}

/* ---- what must hold ------------------------------------------------------------------- */

/* Nothing that grants: whether a subject without subscriptions is known is not the world's business. */
static bool is_nothing(enum reason r) { return r == REASON_UNKNOWN_SUBJECT || r == REASON_NO_SUBSCRIPTION; }

static bool says(const struct change *c, const struct entitlement *e) {
	struct view blocked = e->blocked_tier < 0 ? VIEW_NONE : catalog.tiers[e->blocked_tier].name;
	bool reason = c->reason == e->reason || (is_nothing(c->reason) && is_nothing(e->reason));
	return reason && c->rule == e->rule && view_eq(c->after, catalog.tiers[e->tier].name) &&
	       c->status == e->status && c->until == e->until && c->seats == e->seats && c->stale == e->stale &&
	       c->unmapped == e->unmapped && view_eq(c->blocked_tier, blocked) &&
	       view_eq(c->subscription, e->subscription);
}

static void check(struct temporary *store, int64_t at) {
	static struct world w;
	memset(&w, 0, sizeof w);
	for (unsigned i = 0; i < life.count && arrived[i] <= at; i++) world_apply(&w, &life.events[order[i]].o);
	for (unsigned i = 0; i < ARRAY_LEN(subjects); i++) {
		struct change c = {0};
		int64_t from_ms;
		struct view subject = subjects[i];
		int customer = life_customer_index(subject);
		/* a customer who pays for another is answered for by that one */
		if (customer >= 0 && !view_eq(customer_register_subject(&w.customers[customer], subject), subject))
			continue;
		struct entitlement is = world_entitlement(&w, &catalog, at, subject);
		enum error e = look_answer_at(store->look, &scope, subject, at * 1000, &c, &from_ms);
		if (customer >= 0 && is_nothing(is.reason)) continue;
		if (e == ERR_NOT_FOUND && is_nothing(is.reason)) continue;
		if (e == OK && says(&c, &is)) continue;
		AUTO(text_free)
		struct text story = {0};
		life_print(&story, &life, order, life.count);
		fprintf(stderr, "%s", story.bytes);
		for (unsigned k = 0; k < life.count; k++)
			fprintf(stderr, "#%u at %lld ", order[k], (long long)arrived[k]);
		fail_msg("%.*s at %lld: %s until %lld, and the log says %s: %.*s %s until %lld, since %lld",
			 VIEW_FMT(subject), (long long)at, reason_name(is.reason), (long long)is.until, error_code(e),
			 VIEW_FMT(c.after), reason_name(c.reason), (long long)c.until, (long long)(c.at_ms / 1000));
	}
}

static void the_log_says_what_was_answered(void **state) {
	(void)state;
	struct random r = law_random("store, history");
	uint64_t rounds = law_rounds(250);
	for (uint64_t round = 0; round < rounds; round++) {
		struct temporary store;
		make_life(&r);
		if (life.count == 0) continue;
		int64_t end = arrived[life.count - 1] + (int64_t)random_below(&r, 60 * DAY);
		temporary_open(&store);
		tell(&r, &store, end);
		for (unsigned i = 0; i < life.count; i++) {
			check(&store, arrived[i]);
			int64_t next = i + 1 < life.count ? arrived[i + 1] : end;
			if (next > arrived[i] + 1)
				check(&store, arrived[i] + 1 + (int64_t)random_below(&r, (size_t)(next - arrived[i])));
		}
		temporary_close(&store);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {cmocka_unit_test(the_log_says_what_was_answered)};
	(void)law_seed();
	return cmocka_run_group_tests_name("history", tests, NULL, NULL);
}
