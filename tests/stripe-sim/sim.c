#include "sim.h"

#include <stdlib.h>

#include "map.h"
#include "service/clock.h"
#include "shapes.h"

static void record_free(void *value) {
	struct record *rec = value;
	json_decref(rec->json);
	json_decref(rec->hidden);
	free(rec->text);
	free(rec);
}

static void records_free(void *value) {
	struct records *r = value;
	free(r->at);
	free(r);
}

static void forget(struct sim *sim) {
	map_each(sim->by_id, record_free);
	map_each(sim->by_field, records_free);
	map_destroy(&sim->by_id);
	map_destroy(&sim->by_field);
	for (size_t i = 0; i < sim->scope_count; i++) {
		for (unsigned k = 0; k < K_COUNT; k++) free(sim->scopes[i]->lists[k].at);
		free(sim->scopes[i]);
	}
	free(sim->scopes);
	sim->scopes = NULL;
	sim->scope_count = 0;
	for (size_t i = 0; i < sim->test_clock_count; i++) {
		free(sim->test_clocks[i]->heap);
		free(sim->test_clocks[i]);
	}
	free(sim->test_clocks);
	sim->test_clocks = NULL;
	sim->test_clock_count = 0;
	free(sim->main.heap);
	json_decref(sim->settings);
	sim->settings = NULL;
}

static bool begin(struct sim *sim) {
	sim->by_id = map_create();
	sim->by_field = map_create();
	sim->main = (struct sim_clock){.now = sim->options.now ? sim->options.now : wall_s()};
	sim->offset = sim->main.now - wall_s();
	sim->clock = &sim->main;
	sim->scope = sim_scope(sim, "", true);
	sim->turn = sim->drawn = sim->events = 0;
	sim->settings = json_pack("{s:s}", "after_retries", "cancel");
	return sim->by_id && sim->by_field && sim->scope && sim->settings;
}

void sim_reset(struct sim *sim) {
	forget(sim);
	(void)begin(sim);
	sim_jump(sim, sim->main.now);
	if (sim->hooks.reset) sim->hooks.reset(sim->hooks.ctx);
}

enum error sim_create(const struct sim_options *o, struct sim **ret_sim, struct problem *why) {
	if (strncmp(o->api_key, "sk_", 3) != 0 && strncmp(o->api_key, "rk_", 3) != 0)
		return problem_set(why, ERR_CONFIG, "the API key must begin with sk_ or rk_");
	if (o->now < 0 || o->now > SIM_CLOCK_MAX)
		return problem_set(why, ERR_CONFIG, "the clock must be in 1970 to 2100");
	struct sim *sim = calloc(1, sizeof *sim);
	if (!sim) return ERR_MEMORY;
	pthread_mutex_init(&sim->mutex, NULL);
	sim->options = *o;
	sim->livemode = strncmp(o->api_key + 3, "live_", 5) == 0;
	if (!shapes_load(sim->shapes) || !begin(sim)) {
		sim_destroy(&sim);
		return ERR_MEMORY;
	}
	sim_jump(sim, sim->main.now);
	*ret_sim = sim;
	return OK;
}

void sim_destroy(struct sim **psim) {
	struct sim *sim = psim ? *psim : NULL;
	if (!sim) return;
	*psim = NULL;
	forget(sim);
	for (unsigned k = 0; k < K_COUNT; k++) json_decref(sim->shapes[k]);
	pthread_mutex_destroy(&sim->mutex);
	free(sim);
}
