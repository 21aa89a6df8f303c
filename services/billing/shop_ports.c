/* The shop's way to the world: billing's calls, its client of query, its loop. */
#include <stdio.h>
#include <stdlib.h>

#include "shop_ports.h"

struct shop *billing_shop(struct billing *b) {
	return b->shop;
}

static bool stripe(void *ctx, const struct stripe_call *c, bool background) {
	struct billing *b = ctx;
	struct problem why = {0};
	if (!b->calls || b->closing) return false;
	if (!calls_send(b->calls, c, background, NULL, &why)) return true;
	log_warn(&b->service.log, log_ev("not_called"), kv_why(&why));
	return false;
}

struct profile_ask {
	struct note note;
	struct billing *b;
	void (*then)(void *arg, enum tg_status status, const struct tg_profile *p);
	void *arg;
	enum tg_status status;
	struct tg_profile profile;
};

static void profile_here(struct note *n) {
	struct profile_ask *q = (struct profile_ask *)n;
	q->then(q->arg, q->status, &q->profile);
	tg_profile_free(&q->profile);
	free(q);
}

/* The client's thread, or the loop's own, inside tg_get_async. */
static void profile_came(void *ctx, enum tg_status status, struct tg_profile *p) {
	struct profile_ask *q = ctx;
	q->status = status;
	q->profile = *p;
	q->note.run = profile_here;
	inbox_post(q->b->inbox, &q->note);
}

static bool profile(void *ctx, const char *subject,
		    void (*then)(void *arg, enum tg_status status, const struct tg_profile *p), void *arg) {
	struct billing *b = ctx;
	struct profile_ask *q = b->closing ? NULL : calloc(1, sizeof *q);
	if (!q) return false;
	q->b = b;
	q->then = then;
	q->arg = arg;
	tg_get_async(b->tiers, subject, true, profile_came, q);
	return true;
}

static void tier(void *ctx, const struct item *item, char ret_name[NAME_MAX_BYTES + 1]) {
	struct billing *b = ctx;
	struct catalog_held *held = catalog_now_hold(b);
	const struct catalog *c = catalog_held_get(held);
	int t = catalog_item_tier(c, item);
	ret_name[0] = '\0';
	if (t >= 0) (void)snprintf(ret_name, NAME_MAX_BYTES + 1, "%.*s", VIEW_FMT(c->tiers[t].name));
	catalog_now_release(b, &held);
}

static void wake(void *ctx) {
	struct billing *b = ctx;
	inbox_wake(b->inbox);
}

enum error shop_ports_open(struct billing *b, struct problem *why) {
	struct problem detail = {0};
	const struct shop_options o = {.livemode = b->livemode,
				       .metadata_key = b->settings.metadata_key,
				       .public_url = b->settings.public_url,
				       .return_urls = b->settings.return_urls,
				       .log = &b->service.log,
				       .ports = {b, stripe, profile, tier, wake}};
	enum error e = shop_create(&o, &b->shop, &detail);
	if (e == OK || e == ERR_MEMORY) return e;
	/* without any it is PUBLIC_URL that they come from */
	const char *setting = b->settings.return_urls ? "RETURN_URLS" : "PUBLIC_URL";
	return problem_set(why, ERR_CONFIG, "%s: %.180s", settings_origin(b->loaded, setting), problem_text(&detail));
}
