/* The subjects of the benches: user_<SALT><n> with a customer and one subscription to `pro`. */
#ifndef BENCH_SEED_H
#define BENCH_SEED_H

#include "store/entitlements.h"

#include <inttypes.h>
#include <stdio.h>

#define SEED_PERIOD 2592000
#define SEED_NAMES 5

struct seed_names {
	char at[SEED_NAMES][64];
};

/* Views point into names. rank: created, or updated in a later second. */
static inline struct observation seed_observation(uint64_t n, const char *salt, enum sub_status status, int64_t now,
						  enum rank rank, struct seed_names *names) {
	static const char *const shapes[SEED_NAMES] = {"sub_%s%012" PRIu64, "cus_%s%012" PRIu64, "in_%s%012" PRIu64,
						       "evt_%s%012" PRIu64, "user_%s%" PRIu64};
	struct view v[SEED_NAMES];
	for (int i = 0; i < SEED_NAMES; i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		int len = snprintf(names->at[i], sizeof names->at[i], shapes[i], salt, n);
#pragma GCC diagnostic pop
		v[i] = view_of(names->at[i], (size_t)len);
	}
	struct observation o = {.kind = OBSERVE_SUBSCRIPTION,
				.scope = {.livemode = false},
				.stamp = {.created = now, .rank = rank, .event = v[3]}};
	struct subscription_observation *s = &o.of.subscription;
	s->now = (struct subscription){
		.id = v[0],
		.customer = v[1],
		.latest_invoice = v[2],
		.subject = v[4],
		.status = status,
		.created = now,
		.period_start = now,
		.period_end = now + SEED_PERIOD,
		.items = {
			.count = 1,
			.items = {{.price = VIEW("price_pro_monthly"), .product = VIEW("prod_bench"), .quantity = 1}}}};
	s->post = subscription_digest(&s->now);
	s->new_claim = rank == RANK_CREATED;
	return o;
}

/* As the worker folds: then each subject is due at some moment too. */
static const struct catalog_grant seed_grants[] = {{GRANT_PRICE, VIEW_INIT("price_pro_monthly"), 1}};
static const struct catalog seed_catalog = {.tier_count = 2,
					    .tiers = {{.name = VIEW_INIT("free")}, {.name = VIEW_INIT("pro")}},
					    .grant_count = 1,
					    .grants = seed_grants,
					    .policies = {.past_due_grace_s = 7 * 86400, .renewal_grace_s = 3 * 86400}};

#endif
