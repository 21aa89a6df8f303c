#include "router.h"

#include <errno.h>
#include <zmq.h>

#include "service/clock.h"

/* the envelope, the version and the message */
#define FRAMES_MAX (TG01_ENVELOPE_MAX + 2)
#define FRAMES_MIN 3

struct frames {
	zmq_msg_t at[FRAMES_MAX];
	unsigned count;
	bool too_many;
};

static struct view view_of_frame(zmq_msg_t *m) { return view_of(zmq_msg_data(m), zmq_msg_size(m)); }

static void close_from(struct frames *f, unsigned first) {
	for (unsigned i = first; i < f->count; i++) (void)zmq_msg_close(&f->at[i]);
}

/* A whole message; libzmq delivers no parts of one. What is beyond FRAMES_MAX is read and thrown away. */
static bool receive(void *socket, struct frames *f) {
	f->count = 0;
	f->too_many = false;
	for (;;) {
		zmq_msg_t spare;
		zmq_msg_t *m = f->count < FRAMES_MAX ? &f->at[f->count] : &spare;
		(void)zmq_msg_init(m);
		if (zmq_msg_recv(m, socket, ZMQ_DONTWAIT) < 0) {
			(void)zmq_msg_close(m);
			close_from(f, 0);
			return false;
		}
		bool more = zmq_msg_more(m);
		if (m == &spare) {
			f->too_many = true;
			(void)zmq_msg_close(m);
		} else {
			f->count++;
		}
		if (!more) return true;
	}
}

/* Sends the envelope's frames as they came, the version and the reply. */
static void reply(struct router *r, struct frames *f, unsigned envelope, const struct writer *w) {
	for (unsigned i = 0; i < envelope; i++) {
		if (zmq_msg_send(&f->at[i], r->door.socket, ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0) continue;
		/* only the identity can fail: with ROUTER_MANDATORY it says whether the peer is there and has room */
		if (errno == EHOSTUNREACH)
			r->unroutable++;
		else
			r->blocked++;
		close_from(f, i);
		return;
	}
	close_from(f, envelope);
	struct view body = writer_view(w);
	if (zmq_send_const(r->door.socket, TG01_VERSION, sizeof TG01_VERSION - 1, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0 ||
	    zmq_send(r->door.socket, body.ptr, body.len, ZMQ_DONTWAIT) < 0)
		r->blocked++;
}

static void answer(struct router *r, struct frames *f, struct moment now) {
	static const struct tg01_id nobody = {.kind = TG01_ID_NONE};
	struct writer w = writer_of(r->reply, sizeof r->reply);
	if (f->too_many || f->count < FRAMES_MIN) {
		/* where the envelope ends cannot be told: an error goes to the peer itself */
		r->misframed++;
		serve_error(r->server, &nobody, TG01_BAD_REQUEST, "a request is two frames: TG01 and one map", &w);
		reply(r, f, 1, &w);
		return;
	}
	unsigned rights = door_rights(&r->door, &f->at[f->count - 1]);
	serve(r->server, view_of_frame(&f->at[f->count - 2]), view_of_frame(&f->at[f->count - 1]), rights, now, &w);
	if (w.failed) { /* cannot be: every reply's largest size is below the buffer's; never send half of one */
		w = writer_of(r->reply, sizeof r->reply);
		serve_error(r->server, &nobody, TG01_INTERNAL, "the reply is too large", &w);
	}
	reply(r, f, f->count - 2, &w);
}

bool router_serve(struct router *r) {
	struct frames f;
	unsigned served = 0;
	while (served < ROUTER_BATCH && receive(r->door.socket, &f)) {
		/* after it was received: an answer is never of a moment before the question */
		const struct moment now = {wall_ms(), mono_ms()};
		answer(r, &f, now);
		served++;
	}
	link_rest(r->server->link);
	return served == ROUTER_BATCH;
}
