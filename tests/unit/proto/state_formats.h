/* Every format of proto/state.h as a pair of functions over bytes: write a random value, and read one back. */
#ifndef TESTS_PROTO_STATE_FORMATS_H
#define TESTS_PROTO_STATE_FORMATS_H

#include "random_state.h"
#include "support/guard.h"

#define ID VIEW("sub_1")

struct fixture {
	struct random random;
	uint8_t *buffer, *again;
	struct guard guard;
	struct sub_register a, b;
};

enum format { SUB, CUSTOMER, INVOICE, SCHEDULE, PAYMENT, OVERRIDE, ROW, CHANGE, UNMAPPED, WANT, QUARANTINED, FORMATS };

static inline uint64_t write_random_row(struct random *r, struct writer *w) {
	unsigned count = rnd_below(r, 20) ? rnd_below(r, 3) : SUBJECT_GRANTS_MAX;
	unsigned overrides = rnd_below(r, 3) ? 0 : rnd_below(r, SUBJECT_OVERRIDES_MAX + 1);
	uint64_t ver = rnd(r), h = hash_u64(HASH_SEED, ver);
	static struct grant g;
	subject_row_begin(w, ver, count);
	for (unsigned i = 0; i < count; i++) {
		rnd_grant(r, &g);
		subject_row_grant(w, &g);
		h = hash_grant(h, &g);
	}
	subject_row_overrides(w, overrides);
	for (unsigned i = 0; i < overrides; i++) {
		struct override o = rnd_override(r);
		subject_row_override(w, &o);
		h = hash_override(h, &o);
	}
	return h;
}

static inline enum error read_row(struct view bytes, struct writer *w, uint64_t *h) {
	struct subject_row row;
	static struct grant g;
	struct override o;
	enum error e = subject_row_open(bytes, &row);
	if (e) return e;
	*h = hash_u64(HASH_SEED, row.ver);
	subject_row_begin(w, row.ver, row.left);
	while (subject_row_next(&row, &g)) {
		*h = hash_grant(*h, &g);
		subject_row_grant(w, &g);
	}
	subject_row_overrides(w, row.overrides_left);
	while (subject_row_next_override(&row, &o)) {
		*h = hash_override(*h, &o);
		subject_row_override(w, &o);
	}
	return row.reader.failed ? ERR_MALFORMED : OK;
}

static inline struct change rnd_change(struct random *r) {
	struct change c = {.ver = 7,
			   .prev = rnd(r),
			   .at_ms = rnd_time(r),
			   .cause = (enum change_cause)rnd_below(r, 3),
			   .scope = {rnd_bool(r), rnd_text(r, ACCOUNT_MAX, true)},
			   .subject = rnd_text(r, SUBJECT_MAX, false),
			   .event = rnd_text(r, STRIPE_ID_MAX, true),
			   .before = rnd_text(r, NAME_MAX_BYTES, false),
			   .after = rnd_text(r, NAME_MAX_BYTES, false),
			   .reason = (enum reason)rnd_below(r, REASON_COUNT),
			   .rule = (enum rule)rnd_below(r, RULE_COUNT),
			   .status = (enum sub_status)rnd_below(r, SUB_STATUS_COUNT),
			   .until = rnd_time(r),
			   .changes_at = rnd_time(r),
			   .next_billing = rnd_time(r),
			   .seats = rnd(r),
			   .known = rnd_bool(r),
			   .stale = rnd_bool(r),
			   .unmapped = rnd_bool(r),
			   .blocked_tier = rnd_text(r, NAME_MAX_BYTES, true),
			   .blocked_reason = (enum reason)rnd_below(r, REASON_COUNT),
			   .subscription = rnd_text(r, STRIPE_ID_MAX, true)};
	c.also_count = rnd_below(r, 3) ? 0 : rnd_below(r, TIERS_MAX + 1);
	for (unsigned i = 0; i < c.also_count; i++) c.also[i] = rnd_text(r, NAME_MAX_BYTES, false);
	return c;
}

static inline uint64_t hash_change(const struct change *c) {
	const uint64_t numbers[] = {c->prev,
				    (uint64_t)c->at_ms,
				    c->cause,
				    c->scope.livemode,
				    c->reason,
				    c->rule,
				    c->status,
				    (uint64_t)c->until,
				    (uint64_t)c->changes_at,
				    (uint64_t)c->next_billing,
				    c->seats,
				    c->known,
				    c->stale,
				    c->unmapped,
				    c->blocked_reason};
	uint64_t h = hash_text(hash_text(HASH_SEED, c->scope.account), c->subject);
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) h = hash_u64(h, numbers[i]);
	h = hash_text(hash_text(hash_text(h, c->event), c->before), c->after);
	h = hash_u64(hash_text(hash_text(h, c->blocked_tier), c->subscription), c->also_count);
	for (unsigned i = 0; i < c->also_count; i++) h = hash_text(h, c->also[i]);
	return h;
}

static inline uint64_t hash_unmapped(const struct unmapped_price *u) {
	uint64_t h = hash_u64(hash_u64(hash_u64(HASH_SEED, (uint64_t)u->first_ms), (uint64_t)u->last_ms), u->seen);
	return hash_text(hash_text(hash_text(hash_text(h, u->product), u->lookup_key), u->subscription), u->event);
}

static inline uint64_t hash_want(const struct want *x) {
	uint64_t h = hash_u64(hash_u64(HASH_SEED, (uint64_t)x->since_ms), (uint64_t)x->after);
	return hash_text(hash_u64(h, x->why), x->event);
}

static inline uint64_t hash_quarantined(const struct quarantined *q) {
	uint64_t h = hash_u64(hash_u64(hash_u64(HASH_SEED, (uint64_t)q->first_ms), (uint64_t)q->last_ms), q->tries);
	return hash_text(hash_text(hash_text(hash_text(h, q->event), q->type), q->reason), q->record);
}

static inline uint64_t write_random_log(struct random *r, enum format format, struct writer *w) {
	if (format == CHANGE) {
		struct change c = rnd_change(r);
		change_write(w, &c);
		return hash_change(&c);
	}
	if (format == UNMAPPED) {
		struct unmapped_price u = {.first_ms = rnd_time(r),
					   .last_ms = rnd_time(r),
					   .seen = rnd(r),
					   .product = rnd_text(r, STRIPE_ID_MAX, true),
					   .lookup_key = rnd_text(r, LOOKUP_KEY_MAX, true),
					   .subscription = rnd_text(r, STRIPE_ID_MAX, true),
					   .event = rnd_text(r, STRIPE_ID_MAX, true)};
		unmapped_write(w, &u);
		return hash_unmapped(&u);
	}
	if (format == WANT) {
		struct want x = {.since_ms = rnd_time(r),
				 .after = rnd_time(r),
				 .event = rnd_text(r, STRIPE_ID_MAX, true),
				 .why = (enum want_why)rnd_below(r, WANT_WHY_COUNT)};
		want_write(w, &x);
		return hash_want(&x);
	}
	struct quarantined q = {.first_ms = rnd_time(r),
				.last_ms = rnd_time(r),
				.tries = rnd(r),
				.event = rnd_text(r, STRIPE_ID_MAX, true),
				.type = rnd_text(r, EVENT_TYPE_MAX, true),
				.reason = rnd_text(r, QUARANTINE_REASON_MAX, true),
				.record = rnd_text(r, 2000, true)};
	quarantined_write(w, &q);
	return hash_quarantined(&q);
}

/* Writes a random value; its hash. */
static inline uint64_t write_random(struct fixture *f, enum format format, struct writer *w) {
	struct random *r = &f->random;
	switch ((int)format) {
	case SUB:
		rnd_sub_register(r, ID, &f->a);
		sub_register_write(w, &f->a);
		return hash_sub_register(&f->a);
	case CUSTOMER: {
		struct customer_register x = rnd_customer_register(r);
		customer_register_write(w, &x);
		return hash_customer_register(&x);
	}
	case INVOICE: {
		struct invoice_register x = rnd_invoice_register(r, ID);
		invoice_register_write(w, &x);
		return hash_invoice_register(&x);
	}
	case SCHEDULE: {
		static struct schedule_register x;
		rnd_schedule_register(r, ID, &x);
		schedule_register_write(w, &x);
		return hash_schedule_register(&x);
	}
	case PAYMENT: {
		struct payment_register x = rnd_payment_register(r);
		payment_register_write(w, &x);
		return hash_payment_register(&x);
	}
	case OVERRIDE: {
		struct override_register x = rnd_override_register(r, ID);
		override_register_write(w, &x);
		return hash_override_register(&x);
	}
	case ROW:
		return write_random_row(r, w);
	default:
		return write_random_log(r, format, w);
	}
}

static inline enum error read_back_log(enum format format, struct view bytes, struct writer *w, uint64_t *h) {
	enum error e = OK;
	if (format == CHANGE) {
		struct change c;
		e = change_read(7, bytes, &c);
		if (e) return e;
		change_write(w, &c);
		*h = hash_change(&c);
	} else if (format == UNMAPPED) {
		struct unmapped_price u;
		e = unmapped_read(bytes, &u);
		if (e) return e;
		unmapped_write(w, &u);
		*h = hash_unmapped(&u);
	} else if (format == WANT) {
		struct want x;
		e = want_read(bytes, &x);
		if (e) return e;
		want_write(w, &x);
		*h = hash_want(&x);
	} else {
		struct quarantined q;
		e = quarantined_read(1, 2, bytes, &q);
		if (e) return e;
		quarantined_write(w, &q);
		*h = hash_quarantined(&q);
	}
	return OK;
}

static inline enum error read_back_register(struct fixture *f, enum format format, struct view bytes, struct writer *w,
					    uint64_t *h) {
	enum error e = OK;
	if (format == SUB) {
		e = sub_register_read(bytes, ID, &f->b);
		if (e) return e;
		*h = hash_sub_register(&f->b);
		sub_register_write(w, &f->b);
	} else if (format == CUSTOMER) {
		struct customer_register x;
		e = customer_register_read(bytes, &x);
		if (e) return e;
		*h = hash_customer_register(&x);
		customer_register_write(w, &x);
	} else if (format == INVOICE) {
		struct invoice_register x;
		e = invoice_register_read(bytes, ID, &x);
		if (e) return e;
		*h = hash_invoice_register(&x);
		invoice_register_write(w, &x);
	} else if (format == SCHEDULE) {
		static struct schedule_register x;
		e = schedule_register_read(bytes, ID, &x);
		if (e) return e;
		*h = hash_schedule_register(&x);
		schedule_register_write(w, &x);
	} else if (format == PAYMENT) {
		struct payment_register x;
		e = payment_register_read(bytes, &x);
		if (e) return e;
		*h = hash_payment_register(&x);
		payment_register_write(w, &x);
	} else {
		struct override_register x;
		e = override_register_read(bytes, ID, &x);
		if (e) return e;
		*h = hash_override_register(&x);
		override_register_write(w, &x);
	}
	return OK;
}

/* Reads a value, hashes it and writes it again. */
static inline enum error read_back(struct fixture *f, enum format format, struct view bytes, struct writer *w,
				   uint64_t *h) {
	if (format < ROW) return read_back_register(f, format, bytes, w, h);
	return format == ROW ? read_row(bytes, w, h) : read_back_log(format, bytes, w, h);
}

#endif
