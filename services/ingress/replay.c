#include "replay.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "replay_private.h"

#define REQUESTS_PER_TURN 64 /* before finished appends are looked at again */

void envelope_close(struct envelope *e) {
	for (unsigned i = 0; i < e->count; i++) zmq_msg_close(&e->frames[i]);
	e->count = 0;
}

void envelope_move(struct envelope *to, struct envelope *from) {
	to->count = from->count;
	to->peer = from->peer;
	for (unsigned i = 0; i < from->count; i++) {
		zmq_msg_init(&to->frames[i]);
		zmq_msg_move(&to->frames[i], &from->frames[i]);
	}
	envelope_close(from);
}

/* ---- one message ------------------------------------------------------------------ */

/* The peer's number; the identity is no frame that it sent. */
static int take(struct replay *r, zmq_msg_t *identity, zmq_msg_t *last, unsigned frames, size_t bytes) {
	uint32_t waiting; /* who floods waits in turn like everybody */
	return peers_took(r->door.peers, identity, last, frames, bytes, &waiting);
}

/* Reads a whole message (libzmq hands out no parts of one). All frames but the last two are the envelope. False when
 * none waits. *ret_good: it has an identity, a version and a request, and an envelope within its bounds. */
static bool receive(struct replay *r, struct envelope *e, zmq_msg_t *version, zmq_msg_t *message, bool *ret_good) {
	struct envelope all = {.peer = -1};
	bool more = true, over = false;
	unsigned frames = 0;
	size_t bytes = 0;
	while (more) {
		zmq_msg_t extra, *frame = all.count < REPLAY_FRAMES_MAX ? &all.frames[all.count] : &extra;
		zmq_msg_init(frame);
		bool got = zmq_msg_recv(frame, r->door.socket, ZMQ_DONTWAIT) >= 0;
		more = got && zmq_msg_more(frame);
		if (got && frames++) bytes += zmq_msg_size(frame);
		if (got && !more) all.peer = take(r, &all.frames[0], frame, frames - 1, bytes);
		if (got && frame != &extra) {
			all.count++;
			continue;
		}
		over = true;
		zmq_msg_close(frame);
		if (got) continue;
		envelope_close(&all);
		return false;
	}
	*ret_good = !over && all.count >= 3;
	for (unsigned i = 0; *ret_good && i + 2 < all.count; i++)
		if (zmq_msg_size(&all.frames[i]) > REPLAY_ROUTE_MAX) *ret_good = false;
	if (*ret_good) {
		zmq_msg_move(message, &all.frames[all.count - 1]);
		zmq_msg_move(version, &all.frames[all.count - 2]);
		for (unsigned i = all.count - 2; i < all.count; i++) zmq_msg_close(&all.frames[i]);
		all.count -= 2;
		envelope_move(e, &all);
	}
	envelope_close(&all);
	return true;
}

/* False when nothing waits. */
static bool serve_one(struct replay *r) {
	struct envelope e = {0};
	zmq_msg_t version, message;
	bool good = false;
	zmq_msg_init(&version);
	zmq_msg_init(&message);
	bool got = receive(r, &e, &version, &message, &good);
	if (got)
		counter_add(r->options.requests, 1);
	else
		peers_emptied(r->door.peers);
	/* another protocol gets no answer in this one's words */
	struct view v = view_of(zmq_msg_data(&version), zmq_msg_size(&version));
	if (got && good && view_eq(v, VIEW(STREAM_VERSION)))
		replay_answer(r, &e, &message, door_rights(&r->door, &message));
	else if (got)
		counter_add(r->options.dropped, 1);
	envelope_close(&e);
	zmq_msg_close(&version);
	zmq_msg_close(&message);
	return got;
}

/* ---- the thread ------------------------------------------------------------------- */

static bool finish_appends(struct replay *r) {
	uint64_t n;
	if (read(r->event_fd, &n, sizeof n) < 0) return false; /* non-blocking: nothing new */
	pthread_mutex_lock(&r->mutex);
	struct append *list = r->done;
	r->done = NULL;
	bool stopping = r->stopping;
	pthread_mutex_unlock(&r->mutex);
	while (list) {
		struct append *a = list;
		list = a->next;
		r->in_flight--;
		replay_finish_append(r, a);
	}
	return stopping;
}

static void *run(void *replay) {
	struct replay *r = replay;
	bool stopping = false;
	while (!stopping || r->in_flight) {
		zmq_pollitem_t items[2] = {{.fd = r->event_fd, .events = ZMQ_POLLIN},
					   {.socket = r->door.socket, .events = ZMQ_POLLIN}};
		if (zmq_poll(items, stopping || !r->door.socket ? 1 : 2, -1) < 0 && errno != EINTR) break;
		if (items[0].revents && finish_appends(r)) stopping = true;
		for (int i = 0; !stopping && i < REQUESTS_PER_TURN && serve_one(r); i++) {
		}
	}
	return NULL;
}

static void wake(struct replay *r) {
	uint64_t one = 1;
	while (write(r->event_fd, &one, sizeof one) < 0 && errno == EINTR) {
	}
}

/* ---- from outside ------------------------------------------------------------------ */

static void destroy(struct replay *r) {
	door_close(&r->door);
	if (r->event_fd >= 0) close(r->event_fd);
	pthread_mutex_destroy(&r->mutex);
	free(r);
}

static enum error open_parts(struct replay *r, struct problem *why) {
	r->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (r->event_fd < 0) return problem_set(why, ERR_UNAVAILABLE, "eventfd: %s", strerror(errno));
	const struct door_options o = {.type = ZMQ_ROUTER,
				       .limits = {.send_hwm = REPLAY_HWM,
						  .receive_hwm = REPLAY_RECEIVE_HWM,
						  .message_max = STREAM_APPEND_MAX,
						  .peers = REPLAY_PEERS,
						  .unread = REPLAY_UNREAD_MAX},
				       .at = r->options.at,
				       .rights = CURVE_JOURNAL | CURVE_APPEND | CURVE_GRANT | CURVE_CONTROL};
	enum error e = door_open(&r->door, r->options.zmq, r->options.gate, &o, why);
	if (!e && pthread_create(&r->thread, NULL, run, r) != 0)
		e = problem_set(why, ERR_MEMORY, "cannot start the replay thread");
	return e;
}

enum error replay_start(const struct replay_options *o, struct replay **ret_r, struct problem *why) {
	struct replay *r = calloc(1, sizeof *r);
	if (!r) return ERR_MEMORY;
	r->options = *o;
	r->event_fd = -1;
	pthread_mutex_init(&r->mutex, NULL);
	enum error e = open_parts(r, why);
	if (e)
		destroy(r);
	else
		*ret_r = r;
	return e;
}

const char *replay_endpoints(const struct replay *r) { return r->door.actual; }

void replay_stop(struct replay **pr) {
	struct replay *r = pr ? *pr : NULL;
	if (!r) return;
	*pr = NULL;
	pthread_mutex_lock(&r->mutex);
	r->stopping = true;
	pthread_mutex_unlock(&r->mutex);
	wake(r);
	pthread_join(r->thread, NULL);
	destroy(r);
}
