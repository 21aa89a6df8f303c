/* A client of Stripe's API over libcurl, for a service with one loop of its own.
 *
 * Nothing here blocks or waits. The owner polls stripe_api_fd for reading (an epoll descriptor), no longer than
 * stripe_api_wait_ms, and then calls stripe_api_run, which hands out the answers. How often to ask, and what to ask
 * again, is the caller's business (net/token_bucket.h, net/backoff.h): nothing is retried here.
 *
 * Every request carries the key as Bearer, the pinned Stripe-Version, and Stripe-Account where one is given.
 * Connections are kept and reused. TLS is verified; http:// is for loopback alone; redirects are not followed. The key
 * is never part of a message, and is wiped with the client.
 *
 * Bounds: STRIPE_CONCURRENCY_MAX requests at a time, an answer of STRIPE_ANSWER_MAX bytes, a deadline for each request.
 *
 * An answer's second. An object in an answer was surely so when the answer was begun, which was no earlier than the
 * whole seconds that the request took before its Date header. That second less one is what an answer is stamped with
 * (proto/fact.h): whatever happened before that second is in the answer.
 *
 * https://docs.stripe.com/api · https://docs.stripe.com/rate-limits · https://docs.stripe.com/error-low-level
 */
#ifndef NET_STRIPE_API_H
#define NET_STRIPE_API_H

#include "base/error.h"
#include "base/limits.h"
#include "base/view.h"

#define STRIPE_API_BASE "https://api.stripe.com"
#define STRIPE_API_VERSION "2026-09-30.endive" /* the shape that answers have, whatever the account's default is */
#define STRIPE_ANSWER_MAX ((size_t)16 * 1024 * 1024)
#define STRIPE_CONCURRENCY_MAX 32
#define STRIPE_KEY_MAX 255
#define STRIPE_PATH_MAX 4096
#define STRIPE_FORM_MAX ((size_t)64 * 1024)
#define STRIPE_IDEMPOTENCY_MAX 255 /* Stripe's limit */
#define STRIPE_DEADLINE_MS 30000
#define STRIPE_CONNECT_MS 10000
#define STRIPE_RETRY_AFTER_MAX_MS 60000 /* what is asked for beyond it is cut */

/* symbol, name */
#define STRIPE_OUTCOME_TABLE(X)                                                                                        \
	X(STRIPE_OK, "ok")                   /* 2xx with JSON in it */                                                 \
	X(STRIPE_REFUSED, "refused")         /* 401, 403: the key, or what it may do */                                \
	X(STRIPE_MISSING, "missing")         /* 404: no such object */                                                 \
	X(STRIPE_LIMITED, "limited")         /* 429 */                                                                 \
	X(STRIPE_INVALID, "invalid")         /* any other 4xx: the request */                                          \
	X(STRIPE_SERVER, "server")           /* 5xx */                                                                 \
	X(STRIPE_UNREACHABLE, "unreachable") /* no answer: name, connection, TLS, deadline */                          \
	X(STRIPE_MALFORMED, "malformed")     /* an answer that is none: not JSON, too large, without a Date */

enum stripe_outcome {
#define X(symbol, name) symbol,
	STRIPE_OUTCOME_TABLE(X)
#undef X
		STRIPE_OUTCOME_COUNT
};

const char *stripe_outcome_name(enum stripe_outcome o);
/* Worth the same request again, later. */
bool stripe_outcome_passes(enum stripe_outcome o);

struct json_t; /* jansson's */

/* Lives during the call of `done` alone; who wants the body longer takes a reference (json_incref). */
struct stripe_answer {
	enum stripe_outcome outcome;
	long status;            /* HTTP's; 0: none */
	int64_t date;           /* s: the Date header; 0: none */
	int64_t second;         /* s: see above; 0: unknown */
	int64_t took_us;        /* the whole request */
	int64_t retry_after_ms; /* 0: not said */
	bool replayed;          /* it is what the idempotency key was answered before; 5xx are kept, too */
	size_t bytes;           /* of the body */
	struct json_t *body;    /* an object or array; NULL: none */
	const char *request_id; /* "req_…"; "" when there is none */
	const char *why;        /* when not OK: a sentence for the log. No secrets, no values of the body */
};

struct stripe_api;

struct stripe_api_options {
	const char *base;     /* "https://api.stripe.com"; copied */
	struct view key;      /* sk_… or rk_…; copied */
	unsigned concurrency; /* 1 to STRIPE_CONCURRENCY_MAX; 0: that */
	int64_t deadline_ms;  /* of a request; 0: STRIPE_DEADLINE_MS */
	size_t answer_max;    /* 0: STRIPE_ANSWER_MAX */
};

/* "https://host[:port]", or "http://" with a loopback host; nothing after it but one slash. ERR_CONFIG. */
NODISCARD enum error stripe_base_check(const char *base, struct problem *why);
/* sk_test_…, rk_test_…, sk_live_… and rk_live_…: of which mode it is. ERR_CONFIG; the sentence does not hold the key.
 */
NODISCARD enum error stripe_key_mode(struct view key, bool *ret_livemode, struct problem *why);

/* ERR_CONFIG: base or key. ERR_MEMORY. */
NODISCARD enum error stripe_api_create(const struct stripe_api_options *o, struct stripe_api **ret_a,
				       struct problem *why);
/* What is under way is given up; its `done` is not called. */
void stripe_api_destroy(struct stripe_api **a);

struct stripe_call {
	bool post;
	const char *path;            /* "/v1/…", with its query, encoded (net/stripe_form.h); copied */
	struct view account;         /* acct_…; empty: the key's own */
	struct view form;            /* of a POST, encoded; copied */
	const char *idempotency_key; /* of a POST; NULL: none */
	int64_t deadline_ms;         /* 0: the client's */
	void (*done)(void *ctx, const struct stripe_answer *a); /* from stripe_api_run; it may make calls of its own */
	void *ctx;
};

/* ERR_OVERLOADED: as many requests as may be are under way. ERR_LIMIT, ERR_BAD_REQUEST: a part of the call. ERR_MEMORY.
 */
NODISCARD enum error stripe_api_call(struct stripe_api *a, const struct stripe_call *c, struct problem *why);
unsigned stripe_api_in_flight(const struct stripe_api *a);

int stripe_api_fd(const struct stripe_api *a);
/* At most `most`; 0 when stripe_api_run should be called at once. */
int64_t stripe_api_wait_ms(const struct stripe_api *a, int64_t most);
void stripe_api_run(struct stripe_api *a);

#endif
