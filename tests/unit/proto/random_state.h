/* Random registers and rows, and a hash of every field of theirs, for tests of the codecs. */
#ifndef TESTS_PROTO_RANDOM_STATE_H
#define TESTS_PROTO_RANDOM_STATE_H

#include "proto/state.h"
#include "support/random.h"

static inline uint64_t rnd(struct random *r) { return random_u64(r); }
static inline unsigned rnd_below(struct random *r, unsigned n) { return (unsigned)random_below(r, n); }
static inline bool rnd_bool(struct random *r) { return rnd_below(r, 2); }

static inline int64_t rnd_time(struct random *r) {
	static const int64_t odd[] = {0, 0, 1, -1, INT64_MAX, INT64_MIN};
	if (rnd_below(r, 4) == 0) return odd[rnd_below(r, ARRAY_LEN(odd))];
	return 1700000000 + rnd_below(r, 100000000);
}

/* Mostly from few values, so that repetitions occur, which codecs write differently. */
static inline struct view rnd_text(struct random *r, size_t max, bool may_be_empty) {
	static char pool[4096];
	if (!pool[0])
		for (size_t i = 0; i < sizeof pool; i++) pool[i] = (char)('a' + i % 26);
	if (rnd_below(r, 8) == 0) return view_of(pool + rnd_below(r, 1000), max);
	if (may_be_empty && rnd_below(r, 4) == 0) return VIEW_NONE;
	return view_of(pool + rnd_below(r, 3), 1 + rnd_below(r, 3));
}

static inline struct item_set rnd_items(struct random *r, bool quantities) {
	struct item_set set = {.count = rnd_below(r, 12) == 0 ? ITEMS_MAX : rnd_below(r, 4)};
	for (unsigned i = 0; i < set.count; i++) {
		set.items[i].price = rnd_text(r, STRIPE_ID_MAX, false);
		set.items[i].product = rnd_text(r, STRIPE_ID_MAX, true);
		set.items[i].lookup_key = rnd_text(r, LOOKUP_KEY_MAX, true);
		set.items[i].quantity = !quantities ? 0 : rnd_below(r, 9) ? rnd_below(r, 3) : rnd(r);
	}
	item_set_sort(&set);
	return set;
}

static inline struct stamp rnd_stamp(struct random *r) {
	return (struct stamp){rnd_time(r), (enum rank)rnd_below(r, 3), rnd_text(r, STRIPE_ID_MAX, true)};
}

static inline struct sub_seen rnd_seen(struct random *r, struct view id) {
	struct sub_seen s = {.stamp = rnd_stamp(r), .post = rnd(r), .has_pre = rnd_bool(r)};
	if (s.has_pre) s.pre = rnd(r);
	s.sub = (struct subscription){.id = id,
				      .customer = rnd_text(r, STRIPE_ID_MAX, false),
				      .subject = rnd_text(r, CLAIM_TEXT_MAX, true),
				      .latest_invoice = rnd_text(r, STRIPE_ID_MAX, true),
				      .schedule = rnd_text(r, STRIPE_ID_MAX, true),
				      .status = (enum sub_status)rnd_below(r, SUB_STATUS_COUNT),
				      .created = rnd_time(r),
				      .period_start = rnd_time(r),
				      .period_end = rnd_time(r),
				      .trial_end = rnd_time(r),
				      .cancel_at = rnd_time(r),
				      .canceled_at = rnd_time(r),
				      .ended_at = rnd_time(r),
				      .cancel_at_period_end = rnd_bool(r),
				      .collection_paused = rnd_bool(r),
				      .items = rnd_items(r, true)};
	return s;
}

static inline void rnd_sub_register(struct random *r, struct view id, struct sub_register *x) {
	x->latest_count = rnd_bool(r) ? 1 : 1 + rnd_below(r, SUB_LATEST_MAX);
	for (unsigned i = 0; i < x->latest_count; i++) {
		x->latest[i] = i && rnd_bool(r) ? x->latest[i - 1] : rnd_seen(r, id);
		if (i && rnd_bool(r)) x->latest[i].post++;
	}
	x->has_ended = rnd_bool(r);
	x->ended = rnd_bool(r) ? x->latest[rnd_below(r, x->latest_count)] : rnd_seen(r, id);
	if (rnd_below(r, 4) == 0 && x->ended.sub.items.count) x->ended.sub.items.items[0].quantity++;
	x->price_count = rnd_below(r, SUB_PRICES_MAX + 1);
	for (unsigned i = 0; i < x->price_count; i++) {
		x->prices[i].seen = rnd_time(r);
		x->prices[i].set = rnd_bool(r) ? x->latest[0].sub.items : rnd_items(r, false);
		for (unsigned k = 0; k < x->prices[i].set.count; k++) x->prices[i].set.items[k].quantity = 0;
	}
	x->unpaid_count = rnd_below(r, SUB_UNPAID_MAX + 1);
	for (unsigned i = 0; i < x->unpaid_count; i++) x->unpaid[i] = (struct unpaid_seen){rnd_time(r), rnd_time(r)};
	x->good = rnd_time(r);
}

static inline struct customer_register rnd_customer_register(struct random *r) {
	struct customer_register x = {.claim_count = rnd_below(r, CLAIMS_MAX + 1), .deleted = rnd_bool(r)};
	for (unsigned i = 0; i < x.claim_count; i++)
		x.claims[i] = (struct claim){rnd_text(r, SUBJECT_MAX, false), rnd_bool(r), rnd_bool(r), rnd_time(r),
					     rnd_text(r, STRIPE_ID_MAX, true)};
	if (x.claim_count && rnd_bool(r)) x.claims[0] = (struct claim){VIEW_NONE, true, true, 5, VIEW("evt")};
	x.has_standing = rnd_bool(r);
	if (x.has_standing) {
		x.standing = rnd_text(r, SUBJECT_MAX, true);
		x.standing_at = rnd_time(r);
	}
	if (x.deleted) {
		x.deleted_at = rnd_time(r);
		x.deleted_event = rnd_text(r, STRIPE_ID_MAX, true);
	}
	return x;
}

static inline struct invoice_register rnd_invoice_register(struct random *r, struct view id) {
	return (struct invoice_register){.known = true,
					 .stamp = rnd_stamp(r),
					 .invoice = {.id = id,
						     .customer = rnd_text(r, STRIPE_ID_MAX, true),
						     .subscription = rnd_text(r, STRIPE_ID_MAX, true),
						     .currency = rnd_text(r, CURRENCY_MAX, true),
						     .status = (enum invoice_status)rnd_below(r, INVOICE_STATUS_COUNT),
						     .amount_due = rnd_time(r),
						     .amount_remaining = rnd_time(r),
						     .attempt_count = rnd_time(r),
						     .next_payment_attempt = rnd_time(r),
						     .period_start = rnd_time(r),
						     .period_end = rnd_time(r),
						     .payment = rnd_text(r, STRIPE_ID_MAX, true)}};
}

static inline void rnd_schedule_register(struct random *r, struct view id, struct schedule_register *x) {
	*x = (struct schedule_register){
		.known = true,
		.unconfirmed = rnd_bool(r),
		.stamp = rnd_stamp(r),
		.schedule = {.id = id,
			     .customer = rnd_text(r, STRIPE_ID_MAX, true),
			     .subscription = rnd_text(r, STRIPE_ID_MAX, true),
			     .status = (enum schedule_status)rnd_below(r, SCHEDULE_STATUS_COUNT),
			     .ends_subscription = rnd_bool(r),
			     .phase_count = rnd_below(r, SCHEDULE_PHASES_MAX + 1)}};
	for (unsigned i = 0; i < x->schedule.phase_count; i++)
		x->schedule.phases[i] = (struct schedule_phase){rnd_time(r), rnd_time(r), rnd_items(r, true)};
}

static inline struct payment_register rnd_payment_register(struct random *r) {
	struct payment_register x = {.invoice = rnd_text(r, STRIPE_ID_MAX, true),
				     .customer = rnd_text(r, STRIPE_ID_MAX, true),
				     .amount = rnd_time(r),
				     .has_charge = rnd_bool(r),
				     .reversal_count = rnd_below(r, REVERSALS_MAX + 1)};
	if (x.has_charge) {
		x.charge_seen = rnd_time(r);
		x.refunded = rnd_time(r);
		x.charge_event = rnd_text(r, STRIPE_ID_MAX, true);
	}
	for (unsigned i = 0; i < x.reversal_count; i++)
		x.reversals[i] =
			(struct reversal_seen){{rnd_text(r, STRIPE_ID_MAX, true),
						(enum reversal_state)rnd_below(r, REVERSAL_STATE_COUNT), rnd_time(r)},
					       rnd_time(r),
					       rnd_text(r, STRIPE_ID_MAX, true)};
	return x;
}

static inline struct override_register rnd_override_register(struct random *r, struct view id) {
	struct override_register x = {.granted = rnd_bool(r)};
	x.revoked = !x.granted || rnd_bool(r);
	if (x.granted) {
		x.stamp = rnd_stamp(r);
		x.given = (struct override_observation){.id = id,
							.subject = rnd_text(r, SUBJECT_MAX, true),
							.tier = rnd_text(r, NAME_MAX_BYTES, true),
							.from = rnd_time(r),
							.until = rnd_time(r),
							.why = rnd_text(r, OVERRIDE_WHY_MAX, true),
							.by = rnd_text(r, OVERRIDE_BY_MAX, true)};
	}
	if (x.revoked) {
		x.revoked_stamp = rnd_stamp(r);
		x.subject = rnd_text(r, SUBJECT_MAX, true);
		x.revoked_why = rnd_text(r, OVERRIDE_WHY_MAX, true);
		x.revoked_by = rnd_text(r, OVERRIDE_BY_MAX, true);
	}
	return x;
}

static inline void rnd_grant(struct random *r, struct grant *g) {
	*g = (struct grant){.subscription = rnd_text(r, STRIPE_ID_MAX, false),
			    .event = rnd_text(r, STRIPE_ID_MAX, true),
			    .status = (enum sub_status)rnd_below(r, SUB_STATUS_COUNT),
			    .cancel_at_period_end = rnd_bool(r),
			    .collection_paused = rnd_bool(r),
			    .unconfirmed = rnd_bool(r),
			    .invoice_paid = rnd_bool(r),
			    .customer_deleted = rnd_bool(r),
			    .created = rnd_time(r),
			    .seen = rnd_time(r),
			    .period_start = rnd_time(r),
			    .period_end = rnd_time(r),
			    .trial_end = rnd_time(r),
			    .cancel_at = rnd_time(r),
			    .ended_at = rnd_time(r),
			    .unpaid_since = rnd_time(r),
			    .items = rnd_items(r, true),
			    .earlier_count = rnd_below(r, SUB_PRICES_MAX + 1)};
	for (unsigned i = 0; i < g->earlier_count; i++)
		g->earlier[i] = (struct price_set_seen){rnd_time(r), rnd_items(r, false)};
	if (rnd_bool(r)) return;
	g->disputed = rnd_bool(r);
	g->refunded_until = rnd_time(r);
	g->dispute_lost_until = rnd_time(r);
	g->reversal_event = rnd_text(r, STRIPE_ID_MAX, true);
	g->schedule_ends = rnd_time(r);
	g->phase_count = rnd_below(r, GRANT_PHASES_MAX + 1);
	for (unsigned i = 0; i < g->phase_count; i++)
		g->phases[i] = (struct grant_phase){rnd_time(r), rnd_bool(r) ? g->items : rnd_items(r, true)};
}

static inline struct override rnd_override(struct random *r) {
	return (struct override){.id = rnd_text(r, STRIPE_ID_MAX, false),
				 .tier = rnd_text(r, NAME_MAX_BYTES, true),
				 .from = rnd_time(r),
				 .until = rnd_time(r),
				 .event = rnd_text(r, STRIPE_ID_MAX, true),
				 .seen = rnd_time(r)};
}

/* ---- every field, hashed ------------------------------------------------------- */

static inline uint64_t hash_text(uint64_t h, struct view v) { return view_hash(hash_u64(h, v.len), v); }

static inline uint64_t hash_items(uint64_t h, const struct item_set *set) {
	h = hash_u64(h, set->count);
	for (unsigned i = 0; i < set->count; i++) {
		h = hash_text(h, set->items[i].price);
		h = hash_text(h, set->items[i].product);
		h = hash_text(h, set->items[i].lookup_key);
		h = hash_u64(h, set->items[i].quantity);
	}
	return h;
}

static inline uint64_t hash_stamp(uint64_t h, const struct stamp *s) {
	return hash_text(hash_u64(hash_u64(h, (uint64_t)s->created), s->rank), s->event);
}

static inline uint64_t hash_seen(uint64_t h, const struct sub_seen *s) {
	const struct subscription *x = &s->sub;
	const uint64_t numbers[] = {s->has_pre,
				    s->pre,
				    s->post,
				    x->status,
				    (uint64_t)x->created,
				    (uint64_t)x->period_start,
				    (uint64_t)x->period_end,
				    (uint64_t)x->trial_end,
				    (uint64_t)x->cancel_at,
				    (uint64_t)x->canceled_at,
				    (uint64_t)x->ended_at,
				    x->cancel_at_period_end,
				    x->collection_paused};
	h = hash_stamp(h, &s->stamp);
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) h = hash_u64(h, numbers[i]);
	h = hash_text(hash_text(h, x->id), x->customer);
	h = hash_text(hash_text(hash_text(h, x->subject), x->latest_invoice), x->schedule);
	return hash_items(h, &x->items);
}

static inline uint64_t hash_sub_register(const struct sub_register *x) {
	uint64_t h = hash_u64(HASH_SEED, x->latest_count);
	for (unsigned i = 0; i < x->latest_count; i++) h = hash_seen(h, &x->latest[i]);
	h = hash_u64(h, x->has_ended);
	if (x->has_ended) h = hash_seen(h, &x->ended);
	h = hash_u64(h, x->price_count);
	for (unsigned i = 0; i < x->price_count; i++)
		h = hash_items(hash_u64(h, (uint64_t)x->prices[i].seen), &x->prices[i].set);
	h = hash_u64(h, x->unpaid_count);
	for (unsigned i = 0; i < x->unpaid_count; i++)
		h = hash_u64(hash_u64(h, (uint64_t)x->unpaid[i].seen), (uint64_t)x->unpaid[i].period_start);
	return hash_u64(h, (uint64_t)x->good);
}

static inline uint64_t hash_customer_register(const struct customer_register *x) {
	uint64_t h = hash_u64(HASH_SEED, x->claim_count);
	for (unsigned i = 0; i < x->claim_count; i++) {
		h = hash_u64(hash_u64(h, x->claims[i].is_new), (uint64_t)x->claims[i].seen);
		h = hash_u64(h, x->claims[i].own);
		h = hash_text(hash_text(h, x->claims[i].subject), x->claims[i].event);
	}
	h = hash_text(hash_u64(hash_u64(h, x->has_standing), (uint64_t)x->standing_at), x->standing);
	h = hash_u64(hash_u64(h, x->deleted), (uint64_t)x->deleted_at);
	return hash_text(h, x->deleted_event);
}

static inline uint64_t hash_invoice_register(const struct invoice_register *x) {
	const struct invoice *i = &x->invoice;
	const int64_t numbers[] = {x->known,         i->status,
				   i->amount_due,    i->amount_remaining,
				   i->attempt_count, i->next_payment_attempt,
				   i->period_start,  i->period_end};
	uint64_t h = hash_stamp(HASH_SEED, &x->stamp);
	for (size_t n = 0; n < ARRAY_LEN(numbers); n++) h = hash_u64(h, (uint64_t)numbers[n]);
	h = hash_text(hash_text(h, i->id), i->customer);
	return hash_text(hash_text(hash_text(h, i->subscription), i->currency), i->payment);
}

static inline uint64_t hash_schedule_register(const struct schedule_register *x) {
	const struct schedule *s = &x->schedule;
	const uint64_t numbers[] = {x->known, x->unconfirmed, s->status, s->ends_subscription, s->phase_count};
	uint64_t h = hash_stamp(HASH_SEED, &x->stamp);
	for (size_t n = 0; n < ARRAY_LEN(numbers); n++) h = hash_u64(h, numbers[n]);
	h = hash_text(hash_text(hash_text(h, s->id), s->customer), s->subscription);
	for (unsigned i = 0; i < s->phase_count; i++) {
		h = hash_u64(hash_u64(h, (uint64_t)s->phases[i].start), (uint64_t)s->phases[i].end);
		h = hash_items(h, &s->phases[i].items);
	}
	return h;
}

static inline uint64_t hash_payment_register(const struct payment_register *x) {
	const uint64_t numbers[] = {(uint64_t)x->amount, x->has_charge, (uint64_t)x->charge_seen, (uint64_t)x->refunded,
				    x->reversal_count};
	uint64_t h = hash_text(hash_text(hash_text(HASH_SEED, x->invoice), x->customer), x->charge_event);
	for (size_t n = 0; n < ARRAY_LEN(numbers); n++) h = hash_u64(h, numbers[n]);
	for (unsigned i = 0; i < x->reversal_count; i++) {
		const struct reversal_seen *s = &x->reversals[i];
		h = hash_text(hash_text(h, s->reversal.id), s->event);
		h = hash_u64(hash_u64(hash_u64(h, s->reversal.state), (uint64_t)s->reversal.amount), (uint64_t)s->seen);
	}
	return h;
}

static inline uint64_t hash_override_register(const struct override_register *x) {
	const struct override_observation *g = &x->given;
	uint64_t h = hash_stamp(hash_stamp(HASH_SEED, &x->stamp), &x->revoked_stamp);
	h = hash_u64(hash_u64(hash_u64(hash_u64(h, x->granted), x->revoked), (uint64_t)g->from), (uint64_t)g->until);
	h = hash_text(hash_text(hash_text(h, g->id), g->subject), g->tier);
	h = hash_text(hash_text(hash_text(h, g->why), g->by), x->subject);
	return hash_text(hash_text(h, x->revoked_why), x->revoked_by);
}

static inline uint64_t hash_grant(uint64_t h, const struct grant *g) {
	const uint64_t numbers[] = {g->status,
				    g->cancel_at_period_end,
				    g->collection_paused,
				    g->unconfirmed,
				    g->invoice_paid,
				    g->customer_deleted,
				    (uint64_t)g->created,
				    (uint64_t)g->seen,
				    (uint64_t)g->period_start,
				    (uint64_t)g->period_end,
				    (uint64_t)g->trial_end,
				    (uint64_t)g->cancel_at,
				    (uint64_t)g->ended_at,
				    (uint64_t)g->unpaid_since,
				    g->earlier_count};
	h = hash_text(hash_text(h, g->subscription), g->event);
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) h = hash_u64(h, numbers[i]);
	h = hash_items(h, &g->items);
	for (unsigned i = 0; i < g->earlier_count; i++)
		h = hash_items(hash_u64(h, (uint64_t)g->earlier[i].seen), &g->earlier[i].set);
	h = hash_u64(hash_u64(h, g->disputed), (uint64_t)g->refunded_until);
	h = hash_u64(hash_u64(h, (uint64_t)g->dispute_lost_until), (uint64_t)g->schedule_ends);
	h = hash_u64(hash_text(h, g->reversal_event), g->phase_count);
	for (unsigned i = 0; i < g->phase_count; i++)
		h = hash_items(hash_u64(h, (uint64_t)g->phases[i].start), &g->phases[i].items);
	return h;
}

static inline uint64_t hash_override(uint64_t h, const struct override *o) {
	h = hash_text(hash_text(hash_text(h, o->id), o->tier), o->event);
	return hash_u64(hash_u64(hash_u64(h, (uint64_t)o->from), (uint64_t)o->until), (uint64_t)o->seen);
}

#endif
