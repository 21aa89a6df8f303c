/* The worker's control socket: what an operator asks of the one writer of the entitlement store.
 *
 *   CONTROL  ROUTER  ["TGC1"][msgpack control_request] → ["TGC1"][msgpack control_reply]
 *
 *   quarantine_retry  {op, id, origin?, seq?} → {id, retried, healed, still}
 *                     origin and seq: that record alone; neither: all of quarantine
 *   error             {id, err: {code, msg, retry}}, codes as of the journal's replay socket (proto/stream.h)
 *
 * Rules of the maps, and errors of the readers, as in proto/stream.h. The socket is local to an installation.
 */
#ifndef PROTO_CONTROL_H
#define PROTO_CONTROL_H

#include "proto/stream.h"

#define CONTROL_VERSION "TGC1"
#define CONTROL_MESSAGE_MAX 4096 /* bytes of any map */

struct control_request {
	uint64_t id;     /* echoed */
	uint64_t origin; /* 0: all */
	uint64_t seq;
};

struct control_reply {
	uint64_t id;
	enum stream_code code; /* STREAM_OK, else only id and text are set */
	struct view text;
	uint64_t retried; /* records tried again */
	uint64_t healed;  /* and no longer in quarantine */
	uint64_t still;   /* and put back with their reason */
};

void control_request_write(struct writer *w, const struct control_request *r);
/* *ret_id is set as soon as it is known, also on failure. ERR_VERSION for an unknown op. */
NODISCARD enum error control_request_read(struct view message, struct control_request *ret_r, uint64_t *ret_id,
					  struct problem *why);

void control_reply_write(struct writer *w, const struct control_reply *r);
NODISCARD enum error control_reply_read(struct view message, struct control_reply *ret_r, struct problem *why);

#endif
