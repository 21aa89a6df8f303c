#include "sale.h"

#include <stdio.h>

#include "shop_private.h"

static bool is_interval(const char *text) {
	static const char *const known[] = {"day", "week", "month", "year"};
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (strcmp(text, known[i]) == 0) return true;
	return false;
}

bool sale_read(struct sale *s, bool must) {
	struct ask *a = s->v.ask;
	bool bad = false;
	const char *tier = ask_text(a, "tier", &bad), *interval = bad ? NULL : ask_text(a, "interval", &bad);
	int64_t quantity = bad ? 0 : ask_number(a, "quantity", 1, QUANTITY_MAX, 0, &bad);
	if (bad) return false; /* and s is gone with the ask */
	s->quantity = quantity;
	if (must && !tier) {
		ask_refuse(a, REFUSAL_BAD_REQUEST, "tier is missing");
		return false;
	}
	if (interval && !is_interval(interval)) {
		ask_refuse(a, REFUSAL_BAD_REQUEST, "interval is one of day, week, month and year");
		return false;
	}
	copy_text(s->interval, sizeof s->interval, interval);
	int index = tier ? catalog_tier(ask_catalog(a), view_str(tier)) : 0;
	if (index < 0) {
		ask_refuse(a, REFUSAL_UNKNOWN_TIER, NULL);
		return false;
	}
	s->has_tier = tier != NULL;
	s->tier = (unsigned)index;
	return true;
}

/* ---- the price ----------------------------------------------------------------------------------- */

const json_t *sale_item(const struct sale *s) { return json_array_get(data_of(json_object_get(s->sub, "items")), 0); }

static const char *present_interval(const struct sale *s) {
	const json_t *recurring = json_object_get(json_object_get(sale_item(s), "price"), "recurring");
	return whole_of(recurring, "interval_count", 1) == 1 ? text_of(recurring, "interval") : NULL;
}

static void got_prices(struct visit *v, const struct price_list *list) {
	struct sale *s = (struct sale *)v;
	const char *present = present_interval(s);
	const struct price *p = NULL;
	if (!s->interval[0] && present) p = price_for(list, s->tier, present);
	if (!p) p = price_for(list, s->tier, s->interval[0] ? s->interval : NULL);
	if (!p) {
		ask_refuse(v->ask, REFUSAL_NOT_FOR_SALE, NULL);
		return;
	}
	s->price = *p;
	s->go_on(s);
}

void sale_price(struct sale *s, void (*go_on)(struct sale *s)) {
	s->go_on = go_on;
	if (s->has_tier)
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

void sale_subscription(struct sale *s, json_t *sub) {
	json_decref(s->sub);
	s->sub = json_incref(sub);
	copy_text(s->subscription, sizeof s->subscription, text_of(sub, "id"));
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
