#include "proto/control.h"

#include "proto/msgpack_out.h"
#include "proto/stream_codec.h"

static const char *const ops[] = {
#define X(symbol, name) [symbol] = (name),
	CONTROL_OP_TABLE(X)
#undef X
};

static const char *const phases[] = {
#define X(symbol, name) [symbol] = (name),
	REBUILD_PHASE_TABLE(X)
#undef X
};

const char *rebuild_phase_name(enum rebuild_phase p) { return (unsigned)p < REBUILD_PHASE_COUNT ? phases[p] : ""; }

struct raw_request {
	struct view op;
	struct control_request request;
};

static const struct field request_fields[] = {
	FIELD("op", FIELD_TEXT, true, struct raw_request, op, 1, NAME_MAX_BYTES),
	FIELD("id", FIELD_U64, true, struct raw_request, request.id, 0, UINT64_MAX),
	FIELD("origin", FIELD_U64, false, struct raw_request, request.origin, 1, UINT64_MAX),
	FIELD("seq", FIELD_U64, false, struct raw_request, request.seq, 1, UINT64_MAX),
	FIELD("partial", FIELD_FLAG, false, struct raw_request, request.partial, 0, 0),
};

struct raw_rebuild {
	uint64_t id;
	struct view phase;
	struct rebuild_status status;
};

static const struct field rebuild_fields[] = {
	FIELD("id", FIELD_U64, true, struct raw_rebuild, id, 0, UINT64_MAX),
	FIELD("phase", FIELD_TEXT, true, struct raw_rebuild, phase, 1, NAME_MAX_BYTES),
	FIELD("epoch", FIELD_U64, true, struct raw_rebuild, status.epoch, 0, UINT64_MAX),
	FIELD("applied", FIELD_U64, true, struct raw_rebuild, status.applied, 0, UINT64_MAX),
	FIELD("head", FIELD_U64, true, struct raw_rebuild, status.head, 0, UINT64_MAX),
	FIELD("missing", FIELD_U64, true, struct raw_rebuild, status.missing, 0, UINT64_MAX),
	FIELD("why", FIELD_TEXT, false, struct raw_rebuild, status.why, 0, STREAM_TEXT_MAX),
};

static const struct field reply_fields[] = {
	FIELD("id", FIELD_U64, true, struct control_reply, id, 0, UINT64_MAX),
	FIELD("retried", FIELD_U64, true, struct control_reply, retried, 0, UINT64_MAX),
	FIELD("healed", FIELD_U64, true, struct control_reply, healed, 0, UINT64_MAX),
	FIELD("still", FIELD_U64, true, struct control_reply, still, 0, UINT64_MAX),
};

void control_request_write(struct writer *w, const struct control_request *r) {
	if ((unsigned)r->op >= CONTROL_OP_COUNT) {
		w->failed = true;
		return;
	}
	out_map(w, 2u + (r->origin ? 2u : 0u) + r->partial);
	out_text(w, VIEW("op"), view_str(ops[r->op]));
	out_u64(w, VIEW("id"), r->id);
	if (r->partial) out_flag(w, VIEW("partial"), true);
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
	int op = 0;
	while (op < CONTROL_OP_COUNT && !view_eq(raw.op, view_str(ops[op]))) op++;
	if (op == CONTROL_OP_COUNT) return problem_set(why, ERR_VERSION, "op: unknown");
	if (!raw.request.origin != !raw.request.seq)
		return problem_set(why, ERR_MALFORMED, "origin, seq: one does not go without the other");
	raw.request.op = (enum control_op)op;
	*ret_r = raw.request;
	return OK;
}

static void write_rebuild(struct writer *w, uint64_t id, const struct rebuild_status *s) {
	struct view why = s->why;
	if (why.len > STREAM_TEXT_MAX) why.len = STREAM_TEXT_MAX;
	out_map(w, 6 + (why.len > 0));
	out_u64(w, VIEW("id"), id);
	out_text(w, VIEW("phase"), view_str(rebuild_phase_name(s->phase)));
	out_u64(w, VIEW("epoch"), s->epoch);
	out_u64(w, VIEW("applied"), s->applied);
	out_u64(w, VIEW("head"), s->head);
	out_u64(w, VIEW("missing"), s->missing);
	if (why.len) out_text(w, VIEW("why"), why);
}

void control_reply_write(struct writer *w, enum control_op op, const struct control_reply *r) {
	if (r->code != STREAM_OK) {
		stream_refusal_write(w, r->id, r->code, r->text);
		return;
	}
	if (op != CONTROL_RETRY) {
		write_rebuild(w, r->id, &r->rebuild);
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

static enum error read_rebuild(const msgpack_object *map, struct control_reply *r, struct problem *why) {
	struct raw_rebuild raw = {0};
	enum error e = fields_read(map, rebuild_fields, ARRAY_LEN(rebuild_fields), &raw, why);
	if (e) return e;
	int phase = 0;
	while (phase < REBUILD_PHASE_COUNT && !view_eq(raw.phase, view_str(phases[phase]))) phase++;
	if (phase == REBUILD_PHASE_COUNT) return problem_set(why, ERR_VERSION, "phase: unknown");
	r->id = raw.id;
	r->rebuild = raw.status;
	r->rebuild.phase = (enum rebuild_phase)phase;
	return OK;
}

enum error control_reply_read(struct view message, enum control_op op, struct control_reply *ret_r,
			      struct problem *why) {
	static const struct msgpack_limits limits = {CONTROL_MESSAGE_MAX, 8, 1 + 4 * FIELDS_KEYS_MAX};
	msgpack_zone zone;
	msgpack_object map;
	struct control_reply r = {.code = STREAM_OK};

	if (!msgpack_zone_init(&zone, 1024)) return problem_set(why, ERR_MEMORY, "out of memory");
	enum error e = fields_unpack(message, &limits, &zone, &map, why);
	if (!e && fields_find(&map, VIEW("err")))
		e = read_refusal(&map, &r, why);
	else if (!e && op != CONTROL_RETRY)
		e = read_rebuild(&map, &r, why);
	else if (!e)
		e = fields_read(&map, reply_fields, ARRAY_LEN(reply_fields), &r, why);
	msgpack_zone_destroy(&zone);
	if (!e) *ret_r = r;
	return e;
}
