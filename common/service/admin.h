/* The admin port: what supervisors and Prometheus ask. Never public.
 *
 *   GET /livez    200 "ok": the process answers
 *   GET /readyz   200 or 503 with health's JSON
 *   GET /metrics  200 Prometheus text
 *
 * It has a thread of its own (net/http_server.h) and answers while the service works.
 */
#ifndef SERVICE_ADMIN_H
#define SERVICE_ADMIN_H

#include "base/error.h"
#include "service/health.h"
#include "service/metrics.h"

struct admin;

struct admin_options {
	const char *listen;      /* "127.0.0.1:8801"; port 0: any free one */
	struct health *health;   /* both outlive the admin port */
	struct metrics *metrics; /* may be NULL */
	/* Called before each /readyz and /metrics, on the port's thread, to bring facts and gauges up to date; may be
	 * NULL. */
	void (*refresh)(void *ctx);
	void *ctx;
};

NODISCARD enum error admin_start(const struct admin_options *o, struct admin **ret_a, struct problem *why);
/* The address it really has. */
const char *admin_address(const struct admin *a);
void admin_stop(struct admin **a);

#endif
