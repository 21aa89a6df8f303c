#include "store/journal_internal.h"

#define EXPIRE_MAX 100000 /* in one transaction, which holds every page that it touches in memory */

/* How many of the oldest may go. A record that cannot be read has no age: it goes when the next
 * readable one after it does. */
static size_t count_expired(struct lmdb_cursor *c, int64_t before_ms, uint64_t keep_from, uint64_t head, size_t max) {
	size_t passed = 0, expired = 0;
	for (bool more = lmdb_first(c); more && passed < max; more = lmdb_next(c)) {
		uint64_t seq = view_u64(c->key);
		if (seq >= keep_from || seq >= head) break;
		struct record r;
		passed++;
		if (record_read(c->value, &r)) continue;
		if (r.received_ms >= before_ms) break;
		expired = passed;
	}
	return expired;
}

static void delete_id(struct lmdb_txn *t, const struct record *r, uint64_t seq) {
	const struct scope scope = {r->livemode, r->account};
	uint8_t bytes[STATE_KEY_MAX];
	struct view key = view_of(bytes, state_key(&scope, r->id, bytes));
	uint64_t at;
	if (key.len && lmdb_get_u64(t, TABLE_IDS, key, &at) && at == seq) (void)lmdb_del(t, TABLE_IDS, key);
}

#define CARRIED_MAX 8192 /* bytes of an override's record; far more than its parts can have */

/* An override's record, read from `c`, at a new place. */
static void carry(struct lmdb_txn *t, const struct record *r, int64_t now_ms, uint64_t seq) {
	const struct scope scope = {r->livemode, r->account};
	struct record again = *r;
	uint8_t bytes[CARRIED_MAX], id[STATE_KEY_MAX];
	struct writer w = writer_of(bytes, sizeof bytes);
	const struct key_u64 at = key_u64(seq);

	again.seq = seq;
	again.received_ms = now_ms;
	record_write(&w, &again);
	struct view key = view_of(id, state_key(&scope, r->id, id));
	if (w.failed || !key.len) {
		lmdb_fail(t, ERR_INTERNAL, "an override's record is larger than it can be");
		return;
	}
	lmdb_append(t, TABLE_EVENTS, key_u64_view(&at), writer_view(&w));
	lmdb_put(t, TABLE_IDS, key, key_u64_view(&at));
}

/* Deleting rewrites pages, and those that it frees are free only two transactions later. So that these
 * still find some, a deletion takes half of the room at most. */
static size_t within_room(struct lmdb *db, size_t max) {
	const uint64_t each = 2 * JOURNAL_PAGE, base = 16 * JOURNAL_PAGE;
	uint64_t budget = lmdb_room(db, 2 * (max * each + base)) / 2;
	size_t fits = budget > base + each ? (size_t)((budget - base) / each) : 1;
	return fits < max ? fits : max;
}

static enum error expire(struct journal *j, int64_t now_ms, int64_t before_ms, uint64_t keep_from, size_t max,
			 size_t *ret_deleted, struct problem *why) {
	struct lmdb_txn t;
	struct lmdb_cursor c;
	enum error e = lmdb_begin(&j->db, true, &t, why);
	if (e) return e;
	lmdb_cursor_open(&t, TABLE_EVENTS, &c);
	uint64_t head = lmdb_last(&c) ? view_u64(c.key) : 0;
	size_t expired = count_expired(&c, before_ms, keep_from, head, within_room(&j->db, max));
	bool more = expired > 0 && lmdb_first(&c);
	for (size_t i = 0; i < expired && more && !t.error; i++) {
		struct record r;
		bool read = record_read(c.value, &r) == OK;
		if (read && r.kind == RECORD_OVERRIDE)
			carry(&t, &r, now_ms, ++head);
		else if (read)
			delete_id(&t, &r, view_u64(c.key));
		more = lmdb_first(&c); /* where it stood, whatever was written meanwhile */
		if (more) lmdb_cursor_del(&c);
		more = i + 1 < expired && lmdb_first(&c);
	}
	lmdb_cursor_close(&c);
	e = lmdb_commit(&t, why);
	if (!e) *ret_deleted = expired;
	return e;
}

enum error journal_expire(struct journal *j, int64_t now_ms, int64_t before_ms, uint64_t keep_from, size_t max,
			  size_t *ret_deleted, struct problem *why) {
	size_t n = max < EXPIRE_MAX ? max : EXPIRE_MAX;
	enum error e = expire(j, now_ms, before_ms, keep_from, n, ret_deleted, why);
	/* an estimate may be wrong */
	while (e == ERR_FULL && n > 1) {
		n /= 4;
		e = expire(j, now_ms, before_ms, keep_from, n ? n : 1, ret_deleted, why);
	}
	return e;
}
