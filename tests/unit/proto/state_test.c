#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "state_formats.h"
#include "support/guard.h"

#define ROUNDS 3000

static int setup(void **state) {
	struct fixture *f = calloc(1, sizeof *f);
	f->random = random_start();
	f->buffer = malloc(STATE_VALUE_MAX);
	f->again = malloc(STATE_VALUE_MAX);
	f->guard = guard_open(STATE_VALUE_MAX);
	*state = f;
	return 0;
}

static int teardown(void **state) {
	struct fixture *f = *state;
	guard_close(&f->guard);
	free(f->buffer);
	free(f->again);
	free(f);
	return 0;
}

static struct view fenced(struct fixture *f, struct view bytes) { return guard_copy(&f->guard, bytes); }

static struct view random_bytes(struct fixture *f, enum format format, uint64_t *ret_hash) {
	struct writer w = writer_of(f->buffer, STATE_VALUE_MAX);
	*ret_hash = write_random(f, format, &w);
	assert_false(w.failed);
	return writer_view(&w);
}

/* ---- laws --------------------------------------------------------------------------- */

static void test_round_trip(void **state) {
	struct fixture *f = *state;
	for (unsigned i = 0; i < ROUNDS; i++) {
		enum format format = (enum format)(i % FORMATS);
		uint64_t wrote, read = 0;
		struct view bytes = random_bytes(f, format, &wrote);
		struct writer w = writer_of(f->again, STATE_VALUE_MAX);
		assert_int_equal(read_back(f, format, fenced(f, bytes), &w, &read), OK);
		assert_int_equal(read, wrote);
		/* equal values, equal bytes */
		assert_true(view_eq(writer_view(&w), bytes));
	}
}

static void test_every_prefix_fails(void **state) {
	struct fixture *f = *state;
	for (unsigned i = 0; i < 120; i++) {
		enum format format = (enum format)(i % FORMATS);
		uint64_t h;
		struct view bytes = random_bytes(f, format, &h);
		size_t step = bytes.len > 3000 ? bytes.len / 1500 : 1;
		for (size_t n = 0; n < bytes.len; n += step) {
			struct writer w = writer_of(f->again, STATE_VALUE_MAX);
			assert_int_not_equal(read_back(f, format, fenced(f, view_of(bytes.ptr, n)), &w, &h), OK);
		}
		/* and so does one byte more */
		f->buffer[bytes.len] = 0;
		struct writer w = writer_of(f->again, STATE_VALUE_MAX);
		assert_int_not_equal(read_back(f, format, fenced(f, view_of(bytes.ptr, bytes.len + 1)), &w, &h), OK);
	}
}

static void test_other_versions_are_told(void **state) {
	struct fixture *f = *state;
	for (unsigned i = 0; i < FORMATS; i++) {
		uint64_t h;
		struct view bytes = random_bytes(f, (enum format)i, &h);
		f->buffer[0] = STATE_VERSION + 1;
		struct writer w = writer_of(f->again, STATE_VALUE_MAX);
		assert_int_equal(read_back(f, (enum format)i, bytes, &w, &h), ERR_VERSION);
	}
}

/* Whatever the bytes are: read or refused, and what was read can be written. */
static void test_hostile_bytes(void **state) {
	struct fixture *f = *state;
	unsigned read = 0;
	for (unsigned i = 0; i < 20 * ROUNDS; i++) {
		enum format format = (enum format)(i % FORMATS);
		uint64_t h;
		struct view bytes = random_bytes(f, format, &h);
		if (bytes.len > 20000) continue;
		unsigned flips = 1 + rnd_below(&f->random, 4);
		for (unsigned k = 0; k < flips; k++)
			f->buffer[rnd_below(&f->random, (unsigned)bytes.len)] = (uint8_t)rnd(&f->random);
		struct writer w = writer_of(f->again, STATE_VALUE_MAX);
		if (read_back(f, format, fenced(f, bytes), &w, &h) == OK) {
			assert_false(w.failed);
			read++;
		}
	}
	assert_true(read > 0);
}

static void test_writer_too_small(void **state) {
	struct fixture *f = *state;
	for (unsigned i = 0; i < 60; i++) {
		uint64_t h, seed = f->random.state;
		struct view bytes = random_bytes(f, (enum format)(i % FORMATS), &h);
		size_t len = bytes.len;
		f->random.state = seed;
		struct writer w = writer_of(f->buffer, len - 1);
		(void)write_random(f, (enum format)(i % FORMATS), &w);
		assert_true(w.failed);
	}
}

/* ---- bounds ---------------------------------------------------------------------------- */

static char longest[CLAIM_TEXT_MAX + 1];

static void fill_items(struct item_set *set, char salt) {
	set->count = ITEMS_MAX;
	for (unsigned i = 0; i < ITEMS_MAX; i++) {
		/* the sets must differ for each to be written out */
		set->items[i] = (struct item){view_of(longest + salt, STRIPE_ID_MAX), view_of(longest, STRIPE_ID_MAX),
					      view_of(longest, LOOKUP_KEY_MAX), UINT64_MAX};
	}
}

static void test_largest_row_fits(void **state) {
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof longest; i++) longest[i] = (char)('a' + i % 26);
	static struct grant g;
	g = (struct grant){.subscription = view_of(longest, STRIPE_ID_MAX),
			   .event = view_of(longest, STRIPE_ID_MAX),
			   .seen = INT64_MIN,
			   .period_start = INT64_MAX,
			   .period_end = -2,
			   .trial_end = INT64_MAX / 2,
			   .cancel_at = INT64_MAX,
			   .ended_at = INT64_MIN,
			   .unpaid_since = 1,
			   .earlier_count = SUB_PRICES_MAX,
			   .refunded_until = INT64_MIN,
			   .dispute_lost_until = INT64_MAX,
			   .reversal_event = view_of(longest, STRIPE_ID_MAX),
			   .schedule_ends = INT64_MIN,
			   .phase_count = GRANT_PHASES_MAX};
	fill_items(&g.items, 0);
	for (unsigned i = 0; i < SUB_PRICES_MAX; i++) fill_items(&g.earlier[i].set, (char)(i + 1));
	for (unsigned i = 0; i < GRANT_PHASES_MAX; i++) fill_items(&g.phases[i].items, (char)(SUB_PRICES_MAX + i + 1));
	const struct override o = {view_of(longest, STRIPE_ID_MAX),
				   view_of(longest, NAME_MAX_BYTES),
				   INT64_MIN,
				   INT64_MAX,
				   view_of(longest, STRIPE_ID_MAX),
				   INT64_MIN};
	struct writer w = writer_of(f->buffer, STATE_VALUE_MAX);
	subject_row_begin(&w, UINT64_MAX, SUBJECT_GRANTS_MAX);
	for (unsigned i = 0; i < SUBJECT_GRANTS_MAX; i++) subject_row_grant(&w, &g);
	subject_row_overrides(&w, SUBJECT_OVERRIDES_MAX);
	for (unsigned i = 0; i < SUBJECT_OVERRIDES_MAX; i++) subject_row_override(&w, &o);
	assert_false(w.failed);
	assert_true(writer_view(&w).len > STATE_VALUE_MAX / 2);

	w = writer_of(f->buffer, STATE_VALUE_MAX);
	subject_row_begin(&w, 1, SUBJECT_GRANTS_MAX + 1);
	assert_true(w.failed);
}

static void test_over_the_limit_is_refused(void **state) {
	struct fixture *f = *state;
	for (unsigned field = 0; field < 5; field++) {
		struct sub_seen *s = &f->a.latest[0];
		memset(&f->a, 0, sizeof f->a);
		f->a.latest_count = 1;
		s->sub.customer = VIEW("cus_1");
		s->sub.items.count = 1;
		if (field == 0) s->stamp.event = view_of(longest, STRIPE_ID_MAX + 1);
		if (field == 1) s->sub.customer = view_of(longest, STRIPE_ID_MAX + 1);
		if (field == 2) s->sub.subject = view_of(longest, CLAIM_TEXT_MAX + 1);
		if (field == 3) s->sub.items.items[0].lookup_key = view_of(longest, LOOKUP_KEY_MAX + 1);
		struct writer w = writer_of(f->buffer, STATE_VALUE_MAX);
		sub_register_write(&w, &f->a);
		assert_int_equal(w.failed, field < 4);
	}
}

static void test_row_body(void **state) {
	struct fixture *f = *state;
	struct grant g;
	rnd_grant(&f->random, &g);
	struct writer a = writer_of(f->buffer, STATE_VALUE_MAX), b = writer_of(f->again, STATE_VALUE_MAX);
	subject_row_begin(&a, 1, 1);
	subject_row_grant(&a, &g);
	subject_row_overrides(&a, 0);
	subject_row_begin(&b, 100000, 1);
	subject_row_grant(&b, &g);
	subject_row_overrides(&b, 0);
	assert_false(view_eq(writer_view(&a), writer_view(&b)));
	assert_true(view_eq(subject_row_body(writer_view(&a)), subject_row_body(writer_view(&b))));
	assert_int_equal(subject_row_body(VIEW_NONE).len, 0);
}

/* One subscription, the usual one: what a subject costs on disk rests on it. */
static void test_sizes(void **state) {
	struct fixture *f = *state;
	struct subscription_observation o = {
		.now = {.id = VIEW("sub_1MowQVLkdIwHu7ixeraBm864"),
			.customer = VIEW("cus_NffrFeUfNV2Hib"),
			.latest_invoice = VIEW("in_1MowQWLkdIwHu7ixuzkSPfKd"),
			.status = SUB_ACTIVE,
			.created = 1679609767,
			.period_start = 1679609767,
			.period_end = 1682288167,
			.items = {.count = 1,
				  .items = {{VIEW("price_1MowQULkdIwHu7ixraBm864M"), VIEW("prod_Na6dGcTsmU0I4R"),
					     VIEW("pro_monthly"), 1}}}}};
	struct stamp stamp = {1679609768, RANK_CREATED, VIEW("evt_1MowQWLkdIwHu7ix3qQh9Jn2")};
	o.post = subscription_digest(&o.now);
	sub_register_observe(&f->a, &stamp, &o);
	struct writer w = writer_of(f->buffer, STATE_VALUE_MAX);
	sub_register_write(&w, &f->a);
	size_t reg = writer_view(&w).len;
	struct grant g = {.subscription = o.now.id,
			  .event = stamp.event,
			  .status = SUB_ACTIVE,
			  .created = o.now.created,
			  .seen = stamp.created,
			  .period_start = o.now.period_start,
			  .period_end = o.now.period_end,
			  .items = o.now.items};
	w = writer_of(f->buffer, STATE_VALUE_MAX);
	subject_row_begin(&w, 100000, 1);
	subject_row_grant(&w, &g);
	subject_row_overrides(&w, 0);
	print_message("sub_register %zu bytes, subject's row %zu bytes\n", reg, writer_view(&w).len);
	assert_true(reg < 200);
	assert_true(writer_view(&w).len < 150);
}

/* ---- keys -------------------------------------------------------------------------------- */

static void test_keys(void **state) {
	struct fixture *f = *state;
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct random *r = &f->random;
		struct scope scope = {rnd_bool(r), rnd_text(r, ACCOUNT_MAX, true)}, got;
		struct view first = rnd_text(r, SUBJECT_MAX, false), second = rnd_text(r, STRIPE_ID_MAX, false), a, b;
		uint8_t key[STATE_KEY_MAX], prefix[STATE_KEY_MAX];
		struct view k = view_of(key, state_key(&scope, first, key));
		assert_int_equal(state_key_parse(k, &got, &a), OK);
		assert_true(got.livemode == scope.livemode && view_eq(got.account, scope.account) && view_eq(a, first));
		k = view_of(key, state_key_pair(&scope, first, second, key));
		assert_int_equal(state_key_pair_parse(k, &got, &a, &b), OK);
		assert_true(view_eq(got.account, scope.account) && view_eq(a, first) && view_eq(b, second));
		struct view p = view_of(prefix, state_key_pair_prefix(&scope, first, prefix));
		assert_true(p.len > 0 && view_starts(k, p));
		/* no other id's pairs start like that: "a" is not "aa" */
		struct view other = rnd_text(r, SUBJECT_MAX, false);
		if (view_eq(other, first)) continue;
		k = view_of(key, state_key_pair(&scope, other, second, key));
		assert_false(view_starts(k, p));
	}
}

static void test_want_keys(void **state) {
	struct fixture *f = *state;
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct random *r = &f->random;
		struct scope scope = {rnd_bool(r), rnd_text(r, ACCOUNT_MAX, true)}, got;
		struct fetch fetch = {(enum fetch_kind)(1 + rnd_below(r, FETCH_COUNT - 1)),
				      rnd_text(r, STRIPE_ID_MAX, false)},
			     back;
		uint8_t key[STATE_KEY_MAX];
		struct view k = view_of(key, want_key(&scope, &fetch, key));
		assert_true(k.len > 0);
		assert_int_equal(want_key_parse(k, &got, &back), OK);
		assert_true(got.livemode == scope.livemode && view_eq(got.account, scope.account));
		assert_true(back.kind == fetch.kind && view_eq(back.id, fetch.id));
		key[2 + scope.account.len] = FETCH_COUNT;
		assert_int_equal(want_key_parse(k, &got, &back), ERR_MALFORMED);
	}
	uint8_t key[STATE_KEY_MAX];
	const struct scope scope = {0};
	const struct fetch bad[] = {{FETCH_NOTHING, VIEW("a")},
				    {FETCH_COUNT, VIEW("a")},
				    {FETCH_CHARGE, VIEW_NONE},
				    {FETCH_CHARGE, view_of(longest, STRIPE_ID_MAX + 1)}};
	for (unsigned i = 0; i < ARRAY_LEN(bad); i++) assert_int_equal(want_key(&scope, &bad[i], key), 0);
}

static void test_key_bounds(void **state) {
	(void)state;
	uint8_t key[STATE_KEY_MAX];
	const struct scope widest = {true, view_of(longest, ACCOUNT_MAX)},
			   wider = {true, view_of(longest, ACCOUNT_MAX + 1)};
	assert_int_equal(state_key(&widest, VIEW_NONE, key), 0);
	assert_int_equal(state_key(&wider, VIEW("a"), key), 0);
	assert_int_equal(state_key(&widest, view_of(longest, SUBJECT_MAX + 1), key), 0);
	assert_int_equal(state_key(&widest, view_of(longest, SUBJECT_MAX), key), 2 + ACCOUNT_MAX + SUBJECT_MAX);
	size_t most = state_key_pair(&widest, view_of(longest, SUBJECT_MAX), view_of(longest, STRIPE_ID_MAX), key);
	assert_int_equal(most, 3 + ACCOUNT_MAX + SUBJECT_MAX + STRIPE_ID_MAX);
	assert_int_equal(state_key_pair(&widest, VIEW("a"), view_of(longest, STRIPE_ID_MAX + 1), key), 0);
	assert_int_equal(state_key_pair(&widest, VIEW("a"), VIEW_NONE, key), 0);
	struct scope s;
	struct view a, b;
	const struct view bad[] = {VIEW(""), VIEW("L"), VIEW("X\0a"), VIEW("L\0"), VIEW("L\5ab"), VIEW("L\101a")};
	for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
		assert_int_equal(state_key_parse(bad[i], &s, &a), ERR_MALFORMED);
		assert_int_equal(state_key_pair_parse(bad[i], &s, &a, &b), ERR_MALFORMED);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_every_prefix_fails),
		cmocka_unit_test(test_other_versions_are_told),
		cmocka_unit_test(test_hostile_bytes),
		cmocka_unit_test(test_writer_too_small),
		cmocka_unit_test(test_largest_row_fits),
		cmocka_unit_test(test_over_the_limit_is_refused),
		cmocka_unit_test(test_row_body),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_want_keys),
		cmocka_unit_test(test_key_bounds),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
