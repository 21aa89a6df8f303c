#include <stdlib.h>

#include "store/journal_internal.h"

enum error journal_read_begin(struct journal *j, struct journal_reader **ret_r, struct problem *why) {
	struct journal_reader *r = calloc(1, sizeof *r);
	if (!r) return problem_set(why, ERR_MEMORY, "journal reader");
	enum error e = lmdb_begin(&j->db, false, &r->t, why);
	if (e) {
		free(r);
		return e;
	}
	lmdb_cursor_open(&r->t, TABLE_EVENTS, &r->events);
	if (lmdb_last(&r->events)) r->head = view_u64(r->events.key);
	if (lmdb_first(&r->events)) r->at = r->first = view_u64(r->events.key);
	e = lmdb_failed(&r->t, why);
	if (e)
		journal_read_end(&r);
	else
		*ret_r = r;
	return e;
}

void journal_read_end(struct journal_reader **r) {
	if (!r || !*r) return;
	lmdb_cursor_close(&(*r)->events);
	lmdb_abort(&(*r)->t);
	free(*r);
	*r = NULL;
}

void journal_bounds(const struct journal_reader *r, uint64_t *ret_first, uint64_t *ret_head) {
	*ret_first = r->first;
	*ret_head = r->head;
}

enum error journal_read(struct journal_reader *r, uint64_t seq, uint64_t *ret_seq, struct view *ret_bytes) {
	const struct key_u64 key = key_u64(seq);
	/* in sequence the next is right beside the last */
	bool found = r->at && seq == r->at + 1 ? lmdb_next(&r->events) : lmdb_seek(&r->events, key_u64_view(&key));
	r->at = found ? view_u64(r->events.key) : 0;
	if (r->t.error) return r->t.error;
	if (!found) return ERR_NOT_FOUND;
	*ret_seq = r->at;
	*ret_bytes = r->events.value;
	return OK;
}

enum error journal_find(struct journal_reader *r, bool livemode, struct view account, struct view id,
			uint64_t *ret_seq) {
	const struct scope scope = {livemode, account};
	uint8_t key[STATE_KEY_MAX];
	size_t len = state_key(&scope, id, key);
	uint64_t seq;
	if (len == 0) return ERR_NOT_FOUND;
	if (!lmdb_get_u64(&r->t, TABLE_IDS, view_of(key, len), &seq)) return r->t.error ? r->t.error : ERR_NOT_FOUND;
	*ret_seq = seq;
	return OK;
}
