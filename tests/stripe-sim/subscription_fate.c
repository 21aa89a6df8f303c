#include "billing.h"

/* What payments and time do to a subscription's status. */

static bool is_billed_by(const struct record *sub, const struct record *inv) {
	return text_is(sub->hidden, "billed", record_id(inv));
}

static const char *granted_status(struct sim *sim, const struct record *sub) {
	return int_of(sub->json, "trial_end") > sim_now(sim) ? "trialing" : "active";
}

static void resume(struct sim *sim, struct record *sub) {
	(void)json_object_del(sub->hidden, "resume_invoice");
	subscription_turn(sim, sub, "active");
	sim_emit(sim, "customer.subscription.resumed", sub, NULL);
	subscription_remind(sim, sub);
}

void subscription_paid(struct sim *sim, struct record *sub, struct record *inv) {
	if (text_is(sub->hidden, "pending_invoice", record_id(inv)))
		pending_update_apply(sim, sub);
	else if (subscription_is(sub, "paused") && text_is(sub->hidden, "resume_invoice", record_id(inv)))
		resume(sim, sub);
	else if (subscription_is(sub, "incomplete"))
		subscription_turn(sim, sub, granted_status(sim, sub));
	else if (subscription_is(sub, "past_due|unpaid") && is_billed_by(sub, inv))
		subscription_turn(sim, sub, "active");
}

void subscription_failed(struct sim *sim, struct record *sub, struct record *inv) {
	bool pending = text_is(sub->hidden, "pending_invoice", record_id(inv));
	if (!pending && subscription_is(sub, "active") && is_billed_by(sub, inv))
		subscription_turn(sim, sub, "past_due");
}

void subscription_given_up(struct sim *sim, struct record *sub, struct record *inv) {
	if (!subscription_is(sub, "past_due") || !is_billed_by(sub, inv)) return;
	if (text_is(sim->settings, "after_retries", "cancel"))
		subscription_end(sim, sub, "payment_failed");
	else if (text_is(sim->settings, "after_retries", "unpaid"))
		subscription_turn(sim, sub, "unpaid");
}

static void expire(struct sim *sim, struct record *sub) {
	json_t *before = record_copy(sub);
	set_text(sub->json, "status", "incomplete_expired");
	set_int(sub->json, "ended_at", sim_now(sim));
	pending_update_forget(sub);
	(void)sim_emit_change(sim, "customer.subscription.updated", sub, before);
	schedule_detach(sim, sub);
}

void subscription_excused(struct sim *sim, struct record *sub, struct record *inv) {
	if (!is_billed_by(sub, inv)) return;
	if (subscription_is(sub, "incomplete"))
		expire(sim, sub);
	else if (subscription_is(sub, "past_due"))
		subscription_turn(sim, sub, "active");
}

/* 23 hours after the start (docs.stripe.com/billing/subscriptions/overview#requires-action). */
void subscription_expire_due(struct sim *sim, const char *id) {
	struct record *sub = sim_find(sim, K_SUBSCRIPTION, id);
	if (!sub || !subscription_is(sub, "incomplete")) return;
	expire(sim, sub);
	struct record *inv = sim_find(sim, K_INVOICE, text_of(sub->json, "latest_invoice"));
	if (inv && text_is(inv->json, "status", "open")) invoice_void(sim, inv);
}

/* ---- the end -------------------------------------------------------------------- */

/* Drafts of an ended subscription are not finalized by themselves any more. */
static void stop_invoices(struct sim *sim, const struct record *sub) {
	const struct records *all = sim_indexed(sim, K_INVOICE, "subscription", record_id(sub), NULL);
	for (size_t i = 0; all && i < all->count; i++) {
		struct record *inv = all->at[i];
		if (!text_is(inv->json, "status", "draft") && !text_is(inv->json, "status", "open")) continue;
		set_bool(inv->json, "auto_advance", false);
		set_null(inv->json, "next_payment_attempt");
		set_null(inv->json, "automatically_finalizes_at");
	}
}

void subscription_end(struct sim *sim, struct record *sub, const char *reason) {
	if (subscription_is(sub, "canceled|incomplete_expired")) return;
	json_t *details = json_deep_copy(json_object_get(sub->json, "cancellation_details"));
	if (!text_of(details, "reason")) set_text(details, "reason", reason);
	(void)json_object_set_new(sub->json, "cancellation_details", details);
	set_text(sub->json, "status", "canceled");
	if (!int_of(sub->json, "canceled_at")) set_int(sub->json, "canceled_at", sim_now(sim));
	set_int(sub->json, "ended_at", sim_now(sim));
	pending_update_forget(sub);
	set_null(sub->json, "status_details");
	stop_invoices(sim, sub);
	sim_emit(sim, "customer.subscription.deleted", sub, NULL);
	schedule_detach(sim, sub);
	const struct record *customer = sim_find(sim, K_CUSTOMER, text_of(sub->json, "customer"));
	if (customer) entitlements_tell(sim, customer);
}

void customer_subscriptions_end(struct sim *sim, struct record *customer) {
	const struct records *all = sim_indexed(sim, K_SUBSCRIPTION, "customer", record_id(customer), NULL);
	for (size_t i = 0; all && i < all->count; i++) subscription_end(sim, all->at[i], "cancellation_requested");
}

/* cancel_at, or the end of the period it was cancelled at. */
void subscription_cancel_due(struct sim *sim, const char *id) {
	struct record *sub = sim_find(sim, K_SUBSCRIPTION, id);
	int64_t at = sub ? int_of(sub->json, "cancel_at") : 0;
	if (at && at <= sim_now(sim)) subscription_end(sim, sub, "cancellation_requested");
}

/* ---- trials --------------------------------------------------------------------- */

void trial_warning_due(struct sim *sim, const char *id) {
	struct record *sub = sim_find(sim, K_SUBSCRIPTION, id);
	if (!sub || !subscription_is(sub, "trialing")) return;
	int64_t trial_end = int_of(sub->json, "trial_end");
	if (trial_end - sim_now(sim) > 3 * SIM_DAY || int_of(sub->hidden, "warned") == trial_end) return;
	set_int(record_hidden(sub), "warned", trial_end);
	sim_emit(sim, "customer.subscription.trial_will_end", sub, NULL);
}

void subscription_pause(struct sim *sim, struct record *sub, const char *why) {
	json_t *details =
		json_pack("{s:{s:{s:s}, s:s}}", "paused", "subscription", "type", why, "type", "subscription");
	json_t *before = record_copy(sub);
	set_text(sub->json, "status", "paused");
	(void)json_object_set_new(sub->json, "status_details", details);
	(void)sim_emit_change(sim, "customer.subscription.updated", sub, before);
	sim_emit(sim, "customer.subscription.paused", sub, NULL);
}

void trial_end_due(struct sim *sim, const char *id) {
	struct record *sub = sim_find(sim, K_SUBSCRIPTION, id);
	if (!sub || !subscription_is(sub, "trialing") || int_of(sub->json, "trial_end") > sim_now(sim)) return;
	int64_t cancel_at = int_of(sub->json, "cancel_at");
	if (cancel_at && cancel_at <= sim_now(sim)) {
		subscription_end(sim, sub, "cancellation_requested");
		return;
	}
	if (text_of(sub->json, "schedule")) schedule_phase_due(sim, text_of(sub->json, "schedule"));
	const struct record *customer = sim_find(sim, K_CUSTOMER, text_of(sub->json, "customer"));
	const json_t *behavior = json_object_get(json_object_get(sub->json, "trial_settings"), "end_behavior");
	bool missing =
		!card_method(sim, customer, sub) && text_is(sub->json, "collection_method", "charge_automatically");
	if (missing && text_is(behavior, "missing_payment_method", "cancel")) {
		subscription_end(sim, sub, "cancellation_requested");
	} else if (missing && text_is(behavior, "missing_payment_method", "pause")) {
		subscription_pause(sim, sub, "trial_end_without_payment_method");
	} else if (subscription_is(sub, "trialing")) {
		json_t *before = record_copy(sub);
		set_text(sub->json, "status", "active");
		(void)subscription_begin_period(sim, sub, before, "subscription_cycle", false);
	}
}

/* ---- renewal -------------------------------------------------------------------- */

/* The period moves on before anything is paid; the invoice stays a draft for an hour. */
static void renew(struct sim *sim, struct record *sub) {
	json_t *before = record_copy(sub), *hidden = record_hidden(sub);
	int64_t start = period_end(sub), cycle = int_of(hidden, "cycle") + 1;
	set_int(hidden, "previous_start", period_start(sub));
	while (cycle_end(sub->json, cycle) <= start) cycle++;
	set_int(hidden, "cycle", cycle);
	items_set_period(sub->json, start, cycle_end(sub->json, cycle));
	struct record *inv = invoice_make(sim, sub, "subscription_cycle", lines_of_period(sim, sub));
	bool kept = text_is(json_object_get(sub->json, "pause_collection"), "behavior", "keep_as_draft");
	if (kept || subscription_is(sub, "unpaid")) {
		set_bool(inv->json, "auto_advance", false);
		set_null(inv->json, "automatically_finalizes_at");
	} else {
		sim_at(sim, sim_now(sim) + SIM_HOUR, DUE_FINALIZE, record_id(inv));
	}
	(void)sim_emit_change(sim, "customer.subscription.updated", sub, before);
	sim_emit(sim, "invoice.created", inv, NULL);
	subscription_remind(sim, sub);
}

void subscription_renew_due(struct sim *sim, const char *id) {
	struct record *sub = sim_find(sim, K_SUBSCRIPTION, id);
	if (!sub || !subscription_is(sub, "active|past_due|unpaid") || period_end(sub) > sim_now(sim)) return;
	int64_t cancel_at = int_of(sub->json, "cancel_at");
	if (cancel_at && cancel_at <= sim_now(sim)) {
		subscription_end(sim, sub, "cancellation_requested");
		return;
	}
	if (text_of(sub->json, "schedule")) schedule_phase_due(sim, text_of(sub->json, "schedule"));
	/* which may have ended it, or have begun a new period */
	if (subscription_is(sub, "active|past_due|unpaid") && period_end(sub) <= sim_now(sim)) renew(sim, sub);
}

void invoice_upcoming_due(struct sim *sim, const char *id) {
	struct record *sub = sim_find(sim, K_SUBSCRIPTION, id);
	if (!sub || !subscription_is(sub, "active|past_due") || int_of(sub->json, "cancel_at")) return;
	if (int_of(sub->hidden, "told") == period_end(sub) || period_end(sub) - sim_now(sim) > UPCOMING_AHEAD) return;
	set_int(record_hidden(sub), "told", period_end(sub));
	json_t *invoice = invoice_json(sim, sub, "upcoming", lines_of_period(sim, sub));
	(void)json_object_del(invoice, "id");
	sim_emit_object(sim, "invoice.upcoming", invoice);
	json_decref(invoice);
}

void resume_collection_due(struct sim *sim, const char *id) {
	struct record *sub = sim_find(sim, K_SUBSCRIPTION, id);
	int64_t at = sub ? int_of(json_object_get(sub->json, "pause_collection"), "resumes_at") : 0;
	if (!at || at > sim_now(sim)) return;
	json_t *before = record_copy(sub);
	set_null(sub->json, "pause_collection");
	(void)sim_emit_change(sim, "customer.subscription.updated", sub, before);
}
