/* What the files of libtiergate share; nobody else includes it.
 *
 *   options · open    what it was told, and its life
 *   request           one question on its way: who waits for it, where it went
 *   thread · clock    the one thread that owns every socket
 *   server            one server's socket, what its monitor says, whether it is worth asking
 *   dispatch          which request goes where, hedging, deadlines
 *   reply             what came back, put into the caller's struct
 *   check · many · get · catalog · watch    the calls
 *   follow · hear · keep    the feed, and what goes into the cache
 *   truth · cache · fingerprint    what any thread reads: is it true, and the table by which a subject is found
 *   line · book · shape    lines as words, catalogs, what they answer to steps of a kind
 *   policy            what is answered when nobody can be asked
 *   names             the strings of answers
 *
 * Whoever calls builds a request on its own stack (or, asynchronously, on the heap), hands it to the thread and waits;
 * the thread finishes each exactly once, at its deadline at the latest, and touches it no more. Everything in
 * `struct client_thread` is the thread's alone.
 */
#ifndef CLIENT_PRIVATE_H
#define CLIENT_PRIVATE_H

#include "tiergate.h"
#include "truth.h"

#include "base/attr.h"
#include "base/limits.h"
#include "base/view.h"
#include "net/backoff.h"
#include "net/curve_keys.h"
#include "net/zsocket.h"
#include "proto/tg01.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#define REQUESTS_BITS 14
#define REQUESTS_MAX (1 << REQUESTS_BITS) /* on their way at once; one more is refused as TG_NOT_READY */
#define SENDINGS_MAX 8                    /* of one request, when connections break under it */
#define NAMES_MAX 4096                    /* different strings in answers; a server that sends more gets "" */
#define WINDOW_MAX 64  /* requests that one server has at a time; the others wait here. It cuts who sends 256 */
#define WINDOW_MIN 4   /* what it comes down to, halved by each `overloaded` */
#define OVERLOAD_MS 20 /* and nothing is sent to it for so long, doubling */
#define OVERLOAD_MAX_MS 1000
#define SERVER_HWM 4096     /* requests that wait in a socket */
#define REPLIES_AT_ONCE 512 /* read from one socket before the others have their turn */
#define REMAKE_MS 250       /* a socket that was refused is made anew after this, doubling */
#define REMAKE_MAX_MS 2000
#define RECONNECT_MAX_MS 500
#define SUSPECT_MS 1000 /* who did not answer is asked last for so long, doubling */
#define SUSPECT_MAX_MS 16000
#define DEAF_MS 3000    /* nothing came for so long though it was asked: the connection may be half open */
#define ATTEMPT_MS 6000 /* and no attempt to connect was seen for so long: libzmq has given it up */

/* ---- lists ------------------------------------------------------------------------- */

struct link {
	struct link *before, *after; /* both NULL: in no list */
};

static inline void list_init(struct link *head) { head->before = head->after = head; }
static inline bool list_empty(const struct link *head) { return head->after == head; }
static inline bool list_in(const struct link *l) { return l->after != NULL; }
static inline void list_put(struct link *behind, struct link *l) {
	l->before = behind;
	l->after = behind->after;
	behind->after->before = l;
	behind->after = l;
}
static inline void list_append(struct link *head, struct link *l) { list_put(head->before, l); }
static inline void list_remove(struct link *l) {
	if (!list_in(l)) return;
	l->before->after = l->after;
	l->after->before = l->before;
	l->before = l->after = NULL;
}
#define LIST_ITEM(type, link_ptr, member) ((type *)(void *)((char *)(link_ptr)-offsetof(type, member)))

/* ---- names ------------------------------------------------------------------------- */

struct names;
struct names *tgc_names_create(void);
void tgc_names_destroy(struct names **n);
/* A string that lives as long as the client; "" when there are too many or no memory. The thread's alone. */
const char *tgc_name(struct names *n, struct view v);

/* ---- options ----------------------------------------------------------------------- */

struct policy {
	char name[NAME_MAX_BYTES + 1]; /* "": all that are not named */
	enum tg_outage outage;
	int64_t max_age_ms;
};

struct settings {
	struct endpoints query, feed; /* feed.count 0: no cache */
	bool has_keys;
	struct curve_pair mine;
	/* of each endpoint that is not local: who may answer there */
	struct curve_pair query_keys[ENDPOINTS_MAX], feed_keys[ENDPOINTS_MAX];
	int timeout_ms, hedge_ms, max_age_ms;
	size_t cache_bytes;
	bool preload;
	char account[ACCOUNT_MAX + 1];
	struct policy fallback;  /* of no name */
	struct policy *policies; /* sorted by name */
	size_t policy_count;
	bool remembers; /* some policy is TG_LAST_KNOWN */
};

/* An errno value, with a sentence in why. */
int tgc_settings_read(const struct tg_options *o, struct settings *ret_s, struct problem *why);
void tgc_settings_finish(struct settings *s);
/* Who is to answer at an endpoint that is not local. */
const struct curve_pair *tgc_key_of(const struct settings *s, const char *endpoint);
const struct policy *tgc_policy(const struct settings *s, const char *name);

/* ---- one question on its way --------------------------------------------------------- */

enum request_kind {
	ASK_CHECK,
	ASK_BATCH,
	ASK_GET,
	ASK_LOOK, /* a check by the subject's line, which is kept */
	ASK_LINE, /* the line alone, to be kept */
	ASK_CATALOG,
	ASK_SINCE, /* these two are the follower's */
	ASK_PAGE,
	ASK_PING,
	ASK_RAW, /* raw.h */
	REQUEST_KINDS
};

struct request {
	/* set by who asks */
	enum request_kind kind;
	int only; /* the server that alone is meant; -1: any */
	int timeout_ms;
	const char *subject, *tier, *feature; /* check, get */
	unsigned with;                        /* get: TG01_WITH_… */
	const struct tg_question *questions;  /* batch */
	unsigned count;
	void (*done)(struct request *r); /* by the thread, which then knows it no more */
	void *ctx;
	bool waited_for; /* whoever asks stands still until it is done */
	/* where answers go, by kind */
	struct tg_answer *answers; /* check: one; batch: count */
	struct tg_profile *profile;
	struct tg_catalog *catalog;
	const struct tg01_request *raw;
	void (*take)(void *ctx, const struct tg01_reply *reply);
	void *take_ctx;
	/* what it came to */
	enum tg_status status;
	enum tg_error error;
	char why[TG_WHY_SIZE];
	/* the thread's */
	struct request *next; /* on the way to it */
	struct link by_deadline, by_hedge, waiting;
	int64_t deadline_ms, hedge_at_ms, sent_ms;
	uint64_t id;
	uint64_t known_epoch, known_ver; /* of the feed when it was asked: what is older is no answer */
	unsigned has;                    /* servers that have it now, as bits */
	unsigned tried;                  /* that had it, and will not answer it */
	unsigned sendings;
};

/* Hands it over; false, with status, error and why filled in and `done` not called, when it cannot be. */
bool tgc_submit(struct tg_client *c, struct request *r);
/* Hands it over and waits until it is done. */
void tgc_ask(struct tg_client *c, struct request *r);
/* A server has answered: whoever waits for that is told. */
void tgc_answered(struct tg_client *c);
void tgc_refuse(struct request *r, enum tg_status status, enum tg_error error, const char *why);

/* ---- servers ------------------------------------------------------------------------- */

struct server {
	unsigned index;
	const char *endpoint;
	void *socket, *monitor;
	bool keyed;               /* CURVE is spoken with it */
	bool connected;           /* and shook hands */
	bool greeted;             /* it was pinged since */
	unsigned handshakes_lost; /* in a row */
	int64_t made_ms, connected_ms, heard_ms, attempt_ms;
	int64_t away_ms; /* since when an attempt to connect is known to have failed; 0: it is not known to be away */
	enum tg_error trouble;
	char why[TG_WHY_SIZE];
	bool hopeless;     /* its trouble is not one that time mends: a key */
	int64_t remake_ms; /* make the socket anew then; 0: no need */
	struct backoff remake;
	unsigned in_flight, window, window_part; /* window_part: answers since it last grew */
	int64_t pause_ms;                        /* it was overloaded: nothing until then */
	struct backoff overload;
	int64_t suspect_ms; /* ask others first until then */
	struct backoff suspect;
};

/* ---- the feed: follow.h ------------------------------------------------------------- */

#define RECENT 8192 /* subjects, by hash: the last version at which each changed */
#define OFFSETS 8   /* heartbeats of which the quickest tells the server's clock */

struct follow {
	void *feed;
	unsigned leader;
	int64_t listening_ms, heard_ms; /* 0: not yet */
	int64_t told_ms;                /* when the last heartbeat was sent, by the server's clock */
	bool known;                     /* a heartbeat has named epoch and catalog */
	uint64_t epoch, cat, ver, head;
	uint64_t floor; /* the version at which the store was met: changes up to it were told to others */
	const struct book *book;
	bool gap, filled, paging, again; /* again: ask once more whether there is a gap */
	unsigned went_back;
	char after[SUBJECT_MAX + 1];
	/* the request under way */
	struct request request;
	struct tg_client *client;
	bool busy;
	uint32_t session, asked_in; /* a reply to what was asked in an earlier session says nothing */
	int64_t retry_ms, failing_ms;
	/* a catalog that was named somewhere, and by whom */
	uint64_t wanted_cat;
	unsigned wanted_of;
	int64_t offsets[OFFSETS];
	unsigned offset_count;
	unsigned behind; /* heartbeats that came far too late, or whose server's clock was set back: since when, by what
			  */
	int64_t behind_ms, behind_offset;
	uint64_t recent[RECENT];
};

/* ---- the client ---------------------------------------------------------------------- */

struct counters {
	_Atomic uint64_t asked, answered, refused, fallbacks, timeouts, hedges, reconnects, denied;
	_Atomic uint64_t misses, gaps, restarts;
};

struct slot {
	struct request *request; /* NULL: free */
	uint32_t use;            /* counts up, so that a reply to an earlier one has another id */
	uint32_t next_free;
};

struct client_thread {
	void *zmq;
	struct server servers[TG_SERVERS_MAX];
	unsigned server_count;
	struct tg01_decoder *decoder;
	struct names *names;
	struct link by_deadline, by_hedge, waiting;
	struct follow follow;
	struct slot *slots;
	uint32_t first_free;
	uint64_t random; /* for backoff */
	unsigned monitors_made;
	bool greets, heard_any; /* servers are pinged when they are connected to; one has answered */
	uint8_t out[TG01_MESSAGE_MAX];
};

struct tg_client {
	_Atomic uint32_t *alive; /* on a page that fork() empties in the child */
	struct truth truth;
	struct settings settings;
	struct counters counters;
	_Atomic uint32_t fills;      /* of keep.c, on their way */
	_Atomic uint32_t on_the_way; /* requests; at most REQUESTS_MAX */
	pthread_t thread;
	bool started;
	int wake; /* eventfd */
	pthread_mutex_t lock;
	pthread_cond_t news;
	/* under the lock */
	struct request *inbox_first, *inbox_last;
	bool stop;
	bool answered; /* a server has */
	bool waits;    /* somebody wants to know */
	/* the watcher, under a lock of its own that is held while it is called */
	pthread_mutex_t watch_lock;
	void (*watch)(void *ctx, const struct tg_event *e, bool gap);
	void *watch_ctx;
	bool watch_gap;
	/* opening */
	sem_t opened;
	int open_error;
	char open_why[TG_WHY_SIZE];
	struct client_thread t;
};

int64_t tgc_mono_ms(void);
/* The same as of the kernel's last tick, 1 to 10 ms ago: it is read without asking the processor's counter, which holds
 * up everything before and after it. After the machine slept, and after its wall clock was set, it is tgc_mono_ms until
 * the thread has noted that. */
int64_t tgc_mono_near_ms(const struct truth *t);
/* The thread, often. */
void tgc_mono_note(struct truth *t);
void *tgc_thread(void *client);
bool tgc_is_ours(const struct tg_client *c); /* and not a parent process's */

/* server.c */
enum error tgc_server_make(struct tg_client *c, struct server *s, struct problem *why);
void tgc_server_unmake(struct server *s);
void tgc_server_heard(struct server *s, int64_t now);
void tgc_server_answered(struct server *s);
void tgc_server_overloaded(struct tg_client *c, struct server *s, int64_t now);
/* It took a question and did not answer. */
void tgc_server_silent(struct tg_client *c, struct server *s, int64_t now);
/* It speaks no TG01. */
void tgc_server_garbage(struct tg_client *c, struct server *s, const char *why);
/* Reads the monitor. True when it has just connected. *ret_lost: what was sent to it is lost. */
bool tgc_server_watch(struct tg_client *c, struct server *s, int64_t now, bool *ret_lost);
/* Makes the socket anew when it is time to; what was sent to it is lost then: true. */
bool tgc_server_upkeep(struct tg_client *c, struct server *s, int64_t now);

/* dispatch.c */
/* A request that the thread makes itself: is there room for it? */
bool tgc_admit(struct tg_client *c);
void tgc_begin(struct tg_client *c, struct request *r, int64_t now);
void tgc_dispatch_waiting(struct tg_client *c, int64_t now);
void tgc_dispatch_timers(struct tg_client *c, int64_t now);
int64_t tgc_dispatch_next(const struct tg_client *c); /* when timers are due; INT64_MAX */
void tgc_dispatch_lost(struct tg_client *c, struct server *s, bool try_again, int64_t now);
void tgc_finish(struct tg_client *c, struct request *r, enum tg_status status, enum tg_error error, const char *why);
struct request *tgc_find(struct client_thread *t, uint64_t id);
/* The server has no room for it now: later, or another. */
void tgc_try_later(struct tg_client *c, struct request *r, struct server *s, const char *why, int64_t now);
/* The server will not answer it: the next one, or the end. */
void tgc_try_next(struct tg_client *c, struct request *r, struct server *s, enum tg_error error, const char *why,
		  int64_t now);

/* As a plain check, of whichever server. */
void tgc_ask_plainly(struct tg_client *c, struct request *r, int64_t now);

/* reply.c: every message that waits at a server's socket. True: there was one. */
bool tgc_receive(struct tg_client *c, struct server *s, int64_t now);

/* policy.c: fills in what was declared for the requirement, after the request r came to nothing. */
enum tg_status tgc_outage(struct tg_client *c, const struct tg_question *q, enum tg_error error, const char *why,
			  struct tg_answer *ret_a);

/* catalog.c: a copy for the caller */
enum tg_status tgc_catalog_copy(const struct catalog *c, struct tg_catalog *ret);

/* check.c */
#define SUBJECT_WRONG "a subject has 1 to 255 bytes"
void tgc_answer_empty(struct tg_answer *a);
/* The cache did not answer: counts it. True: it is true now, so the subject's line is worth keeping. */
bool tgc_truth_missed(struct tg_client *c);
/* NULL, or what is wrong with the question. */
static inline const char *tgc_question_wrong(const struct tg_question *q, struct asked *ret_a) {
	const char *name = q->tier ? q->tier : q->feature;
	const size_t subject_len = q->subject ? strnlen(q->subject, SUBJECT_MAX + 1) : 0;
	if (subject_len < 1 || subject_len > SUBJECT_MAX) return SUBJECT_WRONG;
	if (!q->tier == !q->feature) return "exactly one of tier and feature is asked about";
	const size_t len = strnlen(name, NAME_MAX_BYTES + 1);
	*ret_a = (struct asked){view_of(q->subject, subject_len), view_of(name, len), q->tier};
	return len >= 1 && len <= NAME_MAX_BYTES ? NULL : "a tier's or feature's name has 1 to 80 bytes";
}
const char *tgc_subject_wrong(const char *subject);

#define COUNT(c, what) ((void)atomic_fetch_add_explicit(&(c)->counters.what, 1, memory_order_relaxed))

#endif
