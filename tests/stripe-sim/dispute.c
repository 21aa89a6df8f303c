#include "billing.h"
#include "routes.h"

#define EVIDENCE_DAYS 7
#define REVIEW_DAYS 30

static void mark_charge(struct sim *sim, const struct record *dispute, bool disputed) {
	struct record *charge = sim_find(sim, K_CHARGE, text_of(dispute->json, "charge"));
	if (!charge) return;
	json_t *before = record_copy(charge);
	set_bool(charge->json, "disputed", disputed);
	(void)sim_emit_change(sim, "charge.updated", charge, before);
}

static bool is_inquiry(const struct record *dispute) {
	const char *status = text_of(dispute->json, "status");
	return strncmp(status, "warning_", 8) == 0;
}

static bool is_closed(const struct record *dispute) {
	return text_is(dispute->json, "status", "won") || text_is(dispute->json, "status", "lost") ||
	       text_is(dispute->json, "status", "warning_closed");
}

static struct record *open_dispute(struct sim *sim, struct record *charge, const char *reason, bool inquiry) {
	json_t *o = sim_shape(sim, K_DISPUTE);
	set_int(o, "amount", int_of(charge->json, "amount"));
	set_text(o, "currency", text_of(charge->json, "currency"));
	set_text(o, "charge", record_id(charge));
	set_text(o, "payment_intent", text_of(charge->json, "payment_intent"));
	set_text(o, "reason", reason);
	set_text(o, "status", inquiry ? "warning_needs_response" : "needs_response");
	set_bool(o, "is_charge_refundable", inquiry);
	if (inquiry)
		set_text(json_object_get(json_object_get(o, "payment_method_details"), "card"), "case_type", "inquiry");
	int64_t due_by = sim_now(sim) + EVIDENCE_DAYS * SIM_DAY;
	set_int(json_object_get(o, "evidence_details"), "due_by", due_by);
	struct record *dispute = sim_add(sim, K_DISPUTE, o);
	sim_emit(sim, "charge.dispute.created", dispute, NULL);
	mark_charge(sim, dispute, !inquiry);
	if (!inquiry) sim_emit(sim, "charge.dispute.funds_withdrawn", dispute, NULL);
	sim_at(sim, due_by, DUE_DISPUTE, record_id(dispute));
	return dispute;
}

/* An inquiry that the bank makes a dispute. */
static void escalate(struct sim *sim, struct record *dispute) {
	json_t *before = record_copy(dispute);
	set_text(dispute->json, "status", "needs_response");
	set_bool(dispute->json, "is_charge_refundable", false);
	(void)sim_emit_change(sim, "charge.dispute.updated", dispute, before);
	mark_charge(sim, dispute, true);
	sim_emit(sim, "charge.dispute.funds_withdrawn", dispute, NULL);
}

static void close_dispute(struct sim *sim, struct record *dispute, bool won) {
	json_t *before = record_copy(dispute);
	const char *status = is_inquiry(dispute) ? "warning_closed" : won ? "won" : "lost";
	set_text(dispute->json, "status", status);
	sim_emit(sim, "charge.dispute.closed", dispute, attributes_before(before, dispute->json));
	json_decref(before);
	if (strcmp(status, "won") == 0) sim_emit(sim, "charge.dispute.funds_reinstated", dispute, NULL);
}

/* No evidence by the deadline: lost. With evidence the bank decides a month later, for the merchant. */
void dispute_due(struct sim *sim, const char *id) {
	struct record *dispute = sim_find(sim, K_DISPUTE, id);
	if (!dispute || is_closed(dispute)) return;
	bool reviewed = text_is(dispute->json, "status", "under_review") ||
			text_is(dispute->json, "status", "warning_under_review");
	if (reviewed && !int_of(dispute->hidden, "reviewed")) {
		set_int(record_hidden(dispute), "reviewed", sim_now(sim));
		sim_at(sim, sim_now(sim) + REVIEW_DAYS * SIM_DAY, DUE_DISPUTE, id);
		return;
	}
	close_dispute(sim, dispute, reviewed);
}

static struct record *named(struct sim_request *r) { return want(r, K_DISPUTE, r->ids[0], "id"); }

static json_t *retrieve(struct sim_request *r) {
	struct record *dispute = named(r);
	return dispute ? record_show(dispute) : NULL;
}

static json_t *update(struct sim_request *r) {
	struct record *dispute = named(r);
	if (!dispute) return NULL;
	if (is_closed(dispute)) return refuse(r, 400, NULL, NULL, "This dispute is already closed");
	json_t *evidence = json_object_get(r->params, "evidence");
	(void)want_object(r, r->params, NULL, "evidence");
	bool submit = want_bool(r, r->params, NULL, "submit", true);
	if (failed(r)) return NULL;
	json_t *before = record_copy(dispute);
	take_metadata(r, r->params, dispute->json);
	if (evidence) {
		json_t *details = json_object_get(dispute->json, "evidence_details");
		(void)json_object_update_existing(json_object_get(dispute->json, "evidence"), evidence);
		set_bool(details, "has_evidence", true);
		if (submit) {
			set_int(details, "submission_count", int_of(details, "submission_count") + 1);
			set_text(dispute->json, "status",
				 is_inquiry(dispute) ? "warning_under_review" : "under_review");
		}
	}
	(void)sim_emit_change(r->sim, "charge.dispute.updated", dispute, before);
	return record_show(dispute);
}

static json_t *accept(struct sim_request *r) {
	struct record *dispute = named(r);
	if (!dispute) return NULL;
	if (is_closed(dispute)) return refuse(r, 400, NULL, NULL, "This dispute is already closed");
	close_dispute(r->sim, dispute, false);
	return record_show(dispute);
}

static json_t *list(struct sim_request *r) { return list_records(r, K_DISPUTE, "charge,payment_intent,", NULL, NULL); }

/* ---- the bank ------------------------------------------------------------------- */

/* {"charge", "reason", "inquiry"} opens one; {"dispute"} makes an inquiry a dispute. */
static json_t *control_open(struct sim_request *r) {
	const char *known = want_text(r, r->params, NULL, "dispute");
	const char *id = known ? known : need_text(r, r->params, NULL, "charge");
	const char *reason = want_text(r, r->params, NULL, "reason");
	bool inquiry = want_bool(r, r->params, NULL, "inquiry", false);
	struct record *rec = failed(r) ? NULL : sim_find_any(r->sim, id);
	if (failed(r)) return NULL;
	enum kind kind = known ? K_DISPUTE : K_CHARGE;
	if (!rec || rec->kind != kind) return refuse_missing(r, kind, known ? "dispute" : "charge", id);
	sim_follow(r->sim, rec);
	if (known) {
		if (!is_inquiry(rec) || is_closed(rec))
			return refuse(r, 400, NULL, "dispute", "It is no open inquiry.");
		escalate(r->sim, rec);
		return record_show(rec);
	}
	if (!text_is(rec->json, "status", "succeeded"))
		return refuse(r, 400, NULL, "charge", "Only a charge that succeeded can be disputed.");
	return record_show(open_dispute(r->sim, rec, reason ? reason : "fraudulent", inquiry));
}

static json_t *control_close(struct sim_request *r) {
	const char *id = need_text(r, r->params, NULL, "dispute");
	bool won = want_bool(r, r->params, NULL, "won", false);
	struct record *dispute = failed(r) ? NULL : sim_find_any(r->sim, id);
	if (failed(r)) return NULL;
	if (!dispute || dispute->kind != K_DISPUTE) return refuse_missing(r, K_DISPUTE, "dispute", id);
	if (is_closed(dispute)) return refuse(r, 400, NULL, "dispute", "It is closed already.");
	sim_follow(r->sim, dispute);
	close_dispute(r->sim, dispute, won);
	return record_show(dispute);
}

static const struct sim_route rows[] = {
	{"GET", "/v1/disputes", list, LIST_PARAMS "charge,payment_intent,"},
	{"GET", "/v1/disputes/:a", retrieve, ""},
	{"POST", "/v1/disputes/:a", update, "evidence,metadata,submit,"},
	{"POST", "/v1/disputes/:a/close", accept, ""},
	{"POST", "/_sim/dispute", control_open, "charge,dispute,reason,inquiry,"},
	{"POST", "/_sim/dispute/close", control_close, "dispute,won,"},
};
ROUTES(dispute_routes, rows);
