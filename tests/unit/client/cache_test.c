#include "client/cache.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support/random.h"

#define SMALL ((size_t)1 << 20)

static struct key key_of(const struct cache *c, const char *name) {
	struct key k;
	tgc_key(c, name, strlen(name), &k);
	return k;
}

/* Words that only this subject and version have. */
static unsigned words_of(const char *name, uint64_t ver, uint64_t out[LINE_WORDS_MAX]) {
	uint64_t h = view_hash(hash_u64(HASH_SEED, ver), view_str(name));
	unsigned count = 2 + (unsigned)(h % 41 ? h % 12 : h % (LINE_WORDS_MAX - 1));
	for (unsigned i = 0; i < count; i++) out[i] = h = hash_u64(h, i);
	return count;
}

static bool put(struct cache *c, const char *name, uint64_t ver) {
	uint64_t words[LINE_WORDS_MAX];
	unsigned count = words_of(name, ver, words);
	const struct key k = key_of(c, name);
	const struct entry e = {
		.generation = 3, .book = 5, .ver = ver, .seen_ms = (int64_t)ver + 1, .line_until = (int64_t)ver + 2};
	return tgc_cache_put(c, &k, &e, words, count);
}

/* What is there is whole, and some version of this very subject. */
static bool whole(const char *name, const struct cached *got) {
	uint64_t words[LINE_WORDS_MAX];
	const struct entry *e = &got->entry;
	return got->count == words_of(name, e->ver, words) && memcmp(words, got->words, got->count * 8) == 0 &&
	       e->generation == 3 && e->book == 5 && e->seen_ms == (int64_t)e->ver + 1 &&
	       e->line_until == (int64_t)e->ver + 2;
}

static bool get(const struct cache *c, const char *name, struct cached *ret) {
	const struct key k = key_of(c, name);
	return tgc_cache_get(c, &k, ret);
}

static void name_of(unsigned n, char out[SUBJECT_MAX + 1]) {
	/* one in seven is long, up to the longest that there may be */
	int len = snprintf(out, SUBJECT_MAX + 1, "subject-%u", n);
	for (unsigned i = (unsigned)len; n % 7 == 0 && i < n % (SUBJECT_MAX + 1); i++) {
		out[i] = (char)('a' + i % 26);
		out[i + 1] = '\0';
	}
}

static void what_was_put_is_there_until_it_is_dropped(void **state) {
	(void)state;
	struct cache *c = tgc_cache_create(SMALL, 7);
	struct cached got;
	char name[SUBJECT_MAX + 1];
	assert_false(get(c, "a", &got));
	for (unsigned n = 0; n < 2000; n++) {
		name_of(n, name);
		assert_true(put(c, name, n));
	}
	for (unsigned n = 0; n < 2000; n++) {
		name_of(n, name);
		assert_true(get(c, name, &got));
		assert_true(whole(name, &got));
		assert_int_equal(got.entry.ver, n);
		assert_true(put(c, name, n + 5000)); /* shorter, longer, in or out of a block */
		assert_true(get(c, name, &got) && got.entry.ver == n + 5000 && whole(name, &got));
	}
	assert_int_equal(tgc_cache_size(c).subjects, 2000);
	for (unsigned n = 0; n < 2000; n++) {
		name_of(n, name);
		const struct key k = key_of(c, name);
		tgc_cache_drop(c, &k);
		assert_false(get(c, name, &got));
		tgc_cache_drop(c, &k);
	}
	assert_int_equal(tgc_cache_size(c).subjects, 0);
	assert_int_equal(tgc_cache_size(c).evicted, 0);
	tgc_cache_destroy(&c);
	assert_null(c);
}

static void a_prefix_or_a_zero_at_the_end_is_another_subject(void **state) {
	(void)state;
	struct cache *c = tgc_cache_create(SMALL, 7);
	struct cached got;
	assert_true(put(c, "abcdefgh", 1));
	assert_false(get(c, "abcdefg", &got));
	assert_false(get(c, "abcdefghi", &got));
	assert_true(put(c, "abcdefg", 2));
	assert_true(get(c, "abcdefgh", &got) && got.entry.ver == 1);
	tgc_cache_destroy(&c);
}

static void a_full_table_lets_go_of_what_is_not_asked_for(void **state) {
	(void)state;
	enum { MANY = 40000, HOT = 200 };
	struct cache *c = tgc_cache_create(SMALL, 7);
	struct cached got;
	char name[SUBJECT_MAX + 1];
	unsigned kept = 0, taken = 0;
	for (unsigned n = 0; n < MANY; n++) {
		name_of(n, name);
		taken += put(c, name, n);
		for (unsigned h = n % 50; h < HOT; h += 50) { /* asked for all the time */
			char hot[SUBJECT_MAX + 1];
			name_of(h, hot);
			(void)get(c, hot, &got);
		}
	}
	const struct cache_size size = tgc_cache_size(c);
	assert_true(size.bytes <= SMALL);
	assert_int_equal(size.evicted, taken - size.subjects);
	assert_true(taken > MANY * 9 / 10 && size.subjects > 3000);
	for (unsigned n = 0; n < HOT; n++) {
		name_of(n, name);
		kept += get(c, name, &got);
	}
	assert_true(kept >= HOT * 8 / 10);
	tgc_cache_destroy(&c);
}

/* Against a table of the last version of each, in any order of putting and dropping. */
static void any_order_of_changes_leaves_the_last(void **state) {
	(void)state;
	enum { NAMES = 1500, STEPS = 60000 };
	struct random random = random_start();
	static uint64_t versions[NAMES];
	struct cache *c = tgc_cache_create(SMALL, random_u64(&random));
	memset(versions, 0, sizeof versions);
	for (unsigned step = 1; step <= STEPS; step++) {
		const unsigned n = (unsigned)random_below(&random, NAMES);
		char name[SUBJECT_MAX + 1];
		struct cached got;
		name_of(n, name);
		const struct key k = key_of(c, name);
		const unsigned what = (unsigned)random_below(&random, 10);
		if (what < 5) {
			versions[n] = put(c, name, step) ? step : 0;
		} else if (what < 7) {
			tgc_cache_drop(c, &k);
			versions[n] = 0;
		} else {
			const bool there = get(c, name, &got);
			/* what was evicted may be gone; what is there is the last */
			if (there) assert_true(got.entry.ver == versions[n] && whole(name, &got));
			if (tgc_cache_size(c).evicted == 0) assert_int_equal(there, versions[n] != 0);
		}
	}
	tgc_cache_destroy(&c);
}

struct looker {
	pthread_t thread;
	const struct cache *cache;
	_Atomic bool *stop;
	uint64_t seed, torn;
	_Atomic uint64_t found;
};

#define SHARED_NAMES 300

static void *read_all(void *ctx) {
	struct looker *r = ctx;
	uint64_t last[SHARED_NAMES] = {0};
	while (!*r->stop) {
		char name[SUBJECT_MAX + 1];
		struct cached got;
		r->seed = hash_u64(r->seed, 1);
		const unsigned n = (unsigned)(r->seed % SHARED_NAMES);
		name_of(n, name);
		if (!get(r->cache, name, &got)) continue;
		r->found++;
		/* whole, and never older than what was seen before */
		if (!whole(name, &got) || got.entry.ver < last[n]) r->torn++;
		last[n] = got.entry.ver;
	}
	return NULL;
}

static void readers_see_whole_entries_while_they_change(void **state) {
	(void)state;
	enum { READERS = 4, STEPS = 60000 };
	struct random random = random_start();
	struct cache *c = tgc_cache_create(SMALL, 7);
	struct looker readers[READERS];
	_Atomic bool stop = false;
	uint64_t found = 0, torn = 0;
	for (unsigned i = 0; i < READERS; i++) {
		readers[i] = (struct looker){.cache = c, .stop = &stop, .seed = random_u64(&random)};
		assert_int_equal(pthread_create(&readers[i].thread, NULL, read_all, &readers[i]), 0);
	}
	for (unsigned step = 1; step <= STEPS; step++) {
		char name[SUBJECT_MAX + 1];
		/* others come and go, so that slots and blocks change hands */
		const unsigned n = (unsigned)random_below(&random, random_below(&random, 2) ? SHARED_NAMES : 20000);
		name_of(n, name);
		const struct key k = key_of(c, name);
		if (random_below(&random, 8) == 0)
			tgc_cache_drop(c, &k);
		else
			(void)put(c, name, step);
		/* on a busy machine the readers may not have begun: go on until one has seen something */
		if (step == STEPS && readers[0].found == 0) step--;
	}
	stop = true;
	for (unsigned i = 0; i < READERS; i++) {
		(void)pthread_join(readers[i].thread, NULL);
		found += readers[i].found;
		torn += readers[i].torn;
	}
	assert_int_equal(torn, 0);
	assert_true(found > 0);
	tgc_cache_destroy(&c);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_put_is_there_until_it_is_dropped),
		cmocka_unit_test(a_prefix_or_a_zero_at_the_end_is_another_subject),
		cmocka_unit_test(a_full_table_lets_go_of_what_is_not_asked_for),
		cmocka_unit_test(any_order_of_changes_leaves_the_last),
		cmocka_unit_test(readers_see_whole_entries_while_they_change),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
