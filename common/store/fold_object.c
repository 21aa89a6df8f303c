/* Schedules, overrides, and the reconciler's marks. */
#include "store/entitlements_internal.h"

/* ---- schedules ------------------------------------------------------------------------ */

/* A phase that is to come sells something which the catalog does not know by its price: whether it knows its product or
 * its lookup key, only the expanded object tells. */
static bool needs_expansion(const struct fold *f, const struct schedule *s, int64_t now) {
	if (!f->catalog || s->status > SCHEDULE_ACTIVE) return false;
	for (unsigned i = 0; i < s->phase_count; i++) {
		const struct schedule_phase *p = &s->phases[i];
		if (p->start <= now) continue;
		for (unsigned k = 0; k < p->items.count; k++) {
			const struct item *item = &p->items.items[k];
			if (item->product.len == 0 && item->lookup_key.len == 0 &&
			    catalog_item_tier(f->catalog, item) < 0)
				return true;
		}
	}
	return false;
}

void fold_schedule(struct fold *f, const struct observation *o) {
	struct schedule_register *joined = &f->schedule_seen;
	struct id_copy before = {0}, after;
	struct view old;
	struct key key;

	key_of(&key, &o->scope, o->of.schedule.id);
	fold_settle(f, &o->scope, FETCH_SCHEDULE, o->of.schedule.id, o->stamp.created);
	f->schedule_seen = (struct schedule_register){0};
	schedule_register_observe(&f->schedule_seen, &o->stamp, &o->of.schedule);
	bool known = lmdb_get(&f->t, TABLE_SCHEDULES, key_view(&key), &old);
	if (known) {
		if (schedule_register_read(old, o->of.schedule.id, &f->schedule)) {
			fold_damaged(f);
			return;
		}
		id_set(&before, f->schedule.schedule.customer);
		schedule_register_join(&f->schedule, &f->schedule_seen);
		joined = &f->schedule;
	}
	struct writer w = writer_of(f->buffer, STATE_VALUE_MAX);
	schedule_register_write(&w, joined);
	if (known && view_eq(writer_view(&w), old)) return;
	/* the register's views point into the map: what is asked of them comes before the first write */
	id_set(&after, joined->schedule.customer);
	int64_t second = joined->stamp.created;
	bool tied = joined->unconfirmed;
	/* an answer is expanded as far as it goes: it does not ask again */
	bool expand = !o->is_answer && needs_expansion(f, &joined->schedule, second);
	fold_store(f, TABLE_SCHEDULES, &key, writer_view(&w), known);
	if (tied) fold_ask(f, &o->scope, FETCH_SCHEDULE, o->of.schedule.id, WANT_TIE, second, o->stamp.event);
	if (expand) fold_ask(f, &o->scope, FETCH_SCHEDULE, o->of.schedule.id, WANT_LINK, second, o->stamp.event);
	fold_touch_customer(f, &o->scope, id_view(&after));
	if (!view_eq(id_view(&before), id_view(&after))) fold_touch_customer(f, &o->scope, id_view(&before));
}

/* ---- overrides ------------------------------------------------------------------------ */

static struct view override_subject(const struct override_register *r) {
	return r->granted ? r->given.subject : r->subject;
}

/* Whose row shows an override in that name. */
static void touch_owner(struct fold *f, const struct scope *scope, struct view name) {
	struct id_copy owner;
	if (view_starts(name, VIEW("cus_")) && fold_subject_of(f, scope, name, &owner))
		fold_touch(f, id_view(&owner));
	else
		fold_touch(f, name);
}

void fold_override(struct fold *f, const struct observation *o) {
	struct override_register joined = {0}, seen = {0};
	struct id_copy before = {0}, after;
	struct view old;
	struct key key, pair;

	key_of(&key, &o->scope, o->of.override.id);
	override_register_observe(&seen, &o->stamp, &o->of.override);
	bool known = lmdb_get(&f->t, TABLE_OVERRIDES, key_view(&key), &old);
	if (known) {
		if (override_register_read(old, o->of.override.id, &joined)) {
			fold_damaged(f);
			return;
		}
		id_set(&before, override_subject(&joined));
	}
	override_register_join(&joined, &seen);
	struct writer w = writer_of(f->buffer, STATE_VALUE_MAX);
	override_register_write(&w, &joined);
	if (known && view_eq(writer_view(&w), old)) return;
	id_set(&after, override_subject(&joined));
	fold_store(f, TABLE_OVERRIDES, &key, writer_view(&w), known);
	if (!view_eq(id_view(&before), id_view(&after))) {
		if (before.len) {
			key_of_pair(&pair, &o->scope, id_view(&before), o->of.override.id);
			(void)lmdb_del(&f->t, TABLE_SUBJECT_OVERRIDES, key_view(&pair));
			touch_owner(f, &o->scope, id_view(&before));
		}
		key_of_pair(&pair, &o->scope, id_view(&after), o->of.override.id);
		(void)lmdb_insert(&f->t, TABLE_SUBJECT_OVERRIDES, key_view(&pair), VIEW_NONE);
	}
	touch_owner(f, &o->scope, id_view(&after));
}

/* ---- marks ---------------------------------------------------------------------------- */

static void mark_key(struct key *k, const struct scope *scope) {
	key_of(k, scope, scope->account.len ? scope->account : VIEW("-"));
}

static int i64_cmp(int64_t a, int64_t b) { return (a > b) - (a < b); }
static int u64_cmp(uint64_t a, uint64_t b) { return (a > b) - (a < b); }

/* Of the pass that came furthest, and of the last sweep: each the greatest of its kind, so the order of marks does not
 * matter. */
static void mark_join(struct reconcile_mark *into, const struct reconcile_mark *m) {
	int events = i64_cmp(m->events_to, into->events_to);
	if (!events) events = u64_cmp(m->listed, into->listed);
	if (!events) events = u64_cmp(m->missed, into->missed);
	if (events > 0) {
		into->events_to = m->events_to;
		into->listed = m->listed;
		into->missed = m->missed;
	}
	int sweep = i64_cmp(m->swept_at, into->swept_at);
	if (!sweep) sweep = u64_cmp(m->swept, into->swept);
	if (!sweep) sweep = u64_cmp(m->differing, into->differing);
	if (sweep > 0) {
		into->swept_at = m->swept_at;
		into->swept = m->swept;
		into->differing = m->differing;
	}
}

void fold_mark(struct fold *f, const struct observation *o) {
	struct reconcile_mark joined = {0};
	struct view old;
	struct key key;

	mark_key(&key, &o->scope);
	bool known = lmdb_get(&f->t, TABLE_MARKS, key_view(&key), &old);
	if (known && mark_read(old, &joined)) {
		fold_damaged(f);
		return;
	}
	mark_join(&joined, &o->of.mark);
	struct writer w = writer_of(f->buffer, STATE_VALUE_MAX);
	mark_write(&w, &joined);
	if (known && view_eq(writer_view(&w), old)) return;
	fold_store(f, TABLE_MARKS, &key, writer_view(&w), known);
}

enum error look_mark(struct look *l, const struct scope *scope, struct reconcile_mark *ret_m) {
	struct reconcile_mark m;
	struct view bytes;
	struct key key;
	mark_key(&key, scope);
	if (key.len == 0 || !lmdb_get(&l->t, TABLE_MARKS, key_view(&key), &bytes))
		return l->t.error ? l->t.error : ERR_NOT_FOUND;
	enum error e = mark_read(bytes, &m);
	if (!e) *ret_m = m;
	return e;
}
