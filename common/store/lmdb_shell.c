#include "store/lmdb_shell.h"

#include <errno.h>
#include <stdio.h>
#include <sys/statvfs.h>

static MDB_val val_of(struct view v) { return (MDB_val){v.len, (void *)(uintptr_t)v.ptr}; }
static struct view view_of_val(MDB_val v) { return view_of(v.mv_data, v.mv_size); }

/* ---- errors ------------------------------------------------------------------ */

enum error lmdb_error(int code) {
	switch (code) {
	case 0:
		return OK;
	case MDB_NOTFOUND:
		return ERR_NOT_FOUND;
	case MDB_KEYEXIST:
		return ERR_EXISTS;
	case MDB_MAP_FULL:
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return ERR_FULL;
	case MDB_VERSION_MISMATCH:
		return ERR_VERSION;
	case MDB_INVALID:
		return ERR_MALFORMED;
	case ENOMEM:
		return ERR_MEMORY;
	case MDB_READERS_FULL:
	case MDB_MAP_RESIZED:
	case EAGAIN:
		return ERR_UNAVAILABLE;
	case MDB_TXN_FULL:
	case MDB_BAD_VALSIZE:
		return ERR_LIMIT;
	case EIO:
	case MDB_PANIC:
	case MDB_CORRUPTED:
	case MDB_PAGE_NOTFOUND:
		return ERR_STORAGE;
	default:
		/* LMDB's own codes are negative; the rest are errno: permissions, a missing directory … */
		return code < 0 ? ERR_STORAGE : ERR_IO;
	}
}

enum error lmdb_problem(struct problem *why, int code, const char *doing) {
	const char *text = mdb_strerror(code);
	if (code == EAGAIN)
		text = "a process with the same pid in another PID namespace reads this store: processes that share "
		       "a store must share the PID namespace";
	if (code == MDB_MAP_RESIZED) text = "the writer made the map larger: restart this process";
	return problem_set(why, lmdb_error(code), "%s: %s", doing, text);
}

void lmdb_fail(struct lmdb_txn *t, enum error e, const char *doing) {
	if (t->error) return;
	t->error = e;
	t->code = 0;
	t->doing = doing;
}

static void fail_code(struct lmdb_txn *t, int code, const char *doing) {
	if (t->error) return;
	t->error = lmdb_error(code);
	t->code = code;
	t->doing = doing;
}

enum error lmdb_failed(const struct lmdb_txn *t, struct problem *why) {
	if (!t->error) return OK;
	if (t->code) return lmdb_problem(why, t->code, t->doing);
	return problem_set(why, t->error, "%s", t->doing);
}

/* ---- transactions ------------------------------------------------------------- */

enum error lmdb_begin(struct lmdb *db, bool write, struct lmdb_txn *ret_t, struct problem *why) {
	struct lmdb_txn t = {.db = db};
	if (write && db->read_only) return problem_set(why, ERR_USAGE, "opened for reading only");
	if (write && db->broken)
		return problem_set(why, ERR_STORAGE, "a commit failed before; the process must be restarted");
	int rc = mdb_txn_begin(db->env, NULL, write ? 0 : MDB_RDONLY, &t.txn);
	if (rc) return lmdb_problem(why, rc, "begin");
	*ret_t = t;
	return OK;
}

void lmdb_rest(struct lmdb_txn *t) {
	if (t->txn) mdb_txn_reset(t->txn);
}

uint64_t lmdb_snapshot(const struct lmdb_txn *t) { return mdb_txn_id(t->txn); }

enum error lmdb_renew(struct lmdb_txn *t) {
	mdb_txn_reset(t->txn);
	t->error = OK;
	t->code = 0;
	int rc = mdb_txn_renew(t->txn);
	if (rc) fail_code(t, rc, "renew");
	return t->error;
}

/* A write that came out short is EIO to LMDB, though it only says that the disk is full: such a
 * transaction is gone like any other and the next may succeed. */
static bool disk_is_full(struct lmdb *db) {
	int fd;
	struct statvfs fs;
	if (mdb_env_get_fd(db->env, &fd) || fstatvfs(fd, &fs)) return false;
	return fs.f_bavail == 0 || (uint64_t)fs.f_bfree * fs.f_frsize < (1 << 20);
}

enum error lmdb_commit(struct lmdb_txn *t, struct problem *why) {
	if (t->error) {
		enum error e = lmdb_failed(t, why);
		lmdb_abort(t);
		return e;
	}
	struct lmdb *db = t->db;
	int rc = mdb_txn_commit(t->txn);
	t->txn = NULL;
	if (rc == 0) {
		/* two system calls beside a synced write: what nobody finds again is not durable */
		if (lmdb_in_place(db)) return OK;
		db->broken = true;
		t->error = ERR_STORAGE;
		return problem_set(why, ERR_STORAGE,
				   "commit: the database file was removed or replaced while it was open");
	}
	if (rc == EIO && disk_is_full(db)) rc = ENOSPC;
	fail_code(t, rc, "commit");
	if (t->error == ERR_STORAGE) db->broken = true;
	return lmdb_problem(why, rc, "commit");
}

void lmdb_abort(struct lmdb_txn *t) {
	if (t->txn) mdb_txn_abort(t->txn);
	t->txn = NULL;
}

/* ---- rows --------------------------------------------------------------------- */

bool lmdb_get(struct lmdb_txn *t, unsigned table, struct view key, struct view *ret_v) {
	if (t->error) return false;
	MDB_val k = val_of(key), v;
	int rc = mdb_get(t->txn, t->db->tables[table], &k, &v);
	if (rc == 0) {
		*ret_v = view_of_val(v);
		return true;
	}
	if (rc != MDB_NOTFOUND) fail_code(t, rc, "get");
	return false;
}

static int put(struct lmdb_txn *t, unsigned table, struct view key, struct view value, unsigned flags) {
	MDB_val k = val_of(key), v = val_of(value);
	return mdb_put(t->txn, t->db->tables[table], &k, &v, flags);
}

void lmdb_put(struct lmdb_txn *t, unsigned table, struct view key, struct view value) {
	if (t->error) return;
	int rc = put(t, table, key, value, 0);
	if (rc) fail_code(t, rc, "put");
}

void lmdb_append(struct lmdb_txn *t, unsigned table, struct view key, struct view value) {
	if (t->error) return;
	int rc = put(t, table, key, value, MDB_APPEND);
	if (rc) fail_code(t, rc == MDB_KEYEXIST ? MDB_CORRUPTED : rc, "append");
}

void lmdb_add(struct lmdb_txn *t, unsigned table, struct view key, struct view value) {
	if (t->error) return;
	/* refused without a trace unless the key is the greatest */
	int rc = put(t, table, key, value, MDB_APPEND);
	if (rc == MDB_KEYEXIST) rc = put(t, table, key, value, 0);
	if (rc) fail_code(t, rc, "put");
}

bool lmdb_insert(struct lmdb_txn *t, unsigned table, struct view key, struct view value) {
	if (t->error) return false;
	int rc = put(t, table, key, value, MDB_APPEND);
	if (rc == MDB_KEYEXIST) rc = put(t, table, key, value, MDB_NOOVERWRITE);
	if (rc && rc != MDB_KEYEXIST) fail_code(t, rc, "insert");
	return rc == 0;
}

bool lmdb_del(struct lmdb_txn *t, unsigned table, struct view key) {
	if (t->error) return false;
	MDB_val k = val_of(key);
	int rc = mdb_del(t->txn, t->db->tables[table], &k, NULL);
	if (rc && rc != MDB_NOTFOUND) fail_code(t, rc, "delete");
	return rc == 0;
}

uint64_t lmdb_count(struct lmdb_txn *t, unsigned table) {
	MDB_stat st;
	if (t->error) return 0;
	int rc = mdb_stat(t->txn, t->db->tables[table], &st);
	if (rc) fail_code(t, rc, "stat");
	return rc ? 0 : st.ms_entries;
}

/* ---- numbers ------------------------------------------------------------------ */

struct key_u64 key_u64(uint64_t n) {
	struct key_u64 k;
	for (size_t i = sizeof k.bytes; i-- > 0; n >>= 8) k.bytes[i] = (uint8_t)n;
	return k;
}

uint64_t view_u64(struct view v) {
	uint64_t n = 0;
	if (v.len != sizeof n) return 0;
	for (size_t i = 0; i < v.len; i++) n = n << 8 | (uint8_t)v.ptr[i];
	return n;
}

bool lmdb_get_u64(struct lmdb_txn *t, unsigned table, struct view key, uint64_t *ret_n) {
	struct view v;
	if (!lmdb_get(t, table, key, &v)) return false;
	*ret_n = view_u64(v);
	return true;
}

void lmdb_put_u64(struct lmdb_txn *t, unsigned table, struct view key, uint64_t n) {
	const struct key_u64 value = key_u64(n);
	lmdb_put(t, table, key, key_u64_view(&value));
}

/* ---- cursors ------------------------------------------------------------------ */

void lmdb_cursor_open(struct lmdb_txn *t, unsigned table, struct lmdb_cursor *ret_c) {
	*ret_c = (struct lmdb_cursor){.t = t};
	if (t->error) return;
	int rc = mdb_cursor_open(t->txn, t->db->tables[table], &ret_c->cursor);
	if (rc) fail_code(t, rc, "cursor");
}

void lmdb_cursor_close(struct lmdb_cursor *c) {
	if (c->cursor) mdb_cursor_close(c->cursor);
	c->cursor = NULL;
}

static bool move(struct lmdb_cursor *c, struct view key, MDB_cursor_op op) {
	if (c->t->error || !c->cursor) return false;
	MDB_val k = val_of(key), v;
	int rc = mdb_cursor_get(c->cursor, &k, &v, op);
	if (rc) {
		if (rc != MDB_NOTFOUND) fail_code(c->t, rc, "cursor");
		return false;
	}
	c->key = view_of_val(k);
	c->value = view_of_val(v);
	return true;
}

bool lmdb_first(struct lmdb_cursor *c) { return move(c, VIEW_NONE, MDB_FIRST); }
bool lmdb_last(struct lmdb_cursor *c) { return move(c, VIEW_NONE, MDB_LAST); }
bool lmdb_seek(struct lmdb_cursor *c, struct view key) { return move(c, key, MDB_SET_RANGE); }
bool lmdb_next(struct lmdb_cursor *c) { return move(c, VIEW_NONE, MDB_NEXT); }
bool lmdb_prev(struct lmdb_cursor *c) { return move(c, VIEW_NONE, MDB_PREV); }

void lmdb_cursor_del(struct lmdb_cursor *c) {
	if (c->t->error) return;
	int rc = mdb_cursor_del(c->cursor, 0);
	if (rc) fail_code(c->t, rc, "delete");
}

/* ---- space -------------------------------------------------------------------- */

#define FREE_TABLE 0 /* LMDB's own: transaction → free pages; a count, then their numbers */
#define MAIN_TABLE 1

static uint64_t pages_of(struct lmdb_txn *t, MDB_dbi table) {
	MDB_stat st;
	int rc = mdb_stat(t->txn, table, &st);
	if (rc) fail_code(t, rc, "stat");
	return rc ? 0 : st.ms_branch_pages + st.ms_leaf_pages + st.ms_overflow_pages;
}

static uint64_t page_size(struct lmdb *db) {
	MDB_stat st = {.ms_psize = 4096};
	(void)mdb_env_stat(db->env, &st);
	return st.ms_psize;
}

enum error lmdb_usage(struct lmdb_txn *t, struct store_usage *ret_u) {
	MDB_envinfo info = {0};
	(void)mdb_env_info(t->db->env, &info);
	uint64_t pages = 2 + pages_of(t, FREE_TABLE) + pages_of(t, MAIN_TABLE);
	for (unsigned i = 0; i < t->db->table_count; i++) pages += pages_of(t, t->db->tables[i]);
	if (t->error) return t->error;
	*ret_u = (struct store_usage){.map_size = info.me_mapsize, .used = pages * page_size(t->db)};
	return OK;
}

/* The list of free pages can be read in a transaction that only reads. */
static uint64_t free_pages(struct lmdb *db) {
	MDB_txn *txn;
	MDB_cursor *c;
	MDB_val k, v;
	uint64_t pages = 0;
	if (mdb_txn_begin(db->env, NULL, MDB_RDONLY, &txn)) return 0;
	if (mdb_cursor_open(txn, FREE_TABLE, &c) == 0) {
		while (mdb_cursor_get(c, &k, &v, MDB_NEXT) == 0) {
			size_t n;
			memcpy(&n, v.mv_data, sizeof n);
			pages += n;
		}
		mdb_cursor_close(c);
	}
	mdb_txn_abort(txn);
	return pages;
}

uint64_t lmdb_room(struct lmdb *db, uint64_t enough) {
	MDB_envinfo info = {0};
	(void)mdb_env_info(db->env, &info);
	uint64_t page = page_size(db), used = ((uint64_t)info.me_last_pgno + 1) * page;
	uint64_t room = info.me_mapsize > used ? info.me_mapsize - used : 0;
	return room >= enough ? room : room + free_pages(db) * page;
}
