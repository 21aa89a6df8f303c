/* schedule_register:
 *
 *   u8 version
 *   u8 status · rank << 4 · unconfirmed << 6 · ends_subscription << 7
 *   zigzag second · string event · string customer · string subscription
 *   varint phase count · count × (zigzag start, from the second · zigzag end, from start · item set with quantities)
 */
#include "proto/state_parts.h"

void schedule_register_write(struct writer *w, const struct schedule_register *r) {
	const struct schedule *x = &r->schedule;
	struct item_sets sets = {0};
	if (!r->known || x->phase_count > SCHEDULE_PHASES_MAX) {
		w->failed = true;
		return;
	}
	write_u8(w, STATE_VERSION);
	write_u8(w, (uint8_t)(x->status | (unsigned)r->stamp.rank << 4 | (unsigned)r->unconfirmed << 6 |
			      (unsigned)x->ends_subscription << 7));
	write_zigzag(w, r->stamp.created);
	write_string(w, r->stamp.event, STRIPE_ID_MAX);
	write_string(w, x->customer, STRIPE_ID_MAX);
	write_string(w, x->subscription, STRIPE_ID_MAX);
	write_varint(w, x->phase_count);
	for (unsigned i = 0; i < x->phase_count; i++) {
		write_after(w, x->phases[i].start, r->stamp.created);
		write_after(w, x->phases[i].end, x->phases[i].start);
		item_set_write(w, &sets, &x->phases[i].items, true);
	}
}

enum error schedule_register_read(struct view bytes, struct view id, struct schedule_register *into) {
	struct reader r = reader_of(bytes);
	struct item_sets sets = {0};
	struct schedule *x = &into->schedule;
	enum error e = read_version(&r);
	if (e) return e;

	uint8_t head = read_u8(&r);
	unsigned rank = head >> 4 & 3;
	if ((head & 15) >= SCHEDULE_STATUS_COUNT || rank > RANK_DELETED) return ERR_MALFORMED;
	into->known = true;
	into->unconfirmed = head >> 6 & 1;
	into->stamp.rank = (enum rank)rank;
	into->stamp.created = read_zigzag(&r);
	into->stamp.event = read_string(&r, STRIPE_ID_MAX);
	x->id = id;
	x->status = (enum schedule_status)(head & 15);
	x->ends_subscription = head >> 7;
	x->customer = read_string(&r, STRIPE_ID_MAX);
	x->subscription = read_string(&r, STRIPE_ID_MAX);
	uint64_t count = read_varint(&r);
	if (r.failed || count > SCHEDULE_PHASES_MAX) return ERR_MALFORMED;
	x->phase_count = (unsigned)count;
	for (unsigned i = 0; i < x->phase_count; i++) {
		x->phases[i].start = read_after(&r, into->stamp.created);
		x->phases[i].end = read_after(&r, x->phases[i].start);
		item_set_read(&r, &sets, &x->phases[i].items, true);
	}
	return reader_done(&r) ? OK : ERR_MALFORMED;
}
