#include "billing.h"
#include "routes.h"
#include "schedule.h"

static struct record *named(struct sim_request *r) { return want(r, K_INVOICE, r->ids[0], "id"); }

static json_t *retrieve(struct sim_request *r) {
	struct record *inv = named(r);
	return inv ? record_show(inv) : NULL;
}

static json_t *list(struct sim_request *r) {
	return list_records(r, K_INVOICE, "collection_method,customer,status,subscription,", NULL, NULL);
}

static json_t *lines(struct sim_request *r) {
	struct record *inv = named(r);
	const char *after = want_text(r, r->params, NULL, "starting_after");
	int64_t limit = want_int(r, r->params, NULL, "limit", 10, 1, SIM_LIST_MAX);
	if (failed(r)) return NULL;
	json_t *data = json_array(), *all = json_object_get(json_object_get(inv->json, "lines"), "data"), *line;
	bool begun = !after, more = false;
	size_t i;
	json_array_foreach(all, i, line) {
		if (begun && (int64_t)json_array_size(data) == limit) more = true;
		if (begun && !more) (void)json_array_append(data, line);
		begun = begun || text_is(line, "id", after);
	}
	return json_pack("{s:s, s:o, s:b, s:s}", "object", "list", "data", data, "has_more", more, "url", r->path);
}

static json_t *update(struct sim_request *r) {
	struct record *inv = named(r);
	if (!inv) return NULL;
	json_t *before = record_copy(inv);
	take_texts(r, inv->json, "description,");
	take_metadata(r, r->params, inv->json);
	set_bool(inv->json, "auto_advance",
		 want_bool(r, r->params, NULL, "auto_advance", bool_of(inv->json, "auto_advance")));
	if (failed(r)) {
		(void)json_object_update(inv->json, before);
		json_decref(before);
		return NULL;
	}
	if (bool_of(inv->json, "auto_advance") && text_is(inv->json, "status", "draft"))
		sim_at(r->sim, sim_now(r->sim) + SIM_HOUR, DUE_FINALIZE, record_id(inv));
	(void)sim_emit_change(r->sim, "invoice.updated", inv, before);
	return record_show(inv);
}

/* ---- fates -------------------------------------------------------------------- */

static bool is_status(struct sim_request *r, const struct record *inv, const char *a, const char *b, const char *verb) {
	if (text_is(inv->json, "status", a) || (b && text_is(inv->json, "status", b))) return true;
	(void)refuse(r, 400, NULL, NULL, "You can only %s an %s invoice. This invoice has the status %s.", verb, a,
		     text_of(inv->json, "status"));
	return false;
}

static json_t *finalize(struct sim_request *r) {
	struct record *inv = named(r);
	if (!inv || !is_status(r, inv, "draft", NULL, "finalize")) return NULL;
	set_bool(inv->json, "auto_advance",
		 want_bool(r, r->params, NULL, "auto_advance", bool_of(inv->json, "auto_advance")));
	if (failed(r)) return NULL;
	invoice_finalize(r->sim, inv);
	bool collects =
		bool_of(inv->json, "auto_advance") && text_is(inv->json, "collection_method", "charge_automatically");
	if (collects && text_is(inv->json, "status", "open")) (void)invoice_attempt(r->sim, inv);
	return record_show(inv);
}

static json_t *pay(struct sim_request *r) {
	struct record *inv = named(r);
	if (!inv) return NULL;
	if (text_is(inv->json, "status", "paid"))
		return refuse(r, 400, "invoice_already_paid", NULL, "Invoice is already paid");
	if (text_is(inv->json, "status", "draft")) invoice_finalize(r->sim, inv);
	if (text_is(inv->json, "status", "paid")) return record_show(inv);
	if (!is_status(r, inv, "open", "uncollectible", "pay")) return NULL;
	if (want_bool(r, r->params, NULL, "paid_out_of_band", false)) {
		invoice_settle(r->sim, inv, true);
		return record_show(inv);
	}
	if (text_is(inv->json, "status", "uncollectible")) set_text(inv->json, "status", "open");
	struct record *customer = invoice_customer(r->sim, inv);
	const char *method = want_text(r, r->params, NULL, "payment_method");
	if (failed(r) || !customer) return NULL;
	if (method && !payment_method_attach(r, method, customer)) return NULL;
	enum outcome outcome = card_outcome(r->sim, customer, invoice_subscription(r->sim, inv));
	if (method && outcome == CARD_NONE) outcome = CARD_OK;
	outcome = invoice_attempt_as(r->sim, inv, outcome);
	if (outcome == CARD_OK) return record_show(inv);
	r->error.decline_code = outcome == CARD_DECLINED ? "generic_decline" : NULL;
	return refuse(
		r, 402, outcome == CARD_ACTION ? "invoice_payment_intent_requires_action" : "card_declined", NULL, "%s",
		outcome == CARD_ACTION ? "This payment requires additional user action." : "Your card was declined.");
}

static json_t *void_it(struct sim_request *r) {
	struct record *inv = named(r);
	if (!inv || !is_status(r, inv, "open", "uncollectible", "void")) return NULL;
	invoice_void(r->sim, inv);
	return record_show(inv);
}

static json_t *write_off(struct sim_request *r) {
	struct record *inv = named(r);
	if (!inv || !is_status(r, inv, "open", NULL, "mark as uncollectible")) return NULL;
	invoice_write_off(r->sim, inv);
	return record_show(inv);
}

static json_t *delete (struct sim_request *r) {
	struct record *inv = named(r);
	if (!inv || !is_status(r, inv, "draft", NULL, "delete")) return NULL;
	if (invoice_subscription(r->sim, inv))
		return refuse(r, 400, NULL, NULL,
			      "You can only delete one-off invoices. Use the void endpoint instead.");
	sim_emit(r->sim, "invoice.deleted", inv, NULL);
	inv->deleted = true;
	return record_show(inv);
}

/* The subscription that is named, by itself or by its schedule, or the customer's newest one that lives. */
static struct record *previewed(struct sim_request *r, const struct record **ret_schedule) {
	const char *id = want_text(r, r->params, NULL, "subscription");
	const char *by = want_text(r, r->params, NULL, "schedule");
	if (by && (id || json_object_get(r->params, "subscription_details")))
		(void)refuse(r, 400, NULL, "schedule",
			     "You may only specify one of these parameters: schedule, subscription.");
	*ret_schedule = by && !failed(r) ? want(r, K_SCHEDULE, by, "schedule") : NULL;
	if (*ret_schedule) id = text_of((*ret_schedule)->json, "subscription");
	const char *customer = want_text(r, r->params, NULL, "customer");
	if (!id && !customer)
		(void)refuse(r, 400, "parameter_missing", "customer", "Missing required param: customer.");
	if (!id && !failed(r)) {
		struct record *owner = want(r, K_CUSTOMER, customer, "customer");
		const struct records *subs =
			owner ? sim_indexed(r->sim, K_SUBSCRIPTION, "customer", record_id(owner), NULL) : NULL;
		for (size_t i = 0; subs && i < subs->count; i++)
			if (!subscription_is(subs->at[i], "canceled|incomplete_expired")) id = record_id(subs->at[i]);
		if (!id)
			(void)refuse(r, 404, "invoice_upcoming_none", NULL,
				     "No upcoming invoices for customer: '%.60s'", customer);
	}
	struct record *sub = failed(r) ? NULL : want(r, K_SUBSCRIPTION, id, "subscription");
	if (sub && subscription_is(sub, "canceled|incomplete_expired"))
		(void)refuse(r, 404, "invoice_upcoming_none", NULL, "No upcoming invoices for subscription: '%s'", id);
	return failed(r) ? NULL : sub;
}

/* What a change is billed at once: prorations, or the period that begins with another interval. */
static json_t *lines_of_now(struct sim_request *r, struct record *sub, json_t *items, bool prorates) {
	json_t *lines = prorates ? prorations(r->sim, sub, items) : json_array(), *item;
	json_t *waiting = json_object_get(sub->hidden, "lines");
	size_t i;
	if (waiting) (void)json_array_extend(lines, waiting);
	if (items_same_interval(items_of(sub->json), items)) return lines;
	const json_t *recurring = json_object_get(json_object_get(json_array_get(items, 0), "price"), "recurring");
	int64_t start = sim_now(r->sim),
		end = calendar_add(start, text_of(recurring, "interval"), int_of(recurring, "interval_count"));
	json_array_foreach(items, i, item) {
		int64_t amount = int_of(json_object_get(item, "price"), "unit_amount") * int_of(item, "quantity");
		(void)json_array_append_new(lines, line_make(r->sim, sub, item, amount, start, end, false));
	}
	return lines;
}

/* The next period of these items, after what is prorated when they are new ones. */
static json_t *preview_lines(struct sim_request *r, struct record *sub, json_t *items, bool are_new) {
	json_t *lines = are_new ? prorations(r->sim, sub, items) : json_array(), *item;
	json_t *waiting = json_object_get(sub->hidden, "lines");
	int64_t start = period_end(sub), end = cycle_end(sub->json, int_of(sub->hidden, "cycle") + 1);
	size_t i;
	if (waiting) (void)json_array_extend(lines, waiting);
	json_array_foreach(items, i, item) {
		int64_t amount = int_of(json_object_get(item, "price"), "unit_amount") * int_of(item, "quantity");
		(void)json_array_append_new(lines, line_make(r->sim, sub, item, amount, start, end, false));
	}
	return lines;
}

/* What the next invoice of a subscription would be, also after a change of its items. */
static json_t *preview(struct sim_request *r) {
	const struct record *schedule = NULL;
	struct record *sub = previewed(r, &schedule);
	const json_t *details = want_object(r, r->params, NULL, "subscription_details");
	const json_t *list = want_list(r, details, "subscription_details", "items");
	const char *proration = want_choice(r, details, "subscription_details", "proration_behavior",
					    "create_prorations|none|always_invoice", "create_prorations");
	json_t *items = list && !failed(r) ? items_after(r, sub, list) : NULL;
	if (failed(r)) return NULL;
	bool changes = items != NULL;
	if (schedule) items = schedule_items_at(r->sim, schedule, period_end(sub));
	bool prorates = changes && strcmp(proration, "none") != 0;
	bool restarts =
		changes && !items_same_interval(items_of(sub->json), items) && !subscription_is(sub, "trialing");
	bool now = restarts || (changes && strcmp(proration, "always_invoice") == 0);
	json_t *lines = now ? lines_of_now(r, sub, items, prorates)
			    : preview_lines(r, sub, items ? items : items_of(sub->json), prorates);
	json_t *invoice = invoice_json(r->sim, sub, now ? "subscription_update" : "upcoming", lines);
	json_decref(items);
	if (now) return invoice;
	set_int(invoice, "period_start", period_start(sub));
	set_int(invoice, "period_end", period_end(sub));
	set_int(invoice, "next_payment_attempt", period_end(sub) + SIM_HOUR);
	return invoice;
}

static const struct sim_route rows[] = {
	{"GET", "/v1/invoices", list, LIST_PARAMS "collection_method,customer,due_date,status,subscription,"},
	{"POST", "/v1/invoices/create_preview", preview, "customer,subscription,subscription_details,schedule,"},
	{"GET", "/v1/invoices/:a", retrieve, ""},
	{"POST", "/v1/invoices/:a", update, "auto_advance,description,metadata,"},
	{"DELETE", "/v1/invoices/:a", delete, ""},
	{"GET", "/v1/invoices/:a/lines", lines, "limit,starting_after,"},
	{"POST", "/v1/invoices/:a/finalize", finalize, "auto_advance,"},
	{"POST", "/v1/invoices/:a/pay", pay, "forgive,off_session,paid_out_of_band,payment_method,"},
	{"POST", "/v1/invoices/:a/void", void_it, ""},
	{"POST", "/v1/invoices/:a/mark_uncollectible", write_off, ""},
};
ROUTES(invoice_routes, rows);
