#include "domain/registers.h"

static int i64_cmp(int64_t a, int64_t b) { return (a > b) - (a < b); }

/* ---- joining ---------------------------------------------------------------- */

static bool is_dispute(const struct reversal_seen *s) { return s->reversal.state >= DISPUTE_INQUIRY; }

/* Which observation of one reversal counts. What it is comes first, though Stripe's ids never change kind, so that the
 * place of an id among the others only ever rises: see reversal_add. */
static int seen_cmp(const struct reversal_seen *a, const struct reversal_seen *b) {
	int c = i64_cmp(is_dispute(a), is_dispute(b));
	if (!c) c = i64_cmp(a->seen, b->seen);
	if (!c) c = i64_cmp(a->reversal.state, b->reversal.state);
	if (!c) c = i64_cmp(a->reversal.amount, b->reversal.amount);
	if (!c) c = view_cmp(a->event, b->event);
	return c;
}

/* Which reversals are kept: refunds, of which there may be any number, never push out a dispute. */
static int place_cmp(const struct reversal_seen *a, const struct reversal_seen *b) {
	int c = i64_cmp(is_dispute(a), is_dispute(b));
	if (!c) c = i64_cmp(a->seen, b->seen);
	if (!c) c = view_cmp(a->reversal.id, b->reversal.id);
	return c;
}

/* A map from id to the greatest observation of it, of which those with the greatest places are kept. What is dropped
 * had enough others above it, and those only rise, so dropping is part of the join. */
static void reversal_add(struct payment_register *r, const struct reversal_seen *s) {
	for (unsigned i = 0; i < r->reversal_count; i++) {
		if (!view_eq(r->reversals[i].reversal.id, s->reversal.id)) continue;
		if (seen_cmp(&r->reversals[i], s) >= 0) return;
		r->reversal_count--;
		memmove(&r->reversals[i], &r->reversals[i + 1], (r->reversal_count - i) * sizeof r->reversals[0]);
		break;
	}
	unsigned at = 0;
	while (at < r->reversal_count && place_cmp(&r->reversals[at], s) > 0) at++;
	if (at == REVERSALS_MAX) return;
	if (r->reversal_count < REVERSALS_MAX) r->reversal_count++;
	memmove(&r->reversals[at + 1], &r->reversals[at], (r->reversal_count - 1 - at) * sizeof r->reversals[0]);
	r->reversals[at] = *s;
}

static void charge_join(struct payment_register *into, const struct payment_register *other) {
	if (!other->has_charge) return;
	int c = into->has_charge ? i64_cmp(other->charge_seen, into->charge_seen) : 1;
	if (!c) c = i64_cmp(other->refunded, into->refunded);
	if (!c) c = view_cmp(other->charge_event, into->charge_event);
	if (c <= 0) return;
	into->has_charge = true;
	into->charge_seen = other->charge_seen;
	into->refunded = other->refunded;
	into->charge_event = other->charge_event;
}

void payment_register_observe(struct payment_register *r, const struct stamp *stamp,
			      const struct payment_observation *o) {
	*r = (struct payment_register){.invoice = o->invoice, .customer = o->customer, .amount = o->amount};
	if (o->has_charge) {
		r->has_charge = true;
		r->charge_seen = stamp->created;
		r->refunded = o->refunded;
		r->charge_event = stamp->event;
	}
	for (unsigned i = 0; i < o->reversal_count; i++) {
		const struct reversal_seen s = {o->reversals[i], stamp->created, stamp->event};
		reversal_add(r, &s);
	}
}

void payment_register_join(struct payment_register *into, const struct payment_register *other) {
	if (view_cmp(other->invoice, into->invoice) > 0) into->invoice = other->invoice;
	if (view_cmp(other->customer, into->customer) > 0) into->customer = other->customer;
	if (other->amount > into->amount) into->amount = other->amount;
	charge_join(into, other);
	for (unsigned i = 0; i < other->reversal_count; i++) reversal_add(into, &other->reversals[i]);
}

/* ---- the value -------------------------------------------------------------- */

/* Amounts come from outside: none is negative, and their sum stays at the greatest. */
static int64_t amount_sum(int64_t sum, int64_t amount) {
	if (amount <= 0) return sum;
	return amount > INT64_MAX - sum ? INT64_MAX : sum + amount;
}

/* By the charge's account. A refund that failed in the account's second or later may still be in it. */
static bool refunded_by_charge(const struct payment_register *r) {
	int64_t failed = 0;
	if (!r->has_charge || r->refunded < r->amount) return false;
	for (unsigned i = 0; i < r->reversal_count; i++) {
		const struct reversal_seen *s = &r->reversals[i];
		if (s->reversal.state == REFUND_FAILED && s->seen >= r->charge_seen)
			failed = amount_sum(failed, s->reversal.amount);
	}
	return r->refunded - failed >= r->amount;
}

static bool refunded_by_refunds(const struct payment_register *r, struct view *ret_event) {
	int64_t sum = 0;
	struct view newest = VIEW_NONE;
	for (unsigned i = r->reversal_count; i-- > 0;) {
		const struct reversal_seen *s = &r->reversals[i];
		if (s->reversal.state != REFUND_PENDING && s->reversal.state != REFUND_SUCCEEDED) continue;
		sum = amount_sum(sum, s->reversal.amount);
		newest = s->event;
	}
	if (sum < r->amount) return false;
	*ret_event = newest;
	return true;
}

static bool went_back(enum reversal_state s) {
	return s == REFUND_PENDING || s == REFUND_SUCCEEDED || s == DISPUTE_OPEN || s == DISPUTE_LOST;
}

struct payment_value payment_register_value(const struct payment_register *r) {
	struct payment_value v = {.reversed = r->has_charge && r->refunded > 0};

	if (r->amount > 0) v.refunded = refunded_by_refunds(r, &v.event);
	if (r->amount > 0 && !v.refunded && refunded_by_charge(r)) {
		v.refunded = true;
		v.event = r->charge_event;
	}
	/* the oldest first, so that the event is the newest one's; an open dispute explains more than a lost one */
	for (unsigned i = r->reversal_count; i-- > 0;) {
		const struct reversal_seen *s = &r->reversals[i];
		v.reversed |= went_back(s->reversal.state);
		v.unmeasured |= r->amount == 0 && reversal_is_refund(s->reversal.state) && went_back(s->reversal.state);
		if (s->reversal.state == DISPUTE_LOST) {
			v.dispute_lost = true;
			if (!v.disputed) v.event = s->event;
		} else if (s->reversal.state == DISPUTE_OPEN) {
			v.disputed = true;
			v.event = s->event;
		}
	}
	return v;
}
