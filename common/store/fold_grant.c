/* What one subscription gives its subject's row: itself, its latest invoice, its schedule, and its payments that count.
 */
#include "store/entitlements_internal.h"

/* Only an invoice of the same customer counts: then whatever may change this touches the same row. */
static bool invoice_of(struct fold *f, const struct scope *scope, struct view id, struct view customer,
		       struct invoice *ret_i) {
	struct key key;
	struct view bytes;
	struct invoice_register r;
	if (id.len == 0) return false;
	key_of(&key, scope, id);
	if (!lmdb_get(&f->t, TABLE_INVOICES, key_view(&key), &bytes)) return false;
	if (invoice_register_read(bytes, id, &r)) {
		fold_damaged(f);
		return false;
	}
	if (!view_eq(r.invoice.customer, customer)) return false;
	*ret_i = r.invoice;
	return true;
}

static bool invoice_paid(struct fold *f, const struct scope *scope, const struct subscription *s) {
	struct invoice i;
	return invoice_of(f, scope, s->latest_invoice, s->customer, &i) && i.status == INVOICE_PAID;
}

/* As with invoices: only a schedule of the same customer. */
static void add_schedule(struct fold *f, const struct scope *scope, const struct subscription *s) {
	const struct schedule *schedule = NULL;
	struct key key;
	struct view bytes;
	if (s->schedule.len) {
		key_of(&key, scope, s->schedule);
		if (lmdb_get(&f->t, TABLE_SCHEDULES, key_view(&key), &bytes)) {
			if (schedule_register_read(bytes, s->schedule, &f->schedule))
				fold_damaged(f);
			else if (view_eq(f->schedule.schedule.customer, s->customer) &&
				 (f->schedule.schedule.subscription.len == 0 ||
				  view_eq(f->schedule.schedule.subscription, s->id)))
				schedule = &f->schedule.schedule;
		}
	}
	grant_set_schedule(&f->grant, schedule);
}

static void add_payment(struct fold *f, const struct scope *scope, const struct subscription *s, struct view id) {
	struct payment_register r;
	struct invoice i;
	struct key key;
	struct view bytes;
	key_of(&key, scope, id);
	if (!lmdb_get(&f->t, TABLE_PAYMENTS, key_view(&key), &bytes)) return;
	if (payment_register_read(bytes, &r)) {
		fold_damaged(f);
		return;
	}
	if (!invoice_of(f, scope, r.invoice, s->customer, &i)) return;
	const struct payment_value v = payment_register_value(&r);
	grant_add_payment(&f->grant, &v, i.period_end);
}

bool key_past_prefix(const struct key *prefix, struct key *ret_k) {
	struct key k = *prefix;
	while (k.len && k.bytes[k.len - 1] == 0xff) k.len--;
	if (k.len == 0) return false;
	k.bytes[k.len - 1]++;
	*ret_k = k;
	return true;
}

static void add_payments(struct fold *f, const struct scope *scope, const struct subscription *s) {
	struct key prefix, past;
	struct lmdb_cursor c;
	if (lmdb_count(&f->t, TABLE_SUB_REVERSALS) == 0) return;
	key_of_prefix(&prefix, scope, s->id);
	lmdb_cursor_open(&f->t, TABLE_SUB_REVERSALS, &c);
	bool more = key_past_prefix(&prefix, &past) && lmdb_seek(&c, key_view(&past)) ? lmdb_prev(&c) : lmdb_last(&c);
	for (unsigned n = 0; more && n < SUB_REVERSALS_MAX && view_starts(c.key, key_view(&prefix)); n++) {
		add_payment(f, scope, s, view_of(c.key.ptr + prefix.len, c.key.len - prefix.len));
		more = lmdb_prev(&c);
	}
	lmdb_cursor_close(&c);
}

void fold_fill_grant(struct fold *f, const struct scope *scope, const struct candidate *c) {
	const struct subscription *s = &sub_register_value(&f->stored).seen->sub;
	struct grant *g = &f->grant;

	grant_set_subscription(g, &f->stored);
	g->subscription = c->id;
	g->invoice_paid = invoice_paid(f, scope, s);
	g->customer_deleted = c->customer_deleted;
	g->disputed = false;
	g->refunded_until = g->dispute_lost_until = 0;
	g->reversal_event = VIEW_NONE;
	add_payments(f, scope, s);
	add_schedule(f, scope, s);
}
