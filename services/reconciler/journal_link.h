/* The way to the journal: requests to an ingress's replay socket, several under way, each with who waits for its reply.
 *
 * A reply may be lost with its connection, so what is not answered in LINK_PATIENCE_MS is sent again; finding and
 * appending twice do no harm. So is what the journal refuses for now. After LINK_GIVE_UP_MS it is given up.
 *
 * One thread. Times are ms of a clock that does not go back.
 */
#ifndef RECONCILER_JOURNAL_LINK_H
#define RECONCILER_JOURNAL_LINK_H

#include "proto/stream.h"
#include "service/keys.h"

/* The journal keeps at most 16 replies for one peer and drops the rest (REPLAY_HWM), and libzmq tells it only of every
 * eighth that was read: 8 under way on one socket can never be too many. */
#define LINK_SOCKETS 3
#define LINK_CALLS_EACH 8
#define LINK_CALLS_MAX (LINK_SOCKETS * LINK_CALLS_EACH)
#define LINK_PATIENCE_MS 3000
#define LINK_AGAIN_MS 300 /* after a refusal that passes */
#define LINK_GIVE_UP_MS 60000
#define LINK_RECORDS_MAX 64 /* of a replay's reply */

struct link_reply {
	enum error error; /* OK, else what the journal said, or ERR_UNAVAILABLE: it did not answer */
	struct stream_reply reply;
	unsigned record_count; /* of a replay */
	struct view records[LINK_RECORDS_MAX];
};

/* From link_receive or link_tick. The reply lives during the call; it may send requests of its own. */
typedef void link_done(void *ctx, const struct link_reply *r);

struct journal_link;

/* keys outlive the link. */
NODISCARD enum error link_create(void *zmq, struct keys *keys, const char *endpoint, struct journal_link **ret_l,
				 struct problem *why);
/* What is under way is answered ERR_UNAVAILABLE, so that whoever waits can let go; it must not send anything then. */
void link_destroy(struct journal_link **l);
/* i < LINK_SOCKETS: all are polled for reading. */
void *link_socket(struct journal_link *l, unsigned i);

unsigned link_room(const struct journal_link *l);
/* The request is copied. ERR_OVERLOADED without room, ERR_TOO_LARGE, ERR_MEMORY; then `done` is not called. */
NODISCARD enum error link_send(struct journal_link *l, const struct stream_request *r, int64_t now_ms, link_done *done,
			       void *ctx);
void link_receive(struct journal_link *l, int64_t now_ms);
/* Sends again and gives up; call a few times a second. */
void link_tick(struct journal_link *l, int64_t now_ms);
/* Nothing was answered for LINK_PATIENCE_MS although something was asked. */
bool link_silent(const struct journal_link *l);

#endif
