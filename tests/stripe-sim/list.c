#include "sim.h"

#include <stdio.h>

struct filter {
	char name[40];
	const char *value;
};

struct listing {
	struct sim_request *r;
	enum kind kind;
	struct filter filters[8];
	size_t filter_count;
	int64_t from, to; /* created in [from, to] */
	bool (*fits)(void *ctx, const struct record *rec);
	void *ctx;
	const struct records *all;
	const struct record *after, *before;
	size_t limit;
};

static void read_filters(struct listing *l, const char *names) {
	for (const char *at = names, *comma; at && (comma = strchr(at, ',')); at = comma + 1) {
		struct filter f = {.value = NULL};
		size_t n = (size_t)(comma - at);
		if (n >= sizeof f.name || l->filter_count == ARRAY_LEN(l->filters)) continue;
		memcpy(f.name, at, n);
		f.value = want_text(l->r, l->r->params, NULL, f.name);
		if (f.value) l->filters[l->filter_count++] = f;
	}
}

static void read_created(struct listing *l) {
	const json_t *created = json_object_get(l->r->params, "created");
	l->from = INT64_MIN;
	l->to = INT64_MAX;
	if (!created) return;
	if (!json_is_object(created)) {
		l->from = l->to = want_int(l->r, l->r->params, NULL, "created", 0, 0, INT64_MAX - 1);
		return;
	}
	int64_t gt = want_int(l->r, created, "created", "gt", -1, 0, INT64_MAX - 1);
	int64_t gte = want_int(l->r, created, "created", "gte", 0, 0, INT64_MAX - 1);
	int64_t lt = want_int(l->r, created, "created", "lt", INT64_MAX, 0, INT64_MAX);
	int64_t lte = want_int(l->r, created, "created", "lte", INT64_MAX, 0, INT64_MAX);
	l->from = gt + 1 > gte ? gt + 1 : gte;
	l->to = lt - 1 < lte ? lt - 1 : lte;
}

static const struct record *read_cursor(struct listing *l, const char *name) {
	const char *id = want_text(l->r, l->r->params, NULL, name);
	if (!id) return NULL;
	const struct record *rec = sim_find(l->r->sim, l->kind, id);
	if (!rec) (void)refuse_missing(l->r, l->kind, name, id);
	return rec;
}

static bool is_listed(const struct listing *l, const struct record *rec) {
	if (rec->deleted || rec->scope != l->r->sim->scope) return false;
	int64_t created = int_of(rec->json, "created");
	if (created < l->from || created > l->to) return false;
	for (size_t i = 0; i < l->filter_count; i++) {
		bool known = false;
		(void)sim_indexed(l->r->sim, l->kind, l->filters[i].name, l->filters[i].value, &known);
		const json_t *v = json_object_get(rec->json, l->filters[i].name);
		if (json_is_boolean(v)) {
			if (json_is_true(v) != (strcmp(l->filters[i].value, "true") == 0)) return false;
		} else if (json_is_string(v) || !known) {
			/* a field that is indexed may stand deeper: then the index has judged */
			if (!text_is(rec->json, l->filters[i].name, l->filters[i].value)) return false;
		}
	}
	return !l->fits || l->fits(l->ctx, rec);
}

/* The shortest list that holds all candidates, oldest first. */
static void choose(struct listing *l) {
	static const struct records none = {.count = 0};
	l->all = &l->r->sim->scope->lists[l->kind];
	for (size_t i = 0; i < l->filter_count; i++) {
		bool known = false;
		const struct records *some =
			sim_indexed(l->r->sim, l->kind, l->filters[i].name, l->filters[i].value, &known);
		if (known && !some) some = &none;
		if (known && some->count <= l->all->count) l->all = some;
	}
}

/* The index in l->all of the first record that is made after `rec`. */
static size_t place_after(const struct listing *l, const struct record *rec) {
	size_t low = 0, high = l->all->count;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (l->all->at[mid]->place <= rec->place)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* Newest first, below the cursor. */
static bool page_down(const struct listing *l, json_t *data) {
	size_t i = l->all->count;
	if (l->after) {
		i = place_after(l, l->after);
		while (i && l->all->at[i - 1] == l->after) i--;
	}
	while (i--) {
		const struct record *rec = l->all->at[i];
		if (!is_listed(l, rec)) continue;
		if (json_array_size(data) == l->limit) return true;
		(void)json_array_append_new(data, record_show(rec));
	}
	return false;
}

/* The ones just above the cursor, newest first all the same. */
static bool page_up(const struct listing *l, json_t *data) {
	for (size_t i = place_after(l, l->before); i < l->all->count; i++) {
		const struct record *rec = l->all->at[i];
		if (!is_listed(l, rec)) continue;
		if (json_array_size(data) == l->limit) return true;
		(void)json_array_insert_new(data, 0, record_show(rec));
	}
	return false;
}

json_t *list_records(struct sim_request *r, enum kind kind, const char *filters,
		     bool (*fits)(void *ctx, const struct record *rec), void *ctx) {
	struct listing l = {.r = r, .kind = kind, .fits = fits, .ctx = ctx};
	read_filters(&l, filters);
	read_created(&l);
	l.limit = (size_t)want_int(r, r->params, NULL, "limit", 10, 1, SIM_LIST_MAX);
	l.after = read_cursor(&l, "starting_after");
	l.before = read_cursor(&l, "ending_before");
	if (l.after && l.before)
		return refuse(r, 400, NULL, "starting_after",
			      "You may only specify one of these parameters: starting_after, ending_before.");
	if (failed(r)) return NULL;
	choose(&l);
	json_t *data = json_array();
	bool more = l.before ? page_up(&l, data) : page_down(&l, data);
	return json_pack("{s:s, s:o, s:b, s:s}", "object", "list", "data", data, "has_more", more, "url", r->path);
}
