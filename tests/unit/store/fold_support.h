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
	.policies = {.past_due_grace_s = 7 * DAY, .renewal_grace_s = 3 * DAY}};

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

static inline void begin(struct store *s) {
	struct problem why = {0};
	if (fold_begin(s->e, &catalog, NOW * 1000, &s->f, &why)) fail_msg("begin: %s", problem_text(&why));
}

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

static inline const char *tier_of(struct store *s, const char *subject) {
	static char name[NAME_MAX_BYTES + 1];
	struct view bytes;
	struct subject_row row;
	struct grant g;
	struct entitlement it;
	if (look_subject(s->l, &platform, view_str(subject), &bytes)) return "unknown";
	entitlement_begin(&it, &catalog, NOW);
	entitlement_known(&it);
	assert_int_equal(subject_row_open(bytes, &row), OK);
	while (subject_row_next(&row, &g)) entitlement_add(&it, &g);
	assert_false(row.reader.failed);
	entitlement_end(&it);
	(void)snprintf(name, sizeof name, "%.*s", VIEW_FMT(catalog.tiers[it.tier].name));
	return name;
}

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
