/* A JSON validator that steps over values without building them: RFC 8259 grammar, valid UTF-8, bounded depth.
 *
 * It accepts what jansson's json_loadb accepts, and besides: numbers beyond int64 or double, and U+0000 in a
 * string or key, which are JSON all the same. Like jansson it refuses an escaped lone surrogate, which no
 * UTF-8 can hold. A NUL byte is refused everywhere; jansson 2.14 overlooks one after a number or a word. Duplicate keys
 * are the caller's business.
 */
#ifndef PROTO_JSON_SCAN_H
#define PROTO_JSON_SCAN_H

#include "base/attr.h"
#include "base/view.h"

struct json_scan {
	const uint8_t *start;
	const uint8_t *at; /* after a failure: about where it is wrong */
	const uint8_t *end;
	const char *fault; /* NULL, or what is wrong */
};

static inline struct json_scan json_scan_of(struct view text) {
	const uint8_t *p = (const uint8_t *)text.ptr;
	return (struct json_scan){p, p, text.len ? p + text.len : p, NULL};
}

/* Every function below leaves `fault` set when it returns false. */

/* Steps over space, tab, newline and carriage return. */
void json_scan_space(struct json_scan *s);
/* Steps over that byte. */
NODISCARD bool json_scan_byte(struct json_scan *s, char byte, const char *fault);
/* Steps over a string. ret_inside: what is between the quotes, still escaped; it has a backslash only if
 * *ret_escaped. Either may be NULL. */
NODISCARD bool json_scan_string(struct json_scan *s, struct view *ret_inside, bool *ret_escaped);
/* Steps over one value with at most `levels` (to 64) objects and arrays in one another. */
NODISCARD bool json_scan_value(struct json_scan *s, unsigned levels);
/* Records the fault and returns false. */
bool json_scan_fail(struct json_scan *s, const char *fault);

#endif
