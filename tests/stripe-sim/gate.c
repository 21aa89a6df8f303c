/* What stands before the API: rates and faults, on request. */
#include "edge_private.h"
#include "service/clock.h"

/* One limit, for all routes together. */
bool gate_admit(struct edge *e, struct sim_request *r) {
	const struct misbehaviour *m = &e->misbehaviour;
	int64_t now = wall_s();
	if (now != e->second) {
		e->second = now;
		e->second_count = 0;
	}
	if (m->limit_rps > 0 && ++e->second_count > m->limit_rps) {
		refuse(r, 429, "rate_limit", NULL,
		       "Request rate limit exceeded. You can learn more about rate limits here "
		       "https://stripe.com/docs/rate-limits.");
		r->error.type = "invalid_request_error";
		r->limited = "global-rate";
		return false;
	}
	if (m->fail_api > 0 && chance(e, m->fail_api)) {
		refuse(r, 500, NULL, NULL, "An unknown error occurred");
		r->error.type = "api_error";
		return false;
	}
	return true;
}
