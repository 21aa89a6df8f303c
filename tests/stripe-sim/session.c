#include "session.h"

#include <stdio.h>

#include "price.h"
#include "routes.h"
#include "shapes.h"

#define LIVES SIM_DAY

/* ---- line items ----------------------------------------------------------------- */

static json_t *read_item(struct sim_request *r, const json_t *given_item, const char *at) {
	char id[SIM_ID_MAX];
	const char *price_id = need_text(r, given_item, at, "price");
	struct record *price = price_recurring(r, price_id, at);
	int64_t quantity = want_int(r, given_item, at, "quantity", 1, 1, 1000000);
	if (failed(r)) return NULL;
	int64_t amount = int_of(price->json, "unit_amount") * quantity;
	const struct record *product = sim_find(r->sim, K_PRODUCT, text_of(price->json, "product"));
	json_t *item = shape_parse(shape_session_item);
	sim_id(r->sim, "li_", id);
	set_text(item, "id", id);
	set_int(item, "amount_subtotal", amount);
	set_int(item, "amount_total", amount);
	set_text(item, "currency", text_of(price->json, "currency"));
	set_text(item, "description", product ? text_of(product->json, "name") : NULL);
	(void)json_object_set(item, "price", price->json);
	set_int(item, "quantity", quantity);
	return item;
}

static json_t *read_items(struct sim_request *r) {
	char at[64];
	const json_t *list = want_list(r, r->params, NULL, "line_items");
	json_t *items = json_array();
	for (size_t i = 0; i < json_array_size(list) && !failed(r); i++) {
		(void)snprintf(at, sizeof at, "line_items[%zu]", i);
		json_t *item = read_item(r, json_array_get(list, i), at);
		if (item) (void)json_array_append_new(items, item);
	}
	if (json_array_size(items) == 0)
		(void)refuse(r, 400, "parameter_missing", "line_items", "Missing required param: line_items.");
	return items;
}

json_t *session_items(const struct record *session) {
	char url[SIM_ID_MAX + 48];
	json_t *items = json_object_get(session->hidden, "items");
	(void)snprintf(url, sizeof url, "/v1/checkout/sessions/%s/line_items", record_id(session));
	return json_pack("{s:s, s:O?, s:b, s:s}", "object", "list", "data", items, "has_more", 0, "url", url);
}

/* ---- create --------------------------------------------------------------------- */

static void take_customer(struct sim_request *r, json_t *session) {
	const char *id = want_text(r, r->params, NULL, "customer"),
		   *email = want_text(r, r->params, NULL, "customer_email");
	struct record *customer = id ? want(r, K_CUSTOMER, id, "customer") : NULL;
	if (customer) {
		set_text(session, "customer", id);
		email = text_of(customer->json, "email");
	} else {
		set_text(session, "customer_email", email);
		set_text(session, "customer_creation", "always");
	}
	if (!email) return;
	json_t *details = json_pack("{s:n, s:n, s:s, s:n, s:n, s:n, s:s, s:[]}", "address", "business_name", "email",
				    email, "individual_name", "name", "phone", "tax_exempt", "none", "tax_ids");
	(void)json_object_set_new(session, "customer_details", details);
}

static void take_amounts(json_t *session, const json_t *items) {
	int64_t total = 0;
	for (size_t i = 0; i < json_array_size(items); i++) total += int_of(json_array_get(items, i), "amount_total");
	set_int(session, "amount_subtotal", total);
	set_int(session, "amount_total", total);
	if (json_array_size(items)) set_text(session, "currency", text_of(json_array_get(items, 0), "currency"));
}

static void take(struct sim_request *r, json_t *session) {
	take_texts(r, session,
		   "cancel_url,client_reference_id,locale,payment_method_collection,success_url,ui_mode,"
		   "billing_address_collection,");
	take_metadata(r, r->params, session);
	take_customer(r, session);
	const json_t *types = want_list(r, r->params, NULL, "payment_method_types");
	if (types) (void)json_object_set_new(session, "payment_method_types", json_deep_copy(types));
	const char *reference = text_of(session, "client_reference_id");
	if (reference && strlen(reference) > 200)
		(void)refuse(r, 400, "parameter_invalid", "client_reference_id", "At most 200 characters.");
	set_int(session, "expires_at",
		want_int(r, r->params, NULL, "expires_at", sim_now(r->sim) + LIVES, sim_now(r->sim) + SIM_HOUR / 2,
			 sim_now(r->sim) + LIVES));
	if (!given(r->params, "success_url") && !given(r->params, "return_url"))
		(void)refuse(r, 400, "parameter_missing", "success_url", "Missing required param: success_url.");
}

/* Its trial is checked now, used when it is paid. */
static void check_subscription_data(struct sim_request *r) {
	const json_t *data = want_object(r, r->params, NULL, "subscription_data");
	json_t *scratch = json_object();
	take_metadata(r, data, scratch);
	json_decref(scratch);
	(void)want_int(r, data, "subscription_data", "trial_period_days", 0, 1, 730);
	(void)want_int(r, data, "subscription_data", "trial_end", 0, sim_now(r->sim) + 2 * SIM_DAY, SIM_CLOCK_MAX);
}

static json_t *create(struct sim_request *r) {
	char url[512];
	(void)need_text(r, r->params, NULL, "mode");
	const char *mode = want_choice(r, r->params, NULL, "mode", "subscription|setup", "subscription");
	check_subscription_data(r);
	if (failed(r)) return NULL;
	bool setup = strcmp(mode, "setup") == 0;
	json_t *items = setup ? json_array() : read_items(r), *session = sim_shape(r->sim, K_SESSION);
	set_text(session, "mode", mode);
	take(r, session);
	take_amounts(session, items);
	if (failed(r)) {
		json_decref(items);
		json_decref(session);
		return NULL;
	}
	(void)snprintf(url, sizeof url, "%s/c/pay/%s", r->sim->base_url, text_of(session, "id"));
	set_text(session, "url", url);
	struct record *rec = sim_add(r->sim, K_SESSION, session);
	(void)json_object_set_new(record_hidden(rec), "items", items);
	json_t *data = json_object_get(r->params, "subscription_data");
	if (data) (void)json_object_set(rec->hidden, "subscription_data", data);
	sim_at(r->sim, int_of(session, "expires_at"), DUE_SESSION, record_id(rec));
	return record_show(rec);
}

/* ---- paying --------------------------------------------------------------------- */

static struct record *payer(struct sim *sim, struct record *session) {
	struct record *customer = sim_find(sim, K_CUSTOMER, text_of(session->json, "customer"));
	if (customer) return customer;
	json_t *o = sim_shape(sim, K_CUSTOMER);
	const char *email = text_of(session->json, "customer_email");
	set_text(o, "email", email ? email : "payer@example.com");
	customer = sim_add(sim, K_CUSTOMER, o);
	sim_emit(sim, "customer.created", customer, NULL);
	set_text(session->json, "customer", record_id(customer));
	json_t *details =
		json_pack("{s:n, s:n, s:s, s:n, s:n, s:n, s:s, s:[]}", "address", "business_name", "email",
			  text_of(o, "email"), "individual_name", "name", "phone", "tax_exempt", "none", "tax_ids");
	(void)json_object_set_new(session->json, "customer_details", details);
	return customer;
}

static void read_data(struct sim *sim, const struct record *session, struct subscription_spec *spec) {
	const json_t *data = json_object_get(session->hidden, "subscription_data");
	const json_t *behavior = json_object_get(json_object_get(data, "trial_settings"), "end_behavior");
	struct sim_request scratch = {.sim = sim}; /* all was checked when the session was made */
	int64_t days = want_int(&scratch, data, NULL, "trial_period_days", 0, 0, 730);
	spec->trial_end = want_int(&scratch, data, NULL, "trial_end", 0, 0, SIM_CLOCK_MAX);
	if (days) spec->trial_end = sim_now(sim) + days * SIM_DAY;
	if (spec->trial_end <= sim_now(sim)) spec->trial_end = 0;
	spec->metadata = json_object_get(data, "metadata");
	spec->description = text_of(data, "description");
	spec->missing_payment_method = text_of(behavior, "missing_payment_method");
}

static json_t *subscription_items(struct sim *sim, const struct record *session) {
	json_t *items = json_array(), *all = json_object_get(session->hidden, "items"), *given_item;
	size_t i;
	json_array_foreach(all, i, given_item) {
		const char *id = text_of(json_object_get(given_item, "price"), "id");
		const struct record *price = sim_find(sim, K_PRICE, id);
		if (price) (void)json_array_append_new(items, item_make(sim, price, int_of(given_item, "quantity")));
	}
	return items;
}

static void complete(struct sim *sim, struct record *session, const char *payment_status) {
	set_text(session->json, "status", "complete");
	set_text(session->json, "payment_status", payment_status);
	set_null(session->json, "url");
	sim_emit(sim, "checkout.session.completed", session, NULL);
}

static bool needs_card(const struct record *session, const struct subscription_spec *spec) {
	bool required = !text_is(session->json, "payment_method_collection", "if_required");
	return required || (!spec->trial_end && int_of(session->json, "amount_total") > 0);
}

static void subscribe(struct sim *sim, struct record *session, struct record *customer, bool async) {
	struct subscription_spec spec = {.customer = customer, .checkout = true, .async = async};
	read_data(sim, session, &spec);
	spec.items = subscription_items(sim, session);
	if (needs_card(session, &spec)) {
		if (card_outcome(sim, customer, NULL) != CARD_OK) card_set(sim, customer, "ok");
		spec.default_payment_method = card_method(sim, customer, NULL);
	}
	struct record *sub = subscription_start(sim, NULL, &spec);
	struct record *inv = sim_find(sim, K_INVOICE, text_of(sub->json, "latest_invoice"));
	set_text(record_hidden(inv), "session", record_id(session));
	set_text(session->json, "subscription", record_id(sub));
	set_text(session->json, "invoice", record_id(inv));
	bool free = int_of(inv->json, "total") == 0;
	complete(sim, session, free ? "no_payment_required" : text_is(inv->json, "status", "paid") ? "paid" : "unpaid");
}

static void set_up(struct sim *sim, struct record *session, struct record *customer) {
	if (card_outcome(sim, customer, NULL) != CARD_OK) card_set(sim, customer, "ok");
	json_t *o = sim_shape(sim, K_SETUP_INTENT);
	set_text(o, "customer", record_id(customer));
	set_text(o, "payment_method", card_method(sim, customer, NULL));
	set_text(o, "status", "succeeded");
	struct record *intent = sim_add(sim, K_SETUP_INTENT, o);
	sim_emit(sim, "setup_intent.succeeded", intent, NULL);
	set_text(session->json, "setup_intent", record_id(intent));
	complete(sim, session, "no_payment_required");
}

bool session_pay(struct sim_request *r, struct record *session, const char *outcome, bool async) {
	struct sim *sim = r->sim;
	if (!text_is(session->json, "status", "open")) {
		(void)refuse(r, 400, NULL, NULL, "This Session is %s.", text_of(session->json, "status"));
		return false;
	}
	if (strcmp(outcome, "ok") != 0) {
		r->error.decline_code = "generic_decline";
		(void)refuse(r, 402, "card_declined", NULL, "Your card was declined.");
		return false;
	}
	sim_follow(sim, session);
	const json_t *types = json_object_get(session->json, "payment_method_types");
	const char *type = json_string_value(json_array_get(types, 0));
	async = async || (type && strcmp(type, "card") != 0 && strcmp(type, "link") != 0);
	struct record *customer = payer(sim, session);
	if (text_is(session->json, "mode", "setup"))
		set_up(sim, session, customer);
	else
		subscribe(sim, session, customer, async);
	return true;
}

void session_settled(struct sim *sim, struct record *inv, bool paid) {
	struct record *session = sim_find(sim, K_SESSION, text_of(inv->hidden, "session"));
	if (!session) return;
	if (paid) set_text(session->json, "payment_status", "paid");
	sim_emit(sim, paid ? "checkout.session.async_payment_succeeded" : "checkout.session.async_payment_failed",
		 session, NULL);
}

/* ---- the rest ------------------------------------------------------------------- */

static void expire(struct sim *sim, struct record *session) {
	set_text(session->json, "status", "expired");
	set_null(session->json, "url");
	sim_emit(sim, "checkout.session.expired", session, NULL);
}

void session_expire_due(struct sim *sim, const char *id) {
	struct record *session = sim_find(sim, K_SESSION, id);
	if (session && text_is(session->json, "status", "open")) expire(sim, session);
}

static json_t *expire_now(struct sim_request *r) {
	struct record *session = want(r, K_SESSION, r->ids[0], "id");
	if (!session) return NULL;
	if (!text_is(session->json, "status", "open"))
		return refuse(r, 400, NULL, NULL, "Only Checkout Sessions with a status in [\"open\"] can be expired.");
	expire(r->sim, session);
	return record_show(session);
}

static json_t *retrieve(struct sim_request *r) {
	struct record *session = want(r, K_SESSION, r->ids[0], "id");
	return session ? record_show(session) : NULL;
}

static json_t *line_items(struct sim_request *r) {
	struct record *session = want(r, K_SESSION, r->ids[0], "id");
	return session ? session_items(session) : NULL;
}

static bool has_email(void *ctx, const struct record *rec) {
	const json_t *details = ctx;
	const char *email = text_of(details, "email");
	return !email || text_is(json_object_get(rec->json, "customer_details"), "email", email);
}

static json_t *list(struct sim_request *r) {
	return list_records(r, K_SESSION, "customer,subscription,payment_intent,status,", has_email,
			    json_object_get(r->params, "customer_details"));
}

static json_t *control_pay(struct sim_request *r) {
	const char *id = need_text(r, r->params, NULL, "session");
	const char *outcome = want_choice(r, r->params, NULL, "outcome", "ok|declined", "ok");
	bool async = want_bool(r, r->params, NULL, "async", false);
	struct record *session = failed(r) ? NULL : sim_find_any(r->sim, id);
	if (failed(r)) return NULL;
	if (!session || session->kind != K_SESSION) return refuse_missing(r, K_SESSION, "session", id);
	return session_pay(r, session, outcome, async) ? record_show(session) : NULL;
}

static const struct sim_route rows[] = {
	{"POST", "/v1/checkout/sessions", create,
	 "allow_promotion_codes,automatic_tax,billing_address_collection,cancel_url,client_reference_id,customer,"
	 "customer_creation,customer_email,customer_update,expires_at,line_items,locale,metadata,mode,"
	 "payment_method_collection,payment_method_types,return_url,saved_payment_method_options,subscription_data,"
	 "success_url,tax_id_collection,ui_mode,currency,"},
	{"GET", "/v1/checkout/sessions", list,
	 LIST_PARAMS "customer,customer_details,payment_intent,status,subscription,"},
	{"GET", "/v1/checkout/sessions/:a", retrieve, ""},
	{"GET", "/v1/checkout/sessions/:a/line_items", line_items, "limit,starting_after,"},
	{"POST", "/v1/checkout/sessions/:a/expire", expire_now, ""},
	{"POST", "/_sim/pay", control_pay, "session,outcome,async,"},
};
ROUTES(session_routes, rows);
