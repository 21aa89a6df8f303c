/* Laws of time: whatever is folded, however the clock steps and however late fold_due comes by,
 *   - the log says of every moment what a check would have answered then, from the row as it was and the clock;
 *   - the last change of each subject says what is so now;
 *   - the due index holds each subject once, at the moment that its last change names, and nothing else.
 * Beside the store a naive model keeps every row that ever was, and computes. */
#include "fold_support.h"

#include "store/entitlements_internal.h"

#define ROUNDS 60
#define STEPS 40
#define MOMENTS_MAX 512
#define ROW_MAX 4096

static const char *const subjects[] = {"u1", "u2", "cus_1", "cus_2", "cus_3"};
#define SUBJECTS ARRAY_LEN(subjects)

/* What checks were answered from, from that second on. */
struct moment {
	int64_t at;
	const struct catalog *catalog;
	size_t len;
	char row[ROW_MAX];
};

struct model {
	unsigned count;
	struct moment moments[MOMENTS_MAX];
};

static struct model models[SUBJECTS];
static struct catalog catalogs[2];
static char texts[STEPS][32];

struct round {
	struct store *s;
	struct random *seed;
	int64_t now;
	const struct catalog *catalog;
	int64_t began;  /* before it the model knows nothing, or the log has forgotten */
	int64_t latest; /* that the clock ever showed: what it shows anew may have had two answers */
};

static struct view own_row(struct store *s, const char *subject) {
	struct key key;
	struct view row = VIEW_NONE;
	key_of(&key, &platform, view_str(subject));
	(void)lmdb_get(&s->l->t, TABLE_SUBJECTS, key_view(&key), &row);
	return row;
}

static void remember(struct round *r) {
	for (unsigned i = 0; i < SUBJECTS; i++) {
		struct view row = own_row(r->s, subjects[i]);
		assert_true(models[i].count < MOMENTS_MAX && row.len <= ROW_MAX);
		struct moment *m = &models[i].moments[models[i].count++];
		*m = (struct moment){.at = r->now, .catalog = r->catalog, .len = row.len};
		if (row.len) memcpy(m->row, row.ptr, row.len);
	}
}

/* ---- what is told ------------------------------------------------------------------- */

static int64_t near(struct round *r) { return r->now + (int64_t)random_below(r->seed, 40) * DAY - 10 * DAY; }

static struct observation random_sub(struct round *r, const char *event) {
	static const enum sub_status statuses[] = {SUB_ACTIVE, SUB_ACTIVE, SUB_TRIALING, SUB_PAST_DUE, SUB_CANCELED};
	static const char *const ids[] = {"sub_1", "sub_2", "sub_3"};
	static const char *const customers[] = {"cus_1", "cus_2", "cus_3"};
	size_t which = random_below(r->seed, 3);
	struct observation o = a_sub(ids[which], customers[which], statuses[random_below(r->seed, ARRAY_LEN(statuses))],
				     r->now, event);
	struct subscription *x = &o.of.subscription.now;
	x->period_end = near(r);
	x->period_start = x->period_end - 30 * DAY;
	if (x->status == SUB_CANCELED && random_below(r->seed, 3)) x->status = SUB_ACTIVE;
	if (x->status == SUB_TRIALING) x->trial_end = near(r);
	if (random_below(r->seed, 3) == 0) x->cancel_at = near(r);
	if (random_below(r->seed, 4) == 0) x->cancel_at_period_end = true;
	if (random_below(r->seed, 3) == 0) x->schedule = VIEW("sub_sched_1");
	if (random_below(r->seed, 3) == 0) x->items.items[0].price = VIEW("price_inst");
	if (random_below(r->seed, 5) == 0) x->items.items[0].price = VIEW("price_later");
	o.of.subscription.post = subscription_digest(x);
	return o;
}

static struct observation random_told(struct round *r, unsigned i) {
	char *event = texts[i];
	(void)snprintf(event, sizeof texts[i], "evt_%u", i);
	static const char *const names[] = {"u1", "u2", "cus_1"};
	static const char *const gifts[] = {"ovr_1", "ovr_2"};
	struct observation o;
	switch (random_below(r->seed, 9)) {
	case 0:
		return a_checkout(random_below(r->seed, 2) ? "cus_1" : "cus_2", random_below(r->seed, 2) ? "u1" : "u2",
				  r->now, event);
	case 1:
		o = a_gift(gifts[random_below(r->seed, 2)], names[random_below(r->seed, 3)],
			   random_below(r->seed, 2) ? "pro" : "institutional", near(r), r->now, event);
		if (random_below(r->seed, 2)) o.of.override.from = near(r);
		return o;
	case 2:
		return a_revocation(gifts[random_below(r->seed, 2)], "u1", r->now, event);
	case 3:
		o = a_schedule("sub_sched_1", random_below(r->seed, 2) ? "cus_1" : "cus_2",
			       random_below(r->seed, 2) ? "price_inst" : "price_pro", near(r), r->now, event);
		o.of.schedule.ends_subscription = random_below(r->seed, 2);
		return o;
	case 4:
		o = an_invoice("in_1", "cus_1", INVOICE_PAID, r->now, event);
		o.of.invoice.subscription = VIEW("sub_1");
		o.of.invoice.period_end = near(r);
		return o;
	case 5:
		return a_payment("pi_1", "in_1", (enum reversal_state)random_below(r->seed, REVERSAL_STATE_COUNT),
				 r->now, event);
	default:
		return random_sub(r, event);
	}
}

/* ---- what happens --------------------------------------------------------------------- */

static void open_fold(struct round *r) {
	struct problem why = {0};
	if (fold_begin(r->s->e, r->catalog, r->now * 1000, &r->s->f, &why)) fail_msg("begin: %s", problem_text(&why));
}

/* In folds of a few at a time, some of which are lost. */
static void all_due(struct round *r) {
	for (bool more = true; more;) {
		open_fold(r);
		assert_int_equal(fold_due(r->s->f, (unsigned)random_below(r->seed, 4), &more), OK);
		if (random_below(r->seed, 6) == 0) {
			fold_abort(&r->s->f);
			more = true;
			continue;
		}
		commit(r->s);
	}
	int64_t next = look_next_due(r->s->l);
	assert_true(next == 0 || next > r->now);
}

static void survey(struct round *r, enum change_cause cause) {
	struct survey at = {0};
	for (bool more = true; more;) {
		struct survey here = at;
		open_fold(r);
		assert_int_equal(fold_survey(r->s->f, &here, cause, 1 + (unsigned)random_below(r->seed, 3), &more), OK);
		if (random_below(r->seed, 6) == 0) {
			fold_abort(&r->s->f);
			more = true;
			continue;
		}
		commit(r->s);
		at = here;
	}
}

static void step(struct round *r, unsigned i) {
	size_t what = random_below(r->seed, 20);
	if (what < 9) {
		struct observation o = random_told(r, i);
		open_fold(r);
		assert_int_equal(fold_observe(r->s->f, &o), OK);
		commit(r->s);
		remember(r);
	} else if (what < 17) {
		static const int64_t spans[] = {1, 60, 3600, DAY, 3 * DAY, 12 * DAY};
		r->now += 1 + (int64_t)random_below(r->seed, (size_t)spans[random_below(r->seed, ARRAY_LEN(spans))]);
		if (random_below(r->seed, 2)) all_due(r);
	} else if (what == 17) {
		all_due(r);
		r->catalog = &catalogs[random_below(r->seed, 2)];
		survey(r, CHANGE_CATALOG);
		remember(r);
	} else if (what == 18) {
		if (r->now > r->latest) r->latest = r->now;
		r->now -= (int64_t)random_below(r->seed, 5 * DAY);
		survey(r, CHANGE_CLOCK);
		remember(r);
	} else {
		int64_t before = r->now - (int64_t)random_below(r->seed, 20 * DAY);
		for (bool more = true; more;) {
			open_fold(r);
			assert_int_equal(fold_forget_changes(r->s->f, before * 1000,
							     1 + (unsigned)random_below(r->seed, 5), &more),
					 OK);
			commit(r->s);
		}
		if (before > r->began) r->began = before;
	}
}

/* ---- what must hold ---------------------------------------------------------------------- */

static struct view name_of(const struct catalog *c, int tier) { return tier < 0 ? VIEW_NONE : c->tiers[tier].name; }

static bool says(const struct change *c, const struct entitlement *e, bool known) {
	return view_eq(c->after, name_of(e->catalog, (int)e->tier)) && c->reason == e->reason && c->rule == e->rule &&
	       c->status == e->status && c->until == e->until && c->seats == e->seats && c->known == known &&
	       c->stale == e->stale && c->unmapped == e->unmapped &&
	       view_eq(c->blocked_tier, name_of(e->catalog, e->blocked_tier)) &&
	       view_eq(c->subscription, e->subscription);
}

static void print(const char *what, const struct change *c) {
	fprintf(stderr, "%s: ver %llu at %lld cause %d: %.*s>%.*s %s %s until %lld due %lld\n", what,
		(unsigned long long)c->ver, (long long)(c->at_ms / 1000 - NOW), c->cause, VIEW_FMT(c->before),
		VIEW_FMT(c->after), reason_name(c->reason), rule_sentence(c->rule), (long long)c->until,
		(long long)c->changes_at);
}

static bool print_each(void *ctx, const struct change *c) {
	(void)ctx;
	print("log", c);
	return true;
}

static void check_at(struct round *r, unsigned subject, int64_t at) {
	const struct model *m = &models[subject];
	struct entitlement e;
	struct change c;
	int64_t from_ms = 0;
	unsigned k = m->count;
	while (k > 0 && m->moments[k - 1].at > at) k--;
	const struct moment *was = k ? &m->moments[k - 1] : NULL;
	struct view row = was ? view_of(was->row, was->len) : VIEW_NONE;
	assert_int_equal(subject_row_entitlement(row, was ? was->catalog : &catalogs[0], at, &e), OK);
	enum error rc = look_answer_at(r->s->l, &platform, view_str(subjects[subject]), at * 1000, &c, &from_ms);
	if (row.len == 0) {
		/* unknown, or a customer for whom another answers */
		if (rc == ERR_NOT_FOUND || subjects[subject][0] == 'c' || (rc == OK && !c.known)) return;
		if (at <= r->latest) return;
		fail_msg("%s at %lld was unknown, and the log says %d", subjects[subject], (long long)(at - NOW), rc);
	}
	if (rc == OK && says(&c, &e, true)) return;
	if (rc == OK) print("told", &c);
	fprintf(stderr, "is: %.*s %s %s until %lld, from the row of %lld\n", VIEW_FMT(name_of(e.catalog, (int)e.tier)),
		reason_name(e.reason), rule_sentence(e.rule), (long long)e.until, (long long)(was->at - NOW));
	assert_int_equal(look_history(r->s->l, &platform, view_str(subjects[subject]), 20, print_each, NULL), OK);
	fail_msg("%s at %lld: the log does not say what was answered (%s)", subjects[subject], (long long)(at - NOW),
		 error_code(rc));
}

struct last {
	bool found;
	struct change change;
};

static bool take(void *ctx, const struct change *c) {
	struct last *l = ctx;
	l->found = true;
	l->change = *c;
	return false;
}

static void check_due(struct round *r) {
	uint64_t expected = 0;
	for (unsigned i = 0; i < SUBJECTS; i++) {
		struct last l = {0};
		struct due_key due;
		struct key key;
		struct view nothing;
		assert_int_equal(look_history(r->s->l, &platform, view_str(subjects[i]), 1, take, &l), OK);
		assert_true(l.found || own_row(r->s, subjects[i]).len == 0);
		if (!l.found || l.change.changes_at == 0) continue;
		expected++;
		key_of(&key, &platform, view_str(subjects[i]));
		due_key_of(&due, l.change.changes_at, key_view(&key));
		if (!lmdb_get(&r->s->l->t, TABLE_DUE, view_of(due.bytes, due.len), &nothing))
			fail_msg("%s is not due at %lld", subjects[i], (long long)l.change.changes_at);
	}
	assert_int_equal(lmdb_count(&r->s->l->t, TABLE_DUE), expected);
}

static void check(struct round *r) {
	check_due(r);
	all_due(r);
	check_due(r);
	for (unsigned i = 0; i < SUBJECTS; i++) {
		check_at(r, i, r->now);
		for (unsigned n = 0; n < 6; n++) {
			int64_t span = r->now - r->began;
			if (span > 0) check_at(r, i, r->began + (int64_t)random_below(r->seed, (size_t)span));
		}
		/* and at the very moments of what is logged */
		struct model *m = &models[i];
		int64_t at = m->count ? m->moments[random_below(r->seed, m->count)].at : r->now;
		if (at >= r->began && at <= r->now) check_at(r, i, at);
	}
}

static void test_the_log_is_what_was_answered(void **state) {
	static const struct catalog_grant more[] = {{GRANT_PRICE, VIEW_INIT("price_inst"), 2},
						    {GRANT_PRICE, VIEW_INIT("price_later"), 1},
						    {GRANT_PRICE, VIEW_INIT("price_pro"), 2}};
	struct random seed = random_start();
	(void)state;
	catalogs[0] = catalogs[1] = catalog;
	catalogs[1].grants = more;
	catalogs[1].grant_count = ARRAY_LEN(more);
	catalogs[1].policies.lapse_unrenewed = true;
	catalogs[1].policies.past_due_grace_s = DAY;
	for (unsigned round = 0; round < ROUNDS; round++) {
		void *fresh;
		(void)store_setup(&fresh);
		struct round r = {fresh, &seed, NOW, &catalogs[0], NOW, 0};
		memset(models, 0, sizeof models);
		for (unsigned i = 0; i < STEPS; i++) {
			step(&r, i);
			if (random_below(&seed, 5) == 0) check(&r);
		}
		check(&r);
		(void)store_teardown(&fresh);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_the_log_is_what_was_answered)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
