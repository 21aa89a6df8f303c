#include "proto/msgpack_out.h"
#include "proto/stream_codec.h"

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

void stream_refusal_write(struct writer *w, uint64_t id, enum stream_code code, struct view text) {
	if (text.len > STREAM_TEXT_MAX) text.len = STREAM_TEXT_MAX;
	out_map(w, 2);
	out_u64(w, VIEW("id"), id);
	out_key(w, VIEW("err"));
	out_map(w, 3);
	out_text(w, VIEW("code"), view_str(stream_code_name(code)));
	out_text(w, VIEW("msg"), text);
	out_flag(w, VIEW("retry"), stream_code_retry(code));
}

static enum stream_code parse_code(struct view name) {
	for (int i = STREAM_OK + 1; i < STREAM_CODE_COUNT; i++)
		if (view_eq(name, view_str(stream_code_name((enum stream_code)i)))) return (enum stream_code)i;
	return STREAM_INTERNAL;
}

enum error stream_refusal_read(const msgpack_object *map, struct stream_refusal *ret_r, struct problem *why) {
	struct raw_refusal raw = {0};
	enum error e = fields_read(map, refusal_fields, ARRAY_LEN(refusal_fields), &raw, why);
	if (!e) e = fields_read(raw.err, err_fields, ARRAY_LEN(err_fields), &raw, why);
	if (e) return e;
	*ret_r = (struct stream_refusal){
		.id = raw.id, .code = parse_code(raw.code), .retry = raw.retry, .text = raw.msg};
	return OK;
}
