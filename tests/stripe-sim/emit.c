#include "sim.h"

#include <stdlib.h>

json_t *record_copy(const struct record *rec) { return json_deep_copy(rec->json); }

/* Of hashes only the keys that differ, of everything else the whole value; what was not there was null, and what is
 * there no more (a key of metadata) is named with what it was. */
json_t *attributes_before(json_t *before, json_t *after) {
	json_t *out = json_object();
	const char *key;
	json_t *now, *gone;
	json_object_foreach(before, key, gone) {
		if (!json_object_get(after, key)) (void)json_object_set_new(out, key, json_deep_copy(gone));
	}
	json_object_foreach(after, key, now) {
		json_t *was = json_object_get(before, key);
		if (json_equal(was, now)) continue;
		if (json_is_object(was) && json_is_object(now))
			(void)json_object_set_new(out, key, attributes_before(was, now));
		else
			(void)json_object_set_new(out, key, was ? json_deep_copy(was) : json_null());
	}
	return out;
}

static json_t *envelope(struct sim *sim, const char *type) {
	const struct sim_request *r = sim->request;
	json_t *event = sim_shape(sim, K_EVENT);
	set_text(event, "type", type);
	if (sim->scope->account[0]) set_text(event, "account", sim->scope->account);
	json_t *request = json_object();
	set_text(request, "id", r ? r->request_id : NULL);
	set_text(request, "idempotency_key", r ? r->idempotency_key : NULL);
	(void)json_object_set_new(event, "request", request);
	return event;
}

static void emit(struct sim *sim, const char *type, json_t *object, json_t *previous) {
	bool swallowed = sim->hooks.swallow && sim->hooks.swallow(sim->hooks.ctx, type);
	struct record *event = NULL;
	if (!swallowed) event = sim_add(sim, K_EVENT, envelope(sim, type));
	if (event) {
		json_t *data = json_pack("{s:O, s:O*}", "object", object, "previous_attributes", previous);
		event->text = json_dumps(data, JSON_COMPACT);
		json_decref(data);
		sim->events++;
		if (sim->hooks.emitted) sim->hooks.emitted(sim->hooks.ctx, event);
	}
	json_decref(previous);
}

void sim_emit(struct sim *sim, const char *type, const struct record *rec, json_t *previous) {
	emit(sim, type, rec->json, previous);
}

void sim_emit_object(struct sim *sim, const char *type, json_t *object) { emit(sim, type, object, NULL); }

bool sim_emit_change(struct sim *sim, const char *type, const struct record *rec, json_t *before) {
	json_t *previous = attributes_before(before, rec->json);
	json_decref(before);
	bool changed = json_object_size(previous) > 0;
	if (changed)
		sim_emit(sim, type, rec, previous);
	else
		json_decref(previous);
	return changed;
}
