#include "proto/control.h"
#include "net/peers.h"
#include "worker.h"
#include <zmq.h>

#define ENVELOPE_MAX 4 /* frames before "TGC1": a ROUTER's identity, a REQ's delimiter and correlation id */
#define AT_ONCE 16     /* requests answered in one turn of the loop */

struct message {
	unsigned count; /* frames held */
	bool whole;     /* the message had not more */
	int peer;       /* who sent it (net/peers.h) */
	zmq_msg_t frames[ENVELOPE_MAX + 2];
};

static bool receive(struct peers *peers, void *socket, struct message *m) {
	bool more = true;
	unsigned frames = 0;
	size_t bytes = 0;
	uint32_t waiting;
	m->count = 0;
	m->whole = true;
	while (more) {
		zmq_msg_t frame;
		zmq_msg_init(&frame);
		if (zmq_msg_recv(&frame, socket, ZMQ_DONTWAIT) < 0) {
			zmq_msg_close(&frame);
			peers_emptied(peers);
			return m->count > 0;
		}
		more = zmq_msg_more(&frame);
		if (frames++) bytes += zmq_msg_size(&frame);
		if (!more)
			m->peer = peers_took(peers, m->count ? &m->frames[0] : &frame, &frame, frames - 1, bytes,
					     &waiting);
		if (m->count < ARRAY_LEN(m->frames)) {
			zmq_msg_init(&m->frames[m->count]);
			zmq_msg_move(&m->frames[m->count++], &frame);
		} else {
			m->whole = false;
		}
		zmq_msg_close(&frame);
	}
	return true;
}

static struct view frame(struct message *m, unsigned i) {
	return view_of(zmq_msg_data(&m->frames[i]), zmq_msg_size(&m->frames[i]));
}

static enum error retry(struct worker *w, const struct control_request *r, struct control_reply *reply,
			struct problem *why) {
	enum error e = worker_retry_quarantine(w, r->origin, r->seq, &reply->retried, &reply->still, why);
	if (e != OK) return e;
	reply->healed = reply->retried - reply->still;
	log_info(&w->service.log, log_ev("quarantine_retried"), kv_u64("tried", reply->retried),
		 kv_u64("still", reply->still));
	return OK;
}

static enum error obey(struct worker *w, const struct control_request *r, struct control_reply *reply,
		       struct problem *why) {
	enum error e = OK;
	switch (r->op) {
	case CONTROL_RETRY:
		return retry(w, r, reply, why);
	case CONTROL_REBUILD:
		e = rebuild_start(w, r->partial, why);
		break;
	case CONTROL_REBUILD_STATUS:
	case CONTROL_OP_COUNT:
		break;
	}
	if (e == OK) reply->rebuild = rebuild_status(w);
	return e;
}

static struct control_reply answer(struct worker *w, struct view version, struct view body, unsigned rights,
				   enum control_op *ret_op, struct problem *why) {
	struct control_request r;
	struct control_reply reply = {.code = STREAM_OK};
	enum error e = ERR_VERSION;

	if (view_eq(version, VIEW(CONTROL_VERSION)))
		e = control_request_read(body, &r, &reply.id, why);
	else
		(void)problem_set(why, e, "the first frame must be " CONTROL_VERSION);
	/* a key's connection may outlive its rights */
	if (e == OK && !(rights & CURVE_CONTROL)) e = problem_set(why, ERR_FORBIDDEN, "the key has not the right");
	if (e == OK) {
		*ret_op = r.op;
		e = obey(w, &r, &reply, why);
	}
	if (e != OK) {
		why->error = e;
		reply.code = stream_code_of(e);
		reply.text = view_str(problem_text(why));
	}
	return reply;
}

static void reply_to(struct worker *w, struct message *m) {
	uint8_t bytes[CONTROL_MESSAGE_MAX];
	struct writer out = writer_of(bytes, sizeof bytes);
	struct problem why = {0};
	enum control_op op = CONTROL_RETRY;
	unsigned rights = door_rights(&w->control, &m->frames[m->count - 1]);
	const struct control_reply reply = answer(w, frame(m, m->count - 2), frame(m, m->count - 1), rights, &op, &why);

	control_reply_write(&out, op, &reply);
	struct view v = writer_view(&out);
	size_t envelope = 0; /* the identity is not sent */
	for (unsigned i = 1; i + 2 < m->count; i++) envelope += zmq_msg_size(&m->frames[i]);
	if (!peers_may_send(w->control.peers, m->peer, envelope + v.len)) return;
	/* a peer that left or never reads loses its answer; nobody waits for it */
	for (unsigned i = 0; i + 2 < m->count; i++)
		if (zmq_msg_send(&m->frames[i], w->control.socket, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0) return;
	if (zmq_send(w->control.socket, CONTROL_VERSION, sizeof CONTROL_VERSION - 1, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0)
		return;
	(void)zmq_send(w->control.socket, v.ptr, v.len, ZMQ_DONTWAIT);
}

void worker_control(struct worker *w) {
	struct message m;
	struct peers *peers = w->control.peers;
	for (unsigned n = 0; n < AT_ONCE && w->failed == OK && receive(peers, w->control.socket, &m); n++) {
		if (m.whole && m.count >= 3)
			reply_to(w, &m);
		else
			counter_add(w->metrics.dropped, 1);
		for (unsigned i = 0; i < m.count; i++) zmq_msg_close(&m.frames[i]);
	}
}
