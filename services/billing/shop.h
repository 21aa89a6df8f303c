/* What the actions that ask Stripe have in common, and what goes on when no request is there to wait for it: the
 * customers that are being made, the prices, and the details of subjects.
 *
 * It belongs to billing's loop: everything here is called from the loop's thread, but for what details.h says of other
 * threads. It has no thread, socket or clock of its own: it reaches the world through its ports, which billing fills
 * in, so that tests can.
 *
 *     shop_create(&options, &shop, &why) … each turn of the loop: shop_run(shop, now_ms), and sleep no longer than
 *     shop_wait_ms … shop_destroy(&shop)
 */
#ifndef BILLING_SHOP_H
#define BILLING_SHOP_H

#include "ask.h"
#include "service/log.h"

#define SHOP_URLS_MAX 16 /* entries of RETURN_URLS */
#define SHOP_URL_MAX 512 /* bytes of one, with its NUL, and of PUBLIC_URL */

struct shop;
struct details_cache;

struct shop_ports {
	void *ctx;
	/* A call to Stripe that belongs to no ask, as stripe_api_call takes it; `done` comes later, never before the
	 * return. `background`: nobody waits for it, and it must not be in the way of those who do. False: not now (as
	 * many as may be are under way), and nothing will come. */
	bool (*stripe)(void *ctx, const struct stripe_call *c, bool background);
	/* The subject's profile with its customers, past the cache. `then` comes later, on the loop, and always, also
	 * when nobody answered; *p lives during the call alone. False: not now, and nothing will come. */
	bool (*profile)(void *ctx, const char *subject,
			void (*then)(void *arg, enum tg_status status, const struct tg_profile *p), void *arg);
	/* The tier that an item grants by the catalog that is in force: its name, cut to nothing when it grants none.
	 */
	void (*tier)(void *ctx, const struct item *item, char ret_name[NAME_MAX_BYTES + 1]);
	/* From any thread: turn the loop, so that shop_run is called. */
	void (*wake)(void *ctx);
};

struct shop_options {
	bool livemode;            /* of the API key */
	const char *metadata_key; /* SUBJECT_METADATA_KEY: "user_id" */
	const char *public_url;   /* PUBLIC_URL, "https://app.example.com": an origin */
	const char *return_urls;  /* RETURN_URLS, separated by ';'; NULL or "": the public URL alone */
	const struct log *log;
	struct shop_ports ports;
};

/* ERR_CONFIG: a URL that url_rule_check (url_allowed.h) refuses. ERR_MEMORY. Options are copied. */
NODISCARD enum error shop_create(const struct shop_options *o, struct shop **ret_s, struct problem *why);
/* No ask may be waiting for it, and no port call is answered any more. Accepts NULL. */
void shop_destroy(struct shop **s);
/* Timers that are due, and details that were asked for. now_ms: of the monotonic clock. */
void shop_run(struct shop *s, int64_t now_ms);
/* When shop_run wants to be called without a wake; at most `most`. */
int64_t shop_wait_ms(const struct shop *s, int64_t now_ms, int64_t most);

struct details_cache *shop_details(struct shop *s);

/* Billing's own: the one shop it has. Implemented beside struct billing. */
struct shop *billing_shop(struct billing *b);

#endif
