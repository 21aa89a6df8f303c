#include <stdio.h>

#include "inner.h"
#include "render.h"

/* Lists that Stripe includes on request, and where the API lists them. */
static const struct {
	const char *object, *list, *path; /* path: with %s for the id */
} lists[] = {
	{"checkout.session", "line_items", "/v1/checkout/sessions/%s/line_items"},
	{"invoice", "payments", "/v1/invoice_payments?invoice=%s"},
	{"charge", "refunds", "/v1/refunds?charge=%s"},
	{"customer", "subscriptions", "/v1/subscriptions?customer=%s"},
};

static bool wrong(struct sim_request *r, const char *path) {
	refuse(r, 400, NULL, "expand", "This property cannot be expanded (%.120s).", path);
	return false;
}

static json_t *include(struct sim_request *r, const json_t *object, const char *key, enum shape shape) {
	const char *kind = text_of(object, "object"), *id = text_of(object, "id");
	for (size_t i = 0; kind && id && i < ARRAY_LEN(lists); i++) {
		if (strcmp(lists[i].object, kind) != 0 || strcmp(lists[i].list, key) != 0) continue;
		const char *at = lists[i].path, *hole = strstr(at, "%s");
		char path[SIM_ID_MAX + 64];
		(void)snprintf(path, sizeof path, "%.*s%s%s", (int)(hole - at), at, id, hole + 2);
		json_t *list = inner_get(r, path);
		json_t *shown = list ? render_object(r->sim, list, shape) : NULL;
		json_t *own = json_deep_copy(shown);
		json_decref(shown);
		json_decref(list);
		return own;
	}
	return NULL;
}

/* The object that an id names, rendered and nobody else's; NULL: there is none. */
static json_t *named(struct sim_request *r, const char *id, enum shape shape) {
	const struct record *rec = sim_find_any(r->sim, id);
	if (!rec || rec->scope != r->sim->scope) return NULL;
	json_t *object = record_show(rec), *shown = render_object(r->sim, object, shape), *own = json_deep_copy(shown);
	json_decref(shown);
	json_decref(object);
	return own;
}

struct walk {
	struct sim_request *r;
	enum shape shape;
	const char *path; /* the whole one */
};

static bool step_all(const struct walk *w, json_t *list, const char *rest);

/* The value under `key` of an object, expanded when it is an id; borrowed. NULL: w->r->error, or null stands there. */
static json_t *expanded(const struct walk *w, json_t *o, const char *key) {
	json_t *value = json_object_get(o, key);
	if (json_is_string(value)) {
		json_t *object = named(w->r, json_string_value(value), w->shape);
		if (!object) {
			(void)wrong(w->r, w->path);
			return NULL;
		}
		(void)json_object_set_new(o, key, object);
		return object;
	}
	if (value) return json_is_null(value) ? NULL : value;
	json_t *list = include(w->r, o, key, w->shape);
	if (!list) {
		(void)wrong(w->r, w->path);
		return NULL;
	}
	(void)json_object_set_new(o, key, list);
	return list;
}

static bool step(const struct walk *w, json_t *o, const char *rest) {
	size_t n = strcspn(rest, ".");
	char key[80];
	if (n == 0 || n >= sizeof key || !json_is_object(o)) return wrong(w->r, w->path);
	(void)snprintf(key, sizeof key, "%.*s", (int)n, rest);
	json_t *value = expanded(w, o, key);
	if (failed(w->r)) return false;
	const char *next = rest[n] ? rest + n + 1 : NULL;
	if (json_is_array(value)) return step_all(w, value, next);
	if (!value || !next) return true;
	return step(w, value, next);
}

/* Every element: ids are replaced, objects are entered. */
static bool step_all(const struct walk *w, json_t *list, const char *rest) {
	for (size_t i = 0; i < json_array_size(list); i++) {
		json_t *element = json_array_get(list, i);
		if (json_is_string(element)) {
			json_t *object = named(w->r, json_string_value(element), w->shape);
			if (!object) return wrong(w->r, w->path);
			(void)json_array_set_new(list, i, object);
			element = object;
		}
		if (rest && !step(w, element, rest)) return false;
	}
	return true;
}

/* "data" is no level of its own, neither a list's at the top nor an embedded one's. */
static int depth_of(const char *path) {
	int depth = 1;
	for (const char *p = path; *p; p++) depth += *p == '.';
	for (const char *p = path; (p = strstr(p, "data.")) != NULL; p++) depth -= p == path || p[-1] == '.';
	return depth;
}

bool expand_path(struct sim_request *r, json_t *answer, const char *path, enum shape shape) {
	if (depth_of(path) <= RENDER_EXPAND_DEPTH) return step(&(struct walk){r, shape, path}, answer, path);
	refuse(r, 400, NULL, "expand", "You cannot expand more than %d levels of a property. (%.120s)",
	       RENDER_EXPAND_DEPTH, path);
	return false;
}
