/* tiergate-entitlement: the worker. It follows the journals, folds their records into the entitlement store, and
 * publishes what changed.
 *
 * One thread does all of it: a loop over the sockets (run.c), in which everything that waits is folded in one
 * transaction, committed, and then published. The admin port has a thread of its own and sees only health and metrics.
 *
 *   source.c   what to ask a journal for, and which record is next   (pure)
 *   receive.c  sockets → sources → fold.c
 *   fold.c     one record → observation → store, or quarantine
 *   publish.c  changes, pulses
 *   control.c  the operator's requests
 *   retry.c    quarantine, again
 */
#ifndef ENTITLEMENT_WORKER_H
#define ENTITLEMENT_WORKER_H

#include "proto/stripe_decode.h"
#include "service/catalog_file.h"
#include "service/start.h"
#include "source.h"
#include "store/entitlements.h"

#define PULSE_MS 1000            /* between pulses on CHANGES_PUB, when nothing changes */
#define REAP_MS 5000             /* between looks for readers that died, and at the store's file */
#define FACTS_MS 500             /* between updates of health's facts */
#define FOLD_MAX 1024            /* records in one transaction */
#define FOLD_BYTES_MAX (8 << 20) /* their bytes, a reply more at most: quarantine keeps whole records */

struct worker_settings {
	struct service_settings service;
	struct endpoint_pairs journals;
	const char *store_dir;
	uint64_t map_size;
	const char *changes_pub;
	const char *control;
	const char *catalog;
	const char *metadata_key;
	const char *worker_name;
};

extern const struct settings_table worker_settings_table;

struct worker_metrics {
	struct counter *applied, *ignored, *quarantined, *corrupt, *skipped, *changes, *reaped, *dropped;
	struct gauge *backlog, *cursor, *map_used, *map_size;
	struct histogram *fold;
};

/* A source and its sockets. */
struct follower {
	struct source source;
	void *sub;
	void *replay;
	const char *pub_endpoint;
	const char *replay_endpoint;
	int64_t learned_ms; /* when its origin was */
	bool was_silent;
	bool is_twice; /* another follower has its origin: it is not followed */
};

struct worker {
	struct service service;
	struct worker_settings settings;
	struct settings *loaded;
	struct worker_metrics metrics;
	struct catalog_file *catalog;
	struct entitlements *store;
	struct look *look;
	struct stripe_decoder *decoder;
	void *changes;
	void *control;
	char changes_endpoint[ENDPOINT_MAX];
	char control_endpoint[ENDPOINT_MAX];
	unsigned follower_count;
	struct follower followers[ENDPOINTS_MAX];
	struct fold *fold; /* the transaction under way; NULL: none */
	unsigned folded;   /* records in it */
	size_t folded_bytes;
	int64_t fold_started_us;
	uint64_t ver; /* the store's, committed */
	int64_t last_event_ms;
	int64_t pulse_due_ms, reap_due_ms, facts_due_ms, retry_at_ms;
	int64_t started_ms;
	bool caught_up; /* was it ever, since the start? */
	bool complete;  /* or ever, with this store? */
	bool stop;
	enum error failed; /* why the loop ends, when not by a signal */
	struct problem why;
};

/* open.c: the store, the catalog, the sockets. What was made stays in *w, for worker_close. */
NODISCARD enum error worker_open(struct worker *w, struct problem *why);
void worker_close(struct worker *w);

/* run.c: until a signal or an error that a restart must mend; OK after a drain. */
NODISCARD enum error worker_run(struct worker *w, struct problem *why);

/* receive.c: takes what waits on the follower's sockets and sends what its source wants. True: a message was taken. */
bool follower_receive(struct worker *w, struct follower *f, int64_t now_ms);
void follower_ask(struct worker *w, struct follower *f, int64_t now_ms);

/* fold.c. The transaction is opened when it is needed. */
NODISCARD enum error worker_fold_open(struct worker *w);
/* Applies one record: never fails because of what is in it. retry: it comes from quarantine. */
enum fold_outcome { FOLD_APPLIED, FOLD_IGNORED, FOLD_QUARANTINED, FOLD_FAILED };
enum fold_outcome worker_fold_record(struct worker *w, const struct record *r, struct view bytes, bool retry);
/* Commits, publishes, reports. On failure everything is as before, and sources ask again. */
enum error worker_fold_close(struct worker *w);
/* Notices that everything heard of is applied, for the first time. */
void worker_note_caught_up(struct worker *w);

/* publish.c */
void worker_publish_change(void *worker, const struct change *c);
void worker_publish_pulse(struct worker *w);

/* retry.c: applies quarantined records again; *ret_tried and *ret_still are counts. origin 0: all. */
NODISCARD enum error worker_retry_quarantine(struct worker *w, uint64_t origin, uint64_t seq, uint64_t *ret_tried,
					     uint64_t *ret_still, struct problem *why);

/* control.c: answers what waits on the control socket. */
void worker_control(struct worker *w);

/* facts.c: health's conditions and facts, and the gauges. */
void worker_facts(struct worker *w, int64_t now_ms);

/* reload.c: the catalog again; the old one stays when the new is bad. */
void worker_reload(struct worker *w);

#endif
