/* The law that caches rest on: what a check says of a subject at a moment is what entitlement_decide says of the step
 * of its line that holds then, for every tier and feature, after the line went over the wire to somebody who has of the
 * catalog what the op `catalog` tells. */
#include "lives/life.h"
#include "lives/table_row.h"
#include "proto/tg01_line.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define DAY INT64_C(86400)

static struct tg01_decoder *decoder;
static struct { uint64_t lines, cut, steps, moments, blocked; } seen;

/* ---- there and back ------------------------------------------------------------------ */

static struct tg01_line through_the_wire(const struct line *l, uint8_t *bytes, size_t size) {
	struct tg01_line_space space;
	const struct tg01_change change = {.ver = 1, .sub = VIEW("u"), .line = tg01_line_of(l, &space)};
	struct writer w = writer_of(bytes, size);
	struct tg01_change back;
	struct problem why = {0};
	uint64_t epoch;
	tg01_feed_change_write(&w, 1, &change);
	assert_false(w.failed);
	if (tg01_feed_change_read(decoder, writer_view(&w), &epoch, &back, &why)) fail_msg("%s", why.text);
	assert_int_equal(back.line.count, l->count);
	assert_int_equal(back.line.until, l->until);
	return back.line;
}

/* What a client knows of it: names and features, no prices and no policies. */
static void client_catalog(const struct catalog *c, struct catalog *ret) {
	memset(ret, 0, sizeof *ret);
	ret->tier_count = c->tier_count;
	memcpy(ret->tiers, c->tiers, sizeof c->tiers);
	ret->feature_count = c->feature_count;
	memcpy(ret->features, c->features, sizeof c->features);
}

static bool decision_eq(struct decision a, struct decision b) {
	return a.allowed == b.allowed && a.reason == b.reason && a.need == b.need && a.until == b.until;
}

static bool profile_eq(const struct entitlement *a, const struct entitlement *b) {
	return a->tier == b->tier && a->status == b->status && a->reason == b->reason && a->until == b->until &&
	       a->seats == b->seats && a->next_billing == b->next_billing && a->stale == b->stale;
}

/* NULL, or what differs. */
static const char *compare(const struct entitlement *row, const struct entitlement *step, const struct catalog *c) {
	if (!profile_eq(row, step)) return "the profile";
	for (int i = 0; i < (int)c->tier_count; i++) {
		const struct requirement q = {i, -1};
		if (!decision_eq(entitlement_decide(row, q), entitlement_decide(step, q))) return "a check for a tier";
	}
	for (int i = 0; i < (int)c->feature_count; i++) {
		const struct requirement q = {-1, i};
		if (!decision_eq(entitlement_decide(row, q), entitlement_decide(step, q)))
			return "a check for a feature";
		if (entitlement_has(row, (unsigned)i) != entitlement_has(step, (unsigned)i)) return "a feature";
	}
	return NULL;
}

/* What a moment's answer is by the row and by the line; NULL, or what differs. */
static const char *compare_at(const struct entitlement *row, const struct line *l, const struct tg01_line *wire,
			      const struct catalog *c, int64_t at) {
	static struct catalog client;
	struct entitlement step;
	const struct tg01_step *s = tg01_line_at(wire, at);
	const struct entitlement *own = line_at(l, at);
	if (!s != !own) return "the two ends differ in whether it says anything";
	if (!s) return at < l->steps[0].now || (l->until && at >= l->until) ? NULL : "it says nothing";
	if (l->until && at >= l->until) return "it says something that it does not know";
	client_catalog(c, &client);
	if (tg01_step_entitlement(s, &client, &step)) return "the step cannot be read";
	seen.moments++;
	if (step.blocked_tier >= 0) seen.blocked++;
	const char *what = compare(row, own, c);
	return what ? what : compare(row, &step, c);
}

static void count(const struct line *l) {
	seen.lines++;
	seen.steps += l->count;
	if (l->until) seen.cut++;
}

/* ---- every second of a table ---------------------------------------------------------- */

static struct table table;

static void fail_case(const char *what, const struct line *l, int64_t at) {
	AUTO(text_free)
	struct text t = {0};
	table_print(&t, &table, l->steps[0].now);
	text_add(&t, "at %" PRId64 ":", at);
	for (unsigned i = 0; i < l->count; i++) text_add(&t, " %" PRId64, l->steps[i].now);
	fail_msg("%s\n%s, until %" PRId64, what, t.bytes, l->until);
}

static void a_line_answers_as_the_row(void **state) {
	(void)state;
	static uint8_t wire_bytes[TG01_MESSAGE_MAX];
	static struct table_row row;
	struct random r = law_random("lines of tables");
	uint64_t rounds = law_rounds(6000);
	for (uint64_t round = 0; round < rounds; round++) {
		table_random_catalog(&table, &r);
		table_row_random(&row, &table, &r);
		struct line l;
		assert_int_equal(line_make(table_row_at, &row, 1 + (int64_t)random_below(&r, 40), &l), OK);
		count(&l);
		const struct tg01_line wire = through_the_wire(&l, wire_bytes, sizeof wire_bytes);
		for (int64_t t = 0; t <= TABLE_END + 1; t++) {
			struct entitlement e;
			assert_int_equal(table_row_at(&row, t ? t : 1, &e), OK);
			const char *what = compare_at(&e, &l, &wire, &table.catalog, t);
			if (what) fail_case(what, &l, t);
		}
	}
	printf("%" PRIu64 " lines, %" PRIu64 " of them cut, %" PRIu64 " steps, %" PRIu64 " moments, %" PRIu64
	       " of them blocked\n",
	       seen.lines, seen.cut, seen.steps, seen.moments, seen.blocked);
	/* a law that met nothing of it would prove nothing */
	if (rounds >= 1000) assert_true(seen.cut > 0 && seen.steps > 2 * seen.lines && seen.blocked > 0);
}

/* ---- lives ---------------------------------------------------------------------------- */

static const struct catalog_grant grants[] = {{GRANT_PRICE, VIEW_INIT("price_institutional_monthly"), 2},
					      {GRANT_PRICE, VIEW_INIT("price_pro_monthly"), 1},
					      {GRANT_PRICE, VIEW_INIT("price_pro_yearly"), 1}};
static struct catalog catalog = {
	.tier_count = 3,
	.tiers = {{VIEW_INIT("free"), {1}}, {VIEW_INIT("pro"), {3}}, {VIEW_INIT("institutional"), {7}}},
	.feature_count = 3,
	.features = {VIEW_INIT("basic"), VIEW_INIT("trading"), VIEW_INIT("fix")},
	.grant_count = ARRAY_LEN(grants),
	.grants = grants,
	.policies = {.past_due_grace_s = 7 * DAY, .renewal_grace_s = 3 * DAY, .unmapped_keeps_tier = true},
};

struct story {
	struct world world;
	struct view subject;
};

static enum error story_at(const void *ctx, int64_t at, struct entitlement *ret_e) {
	const struct story *s = ctx;
	*ret_e = world_entitlement(&s->world, &catalog, at, s->subject);
	return OK;
}

static void check_story(const struct story *s, struct random *r, int64_t now) {
	static uint8_t bytes[TG01_MESSAGE_MAX];
	struct line l;
	assert_int_equal(line_make(story_at, s, now, &l), OK);
	count(&l);
	const struct tg01_line wire = through_the_wire(&l, bytes, sizeof bytes);
	/* the seconds around each moment that is named, and some in between */
	int64_t moment = now;
	for (unsigned i = 0; i < 40; i++) {
		int64_t at = moment + (int64_t)random_below(r, 3) - 1;
		if (random_chance(r, 30)) at = now + (int64_t)random_below(r, (size_t)(800 * DAY));
		struct entitlement e;
		assert_int_equal(story_at(s, at, &e), OK);
		const char *what = compare_at(&e, &l, &wire, &catalog, at);
		if (what) fail_msg("%s at %" PRId64 ", from %" PRId64, what, at, now);
		assert_int_equal(story_at(s, moment, &e), OK);
		if (i % 3 == 2) moment = e.changes_at ? e.changes_at : now;
	}
}

static void lives_have_lines(void **state) {
	(void)state;
	static struct life life;
	static struct story s;
	static const struct view subjects[] = {VIEW_INIT("user_1"), VIEW_INIT("user_2"), VIEW_INIT("cus_1")};
	struct random r = law_random("lines of lives");
	uint64_t rounds = law_rounds(800);
	for (uint64_t round = 0; round < rounds; round++) {
		const struct life_shape shape = {.events = 4 + (unsigned)random_below(&r, 60),
						 .same_second_percent = (unsigned)random_below(&r, 60),
						 .subs = 1 + (unsigned)random_below(&r, 2),
						 .customers = 1 + (unsigned)random_below(&r, 2)};
		catalog.policies.lapse_unrenewed = random_chance(&r, 50);
		catalog.policies.scheduled_phases_count = random_chance(&r, 80);
		life_make(&life, &r, &shape);
		memset(&s, 0, sizeof s);
		unsigned told = 1 + (unsigned)random_below(&r, life.count);
		for (unsigned i = 0; i < told; i++) world_apply(&s.world, &life.events[i].o);
		for (unsigned i = 0; i < ARRAY_LEN(subjects); i++) {
			s.subject = subjects[i];
			check_story(&s, &r, life.events[told - 1].o.stamp.created + (int64_t)random_below(&r, 3600));
		}
	}
}

/* ---- what cannot be answered from ------------------------------------------------------ */

static void what_is_not_known_is_not_guessed(void **state) {
	(void)state;
	const struct tg01_grant pro = {VIEW("pro"), 0}, gone = {VIEW("gone"), 0};
	const struct tg01_step right = {.from = 1,
					.tier = VIEW("pro"),
					.status = VIEW("active"),
					.reason = VIEW("active"),
					.grants = &pro,
					.grant_count = 1};
	struct tg01_step s = right;
	struct entitlement e;
	assert_int_equal(tg01_step_entitlement(&s, &catalog, &e), OK);
	s.tier = VIEW("gone");
	assert_int_equal(tg01_step_entitlement(&s, &catalog, &e), ERR_NOT_FOUND);
	s = right;
	s.grants = &gone;
	assert_int_equal(tg01_step_entitlement(&s, &catalog, &e), ERR_NOT_FOUND);
	s = right;
	s.blocked_tier = VIEW("gone");
	s.blocked_reason = VIEW("unpaid");
	assert_int_equal(tg01_step_entitlement(&s, &catalog, &e), ERR_NOT_FOUND);
	s.blocked_tier = VIEW("institutional");
	assert_int_equal(tg01_step_entitlement(&s, &catalog, &e), OK);
	s.blocked_reason = VIEW("a newer one");
	assert_int_equal(tg01_step_entitlement(&s, &catalog, &e), ERR_VERSION);
	s = right;
	s.reason = VIEW("a newer one");
	assert_int_equal(tg01_step_entitlement(&s, &catalog, &e), ERR_VERSION);
	s = right;
	s.status = VIEW("a newer one");
	assert_int_equal(tg01_step_entitlement(&s, &catalog, &e), ERR_VERSION);
}

static enum error never_ends(const void *ctx, int64_t at, struct entitlement *ret_e) {
	const int64_t *every = ctx;
	entitlement_begin(ret_e, &catalog, at);
	entitlement_end(ret_e);
	ret_e->changes_at = at + 1;
	ret_e->seats = (uint64_t)(at / *every);
	return OK;
}

static enum error fails(const void *ctx, int64_t at, struct entitlement *ret_e) {
	(void)ctx, (void)at, (void)ret_e;
	return ERR_MALFORMED;
}

static void a_line_is_bounded(void **state) {
	(void)state;
	struct line l;
	int64_t every = 1;
	assert_int_equal(line_make(never_ends, &every, 100, &l), OK);
	assert_int_equal(l.count, LINE_STEPS_MAX);
	assert_int_equal(l.until, 100 + LINE_STEPS_MAX);
	every = 1000;
	assert_int_equal(line_make(never_ends, &every, 1000, &l), OK);
	assert_int_equal(l.count, 1);
	assert_int_equal(l.until, 1000 + LINE_LOOKS_MAX);
	assert_int_equal(line_make(fails, NULL, 100, &l), ERR_MALFORMED);
}

static int set_up(void **state) {
	(void)state;
	decoder = tg01_decoder_create();
	return decoder ? 0 : -1;
}

static int tear_down(void **state) {
	(void)state;
	tg01_decoder_destroy(&decoder);
	return 0;
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_answers_as_the_row),
		cmocka_unit_test(lives_have_lines),
		cmocka_unit_test(what_is_not_known_is_not_guessed),
		cmocka_unit_test(a_line_is_bounded),
	};
	(void)law_seed();
	return cmocka_run_group_tests_name("lines", tests, set_up, tear_down);
}
