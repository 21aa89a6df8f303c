/* A grant within a subject's row:
 *
 *   u8 status
 *   varint flags, enum grant_flag
 *   string subscription · string event
 *   zigzag seen · created, from seen · period_start, from created · period_end, from period_start
 *   [trial_end, from period_end] · [cancel_at, from period_end] · [ended_at, from seen] · [unpaid_since, from seen]
 *   item set with quantities
 *   varint earlier count · count × (zigzag seen, from the grant's · item set without quantities)
 *   [refunded_until, from period_end] · [dispute_lost_until, from period_end] · [string reversal_event]
 *   [schedule_ends, from period_end] · [varint phase count · count × (zigzag start, from period_end · item set with
 *   quantities)]
 *
 * An override: string id · string tier · zigzag from · zigzag until · zigzag seen · string event
 */
#include "proto/state_parts.h"

enum grant_flag {
	GRANT_CANCEL_AT_PERIOD_END = 1 << 0,
	GRANT_INVOICE_PAID = 1 << 1,
	GRANT_UNCONFIRMED = 1 << 2,
	GRANT_TRIAL_END = 1 << 3,
	GRANT_CANCEL_AT = 1 << 4,
	GRANT_ENDED_AT = 1 << 5,
	GRANT_UNPAID_SINCE = 1 << 6,
	GRANT_COLLECTION_PAUSED = 1 << 7,
	GRANT_CUSTOMER_DELETED = 1 << 8,
	GRANT_DISPUTED = 1 << 9,
	GRANT_REFUNDED_UNTIL = 1 << 10,
	GRANT_DISPUTE_LOST_UNTIL = 1 << 11,
	GRANT_REVERSAL_EVENT = 1 << 12,
	GRANT_SCHEDULE_ENDS = 1 << 13,
	GRANT_PHASES = 1 << 14,
	GRANT_FLAGS_END = 1 << 15,
};

void subject_row_begin(struct writer *w, uint64_t ver, unsigned count) {
	if (count > SUBJECT_GRANTS_MAX) w->failed = true;
	write_u8(w, STATE_VERSION);
	write_varint(w, ver);
	write_varint(w, count);
}

void subject_row_renumber(struct writer *w, struct view row, uint64_t ver) {
	struct view body = subject_row_body(row);
	if (body.len == 0) w->failed = true;
	write_u8(w, STATE_VERSION);
	write_varint(w, ver);
	write_bytes(w, body);
}

static unsigned flags_of(const struct grant *g) {
	unsigned flags = 0;
	if (g->cancel_at_period_end) flags |= GRANT_CANCEL_AT_PERIOD_END;
	if (g->invoice_paid) flags |= GRANT_INVOICE_PAID;
	if (g->unconfirmed) flags |= GRANT_UNCONFIRMED;
	if (g->trial_end) flags |= GRANT_TRIAL_END;
	if (g->cancel_at) flags |= GRANT_CANCEL_AT;
	if (g->ended_at) flags |= GRANT_ENDED_AT;
	if (g->unpaid_since) flags |= GRANT_UNPAID_SINCE;
	if (g->collection_paused) flags |= GRANT_COLLECTION_PAUSED;
	if (g->customer_deleted) flags |= GRANT_CUSTOMER_DELETED;
	if (g->disputed) flags |= GRANT_DISPUTED;
	if (g->refunded_until) flags |= GRANT_REFUNDED_UNTIL;
	if (g->dispute_lost_until) flags |= GRANT_DISPUTE_LOST_UNTIL;
	if (g->reversal_event.len) flags |= GRANT_REVERSAL_EVENT;
	if (g->schedule_ends) flags |= GRANT_SCHEDULE_ENDS;
	if (g->phase_count) flags |= GRANT_PHASES;
	return flags;
}

static void write_reversals_and_schedule(struct writer *w, const struct grant *g, unsigned flags,
					 struct item_sets *sets) {
	if (flags & GRANT_REFUNDED_UNTIL) write_after(w, g->refunded_until, g->period_end);
	if (flags & GRANT_DISPUTE_LOST_UNTIL) write_after(w, g->dispute_lost_until, g->period_end);
	if (flags & GRANT_REVERSAL_EVENT) write_string(w, g->reversal_event, STRIPE_ID_MAX);
	if (flags & GRANT_SCHEDULE_ENDS) write_after(w, g->schedule_ends, g->period_end);
	if (!(flags & GRANT_PHASES)) return;
	write_varint(w, g->phase_count);
	for (unsigned i = 0; i < g->phase_count; i++) {
		write_after(w, g->phases[i].start, g->period_end);
		item_set_write(w, sets, &g->phases[i].items, true);
	}
}

void subject_row_grant(struct writer *w, const struct grant *g) {
	struct item_sets sets = {0};
	unsigned flags = flags_of(g);

	if (g->earlier_count > SUB_PRICES_MAX || g->phase_count > GRANT_PHASES_MAX) {
		w->failed = true;
		return;
	}
	write_u8(w, (uint8_t)g->status);
	write_varint(w, flags);
	write_string(w, g->subscription, STRIPE_ID_MAX);
	write_string(w, g->event, STRIPE_ID_MAX);
	write_zigzag(w, g->seen);
	write_after(w, g->created, g->seen);
	write_after(w, g->period_start, g->created);
	write_after(w, g->period_end, g->period_start);
	if (flags & GRANT_TRIAL_END) write_after(w, g->trial_end, g->period_end);
	if (flags & GRANT_CANCEL_AT) write_after(w, g->cancel_at, g->period_end);
	if (flags & GRANT_ENDED_AT) write_after(w, g->ended_at, g->seen);
	if (flags & GRANT_UNPAID_SINCE) write_after(w, g->unpaid_since, g->seen);
	item_set_write(w, &sets, &g->items, true);
	write_varint(w, g->earlier_count);
	for (unsigned i = 0; i < g->earlier_count; i++) {
		write_after(w, g->earlier[i].seen, g->seen);
		item_set_write(w, &sets, &g->earlier[i].set, false);
	}
	write_reversals_and_schedule(w, g, flags, &sets);
}

void subject_row_overrides(struct writer *w, unsigned count) {
	if (count > SUBJECT_OVERRIDES_MAX) w->failed = true;
	write_varint(w, count);
}

void subject_row_override(struct writer *w, const struct override *o) {
	write_string(w, o->id, STRIPE_ID_MAX);
	write_string(w, o->tier, NAME_MAX_BYTES);
	write_zigzag(w, o->from);
	write_zigzag(w, o->until);
	write_zigzag(w, o->seen);
	write_string(w, o->event, STRIPE_ID_MAX);
}

/* After the last grant. */
static void read_override_count(struct subject_row *row) {
	uint64_t count = read_varint(&row->reader);
	if (count > SUBJECT_OVERRIDES_MAX) row->reader.failed = true;
	row->overrides_left = row->reader.failed ? 0 : (unsigned)count;
	if (count == 0 && !reader_done(&row->reader)) row->reader.failed = true;
}

enum error subject_row_open(struct view bytes, struct subject_row *ret_row) {
	struct reader r = reader_of(bytes);
	enum error e = read_version(&r);
	if (e) return e;
	uint64_t ver = read_varint(&r);
	uint64_t count = read_varint(&r);
	if (r.failed || count > SUBJECT_GRANTS_MAX) return ERR_MALFORMED;
	struct subject_row row = {.ver = ver, .left = (unsigned)count, .reader = r};
	if (count == 0) read_override_count(&row);
	if (row.reader.failed) return ERR_MALFORMED;
	*ret_row = row;
	return OK;
}

struct view subject_row_body(struct view bytes) {
	struct reader r = reader_of(bytes);
	if (read_version(&r)) return VIEW_NONE;
	(void)read_varint(&r);
	return read_bytes(&r, reader_left(&r));
}

static void grant_read_flags(struct grant *g, unsigned flags) {
	g->cancel_at_period_end = flags & GRANT_CANCEL_AT_PERIOD_END;
	g->invoice_paid = flags & GRANT_INVOICE_PAID;
	g->unconfirmed = flags & GRANT_UNCONFIRMED;
	g->collection_paused = flags & GRANT_COLLECTION_PAUSED;
	g->customer_deleted = flags & GRANT_CUSTOMER_DELETED;
	g->disputed = flags & GRANT_DISPUTED;
}

static void grant_read_phases(struct reader *r, struct item_sets *sets, struct grant *g) {
	uint64_t count = read_varint(r);
	if (count == 0 || count > GRANT_PHASES_MAX) r->failed = true;
	g->phase_count = r->failed ? 0 : (unsigned)count;
	for (unsigned i = 0; i < g->phase_count; i++) {
		g->phases[i].start = read_after(r, g->period_end);
		item_set_read(r, sets, &g->phases[i].items, true);
	}
}

static void grant_read_earlier(struct reader *r, struct item_sets *sets, struct grant *g) {
	uint64_t count = read_varint(r);
	if (count > SUB_PRICES_MAX) r->failed = true;
	g->earlier_count = r->failed ? 0 : (unsigned)count;
	for (unsigned i = 0; i < g->earlier_count; i++) {
		g->earlier[i].seen = read_after(r, g->seen);
		item_set_read(r, sets, &g->earlier[i].set, false);
	}
}

/* What most grants do not have. */
static void grant_read_rest(struct reader *r, struct item_sets *sets, struct grant *g, unsigned flags) {
	g->refunded_until = g->dispute_lost_until = g->schedule_ends = 0;
	g->reversal_event = VIEW_NONE;
	g->phase_count = 0;
	if (flags < GRANT_REFUNDED_UNTIL) return;
	if (flags & GRANT_REFUNDED_UNTIL) g->refunded_until = read_after(r, g->period_end);
	if (flags & GRANT_DISPUTE_LOST_UNTIL) g->dispute_lost_until = read_after(r, g->period_end);
	if (flags & GRANT_REVERSAL_EVENT) g->reversal_event = read_string(r, STRIPE_ID_MAX);
	if (flags & GRANT_SCHEDULE_ENDS) g->schedule_ends = read_after(r, g->period_end);
	if (flags & GRANT_PHASES) grant_read_phases(r, sets, g);
}

static void grant_read(struct reader *r, struct grant *g) {
	struct item_sets sets = {0};
	uint8_t status = read_u8(r);
	uint64_t flags = read_varint(r);

	if (status >= SUB_STATUS_COUNT || flags >= GRANT_FLAGS_END) r->failed = true;
	if (r->failed) return;
	g->status = (enum sub_status)status;
	grant_read_flags(g, (unsigned)flags);
	g->subscription = read_string(r, STRIPE_ID_MAX);
	g->event = read_string(r, STRIPE_ID_MAX);
	g->seen = read_zigzag(r);
	g->created = read_after(r, g->seen);
	g->period_start = read_after(r, g->created);
	g->period_end = read_after(r, g->period_start);
	g->trial_end = flags & GRANT_TRIAL_END ? read_after(r, g->period_end) : 0;
	g->cancel_at = flags & GRANT_CANCEL_AT ? read_after(r, g->period_end) : 0;
	g->ended_at = flags & GRANT_ENDED_AT ? read_after(r, g->seen) : 0;
	g->unpaid_since = flags & GRANT_UNPAID_SINCE ? read_after(r, g->seen) : 0;
	item_set_read(r, &sets, &g->items, true);
	grant_read_earlier(r, &sets, g);
	grant_read_rest(r, &sets, g, (unsigned)flags);
}

bool subject_row_next(struct subject_row *row, struct grant *ret_g) {
	if (row->reader.failed || row->left == 0) return false;
	grant_read(&row->reader, ret_g);
	row->left--;
	if (row->left == 0) read_override_count(row);
	return !row->reader.failed;
}

bool subject_row_next_override(struct subject_row *row, struct override *ret_o) {
	struct reader *r = &row->reader;
	if (r->failed || row->left || row->overrides_left == 0) return false;
	ret_o->id = read_string(r, STRIPE_ID_MAX);
	ret_o->tier = read_string(r, NAME_MAX_BYTES);
	ret_o->from = read_zigzag(r);
	ret_o->until = read_zigzag(r);
	ret_o->seen = read_zigzag(r);
	ret_o->event = read_string(r, STRIPE_ID_MAX);
	row->overrides_left--;
	if (row->overrides_left == 0 && !reader_done(r)) r->failed = true;
	return !r->failed;
}

enum error subject_row_entitlement(struct view bytes, const struct catalog *catalog, int64_t now,
				   struct entitlement *ret_e) {
	struct subject_row row;
	struct entitlement e;
	struct grant g;
	struct override o;

	entitlement_begin(&e, catalog, now);
	if (bytes.len) {
		enum error error = subject_row_open(bytes, &row);
		if (error) return error;
		entitlement_known(&e);
		while (subject_row_next(&row, &g)) entitlement_add(&e, &g);
		while (subject_row_next_override(&row, &o)) entitlement_add_override(&e, &o);
		if (row.reader.failed) return ERR_MALFORMED;
	}
	entitlement_end(&e);
	*ret_e = e;
	return OK;
}
