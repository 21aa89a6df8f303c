/* payment_register:
 *
 *   u8 version
 *   u8 reversal count · has_charge << 4
 *   string invoice · string customer · zigzag amount
 *   [zigzag charge_seen · zigzag refunded · string charge_event]
 *   count × (string id · u8 state · zigzag amount · zigzag seen · string event)
 */
#include "proto/state_parts.h"

void payment_register_write(struct writer *w, const struct payment_register *r) {
	if (r->reversal_count > REVERSALS_MAX) {
		w->failed = true;
		return;
	}
	write_u8(w, STATE_VERSION);
	write_u8(w, (uint8_t)(r->reversal_count | (unsigned)r->has_charge << 4));
	write_string(w, r->invoice, STRIPE_ID_MAX);
	write_string(w, r->customer, STRIPE_ID_MAX);
	write_zigzag(w, r->amount);
	if (r->has_charge) {
		write_zigzag(w, r->charge_seen);
		write_zigzag(w, r->refunded);
		write_string(w, r->charge_event, STRIPE_ID_MAX);
	}
	for (unsigned i = 0; i < r->reversal_count; i++) {
		const struct reversal_seen *s = &r->reversals[i];
		write_string(w, s->reversal.id, STRIPE_ID_MAX);
		write_u8(w, (uint8_t)s->reversal.state);
		write_zigzag(w, s->reversal.amount);
		write_zigzag(w, s->seen);
		write_string(w, s->event, STRIPE_ID_MAX);
	}
}

enum error payment_register_read(struct view bytes, struct payment_register *ret_r) {
	struct reader r = reader_of(bytes);
	struct payment_register x = {0};
	enum error e = read_version(&r);
	if (e) return e;

	uint8_t head = read_u8(&r);
	if ((head & 15) > REVERSALS_MAX || head >> 4 > 1) return ERR_MALFORMED;
	x.reversal_count = head & 15;
	x.has_charge = head >> 4;
	x.invoice = read_string(&r, STRIPE_ID_MAX);
	x.customer = read_string(&r, STRIPE_ID_MAX);
	x.amount = read_zigzag(&r);
	if (x.has_charge) {
		x.charge_seen = read_zigzag(&r);
		x.refunded = read_zigzag(&r);
		x.charge_event = read_string(&r, STRIPE_ID_MAX);
	}
	for (unsigned i = 0; i < x.reversal_count; i++) {
		struct reversal_seen *s = &x.reversals[i];
		s->reversal.id = read_string(&r, STRIPE_ID_MAX);
		uint8_t state = read_u8(&r);
		if (state >= REVERSAL_STATE_COUNT) return ERR_MALFORMED;
		s->reversal.state = (enum reversal_state)state;
		s->reversal.amount = read_zigzag(&r);
		s->seen = read_zigzag(&r);
		s->event = read_string(&r, STRIPE_ID_MAX);
	}
	if (!reader_done(&r)) return ERR_MALFORMED;
	*ret_r = x;
	return OK;
}
