#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "replay_private.h"
#include "service/clock.h"

/* ---- sending ----------------------------------------------------------------------- */

/* A frame of an envelope that is not the message's last. libzmq looks for news of what its peers have taken only now
 * and then (every 3 million ticks of the processor's clock) unless it is made to, so "full" is asked twice. */
static bool send_route(struct replay *r, void *bytes, size_t n) {
	if (zmq_send(r->door.socket, bytes, n, ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0) return true;
	int events = 0;
	size_t size = sizeof events;
	return zmq_errno() == EAGAIN && zmq_getsockopt(r->door.socket, ZMQ_EVENTS, &events, &size) == 0 &&
	       zmq_send(r->door.socket, bytes, n, ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0;
}

/* The envelope and the two frames of a reply; `more`: the bytes of records that follow. The first frame decides: once
 * libzmq has taken it, it takes the rest of that message too. */
static bool send_reply(struct replay *r, const struct envelope *e, const struct stream_reply *reply, size_t more) {
	uint8_t bytes[STREAM_MESSAGE_MAX];
	struct writer w = writer_of(bytes, sizeof bytes);
	stream_reply_write(&w, reply);
	struct view v = writer_view(&w);
	bool sent = !w.failed && peers_may_send(r->door.peers, e->peer, v.len + more);
	for (unsigned i = 0; sent && i < e->count; i++) {
		union {
			const zmq_msg_t *in;
			zmq_msg_t *out;
		} frame = {.in = &e->frames[i]}; /* zmq_msg_data has no const form */
		sent = send_route(r, zmq_msg_data(frame.out), zmq_msg_size(&e->frames[i]));
	}
	sent = sent && zmq_send_const(r->door.socket, STREAM_VERSION, sizeof STREAM_VERSION - 1,
				      ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0;
	sent = sent && zmq_send(r->door.socket, v.ptr, v.len, (more ? ZMQ_SNDMORE : 0) | ZMQ_DONTWAIT) >= 0;
	if (!sent) counter_add(r->options.dropped, 1);
	return sent;
}

static void send_error(struct replay *r, const struct envelope *e, uint64_t id, enum error error,
		       const struct problem *why) {
	enum stream_code code = stream_code_of(error);
	struct view text = view_str(why ? problem_text(why) : error_text(error));
	if (text.len > STREAM_TEXT_MAX) text.len = STREAM_TEXT_MAX;
	struct stream_reply reply = {.id = id, .code = code, .retry = stream_code_retry(code), .text = text};
	send_reply(r, e, &reply, 0);
}

static void describe(struct replay *r, const struct journal_reader *reader, struct stream_reply *reply) {
	reply->origin = journal_origin(r->options.journal);
	reply->run = journal_run(r->options.journal);
	journal_bounds(reader, &reply->first, &reply->head);
}

/* ---- replay ------------------------------------------------------------------------- */

struct chunk {
	uint64_t count;
	size_t bytes;
	struct view records[STREAM_REPLAY_RECORDS_MAX];
};

static enum error collect(struct journal_reader *reader, const struct stream_request *q, struct chunk *c) {
	uint64_t next = q->from;
	c->count = 0;
	c->bytes = 0;
	while (c->count < q->max && c->count < STREAM_REPLAY_RECORDS_MAX) {
		uint64_t seq;
		struct view record;
		enum error e = journal_read(reader, next, &seq, &record);
		if (e == ERR_NOT_FOUND) break;
		if (e) return e;
		if (c->count && c->bytes + record.len > (size_t)STREAM_REPLAY_BYTES_MAX) break;
		c->bytes += record.len;
		c->records[c->count++] = record;
		if (seq == UINT64_MAX) break;
		next = seq + 1;
	}
	return OK;
}

static enum error replay(struct replay *r, const struct envelope *e, struct journal_reader *reader,
			 const struct stream_request *q, struct stream_reply *reply) {
	struct chunk chunk;
	enum error failed = collect(reader, q, &chunk);
	if (failed) return failed;
	reply->count = chunk.count;
	if (!send_reply(r, e, reply, chunk.bytes)) return OK;
	for (uint64_t i = 0; i < chunk.count; i++) {
		bool more = i + 1 < chunk.count;
		if (zmq_send(r->door.socket, chunk.records[i].ptr, chunk.records[i].len,
			     (more ? ZMQ_SNDMORE : 0) | ZMQ_DONTWAIT) < 0)
			break; /* the peer left in the middle: libzmq drops the rest */
	}
	counter_add(r->options.replayed, chunk.count);
	return OK;
}

/* ---- append ------------------------------------------------------------------------- */

static void on_commit(struct submission *s, const struct outcome *o) {
	struct append *a = (struct append *)s; /* its first member */
	struct replay *r = a->replay;
	a->outcome = *o;
	a->outcome.why = NULL; /* it lives during this call alone */
	pthread_mutex_lock(&r->mutex);
	a->next = r->done;
	r->done = a;
	uint64_t one = 1;
	/* under the mutex: the thread may end, and r with it, once it has taken the last one */
	while (write(r->event_fd, &one, sizeof one) < 0 && errno == EINTR) {
	}
	pthread_mutex_unlock(&r->mutex);
}

static void append_destroy(struct append *a) {
	envelope_close(&a->envelope);
	zmq_msg_close(&a->message);
	free(a);
}

static void append(struct replay *r, struct envelope *e, zmq_msg_t *message, const struct stream_request *q) {
	if (r->in_flight == REPLAY_APPENDS_MAX) {
		send_error(r, e, q->id, ERR_OVERLOADED, NULL);
		return;
	}
	struct append *a = calloc(1, sizeof *a);
	if (!a) {
		send_error(r, e, q->id, ERR_MEMORY, NULL);
		return;
	}
	a->replay = r;
	a->id = q->id;
	envelope_move(&a->envelope, e);
	zmq_msg_init(&a->message);
	zmq_msg_move(&a->message, message);
	/* a short message lies inside zmq_msg_t and has moved, so the views are made anew */
	struct stream_request again;
	uint64_t id;
	enum error bad =
		stream_request_read(view_of(zmq_msg_data(&a->message), zmq_msg_size(&a->message)), &again, &id, NULL);
	a->submission.record = again.record;
	a->submission.record.received_ms = wall_ms();
	a->submission.done = on_commit;
	if (!bad) bad = committer_submit(r->options.committer, &a->submission);
	if (!bad) {
		r->in_flight++;
		return;
	}
	send_error(r, &a->envelope, a->id, bad, NULL);
	append_destroy(a);
}

void replay_finish_append(struct replay *r, struct append *a) {
	struct stream_reply reply = {.id = a->id, .seq = a->outcome.seq, .duplicate = a->outcome.duplicate};
	struct journal_reader *reader = NULL;
	enum error e = a->outcome.error;
	/* it is stored: a journal that cannot be read now is no reason to say otherwise */
	if (!e && journal_read_begin(r->options.journal, &reader, NULL) == OK) describe(r, reader, &reply);
	journal_read_end(&reader);
	if (e)
		send_error(r, &a->envelope, a->id, e, NULL);
	else
		send_reply(r, &a->envelope, &reply, 0);
	append_destroy(a);
}

/* A worker that never reported cannot be meant: that is a name misspelt. */
static enum error forget(struct replay *r, struct journal_reader *reader, const struct stream_request *q) {
	if (!journal_worker_known(reader, q->worker)) return ERR_NOT_FOUND;
	return progress_forget(r->options.progress, q->worker);
}

/* ---- requests ----------------------------------------------------------------------- */

static enum error answer_read(struct replay *r, const struct envelope *e, const struct stream_request *q,
			      struct problem *why) {
	struct journal_reader *reader = NULL;
	enum error failed = journal_read_begin(r->options.journal, &reader, why);
	if (failed) return failed;
	struct stream_reply reply = {.id = q->id};
	describe(r, reader, &reply);
	if (q->op == STREAM_REPLAY) {
		failed = replay(r, e, reader, q, &reply);
	} else {
		if (q->op == STREAM_FIND)
			failed = journal_find(reader, q->record.livemode, q->record.account, q->record.id, &reply.seq);
		if (q->op == STREAM_PROGRESS) failed = progress_report(r->options.progress, q->worker, q->seq);
		if (q->op == STREAM_FORGET) failed = forget(r, reader, q);
		if (!failed) send_reply(r, e, &reply, 0);
	}
	journal_read_end(&reader);
	return failed;
}

/* A key's connection may outlive its rights: they are looked at with each request. */
static bool may(unsigned rights, const struct stream_request *q) {
	switch (q->op) {
	case STREAM_APPEND:
		return rights & (unsigned)(q->record.kind == RECORD_OVERRIDE ? CURVE_GRANT : CURVE_APPEND);
	case STREAM_FORGET:
		return rights & CURVE_CONTROL;
	case STREAM_HEAD:
		return rights & (CURVE_JOURNAL | CURVE_APPEND | CURVE_GRANT | CURVE_CONTROL);
	case STREAM_FIND:
	case STREAM_REPLAY:
	case STREAM_PROGRESS:
		return rights & CURVE_JOURNAL;
	case STREAM_OP_COUNT:
		break;
	}
	return false;
}

void replay_answer(struct replay *r, struct envelope *e, zmq_msg_t *message, unsigned rights) {
	struct stream_request q;
	struct problem why = {0};
	uint64_t id = 0;
	enum error bad = stream_request_read(view_of(zmq_msg_data(message), zmq_msg_size(message)), &q, &id, &why);
	if (bad) {
		send_error(r, e, id, bad, &why);
		return;
	}
	if (!may(rights, &q)) {
		send_error(r, e, id, ERR_FORBIDDEN, NULL);
		return;
	}
	if (q.op == STREAM_APPEND) {
		append(r, e, message, &q);
		return;
	}
	bad = answer_read(r, e, &q, &why);
	if (!bad) return;
	send_error(r, e, id, bad, bad == ERR_NOT_FOUND || bad == ERR_LIMIT ? NULL : &why);
	if (bad != ERR_NOT_FOUND && bad != ERR_LIMIT && r->options.failed) r->options.failed(r->options.ctx, bad, &why);
}
