/* Observations into registers and indexes.
 *
 * What is stored must be a function of the set of observations alone. So every index is derived from
 * registers, or is a union over observations; and whatever a row reads touches the row when it changes.
 */
#include "store/entitlements_internal.h"

/* ---- is it fit to be stored? ---------------------------------------------------- */

static bool fits(struct view v, size_t max) { return v.len <= max; }
static bool is_id(struct view v) { return v.len > 0 && v.len <= STRIPE_ID_MAX; }

static bool subscription_fits(const struct subscription *s) {
	if (!is_id(s->id) || !is_id(s->customer) || s->status >= SUB_STATUS_COUNT) return false;
	if (!fits(s->subject, CLAIM_TEXT_MAX) || !fits(s->latest_invoice, STRIPE_ID_MAX)) return false;
	if (s->items.count > ITEMS_MAX) return false;
	for (unsigned i = 0; i < s->items.count; i++) {
		const struct item *item = &s->items.items[i];
		if (!fits(item->price, STRIPE_ID_MAX) || !fits(item->product, STRIPE_ID_MAX) ||
		    !fits(item->lookup_key, LOOKUP_KEY_MAX))
			return false;
	}
	return true;
}

static bool invoice_fits(const struct invoice *i) {
	return is_id(i->id) && fits(i->customer, STRIPE_ID_MAX) && fits(i->subscription, STRIPE_ID_MAX) &&
	       fits(i->currency, CURRENCY_MAX) && i->status < INVOICE_STATUS_COUNT;
}

static bool observation_fits(const struct observation *o) {
	if (!fits(o->scope.account, ACCOUNT_MAX) || !fits(o->stamp.event, STRIPE_ID_MAX)) return false;
	switch (o->kind) {
	case OBSERVE_SCHEDULE:
	case OBSERVE_PAYMENT:
	case OBSERVE_OVERRIDE:
	case OBSERVE_MARK:
	case OBSERVE_NOTHING:
		return true;
	case OBSERVE_SUBSCRIPTION:
		return subscription_fits(&o->of.subscription.now);
	case OBSERVE_CUSTOMER:
		return is_id(o->of.customer.id);
	case OBSERVE_CHECKOUT:
		return fits(o->of.checkout.customer, STRIPE_ID_MAX);
	case OBSERVE_INVOICE:
		return invoice_fits(&o->of.invoice);
	}
	return false;
}

/* ---- customers ------------------------------------------------------------------- */

void fold_damaged(struct fold *f) {
	lmdb_fail(&f->t, ERR_STORAGE, "a register in the entitlement store does not decode");
}

static void store(struct fold *f, enum store_table table, const struct key *key, struct view value, bool known) {
	if (known)
		lmdb_put(&f->t, table, key_view(key), value);
	else
		lmdb_add(&f->t, table, key_view(key), value);
}

/* What an observation says about a customer; nothing at all still makes it known. */
struct customer_news {
	struct view subject; /* empty: no claim */
	bool is_new;
	bool deleted;
};

static bool customer_get(struct fold *f, const struct scope *scope, struct view customer, struct view *ret_bytes,
			 struct customer_register *ret_r) {
	struct key key;
	struct view bytes;
	key_of(&key, scope, customer);
	if (!lmdb_get(&f->t, TABLE_CUSTOMERS, key_view(&key), &bytes)) return false;
	if (customer_register_read(bytes, ret_r)) {
		fold_damaged(f);
		return false;
	}
	*ret_bytes = bytes;
	return true;
}

bool fold_subject_of(struct fold *f, const struct scope *scope, struct view customer, struct id_copy *ret_subject) {
	struct customer_register r;
	struct view bytes;
	if (customer.len == 0 || !customer_get(f, scope, customer, &bytes, &r)) return false;
	id_set(ret_subject, customer_register_subject(&r, customer));
	return true;
}

static void touch_customer(struct fold *f, const struct scope *scope, struct view customer) {
	struct id_copy subject;
	if (fold_subject_of(f, scope, customer, &subject)) fold_touch(f, id_view(&subject));
}

/* The pair (subject, customer) is there for the customer's one subject and no other. */
static void rebind(struct fold *f, const struct scope *scope, struct view customer, struct view before,
		   struct view after) {
	struct key pair;
	if (before.len) {
		key_of_pair(&pair, scope, before, customer);
		(void)lmdb_del(&f->t, TABLE_SUBJECT_CUSTOMERS, key_view(&pair));
		fold_touch(f, before);
	}
	key_of_pair(&pair, scope, after, customer);
	lmdb_add(&f->t, TABLE_SUBJECT_CUSTOMERS, key_view(&pair), VIEW_NONE);
}

static void observe_customer(struct fold *f, const struct observation *o, struct view customer,
			     const struct customer_news *news) {
	struct customer_register r = {0};
	struct view old = VIEW_NONE;
	struct id_copy before = {0}, after;
	struct key key;

	bool known = customer_get(f, &o->scope, customer, &old, &r);
	if (known) id_set(&before, customer_register_subject(&r, customer));
	unsigned claims = r.claim_count;
	if (claim_valid(news->subject, customer)) customer_register_claim(&r, news->subject, news->is_new, false, &o->stamp);
	if (news->deleted) customer_register_delete(&r, &o->stamp);

	struct writer w = writer_of(f->buffer, STATE_VALUE_MAX);
	customer_register_write(&w, &r);
	if (known && view_eq(writer_view(&w), old)) return;
	id_set(&after, customer_register_subject(&r, customer));
	bool conflict = claims > 0 && r.claim_count > claims;
	key_of(&key, &o->scope, customer);
	store(f, TABLE_CUSTOMERS, &key, writer_view(&w), known);
	if (!view_eq(id_view(&before), id_view(&after)))
		rebind(f, &o->scope, customer, id_view(&before), id_view(&after));
	fold_touch(f, id_view(&after));
	if (conflict) fold_tally(f, VIEW("claim_conflict"));
}

/* ---- subscriptions ---------------------------------------------------------------- */

/* Joins into the stored register. True when it changed; then `ret_before` (empty when there was none) and
 * `ret_after` are the customers that its value names. */
static bool join_subscription(struct fold *f, const struct observation *o, struct id_copy *ret_before,
			      struct id_copy *ret_after) {
	const struct subscription_observation *s = &o->of.subscription;
	struct sub_register *joined = &f->seen;
	struct view old;
	struct key key;
	bool doubted = false;

	key_of(&key, &o->scope, s->now.id);
	ret_before->len = 0;
	sub_register_observe(&f->seen, &o->stamp, s);
	bool known = lmdb_get(&f->t, TABLE_SUBS, key_view(&key), &old);
	if (known) {
		if (sub_register_read(old, s->now.id, &f->stored)) {
			fold_damaged(f);
			return false;
		}
		struct sub_value value = sub_register_value(&f->stored);
		id_set(ret_before, value.seen->sub.customer);
		doubted = value.unconfirmed;
		sub_register_join(&f->stored, &f->seen);
		joined = &f->stored;
	}
	struct writer w = writer_of(f->buffer, STATE_VALUE_MAX);
	sub_register_write(&w, joined);
	if (known && view_eq(writer_view(&w), old)) return false;
	struct sub_value value = sub_register_value(joined);
	id_set(ret_after, value.seen->sub.customer);
	if (value.unconfirmed && !doubted) fold_tally(f, VIEW("unconfirmed"));
	store(f, TABLE_SUBS, &key, writer_view(&w), known);
	return true;
}

static void observe_subscription(struct fold *f, const struct observation *o) {
	const struct subscription *s = &o->of.subscription.now;
	const struct customer_news news = {.subject = s->subject, .is_new = o->of.subscription.new_claim};
	struct id_copy before, after;
	struct key pair;

	bool changed = join_subscription(f, o, &before, &after);
	key_of_pair(&pair, &o->scope, s->customer, s->id);
	(void)lmdb_insert(&f->t, TABLE_CUSTOMER_SUBS, key_view(&pair), VIEW_NONE);
	observe_customer(f, o, s->customer, &news);
	if (!changed) return;
	touch_customer(f, &o->scope, id_view(&after));
	if (!view_eq(id_view(&before), id_view(&after))) touch_customer(f, &o->scope, id_view(&before));
}

/* ---- invoices ---------------------------------------------------------------------- */

static void observe_invoice(struct fold *f, const struct observation *o) {
	struct invoice_register joined = {0}, seen = {0};
	struct id_copy before = {0}, after;
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
		id_set(&before, joined.invoice.customer);
	}
	invoice_register_join(&joined, &seen);
	struct writer w = writer_of(f->buffer, STATE_VALUE_MAX);
	invoice_register_write(&w, &joined);
	if (known && view_eq(writer_view(&w), old)) return;
	id_set(&after, joined.invoice.customer);
	store(f, TABLE_INVOICES, &key, writer_view(&w), known);
	touch_customer(f, &o->scope, id_view(&after));
	if (!view_eq(id_view(&before), id_view(&after))) touch_customer(f, &o->scope, id_view(&before));
}

/* ---- all of them --------------------------------------------------------------------- */

static void observe(struct fold *f, const struct observation *o) {
	struct customer_news news = {.is_new = true};
	switch (o->kind) {
	case OBSERVE_SCHEDULE:
	case OBSERVE_PAYMENT:
	case OBSERVE_OVERRIDE:
	case OBSERVE_MARK:
	case OBSERVE_NOTHING:
		return;
	case OBSERVE_SUBSCRIPTION:
		observe_subscription(f, o);
		return;
	case OBSERVE_CUSTOMER:
		news.subject = o->of.customer.subject;
		news.is_new = o->of.customer.new_claim;
		news.deleted = o->of.customer.deleted;
		observe_customer(f, o, o->of.customer.id, &news);
		return;
	case OBSERVE_CHECKOUT:
		news.subject = o->of.checkout.subject;
		if (o->of.checkout.customer.len && claim_valid(news.subject, o->of.checkout.customer))
			observe_customer(f, o, o->of.checkout.customer, &news);
		return;
	case OBSERVE_INVOICE:
		observe_invoice(f, o);
		return;
	}
}

enum error fold_observe(struct fold *f, const struct observation *o) {
	if (f->t.error) return f->t.error;
	if (!observation_fits(o)) return ERR_LIMIT;
	f->dirty_count = 0;
	observe(f, o);
	fold_remake_rows(f, o);
	return f->t.error;
}
