/* Invoices and payments, and which payments count against which subscription.
 *
 * A payment counts when a dispute about it is open or lost, or when all of it was refunded. Of those
 *   invoice_payments (invoice, payment)      holds each that names its invoice,
 *   sub_reversals    (subscription, payment) each whose invoice is known and names a subscription:
 * both functions of the two registers, whichever came first. Of the many payments with which nothing is wrong neither
 * index knows anything.
 */
#include "store/entitlements_internal.h"

static void pair_put(struct fold *f, enum store_table table, const struct scope *scope, struct view first,
		     struct view second) {
	struct key pair;
	key_of_pair(&pair, scope, first, second);
	(void)lmdb_insert(&f->t, table, key_view(&pair), VIEW_NONE);
}

static void pair_del(struct fold *f, enum store_table table, const struct scope *scope, struct view first,
		     struct view second) {
	struct key pair;
	key_of_pair(&pair, scope, first, second);
	(void)lmdb_del(&f->t, table, key_view(&pair));
}

static bool invoice_get(struct fold *f, const struct scope *scope, struct view id, struct invoice_register *ret_r) {
	struct key key;
	struct view bytes;
	if (id.len == 0) return false;
	key_of(&key, scope, id);
	if (!lmdb_get(&f->t, TABLE_INVOICES, key_view(&key), &bytes)) return false;
	if (invoice_register_read(bytes, id, ret_r) == OK) return true;
	fold_damaged(f);
	return false;
}

/* ---- payments ------------------------------------------------------------------------ */

/* What the indexes and rows depend on, of a payment as it was or is. */
struct link {
	bool counts;
	struct id_copy invoice;
};

static void link_of(const struct payment_register *r, struct link *ret_l) {
	const struct payment_value v = payment_register_value(r);
	ret_l->counts = v.disputed || v.dispute_lost || v.refunded;
	id_set(&ret_l->invoice, r->invoice);
}

/* Puts the payment into the indexes that lead from an invoice and a subscription to it, or takes it out. */
static void link_payment(struct fold *f, const struct scope *scope, struct view payment, const struct link *l,
			 void (*put_or_del)(struct fold *f, enum store_table table, const struct scope *scope,
					    struct view first, struct view second)) {
	struct invoice_register invoice;
	if (!l->counts || l->invoice.len == 0) return;
	if (invoice_get(f, scope, id_view(&l->invoice), &invoice)) {
		struct id_copy subscription;
		id_set(&subscription, invoice.invoice.subscription);
		fold_touch_customer(f, scope, invoice.invoice.customer);
		if (subscription.len) put_or_del(f, TABLE_SUB_REVERSALS, scope, id_view(&subscription), payment);
	}
	put_or_del(f, TABLE_INVOICE_PAYMENTS, scope, id_view(&l->invoice), payment);
}

/* Stripe's ids tell: an intent is pi_…, a charge ch_… or py_…. */
static enum fetch_kind payments_of(struct view payment) {
	return view_starts(payment, VIEW("pi_")) ? FETCH_PAYMENTS_OF_INTENT : FETCH_PAYMENTS_OF_CHARGE;
}

/* What went back cannot be told from a subscription until the invoice is known that the payment paid, nor whether it
 * was all until its amount is, which an invoice that names its payment leaves open. */
static void ask_for_payment(struct fold *f, const struct observation *o, struct view payment,
			    const struct payment_value *v, const struct link *now) {
	struct invoice_register invoice;
	bool told = now->invoice.len && !v->unmeasured;
	if (told) fold_settle(f, &o->scope, payments_of(payment), payment, o->stamp.created);
	if (!v->reversed) return;
	if (!told) fold_ask_link(f, o, payments_of(payment), payment);
	if (now->invoice.len && !invoice_get(f, &o->scope, id_view(&now->invoice), &invoice))
		fold_ask_link(f, o, FETCH_INVOICE, id_view(&now->invoice));
}

static void observe_payment(struct fold *f, const struct observation *o, const struct payment_observation *p) {
	struct payment_register joined = {0}, seen = {0};
	struct link before = {0}, after = {0};
	struct view old;
	struct key key;

	key_of(&key, &o->scope, p->id);
	payment_register_observe(&seen, &o->stamp, p);
	bool known = lmdb_get(&f->t, TABLE_PAYMENTS, key_view(&key), &old);
	if (known) {
		if (payment_register_read(old, &joined)) {
			fold_damaged(f);
			return;
		}
		link_of(&joined, &before);
	}
	payment_register_join(&joined, &seen);
	struct writer w = writer_of(f->buffer, STATE_VALUE_MAX);
	payment_register_write(&w, &joined);
	if (known && view_eq(writer_view(&w), old)) return;
	link_of(&joined, &after);
	const struct payment_value value = payment_register_value(&joined); /* its event is in the map: not for later */
	fold_store(f, TABLE_PAYMENTS, &key, writer_view(&w), known);
	link_payment(f, &o->scope, p->id, &before, pair_del);
	link_payment(f, &o->scope, p->id, &after, pair_put);
	ask_for_payment(f, o, p->id, &value, &after);
}

void fold_payment(struct fold *f, const struct observation *o) { observe_payment(f, o, &o->of.payment); }

/* ---- invoices ------------------------------------------------------------------------ */

/* The payments that count and name this invoice go from one subscription to another. */
static void move_payments(struct fold *f, const struct scope *scope, struct view invoice, struct view from,
			  struct view to) {
	struct key prefix, at;
	struct lmdb_cursor c;
	if (lmdb_count(&f->t, TABLE_INVOICE_PAYMENTS) == 0) return;
	key_of_prefix(&prefix, scope, invoice);
	at = prefix;
	for (;;) { /* each write ends what a cursor showed, so each step seeks anew */
		struct id_copy payment;
		lmdb_cursor_open(&f->t, TABLE_INVOICE_PAYMENTS, &c);
		bool more = lmdb_seek(&c, key_view(&at));
		if (more && at.len != prefix.len && view_eq(c.key, key_view(&at))) more = lmdb_next(&c);
		more = more && view_starts(c.key, key_view(&prefix));
		if (more) {
			at.len = c.key.len;
			memcpy(at.bytes, c.key.ptr, c.key.len);
			id_set(&payment, view_of(c.key.ptr + prefix.len, c.key.len - prefix.len));
		}
		lmdb_cursor_close(&c);
		if (!more) return;
		if (from.len) pair_del(f, TABLE_SUB_REVERSALS, scope, from, id_view(&payment));
		if (to.len) pair_put(f, TABLE_SUB_REVERSALS, scope, to, id_view(&payment));
	}
}

/* What an invoice depends on and is depended on by, as it was or is. */
struct invoice_link {
	struct id_copy customer, subscription;
};

static void join_invoice(struct fold *f, const struct observation *o, bool *ret_changed, struct invoice_link *before,
			 struct invoice_link *after) {
	struct invoice_register joined = {0}, seen = {0};
	struct view old;
	struct key key;

	key_of(&key, &o->scope, o->of.invoice.id);
	invoice_register_observe(&seen, &o->stamp, &o->of.invoice);
	bool known = lmdb_get(&f->t, TABLE_INVOICES, key_view(&key), &old);
	if (known) {
		if (invoice_register_read(old, o->of.invoice.id, &joined)) {
			fold_damaged(f);
			return;
		}
		id_set(&before->customer, joined.invoice.customer);
		id_set(&before->subscription, joined.invoice.subscription);
	}
	invoice_register_join(&joined, &seen);
	struct writer w = writer_of(f->buffer, STATE_VALUE_MAX);
	invoice_register_write(&w, &joined);
	if (known && view_eq(writer_view(&w), old)) return;
	id_set(&after->customer, joined.invoice.customer);
	id_set(&after->subscription, joined.invoice.subscription);
	fold_store(f, TABLE_INVOICES, &key, writer_view(&w), known);
	*ret_changed = true;
}

void fold_invoice(struct fold *f, const struct observation *o) {
	const struct invoice *i = &o->of.invoice;
	struct invoice_link before = {0}, after = {0};
	bool changed = false;

	join_invoice(f, o, &changed, &before, &after);
	fold_settle(f, &o->scope, FETCH_INVOICE, i->id, o->stamp.created);
	if (changed) {
		if (!view_eq(id_view(&before.subscription), id_view(&after.subscription)))
			move_payments(f, &o->scope, i->id, id_view(&before.subscription), id_view(&after.subscription));
		fold_touch_customer(f, &o->scope, id_view(&after.customer));
		if (!view_eq(id_view(&before.customer), id_view(&after.customer)))
			fold_touch_customer(f, &o->scope, id_view(&before.customer));
	}
	if (i->payment.len == 0) return;
	/* older shapes show here which payment paid it */
	const struct payment_observation link = {.id = i->payment, .invoice = i->id, .customer = i->customer};
	observe_payment(f, o, &link);
}
