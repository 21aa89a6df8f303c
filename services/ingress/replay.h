/* The journal's replay socket (proto/stream.h): head, replay, find, append, progress.
 *
 * One thread owns the ROUTER and never blocks: replies go with DONTWAIT, and one whose peer is gone or does not
 * read is dropped and counted. Appends go through the committer and are answered after its commit, which tells
 * this thread over an eventfd. Replies to different requests may therefore come in another order; `id`
 * tells them apart.
 *
 * Bounds: REPLAY_FRAMES_MAX frames in a request, REPLAY_APPENDS_MAX appends in flight, STREAM_* for messages,
 * REPLAY_HWM replies waiting for one peer, of REPLAY_UNREAD_MAX bytes: a worker has two chunks under way. What one that
 * does not read asks for beyond that is dropped.
 */
#ifndef INGRESS_REPLAY_H
#define INGRESS_REPLAY_H

#include "committer.h"
#include "net/door.h"
#include "progress.h"

#define REPLAY_FRAMES_MAX 8
#define REPLAY_ROUTE_MAX 256 /* bytes of one frame of an envelope */
#define REPLAY_APPENDS_MAX 64
#define REPLAY_HWM 16
#define REPLAY_RECEIVE_HWM 64 /* requests of one peer that wait; appends have up to a megabyte */
#define REPLAY_PEERS 128
#define REPLAY_UNREAD_MAX ((int64_t)3 * STREAM_REPLAY_BYTES_MAX)

struct replay;

struct replay_options {
	void *zmq;
	struct curve_gate *gate; /* NULL: no keys */
	struct endpoints at;
	struct journal *journal;
	struct committer *committer;
	struct progress *progress;
	struct counter *requests; /* all may be NULL */
	struct counter *dropped;
	struct counter *replayed; /* records */
	/* A read of the journal has failed. Replay's thread; NULL: nothing. */
	void (*failed)(void *ctx, enum error e, const struct problem *why);
	void *ctx;
};

NODISCARD enum error replay_start(const struct replay_options *o, struct replay **ret_r, struct problem *why);
/* Where it is really bound. */
const char *replay_endpoints(const struct replay *r);
/* Takes no more requests, answers the appends in flight (the committer must still run), ends the thread. */
void replay_stop(struct replay **r);

#endif
