#include "billing.h"

#include <stdlib.h>

#include "routes.h"

static struct sim_clock *add_clock(struct sim *sim, const char *id, int64_t now) {
	struct sim_clock **all = reallocarray(sim->test_clocks, sim->test_clock_count + 1, sizeof(struct sim_clock *));
	struct sim_clock *c = all ? calloc(1, sizeof *c) : NULL;
	if (all) sim->test_clocks = all;
	if (!c) return NULL;
	memcpy(c->id, id, strlen(id) + 1);
	c->now = now;
	sim->test_clocks[sim->test_clock_count++] = c;
	return c;
}

static json_t *create(struct sim_request *r) {
	(void)need_text(r, r->params, NULL, "frozen_time");
	int64_t at = want_int(r, r->params, NULL, "frozen_time", 0, 1, SIM_CLOCK_MAX);
	const char *name = want_text(r, r->params, NULL, "name");
	if (failed(r)) return NULL;
	json_t *o = sim_shape(r->sim, K_TEST_CLOCK);
	set_int(o, "frozen_time", at);
	set_int(o, "deletes_after", sim_now(r->sim) + 30 * SIM_DAY);
	set_text(o, "name", name);
	if (!add_clock(r->sim, text_of(o, "id"), at)) return refuse(r, 500, NULL, NULL, "Out of memory.");
	struct record *rec = sim_add(r->sim, K_TEST_CLOCK, o);
	sim_emit(r->sim, "test_helpers.test_clock.created", rec, NULL);
	return record_show(rec);
}

/* Everything that becomes due for its customers has happened when it answers; Stripe would still be "advancing". */
static json_t *advance(struct sim_request *r) {
	struct record *rec = want(r, K_TEST_CLOCK, r->ids[0], "id");
	if (!rec) return NULL;
	struct sim_clock *clock = r->sim->clock; /* want() follows it */
	(void)need_text(r, r->params, NULL, "frozen_time");
	int64_t to = want_int(r, r->params, NULL, "frozen_time", 0, clock->now + 1, clock->now + 366 * 2 * SIM_DAY);
	if (failed(r)) return NULL;
	json_t *before = record_copy(rec);
	set_text(rec->json, "status", "advancing");
	sim_emit(r->sim, "test_helpers.test_clock.advancing", rec, attributes_before(before, rec->json));
	json_decref(before);
	(void)sim_advance(r->sim, clock, to);
	before = record_copy(rec);
	set_int(rec->json, "frozen_time", to);
	set_text(rec->json, "status", "ready");
	sim_emit(r->sim, "test_helpers.test_clock.ready", rec, attributes_before(before, rec->json));
	json_decref(before);
	return record_show(rec);
}

static json_t *retrieve(struct sim_request *r) {
	struct record *rec = want(r, K_TEST_CLOCK, r->ids[0], "id");
	return rec ? record_show(rec) : NULL;
}

/* Its customers go with it, their subscriptions are cancelled. */
static json_t *delete (struct sim_request *r) {
	struct record *rec = want(r, K_TEST_CLOCK, r->ids[0], "id");
	if (!rec) return NULL;
	const struct records *customers = &r->sim->scope->lists[K_CUSTOMER];
	for (size_t i = 0; i < customers->count; i++) {
		struct record *customer = customers->at[i];
		if (customer->deleted || !text_is(customer->json, "test_clock", record_id(rec))) continue;
		customer_subscriptions_end(r->sim, customer);
		sim_emit(r->sim, "customer.deleted", customer, NULL);
		customer->deleted = true;
	}
	sim_emit(r->sim, "test_helpers.test_clock.deleted", rec, NULL);
	rec->deleted = true;
	return record_show(rec);
}

static json_t *list(struct sim_request *r) { return list_records(r, K_TEST_CLOCK, "", NULL, NULL); }

static const struct sim_route rows[] = {
	{"POST", "/v1/test_helpers/test_clocks", create, "frozen_time,name,"},
	{"GET", "/v1/test_helpers/test_clocks", list, LIST_PARAMS},
	{"GET", "/v1/test_helpers/test_clocks/:a", retrieve, ""},
	{"POST", "/v1/test_helpers/test_clocks/:a/advance", advance, "frozen_time,"},
	{"DELETE", "/v1/test_helpers/test_clocks/:a", delete, ""},
};
ROUTES(test_clock_routes, rows);
