/* An entitlement store with many subjects, each with a customer and one active subscription, as the fold makes it.
 *
 *   bench_store_seed DIR SUBJECTS SALT
 *
 * Subjects are user_<SALT><n>, as in event_body.h. With a catalog, as the worker folds: then each subject is due at
 * some moment too. Not synced: it is for reading. Prints one JSON object. */
#include "samples.h"
#include "store/entitlements.h"
#include <inttypes.h>
#include <stdio.h>

#define BATCH 4096
#define PERIOD 2592000

static const struct catalog_grant grants[] = {{GRANT_PRICE, VIEW_INIT("price_pro_monthly"), 1}};
static const struct catalog catalog = {.tier_count = 2,
				       .tiers = {{.name = VIEW_INIT("free")}, {.name = VIEW_INIT("pro")}},
				       .grant_count = 1,
				       .grants = grants,
				       .policies = {.past_due_grace_s = 7 * 86400, .renewal_grace_s = 3 * 86400}};

static struct observation observation(uint64_t n, const char *salt, int64_t now, char names[6][64]) {
	static const char *const shapes[] = {"sub_%s%012" PRIu64, "cus_%s%012" PRIu64, "in_%s%012" PRIu64,
					     "evt_%s%012" PRIu64, "user_%s%" PRIu64};
	struct view v[5];
	for (int i = 0; i < 5; i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		int len = snprintf(names[i], 64, shapes[i], salt, n);
#pragma GCC diagnostic pop
		v[i] = view_of(names[i], (size_t)len);
	}
	struct observation o = {.kind = OBSERVE_SUBSCRIPTION,
				.scope = {.livemode = false},
				.stamp = {.created = now, .rank = RANK_CREATED, .event = v[3]}};
	struct subscription_observation *s = &o.of.subscription;
	s->now = (struct subscription){
		.id = v[0],
		.customer = v[1],
		.latest_invoice = v[2],
		.subject = v[4],
		.status = SUB_ACTIVE,
		.created = now,
		.period_start = now,
		.period_end = now + PERIOD,
		.items = {
			.count = 1,
			.items = {{.price = VIEW("price_pro_monthly"), .product = VIEW("prod_bench"), .quantity = 1}}}};
	s->post = subscription_digest(&s->now);
	s->new_claim = true;
	return o;
}

int main(int argc, char **argv) {
	if (argc != 4) {
		fprintf(stderr, "usage: %s DIR SUBJECTS SALT\n", argv[0]);
		return 64;
	}
	const struct entitlements_options options = {.dir = argv[1], .epoch = 1, .no_sync = true};
	struct entitlements *e = NULL;
	struct problem why = {0};
	uint64_t count = strtoull(argv[2], NULL, 10);
	int64_t now = (int64_t)time(NULL), start = now_ns();

	enum error rc = entitlements_open(&options, &e, &why);
	for (uint64_t n = 0; rc == OK && n < count;) {
		struct fold *f = NULL;
		rc = fold_begin(e, &catalog, now * 1000, &f, &why);
		for (unsigned i = 0; rc == OK && i < BATCH && n < count; i++, n++) {
			char names[6][64];
			const struct observation o = observation(n, argv[3], now, names);
			rc = fold_observe(f, &o);
		}
		if (rc == OK) rc = fold_complete(f);
		enum error committed = f ? fold_commit(&f, NULL, NULL, &why) : rc;
		if (rc == OK) rc = committed;
	}
	double us = (double)(now_ns() - start) / 1e3 / (double)count;
	struct look *l = NULL;
	struct entitlements_stat stat = {0};
	if (rc == OK) rc = look_begin(e, &l, &why);
	if (rc == OK) rc = look_stat(l, &stat);
	look_end(&l);
	entitlements_close(&e);
	if (rc != OK) {
		fprintf(stderr, "%s\n", problem_text(&why));
		return 1;
	}
	printf("{\"subjects\": %" PRIu64 ", \"bytes\": %" PRIu64
	       ", \"bytes_per_subject\": %.0f, \"us_per_observation\": %.1f}\n",
	       stat.subjects, stat.usage.used, (double)stat.usage.used / (double)stat.subjects, us);
	return 0;
}
