/* What the store remembers of evaluations, and its form. */
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
