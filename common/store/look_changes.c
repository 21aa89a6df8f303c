#include "store/entitlements_internal.h"

enum error look_changes(struct look *l, uint64_t after, size_t max, bool (*each)(void *ctx, const struct change *c),
			void *ctx) {
	const struct key_u64 from = key_u64(after + 1);
	struct lmdb_cursor c;
	enum error e = OK;
	if (after == UINT64_MAX) return OK;
	lmdb_cursor_open(&l->t, TABLE_CHANGES, &c);
	bool more = lmdb_seek(&c, key_u64_view(&from));
	for (size_t n = 0; more && n < max; n++, more = lmdb_next(&c)) {
		struct change change;
		e = change_read(view_u64(c.key), c.value, &change);
		if (e || !each(ctx, &change)) break;
	}
	lmdb_cursor_close(&c);
	return l->t.error ? l->t.error : e;
}

static bool is_of(const struct change *c, const struct scope *scope, struct view subject) {
	return c->scope.livemode == scope->livemode && view_eq(c->scope.account, scope->account) &&
	       view_eq(c->subject, subject);
}

enum error look_history(struct look *l, const struct scope *scope, struct view subject, size_t max,
			bool (*each)(void *ctx, const struct change *c), void *ctx) {
	struct lmdb_cursor c;
	enum error e = OK;
	size_t found = 0;
	lmdb_cursor_open(&l->t, TABLE_CHANGES, &c);
	for (bool more = lmdb_last(&c); more && found < max; more = lmdb_prev(&c)) {
		struct change change;
		e = change_read(view_u64(c.key), c.value, &change);
		if (e) break;
		if (!is_of(&change, scope, subject)) continue;
		found++;
		if (!each(ctx, &change)) break;
	}
	lmdb_cursor_close(&c);
	return l->t.error ? l->t.error : e;
}
