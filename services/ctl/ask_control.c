#include "ask_control.h"

#include <stdio.h>

enum error control_ask(const struct call *c, const struct control_request *r, struct control_answer *ret_a,
		       struct problem *why) {
	const struct ask_peer peer = {c->s.control.at[0], "CONTROL", "tiergate-entitlement", CONTROL_VERSION};
	AUTO(ask_close)
	struct ask_socket *socket = NULL;
	uint8_t bytes[CONTROL_MESSAGE_MAX];
	struct writer w = writer_of(bytes, sizeof bytes);
	control_request_write(&w, r);
	enum error e = ask_open(c, &peer, &socket, why);
	if (!e) e = ask_question(socket, writer_view(&w), why);
	struct control_reply reply = {0};
	if (!e) e = control_reply_read(ask_frame(socket, 0), r->op, &reply, why);
	if (e) return e;
	if (reply.code != STREAM_OK)
		return problem_set(why, stream_code_error(reply.code), "the worker says %s: %.*s",
				   stream_code_name(reply.code), VIEW_FMT(reply.text));
	/* what it says would not outlive the socket */
	(void)snprintf(ret_a->why, sizeof ret_a->why, "%.*s", VIEW_FMT(reply.rebuild.why));
	ret_a->reply = reply;
	ret_a->reply.text = VIEW_NONE;
	ret_a->reply.rebuild.why = view_str(ret_a->why);
	return OK;
}
