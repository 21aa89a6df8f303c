#include "billing.h"

#include <stdio.h>

#include "price.h"
#include "shapes.h"

#define INCOMPLETE_LIVES (23 * SIM_HOUR)
#define WARNING_AHEAD (3 * SIM_DAY)

/* ---- items -------------------------------------------------------------------- */

json_t *item_make(struct sim *sim, const struct record *price, int64_t quantity) {
	char id[SIM_ID_MAX];
	json_t *item = shape_parse(shape_item);
	sim_id(sim, "si_", id);
	set_text(item, "id", id);
	set_int(item, "created", sim_now(sim));
	set_int(item, "quantity", quantity);
	/* shared: an item shows its price as it is now */
	(void)json_object_set(item, "price", price->json);
	(void)json_object_set_new(item, "plan", price_plan(price));
	return item;
}

static const char *interval_of(const json_t *item) {
	return text_of(json_object_get(json_object_get(item, "price"), "recurring"), "interval");
}

static int64_t interval_count_of(const json_t *item) {
	return int_of(json_object_get(json_object_get(item, "price"), "recurring"), "interval_count");
}

bool items_check(struct sim_request *r, const json_t *items, const char *at) {
	const json_t *first = json_object_get(json_array_get(items, 0), "plan");
	for (size_t i = 1; i < json_array_size(items) && !failed(r); i++) {
		const json_t *plan = json_object_get(json_array_get(items, i), "plan");
		if (text_is(plan, "interval", text_of(first, "interval")) &&
		    int_of(plan, "interval_count") == int_of(first, "interval_count"))
			continue;
		(void)refuse(r, 400, NULL, at,
			     "All prices on a subscription must have the same `recurring.interval` and "
			     "`recurring.interval_count`.");
	}
	size_t n = json_array_size(items);
	if (n > ITEMS_MAX) (void)refuse(r, 400, NULL, at, "A subscription has at most %d items.", ITEMS_MAX);
	return !failed(r);
}

json_t *items_read(struct sim_request *r, const json_t *list, const char *at) {
	json_t *items = json_array();
	for (size_t i = 0; i < json_array_size(list); i++) {
		char where[64];
		const json_t *given_item = json_array_get(list, i);
		(void)snprintf(where, sizeof where, "%s[%zu]", at, i);
		const char *price_id = need_text(r, given_item, where, "price");
		int64_t quantity = want_int(r, given_item, where, "quantity", 1, 0, 1000000);
		struct record *price = price_recurring(r, price_id, where);
		if (!price) break;
		json_t *item = item_make(r->sim, price, quantity);
		take_metadata(r, given_item, item);
		(void)json_array_append_new(items, item);
	}
	if (json_array_size(items) == 0)
		(void)refuse(r, 400, "parameter_missing", at, "Missing required param: %s.", at);
	if (!failed(r) && items_check(r, items, at)) return items;
	json_decref(items);
	return NULL;
}

json_t *items_of(const json_t *sub) { return json_object_get(json_object_get(sub, "items"), "data"); }

void items_set(json_t *sub, json_t *data) {
	char url[SIM_ID_MAX + 48];
	json_t *item;
	size_t i;
	json_array_foreach(data, i, item) set_text(item, "subscription", text_of(sub, "id"));
	(void)snprintf(url, sizeof url, "/v1/subscription_items?subscription=%s", text_of(sub, "id"));
	json_t *list = json_pack("{s:s, s:o, s:b, s:s}", "object", "list", "data", data, "has_more", 0, "url", url);
	(void)json_object_set_new(sub, "items", list);
}

void items_set_period(json_t *sub, int64_t start, int64_t end) {
	json_t *item, *items = items_of(sub);
	size_t i;
	json_array_foreach(items, i, item) {
		set_int(item, "current_period_start", start);
		set_int(item, "current_period_end", end);
	}
}

int64_t period_start(const struct record *sub) {
	return int_of(json_array_get(items_of(sub->json), 0), "current_period_start");
}

int64_t period_end(const struct record *sub) {
	return int_of(json_array_get(items_of(sub->json), 0), "current_period_end");
}

int64_t cycle_end(const json_t *sub, int64_t cycle) {
	const json_t *item = json_array_get(items_of(sub), 0);
	return calendar_add(int_of(sub, "billing_cycle_anchor"), interval_of(item), interval_count_of(item) * cycle);
}

/* ---- status ------------------------------------------------------------------- */

bool subscription_is(const struct record *sub, const char *statuses) {
	const char *status = text_of(sub->json, "status");
	size_t n = strlen(status);
	for (const char *at = statuses; at; at = strchr(at, '|')) {
		at += *at == '|';
		if (strncmp(at, status, n) == 0 && (at[n] == '|' || at[n] == 0)) return true;
	}
	return false;
}

void subscription_turn(struct sim *sim, struct record *sub, const char *status) {
	json_t *before = record_copy(sub);
	set_text(sub->json, "status", status);
	if (strcmp(status, "paused") != 0) set_null(sub->json, "status_details");
	(void)sim_emit_change(sim, "customer.subscription.updated", sub, before);
	const struct record *customer = sim_find(sim, K_CUSTOMER, text_of(sub->json, "customer"));
	if (customer && strcmp(status, "paused") != 0) entitlements_tell(sim, customer);
}

void subscription_remind(struct sim *sim, const struct record *sub) {
	const char *id = record_id(sub);
	int64_t trial_end = int_of(sub->json, "trial_end"), cancel_at = int_of(sub->json, "cancel_at");
	int64_t resumes_at = int_of(json_object_get(sub->json, "pause_collection"), "resumes_at");
	if (subscription_is(sub, "trialing")) {
		int64_t warning = trial_end - WARNING_AHEAD;
		sim_at(sim, warning > sim_now(sim) ? warning : sim_now(sim), DUE_TRIAL_WARNING, id);
		sim_at(sim, trial_end, DUE_TRIAL_END, id);
	} else {
		sim_at(sim, period_end(sub), DUE_RENEW, id);
		if (period_end(sub) - UPCOMING_AHEAD > sim_now(sim))
			sim_at(sim, period_end(sub) - UPCOMING_AHEAD, DUE_UPCOMING, id);
	}
	if (cancel_at) sim_at(sim, cancel_at, DUE_CANCEL, id);
	if (resumes_at) sim_at(sim, resumes_at, DUE_COLLECTION, id);
}

struct record *subscription_begin_period(struct sim *sim, struct record *sub, json_t *before, const char *reason,
					 bool collect) {
	set_int(record_hidden(sub), "previous_start", period_start(sub));
	set_int(sub->json, "billing_cycle_anchor", sim_now(sim));
	set_int(sub->hidden, "cycle", 1);
	items_set_period(sub->json, sim_now(sim), cycle_end(sub->json, 1));
	struct record *inv = invoice_make(sim, sub, reason, lines_of_period(sim, sub));
	(void)sim_emit_change(sim, "customer.subscription.updated", sub, before);
	sim_emit(sim, "invoice.created", inv, NULL);
	subscription_remind(sim, sub);
	if (!collect) {
		sim_at(sim, sim_now(sim) + SIM_HOUR, DUE_FINALIZE, record_id(inv));
		return inv;
	}
	invoice_finalize(sim, inv);
	if (text_is(inv->json, "status", "open") && text_is(inv->json, "collection_method", "charge_automatically"))
		(void)invoice_attempt(sim, inv);
	return inv;
}

/* ---- the beginning -------------------------------------------------------------- */

static void describe(struct sim *sim, struct record *sub, const struct subscription_spec *spec) {
	json_t *o = sub->json;
	int64_t now = sim_now(sim);
	set_text(o, "test_clock", text_of(spec->customer->json, "test_clock"));
	set_text(o, "currency", text_of(json_object_get(json_array_get(spec->items, 0), "price"), "currency"));
	set_int(o, "start_date", now);
	set_int(o, "billing_cycle_anchor", spec->trial_end ? spec->trial_end : now);
	set_text(o, "collection_method", spec->collection_method ? spec->collection_method : "charge_automatically");
	set_text(o, "default_payment_method", spec->default_payment_method);
	set_text(o, "description", spec->description);
	if (spec->days_until_due) set_int(o, "days_until_due", spec->days_until_due);
	if (spec->metadata) (void)json_object_set_new(o, "metadata", json_deep_copy(spec->metadata));
	if (spec->cancel_at) {
		set_int(o, "cancel_at", spec->cancel_at);
		set_int(o, "canceled_at", now);
	}
	if (spec->missing_payment_method)
		(void)json_object_set_new(
			o, "trial_settings",
			json_pack("{s:{s:s}}", "end_behavior", "missing_payment_method", spec->missing_payment_method));
	items_set(o, spec->items);
	if (spec->trial_end) {
		set_int(o, "trial_start", now);
		set_int(o, "trial_end", spec->trial_end);
		items_set_period(o, now, spec->trial_end);
	} else {
		set_int(record_hidden(sub), "cycle", 1);
		items_set_period(o, now, cycle_end(o, 1));
	}
	if (!spec->cancel_at_period_end) return;
	set_bool(o, "cancel_at_period_end", true);
	set_int(o, "cancel_at", period_end(sub));
	set_int(o, "canceled_at", now);
}

/* The customer's own currency is that of its first subscription. */
static void settle_currency(struct record *customer, const struct record *sub) {
	if (!text_of(customer->json, "currency")) set_text(customer->json, "currency", text_of(sub->json, "currency"));
}

static const char *first_status(const struct subscription_spec *spec, enum outcome outcome) {
	bool sent = spec->collection_method && strcmp(spec->collection_method, "send_invoice") == 0;
	bool waits = spec->payment_behavior && strcmp(spec->payment_behavior, "default_incomplete") == 0;
	if (spec->trial_end) return "trialing";
	if (sent) return "active";
	return !waits && !spec->checkout && outcome == CARD_OK ? "active" : "incomplete";
}

static json_t *first_lines(struct sim *sim, const struct record *sub, bool trial) {
	json_t *lines = lines_of_period(sim, sub), *line;
	size_t i;
	if (trial) json_array_foreach(lines, i, line) {
			set_int(line, "amount", 0);
			set_int(line, "subtotal", 0);
		}
	return lines;
}

static void bill_first(struct sim *sim, struct record *sub, struct record *inv, const struct subscription_spec *spec,
		       enum outcome outcome) {
	bool waits = spec->payment_behavior && strcmp(spec->payment_behavior, "default_incomplete") == 0;
	if (text_is(inv->json, "collection_method", "send_invoice")) {
		sim_at(sim, sim_now(sim) + SIM_HOUR, DUE_FINALIZE, record_id(inv));
		return;
	}
	invoice_finalize(sim, inv);
	if (text_is(inv->json, "status", "open") && !waits)
		(void)invoice_attempt_as(sim, inv, spec->async ? CARD_ASYNC : outcome);
	if (spec->async && subscription_is(sub, "incomplete")) subscription_turn(sim, sub, "active");
	if (subscription_is(sub, "incomplete"))
		sim_at(sim, sim_now(sim) + INCOMPLETE_LIVES, DUE_INCOMPLETE, record_id(sub));
}

static bool is_free(const json_t *items) {
	int64_t sum = 0;
	for (size_t i = 0; i < json_array_size(items); i++) {
		const json_t *item = json_array_get(items, i);
		sum += int_of(json_object_get(item, "price"), "unit_amount") * int_of(item, "quantity");
	}
	return sum == 0;
}

struct record *subscription_start(struct sim *sim, struct sim_request *r, struct subscription_spec *spec) {
	enum outcome outcome = card_outcome(sim, spec->customer, NULL);
	if (spec->default_payment_method && outcome == CARD_NONE) outcome = CARD_OK;
	if (is_free(spec->items)) outcome = CARD_OK;
	bool strict = spec->payment_behavior && strcmp(spec->payment_behavior, "error_if_incomplete") == 0;
	if (r && strict && !spec->trial_end && outcome != CARD_OK) {
		json_decref(spec->items);
		r->error.decline_code = outcome == CARD_DECLINED ? "generic_decline" : NULL;
		(void)refuse(r, 402,
			     outcome == CARD_DECLINED ? "card_declined" : "subscription_payment_intent_requires_action",
			     NULL, "Your card was declined.");
		return NULL;
	}
	json_t *o = sim_shape(sim, K_SUBSCRIPTION);
	set_text(o, "customer", record_id(spec->customer));
	struct record *sub = sim_add(sim, K_SUBSCRIPTION, o);
	describe(sim, sub, spec);
	set_text(sub->json, "status", first_status(spec, outcome));
	struct record *inv =
		invoice_make(sim, sub, "subscription_create", first_lines(sim, sub, spec->trial_end > sim_now(sim)));
	settle_currency(spec->customer, sub);
	sim_emit(sim, "customer.subscription.created", sub, NULL);
	sim_emit(sim, "invoice.created", inv, NULL);
	bill_first(sim, sub, inv, spec, outcome);
	subscription_remind(sim, sub);
	entitlements_tell(sim, spec->customer);
	return sub;
}
