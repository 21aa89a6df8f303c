/* Reading Stripe's objects: whatever is not there, or is not what it should be, reads as nothing. */
#ifndef BILLING_STRIPE_READ_H
#define BILLING_STRIPE_READ_H

#include <jansson.h>

#include "base/view.h"

/* NULL: no text. */
static inline const char *text_of(const json_t *o, const char *key) {
	return json_string_value(json_object_get(o, key));
}
static inline bool text_is(const json_t *o, const char *key, const char *wanted) {
	const char *text = text_of(o, key);
	return text && strcmp(text, wanted) == 0;
}
static inline int64_t whole_of(const json_t *o, const char *key, int64_t otherwise) {
	const json_t *n = json_object_get(o, key);
	return json_is_integer(n) ? json_integer_value(n) : otherwise;
}
/* A moment: 0 when there is none, or when it lies before the epoch or after the year 9999. */
static inline int64_t moment_of(const json_t *o, const char *key) {
	int64_t at = whole_of(o, key, 0);
	return at > 0 && at < INT64_C(253402300800) ? at : 0;
}
static inline bool yes_of(const json_t *o, const char *key) { return json_is_true(json_object_get(o, key)); }
/* The id that stands there, expanded or not. NULL: none. */
static inline const char *id_of(const json_t *o, const char *key) {
	const json_t *v = json_object_get(o, key);
	return json_is_object(v) ? text_of(v, "id") : json_string_value(v);
}
/* The elements of a list object. NULL, which jansson takes as an empty array, when it is none. */
static inline json_t *data_of(const json_t *list) {
	json_t *data = json_object_get(list, "data");
	return json_is_array(data) ? data : NULL;
}
/* Copies a text with its NUL; one that is missing or does not fit gives "". */
static inline void copy_text(char *to, size_t size, const char *from) {
	size_t n = from ? strlen(from) : 0;
	if (n >= size) n = 0;
	if (n) memcpy(to, from, n);
	to[n] = 0;
}

#endif
