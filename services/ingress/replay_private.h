/* What the replay socket's files share: replay.c has the thread and the sockets, replay_answer.c the operations. */
#ifndef INGRESS_REPLAY_PRIVATE_H
#define INGRESS_REPLAY_PRIVATE_H

#include <pthread.h>
#include <zmq.h>

#include "net/peers.h"
#include "proto/stream.h"
#include "replay.h"

/* Who asked: the routing frames, echoed untouched. */
struct envelope {
	int peer; /* its number for peers_may_send */
	unsigned count;
	zmq_msg_t frames[REPLAY_FRAMES_MAX];
};

/* An append on its way through the committer. */
struct append {
	struct submission submission;
	struct replay *replay;
	struct append *next; /* in `done` */
	uint64_t id;
	struct envelope envelope;
	zmq_msg_t message; /* the record's views point into it */
	struct outcome outcome;
};

struct replay {
	struct replay_options options;
	struct door door;
	int event_fd; /* written when `done` or `stopping` has changed */
	pthread_t thread;
	pthread_mutex_t mutex;
	struct append *done; /* under the mutex */
	bool stopping;       /* the same */
	unsigned in_flight;  /* the thread's own */
};

void envelope_close(struct envelope *e);
/* Takes over the frames of `from`. */
void envelope_move(struct envelope *to, struct envelope *from);

/* Answers a request of somebody with those rights, or starts an append, which then owns envelope and message (both are
 * left empty). */
void replay_answer(struct replay *r, struct envelope *e, zmq_msg_t *message, unsigned rights);
/* Answers a finished append and frees it. */
void replay_finish_append(struct replay *r, struct append *a);

#endif
