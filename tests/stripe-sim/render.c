#include "render.h"

#include <stdio.h>
#include <stdlib.h>

/* Lists that are there only when they are asked for. */
static const struct {
	const char *object, *list;
} on_request[] = {
	{"checkout.session", "line_items"},
	{"invoice", "payments"},
	{"charge", "refunds"},
	{"customer", "subscriptions"},
	{"customer", "sources"},
	{"customer", "tax_ids"},
	{"subscription_schedule", "subscriptions"},
};
static const struct { const char *object, *list; } embedded[] = {{"subscription", "items"}, {"invoice", "lines"}};

static bool is_long(const json_t *list) { return json_array_size(json_object_get(list, "data")) > RENDER_LIST_MAX; }

static bool needs_change(const json_t *o, const char *kind) {
	for (size_t i = 0; i < ARRAY_LEN(embedded); i++)
		if (strcmp(kind, embedded[i].object) == 0 && is_long(json_object_get(o, embedded[i].list))) return true;
	for (size_t i = 0; i < ARRAY_LEN(on_request); i++)
		if (strcmp(kind, on_request[i].object) == 0 && json_object_get(o, on_request[i].list)) return true;
	return false;
}

static void cut(json_t *list) {
	json_t *data = json_object_get(list, "data");
	if (!is_long(list)) return;
	while (json_array_size(data) > RENDER_LIST_MAX) (void)json_array_remove(data, json_array_size(data) - 1);
	set_bool(list, "has_more", true);
}

static void reshape(struct sim *sim, json_t *o, const char *kind, enum shape shape) {
	for (size_t i = 0; i < ARRAY_LEN(on_request); i++)
		if (strcmp(kind, on_request[i].object) == 0) (void)json_object_del(o, on_request[i].list);
	if (shape == SHAPE_CLASSIC) classic_object(sim, o);
	for (size_t i = 0; i < ARRAY_LEN(embedded); i++)
		if (strcmp(kind, embedded[i].object) == 0) cut(json_object_get(o, embedded[i].list));
}

/* A copy whose list holds rendered elements. */
static json_t *render_list(struct sim *sim, json_t *list, enum shape shape) {
	json_t *copy = json_copy(list), *data = json_array(), *element;
	size_t i;
	json_array_foreach(json_object_get(list, "data"), i, element) {
		(void)json_array_append_new(data, render_object(sim, element, shape));
	}
	if (!copy || json_object_set_new(copy, "data", data) != 0) {
		json_decref(copy);
		return NULL;
	}
	return copy;
}

/* Its own version decides, as with Stripe. */
static json_t *render_snapshot(struct sim *sim, json_t *event, enum shape shape) {
	const char *version = text_of(event, "api_version");
	if (version) (void)shape_of_version(version, &shape);
	json_t *copy = json_copy(event), *data = json_copy(json_object_get(event, "data"));
	json_t *object = render_object(sim, json_object_get(data, "object"), shape);
	json_t *previous = json_object_get(data, "previous_attributes");
	if (previous && shape == SHAPE_CLASSIC) {
		json_t *old = json_deep_copy(previous);
		classic_previous(object, old);
		(void)json_object_set_new(data, "previous_attributes", old);
	}
	(void)json_object_set_new(data, "object", object);
	(void)json_object_set_new(copy, "data", data);
	return copy;
}

json_t *render_object(struct sim *sim, json_t *object, enum shape shape) {
	const char *kind = text_of(object, "object");
	if (!kind || bool_of(object, "deleted")) return json_incref(object);
	if (strcmp(kind, "list") == 0 || strcmp(kind, "search_result") == 0) return render_list(sim, object, shape);
	if (strcmp(kind, "event") == 0) return render_snapshot(sim, object, shape);
	if (shape == SHAPE_NEWEST && !needs_change(object, kind)) return json_incref(object);
	json_t *copy = json_deep_copy(object);
	if (copy) reshape(sim, copy, kind, shape);
	return copy;
}

json_t *render_answer(struct sim_request *r, json_t *answer, enum shape shape) {
	const json_t *expand = want_list(r, r->params, NULL, "expand");
	if (failed(r)) return NULL;
	json_t *shown = render_object(r->sim, answer, shape), *own, *path;
	if (json_array_size(expand) == 0) return shown;
	own = json_deep_copy(shown); /* it may share with the tables, and is changed now */
	json_decref(shown);
	size_t i;
	json_array_foreach(expand, i, path) {
		const char *text = json_string_value(path);
		bool ok = text && own && expand_path(r, own, text, shape);
		if (ok) continue;
		if (!failed(r)) refuse(r, 400, NULL, "expand", "Invalid expand: it takes a list of property names.");
		json_decref(own);
		return NULL;
	}
	return own;
}

/* ---- webhooks ------------------------------------------------------------------- */

/* A list that is too long makes a text that is longer than this, so that most bodies need no tree. */
#define SHORT_TEXT 6000

static json_t *envelope(const struct record *event, const char *version) {
	json_t *e = json_copy(event->json);
	set_text(e, "api_version", version);
	if (event->scope->account[0]) set_text(e, "account", event->scope->account);
	return e;
}

/* `{…}` and the data's text → `{…,"data":…}` */
static char *with_data(json_t *e, const char *data) {
	char *head = json_dumps(e, JSON_COMPACT), *text = NULL;
	size_t n = head ? strlen(head) : 0;
	if (n > 2 && asprintf(&text, "%.*s,\"data\":%s}", (int)(n - 1), head, data) < 0) text = NULL;
	free(head);
	return text;
}

char *render_event(struct sim *sim, const struct record *event, const char *version) {
	enum shape shape = SHAPE_NEWEST;
	if (!event->text || !shape_of_version(version, &shape)) return NULL;
	json_t *e = envelope(event, version);
	char *text = NULL;
	if (shape == SHAPE_NEWEST && strlen(event->text) < SHORT_TEXT) {
		text = with_data(e, event->text);
	} else {
		json_t *data = json_loads(event->text, 0, NULL);
		if (data && json_object_set_new(e, "data", data) == 0) {
			json_t *shown = render_object(sim, e, shape);
			text = json_dumps(shown, JSON_COMPACT);
			json_decref(shown);
		}
	}
	json_decref(e);
	return text;
}
