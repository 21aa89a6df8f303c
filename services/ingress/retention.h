/* Expiry of old records, in small batches between commits; never past the slowest known worker.
 *
 * A record goes when it is older than the retention and every worker that ever reported has committed it. When a
 * worker holds expired records back, that is said (held_by_worker) and not overruled.
 * All calls on the committer's thread. */
#ifndef INGRESS_RETENTION_H
#define INGRESS_RETENTION_H

#include "store/journal.h"

#define RETENTION_BATCH 256

struct retention {
	int64_t retention_ms;
	/* the last step's findings */
	bool held_by_worker; /* an expired record is still needed */
	uint64_t slowest;    /* what the slowest worker has committed; 0 when none is known */
	uint64_t deleted;    /* since the start */
};

/* Deletes at most RETENTION_BATCH records. *ret_more: there may be more to delete at once. */
NODISCARD enum error retention_step(struct retention *r, struct journal *j, int64_t now_ms, bool *ret_more,
				    struct problem *why);

#endif
