#include "proto/state_parts.h"

void unmapped_write(struct writer *w, const struct unmapped_price *u) {
	write_u8(w, STATE_VERSION);
	write_zigzag(w, u->first_ms);
	write_zigzag(w, u->last_ms);
	write_varint(w, u->seen);
	write_string(w, u->product, STRIPE_ID_MAX);
	write_string(w, u->lookup_key, LOOKUP_KEY_MAX);
	write_string(w, u->subscription, STRIPE_ID_MAX);
	write_string(w, u->event, STRIPE_ID_MAX);
}

enum error unmapped_read(struct view bytes, struct unmapped_price *ret_u) {
	struct reader r = reader_of(bytes);
	struct unmapped_price u = {0};
	enum error e = read_version(&r);
	if (e) return e;
	u.first_ms = read_zigzag(&r);
	u.last_ms = read_zigzag(&r);
	u.seen = read_varint(&r);
	u.product = read_string(&r, STRIPE_ID_MAX);
	u.lookup_key = read_string(&r, LOOKUP_KEY_MAX);
	u.subscription = read_string(&r, STRIPE_ID_MAX);
	u.event = read_string(&r, STRIPE_ID_MAX);
	if (!reader_done(&r)) return ERR_MALFORMED;
	*ret_u = u;
	return OK;
}
