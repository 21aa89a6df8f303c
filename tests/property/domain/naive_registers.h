/* The registers as domain/registers.h defines them, from a list of everything that was said: nothing is dropped before
 * all of it was looked at. */
#ifndef PROPERTY_NAIVE_REGISTERS_H
#define PROPERTY_NAIVE_REGISTERS_H

#include "lives/law.h"

#define SAID_MAX 40

/* What one event says of one object of each kind. */
struct said {
	struct stamp stamp;
	struct subscription_observation o;
	bool deletes;
	bool stands; /* it is what the customer's own metadata says */
	struct invoice invoice;
	struct schedule schedule;
	struct payment_observation payment;
	struct override_observation override;
};

static inline int cmp_u64(uint64_t a, uint64_t b) { return (a > b) - (a < b); }
static inline int cmp_i64(int64_t a, int64_t b) { return (a > b) - (a < b); }

/* "greatest first by (rank, post, has_pre, pre)" */
static inline int cmp_latest(const struct sub_seen *a, const struct sub_seen *b) {
	int c = cmp_u64(a->stamp.rank, b->stamp.rank);
	if (!c) c = cmp_u64(a->post, b->post);
	if (!c) c = cmp_u64(a->has_pre, b->has_pre);
	return c ? c : cmp_u64(a->pre, b->pre);
}

static inline struct sub_seen seen_of(const struct said *s) {
	return (struct sub_seen){s->stamp, s->o.pre, s->o.post, s->o.has_pre, s->o.now};
}

static inline void naive_latest(const struct said *all, unsigned count, struct sub_register *r) {
	int64_t greatest = 0;
	struct sub_seen kept[SAID_MAX];
	unsigned n = 0;
	for (unsigned i = 0; i < count; i++)
		if (all[i].stamp.created > greatest) greatest = all[i].stamp.created;
	for (unsigned i = 0; i < count; i++) {
		if (all[i].stamp.created != greatest) continue;
		struct sub_seen one = seen_of(&all[i]);
		unsigned j = 0;
		while (j < n && cmp_latest(&kept[j], &one) != 0) j++;
		if (j == n) kept[n++] = one;
		if (view_cmp(one.stamp.event, kept[j].stamp.event) > 0) kept[j] = one;
	}
	while (r->latest_count < SUB_LATEST_MAX && n) {
		unsigned top = 0;
		for (unsigned i = 1; i < n; i++)
			if (cmp_latest(&kept[i], &kept[top]) > 0) top = i;
		r->latest[r->latest_count++] = kept[top];
		kept[top] = kept[--n];
	}
}

static inline void naive_ended(const struct said *all, unsigned count, struct sub_register *r) {
	for (unsigned i = 0; i < count; i++) {
		if (!sub_status_final(all[i].o.now.status)) continue;
		int c = cmp_i64(all[i].stamp.created, r->ended.stamp.created);
		if (!c) c = view_cmp(all[i].stamp.event, r->ended.stamp.event);
		if (r->has_ended && c >= 0) continue;
		r->has_ended = true;
		r->ended = seen_of(&all[i]);
	}
}

static inline struct item_set sold(const struct subscription *s) {
	struct item_set set = s->items;
	for (unsigned i = 0; i < set.count; i++) set.items[i].quantity = 0;
	return set;
}

static inline void naive_prices(const struct said *all, unsigned count, struct sub_register *r) {
	struct price_set_seen kept[SAID_MAX];
	unsigned n = 0;
	for (unsigned i = 0; i < count; i++) {
		struct price_set_seen one = {all[i].stamp.created, sold(&all[i].o.now)};
		if (!one.set.count) continue;
		unsigned j = 0;
		while (j < n && item_set_cmp(&kept[j].set, &one.set) != 0) j++;
		if (j == n) kept[n++] = one;
		if (one.seen > kept[j].seen) kept[j].seen = one.seen;
	}
	while (r->price_count < SUB_PRICES_MAX && n) {
		unsigned top = 0;
		for (unsigned i = 1; i < n; i++) {
			int c = cmp_i64(kept[i].seen, kept[top].seen);
			if (!c) c = item_set_cmp(&kept[i].set, &kept[top].set);
			if (c > 0) top = i;
		}
		r->prices[r->price_count++] = kept[top];
		kept[top] = kept[--n];
	}
}

static inline void naive_unpaid(const struct said *all, unsigned count, struct sub_register *r) {
	struct unpaid_seen kept[SAID_MAX];
	unsigned n = 0;
	for (unsigned i = 0; i < count; i++) {
		const struct subscription *s = &all[i].o.now;
		if ((s->status == SUB_ACTIVE || s->status == SUB_TRIALING) && all[i].stamp.created > r->good)
			r->good = all[i].stamp.created;
		if (s->status != SUB_PAST_DUE) continue;
		unsigned j = 0;
		while (j < n && kept[j].period_start != s->period_start) j++;
		if (j == n) kept[n++] = (struct unpaid_seen){s->period_start, 0};
		if (all[i].stamp.created > kept[j].seen) kept[j].seen = all[i].stamp.created;
	}
	while (r->unpaid_count < SUB_UNPAID_MAX && n) {
		unsigned top = 0;
		for (unsigned i = 1; i < n; i++) {
			int c = cmp_i64(kept[i].seen, kept[top].seen);
			if (!c) c = cmp_i64(kept[i].period_start, kept[top].period_start);
			if (c > 0) top = i;
		}
		r->unpaid[r->unpaid_count++] = kept[top];
		kept[top] = kept[--n];
	}
}

static inline void naive_sub(const struct said *said, unsigned count, struct sub_register *r) {
	static struct said all[SAID_MAX];
	*r = (struct sub_register){0};
	for (unsigned i = 0; i < count; i++) {
		all[i] = said[i];
		/* a deletion has ended the subscription, whatever status its object still shows */
		if (all[i].stamp.rank == RANK_DELETED && !sub_status_final(all[i].o.now.status))
			all[i].o.now.status = SUB_CANCELED;
	}
	naive_latest(all, count, r);
	naive_ended(all, count, r);
	naive_prices(all, count, r);
	naive_unpaid(all, count, r);
}

static inline int cmp_claim(const struct claim *a, const struct claim *b) {
	int c = cmp_u64(a->is_new, b->is_new);
	if (!c) c = cmp_i64(a->seen, b->seen);
	if (!c) c = view_cmp(a->event, b->event);
	return c ? c : cmp_u64(a->own, b->own);
}

static inline void naive_customer(const struct said *all, unsigned count, struct customer_register *r) {
	struct claim kept[SAID_MAX];
	unsigned n = 0;
	*r = (struct customer_register){0};
	for (unsigned i = 0; i < count; i++) {
		const struct stamp *at = &all[i].stamp;
		if (all[i].deletes) {
			int c = cmp_i64(at->created, r->deleted_at);
			if (!c) c = view_cmp(at->event, r->deleted_event);
			if (!r->deleted || c < 0) r->deleted_at = at->created, r->deleted_event = at->event;
			r->deleted = true;
			continue;
		}
		struct claim one = {all[i].o.now.subject, all[i].o.new_claim, all[i].stands, at->created, at->event};
		if (all[i].stands) {
			int c = cmp_i64(at->created, r->standing_at);
			if (!c) c = view_cmp(one.subject, r->standing);
			if (!r->has_standing || c > 0) r->standing_at = at->created, r->standing = one.subject;
			r->has_standing = true;
		}
		if (!one.subject.len && !one.is_new) continue;
		unsigned j = 0;
		while (j < n && !view_eq(kept[j].subject, one.subject)) j++;
		if (j == n) kept[n++] = one;
		if (cmp_claim(&one, &kept[j]) > 0) kept[j] = one;
	}
	while (r->claim_count < CLAIMS_MAX && n) {
		unsigned top = 0;
		for (unsigned i = 1; i < n; i++) {
			int c = cmp_claim(&kept[i], &kept[top]);
			if (!c) c = view_cmp(kept[i].subject, kept[top].subject);
			if (c > 0) top = i;
		}
		r->claims[r->claim_count++] = kept[top];
		kept[top] = kept[--n];
	}
}

/* "the greatest by (second, status, rank, digest, event id)", and unconfirmed when another state has the same of the
 * first three */
static inline void naive_schedule(const struct said *all, unsigned count, struct schedule_register *r) {
	*r = (struct schedule_register){0};
	for (unsigned i = 0; i < count; i++) {
		const struct schedule *s = &all[i].schedule;
		int c = cmp_i64(all[i].stamp.created, r->stamp.created);
		if (!c) c = cmp_i64(s->status, r->schedule.status);
		if (!c) c = cmp_i64(all[i].stamp.rank, r->stamp.rank);
		if (!c) c = cmp_u64(schedule_digest(s), schedule_digest(&r->schedule));
		if (!c) c = view_cmp(all[i].stamp.event, r->stamp.event);
		if (!r->known || c > 0) *r = (struct schedule_register){true, false, all[i].stamp, *s};
	}
	for (unsigned i = 0; i < count; i++)
		if (all[i].stamp.created == r->stamp.created && all[i].stamp.rank == r->stamp.rank &&
		    all[i].schedule.status == r->schedule.status &&
		    schedule_digest(&all[i].schedule) != schedule_digest(&r->schedule))
			r->unconfirmed = true;
}

static inline bool disputes(const struct reversal_seen *s) { return !reversal_is_refund(s->reversal.state); }

static inline int cmp_reversal(const struct reversal_seen *a, const struct reversal_seen *b) {
	int c = cmp_u64(disputes(a), disputes(b));
	if (!c) c = cmp_i64(a->seen, b->seen);
	if (!c) c = cmp_i64(a->reversal.state, b->reversal.state);
	if (!c) c = cmp_i64(a->reversal.amount, b->reversal.amount);
	return c ? c : view_cmp(a->event, b->event);
}

static inline unsigned naive_newest(const struct reversal_seen *kept, unsigned n) {
	unsigned top = 0;
	for (unsigned i = 1; i < n; i++) {
		int c = cmp_u64(disputes(&kept[i]), disputes(&kept[top]));
		if (!c) c = cmp_i64(kept[i].seen, kept[top].seen);
		if (!c) c = view_cmp(kept[i].reversal.id, kept[top].reversal.id);
		if (c > 0) top = i;
	}
	return top;
}

static inline void naive_payment(const struct said *all, unsigned count, struct payment_register *r) {
	struct reversal_seen kept[SAID_MAX];
	unsigned n = 0;
	*r = (struct payment_register){0};
	for (unsigned i = 0; i < count; i++) {
		const struct payment_observation *p = &all[i].payment;
		const struct stamp *at = &all[i].stamp;
		if (view_cmp(p->invoice, r->invoice) > 0) r->invoice = p->invoice;
		if (view_cmp(p->customer, r->customer) > 0) r->customer = p->customer;
		if (p->amount > r->amount) r->amount = p->amount;
		int c = cmp_i64(at->created, r->charge_seen);
		if (!c) c = cmp_i64(p->refunded, r->refunded);
		if (!c) c = view_cmp(at->event, r->charge_event);
		if (p->has_charge && (!r->has_charge || c > 0)) {
			r->has_charge = true;
			r->charge_seen = at->created;
			r->refunded = p->refunded;
			r->charge_event = at->event;
		}
		if (!p->reversal_count) continue;
		const struct reversal_seen one = {p->reversals[0], at->created, at->event};
		unsigned j = 0;
		while (j < n && !view_eq(kept[j].reversal.id, one.reversal.id)) j++;
		if (j == n) kept[n++] = one;
		if (cmp_reversal(&one, &kept[j]) > 0) kept[j] = one;
	}
	while (r->reversal_count < REVERSALS_MAX && n) {
		unsigned top = naive_newest(kept, n);
		r->reversals[r->reversal_count++] = kept[top];
		kept[top] = kept[--n];
	}
}

/* Of clean input, where an event says one thing. */
static inline void naive_override(const struct said *all, unsigned count, struct override_register *r) {
	*r = (struct override_register){0};
	for (unsigned i = 0; i < count; i++) {
		const struct override_observation *o = &all[i].override;
		const struct stamp *at = &all[i].stamp;
		const struct stamp *best = o->revoked ? &r->revoked_stamp : &r->stamp;
		int c = cmp_i64(at->created, best->created);
		if (!c) c = view_cmp(at->event, best->event);
		if (o->revoked && (!r->revoked || c < 0)) {
			r->revoked = true;
			r->revoked_stamp = *at;
			r->subject = o->subject;
			r->revoked_why = o->why;
			r->revoked_by = o->by;
		} else if (!o->revoked && (!r->granted || c > 0)) {
			r->granted = true;
			r->stamp = *at;
			r->given = *o;
		}
	}
}

#endif
