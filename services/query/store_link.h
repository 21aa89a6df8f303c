/* The query service's hold on the entitlement store, which may not be there yet, may vanish and may be made anew.
 *
 * link_tick, each second, opens it, and compares the file behind the path with the one that is open: another
 * inode is another store, and the old one is let go. A store that was made anew is being filled, and
 * answering from it would deny everybody. So a store counts as settled only when the worker says that it has
 * applied every journal, or nearly; or when no worker is heard at all and the store has something: stale answers, which
 * say so in as_of, are better than none. (Left over: a worker that died while it filled a store anew, and a query that
 * is started before the worker is back. It answers from a part of the truth, with as_of nil.)
 */
#ifndef QUERY_STORE_LINK_H
#define QUERY_STORE_LINK_H

#include "base/error.h"
#include "proto/stream.h"
#include "store/entitlements.h"

#include <sys/types.h>

#define LINK_SILENCE_MS 2500 /* how long to wait for a first heartbeat, which comes each second */
#define LINK_FRESH_MS 10000  /* as_of this close to now is as good as caught up: a busy stream never stands still */

struct store_link {
	const char *dir; /* outlives the link */
	struct entitlements *store;
	struct look *look; /* of `store`; at rest between batches */
	dev_t dev;
	ino_t ino;
	uint64_t epoch; /* 0: not open */
	uint64_t ver;   /* of the current snapshot, or the last one */
	int64_t as_of;  /* ms; 0: not known for this epoch */
	int64_t opened_ms;
	bool heard; /* a heartbeat of this epoch came */
	bool settled;
	struct problem why; /* why it is not ready */
};

void link_init(struct store_link *l, const char *dir);
void link_finish(struct store_link *l);

/* Opens, reopens or lets go; call each second and once at start. now: monotonic ms. */
void link_tick(struct store_link *l, int64_t now_mono_ms);
/* A heartbeat of the worker's. wall: ms. */
void link_pulse(struct store_link *l, const struct stream_pulse *p, int64_t now_wall_ms);

/* True: answers may be given. False: l->why says why not. */
NODISCARD bool link_ready(const struct store_link *l);
/* A fresh snapshot in l->look and l->ver. On failure the store is let go until the next tick. */
NODISCARD bool link_renew(struct store_link *l);
void link_rest(struct store_link *l);

#endif
