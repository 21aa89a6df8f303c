#include "store/entitlements.h"

#include <stdlib.h>

#include "store/entitlements_internal.h"
#include "store/lineage.h"

static const char *const tables[] = {[TABLE_META] = "meta",
				     [TABLE_CURSORS] = "cursors",
				     [TABLE_SUBS] = "subs",
				     [TABLE_CUSTOMERS] = "customers",
				     [TABLE_INVOICES] = "invoices",
				     [TABLE_SCHEDULES] = "schedules",
				     [TABLE_PAYMENTS] = "payments",
				     [TABLE_OVERRIDES] = "overrides",
				     [TABLE_CUSTOMER_SUBS] = "customer_subs",
				     [TABLE_SUBJECT_CUSTOMERS] = "subject_customers",
				     [TABLE_INVOICE_PAYMENTS] = "invoice_payments",
				     [TABLE_SUB_REVERSALS] = "sub_reversals",
				     [TABLE_SUBJECT_OVERRIDES] = "subject_overrides",
				     [TABLE_SUBJECTS] = "subjects",
				     [TABLE_GONE] = "gone",
				     [TABLE_DUE] = "due",
				     [TABLE_UNMAPPED] = "unmapped",
				     [TABLE_WANTS] = "wants",
				     [TABLE_MARKS] = "marks",
				     [TABLE_CHANGES] = "changes",
				     [TABLE_QUARANTINE] = "quarantine",
				     [TABLE_COUNTERS] = "counters"};

static enum error outdated(struct problem *why) {
	return problem_set(
		why, ERR_VERSION,
		"entitlement store: made by an older program (schema %d is needed): `tiergate rebuild` makes it "
		"anew from the journal",
		STORE_SCHEMA);
}

static enum error read_meta(struct entitlements *e, uint64_t *ret_version, struct problem *why) {
	struct lmdb_txn t;
	uint64_t schema = 0, epoch = 0, version = 0;
	enum error rc = lmdb_begin(&e->db, false, &t, why);
	if (rc) return rc;
	bool found =
		lmdb_get_u64(&t, TABLE_META, META_EPOCH, &epoch) && lmdb_get_u64(&t, TABLE_META, META_SCHEMA, &schema);
	(void)lmdb_get_u64(&t, TABLE_META, META_VERSION, &version);
	rc = lmdb_failed(&t, why);
	lmdb_abort(&t);
	if (rc) return rc;
	if (!found) return problem_set(why, ERR_NOT_FOUND, "entitlement store: not made yet");
	if (schema > STORE_SCHEMA)
		return problem_set(why, ERR_VERSION,
				   "entitlement store: schema %llu is of a newer program; this one has %d",
				   (unsigned long long)schema, STORE_SCHEMA);
	if (schema < STORE_SCHEMA) return outdated(why);
	e->epoch = epoch;
	*ret_version = version;
	return OK;
}

static enum error write_meta(struct entitlements *e, uint64_t epoch, struct problem *why) {
	struct lmdb_txn t;
	if (epoch == 0) return problem_set(why, ERR_USAGE, "a new entitlement store needs an epoch");
	enum error rc = lmdb_begin(&e->db, true, &t, why);
	if (rc) return rc;
	lmdb_put_u64(&t, TABLE_META, META_EPOCH, epoch);
	lmdb_put_u64(&t, TABLE_META, META_SCHEMA, STORE_SCHEMA);
	lmdb_put_u64(&t, TABLE_META, META_VERSION, 0);
	return lmdb_commit(&t, why);
}

/* A copy of an earlier state goes on as another store. */
static enum error change_epoch(struct entitlements *e, uint64_t epoch, struct problem *why) {
	struct lmdb_txn t;
	enum error rc = lmdb_begin(&e->db, true, &t, why);
	if (rc) return rc;
	lmdb_put_u64(&t, TABLE_META, META_EPOCH, epoch);
	rc = lmdb_commit(&t, why);
	if (!rc) e->epoch = epoch;
	return rc;
}

static enum error open_meta(struct entitlements *e, const struct entitlements_options *o, struct problem *why) {
	uint64_t version = 0;
	enum error rc = read_meta(e, &version, why);
	if (o->read_only) return rc;
	bool made = rc == ERR_NOT_FOUND;
	if (made) {
		rc = write_meta(e, o->epoch, why);
		if (!rc) rc = read_meta(e, &version, why);
	}
	if (rc || (!made && lineage_holds(e->db.writer_fd, o->dir, e->epoch, version))) return rc;
	if (!made && o->epoch) rc = change_epoch(e, o->epoch, why);
	if (!rc) lineage_begin(e->db.writer_fd, o->dir, e->epoch, version);
	return rc;
}

/* What only the writer needs; the look takes its reader's slot now, so that a commit cannot fail to get one. */
static enum error prepare_writer(struct entitlements *e, struct problem *why) {
	e->fold = calloc(1, sizeof *e->fold);
	if (e->fold) e->fold->buffer = malloc(STATE_VALUE_MAX);
	if (!e->fold || !e->fold->buffer) return problem_set(why, ERR_MEMORY, "entitlement store");
	enum error rc = look_begin(e, &e->committed, why);
	if (!rc) look_rest(e->committed);
	return rc;
}

enum error entitlements_open(const struct entitlements_options *o, struct entitlements **ret_e, struct problem *why) {
	AUTO(entitlements_close)
	struct entitlements *e = calloc(1, sizeof *e);
	if (!e) return problem_set(why, ERR_MEMORY, "entitlement store");
	const struct lmdb_options options = {.dir = o->dir,
					     .read_only = o->read_only,
					     .no_sync = o->no_sync,
					     .map_size = o->map_size ? o->map_size : STORE_MAP_DEFAULT,
					     .tables = tables,
					     .table_count = ARRAY_LEN(tables)};
	enum error rc = lmdb_open(&options, &e->db, why);
	if (rc == ERR_VERSION) return outdated(why);
	if (rc) return rc;
	rc = open_meta(e, o, why);
	if (!rc && !o->read_only) rc = prepare_writer(e, why);
	if (rc) return rc;
	*ret_e = e;
	e = NULL;
	return OK;
}

void entitlements_close(struct entitlements **e) {
	if (!e || !*e) return;
	struct entitlements *x = *e;
	if (x->folding) lmdb_abort(&x->fold->t);
	look_end(&x->committed);
	lmdb_close(&x->db);
	if (x->fold) free(x->fold->buffer);
	free(x->fold);
	free(x);
	*e = NULL;
}

uint64_t entitlements_epoch(const struct entitlements *e) { return e->epoch; }

bool entitlements_in_place(const struct entitlements *e) { return lmdb_in_place(&e->db); }

size_t entitlements_reap_readers(struct entitlements *e) {
	int dead = 0;
	if (mdb_reader_check(e->db.env, &dead)) return 0;
	return (size_t)dead;
}
