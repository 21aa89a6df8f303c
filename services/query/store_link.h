/* The query service's hold on the entitlement store, which may not be there yet, may vanish and may be made anew.
 *
 * link_tick, each second, opens it, and compares the file behind the path with the one that is open: another
 * inode is another store, and the old one is let go. A store that was made anew is being filled, and answering from
 * it would deny everybody: it counts only once the worker has written down that it was complete. From then on it is
 * answered from, with or without a worker: stale answers, which say so in as_of, are better than none.
 */
#ifndef QUERY_STORE_LINK_H
#define QUERY_STORE_LINK_H

#include "base/error.h"
#include "proto/stream.h"
#include "store/entitlements.h"

#include <sys/types.h>

struct store_link {
	const char *dir; /* outlives the link */
	struct entitlements *store;
	struct look *look; /* of `store`; at rest between batches */
	dev_t dev;
	ino_t ino;
	uint64_t opened;    /* how often a store was opened, or was another: counts of a snapshot are of one */
	uint64_t epoch;     /* 0: not open */
	uint64_t ver;       /* of the current snapshot, or the last one */
	int64_t as_of;      /* ms; 0: not known for this epoch */
	bool settled;       /* the store was complete once */
	struct problem why; /* why it is not ready */
};

void link_init(struct store_link *l, const char *dir);
void link_finish(struct store_link *l);

/* Opens, reopens or lets go; call each second and once at start. */
void link_tick(struct store_link *l);
/* A heartbeat of the worker's. One of another store's looks at once whether that is in place. */
void link_pulse(struct store_link *l, const struct stream_pulse *p);

/* True: answers may be given. False: l->why says why not. */
NODISCARD bool link_ready(const struct store_link *l);
/* A fresh snapshot in l->look and l->ver. On failure the store is let go until the next tick. */
NODISCARD bool link_renew(struct store_link *l);
void link_rest(struct store_link *l);

#endif
