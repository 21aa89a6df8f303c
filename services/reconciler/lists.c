#include "lists.h"

#include <string.h>

#include "net/stripe_form.h"

static bool text_is(const json_t *o, const char *key, const char *want) {
	const char *text = json_string_value(json_object_get(o, key));
	return text && strcmp(text, want) == 0;
}

bool page_valid(const json_t *page) {
	return text_is(page, "object", "list") && json_is_array(json_object_get(page, "data"));
}

bool page_more(const json_t *page) { return json_is_true(json_object_get(page, "has_more")); }

const char *page_last(const json_t *page) {
	const json_t *data = json_object_get(page, "data");
	size_t n = json_array_size(data);
	return n ? json_string_value(json_object_get(json_array_get(data, n - 1), "id")) : NULL;
}

/* Stripe's own path, and nothing that would lead elsewhere. */
static bool path_of_stripe(const char *url) {
	if (!url || strncmp(url, "/v1/", 4) != 0) return false;
	for (const char *c = url; *c; c++)
		if (*c <= ' ' || *c > '~' || *c == '#' || *c == '@') return false;
	return strstr(url, "..") == NULL;
}

static json_t *lacking(const json_t *object) {
	const char *key;
	json_t *member;
	/* jansson's iteration takes no const object, and does not change it */
	union {
		const json_t *in;
		json_t *out;
	} o = {.in = object};
	json_object_foreach(o.out, key, member) {
		if (page_valid(member) && page_more(member) && page_last(member) &&
		    path_of_stripe(json_string_value(json_object_get(member, "url"))))
			return member;
	}
	return NULL;
}

bool lists_next(const json_t *object, char *path, size_t size) {
	const json_t *list = lacking(object);
	if (!list) return false;
	struct writer w = writer_of(path, size);
	stripe_path(&w, json_string_value(json_object_get(list, "url")), VIEW_NONE);
	stripe_param_number(&w, "limit", 100);
	stripe_param(&w, "starting_after", view_str(page_last(list)));
	return stripe_text_end(&w) != NULL;
}

enum error lists_add(json_t *object, const json_t *page) {
	json_t *list = lacking(object), *data = json_object_get(list, "data"), *more = json_object_get(page, "data");
	if (!list || !page_valid(page)) return ERR_MALFORMED;
	if (json_array_size(more) == 0 && page_more(page)) return ERR_MALFORMED;
	if (json_array_extend(data, more) != 0) return ERR_MEMORY;
	return json_object_set_new(list, "has_more", json_boolean(page_more(page))) == 0 ? OK : ERR_MEMORY;
}
