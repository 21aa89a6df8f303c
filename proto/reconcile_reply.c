#include "proto/msgpack_out.h"
#include "proto/reconcile.h"
#include "proto/stream_codec.h"

struct raw_reply {
	uint64_t id;
	const msgpack_object *found, *done, *status, *err;
	struct view mode, code;
	bool retry;
	struct view text;
	struct reconcile_found f;
	struct reconcile_done d;
	struct reconcile_status s;
};

#define TEXT(key, member) FIELD(key, FIELD_TEXT, false, struct raw_reply, member, 0, RECONCILE_TEXT_MAX)
#define COUNT(key, member) FIELD(key, FIELD_U64, false, struct raw_reply, member, 0, UINT64_MAX)
#define TIME(key, member) FIELD(key, FIELD_TIME, false, struct raw_reply, member, 0, 0)
#define FLAG(key, member) FIELD(key, FIELD_FLAG, false, struct raw_reply, member, 0, 0)

static const struct field reply_fields[] = {
	FIELD("id", FIELD_U64, true, struct raw_reply, id, 0, UINT64_MAX),
	FIELD("found", FIELD_OBJECT, false, struct raw_reply, found, 0, 0),
	FIELD("done", FIELD_OBJECT, false, struct raw_reply, done, 0, 0),
	FIELD("status", FIELD_OBJECT, false, struct raw_reply, status, 0, 0),
	FIELD("err", FIELD_OBJECT, false, struct raw_reply, err, 0, 0),
};

static const struct field err_fields[] = {
	FIELD("code", FIELD_TEXT, true, struct raw_reply, code, 1, NAME_MAX_BYTES),
	FIELD("msg", FIELD_TEXT, true, struct raw_reply, text, 0, RECONCILE_TEXT_MAX),
	FIELD("retry", FIELD_FLAG, true, struct raw_reply, retry, 0, 0),
};

static const struct field found_fields[] = {
	FLAG("event", f.event),
	FIELD("mode", FIELD_TEXT, true, struct raw_reply, mode, 1, 8),
	FIELD("acct", FIELD_TEXT, false, struct raw_reply, f.scope.account, 0, ACCOUNT_MAX),
	FIELD("object", FIELD_TEXT, true, struct raw_reply, f.object, 1, EVENT_TYPE_MAX),
	FIELD("of", FIELD_TEXT, true, struct raw_reply, f.id, 1, STRIPE_ID_MAX),
	TEXT("stripe", f.stripe),
	TEXT("store", f.store),
	FIELD("sub", FIELD_TEXT, false, struct raw_reply, f.subject, 0, SUBJECT_MAX),
	FIELD("before", FIELD_TEXT, false, struct raw_reply, f.before, 0, NAME_MAX_BYTES),
	FIELD("after", FIELD_TEXT, false, struct raw_reply, f.after, 0, NAME_MAX_BYTES),
};

static const struct field done_fields[] = {
	FLAG("dry", d.dry),          COUNT("listed", d.listed),       COUNT("missed", d.missed),
	COUNT("swept", d.swept),     COUNT("differing", d.differing), COUNT("appended", d.appended),
	COUNT("unread", d.unread),   COUNT("missing", d.missing),     COUNT("requests", d.requests),
	COUNT("took_ms", d.took_ms),
};

static const struct field status_fields[] = {
	TEXT("key", s.key),
	TEXT("mode", s.mode),
	TEXT("api", s.api),
	TEXT("why", s.why),
	TEXT("pass", s.pass),
	TIME("events_to", s.events_to),
	TIME("swept_at", s.swept_at),
	COUNT("missed", s.missed),
	COUNT("differing", s.differing),
	COUNT("drift", s.drift),
	COUNT("requests", s.requests),
	COUNT("wants", s.wants),
	TIME("oldest_ms", s.oldest_ms),
	TIME("paused_ms", s.paused_ms),
	FLAG("silent", s.silent),
	TIME("newest_event", s.newest_event),
	TIME("newest_webhook", s.newest_webhook),
};

/* ---- writing -------------------------------------------------------------------------------- */

/* Cut to the limit, at a character's beginning. */
static void out_cut(struct writer *w, const char *key, struct view v) {
	if (v.len > RECONCILE_TEXT_MAX) {
		v.len = RECONCILE_TEXT_MAX;
		while (v.len && ((unsigned char)v.ptr[v.len] & 0xc0) == 0x80) v.len--;
	}
	out_text(w, view_str(key), v);
}

static void write_error(struct writer *w, const struct reconcile_reply *r) {
	out_key(w, VIEW("err"));
	out_map(w, 3);
	out_text(w, VIEW("code"), view_str(reconcile_code_name(r->code)));
	out_cut(w, "msg", r->text);
	out_flag(w, VIEW("retry"), reconcile_code_retry(r->code));
}

static void write_found(struct writer *w, const struct reconcile_found *f) {
	out_key(w, VIEW("found"));
	out_map(w, 10);
	out_flag(w, VIEW("event"), f->event);
	out_text(w, VIEW("mode"), stream_mode_name(f->scope.livemode));
	out_text(w, VIEW("acct"), f->scope.account);
	out_text(w, VIEW("object"), f->object);
	out_text(w, VIEW("of"), f->id);
	out_cut(w, "stripe", f->stripe);
	out_cut(w, "store", f->store);
	out_text(w, VIEW("sub"), f->subject);
	out_text(w, VIEW("before"), f->before);
	out_text(w, VIEW("after"), f->after);
}

static void write_done(struct writer *w, const struct reconcile_done *d) {
	out_key(w, VIEW("done"));
	out_map(w, 10);
	out_flag(w, VIEW("dry"), d->dry);
	out_u64(w, VIEW("listed"), d->listed);
	out_u64(w, VIEW("missed"), d->missed);
	out_u64(w, VIEW("swept"), d->swept);
	out_u64(w, VIEW("differing"), d->differing);
	out_u64(w, VIEW("appended"), d->appended);
	out_u64(w, VIEW("unread"), d->unread);
	out_u64(w, VIEW("missing"), d->missing);
	out_u64(w, VIEW("requests"), d->requests);
	out_u64(w, VIEW("took_ms"), d->took_ms);
}

static void write_status(struct writer *w, const struct reconcile_status *s) {
	out_key(w, VIEW("status"));
	out_map(w, 17);
	out_cut(w, "key", s->key);
	out_cut(w, "mode", s->mode);
	out_cut(w, "api", s->api);
	out_cut(w, "why", s->why);
	out_cut(w, "pass", s->pass);
	out_time(w, VIEW("events_to"), s->events_to);
	out_time(w, VIEW("swept_at"), s->swept_at);
	out_u64(w, VIEW("missed"), s->missed);
	out_u64(w, VIEW("differing"), s->differing);
	out_u64(w, VIEW("drift"), s->drift);
	out_u64(w, VIEW("requests"), s->requests);
	out_u64(w, VIEW("wants"), s->wants);
	out_time(w, VIEW("oldest_ms"), s->oldest_ms);
	out_time(w, VIEW("paused_ms"), s->paused_ms);
	out_flag(w, VIEW("silent"), s->silent);
	out_time(w, VIEW("newest_event"), s->newest_event);
	out_time(w, VIEW("newest_webhook"), s->newest_webhook);
}

void reconcile_reply_write(struct writer *w, const struct reconcile_reply *r) {
	out_map(w, 2);
	out_u64(w, VIEW("id"), r->id);
	switch (r->say) {
	case RECONCILE_SAYS_FOUND:
		write_found(w, &r->of.found);
		break;
	case RECONCILE_SAYS_DONE:
		write_done(w, &r->of.done);
		break;
	case RECONCILE_SAYS_STATUS:
		write_status(w, &r->of.status);
		break;
	case RECONCILE_SAYS_ERROR:
		write_error(w, r);
		break;
	}
}

/* ---- reading --------------------------------------------------------------------------------- */

static enum reconcile_code parse_code(struct view name) {
	for (int i = RECONCILE_OK + 1; i < RECONCILE_CODE_COUNT; i++)
		if (view_eq(name, view_str(reconcile_code_name((enum reconcile_code)i)))) return (enum reconcile_code)i;
	return RECONCILE_INTERNAL;
}

static enum error read_part(struct raw_reply *raw, struct reconcile_reply *r, struct problem *why) {
	enum error e;
	if (raw->err) {
		e = fields_read(raw->err, err_fields, ARRAY_LEN(err_fields), raw, why);
		r->say = RECONCILE_SAYS_ERROR;
		r->code = parse_code(raw->code);
		r->retry = raw->retry;
		r->text = raw->text;
	} else if (raw->found) {
		e = fields_read(raw->found, found_fields, ARRAY_LEN(found_fields), raw, why);
		if (!e) e = stream_mode_parse(raw->mode, &raw->f.scope.livemode, why);
		r->say = RECONCILE_SAYS_FOUND;
		r->of.found = raw->f;
	} else if (raw->done) {
		e = fields_read(raw->done, done_fields, ARRAY_LEN(done_fields), raw, why);
		r->say = RECONCILE_SAYS_DONE;
		r->of.done = raw->d;
	} else if (raw->status) {
		e = fields_read(raw->status, status_fields, ARRAY_LEN(status_fields), raw, why);
		r->say = RECONCILE_SAYS_STATUS;
		r->of.status = raw->s;
	} else {
		e = problem_set(why, ERR_MALFORMED, "none of found, done, status, err is there");
	}
	return e;
}

enum error reconcile_reply_read(struct view message, struct reconcile_reply *ret_r, struct problem *why) {
	static const struct msgpack_limits limits = {RECONCILE_MESSAGE_MAX, 8, 1 + 4 * FIELDS_KEYS_MAX};
	msgpack_zone zone;
	msgpack_object map;
	struct raw_reply raw = {0};
	struct reconcile_reply r = {.code = RECONCILE_OK};

	if (!msgpack_zone_init(&zone, 1024)) return problem_set(why, ERR_MEMORY, "out of memory");
	enum error e = fields_unpack(message, &limits, &zone, &map, why);
	if (!e) e = fields_read(&map, reply_fields, ARRAY_LEN(reply_fields), &raw, why);
	if (!e) e = read_part(&raw, &r, why);
	msgpack_zone_destroy(&zone);
	r.id = raw.id;
	if (!e) *ret_r = r;
	return e;
}
