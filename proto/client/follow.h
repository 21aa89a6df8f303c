/* Following the feed, as PROTOCOL.md 3 has it, and what may be kept of what servers say. The thread's alone.
 *
 * One server leads: its feed is heard, and its query socket is asked for the catalog, for pages and for what was
 * missed, one request at a time. A generation is what one store said by one catalog; another epoch or another catalog
 * begins a new one, of which nothing is known yet. What was kept stays, since it is what was known last.
 *
 * `ver` is contiguous: all up to it is applied. A change that does not follow it, or a heartbeat above it, is a gap:
 * the cache does not answer until `since` has closed it.
 */
#ifndef CLIENT_FOLLOW_H
#define CLIENT_FOLLOW_H

#include "private.h"

#define FEED_HWM 16384      /* changes that wait for us before libzmq drops some */
#define FEED_AT_ONCE 1024   /* read before other sockets have their turn */
#define FEED_SILENT_MS 3000 /* then its socket is made anew, and another leads if there is one */
#define FEED_LATE_MS 1500   /* a heartbeat is overdue: `since` is asked for instead */
#define ASK_AGAIN_MS 200    /* after a request of ours failed */
#define WENT_BACK_MAX 5     /* heartbeats below our version before the store is believed to be an older copy */
#define CLOCK_BACK_MS 2000  /* a heartbeat that is so far behind the others was held up, */
#define CLOCK_BACK_BEATS 3  /* or, when as many are, over a second, the server's clock was set back */
#define FILLS_MAX 512       /* lines that are asked for behind the callers' backs, at once */

/* proto/client/follow.c */
void tgc_follow(struct tg_client *c, int64_t now);
/* That server has just been connected to, perhaps after a restart. */
void tgc_follow_connected(struct tg_client *c, unsigned server);
void tgc_follow_close(struct tg_client *c);
/* Replies to what it asked, while the decoder still has them. */
void tgc_follow_changes(struct tg_client *c, const struct request *r, const struct tg01_reply *reply);
void tgc_follow_page(struct tg_client *c, const struct request *r, const struct tg01_reply *reply, int64_t now);
/* Out of the thread's sight for the rest: a catalog came, or a server named one that is not known. */
const struct book *tgc_catalog_came(struct tg_client *c, const struct tg01_reply *reply, int64_t now);
void tgc_catalog_named(struct tg_client *c, uint64_t cat, unsigned by);

/* hear.c: one message of the feed */
void tgc_hear(struct tg_client *c, struct view topic, struct view message, int64_t now);
/* A change in order, of the feed or of `since`. */
void tgc_apply(struct tg_client *c, const struct tg01_change *change, int64_t now);
/* All up to `ver` is applied, as of that moment. */
void tgc_confirm(struct tg_client *c, int64_t at);
void tgc_generation_begin(struct tg_client *c, uint64_t epoch, uint64_t cat, uint64_t ver);

/* keep.c */
/* A line that a server gave for a subject; source: its epoch, catalog and version. */
void tgc_keep(struct tg_client *c, const struct tg01_source *source, struct view sub, uint64_t ver,
	      const struct tg01_line *line, int64_t now);
void tgc_keep_change(struct tg_client *c, const struct tg01_change *change, int64_t now);
/* An answer that was asked for: what is kept says the same, or is dropped and asked for anew. */
void tgc_keep_compare(struct tg_client *c, const struct tg_question *q, const struct tg_answer *a);
/* Any thread: asks for a subject's line in the background. */
void tgc_fill(struct tg_client *c, const char *subject);

/* watch.c */
void tgc_watch_change(struct tg_client *c, const struct tg01_change *change);
void tgc_watch_heartbeat(struct tg_client *c, const struct tg01_heartbeat *h);
void tgc_watch_gap(struct tg_client *c);

#endif
