#include "proto/msgpack_fields.h"
#include "proto/msgpack_out.h"
#include "proto/stream_codec.h"

static const struct field reply_fields[] = {
	FIELD("id", FIELD_U64, true, struct stream_reply, id, 0, UINT64_MAX),
	FIELD("origin", FIELD_U64, true, struct stream_reply, origin, 1, UINT64_MAX),
	FIELD("first", FIELD_U64, true, struct stream_reply, first, 0, UINT64_MAX),
	FIELD("head", FIELD_U64, true, struct stream_reply, head, 0, UINT64_MAX),
	FIELD("seq", FIELD_U64, false, struct stream_reply, seq, 0, UINT64_MAX),
	FIELD("duplicate", FIELD_FLAG, false, struct stream_reply, duplicate, 0, 0),
	FIELD("count", FIELD_U64, false, struct stream_reply, count, 0, STREAM_REPLAY_RECORDS_MAX),
};

struct raw_refusal {
	uint64_t id;
	const msgpack_object *err;
	struct view code, msg;
	bool retry;
};

static const struct field refusal_fields[] = {
	FIELD("id", FIELD_U64, true, struct raw_refusal, id, 0, UINT64_MAX),
	FIELD("err", FIELD_OBJECT, true, struct raw_refusal, err, 0, 0),
};

static const struct field err_fields[] = {
	FIELD("code", FIELD_TEXT, true, struct raw_refusal, code, 1, NAME_MAX_BYTES),
	FIELD("msg", FIELD_TEXT, true, struct raw_refusal, msg, 0, STREAM_TEXT_MAX),
	FIELD("retry", FIELD_FLAG, true, struct raw_refusal, retry, 0, 0),
};

static void write_refusal(struct writer *w, const struct stream_reply *r) {
	struct view text = r->text;
	if (text.len > STREAM_TEXT_MAX) text.len = STREAM_TEXT_MAX;
	out_map(w, 2);
	out_u64(w, VIEW("id"), r->id);
	out_key(w, VIEW("err"));
	out_map(w, 3);
	out_text(w, VIEW("code"), view_str(stream_code_name(r->code)));
	out_text(w, VIEW("msg"), text);
	out_flag(w, VIEW("retry"), stream_code_retry(r->code));
}

void stream_reply_write(struct writer *w, const struct stream_reply *r) {
	if (r->code != STREAM_OK) {
		write_refusal(w, r);
		return;
	}
	out_map(w, 4u + (r->seq > 0) + r->duplicate + (r->count > 0));
	out_u64(w, VIEW("id"), r->id);
	out_u64(w, VIEW("origin"), r->origin);
	out_u64(w, VIEW("first"), r->first);
	out_u64(w, VIEW("head"), r->head);
	if (r->seq) out_u64(w, VIEW("seq"), r->seq);
	if (r->duplicate) out_flag(w, VIEW("duplicate"), true);
	if (r->count) out_u64(w, VIEW("count"), r->count);
}

static enum stream_code parse_code(struct view name) {
	for (int i = STREAM_OK + 1; i < STREAM_CODE_COUNT; i++)
		if (view_eq(name, view_str(stream_code_name((enum stream_code)i)))) return (enum stream_code)i;
	return STREAM_INTERNAL;
}

static enum error read_refusal(const msgpack_object *map, struct stream_reply *r, struct problem *why) {
	struct raw_refusal raw = {0};
	enum error e = fields_read(map, refusal_fields, ARRAY_LEN(refusal_fields), &raw, why);
	if (!e) e = fields_read(raw.err, err_fields, ARRAY_LEN(err_fields), &raw, why);
	if (e) return e;
	*r = (struct stream_reply){.id = raw.id, .code = parse_code(raw.code), .retry = raw.retry, .text = raw.msg};
	return OK;
}

enum error stream_reply_read(struct view message, struct stream_reply *ret_r, struct problem *why) {
	static const struct msgpack_limits limits = {STREAM_MESSAGE_MAX, 8, 1 + 4 * FIELDS_KEYS_MAX};
	msgpack_zone zone;
	if (!msgpack_zone_init(&zone, 1024)) return problem_set(why, ERR_MEMORY, "out of memory");
	msgpack_object map;
	struct stream_reply r = {.code = STREAM_OK};
	enum error e = fields_unpack(message, &limits, &zone, &map, why);
	if (!e)
		e = fields_find(&map, VIEW("err")) ? read_refusal(&map, &r, why)
						   : fields_read(&map, reply_fields, ARRAY_LEN(reply_fields), &r, why);
	msgpack_zone_destroy(&zone);
	if (!e) *ret_r = r;
	return e;
}
