#include "billing.h"

#include <stdio.h>

#include "shapes.h"

/* Retries of a renewal's payment, after the first failure (Stripe's older fixed schedule). */
static const int64_t retries[] = {3 * SIM_DAY, 5 * SIM_DAY, 7 * SIM_DAY};
#define ASYNC_DELAY (3 * SIM_DAY)

/* ---- what an open invoice is paid with ------------------------------------------ */

struct record *invoice_payment_of(struct sim *sim, const struct record *inv) {
	const struct records *all = sim_indexed(sim, K_INVOICE_PAYMENT, "invoice", record_id(inv), NULL);
	return all ? all->at[all->count - 1] : NULL;
}

static void make_payment(struct sim *sim, struct record *inv, struct record *intent) {
	json_t *payment = sim_shape(sim, K_INVOICE_PAYMENT);
	set_text(payment, "invoice", record_id(inv));
	set_int(payment, "amount_requested", int_of(inv->json, "amount_remaining"));
	set_text(payment, "currency", text_of(inv->json, "currency"));
	set_text(json_object_get(payment, "payment"), "payment_intent", record_id(intent));
	(void)sim_add(sim, K_INVOICE_PAYMENT, payment);
}

struct record *invoice_intent(struct sim *sim, struct record *inv) {
	struct record *intent = sim_find(sim, K_PAYMENT_INTENT, text_of(inv->hidden, "intent"));
	if (intent) return intent;
	char secret[2 * SIM_ID_MAX + 16], tail[SIM_ID_MAX];
	json_t *o = sim_shape(sim, K_PAYMENT_INTENT);
	sim_id(sim, "_secret_", tail);
	(void)snprintf(secret, sizeof secret, "%s%s", text_of(o, "id"), tail);
	set_text(o, "client_secret", secret);
	set_int(o, "amount", int_of(inv->json, "amount_remaining"));
	set_text(o, "currency", text_of(inv->json, "currency"));
	set_text(o, "customer", text_of(inv->json, "customer"));
	set_text(o, "description",
		 text_is(inv->json, "billing_reason", "subscription_create") ? "Subscription creation"
									     : "Subscription update");
	set_text(o, "setup_future_usage", "off_session");
	intent = sim_add(sim, K_PAYMENT_INTENT, o);
	set_text(record_hidden(intent), "invoice", record_id(inv));
	set_text(record_hidden(inv), "intent", record_id(intent));
	sim_emit(sim, "payment_intent.created", intent, NULL);
	make_payment(sim, inv, intent);
	return intent;
}

static struct record *make_charge(struct sim *sim, struct record *inv, struct record *intent, const char *method,
				  bool ok) {
	char receipt[SIM_ID_MAX + 48];
	json_t *o = sim_shape(sim, K_CHARGE);
	int64_t amount = int_of(intent->json, "amount");
	set_int(o, "amount", amount);
	set_int(o, "amount_captured", ok ? amount : 0);
	set_bool(o, "captured", ok);
	set_bool(o, "paid", ok);
	set_text(o, "status", ok ? "succeeded" : "failed");
	set_text(o, "currency", text_of(intent->json, "currency"));
	set_text(o, "customer", text_of(intent->json, "customer"));
	set_text(o, "description", text_of(intent->json, "description"));
	set_text(o, "payment_intent", record_id(intent));
	set_text(o, "payment_method", method);
	(void)snprintf(receipt, sizeof receipt, "https://pay.stripe.com/receipts/%s", text_of(o, "id"));
	if (ok) set_text(o, "receipt_url", receipt);
	if (!ok) {
		set_text(o, "failure_code", "card_declined");
		set_text(o, "failure_message", "Your card was declined.");
		json_t *outcome = json_object_get(o, "outcome");
		set_text(outcome, "network_status", "declined_by_network");
		set_text(outcome, "reason", "generic_decline");
		set_text(outcome, "seller_message", "The bank did not return any further details with this decline.");
		set_text(outcome, "type", "issuer_declined");
	}
	struct record *charge = sim_add(sim, K_CHARGE, o);
	set_text(record_hidden(charge), "invoice", record_id(inv));
	set_text(intent->json, "latest_charge", record_id(charge));
	set_text(intent->json, "payment_method", method);
	return charge;
}

/* ---- outcomes ------------------------------------------------------------------- */

static void succeed(struct sim *sim, struct record *inv, struct record *intent, const char *method) {
	struct record *charge = make_charge(sim, inv, intent, method, true);
	sim_emit(sim, "charge.succeeded", charge, NULL);
	set_text(intent->json, "status", "succeeded");
	set_int(intent->json, "amount_received", int_of(intent->json, "amount"));
	set_null(intent->json, "next_action");
	set_null(intent->json, "last_payment_error");
	set_null(intent->json, "processing");
	sim_emit(sim, "payment_intent.succeeded", intent, NULL);
	struct record *payment = invoice_payment_of(sim, inv);
	if (payment) {
		set_text(payment->json, "status", "paid");
		set_int(payment->json, "amount_paid", int_of(intent->json, "amount"));
		set_int(json_object_get(payment->json, "status_transitions"), "paid_at", sim_now(sim));
		sim_emit(sim, "invoice_payment.paid", payment, NULL);
	}
	invoice_settle(sim, inv, false);
}

static void decline(struct sim *sim, struct record *inv, struct record *intent, const char *method) {
	struct record *charge = make_charge(sim, inv, intent, method, false);
	sim_emit(sim, "charge.failed", charge, NULL);
	set_text(intent->json, "status", "requires_payment_method");
	set_null(intent->json, "payment_method");
	set_null(intent->json, "next_action");
	set_null(intent->json, "processing");
	(void)json_object_set_new(intent->json, "last_payment_error",
				  json_pack("{s:s, s:s, s:s, s:s, s:s}", "charge", record_id(charge), "code",
					    "card_declined", "decline_code", "generic_decline", "message",
					    "Your card was declined.", "type", "card_error"));
	sim_emit(sim, "payment_intent.payment_failed", intent, NULL);
}

static void ask_for_action(struct sim *sim, struct record *intent, const char *method) {
	set_text(intent->json, "status", "requires_action");
	set_text(intent->json, "payment_method", method);
	(void)json_object_set_new(intent->json, "next_action",
				  json_pack("{s:s, s:{}}", "type", "use_stripe_sdk", "use_stripe_sdk"));
	sim_emit(sim, "payment_intent.requires_action", intent, NULL);
}

/* When the next try is; 0: there is none. */
static int64_t plan_retry(struct sim *sim, struct record *inv) {
	json_t *hidden = record_hidden(inv);
	if (text_is(inv->json, "billing_reason", "subscription_create") || !bool_of(inv->json, "auto_advance"))
		return 0;
	if (!json_object_get(hidden, "first_failed")) set_int(hidden, "first_failed", sim_now(sim));
	int64_t n = int_of(hidden, "retries"), at = 0;
	while ((size_t)n < ARRAY_LEN(retries) && (at = int_of(hidden, "first_failed") + retries[n]) <= sim_now(sim))
		n++;
	set_int(hidden, "retries", n);
	return (size_t)n < ARRAY_LEN(retries) ? at : 0;
}

/* What is the same for every failed try. */
static void note_failure(struct sim *sim, struct record *inv, bool action) {
	struct record *sub = invoice_subscription(sim, inv);
	json_t *before = record_copy(inv);
	set_bool(inv->json, "attempted", true);
	set_int(inv->json, "attempt_count", int_of(inv->json, "attempt_count") + 1);
	int64_t next = plan_retry(sim, inv);
	if (next) {
		set_int(inv->json, "next_payment_attempt", next);
		sim_at(sim, next, DUE_RETRY, record_id(inv));
	} else {
		set_null(inv->json, "next_payment_attempt");
	}
	if (action) sim_emit(sim, "invoice.payment_action_required", inv, NULL);
	sim_emit(sim, "invoice.payment_failed", inv, NULL);
	(void)sim_emit_change(sim, "invoice.updated", inv, before);
	bool first = text_is(inv->json, "billing_reason", "subscription_create");
	if (!sub) return;
	subscription_failed(sim, sub, inv);
	if (!first && !next && bool_of(inv->json, "auto_advance")) subscription_given_up(sim, sub, inv);
}

static void wait_for_bank(struct sim *sim, struct record *inv, struct record *intent, const char *method) {
	set_text(intent->json, "status", "processing");
	set_text(intent->json, "payment_method", method);
	set_bool(record_hidden(inv), "async", true);
	sim_emit(sim, "payment_intent.processing", intent, NULL);
	sim_at(sim, sim_now(sim) + ASYNC_DELAY, DUE_ASYNC, record_id(inv));
}

enum outcome invoice_attempt_as(struct sim *sim, struct record *inv, enum outcome outcome) {
	struct record *customer = invoice_customer(sim, inv);
	if (!text_is(inv->json, "status", "open") || !customer) return CARD_NONE;
	struct record *intent = invoice_intent(sim, inv);
	const char *method = card_method(sim, customer, invoice_subscription(sim, inv));
	if (text_is(intent->json, "status", "processing") && outcome == CARD_ASYNC) return CARD_ASYNC;
	switch (outcome) {
	case CARD_OK:
		set_int(inv->json, "attempt_count", int_of(inv->json, "attempt_count") + 1);
		succeed(sim, inv, intent, method);
		return CARD_OK;
	case CARD_ASYNC:
		wait_for_bank(sim, inv, intent, method);
		return CARD_ASYNC;
	case CARD_DECLINED:
		decline(sim, inv, intent, method);
		break;
	case CARD_ACTION:
		ask_for_action(sim, intent, method);
		break;
	case CARD_NONE:
		break;
	}
	note_failure(sim, inv, outcome == CARD_ACTION);
	return outcome;
}

enum outcome invoice_attempt(struct sim *sim, struct record *inv) {
	struct record *customer = invoice_customer(sim, inv);
	if (!customer) return CARD_NONE;
	return invoice_attempt_as(sim, inv, card_outcome(sim, customer, invoice_subscription(sim, inv)));
}

/* ---- time ----------------------------------------------------------------------- */

/* An hour after a renewal: its draft becomes final, and is collected. */
void invoice_finalize_due(struct sim *sim, const char *id) {
	struct record *inv = sim_find(sim, K_INVOICE, id);
	if (!inv || !text_is(inv->json, "status", "draft") || !bool_of(inv->json, "auto_advance")) return;
	struct record *sub = invoice_subscription(sim, inv);
	const json_t *pause = sub ? json_object_get(sub->json, "pause_collection") : NULL;
	invoice_finalize(sim, inv);
	if (!text_is(inv->json, "status", "open")) return;
	if (text_is(pause, "behavior", "void"))
		invoice_void(sim, inv);
	else if (text_is(pause, "behavior", "mark_uncollectible"))
		invoice_write_off(sim, inv);
	else if (text_is(inv->json, "collection_method", "charge_automatically"))
		(void)invoice_attempt(sim, inv);
}

void invoice_retry_due(struct sim *sim, const char *id) {
	struct record *inv = sim_find(sim, K_INVOICE, id);
	if (!inv || !text_is(inv->json, "status", "open") || !bool_of(inv->json, "auto_advance")) return;
	if (int_of(inv->json, "next_payment_attempt") == sim_now(sim)) (void)invoice_attempt(sim, inv);
}

void invoice_overdue_due(struct sim *sim, const char *id) {
	struct record *inv = sim_find(sim, K_INVOICE, id);
	if (!inv || !text_is(inv->json, "status", "open")) return;
	sim_emit(sim, "invoice.overdue", inv, NULL);
	struct record *sub = invoice_subscription(sim, inv);
	if (sub) subscription_failed(sim, sub, inv);
}

/* The bank has answered at last. */
void session_async_due(struct sim *sim, const char *id) {
	struct record *inv = sim_find(sim, K_INVOICE, id), *customer = inv ? invoice_customer(sim, inv) : NULL;
	if (!customer || !text_is(inv->json, "status", "open") || !bool_of(inv->hidden, "async")) return;
	(void)json_object_del(inv->hidden, "async");
	enum outcome outcome = card_outcome(sim, customer, invoice_subscription(sim, inv));
	bool ok = invoice_attempt_as(sim, inv, outcome == CARD_OK ? CARD_OK : CARD_DECLINED) == CARD_OK;
	session_settled(sim, inv, ok);
}
