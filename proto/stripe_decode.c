#include "proto/stripe_decode.h"

#include <stdlib.h>

#include "base/parse.h"
#include "proto/fact.h"
#include "proto/stripe_object.h"

#define THIN "v2.core.event" /* the "object" of a thin event */

struct stripe_decoder {
	json_t *root; /* of the last call */
	char metadata_key[];
};

struct stripe_decoder *stripe_decoder_create(struct view metadata_key) {
	struct stripe_decoder *d = calloc(1, sizeof *d + metadata_key.len + 1);
	if (d && metadata_key.len) memcpy(d->metadata_key, metadata_key.ptr, metadata_key.len);
	return d;
}

void stripe_decoder_destroy(struct stripe_decoder **d) {
	if (!d || !*d) return;
	json_decref((*d)->root);
	free(*d);
	*d = NULL;
}

/* ---- the body and its record -------------------------------------------------- */

/* jansson's own sentences quote the body, which may hold what no log should. */
static enum error parse(struct stripe_decoder *d, struct view body, struct problem *why) {
	json_error_t error;
	json_decref(d->root);
	d->root = json_loadb(body.ptr ? body.ptr : "", body.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
	if (d->root) return OK;
	enum json_error_code code = json_error_code(&error);
	if (code == json_error_out_of_memory) return problem_set(why, ERR_MEMORY, "out of memory");
	return problem_set(why, ERR_MALFORMED, "line %d, column %d: %s", error.line, error.column,
			   code == json_error_duplicate_key      ? "a key occurs twice"
			   : code == json_error_numeric_overflow ? "a number is too big"
								 : "not JSON");
}

/* The member says `want`, or nothing. */
static void check_text(struct stripe_reader *r, const struct stripe_place *object, const char *key, struct view want) {
	struct stripe_place p = stripe_member(object, key);
	struct view text = stripe_text(r, object, key, EVENT_TYPE_MAX);
	if (stripe_present(&p) && !view_eq(text, want)) stripe_fail(r, &p, "contradicts the record");
}

static void check_livemode(struct stripe_reader *r, const struct stripe_place *object, bool want) {
	struct stripe_place p = stripe_member(object, "livemode");
	bool livemode = stripe_flag(r, object, "livemode");
	if (stripe_present(&p) && livemode != want) stripe_fail(r, &p, "contradicts the record");
}

/* The account that a context's path is about is its last segment. */
static struct view context_account(struct stripe_reader *r, const struct stripe_place *event) {
	struct view path = stripe_text(r, event, "context", 4 * ACCOUNT_MAX);
	size_t from = path.len;
	while (from > 0 && path.ptr[from - 1] != '/') from--;
	return view_of(path.len ? path.ptr + from : NULL, path.len - from);
}

static void check_account(struct stripe_reader *r, const struct stripe_place *event, const struct record *record) {
	struct stripe_place account = stripe_member(event, "account"), context = stripe_member(event, "context");
	check_text(r, event, "account", record->account);
	if (stripe_present(&account)) return;
	struct view named = context_account(r, event);
	/* what an own API key listed has a context and no account in its record */
	if (named.len && record->account.len && !view_eq(named, record->account))
		stripe_fail(r, &context, "contradicts the record");
}

static int64_t second_of(struct stripe_reader *r, const struct stripe_place *event, bool thin) {
	struct stripe_place created = stripe_member(event, "created");
	int64_t second = 0;
	if (!thin) return stripe_natural(r, event, "created");
	struct view text = stripe_text(r, event, "created", NAME_MAX_BYTES);
	if (text.len && !parse_rfc3339(text, &second)) stripe_fail(r, &created, "is no time");
	return second;
}

/* An envelope that differs from its record would be applied under a name, a time or a mode that nobody signed. */
static void check_event(struct stripe_reader *r, const struct stripe_place *event, const struct record *record,
			bool thin) {
	struct stripe_place created = stripe_member(event, "created");
	check_text(r, event, "object", thin ? VIEW(THIN) : VIEW("event"));
	check_text(r, event, "id", record->id);
	check_text(r, event, "type", record->type);
	check_account(r, event, record);
	check_livemode(r, event, record->livemode);
	int64_t second = second_of(r, event, thin);
	if (stripe_present(&created) && second != record->created) stripe_fail(r, &created, "contradicts the record");
}

/* ---- decoding ----------------------------------------------------------------- */

static bool is_thin(json_t *root) {
	json_t *object = json_object_get(root, "object");
	return json_is_string(object) && strcmp(json_string_value(object), THIN) == 0;
}

/* A thin event has no data, only where to get it. */
static void read_thin(struct stripe_reader *r, const struct stripe_place *event, struct observation *o) {
	struct stripe_place related = stripe_member(event, "related_object");
	struct view id = stripe_id(r, &related, "id");
	const struct stripe_object *object = stripe_object_named(stripe_text(r, &related, "type", EVENT_TYPE_MAX));
	if (object) stripe_ask(o, object->fetch, id);
}

static void read_object(struct stripe_reader *r, const struct stripe_place *at, const struct stripe_object *object,
			const struct stripe_event *e, struct observation *o) {
	if (!stripe_is_object(at)) stripe_fail(r, at, "must be an object");
	check_text(r, at, "object", object->name);
	check_livemode(r, at, o->scope.livemode);
	if (r->failed) return;
	o->kind = object->kind;
	o->stamp.rank = e->rank;
	object->read(r, at, e, o);
}

static enum error decode_event(struct stripe_decoder *d, struct stripe_reader *r, const struct record *record,
			       struct observation *o) {
	/* a thin event's type has a version in front */
	bool prefixed = view_starts(record->type, VIEW("v1."));
	struct view name = prefixed ? view_of(record->type.ptr + 3, record->type.len - 3) : record->type;
	const struct stripe_type *type = stripe_type_named(name);
	/* about a subscription even what is not known yet is worth a look */
	if (!type && !(prefixed && view_starts(name, VIEW("customer.subscription.")))) return OK;

	enum error e = parse(d, record->body, r->why);
	if (e) return e;
	struct stripe_place event = {.base = d->root};
	bool thin = is_thin(d->root);
	if (prefixed && !thin) return OK;
	check_event(r, &event, record, thin);
	if (thin) {
		read_thin(r, &event, o);
		return OK;
	}
	json_t *data = json_object_get(d->root, "data");
	json_t *previous = json_object_get(data, "previous_attributes");
	struct stripe_event how = {.rank = type->rank, .previous = json_is_object(previous) ? previous : NULL};
	struct stripe_place at = {.key = "data.object", .base = json_object_get(data, "object")};
	read_object(r, &at, type->object, &how, o);
	return OK;
}

static enum error decode_snapshot(struct stripe_decoder *d, struct stripe_reader *r, const struct record *record,
				  struct observation *o) {
	static const struct stripe_object missing = {VIEW_INIT(FACT_MISSING), OBSERVE_NOTHING, FETCH_NOTHING,
						     fact_read_answer};
	static const struct stripe_object answered = {VIEW_INIT(FACT_ANSWERED), OBSERVE_NOTHING, FETCH_NOTHING,
						      fact_read_answer};
	const struct stripe_object *object = view_eq(record->type, missing.name)    ? &missing
					     : view_eq(record->type, answered.name) ? &answered
										    : stripe_object_named(record->type);
	if (!object || (object->fetch == FETCH_NOTHING && object != &missing && object != &answered)) return OK;
	enum error e = parse(d, record->body, r->why);
	if (e) return e;
	struct stripe_place at = {.base = d->root};
	read_object(r, &at, object, &(struct stripe_event){.rank = RANK_UPDATED, .snapshot = true}, o);
	if (object->fetch == FETCH_NOTHING) return OK;
	o->is_answer = true;
	o->answered = (struct fetch){object->fetch, stripe_need_id(r, &at, "id")};
	return OK;
}

/* Our own records: of any other type they are none. */
static enum error decode_fact(struct stripe_decoder *d, struct stripe_reader *r, const struct record *record,
			      const struct stripe_object *object, struct observation *o) {
	if (!view_eq(record->type, object->name))
		return problem_set(r->why, ERR_MALFORMED, "type: a record of its kind is \"%s\"", object->name.ptr);
	enum error e = parse(d, record->body, r->why);
	if (e) return e;
	struct stripe_place at = {.base = d->root};
	read_object(r, &at, object, &(struct stripe_event){.rank = RANK_UPDATED}, o);
	return OK;
}

static enum error decode(struct stripe_decoder *d, struct stripe_reader *r, const struct record *record,
			 struct observation *o) {
	static const struct stripe_object override = {VIEW_INIT(FACT_OVERRIDE), OBSERVE_OVERRIDE, FETCH_NOTHING,
						      fact_read_override};
	static const struct stripe_object mark = {VIEW_INIT(FACT_MARK), OBSERVE_MARK, FETCH_NOTHING, fact_read_mark};
	switch (record->kind) {
	case RECORD_WEBHOOK:
	case RECORD_EVENT:
		return decode_event(d, r, record, o);
	case RECORD_SNAPSHOT:
		return decode_snapshot(d, r, record, o);
	case RECORD_OVERRIDE:
		return decode_fact(d, r, record, &override, o);
	case RECORD_MARK:
		return decode_fact(d, r, record, &mark, o);
	}
	return problem_set(r->why, ERR_MALFORMED, "kind: not one that a record has");
}

enum error stripe_decode(struct stripe_decoder *d, const struct record *record, struct observation *ret_o,
			 struct problem *why) {
	struct stripe_reader r = {.why = why, .metadata_key = d->metadata_key};
	struct observation o = {
		.kind = OBSERVE_NOTHING,
		.scope = {record->livemode, record->account},
		.stamp = {record->created, RANK_UPDATED, record->id},
	};
	enum error e = decode(d, &r, record, &o);
	if (!e && r.failed) e = ERR_MALFORMED;
	if (!e) *ret_o = o;
	return e;
}
