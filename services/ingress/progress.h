/* What each worker has committed, as the workers report it. Kept in memory and written to the journal once a second:
 * a report that a crash loses only makes retention wait longer. */
#ifndef INGRESS_PROGRESS_H
#define INGRESS_PROGRESS_H

#include <pthread.h>

#include "proto/stream.h"
#include "store/journal.h"

#define PROGRESS_WORKERS_MAX 64 /* one process's reports; more are refused */

struct progress {
	pthread_mutex_t mutex;
	unsigned count;
	struct {
		char name[STREAM_WORKER_MAX];
		size_t len;
		uint64_t seq;
		bool changed;
		bool forgotten; /* its slot is free once that is written */
	} workers[PROGRESS_WORKERS_MAX];
};

void progress_init(struct progress *p);
void progress_finish(struct progress *p);

/* Any thread. ERR_LIMIT: too many workers, or a name that is empty or too long. A lower number than before is
 * taken too: that worker's store was restored or made anew. */
NODISCARD enum error progress_report(struct progress *p, struct view worker, uint64_t seq);
/* Any thread. The worker is gone for good; one of that name that reports again is known again. ERR_LIMIT as above. */
NODISCARD enum error progress_forget(struct progress *p, struct view worker);
/* Writes what has changed, and tries again what failed; the first failure. ERR_LIMIT: the journal knows too many
 * workers already. Committer's thread. */
NODISCARD enum error progress_flush(struct progress *p, struct journal *j, struct problem *why);

#endif
