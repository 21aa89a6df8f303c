/* /v2/core/events: what /v1/events has, as thin events. */
#include <stdio.h>
#include <stdlib.h>

#include "edge_private.h"
#include "render.h"
#include "routes.h"

#define EVENTS_LIVE (30 * SIM_DAY)
#define THIN_PREFIX "evt_thin_"

static json_t *thin_of(struct sim *sim, const struct record *event) {
	char *text = render_thin(sim, event);
	json_t *o = text ? json_loads(text, 0, NULL) : NULL;
	free(text);
	return o;
}

static json_t *retrieve(struct sim_request *r) {
	const char *id = r->ids[0];
	char snapshot[SIM_ID_MAX + 8];
	if (strncmp(id, THIN_PREFIX, sizeof THIN_PREFIX - 1) == 0) id += sizeof THIN_PREFIX - 1;
	(void)snprintf(snapshot, sizeof snapshot, "evt_%s", id);
	const struct record *rec = want(r, K_EVENT, snapshot, "id");
	return rec ? thin_of(r->sim, rec) : NULL;
}

static bool is_about(const struct record *event, const char *object) {
	json_t *data = json_loads(event->text ? event->text : "{}", 0, NULL);
	bool yes = text_is(json_object_get(data, "object"), "id", object);
	json_decref(data);
	return yes;
}

/* Newest first; `page` is the place of the first event in its account's list, counted from the oldest. */
static json_t *list(struct sim_request *r) {
	const struct records *all = &r->sim->scope->lists[K_EVENT];
	int64_t limit = want_int(r, r->params, NULL, "limit", 20, 1, SIM_LIST_MAX);
	int64_t from = want_int(r, r->params, NULL, "page", (int64_t)all->count, 0, (int64_t)all->count);
	int64_t since = sim_now(r->sim) - EVENTS_LIVE;
	const char *object = want_text(r, r->params, NULL, "object_id");
	if (failed(r)) return NULL;
	json_t *data = json_array();
	size_t i = (size_t)from;
	for (; i > 0 && json_array_size(data) < (size_t)limit; i--) {
		const struct record *rec = all->at[i - 1];
		if (int_of(rec->json, "created") >= since && (!object || is_about(rec, object)))
			(void)json_array_append_new(data, thin_of(r->sim, rec));
	}
	char next[SIM_ID_MAX * 2 + 80] = "";
	if (i > 0)
		(void)snprintf(next, sizeof next, "/v2/core/events?page=%zu&limit=%lld%s%s", i, (long long)limit,
			       object ? "&object_id=" : "", object ? object : "");
	return json_pack("{s:o, s:s?, s:n}", "data", data, "next_page_url", next[0] ? next : NULL, "previous_page_url");
}

static const struct sim_route rows[] = {
	{"GET", "/v2/core/events", list, "limit,page,object_id,"},
	{"GET", "/v2/core/events/:a", retrieve, ""},
};
ROUTES(thin_routes, rows);
