#include "base/attr.h"
#include "domain/registers.h"

static int i64_cmp(int64_t a, int64_t b) { return (a > b) - (a < b); }

/* A total order over everything that is kept but the payment, so that the greatest is one. */
static int invoice_cmp(const struct invoice_register *a, const struct invoice_register *b) {
	const struct invoice *x = &a->invoice, *y = &b->invoice;
	const int64_t numbers[][2] = {
		{(int64_t)x->status, (int64_t)y->status},
		{a->stamp.created, b->stamp.created},
		{x->attempt_count, y->attempt_count},
	};
	const int64_t rest[][2] = {
		{x->amount_due, y->amount_due},
		{x->amount_remaining, y->amount_remaining},
		{x->period_start, y->period_start},
		{x->period_end, y->period_end},
		{x->next_payment_attempt, y->next_payment_attempt},
		{(int64_t)a->stamp.rank, (int64_t)b->stamp.rank},
	};
	int c = 0;
	for (size_t i = 0; !c && i < ARRAY_LEN(numbers); i++) c = i64_cmp(numbers[i][0], numbers[i][1]);
	if (!c) c = view_cmp(a->stamp.event, b->stamp.event);
	for (size_t i = 0; !c && i < ARRAY_LEN(rest); i++) c = i64_cmp(rest[i][0], rest[i][1]);
	if (!c) c = view_cmp(x->subscription, y->subscription);
	if (!c) c = view_cmp(x->customer, y->customer);
	if (!c) c = view_cmp(x->currency, y->currency);
	return c;
}

void invoice_register_observe(struct invoice_register *r, const struct stamp *stamp, const struct invoice *i) {
	r->known = true;
	r->stamp = *stamp;
	r->invoice = *i;
}

void invoice_register_join(struct invoice_register *into, const struct invoice_register *other) {
	if (!other->known) return;
	struct view payment = other->invoice.payment;
	if (into->known && view_cmp(into->invoice.payment, payment) > 0) payment = into->invoice.payment;
	if (!into->known || invoice_cmp(other, into) > 0) *into = *other;
	into->invoice.payment = payment;
}
