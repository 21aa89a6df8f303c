/* /_sim/deliveries, /_sim/flush, /_sim/deliver. */
#include <time.h>

#include "edge_private.h"

#define FLUSH_S 60

json_t *control_deliveries(struct sim_request *r) {
	const struct deliveries *d = &edge_of(r)->deliveries;
	uint64_t pending = d->queued + d->sending + d->waiting;
	return json_pack("{s:I, s:I, s:I, s:I}", "pending", (json_int_t)pending, "delivered", (json_int_t)d->delivered,
			 "failed", (json_int_t)d->failed, "dropped", (json_int_t)d->dropped);
}

/* Others may use the simulator meanwhile: the wait gives the mutex away. What they leave behind is put right. */
json_t *control_flush(struct sim_request *r) {
	struct edge *e = edge_of(r);
	struct sim *sim = r->sim;
	struct scope *scope = sim->scope;
	struct sim_clock *clock = sim->clock;
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += FLUSH_S;
	deliver_hurry(e);
	while (e->deliveries.queued + e->deliveries.sending > 0)
		if (pthread_cond_timedwait(&e->idle, &sim->mutex, &until) != 0) break;
	sim->scope = scope;
	sim->clock = clock;
	sim->request = r;
	return control_deliveries(r);
}

json_t *control_deliver(struct sim_request *r) {
	const char *id = text_of(r->params, "event"), *version = text_of(r->params, "version");
	struct record *event = id ? sim_find_any(r->sim, id) : NULL;
	enum shape shape;
	if (!event || event->kind != K_EVENT)
		return refuse(r, 404, "resource_missing", "event", "No such event: '%.80s'", id ? id : "");
	if (version && !shape_of_version(version, &shape))
		return refuse(r, 400, NULL, "version", "Invalid API version: %.80s", version);
	size_t n = deliver_again(edge_of(r), event, version, bool_of(r->params, "thin"));
	return json_pack("{s:I}", "deliveries", (json_int_t)n);
}
