/* sub_register:
 *
 *   u8 version
 *   u8 latest count · ended << 4     ended: 0 none, 1 written below, 2 + i the same as latest[i]
 *   latest count × seen · [seen]
 *   u8 price count · unpaid count << 4
 *   price count  × (zigzag seen, from the latest second · item set without quantities)
 *   unpaid count × (zigzag seen, from the latest second · zigzag period_start, from seen)
 *   zigzag good, from the latest second
 *
 * seen:
 *
 *   u8 status · rank << 4
 *   varint flags, enum seen_flag
 *   zigzag second, from the first one's · string event · [u64 pre] · u64 post
 *   [string customer] · [string subject] · [string latest_invoice]     unless the same as the first one's
 *   [string schedule]     when it has one, unless the same as the first one's
 *   zigzag created, from the second · period_start, from created · period_end, from period_start
 *   [trial_end, from period_end] · [cancel_at, from period_end] · [canceled_at, from the second]
 *   [ended_at, from the second] · item set with quantities
 */
#include "proto/state_parts.h"

enum seen_flag {
	SEEN_CANCEL_AT_PERIOD_END = 1 << 0,
	SEEN_COLLECTION_PAUSED = 1 << 1,
	SEEN_HAS_PRE = 1 << 2,
	SEEN_TRIAL_END = 1 << 3,
	SEEN_CANCEL_AT = 1 << 4,
	SEEN_CANCELED_AT = 1 << 5,
	SEEN_ENDED_AT = 1 << 6,
	SEEN_SAME_CUSTOMER = 1 << 7,
	SEEN_SAME_SUBJECT = 1 << 8,
	SEEN_SAME_INVOICE = 1 << 9,
	SEEN_SAME_SCHEDULE = 1 << 10, /* which may be none */
	SEEN_SCHEDULE = 1 << 11,
	SEEN_FLAGS_END = 1 << 12,
};

static unsigned flags_of(const struct sub_seen *s, const struct sub_seen *first) {
	const struct subscription *x = &s->sub;
	unsigned flags = 0;
	if (x->cancel_at_period_end) flags |= SEEN_CANCEL_AT_PERIOD_END;
	if (x->collection_paused) flags |= SEEN_COLLECTION_PAUSED;
	if (s->has_pre) flags |= SEEN_HAS_PRE;
	if (x->trial_end) flags |= SEEN_TRIAL_END;
	if (x->cancel_at) flags |= SEEN_CANCEL_AT;
	if (x->canceled_at) flags |= SEEN_CANCELED_AT;
	if (x->ended_at) flags |= SEEN_ENDED_AT;
	if (s != first && view_eq(x->schedule, first->sub.schedule))
		flags |= SEEN_SAME_SCHEDULE;
	else if (x->schedule.len)
		flags |= SEEN_SCHEDULE;
	if (s == first) return flags;
	if (view_eq(x->customer, first->sub.customer)) flags |= SEEN_SAME_CUSTOMER;
	if (view_eq(x->subject, first->sub.subject)) flags |= SEEN_SAME_SUBJECT;
	if (view_eq(x->latest_invoice, first->sub.latest_invoice)) flags |= SEEN_SAME_INVOICE;
	return flags;
}

static void seen_write(struct writer *w, const struct sub_seen *s, const struct sub_seen *first,
		       struct item_sets *sets) {
	const struct subscription *x = &s->sub;
	const int64_t second = s->stamp.created;
	unsigned flags = flags_of(s, first);

	write_u8(w, (uint8_t)(x->status | (unsigned)s->stamp.rank << 4));
	write_varint(w, flags);
	write_after(w, second, s == first ? 0 : first->stamp.created);
	write_string(w, s->stamp.event, STRIPE_ID_MAX);
	if (flags & SEEN_HAS_PRE) write_be64(w, s->pre);
	write_be64(w, s->post);
	if (!(flags & SEEN_SAME_CUSTOMER)) write_string(w, x->customer, STRIPE_ID_MAX);
	if (!(flags & SEEN_SAME_SUBJECT)) write_string(w, x->subject, CLAIM_TEXT_MAX);
	if (!(flags & SEEN_SAME_INVOICE)) write_string(w, x->latest_invoice, STRIPE_ID_MAX);
	if (flags & SEEN_SCHEDULE) write_string(w, x->schedule, STRIPE_ID_MAX);
	write_after(w, x->created, second);
	write_after(w, x->period_start, x->created);
	write_after(w, x->period_end, x->period_start);
	if (flags & SEEN_TRIAL_END) write_after(w, x->trial_end, x->period_end);
	if (flags & SEEN_CANCEL_AT) write_after(w, x->cancel_at, x->period_end);
	if (flags & SEEN_CANCELED_AT) write_after(w, x->canceled_at, second);
	if (flags & SEEN_ENDED_AT) write_after(w, x->ended_at, second);
	item_set_write(w, sets, &x->items, true);
}

static void seen_read_times(struct reader *r, struct sub_seen *s, unsigned flags) {
	struct subscription *x = &s->sub;
	const int64_t second = s->stamp.created;
	x->created = read_after(r, second);
	x->period_start = read_after(r, x->created);
	x->period_end = read_after(r, x->period_start);
	x->trial_end = flags & SEEN_TRIAL_END ? read_after(r, x->period_end) : 0;
	x->cancel_at = flags & SEEN_CANCEL_AT ? read_after(r, x->period_end) : 0;
	x->canceled_at = flags & SEEN_CANCELED_AT ? read_after(r, second) : 0;
	x->ended_at = flags & SEEN_ENDED_AT ? read_after(r, second) : 0;
}

static void seen_read(struct reader *r, struct view id, struct sub_seen *s, const struct sub_seen *first,
		      struct item_sets *sets) {
	struct subscription *x = &s->sub;
	uint8_t head = read_u8(r);
	uint64_t flags = read_varint(r);
	unsigned status = head & 15, rank = head >> 4;
	const unsigned same = SEEN_SAME_CUSTOMER | SEEN_SAME_SUBJECT | SEEN_SAME_INVOICE | SEEN_SAME_SCHEDULE;

	if (status >= SUB_STATUS_COUNT || rank > RANK_DELETED || flags >= SEEN_FLAGS_END) r->failed = true;
	if (s == first && flags & same) r->failed = true;
	if (r->failed) return;
	x->id = id;
	x->status = (enum sub_status)status;
	x->cancel_at_period_end = flags & SEEN_CANCEL_AT_PERIOD_END;
	x->collection_paused = flags & SEEN_COLLECTION_PAUSED;
	s->stamp.rank = (enum rank)rank;
	s->stamp.created = read_after(r, s == first ? 0 : first->stamp.created);
	s->stamp.event = read_string(r, STRIPE_ID_MAX);
	s->has_pre = flags & SEEN_HAS_PRE;
	s->pre = s->has_pre ? read_be64(r) : 0;
	s->post = read_be64(r);
	x->customer = flags & SEEN_SAME_CUSTOMER ? first->sub.customer : read_string(r, STRIPE_ID_MAX);
	x->subject = flags & SEEN_SAME_SUBJECT ? first->sub.subject : read_string(r, CLAIM_TEXT_MAX);
	x->latest_invoice = flags & SEEN_SAME_INVOICE ? first->sub.latest_invoice : read_string(r, STRIPE_ID_MAX);
	x->schedule = flags & SEEN_SAME_SCHEDULE ? first->sub.schedule : VIEW_NONE;
	if (flags & SEEN_SCHEDULE) x->schedule = read_string(r, STRIPE_ID_MAX);
	seen_read_times(r, s, (unsigned)flags);
	item_set_read(r, sets, &x->items, true);
}

/* ---- the register ----------------------------------------------------------- */

#define ENDED_NONE 0
#define ENDED_HERE 1
#define ENDED_LATEST 2 /* + index */

static bool seen_same(const struct sub_seen *a, const struct sub_seen *b) {
	const struct subscription *x = &a->sub, *y = &b->sub;
	const int64_t times[][2] = {{x->created, y->created},       {x->period_start, y->period_start},
				    {x->period_end, y->period_end}, {x->trial_end, y->trial_end},
				    {x->cancel_at, y->cancel_at},   {x->canceled_at, y->canceled_at},
				    {x->ended_at, y->ended_at},     {a->stamp.created, b->stamp.created}};
	for (size_t i = 0; i < ARRAY_LEN(times); i++)
		if (times[i][0] != times[i][1]) return false;
	for (unsigned i = 0; i < x->items.count && i < y->items.count; i++)
		if (x->items.items[i].quantity != y->items.items[i].quantity) return false;
	return a->stamp.rank == b->stamp.rank && view_eq(a->stamp.event, b->stamp.event) && a->post == b->post &&
	       a->has_pre == b->has_pre && a->pre == b->pre && view_eq(x->customer, y->customer) &&
	       view_eq(x->subject, y->subject) && view_eq(x->latest_invoice, y->latest_invoice) &&
	       view_eq(x->schedule, y->schedule) && x->status == y->status &&
	       x->cancel_at_period_end == y->cancel_at_period_end && x->collection_paused == y->collection_paused &&
	       item_set_cmp(&x->items, &y->items) == 0;
}

static unsigned ended_ref(const struct sub_register *r) {
	if (!r->has_ended) return ENDED_NONE;
	for (unsigned i = 0; i < r->latest_count; i++)
		if (seen_same(&r->ended, &r->latest[i])) return ENDED_LATEST + i;
	return ENDED_HERE;
}

void sub_register_write(struct writer *w, const struct sub_register *r) {
	struct item_sets sets = {0};
	const struct sub_seen *first = &r->latest[0];

	if (r->latest_count < 1 || r->latest_count > SUB_LATEST_MAX || r->price_count > SUB_PRICES_MAX ||
	    r->unpaid_count > SUB_UNPAID_MAX) {
		w->failed = true;
		return;
	}
	const int64_t second = first->stamp.created;
	const unsigned ended = ended_ref(r);
	write_u8(w, STATE_VERSION);
	write_u8(w, (uint8_t)(r->latest_count | ended << 4));
	for (unsigned i = 0; i < r->latest_count; i++) seen_write(w, &r->latest[i], first, &sets);
	if (ended == ENDED_HERE) seen_write(w, &r->ended, first, &sets);
	write_u8(w, (uint8_t)(r->price_count | r->unpaid_count << 4));
	for (unsigned i = 0; i < r->price_count; i++) {
		write_after(w, r->prices[i].seen, second);
		item_set_write(w, &sets, &r->prices[i].set, false);
	}
	for (unsigned i = 0; i < r->unpaid_count; i++) {
		write_after(w, r->unpaid[i].seen, second);
		write_after(w, r->unpaid[i].period_start, r->unpaid[i].seen);
	}
	write_after(w, r->good, second);
}

static void latest_read(struct reader *r, struct view id, struct sub_register *into, struct item_sets *sets) {
	uint8_t head = read_u8(r);
	unsigned count = head & 15, ended = head >> 4;
	const struct sub_seen *first = &into->latest[0];

	if (count < 1 || count > SUB_LATEST_MAX || (ended >= ENDED_LATEST && ended - ENDED_LATEST >= count))
		r->failed = true;
	if (r->failed) return;
	into->latest_count = count;
	into->has_ended = ended != ENDED_NONE;
	for (unsigned i = 0; i < count && !r->failed; i++) seen_read(r, id, &into->latest[i], first, sets);
	if (r->failed) return;
	if (ended == ENDED_HERE)
		seen_read(r, id, &into->ended, first, sets);
	else if (ended >= ENDED_LATEST)
		into->ended = into->latest[ended - ENDED_LATEST];
}

enum error sub_register_read(struct view bytes, struct view id, struct sub_register *into) {
	struct reader r = reader_of(bytes);
	struct item_sets sets = {0};
	enum error e = read_version(&r);
	if (e) return e;

	latest_read(&r, id, into, &sets);
	if (r.failed) return ERR_MALFORMED;
	const int64_t second = into->latest[0].stamp.created;
	uint8_t counts = read_u8(&r);
	into->price_count = counts & 15;
	into->unpaid_count = counts >> 4;
	if (into->price_count > SUB_PRICES_MAX || into->unpaid_count > SUB_UNPAID_MAX) return ERR_MALFORMED;
	for (unsigned i = 0; i < into->price_count; i++) {
		into->prices[i].seen = read_after(&r, second);
		item_set_read(&r, &sets, &into->prices[i].set, false);
	}
	for (unsigned i = 0; i < into->unpaid_count; i++) {
		into->unpaid[i].seen = read_after(&r, second);
		into->unpaid[i].period_start = read_after(&r, into->unpaid[i].seen);
	}
	into->good = read_after(&r, second);
	return reader_done(&r) ? OK : ERR_MALFORMED;
}
