/* What every verb ends with: a result or a problem, for people or as JSON. */
#include "verb.h"

#include <stdlib.h>

int call_failed(const struct call *c, enum error e, const struct problem *why) {
	const char *text = why && why->text[0] ? why->text : error_text(e);
	if (c->s.json) {
		json_t *err = json_pack("{s:{s:s, s:s+}}", "err", "code", error_code(e), "msg", text, "");
		if (err) (void)json_dumpf(err, stdout, JSON_INDENT(2));
		(void)putchar('\n');
		json_decref(err);
	}
	(void)fprintf(stderr, "%s: %s\n", c->verb->table->program, text);
	return error_exit_code(e);
}

/* Control characters become '?', also those of two bytes (C1): a terminal must not obey what came in an event. */
static json_t *harmless(const char *text, size_t n) {
	char *copy = malloc(n + 1);
	if (!copy) return NULL;
	memcpy(copy, text, n + 1);
	for (size_t i = 0; i < n; i++) {
		unsigned char byte = (unsigned char)copy[i];
		bool c1 = byte == 0xc2 && (unsigned char)copy[i + 1] < 0xa0;
		if (c1) copy[i + 1] = '?';
		if (c1 || byte < 0x20 || byte == 0x7f) copy[i] = '?';
	}
	json_t *clean = json_stringn(copy, n);
	free(copy);
	return clean;
}

/* In place, as deep as JSON of ours goes (its depth is bounded where it was read). */
static json_t *scrub(json_t *value) {
	if (json_is_string(value)) return harmless(json_string_value(value), json_string_length(value));
	if (json_is_array(value)) {
		for (size_t i = 0; i < json_array_size(value); i++)
			json_array_set_new(value, i, scrub(json_array_get(value, i)));
	} else if (json_is_object(value)) {
		const char *key;
		json_t *member;
		void *next;
		json_object_foreach_safe(value, next, key, member) json_object_set_new(value, key, scrub(member));
	}
	return json_incref(value);
}

void call_show(const struct call *c, json_t *value, void (*show)(const json_t *value)) {
	if (c->s.json) return;
	json_t *plain = scrub(value);
	show(plain);
	json_decref(plain);
}

int call_done(const struct call *c, json_t *result, void (*show)(const json_t *result), int exit_code) {
	if (!result) return call_failed(c, ERR_MEMORY, NULL);
	if (c->s.json) {
		(void)json_dumpf(result, stdout, JSON_INDENT(2));
		(void)putchar('\n');
	} else {
		json_t *plain = scrub(result);
		show(plain);
		json_decref(plain);
	}
	json_decref(result);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		(void)fprintf(stderr, "%s: cannot write to standard output\n", c->verb->table->program);
		return error_exit_code(ERR_IO);
	}
	return exit_code;
}
