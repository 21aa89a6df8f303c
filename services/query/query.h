/* tiergate-query: tier checks from the entitlement store, and the change feed. It never writes.
 *
 * One thread owns the sockets, the store's snapshot and the signals; the admin port has its own. A lookup costs less
 * than a hop to another thread would. */
#ifndef QUERY_QUERY_H
#define QUERY_QUERY_H

#include "feed.h"
#include "router.h"
#include "service/catalog_file.h"
#include "service/start.h"

#define QUERY_TICK_MS 1000
#define QUERY_DRAIN_MS 500 /* for the last requests when it stops */

struct query_settings {
	struct service_settings service;
	struct endpoints query_bind;
	struct endpoints feed_bind;
	const char *curve_dir; /* NULL: no keys */
	const char *store_dir;
	const char *changes_pub;
	const char *catalog;
	unsigned mode; /* 0: live, 1: test */
};

extern const struct settings_table query_settings_table;

struct query_metrics {
	struct counter *requests[TG01_OP_COUNT];
	struct counter *errors[TG01_CODE_COUNT];
	struct counter *dropped[3]; /* unroutable, blocked, misframed */
	struct counter *changes;
	struct counter *bad_changes;
	struct counter *denied;
	struct gauge *ver;
	struct gauge *lag_ms;
	struct gauge *ready;
};

struct query {
	const struct query_settings *settings;
	struct service *service;
	struct catalog_file *catalog;
	struct curve_gate *gate; /* NULL: no keys */
	uint64_t denied;         /* as it was counted last */
	struct store_link link;
	struct server server;
	struct router router;
	struct feed feed;
	struct query_metrics metrics;
	char query_at[ENDPOINTS_TEXT_MAX]; /* what was bound */
	char feed_at[ENDPOINTS_TEXT_MAX];
	bool was_ready;
	struct problem told; /* why it was not ready, as it was logged last */
};

/* Catalog, store and sockets. The store may be missing; the catalog may not. */
NODISCARD enum error query_open(struct service *service, const struct query_settings *settings, struct query **ret_q,
				struct problem *why);
void query_close(struct query **q);

/* open.c: the sockets that clients reach, made or made anew. */
NODISCARD enum error query_bind(struct query *q, struct problem *why);

/* keys.c: the allowed keys again, on HUP; who lost one also loses the connection. */
NODISCARD enum error query_keys_reload(struct query *q, struct problem *why);
/* Logs and counts who was turned away. */
void query_keys_report(struct query *q);

/* Serves until told to stop, then what is already there. */
NODISCARD enum error query_run(struct query *q, struct problem *why);

/* Metrics, facts and readiness, once a second and when readiness changes; logs that change, and each new reason. */
void query_metrics_register(struct query_metrics *m, struct metrics *registry);
void query_report(struct query *q, int64_t now_wall_ms);

#endif
