#include "edge_private.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

#include "render.h"
#include "routes.h"

/* ---- hooks: under sim->mutex ----------------------------------------------------- */

static bool admit(void *ctx, struct sim_request *r) { return gate_admit(ctx, r); }

static bool replay(void *ctx, struct sim_request *r, unsigned *ret_status, char **ret_text) {
	struct edge *e = ctx;
	return keys_replay(e->keys, r, ret_status, ret_text);
}

static void remember(void *ctx, struct sim_request *r, unsigned status, const char *text) {
	struct edge *e = ctx;
	keys_remember(e->keys, r, status, text);
}

static json_t *render(void *ctx, struct sim_request *r, json_t *answer) {
	(void)ctx;
	enum shape shape = SHAPE_NEWEST;
	(void)shape_of_version(r->version, &shape);
	json_t *shown = render_answer(r, answer, shape);
	json_decref(answer);
	return shown;
}

static bool swallow(void *ctx, const char *type) {
	struct edge *e = ctx;
	return misbehaviour_concerns(&e->misbehaviour, type) && chance(e, e->misbehaviour.never_generate);
}

static void emitted(void *ctx, struct record *event) { deliver_event(ctx, event); }
static void due(void *ctx, const char *id) { deliver_due(ctx, id); }

static void add_given(struct edge *e) {
	for (size_t i = 0; i < e->given_count; i++) (void)endpoint_add(e, e->given[i].url, e->given[i].secret);
}

static void reset(void *ctx) {
	struct edge *e = ctx;
	add_given(e);
	keys_forget(e->keys);
	deliver_restart(e);
}

/* ---- life --------------------------------------------------------------------------- */

static bool make_idle(struct edge *e) {
	pthread_condattr_t monotonic;
	if (pthread_condattr_init(&monotonic) != 0) return false;
	(void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	bool ok = pthread_cond_init(&e->idle, &monotonic) == 0;
	(void)pthread_condattr_destroy(&monotonic);
	return ok;
}

enum error edge_create(struct sim *sim, const struct edge_options *o, struct edge **ret_e, struct problem *why) {
	const char *version = o->api_version ? o->api_version : SIM_VERSION;
	enum shape shape;
	if (!shape_of_version(version, &shape))
		return problem_set(why, ERR_CONFIG, "there is no API version %.40s", version);
	struct edge *e = calloc(1, sizeof *e);
	if (!e) return ERR_MEMORY;
	e->sim = sim;
	e->api_version = version;
	e->seed = o->seed;
	(void)curl_global_init(CURL_GLOBAL_ALL);
	if (!make_idle(e)) {
		free(e);
		return ERR_MEMORY;
	}
	e->deliveries.free = e->deliveries.first = e->deliveries.last = DELIVERIES_MAX;
	enum error failed = (e->keys = keys_create()) ? courier_create(e, &e->courier, why) : ERR_MEMORY;
	if (failed) {
		edge_destroy(&e);
		return failed;
	}
	sim->hooks = (struct sim_hooks){.ctx = e,
					.admit = admit,
					.replay = replay,
					.remember = remember,
					.render = render,
					.swallow = swallow,
					.emitted = emitted,
					.delivery_due = due,
					.reset = reset};
	*ret_e = e;
	return OK;
}

enum error edge_webhook(struct edge *e, const char *url, const char *secret, struct problem *why) {
	if (e->given_count == EDGE_WEBHOOKS_MAX)
		return problem_set(why, ERR_CONFIG, "at most %d webhooks", EDGE_WEBHOOKS_MAX);
	struct edge_given *g = &e->given[e->given_count];
	if (strlen(url) >= sizeof g->url || strlen(secret) >= sizeof g->secret)
		return problem_set(why, ERR_CONFIG, "the webhook's URL or secret is too long");
	if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
		return problem_set(why, ERR_CONFIG, "a webhook's URL begins with http:// or https://");
	(void)snprintf(g->url, sizeof g->url, "%s", url);
	(void)snprintf(g->secret, sizeof g->secret, "%s", secret);
	e->given_count++;
	pthread_mutex_lock(&e->sim->mutex);
	bool ok = endpoint_add(e, url, secret);
	pthread_mutex_unlock(&e->sim->mutex);
	return ok ? OK : ERR_MEMORY;
}

void edge_destroy(struct edge **pe) {
	struct edge *e = pe ? *pe : NULL;
	if (!e) return;
	*pe = NULL;
	courier_destroy(&e->courier);
	e->sim->hooks = (struct sim_hooks){.ctx = NULL};
	keys_destroy(&e->keys);
	deliver_finish(e);
	json_decref(e->misbehaviour.types);
	(void)pthread_cond_destroy(&e->idle);
	curl_global_cleanup();
	free(e);
}

/* ---- routes ---------------------------------------------------------------------------- */

static const struct sim_route rows[] = {
	{"POST", "/v1/webhook_endpoints", endpoint_create,
	 "url,enabled_events,description,metadata,api_version,connect,"},
	{"GET", "/v1/webhook_endpoints", endpoint_list, LIST_PARAMS},
	{"GET", "/v1/webhook_endpoints/:a", endpoint_retrieve, ""},
	{"POST", "/v1/webhook_endpoints/:a", endpoint_update, "url,enabled_events,description,metadata,disabled,"},
	{"DELETE", "/v1/webhook_endpoints/:a", endpoint_delete, ""},
	{"POST", "/_sim/webhook_endpoints/:a/roll", endpoint_roll, "secret,expire_s,"},
	{"POST", "/_sim/misbehave", misbehave, NULL},
	{"GET", "/_sim/deliveries", control_deliveries, ""},
	{"POST", "/_sim/flush", control_flush, ""},
	{"POST", "/_sim/deliver", control_deliver, "event,version,thin,"},
};
ROUTES(edge_routes, rows);
