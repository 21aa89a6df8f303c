/* Observations into registers and indexes.
 *
 * What is stored must be a function of the set of observations alone. So every index is derived from
 * registers, or is a union over observations; and whatever a row reads touches the row when it changes. The kinds
 * are in fold_customer.c, fold_money.c and fold_object.c.
 */
#include "store/entitlements_internal.h"

static void observe(struct fold *f, const struct observation *o) {
	switch (o->kind) {
	case OBSERVE_NOTHING:
		return;
	case OBSERVE_SUBSCRIPTION:
		fold_subscription(f, o);
		return;
	case OBSERVE_CUSTOMER:
		fold_customer(f, o);
		return;
	case OBSERVE_CHECKOUT:
		fold_checkout(f, o);
		return;
	case OBSERVE_INVOICE:
		fold_invoice(f, o);
		return;
	case OBSERVE_SCHEDULE:
		fold_schedule(f, o);
		return;
	case OBSERVE_PAYMENT:
		fold_payment(f, o);
		return;
	case OBSERVE_OVERRIDE:
		fold_override(f, o);
		return;
	case OBSERVE_MARK:
		fold_mark(f, o);
		return;
	}
}

enum error fold_observe(struct fold *f, const struct observation *o) {
	if (f->t.error) return f->t.error;
	if (!observation_fits(o)) return ERR_LIMIT;
	f->dirty_count = 0;
	/* first: what the answer leaves open is a new question, with a later second */
	fold_answered(f, o);
	observe(f, o);
	fold_fetches(f, o);
	fold_remake_rows(f, o);
	return f->t.error;
}
