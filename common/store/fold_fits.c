/* Is an observation fit to be stored? What is not is for quarantine. */
#include "store/entitlements_internal.h"

static bool fits(struct view v, size_t max) { return v.len <= max; }
static bool is_id(struct view v) { return v.len > 0 && v.len <= STRIPE_ID_MAX; }

static bool items_fit(const struct item_set *set) {
	if (set->count > ITEMS_MAX) return false;
	for (unsigned i = 0; i < set->count; i++) {
		const struct item *item = &set->items[i];
		if (!fits(item->price, STRIPE_ID_MAX) || !fits(item->product, STRIPE_ID_MAX) ||
		    !fits(item->lookup_key, LOOKUP_KEY_MAX))
			return false;
	}
	return true;
}

static bool subscription_fits(const struct subscription *s) {
	return is_id(s->id) && is_id(s->customer) && s->status < SUB_STATUS_COUNT && fits(s->subject, CLAIM_TEXT_MAX) &&
	       fits(s->latest_invoice, STRIPE_ID_MAX) && fits(s->schedule, STRIPE_ID_MAX) && items_fit(&s->items);
}

static bool invoice_fits(const struct invoice *i) {
	return is_id(i->id) && fits(i->customer, STRIPE_ID_MAX) && fits(i->subscription, STRIPE_ID_MAX) &&
	       fits(i->currency, CURRENCY_MAX) && fits(i->payment, STRIPE_ID_MAX) && i->status < INVOICE_STATUS_COUNT;
}

static bool schedule_fits(const struct schedule *s) {
	if (!is_id(s->id) || !fits(s->customer, STRIPE_ID_MAX) || !fits(s->subscription, STRIPE_ID_MAX)) return false;
	if (s->status >= SCHEDULE_STATUS_COUNT || s->phase_count > SCHEDULE_PHASES_MAX) return false;
	for (unsigned i = 0; i < s->phase_count; i++)
		if (!items_fit(&s->phases[i].items)) return false;
	return true;
}

static bool payment_fits(const struct payment_observation *p) {
	if (!is_id(p->id) || !fits(p->invoice, STRIPE_ID_MAX) || !fits(p->customer, STRIPE_ID_MAX)) return false;
	if (p->reversal_count > REVERSALS_MAX) return false;
	for (unsigned i = 0; i < p->reversal_count; i++)
		if (!is_id(p->reversals[i].id) || p->reversals[i].state >= REVERSAL_STATE_COUNT) return false;
	return true;
}

static bool override_fits(const struct override_observation *o) {
	if (!is_id(o->id) || o->subject.len == 0 || !fits(o->subject, SUBJECT_MAX)) return false;
	if (!o->revoked && o->tier.len == 0) return false;
	return fits(o->tier, NAME_MAX_BYTES) && fits(o->why, OVERRIDE_WHY_MAX) && fits(o->by, OVERRIDE_BY_MAX);
}

static bool fetch_fits(const struct fetch *f) {
	return f->kind > FETCH_NOTHING && f->kind < FETCH_COUNT && is_id(f->id);
}

static bool fetches_fit(const struct observation *o) {
	if (o->fetch_count > OBSERVATION_FETCHES_MAX) return false;
	for (unsigned i = 0; i < o->fetch_count; i++)
		if (!fetch_fits(&o->fetches[i])) return false;
	/* an answer whose question is not told settles nothing, and may be so */
	return !o->is_answer || o->answered.kind == FETCH_NOTHING || fetch_fits(&o->answered);
}

bool observation_fits(const struct observation *o) {
	if (!fits(o->scope.account, ACCOUNT_MAX) || !fits(o->stamp.event, STRIPE_ID_MAX)) return false;
	if (!fetches_fit(o)) return false;
	switch (o->kind) {
	case OBSERVE_NOTHING:
	case OBSERVE_MARK:
		return true;
	case OBSERVE_SUBSCRIPTION:
		return subscription_fits(&o->of.subscription.now);
	case OBSERVE_CUSTOMER:
		return is_id(o->of.customer.id);
	case OBSERVE_CHECKOUT:
		return fits(o->of.checkout.id, STRIPE_ID_MAX) && fits(o->of.checkout.customer, STRIPE_ID_MAX);
	case OBSERVE_INVOICE:
		return invoice_fits(&o->of.invoice);
	case OBSERVE_SCHEDULE:
		return schedule_fits(&o->of.schedule);
	case OBSERVE_PAYMENT:
		return payment_fits(&o->of.payment);
	case OBSERVE_OVERRIDE:
		return override_fits(&o->of.override);
	}
	return false;
}
