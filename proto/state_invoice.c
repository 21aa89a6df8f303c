/* invoice_register:
 *
 *   u8 version
 *   u8 status · rank << 4
 *   zigzag second · string event · string customer · string subscription · string currency
 *   zigzag amount_due · zigzag amount_remaining · zigzag attempt_count
 *   zigzag next_payment_attempt, period_start, period_end: each from the second
 *   string payment
 */
#include "proto/state_parts.h"

void invoice_register_write(struct writer *w, const struct invoice_register *r) {
	const struct invoice *x = &r->invoice;
	if (!r->known) w->failed = true;
	write_u8(w, STATE_VERSION);
	write_u8(w, (uint8_t)(x->status | (unsigned)r->stamp.rank << 4));
	write_zigzag(w, r->stamp.created);
	write_string(w, r->stamp.event, STRIPE_ID_MAX);
	write_string(w, x->customer, STRIPE_ID_MAX);
	write_string(w, x->subscription, STRIPE_ID_MAX);
	write_string(w, x->currency, CURRENCY_MAX);
	write_zigzag(w, x->amount_due);
	write_zigzag(w, x->amount_remaining);
	write_zigzag(w, x->attempt_count);
	write_after(w, x->next_payment_attempt, r->stamp.created);
	write_after(w, x->period_start, r->stamp.created);
	write_after(w, x->period_end, r->stamp.created);
	write_string(w, x->payment, STRIPE_ID_MAX);
}

enum error invoice_register_read(struct view bytes, struct view id, struct invoice_register *ret_r) {
	struct reader r = reader_of(bytes);
	struct invoice_register x = {.known = true};
	enum error e = read_version(&r);
	if (e) return e;

	uint8_t head = read_u8(&r);
	if ((head & 15) >= INVOICE_STATUS_COUNT || head >> 4 > RANK_DELETED) return ERR_MALFORMED;
	x.invoice.status = (enum invoice_status)(head & 15);
	x.stamp.rank = (enum rank)(head >> 4);
	x.stamp.created = read_zigzag(&r);
	x.stamp.event = read_string(&r, STRIPE_ID_MAX);
	x.invoice.id = id;
	x.invoice.customer = read_string(&r, STRIPE_ID_MAX);
	x.invoice.subscription = read_string(&r, STRIPE_ID_MAX);
	x.invoice.currency = read_string(&r, CURRENCY_MAX);
	x.invoice.amount_due = read_zigzag(&r);
	x.invoice.amount_remaining = read_zigzag(&r);
	x.invoice.attempt_count = read_zigzag(&r);
	x.invoice.next_payment_attempt = read_after(&r, x.stamp.created);
	x.invoice.period_start = read_after(&r, x.stamp.created);
	x.invoice.period_end = read_after(&r, x.stamp.created);
	x.invoice.payment = read_string(&r, STRIPE_ID_MAX);
	if (!reader_done(&r)) return ERR_MALFORMED;
	*ret_r = x;
	return OK;
}
