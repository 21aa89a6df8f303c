#include "sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/parse.h"
#include "base/show.h"

/* ---- refusing ----------------------------------------------------------------- */

json_t *refuse(struct sim_request *r, unsigned status, const char *code, const char *param, const char *fmt, ...) {
	if (failed(r)) return NULL;
	struct sim_error *e = &r->error;
	e->status = status;
	e->type = status == 402 ? "card_error" : status == 500 ? "api_error" : "invalid_request_error";
	e->code = code;
	(void)snprintf(e->param, sizeof e->param, "%s", param ? param : "");
	va_list args;
	va_start(args, fmt);
	(void)vsnprintf(e->message, sizeof e->message, fmt, args);
	va_end(args);
	return NULL;
}

json_t *refuse_missing(struct sim_request *r, enum kind kind, const char *param, const char *id) {
	/* an object that the path names is 404; one that a parameter names makes the request wrong */
	unsigned status = param && strcmp(param, "id") != 0 ? 400 : 404;
	const char *name = kind_name(kind), *dot = strrchr(name, '.');
	return refuse(r, status, "resource_missing", param ? param : "id", "No such %s: '%s'", dot ? dot + 1 : name,
		      show_str(id ? id : "").text);
}

json_t *sim_error_json(const struct sim_error *e) {
	json_t *o = json_object();
	if (e->code) set_text(o, "code", e->code);
	if (e->decline_code) set_text(o, "decline_code", e->decline_code);
	set_text(o, "message", e->message);
	if (e->param[0]) set_text(o, "param", e->param);
	set_text(o, "type", e->type);
	if (e->extra) (void)json_object_update_missing(o, e->extra);
	return json_pack("{s:o}", "error", o);
}

struct record *want(struct sim_request *r, enum kind kind, const char *id, const char *param) {
	if (failed(r)) return NULL;
	struct record *rec = sim_find(r->sim, kind, id);
	if (!rec || rec->deleted) {
		(void)refuse_missing(r, kind, param, id);
		return NULL;
	}
	sim_follow(r->sim, rec);
	return rec;
}

/* ---- values ------------------------------------------------------------------- */

struct param_name {
	char text[300];
};

static struct param_name name_of(const char *at, const char *name) {
	struct param_name p;
	if (at)
		(void)snprintf(p.text, sizeof p.text, "%s[%s]", at, name);
	else
		(void)snprintf(p.text, sizeof p.text, "%s", name);
	return p;
}

bool given(const json_t *params, const char *name) { return json_object_get(params, name) != NULL; }

const char *want_text(struct sim_request *r, const json_t *params, const char *at, const char *name) {
	const json_t *v = failed(r) ? NULL : json_object_get(params, name);
	if (!v || json_is_null(v)) return NULL;
	if (json_is_string(v)) return json_string_value(v);
	(void)refuse(r, 400, NULL, name_of(at, name).text, "Invalid string: %s", name);
	return NULL;
}

const char *need_text(struct sim_request *r, const json_t *params, const char *at, const char *name) {
	const char *v = want_text(r, params, at, name);
	if (v && *v) return v;
	struct param_name p = name_of(at, name);
	if (v)
		(void)refuse(r, 400, "parameter_invalid_empty", p.text,
			     "You passed an empty string for '%s'. We assume empty values are an attempt to unset a "
			     "parameter; however '%s' cannot be unset.",
			     p.text, p.text);
	else
		(void)refuse(r, 400, "parameter_missing", p.text, "Missing required param: %s.", p.text);
	return NULL;
}

static bool read_int(const json_t *v, int64_t *ret_n) {
	if (json_is_integer(v)) {
		*ret_n = json_integer_value(v);
		return true;
	}
	if (!json_is_string(v)) return false;
	struct view text = view_of(json_string_value(v), json_string_length(v));
	bool negative = text.len && text.ptr[0] == '-';
	uint64_t n;
	if (!parse_u64(negative ? view_of(text.ptr + 1, text.len - 1) : text, INT64_MAX, &n)) return false;
	*ret_n = negative ? -(int64_t)n : (int64_t)n;
	return true;
}

int64_t want_int(struct sim_request *r, const json_t *params, const char *at, const char *name, int64_t fallback,
		 int64_t min, int64_t max) {
	const json_t *v = failed(r) ? NULL : json_object_get(params, name);
	int64_t n;
	if (!v || json_is_null(v)) return fallback;
	struct param_name p = name_of(at, name);
	if (!read_int(v, &n)) {
		const char *text = json_string_value(v);
		(void)refuse(r, 400, "parameter_invalid_integer", p.text, "Invalid integer: %s",
			     show_str(text ? text : "").text);
		return fallback;
	}
	if (n >= min && n <= max) return n;
	(void)refuse(r, 400, "parameter_invalid_integer", p.text, "Invalid integer: %lld must be between %lld and %lld",
		     (long long)n, (long long)min, (long long)max);
	return fallback;
}

bool want_bool(struct sim_request *r, const json_t *params, const char *at, const char *name, bool fallback) {
	const json_t *v = failed(r) ? NULL : json_object_get(params, name);
	if (!v || json_is_null(v)) return fallback;
	if (json_is_boolean(v)) return json_is_true(v);
	const char *text = json_string_value(v);
	if (text && (strcmp(text, "true") == 0 || strcmp(text, "1") == 0)) return true;
	if (text && (strcmp(text, "false") == 0 || strcmp(text, "0") == 0 || !*text)) return false;
	(void)refuse(r, 400, NULL, name_of(at, name).text, "Invalid boolean: %s", show_str(text ? text : "").text);
	return fallback;
}

static bool is_among(const char *value, const char *choices) {
	size_t n = strlen(value);
	for (const char *at = choices; n && at; at = strchr(at, '|')) {
		at += *at == '|';
		if (strncmp(at, value, n) == 0 && (at[n] == '|' || at[n] == 0)) return true;
	}
	return false;
}

const char *want_choice(struct sim_request *r, const json_t *params, const char *at, const char *name,
			const char *choices, const char *fallback) {
	const char *v = want_text(r, params, at, name);
	if (!v) return fallback;
	if (is_among(v, choices)) return v;
	struct param_name p = name_of(at, name);
	(void)refuse(r, 400, NULL, p.text, "Invalid %s: must be one of %s", p.text, choices);
	return fallback;
}

const json_t *want_object(struct sim_request *r, const json_t *params, const char *at, const char *name) {
	const json_t *v = failed(r) ? NULL : json_object_get(params, name);
	if (!v || json_is_object(v)) return v;
	(void)refuse(r, 400, "parameter_invalid", name_of(at, name).text, "Invalid object");
	return NULL;
}

const json_t *want_list(struct sim_request *r, const json_t *params, const char *at, const char *name) {
	const json_t *v = failed(r) ? NULL : json_object_get(params, name);
	if (!v || json_is_array(v)) return v;
	(void)refuse(r, 400, "parameter_invalid", name_of(at, name).text, "Invalid array");
	return NULL;
}

/* ---- taking ------------------------------------------------------------------- */

void take_texts(struct sim_request *r, json_t *object, const char *names) {
	char name[64];
	for (const char *at = names, *comma; (comma = strchr(at, ',')); at = comma + 1) {
		size_t n = (size_t)(comma - at);
		if (n >= sizeof name) continue;
		memcpy(name, at, n);
		name[n] = 0;
		const char *v = want_text(r, r->params, NULL, name);
		if (v) set_text(object, name, *v ? v : NULL);
	}
}

void take_metadata(struct sim_request *r, const json_t *params, json_t *object) {
	json_t *given_now = failed(r) ? NULL : json_object_get(params, "metadata"), *value;
	if (!given_now) return;
	if (json_is_string(given_now) && !json_string_length(given_now)) {
		(void)json_object_set_new(object, "metadata", json_object());
		return;
	}
	if (!json_is_object(given_now)) {
		(void)refuse(r, 400, "parameter_invalid", "metadata", "Invalid object");
		return;
	}
	json_t *merged = json_copy(json_object_get(object, "metadata"));
	if (!merged) merged = json_object();
	const char *key;
	json_object_foreach(given_now, key, value) {
		struct param_name p = name_of("metadata", key);
		if (!json_is_string(value) || json_string_length(value) > 500 || strlen(key) > 40)
			(void)refuse(r, 400, "parameter_invalid", p.text,
				     "Metadata keys have at most 40 characters and values are strings of at most 500.");
		else if (json_string_length(value))
			(void)json_object_set(merged, key, value);
		else
			(void)json_object_del(merged, key);
	}
	if (json_object_size(merged) > 50)
		(void)refuse(r, 400, "parameter_invalid", "metadata", "Metadata has at most 50 keys.");
	(void)json_object_set_new(object, "metadata", merged);
}
