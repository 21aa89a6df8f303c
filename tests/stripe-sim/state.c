#include "state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "routes.h"
#include "service/clock.h"

#define STATE_VERSION 1
#define PATH_ROOM 4096

static const char *const due_names[DUE_COUNT] = {
#define X(symbol, name, handle) name,
	SIM_DUES(X)
#undef X
};

/* ---- saving --------------------------------------------------------------------- */

static json_t *record_saved(const struct record *rec) {
	return json_pack("{s:O, s:O*, s:s*, s:b}", "json", rec->json, "hidden", rec->hidden, "text", rec->text,
			 "deleted", (int)rec->deleted);
}

static json_t *scope_saved(const struct scope *s) {
	json_t *records = json_object();
	for (unsigned k = 0; k < K_COUNT; k++) {
		json_t *list = json_array();
		for (size_t i = 0; i < s->lists[k].count; i++)
			(void)json_array_append_new(list, record_saved(s->lists[k].at[i]));
		(void)json_object_set_new(records, kind_name((enum kind)k), list);
	}
	return json_pack("{s:s, s:o}", "account", s->account, "records", records);
}

static int by_time(const void *a, const void *b) {
	const struct due *x = a, *y = b;
	if (x->at != y->at) return x->at < y->at ? -1 : 1;
	return (x->turn > y->turn) - (x->turn < y->turn);
}

/* In order, so that they are noted in it again. Deliveries are not among them: the events tell. */
static json_t *clock_saved(const struct sim_clock *c) {
	json_t *dues = json_array();
	struct due *sorted = calloc(c->count + 1, sizeof *sorted);
	if (sorted && c->count) memcpy(sorted, c->heap, c->count * sizeof *sorted);
	if (sorted) qsort(sorted, c->count, sizeof *sorted, by_time);
	for (size_t i = 0; sorted && i < c->count; i++) {
		const struct due *d = &sorted[i];
		if (d->kind == DUE_DELIVERY) continue;
		(void)json_array_append_new(dues, json_pack("[I, s, s]", (json_int_t)d->at, due_names[d->kind], d->id));
	}
	free(sorted);
	return json_pack("{s:s, s:I, s:o}", "id", c->id, "now", (json_int_t)c->now, "due", dues);
}

static json_t *all_saved(const struct sim *sim) {
	json_t *scopes = json_array(), *clocks = json_array();
	for (size_t i = 0; i < sim->scope_count; i++) (void)json_array_append_new(scopes, scope_saved(sim->scopes[i]));
	(void)json_array_append_new(clocks, clock_saved(&sim->main));
	for (size_t i = 0; i < sim->test_clock_count; i++)
		(void)json_array_append_new(clocks, clock_saved(sim->test_clocks[i]));
	return json_pack("{s:i, s:I, s:I, s:I, s:I, s:b, s:O, s:o, s:o}", "version", STATE_VERSION, "seed",
			 (json_int_t)sim->options.seed, "drawn", (json_int_t)sim->drawn, "events",
			 (json_int_t)sim->events, "offset", (json_int_t)sim->offset, "livemode", (int)sim->livemode,
			 "settings", sim->settings, "clocks", clocks, "scopes", scopes);
}

enum error state_save(const struct sim *sim, const char *path, struct problem *why) {
	char fresh[PATH_ROOM];
	int n = snprintf(fresh, sizeof fresh, "%s.new", path);
	if (n < 0 || (size_t)n >= sizeof fresh) return problem_set(why, ERR_USAGE, "the state file's name is too long");
	json_t *all = all_saved(sim);
	bool ok = all && json_dump_file(all, fresh, JSON_COMPACT) == 0 && rename(fresh, path) == 0;
	int failed = errno;
	json_decref(all);
	if (ok) return OK;
	(void)unlink(fresh);
	return problem_set(why, ERR_IO, "cannot save the state to %.180s: %s", path, strerrordesc_np(failed));
}

/* ---- loading -------------------------------------------------------------------- */

static bool load_record(struct sim *sim, enum kind kind, json_t *saved) {
	json_t *json = json_object_get(saved, "json"), *hidden = json_object_get(saved, "hidden");
	const char *text = text_of(saved, "text");
	if (!text_of(json, "id") || sim_find_any(sim, text_of(json, "id"))) return false;
	struct record *rec = sim_add(sim, kind, json_incref(json));
	if (!rec) return false;
	rec->deleted = bool_of(saved, "deleted");
	rec->hidden = json_is_object(hidden) ? json_incref(hidden) : NULL;
	rec->text = text ? strdup(text) : NULL;
	return kind != K_EVENT || rec->text;
}

static bool load_scope(struct sim *sim, const json_t *saved) {
	const char *account = text_of(saved, "account"), *name;
	struct scope *scope = account ? sim_scope(sim, account, true) : NULL;
	json_t *list, *record;
	size_t i;
	if (!scope) return false;
	sim->scope = scope;
	json_object_foreach(json_object_get(saved, "records"), name, list) {
		enum kind kind = kind_named(name);
		json_array_foreach(list, i, record) {
			if (kind == K_COUNT || !load_record(sim, kind, record)) return false;
		}
	}
	return true;
}

static enum due_kind due_named(const char *name) {
	unsigned k = 0;
	while (k < DUE_COUNT && (!name || strcmp(due_names[k], name) != 0)) k++;
	return (enum due_kind)k;
}

static struct sim_clock *clock_for(struct sim *sim, const char *id, int64_t now) {
	if (!id || strlen(id) >= SIM_ID_MAX) return NULL;
	if (!*id) {
		sim->main.now = now;
		return &sim->main;
	}
	struct sim_clock **all = reallocarray(sim->test_clocks, sim->test_clock_count + 1, sizeof(struct sim_clock *));
	struct sim_clock *c = all ? calloc(1, sizeof *c) : NULL;
	if (all) sim->test_clocks = all;
	if (!c) return NULL;
	memcpy(c->id, id, strlen(id) + 1);
	c->now = now;
	sim->test_clocks[sim->test_clock_count++] = c;
	return c;
}

static bool load_clock(struct sim *sim, const json_t *saved) {
	int64_t now = int_of(saved, "now");
	if (now < 0 || now > SIM_CLOCK_MAX) return false;
	sim->clock = clock_for(sim, text_of(saved, "id"), now);
	json_t *due;
	size_t i;
	if (!sim->clock) return false;
	json_array_foreach(json_object_get(saved, "due"), i, due) {
		enum due_kind kind = due_named(json_string_value(json_array_get(due, 1)));
		const char *id = json_string_value(json_array_get(due, 2));
		if (kind == DUE_COUNT || !id) return false;
		sim_at(sim, json_integer_value(json_array_get(due, 0)), kind, id);
	}
	return true;
}

/* The hooks that a reset calls must not see half a state, so they are called once, at the end. */
static bool load_all(struct sim *sim, const json_t *saved) {
	json_t *part;
	size_t i;
	json_array_foreach(json_object_get(saved, "scopes"), i, part) if (!load_scope(sim, part)) return false;
	json_array_foreach(json_object_get(saved, "clocks"), i, part) if (!load_clock(sim, part)) return false;
	sim->options.seed = (uint64_t)int_of(saved, "seed");
	sim->drawn = (uint64_t)int_of(saved, "drawn");
	sim->events = (uint64_t)int_of(saved, "events");
	json_t *settings = json_object_get(saved, "settings");
	if (json_is_object(settings)) (void)json_object_update(sim->settings, settings);
	return true;
}

static void stand(struct sim *sim, int64_t offset) {
	sim->clock = &sim->main;
	sim->scope = sim->scopes[0];
	int64_t now = wall_s() + offset;
	if (sim->options.frozen || now < sim->main.now) now = sim->main.now;
	(void)sim_move(sim, now);
}

enum error state_load(struct sim *sim, const char *path, struct problem *why) {
	json_error_t at;
	if (access(path, R_OK) != 0) return problem_set(why, ERR_NOT_FOUND, "cannot read %.200s", path);
	json_t *saved = json_load_file(path, JSON_REJECT_DUPLICATES, &at);
	if (int_of(saved, "version") != STATE_VERSION || bool_of(saved, "livemode") != sim->livemode) {
		json_decref(saved);
		return problem_set(why, ERR_MALFORMED, "%.180s is no state of this version and mode", path);
	}
	struct sim_hooks hooks = sim->hooks;
	sim->hooks.reset = NULL;
	sim_reset(sim);
	bool ok = load_all(sim, saved);
	if (!ok) sim_reset(sim);
	sim->hooks = hooks;
	if (hooks.reset) hooks.reset(hooks.ctx);
	if (ok) stand(sim, int_of(saved, "offset"));
	json_decref(saved);
	return ok ? OK : problem_set(why, ERR_MALFORMED, "%.180s is damaged", path);
}

/* ---- control --------------------------------------------------------------------- */

static json_t *said(struct sim_request *r, enum error e, const struct problem *why) {
	if (e) return refuse(r, (unsigned)error_http_status(e), NULL, "file", "%s", problem_text(why));
	return json_pack("{s:I}", "now", (json_int_t)r->sim->main.now);
}

static json_t *save(struct sim_request *r) {
	struct problem why = {.error = OK};
	const char *file = need_text(r, r->params, NULL, "file");
	return failed(r) ? NULL : said(r, state_save(r->sim, file, &why), &why);
}

static json_t *load(struct sim_request *r) {
	struct problem why = {.error = OK};
	const char *file = need_text(r, r->params, NULL, "file");
	return failed(r) ? NULL : said(r, state_load(r->sim, file, &why), &why);
}

static const struct sim_route rows[] = {
	{"POST", "/_sim/save", save, "file,"},
	{"POST", "/_sim/load", load, "file,"},
};
ROUTES(state_routes, rows);
