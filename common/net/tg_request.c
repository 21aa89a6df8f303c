#include "net/tg_request.h"

#include "net/curve_gate.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <zmq.h>

struct tg_client {
	struct tg_client_options options;
	void *socket; /* NULL: to be made at the next question */
	struct tg01_decoder *decoder;
	uint64_t last_id;
	uint8_t out[TG01_MESSAGE_MAX];
	uint8_t in[TG01_MESSAGE_MAX + 1]; /* one more: to see that a reply is too large */
};

static int64_t now_ms(void) {
	struct timespec t = {0};
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static enum error connect_socket(struct tg_client *c, struct problem *why) {
	if (c->socket) return OK;
	const struct zsocket_limits limits = {.send_timeout_ms = c->options.timeout_ms,
					      .receive_timeout_ms = c->options.timeout_ms,
					      .message_max = TG01_MESSAGE_MAX};
	enum error e = zsocket_create(c->options.context, ZMQ_REQ, &limits, &c->socket, why);
	if (!e) e = curve_connect_all(c->socket, c->options.mine, c->options.server, &c->options.endpoints, why);
	if (e) zsocket_close(&c->socket);
	return e;
}

enum error tg_client_create(const struct tg_client_options *o, struct tg_client **ret_c, struct problem *why) {
	if (o->timeout_ms < 1 || o->timeout_ms > TG_TIMEOUT_MAX_MS)
		return problem_set(why, ERR_USAGE, "the timeout must be 1 ms to %d ms", TG_TIMEOUT_MAX_MS);
	struct tg_client *c = calloc(1, sizeof *c);
	if (!c) return problem_set(why, ERR_MEMORY, "no memory for a client");
	c->options = *o;
	c->decoder = tg01_decoder_create();
	enum error e = c->decoder ? connect_socket(c, why) : problem_set(why, ERR_MEMORY, "no memory for a client");
	if (e) {
		tg_client_destroy(&c);
		return e;
	}
	*ret_c = c;
	return OK;
}

void tg_client_destroy(struct tg_client **c) {
	if (!c || !*c) return;
	zsocket_close(&(*c)->socket);
	tg01_decoder_destroy(&(*c)->decoder);
	free(*c);
	*c = NULL;
}

static enum error failed(struct tg_client *c, bool sent, struct problem *why) {
	int e = errno;
	zsocket_close(&c->socket);
	if (e != EAGAIN) return problem_set(why, ERR_UNAVAILABLE, "ZeroMQ: %s", zmq_strerror(e));
	if (sent) return problem_set(why, ERR_TIMEOUT, "no answer within %d ms", c->options.timeout_ms);
	return problem_set(why, ERR_UNAVAILABLE, "nobody answers at %s", c->options.endpoints.at[0]);
}

/* A signal may interrupt a call; the time that was used is not given again. */
static int send_frame(struct tg_client *c, const void *bytes, size_t n, int flags, int64_t deadline) {
	int r;
	while ((r = zmq_send(c->socket, bytes, n, flags)) < 0 && errno == EINTR && now_ms() < deadline) {
	}
	return r;
}

static int receive_frame(struct tg_client *c, void *bytes, size_t n, int64_t deadline) {
	int r;
	while ((r = zmq_recv(c->socket, bytes, n, 0)) < 0 && errno == EINTR && now_ms() < deadline) {
	}
	return r;
}

static bool more_frames(struct tg_client *c) {
	int more = 0;
	size_t size = sizeof more;
	return zmq_getsockopt(c->socket, ZMQ_RCVMORE, &more, &size) == 0 && more;
}

static enum error receive(struct tg_client *c, struct view *ret_body, int64_t deadline, struct problem *why) {
	char version[sizeof TG01_VERSION];
	int n = receive_frame(c, version, sizeof version, deadline);
	if (n < 0) return failed(c, true, why);
	bool known =
		view_eq(view_of(version, (size_t)n < sizeof version ? (size_t)n : sizeof version), VIEW(TG01_VERSION));
	bool body_follows = more_frames(c);
	n = known && body_follows ? receive_frame(c, c->in, sizeof c->in, deadline) : -1;
	if (n < 0 || (size_t)n >= sizeof c->in || more_frames(c)) {
		zsocket_close(&c->socket); /* whatever else of it waits goes with the socket */
		return problem_set(why, known ? ERR_MALFORMED : ERR_VERSION,
				   "what answers does not speak " TG01_VERSION);
	}
	*ret_body = view_of(c->in, (size_t)n);
	return OK;
}

enum error tg_client_ask(struct tg_client *c, const struct tg01_request *r, struct tg01_reply *ret_reply,
			 struct problem *why) {
	enum error e = connect_socket(c, why);
	if (e) return e;
	struct tg01_request numbered = *r;
	numbered.id = (struct tg01_id){.kind = TG01_ID_NUMBER, .number = ++c->last_id};
	struct writer w = writer_of(c->out, sizeof c->out);
	tg01_request_write(&w, &numbered);
	if (w.failed) return problem_set(why, ERR_LIMIT, "the request is larger than %d bytes", TG01_MESSAGE_MAX);
	int64_t deadline = now_ms() + c->options.timeout_ms;
	struct view out = writer_view(&w), in;
	if (send_frame(c, TG01_VERSION, sizeof TG01_VERSION - 1, ZMQ_SNDMORE, deadline) < 0 ||
	    send_frame(c, out.ptr, out.len, 0, deadline) < 0)
		return failed(c, false, why);
	e = receive(c, &in, deadline, why);
	if (e) return e;
	struct tg01_reply reply;
	e = tg01_reply_read(c->decoder, r->op, in, &reply, why);
	if (e) return e;
	/* an error about a request whose id could not be read has none; any other reply has ours */
	bool ours = reply.id.kind == TG01_ID_NUMBER && reply.id.number == c->last_id;
	if (!ours && !(reply.failed && reply.id.kind == TG01_ID_NONE))
		return problem_set(why, ERR_MALFORMED, "the reply has another request's id");
	*ret_reply = reply;
	return OK;
}
