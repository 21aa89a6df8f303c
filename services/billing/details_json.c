#include "base/parse.h"
#include "details.h"

static json_t *moment(int64_t s) {
	char text[RFC3339_SIZE];
	if (s <= 0) return json_null();
	format_rfc3339(s, text);
	return json_string(text);
}
static json_t *whole(int64_t n, bool known) { return known ? json_integer((json_int_t)n) : json_null(); }
static json_t *text(const char *s) { return s[0] ? json_string(s) : json_null(); }

static json_t *subscription_json(const struct details_subscription *s) {
	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:b}", "id", s->id, "tier",
			 text(s->tier), "price", text(s->price), "lookup_key", text(s->lookup_key), "interval",
			 text(s->interval), "interval_count", (json_int_t)s->interval_count, "quantity",
			 (json_int_t)s->quantity, "amount", whole(s->amount, s->amount >= 0), "currency",
			 text(s->currency), "status", text(s->status), "cancel_at", moment(s->cancel_at), "trial_end",
			 moment(s->trial_end), "current_period_end", moment(s->current_period_end), "collection_paused",
			 s->collection_paused);
}

static json_t *method_json(const struct details_payment_method *m) {
	return json_pack("{s:s, s:o, s:o, s:o, s:o}", "type", m->type, "brand", text(m->brand), "last4", text(m->last4),
			 "exp_month", whole(m->exp_month, m->exp_month > 0), "exp_year",
			 whole(m->exp_year, m->exp_year > 0));
}

static json_t *invoice_json(const struct details_invoice *i) {
	return json_pack("{s:s, s:I, s:o, s:o, s:o, s:o, s:b}", "id", i->id, "amount_due", (json_int_t)i->amount_due,
			 "currency", text(i->currency), "due_at", moment(i->due_at), "hosted_url", text(i->hosted_url),
			 "next_attempt_at", moment(i->next_attempt_at), "needs_confirmation", i->needs_confirmation);
}

json_t *details_json(const struct details *d) {
	json_t *sub = d->has_subscription ? subscription_json(&d->subscription) : json_null();
	json_t *method = d->has_payment_method ? method_json(&d->payment_method) : json_null();
	json_t *invoice = d->has_open_invoice ? invoice_json(&d->open_invoice) : json_null();
	json_t *upcoming = json_null(), *schedule = json_null();
	if (d->has_upcoming)
		upcoming = json_pack("{s:o, s:I, s:o}", "at", moment(d->upcoming.at), "amount",
				     (json_int_t)d->upcoming.amount, "currency", text(d->upcoming.currency));
	if (d->has_schedule)
		schedule = json_pack("{s:o, s:o, s:s}", "at", moment(d->schedule.at), "tier", text(d->schedule.tier),
				     "price", d->schedule.price);
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "as_of", moment(d->as_of), "subscription", sub,
			 "payment_method", method, "open_invoice", invoice, "upcoming", upcoming, "schedule", schedule);
}
