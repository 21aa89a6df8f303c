#include "routes.h"

/* /_sim/…: what only the simulator has. JSON in and out, no key. */

static json_t *all_of(struct sim *sim, enum kind kind) {
	json_t *data = json_array();
	for (size_t s = 0; s < sim->scope_count; s++) {
		const struct records *list = &sim->scopes[s]->lists[kind];
		for (size_t i = 0; i < list->count; i++) {
			json_t *shown = record_show(list->at[i]);
			if (sim->scopes[s]->account[0]) {
				json_t *copy = json_copy(shown);
				json_decref(shown);
				shown = copy;
				set_text(shown, "account", sim->scopes[s]->account);
			}
			(void)json_array_append_new(data, shown);
		}
	}
	return data;
}

static json_t *tables(struct sim_request *r) {
	const char *name = want_text(r, r->params, NULL, "kind");
	enum kind kind = kind_named(name);
	if (name && kind == K_COUNT) return refuse(r, 400, NULL, "kind", "There is no such kind.");
	if (name) return json_pack("{s:o}", "data", all_of(r->sim, kind));
	json_t *all = json_object();
	for (unsigned k = 0; k < K_COUNT; k++)
		(void)json_object_set_new(all, kind_name((enum kind)k), all_of(r->sim, (enum kind)k));
	return all;
}

static json_t *clock_show(struct sim_request *r) {
	return json_pack("{s:I, s:b}", "now", (json_int_t)r->sim->main.now, "frozen", r->sim->options.frozen);
}

static json_t *clock_move(struct sim_request *r) {
	struct sim *sim = r->sim;
	int64_t now = sim->main.now;
	int64_t by = want_int(r, r->params, NULL, "advance", 0, 0, SIM_CLOCK_MAX);
	int64_t to = want_int(r, r->params, NULL, "to", now + by, now, SIM_CLOCK_MAX);
	int64_t set = want_int(r, r->params, NULL, "set", -1, 0, SIM_CLOCK_MAX);
	bool frozen = want_bool(r, r->params, NULL, "frozen", sim->options.frozen);
	if (failed(r)) return NULL;
	if (to > SIM_CLOCK_MAX) return refuse(r, 400, NULL, "advance", "The clock ends in 2100.");
	uint64_t events = 0;
	sim->options.frozen = frozen;
	if (set >= 0)
		sim_jump(sim, set);
	else
		events = sim_move(sim, to);
	return json_pack("{s:I, s:I}", "now", (json_int_t)sim->main.now, "events", (json_int_t)events);
}

static json_t *reset(struct sim_request *r) {
	sim_reset(r->sim);
	return json_pack("{s:I}", "now", (json_int_t)r->sim->main.now);
}

static json_t *settings(struct sim_request *r) {
	const char *after = want_choice(r, r->params, NULL, "after_retries", "cancel|unpaid|past_due", NULL);
	if (failed(r)) return NULL;
	if (after) set_text(r->sim->settings, "after_retries", after);
	return json_incref(r->sim->settings);
}

static const struct sim_route rows[] = {
	{"GET", "/_sim/tables", tables, "kind,"},
	{"GET", "/_sim/clock", clock_show, ""},
	{"POST", "/_sim/clock", clock_move, "advance,to,set,frozen,"},
	{"POST", "/_sim/reset", reset, ""},
	{"POST", "/_sim/settings", settings, "after_retries,"},
};
ROUTES(inspect_routes, rows);
