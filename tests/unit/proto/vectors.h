/* Golden vectors: proto/vectors/NAME, found from this file's own path. */
#ifndef TESTS_VECTORS_H
#define TESTS_VECTORS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/hex.h"

static inline json_t *vectors_load(const char *name) {
	static const char here[] = __FILE__; /* …/tests/unit/proto/vectors.h */
	char path[4096];
	const char *root = strstr(here, "tests/unit/proto/");
	assert_non_null(root);
	(void)snprintf(path, sizeof path, "%.*sproto/vectors/%s", (int)(root - here), here, name);
	json_error_t why;
	json_t *file = json_load_file(path, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
	if (!file) fail_msg("%s: %s", path, why.text);
	return file;
}

/* The bytes, to be freed. */
static inline uint8_t *vectors_hex(const json_t *hex, size_t *ret_n) {
	size_t digits = json_string_length(hex);
	uint8_t *bytes = malloc(digits / 2 + 1);
	assert_non_null(bytes);
	assert_true(hex_decode(view_of(json_string_value(hex), digits), bytes, digits / 2));
	assert_int_equal(digits % 2, 0);
	*ret_n = digits / 2;
	return bytes;
}

/* A file's vectors, one after another: for (struct vectors all = vectors_of("tg01.json"); vectors_next(&all);) …
 * all.bytes … The walk frees what it made. */
struct vectors {
	json_t *file;
	size_t count; /* of those had so far */
	const json_t *v;
	const char *name, *what; /* NULL where a vector says none */
	uint8_t *bytes;
	size_t n;
};

static inline struct vectors vectors_of(const char *file) { return (struct vectors){.file = vectors_load(file)}; }

static inline const char *vectors_text(const struct vectors *all, const char *key) {
	return json_string_value(json_object_get(all->v, key));
}

static inline struct view vectors_message(const struct vectors *all) { return view_of(all->bytes, all->n); }

static inline bool vectors_next(struct vectors *all) {
	free(all->bytes);
	all->bytes = NULL;
	all->v = json_array_get(json_object_get(all->file, "vectors"), all->count);
	if (!all->v) {
		json_decref(all->file);
		return false;
	}
	all->count++;
	all->name = vectors_text(all, "name");
	all->what = vectors_text(all, "what");
	all->bytes = vectors_hex(json_object_get(all->v, "hex"), &all->n);
	return true;
}

#endif
