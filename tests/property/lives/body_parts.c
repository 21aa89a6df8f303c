#include "lives/body_parts.h"

#include <inttypes.h>

void body_id(struct text *t, const struct body_shape *shape, const char *name, struct view id, const char *object) {
	if (!id.len) {
		if (!shape->terse) text_add(t, "\"%s\":null,", name);
	} else if (shape->expanded) {
		text_add(t, "\"%s\":{\"id\":\"%.*s\",\"livemode\":false,\"object\":\"%s\"},", name, VIEW_FMT(id),
			 object);
	} else {
		text_add(t, "\"%s\":\"%.*s\",", name, VIEW_FMT(id));
	}
}

void body_time(struct text *t, const struct body_shape *shape, const char *name, int64_t n) {
	if (n)
		text_add(t, "\"%s\":%" PRId64 ",", name, n);
	else if (!shape->terse)
		text_add(t, "\"%s\":null,", name);
}

void body_items(struct text *t, const struct body_shape *shape, const struct subscription *s) {
	text_add(t, "\"items\":{\"data\":[");
	for (unsigned i = 0; i < s->items.count; i++) {
		const struct item *item = &s->items.items[i];
		text_add(t, "%s{\"id\":\"si_%u\",", i ? "," : "", i);
		if (shape->basil) {
			body_time(t, shape, "current_period_start", s->period_start);
			body_time(t, shape, "current_period_end", s->period_end);
		}
		if (item->quantity == 1 && shape->terse)
			text_add(t, "\"quantity\":null,");
		else
			text_add(t, "\"quantity\":%" PRIu64 ",", item->quantity);
		text_add(t, "\"price\":{\"id\":\"%.*s\",", VIEW_FMT(item->price));
		body_id(t, shape, "product", item->product, "product");
		if (item->lookup_key.len)
			text_add(t, "\"lookup_key\":\"%.*s\",", VIEW_FMT(item->lookup_key));
		else if (!shape->terse)
			text_add(t, "\"lookup_key\":null,");
		text_add(t, "\"active\":true,\"object\":\"price\"},\"object\":\"subscription_item\"}");
	}
	text_add(t, "],\"has_more\":false,\"total_count\":%u,\"object\":\"list\"},", s->items.count);
}
