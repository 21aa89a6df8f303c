/* What the shop's own files share; billing's spine does not include this.
 *
 *   visit.c     an ask of ours that waits for something
 *   shop.c      settings, timers
 *   customer.c  the subject's customer, found or made
 *   prices.c    Stripe's prices of the catalog's tiers
 *   open_sessions.c  no two checkouts of one subject are open for long
 *   details.c   the cache of details; details_fetch.c fills it, details_read.c reads Stripe's objects
 */
#ifndef BILLING_SHOP_PRIVATE_H
#define BILLING_SHOP_PRIVATE_H

#include "customer.h"
#include "details.h"
#include "open_sessions.h"
#include "prices.h"
#include "shop.h"
#include "stripe_read.h"
#include "visit.h"

#define FLIGHTS_MAX 1024 /* subjects whose customer is being found, at a time */

struct shop {
	bool livemode;
	char metadata_key[64];
	char public_url[SHOP_URL_MAX];
	char *rules_text;
	struct view rules[SHOP_URLS_MAX];
	size_t rule_count;
	const struct log *log;
	struct shop_ports ports;
	struct visit *timed; /* visits with a timer */
	struct flights *flights;
	struct price_store *price_store;
	struct details_cache *details;
	struct open_sessions *open_sessions;
	struct refresh *refreshes; /* those that lead (refresh.c) */
};

/* open_sessions.c */
struct open_sessions *open_sessions_create(void);
void open_sessions_destroy(struct open_sessions **o);

/* customer.c */
struct flights *flights_create(void);
void flights_destroy(struct flights **f);
void flights_run(struct shop *s, int64_t now_ms);
int64_t flights_due_ms(const struct shop *s); /* INT64_MAX: never */

/* prices.c */
struct price_store *price_store_create(void);
void price_store_destroy(struct price_store **p);

/* details.c, details_fetch.c */
struct details_cache *details_create(struct shop *s);
void details_destroy(struct details_cache **c);
void details_run(struct details_cache *c, int64_t now_ms);
int64_t details_due_ms(struct details_cache *c);

#endif
