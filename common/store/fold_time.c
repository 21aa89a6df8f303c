/* Time: what is due, a survey of all, and what the log forgets. */
#include "store/entitlements_internal.h"

static void key_copy(struct key *k, struct view v) {
	k->len = v.len <= sizeof k->bytes ? v.len : 0;
	memcpy(k->bytes, v.ptr, k->len);
}

/* The first that is due; false when none is by now. Copied, since what follows writes. */
static bool first_due(struct fold *f, int64_t now, struct due_key *ret_due, struct key *ret_subject) {
	struct lmdb_cursor c;
	bool found = false;
	lmdb_cursor_open(&f->t, TABLE_DUE, &c);
	if (lmdb_first(&c) && c.key.len > 8 && c.key.len <= sizeof ret_due->bytes) {
		found = (int64_t)view_u64(view_of(c.key.ptr, 8)) <= now;
		ret_due->len = c.key.len;
		memcpy(ret_due->bytes, c.key.ptr, c.key.len);
		key_copy(ret_subject, view_of(c.key.ptr + 8, c.key.len - 8));
	}
	lmdb_cursor_close(&c);
	return found;
}

enum error fold_due(struct fold *f, unsigned max, bool *ret_more) {
	int64_t now = f->now_ms / 1000;
	struct due_key due;
	struct key subject;
	bool more = false;
	for (unsigned n = 0; !f->t.error && (more = first_due(f, now, &due, &subject)) && n < max; n++) {
		fold_catch_up(f, &subject, now);
		/* it has gone by that, or nothing answers to it any more */
		(void)lmdb_del(&f->t, TABLE_DUE, view_of(due.bytes, due.len));
	}
	if (!f->t.error) *ret_more = more;
	return f->t.error;
}

/* ---- survey ------------------------------------------------------------------------------ */

static void survey_one(struct fold *f, const struct key *subject, enum change_cause cause) {
	struct change c = {.cause = cause, .at_ms = f->now_ms};
	struct told told;
	struct id_copy stale = {0};
	struct scope scope;
	struct view name, row;

	/* what was due before is told as it was, which another catalog could not say */
	if (cause == CHANGE_CLOCK) fold_catch_up(f, subject, f->now_ms / 1000);
	if (!lmdb_get(&f->t, TABLE_SUBJECTS, key_view(subject), &row)) return;
	fold_told(f, subject, row, &told);
	fold_answer(f, row, f->now_ms / 1000, &c);
	if (f->t.error) return;
	if (c.stale && !told.change.stale) id_set(&stale, c.subscription);
	/* what was logged while the clock was ahead is not what is answered from now on, though it says the same */
	if (fold_answers_equal(&told.change, &c) && told.change.at_ms <= f->now_ms)
		fold_defer(f, subject, &told, c.changes_at);
	else
		fold_log_stored(f, subject, row, &told, &c);
	if (stale.len && state_key_parse(key_view(subject), &scope, &name) == OK)
		fold_ask(f, &scope, FETCH_SUBSCRIPTION, id_view(&stale), WANT_STALE, 0, VIEW_NONE);
}

enum error fold_survey(struct fold *f, struct survey *at, enum change_cause cause, unsigned max, bool *ret_more) {
	struct survey x = *at;
	bool more = true;
	for (unsigned n = 0; more && n < max; n++) {
		struct lmdb_cursor c;
		struct key key;
		struct view from = view_of(x.after, x.len);
		lmdb_cursor_open(&f->t, TABLE_SUBJECTS, &c);
		more = x.len ? lmdb_seek(&c, from) : lmdb_first(&c);
		if (more && view_eq(c.key, from)) more = lmdb_next(&c);
		if (more) key_copy(&key, c.key);
		lmdb_cursor_close(&c);
		if (!more) break;
		survey_one(f, &key, cause);
		x.len = key.len;
		memcpy(x.after, key.bytes, key.len);
	}
	if (f->t.error) return f->t.error;
	*at = x;
	*ret_more = more;
	return OK;
}

/* ---- forgetting -------------------------------------------------------------------------- */

/* A change is the answer until the subject's next one: so it may go when that one is old enough, and the last never
 * goes. Each change is looked at once: what lies behind meta's `forgotten` holds nothing more to take. */
enum error fold_forget_changes(struct fold *f, int64_t before_ms, unsigned max, bool *ret_more) {
	uint64_t past = 0, start;
	bool more = true;
	(void)lmdb_get_u64(&f->t, TABLE_META, META_FORGOTTEN, &past);
	start = past;
	for (unsigned n = 0; more && n < max; n++) {
		const struct key_u64 next = key_u64(past + 1);
		struct change change;
		struct lmdb_cursor c;
		uint64_t prev = 0;
		lmdb_cursor_open(&f->t, TABLE_CHANGES, &c);
		more = lmdb_seek(&c, key_u64_view(&next));
		if (more && change_read(view_u64(c.key), c.value, &change)) {
			lmdb_fail(&f->t, ERR_STORAGE, "a change in the entitlement store's log does not decode");
			more = false;
		}
		/* one that was logged while the clock was ahead must not hold up all that came after it */
		if (more && change.at_ms >= before_ms && change.at_ms <= f->now_ms) more = false;
		if (more) {
			past = change.ver;
			prev = change.at_ms < before_ms ? change.prev : 0;
		}
		lmdb_cursor_close(&c);
		if (prev) {
			const struct key_u64 key = key_u64(prev);
			(void)lmdb_del(&f->t, TABLE_CHANGES, key_u64_view(&key));
		}
	}
	if (past != start) lmdb_put_u64(&f->t, TABLE_META, META_FORGOTTEN, past);
	if (!f->t.error) *ret_more = more;
	return f->t.error;
}
