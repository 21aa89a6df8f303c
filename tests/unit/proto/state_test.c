#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "random_state.h"
#include "support/guard.h"

#define ROUNDS 3000
#define ID VIEW("sub_1")

struct fixture {
	struct random random;
	uint8_t *buffer, *again;
	struct guard guard;
	struct sub_register a, b;
};

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

/* ---- each format as a pair of functions over bytes --------------------------------- */

enum format { SUB, CUSTOMER, INVOICE, ROW, CHANGE, QUARANTINED, FORMATS };

/* Writes a random value; its hash. */
static uint64_t write_random(struct fixture *f, enum format format, struct writer *w) {
	struct random *r = &f->random;
	switch (format) {
	case SUB:
		rnd_sub_register(r, ID, &f->a);
		sub_register_write(w, &f->a);
		return hash_sub_register(&f->a);
	case CUSTOMER: {
		struct customer_register x = rnd_customer_register(r);
		customer_register_write(w, &x);
		return hash_customer_register(&x);
	}
	case INVOICE: {
		struct invoice_register x = rnd_invoice_register(r, ID);
		invoice_register_write(w, &x);
		return hash_invoice_register(&x);
	}
	case ROW: {
		unsigned count = rnd_below(r, 20) ? rnd_below(r, 3) : SUBJECT_GRANTS_MAX;
		uint64_t ver = rnd(r), h = hash_u64(HASH_SEED, ver);
		subject_row_begin(w, ver, count);
		for (unsigned i = 0; i < count; i++) {
			struct grant g;
			rnd_grant(r, &g);
			subject_row_grant(w, &g);
			h = hash_grant(h, &g);
		}
		return h;
	}
	case CHANGE: {
		struct change c = {.ver = 7,
				   .at_ms = rnd_time(r),
				   .scope = {rnd_bool(r), rnd_text(r, ACCOUNT_MAX, true)},
				   .subject = rnd_text(r, SUBJECT_MAX, false),
				   .event = rnd_text(r, STRIPE_ID_MAX, true),
				   .before = rnd_text(r, NAME_MAX_BYTES, false),
				   .after = rnd_text(r, NAME_MAX_BYTES, false),
				   .reason = (enum reason)rnd_below(r, REASON_COUNT),
				   .status = (enum sub_status)rnd_below(r, SUB_STATUS_COUNT),
				   .until = rnd_time(r)};
		change_write(w, &c);
		uint64_t h = hash_text(hash_text(hash_u64(HASH_SEED, c.scope.livemode), c.scope.account), c.subject);
		h = hash_text(hash_text(hash_text(h, c.event), c.before), c.after);
		return hash_u64(hash_u64(hash_u64(hash_u64(h, (uint64_t)c.at_ms), c.reason), c.status),
				(uint64_t)c.until);
	}
	case QUARANTINED:
	case FORMATS:
		break;
	}
	struct quarantined q = {.first_ms = rnd_time(r),
				.last_ms = rnd_time(r),
				.tries = rnd(r),
				.event = rnd_text(r, STRIPE_ID_MAX, true),
				.type = rnd_text(r, EVENT_TYPE_MAX, true),
				.reason = rnd_text(r, QUARANTINE_REASON_MAX, true),
				.record = rnd_text(r, 2000, true)};
	quarantined_write(w, &q);
	uint64_t h = hash_text(hash_text(hash_text(hash_text(HASH_SEED, q.event), q.type), q.reason), q.record);
	return hash_u64(hash_u64(hash_u64(h, (uint64_t)q.first_ms), (uint64_t)q.last_ms), q.tries);
}

static enum error read_row(struct fixture *f, struct view bytes, struct writer *w, uint64_t *h) {
	struct subject_row row;
	struct grant g;
	(void)f;
	enum error e = subject_row_open(bytes, &row);
	if (e) return e;
	*h = hash_u64(HASH_SEED, row.ver);
	subject_row_begin(w, row.ver, row.left);
	while (subject_row_next(&row, &g)) {
		*h = hash_grant(*h, &g);
		subject_row_grant(w, &g);
	}
	return row.reader.failed ? ERR_MALFORMED : OK;
}

/* Reads a value, hashes it and writes it again. */
static enum error read_back(struct fixture *f, enum format format, struct view bytes, struct writer *w, uint64_t *h) {
	enum error e = OK;
	switch (format) {
	case SUB:
		e = sub_register_read(bytes, ID, &f->b);
		if (!e) *h = hash_sub_register(&f->b);
		if (!e) sub_register_write(w, &f->b);
		return e;
	case CUSTOMER: {
		struct customer_register x;
		e = customer_register_read(bytes, &x);
		if (!e) *h = hash_customer_register(&x);
		if (!e) customer_register_write(w, &x);
		return e;
	}
	case INVOICE: {
		struct invoice_register x;
		e = invoice_register_read(bytes, ID, &x);
		if (!e) *h = hash_invoice_register(&x);
		if (!e) invoice_register_write(w, &x);
		return e;
	}
	case ROW:
		return read_row(f, bytes, w, h);
	case CHANGE: {
		struct change c;
		e = change_read(7, bytes, &c);
		if (e) return e;
		change_write(w, &c);
		*h = hash_text(hash_text(hash_u64(HASH_SEED, c.scope.livemode), c.scope.account), c.subject);
		*h = hash_text(hash_text(hash_text(*h, c.event), c.before), c.after);
		*h = hash_u64(hash_u64(hash_u64(hash_u64(*h, (uint64_t)c.at_ms), c.reason), c.status),
			      (uint64_t)c.until);
		return e;
	}
	case QUARANTINED:
	case FORMATS:
		break;
	}
	struct quarantined q;
	e = quarantined_read(1, 2, bytes, &q);
	if (e) return e;
	quarantined_write(w, &q);
	*h = hash_text(hash_text(hash_text(hash_text(HASH_SEED, q.event), q.type), q.reason), q.record);
	*h = hash_u64(hash_u64(hash_u64(*h, (uint64_t)q.first_ms), (uint64_t)q.last_ms), q.tries);
	return e;
}

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
			   .earlier_count = SUB_PRICES_MAX};
	fill_items(&g.items, 0);
	for (unsigned i = 0; i < SUB_PRICES_MAX; i++) fill_items(&g.earlier[i].set, (char)(i + 1));
	struct writer w = writer_of(f->buffer, STATE_VALUE_MAX);
	subject_row_begin(&w, UINT64_MAX, SUBJECT_GRANTS_MAX);
	for (unsigned i = 0; i < SUBJECT_GRANTS_MAX; i++) subject_row_grant(&w, &g);
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
	subject_row_begin(&b, 100000, 1);
	subject_row_grant(&b, &g);
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
		cmocka_unit_test(test_key_bounds),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
