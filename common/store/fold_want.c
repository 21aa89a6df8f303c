/* Wants: what should be fetched from Stripe, in the transaction that leaves it open or answers it. So none is lost by a
 * crash, and a replay of the journal asks and settles in the same order.
 *
 * Why no chain of questions is without end:
 *   An answer in a later second than `after` settles its question, whatever it says; and time passes.
 *   What an answer shows to be unknown is asked for only when it lies further on in the order below.
 *   A tie asks for its own object again, with a later `after`. An answer stamped with a later second than all that is
 *   known of the object ties only with another observation of that second, which has to come first: when the
 *   object is at rest, none does.
 * Events ask as well, once each: they are as many as Stripe sends.
 */
#include "store/entitlements_internal.h"

#define WANT_SIZE_MAX 256

static const uint8_t place[FETCH_COUNT] = {
	[FETCH_CHECKOUT] = 1,
	[FETCH_DISPUTE] = 1,
	[FETCH_REFUND] = 1,
	[FETCH_CHARGE] = 2,
	[FETCH_PAYMENTS_OF_INTENT] = 3,
	[FETCH_PAYMENTS_OF_CHARGE] = 3,
	[FETCH_INVOICE_PAYMENT] = 3,
	[FETCH_INVOICE] = 4,
	[FETCH_SUBSCRIPTIONS_OF] = 5,
	[FETCH_SUBSCRIPTION] = 6,
	[FETCH_SCHEDULE] = 7,
	[FETCH_CUSTOMER] = 7,
};

static bool want_get(struct fold *f, const struct key *key, struct want *ret_w) {
	struct view bytes;
	if (lmdb_count(&f->t, TABLE_WANTS) == 0 || !lmdb_get(&f->t, TABLE_WANTS, key_view(key), &bytes)) return false;
	if (want_read(bytes, ret_w) == OK) return true;
	lmdb_fail(&f->t, ERR_STORAGE, "a want in the entitlement store does not decode");
	return false;
}

void fold_ask(struct fold *f, const struct scope *scope, enum fetch_kind kind, struct view id, enum want_why why,
	      int64_t after, struct view event) {
	const struct fetch fetch = {kind, id};
	struct want old, w = {.since_ms = f->now_ms, .after = after, .event = event, .why = why};
	uint8_t bytes[WANT_SIZE_MAX];
	struct writer out = writer_of(bytes, sizeof bytes);
	struct key key;

	key.len = want_key(scope, &fetch, key.bytes);
	if (key.len == 0) return;
	if (want_get(f, &key, &old)) {
		if (old.after >= after) return;
		w.since_ms = old.since_ms;
	} else if (lmdb_count(&f->t, TABLE_WANTS) >= WANTS_MAX) {
		fold_tally(f, VIEW("wants_dropped"));
		return;
	}
	want_write(&out, &w);
	if (out.failed) lmdb_fail(&f->t, ERR_INTERNAL, "a want is larger than it can be");
	lmdb_put(&f->t, TABLE_WANTS, key_view(&key), writer_view(&out));
}

void fold_ask_link(struct fold *f, const struct observation *o, enum fetch_kind kind, struct view id) {
	if (o->is_answer && place[kind] <= place[o->answered.kind]) return;
	fold_ask(f, &o->scope, kind, id, WANT_LINK, 0, o->stamp.event);
}

void fold_settle(struct fold *f, const struct scope *scope, enum fetch_kind kind, struct view id, int64_t seen) {
	const struct fetch fetch = {kind, id};
	struct want w;
	struct key key;
	if (lmdb_count(&f->t, TABLE_WANTS) == 0) return;
	key.len = want_key(scope, &fetch, key.bytes);
	if (key.len && want_get(f, &key, &w) && seen > w.after) (void)lmdb_del(&f->t, TABLE_WANTS, key_view(&key));
}

void fold_answered(struct fold *f, const struct observation *o) {
	if (o->is_answer && o->answered.kind != FETCH_NOTHING)
		fold_settle(f, &o->scope, o->answered.kind, o->answered.id, o->stamp.created);
}

static enum want_why why_of(const struct observation *o, enum fetch_kind kind) {
	if (kind == FETCH_SUBSCRIPTIONS_OF) return WANT_SUMMARY;
	switch (o->kind) {
	case OBSERVE_NOTHING:
		return WANT_THIN;
	case OBSERVE_SUBSCRIPTION:
	case OBSERVE_INVOICE:
	case OBSERVE_SCHEDULE:
		return WANT_PAGES;
	default:
		return WANT_LINK;
	}
}

void fold_fetches(struct fold *f, const struct observation *o) {
	for (unsigned i = 0; i < o->fetch_count; i++) {
		const struct fetch *x = &o->fetches[i];
		if (o->is_answer && place[x->kind] <= place[o->answered.kind]) continue;
		fold_ask(f, &o->scope, x->kind, x->id, why_of(o, x->kind), o->stamp.created, o->stamp.event);
	}
}

enum error look_wants(struct look *l, bool (*each)(void *ctx, const struct want *w), void *ctx) {
	struct lmdb_cursor c;
	enum error e = OK;
	lmdb_cursor_open(&l->t, TABLE_WANTS, &c);
	for (bool more = lmdb_first(&c); more && !e; more = lmdb_next(&c)) {
		struct want w;
		e = want_read(c.value, &w);
		if (!e) e = want_key_parse(c.key, &w.scope, &w.fetch);
		if (!e && !each(ctx, &w)) break;
	}
	lmdb_cursor_close(&c);
	return l->t.error ? l->t.error : e;
}
