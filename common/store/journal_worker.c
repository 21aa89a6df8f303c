/* How far each worker is, so that retention knows the slowest. */
#include "base/limits.h"
#include "store/journal_internal.h"

#define WORKERS_MAX 64

#define WORKER_KEY_MAX (NAME_MAX_BYTES + 16)

static struct view worker_key(struct view worker, uint8_t *out) {
	struct writer w = writer_of(out, WORKER_KEY_MAX);
	if (worker.len == 0 || worker.len > NAME_MAX_BYTES) return VIEW_NONE;
	write_bytes(&w, META_WORKERS);
	write_bytes(&w, worker);
	return writer_view(&w);
}

enum error journal_worker_progress(struct journal *j, struct view worker, uint64_t seq, struct problem *why) {
	uint8_t bytes[WORKER_KEY_MAX];
	struct view key = worker_key(worker, bytes);
	struct lmdb_txn t;
	uint64_t old;
	if (key.len == 0) return problem_set(why, ERR_LIMIT, "a worker's name is empty or too long");
	enum error e = lmdb_begin(&j->db, true, &t, why);
	if (e) return e;
	bool known = lmdb_get_u64(&t, TABLE_JOURNAL_META, key, &old);
	/* beside the workers there are origin and schema */
	if (!known && lmdb_count(&t, TABLE_JOURNAL_META) >= WORKERS_MAX + 2)
		lmdb_fail(&t, ERR_LIMIT, "too many workers");
	if (!known || old != seq) lmdb_put_u64(&t, TABLE_JOURNAL_META, key, seq);
	return lmdb_commit(&t, why);
}

enum error journal_worker_forget(struct journal *j, struct view worker, struct problem *why) {
	uint8_t bytes[WORKER_KEY_MAX];
	struct view key = worker_key(worker, bytes);
	struct lmdb_txn t;
	if (key.len == 0) return problem_set(why, ERR_LIMIT, "a worker's name is empty or too long");
	enum error e = lmdb_begin(&j->db, true, &t, why);
	if (e) return e;
	(void)lmdb_del(&t, TABLE_JOURNAL_META, key);
	return lmdb_commit(&t, why);
}

bool journal_worker_known(struct journal_reader *r, struct view worker) {
	uint8_t bytes[WORKER_KEY_MAX];
	struct view key = worker_key(worker, bytes);
	uint64_t seq;
	return key.len > 0 && lmdb_get_u64(&r->t, TABLE_JOURNAL_META, key, &seq);
}

enum error journal_slowest_worker(struct journal_reader *r, uint64_t *ret_seq) {
	struct lmdb_cursor c;
	bool found = false;
	uint64_t slowest = UINT64_MAX;
	lmdb_cursor_open(&r->t, TABLE_JOURNAL_META, &c);
	for (bool more = lmdb_seek(&c, META_WORKERS); more && view_starts(c.key, META_WORKERS); more = lmdb_next(&c)) {
		uint64_t seq = view_u64(c.value);
		if (seq < slowest) slowest = seq;
		found = true;
	}
	lmdb_cursor_close(&c);
	if (r->t.error) return r->t.error;
	if (!found) return ERR_NOT_FOUND;
	*ret_seq = slowest;
	return OK;
}
