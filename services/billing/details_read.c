#include <stdio.h>

#include "details_private.h"

/* ---- the subscription ---------------------------------------------------------------------------- */

static struct item item_of(const json_t *price) {
	if (json_is_string(price)) return (struct item){.price = view_str(json_string_value(price)), .quantity = 1};
	return (struct item){.price = view_str(text_of(price, "id")),
			     .product = view_str(id_of(price, "product")),
			     .lookup_key = view_str(text_of(price, "lookup_key")),
			     .quantity = 1};
}

static void name_tier(const struct tier_namer *namer, const json_t *price, char out[NAME_MAX_BYTES + 1]) {
	struct item item = item_of(price);
	out[0] = 0;
	if (item.price.len) namer->tier(namer->ctx, &item, out);
}

/* Of one period; -1 when an item has no plain amount, or the sum leaves all bounds. */
static int64_t amount_of(const json_t *items) {
	int64_t sum = 0, part;
	for (size_t i = 0; i < json_array_size(items); i++) {
		const json_t *item = json_array_get(items, i), *price = json_object_get(item, "price");
		int64_t unit = whole_of(price, "unit_amount", -1), quantity = whole_of(item, "quantity", 1);
		if (unit < 0 || quantity < 0 || __builtin_mul_overflow(unit, quantity, &part) ||
		    __builtin_add_overflow(sum, part, &sum))
			return -1;
	}
	return json_array_size(items) ? sum : -1;
}

/* The item that stands for the subscription: the first that the catalog knows, else the first. */
static const json_t *main_item(const json_t *items, const struct tier_namer *namer, char tier[NAME_MAX_BYTES + 1]) {
	for (size_t i = 0; i < json_array_size(items); i++) {
		const json_t *item = json_array_get(items, i);
		name_tier(namer, json_object_get(item, "price"), tier);
		if (tier[0]) return item;
	}
	return json_array_get(items, 0);
}

static void read_subscription(struct details *d, const json_t *sub, const struct tier_namer *namer) {
	struct details_subscription *s = &d->subscription;
	const json_t *items = data_of(json_object_get(sub, "items")), *item = main_item(items, namer, s->tier);
	const json_t *price = json_object_get(item, "price"), *recurring = json_object_get(price, "recurring");
	d->has_subscription = true;
	copy_text(s->id, sizeof s->id, text_of(sub, "id"));
	copy_text(s->price, sizeof s->price, id_of(item, "price"));
	copy_text(s->lookup_key, sizeof s->lookup_key, text_of(price, "lookup_key"));
	copy_text(s->interval, sizeof s->interval, text_of(recurring, "interval"));
	copy_text(s->currency, sizeof s->currency, text_of(sub, "currency"));
	copy_text(s->status, sizeof s->status, text_of(sub, "status"));
	s->interval_count = whole_of(recurring, "interval_count", 1);
	s->quantity = whole_of(item, "quantity", 1);
	s->amount = amount_of(items);
	s->trial_end = text_is(sub, "status", "trialing") ? moment_of(sub, "trial_end") : 0;
	s->current_period_end = moment_of(item, "current_period_end");
	s->cancel_at = moment_of(sub, "cancel_at");
	if (!s->cancel_at && yes_of(sub, "cancel_at_period_end")) s->cancel_at = s->current_period_end;
	s->collection_paused = json_is_object(json_object_get(sub, "pause_collection"));
}

/* ---- card and invoice ---------------------------------------------------------------------------- */

/* A payment method, or what came before them: a card as a source. */
static bool read_method(struct details *d, const json_t *method) {
	if (!json_is_object(method) || !text_of(method, "object")) return false;
	struct details_payment_method *m = &d->payment_method;
	bool source = text_is(method, "object", "card");
	const char *type = source ? "card" : text_of(method, "type");
	const json_t *part = source || !type ? method : json_object_get(method, type);
	if (!type) return false;
	copy_text(m->type, sizeof m->type, type);
	const char *brand = text_of(part, "brand");
	copy_text(m->brand, sizeof m->brand, brand ? brand : text_of(part, "bank_name"));
	copy_text(m->last4, sizeof m->last4, text_of(part, "last4"));
	m->exp_month = whole_of(part, "exp_month", 0);
	m->exp_year = whole_of(part, "exp_year", 0);
	return true;
}

static void read_methods(struct details *d, const json_t *customer, const json_t *sub) {
	const json_t *settings = json_object_get(customer, "invoice_settings");
	d->has_payment_method = read_method(d, json_object_get(sub, "default_payment_method")) ||
				read_method(d, json_object_get(settings, "default_payment_method")) ||
				read_method(d, json_object_get(customer, "default_source"));
}

static void read_invoice(struct details *d, const json_t *invoice) {
	struct details_invoice *i = &d->open_invoice;
	const char *url = text_of(invoice, "hosted_invoice_url");
	if (!text_is(invoice, "status", "open") || !text_of(invoice, "id")) return;
	d->has_open_invoice = true;
	copy_text(i->id, sizeof i->id, text_of(invoice, "id"));
	copy_text(i->currency, sizeof i->currency, text_of(invoice, "currency"));
	copy_text(i->hosted_url, sizeof i->hosted_url, url);
	i->amount_due = whole_of(invoice, "amount_remaining", whole_of(invoice, "amount_due", 0));
	i->due_at = moment_of(invoice, "due_date");
	i->next_attempt_at = moment_of(invoice, "next_payment_attempt");
}

bool details_needs_confirmation(const json_t *invoice) {
	const json_t *payments = data_of(json_object_get(invoice, "payments"));
	for (size_t i = 0; i < json_array_size(payments); i++) {
		const json_t *payment = json_array_get(payments, i);
		const json_t *intent = json_object_get(json_object_get(payment, "payment"), "payment_intent");
		if (text_is(payment, "status", "open") && text_is(intent, "status", "requires_action")) return true;
	}
	return false;
}

/* ---- what is shown of them ----------------------------------------------------------------------- */

/* The one that lives; else one whose first payment is still to come. */
static const json_t *chosen(const json_t *subs) {
	json_t *living = living_subscription(subs);
	for (size_t i = 0; !living && i < json_array_size(subs); i++)
		if (text_is(json_array_get(subs, i), "status", "incomplete")) living = json_array_get(subs, i);
	return living;
}

bool details_read_customer(struct details *d, const json_t *customer, const struct tier_namer *namer,
			   char ret_schedule[STRIPE_ID_MAX]) {
	const json_t *sub = chosen(data_of(json_object_get(customer, "subscriptions")));
	*d = (struct details){.as_of = d->as_of};
	ret_schedule[0] = 0;
	if (sub) {
		read_subscription(d, sub, namer);
		read_invoice(d, json_object_get(sub, "latest_invoice"));
		copy_text(ret_schedule, STRIPE_ID_MAX, id_of(sub, "schedule"));
	}
	read_methods(d, customer, sub);
	return sub != NULL;
}

/* The first phase to come that sells something else. */
void details_read_schedule(struct details *d, const json_t *schedule, const struct tier_namer *namer) {
	const json_t *phases = json_object_get(schedule, "phases");
	for (size_t i = 0; i < json_array_size(phases); i++) {
		const json_t *phase = json_array_get(phases, i);
		const json_t *item = json_array_get(json_object_get(phase, "items"), 0);
		const char *price = id_of(item, "price");
		int64_t at = moment_of(phase, "start_date");
		if (at <= d->as_of || !price || strcmp(price, d->subscription.price) == 0) continue;
		d->has_schedule = true;
		d->schedule.at = at;
		copy_text(d->schedule.price, sizeof d->schedule.price, price);
		name_tier(namer, json_object_get(item, "price"), d->schedule.tier);
		return;
	}
}

bool details_renews(const struct details *d) {
	const char *status = d->subscription.status;
	bool runs = strcmp(status, "active") == 0 || strcmp(status, "trialing") == 0 || strcmp(status, "past_due") == 0;
	return d->has_subscription && runs && !d->subscription.cancel_at;
}

void details_read_upcoming(struct details *d, const json_t *invoice) {
	int64_t at = d->subscription.current_period_end;
	if (d->subscription.trial_end) at = d->subscription.trial_end;
	if (!at) at = moment_of(invoice, "period_end");
	const char *currency = text_of(invoice, "currency");
	if (!at || !currency || !json_is_integer(json_object_get(invoice, "amount_due"))) return;
	d->has_upcoming = true;
	d->upcoming.at = at;
	d->upcoming.amount = whole_of(invoice, "amount_due", 0);
	copy_text(d->upcoming.currency, sizeof d->upcoming.currency, currency);
}
