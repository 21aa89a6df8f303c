#include "billing.h"
#include "routes.h"

/* Stripe's names for cards to test with, each as a token and as a payment method. */
static const struct {
	const char *name, *outcome;
} cards[] = {
	{"visa", "ok"},
	{"mastercard", "ok"},
	{"amex", "ok"},
	{"visa_debit", "ok"},
	{"chargeDeclined", "declined"},
	{"chargeCustomerFail", "declined"},
	{"chargeDeclinedInsufficientFunds", "declined"},
	{"authenticationRequired", "requires_action"},
	{"threeDSecure2Required", "requires_action"},
};

/* "pm_card_visa" or "tok_visa" → "ok"; NULL: no such name. */
static const char *outcome_of(const char *name) {
	const char *prefixes[] = {"pm_card_", "tok_"};
	for (size_t p = 0; name && p < ARRAY_LEN(prefixes); p++) {
		size_t n = strlen(prefixes[p]);
		if (strncmp(name, prefixes[p], n) != 0) continue;
		for (size_t i = 0; i < ARRAY_LEN(cards); i++)
			if (strcmp(cards[i].name, name + n) == 0) return cards[i].outcome;
	}
	return NULL;
}

static struct record *make(struct sim *sim, const char *outcome) {
	struct record *rec = sim_add(sim, K_PAYMENT_METHOD, sim_shape(sim, K_PAYMENT_METHOD));
	set_text(record_hidden(rec), "outcome", outcome);
	return rec;
}

/* All others are Visa's. */
static void set_brand(struct record *rec, const char *name) {
	const char *brand = strstr(name, "mastercard") ? "mastercard" : strstr(name, "amex") ? "amex" : NULL;
	json_t *card = json_object_get(rec->json, "card");
	if (!brand) return;
	set_text(card, "brand", brand);
	set_text(card, "display_brand", brand);
}

struct record *payment_method_attach(struct sim_request *r, const char *id, struct record *customer) {
	const char *outcome = outcome_of(id);
	struct record *rec = outcome ? make(r->sim, outcome) : want(r, K_PAYMENT_METHOD, id, "payment_method");
	if (!rec) return NULL;
	if (outcome) set_brand(rec, id);
	const char *owner = text_of(rec->json, "customer");
	if (owner && strcmp(owner, record_id(customer)) == 0) return rec;
	if (owner) {
		(void)refuse(r, 400, NULL, NULL,
			     "The payment method you provided has already been attached to a customer.");
		return NULL;
	}
	set_text(rec->json, "customer", record_id(customer));
	sim_emit(r->sim, "payment_method.attached", rec, NULL);
	return rec;
}

static json_t *create(struct sim_request *r) {
	(void)need_text(r, r->params, NULL, "type");
	(void)want_choice(r, r->params, NULL, "type", "card|sepa_debit|us_bank_account|link", "card");
	const json_t *card = want_object(r, r->params, NULL, "card");
	const char *token = want_text(r, card, "card", "token");
	const char *outcome = token ? outcome_of(token) : "ok";
	if (!outcome) return refuse(r, 400, "resource_missing", "card[token]", "No such token: '%.60s'", token);
	if (failed(r)) return NULL;
	struct record *rec = make(r->sim, outcome);
	take_metadata(r, r->params, rec->json);
	return record_show(rec);
}

static json_t *retrieve(struct sim_request *r) {
	struct record *rec = want(r, K_PAYMENT_METHOD, r->ids[0], "id");
	return rec ? record_show(rec) : NULL;
}

static json_t *update(struct sim_request *r) {
	struct record *rec = want(r, K_PAYMENT_METHOD, r->ids[0], "id");
	if (!rec) return NULL;
	json_t *before = record_copy(rec);
	take_metadata(r, r->params, rec->json);
	(void)sim_emit_change(r->sim, "payment_method.updated", rec, before);
	return record_show(rec);
}

static json_t *attach(struct sim_request *r) {
	const char *id = need_text(r, r->params, NULL, "customer");
	struct record *customer = id ? want(r, K_CUSTOMER, id, "customer") : NULL;
	struct record *rec = customer ? payment_method_attach(r, r->ids[0], customer) : NULL;
	return rec ? record_show(rec) : NULL;
}

static json_t *detach(struct sim_request *r) {
	struct record *rec = want(r, K_PAYMENT_METHOD, r->ids[0], "id");
	if (!rec) return NULL;
	struct record *customer = sim_find(r->sim, K_CUSTOMER, text_of(rec->json, "customer"));
	if (!customer)
		return refuse(r, 400, NULL, NULL, "The payment method you provided is not attached to a customer.");
	json_t *before = record_copy(rec);
	set_null(rec->json, "customer");
	const json_t *settings = json_object_get(customer->json, "invoice_settings");
	if (text_is(settings, "default_payment_method", record_id(rec)))
		customer_default_method(r->sim, customer, NULL);
	(void)sim_emit_change(r->sim, "payment_method.detached", rec, before);
	return record_show(rec);
}

/* The index knows only what was so at the beginning, and methods are attached later: so all are looked through. */
static bool is_of(void *ctx, const struct record *rec) { return text_is(rec->json, "customer", ctx); }

static json_t *list_of(struct sim_request *r, char *customer) {
	return list_records(r, K_PAYMENT_METHOD, "type,", is_of, customer);
}

static json_t *list(struct sim_request *r) {
	char id[SIM_ID_MAX] = "";
	const char *customer = need_text(r, r->params, NULL, "customer");
	if (!customer || !want(r, K_CUSTOMER, customer, "customer") || strlen(customer) >= sizeof id) return NULL;
	memcpy(id, customer, strlen(customer));
	return list_of(r, id);
}

static json_t *list_customer(struct sim_request *r) {
	return want(r, K_CUSTOMER, r->ids[0], "id") ? list_of(r, r->ids[0]) : NULL;
}

static const struct sim_route rows[] = {
	{"POST", "/v1/payment_methods", create, "type,card,billing_details,metadata,sepa_debit,us_bank_account,"},
	{"GET", "/v1/payment_methods", list, LIST_PARAMS "customer,type,"},
	{"GET", "/v1/payment_methods/:a", retrieve, ""},
	{"POST", "/v1/payment_methods/:a", update, "metadata,card,billing_details,"},
	{"POST", "/v1/payment_methods/:a/attach", attach, "customer,"},
	{"POST", "/v1/payment_methods/:a/detach", detach, ""},
	{"GET", "/v1/customers/:a/payment_methods", list_customer, LIST_PARAMS "type,"},
};
ROUTES(payment_method_routes, rows);
