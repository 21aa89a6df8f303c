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
	FIELD("run", FIELD_U64, false, struct stream_reply, run, 0, UINT64_MAX),
};

void stream_reply_write(struct writer *w, const struct stream_reply *r) {
	if (r->code != STREAM_OK) {
		stream_refusal_write(w, r->id, r->code, r->text);
		return;
	}
	out_map(w, 4u + (r->seq > 0) + r->duplicate + (r->count > 0) + (r->run > 0));
	out_u64(w, VIEW("id"), r->id);
	out_u64(w, VIEW("origin"), r->origin);
	out_u64(w, VIEW("first"), r->first);
	out_u64(w, VIEW("head"), r->head);
	if (r->seq) out_u64(w, VIEW("seq"), r->seq);
	if (r->duplicate) out_flag(w, VIEW("duplicate"), true);
	if (r->count) out_u64(w, VIEW("count"), r->count);
	if (r->run) out_u64(w, VIEW("run"), r->run);
}

static enum error read_refusal(const msgpack_object *map, struct stream_reply *r, struct problem *why) {
	struct stream_refusal refusal;
	enum error e = stream_refusal_read(map, &refusal, why);
	if (e) return e;
	*r = (struct stream_reply){
		.id = refusal.id, .code = refusal.code, .retry = refusal.retry, .text = refusal.text};
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
