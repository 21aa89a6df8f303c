/* Deaths and full maps, with every kind of observation: what is there afterwards is what the committed records say,
 * wants and due moments included; and going on from the cursor gives what a life without deaths gives. */
#include "fold_support.h"
#include "support/killed.h"

#define ORIGIN 7

/* The record of that number: few objects, so that each touches what others left. */
static struct observation record(uint64_t n, char event[32]) {
	struct random r = {n * UINT64_C(0x9e3779b97f4a7c15) + 1};
	static const char *const subs[] = {"sub_1", "sub_2", "sub_3"}, *const customers[] = {"cus_1", "cus_2", "cus_3"},
				 *const subjects[] = {"u1", "u2", "u3"}, *const invoices[] = {"in_1", "in_2", "in_3"},
				 *const payments[] = {"pi_1", "pi_2", "ch_3"},
				 *const gifts[] = {"ovr_1", "ovr_2", "ovr_3"};
	size_t i = random_below(&r, 3);
	int64_t second = NOW + (int64_t)(n / 4);
	struct observation o;
	(void)snprintf(event, 32, "evt_%llu", (unsigned long long)n);
	switch (random_below(&r, 10)) {
	case 0:
		return a_checkout(customers[i], subjects[random_below(&r, 3)], second, event);
	case 1:
		o = an_invoice(invoices[i], customers[i], INVOICE_PAID, second, event);
		o.of.invoice.subscription = view_str(subs[i]);
		o.of.invoice.period_end = second + (int64_t)random_below(&r, 500);
		return o;
	case 2:
		return a_payment(payments[i], random_below(&r, 2) ? invoices[i] : "",
				 (enum reversal_state)random_below(&r, REVERSAL_STATE_COUNT), second, event);
	case 3:
		return a_schedule("sub_sched_1", customers[i], random_below(&r, 2) ? "price_inst" : "price_x",
				  second + 100, second, event);
	case 4:
		return a_gift(gifts[i], subjects[i], "institutional", second + 50, second, event);
	case 5:
		return a_revocation(gifts[i], subjects[i], second, event);
	case 6:
		return an_answer(FETCH_SUBSCRIPTION, subs[i], second);
	default:
		o = a_sub(subs[i], customers[i], random_below(&r, 3) ? SUB_ACTIVE : SUB_PAST_DUE, second, event);
		o.of.subscription.now.cancel_at = random_below(&r, 2) ? second + (int64_t)random_below(&r, 200) : 0;
		o.of.subscription.now.schedule = VIEW("sub_sched_1");
		o.of.subscription.post = subscription_digest(&o.of.subscription.now);
		return o;
	}
}

/* The records from..to, and the cursor; each at its own moment. */
static enum error fold_records(struct fold *f, uint64_t from, uint64_t to) {
	enum error e = OK;
	bool more;
	for (uint64_t n = from; n <= to && !e; n++) {
		char event[32];
		struct observation o = record(n, event);
		fold_moment(f, o.stamp.created * 1000);
		e = fold_observe(f, &o);
		if (!e) e = fold_due(f, 10, &more);
		if (!e) e = fold_cursor(f, ORIGIN, n);
	}
	return e;
}

/* What is not in the digest. */
struct beside {
	struct entitlements_stat stat;
	uint64_t version;
	int64_t due;
	size_t len;
	char wants[4096];
};

static bool note_want(void *ctx, const struct want *w) {
	struct beside *b = ctx;
	b->len += (size_t)snprintf(b->wants + b->len, sizeof b->wants - b->len, "%s %.*s %lld %d|",
				   fetch_name(w->fetch.kind), VIEW_FMT(w->fetch.id), (long long)w->after, (int)w->why);
	return b->len < sizeof b->wants;
}

static struct beside beside(struct store *s) {
	struct beside b = {0};
	assert_int_equal(look_stat(s->l, &b.stat), OK);
	assert_int_equal(look_wants(s->l, note_want, &b), OK);
	b.version = look_version(s->l);
	b.due = look_next_due(s->l);
	return b;
}

static void assert_as_never_died(struct store *s, uint64_t seq) {
	void *fresh;
	(void)store_setup(&fresh);
	struct store *other = fresh;
	begin(other);
	assert_int_equal(fold_records(other->f, 1, seq), OK);
	commit(other);
	struct beside a = beside(s), b = beside(other);
	assert_true(digest_same(digest_of(s), digest_of(other)));
	assert_string_equal(a.wants, b.wants);
	assert_int_equal(a.version, b.version);
	assert_int_equal(a.due, b.due);
	assert_int_equal(a.stat.changes, b.stat.changes);
	assert_int_equal(a.stat.overrides, b.stat.overrides);
	(void)store_teardown(&fresh);
}

static void fold_until_killed(const void *dir, int out) {
	const struct entitlements_options o = {.dir = dir, .epoch = EPOCH, .map_size = 256 << 20};
	struct entitlements *e = NULL;
	struct look *l = NULL;
	uint64_t seq = 0;
	if (entitlements_open(&o, &e, NULL) || look_begin(e, &l, NULL) || look_cursor(l, ORIGIN, &seq)) quick_exit(1);
	look_rest(l);
	for (uint64_t n = 1;; n = n % 9 + 1) {
		struct fold *f = NULL;
		if (fold_begin(e, &catalog, 0, &f, NULL) || fold_records(f, seq + 1, seq + n)) quick_exit(1);
		if (fold_commit(&f, NULL, NULL, NULL)) quick_exit(1);
		seq += n;
		killed_tells(out, seq);
	}
}

static void test_killed_and_going_on(void **state) {
	struct store *s = *state;
	struct random seed = random_start();
	for (unsigned round = 0; round < 12; round++) {
		store_close(s);
		uint64_t told = killed_after(1 + random_below(&seed, 12), fold_until_killed, s->scratch.dir);
		open_at(s, 256 << 20);
		assert_true(cursor(s, ORIGIN) >= told);
		assert_as_never_died(s, cursor(s, ORIGIN));
	}
}

/* A fold that fails for want of space, wherever that is, leaves the last one; and with room it goes on. */
static void test_a_full_map(void **state) {
	struct store *s = *state;
	uint64_t seq = 0;
	store_close(s);
	scratch_remove(&s->scratch);
	scratch_make(&s->scratch);
	open_at(s, 1 << 20);
	/* a reader that pins its snapshot, so that no page is used again */
	struct look *pinned = NULL;
	assert_int_equal(look_begin(s->e, &pinned, NULL), OK);
	enum error e = OK;
	while (!e) {
		begin(s);
		e = fold_records(s->f, seq + 1, seq + 3);
		enum error last = fold_commit(&s->f, NULL, NULL, NULL);
		assert_int_equal(last, e ? e : last);
		e = last;
		if (!e) seq += 3;
		assert_true(seq < 100000);
	}
	assert_int_equal(e, ERR_FULL);
	assert_true(seq > 10);
	assert_int_equal(look_renew(s->l), OK);
	assert_int_equal(cursor(s, ORIGIN), seq);
	assert_as_never_died(s, seq);
	look_end(&pinned);
	store_close(s);
	open_at(s, 16 << 20);
	begin(s);
	assert_int_equal(fold_records(s->f, seq + 1, seq + 30), OK);
	commit(s);
	assert_as_never_died(s, seq + 30);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)
	const struct CMUnitTest tests[] = {T(test_killed_and_going_on), T(test_a_full_map)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
