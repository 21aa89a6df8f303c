#include "journal_link.h"

#include <stdlib.h>
#include <zmq.h>

#include "net/zsocket.h"

struct call {
	uint64_t id; /* 0: free */
	uint8_t *bytes;
	size_t len;
	int64_t begun_ms;
	int64_t again_ms; /* when it is sent again */
	link_done *done;
	void *ctx;
};

struct journal_link {
	struct keys *keys;
	void *sockets[LINK_SOCKETS];
	uint64_t next_id;
	unsigned count;
	bool silent;
	struct call calls[LINK_CALLS_MAX];
};

enum error link_create(void *zmq, struct keys *keys, const char *endpoint, struct journal_link **ret_l,
		       struct problem *why) {
	/* libzmq learns in batches of half of it what was taken: with twice as many as there can be, none is refused
	 * and goes later than the next */
	const struct zsocket_limits limits = {.send_hwm = 2 * LINK_CALLS_EACH,
					      .message_max = RECORD_MAX + STREAM_MESSAGE_MAX};
	AUTO(link_destroy)
	struct journal_link *l = calloc(1, sizeof *l);
	if (!l) return problem_set(why, ERR_MEMORY, "out of memory");
	l->keys = keys;
	for (unsigned i = 0; i < LINK_SOCKETS; i++) {
		enum error e = zsocket_create(zmq, ZMQ_DEALER, &limits, &l->sockets[i], why);
		if (!e) e = keys_connect_watched(keys, l->sockets[i], endpoint, why);
		if (e) return e;
	}
	l->next_id = 1;
	*ret_l = l;
	l = NULL;
	return OK;
}

void *link_socket(struct journal_link *l, unsigned i) { return l->sockets[i]; }
unsigned link_room(const struct journal_link *l) { return LINK_CALLS_MAX - l->count; }
bool link_silent(const struct journal_link *l) { return l->silent; }

/* An empty frame first, as a REQ has it, is not needed: the journal echoes whatever envelope there is. */
static bool send(struct journal_link *l, const struct call *c) {
	void *socket = l->sockets[(size_t)(c - l->calls) % LINK_SOCKETS];
	if (!keys_connected(l->keys, socket)) return false;
	if (zmq_send(socket, STREAM_VERSION, sizeof STREAM_VERSION - 1, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0) return false;
	return zmq_send(socket, c->bytes, c->len, ZMQ_DONTWAIT) >= 0;
}

/* Writes the request into memory of its own. */
static enum error encode(struct call *c, const struct stream_request *r) {
	size_t size = r->record.body.len + STREAM_MESSAGE_MAX;
	if (r->record.body.len > EVENT_BODY_MAX) return ERR_TOO_LARGE;
	c->bytes = malloc(size);
	if (!c->bytes) return ERR_MEMORY;
	struct writer w = writer_of(c->bytes, size);
	stream_request_write(&w, r);
	if (!w.failed) {
		c->len = writer_view(&w).len;
		return OK;
	}
	free(c->bytes);
	c->bytes = NULL;
	return ERR_TOO_LARGE;
}

enum error link_send(struct journal_link *l, const struct stream_request *r, int64_t now_ms, link_done *done,
		     void *ctx) {
	for (unsigned i = 0; i < LINK_CALLS_MAX; i++) {
		struct call *c = &l->calls[i];
		if (c->id) continue;
		struct stream_request numbered = *r;
		numbered.id = l->next_id;
		enum error e = encode(c, &numbered);
		if (e) return e;
		c->id = l->next_id++;
		c->begun_ms = now_ms;
		c->done = done;
		c->ctx = ctx;
		c->again_ms = now_ms + (send(l, c) ? LINK_PATIENCE_MS : LINK_AGAIN_MS);
		l->count++;
		return OK;
	}
	return ERR_OVERLOADED;
}

static void finish(struct journal_link *l, struct call *c, const struct link_reply *r) {
	link_done *done = c->done;
	void *ctx = c->ctx;
	free(c->bytes);
	*c = (struct call){0};
	l->count--;
	done(ctx, r);
}

void link_destroy(struct journal_link **pointer) {
	struct journal_link *l = pointer ? *pointer : NULL;
	if (!l) return;
	const struct link_reply r = {.error = ERR_UNAVAILABLE};
	for (unsigned i = 0; i < LINK_CALLS_MAX; i++)
		if (l->calls[i].id) finish(l, &l->calls[i], &r);
	for (unsigned i = 0; i < LINK_SOCKETS; i++) {
		keys_forget(l->keys, l->sockets[i]);
		zsocket_close(&l->sockets[i]);
	}
	free(l);
	*pointer = NULL;
}

static struct call *find(struct journal_link *l, uint64_t id) {
	for (unsigned i = 0; id && i < LINK_CALLS_MAX; i++)
		if (l->calls[i].id == id) return &l->calls[i];
	return NULL;
}

struct message {
	unsigned count;
	zmq_msg_t frames[2 + LINK_RECORDS_MAX];
};

static bool receive(void *socket, struct message *m) {
	bool more = true;
	m->count = 0;
	while (more) {
		zmq_msg_t frame;
		zmq_msg_init(&frame);
		if (zmq_msg_recv(&frame, socket, ZMQ_DONTWAIT) < 0) {
			zmq_msg_close(&frame);
			break;
		}
		more = zmq_msg_more(&frame);
		if (m->count < ARRAY_LEN(m->frames)) {
			zmq_msg_init(&m->frames[m->count]);
			zmq_msg_move(&m->frames[m->count++], &frame);
		}
		zmq_msg_close(&frame);
	}
	return m->count > 0;
}

static struct view frame(struct message *m, unsigned i) {
	return view_of(zmq_msg_data(&m->frames[i]), zmq_msg_size(&m->frames[i]));
}

/* What is no reply to anything under way was answered already, by an earlier sending: it is dropped. */
static void take(struct journal_link *l, struct message *m, int64_t now_ms) {
	struct link_reply r = {.error = OK};
	if (m->count < 2 || !view_eq(frame(m, 0), VIEW(STREAM_VERSION))) return;
	if (stream_reply_read(frame(m, 1), &r.reply, NULL) != OK) return;
	struct call *c = find(l, r.reply.id);
	if (!c) return;
	l->silent = false;
	if (r.reply.code != STREAM_OK && stream_code_retry(r.reply.code)) {
		c->again_ms = now_ms + LINK_AGAIN_MS;
		return;
	}
	r.error = stream_code_error(r.reply.code);
	for (unsigned i = 2; i < m->count; i++) r.records[r.record_count++] = frame(m, i);
	finish(l, c, &r);
}

void link_receive(struct journal_link *l, int64_t now_ms) {
	struct message m;
	for (unsigned s = 0; s < LINK_SOCKETS; s++) {
		for (unsigned n = 0; n < LINK_CALLS_MAX && receive(l->sockets[s], &m); n++) {
			take(l, &m, now_ms);
			for (unsigned i = 0; i < m.count; i++) zmq_msg_close(&m.frames[i]);
		}
	}
}

void link_tick(struct journal_link *l, int64_t now_ms) {
	for (unsigned i = 0; i < LINK_CALLS_MAX; i++) {
		struct call *c = &l->calls[i];
		if (!c->id || now_ms < c->again_ms) continue;
		if (now_ms - c->begun_ms >= LINK_GIVE_UP_MS) {
			const struct link_reply r = {.error = ERR_UNAVAILABLE};
			l->silent = true;
			finish(l, c, &r);
			continue;
		}
		if (now_ms - c->begun_ms >= LINK_PATIENCE_MS) l->silent = true;
		c->again_ms = now_ms + (send(l, c) ? LINK_PATIENCE_MS : LINK_AGAIN_MS);
	}
}
