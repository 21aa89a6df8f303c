/* What the store remembers of evaluations and of its journals, and its form. */
#include "store/entitlements_internal.h"

#define META_SURVEYED VIEW("surveyed")

enum error fold_surveyed(struct fold *f, uint64_t catalog_hash) {
	lmdb_put_u64(&f->t, TABLE_META, META_SURVEYED, catalog_hash);
	return f->t.error;
}

uint64_t look_surveyed(struct look *l) {
	uint64_t hash = 0;
	(void)lmdb_get_u64(&l->t, TABLE_META, META_SURVEYED, &hash);
	return hash;
}

/* ---- journals: meta's "mark/" and the origin → run (u64 BE) · seq (u64 BE) · crc (u32 BE)
 * ------------------------------ */

#define META_MARK VIEW("mark/")
#define MARK_SIZE 20

struct mark_key {
	uint8_t bytes[16];
};

static struct view mark_key(uint64_t origin, struct mark_key *k) {
	struct writer w = writer_of(k->bytes, sizeof k->bytes);
	write_bytes(&w, META_MARK);
	write_be64(&w, origin);
	return writer_view(&w);
}

enum error fold_journal_mark(struct fold *f, uint64_t origin, uint64_t run, uint64_t seq, uint32_t crc) {
	uint8_t bytes[MARK_SIZE];
	struct writer w = writer_of(bytes, sizeof bytes);
	struct mark_key key;
	write_be64(&w, run);
	write_be64(&w, seq);
	write_be32(&w, crc);
	lmdb_put(&f->t, TABLE_META, mark_key(origin, &key), writer_view(&w));
	return f->t.error;
}

void look_journal_mark(struct look *l, uint64_t origin, uint64_t *ret_run, uint64_t *ret_seq, uint32_t *ret_crc) {
	struct mark_key key;
	struct view value;
	*ret_run = *ret_seq = 0;
	*ret_crc = 0;
	if (!lmdb_get(&l->t, TABLE_META, mark_key(origin, &key), &value) || value.len != MARK_SIZE) return;
	struct reader r = reader_of(value);
	*ret_run = read_be64(&r);
	*ret_seq = read_be64(&r);
	*ret_crc = read_be32(&r);
}

/* Only the table that every form has is opened. */
bool entitlements_outdated(const char *dir) {
	static const char *const tables[] = {[TABLE_META] = "meta"};
	const struct lmdb_options o = {
		.dir = dir, .read_only = true, .tables = tables, .table_count = ARRAY_LEN(tables)};
	struct lmdb db;
	struct lmdb_txn t;
	uint64_t schema = STORE_SCHEMA;
	if (lmdb_open(&o, &db, NULL)) return false;
	if (!lmdb_begin(&db, false, &t, NULL)) {
		(void)lmdb_get_u64(&t, TABLE_META, META_SCHEMA, &schema);
		lmdb_abort(&t);
	}
	lmdb_close(&db);
	return schema < STORE_SCHEMA;
}
