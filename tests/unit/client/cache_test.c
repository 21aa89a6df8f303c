#include "client/cache_look.h"

#include <pthread.h>
#include <sched.h>
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
	const struct entry e = {.generation = 3,
				.book = 5,
				.ver = ver,
				.seen_ms = (int64_t)ver + 1,
				.quick = {(uint32_t)ver, (uint32_t)ver + 3, (uint32_t)ver + 4, (uint16_t)ver},
				.line_until = (int64_t)ver + 2};
	return tgc_cache_put(c, &k, &e, words, count);
}

static bool whole_entry(const struct entry *e) {
	const uint32_t ver = (uint32_t)e->ver;
	return e->generation == 3 && e->book == 5 && e->seen_ms == (int64_t)e->ver + 1 && e->quick.from == ver &&
	       e->quick.end == ver + 3 && e->quick.until == ver + 4 && e->quick.shape == (uint16_t)ver;
}

/* What is there is whole, and some version of this very subject. */
static bool whole(const char *name, const struct cached *got) {
	uint64_t words[LINE_WORDS_MAX];
	const struct entry *e = &got->entry;
	return got->count == words_of(name, e->ver, words) && memcmp(words, got->words, got->count * 8) == 0 &&
	       whole_entry(e) && e->line_until == (int64_t)e->ver + 2;
}

static bool get(const struct cache *c, const char *name, struct cached *ret) {
	const struct key k = key_of(c, name);
	return tgc_cache_get(c, &k, ret);
}

/* The check's look says the same as the whole. */
static bool get_both(const struct cache *c, const char *name, struct cached *ret) {
	const struct key k = key_of(c, name);
	struct entry e;
	const bool there = tgc_cache_get(c, &k, ret);
	assert_int_equal(tgc_cache_look(c, &k, &e), there);
	if (there) assert_true(whole_entry(&e) && e.ver == ret->entry.ver);
	return there;
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
	struct cache *c = tgc_cache_create(SMALL, NULL);
	struct cached got;
	char name[SUBJECT_MAX + 1];
	assert_false(get(c, "a", &got));
	for (unsigned n = 0; n < 2000; n++) {
		name_of(n, name);
		assert_true(put(c, name, n));
	}
	for (unsigned n = 0; n < 2000; n++) {
		name_of(n, name);
		assert_true(get_both(c, name, &got));
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
	struct cache *c = tgc_cache_create(SMALL, NULL);
	struct cached got;
	assert_true(put(c, "abcdefgh", 1));
	assert_false(get(c, "abcdefg", &got));
	assert_false(get(c, "abcdefghi", &got));
	assert_true(put(c, "abcdefg", 2));
	assert_true(get(c, "abcdefgh", &got) && got.entry.ver == 1);
	tgc_cache_destroy(&c);
}

static void a_name_is_kept_under_a_key_of_each_tables_own(void **state) {
	(void)state;
	static const uint8_t same[FINGERPRINT_KEY_SIZE] = {1};
	struct cache *a = tgc_cache_create(SMALL, NULL), *b = tgc_cache_create(SMALL, NULL),
		     *c = tgc_cache_create(SMALL, same), *d = tgc_cache_create(SMALL, same);
	struct key of_a = key_of(a, "alice"), of_b = key_of(b, "alice"), of_c = key_of(c, "alice"),
		   of_d = key_of(d, "alice");
	assert_true(of_a.bits[0] != of_b.bits[0] && of_a.bits[1] != of_b.bits[1]);
	assert_memory_equal(&of_c, &of_d, sizeof of_c);
	assert_true(of_a.bits[0] != of_c.bits[0]);
	tgc_cache_destroy(&a);
	tgc_cache_destroy(&b);
	tgc_cache_destroy(&c);
	tgc_cache_destroy(&d);
}

/* Half of the fingerprint decides where a subject stands: the other half must be its own too. */
static void half_a_fingerprint_is_nobody(void **state) {
	(void)state;
	struct cache *c = tgc_cache_create(SMALL, NULL);
	struct cached got;
	struct entry e;
	assert_true(put(c, "alice", 1));
	for (unsigned bit = 0; bit < 128; bit++) {
		struct key k = key_of(c, "alice");
		k.bits[bit / 64] ^= UINT64_C(1) << bit % 64;
		assert_false(tgc_cache_get(c, &k, &got));
		assert_false(tgc_cache_look(c, &k, &e));
	}
	const struct key none = {{0, 0}};
	assert_false(tgc_cache_get(c, &none, &got)); /* as places have it that are free */
	assert_false(tgc_cache_look(c, &none, &e));
	tgc_cache_destroy(&c);
}

/* Lines of every length, in chains of units that others had before. */
static void a_line_of_any_length_comes_back(void **state) {
	(void)state;
	struct cache *c = tgc_cache_create(SMALL, NULL);
	struct random r = random_start();
	uint64_t words[LINE_WORDS_MAX];
	for (unsigned i = 0; i < LINE_WORDS_MAX; i++) words[i] = random_u64(&r);
	const struct entry e = {.generation = 1, .ver = 9, .line_until = 77};
	for (unsigned round = 0; round < 4; round++) {
		for (unsigned count = 1; count <= LINE_WORDS_MAX; count++) {
			char name[SUBJECT_MAX + 1];
			struct cached got;
			name_of((unsigned)random_below(&r, 100), name);
			const struct key k = key_of(c, name);
			assert_true(tgc_cache_put(c, &k, &e, words, count));
			assert_true(tgc_cache_get(c, &k, &got));
			assert_int_equal(got.count, count);
			assert_memory_equal(got.words, words, count * sizeof *words);
			assert_int_equal(got.entry.line_until, 77);
		}
	}
	const struct key k = key_of(c, "a");
	assert_false(tgc_cache_put(c, &k, &e, words, 0));
	assert_false(tgc_cache_put(c, &k, &e, words, LINE_WORDS_MAX + 1));
	assert_int_equal(tgc_cache_size(c).evicted, 0);
	assert_true(tgc_cache_size(c).bytes < SMALL / 2); /* what is given back is used again */
	tgc_cache_destroy(&c);
}

/* From the smallest table to the largest, and nobody is lost on the way. */
static void a_table_grows_with_its_subjects(void **state) {
	(void)state;
	enum { MANY = 20000, BYTES = 8 << 20 };
	struct cache *c = tgc_cache_create(BYTES, NULL);
	const uint64_t words[3] = {1, 2, 3};
	const struct entry e = {.generation = 1};
	uint64_t first = 0;
	for (unsigned n = 0; n < MANY; n++) {
		char name[32];
		(void)snprintf(name, sizeof name, "user_%u", n);
		const struct key k = key_of(c, name);
		assert_true(tgc_cache_put(c, &k, &e, words, 3));
		if (n == 0) first = tgc_cache_size(c).bytes;
	}
	const struct cache_size size = tgc_cache_size(c);
	assert_int_equal(size.subjects, MANY);
	assert_int_equal(size.evicted, 0);
	assert_true(first < (uint64_t)128 << 10 && size.bytes <= BYTES && size.bytes < (uint64_t)MANY * 300);
	for (unsigned n = 0; n < MANY; n++) {
		char name[32];
		struct entry got;
		(void)snprintf(name, sizeof name, "user_%u", n);
		const struct key k = key_of(c, name);
		assert_true(tgc_cache_look(c, &k, &got));
	}
	tgc_cache_destroy(&c);
}

static void a_full_table_lets_go_of_what_is_not_asked_for(void **state) {
	(void)state;
	enum { MANY = 40000, HOT = 200 };
	struct cache *c = tgc_cache_create(SMALL, NULL);
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
	struct cache *c = tgc_cache_create(SMALL, NULL);
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
			const bool there = get_both(c, name, &got);
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
		const struct key k = key_of(r->cache, name);
		struct entry e;
		if (tgc_cache_look(r->cache, &k, &e)) {
			if (!whole_entry(&e) || e.ver < last[n]) r->torn++;
			last[n] = e.ver;
		}
		if (!tgc_cache_get(r->cache, &k, &got)) continue;
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
	struct cache *c = tgc_cache_create(SMALL, NULL);
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

struct keeper {
	pthread_t thread;
	const struct cache *cache;
	_Atomic bool *stop;
	_Atomic uint64_t found, missed;
};

static void *look_for_those_that_stay(void *ctx) {
	struct keeper *k = ctx;
	while (!*k->stop)
		for (unsigned n = 0; n < SHARED_NAMES; n++) {
			char name[SUBJECT_MAX + 1];
			struct entry e;
			name_of(n, name);
			const struct key key = key_of(k->cache, name);
			if (tgc_cache_look(k->cache, &key, &e))
				k->found++;
			else
				k->missed++;
		}
	return NULL;
}

/* Who stays is found at every moment while others come, are moved, and all go to a larger table. */
static void nobody_is_missed_while_a_table_grows(void **state) {
	(void)state;
	enum { ROUNDS = 2, MANY = 12000 };
	uint64_t found = 0;
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct cache *c = tgc_cache_create((size_t)32 << 20, NULL);
		_Atomic bool stop = false;
		struct keeper keepers[2] = {{.cache = c, .stop = &stop}, {.cache = c, .stop = &stop}};
		char name[SUBJECT_MAX + 1];
		for (unsigned n = 0; n < SHARED_NAMES; n++) {
			name_of(n, name);
			assert_true(put(c, name, 1));
		}
		for (unsigned i = 0; i < 2; i++)
			assert_int_equal(
				pthread_create(&keepers[i].thread, NULL, look_for_those_that_stay, &keepers[i]), 0);
		while (!keepers[0].found || !keepers[1].found) (void)sched_yield();
		for (unsigned n = SHARED_NAMES; n < MANY; n++) {
			name_of(n, name);
			assert_true(put(c, name, n));
		}
		stop = true;
		for (unsigned i = 0; i < 2; i++) {
			(void)pthread_join(keepers[i].thread, NULL);
			assert_int_equal(keepers[i].missed, 0);
			found += keepers[i].found;
		}
		assert_int_equal(tgc_cache_size(c).evicted, 0);
		tgc_cache_destroy(&c);
	}
	assert_true(found > 0);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_put_is_there_until_it_is_dropped),
		cmocka_unit_test(a_prefix_or_a_zero_at_the_end_is_another_subject),
		cmocka_unit_test(a_name_is_kept_under_a_key_of_each_tables_own),
		cmocka_unit_test(half_a_fingerprint_is_nobody),
		cmocka_unit_test(a_line_of_any_length_comes_back),
		cmocka_unit_test(a_table_grows_with_its_subjects),
		cmocka_unit_test(a_full_table_lets_go_of_what_is_not_asked_for),
		cmocka_unit_test(any_order_of_changes_leaves_the_last),
		cmocka_unit_test(readers_see_whole_entries_while_they_change),
		cmocka_unit_test(nobody_is_missed_while_a_table_grows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
