#include "ask_journal.h"

#include "value.h"

enum error journal_asker_open(const struct call *c, struct journal_asker *ret_j, struct problem *why) {
	ret_j->socket = NULL;
	ret_j->peer =
		(struct ask_peer){c->s.journal_replay.at[0], "JOURNAL_REPLAY", "tiergate-ingress", STREAM_VERSION};
	return ask_open(c, &ret_j->peer, &ret_j->socket, why);
}

void journal_asker_close(struct journal_asker *j) { ask_close(&j->socket); }

enum error journal_ask(struct journal_asker *j, const struct stream_request *r, struct stream_reply *ret_reply,
		       struct problem *why) {
	uint8_t bytes[STREAM_MESSAGE_MAX];
	struct writer w = writer_of(bytes, sizeof bytes);
	stream_request_write(&w, r);
	if (w.failed) return problem_set(why, ERR_USAGE, "the question is too long");
	enum error e = ask_question(j->socket, writer_view(&w), why);
	struct stream_reply reply;
	if (!e) e = stream_reply_read(ask_frame(j->socket, 0), &reply, why);
	if (e) return e;
	if (reply.code != STREAM_OK)
		return problem_set(why, stream_code_error(reply.code), "the journal says %s: %.*s",
				   stream_code_name(reply.code), VIEW_FMT(reply.text));
	if (reply.count != ask_frame_count(j->socket) - 1)
		return problem_set(why, ERR_MALFORMED, "the journal's answer has not the records that it promises");
	*ret_reply = reply;
	return OK;
}

enum error journal_asked_record(struct journal_asker *j, unsigned i, struct record *ret_r, struct problem *why) {
	enum error e = record_read(ask_frame(j->socket, 1 + i), ret_r);
	return e ? problem_set(why, e, "a record of the journal cannot be read: %s", error_text(e)) : OK;
}

static const char *kind_name(enum record_kind kind) {
	switch (kind) {
	case RECORD_WEBHOOK:
		return "webhook";
	case RECORD_EVENT:
		return "event";
	case RECORD_SNAPSHOT:
		return "snapshot";
	case RECORD_OVERRIDE:
		return "override";
	case RECORD_MARK:
		return "mark";
	}
	return "unknown";
}

json_t *record_json(const struct record *r) {
	json_t *o = json_object();
	json_object_set_new(o, "seq", u64_json(r->seq));
	json_object_set_new(o, "event", text_json(r->id));
	json_object_set_new(o, "type", text_json(r->type));
	json_object_set_new(o, "mode", json_string(r->livemode ? "live" : "test"));
	if (r->account.len) json_object_set_new(o, "acct", text_json(r->account));
	json_object_set_new(o, "kind", json_string(kind_name(r->kind)));
	json_object_set_new(o, "created", time_json(r->created));
	json_object_set_new(o, "received_ms", json_integer(r->received_ms));
	if (r->secret.len) json_object_set_new(o, "secret", text_json(r->secret));
	if (r->api_version.len) json_object_set_new(o, "api_version", text_json(r->api_version));
	json_object_set_new(o, "bytes", json_integer((json_int_t)r->body.len));
	json_object_set_new(o, "origin", hex_json(r->origin));
	return o;
}

json_t *record_body_json(const struct record *r) {
	json_t *body = json_loadb(r->body.ptr, r->body.len, JSON_ALLOW_NUL, NULL);
	return body ? body : text_json(r->body);
}
