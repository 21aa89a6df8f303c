/* tiergate-billing: checkout, portal, status, invoices and the page that a customer sees.
 *
 * Two kinds of threads. The HTTP server's take a request apart and answer what memory has; everything that asks
 * somebody else runs on one loop (run.c), and nothing blocks on either.
 *
 *   routes.c          the paths that are served, by whom
 *   gate.c            one request's way in: origin, token, rate, fields; then an action
 *   ask.h             what an action is written against: ask*.c
 *   rates.c           how often a subject may ask, and what it may cost
 *   reply.c           headers of answers, and refusals
 *   action_table.c    the actions
 *   inbox.c           what other threads hand to the loop
 *   profile.c         a subject's tier, out of memory or asked for
 *   shop.h            what the actions that ask Stripe have in common; shop_ports.c is its way to all this
 *   calls.c           requests of Stripe's API, those beyond its limit in line
 *   reconciler_link.c the reconciler's socket
 *   catalog_now.c     the catalog, which HUP replaces while asks use the old one
 */
#ifndef BILLING_H
#define BILLING_H

#include <pthread.h>
#include <stdatomic.h>

#include "ask.h"
#include "auth.h"
#include "calls.h"
#include "idempotency.h"
#include "inbox.h"
#include "limits.h"
#include "origins.h"
#include "reconciler_link.h"
#include "service/catalog_file.h"
#include "service/start.h"
#include "shop.h"

#define ASKS_MAX 2048        /* asks that are kept, all subjects together; beyond: 503 */
#define CONNECTIONS_MAX 4096 /* so that those which wait for others leave room to those which memory answers */
#define THREADS_MAX 16
#define RATE_LIMIT_DEFAULT 240 /* requests a minute of one subject */
#define OPEN_PER_MINUTE 6000   /* of all who need no token together, when RATE_LIMIT is the default */
#define DRAIN_MS 12000         /* over ASK_DEADLINE_MS */

struct billing_settings {
	struct service_settings service;
	const char *listen;
	const char *api_key, *api_base;
	int64_t stripe_deadline_ms;
	const char *query, *feed, *curve_dir;
	struct endpoints reconciler; /* the first counts */
	const char *catalog;
	const char *metadata_key;
	bool subject_may_be_customer;
	const char *jwt_issuer, *jwt_audience, *jwt_keys, *jwt_algorithms, *jwt_cookie;
	const char *return_urls, *origins, *public_url;
	uint64_t rate_limit;
};

extern const struct settings_table billing_settings_table;

#define METER_STATUS_MAX 600
struct billing_metrics {
	struct counter *statuses[METER_STATUS_MAX]; /* of answers; NULL: not one that is given */
	struct counter *refusals[REFUSAL_COUNT];
	struct counter *stripe[STRIPE_OUTCOME_COUNT];
	struct counter *tokens_verified, *tokens_cached, *keys_fetched, *keys_failed;
	struct counter *replayed;
	struct histogram *memory_time, *ask_time;
	struct gauge *asks, *calls, *calls_waiting;
};

/* Lines that anybody can cause are few. */
#define FAULT_LOG_MS 10000
struct fault_log {
	_Atomic uint64_t count;
	_Atomic int64_t logged_ms;
};

/* catalog_now.c */
struct catalog_held; /* a catalog that somebody uses */

struct billing {
	struct service service;
	struct billing_settings settings;
	struct settings *loaded;
	struct billing_metrics metrics;
	/* any thread */
	struct http_server *http;
	struct http_route routes[HTTP_ROUTES_MAX];
	struct fault_log faults[TOKEN_FAULT_COUNT];
	atomic_uint_fast64_t request_count;
	uint64_t run; /* random, of this start */
	struct origins origins;
	struct auth *auth;
	struct limits *limits;
	struct tg_client *tiers;
	struct inbox *inbox;
	pthread_mutex_t catalog_mutex;
	struct catalog_held *catalog;
	atomic_uint ask_count;
	/* the loop's */
	bool livemode;
	struct calls *calls; /* NULL: no key */
	struct shop *shop;
	bool closing; /* nobody is asked any more */
	bool feed_live;
	struct keys keys;
	struct reconciler_link *reconciler;
	struct idempotency *idempotency;
	struct ask *asks; /* all that are kept, for their deadlines */
	int64_t now_ms, facts_due_ms;
	bool stop;
};

/* open.c */
NODISCARD enum error billing_open(struct billing *b, struct problem *why);
void billing_close(struct billing *b);

/* run.c */
NODISCARD enum error billing_run(struct billing *b, struct problem *why);

/* report.c */
void report_metrics(struct billing *b);
void report_facts(struct billing *b);

/* routes.c: starts to serve. */
NODISCARD enum error routes_serve(struct billing *b, struct problem *why);

/* catalog_now.c: any thread. */
NODISCARD enum error catalog_now_load(struct billing *b, struct problem *why);
struct catalog_held *catalog_now_hold(struct billing *b);
void catalog_now_release(struct billing *b, struct catalog_held **h);
const struct catalog *catalog_held_get(const struct catalog_held *h);
/* [{name, features}] of all tiers; borrowed, only to be read or copied, and no reference is to be taken: those are not
 * counted by threads. */
json_t *catalog_held_tiers(const struct catalog_held *h);

/* action_table.c: NULL-terminated. */
extern const struct action *const action_table[];

#endif
