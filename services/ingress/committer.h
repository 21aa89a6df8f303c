/* Group commit: one thread that puts all that waits into one synced transaction, then answers it all.
 *
 *     HTTP threads, replay thread ──▶ bounded queue ──▶ append (commit, fsync) ──▶ done() each ──▶ committed()
 *
 * Nothing is ever answered as stored before its commit has returned. The journal's writing side belongs to this
 * thread: append, committed and tick are all called on it.
 *
 * When append fails, everybody in that batch hears so. ERR_STORAGE is final: all who wait and all who come get it, and
 * nothing is appended any more. Any other failure is that batch's alone; when it may be the fault of one entry
 * (not full, not I/O, not memory) the entries are tried one by one.
 */
#ifndef INGRESS_COMMITTER_H
#define INGRESS_COMMITTER_H

#include "service/metrics.h"
#include "store/journal.h"

#define COMMIT_QUEUE_DEFAULT 4096 /* submissions; their bodies are bounded by who holds them */
#define COMMIT_TICK_MAX_MS 1000

struct outcome {
	enum error error; /* OK: it is on disk */
	uint64_t seq;
	bool duplicate;  /* it was there before, at seq */
	const char *why; /* a sentence for the log; NULL: none. Lives during done */
};

/* Owned by who submits it, untouched by them until done, which gives it back. */
struct submission {
	struct submission *next; /* the committer's */
	struct record record;    /* its views live until done */
	/* On the committer's thread; must not block. */
	void (*done)(struct submission *s, const struct outcome *o);
};

struct committer_options {
	void *ctx;
	/* journal_append, or a test's. At most JOURNAL_BATCH_MAX entries. */
	enum error (*append)(void *ctx, struct journal_entry *entries, size_t count, struct problem *why);
	/* After every done() of the batch. Only record.seq, duplicate and bytes of an entry are still valid. NULL:
	 * nothing. */
	void (*committed)(void *ctx, const struct journal_entry *entries, size_t count);
	/* Between batches: at the start, then when the time that it returned has passed (ms, at most
	 * COMMIT_TICK_MAX_MS). NULL: nothing. */
	int64_t (*tick)(void *ctx);
	/* An append has failed with e, or, with OK, one has succeeded after that. NULL: nothing. */
	void (*state)(void *ctx, enum error e, const struct problem *why);
	size_t queue_max; /* 0: COMMIT_QUEUE_DEFAULT */
	/* all may be NULL */
	struct gauge *queue; /* how many wait */
	struct histogram *commit_time;
	struct counter *commits;
	struct counter *stored;
	struct counter *duplicates;
};

struct committer;

NODISCARD enum error committer_start(const struct committer_options *o, struct committer **ret_c, struct problem *why);
/* Any thread. ERR_OVERLOADED: the queue is full; ERR_STORAGE: the journal has failed; ERR_UNAVAILABLE: stopping. On
 * failure done is not called. */
NODISCARD enum error committer_submit(struct committer *c, struct submission *s);
/* Commits and answers what is queued, then ends the thread. */
void committer_stop(struct committer **c);

#endif
