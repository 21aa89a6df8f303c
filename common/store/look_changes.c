/* The log: forwards for all, backwards for one subject. */
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

/* ---- one subject ----------------------------------------------------------------------- */

/* The version of the subject's last change; 0: it has none. */
static uint64_t last_version(struct look *l, const struct scope *scope, struct view subject) {
	struct key key;
	struct view bytes;
	struct subject_row row;
	uint64_t ver = 0;
	key_of(&key, scope, subject);
	if (key.len == 0) return 0;
	if (lmdb_get(&l->t, TABLE_SUBJECTS, key_view(&key), &bytes)) {
		if (subject_row_open(bytes, &row) == OK) return row.ver;
		lmdb_fail(&l->t, ERR_STORAGE, "a subject's row in the entitlement store does not decode");
		return 0;
	}
	(void)lmdb_get_u64(&l->t, TABLE_GONE, key_view(&key), &ver);
	return ver;
}

/* False when the log has forgotten it, or after a failure. */
static bool change_at(struct look *l, uint64_t ver, struct change *ret_c) {
	const struct key_u64 key = key_u64(ver);
	struct view bytes;
	if (ver == 0 || !lmdb_get(&l->t, TABLE_CHANGES, key_u64_view(&key), &bytes)) return false;
	if (change_read(ver, bytes, ret_c) == OK) return true;
	lmdb_fail(&l->t, ERR_STORAGE, "a change in the entitlement store's log does not decode");
	return false;
}

enum error look_history(struct look *l, const struct scope *scope, struct view subject, size_t max,
			bool (*each)(void *ctx, const struct change *c), void *ctx) {
	struct change c = {.prev = last_version(l, scope, subject)};
	for (size_t n = 0; n < max && change_at(l, c.prev, &c); n++)
		if (!each(ctx, &c)) break;
	return l->t.error;
}

static enum error answer_at(struct look *l, const struct scope *scope, struct view subject, int64_t at_ms,
			    struct change *ret_c, int64_t *ret_from_ms) {
	struct change c = {.prev = last_version(l, scope, subject)};
	int64_t from_ms = INT64_MAX;
	for (unsigned n = 0; n < HISTORY_STEPS_MAX && change_at(l, c.prev, &c); n++) {
		if (c.at_ms <= at_ms) {
			*ret_c = c;
			return OK;
		}
		from_ms = c.at_ms;
	}
	if (l->t.error) return l->t.error;
	if (c.prev == 0) return ERR_NOT_FOUND;
	*ret_from_ms = from_ms;
	return ERR_LIMIT;
}

enum error look_answer_at(struct look *l, const struct scope *scope, struct view subject, int64_t at_ms,
			  struct change *ret_c, int64_t *ret_from_ms) {
	struct customer_register r;
	struct change c;
	enum error e = answer_at(l, scope, subject, at_ms, &c, ret_from_ms);
	/* a customer that has no answer of its own is answered for by whom it pays for */
	bool own = e == OK && c.known;
	if (!own && (e == OK || e == ERR_NOT_FOUND) && view_starts(subject, VIEW("cus_")) &&
	    look_customer(l, scope, subject, &r) == OK) {
		struct view bound = customer_register_subject(&r, subject);
		if (!view_eq(bound, subject)) e = answer_at(l, scope, bound, at_ms, &c, ret_from_ms);
	}
	if (e == OK) *ret_c = c;
	return e;
}

enum error look_answer_unlogged(struct look *l, const struct scope *scope, struct view subject,
				const struct catalog *catalog, int64_t at, struct change *c) {
	struct change x = *c;
	struct subject_row row;
	struct view bytes;
	if (c->changes_at == 0 || c->changes_at > at) return OK;
	enum error e = look_subject(l, scope, subject, &bytes);
	if (e) return e == ERR_NOT_FOUND ? OK : e;
	e = subject_row_open(bytes, &row);
	if (e || row.ver != c->ver) return e;
	e = row_answer(bytes, catalog, at, &x);
	if (e) return e;
	if (!fold_answers_equal(c, &x)) {
		x.cause = CHANGE_CLOCK;
		x.at_ms = c->changes_at * 1000;
		x.event = VIEW_NONE;
	}
	*c = x;
	return OK;
}

int64_t look_next_due(struct look *l) {
	struct lmdb_cursor c;
	int64_t moment = 0;
	lmdb_cursor_open(&l->t, TABLE_DUE, &c);
	if (lmdb_first(&c) && c.key.len > 8) moment = (int64_t)view_u64(view_of(c.key.ptr, 8));
	lmdb_cursor_close(&c);
	return moment;
}
