/* Would a snapshot change what the store says? It is joined into a copy of the register, and the values before and
 * after are compared: so a store that is ahead of the snapshot differs from it in nothing, and a snapshot that only
 * says again what is known, at a later moment, does not either. */
#include <stdlib.h>

#include "store/entitlements_internal.h"

struct verdict_on {
	bool differs, known;
};

static bool get(struct look *l, enum store_table table, const struct scope *scope, struct view id,
		struct view *ret_bytes) {
	struct key key;
	key_of(&key, scope, id);
	return key.len && lmdb_get(&l->t, table, key_view(&key), ret_bytes);
}

/* Who the customer pays for, after a claim such as the snapshot makes. */
static enum error customer_differs(struct look *l, const struct observation *o, struct view customer,
				   struct view subject, bool standing, bool deleted, struct verdict_on *v) {
	struct customer_register r = {0};
	struct view bytes;
	v->known = get(l, TABLE_CUSTOMERS, &o->scope, customer, &bytes);
	v->differs = !v->known;
	if (!v->known) return OK;
	enum error e = customer_register_read(bytes, &r);
	if (e) return e;
	struct view before = customer_register_subject(&r, customer);
	bool was_deleted = r.deleted;
	if (!claim_valid(subject, customer)) subject = VIEW_NONE;
	if (subject.len || standing) customer_register_claim(&r, subject, false, standing, &o->stamp);
	v->differs = !view_eq(before, customer_register_subject(&r, customer)) || (deleted && !was_deleted);
	return OK;
}

static enum error subscription_differs(struct look *l, const struct observation *o, struct verdict_on *v) {
	const struct subscription_observation *s = &o->of.subscription;
	struct sub_register *stored = &l->space->stored, *seen = &l->space->seen;
	struct view bytes;
	v->known = get(l, TABLE_SUBS, &o->scope, s->now.id, &bytes);
	v->differs = !v->known;
	if (!v->known) return OK;
	enum error e = sub_register_read(bytes, s->now.id, stored);
	if (e) return e;
	struct sub_value value = sub_register_value(stored);
	uint64_t digest = subscription_digest(&value.seen->sub);
	bool unconfirmed = value.unconfirmed;
	int64_t unpaid_since = value.unpaid_since;
	sub_register_observe(seen, &o->stamp, s);
	sub_register_join(stored, seen);
	value = sub_register_value(stored);
	v->differs = digest != subscription_digest(&value.seen->sub) || unconfirmed != value.unconfirmed ||
		     unpaid_since != value.unpaid_since;
	if (v->differs || !claim_valid(s->now.subject, s->now.customer)) return OK;
	struct verdict_on customer;
	e = customer_differs(l, o, s->now.customer, s->now.subject, false, false, &customer);
	if (!e) v->differs = customer.differs;
	return e;
}

static bool invoices_equal(const struct invoice *a, const struct invoice *b) {
	return a->status == b->status && view_eq(a->customer, b->customer) &&
	       view_eq(a->subscription, b->subscription) && a->amount_due == b->amount_due &&
	       a->amount_remaining == b->amount_remaining && a->attempt_count == b->attempt_count &&
	       a->next_payment_attempt == b->next_payment_attempt && a->period_start == b->period_start &&
	       a->period_end == b->period_end && view_eq(a->payment, b->payment);
}

static enum error invoice_differs(struct look *l, const struct observation *o, struct verdict_on *v) {
	struct invoice_register r, joined, seen = {0};
	struct view bytes;
	v->known = get(l, TABLE_INVOICES, &o->scope, o->of.invoice.id, &bytes);
	v->differs = !v->known;
	if (!v->known) return OK;
	enum error e = invoice_register_read(bytes, o->of.invoice.id, &r);
	if (e) return e;
	joined = r;
	invoice_register_observe(&seen, &o->stamp, &o->of.invoice);
	invoice_register_join(&joined, &seen);
	v->differs = !invoices_equal(&r.invoice, &joined.invoice);
	return OK;
}

static enum error schedule_differs(struct look *l, const struct observation *o, struct verdict_on *v) {
	struct schedule_register *stored = &l->space->schedule, *seen = &l->space->schedule_seen;
	struct view bytes;
	v->known = get(l, TABLE_SCHEDULES, &o->scope, o->of.schedule.id, &bytes);
	v->differs = !v->known;
	if (!v->known) return OK;
	enum error e = schedule_register_read(bytes, o->of.schedule.id, stored);
	if (e) return e;
	uint64_t digest = schedule_digest(&stored->schedule);
	bool unconfirmed = stored->unconfirmed;
	*seen = (struct schedule_register){0};
	schedule_register_observe(seen, &o->stamp, &o->of.schedule);
	schedule_register_join(stored, seen);
	v->differs = digest != schedule_digest(&stored->schedule) || unconfirmed != stored->unconfirmed;
	return OK;
}

static enum error payment_differs(struct look *l, const struct observation *o, struct verdict_on *v) {
	struct payment_register r, joined, seen = {0};
	struct view bytes;
	v->known = get(l, TABLE_PAYMENTS, &o->scope, o->of.payment.id, &bytes);
	v->differs = !v->known;
	if (!v->known) return OK;
	enum error e = payment_register_read(bytes, &r);
	if (e) return e;
	joined = r;
	payment_register_observe(&seen, &o->stamp, &o->of.payment);
	payment_register_join(&joined, &seen);
	const struct payment_value a = payment_register_value(&r), b = payment_register_value(&joined);
	v->differs = a.disputed != b.disputed || a.dispute_lost != b.dispute_lost || a.refunded != b.refunded ||
		     a.reversed != b.reversed || !view_eq(r.invoice, joined.invoice) ||
		     !view_eq(r.customer, joined.customer) || r.amount != joined.amount;
	return OK;
}

static enum error checkout_differs(struct look *l, const struct observation *o, struct verdict_on *v) {
	const struct checkout_observation *c = &o->of.checkout;
	*v = (struct verdict_on){.known = true};
	if (c->customer.len == 0 || !claim_valid(c->subject, c->customer)) return OK;
	return customer_differs(l, o, c->customer, c->subject, false, false, v);
}

enum error look_differs(struct look *l, const struct observation *s, bool *ret_differs, bool *ret_known) {
	const struct customer_observation *c = &s->of.customer;
	struct verdict_on v = {0};
	enum error e = OK;
	if (!observation_fits(s)) return ERR_LIMIT;
	if (!l->space) l->space = calloc(1, sizeof *l->space);
	if (!l->space) return ERR_MEMORY;
	switch (s->kind) {
	case OBSERVE_SUBSCRIPTION:
		e = subscription_differs(l, s, &v);
		break;
	case OBSERVE_CUSTOMER:
		e = customer_differs(l, s, c->id, c->subject, !c->deleted, c->deleted, &v);
		break;
	case OBSERVE_CHECKOUT:
		e = checkout_differs(l, s, &v);
		break;
	case OBSERVE_INVOICE:
		e = invoice_differs(l, s, &v);
		break;
	case OBSERVE_SCHEDULE:
		e = schedule_differs(l, s, &v);
		break;
	case OBSERVE_PAYMENT:
		e = payment_differs(l, s, &v);
		break;
	case OBSERVE_NOTHING:
	case OBSERVE_OVERRIDE:
	case OBSERVE_MARK:
		return ERR_USAGE;
	}
	if (l->t.error) return l->t.error;
	if (e) return e;
	*ret_differs = v.differs;
	*ret_known = v.known;
	return OK;
}
