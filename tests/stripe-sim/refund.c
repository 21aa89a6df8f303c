#include "billing.h"
#include "routes.h"

#define PENDING_TAKES (5 * SIM_DAY)

/* metadata[sim_status] of a new refund: succeeded (as with a card), pending (succeeds after days), failing (after
 * days). */

static void change_charge(struct sim *sim, struct record *charge, int64_t by) {
	json_t *before = record_copy(charge);
	int64_t refunded = int_of(charge->json, "amount_refunded") + by;
	set_int(charge->json, "amount_refunded", refunded);
	set_bool(charge->json, "refunded", refunded >= int_of(charge->json, "amount"));
	if (by > 0)
		sim_emit(sim, "charge.refunded", charge, attributes_before(before, charge->json));
	else
		sim_emit(sim, "charge.updated", charge, attributes_before(before, charge->json));
	json_decref(before);
}

static void settle(struct sim *sim, struct record *refund, const char *status) {
	json_t *before = record_copy(refund);
	set_text(refund->json, "status", status);
	bool lost = strcmp(status, "succeeded") != 0;
	if (strcmp(status, "failed") == 0) set_text(refund->json, "failure_reason", "lost_or_stolen_card");
	json_t *previous = attributes_before(before, refund->json);
	json_decref(before);
	sim_emit(sim, "refund.updated", refund, json_incref(previous));
	sim_emit(sim, "charge.refund.updated", refund, previous);
	if (strcmp(status, "failed") == 0) sim_emit(sim, "refund.failed", refund, NULL);
	struct record *charge = sim_find(sim, K_CHARGE, text_of(refund->json, "charge"));
	if (lost && charge) change_charge(sim, charge, -int_of(refund->json, "amount"));
}

void refund_due(struct sim *sim, const char *id) {
	struct record *refund = sim_find(sim, K_REFUND, id);
	if (!refund || !text_is(refund->json, "status", "pending")) return;
	settle(sim, refund, text_is(refund->hidden, "ends", "failed") ? "failed" : "succeeded");
}

static struct record *charge_of(struct sim_request *r) {
	const char *id = want_text(r, r->params, NULL, "charge"),
		   *intent_id = want_text(r, r->params, NULL, "payment_intent");
	if (!id && !intent_id)
		(void)refuse(
			r, 400, "parameter_missing", "charge",
			"One of the following params should be provided for this request: payment_intent or charge.");
	if (failed(r)) return NULL;
	if (!id) {
		struct record *intent = want(r, K_PAYMENT_INTENT, intent_id, "payment_intent");
		id = intent ? text_of(intent->json, "latest_charge") : NULL;
		if (intent && !id)
			(void)refuse(r, 400, NULL, "payment_intent",
				     "This PaymentIntent does not have a successful charge to refund.");
	}
	return failed(r) ? NULL : want(r, K_CHARGE, id, "charge");
}

static json_t *create(struct sim_request *r) {
	struct record *charge = charge_of(r);
	if (!charge) return NULL;
	if (!text_is(charge->json, "status", "succeeded"))
		return refuse(r, 400, NULL, "charge", "Charge %s has not succeeded.", record_id(charge));
	int64_t left = int_of(charge->json, "amount") - int_of(charge->json, "amount_refunded");
	if (left <= 0)
		return refuse(r, 400, "charge_already_refunded", NULL, "Charge %s has already been refunded.",
			      record_id(charge));
	int64_t amount = want_int(r, r->params, NULL, "amount", left, 1, INT64_MAX);
	if (amount > left)
		(void)refuse(r, 400, NULL, "amount",
			     "Refund amount (%lld) is greater than unrefunded amount on charge (%lld)",
			     (long long)amount, (long long)left);
	const char *reason =
		want_choice(r, r->params, NULL, "reason", "duplicate|fraudulent|requested_by_customer", NULL);
	const char *told = text_of(json_object_get(r->params, "metadata"), "sim_status");
	if (failed(r)) return NULL;
	json_t *o = sim_shape(r->sim, K_REFUND);
	take_metadata(r, r->params, o);
	set_int(o, "amount", amount);
	set_text(o, "reason", reason);
	set_text(o, "charge", record_id(charge));
	set_text(o, "currency", text_of(charge->json, "currency"));
	set_text(o, "customer", text_of(charge->json, "customer"));
	set_text(o, "payment_intent", text_of(charge->json, "payment_intent"));
	set_text(o, "payment_method", text_of(charge->json, "payment_method"));
	bool waits = told && strcmp(told, "succeeded") != 0;
	if (waits) set_text(o, "status", "pending");
	struct record *refund = sim_add(r->sim, K_REFUND, o);
	if (waits) {
		set_text(record_hidden(refund), "ends", strcmp(told, "failing") == 0 ? "failed" : "succeeded");
		sim_at(r->sim, sim_now(r->sim) + PENDING_TAKES, DUE_REFUND, record_id(refund));
	}
	sim_emit(r->sim, "refund.created", refund, NULL);
	change_charge(r->sim, charge, amount);
	return record_show(refund);
}

static json_t *retrieve(struct sim_request *r) {
	struct record *refund = want(r, K_REFUND, r->ids[0], "id");
	return refund ? record_show(refund) : NULL;
}

static json_t *update(struct sim_request *r) {
	struct record *refund = want(r, K_REFUND, r->ids[0], "id");
	if (!refund) return NULL;
	json_t *before = record_copy(refund);
	take_metadata(r, r->params, refund->json);
	(void)sim_emit_change(r->sim, "refund.updated", refund, before);
	return record_show(refund);
}

static json_t *cancel(struct sim_request *r) {
	struct record *refund = want(r, K_REFUND, r->ids[0], "id");
	if (!refund) return NULL;
	if (!text_is(refund->json, "status", "pending"))
		return refuse(r, 400, NULL, NULL, "You cannot cancel this refund: its status is %s.",
			      text_of(refund->json, "status"));
	settle(r->sim, refund, "canceled");
	return record_show(refund);
}

static json_t *list(struct sim_request *r) { return list_records(r, K_REFUND, "charge,payment_intent,", NULL, NULL); }

static json_t *control(struct sim_request *r) {
	const char *id = need_text(r, r->params, NULL, "refund");
	const char *status = want_choice(r, r->params, NULL, "status", "succeeded|failed", "succeeded");
	struct record *refund = failed(r) ? NULL : sim_find_any(r->sim, id);
	if (failed(r)) return NULL;
	if (!refund || refund->kind != K_REFUND) return refuse_missing(r, K_REFUND, "refund", id);
	sim_follow(r->sim, refund);
	bool open = text_is(refund->json, "status", "pending") ||
		    (text_is(refund->json, "status", "succeeded") && strcmp(status, "failed") == 0);
	if (!open) return refuse(r, 400, NULL, "refund", "The refund's status is %s.", text_of(refund->json, "status"));
	settle(r->sim, refund, status);
	return record_show(refund);
}

static const struct sim_route rows[] = {
	{"POST", "/v1/refunds", create, "amount,charge,metadata,payment_intent,reason,"},
	{"GET", "/v1/refunds", list, LIST_PARAMS "charge,payment_intent,"},
	{"GET", "/v1/refunds/:a", retrieve, ""},
	{"POST", "/v1/refunds/:a", update, "metadata,"},
	{"POST", "/v1/refunds/:a/cancel", cancel, ""},
	{"POST", "/_sim/refund", control, "refund,status,"},
};
ROUTES(refund_routes, rows);
