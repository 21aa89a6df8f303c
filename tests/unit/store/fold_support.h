/* A store of a test's own, and observations in few words. */
#ifndef TESTS_STORE_FOLD_SUPPORT_H
#define TESTS_STORE_FOLD_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "store/entitlements.h"
#include "support/random.h"
#include "support/scratch.h"

#define EPOCH 4242
#define NOW INT64_C(1700000000)
#define DAY INT64_C(86400)

struct store {
	struct scratch scratch;
	struct entitlements *e;
	struct fold *f;
	struct look *l;
};

static const struct catalog_grant catalog_grants[] = {{GRANT_PRICE, VIEW_INIT("price_inst"), 2},
						      {GRANT_PRICE, VIEW_INIT("price_pro"), 1}};
static const struct catalog catalog = {
	.tier_count = 3,
	.tiers = {{.name = VIEW_INIT("free")}, {.name = VIEW_INIT("pro")}, {.name = VIEW_INIT("institutional")}},
	.grant_count = 2,
	.grants = catalog_grants,
	.policies = {.past_due_grace_s = 7 * DAY, .renewal_grace_s = 3 * DAY, .scheduled_phases_count = true}};

static inline void open_at(struct store *s, uint64_t map_size) {
	struct problem why = {0};
	const struct entitlements_options o = {
		.dir = s->scratch.dir, .epoch = EPOCH, .no_sync = true, .map_size = map_size};
	if (entitlements_open(&o, &s->e, &why)) fail_msg("open: %s", problem_text(&why));
	if (look_begin(s->e, &s->l, &why)) fail_msg("look: %s", problem_text(&why));
}

static inline void store_close(struct store *s) {
	fold_abort(&s->f);
	look_end(&s->l);
	entitlements_close(&s->e);
}

static inline int store_setup(void **state) {
	struct store *s = calloc(1, sizeof *s);
	scratch_make(&s->scratch);
	open_at(s, 256 << 20);
	*state = s;
	return 0;
}

static inline int store_teardown(void **state) {
	struct store *s = *state;
	store_close(s);
	scratch_remove(&s->scratch);
	free(s);
	return 0;
}

static inline void begin_at(struct store *s, int64_t second) {
	struct problem why = {0};
	if (fold_begin(s->e, &catalog, second * 1000, &s->f, &why)) fail_msg("begin: %s", problem_text(&why));
}

static inline void begin(struct store *s) { begin_at(s, NOW); }

static inline void commit(struct store *s) {
	struct problem why = {0};
	if (fold_commit(&s->f, NULL, NULL, &why)) fail_msg("commit: %s", problem_text(&why));
	assert_int_equal(look_renew(s->l), OK);
}

static inline void apply(struct store *s, const struct observation *o) {
	begin(s);
	assert_int_equal(fold_observe(s->f, o), OK);
	commit(s);
}

static inline void apply_at(struct store *s, int64_t second, const struct observation *o) {
	begin_at(s, second);
	assert_int_equal(fold_observe(s->f, o), OK);
	commit(s);
}

/* ---- observations -------------------------------------------------------------- */

static inline struct observation a_sub(const char *id, const char *customer, enum sub_status status, int64_t second,
				       const char *event) {
	struct observation o = {.kind = OBSERVE_SUBSCRIPTION, .stamp = {second, RANK_UPDATED, view_str(event)}};
	struct subscription *x = &o.of.subscription.now;
	x->id = view_str(id);
	x->customer = view_str(customer);
	x->status = status;
	x->created = NOW - DAY;
	x->period_start = NOW - DAY;
	x->period_end = NOW + 29 * DAY;
	x->items.count = 1;
	x->items.items[0] = (struct item){.price = VIEW("price_pro"), .quantity = 1};
	o.of.subscription.post = subscription_digest(x);
	return o;
}

static inline struct observation a_checkout(const char *customer, const char *subject, int64_t second,
					    const char *event) {
	return (struct observation){.kind = OBSERVE_CHECKOUT,
				    .stamp = {second, RANK_UPDATED, view_str(event)},
				    .of.checkout = {.customer = view_str(customer), .subject = view_str(subject)}};
}

static inline struct observation a_customer(const char *id, const char *subject, bool deleted, int64_t second,
					    const char *event) {
	return (struct observation){
		.kind = OBSERVE_CUSTOMER,
		.stamp = {second, deleted ? RANK_DELETED : RANK_UPDATED, view_str(event)},
		.of.customer = {.id = view_str(id), .subject = view_str(subject), .deleted = deleted}};
}

static inline struct observation an_invoice(const char *id, const char *customer, enum invoice_status status,
					    int64_t second, const char *event) {
	return (struct observation){
		.kind = OBSERVE_INVOICE,
		.stamp = {second, RANK_UPDATED, view_str(event)},
		.of.invoice = {.id = view_str(id), .customer = view_str(customer), .status = status}};
}

/* A schedule of sub_1 whose second phase sells `price` from `start` on. */
static inline struct observation a_schedule(const char *id, const char *customer, const char *price, int64_t start,
					    int64_t second, const char *event) {
	struct observation o = {.kind = OBSERVE_SCHEDULE, .stamp = {second, RANK_UPDATED, view_str(event)}};
	struct schedule *x = &o.of.schedule;
	x->id = view_str(id);
	x->customer = view_str(customer);
	x->status = SCHEDULE_ACTIVE;
	x->phase_count = 2;
	x->phases[0] =
		(struct schedule_phase){.start = start - 30 * DAY,
					.end = start,
					.items = {.count = 1, .items = {{.price = VIEW("price_pro"), .quantity = 1}}}};
	x->phases[1] =
		(struct schedule_phase){.start = start,
					.end = start + 30 * DAY,
					.items = {.count = 1, .items = {{.price = view_str(price), .quantity = 1}}}};
	return o;
}

/* A payment of 1000, one refund or dispute of which is in that state; REVERSAL_NONE: nothing went back. */
static inline struct observation a_payment(const char *id, const char *invoice, enum reversal_state state,
					   int64_t second, const char *event) {
	struct observation o = {.kind = OBSERVE_PAYMENT,
				.stamp = {second, RANK_UPDATED, view_str(event)},
				.of.payment = {.id = view_str(id), .invoice = view_str(invoice), .amount = 1000}};
	struct payment_observation *p = &o.of.payment;
	if (state != REVERSAL_NONE) {
		p->reversal_count = 1;
		p->reversals[0] = (struct reversal){
			.id = reversal_is_refund(state) ? VIEW("re_1") : VIEW("dp_1"), .state = state, .amount = 1000};
	}
	return o;
}

static inline struct observation a_gift(const char *id, const char *subject, const char *tier, int64_t until,
					int64_t second, const char *event) {
	return (struct observation){.kind = OBSERVE_OVERRIDE,
				    .stamp = {second, RANK_UPDATED, view_str(event)},
				    .of.override = {.id = view_str(id),
						    .subject = view_str(subject),
						    .tier = view_str(tier),
						    .until = until,
						    .why = VIEW("a test"),
						    .by = VIEW("tester")}};
}

static inline struct observation a_revocation(const char *id, const char *subject, int64_t second, const char *event) {
	return (struct observation){
		.kind = OBSERVE_OVERRIDE,
		.stamp = {second, RANK_UPDATED, view_str(event)},
		.of.override = {
			.id = view_str(id), .subject = view_str(subject), .revoked = true, .why = VIEW("over")}};
}

/* The same as an answer of the API to that question. */
static inline struct observation as_answer(struct observation o, enum fetch_kind kind, const char *id) {
	o.is_answer = true;
	o.answered = (struct fetch){kind, view_str(id)};
	return o;
}

static inline struct observation an_answer(enum fetch_kind kind, const char *id, int64_t second) {
	const struct observation nothing = {.kind = OBSERVE_NOTHING, .stamp = {second, RANK_UPDATED, VIEW("snap_1")}};
	return as_answer(nothing, kind, id);
}

/* ---- what the store says ---------------------------------------------------------- */

static const struct scope platform = {0};

/* The number of subscriptions in the subject's row; -1 when it is unknown. */
static inline int grants_of(struct store *s, const char *subject) {
	struct view bytes;
	struct subject_row row;
	enum error e = look_subject(s->l, &platform, view_str(subject), &bytes);
	if (e == ERR_NOT_FOUND) return -1;
	assert_int_equal(e, OK);
	assert_int_equal(subject_row_open(bytes, &row), OK);
	return (int)row.left;
}

static inline struct entitlement entitlement_of(struct store *s, const char *subject, int64_t now) {
	struct view row = VIEW_NONE;
	struct entitlement it;
	enum error e = look_subject(s->l, &platform, view_str(subject), &row);
	assert_true(e == OK || e == ERR_NOT_FOUND);
	assert_int_equal(subject_row_entitlement(row, &catalog, now, &it), OK);
	return it;
}

static inline const char *tier_at(struct store *s, const char *subject, int64_t now) {
	static char name[NAME_MAX_BYTES + 1];
	struct entitlement it = entitlement_of(s, subject, now);
	if (it.reason == REASON_UNKNOWN_SUBJECT) return "unknown";
	(void)snprintf(name, sizeof name, "%.*s", VIEW_FMT(catalog.tiers[it.tier].name));
	return name;
}

static inline const char *tier_of(struct store *s, const char *subject) { return tier_at(s, subject, NOW); }

struct counted {
	const char *name;
	uint64_t n;
};

static inline void find_counter(void *ctx, struct view name, uint64_t n) {
	struct counted *c = ctx;
	if (view_eq(name, view_str(c->name))) c->n = n;
}

static inline uint64_t counter(struct store *s, const char *name) {
	struct counted c = {name, 0};
	assert_int_equal(look_counters(s->l, find_counter, &c), OK);
	return c.n;
}

static inline uint64_t cursor(struct store *s, uint64_t origin) {
	uint64_t seq = 99;
	assert_int_equal(look_cursor(s->l, origin, &seq), OK);
	return seq;
}

struct digest {
	uint8_t bytes[STATE_DIGEST_SIZE];
};

static inline struct digest digest_of(struct store *s) {
	struct digest d;
	assert_int_equal(look_renew(s->l), OK);
	assert_int_equal(look_digest(s->l, d.bytes), OK);
	return d;
}

static inline bool digest_same(struct digest a, struct digest b) { return memcmp(&a, &b, sizeof a) == 0; }

#endif
