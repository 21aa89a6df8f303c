#include "proto/control.h"

#include "proto/msgpack_out.h"
#include "proto/stream_codec.h"

#define OP_RETRY "quarantine_retry"

struct raw_request {
	struct view op;
	struct control_request request;
};

static const struct field request_fields[] = {
	FIELD("op", FIELD_TEXT, true, struct raw_request, op, 1, NAME_MAX_BYTES),
	FIELD("id", FIELD_U64, true, struct raw_request, request.id, 0, UINT64_MAX),
	FIELD("origin", FIELD_U64, false, struct raw_request, request.origin, 1, UINT64_MAX),
	FIELD("seq", FIELD_U64, false, struct raw_request, request.seq, 1, UINT64_MAX),
};

static const struct field reply_fields[] = {
	FIELD("id", FIELD_U64, true, struct control_reply, id, 0, UINT64_MAX),
	FIELD("retried", FIELD_U64, true, struct control_reply, retried, 0, UINT64_MAX),
	FIELD("healed", FIELD_U64, true, struct control_reply, healed, 0, UINT64_MAX),
	FIELD("still", FIELD_U64, true, struct control_reply, still, 0, UINT64_MAX),
};

void control_request_write(struct writer *w, const struct control_request *r) {
	out_map(w, r->origin ? 4 : 2);
	out_text(w, VIEW("op"), VIEW(OP_RETRY));
	out_u64(w, VIEW("id"), r->id);
	if (!r->origin) return;
	out_u64(w, VIEW("origin"), r->origin);
	out_u64(w, VIEW("seq"), r->seq);
}

enum error control_request_read(struct view message, struct control_request *ret_r, uint64_t *ret_id,
				struct problem *why) {
	struct raw_request raw = {0};
	enum error e =
		fields_read_message(message, CONTROL_MESSAGE_MAX, request_fields, ARRAY_LEN(request_fields), &raw, why);
	*ret_id = raw.request.id;
	if (e) return e;
	if (!view_eq(raw.op, VIEW(OP_RETRY))) return problem_set(why, ERR_VERSION, "op: unknown");
	if (!raw.request.origin != !raw.request.seq)
		return problem_set(why, ERR_MALFORMED, "origin, seq: one does not go without the other");
	*ret_r = raw.request;
	return OK;
}

void control_reply_write(struct writer *w, const struct control_reply *r) {
	if (r->code != STREAM_OK) {
		stream_refusal_write(w, r->id, r->code, r->text);
		return;
	}
	out_map(w, 4);
	out_u64(w, VIEW("id"), r->id);
	out_u64(w, VIEW("retried"), r->retried);
	out_u64(w, VIEW("healed"), r->healed);
	out_u64(w, VIEW("still"), r->still);
}

static enum error read_refusal(const msgpack_object *map, struct control_reply *r, struct problem *why) {
	struct stream_refusal refusal;
	enum error e = stream_refusal_read(map, &refusal, why);
	if (e) return e;
	*r = (struct control_reply){.id = refusal.id, .code = refusal.code, .text = refusal.text};
	return OK;
}

enum error control_reply_read(struct view message, struct control_reply *ret_r, struct problem *why) {
	static const struct msgpack_limits limits = {CONTROL_MESSAGE_MAX, 8, 1 + 4 * FIELDS_KEYS_MAX};
	msgpack_zone zone;
	msgpack_object map;
	struct control_reply r = {.code = STREAM_OK};

	if (!msgpack_zone_init(&zone, 1024)) return problem_set(why, ERR_MEMORY, "out of memory");
	enum error e = fields_unpack(message, &limits, &zone, &map, why);
	if (!e)
		e = fields_find(&map, VIEW("err")) ? read_refusal(&map, &r, why)
						   : fields_read(&map, reply_fields, ARRAY_LEN(reply_fields), &r, why);
	msgpack_zone_destroy(&zone);
	if (!e) *ret_r = r;
	return e;
}
