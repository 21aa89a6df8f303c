/* The law of the cache: what it says of a subject at a moment is what the server's row says then, for every tier and
 * feature that is asked about by name; after the line and the catalog went over the wire, the line into the table's
 * words and out again. And what the cache does not know, it does not say. */
#include "client/private.h"
#include "lives/life.h"
#include "lives/table_row.h"
#include "proto/tg01_line.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct tg01_decoder *decoder;
static struct table table;
static struct truth truth;
static struct names *names;
static struct { uint64_t lines, answers, allowed, silent, far, quick; } seen;

/* The catalog as a client gets it. */
static const struct book *meet_catalog(uint64_t cat) {
	static uint8_t bytes[TG01_MESSAGE_MAX];
	struct writer w = writer_of(bytes, sizeof bytes);
	const struct tg01_id id = {.kind = TG01_ID_NUMBER, .number = 1};
	const struct tg01_source source = {.epoch = 1, .ver = 1, .cat = cat};
	const struct tg01_catalog c = {.feats = table.catalog.features,
				       .feat_count = table.catalog.feature_count,
				       .tiers = table.catalog.tiers,
				       .tier_count = table.catalog.tier_count};
	struct tg01_reply reply;
	tg01_catalog_write(&w, &id, &source, &c);
	assert_false(w.failed);
	assert_int_equal(tg01_reply_read(decoder, TG01_CATALOG, writer_view(&w), &reply, NULL), OK);
	/* each in its minute, or a client takes no more */
	return tgc_book_take(&truth.books, &reply.of.catalog, cat, names, (int64_t)cat * BOOK_MS);
}

static bool keep(const struct line *l, const struct book *b, const char *subject, uint64_t ver) {
	static uint8_t bytes[TG01_MESSAGE_MAX];
	struct tg01_line_space space;
	struct tg01_change change = {.ver = ver, .sub = view_str(subject), .line = tg01_line_of(l, &space)}, back;
	struct writer w = writer_of(bytes, sizeof bytes);
	uint64_t epoch, words[LINE_WORDS_MAX];
	struct key k;
	tg01_feed_change_write(&w, 1, &change);
	assert_int_equal(tg01_feed_change_read(decoder, writer_view(&w), &epoch, &back, NULL), OK);
	unsigned count = tgc_line_pack(&back.line, &b->catalog, words);
	if (count == 0) return false;
	const struct entry e = {.generation = 1,
				.book = b->number,
				.ver = ver,
				.line_until = back.line.until,
				.quick = tgc_book_quick(&truth.books, b, words, count, back.line.until)};
	seen.quick += e.quick.shape != 0;
	tgc_key(truth.cache, subject, strlen(subject), &k);
	return tgc_cache_put(truth.cache, &k, &e, words, count);
}

/* Sets the clock to that second, and looks. */
static bool look(const char *subject, int64_t at, struct sight *s) {
	if (!tgc_sight_old(&truth, subject, s)) return false;
	s->at = at;
	return true;
}

static void fail_case(const char *what, const struct line *l, int64_t at) {
	AUTO(text_free)
	struct text t = {0};
	table_print(&t, &table, l->steps[0].now);
	fail_msg("%s at %" PRId64 ", line from %" PRId64 " to %" PRId64 "\n%s", what, at, l->steps[0].now, l->until,
		 t.bytes);
}

/* The same by the quick way, which is that of tg_check: with the clock at that second. */
static void compare_quick(const struct sight *s, const char *tier, const char *feature, const char *subject,
			  const struct tg_answer *a, const struct line *l) {
	const struct asked q = {view_str(subject), view_str(tier ? tier : feature), tier};
	struct tg_answer quick;
	struct key k;
	truth.book = s->book;
	truth.word_ms = s->at * 1000;
	tgc_truth_seek(&truth, &q, &k);
	const bool told = tgc_truth_check(&truth, &q, &k, s->at * 1000 + 7, 5000, &quick);
	if (told != (a != NULL)) fail_case("the quick way tells when the other does not, or the reverse", l, s->at);
	if (!told) return;
	if (a->allowed != quick.allowed || a->stale != quick.stale || a->until != quick.until || a->ver != quick.ver ||
	    quick.age_ms != 7 || quick.source != TG_FROM_CACHE || strcmp(a->reason, quick.reason) != 0 ||
	    strcmp(a->tier, quick.tier) != 0 || strcmp(a->status, quick.status) != 0 ||
	    strcmp(a->need, quick.need) != 0)
		fail_case("the quick way says another thing", l, s->at);
}

static void compare(const struct entitlement *e, const struct sight *s, struct requirement q, const char *name,
		    const char *subject, const struct line *l) {
	struct tg_answer a;
	const bool tier = q.tier >= 0;
	const struct decision d = entitlement_decide(e, q);
	const char *need = d.need >= 0 ? tgc_name(names, table.catalog.tiers[d.need].name) : "";
	if (!tgc_sight_check(&truth, s, tier ? name : NULL, tier ? NULL : name, &a)) fail_case("no answer", l, s->at);
	seen.answers++;
	seen.allowed += a.allowed;
	if (a.allowed != d.allowed || a.until != d.until || strcmp(a.reason, reason_name(d.reason)) != 0 ||
	    strcmp(a.need, need) != 0 || a.stale != e->stale || strcmp(a.status, sub_status_name(e->status)) != 0 ||
	    !view_eq(view_str(a.tier), table.catalog.tiers[e->tier].name))
		fail_case(name, l, s->at);
	compare_quick(s, tier ? name : NULL, tier ? NULL : name, subject, &a, l);
}

static void compare_profile(const struct entitlement *e, const struct sight *s, const struct line *l) {
	struct tg_profile p;
	unsigned has = 0;
	assert_true(tgc_sight_profile(&truth, s, &p));
	for (unsigned i = 0; i < table.catalog.feature_count; i++) has += entitlement_has(e, i);
	if (p.seats != e->seats || p.next_billing != e->next_billing || p.feature_count != has ||
	    p.as.until != e->until)
		fail_case("the profile", l, s->at);
	tg_profile_free(&p);
}

static void compare_at(const struct line *l, const char *subject, const struct table_row *row, int64_t at) {
	struct sight s;
	struct entitlement e;
	struct tg_answer a;
	const char *name = tgc_name(names, table.catalog.tiers[0].name);
	assert_true(look(subject, at, &s));
	if (at < l->steps[0].now - SLACK_S || (l->until && at >= l->until)) {
		seen.silent++;
		if (tgc_sight_check(&truth, &s, name, NULL, &a)) fail_case("it says what it does not know", l, at);
		compare_quick(&s, name, NULL, subject, NULL, l);
		return;
	}
	if (at < l->steps[0].now) at = l->steps[0].now; /* a clock that is a little behind: as of the answer */
	assert_int_equal(table_row_at(row, at ? at : 1, &e), OK);
	for (int i = 0; i < (int)table.catalog.tier_count; i++)
		compare(&e, &s, (struct requirement){i, -1}, tgc_name(names, table.catalog.tiers[i].name), subject, l);
	for (int i = 0; i < (int)table.catalog.feature_count; i++)
		compare(&e, &s, (struct requirement){-1, i}, tgc_name(names, table.catalog.features[i]), subject, l);
	compare_profile(&e, &s, l);
	if (tgc_sight_check(&truth, &s, "no such tier", NULL, &a)) fail_case("an unknown tier", l, at);
	compare_quick(&s, "no such tier", NULL, subject, NULL, l);
}

static void the_cache_answers_as_the_row(void **state) {
	(void)state;
	static struct table_row row;
	struct random r = law_random("the cache against rows");
	const uint64_t rounds = law_rounds(BOOKS_MAX - 1 > 1000 ? 1000 : BOOKS_MAX - 1);
	for (uint64_t round = 1; round <= rounds && round < BOOKS_MAX; round++) {
		char subject[32];
		table_random_catalog(&table, &r);
		const struct book *b = meet_catalog(round);
		assert_non_null(b);
		for (unsigned i = 0; i < 4; i++) {
			table_row_random(&row, &table, &r);
			struct line l;
			assert_int_equal(line_make(table_row_at, &row, 1 + (int64_t)random_below(&r, 40), &l), OK);
			(void)snprintf(subject, sizeof subject, "user_%" PRIu64, (uint64_t)random_below(&r, 300));
			assert_true(keep(&l, b, subject, round));
			seen.lines++;
			for (int64_t t = 0; t <= TABLE_END + 1; t++) compare_at(&l, subject, &row, t);
		}
	}
	printf("%" PRIu64 " lines, %" PRIu64 " of them quick, %" PRIu64 " answers, %" PRIu64
	       " of them allowed, %" PRIu64 " moments of which nothing is said\n",
	       seen.lines, seen.quick, seen.answers, seen.allowed, seen.silent);
	if (rounds >= 100) assert_true(seen.allowed > 0 && seen.silent > 0 && seen.allowed < seen.answers);
	if (rounds >= 100) assert_true(seen.quick > 0 && seen.quick < seen.lines);
}

/* Any entitlement that a step can hold comes back out of its words, whatever its numbers. */
static void every_step_fits(void **state) {
	(void)state;
	struct random r = law_random("steps as words");
	for (uint64_t round = 0; round < law_rounds(20000); round++) {
		struct catalog c = {.tier_count = 1 + (unsigned)random_below(&r, TIERS_MAX)};
		char tiers[TIERS_MAX][8];
		struct tg01_grant grants[TIERS_MAX];
		for (unsigned i = 0; i < c.tier_count; i++)
			c.tiers[i].name = view_of(tiers[i], (size_t)snprintf(tiers[i], sizeof tiers[i], "t%u", i));
		struct tg01_step s = {
			.from = (int64_t)random_below(&r, (size_t)1 << 38),
			.tier = c.tiers[random_below(&r, c.tier_count)].name,
			.status = view_str(sub_status_name((enum sub_status)random_below(&r, SUB_STATUS_COUNT))),
			.reason = view_str(reason_name((enum reason)random_below(&r, REASON_COUNT))),
			.seats = random_u64(&r) >> random_below(&r, 64),
			.next_billing = random_chance(&r, 50) ? 0 : (int64_t)(random_u64(&r) >> 20),
			.begins = random_chance(&r, 50) ? 0 : (int64_t)(random_u64(&r) >> 20),
			.stale = random_chance(&r, 50),
			.grants = grants};
		if (random_chance(&r, 50)) {
			s.blocked_tier = c.tiers[random_below(&r, c.tier_count)].name;
			s.blocked_reason = view_str(reason_name((enum reason)random_below(&r, REASON_COUNT)));
		}
		for (unsigned i = 0; i < c.tier_count; i++)
			if (random_chance(&r, 50))
				grants[s.grant_count++] = (struct tg01_grant){
					c.tiers[i].name, random_chance(&r, 50) ? 0 : (int64_t)(random_u64(&r) >> 20)};
		uint64_t words[LINE_WORDS_MAX];
		struct entitlement before, after;
		const struct tg01_line l = {.steps = &s, .count = 1};
		assert_int_equal(tg01_step_entitlement(&s, &c, &before), OK);
		const unsigned count = tgc_line_pack(&l, &c, words);
		assert_true(count >= 2 && count <= STEP_WORDS_MAX);
		assert_true(tgc_line_at(words, count, 0, &c, s.from, 0, &after));
		assert_true(entitlement_same(&before, &after) && before.now == after.now &&
			    before.known == after.known);
		seen.far += s.seats >= 0xffffff;
	}
	assert_true(seen.far > 0);
}

static int set_up(void **state) {
	(void)state;
	decoder = tg01_decoder_create();
	names = tgc_names_create();
	truth.cache = tgc_cache_create((size_t)1 << 20, NULL);
	truth.generation = 1;
	truth.live = true;
	return decoder && names && truth.cache ? 0 : -1;
}

static int tear_down(void **state) {
	(void)state;
	tg01_decoder_destroy(&decoder);
	tgc_cache_destroy(&truth.cache);
	tgc_books_finish(&truth.books);
	tgc_names_destroy(&names);
	return 0;
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_step_fits),
		cmocka_unit_test(the_cache_answers_as_the_row),
	};
	(void)law_seed();
	return cmocka_run_group_tests_name("the cache", tests, set_up, tear_down);
}
