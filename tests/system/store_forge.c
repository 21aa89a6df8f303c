/* Leaves a worker's store as an older program would have left it. No worker may run.
 *
 *   store_forge DIR aside < RECORD     puts the record (proto/record.h) aside, as not known, and moves the cursor past
 * it store_forge DIR schema N           says that the store has that form
 */
#include "store/entitlements.h"
#include "store/lmdb_shell.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint8_t bytes[RECORD_MAX];

static enum error aside(const char *dir, struct problem *why) {
	const struct entitlements_options o = {.dir = dir, .epoch = 1};
	const struct problem reason = {ERR_MALFORMED, "data.object.status: is none that this program knows"};
	struct entitlements *store = NULL;
	struct fold *fold = NULL;
	struct record r;
	size_t n = fread(bytes, 1, sizeof bytes, stdin);
	enum error e = record_read(view_of(bytes, n), &r);
	if (e == OK) e = entitlements_open(&o, &store, why);
	if (e == OK) e = fold_begin(store, NULL, r.received_ms, &fold, why);
	if (e == OK) e = fold_quarantine(fold, &r, view_of(bytes, n), &reason, r.received_ms);
	if (e == OK) e = fold_cursor(fold, r.origin, r.seq);
	if (e == OK) e = fold_commit(&fold, NULL, NULL, why);
	fold_abort(&fold);
	entitlements_close(&store);
	return e;
}

static enum error set_schema(const char *dir, uint64_t schema, struct problem *why) {
	static const char *const tables[] = {"meta"};
	const struct lmdb_options o = {.dir = dir, .map_size = 1u << 30, .tables = tables, .table_count = 1};
	struct lmdb db;
	struct lmdb_txn t;
	enum error e = lmdb_open(&o, &db, why);
	if (e != OK) return e;
	e = lmdb_begin(&db, true, &t, why);
	if (e == OK) {
		lmdb_put_u64(&t, 0, VIEW("schema"), schema);
		e = lmdb_commit(&t, why);
	}
	lmdb_close(&db);
	return e;
}

int main(int argc, char **argv) {
	struct problem why = {0};
	enum error e = ERR_USAGE;
	if (argc == 3 && strcmp(argv[2], "aside") == 0) e = aside(argv[1], &why);
	if (argc == 4 && strcmp(argv[2], "schema") == 0) e = set_schema(argv[1], strtoull(argv[3], NULL, 10), &why);
	if (e != OK) fprintf(stderr, "store_forge: %s\n", why.text[0] ? why.text : error_text(e));
	return error_exit_code(e);
}
