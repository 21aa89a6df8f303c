/* The log of what subjects were told to be, and the index of when that may change by itself.
 *
 * The last change of a subject is found by its row's ver (or by `gone`, when it has no row), and the one before by
 * `prev`. It is what was answered from its moment on until the next one's: so `before` is what the last one said, not
 * what the old row would be by now, and what the clock changes is logged at the moment at which it does.
 *
 * `changes_at` of the last change is where the due index has the subject, and is the one field that is ever rewritten:
 * when the moment passes and no answer changes.
 */
#include "store/entitlements_internal.h"

#define CATCH_UP_MAX 1024 /* moments of one subject at a time; then the last is now */

static struct view tier_name(const struct catalog *c, int tier) {
	return c && tier >= 0 ? c->tiers[tier].name : VIEW_NONE;
}

/* ---- what was told ---------------------------------------------------------------------- */

static uint64_t last_version(struct fold *f, const struct key *subject, struct view row) {
	struct subject_row r;
	uint64_t ver = 0;
	if (row.len == 0) {
		(void)lmdb_get_u64(&f->t, TABLE_GONE, key_view(subject), &ver);
		return ver;
	}
	if (subject_row_open(row, &r) == OK) return r.ver;
	lmdb_fail(&f->t, ERR_STORAGE, "a subject's row in the entitlement store does not decode");
	return 0;
}

void fold_told(struct fold *f, const struct key *subject, struct view row, struct told *ret_t) {
	struct view bytes;
	*ret_t = (struct told){.change.ver = last_version(f, subject, row)};
	if (ret_t->change.ver == 0) return;
	const struct key_u64 key = key_u64(ret_t->change.ver);
	ret_t->known = lmdb_get(&f->t, TABLE_CHANGES, key_u64_view(&key), &bytes) &&
		       change_read(ret_t->change.ver, bytes, &ret_t->change) == OK;
	if (!ret_t->known)
		lmdb_fail(&f->t, ERR_STORAGE, "a subject's last change is not in the entitlement store's log");
}

/* ---- what is so --------------------------------------------------------------------------- */

enum error row_answer(struct view row, const struct catalog *catalog, int64_t now, struct change *ret_c) {
	struct entitlement e;
	enum error error = OK;
	if (catalog) {
		error = subject_row_entitlement(row, catalog, now, &e);
	} else {
		entitlement_begin(&e, NULL, now);
		if (row.len) entitlement_known(&e);
	}
	if (error) return error;
	bool blocked = e.blocked_tier >= 0;
	ret_c->after = tier_name(catalog, (int)e.tier);
	ret_c->reason = e.reason;
	ret_c->rule = e.rule;
	ret_c->status = e.status;
	ret_c->until = e.until;
	/* what lies behind would be due for ever */
	ret_c->changes_at = e.changes_at > now ? e.changes_at : 0;
	ret_c->next_billing = e.next_billing;
	ret_c->seats = e.seats;
	ret_c->known = row.len > 0;
	ret_c->stale = e.stale;
	ret_c->unmapped = e.unmapped;
	ret_c->blocked_tier = tier_name(catalog, e.blocked_tier);
	ret_c->blocked_reason = blocked ? e.blocked_reason : (enum reason)0;
	ret_c->subscription = e.subscription;
	ret_c->also_count = 0;
	for (unsigned tier = 0; catalog && tier < catalog->tier_count; tier++)
		if (entitlement_adds(&e, tier)) ret_c->also[ret_c->also_count++] = tier_name(catalog, (int)tier);
	return OK;
}

void fold_answer(struct fold *f, struct view row, int64_t now, struct change *ret_c) {
	if (row_answer(row, f->catalog, now, ret_c))
		lmdb_fail(&f->t, ERR_STORAGE, "a subject's row in the entitlement store does not decode");
}

static bool also_equal(const struct change *a, const struct change *b) {
	if (a->also_count != b->also_count) return false;
	for (unsigned i = 0; i < a->also_count; i++)
		if (!view_eq(a->also[i], b->also[i])) return false;
	return true;
}

bool fold_answers_equal(const struct change *a, const struct change *b) {
	return view_eq(a->after, b->after) && a->reason == b->reason && a->rule == b->rule && a->status == b->status &&
	       a->until == b->until && a->seats == b->seats && a->known == b->known && a->stale == b->stale &&
	       a->unmapped == b->unmapped && view_eq(a->blocked_tier, b->blocked_tier) &&
	       a->blocked_reason == b->blocked_reason && view_eq(a->subscription, b->subscription) && also_equal(a, b);
}

/* ---- when it is due -------------------------------------------------------------------------- */

void due_key_of(struct due_key *k, int64_t moment, struct view subject) {
	const struct key_u64 at = key_u64((uint64_t)moment);
	memcpy(k->bytes, at.bytes, sizeof at.bytes);
	memcpy(k->bytes + sizeof at.bytes, subject.ptr, subject.len);
	k->len = sizeof at.bytes + subject.len;
}

static void move_due(struct fold *f, const struct key *subject, int64_t from, int64_t to) {
	struct due_key k;
	if (from == to) return;
	if (from > 0) {
		due_key_of(&k, from, key_view(subject));
		(void)lmdb_del(&f->t, TABLE_DUE, view_of(k.bytes, k.len));
	}
	if (to > 0) {
		due_key_of(&k, to, key_view(subject));
		lmdb_add(&f->t, TABLE_DUE, view_of(k.bytes, k.len), VIEW_NONE);
	}
}

/* ---- writing ------------------------------------------------------------------------------------ */

static struct view encode(struct fold *f, const struct change *c, uint8_t bytes[CHANGE_MAX]) {
	struct writer w = writer_of(bytes, CHANGE_MAX);
	change_write(&w, c);
	if (w.failed) lmdb_fail(&f->t, ERR_INTERNAL, "a change is larger than it can be");
	return writer_view(&w);
}

void fold_log(struct fold *f, const struct key *subject, const struct told *told, struct change *c) {
	uint8_t bytes[CHANGE_MAX];
	int64_t due = told->known ? told->change.changes_at : 0;
	if (f->t.error) return;
	c->ver = ++f->version;
	c->prev = told->change.ver;
	c->before = told->known ? told->change.after : tier_name(f->catalog, 0);
	if (state_key_parse(key_view(subject), &c->scope, &c->subject)) {
		lmdb_fail(&f->t, ERR_INTERNAL, "a subject's key does not decode");
		return;
	}
	const struct key_u64 key = key_u64(c->ver);
	struct view value = encode(f, c, bytes); /* before the first write, which ends what c's views point to */
	lmdb_append(&f->t, TABLE_CHANGES, key_u64_view(&key), value);
	move_due(f, subject, due, c->changes_at);
}

void fold_defer(struct fold *f, const struct key *subject, const struct told *told, int64_t changes_at) {
	uint8_t bytes[CHANGE_MAX];
	struct change c = told->change;
	if (f->t.error || c.changes_at == changes_at) return;
	c.changes_at = changes_at;
	const struct key_u64 key = key_u64(c.ver);
	struct view value = encode(f, &c, bytes);
	lmdb_put(&f->t, TABLE_CHANGES, key_u64_view(&key), value);
	move_due(f, subject, told->change.changes_at, changes_at);
}

void fold_log_stored(struct fold *f, const struct key *subject, struct view row, const struct told *told,
		     struct change *c) {
	struct writer w = writer_of(f->buffer, STATE_VALUE_MAX);
	subject_row_renumber(&w, row, f->version + 1);
	if (w.failed) lmdb_fail(&f->t, ERR_INTERNAL, "a subject's row cannot be numbered anew");
	fold_log(f, subject, told, c);
	lmdb_put(&f->t, TABLE_SUBJECTS, key_view(subject), writer_view(&w));
}

/* ---- the clock ------------------------------------------------------------------------------------ */

/* The subscriptions that turned stale at that moment. */
static void ask_for_stale(struct fold *f, const struct key *subject, int64_t at) {
	struct scope scope;
	struct view name, row;
	struct subject_row r;
	struct id_copy ids[SUBJECT_GRANTS_MAX];
	int64_t seen[SUBJECT_GRANTS_MAX];
	unsigned count = 0;
	if (!lmdb_get(&f->t, TABLE_SUBJECTS, key_view(subject), &row) || subject_row_open(row, &r)) return;
	while (count < SUBJECT_GRANTS_MAX && subject_row_next(&r, &f->grant)) {
		if (!grant_verdict(&f->grant, f->catalog, at).stale ||
		    grant_verdict(&f->grant, f->catalog, at - 1).stale)
			continue;
		seen[count] = f->grant.seen;
		id_set(&ids[count++], f->grant.subscription);
	}
	if (count == 0 || state_key_parse(key_view(subject), &scope, &name)) return;
	for (unsigned i = 0; i < count; i++)
		fold_ask(f, &scope, FETCH_SUBSCRIPTION, id_view(&ids[i]), WANT_STALE, seen[i], VIEW_NONE);
}

void fold_catch_up(struct fold *f, const struct key *subject, int64_t now) {
	for (unsigned step = 0; step <= CATCH_UP_MAX && !f->t.error; step++) {
		struct view row;
		struct told told;
		if (!lmdb_get(&f->t, TABLE_SUBJECTS, key_view(subject), &row)) return;
		fold_told(f, subject, row, &told);
		if (!told.known || told.change.changes_at == 0 || told.change.changes_at > now) return;
		int64_t at = step < CATCH_UP_MAX ? told.change.changes_at : now;
		struct change c = {.cause = CHANGE_CLOCK, .at_ms = at * 1000};
		fold_answer(f, row, at, &c);
		if (fold_answers_equal(&told.change, &c))
			fold_defer(f, subject, &told, c.changes_at);
		else
			fold_log_stored(f, subject, row, &told, &c);
		if (f->catalog) ask_for_stale(f, subject, at);
	}
}
