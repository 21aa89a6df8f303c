#include "prices.h"

#include <stdio.h>
#include <stdlib.h>

#include "service/clock.h"
#include "shop_private.h"

struct price_store {
	json_t *known;  /* Stripe's price objects; NULL: none yet */
	int64_t as_of;  /* unix seconds */
	int64_t got_ms; /* monotonic */
	struct shop *shop;
	json_t *coming; /* those of the pages that are here; NULL: nobody asks */
	unsigned pages;
	int64_t pause_ms; /* until then nobody asks */
	enum refusal why; /* what is said meanwhile: what came of the last try */
	struct waiting waiting;
	struct price_list list; /* made of `known` by the catalog that it names */
	bool made;
};

struct price_store *price_store_create(void) {
	return calloc(1, sizeof(struct price_store));
}

void price_store_destroy(struct price_store **pp) {
	if (!pp || !*pp) return;
	json_decref((*pp)->known);
	json_decref((*pp)->coming);
	free(*pp);
	*pp = NULL;
}

/* ---- giving -------------------------------------------------------------------------------------- */

static const struct price_list *list_by(struct price_store *p, const struct catalog *c) {
	json_t *o;
	size_t i;
	if (p->made && p->list.catalog == c->hash) return &p->list;
	p->list.count = 0;
	p->list.catalog = c->hash;
	json_array_foreach(p->known, i, o) {
		if (!price_list_add(&p->list, c, o)) break;
	}
	price_list_sort(&p->list);
	p->made = true;
	return &p->list;
}

static void give(struct price_store *p, struct visit *v, bool stale) {
	visit_leave(v);
	visit_timer_end(v);
	p->list.as_of = p->as_of;
	p->list.stale = stale;
	v->priced(v, list_by(p, ask_catalog(v->ask)));
}

static void give_old(struct visit *v) { give(v->shop->price_store, v, true); }

/* ---- fetching ------------------------------------------------------------------------------------ */

static void failed(struct price_store *p, const struct stripe_answer *s) {
	json_decref(p->coming);
	p->coming = NULL;
	p->pause_ms = mono_ms() + PRICES_PAUSE_MS;
	p->why = !s                                 ? REFUSAL_UNAVAILABLE
		 : s->outcome == STRIPE_UNREACHABLE ? REFUSAL_STRIPE_TIMEOUT
		 : s->outcome == STRIPE_LIMITED     ? REFUSAL_TOO_MANY
						    : REFUSAL_STRIPE;
	if (s && s->retry_after_ms > PRICES_PAUSE_MS) p->pause_ms = mono_ms() + s->retry_after_ms;
	for (struct visit *v; (v = p->waiting.first);) {
		if (p->known) {
			give(p, v, true);
			continue;
		}
		visit_leave(v);
		if (!s || !visit_failed(v, s)) ask_refuse(v->ask, s ? REFUSAL_STRIPE : REFUSAL_UNAVAILABLE, NULL);
	}
}

static void succeeded(struct price_store *p, int64_t second) {
	json_decref(p->known);
	p->known = p->coming;
	p->coming = NULL;
	p->made = false;
	p->as_of = second;
	p->got_ms = mono_ms();
	for (struct visit *v; (v = p->waiting.first);) give(p, v, false);
}

static void got_page(void *ctx, const struct stripe_answer *s);

static void ask_page(struct price_store *p, const char *after) {
	char room[STRIPE_PATH_MAX];
	struct writer w = writer_of(room, sizeof room);
	stripe_path(&w, "/v1/prices?active=true&type=recurring&limit=100&expand[]=data.product", VIEW_NONE);
	if (after) stripe_param(&w, "starting_after", view_str(after));
	struct stripe_call c = {.path = stripe_text_end(&w), .done = got_page, .ctx = p};
	if (!c.path || !p->shop->ports.stripe(p->shop->ports.ctx, &c, false)) failed(p, NULL);
}

static void got_page(void *ctx, const struct stripe_answer *s) {
	struct price_store *p = ctx;
	json_t *data = s->outcome == STRIPE_OK ? data_of(s->body) : NULL;
	if (!data) {
		failed(p, s);
		return;
	}
	if (json_array_extend(p->coming, data) != 0) {
		failed(p, NULL);
		return;
	}
	const char *last = text_of(json_array_get(data, json_array_size(data) - 1), "id");
	bool more = yes_of(s->body, "has_more") && last;
	if (more && ++p->pages < PRICE_PAGES_MAX) {
		ask_page(p, last);
		return;
	}
	if (more) log_warn(p->shop->log, log_ev("prices_left_out"), kv_u64("looked_at", json_array_size(p->coming)));
	succeeded(p, s->second);
}

void prices_of(struct visit *v, void (*then)(struct visit *v, const struct price_list *p)) {
	struct price_store *p = v->shop->price_store;
	int64_t now = mono_ms();
	v->priced = then;
	if (p->known && now - p->got_ms < PRICES_FRESH_MS) {
		give(p, v, false);
		return;
	}
	if (!p->coming && now < p->pause_ms) {
		if (p->known)
			give(p, v, true);
		else
			ask_refuse(v->ask, p->why, NULL);
		return;
	}
	visit_wait(v, &p->waiting);
	if (p->known) visit_timer(v, PRICES_WAIT_MS, give_old);
	if (p->coming) return;
	p->shop = v->shop;
	p->pages = 0;
	p->coming = json_array();
	if (p->coming)
		ask_page(p, NULL);
	else
		failed(p, NULL);
}
