/* The worker's control socket: what an operator asks of the one writer of the entitlement store.
 *
 *   CONTROL  ROUTER  ["TGC1"][msgpack control_request] → ["TGC1"][msgpack control_reply]
 *
 *   quarantine_retry  {op, id, origin?, seq?} → {id, retried, healed, still}
 *                     origin and seq: that record alone; neither: all of quarantine
 *   rebuild           {op, id, partial?} → as rebuild_status
 *                     Makes the entitlement store anew from the journals, beside the one that is answered
 *                     from, and puts it in its place when it is complete. One at a time: while one is under
 *                     way, this is rebuild_status. partial: also when a journal no longer reaches back to
 *                     its beginning; else that is a failure, and the old store stands.
 *   rebuild_status    {op, id} → {id, phase, epoch, applied, head, missing, why?}
 *   error             {id, err: {code, msg, retry}}
 *                     codes as of the journal's replay socket (proto/stream.h)
 *
 * Rules of the maps, and errors of the readers, as in proto/stream.h. Only for an installation itself.
 */
#ifndef PROTO_CONTROL_H
#define PROTO_CONTROL_H

#include "proto/stream.h"

#define CONTROL_VERSION "TGC1"
#define CONTROL_MESSAGE_MAX 4096 /* bytes of any map */

/* symbol, wire name */
#define CONTROL_OP_TABLE(X)                                                                                            \
	X(CONTROL_RETRY, "quarantine_retry")                                                                           \
	X(CONTROL_REBUILD, "rebuild")                                                                                  \
	X(CONTROL_REBUILD_STATUS, "rebuild_status")

enum control_op {
#define X(symbol, name) symbol,
	CONTROL_OP_TABLE(X)
#undef X
		CONTROL_OP_COUNT
};

/* How far the last rebuild since the worker's start has come. symbol, wire name */
#define REBUILD_PHASE_TABLE(X)                                                                                         \
	X(REBUILD_NONE, "none")                                                                                        \
	X(REBUILD_FILLING, "filling")                                                                                  \
	X(REBUILD_DONE, "done")                                                                                        \
	X(REBUILD_FAILED, "failed") /* the old store stands */

enum rebuild_phase {
#define X(symbol, name) symbol,
	REBUILD_PHASE_TABLE(X)
#undef X
		REBUILD_PHASE_COUNT
};

const char *rebuild_phase_name(enum rebuild_phase p);

struct control_request {
	enum control_op op;
	uint64_t id;     /* echoed */
	uint64_t origin; /* quarantine_retry: 0: all */
	uint64_t seq;
	bool partial; /* rebuild: records that a journal has no more may be missing */
};

struct rebuild_status {
	enum rebuild_phase phase;
	uint64_t epoch;   /* of the store that is answered from */
	uint64_t applied; /* records that the new store holds, of all journals */
	uint64_t head;    /* of as many */
	uint64_t missing; /* records that the journals had no more */
	struct view why;  /* of a failure */
};

struct control_reply {
	uint64_t id;
	enum stream_code code; /* STREAM_OK, else only id and text are set */
	struct view text;
	/* quarantine_retry */
	uint64_t retried; /* records tried again */
	uint64_t healed;  /* and no longer in quarantine */
	uint64_t still;   /* and put back with their reason */
	/* rebuild, rebuild_status */
	struct rebuild_status rebuild;
};

void control_request_write(struct writer *w, const struct control_request *r);
/* *ret_id is set as soon as it is known, also on failure. ERR_VERSION for an unknown op. */
NODISCARD enum error control_request_read(struct view message, struct control_request *ret_r, uint64_t *ret_id,
					  struct problem *why);

/* op: what was asked, which a reply does not repeat. */
void control_reply_write(struct writer *w, enum control_op op, const struct control_reply *r);
NODISCARD enum error control_reply_read(struct view message, enum control_op op, struct control_reply *ret_r,
					struct problem *why);

#endif
