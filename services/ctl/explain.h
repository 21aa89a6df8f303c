/* The parts of `tiergate explain`. */
#ifndef CTL_EXPLAIN_H
#define CTL_EXPLAIN_H

#include "open_store.h"

struct explanation {
	struct view subject;
	struct scope scope;
	bool known;
	uint64_t quarantined; /* records that are put aside, of whomever */
	const struct catalog *catalog;
	struct look *look;
	int64_t now;
	struct entitlement entitlement;
	json_t *customers, *subscriptions, *history;
};

/* One subscription: what it gives now and why, its items, and the events behind it. */
json_t *explain_subscription(const struct explanation *x, const struct grant *g);
/* One customer: who claims it. */
json_t *explain_customer(const struct explanation *x, struct view id);

void explain_print(const json_t *o);

#endif
