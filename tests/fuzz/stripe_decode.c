/* The first byte chooses: 'w' a webhook, whose record ingress would have made from the envelope; one of the table below
 * a record of that kind and type. Laws: a refusal has a sentence; what is accepted is within its limits, has the
 * digest that it says, and is the same again. */
#include "proto/stripe_decode.h"

#include <string.h>

#include "fuzz.h"
#include "proto/fact.h"
#include "proto/stripe_envelope.h"

static const struct {
	char choice;
	enum record_kind kind;
	struct view type;
} records[] = {
	{'s', RECORD_SNAPSHOT, VIEW_INIT("subscription")},
	{'c', RECORD_SNAPSHOT, VIEW_INIT("customer")},
	{'k', RECORD_SNAPSHOT, VIEW_INIT("checkout.session")},
	{'i', RECORD_SNAPSHOT, VIEW_INIT("invoice")},
	{'h', RECORD_SNAPSHOT, VIEW_INIT("charge")},
	{'r', RECORD_SNAPSHOT, VIEW_INIT("refund")},
	{'d', RECORD_SNAPSHOT, VIEW_INIT("dispute")},
	{'p', RECORD_SNAPSHOT, VIEW_INIT("invoice_payment")},
	{'e', RECORD_SNAPSHOT, VIEW_INIT("subscription_schedule")},
	{'m', RECORD_SNAPSHOT, VIEW_INIT(FACT_MISSING)},
	{'a', RECORD_SNAPSHOT, VIEW_INIT(FACT_ANSWERED)},
	{'o', RECORD_OVERRIDE, VIEW_INIT(FACT_OVERRIDE)},
	{'n', RECORD_MARK, VIEW_INIT(FACT_MARK)},
};

static bool record_of(char choice, struct view body, struct record *ret_r) {
	struct stripe_envelope e;
	for (size_t i = 0; i < sizeof records / sizeof records[0]; i++) {
		if (records[i].choice != choice) continue;
		/* the id is that of the override "o" */
		*ret_r = (struct record){.kind = records[i].kind,
					 .id = VIEW("o_g"),
					 .type = records[i].type,
					 .created = 1,
					 .body = body};
		return true;
	}
	if (stripe_envelope_parse(body, &e, NULL) != OK) return false;
	*ret_r = (struct record){.kind = RECORD_WEBHOOK,
				 .livemode = e.livemode,
				 .created = e.created,
				 .account = e.account,
				 .id = e.id,
				 .type = e.type,
				 .body = body};
	return true;
}

static bool is_id(struct view v) { return v.len > 0 && v.len <= STRIPE_ID_MAX; }
static bool may_be_id(struct view v) { return v.len <= STRIPE_ID_MAX; }

static void check_items(const struct item_set *set) {
	FUZZ_MUST(set->count <= ITEMS_MAX);
	for (unsigned i = 0; i < set->count; i++) {
		const struct item *item = &set->items[i];
		FUZZ_MUST(item->price.len + item->product.len + item->lookup_key.len > 0);
		FUZZ_MUST(may_be_id(item->price) && may_be_id(item->product));
		FUZZ_MUST(item->lookup_key.len <= LOOKUP_KEY_MAX);
	}
}

static void check_subscription(const struct subscription_observation *o) {
	const struct subscription *s = &o->now;
	FUZZ_MUST(is_id(s->id) && is_id(s->customer) && s->subject.len <= SUBJECT_MAX);
	FUZZ_MUST(may_be_id(s->latest_invoice) && may_be_id(s->schedule));
	FUZZ_MUST(s->status > SUB_NONE && s->status < SUB_STATUS_COUNT);
	check_items(&s->items);
	FUZZ_MUST(s->created >= 0 && s->period_start >= 0 && s->period_end >= 0);
	FUZZ_MUST(o->post == subscription_digest(s));
	FUZZ_MUST(!o->new_claim || s->subject.len);
}

static void check_schedule(const struct schedule *s) {
	FUZZ_MUST(is_id(s->id) && may_be_id(s->customer) && may_be_id(s->subscription));
	FUZZ_MUST(s->status > SCHEDULE_NONE && s->status < SCHEDULE_STATUS_COUNT);
	FUZZ_MUST(s->phase_count <= SCHEDULE_PHASES_MAX);
	for (unsigned i = 0; i < s->phase_count; i++) {
		FUZZ_MUST(s->phases[i].start >= 0 && s->phases[i].end >= 0);
		FUZZ_MUST(i == 0 || s->phases[i - 1].start <= s->phases[i].start);
		check_items(&s->phases[i].items);
	}
}

static void check_payment(const struct payment_observation *p) {
	FUZZ_MUST(is_id(p->id) && may_be_id(p->invoice) && may_be_id(p->customer));
	FUZZ_MUST(p->amount >= 0 && p->refunded >= 0 && p->reversal_count <= 1);
	FUZZ_MUST(p->has_charge || p->reversal_count || p->invoice.len);
	if (!p->reversal_count) return;
	FUZZ_MUST(is_id(p->reversals[0].id) && p->reversals[0].amount >= 0);
	FUZZ_MUST(p->reversals[0].state > REVERSAL_NONE && p->reversals[0].state < REVERSAL_STATE_COUNT);
}

static void check_customer(const struct customer_observation *c) {
	FUZZ_MUST(is_id(c->id) && c->subject.len <= SUBJECT_MAX);
	FUZZ_MUST(!(c->claim_gone && (c->subject.len || c->new_claim)));
}

static void check_override(const struct override_observation *o) {
	FUZZ_MUST(view_eq(o->id, VIEW("o")) && o->subject.len && o->subject.len <= SUBJECT_MAX);
	FUZZ_MUST(!o->revoked && o->tier.len && o->tier.len <= NAME_MAX_BYTES);
	FUZZ_MUST(o->from >= 0 && o->until >= 0 && o->why.len <= OVERRIDE_WHY_MAX && o->by.len <= OVERRIDE_BY_MAX);
}

static void check_object(const struct observation *o) {
	switch (o->kind) {
	case OBSERVE_SUBSCRIPTION:
		check_subscription(&o->of.subscription);
		break;
	case OBSERVE_CUSTOMER:
		check_customer(&o->of.customer);
		break;
	case OBSERVE_CHECKOUT:
		FUZZ_MUST(is_id(o->of.checkout.id) && may_be_id(o->of.checkout.customer));
		FUZZ_MUST(o->of.checkout.subject.len <= SUBJECT_MAX);
		FUZZ_MUST(o->of.checkout.paid || !o->of.checkout.customer.len);
		break;
	case OBSERVE_INVOICE:
		FUZZ_MUST(is_id(o->of.invoice.id) && o->of.invoice.currency.len <= CURRENCY_MAX);
		FUZZ_MUST(o->of.invoice.attempt_count >= 0 && may_be_id(o->of.invoice.payment));
		break;
	case OBSERVE_SCHEDULE:
		check_schedule(&o->of.schedule);
		break;
	case OBSERVE_PAYMENT:
		check_payment(&o->of.payment);
		break;
	case OBSERVE_OVERRIDE:
		check_override(&o->of.override);
		break;
	case OBSERVE_MARK:
		FUZZ_MUST(o->of.mark.events_to >= 0 && o->of.mark.differing <= INT64_MAX);
		break;
	case OBSERVE_NOTHING:
		break;
	}
}

static void check(const struct record *r, const struct observation *o) {
	check_object(o);
	FUZZ_MUST(o->fetch_count <= OBSERVATION_FETCHES_MAX);
	for (unsigned i = 0; i < o->fetch_count; i++)
		FUZZ_MUST(o->fetches[i].kind > FETCH_NOTHING && o->fetches[i].kind < FETCH_COUNT &&
			  is_id(o->fetches[i].id));
	FUZZ_MUST(o->is_answer == (r->kind == RECORD_SNAPSHOT));
	if (o->is_answer) FUZZ_MUST(o->answered.kind > FETCH_NOTHING && is_id(o->answered.id));
	FUZZ_MUST((o->kind == OBSERVE_OVERRIDE) == (r->kind == RECORD_OVERRIDE));
	FUZZ_MUST((o->kind == OBSERVE_MARK) == (r->kind == RECORD_MARK));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	struct record r;
	struct observation first, again;
	struct problem why = {OK, ""};
	if (size < 1 || !record_of((char)data[0], view_of(data + 1, size - 1), &r)) return 0;
	struct stripe_decoder *d = stripe_decoder_create(VIEW("user_id"));
	if (!d) return 0;
	enum error e = stripe_decode(d, &r, &first, &why);
	FUZZ_MUST(e == OK || (e == ERR_MALFORMED && why.error == e && why.text[0]));
	if (e == OK) {
		check(&r, &first);
		FUZZ_MUST(stripe_decode(d, &r, &again, NULL) == OK && again.kind == first.kind);
		const struct subscription_observation *a = &first.of.subscription, *b = &again.of.subscription;
		if (first.kind == OBSERVE_SUBSCRIPTION)
			FUZZ_MUST(a->post == b->post && a->has_pre == b->has_pre && (!a->has_pre || a->pre == b->pre));
	}
	stripe_decoder_destroy(&d);
	return 0;
}
