/* A request to the simulator by itself: pages and expand[] use the API as everybody does. */
#ifndef STRIPE_SIM_INNER_H
#define STRIPE_SIM_INNER_H

#include "sim.h"

/* Within the request `r`, for its account and mode. `target` may have a query. A new reference, read only, or NULL:
 * there is no such thing. r->error stays as it is. */
json_t *inner_get(struct sim_request *r, const char *target);

/* form: "items[0][price]=price_1&…", encoded. The answer, a new reference; or NULL and *ret_error. */
json_t *inner_call(struct sim_request *r, const char *method, const char *path, const char *form,
		   struct sim_error *ret_error);

/* Under /_sim, which takes JSON. `body` is taken. */
json_t *inner_control(struct sim_request *r, const char *path, json_t *body, struct sim_error *ret_error);

#endif
