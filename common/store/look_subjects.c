/* Subjects: all of them, those of one account from one on, and whose a subject's customers are. */
#include "store/entitlements_internal.h"

enum error look_subjects(struct look *l,
			 bool (*each)(void *ctx, const struct scope *scope, struct view subject, struct view row),
			 void *ctx) {
	struct lmdb_cursor c;
	enum error e = OK;
	lmdb_cursor_open(&l->t, TABLE_SUBJECTS, &c);
	for (bool more = lmdb_first(&c); more; more = lmdb_next(&c)) {
		struct scope scope;
		struct view subject;
		e = state_key_parse(c.key, &scope, &subject);
		if (e || !each(ctx, &scope, subject, c.value)) break;
	}
	lmdb_cursor_close(&c);
	return l->t.error ? l->t.error : e;
}

enum error look_subjects_after(struct look *l, const struct scope *scope, struct view after,
			       bool (*each)(void *ctx, struct view subject, struct view row), void *ctx) {
	struct key from;
	struct lmdb_cursor c;
	/* no subject has a zero byte, so that none comes before this one */
	key_of(&from, scope, after.len ? after : VIEW("\1"));
	if (from.len == 0) return OK;
	const size_t prefix = from.len - (after.len ? after.len : 1);
	lmdb_cursor_open(&l->t, TABLE_SUBJECTS, &c);
	bool more = lmdb_seek(&c, key_view(&from));
	if (more && after.len && view_eq(c.key, key_view(&from))) more = lmdb_next(&c);
	for (; more && view_starts(c.key, view_of(from.bytes, prefix)); more = lmdb_next(&c))
		if (!each(ctx, view_of(c.key.ptr + prefix, c.key.len - prefix), c.value)) break;
	lmdb_cursor_close(&c);
	return l->t.error;
}

/* ---- customers ------------------------------------------------------------------------- */

struct bound_walk {
	struct look *look;
	const struct scope *scope;
	struct bound_customer *into;
	unsigned max, count, read;
	enum error error;
};

static bool newer(const struct bound_customer *a, const struct bound_customer *b) {
	return a->at != b->at ? a->at > b->at : view_cmp(a->id, b->id) > 0;
}

static void insert(struct bound_walk *k, const struct bound_customer *x) {
	unsigned at = k->count;
	while (at > 0 && newer(x, &k->into[at - 1])) at--;
	if (at == k->max) return;
	if (k->count < k->max) k->count++;
	memmove(&k->into[at + 1], &k->into[at], (k->count - 1 - at) * sizeof k->into[0]);
	k->into[at] = *x;
}

static bool take_bound(void *ctx, struct view customer) {
	struct bound_walk *k = ctx;
	struct customer_register r;
	if (k->read++ == SUBJECT_CUSTOMERS_MAX) return false;
	k->error = look_customer(k->look, k->scope, customer, &r);
	if (k->error == ERR_NOT_FOUND)
		k->error = OK;
	else if (!k->error && !r.deleted)
		insert(k, &(struct bound_customer){customer, customer_register_bound_at(&r)});
	return k->error == OK;
}

enum error look_bound_customers(struct look *l, const struct scope *scope, struct view subject,
				struct bound_customer *into, unsigned max, unsigned *ret_count) {
	struct bound_walk k = {.look = l, .scope = scope, .into = into, .max = max};
	struct customer_register r;
	struct view row;
	if (max == 0) return ERR_USAGE;
	if (view_starts(subject, VIEW("cus_")) && look_own_row(l, scope, subject, &row) == ERR_NOT_FOUND &&
	    look_customer(l, scope, subject, &r) == OK)
		subject = customer_register_subject(&r, subject);
	enum error e = look_customers_of(l, scope, subject, take_bound, &k);
	if (!e) e = k.error;
	if (!e) *ret_count = k.count;
	return e;
}
