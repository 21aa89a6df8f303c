#include "billing.h"
#include "routes.h"

/* Payment intents, charges and invoice payments: what an invoice is paid with. */

static json_t *show(struct sim_request *r, enum kind kind) {
	struct record *rec = want(r, kind, r->ids[0], "id");
	return rec ? record_show(rec) : NULL;
}

static json_t *intent_retrieve(struct sim_request *r) { return show(r, K_PAYMENT_INTENT); }
static json_t *charge_retrieve(struct sim_request *r) { return show(r, K_CHARGE); }
static json_t *payment_retrieve(struct sim_request *r) { return show(r, K_INVOICE_PAYMENT); }
static json_t *setup_retrieve(struct sim_request *r) { return show(r, K_SETUP_INTENT); }
static json_t *intent_list(struct sim_request *r) { return list_records(r, K_PAYMENT_INTENT, "customer,", NULL, NULL); }
static json_t *charge_list(struct sim_request *r) {
	return list_records(r, K_CHARGE, "customer,payment_intent,", NULL, NULL);
}

/* ?payment[type]=payment_intent&payment[payment_intent]=pi_… */
static bool is_by_intent(void *ctx, const struct record *rec) {
	return text_is(json_object_get(rec->json, "payment"), "payment_intent", ctx);
}

static json_t *payment_list(struct sim_request *r) {
	char id[SIM_ID_MAX] = "";
	const json_t *payment = want_object(r, r->params, NULL, "payment");
	const char *intent = want_text(r, payment, "payment", "payment_intent");
	if (!intent || strlen(intent) >= sizeof id)
		return list_records(r, K_INVOICE_PAYMENT, "invoice,status,", NULL, NULL);
	memcpy(id, intent, strlen(intent));
	/* known by the index of payment_intent */
	set_text(r->params, "payment_intent", id);
	return list_records(r, K_INVOICE_PAYMENT, "invoice,payment_intent,status,", is_by_intent, id);
}

/* The customer has done what was asked for, or has entered a card: the invoice is tried again. */
static json_t *confirm(struct sim_request *r) {
	struct record *intent = want(r, K_PAYMENT_INTENT, r->ids[0], "id");
	const char *method = want_text(r, r->params, NULL, "payment_method");
	if (failed(r)) return NULL;
	struct record *inv = sim_find(r->sim, K_INVOICE, text_of(intent->hidden, "invoice"));
	if (!inv || !text_is(inv->json, "status", "open"))
		return refuse(r, 400, "payment_intent_unexpected_state", NULL,
			      "You cannot confirm this PaymentIntent because it has a status of %s.",
			      text_of(intent->json, "status"));
	struct record *customer = invoice_customer(r->sim, inv), *sub = invoice_subscription(r->sim, inv);
	struct record *card = method ? payment_method_attach(r, method, customer) : NULL;
	if (failed(r)) return NULL;
	bool acted = text_is(intent->json, "status", "requires_action");
	if (card && sub) {
		json_t *before = record_copy(sub);
		set_text(sub->json, "default_payment_method", record_id(card));
		(void)sim_emit_change(r->sim, "customer.subscription.updated", sub, before);
	}
	enum outcome outcome = card_outcome(r->sim, customer, sub);
	/* what asked for the customer's action has got it */
	if (outcome == CARD_ACTION && acted) outcome = CARD_OK;
	outcome = invoice_attempt_as(r->sim, inv, outcome);
	if (outcome != CARD_DECLINED) return record_show(intent);
	r->error.decline_code = "generic_decline";
	return refuse(r, 402, "card_declined", NULL, "Your card was declined.");
}

static const struct sim_route rows[] = {
	{"GET", "/v1/payment_intents", intent_list, LIST_PARAMS "customer,"},
	{"GET", "/v1/payment_intents/:a", intent_retrieve, ""},
	{"POST", "/v1/payment_intents/:a/confirm", confirm, "payment_method,return_url,off_session,"},
	{"GET", "/v1/charges", charge_list, LIST_PARAMS "customer,payment_intent,"},
	{"GET", "/v1/charges/:a", charge_retrieve, ""},
	{"GET", "/v1/invoice_payments", payment_list, LIST_PARAMS "invoice,payment,status,"},
	{"GET", "/v1/invoice_payments/:a", payment_retrieve, ""},
	{"GET", "/v1/setup_intents/:a", setup_retrieve, ""},
};
ROUTES(payment_routes, rows);
