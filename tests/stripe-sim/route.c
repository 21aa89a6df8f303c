#include "routes.h"

#include "base/show.h"

static const struct sim_routes *const tables[] = {
	&customer_routes,    &product_routes,       &price_routes,       &subscription_routes, &invoice_routes,
	&event_routes,       &session_routes,       &schedule_routes,    &payment_routes,      &payment_method_routes,
	&card_routes,        &refund_routes,        &dispute_routes,     &portal_routes,       &test_clock_routes,
	&entitlement_routes, &account_routes,       &inspect_routes,     &edge_routes,         &thin_routes,
	&state_routes,       &page_checkout_routes, &page_portal_routes, &page_invoice_routes,
};

/* ":a" and ":b" stand for one segment each; everything else is itself. */
static bool matches(struct sim_request *r, const char *pattern, const char *path) {
	while (*pattern && *path) {
		if (*pattern != ':') {
			if (*pattern++ != *path++) return false;
			continue;
		}
		char *id = r->ids[pattern[1] - 'a'];
		size_t n = strcspn(path, "/");
		if (n == 0 || n >= SIM_ID_MAX) return false;
		memcpy(id, path, n);
		id[n] = 0;
		pattern += 2;
		path += n;
	}
	return !*pattern && !*path;
}

static bool takes(const char *names, const char *name) {
	size_t n = strlen(name);
	for (const char *at = names, *comma; (comma = strchr(at, ',')); at = comma + 1)
		if ((size_t)(comma - at) == n && memcmp(at, name, n) == 0) return true;
	return strcmp(name, "expand") == 0;
}

static bool check_names(struct sim_request *r, const struct sim_route *route) {
	const char *key;
	json_t *value;
	if (!route->params) return true;
	json_object_foreach(r->params, key, value) {
		if (takes(route->params, key)) continue;
		(void)refuse(r, 400, "parameter_unknown", key, "Received unknown parameter: %s", show_str(key).text);
		return false;
	}
	return true;
}

json_t *sim_handle(struct sim_request *r) {
	struct sim *sim = r->sim;
	for (size_t t = 0; t < ARRAY_LEN(tables); t++) {
		for (size_t i = 0; i < tables[t]->count; i++) {
			const struct sim_route *route = &tables[t]->rows[i];
			if (strcmp(route->method, r->method) != 0 || !matches(r, route->path, r->path)) continue;
			if (!check_names(r, route)) return NULL;
			sim->request = r;
			json_t *answer = route->handle(r);
			sim->request = NULL;
			if (!failed(r)) return answer;
			json_decref(answer);
			return NULL;
		}
	}
	return refuse(r, 404, NULL, NULL, "Unrecognized request URL (%s: %s).", r->method, show_str(r->path).text);
}
