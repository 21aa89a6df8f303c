#include "proto/stripe_envelope.h"

#include "base/parse.h"
#include "proto/json_scan.h"

enum field { ID, OBJECT, TYPE, CREATED, LIVEMODE, ACCOUNT, API_VERSION, CONTEXT, DATA, FIELD_COUNT };

static const struct view names[FIELD_COUNT] = {
	[ID] = VIEW_INIT("id"),
	[OBJECT] = VIEW_INIT("object"),
	[TYPE] = VIEW_INIT("type"),
	[CREATED] = VIEW_INIT("created"),
	[LIVEMODE] = VIEW_INIT("livemode"),
	[ACCOUNT] = VIEW_INIT("account"),
	[API_VERSION] = VIEW_INIT("api_version"),
	[CONTEXT] = VIEW_INIT("context"),
	[DATA] = VIEW_INIT("data"),
};

/* Each field's value as it stands in the body, with its quotes or brackets; empty: absent. */
struct found {
	struct view raw[FIELD_COUNT];
};

static unsigned field_named(struct view name) {
	unsigned i = 0;
	while (i < FIELD_COUNT && !view_eq(name, names[i])) i++;
	return i;
}

/* One "key": value of the top level. */
static bool scan_member(struct json_scan *s, struct found *f) {
	struct view name = VIEW_NONE;
	bool escaped = false;

	json_scan_space(s);
	if (!json_scan_string(s, &name, &escaped)) return false;
	if (escaped) return json_scan_fail(s, "an escape in a top-level key");
	unsigned field = field_named(name);
	if (field < FIELD_COUNT && f->raw[field].len) return json_scan_fail(s, "a top-level key occurs twice");
	json_scan_space(s);
	if (!json_scan_byte(s, ':', "a colon is missing")) return false;
	json_scan_space(s);
	const uint8_t *value = s->at;
	if (!json_scan_value(s, JSON_DEPTH_MAX - 1)) return false;
	if (field < FIELD_COUNT) f->raw[field] = view_of(value, (size_t)(s->at - value));
	return true;
}

static bool scan_body(struct json_scan *s, struct found *f) {
	json_scan_space(s);
	if (!json_scan_byte(s, '{', "it is not a JSON object")) return false;
	json_scan_space(s);
	if (s->at < s->end && *s->at == '}') {
		s->at++;
	} else {
		do {
			if (!scan_member(s, f)) return false;
			json_scan_space(s);
		} while (s->at < s->end && *s->at == ',' && s->at++);
		if (!json_scan_byte(s, '}', "a comma or a closing bracket is missing")) return false;
	}
	json_scan_space(s);
	return s->at == s->end || json_scan_fail(s, "bytes after its end");
}

static bool is_null(struct view raw) { return raw.len == 0 || view_eq(raw, VIEW("null")); }

/* A string of 1 to max bytes of printable ASCII without quotes, backslashes and spaces: what ids,
 * types and versions are made of, and what is safe to put in a log line. */
static bool text_of(struct view raw, size_t max, struct view *ret_text) {
	if (raw.len < 3 || raw.ptr[0] != '"' || raw.len - 2 > max) return false;
	struct view inside = view_of(raw.ptr + 1, raw.len - 2);
	for (size_t i = 0; i < inside.len; i++)
		if (inside.ptr[i] <= ' ' || inside.ptr[i] > '~' || inside.ptr[i] == '\\') return false;
	*ret_text = inside;
	return true;
}

static bool optional_text(struct view raw, size_t max, struct view *ret_text) {
	if (is_null(raw)) {
		*ret_text = VIEW_NONE;
		return true;
	}
	return text_of(raw, max, ret_text);
}

static bool time_of(struct view raw, bool thin, int64_t *ret_created) {
	uint64_t n;
	struct view text;
	if (thin) return text_of(raw, 64, &text) && parse_rfc3339(text, ret_created);
	if (!parse_u64(raw, INT64_MAX, &n)) return false;
	*ret_created = (int64_t)n;
	return true;
}

/* The account that the event is about is the last segment of the context's path. */
static bool context_of(struct view raw, struct view *ret_account) {
	struct view path;
	if (!optional_text(raw, 4 * ACCOUNT_MAX, &path)) return false;
	size_t from = path.len;
	while (from > 0 && path.ptr[from - 1] != '/') from--;
	struct view last = view_of(path.len ? path.ptr + from : NULL, path.len - from);
	if (last.len > ACCOUNT_MAX || (path.len && !last.len)) return false;
	*ret_account = last;
	return true;
}

static enum error refuse(struct problem *why, enum field field) {
	return problem_set(why, ERR_NOT_EVENT, "%s is missing or not what an event has", names[field].ptr);
}

static enum error interpret(const struct found *f, struct stripe_envelope *ret_e, struct problem *why) {
	const struct view *raw = f->raw;
	struct stripe_envelope e = {0};
	struct view object;

	if (!text_of(raw[OBJECT], EVENT_TYPE_MAX, &object)) return refuse(why, OBJECT);
	e.thin = view_eq(object, VIEW("v2.core.event"));
	if (!e.thin && !view_eq(object, VIEW("event"))) return refuse(why, OBJECT);
	if (!text_of(raw[ID], STRIPE_ID_MAX, &e.id)) return refuse(why, ID);
	if (!text_of(raw[TYPE], EVENT_TYPE_MAX, &e.type)) return refuse(why, TYPE);
	if (!time_of(raw[CREATED], e.thin, &e.created)) return refuse(why, CREATED);
	e.livemode = view_eq(raw[LIVEMODE], VIEW("true"));
	if (!e.livemode && !view_eq(raw[LIVEMODE], VIEW("false"))) return refuse(why, LIVEMODE);
	if (!optional_text(raw[API_VERSION], API_VERSION_MAX, &e.api_version)) return refuse(why, API_VERSION);
	if (!optional_text(raw[ACCOUNT], ACCOUNT_MAX, &e.account)) return refuse(why, ACCOUNT);
	if (!e.account.len && !context_of(raw[CONTEXT], &e.account)) return refuse(why, CONTEXT);
	if (!e.thin && (!raw[DATA].len || raw[DATA].ptr[0] != '{')) return refuse(why, DATA);
	*ret_e = e;
	return OK;
}

enum error stripe_envelope_parse(struct view body, struct stripe_envelope *ret_e, struct problem *why) {
	struct json_scan s = json_scan_of(body);
	struct found f = {0};

	if (body.len > EVENT_BODY_MAX) return problem_set(why, ERR_NOT_EVENT, "longer than %d bytes", EVENT_BODY_MAX);
	if (!scan_body(&s, &f))
		return problem_set(why, ERR_NOT_EVENT, "not an event at byte %zu: %s", (size_t)(s.at - s.start),
				   s.fault);
	return interpret(&f, ret_e, why);
}
