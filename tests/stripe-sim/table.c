#include "sim.h"

#include <stdio.h>
#include <stdlib.h>

#include "map.h"

static const struct {
	const char *name, *prefix;
} kinds[K_COUNT] = {
#define X(symbol, name, prefix) {name, prefix},
	SIM_KINDS(X)
#undef X
};

const char *kind_name(enum kind k) { return kinds[k].name; }
const char *kind_prefix(enum kind k) { return kinds[k].prefix; }

enum kind kind_named(const char *name) {
	if (name && strcmp(name, "test_clock") == 0) return K_TEST_CLOCK;
	for (unsigned k = 0; k < K_COUNT; k++)
		if (name && strcmp(kinds[k].name, name) == 0) return (enum kind)k;
	return K_COUNT;
}

/* ---- ids ---------------------------------------------------------------------- */

/* splitmix64 (Steele, Lea, Flood 2014) of a counter: no state but how many were drawn */
uint64_t sim_draw(struct sim *sim) {
	uint64_t z = sim->options.seed + ++sim->drawn * UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

void sim_id(struct sim *sim, const char *prefix, char out[SIM_ID_MAX]) {
	static const char letters[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	char tail[19];
	uint64_t n = 0;
	for (size_t i = 0; i < sizeof tail - 1; i++) {
		if (i % 9 == 0) n = sim_draw(sim);
		tail[i] = letters[n % 62];
		n /= 62;
	}
	tail[sizeof tail - 1] = 0;
	(void)snprintf(out, SIM_ID_MAX, "%s%s", prefix, tail);
}

/* ---- records ------------------------------------------------------------------ */

static void records_push(struct records *r, struct record *rec) {
	if (r->count == r->room) {
		size_t room = r->room ? r->room * 2 : 4;
		struct record **at = reallocarray(r->at, room, sizeof(struct record *));
		if (!at) return;
		r->at = at;
		r->room = room;
	}
	r->at[r->count++] = rec;
}

static const char *const indexed[] = {"customer", "subscription", "invoice", "charge", "payment_intent"};

static bool is_indexed(const char *field) {
	for (size_t i = 0; i < ARRAY_LEN(indexed); i++)
		if (strcmp(field, indexed[i]) == 0) return true;
	return false;
}

static void field_key(enum kind kind, const char *field, const char *value, char out[200]) {
	(void)snprintf(out, 200, "%d.%s=%.120s", (int)kind, field, value);
}

static void index_by(struct sim *sim, struct record *rec, const char *field, const char *value) {
	char key[200];
	field_key(rec->kind, field, value, key);
	struct records *r = map_get(sim->by_field, key);
	if (!r) {
		r = calloc(1, sizeof *r);
		if (!r || !map_put(sim->by_field, key, r)) {
			free(r);
			return;
		}
	}
	records_push(r, rec);
}

static const json_t *at_path(const json_t *o, const char *a, const char *b, const char *c) {
	o = json_object_get(o, a);
	o = json_object_get(o, b);
	return c ? json_object_get(o, c) : o;
}

static void index_record(struct sim *sim, struct record *rec) {
	if (rec->kind == K_EVENT) return;
	for (size_t i = 0; i < ARRAY_LEN(indexed); i++) {
		const char *value = text_of(rec->json, indexed[i]);
		if (value) index_by(sim, rec, indexed[i], value);
	}
	/* since basil these stand deeper */
	const char *sub = json_string_value(at_path(rec->json, "parent", "subscription_details", "subscription"));
	if (rec->kind == K_INVOICE && sub) index_by(sim, rec, "subscription", sub);
	const char *intent = json_string_value(at_path(rec->json, "payment", "payment_intent", NULL));
	if (rec->kind == K_INVOICE_PAYMENT && intent) index_by(sim, rec, "payment_intent", intent);
}

const struct records *sim_indexed(struct sim *sim, enum kind kind, const char *field, const char *value,
				  bool *ret_known) {
	bool known = is_indexed(field);
	if (ret_known) *ret_known = known;
	if (!known) return NULL;
	char key[200];
	field_key(kind, field, value, key);
	return map_get(sim->by_field, key);
}

json_t *sim_shape(struct sim *sim, enum kind kind) {
	char id[SIM_ID_MAX];
	sim_id(sim, kind_prefix(kind), id);
	json_t *json = json_deep_copy(sim->shapes[kind]);
	set_text(json, "id", id);
	if (json_object_get(json, "created")) set_int(json, "created", sim_now(sim));
	if (json_object_get(json, "livemode")) set_bool(json, "livemode", sim->livemode);
	return json;
}

struct record *sim_add(struct sim *sim, enum kind kind, json_t *json) {
	struct record *rec = calloc(1, sizeof *rec);
	if (!rec || !map_put(sim->by_id, text_of(json, "id"), rec)) {
		free(rec);
		json_decref(json);
		return NULL;
	}
	rec->kind = kind;
	rec->json = json;
	rec->scope = sim->scope;
	rec->place = rec->scope->lists[kind].count;
	records_push(&rec->scope->lists[kind], rec);
	index_record(sim, rec);
	return rec;
}

struct record *sim_find_any(struct sim *sim, const char *id) {
	return id && *id ? map_get(sim->by_id, id) : NULL;
}

struct record *sim_find(struct sim *sim, enum kind kind, const char *id) {
	struct record *rec = sim_find_any(sim, id);
	return rec && rec->kind == kind && rec->scope == sim->scope ? rec : NULL;
}

const char *record_id(const struct record *rec) { return text_of(rec->json, "id"); }

json_t *record_hidden(struct record *rec) {
	if (!rec->hidden) rec->hidden = json_object();
	return rec->hidden;
}

static json_t *show_deleted(const struct record *rec) {
	json_t *o = json_object();
	set_text(o, "id", record_id(rec));
	set_text(o, "object", kind_name(rec->kind));
	set_bool(o, "deleted", true);
	return o;
}

json_t *record_show(const struct record *rec) {
	if (rec->deleted) return show_deleted(rec);
	if (!rec->text) return json_incref(rec->json);
	json_t *event = json_copy(rec->json);
	(void)json_object_set_new(event, "data", json_loads(rec->text, 0, NULL));
	return event;
}

/* ---- accounts ----------------------------------------------------------------- */

struct scope *sim_scope(struct sim *sim, const char *account, bool make) {
	for (size_t i = 0; i < sim->scope_count; i++)
		if (strcmp(sim->scopes[i]->account, account) == 0) return sim->scopes[i];
	if (!make || strlen(account) > ACCOUNT_MAX) return NULL;
	struct scope **scopes = reallocarray(sim->scopes, sim->scope_count + 1, sizeof(struct scope *));
	struct scope *s = scopes ? calloc(1, sizeof *s) : NULL;
	if (scopes) sim->scopes = scopes;
	if (!s) return NULL;
	(void)snprintf(s->account, sizeof s->account, "%s", account);
	sim->scopes[sim->scope_count++] = s;
	return s;
}
