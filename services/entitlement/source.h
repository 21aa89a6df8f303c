/* A source: one journal that the worker follows, as a state machine without sockets or clocks.
 *
 * It is the ZeroMQ guide's Clone pattern (RFC 12): records come by PUB, which may drop, and anything missing is
 * asked for again over the replay socket. The caller passes in what arrived and the time, and does what the
 * answers say:
 *
 *   not known ──head reply──▶ known: cursor loaded from the store ──▶ replay until cursor = head ──▶ live
 *                                         ▲                                                        │
 *                                         └────────────── a gap, another origin ◀──────────────────┘
 *
 * One request is under way at a time; it is given up and asked again after SOURCE_PATIENCE_MS. Times are monotonic
 * milliseconds unless they say wall.
 */
#ifndef ENTITLEMENT_SOURCE_H
#define ENTITLEMENT_SOURCE_H

#include "proto/stream.h"

#define SOURCE_PATIENCE_MS 2000 /* for a reply */
#define SOURCE_RETRY_MS 200     /* between tries when a request cannot be sent or was refused */
#define SOURCE_SILENCE_MS 5000  /* without a heartbeat: the journal is called silent */
#define SOURCE_CHUNK 256        /* records asked for at once: one transaction of the store */
#define SOURCE_PROGRESS_MS 1000 /* between reports of what is committed */
#define SOURCE_BEHIND_MS 3000   /* a head below our cursor for so long is no message that was overtaken */

/* By which a journal is known again after its ingress was started anew: a record that it had then. When it has another
 * at that sequence, or none, it was put back to an older copy, and uses sequences again that we would take for known.
 */
struct source_mark {
	uint64_t run; /* of the ingress; 0: there is no mark */
	uint64_t seq;
	uint32_t crc; /* the record's own */
};

struct source {
	uint64_t origin;                 /* 0: not known yet */
	uint64_t cursor;                 /* applied, perhaps not yet committed */
	uint64_t committed;              /* durable */
	uint64_t head;                   /* the newest sequence heard of */
	int64_t heard_ms;                /* the last heartbeat; 0: none */
	int64_t as_of_wall_ms;           /* the store reflects this journal up to here, once `cursor` is committed */
	int64_t committed_as_of_wall_ms; /* and up to here now */
	int64_t head_wall_ms;            /* the journal's clock when `head` was its head */
	uint64_t request;                /* id of the request under way; 0: none */
	uint64_t asked_from;             /* what it asked for */
	uint64_t reply_at;               /* the sequence of the first record of the reply that was taken last */
	int64_t asked_ms;
	int64_t not_before_ms; /* no new request before */
	uint64_t next_id;
	uint64_t reported; /* progress that was sent; UINT64_MAX: none yet, so that a new store's 0 is said, too */
	int64_t reported_ms;
	uint64_t run;            /* of the ingress, as it was heard last; 0: it does not say */
	struct source_mark mark; /* as of the last heartbeat at which nothing was under way */
	bool proving;            /* another run: nothing is applied until the mark is found, or not */
	uint64_t last_seq;       /* applied last, with its checksum */
	uint32_t last_crc;
	uint64_t skipped;  /* records that the journal no longer had when they were asked for */
	int64_t behind_ms; /* since when heartbeats name a head below `committed`; 0: they do not */
};

enum source_step {
	SOURCE_APPLY, /* it is the next: apply it, then source_applied */
	SOURCE_DROP,  /* known already, or from a journal that is not this one, or past a gap */
};

void source_init(struct source *s);
/* As new, but for the ids of requests. */
void source_forget(struct source *s);

enum source_news {
	SOURCE_AS_BEFORE,
	SOURCE_OTHER_ORIGIN, /* another journal: the source was reset, and its cursor must be loaded */
	/* The journal's head lies below what we have applied: it was put back to an older state, and will use sequences
	 * again that we would drop. The source starts over at 0, which the fold's idempotence makes harmless. */
	SOURCE_WENT_BACK,
};

/* A heartbeat arrived. */
enum source_news source_heartbeat(struct source *s, const struct stream_heartbeat *h, int64_t now_ms);
/* The origin is known (from a heartbeat or a reply), and how far the store has come with it. */
void source_known(struct source *s, uint64_t origin, uint64_t cursor);

/* The mark that the store has of this journal; after source_known. */
void source_marked(struct source *s, const struct source_mark *mark);

/* While the journal has to be known again: what a reply brought at that sequence, or, with count 0, that it has nothing
 * there. Found: all behind the mark is asked for again, since what was applied of it may be of the other copy. */
enum source_news source_prove(struct source *s, uint64_t seq, uint32_t crc);
enum source_news source_prove_empty(struct source *s, const struct stream_reply *r);

/* A record arrived, from either socket. */
enum source_step source_record(struct source *s, uint64_t origin, uint64_t seq);
void source_applied(struct source *s, uint64_t seq, int64_t received_wall_ms);
/* The checksum of the record that was applied last. */
void source_applied_crc(struct source *s, uint32_t crc);
void source_committed(struct source *s);
/* The transaction failed: go back to what is committed, and ask again after a while. */
void source_rolled_back(struct source *s, int64_t now_ms);

/* Should a request go out now? False: no. True: *ret_r is what to send; call source_asked when it was. */
bool source_want(const struct source *s, int64_t now_ms, struct stream_request *ret_r);
/* The same while `count` records of a reply are about to be applied: the chunk after them, so that the journal reads
 * while we fold. */
bool source_want_next(const struct source *s, uint64_t count, struct stream_request *ret_r);
void source_asked(struct source *s, const struct stream_request *r, int64_t now_ms);
void source_not_sent(struct source *s, int64_t now_ms);
/* A reply arrived. False: it answers nothing that is under way. Its records are then passed to source_record;
 * *ret_gap is how many records before the first of them the journal no longer has (the source has moved past them). */
bool source_reply(struct source *s, const struct stream_reply *r, int64_t now_ms, uint64_t *ret_gap);

/* A progress report is due: worth sending, since it is how retention knows us. */
bool source_progress_due(const struct source *s, int64_t now_ms);
void source_progress_sent(struct source *s, int64_t now_ms);

/* Everything that was heard of is applied, and the journal is not silent. */
bool source_caught_up(const struct source *s, int64_t now_ms);
/* Everything that was heard of is applied, and the journal was heard, though it may be silent by now. */
bool source_complete(const struct source *s);
bool source_silent(const struct source *s, int64_t now_ms);
/* Milliseconds until source_want may change its mind by time alone; at most `most`. */
int64_t source_wait_ms(const struct source *s, int64_t now_ms, int64_t most);

#endif
