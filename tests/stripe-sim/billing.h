/* How the parts of the billing machine call each other: cards, invoices, payments, subscriptions.
 *
 * An invoice of a subscription:  draft → open → paid | void | uncollectible
 * A subscription:                incomplete → active | incomplete_expired;  trialing → active | paused | canceled;
 *                                active ↔ past_due → unpaid | canceled;  unpaid → active;  active ↔ paused
 * (docs.stripe.com/billing/subscriptions/overview, docs.stripe.com/invoicing/overview)
 *
 * Hidden fields of records, all optional:
 *   customer      card: outcome of its next payments, by the simulator's control
 *   payment_method  outcome
 *   subscription  cycle: periods since the anchor; billed: its latest finalized invoice; lines: prorations for the next
 *                 invoice; pending, pending_invoice: an update that waits for payment; resume_invoice; async
 *   invoice       intent, retries, first_failed; async: paid later
 *   session       items, subscription_data, async
 *   schedule      place: the phase that applies
 */
#ifndef STRIPE_SIM_BILLING_H
#define STRIPE_SIM_BILLING_H

#include "sim.h"

#define UPCOMING_AHEAD (7 * SIM_DAY) /* invoice.upcoming comes so long before the renewal */

/* ---- card.c, payment_method.c ------------------------------------------------- */

enum outcome { CARD_OK, CARD_DECLINED, CARD_ACTION, CARD_NONE, CARD_ASYNC };

/* How a payment of this customer goes now; sub may be NULL. */
enum outcome card_outcome(struct sim *sim, const struct record *customer, const struct record *sub);
/* The payment method that would be used, or NULL. */
const char *card_method(struct sim *sim, const struct record *customer, const struct record *sub);
/* How its next payments go: "ok", "declined", "requires_action" or "none". It gets a default card, or loses it. */
void card_set(struct sim *sim, struct record *customer, const char *outcome);
/* Attaches a payment method, or a fresh one for one of Stripe's test names ("pm_card_visa"). NULL: r->error. */
struct record *payment_method_attach(struct sim_request *r, const char *id, struct record *customer);
void customer_default_method(struct sim *sim, struct record *customer, const char *id);

/* ---- invoice.c ---------------------------------------------------------------- */

/* "il_…": one line for an item; amount in the currency's smallest unit. */
json_t *line_make(struct sim *sim, const struct record *sub, const json_t *item, int64_t amount, int64_t start,
		  int64_t end, bool proration);
/* A line for every item and its current period. New reference. */
json_t *lines_of_period(struct sim *sim, const struct record *sub);
/* An unsaved draft, as create_preview shows it. Takes lines. */
json_t *invoice_json(struct sim *sim, const struct record *sub, const char *reason, json_t *lines);
/* A draft that becomes the subscription's latest_invoice; nothing is emitted. Takes lines; adds what waits in
 * hidden.lines. */
struct record *invoice_make(struct sim *sim, struct record *sub, const char *reason, json_t *lines);
/* draft → open, and at once → paid when nothing is due. */
void invoice_finalize(struct sim *sim, struct record *inv);
void invoice_void(struct sim *sim, struct record *inv);
void invoice_write_off(struct sim *sim, struct record *inv);
/* open → paid, and what follows from it for the subscription. */
void invoice_settle(struct sim *sim, struct record *inv, bool out_of_band);
struct record *invoice_subscription(struct sim *sim, const struct record *inv);
struct record *invoice_customer(struct sim *sim, const struct record *inv);

/* ---- pay.c -------------------------------------------------------------------- */

/* The intent and the invoice_payment of an open invoice, made when missing. */
struct record *invoice_intent(struct sim *sim, struct record *inv);
struct record *invoice_payment_of(struct sim *sim, const struct record *inv);
/* Tries to collect an open invoice, with everything that follows. CARD_OK: it is paid. */
enum outcome invoice_attempt(struct sim *sim, struct record *inv);
enum outcome invoice_attempt_as(struct sim *sim, struct record *inv, enum outcome outcome);

/* ---- subscription.c ----------------------------------------------------------- */

struct subscription_spec {
	struct record *customer;
	json_t *items;    /* list of subscription items (item_make); taken */
	json_t *metadata; /* borrowed; or NULL */
	const char *payment_behavior;
	const char *collection_method;
	const char *default_payment_method;
	const char *missing_payment_method; /* trial_settings.end_behavior */
	const char *description;
	int64_t days_until_due;
	int64_t trial_end; /* 0: none */
	int64_t cancel_at; /* 0: none */
	int64_t anchor;    /* 0: now or the trial's end */
	bool cancel_at_period_end;
	bool checkout; /* begins incomplete whatever the card says */
	bool async;    /* paid later */
};

/* NULL: r->error (error_if_incomplete). r may be NULL when time starts it. */
struct record *subscription_start(struct sim *sim, struct sim_request *r, struct subscription_spec *spec);
json_t *item_make(struct sim *sim, const struct record *price, int64_t quantity);
/* From params' items[]; NULL: r->error. `at` is the list's name in errors. */
json_t *items_read(struct sim_request *r, const json_t *list, const char *at);
/* Not too many, and all by one interval; false: r->error. Of a subscription's items, or a phase's. */
bool items_check(struct sim_request *r, const json_t *items, const char *at);
/* The list sub.items.data (borrowed). */
json_t *items_of(const json_t *sub);
void items_set(json_t *sub, json_t *data); /* takes data */
void items_set_period(json_t *sub, int64_t start, int64_t end);
int64_t period_start(const struct record *sub);
int64_t period_end(const struct record *sub);
/* The end of the period that begins `cycle` periods after the anchor. */
int64_t cycle_end(const json_t *sub, int64_t cycle);
bool subscription_is(const struct record *sub, const char *statuses); /* "active|past_due" */
/* Sets status and emits customer.subscription.updated. */
void subscription_turn(struct sim *sim, struct record *sub, const char *status);
/* → canceled, now. reason of cancellation_details. */
void subscription_end(struct sim *sim, struct record *sub, const char *reason);
void customer_subscriptions_end(struct sim *sim, struct record *customer);
/* What an invoice's fate does to its subscription. */
void subscription_paid(struct sim *sim, struct record *sub, struct record *inv);
void subscription_failed(struct sim *sim, struct record *sub, struct record *inv);
void subscription_given_up(struct sim *sim, struct record *sub, struct record *inv);
/* The latest finalized invoice is void or uncollectible. */
void subscription_excused(struct sim *sim, struct record *sub, struct record *inv);
/* Reminders for what stands in the object: period, trial, cancel_at, resumes_at. */
void subscription_remind(struct sim *sim, const struct record *sub);
/* A new period from this second, and its invoice: collected now, or left a draft for an hour. Emits what has changed
 * since `before` (taken). The invoice. */
struct record *subscription_begin_period(struct sim *sim, struct record *sub, json_t *before, const char *reason,
					 bool collect);
/* → paused, and the reason that status_details gives. */
void subscription_pause(struct sim *sim, struct record *sub, const char *why);

/* ---- subscription_update.c ---------------------------------------------------- */

/* What POST /v1/subscriptions/:id does, with r->params. */
json_t *subscription_update(struct sim_request *r, struct record *sub);
/* The items as items[] of a request would make them: copies, the old ones stay. NULL: r->error. */
json_t *items_after(struct sim_request *r, const struct record *sub, const json_t *list);
/* The items become `items` (taken), with prorations as asked: create_prorations, always_invoice, none. */
void subscription_set_items(struct sim *sim, struct record *sub, json_t *items, const char *proration);
/* Do they recur in the same rhythm? */
bool items_same_interval(const json_t *a, const json_t *b);
/* Credit for what is left of the old items and the price of the rest of the period for the new ones. New reference. */
json_t *prorations(struct sim *sim, const struct record *sub, json_t *items);
void pending_update_apply(struct sim *sim, struct record *sub);
/* It waits no more; tells nobody. */
void pending_update_forget(struct record *sub);

/* ---- others -------------------------------------------------------------------- */

/* The subscription has ended or changed by itself: its schedule ends too. */
void schedule_detach(struct sim *sim, struct record *sub);
/* After access may have changed: entitlements.active_entitlement_summary.updated. */
void entitlements_tell(struct sim *sim, const struct record *customer);
/* A session's subscription was paid, or not, later. */
void session_settled(struct sim *sim, struct record *inv, bool paid);

#endif
