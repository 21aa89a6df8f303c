#include "sale.h"

#include <stdio.h>

#include "shop_private.h"

static bool is_interval(const char *text) {
	static const char *const known[] = {"day", "week", "month", "year"};
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (strcmp(text, known[i]) == 0) return true;
	return false;
}

static bool refuse_field(struct sale *s, enum refusal why, const char *detail) {
	ask_refuse(s->v.ask, why, detail);
	return false;
}

/* A name that is too long for any price is none of them. */
static bool read_named(struct sale *s, const char *price) {
	if (!price) return true;
	if (!*price || strlen(price) >= sizeof s->named) return refuse_field(s, REFUSAL_NOT_FOR_SALE, NULL);
	copy_text(s->named, sizeof s->named, price);
	return true;
}

bool sale_read(struct sale *s, bool must) {
	struct ask *a = s->v.ask;
	bool bad = false;
	const char *tier = ask_text(a, "tier", &bad), *interval = bad ? NULL : ask_text(a, "interval", &bad);
	const char *price = bad ? NULL : ask_text(a, "price", &bad);
	int64_t quantity = bad ? 0 : ask_number(a, "quantity", 1, QUANTITY_MAX, 0, &bad);
	if (bad) return false; /* and s is gone with the ask */
	s->quantity = quantity;
	if (must && !tier && !price) return refuse_field(s, REFUSAL_BAD_REQUEST, "tier is missing");
	if (interval && !is_interval(interval))
		return refuse_field(s, REFUSAL_BAD_REQUEST, "interval is one of day, week, month and year");
	copy_text(s->interval, sizeof s->interval, interval);
	int index = tier ? catalog_tier(ask_catalog(a), view_str(tier)) : 0;
	if (index < 0) return refuse_field(s, REFUSAL_UNKNOWN_TIER, NULL);
	s->wants_price = tier || price;
	s->has_tier = tier != NULL;
	s->tier = (unsigned)index;
	return read_named(s, price);
}

/* ---- the price ----------------------------------------------------------------------------------- */

const json_t *sale_item(const struct sale *s) { return json_array_get(data_of(json_object_get(s->sub, "items")), 0); }

static const char *present_interval(const struct sale *s) {
	const json_t *recurring = json_object_get(json_object_get(sale_item(s), "price"), "recurring");
	return whole_of(recurring, "interval_count", 1) == 1 ? text_of(recurring, "interval") : NULL;
}

static const struct price *by_tier(const struct sale *s, const struct price_list *list) {
	const char *present = present_interval(s);
	const struct price *p = NULL;
	bool only = s->sub != NULL; /* Stripe mixes no currencies on one customer */
	if (!s->interval[0] && present) p = price_for(list, s->tier, present, s->currency, only);
	return p ? p : price_for(list, s->tier, s->interval[0] ? s->interval : NULL, s->currency, only);
}

static void got_prices(struct visit *v, const struct price_list *list) {
	struct sale *s = (struct sale *)v;
	const struct price *p = s->named[0] ? price_named(list, s->named) : by_tier(s, list);
	bool mixes = p && s->sub && s->currency[0] && strcmp(p->currency, s->currency) != 0;
	if (!p || mixes) {
		ask_refuse(v->ask, REFUSAL_NOT_FOR_SALE,
			   mixes         ? "the subscription is in another currency"
			   : s->named[0] ? "that price is none of those of plans"
					 : NULL);
		return;
	}
	if (s->named[0] &&
	    ((s->has_tier && p->tier != s->tier) || (s->interval[0] && strcmp(p->interval, s->interval) != 0))) {
		ask_refuse(v->ask, REFUSAL_BAD_REQUEST, "that price is of another tier or interval");
		return;
	}
	s->price = *p;
	s->tier = p->tier;
	s->go_on(s);
}

void sale_price(struct sale *s, void (*go_on)(struct sale *s)) {
	s->go_on = go_on;
	if (s->wants_price)
		prices_of(&s->v, got_prices);
	else
		go_on(s);
}

/* ---- the subscription that is there -------------------------------------------------------------- */

static void finish(struct visit *v) { json_decref(((struct sale *)v)->sub); }

struct sale *sale_begin(struct ask *a) {
	struct sale *s = visit_begin(a, sizeof *s);
	if (s) s->v.finish = finish;
	return s;
}

void sale_customer(struct sale *s, const struct found_customer *c) {
	copy_text(s->customer, sizeof s->customer, c->id);
	copy_text(s->currency, sizeof s->currency, c->currency);
}

void sale_subscription(struct sale *s, json_t *sub) {
	json_decref(s->sub);
	s->sub = json_incref(sub);
	copy_text(s->subscription, sizeof s->subscription, text_of(sub, "id"));
	if (text_of(sub, "currency")) copy_text(s->currency, sizeof s->currency, text_of(sub, "currency"));
}

static bool is_canceling(const json_t *sub) {
	return yes_of(sub, "cancel_at_period_end") || moment_of(sub, "cancel_at");
}

bool sale_switch(struct sale *s) {
	const json_t *item = sale_item(s);
	const char *price = id_of(item, "price");
	bool one = json_array_size(data_of(json_object_get(s->sub, "items"))) == 1 && price;
	s->item[0] = 0;
	s->item_quantity = whole_of(item, "quantity", 1);
	bool same = one && strcmp(price, s->price.id) == 0 && (!s->quantity || s->quantity == s->item_quantity);
	if (same && !is_canceling(s->sub)) {
		ask_refuse(s->v.ask, REFUSAL_NO_CHANGE, NULL);
		return false;
	}
	s->flow = same || !one ? FLOW_MANAGE
			       : FLOW_SWITCH; /* the same while it is canceling: resumed on the front page */
	if (s->flow == FLOW_SWITCH) copy_text(s->item, sizeof s->item, text_of(item, "id"));
	if (s->quantity) s->item_quantity = s->quantity;
	return true;
}
