/* A store of a few rows in memory behind store/entitlements.h, so that the service's logic is tested without LMDB and
 * with failures at will. Included by one file of each test program. */
#ifndef TESTS_FAKE_STORE_H
#define TESTS_FAKE_STORE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proto/state.h"
#include "service/catalog_file.h"
#include "store/entitlements.h"

#define FAKE_EPOCH UINT64_C(0x00c0ffee00c0ffee)
#define FAKE_ROWS 8
#define FAKE_CHANGES 6000

struct entitlements {
	int unused;
};
struct look {
	bool pinned;
};

static struct {
	uint64_t epoch, ver, snapshot;
	bool incomplete;
	enum error open_fails, renew_fails, read_fails;
	unsigned opens, closes, looks;
	struct {
		bool livemode;
		char account[ACCOUNT_MAX + 1];
		char subject[SUBJECT_MAX + 1];
		uint8_t bytes[4096];
		size_t len;
	} rows[FAKE_ROWS];
	unsigned row_count;
	struct change changes[FAKE_CHANGES]; /* ver = index + 1 */
	size_t change_count;
	int64_t log_from_ms; /* moments before are not known */
} fake;

static struct entitlements fake_store;
static struct look fake_look;

static inline void fake_reset(void) {
	memset(&fake, 0, sizeof fake);
	fake.epoch = FAKE_EPOCH;
}

enum error entitlements_open(const struct entitlements_options *o, struct entitlements **ret_e, struct problem *why) {
	assert_true(o->read_only);
	if (fake.open_fails) return problem_set(why, fake.open_fails, "told to fail");
	fake.opens++;
	*ret_e = &fake_store;
	return OK;
}

void entitlements_close(struct entitlements **e) {
	if (*e) fake.closes++;
	*e = NULL;
}

uint64_t entitlements_epoch(const struct entitlements *e) {
	assert_ptr_equal(e, &fake_store);
	return fake.epoch;
}

uint64_t look_epoch(struct look *l) {
	assert_true(l->pinned);
	return fake.epoch;
}

enum error look_begin(struct entitlements *e, struct look **ret_l, struct problem *why) {
	(void)e;
	(void)why;
	fake.looks++;
	fake_look.pinned = true;
	*ret_l = &fake_look;
	return OK;
}

enum error look_renew(struct look *l) {
	if (fake.renew_fails) return fake.renew_fails;
	l->pinned = true;
	return OK;
}

void look_rest(struct look *l) { l->pinned = false; }

void look_end(struct look **l) {
	if (*l) fake.looks--;
	*l = NULL;
}

bool look_complete(struct look *l) {
	assert_true(l->pinned);
	return !fake.incomplete;
}

uint64_t look_snapshot(const struct look *l) {
	assert_true(l->pinned);
	return fake.snapshot;
}

uint64_t look_version(const struct look *l) {
	assert_true(l->pinned);
	return fake.ver;
}

enum error look_subject(struct look *l, const struct scope *scope, struct view subject, struct view *ret_row) {
	assert_true(l->pinned);
	if (fake.read_fails) return fake.read_fails;
	for (unsigned i = 0; i < fake.row_count; i++) {
		if (fake.rows[i].livemode != scope->livemode ||
		    !view_eq(view_str(fake.rows[i].account), scope->account) ||
		    !view_eq(view_str(fake.rows[i].subject), subject))
			continue;
		*ret_row = view_of(fake.rows[i].bytes, fake.rows[i].len);
		return OK;
	}
	return ERR_NOT_FOUND;
}

enum error look_own_row(struct look *l, const struct scope *scope, struct view subject, struct view *ret_row) {
	return look_subject(l, scope, subject, ret_row);
}

/* In the order in which they were added. */
enum error look_subjects_after(struct look *l, const struct scope *scope, struct view after,
			       bool (*each)(void *ctx, struct view subject, struct view row), void *ctx) {
	assert_true(l->pinned);
	if (fake.read_fails) return fake.read_fails;
	bool begun = after.len == 0;
	for (unsigned i = 0; i < fake.row_count; i++) {
		if (fake.rows[i].livemode != scope->livemode ||
		    !view_eq(view_str(fake.rows[i].account), scope->account))
			continue;
		if (begun && !each(ctx, view_str(fake.rows[i].subject), view_of(fake.rows[i].bytes, fake.rows[i].len)))
			break;
		begun = begun || view_eq(view_str(fake.rows[i].subject), after);
	}
	return OK;
}

enum error look_bound_customers(struct look *l, const struct scope *scope, struct view subject,
				struct bound_customer *into, unsigned max, unsigned *ret_count) {
	(void)scope;
	assert_true(l->pinned);
	if (fake.read_fails) return fake.read_fails;
	*ret_count = view_eq(subject, VIEW("u")) && max >= 2 ? 2 : 0;
	for (unsigned i = 0; i < *ret_count; i++)
		into[i] = (struct bound_customer){i ? VIEW("cus_1") : VIEW("cus_2"), 9 - i};
	return OK;
}

enum error look_changes(struct look *l, uint64_t after, size_t max, bool (*each)(void *ctx, const struct change *c),
			void *ctx) {
	assert_true(l->pinned);
	if (fake.read_fails) return fake.read_fails;
	for (uint64_t v = after; v < fake.change_count && max > 0; v++, max--)
		if (!each(ctx, &fake.changes[v])) break;
	return OK;
}

enum error look_answer_at(struct look *l, const struct scope *scope, struct view subject, int64_t at_ms,
			  struct change *ret_c, int64_t *ret_from_ms) {
	assert_true(l->pinned);
	if (fake.read_fails) return fake.read_fails;
	*ret_from_ms = fake.log_from_ms;
	if (at_ms < fake.log_from_ms) return ERR_LIMIT;
	for (size_t i = fake.change_count; i-- > 0;) {
		const struct change *c = &fake.changes[i];
		if (c->at_ms > at_ms || !view_eq(c->subject, subject) || c->scope.livemode != scope->livemode) continue;
		*ret_c = *c;
		return OK;
	}
	return ERR_NOT_FOUND;
}

/* Its worker is never away. */
enum error look_answer_unlogged(struct look *l, const struct scope *scope, struct view subject,
				const struct catalog *catalog, int64_t at, struct change *c) {
	(void)scope, (void)subject, (void)catalog, (void)at, (void)c;
	assert_true(l->pinned);
	return fake.read_fails;
}

/* A row with one subscription of one item, or with none when status is SUB_NONE. */
static inline void fake_add(bool livemode, const char *account, const char *subject, const struct grant *g) {
	assert_true(fake.row_count < FAKE_ROWS);
	fake.rows[fake.row_count].livemode = livemode;
	(void)snprintf(fake.rows[fake.row_count].account, ACCOUNT_MAX + 1, "%s", account);
	(void)snprintf(fake.rows[fake.row_count].subject, SUBJECT_MAX + 1, "%s", subject);
	struct writer w = writer_of(fake.rows[fake.row_count].bytes, sizeof fake.rows[0].bytes);
	subject_row_begin(&w, ++fake.ver, g ? 1 : 0);
	if (g) subject_row_grant(&w, g);
	subject_row_overrides(&w, 0);
	assert_false(w.failed);
	fake.rows[fake.row_count++].len = writer_view(&w).len;
}

static inline struct grant fake_grant(enum sub_status status, const char *price) {
	return (struct grant){.subscription = VIEW("sub_1"),
			      .event = VIEW("evt_1"),
			      .status = status,
			      .created = 100,
			      .seen = 100,
			      .period_start = 100,
			      .period_end = 100000,
			      .items = {.count = 1, .items = {{.price = view_str(price), .quantity = 3}}}};
}

static inline void fake_change(bool livemode, const char *subject) {
	assert_true(fake.change_count < FAKE_CHANGES);
	fake.changes[fake.change_count++] = (struct change){.ver = ++fake.ver,
							    .at_ms = 5000,
							    .scope = {.livemode = livemode},
							    .subject = view_str(subject),
							    .event = VIEW("evt_9"),
							    .before = VIEW("free"),
							    .after = VIEW("pro"),
							    .reason = REASON_ACTIVE,
							    .status = SUB_ACTIVE};
	assert_int_equal(fake.ver, fake.change_count);
}

/* What was answered from that moment on. */
static inline void fake_answer(const char *subject, int64_t at_ms, const char *tier, enum reason reason) {
	fake_change(true, subject);
	struct change *c = &fake.changes[fake.change_count - 1];
	c->at_ms = at_ms;
	c->after = view_str(tier);
	c->reason = reason;
	c->known = true;
	c->seats = 4;
}

static inline struct catalog_file *fake_catalog(void) {
	static const char text[] = "version: 1\n"
				   "tiers:\n"
				   "  - name: free\n"
				   "    features: [basic]\n"
				   "  - name: pro\n"
				   "    features: [trading]\n"
				   "    stripe: {prices: [price_pro]}\n"
				   "  - name: inst\n"
				   "    features: [fix]\n"
				   "    stripe: {prices: [price_inst]}\n";
	struct catalog_file *f = NULL;
	struct problem why = {0};
	if (catalog_file_parse("test", view_of(text, sizeof text - 1), &f, &why)) fail_msg("%s", why.text);
	return f;
}

#endif
