/* Prices: what an item costs and how often. */
#ifndef STRIPE_SIM_PRICE_H
#define STRIPE_SIM_PRICE_H

#include "sim.h"

/* From `params` (a request's, or a price_data); product NULL: named in them. NULL and r->error. */
struct record *price_create(struct sim_request *r, const json_t *params, const char *at, const char *product);
/* An active recurring price of the current account by its id; NULL and r->error naming `param`. */
struct record *price_recurring(struct sim_request *r, const char *id, const char *param);
/* The plan that an item still shows beside its price. New reference. */
json_t *price_plan(const struct record *price);

#endif
