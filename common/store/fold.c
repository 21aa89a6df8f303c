/* A transaction of the worker: its beginning, its end, and cursors. */
#include "store/entitlements_internal.h"
#include "store/lineage.h"

enum error fold_begin(struct entitlements *e, const struct catalog *catalog, int64_t now_ms, struct fold **ret_f,
		      struct problem *why) {
	struct fold *f = e->fold;
	struct lmdb_txn t;
	if (!f || e->folding) return problem_set(why, ERR_USAGE, "one fold at a time, by the writer");
	enum error rc = lmdb_begin(&e->db, true, &t, why);
	if (rc) return rc;
	f->e = e;
	f->t = t;
	f->catalog = catalog;
	f->now_ms = now_ms;
	f->counter_count = 0;
	f->dirty_count = 0;
	f->version_before = 0;
	(void)lmdb_get_u64(&f->t, TABLE_META, META_VERSION, &f->version_before);
	f->version = f->version_before;
	e->folding = true;
	*ret_f = f;
	return OK;
}

void fold_moment(struct fold *f, int64_t ms) { f->now_ms = ms; }

enum error fold_cursor(struct fold *f, uint64_t origin, uint64_t seq) {
	const struct key_u64 key = key_u64(origin);
	lmdb_put_u64(&f->t, TABLE_CURSORS, key_u64_view(&key), seq);
	return f->t.error;
}

enum error fold_complete(struct fold *f) {
	lmdb_put_u64(&f->t, TABLE_META, META_COMPLETE, 1);
	return f->t.error;
}

struct each {
	void (*call)(void *ctx, const struct change *c);
	void *ctx;
};

static bool call_each(void *ctx, const struct change *c) {
	const struct each *each = ctx;
	each->call(each->ctx, c);
	return true;
}

/* From the store itself: what is told is what is durable. Whoever misses something here sees a gap in the
 * versions and asks again, so a failure is no reason to call the commit failed. */
static void tell(struct entitlements *e, uint64_t from, uint64_t to, struct each *each) {
	if (from == to || !each->call) return;
	enum error rc = look_renew(e->committed);
	if (!rc) rc = look_changes(e->committed, from, (size_t)(to - from), call_each, each);
	(void)rc;
	look_rest(e->committed);
}

enum error fold_commit(struct fold **f, void (*each)(void *ctx, const struct change *c), void *ctx,
		       struct problem *why) {
	struct fold *x = *f;
	struct each to = {each, ctx};
	*f = NULL;
	fold_write_counters(x);
	if (x->version != x->version_before) lmdb_put_u64(&x->t, TABLE_META, META_VERSION, x->version);
	enum error rc = lmdb_commit(&x->t, why);
	x->e->folding = false;
	if (!rc && x->version != x->version_before) lineage_advance(x->e->db.writer_fd, x->version);
	if (!rc) tell(x->e, x->version_before, x->version, &to);
	return rc;
}

void fold_abort(struct fold **f) {
	if (!f || !*f) return;
	lmdb_abort(&(*f)->t);
	(*f)->e->folding = false;
	*f = NULL;
}
