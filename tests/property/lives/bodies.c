#include "lives/body_parts.h"

#include <inttypes.h>
#include <stdlib.h>

#include "proto/fact.h"

struct body_shape random_body_shape(struct random *r) {
	static const char *const classic[] = {"2019-12-03", "2022-11-15", "2024-06-20"};
	static const char *const basil[] = {"2025-03-31.basil", "2025-09-30.clover", "2026-07-29.dahlia",
					    "2026-09-30.endive"};
	struct body_shape s = {
		.basil = random_chance(r, 50), .expanded = random_chance(r, 30), .terse = random_chance(r, 30)};
	s.version = s.basil ? basil[random_below(r, ARRAY_LEN(basil))] : classic[random_below(r, ARRAY_LEN(classic))];
	return s;
}

static void add_claim(struct text *t, struct view subject) {
	if (subject.len)
		text_add(t, "\"metadata\":{\"plan\":\"x\",\"user_id\":\"%.*s\"},", VIEW_FMT(subject));
	else
		text_add(t, "\"metadata\":{},");
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
	body_id(t, shape, "customer", s->customer, "customer");
	body_id(t, shape, "latest_invoice", s->latest_invoice, "invoice");
	body_id(t, shape, "schedule", s->schedule, "subscription_schedule");
	if (!shape->basil) {
		body_time(t, shape, "current_period_start", s->period_start);
		body_time(t, shape, "current_period_end", s->period_end);
	}
	body_time(t, shape, "trial_end", s->trial_end);
	body_time(t, shape, "cancel_at", s->cancel_at);
	body_time(t, shape, "canceled_at", s->canceled_at);
	body_time(t, shape, "ended_at", s->ended_at);
	text_add(t, "\"cancel_at_period_end\":%s,", s->cancel_at_period_end ? "true" : "false");
	add_pause(t, shape, s->collection_paused);
	add_claim(t, s->subject);
	body_items(t, shape, s);
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
		body_id(t, &plain, "latest_invoice", before->latest_invoice, "invoice");
	}
	if (!view_eq(before->schedule, now->schedule)) {
		const struct body_shape plain = {0};
		body_id(t, &plain, "schedule", before->schedule, "subscription_schedule");
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
	if (!items_eq(&before->items, &now->items) || (shape->basil && moved)) body_items(t, shape, before);
	text_add(t, "\"default_payment_method\":\"pm_1\"}");
}

static void add_customer(struct text *t, const struct life_event *e, bool snapshot) {
	const struct customer_observation *c = &e->o.of.customer;
	text_add(t, "{\"id\":\"%.*s\",\"created\":1,\"email\":\"a@example.org\",", VIEW_FMT(c->id));
	add_claim(t, c->subject);
	text_add(t, "\"object\":\"customer\"}");
	if (snapshot || e->o.stamp.rank != RANK_UPDATED) return;
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
	body_time(t, shape, "created", c->claimed);
	body_id(t, shape, "customer", c->customer, "customer");
	body_id(t, shape, "subscription", c->subscription, "subscription");
	text_add(t,
		 "\"client_reference_id\":\"%.*s\",\"payment_status\":\"%s\",\"metadata\":{},"
		 "\"status\":\"complete\",\"object\":\"checkout.session\"}",
		 VIEW_FMT(c->subject), c->paid ? "paid" : "unpaid");
}

/* What tells of one payment: a charge, a refund, a dispute, or the payment of an invoice. */
static const char *payment_object(const struct payment_observation *p) {
	if (p->has_charge) return "charge";
	if (!p->reversal_count) return "invoice_payment";
	return reversal_is_refund(p->reversals[0].state) ? "refund" : "dispute";
}

static const char *object_of(const struct observation *o) {
	switch (o->kind) {
	case OBSERVE_SUBSCRIPTION:
		return "subscription";
	case OBSERVE_CUSTOMER:
		return "customer";
	case OBSERVE_CHECKOUT:
		return "checkout.session";
	case OBSERVE_INVOICE:
		return "invoice";
	case OBSERVE_SCHEDULE:
		return "subscription_schedule";
	case OBSERVE_PAYMENT:
		return payment_object(&o->of.payment);
	case OBSERVE_OVERRIDE:
		return FACT_OVERRIDE;
	case OBSERVE_MARK:
		return FACT_MARK;
	case OBSERVE_NOTHING:
		break;
	}
	return "price";
}

static const char *payment_type(const struct payment_observation *p, enum rank rank) {
	if (p->has_charge) return "charge.refunded";
	if (!p->reversal_count) return "invoice_payment.paid";
	if (!reversal_is_refund(p->reversals[0].state))
		return rank == RANK_CREATED                   ? "charge.dispute.created"
		       : p->reversals[0].state > DISPUTE_OPEN ? "charge.dispute.closed"
							      : "charge.dispute.updated";
	return rank == RANK_CREATED                     ? "refund.created"
	       : p->reversals[0].state == REFUND_FAILED ? "refund.failed"
							: "refund.updated";
}

static const char *schedule_type(const struct schedule *s, enum rank rank) {
	if (rank == RANK_CREATED) return "subscription_schedule.created";
	return s->status == SCHEDULE_RELEASED    ? "subscription_schedule.released"
	       : s->status == SCHEDULE_CANCELED  ? "subscription_schedule.canceled"
	       : s->status == SCHEDULE_COMPLETED ? "subscription_schedule.completed"
						 : "subscription_schedule.updated";
}

/* What happened, when the life says it in Stripe's words; else what fits. */
static const char *type_of(const struct life_event *e) {
	static const char *const of_sub[] = {"customer.subscription.created", "customer.subscription.updated",
					     "customer.subscription.deleted"};
	static const char *const of_customer[] = {"customer.created", "customer.updated", "customer.deleted"};
	if (strchr(e->what, '.') && !strchr(e->what, ' ')) return e->what;
	switch (e->o.kind) {
	case OBSERVE_SUBSCRIPTION:
		return of_sub[e->o.stamp.rank];
	case OBSERVE_CUSTOMER:
		return of_customer[e->o.stamp.rank];
	case OBSERVE_CHECKOUT:
		return e->o.of.checkout.paid ? "checkout.session.completed" : "checkout.session.async_payment_failed";
	case OBSERVE_INVOICE:
		return e->o.of.invoice.status == INVOICE_PAID ? "invoice.paid" : "invoice.payment_failed";
	case OBSERVE_SCHEDULE:
		return schedule_type(&e->o.of.schedule, e->o.stamp.rank);
	case OBSERVE_PAYMENT:
		return payment_type(&e->o.of.payment, e->o.stamp.rank);
	case OBSERVE_OVERRIDE:
		return FACT_OVERRIDE;
	case OBSERVE_MARK:
		return FACT_MARK;
	case OBSERVE_NOTHING:
		break;
	}
	return "price.updated";
}

/* The text of a fact, which is the record's whole body. */
static void add_fact(struct text *t, char *fact) {
	if (!fact) abort(); /* a life must not make one that cannot be written */
	text_add(t, "%s", fact);
	free(fact);
}

static void add_object(struct text *t, const struct life_event *e, const struct body_shape *shape, bool snapshot) {
	switch (e->o.kind) {
	case OBSERVE_SUBSCRIPTION:
		add_subscription(t, shape, &e->o.of.subscription.now);
		if (e->has_before && !snapshot) add_previous(t, shape, &e->before, &e->o.of.subscription.now);
		break;
	case OBSERVE_CUSTOMER:
		add_customer(t, e, snapshot);
		break;
	case OBSERVE_CHECKOUT:
		add_checkout(t, shape, &e->o.of.checkout);
		break;
	case OBSERVE_INVOICE:
		body_invoice(t, shape, &e->o.of.invoice);
		break;
	case OBSERVE_SCHEDULE:
		body_schedule(t, shape, &e->o.of.schedule);
		break;
	case OBSERVE_PAYMENT:
		body_payment(t, shape, &e->o.of.payment);
		break;
	case OBSERVE_OVERRIDE:
		add_fact(t, fact_override_write(&e->o.of.override));
		break;
	case OBSERVE_MARK:
		add_fact(t, fact_mark_write(&e->o.of.mark));
		break;
	case OBSERVE_NOTHING:
		text_add(t, "{\"object\":\"price\"}");
		break;
	}
}

static enum record_kind kind_of(const struct life_event *e) {
	if (e->o.kind == OBSERVE_OVERRIDE) return RECORD_OVERRIDE;
	if (e->o.kind == OBSERVE_MARK) return RECORD_MARK;
	return view_eq(view_str(e->what), VIEW("API snapshot")) ? RECORD_SNAPSHOT : RECORD_WEBHOOK;
}

void body_record(struct text *t, const struct life_event *e, const struct body_shape *shape, uint64_t seq,
		 struct record *ret_record) {
	enum record_kind kind = kind_of(e);
	struct view version = view_str(shape->version);
	struct view type = view_str(kind == RECORD_WEBHOOK ? type_of(e) : object_of(&e->o));
	text_clear(t);
	if (kind == RECORD_WEBHOOK)
		text_add(t,
			 "{\"id\":\"%.*s\",\"api_version\":\"%.*s\",\"created\":%" PRId64
			 ",\"livemode\":false,\"pending_webhooks\":1,\"type\":\"%.*s\",\"data\":{\"object\":",
			 VIEW_FMT(e->o.stamp.event), VIEW_FMT(version), e->o.stamp.created, VIEW_FMT(type));
	add_object(t, e, shape, kind == RECORD_SNAPSHOT);
	if (kind == RECORD_WEBHOOK) text_add(t, "},\"object\":\"event\"}");
	*ret_record = (struct record){.origin = 1,
				      .seq = seq,
				      .kind = kind,
				      .received_ms = e->o.stamp.created * 1000,
				      .created = e->o.stamp.created,
				      .secret = kind == RECORD_WEBHOOK ? VIEW("dev") : VIEW_NONE,
				      .id = e->o.stamp.event,
				      .type = type,
				      .api_version = version,
				      .body = view_of(t->bytes, t->len)};
}
