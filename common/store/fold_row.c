/* The row of a subject, remade from the registers behind it. */
#include "store/entitlements_internal.h"

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

/* Which of two overrides outlasts the other; one that is revoked some day, or never, outlasts any date. */
static bool outlasts(const struct override *a, const struct override *b) {
	if (a->until != b->until) return a->until == 0 || (b->until != 0 && a->until > b->until);
	if (a->seen != b->seen) return a->seen > b->seen;
	return view_cmp(a->id, b->id) > 0;
}

/* Of the overrides that a full row keeps, kept in order of their ids: those that end last. What is over, which no clock
 * may tell here, so never takes the place of what is not. */
static void keep_override(struct fold *f, const struct override *o) {
	unsigned at = f->override_count;
	if (at == SUBJECT_OVERRIDES_MAX) {
		unsigned first = 0;
		for (unsigned i = 1; i < at; i++)
			if (outlasts(&f->overrides[first], &f->overrides[i])) first = i;
		if (!outlasts(o, &f->overrides[first])) return;
		f->override_count = --at;
		memmove(&f->overrides[first], &f->overrides[first + 1], (at - first) * sizeof f->overrides[0]);
	}
	while (at > 0 && view_cmp(f->overrides[at - 1].id, o->id) > 0) at--;
	memmove(&f->overrides[at + 1], &f->overrides[at], (f->override_count++ - at) * sizeof f->overrides[0]);
	f->overrides[at] = *o;
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

/* Those made in that name that are not revoked: those that end last, when there are more than a row takes. */
static void collect_overrides(struct fold *f, const struct scope *scope, struct view name) {
	struct key prefix, key;
	struct view bytes;
	struct lmdb_cursor c;
	unsigned read = 0;

	key_of_prefix(&prefix, scope, name);
	lmdb_cursor_open(&f->t, TABLE_SUBJECT_OVERRIDES, &c);
	for (bool more = lmdb_seek(&c, key_view(&prefix)); more && view_starts(c.key, key_view(&prefix));
	     more = lmdb_next(&c)) {
		struct override_register r;
		struct view id = view_of(c.key.ptr + prefix.len, c.key.len - prefix.len);
		if (read++ == OVERRIDES_READ_MAX) {
			fold_tally(f, VIEW("overrides_unread"));
			break;
		}
		key_of(&key, scope, id);
		if (!lmdb_get(&f->t, TABLE_OVERRIDES, key_view(&key), &bytes)) continue;
		if (override_register_read(bytes, id, &r)) {
			fold_damaged(f);
			break;
		}
		if (!r.granted || r.revoked) continue;
		const struct override x = {
			id, r.given.tier, r.given.from, r.given.until, r.stamp.event, r.stamp.created};
		keep_override(f, &x);
	}
	lmdb_cursor_close(&c);
}

/* Is the name a customer's who pays for another subject? Then that subject's row shows what was granted in it. */
static bool is_bound_elsewhere(struct fold *f, const struct scope *scope, struct view subject) {
	struct id_copy owner;
	return view_starts(subject, VIEW("cus_")) && fold_subject_of(f, scope, subject, &owner) &&
	       !view_eq(id_view(&owner), subject);
}

/* False when neither a customer nor an override belongs to the subject. */
static bool collect(struct fold *f, const struct scope *scope, struct view subject) {
	struct key prefix;
	struct lmdb_cursor c;
	unsigned customers = 0;
	bool overrides = lmdb_count(&f->t, TABLE_SUBJECT_OVERRIDES) > 0, own = false;

	f->candidate_count = 0;
	f->override_count = 0;
	f->stored_from = NULL;
	key_of_prefix(&prefix, scope, subject);
	lmdb_cursor_open(&f->t, TABLE_SUBJECT_CUSTOMERS, &c);
	for (bool more = lmdb_seek(&c, key_view(&prefix)); more && view_starts(c.key, key_view(&prefix));
	     more = lmdb_next(&c)) {
		struct view customer = view_of(c.key.ptr + prefix.len, c.key.len - prefix.len);
		if (customers++ == SUBJECT_CUSTOMERS_MAX) {
			fold_tally(f, VIEW("customers_unread"));
			break;
		}
		collect_customer(f, scope, customer);
		if (overrides && view_starts(customer, VIEW("cus_"))) collect_overrides(f, scope, customer);
		own = own || view_eq(customer, subject);
	}
	lmdb_cursor_close(&c);
	if (overrides && !own && !is_bound_elsewhere(f, scope, subject)) collect_overrides(f, scope, subject);
	sort_by_id(f);
	return customers > 0 || f->override_count > 0;
}

/* ---- the row ------------------------------------------------------------------------- */

/* Empty when there is none. In f->buffer. */
static struct view make_row(struct fold *f, const struct scope *scope, struct view subject) {
	if (!collect(f, scope, subject)) return VIEW_NONE;
	struct writer w = writer_of(f->buffer, STATE_VALUE_MAX);
	subject_row_begin(&w, f->version + 1, f->candidate_count);
	for (unsigned i = 0; i < f->candidate_count; i++) {
		const struct candidate *c = &f->candidates[i];
		if (!read_sub(f, c->id, c->bytes)) break;
		fold_fill_grant(f, scope, c);
		subject_row_grant(&w, &f->grant);
	}
	subject_row_overrides(&w, f->override_count);
	for (unsigned i = 0; i < f->override_count; i++) subject_row_override(&w, &f->overrides[i]);
	if (w.failed) lmdb_fail(&f->t, ERR_INTERNAL, "a subject's row is larger than it can be");
	return writer_view(&w);
}

static void store_row(struct fold *f, const struct key *key, struct view row, bool was_there, bool was_told) {
	if (row.len) {
		fold_store(f, TABLE_SUBJECTS, key, row, was_there);
		if (!was_there && was_told) (void)lmdb_del(&f->t, TABLE_GONE, key_view(key));
		return;
	}
	(void)lmdb_del(&f->t, TABLE_SUBJECTS, key_view(key));
	lmdb_put_u64(&f->t, TABLE_GONE, key_view(key), f->version);
}

/* A subscription whose period is long over when it is first heard of; an answer that says so is believed. */
static void ask_if_stale(struct fold *f, const struct observation *o, const struct change *now) {
	if (!now->stale || o->kind != OBSERVE_SUBSCRIPTION || o->is_answer) return;
	if (view_eq(now->subscription, o->of.subscription.now.id))
		fold_ask(f, &o->scope, FETCH_SUBSCRIPTION, o->of.subscription.now.id, WANT_STALE, o->stamp.created,
			 o->stamp.event);
}

static void remake(struct fold *f, const struct observation *o, struct view subject) {
	struct view old = VIEW_NONE, row = make_row(f, &o->scope, subject);
	struct change c = {.cause = CHANGE_RECORD, .at_ms = f->now_ms, .event = o->stamp.event};
	struct told told;
	struct key key;

	key_of(&key, &o->scope, subject);
	(void)lmdb_get(&f->t, TABLE_SUBJECTS, key_view(&key), &old);
	if (f->t.error || view_eq(subject_row_body(old), subject_row_body(row))) return;
	fold_told(f, &key, old, &told);
	if (told.known && told.change.changes_at && told.change.changes_at <= f->now_ms / 1000) {
		/* what the clock changed before is history too; what is written there ends all views */
		fold_catch_up(f, &key, f->now_ms / 1000);
		old = VIEW_NONE;
		row = make_row(f, &o->scope, subject);
		(void)lmdb_get(&f->t, TABLE_SUBJECTS, key_view(&key), &old);
		fold_told(f, &key, old, &told);
	}
	bool was_there = old.len > 0, was_told = told.known;
	fold_answer(f, row, f->now_ms / 1000, &c);
	fold_log(f, &key, &told, &c);
	store_row(f, &key, row, was_there, was_told);
	ask_if_stale(f, o, &c);
}

void fold_remake_rows(struct fold *f, const struct observation *o) {
	for (unsigned i = 0; i < f->dirty_count && !f->t.error; i++) remake(f, o, id_view(&f->dirty[i]));
}
