/* tiergate-entitlement: the worker. It follows the journals, folds their records into the entitlement store, and
 * publishes what changed.
 *
 * One thread does all of it: a loop over the sockets (run.c), in which everything that waits is folded in one
 * transaction, committed, and then published. The admin port has a thread of its own and sees only health and metrics.
 *
 *   source.c   what to ask a journal for, and which record is next   (pure)
 *   receive.c  sockets → sources → fold.c
 *   fold.c     one record → observation → store, or quarantine
 *   moment.c   what time alone changes: due moments, a clock that was set, a new catalog, old changes
 *   publish.c  changes, pulses
 *   control.c  the operator's requests
 *   retry.c    quarantine, again
 *   rebuild.c  a new store beside the old one, and in its place
 */
#ifndef ENTITLEMENT_WORKER_H
#define ENTITLEMENT_WORKER_H

#include "clock_watch.h"
#include "proto/control.h"
#include "proto/stripe_decode.h"
#include "service/catalog_file.h"
#include "service/keys.h"
#include "service/peers_report.h"
#include "service/start.h"
#include "source.h"
#include "store/entitlements.h"
#include <limits.h>

#define PULSE_MS 1000            /* between pulses on CHANGES_PUB, when nothing changes */
#define REAP_MS 5000             /* between looks for readers that died, and at the store's file */
#define FACTS_MS 500             /* between updates of health's facts */
#define FOLD_MAX 1024            /* records in one transaction */
#define SHADOW_FOLD_MAX 256      /* and while another store is answered from: one reply of the journal's */
#define FOLD_BYTES_MAX (8 << 20) /* their bytes, a reply more at most: quarantine keeps whole records */
#define MOMENT_CHUNK 256     /* subjects evaluated, or changes forgotten, in one transaction between others: a few ms */
#define MOMENT_RETRY_MS 1000 /* after the store failed to take one */
#define FORGET_EVERY_MS 3600000 /* between looks for changes that are older than HISTORY */

struct worker_settings {
	struct service_settings service;
	struct endpoint_pairs journals;
	const char *store_dir;
	uint64_t map_size;
	struct endpoints changes_pub;
	struct endpoints control;
	const char *curve_dir; /* NULL: no keys */
	const char *catalog;
	const char *metadata_key;
	const char *worker_name;
	int64_t history_ms;
};

extern const struct settings_table worker_settings_table;

struct worker_metrics {
	struct counter *applied, *ignored, *quarantined, *corrupt, *skipped, *changes, *reaped, *dropped;
	struct counter *by_clock;
	struct gauge *backlog, *cursor, *map_used, *map_size, *in_quarantine, *unmapped, *wants, *overrides;
	struct histogram *fold;
};

/* A source and its sockets. */
struct follower {
	struct source source;
	void *sub;
	void *replay;
	const char *pub_endpoint;
	const char *replay_endpoint;
	int64_t learned_ms;         /* when its origin was */
	struct source_mark written; /* in the store */
	bool was_silent;
	bool is_twice; /* another follower has its origin: it is not followed */
};

/* What time alone will change, and what is to be evaluated again. */
struct moments {
	struct clock_watch watch;
	int64_t due_s;  /* the next moment at which some answer changes by itself; 0: none is known */
	bool due_known; /* due_s is of the store as it is */
	bool surveying;
	enum change_cause cause; /* of the survey */
	struct survey survey;
	bool mixed;        /* the store is being filled, and not all of it with the catalog at hand */
	uint64_t surveyed; /* hash of the catalog that all answers were last evaluated with; 0: not all with one */
	bool forgetting;
	int64_t forget_at_ms;  /* monotonic */
	int64_t not_before_ms; /* monotonic: the store took nothing, so nothing is tried before */
};

/* A new store in the making: a worker of its own, without sockets to others, in the loop of the one that answers. */
struct rebuild {
	struct worker *shadow; /* NULL: none is under way */
	enum rebuild_phase phase;
	bool partial;                    /* may go without what the journals have no more */
	uint64_t applied, head, missing; /* of the last one */
	struct problem why;
};

struct worker {
	struct service service;
	int64_t aside_since_ms; /* lines about what was put aside since then: so many */
	unsigned aside_lines;
	struct worker_settings settings;
	struct settings *loaded;
	struct worker_metrics metrics;
	struct catalog_file *catalog;
	struct entitlements *store;
	struct look *look;
	struct stripe_decoder *decoder;
	struct keys *keys; /* a shadow's are those of whom it works for */
	struct keys own_keys;
	struct door changes;
	struct door control;
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
	bool outdated;  /* STORE_DIR has a store of an older form: this one is filled beside it, and then replaces it */
	bool is_shadow; /* it fills a store for another worker: it publishes and reports nothing */
	char store_dir[PATH_MAX]; /* where the store is now: STORE_DIR, or beside it while it is filled */
	struct moments moments;
	struct rebuild rebuild;
	bool stop;
	enum error failed; /* why the loop ends, when not by a signal */
	struct problem why;
};

/* open.c: the store, the catalog, the sockets. What was made stays in *w, for worker_close. */
NODISCARD enum error worker_open(struct worker *w, struct problem *why);
void worker_close(struct worker *w);
/* For rebuild.c: the store in w->store_dir, and the sockets to the journals. */
NODISCARD enum error worker_open_store(struct worker *w, struct problem *why);
NODISCARD enum error worker_open_followers(struct worker *w, struct problem *why);

/* run.c: until a signal or an error that a restart must mend; OK after a drain. */
NODISCARD enum error worker_run(struct worker *w, struct problem *why);

/* A turn's receiving: all that waits, up to the bounds of a transaction, which is then committed. */
void worker_receive(struct worker *w, int64_t now_ms);
void worker_ask(struct worker *w, int64_t now_ms);

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
/* By what journals are known again has changed since it was written; any transaction writes it. */
bool worker_marks_due(const struct worker *w);
/* Notices that everything heard of is applied, for the first time. */
void worker_note_caught_up(struct worker *w);

/* moment.c. Between other work: what is due, one chunk of each. True: more is to do at once. */
bool worker_moments(struct worker *w);
/* Milliseconds until the next due moment; at most `most`. */
int64_t worker_moments_wait_ms(const struct worker *w, int64_t most);
/* All answers are evaluated again, from the beginning. */
void worker_survey(struct worker *w, enum change_cause cause);
/* The catalog was loaded: prices that it knows by now are no longer missed, and all answers are evaluated again. */
NODISCARD enum error worker_note_catalog(struct worker *w, struct problem *why);

/* rebuild.c. Starts one, unless one is under way. */
NODISCARD enum error rebuild_start(struct worker *w, bool partial, struct problem *why);
/* One turn of the shadow's, between other work. True: it has more to do at once. */
bool rebuild_step(struct worker *w, int64_t now_ms);
void rebuild_stop(struct worker *w);
/* The store that was filled beside STORE_DIR takes its place, and is opened there; w->store is the one before, or the
 * one that was filled. On failure nothing has changed, or w->failed says that only a new start will do. */
NODISCARD enum error rebuild_put_in_place(struct worker *w, struct problem *why);
/* Removes what was left beside STORE_DIR. */
void rebuild_clean(const struct worker *w);
struct rebuild_status rebuild_status(const struct worker *w);
/* What the shadow has committed of that journal; `committed` when there is none. */
uint64_t rebuild_progress(const struct worker *w, uint64_t origin, uint64_t committed);

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

/* reload.c: the catalog and the allowed keys again; the old ones stay when the new are bad. */
void worker_reload(struct worker *w);

#endif
