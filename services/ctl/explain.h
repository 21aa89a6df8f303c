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
	int64_t at;   /* the moment that is explained: now, or one to come */
	bool past;    /* or one that is over: what was answered then, from the log of changes */
	uint64_t ver; /* of the store, or of the change that was answered from */
	struct entitlement entitlement;
	json_t *customers, *subscriptions, *overrides, *wants, *history;
};

/* What was answered then. The rest of the explanation has to be of the subject as it is now, and is left out. */
NODISCARD enum error explain_past(struct explanation *x, json_t *o, struct problem *why);

/* One subscription: what it gives now and why, its items, and the events behind it. */
json_t *explain_subscription(const struct explanation *x, const struct grant *g);
/* One customer: who claims it. */
json_t *explain_customer(const struct explanation *x, struct view id);

/* What waits to be fetched of the subject's customers and subscriptions. Into x->wants. */
NODISCARD enum error explain_wants(struct explanation *x);
/* One change of the log. */
json_t *explain_change(const struct change *c);

void explain_print(const json_t *o);

#endif
