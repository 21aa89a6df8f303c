/* override_register:
 *
 *   u8 version
 *   u8 granted · revoked << 1 · rank << 2 · revocation's rank << 4
 *   [zigzag second · string event · string subject · string tier · zigzag from · zigzag until · string why · string by]
 *   [zigzag second · string event · string subject · string why · string by]     of the revocation
 */
#include "proto/state_parts.h"

static void stamp_write(struct writer *w, const struct stamp *s) {
	write_zigzag(w, s->created);
	write_string(w, s->event, STRIPE_ID_MAX);
}

void override_register_write(struct writer *w, const struct override_register *r) {
	const struct override_observation *g = &r->given;
	if (!r->granted && !r->revoked) w->failed = true;
	write_u8(w, STATE_VERSION);
	write_u8(w, (uint8_t)(r->granted | (unsigned)r->revoked << 1 | (unsigned)r->stamp.rank << 2 |
			      (unsigned)r->revoked_stamp.rank << 4));
	if (r->granted) {
		stamp_write(w, &r->stamp);
		write_string(w, g->subject, SUBJECT_MAX);
		write_string(w, g->tier, NAME_MAX_BYTES);
		write_zigzag(w, g->from);
		write_zigzag(w, g->until);
		write_string(w, g->why, OVERRIDE_WHY_MAX);
		write_string(w, g->by, OVERRIDE_BY_MAX);
	}
	if (r->revoked) {
		stamp_write(w, &r->revoked_stamp);
		write_string(w, r->subject, SUBJECT_MAX);
		write_string(w, r->revoked_why, OVERRIDE_WHY_MAX);
		write_string(w, r->revoked_by, OVERRIDE_BY_MAX);
	}
}

static struct stamp stamp_read(struct reader *r, unsigned rank) {
	struct stamp s = {.created = read_zigzag(r), .rank = (enum rank)rank};
	s.event = read_string(r, STRIPE_ID_MAX);
	if (rank > RANK_DELETED) r->failed = true;
	return s;
}

enum error override_register_read(struct view bytes, struct view id, struct override_register *ret_r) {
	struct reader r = reader_of(bytes);
	struct override_register x = {0};
	enum error e = read_version(&r);
	if (e) return e;

	uint8_t head = read_u8(&r);
	x.granted = head & 1;
	x.revoked = head >> 1 & 1;
	if (head >> 6 || (head & 3) == 0) return ERR_MALFORMED;
	if ((!x.granted && head >> 2 & 3) || (!x.revoked && head >> 4)) return ERR_MALFORMED;
	if (x.granted) {
		x.stamp = stamp_read(&r, head >> 2 & 3);
		x.given.id = id;
		x.given.subject = read_string(&r, SUBJECT_MAX);
		x.given.tier = read_string(&r, NAME_MAX_BYTES);
		x.given.from = read_zigzag(&r);
		x.given.until = read_zigzag(&r);
		x.given.why = read_string(&r, OVERRIDE_WHY_MAX);
		x.given.by = read_string(&r, OVERRIDE_BY_MAX);
	}
	if (x.revoked) {
		x.revoked_stamp = stamp_read(&r, head >> 4);
		x.subject = read_string(&r, SUBJECT_MAX);
		x.revoked_why = read_string(&r, OVERRIDE_WHY_MAX);
		x.revoked_by = read_string(&r, OVERRIDE_BY_MAX);
	}
	if (!reader_done(&r)) return ERR_MALFORMED;
	*ret_r = x;
	return OK;
}
