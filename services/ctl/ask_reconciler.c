#include "ask_reconciler.h"

#include "net/zsocket.h"
#include "own_keys.h"
#include "service/clock.h"

#include <zmq.h>

#define LINGER_ANSWER_MS 250 /* between looks at the clock */

struct pass {
	const struct call *call;
	const struct pass_wish *wish;
	void *zmq, *socket;
	struct handshakes handshakes;
	uint64_t connection; /* over which it was asked */
	struct reconcile_done done;
};

static enum error send_pass(struct pass *p, struct problem *why) {
	uint8_t bytes[RECONCILE_MESSAGE_MAX];
	struct writer w = writer_of(bytes, sizeof bytes);
	const struct reconcile_request r = {.op = RECONCILE_PASS, .id = 1, .dry = p->wish->dry, .full = p->wish->full};
	reconcile_request_write(&w, &r);
	struct view body = writer_view(&w);
	p->connection = own_keys_await(p->call, &p->handshakes);
	if (p->connection && zmq_send(p->socket, RECONCILE_VERSION, sizeof RECONCILE_VERSION - 1, ZMQ_SNDMORE) >= 0 &&
	    zmq_send(p->socket, body.ptr, body.len, 0) >= 0)
		return OK;
	enum error e = own_keys_problem(&p->handshakes, p->call->s.reconciler.at[0], why);
	if (e) return e;
	return problem_set(why, ERR_UNAVAILABLE, "no reconciler at %.110s (%s)", p->call->s.reconciler.at[0],
			   settings_origin(p->call->settings, "RECONCILER"));
}

static enum error take(struct pass *p, struct view body, bool *ret_done, struct problem *why) {
	struct reconcile_reply r;
	enum error e = reconcile_reply_read(body, &r, why);
	if (e) return e;
	if (r.say == RECONCILE_SAYS_ERROR)
		return problem_set(why, reconcile_code_error(r.code), "the reconciler says %s: %.*s",
				   reconcile_code_name(r.code), VIEW_FMT(r.text));
	if (r.say == RECONCILE_SAYS_FOUND && p->wish->found) p->wish->found(p->wish->ctx, &r.of.found);
	*ret_done = r.say == RECONCILE_SAYS_DONE;
	if (*ret_done) p->done = r.of.done;
	return OK;
}

/* ["TGR1"][reply]; what else comes is nobody's. ERR_TIMEOUT: nothing yet. */
static enum error receive(struct pass *p, bool *ret_done, struct problem *why) {
	zmq_msg_t version, body;
	zmq_msg_init(&version);
	zmq_msg_init(&body);
	enum error e = zmq_msg_recv(&version, p->socket, 0) < 0 ? ERR_TIMEOUT : OK;
	if (!e && (!zmq_msg_more(&version) || zmq_msg_recv(&body, p->socket, 0) < 0 || zmq_msg_more(&body)))
		e = problem_set(why, ERR_MALFORMED, "what answers at %.110s is no reconciler",
				p->call->s.reconciler.at[0]);
	if (!e) e = take(p, view_of(zmq_msg_data(&body), zmq_msg_size(&body)), ret_done, why);
	zmq_msg_close(&version);
	zmq_msg_close(&body);
	return e;
}

static enum error wait_for(struct pass *p, struct problem *why) {
	const int64_t deadline = mono_ms() + p->call->s.wait_ms;
	bool done = false;
	while (!done) {
		/* how long its pass takes is another matter; what came before it left is read first */
		const bool left = handshakes_connection(&p->handshakes) != p->connection;
		enum error e = receive(p, &done, why);
		if (e && e != ERR_TIMEOUT) return e;
		if (done) return OK;
		if ((e && left) || mono_ms() >= deadline)
			return problem_set(why, ERR_UNAVAILABLE, "no answer from a reconciler at %.110s (%s)",
					   p->call->s.reconciler.at[0],
					   settings_origin(p->call->settings, "RECONCILER"));
	}
	return OK;
}

enum error reconciler_pass(const struct call *c, const struct pass_wish *wish, struct reconcile_done *ret_done,
			   struct problem *why) {
	struct pass p = {.call = c, .wish = wish};
	const struct zsocket_limits limits = {.message_max = RECONCILE_MESSAGE_MAX,
					      .send_timeout_ms = (int)c->s.timeout_ms,
					      .receive_timeout_ms = LINGER_ANSWER_MS};
	enum error e = zcontext_create(&p.zmq, why);
	if (!e) e = zsocket_create(p.zmq, ZMQ_DEALER, &limits, &p.socket, why);
	if (!e) e = own_keys_connect(c, p.zmq, p.socket, c->s.reconciler.at[0], &p.handshakes, why);
	if (!e) e = send_pass(&p, why);
	if (!e) e = wait_for(&p, why);
	handshakes_close(&p.handshakes);
	zsocket_close(&p.socket);
	zcontext_destroy(&p.zmq);
	if (!e) *ret_done = p.done;
	return e;
}
