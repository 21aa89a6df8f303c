#include "proto/msgpack_fields.h"
#include "proto/msgpack_out.h"
#include "proto/stream_codec.h"

/* Everything that any request may hold; a key has one meaning in all of them. */
struct raw {
	struct stream_request r;
	struct view op;
	struct view mode;
	struct view kind;
};

static const struct field request_fields[] = {
	FIELD("id", FIELD_U64, true, struct raw, r.id, 0, UINT64_MAX),
	FIELD("op", FIELD_TEXT, true, struct raw, op, 1, NAME_MAX_BYTES),
	FIELD("from", FIELD_U64, false, struct raw, r.from, 1, UINT64_MAX),
	FIELD("max", FIELD_U64, false, struct raw, r.max, 1, STREAM_REPLAY_RECORDS_MAX),
	FIELD("mode", FIELD_TEXT, false, struct raw, mode, 1, 8),
	FIELD("acct", FIELD_TEXT, false, struct raw, r.record.account, 0, ACCOUNT_MAX),
	FIELD("event", FIELD_TEXT, false, struct raw, r.record.id, 1, STRIPE_ID_MAX),
	FIELD("kind", FIELD_TEXT, false, struct raw, kind, 1, NAME_MAX_BYTES),
	FIELD("created", FIELD_TIME, false, struct raw, r.record.created, 0, 0),
	FIELD("type", FIELD_TEXT, false, struct raw, r.record.type, 1, EVENT_TYPE_MAX),
	FIELD("api_version", FIELD_TEXT, false, struct raw, r.record.api_version, 0, API_VERSION_MAX),
	FIELD("body", FIELD_BYTES, false, struct raw, r.record.body, 1, EVENT_BODY_MAX),
	FIELD("worker", FIELD_TEXT, false, struct raw, r.worker, 1, STREAM_WORKER_MAX),
	FIELD("seq", FIELD_U64, false, struct raw, r.seq, 0, UINT64_MAX),
};

static const struct {
	struct view name;
	enum record_kind kind;
} kinds[] = {
	/* a webhook is not appended: it comes signed, or it is not one */
	{VIEW_INIT("event"), RECORD_EVENT},
	{VIEW_INIT("snapshot"), RECORD_SNAPSHOT},
	{VIEW_INIT("override"), RECORD_OVERRIDE},
	{VIEW_INIT("mark"), RECORD_MARK},
};

static enum error parse_op(struct raw *raw, struct problem *why) {
	for (int i = 0; i < STREAM_OP_COUNT; i++) {
		if (view_eq(raw->op, view_str(stream_op_name((enum stream_op)i)))) {
			raw->r.op = (enum stream_op)i;
			return OK;
		}
	}
	return problem_set(why, ERR_VERSION, "op: is none of head, replay, find, append, progress, forget");
}

static enum error missing(const char *key, struct problem *why) {
	return problem_set(why, ERR_MALFORMED, "%s: is missing", key);
}

static enum error finish_event(struct raw *raw, struct problem *why) {
	if (!raw->r.record.id.len) return missing("event", why);
	if (!raw->mode.len) return missing("mode", why);
	return stream_mode_parse(raw->mode, &raw->r.record.livemode, why);
}

static enum error finish_append(struct raw *raw, struct problem *why) {
	enum error e = finish_event(raw, why);
	if (e) return e;
	if (!raw->r.record.type.len) return missing("type", why);
	if (!raw->r.record.body.len) return missing("body", why);
	if (!raw->r.record.created) return missing("created", why);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (view_eq(raw->kind, kinds[i].name)) {
			raw->r.record.kind = kinds[i].kind;
			return OK;
		}
	}
	return problem_set(why, ERR_MALFORMED, "kind: is none of event, snapshot, override, mark");
}

static enum error finish(struct raw *raw, struct problem *why) {
	switch (raw->r.op) {
	case STREAM_REPLAY:
		return raw->r.from ? OK : missing("from", why);
	case STREAM_FIND:
		return finish_event(raw, why);
	case STREAM_APPEND:
		return finish_append(raw, why);
	case STREAM_PROGRESS:
	case STREAM_FORGET:
		return raw->r.worker.len ? OK : missing("worker", why);
	case STREAM_HEAD:
	case STREAM_OP_COUNT:
		break;
	}
	return OK;
}

enum error stream_request_read(struct view message, struct stream_request *ret_r, uint64_t *ret_id,
			       struct problem *why) {
	struct raw raw = {.r = {.max = STREAM_REPLAY_RECORDS_MAX}};
	enum error e =
		fields_read_message(message, STREAM_APPEND_MAX, request_fields, ARRAY_LEN(request_fields), &raw, why);
	*ret_id = raw.r.id;
	if (!e) e = parse_op(&raw, why);
	if (!e) e = finish(&raw, why);
	if (!e) *ret_r = raw.r;
	return e;
}

static void begin(struct writer *w, const struct stream_request *r, unsigned keys) {
	out_map(w, 2 + keys);
	out_u64(w, VIEW("id"), r->id);
	out_text(w, VIEW("op"), view_str(stream_op_name(r->op)));
}

static void write_event(struct writer *w, const struct record *r) {
	out_text(w, VIEW("mode"), stream_mode_name(r->livemode));
	out_text(w, VIEW("acct"), r->account);
	out_text(w, VIEW("event"), r->id);
}

static void write_fact(struct writer *w, const struct record *r) {
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (kinds[i].kind == r->kind) out_text(w, VIEW("kind"), kinds[i].name);
	if (r->kind == RECORD_WEBHOOK) w->failed = true;
	out_i64(w, VIEW("created"), r->created);
	out_text(w, VIEW("type"), r->type);
	out_text(w, VIEW("api_version"), r->api_version);
	out_bytes(w, VIEW("body"), r->body);
}

void stream_request_write(struct writer *w, const struct stream_request *r) {
	switch (r->op) {
	case STREAM_HEAD:
		begin(w, r, 0);
		break;
	case STREAM_REPLAY:
		begin(w, r, 1 + (r->max > 0));
		out_u64(w, VIEW("from"), r->from);
		if (r->max) out_u64(w, VIEW("max"), r->max);
		break;
	case STREAM_FIND:
		begin(w, r, 3);
		write_event(w, &r->record);
		break;
	case STREAM_APPEND:
		begin(w, r, 8);
		write_event(w, &r->record);
		write_fact(w, &r->record);
		break;
	case STREAM_PROGRESS:
		begin(w, r, 2);
		out_text(w, VIEW("worker"), r->worker);
		out_u64(w, VIEW("seq"), r->seq);
		break;
	case STREAM_FORGET:
		begin(w, r, 1);
		out_text(w, VIEW("worker"), r->worker);
		break;
	case STREAM_OP_COUNT:
		w->failed = true;
		break;
	}
}
