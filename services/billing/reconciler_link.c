#include "reconciler_link.h"

#include <stdlib.h>
#include <zmq.h>

struct reconciler_asked {
	uint64_t id; /* 0: free */
	void (*done)(void *ctx, enum reconcile_code code);
	void *ctx;
};

struct reconciler_link {
	struct keys *keys;
	void *socket;
	uint64_t last_id;
	struct reconciler_asked asked[RECONCILER_ASKED_MAX];
};

enum error reconciler_link_create(void *zmq, struct keys *keys, const char *endpoint, struct reconciler_link **ret_l,
				  struct problem *why) {
	/* libzmq learns in batches of half of it what was taken: with twice as many as there can be, none is refused */
	const struct zsocket_limits limits = {.send_hwm = 2 * RECONCILER_ASKED_MAX,
					      .message_max = RECONCILE_MESSAGE_MAX};
	struct reconciler_link *l = calloc(1, sizeof *l);
	if (!l) return problem_set(why, ERR_MEMORY, "out of memory");
	enum error e = zsocket_create(zmq, ZMQ_DEALER, &limits, &l->socket, why);
	l->keys = keys;
	if (!e) e = keys_connect_watched(keys, l->socket, endpoint, why);
	if (e)
		reconciler_link_destroy(&l);
	else
		*ret_l = l;
	return e;
}

void reconciler_link_destroy(struct reconciler_link **pointer) {
	struct reconciler_link *l = pointer ? *pointer : NULL;
	if (!l) return;
	keys_forget(l->keys, l->socket);
	zsocket_close(&l->socket);
	free(l);
	*pointer = NULL;
}

static bool send_request(struct reconciler_link *l, const struct reconcile_request *r) {
	uint8_t bytes[RECONCILE_MESSAGE_MAX];
	struct writer w = writer_of(bytes, sizeof bytes);
	reconcile_request_write(&w, r);
	struct view body = writer_view(&w);
	/* else it would wait for whoever comes, long after its asker has left */
	return keys_connected(l->keys, l->socket) && body.len &&
	       zmq_send(l->socket, RECONCILE_VERSION, sizeof RECONCILE_VERSION - 1, ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0 &&
	       zmq_send(l->socket, body.ptr, body.len, ZMQ_DONTWAIT) >= 0;
}

enum error reconciler_link_ask(struct reconciler_link *l, enum reconcile_op op, bool livemode, const char *id,
			       void (*done)(void *ctx, enum reconcile_code code), void *ctx,
			       struct reconciler_asked **ret_asked, struct problem *why) {
	struct reconciler_asked *a = NULL;
	for (unsigned i = 0; i < RECONCILER_ASKED_MAX && !a; i++)
		if (!l->asked[i].id) a = &l->asked[i];
	if (!a) return problem_set(why, ERR_OVERLOADED, "%d are asked for already", RECONCILER_ASKED_MAX);
	enum fetch_kind kind = op == RECONCILE_SESSION ? FETCH_CHECKOUT : FETCH_CUSTOMER;
	struct reconcile_request r = {.op = op, .id = ++l->last_id, .fetch = {kind, view_str(id)}};
	r.scope.livemode = livemode;
	if (!send_request(l, &r)) return problem_set(why, ERR_UNAVAILABLE, "no reconciler answers");
	*a = (struct reconciler_asked){r.id, done, ctx};
	*ret_asked = a;
	return OK;
}

void reconciler_link_forget(struct reconciler_asked *a) {
	if (a) *a = (struct reconciler_asked){0};
}

void *reconciler_link_socket(const struct reconciler_link *l) { return l->socket; }

static void take(struct reconciler_link *l, struct view body) {
	struct reconcile_reply r;
	if (reconcile_reply_read(body, &r, NULL)) return;
	if (r.say != RECONCILE_SAYS_DONE && r.say != RECONCILE_SAYS_ERROR) return;
	for (unsigned i = 0; i < RECONCILER_ASKED_MAX; i++) {
		struct reconciler_asked a = l->asked[i];
		if (!a.id || a.id != r.id) continue;
		reconciler_link_forget(&l->asked[i]);
		a.done(a.ctx, r.say == RECONCILE_SAYS_DONE ? RECONCILE_OK : r.code);
		return;
	}
}

/* ["TGR1"][reply]; what else comes is nobody's. False: nothing has come. */
static bool receive(struct reconciler_link *l) {
	zmq_msg_t frame, body;
	unsigned count = 0;
	bool more = true;
	zmq_msg_init(&body);
	while (more) {
		zmq_msg_init(&frame);
		if (zmq_msg_recv(&frame, l->socket, ZMQ_DONTWAIT) < 0) {
			zmq_msg_close(&frame);
			break;
		}
		more = zmq_msg_more(&frame);
		if (++count == 2) zmq_msg_move(&body, &frame);
		zmq_msg_close(&frame);
	}
	if (count == 2) take(l, view_of(zmq_msg_data(&body), zmq_msg_size(&body)));
	zmq_msg_close(&body);
	return count > 0;
}

void reconciler_link_run(struct reconciler_link *l) {
	for (unsigned n = 0; n < RECONCILER_ASKED_MAX && receive(l); n++) {
	}
}
