/* The feed: every change of the store, in order, to whoever listens; a heartbeat each second.
 *
 * It is driven by the store and not by the worker's messages: those only say that it is worth a look. So a
 * message that was lost on the way here makes no gap in the feed, and what is on it can be read in the store. */
#ifndef QUERY_FEED_H
#define QUERY_FEED_H

#include "line.h"
#include "net/door.h"
#include "store_link.h"

#define FEED_BATCH 512     /* changes published before the other sockets get a look */
#define FEED_INBOX_MAX 512 /* the worker's messages read before that */

struct feed {
	struct door door; /* FEED_BIND */
	void *worker;     /* SUB to CHANGES_PUB */
	struct store_link *link;
	const struct catalog *catalog; /* may be exchanged, with a heartbeat before the next change */
	struct line_maker lines;
	bool livemode;
	uint64_t epoch; /* of the store that `sent` counts in; 0: there is none that is ready */
	uint64_t sent;  /* the version up to which all is published */
	uint64_t published;
	uint64_t bad_messages; /* from the worker, that do not decode */
};

/* Reads the worker's messages. True: there is something to publish. */
bool feed_listen(struct feed *f);
/* Publishes what is new in the store. True: there may be more. */
bool feed_publish(struct feed *f, int64_t now_wall_ms);
/* Also when nothing is ready: then without an epoch. */
void feed_heartbeat(struct feed *f, int64_t now_wall_ms);

#endif
