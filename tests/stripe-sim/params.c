#include "params.h"

#include <stdio.h>

#include "base/parse.h"
#include "base/utf8.h"

struct name {
	struct view parts[PARAMS_DEPTH_MAX]; /* an empty one, but never the first: [] */
	size_t count;
};

static enum error fault(struct params_fault *ret, struct view name, const char *message) {
	size_t n = name.len < PARAMS_NAME_MAX ? name.len : PARAMS_NAME_MAX;
	while (n && !utf8_valid(view_of(name.ptr, n))) n--;
	if (n) memcpy(ret->param, name.ptr, n);
	ret->param[n] = 0;
	ret->message = message;
	return ERR_BAD_REQUEST;
}

/* ---- names -------------------------------------------------------------------- */

/* "a[b][]" → a, b, "" */
static const char *split(struct view text, struct name *ret_name) {
	struct name n = {.count = 0};
	const char *at = text.ptr, *end = text.ptr + text.len;
	const char *open = text.len ? memchr(at, '[', text.len) : NULL;
	n.parts[n.count++] = view_of(at, (size_t)((open ? open : end) - at));
	if (n.parts[0].len == 0) return "Parameters need a name.";
	at = open ? open : end;
	while (at < end) {
		const char *close = *at == '[' ? memchr(at, ']', (size_t)(end - at)) : NULL;
		if (!close) return "Invalid parameter name: its brackets do not pair.";
		if (n.count == PARAMS_DEPTH_MAX) return "Invalid parameter name: nested too deeply.";
		n.parts[n.count++] = view_of(at + 1, (size_t)(close - at - 1));
		at = close + 1;
	}
	for (size_t i = 0; i < n.count; i++) {
		struct view p = n.parts[i];
		if (p.len && (memchr(p.ptr, '[', p.len) || memchr(p.ptr, ']', p.len)))
			return "Invalid parameter name: its brackets do not pair.";
	}
	*ret_name = n;
	return NULL;
}

static bool is_index(struct view text, uint64_t *ret_n) { return parse_u64(text, UINT32_MAX, ret_n); }

/* ---- the tree ----------------------------------------------------------------- */

/* While it is built, a list is an object with the keys "0", "1" …; params_end makes it one. */
struct place {
	char key[PARAMS_NAME_MAX + 1];
};

static struct place place_of(struct view part) {
	struct place p = {.key = ""};
	if (part.len) memcpy(p.key, part.ptr, part.len);
	return p;
}

static struct place place_at(size_t index) {
	struct place p;
	(void)snprintf(p.key, sizeof p.key, "%zu", index);
	return p;
}

/* Where "[]" goes in a group: the next free place, or the last one when `next` still has room there. */
static struct place append(const json_t *group, struct view next, bool has_next) {
	size_t n = json_object_size(group);
	if (n && has_next && next.len) {
		struct place last = place_at(n - 1), inner = place_of(next);
		json_t *element = json_object_get(group, last.key);
		if (json_is_object(element) && !json_object_get(element, inner.key)) return last;
	}
	while (json_object_get(group, place_at(n).key)) n++;
	return place_at(n);
}

static enum error set_leaf(json_t *group, const char *key, struct view value, const char **ret_wrong) {
	if (json_is_object(json_object_get(group, key))) {
		*ret_wrong = "Invalid parameter: it is both a value and a group of values.";
		return ERR_BAD_REQUEST;
	}
	json_t *leaf = json_stringn(value.ptr ? value.ptr : "", value.len);
	return json_object_set_new(group, key, leaf) == 0 ? OK : ERR_MEMORY;
}

static enum error put(json_t *tree, const struct name *name, struct view value, const char **ret_wrong) {
	json_t *group = tree;
	for (size_t i = 0;; i++) {
		bool last = i + 1 == name->count;
		struct view part = name->parts[i];
		struct place at =
			part.len ? place_of(part) : append(group, last ? VIEW_NONE : name->parts[i + 1], !last);
		if (last) return set_leaf(group, at.key, value, ret_wrong);
		json_t *inner = json_object_get(group, at.key);
		if (inner && !json_is_object(inner)) {
			*ret_wrong = "Invalid parameter: it is both a value and a group of values.";
			return ERR_BAD_REQUEST;
		}
		if (!inner) {
			inner = json_object();
			if (!inner || json_object_set_new(group, at.key, inner) != 0) return ERR_MEMORY;
		}
		group = inner;
	}
}

enum error params_begin(struct params *ret_p) {
	json_t *tree = json_object();
	if (!tree) return ERR_MEMORY;
	*ret_p = (struct params){.tree = tree};
	return OK;
}

void params_drop(struct params *p) {
	json_decref(p->tree);
	*p = (struct params){.tree = NULL};
}

static bool is_text(struct view v) { return (v.len == 0 || !memchr(v.ptr, 0, v.len)) && utf8_valid(v); }

/* Under metadata any name may be a number. */
static bool is_free(const struct name *name) {
	return view_eq(name->parts[name->count > 1 ? name->count - 2 : 0], VIEW("metadata"));
}

static const char *judge(struct view name, struct view value, struct name *ret_name) {
	if (name.len > PARAMS_NAME_MAX) return "Invalid parameter name: it is too long.";
	if (!is_text(name)) return "Invalid parameter name: it is not UTF-8 text.";
	if (!is_text(value)) return "Invalid string: it is not UTF-8 text.";
	if (value.len > PARAMS_VALUE_MAX) return "Invalid string: it must be at most 5000 characters.";
	const char *wrong = split(name, ret_name);
	if (wrong) return wrong;
	for (size_t i = 1; i < ret_name->count && !is_free(ret_name); i++) {
		uint64_t n;
		if (is_index(ret_name->parts[i], &n) && n >= PARAMS_LIST_MAX)
			return "Invalid array: too many elements.";
	}
	return NULL;
}

enum error params_add(struct params *p, struct view name, struct view value, struct params_fault *ret_fault) {
	struct name parts;
	const char *wrong = judge(name, value, &parts);
	if (wrong) return fault(ret_fault, name, wrong);
	if (p->count == PARAMS_COUNT_MAX) return fault(ret_fault, VIEW_NONE, "Too many parameters.");
	p->count++;
	enum error e = put(p->tree, &parts, value, &wrong);
	return e == ERR_BAD_REQUEST ? fault(ret_fault, name, wrong) : e;
}

/* ---- lists -------------------------------------------------------------------- */

static bool all_indices(json_t *group) {
	const char *key;
	json_t *value;
	json_object_foreach(group, key, value) {
		uint64_t n;
		if (!is_index(view_str(key), &n) || n >= PARAMS_LIST_MAX) return false;
	}
	return json_object_size(group) > 0;
}

static json_t *as_list(json_t *group) {
	json_t *list = json_array();
	size_t left = json_object_size(group);
	for (size_t i = 0; list && left && i < PARAMS_LIST_MAX; i++) {
		json_t *element = json_object_get(group, place_at(i).key);
		if (!element) continue;
		left--;
		if (json_array_append(list, element) == 0) continue;
		json_decref(list);
		return NULL;
	}
	return list;
}

/* Depth is bounded by PARAMS_DEPTH_MAX. A new reference. */
static json_t *with_lists(json_t *group, const char *name) {
	const char *key;
	void *next;
	json_t *value;
	json_object_foreach_safe(group, next, key, value) {
		if (!json_is_object(value)) continue;
		json_t *made = with_lists(value, key);
		if (!made || json_object_set_new(group, key, made) != 0) return NULL;
	}
	if (name && strcmp(name, "metadata") != 0 && all_indices(group)) return as_list(group);
	return json_incref(group);
}

enum error params_end(struct params *p, json_t **ret_tree) {
	json_t *tree = with_lists(p->tree, NULL);
	params_drop(p);
	if (!tree) return ERR_MEMORY;
	*ret_tree = tree;
	return OK;
}

/* ---- text --------------------------------------------------------------------- */

static int digit(char c) {
	if (c >= '0' && c <= '9') return c - '0';
	if (c >= 'a' && c <= 'f') return c - 'a' + 10;
	if (c >= 'A' && c <= 'F') return c - 'A' + 10;
	return -1;
}

/* Into out, which has room for `room`; false when it is malformed or longer. */
static bool decode(struct view text, char *out, size_t room, struct view *ret_v) {
	size_t n = 0;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		if (n == room) return false;
		if (c == '%') {
			if (text.len - i < 3) return false;
			int high = digit(text.ptr[i + 1]), low = digit(text.ptr[i + 2]);
			if (high < 0 || low < 0) return false;
			c = (char)(high << 4 | low);
			i += 2;
		} else if (c == '+') {
			c = ' ';
		}
		out[n++] = c;
	}
	*ret_v = view_of(out, n);
	return true;
}

static enum error add_pair(struct params *p, struct view pair, struct params_fault *ret_fault) {
	char name_room[PARAMS_NAME_MAX + 1],
		value_room[PARAMS_VALUE_MAX + 1]; /* one more: found too long by params_add */
	const char *equals = memchr(pair.ptr, '=', pair.len);
	size_t n = equals ? (size_t)(equals - pair.ptr) : pair.len;
	struct view raw = view_of(pair.ptr, n), name, value = VIEW_NONE;
	if (!decode(raw, name_room, sizeof name_room, &name))
		return fault(ret_fault, raw, "Invalid parameter name: too long, or a malformed percent-encoding.");
	if (equals && !decode(view_of(equals + 1, pair.len - n - 1), value_room, sizeof value_room, &value))
		return fault(ret_fault, name, "Invalid string: over 5000 characters, or a malformed percent-encoding.");
	return params_add(p, name, value, ret_fault);
}

enum error params_parse(struct view text, json_t **ret_tree, struct params_fault *ret_fault) {
	if (text.len > PARAMS_TEXT_MAX) return fault(ret_fault, VIEW_NONE, "The request is too large.");
	struct params p = {.tree = NULL};
	enum error e = params_begin(&p);
	for (size_t at = 0; !e && at < text.len;) {
		const char *end = memchr(text.ptr + at, '&', text.len - at);
		size_t n = end ? (size_t)(end - text.ptr) - at : text.len - at;
		if (n) e = add_pair(&p, view_of(text.ptr + at, n), ret_fault);
		at += n + 1;
	}
	if (!e) return params_end(&p, ret_tree);
	params_drop(&p);
	return e;
}
