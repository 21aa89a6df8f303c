/* tiergate quarantine retry [ORIGIN/SEQ | all] */
#include "ask_socket.h"
#include "proto/control.h"
#include "quarantine.h"
#include "value.h"

static const struct setting rows[] = {ROW_CONTROL, ROW_TIMEOUT, ROW_JSON};

static const struct settings_table table = {
	.program = "tiergate quarantine retry",
	.purpose = "Asks the worker to decode records of quarantine again.",
	.arguments = "[ORIGIN/SEQ | all]",
	.arguments_max = 1,
	.notes = "Without an argument: all. Exits with 0 when none of them is left, else 1.",
	.rows = rows,
	.count = ARRAY_LEN(rows),
};

static enum error ask(const struct call *c, const struct control_request *r, struct control_reply *ret_reply,
		      struct problem *why) {
	const struct ask_peer peer = {c->s.control, "CONTROL", "tiergate-entitlement", CONTROL_VERSION};
	AUTO(ask_close)
	struct ask_socket *socket = NULL;
	uint8_t bytes[CONTROL_MESSAGE_MAX];
	struct writer w = writer_of(bytes, sizeof bytes);
	control_request_write(&w, r);
	enum error e = ask_open(c, &peer, &socket, why);
	if (!e) e = ask_question(socket, writer_view(&w), why);
	struct control_reply reply = {0};
	if (!e) e = control_reply_read(ask_frame(socket, 0), &reply, why);
	if (e) return e;
	if (reply.code != STREAM_OK)
		return problem_set(why, stream_code_error(reply.code), "the worker says %s: %.*s",
				   stream_code_name(reply.code), VIEW_FMT(reply.text));
	*ret_reply = reply;
	ret_reply->text = VIEW_NONE; /* it would not outlive the socket */
	return OK;
}

static void print(const json_t *o) {
	(void)printf("tried %" JSON_INTEGER_FORMAT ": %" JSON_INTEGER_FORMAT " healed, %" JSON_INTEGER_FORMAT
		     " still in quarantine\n",
		     member_number(o, "retried"), member_number(o, "healed"), member_number(o, "still"));
}

static int run(const struct call *c) {
	struct problem why = {0};
	struct control_request r = {.id = 1};
	struct control_reply reply = {0};
	const char *which = call_argument(c);
	enum error e = OK;
	if (which && strcmp(which, "all") != 0) e = quarantine_name(which, &r.origin, &r.seq, &why);
	if (!e) e = ask(c, &r, &reply, &why);
	if (e) return call_failed(c, e, &why);
	json_t *o = json_object();
	json_object_set_new(o, "retried", u64_json(reply.retried));
	json_object_set_new(o, "healed", u64_json(reply.healed));
	json_object_set_new(o, "still", u64_json(reply.still));
	return call_done(c, o, print, reply.still ? 1 : 0);
}

const struct verb verb_quarantine_retry = {"quarantine retry", "has the worker decode them again", &table, run};
