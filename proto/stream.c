#include "proto/stream.h"

#include "proto/msgpack_fields.h"
#include "proto/msgpack_out.h"
#include "proto/state.h"
#include "proto/stream_codec.h"

const char *stream_op_name(enum stream_op op) {
	static const char *const names[] = {
#define X(symbol, name) [symbol] = (name),
		STREAM_OP_TABLE(X)
#undef X
	};
	return (unsigned)op < STREAM_OP_COUNT ? names[op] : "";
}

static const struct {
	const char *name;
	bool retry;
	enum error error;
} codes[] = {
#define X(symbol, name, retry, error) [symbol] = {name, retry, error},
	STREAM_CODE_TABLE(X)
#undef X
};

static unsigned known(enum stream_code c) { return (unsigned)c < STREAM_CODE_COUNT ? c : STREAM_INTERNAL; }

const char *stream_code_name(enum stream_code c) { return codes[known(c)].name; }
bool stream_code_retry(enum stream_code c) { return codes[known(c)].retry; }
enum error stream_code_error(enum stream_code c) { return codes[known(c)].error; }

enum stream_code stream_code_of(enum error e) {
	switch ((int)e) {
	case ERR_MALFORMED:
	case ERR_TRUNCATED:
	case ERR_LIMIT:
		return STREAM_BAD_REQUEST;
	case ERR_VERSION:
		return STREAM_UNKNOWN_OP;
	case ERR_UNAVAILABLE:
		return STREAM_OVERLOADED;
	case ERR_IO:
		return STREAM_STORAGE;
	default:
		break;
	}
	for (int i = 0; i < STREAM_CODE_COUNT; i++)
		if (codes[i].error == e) return (enum stream_code)i;
	return STREAM_INTERNAL;
}

enum error stream_mode_parse(struct view name, bool *ret_livemode, struct problem *why) {
	bool live = view_eq(name, VIEW("live"));
	if (!live && !view_eq(name, VIEW("test")))
		return problem_set(why, ERR_MALFORMED, "mode: is neither live nor test");
	*ret_livemode = live;
	return OK;
}

struct view stream_mode_name(bool livemode) {
	return livemode ? VIEW("live") : VIEW("test");
}

static const struct field heartbeat_fields[] = {
	FIELD("origin", FIELD_U64, true, struct stream_heartbeat, origin, 1, UINT64_MAX),
	FIELD("first", FIELD_U64, true, struct stream_heartbeat, first, 0, UINT64_MAX),
	FIELD("head", FIELD_U64, true, struct stream_heartbeat, head, 0, UINT64_MAX),
	FIELD("now_ms", FIELD_I64, true, struct stream_heartbeat, now_ms, 0, 0),
	FIELD("run", FIELD_U64, false, struct stream_heartbeat, run, 0, UINT64_MAX),
};

void stream_heartbeat_write(struct writer *w, const struct stream_heartbeat *h) {
	out_map(w, 4u + (h->run > 0));
	out_u64(w, VIEW("origin"), h->origin);
	out_u64(w, VIEW("first"), h->first);
	out_u64(w, VIEW("head"), h->head);
	out_i64(w, VIEW("now_ms"), h->now_ms);
	if (h->run) out_u64(w, VIEW("run"), h->run);
}

enum error stream_heartbeat_read(struct view message, struct stream_heartbeat *ret_h, struct problem *why) {
	struct stream_heartbeat h = {0};
	enum error e = fields_read_message(message, STREAM_MESSAGE_MAX, heartbeat_fields, ARRAY_LEN(heartbeat_fields),
					   &h, why);
	if (!e) *ret_h = h;
	return e;
}

struct raw_change {
	struct stream_change change;
	struct view mode;
};

static const struct field change_fields[] = {
	FIELD("epoch", FIELD_U64, true, struct raw_change, change.epoch, 1, UINT64_MAX),
	FIELD("ver", FIELD_U64, true, struct raw_change, change.ver, 1, UINT64_MAX),
	FIELD("at_ms", FIELD_I64, true, struct raw_change, change.at_ms, 0, 0),
	FIELD("mode", FIELD_TEXT, true, struct raw_change, mode, 1, 8),
	FIELD("acct", FIELD_TEXT, false, struct raw_change, change.scope.account, 0, ACCOUNT_MAX),
	FIELD("sub", FIELD_TEXT, true, struct raw_change, change.sub, 1, SUBJECT_MAX),
	FIELD("before", FIELD_TEXT, true, struct raw_change, change.before, 0, NAME_MAX_BYTES),
	FIELD("after", FIELD_TEXT, true, struct raw_change, change.after, 0, NAME_MAX_BYTES),
	FIELD("reason", FIELD_TEXT, true, struct raw_change, change.reason, 0, NAME_MAX_BYTES),
	FIELD("status", FIELD_TEXT, true, struct raw_change, change.status, 0, NAME_MAX_BYTES),
	FIELD("until", FIELD_TIME, false, struct raw_change, change.until, 0, 0),
	FIELD("event", FIELD_TEXT, false, struct raw_change, change.event, 0, STRIPE_ID_MAX),
};

struct stream_change stream_change_of(uint64_t epoch, const struct change *c) {
	return (struct stream_change){.epoch = epoch,
				      .ver = c->ver,
				      .at_ms = c->at_ms,
				      .scope = c->scope,
				      .sub = c->subject,
				      .before = c->before,
				      .after = c->after,
				      .reason = view_str(reason_name(c->reason)),
				      .status = view_str(sub_status_name(c->status)),
				      .until = c->until,
				      .event = c->event};
}

void stream_change_write(struct writer *w, const struct stream_change *c) {
	out_map(w, 12);
	out_u64(w, VIEW("epoch"), c->epoch);
	out_u64(w, VIEW("ver"), c->ver);
	out_i64(w, VIEW("at_ms"), c->at_ms);
	out_text(w, VIEW("mode"), stream_mode_name(c->scope.livemode));
	out_text(w, VIEW("acct"), c->scope.account);
	out_text(w, VIEW("sub"), c->sub);
	out_text(w, VIEW("before"), c->before);
	out_text(w, VIEW("after"), c->after);
	out_text(w, VIEW("reason"), c->reason);
	out_text(w, VIEW("status"), c->status);
	out_time(w, VIEW("until"), c->until);
	out_text(w, VIEW("event"), c->event);
}

enum error stream_change_read(struct view message, struct stream_change *ret_c, struct problem *why) {
	struct raw_change raw = {0};
	enum error e =
		fields_read_message(message, STREAM_MESSAGE_MAX, change_fields, ARRAY_LEN(change_fields), &raw, why);
	if (!e) e = stream_mode_parse(raw.mode, &raw.change.scope.livemode, why);
	if (!e) *ret_c = raw.change;
	return e;
}

static const struct field pulse_fields[] = {
	FIELD("epoch", FIELD_U64, true, struct stream_pulse, epoch, 1, UINT64_MAX),
	FIELD("ver", FIELD_U64, true, struct stream_pulse, ver, 0, UINT64_MAX),
	FIELD("as_of", FIELD_TIME, false, struct stream_pulse, as_of, 0, 0),
	FIELD("caught_up", FIELD_FLAG, true, struct stream_pulse, caught_up, 0, 0),
};

void stream_pulse_write(struct writer *w, const struct stream_pulse *p) {
	out_map(w, 4);
	out_u64(w, VIEW("epoch"), p->epoch);
	out_u64(w, VIEW("ver"), p->ver);
	out_time(w, VIEW("as_of"), p->as_of);
	out_flag(w, VIEW("caught_up"), p->caught_up);
}

enum error stream_pulse_read(struct view message, struct stream_pulse *ret_p, struct problem *why) {
	struct stream_pulse p = {0};
	enum error e = fields_read_message(message, STREAM_MESSAGE_MAX, pulse_fields, ARRAY_LEN(pulse_fields), &p, why);
	if (!e) *ret_p = p;
	return e;
}
