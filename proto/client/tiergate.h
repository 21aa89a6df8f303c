/* libtiergate: may this customer use this, now? For programs in C, and whatever calls C.
 *
 *     struct tg_options o = {.query = "tcp://127.0.0.1:8721"};
 *     struct tg_client *client;
 *     char why[TG_WHY_SIZE];
 *     if (tg_client_open(&o, &client, why)) …;
 *     struct tg_answer a;
 *     tg_check(client, "alice", NULL, "live_trading", &a);
 *     if (a.allowed) trade();
 *     tg_client_close(&client);
 *
 * `allowed` alone is enough for most: when no answer can be had it is what was declared for that feature, and false
 * when nothing was. The return value and `source` say where it comes from.
 *
 * Two modes. *Asking*, the default: each call asks a server, some 50 µs on one host. *Cached* (options.feed is set): a
 * thread follows the change feed, and calls answer from memory in a fraction of a microsecond; a subject that is not in
 * memory is asked for once and kept. A cached answer is evaluated by the server's clock at each call, so grace,
 * cancellations and scheduled changes take effect at their second, or up to 10 ms after it, with no message. It is as
 * old as the feed's last word (age_ms). When the feed is silent for max_age_ms, has a gap that could not be closed yet,
 * or the server began anew, the cache does not answer: the servers are asked, and if none does, what was declared for
 * an outage holds, marked in the answer and counted.
 *
 * Threads: every function may be called from any thread at any time, but for tg_client_close: no call may be under way
 * then, and none may follow. What waits for a server is TG_USAGE in a callback. After fork() the child opens a client
 * of its own. No signal handlers, no exit, no output; all signals are blocked in its threads. Memory is bounded by the
 * options.
 *
 * Errors are never cached. Times are unix seconds, UTC, unless the name ends in _ms; 0: none. Durations are
 * milliseconds. Strings in answers live as long as the client.
 */
#ifndef TIERGATE_H
#define TIERGATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TG_WHY_SIZE 160 /* bytes of a sentence for a person, with its NUL */
#define TG_SERVERS_MAX 8
#define TG_POLICIES_MAX 272 /* as many as a catalog has features and tiers */
#define TG_CHECK_MANY_MAX 65536
#define TG_STEPS_MAX 8
#define TG_CUSTOMERS_MAX 8

/* What a call came to. */
enum tg_status {
	TG_OK = 0,   /* answered: by a server, or by a cache that is true */
	TG_FALLBACK, /* nobody could be asked: what was declared decided. `error` says what was wrong */
	TG_REFUSED,  /* a server says that the question itself is wrong (a typo in a tier or feature, a key without the
			right). allowed is false */
	TG_USAGE,    /* the call is wrong: no subject, a name that is too long. allowed is false */
	TG_MEMORY,   /* allowed is false */
};

enum tg_source {
	TG_FROM_NOBODY,
	TG_FROM_SERVER,
	TG_FROM_CACHE,
	TG_FROM_POLICY,     /* deny or allow, as declared */
	TG_FROM_LAST_KNOWN, /* an answer that was true once, evaluated by the clock */
};

/* Why there is no answer. */
enum tg_error {
	TG_NO_ERROR,
	TG_NO_SERVER,      /* none can be connected to. Of those that are known to be away for a second nobody waits */
	TG_TIMED_OUT,      /* connected, and no answer in time */
	TG_KEY_UNKNOWN,    /* the server turned our key away, is another one than server.pub says, or wants a key and we
			      have none */
	TG_NOT_READY,      /* it answers that it cannot now: not_ready, behind, overloaded, internal */
	TG_WRONG_QUESTION, /* unknown_tier, unknown_feature, bad_request, forbidden */
	TG_BAD_REPLY,      /* what came is not the protocol */
};

struct tg_answer {
	bool allowed;
	bool stale; /* the subscription's renewal is overdue, or the answer is an old one (TG_FROM_LAST_KNOWN) */
	enum tg_source source;
	enum tg_error error;
	const char *reason;    /* PROTOCOL.md 2.3: "active", "tier_too_low"; "" when nobody answered */
	const char *tier;      /* the subject's */
	const char *status;    /* the deciding subscription's, "none" without one */
	const char *need;      /* the lowest tier that would do; "" when allowed, or none would */
	int64_t until;         /* the answer may change then with no further event */
	uint64_t epoch, ver;   /* of the store that it reflects */
	int64_t as_of_ms;      /* up to when that store reflects Stripe's events; 0: not known */
	int64_t age_ms;        /* since a server last said or confirmed it; 0 when just asked */
	char why[TG_WHY_SIZE]; /* a sentence when the status is not TG_OK; else "" */
};

/* What is answered about a feature or tier when nobody can be asked. */
enum tg_outage { TG_DENY, TG_ALLOW, TG_LAST_KNOWN };

struct tg_policy {
	const char *name; /* of the feature or tier; NULL: all that are not named */
	enum tg_outage outage;
	int64_t max_age_ms; /* TG_LAST_KNOWN: how old the last answer may be; 0: as old as it is. Older, or none: deny
			     */
};

struct tg_options {
	const char *query;     /* servers, nearest first, separated by ';'. Required */
	const char *feed;      /* their feeds in the same order; NULL: no cache */
	const char *curve_dir; /* client.key, server.pub and servers/ (`tiergate keygen`), for servers that are not
				  local; NULL: none */
	int timeout_ms;        /* of one call in all; 0: 1000. At most 60000 */
	int hedge_ms; /* ask the next server as well when one has not answered in this time; 0: a quarter of timeout_ms
		       */
	int max_age_ms;      /* see above; 0: 5000. A heartbeat comes each second */
	size_t cache_bytes;  /* bound of the cache; 0: 256 MiB, for a million subjects. Who was not asked about for
				longest  leaves */
	bool preload;        /* fill the cache with every subject at the start, and after the server began anew */
	const char *account; /* Connect account of all questions; NULL: the platform's own */
	const struct tg_policy *policies; /* copied; at most TG_POLICIES_MAX */
	size_t policy_count;
};

struct tg_client;

/* Copies what it needs of the options, and does not wait for a server. 0, or an errno value (EINVAL, ENOMEM, ENOENT and
 * EACCES for keys) with a sentence in `why`, which may be NULL. */
int tg_client_open(const struct tg_options *o, struct tg_client **ret_c, char why[TG_WHY_SIZE]);
/* Accepts NULL and an empty pointer. Callbacks that are still to come are called with TG_FALLBACK before it returns. */
void tg_client_close(struct tg_client **c);
/* Waits until a server has answered and, with a cache, the feed is followed and a preload is done. False: not in time.
 * In a callback it does not wait. */
bool tg_client_wait(struct tg_client *c, int timeout_ms);

/* Exactly one of tier and feature, the other NULL. *ret_a is always filled in. */
enum tg_status tg_check(struct tg_client *c, const char *subject, const char *tier, const char *feature,
			struct tg_answer *ret_a);

struct tg_question {
	const char *subject;
	const char *tier, *feature;
};

/* At most TG_CHECK_MANY_MAX at once, in as few messages as possible, within one timeout_ms; answers in the same order,
 * each with its own `source` and `error`; all are always filled in. Returns the worst status of all. */
enum tg_status tg_check_many(struct tg_client *c, const struct tg_question *questions, size_t count,
			     struct tg_answer *ret_answers);

/* What a subject has from a moment on, if nothing happens. */
struct tg_step {
	int64_t from;
	const char *tier, *status, *reason;
	int64_t until;
};

/* All that a subject has. */
struct tg_profile {
	struct tg_answer as; /* tier, status, reason, until, and where it comes from; `allowed` means that a server or a
				cache answered */
	uint64_t seats;
	int64_t next_billing;
	size_t feature_count;
	const char **features; /* freed with the profile */
	size_t step_count;     /* what is to come, the present first; at most TG_STEPS_MAX */
	struct tg_step steps[TG_STEPS_MAX];
	size_t customer_count; /* Stripe's customers of the subject, the most recently bound first; at most
				  TG_CUSTOMERS_MAX. Only after */
	char customers[TG_CUSTOMERS_MAX][72]; /* tg_get: a cache does not keep them; 0 when it answered */
};

/* With the policy of no name (NULL) for an outage: TG_LAST_KNOWN gives the last profile that was seen, any other a
 * profile with as.allowed false. */
enum tg_status tg_get(struct tg_client *c, const char *subject, struct tg_profile *ret_p);
/* The same asked past the cache, with the customers. */
enum tg_status tg_get_now(struct tg_client *c, const char *subject, struct tg_profile *ret_p);
void tg_profile_free(struct tg_profile *p); /* what is in it, not itself */

/* For an event loop: returns at once. `done` is called exactly once: before this returns, when the cache knows, else by
 * the client's thread, which it must not hold up. It owns *p, and may not close the client. `now`: past the cache, as
 * tg_get_now. */
void tg_get_async(struct tg_client *c, const char *subject, bool now,
		  void (*done)(void *ctx, enum tg_status status, struct tg_profile *p), void *ctx);

/* Tiers from the lowest to the highest with their features, as the server's catalog has them. Valid until
 * tg_catalog_free. */
struct tg_catalog {
	uint64_t hash; /* another catalog has another */
	size_t tier_count;
	struct tg_tier {
		const char *name;
		size_t feature_count;
		const char **features; /* with those inherited */
	} * tiers;
};
enum tg_status tg_catalog(struct tg_client *c, struct tg_catalog *ret_catalog, char why[TG_WHY_SIZE]);
void tg_catalog_free(struct tg_catalog *catalog);

/* A change as the feed tells it (PROTOCOL.md 3), for those who show or relay it. `subject` NULL: a heartbeat. */
struct tg_event {
	const char *subject, *account, *before, *after, *reason, *status, *cause;
	uint64_t epoch, ver;
	int64_t at_ms, until;
};
/* Called by the client's thread for each
 * change, in order and without a gap, from now on; `gap` true: changes were lost for good (another epoch). One watcher
 * a client; needs options.feed. NULL ends it. */
void tg_watch(struct tg_client *c, void (*event)(void *ctx, const struct tg_event *e, bool gap), void *ctx);

/* Counted since the open. */
struct tg_counts {
	uint64_t asked, answered, refused;
	uint64_t hits, misses, evicted;
	uint64_t fallbacks, timeouts, hedges, reconnects, denied;
	uint64_t gaps;                  /* in the feed; each was closed by asking for what was missed */
	uint64_t restarts;              /* of the store: another epoch */
	uint64_t subjects, cache_bytes; /* in the cache now */
	uint64_t ver, epoch;            /* up to which the cache is true */
	bool live;                      /* the cache answers now */
	int64_t feed_age_ms;            /* since the feed's last word; -1: none yet */
};
void tg_counts(struct tg_client *c, struct tg_counts *ret_counts);

#ifdef __cplusplus
}
#endif
#endif
