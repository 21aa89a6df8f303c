#include "preview.h"

#include <time.h>

#include "base/parse.h"
#include "net/stripe_form.h"
#include "stripe_read.h"

/* ---- decisions ----------------------------------------------------------------------------------- */

void portal_rules_read(const json_t *configuration, struct portal_rules *r) {
	const json_t *update = json_object_get(json_object_get(configuration, "features"), "subscription_update");
	const json_t *later = json_object_get(json_object_get(update, "schedule_at_period_end"), "conditions");
	*r = (struct portal_rules){.proration = text_is(update, "proration_behavior", "always_invoice") ? PRORATION_NOW
						: text_is(update, "proration_behavior", "none")         ? PRORATION_NONE
												: PRORATION_LATER};
	for (size_t i = 0; i < json_array_size(later); i++) {
		const json_t *condition = json_array_get(later, i);
		if (text_is(condition, "type", "decreasing_item_amount")) r->cheaper_later = true;
		if (text_is(condition, "type", "shortening_interval")) r->shorter_later = true;
	}
}

/* Of one period; -1: not known. */
static int64_t times(int64_t amount, int64_t quantity) {
	int64_t product;
	return amount < 0 || __builtin_mul_overflow(amount, quantity, &product) ? -1 : product;
}

void change_decide(struct change *c, const json_t *present, const struct portal_rules *rules) {
	const json_t *price = json_object_get(present, "price"), *recurring = json_object_get(price, "recurring");
	const char *interval = text_of(recurring, "interval");
	int64_t count = whole_of(recurring, "interval_count", 1);
	int64_t before = times(whole_of(price, "unit_amount", -1), whole_of(present, "quantity", 1));
	int64_t after = times(c->to->amount, c->quantity);
	int64_t days_before = interval ? interval_days(interval, count) : 0;
	int64_t days_after = interval_days(c->to->interval, c->to->interval_count);
	bool cheaper = before >= 0 && after >= 0 && after < before, shorter = days_after < days_before;
	c->period_end = moment_of(present, "current_period_end");
	c->other_interval = !interval || strcmp(interval, c->to->interval) != 0 || count != c->to->interval_count;
	c->at_period_end = (cheaper && rules->cheaper_later) || (shorter && rules->shorter_later);
	c->proration = rules->proration;
}

/* ---- what Stripe is asked ------------------------------------------------------------------------ */

void change_form(struct writer *w, const struct change *c, bool prorated) {
	static const char *const words[] = {
		[PRORATION_LATER] = "create_prorations", [PRORATION_NOW] = "always_invoice", [PRORATION_NONE] = "none"};
	stripe_field(w, "customer", view_str(c->customer));
	stripe_field(w, "subscription", view_str(c->subscription));
	stripe_field(w, "subscription_details[items][0][id]", view_str(c->item));
	stripe_field(w, "subscription_details[items][0][price]", view_str(c->to->id));
	stripe_field_number(w, "subscription_details[items][0][quantity]", c->quantity);
	stripe_field(w, "subscription_details[proration_behavior]",
		     view_str(words[prorated ? c->proration : PRORATION_NONE]));
	if (prorated && c->proration != PRORATION_NONE)
		stripe_field_number(w, "subscription_details[proration_date]", c->now);
}

bool change_asks_now(const struct change *c) {
	return !c->at_period_end && (c->proration != PRORATION_NONE || c->other_interval);
}

/* Where the interval stays, the next period of the new price; with another, Stripe would preview an invoice of today.
 */
bool change_asks_next(const struct change *c) {
	return !c->other_interval && (c->at_period_end || c->proration != PRORATION_LATER);
}

/* ---- what is shown ------------------------------------------------------------------------------- */

static bool is_proration(const json_t *line) {
	const json_t *parent = json_object_get(line, "parent");
	return yes_of(json_object_get(parent, "subscription_item_details"), "proration") ||
	       yes_of(json_object_get(parent, "invoice_item_details"), "proration");
}

static void add_lines(json_t *to, const json_t *invoice) {
	const json_t *lines = data_of(json_object_get(invoice, "lines"));
	for (size_t i = 0; i < json_array_size(lines); i++) {
		const json_t *line = json_array_get(lines, i);
		(void)json_array_append_new(
			to, json_pack("{s:s?, s:I, s:b}", "description", text_of(line, "description"), "amount",
				      (json_int_t)whole_of(line, "amount", 0), "proration", is_proration(line)));
	}
}

static json_t *money(int64_t amount, const char *currency) {
	return json_pack("{s:I, s:s}", "amount", (json_int_t)amount, "currency", currency);
}

static json_t *next_json(int64_t at, int64_t amount, const char *currency) {
	char text[RFC3339_SIZE];
	if (at <= 0 || amount < 0) return json_null();
	format_rfc3339(at, text);
	return json_pack("{s:s, s:I, s:s}", "at", text, "amount", (json_int_t)amount, "currency", currency);
}

static int64_t due_of(const json_t *invoice) {
	int64_t due = whole_of(invoice, "amount_due", 0);
	return due > 0 ? due : 0;
}

/* What an invoice gives back goes to the customer's balance, and pays for what comes next. */
static int64_t credit_of(const json_t *invoice) {
	int64_t total = whole_of(invoice, "total", 0);
	return total < 0 && total > INT64_MIN ? -total : 0;
}

static int64_t less(int64_t amount, int64_t credit) {
	if (amount < 0) return amount;
	return amount > credit ? amount - credit : 0;
}

/* When the period that begins with the change ends; what comes is the price. */
static json_t *next_after_restart(const struct change *c, int64_t credit) {
	int64_t from = c->at_period_end ? c->period_end : c->now;
	int64_t at = c->at_period_end ? from : interval_after(from, c->to->interval, c->to->interval_count);
	return next_json(at, less(times(c->to->amount, c->quantity), credit), c->to->currency);
}

json_t *change_show(const struct change *c, struct view tier, const json_t *now_invoice, const json_t *next_invoice) {
	json_t *lines = json_array(), *next;
	bool billed_now = now_invoice && (c->proration == PRORATION_NOW || c->other_interval);
	int64_t credit = billed_now ? credit_of(now_invoice) : 0;
	if (now_invoice) add_lines(lines, now_invoice);
	if (c->other_interval)
		next = next_after_restart(c, credit);
	else if (next_invoice)
		next = next_json(c->period_end, less(due_of(next_invoice), credit), c->to->currency);
	else
		next = next_json(c->period_end, due_of(now_invoice), c->to->currency);
	if (!now_invoice && next_invoice) add_lines(lines, next_invoice);
	return json_pack("{s:s%, s:s, s:s, s:o, s:o, s:o}", "tier", tier.ptr, tier.len, "price", c->to->id, "effective",
			 c->at_period_end ? "period_end" : "now", "now",
			 money(credit > 0   ? -credit
			       : billed_now ? due_of(now_invoice)
					    : 0,
			       c->to->currency),
			 "next", next, "lines", lines);
}

/* ---- a first purchase ---------------------------------------------------------------------------- */

int64_t interval_after(int64_t at, const char *interval, int64_t count) {
	bool months = strcmp(interval, "month") == 0, years = strcmp(interval, "year") == 0;
	time_t start = (time_t)at;
	struct tm day;
	if (count < 1 || count > 10000 || !gmtime_r(&start, &day)) return 0;
	if (!months && !years) return at + interval_days(interval, count) * 86400;
	int wanted = day.tm_mday;
	day.tm_mon += (int)count * (years ? 12 : 1);
	day.tm_mday = 1;
	time_t first = timegm(&day); /* brings month and year into their range */
	if (!gmtime_r(&first, &day)) return 0;
	static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int year = day.tm_year + 1900;
	bool leap = day.tm_mon == 1 && (year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));
	int last = lengths[day.tm_mon] + leap;
	day.tm_mday = wanted < last ? wanted : last;
	return (int64_t)timegm(&day);
}

json_t *purchase_show(const struct price *p, int64_t quantity, int64_t now, struct view tier) {
	int64_t amount = times(p->amount, quantity);
	json_t *line = json_pack("{s:s%, s:I, s:b}", "description", tier.ptr, tier.len, "amount",
				 (json_int_t)(amount < 0 ? 0 : amount), "proration", 0);
	return json_pack("{s:s%, s:s, s:s, s:o, s:o, s:[o]}", "tier", tier.ptr, tier.len, "price", p->id, "effective",
			 "now", "now", money(amount < 0 ? 0 : amount, p->currency), "next",
			 next_json(interval_after(now, p->interval, p->interval_count), amount, p->currency), "lines",
			 line);
}
