/* The overrides made in one name, or all. */
#include "store/entitlements_internal.h"

struct walk {
	struct look *l;
	const struct scope *scope;
	bool (*each)(void *ctx, struct view id, const struct override_register *r);
	void *ctx;
	bool stop;
	enum error error;
};

static void show(struct walk *w, struct view id, struct view bytes) {
	struct override_register r;
	w->error = override_register_read(bytes, id, &r);
	if (w->error || !w->each(w->ctx, id, &r)) w->stop = true;
}

static void show_named(struct walk *w, struct view name) {
	struct key prefix, key;
	struct view bytes;
	struct lmdb_cursor c;
	key_of_prefix(&prefix, w->scope, name);
	if (prefix.len == 0) return;
	lmdb_cursor_open(&w->l->t, TABLE_SUBJECT_OVERRIDES, &c);
	for (bool more = lmdb_seek(&c, key_view(&prefix)); more && !w->stop && view_starts(c.key, key_view(&prefix));
	     more = lmdb_next(&c)) {
		struct view id = view_of(c.key.ptr + prefix.len, c.key.len - prefix.len);
		key_of(&key, w->scope, id);
		if (lmdb_get(&w->l->t, TABLE_OVERRIDES, key_view(&key), &bytes)) show(w, id, bytes);
	}
	lmdb_cursor_close(&c);
}

/* The scope's keys are together. */
static void show_all(struct walk *w) {
	struct lmdb_cursor c;
	struct scope scope;
	struct view id;
	struct key from;
	key_of(&from, w->scope, VIEW("\0"));
	lmdb_cursor_open(&w->l->t, TABLE_OVERRIDES, &c);
	for (bool more = lmdb_seek(&c, key_view(&from)); more && !w->stop; more = lmdb_next(&c)) {
		w->error = state_key_parse(c.key, &scope, &id);
		if (w->error || scope.livemode != w->scope->livemode || !view_eq(scope.account, w->scope->account))
			break;
		show(w, id, c.value);
	}
	lmdb_cursor_close(&c);
}

enum error look_overrides(struct look *l, const struct scope *scope, struct view name,
			  bool (*each)(void *ctx, struct view id, const struct override_register *r), void *ctx) {
	struct walk w = {.l = l, .scope = scope, .each = each, .ctx = ctx};
	if (name.len)
		show_named(&w, name);
	else
		show_all(&w);
	return l->t.error ? l->t.error : w.error;
}
