#include "lives/body_parts.h"

#include <inttypes.h>

/* A price shows its product and lookup key only where it is expanded. */
static void add_phase_item(struct text *t, const struct body_shape *shape, const struct item *item) {
	text_add(t, "{");
	if (item->quantity != 1 || !shape->terse) text_add(t, "\"quantity\":%" PRIu64 ",", item->quantity);
	if (item->product.len || item->lookup_key.len) {
		text_add(t, "\"price\":{\"id\":\"%.*s\",", VIEW_FMT(item->price));
		body_id(t, shape, "product", item->product, "product");
		if (item->lookup_key.len) text_add(t, "\"lookup_key\":\"%.*s\",", VIEW_FMT(item->lookup_key));
		text_add(t, "\"object\":\"price\"},\"metadata\":{}}");
	} else if (shape->basil || !shape->terse) {
		body_id(t, shape, "price", item->price, "price");
		text_add(t, "\"plan\":\"%.*s\",\"metadata\":{}}", VIEW_FMT(item->price));
	} else {
		text_add(t, "\"plan\":\"%.*s\"}", VIEW_FMT(item->price));
	}
}

static void add_phase(struct text *t, const struct body_shape *shape, const struct schedule_phase *p) {
	bool old = !shape->basil && shape->terse;
	text_add(t, "{\"add_invoice_items\":[],\"%s\":[", old ? "plans" : "items");
	for (unsigned i = 0; i < p->items.count; i++) {
		if (i) text_add(t, ",");
		add_phase_item(t, shape, &p->items.items[i]);
	}
	text_add(t, "],");
	body_time(t, shape, "end_date", p->end);
	text_add(t, "\"start_date\":%" PRId64 "}", p->start);
}

void body_schedule(struct text *t, const struct body_shape *shape, const struct schedule *s) {
	text_add(t, "{\"id\":\"%.*s\",\"status\":\"%s\",\"end_behavior\":\"%s\",", VIEW_FMT(s->id),
		 schedule_status_name(s->status),
		 s->ends_subscription ? "cancel"
		 : shape->terse       ? "none"
				      : "release");
	body_id(t, shape, "customer", s->customer, "customer");
	body_id(t, shape, "subscription", s->subscription, "subscription");
	if (s->status == SCHEDULE_RELEASED) text_add(t, "\"released_subscription\":\"sub_released\",");
	text_add(t, "\"current_phase\":null,\"phases\":[");
	for (unsigned i = 0; i < s->phase_count; i++) {
		if (i) text_add(t, ",");
		add_phase(t, shape, &s->phases[i]);
	}
	text_add(t, "],\"default_settings\":{\"billing_cycle_anchor\":\"automatic\"},\"object\":\"subscription_"
		    "schedule\"}");
}
