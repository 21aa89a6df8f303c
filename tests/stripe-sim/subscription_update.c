#include "billing.h"

#include <stdio.h>

#include "price.h"

#define PENDING_LIVES (23 * SIM_HOUR)

/* ---- items -------------------------------------------------------------------- */

static json_t *find_item(json_t *items, const char *id, size_t *ret_i) {
	json_t *item;
	size_t i;
	json_array_foreach(items, i, item) {
		if (!text_is(item, "id", id)) continue;
		*ret_i = i;
		return item;
	}
	return NULL;
}

static void add_item(struct sim_request *r, json_t *items, const json_t *given_item, const char *at) {
	const char *price_id = need_text(r, given_item, at, "price");
	struct record *price = price_recurring(r, price_id, at);
	int64_t quantity = want_int(r, given_item, at, "quantity", 1, 0, 1000000);
	for (size_t i = 0; price && i < json_array_size(items); i++)
		if (text_is(json_object_get(json_array_get(items, i), "price"), "id", price_id))
			(void)refuse(r, 400, NULL, at, "Cannot add multiple subscription items with the same price: %s",
				     price_id);
	if (failed(r)) return;
	json_t *item = item_make(r->sim, price, quantity);
	take_metadata(r, given_item, item);
	(void)json_array_append_new(items, item);
}

static void change_item(struct sim_request *r, json_t *item, const json_t *given_item, const char *at) {
	const char *price_id = want_text(r, given_item, at, "price");
	struct record *price = price_id ? price_recurring(r, price_id, at) : NULL;
	if (price && !text_is(json_object_get(item, "price"), "id", price_id)) {
		(void)json_object_set(item, "price", price->json);
		(void)json_object_set_new(item, "plan", price_plan(price));
		set_int(item, "quantity", 1);
	}
	set_int(item, "quantity", want_int(r, given_item, at, "quantity", int_of(item, "quantity"), 0, 1000000));
	take_metadata(r, given_item, item);
}

json_t *items_after(struct sim_request *r, const struct record *sub, const json_t *list) {
	json_t *items = json_array(), *old = items_of(sub->json), *item;
	size_t i, place = 0;
	json_array_foreach(old, i, item)(void) json_array_append_new(items, json_copy(item));
	for (i = 0; i < json_array_size(list) && !failed(r); i++) {
		char at[64];
		const json_t *given_item = json_array_get(list, i);
		(void)snprintf(at, sizeof at, "items[%zu]", i);
		const char *id = want_text(r, given_item, at, "id");
		item = id ? find_item(items, id, &place) : NULL;
		if (id && !item)
			(void)refuse(r, 400, "resource_missing", at, "No such subscription item: '%.60s'", id);
		else if (item && want_bool(r, given_item, at, "deleted", false))
			(void)json_array_remove(items, place);
		else if (item)
			change_item(r, item, given_item, at);
		else
			add_item(r, items, given_item, at);
	}
	if (json_array_size(items) == 0)
		(void)refuse(r, 400, NULL, "items", "A subscription must have at least one active price.");
	if (!failed(r) && items_check(r, items, "items")) return items;
	json_decref(items);
	return NULL;
}

static int64_t cost(const json_t *items) {
	int64_t sum = 0;
	for (size_t i = 0; i < json_array_size(items); i++) {
		const json_t *item = json_array_get(items, i);
		sum += int_of(json_object_get(item, "price"), "unit_amount") * int_of(item, "quantity");
	}
	return sum;
}

json_t *prorations(struct sim *sim, const struct record *sub, json_t *items) {
	json_t *lines = json_array(), *old = items_of(sub->json);
	int64_t start = period_start(sub), end = period_end(sub), now = sim_now(sim);
	if (subscription_is(sub, "trialing") || now >= end || end <= start) return lines;
	double left = (double)(end - now) / (double)(end - start);
	int64_t credit = (int64_t)((double)cost(old) * left), charge = (int64_t)((double)cost(items) * left);
	if (credit == charge) return lines;
	(void)json_array_append_new(lines, line_make(sim, sub, json_array_get(old, 0), -credit, now, end, true));
	(void)json_array_append_new(lines, line_make(sim, sub, json_array_get(items, 0), charge, now, end, true));
	return lines;
}

static const json_t *recurring_of(const json_t *items) {
	return json_object_get(json_object_get(json_array_get(items, 0), "price"), "recurring");
}

bool items_same_interval(const json_t *a, const json_t *b) {
	return text_is(recurring_of(a), "interval", text_of(recurring_of(b), "interval")) &&
	       int_of(recurring_of(a), "interval_count") == int_of(recurring_of(b), "interval_count");
}

static void place_items(struct record *sub, json_t *items) {
	int64_t start = period_start(sub), end = period_end(sub);
	items_set(sub->json, items);
	items_set_period(sub->json, start, end);
}

static void keep_lines(struct record *sub, json_t *lines) {
	json_t *waiting = json_object_get(record_hidden(sub), "lines");
	if (waiting)
		(void)json_array_extend(waiting, lines);
	else if (json_array_size(lines))
		(void)json_object_set(sub->hidden, "lines", lines);
	json_decref(lines);
}

/* An invoice of its own for what stands in hidden.lines. */
static struct record *bill_now(struct sim *sim, struct record *sub, json_t *before, bool collect) {
	struct record *inv = invoice_make(sim, sub, "subscription_update", json_array());
	(void)sim_emit_change(sim, "customer.subscription.updated", sub, before);
	sim_emit(sim, "invoice.created", inv, NULL);
	invoice_finalize(sim, inv);
	if (collect && text_is(inv->json, "status", "open")) (void)invoice_attempt(sim, inv);
	return inv;
}

void subscription_set_items(struct sim *sim, struct record *sub, json_t *items, const char *proration) {
	json_t *before = record_copy(sub);
	json_t *lines = strcmp(proration, "none") == 0 ? json_array() : prorations(sim, sub, items);
	bool restart = !items_same_interval(items_of(sub->json), items) && !subscription_is(sub, "trialing");
	place_items(sub, items);
	keep_lines(sub, lines);
	if (restart)
		(void)subscription_begin_period(sim, sub, before, "subscription_update", true);
	else if (strcmp(proration, "always_invoice") == 0 && json_object_get(sub->hidden, "lines"))
		(void)bill_now(sim, sub, before, true);
	else
		(void)sim_emit_change(sim, "customer.subscription.updated", sub, before);
}

/* ---- pending updates ------------------------------------------------------------ */

/* The change waits for the payment of its invoice, 23 hours at most
 * (docs.stripe.com/billing/subscriptions/pending-updates). */
static void pend(struct sim *sim, struct record *sub, json_t *items) {
	json_t *before = record_copy(sub), *lines = prorations(sim, sub, items);
	int64_t expires_at = sim_now(sim) + PENDING_LIVES;
	json_t *pending = json_pack("{s:n, s:n, s:n, s:I, s:n, s:O, s:n, s:n}", "billing_cycle_anchor", "discount",
				    "discounts", "expires_at", (json_int_t)expires_at, "metadata", "subscription_items",
				    items, "trial_end", "trial_from_plan");
	(void)json_object_set_new(sub->json, "pending_update", pending);
	(void)json_object_set_new(record_hidden(sub), "pending", items);
	keep_lines(sub, lines);
	struct record *inv = invoice_make(sim, sub, "subscription_update", json_array());
	set_text(sub->hidden, "pending_invoice", record_id(inv));
	set_bool(inv->json, "auto_advance", false);
	(void)sim_emit_change(sim, "customer.subscription.updated", sub, before);
	sim_emit(sim, "invoice.created", inv, NULL);
	sim_at(sim, expires_at, DUE_PENDING, record_id(sub));
	invoice_finalize(sim, inv);
	if (text_is(inv->json, "status", "open")) (void)invoice_attempt(sim, inv);
}

void pending_update_forget(struct record *sub) {
	(void)json_object_del(sub->hidden, "pending");
	(void)json_object_del(sub->hidden, "pending_invoice");
	set_null(sub->json, "pending_update");
}

void pending_update_apply(struct sim *sim, struct record *sub) {
	json_t *before = record_copy(sub);
	json_t *items = json_incref(json_object_get(sub->hidden, "pending"));
	pending_update_forget(sub);
	if (items) place_items(sub, items);
	(void)sim_emit_change(sim, "customer.subscription.updated", sub, before);
	sim_emit(sim, "customer.subscription.pending_update_applied", sub, NULL);
}

void pending_update_due(struct sim *sim, const char *id) {
	struct record *sub = sim_find(sim, K_SUBSCRIPTION, id);
	int64_t at = sub ? int_of(json_object_get(sub->json, "pending_update"), "expires_at") : 0;
	if (!at || at > sim_now(sim)) return;
	struct record *inv = sim_find(sim, K_INVOICE, text_of(sub->hidden, "pending_invoice"));
	json_t *before = record_copy(sub);
	pending_update_forget(sub);
	(void)sim_emit_change(sim, "customer.subscription.updated", sub, before);
	sim_emit(sim, "customer.subscription.pending_update_expired", sub, NULL);
	if (inv && text_is(inv->json, "status", "open")) invoice_void(sim, inv);
}

/* ---- the fields ------------------------------------------------------------------ */

static void set_cancellation(struct sim *sim, json_t *sub, int64_t at, bool at_period_end) {
	json_t *details = json_deep_copy(json_object_get(sub, "cancellation_details"));
	set_bool(sub, "cancel_at_period_end", at_period_end);
	if (at) {
		set_int(sub, "cancel_at", at);
		set_int(sub, "canceled_at", sim_now(sim));
		set_text(details, "reason", "cancellation_requested");
	} else {
		set_null(sub, "cancel_at");
		set_null(sub, "canceled_at");
		set_null(details, "reason");
	}
	(void)json_object_set_new(sub, "cancellation_details", details);
}

static void take_cancellation(struct sim_request *r, struct record *sub) {
	const char *text = want_text(r, r->params, NULL, "cancel_at");
	if (given(r->params, "cancel_at_period_end")) {
		bool on = want_bool(r, r->params, NULL, "cancel_at_period_end", false);
		bool was = bool_of(sub->json, "cancel_at_period_end");
		if (!failed(r) && (on || was)) set_cancellation(r->sim, sub->json, on ? period_end(sub) : 0, on);
	}
	if (!text) return;
	if (!*text) {
		set_cancellation(r->sim, sub->json, 0, false);
		return;
	}
	bool named = strcmp(text, "min_period_end") == 0 || strcmp(text, "max_period_end") == 0;
	int64_t at =
		named ? period_end(sub) : want_int(r, r->params, NULL, "cancel_at", 0, sim_now(r->sim), SIM_CLOCK_MAX);
	if (!failed(r)) set_cancellation(r->sim, sub->json, at, false);
}

static void take_pause(struct sim_request *r, struct record *sub) {
	json_t *pause = json_object_get(r->params, "pause_collection");
	if (!pause) return;
	if (json_is_string(pause) && !json_string_length(pause)) {
		set_null(sub->json, "pause_collection");
		return;
	}
	(void)want_object(r, r->params, NULL, "pause_collection");
	(void)need_text(r, pause, "pause_collection", "behavior");
	const char *behavior =
		want_choice(r, pause, "pause_collection", "behavior", "keep_as_draft|mark_uncollectible|void", NULL);
	int64_t at = want_int(r, pause, "pause_collection", "resumes_at", 0, sim_now(r->sim), SIM_CLOCK_MAX);
	if (failed(r)) return;
	json_t *o = json_pack("{s:s, s:n}", "behavior", behavior, "resumes_at");
	if (at) set_int(o, "resumes_at", at);
	(void)json_object_set_new(sub->json, "pause_collection", o);
}

static void take_trial_settings(struct sim_request *r, struct record *sub) {
	const json_t *behavior = json_object_get(want_object(r, r->params, NULL, "trial_settings"), "end_behavior");
	const char *missing = want_choice(r, behavior, "trial_settings[end_behavior]", "missing_payment_method",
					  "cancel|create_invoice|pause", NULL);
	if (missing)
		(void)json_object_set_new(sub->json, "trial_settings",
					  json_pack("{s:{s:s}}", "end_behavior", "missing_payment_method", missing));
}

/* Everything that asks for no payment. */
static void take_fields(struct sim_request *r, struct record *sub) {
	take_texts(r, sub->json, "description,default_payment_method,");
	take_metadata(r, r->params, sub->json);
	take_cancellation(r, sub);
	take_pause(r, sub);
	take_trial_settings(r, sub);
	const char *collection =
		want_choice(r, r->params, NULL, "collection_method", "charge_automatically|send_invoice", NULL);
	if (collection) set_text(sub->json, "collection_method", collection);
	int64_t days = want_int(r, r->params, NULL, "days_until_due", 0, 0, 365);
	if (days) set_int(sub->json, "days_until_due", days);
	const json_t *details = want_object(r, r->params, NULL, "cancellation_details");
	const char *comment = want_text(r, details, "cancellation_details", "comment");
	if (!comment) return;
	json_t *o = json_deep_copy(json_object_get(sub->json, "cancellation_details"));
	set_text(o, "comment", comment);
	(void)json_object_set_new(sub->json, "cancellation_details", o);
}

/* A trial that begins, moves or ends. True: it ends now, and billing begins. */
static bool take_trial(struct sim_request *r, struct record *sub) {
	const char *text = want_text(r, r->params, NULL, "trial_end");
	if (!text) return false;
	bool now = strcmp(text, "now") == 0;
	int64_t at =
		now ? sim_now(r->sim) : want_int(r, r->params, NULL, "trial_end", 0, sim_now(r->sim), SIM_CLOCK_MAX);
	if (failed(r)) return false;
	bool was = subscription_is(sub, "trialing");
	if (now && !was) return false;
	set_int(sub->json, "trial_end", at);
	if (now) {
		set_text(sub->json, "status", "active");
		return true;
	}
	if (!was) set_int(sub->json, "trial_start", sim_now(r->sim));
	set_text(sub->json, "status", "trialing");
	set_int(sub->json, "billing_cycle_anchor", at);
	items_set_period(sub->json, was ? period_start(sub) : sim_now(r->sim), at);
	return false;
}

/* ---- the whole ------------------------------------------------------------------- */

static bool may_update(struct sim_request *r, const struct record *sub) {
	if (!subscription_is(sub, "canceled|incomplete_expired")) return true;
	const char *key;
	json_t *value;
	json_object_foreach(r->params, key, value) {
		if (strcmp(key, "metadata") == 0 || strcmp(key, "cancellation_details") == 0) continue;
		(void)refuse(r, 400, NULL, NULL,
			     "A canceled subscription can only update its cancellation_details and metadata.");
		return false;
	}
	return true;
}

/* True: everything was done, or refused, for the sake of the payment. */
static bool hold_back(struct sim_request *r, struct record *sub, json_t *items, const char *behavior) {
	struct record *customer = sim_find(r->sim, K_CUSTOMER, text_of(sub->json, "customer"));
	bool pays = card_outcome(r->sim, customer, sub) == CARD_OK;
	if (!items || pays || cost(items) <= cost(items_of(sub->json))) return false;
	if (strcmp(behavior, "error_if_incomplete") == 0) {
		r->error.decline_code = "generic_decline";
		(void)refuse(r, 402, "card_declined", NULL, "Your card was declined.");
		json_decref(items);
		return true;
	}
	if (strcmp(behavior, "pending_if_incomplete") != 0) return false;
	pend(r->sim, sub, items);
	return true;
}

static void apply(struct sim_request *r, struct record *sub, json_t *items, const char *proration) {
	json_t *before = record_copy(sub);
	take_fields(r, sub);
	bool begins = !failed(r) && take_trial(r, sub);
	const char *anchor = want_choice(r, r->params, NULL, "billing_cycle_anchor", "now|unchanged", "unchanged");
	if (failed(r)) {
		/* as it was: nothing has been told yet */
		json_object_update(sub->json, before);
		json_decref(before);
		json_decref(items);
		return;
	}
	begins = begins || (strcmp(anchor, "now") == 0 && !subscription_is(sub, "trialing"));
	if (begins) {
		if (items) place_items(sub, items);
		(void)subscription_begin_period(r->sim, sub, before, "subscription_update", true);
		return;
	}
	json_t *lines = items && strcmp(proration, "none") != 0 ? prorations(r->sim, sub, items) : json_array();
	bool restart = items && !items_same_interval(items_of(sub->json), items) && !subscription_is(sub, "trialing");
	bool collect = !text_is(r->params, "payment_behavior", "default_incomplete");
	if (items) place_items(sub, items);
	keep_lines(sub, lines);
	if (restart) {
		(void)subscription_begin_period(r->sim, sub, before, "subscription_update", collect);
	} else if (strcmp(proration, "always_invoice") == 0 && json_object_get(sub->hidden, "lines")) {
		struct record *inv = bill_now(r->sim, sub, before, collect);
		if (!collect && text_is(inv->json, "status", "open")) subscription_failed(r->sim, sub, inv);
	} else {
		(void)sim_emit_change(r->sim, "customer.subscription.updated", sub, before);
	}
}

json_t *subscription_update(struct sim_request *r, struct record *sub) {
	if (!may_update(r, sub)) return NULL;
	const json_t *list = want_list(r, r->params, NULL, "items");
	const char *proration = want_choice(r, r->params, NULL, "proration_behavior",
					    "create_prorations|none|always_invoice", "create_prorations");
	const char *behavior = want_choice(
		r, r->params, NULL, "payment_behavior",
		"allow_incomplete|default_incomplete|error_if_incomplete|pending_if_incomplete", "allow_incomplete");
	json_t *items = list && !failed(r) ? items_after(r, sub, list) : NULL;
	if (failed(r)) return NULL;
	bool invoiced =
		strcmp(proration, "always_invoice") == 0 || (items && !items_same_interval(items_of(sub->json), items));
	if (invoiced && hold_back(r, sub, items, behavior)) return failed(r) ? NULL : record_show(sub);
	apply(r, sub, items, proration);
	if (failed(r)) return NULL;
	if (!subscription_is(sub, "canceled|incomplete_expired|paused|incomplete")) subscription_remind(r->sim, sub);
	const struct record *customer = sim_find(r->sim, K_CUSTOMER, text_of(sub->json, "customer"));
	if (items && customer) entitlements_tell(r->sim, customer);
	return record_show(sub);
}
