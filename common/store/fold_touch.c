/* Whose a customer is, and whose rows an observation touches. */
#include "store/entitlements_internal.h"

bool fold_get_customer(struct fold *f, const struct scope *scope, struct view customer, struct view *ret_bytes,
		       struct customer_register *ret_r) {
	struct key key;
	struct view bytes;
	key_of(&key, scope, customer);
	if (!lmdb_get(&f->t, TABLE_CUSTOMERS, key_view(&key), &bytes)) return false;
	if (customer_register_read(bytes, ret_r)) {
		fold_damaged(f);
		return false;
	}
	*ret_bytes = bytes;
	return true;
}

bool fold_subject_of(struct fold *f, const struct scope *scope, struct view customer, struct id_copy *ret_subject) {
	struct customer_register r;
	struct view bytes;
	if (customer.len == 0 || !fold_get_customer(f, scope, customer, &bytes, &r)) return false;
	id_set(ret_subject, customer_register_subject(&r, customer));
	return true;
}

void fold_touch(struct fold *f, struct view subject) {
	for (unsigned i = 0; i < f->dirty_count; i++)
		if (view_eq(id_view(&f->dirty[i]), subject)) return;
	if (f->dirty_count == DIRTY_MAX) {
		lmdb_fail(&f->t, ERR_INTERNAL, "an observation touched more subjects than it can");
		return;
	}
	id_set(&f->dirty[f->dirty_count++], subject);
}

void fold_touch_customer(struct fold *f, const struct scope *scope, struct view customer) {
	struct id_copy subject;
	if (fold_subject_of(f, scope, customer, &subject)) fold_touch(f, id_view(&subject));
}
