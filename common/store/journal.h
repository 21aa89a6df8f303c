/* The journal: every accepted event, in order, once, on disk before it is acknowledged.
 *
 * One LMDB environment, written by ingress alone; any process may read it.
 *   events   seq (u64 BE)                               → record (proto/record.h)
 *   ids      mode, account, event id (proto/state.h key) → seq (u64 BE)
 *   meta     "origin" u64 BE · "schema" · "workers/<name>" → the last sequence that worker has committed
 * The map is fixed, large and sparse. A commit is synced before it returns.
 *
 * Caveats: not for network file systems. One process opens a journal once; a second writer is refused with
 * ERR_UNAVAILABLE. Processes that share a journal must share the PID namespace. After ERR_STORAGE the
 * environment is unusable until the process restarts (MDB_PANIC or EIO); ERR_FULL is not
 * final: the transaction is gone and a later one may succeed.
 */
#ifndef STORE_JOURNAL_H
#define STORE_JOURNAL_H

#include "base/error.h"
#include "proto/record.h"

#define JOURNAL_MAP_DEFAULT (64ull << 30) /* bytes of address space, not of disk */
#define JOURNAL_BATCH_MAX 256             /* records in one append */

struct journal;

struct journal_options {
	const char *dir;   /* made when missing, mode 0700 */
	bool read_only;    /* for readers; the journal must exist */
	uint64_t map_size; /* 0: JOURNAL_MAP_DEFAULT */
	uint64_t origin;   /* used when the journal is made; the caller's random number, not 0 */
	uint64_t run;      /* the caller's random number for this opening; kept for journal_run alone */
};

NODISCARD enum error journal_open(const struct journal_options *o, struct journal **ret_j, struct problem *why);
void journal_close(struct journal **j);
uint64_t journal_origin(const struct journal *j);
uint64_t journal_run(const struct journal *j);

struct journal_entry {
	struct record record; /* in; origin and seq are filled in by journal_append */
	bool duplicate;       /* out: its (mode, account, id) was there already, and record.seq is the old one's */
	/* The stored bytes as they go on the stream; inside the journal's own buffer, until
	 * the next append. Empty for a duplicate. */
	struct view bytes;
};

/* One transaction, synced. All or nothing: on failure no entry is stored and seqs do not move. Two
 * entries of one batch with the same id: the second is a duplicate. ERR_LIMIT: an entry has a part over its
 * limit, or there are too many. ERR_FULL before the last of the map is used up, so that
 * retention can still work. Writer's thread only. */
NODISCARD enum error journal_append(struct journal *j, struct journal_entry *entries, size_t count,
				    struct problem *why);

/* A consistent look at the journal, pinned until end: keep it short. Any thread, one at a time each. */
struct journal_reader;
NODISCARD enum error journal_read_begin(struct journal *j, struct journal_reader **ret_r, struct problem *why);
void journal_read_end(struct journal_reader **r);
/* The first and last sequence there; 0 and 0 when empty (head keeps the last number after retention
 * removed everything: then first = head + 1). */
void journal_bounds(const struct journal_reader *r, uint64_t *ret_first, uint64_t *ret_head);
/* The first record at or after seq; ERR_NOT_FOUND past the end. The bytes live until journal_read_end. */
NODISCARD enum error journal_read(struct journal_reader *r, uint64_t seq, uint64_t *ret_seq, struct view *ret_bytes);
NODISCARD enum error journal_find(struct journal_reader *r, bool livemode, struct view account, struct view id,
				  uint64_t *ret_seq);

/* A worker's progress, kept so that retention knows the slowest; it may also go back, when a worker starts
 * afresh. Synced, unless it says nothing new. ERR_LIMIT: past 64 workers. Writer's thread only. */
NODISCARD enum error journal_worker_progress(struct journal *j, struct view worker, uint64_t seq, struct problem *why);
/* The worker is gone for good: it holds back retention no more. OK too when it was not known. Synced, unless it says
 * nothing new. Writer's thread only. */
NODISCARD enum error journal_worker_forget(struct journal *j, struct view worker, struct problem *why);
/* Is the worker known? */
NODISCARD bool journal_worker_known(struct journal_reader *r, struct view worker);
/* The lowest progress of all known workers; ERR_NOT_FOUND when none is known. */
NODISCARD enum error journal_slowest_worker(struct journal_reader *r, uint64_t *ret_seq);

/* Deletes records received before `before_ms`, oldest first, at most `max` of them, with their ids. It keeps
 * those from the sequence `keep_from` on, and always the head. An operator's override is not Stripe's to tell again,
 * and so is never gone: its record is carried to the head, as received at `now_ms`. *ret_deleted counts it too. It may
 * delete fewer than it could when the map is nearly full: call it again. Writer's thread only. */
NODISCARD enum error journal_expire(struct journal *j, int64_t now_ms, int64_t before_ms, uint64_t keep_from,
				    size_t max, size_t *ret_deleted, struct problem *why);

struct store_usage {
	uint64_t map_size;
	uint64_t used; /* bytes in use, free pages not counted */
};
NODISCARD enum error journal_usage(struct journal *j, struct store_usage *ret_u);

#endif
