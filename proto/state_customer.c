/* customer_register:
 *
 *   u8 version
 *   u8 claim count · deleted << 4 · has_standing << 5
 *   claim count × (string subject · u8 is_new | own << 1 · zigzag seen, from the first one's · string event)
 *   [zigzag standing_at, from the first claim's seen · string standing]
 *   [zigzag deleted_at · string deleted_event]
 */
#include "proto/state_parts.h"

void customer_register_write(struct writer *w, const struct customer_register *r) {
	if (r->claim_count > CLAIMS_MAX) {
		w->failed = true;
		return;
	}
	write_u8(w, STATE_VERSION);
	write_u8(w, (uint8_t)(r->claim_count | (unsigned)r->deleted << 4 | (unsigned)r->has_standing << 5));
	for (unsigned i = 0; i < r->claim_count; i++) {
		const struct claim *c = &r->claims[i];
		write_string(w, c->subject, SUBJECT_MAX);
		write_u8(w, (uint8_t)(c->is_new | (unsigned)c->own << 1));
		write_after(w, c->seen, i ? r->claims[0].seen : 0);
		write_string(w, c->event, STRIPE_ID_MAX);
	}
	if (r->has_standing) {
		write_after(w, r->standing_at, r->claim_count ? r->claims[0].seen : 0);
		write_string(w, r->standing, SUBJECT_MAX);
	}
	if (!r->deleted) return;
	write_zigzag(w, r->deleted_at);
	write_string(w, r->deleted_event, STRIPE_ID_MAX);
}

enum error customer_register_read(struct view bytes, struct customer_register *ret_r) {
	struct reader r = reader_of(bytes);
	struct customer_register x = {0};
	enum error e = read_version(&r);
	if (e) return e;

	uint8_t head = read_u8(&r);
	if ((head & 15) > CLAIMS_MAX || head >> 4 > 3) return ERR_MALFORMED;
	x.claim_count = head & 15;
	x.deleted = head >> 4 & 1;
	x.has_standing = head >> 5;
	for (unsigned i = 0; i < x.claim_count; i++) {
		struct claim *c = &x.claims[i];
		c->subject = read_string(&r, SUBJECT_MAX);
		uint8_t flags = read_u8(&r);
		if (flags > 3 || (c->subject.len == 0 && !(flags & 1))) return ERR_MALFORMED;
		c->is_new = flags & 1;
		c->own = flags >> 1;
		c->seen = read_after(&r, i ? x.claims[0].seen : 0);
		c->event = read_string(&r, STRIPE_ID_MAX);
	}
	if (x.has_standing) {
		x.standing_at = read_after(&r, x.claim_count ? x.claims[0].seen : 0);
		x.standing = read_string(&r, SUBJECT_MAX);
	}
	if (x.deleted) {
		x.deleted_at = read_zigzag(&r);
		x.deleted_event = read_string(&r, STRIPE_ID_MAX);
	}
	if (!reader_done(&r)) return ERR_MALFORMED;
	*ret_r = x;
	return OK;
}
