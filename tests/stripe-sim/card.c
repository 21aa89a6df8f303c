#include "billing.h"
#include "routes.h"

static enum outcome outcome_named(const char *name) {
	if (!name || strcmp(name, "ok") == 0) return CARD_OK;
	if (strcmp(name, "declined") == 0) return CARD_DECLINED;
	if (strcmp(name, "requires_action") == 0) return CARD_ACTION;
	return CARD_NONE;
}

const char *card_method(struct sim *sim, const struct record *customer, const struct record *sub) {
	const char *id = sub ? text_of(sub->json, "default_payment_method") : NULL;
	if (!id) id = text_of(json_object_get(customer->json, "invoice_settings"), "default_payment_method");
	const struct record *method = id ? sim_find(sim, K_PAYMENT_METHOD, id) : NULL;
	return method && text_is(method->json, "customer", record_id(customer)) ? id : NULL;
}

enum outcome card_outcome(struct sim *sim, const struct record *customer, const struct record *sub) {
	const char *id = card_method(sim, customer, sub);
	if (!id) return CARD_NONE;
	const char *told = text_of(customer->hidden, "card");
	if (told) return outcome_named(told);
	return outcome_named(text_of(sim_find(sim, K_PAYMENT_METHOD, id)->hidden, "outcome"));
}

void customer_default_method(struct sim *sim, struct record *customer, const char *id) {
	json_t *before = record_copy(customer);
	json_t *settings = json_deep_copy(json_object_get(customer->json, "invoice_settings"));
	set_text(settings, "default_payment_method", id);
	(void)json_object_set_new(customer->json, "invoice_settings", settings);
	(void)sim_emit_change(sim, "customer.updated", customer, before);
}

static void give_card(struct sim *sim, struct record *customer) {
	json_t *method = sim_shape(sim, K_PAYMENT_METHOD);
	set_text(method, "customer", record_id(customer));
	struct record *rec = sim_add(sim, K_PAYMENT_METHOD, method);
	sim_emit(sim, "payment_method.attached", rec, NULL);
	customer_default_method(sim, customer, record_id(rec));
}

void card_set(struct sim *sim, struct record *customer, const char *outcome) {
	const char *id = card_method(sim, customer, NULL);
	if (strcmp(outcome, "none") != 0) {
		if (!id) give_card(sim, customer);
		set_text(record_hidden(customer), "card", outcome);
		return;
	}
	(void)json_object_del(record_hidden(customer), "card");
	if (!id) return;
	struct record *method = sim_find(sim, K_PAYMENT_METHOD, id);
	json_t *before = record_copy(method);
	set_null(method->json, "customer");
	customer_default_method(sim, customer, NULL);
	(void)sim_emit_change(sim, "payment_method.detached", method, before);
}

static json_t *control(struct sim_request *r) {
	const char *id = need_text(r, r->params, NULL, "customer");
	const char *outcome = want_choice(r, r->params, NULL, "outcome", "ok|declined|requires_action|none", "ok");
	struct record *rec = failed(r) ? NULL : sim_find_any(r->sim, id);
	if (!rec || rec->kind != K_CUSTOMER || rec->deleted) return refuse_missing(r, K_CUSTOMER, "customer", id);
	sim_follow(r->sim, rec);
	card_set(r->sim, rec, outcome);
	return json_pack("{s:s}", "outcome", outcome);
}

static const struct sim_route rows[] = {
	{"POST", "/_sim/card", control, "customer,outcome,"},
};
ROUTES(card_routes, rows);
