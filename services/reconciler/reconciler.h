/* tiergate-reconciler: closes the holes that webhooks leave. What it reads from Stripe's API goes through the journal
 * like everything else, and what is to be read stands in the store, so it has no state of its own: it can be killed at
 * any moment, and started twice.
 *
 * One thread, one loop (run.c) over Stripe's client, the journal's socket and its own:
 *
 *   wants.c    what the worker wants to have fetched → queue.c
 *   socket.c   what others ask for → queue.c, or a pass
 *   queue.c    one task for each object                           (pure)
 *   errand.c   a task under way: request, more pages, records
 *   ask.c      who may send the next request: budget, backoff, turns
 *   pass.c     a pass: events, then the sweep, then a mark, for each account
 *   pass_events.c · pass_sweep.c
 *   drift.c    what differs, in words, and whose tier it changes
 *   append.c   records on their way into the journal, over journal_link.c
 *   lists.c    lists inside objects, page by page                 (pure)
 *   report.c   facts, metrics, status
 */
#ifndef RECONCILER_H
#define RECONCILER_H

#include <jansson.h>
#include <sys/types.h>

#include "journal_link.h"
#include "lists.h"
#include "net/backoff.h"
#include "net/stripe_api.h"
#include "net/stripe_form.h"
#include "net/token_bucket.h"
#include "proto/reconcile.h"
#include "proto/stripe_decode.h"
#include "queue.h"
#include "service/catalog_file.h"
#include "service/keys.h"
#include "service/peers_report.h"
#include "service/start.h"
#include "store/entitlements.h"

#define ACCOUNTS_MAX 64 /* connected accounts that are reconciled too */
#define ERRANDS_MAX 8   /* tasks under way */
#define REQUESTS_MAX 10 /* of Stripe's API at a time: the errands' and the pass's */
#define OUTBOX_MAX 512  /* records that wait for the journal; no new request is made beyond it */
#define OUTBOX_BYTES_MAX ((size_t)32 << 20)
#define WANTS_LOOK_MS 250   /* between looks at the store's wants, when it has changed */
#define WANTS_ANEW_MS 2000  /* and when it has not */
#define CLOCK_WAIT_MS 3000  /* at most, for Stripe's clock to pass a tie's second: then it is asked all the same */
#define CLOCK_AGAIN_MS 1000 /* an answer came too early to settle the tie */
#define SETTLE_MS 10000     /* for the worker to fold an answer, before it is asked again; doubles each time */
#define SETTLE_MAX_MS 600000
#define TASK_AGAIN_MS 600000 /* a task that Stripe refuses */
#define PAUSE_FIRST_MS 500   /* after a failure nothing is asked for a random time up to this, doubling */
#define PAUSE_MOST_MS 60000
#define PAUSE_SAID_MS 10000        /* between lines about pauses */
#define DIFFERS_SAID 20            /* differences that one pass logs one by one; the rest only at debug */
#define REFUSED_MS 300000          /* between tries of a key that is refused */
#define ASKER_MS 30000             /* a session or a fetch that is not done by then is answered api_unreachable */
#define CUSTOMER_MS 5000           /* of a customer: whoever asks waits in front of a page */
#define PASS_TRIES 6               /* failures in a row that end a pass that somebody asked for */
#define EVENTS_BACK_S (30 * 86400) /* how far Stripe's list of events reaches */
#define EVENTS_OVERLAP_S 600       /* listed again, since a list may show an event late */
#define EVENTS_FRESH_S 15 /* so young, the webhook may still be on its way: a scheduled pass leaves it to the next */
#define MARK_EVERY_S 600  /* a pass that found nothing is noted no more often */
#define KEEP_EVENTS_MAX 20000 /* events in memory before they are looked for in the journal, the oldest first */
#define KEEP_BYTES_MAX ((size_t)32 << 20)
#define BEHIND_MS 30000        /* for the worker to apply the journal's head, before a sweep */
#define LATE_MS 2000           /* for a webhook of what a scheduled sweep finds differing */
#define RECENT_S (120 * 86400) /* refunds, disputes and sessions that an ordinary sweep looks at; a full one: all */
#define ENVELOPE_MAX 4         /* frames before "TGR1" */

struct reconciler_settings {
	struct service_settings service;
	const char *api_key;
	const char *api_base;
	const char *accounts;
	struct endpoints journal_replay; /* the first is connected to */
	const char *curve_dir;           /* NULL: no keys */
	const char *store_dir;
	const char *catalog;
	const char *metadata_key;
	struct endpoints bind;
	int64_t events_every_ms, sweep_every_ms, silence_ms;
	uint64_t rate;
};

extern const struct settings_table reconciler_settings_table;

struct reconciler_metrics {
	struct counter *requests[STRIPE_OUTCOME_COUNT];
	struct counter *appended, *missed, *differing, *unread, *passes, *passes_failed, *fetched;
	struct gauge *tokens, *wants, *oldest_want, *silent, *paused;
};

/* ---- append.c -------------------------------------------------------------------------- */

/* Records that belong together: `done` is called once, when all of them are in the journal or refused by it. Embedded
 * in its owner, which outlives it. */
struct batch {
	unsigned left; /* in the outbox or under way */
	bool sealed;   /* no more are to come */
	unsigned appended, duplicates, failed;
	uint64_t origin, seq; /* of the last of them in the journal; 0: none yet */
	void (*done)(void *ctx, struct batch *b);
	void *ctx;
};

struct parcel;
struct outbox {
	struct parcel *first, **end;
	unsigned count; /* with those under way */
	size_t bytes;
};

/* ---- the socket -------------------------------------------------------------------------- */

struct envelope {
	int peer; /* its number for peers_may_send */
	unsigned count;
	size_t len[ENVELOPE_MAX];
	uint8_t bytes[ENVELOPE_MAX][256];
};

/* Who waits for a session, a fetch or a pass. */
struct asker {
	bool used;
	struct envelope envelope;
	uint64_t id;
	enum reconcile_op op;
	unsigned outstanding; /* tasks */
	bool followed;        /* the session was read: what is outstanding is what it names */
	bool applying;        /* the customer is in the journal, up to seq: the store is waited for */
	uint64_t origin, seq;
	int64_t begun_ms, deadline_ms;
	struct reconcile_done done;
};

/* ---- errand.c ---------------------------------------------------------------------------- */

enum errand_stage { ERRAND_FREE, ERRAND_WAITS, ERRAND_ASKS, ERRAND_APPENDS };

struct errand {
	enum errand_stage stage; /* WAITS: for its turn to send `path` */
	struct reconciler *r;
	struct task *task;
	char path[STRIPE_PATH_MAX];
	json_t *object; /* what is being completed */
	bool completing;
	bool missing;
	int64_t second; /* of the earliest answer */
	unsigned pages;
	struct batch batch;
};

/* ---- the pass ------------------------------------------------------------------------------ */

enum pass_stage {
	PASS_NONE,
	PASS_SCOPE,    /* begins with an account */
	PASS_LIST,     /* a page of events is to be asked for */
	PASS_SEARCH,   /* events in memory are looked for in the journal */
	PASS_NEWEST,   /* the newest webhook is looked for in the journal */
	PASS_HEAD,     /* the journal's head is asked for */
	PASS_BEHIND,   /* the worker applies it */
	PASS_SWEEP,    /* a page of objects is to be asked for */
	PASS_LATE,     /* webhooks of what differs are waited for */
	PASS_OBJECTS,  /* the page's objects are compared, one after the other */
	PASS_COMPLETE, /* one of them lacks pages */
	PASS_DRAIN,    /* what was appended gets into the journal */
	PASS_MARK,     /* and the mark */
	PASS_END,
};

struct listed_event {
	char *text;
	size_t len;
	int64_t created;
	unsigned place; /* in the lists: a higher one is older */
	bool found, missed;
	char id[STRIPE_ID_MAX + 1];
	char type[EVENT_TYPE_MAX + 1];
	char api_version[API_VERSION_MAX + 1];
	char account[ACCOUNT_MAX + 1];
};

struct pass {
	enum pass_stage stage;
	bool scheduled, sweeps, dry, full;
	int asker; /* -1: nobody */
	int64_t begun_ms;
	unsigned scope; /* index in r->scopes */
	struct reconcile_done done;
	bool stale_missed; /* some were missed that are not fresh */
	/* the request under way or wanted */
	bool wants_request, asking;
	char path[STRIPE_PATH_MAX];
	json_t *page;
	int64_t page_second, page_date;
	unsigned failures;
	int64_t not_before_ms;
	/* events */
	unsigned first_type; /* of the list */
	int64_t from, events_to, list_date;
	struct listed_event *events;
	size_t event_count, event_room, event_bytes, next_event;
	unsigned searching;
	char last_id[STRIPE_ID_MAX + 1];
	bool refused; /* this account's events may not be listed: nothing is known of them, and no mark is made */
	/* the newest webhook */
	uint64_t look_from, look_to, look_span;
	bool looking, head_known;
	/* the sweep */
	uint64_t origin, head;
	int64_t wait_until_ms;
	unsigned list;
	json_t *objects; /* of the page */
	size_t next_object;
	bool more, waited;
	bool in_vain; /* waiting for webhooks did not help: the rest of the pass does without */
	uint64_t differing_before;
	unsigned pages;
	int64_t swept_at;
	uint64_t scope_missed, scope_differing, scope_listed, scope_swept;
	struct batch batch;
	enum reconcile_code failed; /* RECONCILE_OK: it goes well */
	struct problem why;
};

/* An account that is reconciled; the first is the key's own. */
struct reconciled {
	char account[ACCOUNT_MAX + 1];
	int64_t events_to; /* s: listed up to there; 0: see the store's mark */
	int64_t marked_s;  /* when the last mark was made */
};

struct reconciler {
	struct service service;
	struct reconciler_settings settings;
	struct settings *loaded;
	struct reconciler_metrics metrics;
	struct catalog_file *catalog;
	struct stripe_decoder *decoder;
	/* the store, once it is there */
	struct entitlements *store;
	struct look *look; /* at rest between uses */
	dev_t store_dev;
	ino_t store_ino;
	int64_t store_due_ms;
	/* Stripe */
	struct stripe_api *api; /* NULL: no key */
	bool livemode;
	bool key_refused, key_used;
	struct token_bucket bucket;
	struct backoff backoff;
	int64_t paused_until_ms, pause_said_ms;
	bool pause_stands;      /* its line was written, and none yet that says that it is over */
	int64_t clock_ahead_ms; /* Stripe's clock less ours */
	bool clock_known;
	enum stripe_outcome outcome; /* of the last request */
	bool asked;
	struct problem outcome_why;
	uint64_t requests;
	unsigned turns;
	/* the journal */
	struct journal_link *link;
	struct outbox outbox;
	/* tasks */
	struct queue *queue;
	struct errand errands[ERRANDS_MAX];
	uint64_t wants, other_mode;
	int64_t oldest_want_ms;
	uint64_t wants_turn, wants_ver;
	int64_t wants_due_ms, wants_anew_ms;
	/* passes */
	unsigned scope_count;
	struct reconciled scopes[1 + ACCOUNTS_MAX];
	struct pass pass;
	int64_t events_due_ms, sweep_due_ms;
	uint64_t drift;
	struct reconcile_done last; /* missed of the last pass, differing of the last sweep */
	int64_t events_to, swept_at, newest_event, newest_webhook;
	uint64_t webhook_seen_to; /* the journal's sequence up to which newest_webhook is known */
	bool missed_last, silent;
	/* the socket */
	struct keys keys;
	struct door door;
	struct asker askers[ASKERS_MAX];
	int64_t facts_due_ms;
	int64_t now_ms; /* of this turn of the loop, monotonic */
	bool stop;
	enum error failed; /* why it stops, when not by a signal */
	struct problem why;
};

/* open.c */
NODISCARD enum error reconciler_open(struct reconciler *r, struct problem *why);
void reconciler_close(struct reconciler *r);

/* run.c */
NODISCARD enum error reconciler_run(struct reconciler *r, struct problem *why);

/* store.c: opens the store when it is there, lets go when it was replaced. */
void store_tick(struct reconciler *r);
/* A fresh snapshot in r->look; false when there is no store. store_rest afterwards. */
NODISCARD bool store_renew(struct reconciler *r);
void store_rest(struct reconciler *r);

/* append.c */
void batch_begin(struct batch *b, void (*done)(void *ctx, struct batch *b), void *ctx);
/* Copies the record. One that cannot be kept (too large, no memory) counts as failed. */
void batch_add(struct reconciler *r, struct batch *b, const struct record *x);
/* No more are to come; `done` may be called at once. */
void batch_seal(struct batch *b);
void outbox_flush(struct reconciler *r);
bool outbox_full(const struct reconciler *r);
void outbox_close(struct reconciler *r);

/* ask.c: sends what may be sent now. */
void ask_some(struct reconciler *r);
/* What every answer teaches, before its owner looks at it. True: it is of use. */
bool ask_learn(struct reconciler *r, const struct stripe_answer *a);
int64_t stripe_now_s(const struct reconciler *r);
int64_t ask_wait_ms(struct reconciler *r, int64_t most);

/* errand.c */
bool errand_start(struct reconciler *r, struct task *t);
bool errand_send(struct errand *e);
/* The text of a snapshot's body to be freed, and its record. False: it is none, or of the other mode; said in *why. */
bool snapshot_of(struct reconciler *r, const json_t *object, const struct scope *scope, int64_t second, char **ret_text,
		 char id[STRIPE_ID_MAX + 1], struct record *ret_record, struct problem *why);

/* wants.c */
void wants_look(struct reconciler *r);

/* pass*.c */
void pass_schedule(struct reconciler *r);
/* Begins a pass; asker -1: a scheduled one. */
void pass_begin(struct reconciler *r, const struct pass *how);
/* Goes on with the pass as far as it goes without waiting. */
void pass_step(struct reconciler *r);
bool pass_wants_request(const struct reconciler *r);
void pass_send(struct reconciler *r);
void pass_fail(struct reconciler *r, enum reconcile_code code, const char *sentence);
struct scope pass_scope(const struct reconciler *r);
/* Wants the page at pass.path, which then stands in pass.page while the stage is `stage`. */
void pass_want(struct reconciler *r, enum pass_stage stage);
/* The same for the path that w has written to pass.path; one that is too long fails the pass. */
void pass_want_path(struct reconciler *r, struct writer *w, enum pass_stage stage);
void pass_drop_page(struct pass *p);
bool pass_step_events(struct reconciler *r);
bool pass_step_sweep(struct reconciler *r);
void pass_events_free(struct pass *p);
void pass_objects_free(struct pass *p);

/* drift.c: the difference in words; views into *d. */
struct drift {
	char stripe[RECONCILE_TEXT_MAX], store[RECONCILE_TEXT_MAX];
	char subject[SUBJECT_MAX + 1];
	char before[NAME_MAX_BYTES + 1], after[NAME_MAX_BYTES + 1];
};
/* r->look is fresh. */
void drift_describe(struct reconciler *r, const struct observation *o, struct drift *d);

/* socket.c */
void socket_serve(struct reconciler *r);
void socket_expire(struct reconciler *r);
/* Answers who waits for the store, once it has what was fetched. */
void socket_applied(struct reconciler *r);
bool socket_waits_for_store(const struct reconciler *r);
/* Tells the pass's asker; false: it does not read, and the pass waits. */
bool socket_found(struct reconciler *r, const struct reconcile_found *f);
void socket_pass_over(struct reconciler *r);
/* The task whose askers are these bits was answered: `object` is what came (NULL: a list, or nothing). */
void socket_served(struct reconciler *r, uint64_t askers, const struct task *t, const json_t *object,
		   const struct batch *b, bool missing);
void socket_failed(struct reconciler *r, uint64_t askers, enum reconcile_code code, const char *why);

/* report.c */
void report_metrics(struct reconciler *r);
void report_facts(struct reconciler *r);
struct reconcile_status report_status(struct reconciler *r);
/* Have webhooks fallen silent? Logged when that changes. */
void report_silence(struct reconciler *r);

#endif
