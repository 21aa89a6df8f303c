/* Values of ours as JSON, and back as text for people. */
#ifndef CTL_VALUE_H
#define CTL_VALUE_H

#include "base/view.h"
#include <jansson.h>

/* Bytes that are no UTF-8 are given as printable ASCII with '?'. */
json_t *text_json(struct view v);
json_t *time_json(int64_t seconds); /* null for 0: none, not known */
json_t *u64_json(uint64_t n);       /* over int64: as a decimal string, so that nothing is lost */
json_t *hex_json(uint64_t n);       /* an epoch or origin: 16 hex digits */

/* A member as text; "" when it is not there. They live as long as the object. */
const char *member_text(const json_t *object, const char *key);
json_int_t member_number(const json_t *object, const char *key);
bool member_true(const json_t *object, const char *key);

struct when {
	char text[32];
};
/* "2026-11-22T10:45:18Z", or `none` for 0. */
struct when when_s(json_int_t seconds, const char *none);
struct when when_ms(json_int_t ms, const char *none);
/* "3 s ago", "in 2 days" */
struct when since_ms(json_int_t ms, json_int_t now_ms);

#endif
