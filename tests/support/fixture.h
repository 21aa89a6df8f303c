/* The self-made Stripe bodies in tests/fixtures/stripe, and small edits of them. */
#ifndef SUPPORT_FIXTURE_H
#define SUPPORT_FIXTURE_H

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The parsed file; the caller owns it. */
static inline json_t *fixture_load(const char *name) {
	char path[1024];
	(void)snprintf(path, sizeof path, "%s/stripe/%s", TIERGATE_FIXTURES, name);
	json_error_t error;
	json_t *tree = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
	if (!tree) {
		fprintf(stderr, "%s: %s\n", path, error.text);
		abort();
	}
	return tree;
}

/* One step of a path: a key, or an index into a list. */
static inline json_t *fixture_step(json_t *at, const char *step, size_t len) {
	char key[128];
	(void)snprintf(key, sizeof key, "%.*s", (int)len, step);
	return json_is_array(at) ? json_array_get(at, strtoul(key, NULL, 10)) : json_object_get(at, key);
}

/* fixture_at(event, "data.object.items.data.0"); borrowed, NULL when there is none. An empty path is the tree. */
static inline json_t *fixture_at(json_t *tree, const char *path) {
	while (tree && *path) {
		size_t len = strcspn(path, ".");
		tree = fixture_step(tree, path, len);
		path += len + (path[len] == '.');
	}
	return tree;
}

/* Sets what is at the path to the JSON text, or drops it when text is NULL. The way to it must be there. */
static inline void fixture_set(json_t *tree, const char *path, const char *text) {
	char way[256];
	const char *dot = strrchr(path, '.'), *last = dot ? dot + 1 : path;
	(void)snprintf(way, sizeof way, "%.*s", dot ? (int)(dot - path) : 0, path);
	json_t *parent = fixture_at(tree, way);
	json_t *value = text ? json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL) : NULL;
	int failed = 1;
	if (parent && text && value)
		failed = json_is_array(parent) ? json_array_set(parent, strtoul(last, NULL, 10), value)
					       : json_object_set(parent, last, value);
	else if (parent && !text)
		failed = json_object_del(parent, last);
	json_decref(value);
	if (failed) {
		fprintf(stderr, "cannot set %s\n", path);
		abort();
	}
}

#endif
