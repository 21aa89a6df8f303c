#include "ask_socket.h"

#include <errno.h>
#include <stdlib.h>
#include <zmq.h>

#include "own_keys.h"

struct ask_socket {
	const struct call *call;
	const struct ask_peer *peer;
	void *zmq;
	void *socket;
	struct handshakes handshakes;
	unsigned count;
	zmq_msg_t frames[ASK_FRAMES_MAX];
};

enum error ask_open(const struct call *c, const struct ask_peer *peer, struct ask_socket **ret_a, struct problem *why) {
	struct ask_socket *a = calloc(1, sizeof *a);
	if (!a) return problem_set(why, ERR_MEMORY, "out of memory");
	a->call = c;
	a->peer = peer;
	const struct zsocket_limits limits = {.message_max = RECORD_MAX + STREAM_MESSAGE_MAX,
					      .send_timeout_ms = (int)c->s.timeout_ms,
					      .receive_timeout_ms = (int)c->s.timeout_ms};
	enum error e = zcontext_create(&a->zmq, why);
	if (!e) e = zsocket_create(a->zmq, ZMQ_REQ, &limits, &a->socket, why);
	if (!e) e = own_keys_connect(c, a->zmq, a->socket, peer->endpoint, &a->handshakes, why);
	if (e) {
		ask_close(&a);
		return e;
	}
	*ret_a = a;
	return OK;
}

static void drop_frames(struct ask_socket *a) {
	while (a->count > 0) zmq_msg_close(&a->frames[--a->count]);
}

void ask_close(struct ask_socket **a) {
	if (!a || !*a) return;
	drop_frames(*a);
	handshakes_close(&(*a)->handshakes);
	zsocket_close(&(*a)->socket);
	zcontext_destroy(&(*a)->zmq);
	free(*a);
	*a = NULL;
}

static enum error failed(struct ask_socket *a, bool sent, struct problem *why) {
	if (errno != EAGAIN) return problem_set(why, ERR_IO, "ZeroMQ: %s", zmq_strerror(errno));
	enum error e = own_keys_problem(&a->handshakes, a->peer->endpoint, why);
	if (e) return e;
	return problem_set(why, sent ? ERR_TIMEOUT : ERR_UNAVAILABLE,
			   "no answer within %lld ms from %.110s (%s): is %s running?",
			   (long long)a->call->s.timeout_ms, a->peer->endpoint,
			   settings_origin(a->call->settings, a->peer->setting), a->peer->service);
}

/* False: timeout, or more frames than any reply of ours has (the rest of them is lost with the socket). */
static enum error receive(struct ask_socket *a, struct problem *why) {
	bool more = true;
	while (more) {
		if (a->count == ASK_FRAMES_MAX)
			return problem_set(why, ERR_LIMIT, "the answer from %.110s has too many frames",
					   a->peer->endpoint);
		zmq_msg_t *frame = &a->frames[a->count];
		zmq_msg_init(frame);
		a->count++;
		int got;
		while ((got = zmq_msg_recv(frame, a->socket, 0)) < 0 && errno == EINTR) {
		}
		if (got < 0) return failed(a, true, why);
		more = zmq_msg_more(frame) != 0;
	}
	return OK;
}

enum error ask_question(struct ask_socket *a, struct view body, struct problem *why) {
	drop_frames(a);
	const char *version = a->peer->version;
	const bool there = own_keys_await(a->call, &a->handshakes) != 0;
	if (!there) errno = EAGAIN; /* as if it had waited to be sent */
	if (!there || zmq_send(a->socket, version, strlen(version), ZMQ_SNDMORE) < 0 ||
	    zmq_send(a->socket, body.ptr, body.len, 0) < 0)
		return failed(a, false, why);
	enum error e = receive(a, why);
	if (e) return e;
	struct view got = view_of(zmq_msg_data(&a->frames[0]), zmq_msg_size(&a->frames[0]));
	if (a->count < 2 || !view_eq(got, view_str(version)))
		return problem_set(why, ERR_MALFORMED, "what answers at %.110s does not speak %s: is it %s?",
				   a->peer->endpoint, version, a->peer->service);
	return OK;
}

unsigned ask_frame_count(const struct ask_socket *a) { return a->count ? a->count - 1 : 0; }

struct view ask_frame(struct ask_socket *a, unsigned i) {
	zmq_msg_t *frame = &a->frames[i + 1];
	return view_of(zmq_msg_data(frame), zmq_msg_size(frame));
}
