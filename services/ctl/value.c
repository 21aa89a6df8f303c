#include "value.h"

#include "base/parse.h"
#include "base/utf8.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

json_t *text_json(struct view v) {
	if (utf8_valid(v)) return json_stringn(v.len ? v.ptr : "", v.len);
	char *copy = malloc(v.len + 1);
	if (!copy) return NULL;
	for (size_t i = 0; i < v.len; i++) {
		copy[i] = v.ptr[i];
		if (copy[i] < ' ' || copy[i] > '~') copy[i] = '?';
	}
	json_t *text = json_stringn(copy, v.len);
	free(copy);
	return text;
}

json_t *time_json(int64_t seconds) { return seconds ? json_integer(seconds) : json_null(); }

json_t *u64_json(uint64_t n) { return n <= INT64_MAX ? json_integer((json_int_t)n) : json_sprintf("%" PRIu64, n); }

json_t *hex_json(uint64_t n) { return json_sprintf("%016" PRIx64, n); }

const char *member_text(const json_t *object, const char *key) {
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "";
}

json_int_t member_number(const json_t *object, const char *key) {
	return json_integer_value(json_object_get(object, key));
}

bool member_true(const json_t *object, const char *key) { return json_is_true(json_object_get(object, key)); }

struct when when_s(json_int_t seconds, const char *none) {
	struct when w;
	char text[RFC3339_SIZE];
	format_rfc3339(seconds, text);
	(void)snprintf(w.text, sizeof w.text, "%s", seconds ? text : none);
	return w;
}

struct when when_ms(json_int_t ms, const char *none) {
	return when_s(ms / 1000, none);
}

struct when since_ms(json_int_t ms, json_int_t now_ms) {
	static const struct {
		json_int_t s;
		const char *unit;
	} units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
	json_int_t s = (now_ms - ms) / 1000;
	bool past = s >= 0;
	if (!past) s = -s;
	size_t i = 0;
	while (i + 1 < sizeof units / sizeof *units && s < 2 * units[i].s) i++;
	struct when w;
	(void)snprintf(w.text, sizeof w.text, "%s%" JSON_INTEGER_FORMAT " %s%s", past ? "" : "in ", s / units[i].s,
		       units[i].unit, past ? " ago" : "");
	return w;
}
