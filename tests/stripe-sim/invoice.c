#include "billing.h"

#include <stdio.h>

#include "shapes.h"

/* ---- reading ------------------------------------------------------------------ */

struct record *invoice_subscription(struct sim *sim, const struct record *inv) {
	const json_t *details = json_object_get(json_object_get(inv->json, "parent"), "subscription_details");
	return sim_find(sim, K_SUBSCRIPTION, text_of(details, "subscription"));
}

struct record *invoice_customer(struct sim *sim, const struct record *inv) {
	return sim_find(sim, K_CUSTOMER, text_of(inv->json, "customer"));
}

/* ---- making ------------------------------------------------------------------- */

json_t *line_make(struct sim *sim, const struct record *sub, const json_t *item, int64_t amount, int64_t start,
		  int64_t end, bool proration) {
	char id[SIM_ID_MAX], each[32];
	json_t *line = shape_parse(shape_line);
	const json_t *price = json_object_get(item, "price");
	json_t *parent = json_object_get(json_object_get(line, "parent"), "subscription_item_details");
	json_t *details = json_object_get(json_object_get(line, "pricing"), "price_details");
	sim_id(sim, "il_", id);
	(void)snprintf(each, sizeof each, "%lld", (long long)int_of(price, "unit_amount"));
	set_text(line, "id", id);
	set_bool(line, "livemode", sim->livemode);
	set_int(line, "amount", amount);
	set_int(line, "subtotal", amount);
	set_text(line, "currency", text_of(price, "currency"));
	set_int(line, "quantity", int_of(item, "quantity"));
	set_text(line, "subscription", record_id(sub));
	set_text(parent, "subscription", record_id(sub));
	set_text(parent, "subscription_item", text_of(item, "id"));
	set_bool(parent, "proration", proration);
	set_text(details, "price", text_of(price, "id"));
	set_text(details, "product", text_of(price, "product"));
	set_text(json_object_get(line, "pricing"), "unit_amount_decimal", each);
	(void)json_object_set_new(line, "period",
				  json_pack("{s:I, s:I}", "end", (json_int_t)end, "start", (json_int_t)start));
	(void)json_object_set(line, "metadata", json_object_get(sub->json, "metadata"));
	return line;
}

json_t *lines_of_period(struct sim *sim, const struct record *sub) {
	json_t *lines = json_array(), *items = items_of(sub->json), *item;
	size_t i;
	json_array_foreach(items, i, item) {
		int64_t amount = int_of(json_object_get(item, "price"), "unit_amount") * int_of(item, "quantity");
		(void)json_array_append_new(
			lines, line_make(sim, sub, item, amount, period_start(sub), period_end(sub), false));
	}
	return lines;
}

/* What the customer is owed, or owes, from before goes into it (customer.balance: negative is a credit). */
static void add_up(json_t *invoice, int64_t balance) {
	json_t *lines = json_object_get(json_object_get(invoice, "lines"), "data"), *line;
	int64_t total = 0;
	size_t i;
	json_array_foreach(lines, i, line) total += int_of(line, "amount");
	int64_t due = total + balance > 0 ? total + balance : 0;
	set_int(invoice, "subtotal", total);
	set_int(invoice, "subtotal_excluding_tax", total);
	set_int(invoice, "total", total);
	set_int(invoice, "total_excluding_tax", total);
	set_int(invoice, "starting_balance", balance);
	set_int(invoice, "amount_due", due);
	set_int(invoice, "amount_remaining", due);
}

static void describe(json_t *invoice, const struct record *sub, const struct record *customer) {
	static const char *const same[] = {"collection_method", "currency", "customer", "default_payment_method",
					   "test_clock"};
	for (size_t i = 0; i < ARRAY_LEN(same); i++)
		(void)json_object_set(invoice, same[i], json_object_get(sub->json, same[i]));
	set_text(invoice, "customer_email", text_of(customer->json, "email"));
	set_text(invoice, "customer_name", text_of(customer->json, "name"));
	set_text(invoice, "customer_phone", text_of(customer->json, "phone"));
	json_t *parent = json_pack("{s:n, s:{s:O, s:s}, s:s}", "quote_details", "subscription_details", "metadata",
				   json_object_get(sub->json, "metadata"), "subscription", record_id(sub), "type",
				   "subscription_details");
	(void)json_object_set_new(invoice, "parent", parent);
}

json_t *invoice_json(struct sim *sim, const struct record *sub, const char *reason, json_t *lines) {
	char url[SIM_ID_MAX + 32];
	json_t *invoice = sim_shape(sim, K_INVOICE), *line;
	const struct record *customer = sim_find(sim, K_CUSTOMER, text_of(sub->json, "customer"));
	size_t i;
	describe(invoice, sub, customer);
	set_text(invoice, "billing_reason", reason);
	json_array_foreach(lines, i, line) set_text(line, "invoice", text_of(invoice, "id"));
	json_t *list = json_object_get(invoice, "lines");
	(void)snprintf(url, sizeof url, "/v1/invoices/%s/lines", text_of(invoice, "id"));
	set_text(list, "url", url);
	(void)json_object_set_new(list, "data", lines);
	/* not the service period, which the lines have: what was used up to now */
	bool cycle = strcmp(reason, "subscription_cycle") == 0;
	set_int(invoice, "period_end", sim_now(sim));
	set_int(invoice, "period_start", cycle ? int_of(sub->hidden, "previous_start") : sim_now(sim));
	add_up(invoice, int_of(customer->json, "balance"));
	return invoice;
}

struct record *invoice_make(struct sim *sim, struct record *sub, const char *reason, json_t *lines) {
	json_t *waiting = json_object_get(sub->hidden, "lines");
	if (waiting) {
		(void)json_array_extend(lines, waiting);
		(void)json_object_del(sub->hidden, "lines");
	}
	json_t *invoice = invoice_json(sim, sub, reason, lines);
	set_int(invoice, "automatically_finalizes_at", sim_now(sim) + SIM_HOUR);
	struct record *inv = sim_add(sim, K_INVOICE, invoice);
	set_text(sub->json, "latest_invoice", record_id(inv));
	return inv;
}

/* ---- fates -------------------------------------------------------------------- */

static void set_moment(struct sim *sim, struct record *inv, const char *name) {
	json_t *moments = json_deep_copy(json_object_get(inv->json, "status_transitions"));
	set_int(moments, name, sim_now(sim));
	(void)json_object_set_new(inv->json, "status_transitions", moments);
}

static void number(struct sim *sim, struct record *inv) {
	char text[256];
	struct record *customer = invoice_customer(sim, inv);
	int64_t n = int_of(customer->json, "next_invoice_sequence");
	set_int(customer->json, "next_invoice_sequence", n + 1);
	(void)snprintf(text, sizeof text, "%.40s-%04lld", text_of(customer->json, "invoice_prefix"), (long long)n);
	set_text(inv->json, "number", text);
	(void)snprintf(text, sizeof text, "%s/i/%.40s", sim->base_url, record_id(inv));
	set_text(inv->json, "hosted_invoice_url", text);
	set_text(inv->json, "invoice_pdf", text);
}

/* What is credited or used up of the customer's balance. */
static void settle_balance(struct sim *sim, struct record *inv) {
	struct record *customer = invoice_customer(sim, inv);
	int64_t total = int_of(inv->json, "total"), balance = int_of(customer->json, "balance");
	add_up(inv->json, balance);
	int64_t rest = total + balance < 0 ? total + balance : 0;
	set_int(inv->json, "ending_balance", rest);
	if (rest == balance) return;
	json_t *before = record_copy(customer);
	set_int(customer->json, "balance", rest);
	(void)sim_emit_change(sim, "customer.updated", customer, before);
}

void invoice_finalize(struct sim *sim, struct record *inv) {
	if (!text_is(inv->json, "status", "draft")) return;
	struct record *sub = invoice_subscription(sim, inv);
	number(sim, inv);
	settle_balance(sim, inv);
	set_text(inv->json, "status", "open");
	set_int(inv->json, "effective_at", sim_now(sim));
	set_null(inv->json, "automatically_finalizes_at");
	set_moment(sim, inv, "finalized_at");
	if (sub) set_text(record_hidden(sub), "billed", record_id(inv));
	bool sent = text_is(inv->json, "collection_method", "send_invoice");
	if (sent) {
		int64_t days = sub ? int_of(sub->json, "days_until_due") : 0;
		set_int(inv->json, "due_date", sim_now(sim) + days * SIM_DAY);
		sim_at(sim, sim_now(sim) + days * SIM_DAY, DUE_OVERDUE, record_id(inv));
	}
	sim_emit(sim, "invoice.finalized", inv, NULL);
	if (sent) sim_emit(sim, "invoice.sent", inv, NULL);
	if (int_of(inv->json, "amount_due") == 0)
		invoice_settle(sim, inv, false);
	else
		(void)invoice_intent(sim, inv);
}

void invoice_settle(struct sim *sim, struct record *inv, bool out_of_band) {
	int64_t due = int_of(inv->json, "amount_due");
	set_text(inv->json, "status", "paid");
	set_int(inv->json, "amount_paid", due);
	set_int(inv->json, "amount_remaining", 0);
	set_bool(inv->json, "attempted", true);
	set_null(inv->json, "next_payment_attempt");
	set_moment(sim, inv, "paid_at");
	sim_emit(sim, "invoice.paid", inv, NULL);
	if (!out_of_band) sim_emit(sim, "invoice.payment_succeeded", inv, NULL);
	struct record *sub = invoice_subscription(sim, inv);
	if (sub) subscription_paid(sim, sub, inv);
}

/* Nothing is collected any more: its intent is cancelled. */
static void close_intent(struct sim *sim, struct record *inv) {
	struct record *intent = sim_find(sim, K_PAYMENT_INTENT, text_of(inv->hidden, "intent"));
	if (!intent || text_is(intent->json, "status", "succeeded") || text_is(intent->json, "status", "canceled"))
		return;
	set_text(intent->json, "status", "canceled");
	set_int(intent->json, "canceled_at", sim_now(sim));
	set_text(intent->json, "cancellation_reason", "void_invoice");
	set_null(intent->json, "next_action");
	sim_emit(sim, "payment_intent.canceled", intent, NULL);
	struct record *payment = invoice_payment_of(sim, inv);
	if (!payment) return;
	set_text(payment->json, "status", "canceled");
	set_int(json_object_get(payment->json, "status_transitions"), "canceled_at", sim_now(sim));
}

void invoice_void(struct sim *sim, struct record *inv) {
	set_text(inv->json, "status", "void");
	set_null(inv->json, "next_payment_attempt");
	set_bool(inv->json, "auto_advance", false);
	set_moment(sim, inv, "voided_at");
	close_intent(sim, inv);
	sim_emit(sim, "invoice.voided", inv, NULL);
	struct record *sub = invoice_subscription(sim, inv);
	if (sub) subscription_excused(sim, sub, inv);
}

void invoice_write_off(struct sim *sim, struct record *inv) {
	set_text(inv->json, "status", "uncollectible");
	set_null(inv->json, "next_payment_attempt");
	set_bool(inv->json, "auto_advance", false);
	set_moment(sim, inv, "marked_uncollectible_at");
	sim_emit(sim, "invoice.marked_uncollectible", inv, NULL);
	struct record *sub = invoice_subscription(sim, inv);
	if (sub) subscription_excused(sim, sub, inv);
}
