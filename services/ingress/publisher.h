/* The journal's PUB socket (proto/stream.h). It may drop, and nothing depends on it: heartbeats name the head.
 * All calls on one thread, the committer's, but for its making and its end. */
#ifndef INGRESS_PUBLISHER_H
#define INGRESS_PUBLISHER_H

#include "net/door.h"
#include "store/journal.h"

/* A larger record is announced by a heartbeat and fetched by replay: the high-water mark counts messages, and a
 * subscriber that does not read may hold PUBLISH_HWM × this much memory. */
#define PUBLISH_RECORD_MAX ((size_t)64 * 1024)
#define PUBLISH_HWM 1000

struct publisher;

/* gate NULL: no keys. */
NODISCARD enum error publisher_create(void *zmq, struct curve_gate *gate, const struct endpoints *at,
				      struct publisher **ret_p, struct problem *why);
void publisher_destroy(struct publisher **p);
/* Where it is really bound. */
const char *publisher_endpoints(const struct publisher *p);

/* What journal_append has just stored; duplicates are left out. first: the oldest record there. */
void publisher_records(struct publisher *p, const struct journal *j, uint64_t first,
		       const struct journal_entry *entries, size_t count);
void publisher_heartbeat(struct publisher *p, const struct journal *j, uint64_t first, uint64_t head);

#endif
