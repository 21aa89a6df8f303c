/* The shapes before 2025-03-31.basil (https://docs.stripe.com/changelog/basil). */
#include "render.h"

#include <string.h>

static json_t *at(const json_t *o, const char *a, const char *b) { return json_object_get(json_object_get(o, a), b); }

/* Moves o[from] to o[to]; null when it is not there. */
static void take_over(json_t *o, const char *key, json_t *value) {
	(void)json_object_set(o, key, value ? value : json_null());
}

static void drop(json_t *o, const char *const *keys) {
	for (; *keys; keys++) (void)json_object_del(o, *keys);
}

/* ---- subscriptions -------------------------------------------------------------- */

static const char *const no_period[] = {"current_period_start", "current_period_end", NULL};

static void strip_items(json_t *items) {
	json_t *item;
	size_t i;
	json_array_foreach(json_object_get(items, "data"), i, item) drop(item, no_period);
	(void)json_object_set_new(items, "total_count",
				  json_integer((json_int_t)json_array_size(json_object_get(items, "data"))));
}

/* Classic billing had one period for all items, and a cancellation at its end said so. */
static void classic_subscription(json_t *o) {
	static const char *const later[] = {"billing_mode",     "billing_schedules", "customer_account",
					    "managed_payments", "status_details",    NULL};
	json_t *items = json_object_get(o, "items");
	const json_t *first = json_array_get(json_object_get(items, "data"), 0);
	for (size_t i = 0; no_period[i]; i++) take_over(o, no_period[i], json_object_get(first, no_period[i]));
	json_t *end = json_object_get(o, "current_period_end"), *cancel = json_object_get(o, "cancel_at");
	if (json_is_integer(cancel) && json_equal(cancel, end)) set_bool(o, "cancel_at_period_end", true);
	bool single = json_array_size(json_object_get(items, "data")) == 1;
	take_over(o, "plan", single ? json_object_get(first, "plan") : NULL);
	take_over(o, "quantity", single ? json_object_get(first, "quantity") : NULL);
	set_null(o, "discount");
	strip_items(items);
	drop(o, later);
}

static void previous_items(const json_t *object, json_t *previous) {
	json_t *items = json_object_get(previous, "items"), *data = json_object_get(items, "data");
	const json_t *first = json_array_get(data, 0);
	for (size_t i = 0; first && no_period[i]; i++) {
		json_t *was = json_object_get(first, no_period[i]);
		if (was && !json_equal(was, json_object_get(object, no_period[i])))
			(void)json_object_set(previous, no_period[i], was);
	}
	if (!data) return;
	json_t *item;
	size_t i;
	json_array_foreach(data, i, item) drop(item, no_period);
	/* what is left may be what is there now */
	if (json_equal(data, at(object, "items", "data"))) (void)json_object_del(previous, "items");
}

static void previous_subscription(const json_t *object, json_t *previous) {
	previous_items(object, previous);
	json_t *was = json_object_get(previous, "cancel_at");
	if (was) {
		json_t *end = json_object_get(previous, "current_period_end");
		if (!end) end = json_object_get(object, "current_period_end");
		bool at_end = json_is_integer(was) && json_equal(was, end);
		if (at_end != bool_of(object, "cancel_at_period_end"))
			set_bool(previous, "cancel_at_period_end", at_end);
	}
	(void)json_object_del(previous, "status_details");
	(void)json_object_del(previous, "billing_mode");
}

/* ---- money ---------------------------------------------------------------------- */

/* The payment of an invoice that counts: the default one, else the newest. */
static const json_t *payment_of(struct sim *sim, const char *invoice) {
	const struct records *all = invoice ? sim_indexed(sim, K_INVOICE_PAYMENT, "invoice", invoice, NULL) : NULL;
	const json_t *found = NULL;
	for (size_t i = 0; all && i < all->count; i++)
		if (!found || !bool_of(found, "is_default") || bool_of(all->at[i]->json, "is_default"))
			found = all->at[i]->json;
	return found;
}

static const char *invoice_of(struct sim *sim, const char *intent) {
	const struct records *all = intent ? sim_indexed(sim, K_INVOICE_PAYMENT, "payment_intent", intent, NULL) : NULL;
	return all && all->count ? text_of(all->at[0]->json, "invoice") : NULL;
}

static void classic_line(struct sim *sim, json_t *o) {
	static const char *const later[] = {"parent",           "pricing",  "taxes", "pretax_credit_amounts",
					    "quantity_decimal", "subtotal", NULL};
	const char *price = json_string_value(at(json_object_get(o, "pricing"), "price_details", "price"));
	const struct record *rec = price ? sim_find_any(sim, price) : NULL;
	json_t *parent = json_object_get(o, "parent");
	json_t *from = json_object_get(parent, "subscription_item_details");
	bool item = !json_is_object(from);
	if (item) from = json_object_get(parent, "invoice_item_details");
	take_over(o, "price", rec ? rec->json : NULL);
	take_over(o, "proration", json_object_get(from, "proration"));
	take_over(o, "proration_details", json_object_get(from, "proration_details"));
	take_over(o, "subscription", json_object_get(from, "subscription"));
	take_over(o, "subscription_item", json_object_get(from, "subscription_item"));
	if (item) take_over(o, "invoice_item", json_object_get(from, "invoice_item"));
	set_text(o, "type", item ? "invoiceitem" : "subscription");
	(void)json_object_set_new(o, "tax_amounts", json_array());
	(void)json_object_set_new(o, "tax_rates", json_array());
	drop(o, later);
}

static void classic_invoice(struct sim *sim, json_t *o) {
	static const char *const later[] = {
		"parent", "amount_overpaid", "total_taxes", "customer_account", "total_pretax_credit_amounts", NULL};
	json_t *details = at(o, "parent", "subscription_details");
	const json_t *payment = json_object_get(payment_of(sim, text_of(o, "id")), "payment");
	const char *intent = text_of(payment, "payment_intent");
	const struct record *rec = intent ? sim_find_any(sim, intent) : NULL;
	const char *charge = rec ? text_of(rec->json, "latest_charge") : text_of(payment, "charge");
	take_over(o, "subscription", json_object_get(details, "subscription"));
	json_t *old = json_object();
	take_over(old, "metadata", json_object_get(details, "metadata"));
	(void)json_object_set_new(o, "subscription_details", old);
	set_text(o, "payment_intent", intent);
	set_text(o, "charge", charge);
	bool paid = text_is(o, "status", "paid");
	set_bool(o, "paid", paid);
	set_bool(o, "paid_out_of_band", paid && !intent && int_of(o, "amount_due") > 0);
	set_null(o, "quote");
	set_null(o, "discount");
	set_null(o, "tax");
	(void)json_object_set_new(o, "total_tax_amounts", json_array());
	json_t *lines = json_object_get(o, "lines"), *line;
	size_t i;
	json_array_foreach(json_object_get(lines, "data"), i, line) classic_line(sim, line);
	(void)json_object_set_new(lines, "total_count",
				  json_integer((json_int_t)json_array_size(json_object_get(lines, "data"))));
	drop(o, later);
}

static void previous_invoice(const json_t *object, json_t *previous) {
	static const char *const later[] = {
		"parent", "amount_overpaid", "total_taxes", "total_pretax_credit_amounts", "lines", NULL};
	const char *was = text_of(previous, "status");
	if (was && (strcmp(was, "paid") == 0) != bool_of(object, "paid"))
		set_bool(previous, "paid", strcmp(was, "paid") == 0);
	drop(previous, later);
}

/* ---- by kind ---------------------------------------------------------------------- */

void classic_object(struct sim *sim, json_t *o) {
	if (text_is(o, "object", "subscription")) {
		classic_subscription(o);
	} else if (text_is(o, "object", "subscription_item")) {
		drop(o, no_period);
	} else if (text_is(o, "object", "invoice")) {
		classic_invoice(sim, o);
	} else if (text_is(o, "object", "line_item")) {
		classic_line(sim, o);
	} else if (text_is(o, "object", "charge")) {
		set_text(o, "invoice", invoice_of(sim, text_of(o, "payment_intent")));
	} else if (text_is(o, "object", "payment_intent")) {
		set_text(o, "invoice", invoice_of(sim, text_of(o, "id")));
	}
}

void classic_previous(const json_t *object, json_t *previous) {
	if (text_is(object, "object", "subscription")) previous_subscription(object, previous);
	if (text_is(object, "object", "invoice")) previous_invoice(object, previous);
}
