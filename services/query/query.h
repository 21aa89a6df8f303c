/* tiergate-query: tier checks from the entitlement store, and the change feed. It never writes.
 *
 * One thread owns the sockets, the store's snapshot and the signals; the admin port has its own. A lookup costs less
 * than a hop to another thread would. */
#ifndef QUERY_QUERY_H
#define QUERY_QUERY_H

#include "feed.h"
#include "router.h"
#include "service/catalog_file.h"
#include "service/keys.h"
#include "service/peers_report.h"
#include "service/start.h"

#define QUERY_TICK_MS 1000
#define QUERY_BEHIND_MS 15000 /* a store that is older than this gets a line */
#define QUERY_DRAIN_MS 500    /* for the last requests when it stops */

struct query_settings {
	struct service_settings service;
	struct endpoints query_bind;
	struct endpoints feed_bind;
	const char *curve_dir; /* NULL: no keys */
	const char *store_dir;
	struct endpoints changes_pub; /* the first is connected to */
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
	struct gauge *ver;
	struct gauge *lag_ms;
};

struct query {
	const struct query_settings *settings;
	struct service *service;
	struct catalog_file *catalog;
	struct keys keys;
	struct store_link link;
	struct server server;
	struct router router;
	struct feed feed;
	struct query_metrics metrics;
	bool was_ready;
	bool was_behind;
	struct problem told; /* why it was not ready, as it was logged last */
};

/* Catalog, store and sockets. The store may be missing; the catalog may not. */
NODISCARD enum error query_open(struct service *service, const struct query_settings *settings, struct query **ret_q,
				struct problem *why);
void query_close(struct query **q);

/* Serves until told to stop, then what is already there. */
NODISCARD enum error query_run(struct query *q, struct problem *why);

/* Metrics, facts and readiness, once a second and when readiness changes; logs that change, and each new reason. */
void query_metrics_register(struct query_metrics *m, struct metrics *registry);
void query_report(struct query *q, int64_t now_wall_ms);

#endif
