#include "billing.h"

#include <stdio.h>

#include "routes.h"

#define TRIAL_DAYS_MAX 730

/* ---- create ------------------------------------------------------------------- */

static int64_t read_trial(struct sim_request *r) {
	int64_t days = want_int(r, r->params, NULL, "trial_period_days", 0, 0, TRIAL_DAYS_MAX);
	const char *end = want_text(r, r->params, NULL, "trial_end");
	if (days && end) {
		(void)refuse(r, 400, NULL, "trial_end", "You may only specify one of: trial_end, trial_period_days.");
		return 0;
	}
	if (days) return sim_now(r->sim) + days * SIM_DAY;
	if (!end || strcmp(end, "now") == 0) return 0;
	return want_int(r, r->params, NULL, "trial_end", 0, sim_now(r->sim) + 1,
			sim_now(r->sim) + (int64_t)TRIAL_DAYS_MAX * SIM_DAY);
}

static void read_spec(struct sim_request *r, struct subscription_spec *spec) {
	const json_t *p = r->params;
	const json_t *behavior = json_object_get(want_object(r, p, NULL, "trial_settings"), "end_behavior");
	spec->metadata = json_object_get(p, "metadata");
	spec->payment_behavior =
		want_choice(r, p, NULL, "payment_behavior",
			    "allow_incomplete|default_incomplete|error_if_incomplete|pending_if_incomplete", NULL);
	spec->collection_method =
		want_choice(r, p, NULL, "collection_method", "charge_automatically|send_invoice", NULL);
	spec->default_payment_method = want_text(r, p, NULL, "default_payment_method");
	spec->missing_payment_method = want_choice(r, behavior, "trial_settings[end_behavior]",
						   "missing_payment_method", "cancel|create_invoice|pause", NULL);
	spec->description = want_text(r, p, NULL, "description");
	spec->days_until_due = want_int(r, p, NULL, "days_until_due", 0, 0, 365);
	spec->cancel_at = want_int(r, p, NULL, "cancel_at", 0, sim_now(r->sim) + 1, SIM_CLOCK_MAX);
	spec->cancel_at_period_end = want_bool(r, p, NULL, "cancel_at_period_end", false);
	spec->trial_end = read_trial(r);
	bool sent = spec->collection_method && strcmp(spec->collection_method, "send_invoice") == 0;
	if (sent && !spec->days_until_due)
		(void)refuse(r, 400, "parameter_missing", "days_until_due",
			     "You must specify days_until_due when collection_method is send_invoice.");
}

/* Stripe wants a card beforehand, unless nothing is to be paid now or somebody will be asked for one. */
static void check_card(struct sim_request *r, const struct subscription_spec *spec) {
	bool asks = spec->payment_behavior && strcmp(spec->payment_behavior, "default_incomplete") == 0;
	bool sent = spec->collection_method && strcmp(spec->collection_method, "send_invoice") == 0;
	if (asks || sent || spec->trial_end || spec->default_payment_method) return;
	for (size_t i = 0; i < json_array_size(spec->items); i++) {
		const json_t *price = json_object_get(json_array_get(spec->items, i), "price");
		if (int_of(price, "unit_amount") == 0 || card_method(r->sim, spec->customer, NULL)) continue;
		(void)refuse(r, 400, "resource_missing", NULL,
			     "This customer has no attached payment source or default payment method. Please consider "
			     "adding a default payment method.");
		return;
	}
}

static void check_method(struct sim_request *r, const struct subscription_spec *spec) {
	const char *id = spec->default_payment_method;
	const struct record *method = id ? sim_find(r->sim, K_PAYMENT_METHOD, id) : NULL;
	if (id && (!method || !text_is(method->json, "customer", record_id(spec->customer))))
		(void)refuse_missing(r, K_PAYMENT_METHOD, "default_payment_method", id);
}

static json_t *create(struct sim_request *r) {
	struct subscription_spec spec = {.customer = NULL};
	const char *customer = need_text(r, r->params, NULL, "customer");
	spec.customer = customer ? want(r, K_CUSTOMER, customer, "customer") : NULL;
	if (!spec.customer) return NULL;
	json_t *scratch = json_object();
	take_metadata(r, r->params, scratch);
	json_decref(scratch);
	read_spec(r, &spec);
	spec.items = items_read(r, want_list(r, r->params, NULL, "items"), "items");
	if (!failed(r)) check_method(r, &spec);
	if (!failed(r)) check_card(r, &spec);
	if (failed(r)) {
		json_decref(spec.items);
		return NULL;
	}
	struct record *sub = subscription_start(r->sim, r, &spec);
	return sub ? record_show(sub) : NULL;
}

/* ---- one ------------------------------------------------------------------------ */

static struct record *named(struct sim_request *r) { return want(r, K_SUBSCRIPTION, r->ids[0], "id"); }

static json_t *retrieve(struct sim_request *r) {
	struct record *sub = named(r);
	return sub ? record_show(sub) : NULL;
}

static json_t *update(struct sim_request *r) {
	struct record *sub = named(r);
	return sub ? subscription_update(r, sub) : NULL;
}

static json_t *cancel(struct sim_request *r) {
	struct record *sub = named(r);
	if (!sub) return NULL;
	if (subscription_is(sub, "canceled|incomplete_expired"))
		return refuse(r, 404, "resource_missing", "id", "No such subscription: '%s'", r->ids[0]);
	const json_t *details = want_object(r, r->params, NULL, "cancellation_details");
	const char *comment = want_text(r, details, "cancellation_details", "comment");
	if (failed(r)) return NULL;
	if (comment) set_text(json_object_get(sub->json, "cancellation_details"), "comment", comment);
	subscription_end(r->sim, sub, "cancellation_requested");
	return record_show(sub);
}

/* A paused one: its period begins now, and it is active at once or when that is paid. */
static json_t *resume(struct sim_request *r) {
	struct record *sub = named(r);
	const char *behavior =
		want_choice(r, r->params, NULL, "payment_behavior",
			    "resume_on_payment_attempt|resume_on_payment_success", "resume_on_payment_attempt");
	const char *anchor = want_choice(r, r->params, NULL, "billing_cycle_anchor", "now|unchanged", "now");
	if (failed(r)) return NULL;
	if (!subscription_is(sub, "paused"))
		return refuse(r, 400, NULL, NULL, "You cannot resume this subscription because it is not paused.");
	if (strcmp(anchor, "unchanged") == 0 && period_end(sub) > sim_now(r->sim)) {
		subscription_turn(r->sim, sub, "active");
		sim_emit(r->sim, "customer.subscription.resumed", sub, NULL);
		subscription_remind(r->sim, sub);
		return record_show(sub);
	}
	json_t *before = record_copy(sub);
	bool waits = strcmp(behavior, "resume_on_payment_success") == 0;
	if (!waits) {
		set_text(sub->json, "status", "active");
		set_null(sub->json, "status_details");
	}
	struct record *inv = subscription_begin_period(r->sim, sub, before, "subscription_update", false);
	if (waits) set_text(sub->hidden, "resume_invoice", record_id(inv));
	if (!waits) sim_emit(r->sim, "customer.subscription.resumed", sub, NULL);
	invoice_finalize(r->sim, inv);
	if (text_is(inv->json, "status", "open")) (void)invoice_attempt(r->sim, inv);
	return record_show(sub);
}

/* Since 2026-09-30.endive. */
static json_t *pause(struct sim_request *r) {
	struct record *sub = named(r);
	if (!sub) return NULL;
	if (text_of(sub->json, "schedule"))
		return refuse(r, 400, NULL, NULL, "You cannot pause a subscription that is managed by a schedule.");
	if (!subscription_is(sub, "active|trialing|past_due"))
		return refuse(r, 400, NULL, NULL, "You cannot pause a subscription with the status %s.",
			      text_of(sub->json, "status"));
	subscription_pause(r->sim, sub, "pause_requested");
	return record_show(sub);
}

/* ---- list ----------------------------------------------------------------------- */

struct wanted {
	const char *status, *price;
};

static bool is_wanted(void *ctx, const struct record *sub) {
	const struct wanted *w = ctx;
	bool status = strcmp(w->status, "all") == 0 ||
		      (strcmp(w->status, "ended") == 0 && subscription_is(sub, "canceled|incomplete_expired")) ||
		      (!*w->status && !subscription_is(sub, "canceled")) || text_is(sub->json, "status", w->status);
	if (!status || !w->price) return status;
	const json_t *items = items_of(sub->json);
	for (size_t i = 0; i < json_array_size(items); i++)
		if (text_is(json_object_get(json_array_get(items, i), "price"), "id", w->price)) return true;
	return false;
}

static json_t *list(struct sim_request *r) {
	struct wanted w = {.status = want_choice(r, r->params, NULL, "status",
						 "active|past_due|unpaid|canceled|incomplete|incomplete_expired|"
						 "trialing|paused|all|ended",
						 ""),
			   .price = want_text(r, r->params, NULL, "price")};
	return list_records(r, K_SUBSCRIPTION, "customer,collection_method,test_clock,", is_wanted, &w);
}

/* ---- items ---------------------------------------------------------------------- */

/* The item's subscription; its change is an update of that with one item. */
static struct record *owner_of(struct sim_request *r, const char *id) {
	const struct records *all = &r->sim->scope->lists[K_SUBSCRIPTION];
	for (size_t i = all->count; i--;) {
		const json_t *items = items_of(all->at[i]->json);
		for (size_t k = 0; k < json_array_size(items); k++)
			if (text_is(json_array_get(items, k), "id", id)) return all->at[i];
	}
	(void)refuse(r, 404, "resource_missing", "item", "No such subscription_item: '%.60s'", id);
	return NULL;
}

static json_t *shown_item(const struct record *sub, const char *id) {
	const json_t *items = items_of(sub->json);
	json_t *last = json_array_get(items, json_array_size(items) - 1);
	for (size_t i = 0; id && i < json_array_size(items); i++)
		if (text_is(json_array_get(items, i), "id", id)) last = json_array_get(items, i);
	return json_incref(last);
}

static bool update_item(struct sim_request *r, struct record *sub, const char *id, bool deleted) {
	json_t *item = json_object(), *params = json_object(), *value;
	const char *key;
	json_object_foreach(r->params, key, value) {
		bool own = strcmp(key, "price") == 0 || strcmp(key, "quantity") == 0 || strcmp(key, "metadata") == 0;
		if (strcmp(key, "subscription") != 0) (void)json_object_set(own ? item : params, key, value);
	}
	if (id) set_text(item, "id", id);
	if (deleted) set_bool(item, "deleted", true);
	(void)json_object_set_new(params, "items", json_pack("[o]", item));
	json_decref(r->params);
	r->params = params;
	json_t *answer = subscription_update(r, sub);
	json_decref(answer);
	return answer != NULL;
}

static json_t *item_create(struct sim_request *r) {
	const char *id = need_text(r, r->params, NULL, "subscription");
	struct record *sub = id ? want(r, K_SUBSCRIPTION, id, "subscription") : NULL;
	return sub && update_item(r, sub, NULL, false) ? shown_item(sub, NULL) : NULL;
}

static json_t *item_retrieve(struct sim_request *r) {
	struct record *sub = owner_of(r, r->ids[0]);
	return sub ? shown_item(sub, r->ids[0]) : NULL;
}

static json_t *item_update(struct sim_request *r) {
	struct record *sub = owner_of(r, r->ids[0]);
	if (sub) sim_follow(r->sim, sub);
	return sub && update_item(r, sub, r->ids[0], false) ? shown_item(sub, r->ids[0]) : NULL;
}

static json_t *item_delete(struct sim_request *r) {
	struct record *sub = owner_of(r, r->ids[0]);
	if (sub) sim_follow(r->sim, sub);
	if (!sub || !update_item(r, sub, r->ids[0], true)) return NULL;
	return json_pack("{s:s, s:s, s:b}", "id", r->ids[0], "object", "subscription_item", "deleted", 1);
}

static json_t *item_list(struct sim_request *r) {
	const char *id = need_text(r, r->params, NULL, "subscription"), *after;
	struct record *sub = id ? want(r, K_SUBSCRIPTION, id, "subscription") : NULL;
	int64_t limit = want_int(r, r->params, NULL, "limit", 10, 1, SIM_LIST_MAX);
	if (failed(r)) return NULL;
	json_t *data = json_array(), *items = items_of(sub->json), *item;
	bool begun = !(after = want_text(r, r->params, NULL, "starting_after")), more = false;
	size_t i;
	json_array_foreach(items, i, item) {
		if (begun && (int64_t)json_array_size(data) == limit) more = true;
		if (begun && !more) (void)json_array_append(data, item);
		begun = begun || text_is(item, "id", after);
	}
	return json_pack("{s:s, s:o, s:b, s:s}", "object", "list", "data", data, "has_more", more, "url", r->path);
}

#define FIELDS                                                                                                         \
	"add_invoice_items,automatic_tax,billing_cycle_anchor,cancel_at,cancel_at_period_end,collection_method,"       \
	"days_until_due,default_payment_method,description,items,metadata,off_session,payment_behavior,"               \
	"payment_settings,proration_behavior,proration_date,trial_end,trial_settings,"
#define ITEM_FIELDS "metadata,payment_behavior,price,proration_behavior,proration_date,quantity,"

static const struct sim_route rows[] = {
	{"POST", "/v1/subscriptions", create, FIELDS "billing_mode,currency,customer,trial_period_days,"},
	{"GET", "/v1/subscriptions", list, LIST_PARAMS "collection_method,customer,price,status,test_clock,"},
	{"GET", "/v1/subscriptions/:a", retrieve, ""},
	{"POST", "/v1/subscriptions/:a", update, FIELDS "cancellation_details,pause_collection,"},
	{"DELETE", "/v1/subscriptions/:a", cancel, "cancellation_details,invoice_now,prorate,"},
	{"POST", "/v1/subscriptions/:a/resume", resume,
	 "billing_cycle_anchor,payment_behavior,proration_behavior,proration_date,"},
	{"POST", "/v1/subscriptions/:a/pause", pause, "type,bill_for,invoicing_behavior,"},
	{"POST", "/v1/subscription_items", item_create, ITEM_FIELDS "subscription,"},
	{"GET", "/v1/subscription_items", item_list, "limit,starting_after,subscription,"},
	{"GET", "/v1/subscription_items/:a", item_retrieve, ""},
	{"POST", "/v1/subscription_items/:a", item_update, ITEM_FIELDS},
	{"DELETE", "/v1/subscription_items/:a", item_delete, "proration_behavior,proration_date,clear_usage,"},
};
ROUTES(subscription_routes, rows);
