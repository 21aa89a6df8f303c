#include "proto/stripe_place.h"

#include <stdarg.h>
#include <stdio.h>

static json_t *not_null(json_t *v) { return json_is_null(v) ? NULL : v; }

/* One layer over another, at a place. */
static void lay(struct stripe_place *p, json_t *over, json_t *base) {
	bool same_kind = (json_is_object(over) && json_is_object(base)) || (json_is_array(over) && json_is_array(base));
	p->over = same_kind ? over : NULL;
	p->base = not_null(over && !same_kind ? over : base);
}

struct stripe_place stripe_member(const struct stripe_place *object, const char *key) {
	struct stripe_place p = {.parent = object, .key = key};
	lay(&p, object->over ? json_object_get(object->over, key) : NULL, json_object_get(object->base, key));
	return p;
}

size_t stripe_length(const struct stripe_place *list) { return json_array_size(list->over ? list->over : list->base); }

struct stripe_place stripe_element(const struct stripe_place *list, size_t index) {
	struct stripe_place p = {.parent = list, .index = index};
	json_t *over = list->over ? json_array_get(list->over, index) : NULL;
	bool whole = json_object_get(over, "id") != NULL;
	lay(&p, over, whole ? NULL : json_array_get(list->base, index));
	return p;
}

/* Appends the path; the text may fill up, and is then cut. */
static void write_path(const struct stripe_place *at, char *out, size_t size) {
	if (!at) return;
	write_path(at->parent, out, size);
	size_t n = strlen(out);
	if (at->key)
		(void)snprintf(out + n, size - n, "%s%s", n ? "." : "", at->key);
	else if (at->parent)
		(void)snprintf(out + n, size - n, "[%zu]", at->index);
}

void stripe_fail(struct stripe_reader *r, const struct stripe_place *at, const char *fmt, ...) {
	char path[128] = "", sentence[128];
	va_list args;
	if (r->failed) return;
	r->failed = true;
	if (!r->why) return;
	write_path(at, path, sizeof path);
	va_start(args, fmt);
	(void)vsnprintf(sentence, sizeof sentence, fmt, args);
	va_end(args);
	(void)problem_set(r->why, ERR_MALFORMED, "%s: %s", path, sentence);
}

static struct view text_at(struct stripe_reader *r, const struct stripe_place *p, size_t max) {
	if (r->failed || !p->base) return VIEW_NONE;
	struct view text = view_of(json_string_value(p->base), json_string_length(p->base));
	if (!json_is_string(p->base))
		stripe_fail(r, p, "must be a string");
	else if (text.len > max)
		stripe_fail(r, p, "is longer than %zu bytes", max);
	else if (memchr(text.ptr, 0, text.len))
		stripe_fail(r, p, "has a NUL in it");
	return r->failed ? VIEW_NONE : text;
}

struct view stripe_text(struct stripe_reader *r, const struct stripe_place *object, const char *key, size_t max) {
	struct stripe_place p = stripe_member(object, key);
	return text_at(r, &p, max);
}

struct view stripe_id(struct stripe_reader *r, const struct stripe_place *object, const char *key) {
	struct stripe_place p = stripe_member(object, key);
	if (!stripe_is_object(&p)) return text_at(r, &p, STRIPE_ID_MAX);
	struct stripe_place id = stripe_member(&p, "id");
	if (!stripe_present(&id)) stripe_fail(r, &id, "is missing");
	return text_at(r, &id, STRIPE_ID_MAX);
}

struct view stripe_need_id(struct stripe_reader *r, const struct stripe_place *object, const char *key) {
	struct view id = stripe_id(r, object, key);
	struct stripe_place p = {.parent = object, .key = key};
	if (!id.len) stripe_fail(r, &p, "is missing");
	return id;
}

static int64_t integer_at(struct stripe_reader *r, const struct stripe_place *p, int64_t least) {
	if (r->failed || !p->base) return 0;
	int64_t n = (int64_t)json_integer_value(p->base);
	if (!json_is_integer(p->base))
		stripe_fail(r, p, "must be an integer");
	else if (n < least)
		stripe_fail(r, p, "must not be negative");
	return r->failed ? 0 : n;
}

int64_t stripe_integer(struct stripe_reader *r, const struct stripe_place *object, const char *key) {
	struct stripe_place p = stripe_member(object, key);
	return integer_at(r, &p, INT64_MIN);
}

int64_t stripe_natural(struct stripe_reader *r, const struct stripe_place *object, const char *key) {
	struct stripe_place p = stripe_member(object, key);
	return integer_at(r, &p, 0);
}

bool stripe_flag(struct stripe_reader *r, const struct stripe_place *object, const char *key) {
	struct stripe_place p = stripe_member(object, key);
	if (r->failed || !p.base) return false;
	if (!json_is_boolean(p.base)) stripe_fail(r, &p, "must be true or false");
	return json_is_true(p.base);
}

struct view stripe_customer(struct stripe_reader *r, const struct stripe_place *object) {
	struct view id = stripe_id(r, object, "customer");
	return id.len ? id : stripe_id(r, object, "customer_account");
}

struct view stripe_claim(const struct stripe_reader *r, const struct stripe_place *object) {
	struct stripe_place metadata = stripe_member(object, "metadata");
	struct stripe_place entry = stripe_member(&metadata, r->metadata_key);
	struct stripe_reader quiet = {.metadata_key = r->metadata_key};
	return text_at(&quiet, &entry, SUBJECT_MAX);
}
