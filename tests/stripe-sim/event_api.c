#include "routes.h"

#define TYPES_MAX 20
#define EVENTS_LIVE (30 * SIM_DAY)

struct wanted {
	struct sim *sim;
	const json_t *types; /* or NULL */
	const char *type;    /* or NULL */
	const char *success; /* "true", "false" or NULL */
};

/* "customer.subscription.*" stands for what begins so. */
static bool is_type(const char *pattern, const char *type) {
	size_t n = strlen(pattern);
	if (n && pattern[n - 1] == '*') return strncmp(pattern, type, n - 1) == 0;
	return strcmp(pattern, type) == 0;
}

static bool is_wanted(void *ctx, const struct record *event) {
	const struct wanted *w = ctx;
	const char *type = text_of(event->json, "type");
	if (int_of(event->json, "created") < w->sim->main.now - EVENTS_LIVE) return false;
	if (w->type && !is_type(w->type, type)) return false;
	bool waits = int_of(event->json, "pending_webhooks") > 0;
	if (w->success && waits == (strcmp(w->success, "true") == 0)) return false;
	for (size_t i = 0; i < json_array_size(w->types); i++)
		if (is_type(json_string_value(json_array_get(w->types, i)), type)) return true;
	return !w->types;
}

static json_t *list(struct sim_request *r) {
	struct wanted w = {.sim = r->sim,
			   .types = want_list(r, r->params, NULL, "types"),
			   .type = want_text(r, r->params, NULL, "type"),
			   .success = want_choice(r, r->params, NULL, "delivery_success", "true|false", NULL)};
	if (json_array_size(w.types) > TYPES_MAX)
		(void)refuse(r, 400, NULL, "types", "You can only specify up to %d types.", TYPES_MAX);
	if (w.types && w.type)
		(void)refuse(r, 400, NULL, "types", "You may only specify one of these parameters: type, types.");
	for (size_t i = 0; i < json_array_size(w.types); i++)
		if (!json_is_string(json_array_get(w.types, i))) (void)refuse(r, 400, NULL, "types", "Invalid array");
	return failed(r) ? NULL : list_records(r, K_EVENT, "", is_wanted, &w);
}

static json_t *retrieve(struct sim_request *r) {
	struct record *event = want(r, K_EVENT, r->ids[0], "id");
	return event ? record_show(event) : NULL;
}

static const struct sim_route rows[] = {
	{"GET", "/v1/events", list, LIST_PARAMS "delivery_success,type,types,"},
	{"GET", "/v1/events/:a", retrieve, ""},
};
ROUTES(event_routes, rows);
