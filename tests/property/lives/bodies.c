#include "lives/bodies.h"

#include <inttypes.h>

struct body_shape random_body_shape(struct random *r) {
	return (struct body_shape){random_chance(r, 50), random_chance(r, 30), random_chance(r, 30)};
}

/* Fields end with a comma; every object ends with its "object", so that there is always a last one. */
static void add_id(struct text *t, const struct body_shape *shape, const char *name, struct view id,
		   const char *object) {
	if (!id.len) {
		if (!shape->terse) text_add(t, "\"%s\":null,", name);
	} else if (shape->expanded) {
		text_add(t, "\"%s\":{\"id\":\"%.*s\",\"livemode\":false,\"object\":\"%s\"},", name, VIEW_FMT(id),
			 object);
	} else {
		text_add(t, "\"%s\":\"%.*s\",", name, VIEW_FMT(id));
	}
}

static void add_time(struct text *t, const struct body_shape *shape, const char *name, int64_t n) {
	if (n)
		text_add(t, "\"%s\":%" PRId64 ",", name, n);
	else if (!shape->terse)
		text_add(t, "\"%s\":null,", name);
}

static void add_claim(struct text *t, struct view subject) {
	if (subject.len)
		text_add(t, "\"metadata\":{\"plan\":\"x\",\"user_id\":\"%.*s\"},", VIEW_FMT(subject));
	else
		text_add(t, "\"metadata\":{},");
}

static void add_items(struct text *t, const struct body_shape *shape, const struct subscription *s) {
	text_add(t, "\"items\":{\"data\":[");
	for (unsigned i = 0; i < s->items.count; i++) {
		const struct item *item = &s->items.items[i];
		text_add(t, "%s{\"id\":\"si_%u\",", i ? "," : "", i);
		if (shape->basil) {
			add_time(t, shape, "current_period_start", s->period_start);
			add_time(t, shape, "current_period_end", s->period_end);
		}
		if (item->quantity == 1 && shape->terse)
			text_add(t, "\"quantity\":null,");
		else
			text_add(t, "\"quantity\":%" PRIu64 ",", item->quantity);
		text_add(t, "\"price\":{\"id\":\"%.*s\",", VIEW_FMT(item->price));
		add_id(t, shape, "product", item->product, "product");
		if (item->lookup_key.len)
			text_add(t, "\"lookup_key\":\"%.*s\",", VIEW_FMT(item->lookup_key));
		else if (!shape->terse)
			text_add(t, "\"lookup_key\":null,");
		text_add(t, "\"active\":true,\"object\":\"price\"},\"object\":\"subscription_item\"}");
	}
	text_add(t, "],\"has_more\":false,\"total_count\":%u,\"object\":\"list\"},", s->items.count);
}

static void add_pause(struct text *t, const struct body_shape *shape, bool paused) {
	if (paused)
		text_add(t, "\"pause_collection\":{\"behavior\":\"void\",\"resumes_at\":null},");
	else if (!shape->terse)
		text_add(t, "\"pause_collection\":null,");
}

static void add_subscription(struct text *t, const struct body_shape *shape, const struct subscription *s) {
	text_add(t, "{\"id\":\"%.*s\",\"status\":\"%s\",\"created\":%" PRId64 ",", VIEW_FMT(s->id),
		 sub_status_name(s->status), s->created);
	add_id(t, shape, "customer", s->customer, "customer");
	add_id(t, shape, "latest_invoice", s->latest_invoice, "invoice");
	if (!shape->basil) {
		add_time(t, shape, "current_period_start", s->period_start);
		add_time(t, shape, "current_period_end", s->period_end);
	}
	add_time(t, shape, "trial_end", s->trial_end);
	add_time(t, shape, "cancel_at", s->cancel_at);
	add_time(t, shape, "canceled_at", s->canceled_at);
	add_time(t, shape, "ended_at", s->ended_at);
	text_add(t, "\"cancel_at_period_end\":%s,", s->cancel_at_period_end ? "true" : "false");
	add_pause(t, shape, s->collection_paused);
	add_claim(t, s->subject);
	add_items(t, shape, s);
	text_add(t, "\"default_payment_method\":\"pm_2\",\"livemode\":false,\"object\":\"subscription\"}");
}

static void add_before(struct text *t, const char *name, int64_t before, int64_t now) {
	if (before == now) return;
	if (before)
		text_add(t, "\"%s\":%" PRId64 ",", name, before);
	else
		text_add(t, "\"%s\":null,", name);
}

static bool items_eq(const struct item_set *a, const struct item_set *b) {
	if (a->count != b->count) return false;
	for (unsigned i = 0; i < a->count; i++)
		if (!view_eq(a->items[i].price, b->items[i].price) || a->items[i].quantity != b->items[i].quantity ||
		    !view_eq(a->items[i].product, b->items[i].product) ||
		    !view_eq(a->items[i].lookup_key, b->items[i].lookup_key))
			return false;
	return true;
}

/* What differs, as it was. Lists come whole, and metadata with the keys that changed. */
static void add_previous(struct text *t, const struct body_shape *shape, const struct subscription *before,
			 const struct subscription *now) {
	bool moved = before->period_start != now->period_start || before->period_end != now->period_end;
	text_add(t, ",\"previous_attributes\":{");
	if (before->status != now->status) text_add(t, "\"status\":\"%s\",", sub_status_name(before->status));
	if (!view_eq(before->latest_invoice, now->latest_invoice)) {
		const struct body_shape plain = {0};
		add_id(t, &plain, "latest_invoice", before->latest_invoice, "invoice");
	}
	if (!shape->basil) {
		add_before(t, "current_period_start", before->period_start, now->period_start);
		add_before(t, "current_period_end", before->period_end, now->period_end);
	}
	add_before(t, "trial_end", before->trial_end, now->trial_end);
	add_before(t, "cancel_at", before->cancel_at, now->cancel_at);
	add_before(t, "canceled_at", before->canceled_at, now->canceled_at);
	add_before(t, "ended_at", before->ended_at, now->ended_at);
	if (before->cancel_at_period_end != now->cancel_at_period_end)
		text_add(t, "\"cancel_at_period_end\":%s,", before->cancel_at_period_end ? "true" : "false");
	if (before->collection_paused != now->collection_paused)
		add_pause(t, &(const struct body_shape){0}, before->collection_paused);
	if (!view_eq(before->subject, now->subject)) {
		if (before->subject.len)
			text_add(t, "\"metadata\":{\"user_id\":\"%.*s\"},", VIEW_FMT(before->subject));
		else
			text_add(t, "\"metadata\":{\"user_id\":null},");
	}
	if (!items_eq(&before->items, &now->items) || (shape->basil && moved)) add_items(t, shape, before);
	text_add(t, "\"default_payment_method\":\"pm_1\"}");
}

static void add_customer(struct text *t, const struct life_event *e) {
	const struct customer_observation *c = &e->o.of.customer;
	text_add(t, "{\"id\":\"%.*s\",\"created\":1,\"email\":\"a@example.org\",", VIEW_FMT(c->id));
	add_claim(t, c->subject);
	text_add(t, "\"object\":\"customer\"}");
	if (e->o.stamp.rank != RANK_UPDATED) return;
	text_add(t, ",\"previous_attributes\":{");
	if (!view_eq(e->claimed_before, c->subject)) {
		if (e->claimed_before.len)
			text_add(t, "\"metadata\":{\"user_id\":\"%.*s\"},", VIEW_FMT(e->claimed_before));
		else
			text_add(t, "\"metadata\":{\"user_id\":null},");
	}
	text_add(t, "\"email\":\"b@example.org\"}");
}

static void add_checkout(struct text *t, const struct body_shape *shape, const struct checkout_observation *c) {
	text_add(t, "{\"id\":\"%.*s\",\"mode\":\"subscription\",", VIEW_FMT(c->id));
	add_id(t, shape, "customer", c->customer, "customer");
	add_id(t, shape, "subscription", c->subscription, "subscription");
	text_add(t,
		 "\"client_reference_id\":\"%.*s\",\"payment_status\":\"%s\",\"metadata\":{},"
		 "\"status\":\"complete\",\"object\":\"checkout.session\"}",
		 VIEW_FMT(c->subject), c->paid ? "paid" : "unpaid");
}

static void add_invoice(struct text *t, const struct body_shape *shape, const struct invoice *i) {
	text_add(t, "{\"id\":\"%.*s\",\"status\":\"%s\",\"currency\":\"%.*s\",", VIEW_FMT(i->id),
		 invoice_status_name(i->status), VIEW_FMT(i->currency));
	add_id(t, shape, "customer", i->customer, "customer");
	text_add(t, "\"amount_due\":%" PRId64 ",\"amount_remaining\":%" PRId64 ",\"attempt_count\":%" PRId64 ",",
		 i->amount_due, i->amount_remaining, i->attempt_count);
	add_time(t, shape, "next_payment_attempt", i->next_payment_attempt);
	/* the invoice's own period is not the service's */
	text_add(t,
		 "\"period_start\":11,\"period_end\":12,\"lines\":{\"data\":[{\"id\":\"il_1\",\"period\":{\"start\":"
		 "%" PRId64 ",\"end\":%" PRId64 "},",
		 i->period_start, i->period_end);
	if (shape->basil)
		text_add(t,
			 "\"pricing\":{\"type\":\"price_details\",\"price_details\":{\"price\":\"price_1\",\"product\":"
			 "\"prod_1\"}},"
			 "\"parent\":{\"type\":\"subscription_item_details\",\"subscription_item_details\":{"
			 "\"subscription\":"
			 "\"%.*s\",\"subscription_item\":\"si_1\"}},",
			 VIEW_FMT(i->subscription));
	else
		text_add(t,
			 "\"price\":{\"id\":\"price_1\",\"object\":\"price\"},\"subscription\":\"%.*s\",\"type\":"
			 "\"subscription\",",
			 VIEW_FMT(i->subscription));
	text_add(t, "\"object\":\"line_item\"}],\"has_more\":false,\"object\":\"list\"},");
	if (shape->basil) {
		text_add(t, "\"parent\":{\"type\":\"subscription_details\",\"subscription_details\":{");
		add_id(t, shape, "subscription", i->subscription, "subscription");
		text_add(t, "\"metadata\":{}}},");
	} else {
		add_id(t, shape, "subscription", i->subscription, "subscription");
	}
	text_add(t, "\"object\":\"invoice\"}");
}

static const char *type_of(const struct life_event *e) {
	static const char *const of_sub[] = {"customer.subscription.created", "customer.subscription.updated",
					     "customer.subscription.deleted"};
	static const char *const of_customer[] = {"customer.created", "customer.updated", "customer.deleted"};
	switch (e->o.kind) {
	case OBSERVE_SUBSCRIPTION:
		return view_starts(view_str(e->what), VIEW("customer.subscription.")) ? e->what
										      : of_sub[e->o.stamp.rank];
	case OBSERVE_CUSTOMER:
		return of_customer[e->o.stamp.rank];
	case OBSERVE_CHECKOUT:
		return "checkout.session.completed";
	case OBSERVE_INVOICE:
		return e->o.of.invoice.status == INVOICE_PAID ? "invoice.paid" : "invoice.payment_failed";
	case OBSERVE_SCHEDULE:
	case OBSERVE_PAYMENT:
	case OBSERVE_OVERRIDE:
	case OBSERVE_MARK:
	case OBSERVE_NOTHING:
		break;
	}
	return "charge.succeeded";
}

static void add_object(struct text *t, const struct life_event *e, const struct body_shape *shape) {
	switch (e->o.kind) {
	case OBSERVE_SUBSCRIPTION:
		add_subscription(t, shape, &e->o.of.subscription.now);
		if (e->has_before) add_previous(t, shape, &e->before, &e->o.of.subscription.now);
		break;
	case OBSERVE_CUSTOMER:
		add_customer(t, e);
		break;
	case OBSERVE_CHECKOUT:
		add_checkout(t, shape, &e->o.of.checkout);
		break;
	case OBSERVE_INVOICE:
		add_invoice(t, shape, &e->o.of.invoice);
		break;
	case OBSERVE_SCHEDULE:
	case OBSERVE_PAYMENT:
	case OBSERVE_OVERRIDE:
	case OBSERVE_MARK:
	case OBSERVE_NOTHING:
		text_add(t, "{\"object\":\"charge\"}");
		break;
	}
}

void body_record(struct text *t, const struct life_event *e, const struct body_shape *shape, uint64_t seq,
		 struct record *ret_record) {
	bool snapshot = view_eq(view_str(e->what), VIEW("API snapshot"));
	struct view version = shape->basil ? VIEW("2025-03-31.basil") : VIEW("2024-06-20");
	struct view type = snapshot ? VIEW("subscription") : view_str(type_of(e));
	text_clear(t);
	if (!snapshot)
		text_add(t,
			 "{\"id\":\"%.*s\",\"api_version\":\"%.*s\",\"created\":%" PRId64
			 ",\"livemode\":false,\"pending_webhooks\":1,\"type\":\"%.*s\",\"data\":{\"object\":",
			 VIEW_FMT(e->o.stamp.event), VIEW_FMT(version), e->o.stamp.created, VIEW_FMT(type));
	add_object(t, e, shape);
	if (!snapshot) text_add(t, "},\"object\":\"event\"}");
	*ret_record = (struct record){.origin = 1,
				      .seq = seq,
				      .kind = snapshot ? RECORD_SNAPSHOT : RECORD_WEBHOOK,
				      .received_ms = e->o.stamp.created * 1000,
				      .created = e->o.stamp.created,
				      .secret = VIEW("dev"),
				      .id = e->o.stamp.event,
				      .type = type,
				      .api_version = version,
				      .body = view_of(t->bytes, t->len)};
}
