/* Reading: a snapshot, the subject's row, registers, cursors, counters. */
#include <stdlib.h>

#include "store/entitlements_internal.h"

static enum error read_version_of(struct look *l) {
	uint64_t version;
	if (lmdb_get_u64(&l->t, TABLE_META, META_VERSION, &version)) l->version = version;
	return l->t.error;
}

enum error look_begin(struct entitlements *e, struct look **ret_l, struct problem *why) {
	AUTO(look_end)
	struct look *l = calloc(1, sizeof *l);
	if (!l) return problem_set(why, ERR_MEMORY, "look");
	l->e = e;
	enum error rc = lmdb_begin(&e->db, false, &l->t, why);
	if (rc) return rc;
	if (read_version_of(l)) return lmdb_failed(&l->t, why);
	*ret_l = l;
	l = NULL;
	return OK;
}

enum error look_renew(struct look *l) {
	if (lmdb_renew(&l->t)) return l->t.error;
	return read_version_of(l);
}

void look_rest(struct look *l) { lmdb_rest(&l->t); }

void look_end(struct look **l) {
	if (!l || !*l) return;
	lmdb_abort(&(*l)->t);
	free((*l)->space);
	free(*l);
	*l = NULL;
}

uint64_t look_version(const struct look *l) { return l->version; }
uint64_t look_snapshot(const struct look *l) { return lmdb_snapshot(&l->t); }

uint64_t look_epoch(struct look *l) {
	uint64_t epoch = l->e->epoch;
	(void)lmdb_get_u64(&l->t, TABLE_META, META_EPOCH, &epoch);
	return epoch;
}

bool look_complete(struct look *l) {
	uint64_t yes = 0;
	return lmdb_get_u64(&l->t, TABLE_META, META_COMPLETE, &yes) && yes == 1;
}

/* The failure, or that it is not there. */
static enum error absent(const struct look *l) { return l->t.error ? l->t.error : ERR_NOT_FOUND; }

/* ---- cursors and counters ----------------------------------------------------------- */

enum error look_cursor(struct look *l, uint64_t origin, uint64_t *ret_seq) {
	const struct key_u64 key = key_u64(origin);
	uint64_t seq = 0;
	(void)lmdb_get_u64(&l->t, TABLE_CURSORS, key_u64_view(&key), &seq);
	if (!l->t.error) *ret_seq = seq;
	return l->t.error;
}

enum error look_cursors(struct look *l, void (*each)(void *ctx, uint64_t origin, uint64_t seq), void *ctx) {
	struct lmdb_cursor c;
	lmdb_cursor_open(&l->t, TABLE_CURSORS, &c);
	for (bool more = lmdb_first(&c); more; more = lmdb_next(&c)) each(ctx, view_u64(c.key), view_u64(c.value));
	lmdb_cursor_close(&c);
	return l->t.error;
}

enum error look_counters(struct look *l, void (*each)(void *ctx, struct view name, uint64_t n), void *ctx) {
	struct lmdb_cursor c;
	lmdb_cursor_open(&l->t, TABLE_COUNTERS, &c);
	for (bool more = lmdb_first(&c); more; more = lmdb_next(&c)) each(ctx, c.key, view_u64(c.value));
	lmdb_cursor_close(&c);
	return l->t.error;
}

/* ---- subjects and registers ----------------------------------------------------------- */

static bool get_by_id(struct look *l, enum store_table table, const struct scope *scope, struct view id,
		      struct view *ret_bytes) {
	struct key key;
	key_of(&key, scope, id);
	return key.len && lmdb_get(&l->t, table, key_view(&key), ret_bytes);
}

enum error look_subject(struct look *l, const struct scope *scope, struct view subject, struct view *ret_row) {
	struct view bytes;
	struct customer_register r;
	if (get_by_id(l, TABLE_SUBJECTS, scope, subject, ret_row)) return OK;
	if (!view_starts(subject, VIEW("cus_"))) return absent(l);
	if (!get_by_id(l, TABLE_CUSTOMERS, scope, subject, &bytes)) return absent(l);
	enum error e = customer_register_read(bytes, &r);
	if (e) return e;
	struct view bound = customer_register_subject(&r, subject);
	return get_by_id(l, TABLE_SUBJECTS, scope, bound, ret_row) ? OK : absent(l);
}

enum error look_own_row(struct look *l, const struct scope *scope, struct view subject, struct view *ret_row) {
	return get_by_id(l, TABLE_SUBJECTS, scope, subject, ret_row) ? OK : absent(l);
}

enum error look_sub(struct look *l, const struct scope *scope, struct view id, struct sub_register *ret_r) {
	struct view bytes;
	return get_by_id(l, TABLE_SUBS, scope, id, &bytes) ? sub_register_read(bytes, id, ret_r) : absent(l);
}

enum error look_customer(struct look *l, const struct scope *scope, struct view id, struct customer_register *ret_r) {
	struct view bytes;
	return get_by_id(l, TABLE_CUSTOMERS, scope, id, &bytes) ? customer_register_read(bytes, ret_r) : absent(l);
}

enum error look_invoice(struct look *l, const struct scope *scope, struct view id, struct invoice_register *ret_r) {
	struct view bytes;
	return get_by_id(l, TABLE_INVOICES, scope, id, &bytes) ? invoice_register_read(bytes, id, ret_r) : absent(l);
}

enum error look_schedule(struct look *l, const struct scope *scope, struct view id, struct schedule_register *into) {
	struct view bytes;
	return get_by_id(l, TABLE_SCHEDULES, scope, id, &bytes) ? schedule_register_read(bytes, id, into) : absent(l);
}

enum error look_payment(struct look *l, const struct scope *scope, struct view id, struct payment_register *ret_r) {
	struct view bytes;
	return get_by_id(l, TABLE_PAYMENTS, scope, id, &bytes) ? payment_register_read(bytes, ret_r) : absent(l);
}

enum error look_override(struct look *l, const struct scope *scope, struct view id, struct override_register *ret_r) {
	struct view bytes;
	return get_by_id(l, TABLE_OVERRIDES, scope, id, &bytes) ? override_register_read(bytes, id, ret_r) : absent(l);
}

enum error look_customers_of(struct look *l, const struct scope *scope, struct view subject,
			     bool (*each)(void *ctx, struct view customer), void *ctx) {
	struct key prefix;
	struct lmdb_cursor c;
	key_of_prefix(&prefix, scope, subject);
	if (prefix.len == 0) return OK;
	lmdb_cursor_open(&l->t, TABLE_SUBJECT_CUSTOMERS, &c);
	for (bool more = lmdb_seek(&c, key_view(&prefix)); more && view_starts(c.key, key_view(&prefix));
	     more = lmdb_next(&c))
		if (!each(ctx, view_of(c.key.ptr + prefix.len, c.key.len - prefix.len))) break;
	lmdb_cursor_close(&c);
	return l->t.error;
}

enum error look_stat(struct look *l, struct entitlements_stat *ret_s) {
	struct entitlements_stat s = {.subjects = lmdb_count(&l->t, TABLE_SUBJECTS),
				      .subs = lmdb_count(&l->t, TABLE_SUBS),
				      .customers = lmdb_count(&l->t, TABLE_CUSTOMERS),
				      .changes = lmdb_count(&l->t, TABLE_CHANGES),
				      .quarantined = lmdb_count(&l->t, TABLE_QUARANTINE),
				      .counters = lmdb_count(&l->t, TABLE_COUNTERS),
				      .overrides = lmdb_count(&l->t, TABLE_OVERRIDES),
				      .wants = lmdb_count(&l->t, TABLE_WANTS),
				      .unmapped = lmdb_count(&l->t, TABLE_UNMAPPED)};
	enum error e = lmdb_usage(&l->t, &s.usage);
	if (!e) *ret_s = s;
	return e;
}
