/* The row of a subject, remade from the registers behind it. */
#include "store/entitlements_internal.h"

#define CHANGE_MAX 1024

void fold_touch(struct fold *f, struct view subject) {
	for (unsigned i = 0; i < f->dirty_count; i++)
		if (view_eq(id_view(&f->dirty[i]), subject)) return;
	if (f->dirty_count == DIRTY_MAX) {
		lmdb_fail(&f->t, ERR_INTERNAL, "an observation touched more subjects than it can");
		return;
	}
	id_set(&f->dirty[f->dirty_count++], subject);
}

/* ---- which subscriptions ------------------------------------------------------------ */

/* Many unpaid tries must not push out the one subscription that is paid for. */
static unsigned weight(enum sub_status s, bool customer_deleted) {
	if (sub_status_final(s) || customer_deleted) return 0;
	return s == SUB_TRIALING || s == SUB_ACTIVE || s == SUB_PAST_DUE ? 2 : 1;
}

/* Which of two a full row keeps: by weight, then what was created later. */
static bool before(const struct candidate *a, const struct candidate *b) {
	if (a->weight != b->weight) return a->weight > b->weight;
	if (a->created != b->created) return a->created > b->created;
	return view_cmp(a->id, b->id) < 0;
}

static void keep(struct fold *f, const struct candidate *c) {
	unsigned at = f->candidate_count;
	while (at > 0 && before(c, &f->candidates[at - 1])) at--;
	if (at == SUBJECT_GRANTS_MAX) return;
	if (f->candidate_count < SUBJECT_GRANTS_MAX) f->candidate_count++;
	memmove(&f->candidates[at + 1], &f->candidates[at], (f->candidate_count - 1 - at) * sizeof f->candidates[0]);
	f->candidates[at] = *c;
}

static void sort_by_id(struct fold *f) {
	for (unsigned i = 1; i < f->candidate_count; i++) {
		struct candidate moving = f->candidates[i];
		unsigned at = i;
		for (; at > 0 && view_cmp(f->candidates[at - 1].id, moving.id) > 0; at--)
			f->candidates[at] = f->candidates[at - 1];
		f->candidates[at] = moving;
	}
}

/* Into f->stored, unless it is there from just before. */
static bool read_sub(struct fold *f, struct view id, struct view bytes) {
	if (f->stored_from == bytes.ptr) return true;
	f->stored_from = NULL;
	if (!sub_register_read(bytes, id, &f->stored)) {
		f->stored_from = bytes.ptr;
		return true;
	}
	fold_damaged(f);
	return false;
}

/* The subscriptions whose own value names this customer. */
static void collect_customer(struct fold *f, const struct scope *scope, struct view customer) {
	struct key prefix, key;
	struct view bytes;
	struct customer_register r;
	struct lmdb_cursor c;

	key_of(&key, scope, customer);
	if (!lmdb_get(&f->t, TABLE_CUSTOMERS, key_view(&key), &bytes)) return;
	if (customer_register_read(bytes, &r)) {
		fold_damaged(f);
		return;
	}
	key_of_prefix(&prefix, scope, customer);
	lmdb_cursor_open(&f->t, TABLE_CUSTOMER_SUBS, &c);
	for (bool more = lmdb_seek(&c, key_view(&prefix)); more && view_starts(c.key, key_view(&prefix));
	     more = lmdb_next(&c)) {
		struct candidate x = {.id = view_of(c.key.ptr + prefix.len, c.key.len - prefix.len),
				      .customer_deleted = r.deleted};
		key_of(&key, scope, x.id);
		if (!lmdb_get(&f->t, TABLE_SUBS, key_view(&key), &x.bytes) || !read_sub(f, x.id, x.bytes)) break;
		struct sub_value value = sub_register_value(&f->stored);
		if (!view_eq(value.seen->sub.customer, customer)) continue;
		x.weight = weight(value.seen->sub.status, r.deleted);
		x.created = value.seen->sub.created;
		keep(f, &x);
	}
	lmdb_cursor_close(&c);
}

/* False when no customer belongs to the subject. */
static bool collect(struct fold *f, const struct scope *scope, struct view subject) {
	struct key prefix;
	struct lmdb_cursor c;
	unsigned customers = 0;

	f->candidate_count = 0;
	f->stored_from = NULL;
	key_of_prefix(&prefix, scope, subject);
	lmdb_cursor_open(&f->t, TABLE_SUBJECT_CUSTOMERS, &c);
	for (bool more = lmdb_seek(&c, key_view(&prefix)); more && view_starts(c.key, key_view(&prefix));
	     more = lmdb_next(&c)) {
		if (customers++ == SUBJECT_CUSTOMERS_MAX) break;
		collect_customer(f, scope, view_of(c.key.ptr + prefix.len, c.key.len - prefix.len));
	}
	lmdb_cursor_close(&c);
	sort_by_id(f);
	return customers > 0;
}

/* ---- the row ------------------------------------------------------------------------- */

/* Only an invoice of the same customer counts: then whatever may change this touches the same row. */
static bool invoice_paid(struct fold *f, const struct scope *scope, const struct subscription *s) {
	struct key key;
	struct view bytes;
	struct invoice_register r;
	if (s->latest_invoice.len == 0) return false;
	key_of(&key, scope, s->latest_invoice);
	if (!lmdb_get(&f->t, TABLE_INVOICES, key_view(&key), &bytes)) return false;
	if (invoice_register_read(bytes, s->latest_invoice, &r)) {
		fold_damaged(f);
		return false;
	}
	return r.invoice.status == INVOICE_PAID && view_eq(r.invoice.customer, s->customer);
}

static void fill_grant(struct fold *f, const struct scope *scope, const struct candidate *c) {
	const struct sub_value value = sub_register_value(&f->stored);
	const struct subscription *s = &value.seen->sub;
	struct grant *g = &f->grant;

	g->subscription = c->id;
	g->event = value.seen->stamp.event;
	g->status = s->status;
	g->cancel_at_period_end = s->cancel_at_period_end;
	g->collection_paused = s->collection_paused;
	g->unconfirmed = value.unconfirmed;
	g->invoice_paid = invoice_paid(f, scope, s);
	g->customer_deleted = c->customer_deleted;
	g->created = s->created;
	g->seen = value.seen->stamp.created;
	g->period_start = s->period_start;
	g->period_end = s->period_end;
	g->trial_end = s->trial_end;
	g->cancel_at = s->cancel_at;
	g->ended_at = s->ended_at;
	g->unpaid_since = value.unpaid_since;
	g->items = s->items;
	g->earlier_count = 0;
	for (unsigned i = 0; i < f->stored.price_count; i++)
		if (item_set_cmp(&f->stored.prices[i].set, &s->items) != 0)
			g->earlier[g->earlier_count++] = f->stored.prices[i];
}

static struct view write_row(struct fold *f, const struct scope *scope) {
	struct writer w = writer_of(f->buffer, STATE_VALUE_MAX);
	subject_row_begin(&w, f->version + 1, f->candidate_count);
	for (unsigned i = 0; i < f->candidate_count; i++) {
		const struct candidate *c = &f->candidates[i];
		if (!read_sub(f, c->id, c->bytes)) break;
		fill_grant(f, scope, c);
		subject_row_grant(&w, &f->grant);
	}
	subject_row_overrides(&w, 0);
	if (w.failed) lmdb_fail(&f->t, ERR_INTERNAL, "a subject's row is larger than it can be");
	return writer_view(&w);
}

/* ---- the log --------------------------------------------------------------------------- */

static struct view tier_name(const struct fold *f, const struct entitlement *e) {
	return f->catalog ? f->catalog->tiers[e->tier].name : VIEW_NONE;
}

/* `row` is empty when there is none. */
static void evaluate(struct fold *f, struct view row, struct entitlement *e) {
	const int64_t now = f->now_ms / 1000;
	if (f->catalog && subject_row_entitlement(row, f->catalog, now, e) == OK) return;
	entitlement_begin(e, f->catalog, now);
	if (row.len) entitlement_known(e);
	entitlement_end(e);
}

static void log_change(struct fold *f, const struct observation *o, struct view subject,
		       const struct entitlement *before_it, const struct entitlement *after_it) {
	uint8_t bytes[CHANGE_MAX];
	struct writer w = writer_of(bytes, sizeof bytes);
	const struct change c = {.ver = f->version,
				 .at_ms = f->now_ms,
				 .scope = o->scope,
				 .subject = subject,
				 .event = o->stamp.event,
				 .before = tier_name(f, before_it),
				 .after = tier_name(f, after_it),
				 .reason = after_it->reason,
				 .status = after_it->status,
				 .until = after_it->until};
	const struct key_u64 key = key_u64(f->version);
	change_write(&w, &c);
	if (w.failed) lmdb_fail(&f->t, ERR_INTERNAL, "a change is larger than it can be");
	lmdb_append(&f->t, TABLE_CHANGES, key_u64_view(&key), writer_view(&w));
}

static void remake(struct fold *f, const struct observation *o, struct view subject) {
	struct view old = VIEW_NONE, row = VIEW_NONE;
	struct entitlement before_it, after_it;
	struct key key;

	if (collect(f, &o->scope, subject)) row = write_row(f, &o->scope);
	key_of(&key, &o->scope, subject);
	(void)lmdb_get(&f->t, TABLE_SUBJECTS, key_view(&key), &old);
	if (f->t.error || view_eq(subject_row_body(old), subject_row_body(row))) return;
	evaluate(f, old, &before_it);
	evaluate(f, row, &after_it);
	f->version++;
	if (row.len && !old.len)
		lmdb_add(&f->t, TABLE_SUBJECTS, key_view(&key), row);
	else if (row.len)
		lmdb_put(&f->t, TABLE_SUBJECTS, key_view(&key), row);
	else
		(void)lmdb_del(&f->t, TABLE_SUBJECTS, key_view(&key));
	log_change(f, o, subject, &before_it, &after_it);
}

void fold_remake_rows(struct fold *f, const struct observation *o) {
	for (unsigned i = 0; i < f->dirty_count && !f->t.error; i++) remake(f, o, id_view(&f->dirty[i]));
}
