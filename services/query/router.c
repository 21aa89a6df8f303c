#include "router.h"

#include <errno.h>
#include <time.h>
#include <zmq.h>

#include "service/clock.h"

/* the envelope, the version and the message */
#define FRAMES_MAX (TG01_ENVELOPE_MAX + 2)
#define FRAMES_MIN 3

struct frames {
	zmq_msg_t at[FRAMES_MAX];
	unsigned count;
	bool too_many;
	unsigned taken; /* all but the identity, also those that were thrown away */
	size_t bytes;   /* of those */
};

static struct view view_of_frame(zmq_msg_t *m) { return view_of(zmq_msg_data(m), zmq_msg_size(m)); }

static void close_from(struct frames *f, unsigned first) {
	for (unsigned i = first; i < f->count; i++) (void)zmq_msg_close(&f->at[i]);
}

/* A whole message; libzmq delivers no parts of one. What is beyond FRAMES_MAX is read and thrown away. */
static bool receive(void *socket, struct frames *f) {
	f->count = f->taken = 0;
	f->bytes = 0;
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
		if (f->count > 0) {
			f->taken++;
			f->bytes += zmq_msg_size(m);
		}
		if (m == &spare) {
			f->too_many = true;
			(void)zmq_msg_close(m);
		} else {
			f->count++;
		}
		if (!more) return true;
	}
}

/* Bytes of the envelope that go with a reply: whoever asks chooses how many. The identity is not sent. */
static size_t envelope_size(const struct frames *f, unsigned envelope) {
	size_t n = 0;
	for (unsigned i = 1; i < envelope; i++) n += zmq_msg_size(&f->at[i]);
	return n;
}

/* Sends the envelope's frames as they came, the version and the reply. */
static void reply(struct router *r, struct frames *f, int peer, unsigned envelope, const struct writer *w) {
	if (!peers_may_send(r->door.peers, peer, envelope_size(f, envelope) + writer_view(w).len)) {
		r->blocked++;
		close_from(f, 0);
		return;
	}
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

static int64_t mono_ns(void) {
	struct timespec t = {0};
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* `waiting`: frames of all `peers` of which some wait; `mine`: of the one that asks. */
static bool overloaded(const struct router *r, uint64_t waiting, uint64_t peers, uint32_t mine, bool floods,
		       int64_t now_ns) {
	int64_t late_ns = (int64_t)waiting * r->frame_ns;
	if ((int64_t)peers * r->request_ns > ROUTER_HOPELESS_NS) return true;
	if (floods) return now_ns < r->heavy_ns;
	if (mine <= ROUTER_SHARE || late_ns <= ROUTER_BUSY_NS) return false;
	return late_ns > ROUTER_LATE_NS || now_ns < r->heavy_ns;
}

static void note_cost(struct router *r, int64_t took_ns, unsigned frames) {
	r->request_ns += (took_ns - r->request_ns) / 16;
	r->frame_ns += (took_ns / frames - r->frame_ns) / 16;
}

/* The reply to a request that is framed as one. */
static void consider(struct router *r, struct frames *f, uint32_t mine, bool floods, struct moment now,
		     struct writer *w) {
	struct view version = view_of_frame(&f->at[f->count - 2]), message = view_of_frame(&f->at[f->count - 1]);
	uint64_t peers, waiting = peers_waiting(r->door.peers, &peers);
	const unsigned rights = door_rights(&r->door, &f->at[f->count - 1]);
	if (waiting < ROUTER_CALM && !floods) {
		serve(r->server, version, message, rights, now, w);
		return;
	}
	int64_t begun = mono_ns();
	if (overloaded(r, waiting, peers, mine, floods, begun)) {
		serve_overloaded(r->server, message, w);
		return;
	}
	serve(r->server, version, message, rights, now, w);
	int64_t ended = mono_ns();
	note_cost(r, ended - begun, f->taken);
	if (floods || mine > ROUTER_SHARE) r->heavy_ns = ended + (ended - begun) * (floods ? ROUTER_FLOOD_REST : 1);
}

static void answer(struct router *r, struct frames *f, struct moment now) {
	static const struct tg01_id nobody = {.kind = TG01_ID_NONE};
	struct writer w = writer_of(r->reply, sizeof r->reply);
	uint32_t mine;
	int peer = peers_took(r->door.peers, &f->at[0], &f->at[f->count - 1], f->taken, f->bytes, &mine);
	if (!peers_has_room(r->door.peers, peer, sizeof r->reply)) {
		r->blocked++;
		close_from(f, 0);
		return;
	}
	if (f->too_many || f->count < FRAMES_MIN) {
		/* where the envelope ends cannot be told: an error goes to the peer itself */
		r->misframed++;
		serve_error(r->server, &nobody, TG01_BAD_REQUEST, "a request is two frames: TG01 and one map", &w);
		reply(r, f, peer, 1, &w);
		return;
	}
	consider(r, f, mine, peers_floods(r->door.peers, peer), now, &w);
	if (w.failed) { /* cannot be: every reply's largest size is below the buffer's; never send half of one */
		w = writer_of(r->reply, sizeof r->reply);
		serve_error(r->server, &nobody, TG01_INTERNAL, "the reply is too large", &w);
	}
	reply(r, f, peer, f->count - 2, &w);
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
	if (served < ROUTER_BATCH) peers_emptied(r->door.peers);
	link_rest(r->server->link);
	return served == ROUTER_BATCH;
}
