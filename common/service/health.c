#include "service/health.h"

#include "base/utf8.h"

#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct condition {
	const char *name;
	bool met;
	char why[HEALTH_TEXT_MAX + 1];
};

enum fact_kind { FACT_U64, FACT_I64, FACT_BOOL, FACT_TEXT };

struct fact {
	const char *name;
	enum fact_kind kind;
	uint64_t u;
	int64_t i;
	char text[HEALTH_TEXT_MAX + 1];
};

struct health {
	pthread_mutex_t lock;
	bool overflow; /* a condition found no place: then nothing may claim to be ready */
	unsigned condition_count;
	struct condition conditions[HEALTH_CONDITIONS_MAX];
	unsigned fact_count;
	struct fact facts[HEALTH_FACTS_MAX];
};

struct health *health_create(void) {
	struct health *h = calloc(1, sizeof *h);
	if (h && pthread_mutex_init(&h->lock, NULL) != 0) {
		free(h);
		return NULL;
	}
	return h;
}

void health_destroy(struct health **h) {
	if (!h || !*h) return;
	pthread_mutex_destroy(&(*h)->lock);
	free(*h);
	*h = NULL;
}

/* Controls become '?', and so does every byte over 0x7f when they are not UTF-8 together (the cut may be the cause). */
static void copy_text(char out[HEALTH_TEXT_MAX + 1], const char *text) {
	size_t n = 0;
	for (; text && text[n] && n < HEALTH_TEXT_MAX; n++) {
		out[n] = text[n];
		if ((unsigned char)text[n] < 0x20 || text[n] == 0x7f) out[n] = '?';
	}
	out[n] = '\0';
	if (utf8_valid(view_of(out, n))) return;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)out[i] > 0x7e) out[i] = '?';
}

static void set_condition(struct health *h, const char *name, bool met, const char *why) {
	pthread_mutex_lock(&h->lock);
	unsigned i = 0;
	while (i < h->condition_count && strcmp(h->conditions[i].name, name) != 0) i++;
	if (i == HEALTH_CONDITIONS_MAX) {
		h->overflow = true;
	} else {
		if (i == h->condition_count) h->condition_count++;
		struct condition *c = &h->conditions[i];
		c->name = name;
		c->met = met;
		copy_text(c->why, why);
	}
	pthread_mutex_unlock(&h->lock);
}

void health_broken(struct health *h, const char *name, const char *why) { set_condition(h, name, false, why); }
void health_met(struct health *h, const char *name) { set_condition(h, name, true, ""); }

static void set_fact(struct health *h, const struct fact *f) {
	pthread_mutex_lock(&h->lock);
	unsigned i = 0;
	while (i < h->fact_count && strcmp(h->facts[i].name, f->name) != 0) i++;
	if (i < HEALTH_FACTS_MAX) {
		if (i == h->fact_count) h->fact_count++;
		h->facts[i] = *f;
	}
	pthread_mutex_unlock(&h->lock);
}

void health_fact_u64(struct health *h, const char *name, uint64_t n) {
	set_fact(h, &(struct fact){.name = name, .kind = FACT_U64, .u = n});
}

void health_fact_i64(struct health *h, const char *name, int64_t n) {
	set_fact(h, &(struct fact){.name = name, .kind = FACT_I64, .i = n});
}

void health_fact_bool(struct health *h, const char *name, bool b) {
	set_fact(h, &(struct fact){.name = name, .kind = FACT_BOOL, .u = b});
}

void health_fact_text(struct health *h, const char *name, const char *text) {
	struct fact f = {.name = name, .kind = FACT_TEXT};
	copy_text(f.text, text);
	set_fact(h, &f);
}

static bool is_ready(const struct health *h) {
	bool ready = !h->overflow;
	for (unsigned i = 0; i < h->condition_count; i++) ready = ready && h->conditions[i].met;
	return ready;
}

bool health_ready(struct health *h) {
	pthread_mutex_lock(&h->lock);
	bool ready = is_ready(h);
	pthread_mutex_unlock(&h->lock);
	return ready;
}

static json_t *reasons(const struct health *h) {
	json_t *why = json_array();
	if (h->overflow) json_array_append_new(why, json_string("health: too many conditions"));
	for (unsigned i = 0; i < h->condition_count; i++) {
		const struct condition *c = &h->conditions[i];
		if (!c->met) json_array_append_new(why, json_sprintf("%s: %s", c->name, c->why));
	}
	return why;
}

/* A number over int64 is no JSON that everybody reads: it is given as its largest. */
static json_t *fact_json(const struct fact *f) {
	switch (f->kind) {
	case FACT_U64:
		return json_integer(f->u > INT64_MAX ? INT64_MAX : (json_int_t)f->u);
	case FACT_I64:
		return json_integer(f->i);
	case FACT_BOOL:
		return json_boolean(f->u != 0);
	case FACT_TEXT:
		return json_string(f->text);
	}
	return json_null();
}

char *health_render(struct health *h, bool *ret_ready) {
	pthread_mutex_lock(&h->lock);
	bool ready = is_ready(h);
	json_t *facts = json_object();
	for (unsigned i = 0; i < h->fact_count; i++)
		json_object_set_new(facts, h->facts[i].name, fact_json(&h->facts[i]));
	json_t *why = reasons(h);
	pthread_mutex_unlock(&h->lock);

	json_t *all = json_pack("{s:b, s:o, s:o}", "ready", (int)ready, "why", why, "facts", facts);
	char *text = all ? json_dumps(all, JSON_COMPACT) : NULL;
	json_decref(all);
	if (text) *ret_ready = ready;
	return text;
}
