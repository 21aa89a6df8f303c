/* One truth, any rendering: random observations of every kind, as bodies of random shapes, are decoded as themselves.
 * (Subscriptions and their previous_attributes have lives of their own: stripe_lives_test.) */
#include "lives/bodies.h"
#include "proto/fact.h"
#include "proto/stripe_decode.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* An event whose texts are its own. */
struct told {
	struct life_event e;
	char texts[256][40];
	unsigned text_count;
};

static struct view a_text(struct told *t, struct random *r, const char *prefix) {
	char *at = t->texts[t->text_count++];
	int n = snprintf(at, sizeof t->texts[0], "%s%08" PRIx64, prefix, random_u64(r) >> 32);
	return view_of(at, (size_t)n);
}

static struct view maybe(struct told *t, struct random *r, const char *prefix) {
	return random_chance(r, 70) ? a_text(t, r, prefix) : VIEW_NONE;
}

static int64_t a_time(struct random *r) {
	return random_chance(r, 20) ? 0 : 1764547200 + (int64_t)random_below(r, 1000);
}
static int64_t an_amount(struct random *r) { return (int64_t)random_below(r, 3) * 4900; }

static void make_items(struct told *t, struct random *r, struct item_set *set) {
	set->count = (unsigned)random_below(r, 4);
	for (unsigned i = 0; i < set->count; i++) {
		bool expanded = random_chance(r, 30);
		set->items[i] = (struct item){.price = a_text(t, r, "price_"),
					      .product = expanded ? a_text(t, r, "prod_") : VIEW_NONE,
					      .lookup_key = expanded ? maybe(t, r, "key_") : VIEW_NONE,
					      .quantity = random_below(r, 3)};
	}
	item_set_sort(set);
}

static void make_schedule(struct told *t, struct random *r) {
	struct schedule *s = &t->e.o.of.schedule;
	s->id = a_text(t, r, "sub_sched_");
	s->customer = a_text(t, r, "cus_");
	s->subscription = maybe(t, r, "sub_");
	s->status = (enum schedule_status)(1 + random_below(r, SCHEDULE_STATUS_COUNT - 1));
	s->ends_subscription = random_chance(r, 50);
	s->phase_count = (unsigned)random_below(r, SCHEDULE_PHASES_MAX + 1);
	int64_t start = 1764547200;
	for (unsigned i = 0; i < s->phase_count; i++) {
		s->phases[i].start = start;
		start += (int64_t)random_below(r, 3) * 86400;
		s->phases[i].end = start;
		make_items(t, r, &s->phases[i].items);
	}
}

static void make_payment(struct told *t, struct random *r) {
	struct payment_observation *p = &t->e.o.of.payment;
	p->id = a_text(t, r, random_chance(r, 70) ? "pi_" : random_chance(r, 50) ? "ch_" : "py_");
	switch (random_below(r, 3)) {
	case 0:
		p->has_charge = true;
		p->invoice = maybe(t, r, "in_");
		p->customer = maybe(t, r, "cus_");
		p->amount = an_amount(r);
		p->refunded = an_amount(r);
		return;
	case 1:
		p->invoice = a_text(t, r, "in_");
		p->amount = an_amount(r);
		return;
	default:
		p->reversal_count = 1;
		p->reversals[0].amount = an_amount(r) + (int64_t)random_below(r, 2);
		p->reversals[0].state = (enum reversal_state)(1 + random_below(r, REVERSAL_STATE_COUNT - 1));
		bool refund = reversal_is_refund(p->reversals[0].state);
		p->reversals[0].id = a_text(t, r, refund ? "re_" : "du_");
		if (refund) p->customer = maybe(t, r, "cus_");
	}
}

static void make_invoice(struct told *t, struct random *r) {
	struct invoice *i = &t->e.o.of.invoice;
	i->id = a_text(t, r, "in_");
	i->customer = a_text(t, r, "cus_");
	i->subscription = maybe(t, r, "sub_");
	i->currency = VIEW("usd");
	i->status = (enum invoice_status)(1 + random_below(r, INVOICE_STATUS_COUNT - 1));
	i->amount_due = an_amount(r) - 4900; /* a credit */
	i->amount_remaining = an_amount(r);
	i->attempt_count = (int64_t)random_below(r, 5);
	i->next_payment_attempt = a_time(r);
	i->period_start = a_time(r);
	i->period_end = a_time(r);
	if (i->status == INVOICE_PAID) i->payment = maybe(t, r, random_chance(r, 70) ? "pi_" : "ch_");
}

static void make_checkout(struct told *t, struct random *r) {
	struct checkout_observation *c = &t->e.o.of.checkout;
	c->id = a_text(t, r, "cs_");
	c->paid = random_chance(r, 50);
	if (c->paid) c->customer = maybe(t, r, "cus_");
	if (strcmp(t->e.what, "API snapshot") == 0 && random_chance(r, 70))
		c->claimed = t->e.o.stamp.created - 1 - (int64_t)random_below(r, 100);
	c->subscription = maybe(t, r, "sub_");
	c->subject = maybe(t, r, "user-");
}

static void make_customer(struct told *t, struct random *r) {
	struct customer_observation *c = &t->e.o.of.customer;
	bool snapshot = strcmp(t->e.what, "API snapshot") == 0;
	t->e.o.stamp.rank = snapshot ? RANK_UPDATED : (enum rank)random_below(r, 3);
	bool updated = t->e.o.stamp.rank == RANK_UPDATED && !snapshot;
	c->id = a_text(t, r, "cus_");
	c->subject = maybe(t, r, "user-");
	t->e.claimed_before = random_chance(r, 30) ? c->subject : maybe(t, r, "user-");
	bool same = view_eq(c->subject, t->e.claimed_before);
	c->deleted = t->e.o.stamp.rank == RANK_DELETED;
	c->new_claim = c->subject.len && (t->e.o.stamp.rank == RANK_CREATED || (updated && !same));
	c->claim_gone = updated && !c->subject.len && !same;
}

static void make_override(struct told *t, struct random *r) {
	struct override_observation *o = &t->e.o.of.override;
	*o = (struct override_observation){.id = a_text(t, r, "ovr_"),
					   .subject = a_text(t, r, "us\"er\\-"),
					   .revoked = random_chance(r, 50),
					   .why = maybe(t, r, "for \n"),
					   .by = maybe(t, r, "ü")};
	if (!o->revoked) {
		o->tier = a_text(t, r, "tier_");
		o->from = a_time(r);
		o->until = a_time(r);
	}
	char *event = t->texts[t->text_count++];
	int n = snprintf(event, sizeof t->texts[0], "%.*s_%c", VIEW_FMT(o->id), o->revoked ? 'r' : 'g');
	t->e.o.stamp.event = view_of(event, (size_t)n);
}

static void make_mark(struct told *t, struct random *r) {
	t->e.o.of.mark = (struct reconcile_mark){a_time(r),          a_time(r),          random_u64(r) >> 1,
						 random_u64(r) >> 1, random_below(r, 9), random_below(r, 9)};
}

static void make(struct told *t, struct random *r, enum observation_kind kind) {
	*t = (struct told){.e = {.what = random_chance(r, 30) ? "API snapshot" : "whatever fits"}};
	t->e.o.kind = kind;
	t->e.o.stamp = (struct stamp){1764547200 + (int64_t)random_below(r, 9), RANK_UPDATED, a_text(t, r, "evt_")};
	switch (kind) {
	case OBSERVE_CUSTOMER:
		make_customer(t, r);
		break;
	case OBSERVE_CHECKOUT:
		make_checkout(t, r);
		break;
	case OBSERVE_INVOICE:
		make_invoice(t, r);
		break;
	case OBSERVE_SCHEDULE:
		make_schedule(t, r);
		break;
	case OBSERVE_PAYMENT:
		make_payment(t, r);
		break;
	case OBSERVE_OVERRIDE:
		make_override(t, r);
		break;
	case OBSERVE_MARK:
		make_mark(t, r);
		break;
	case OBSERVE_SUBSCRIPTION:
	case OBSERVE_NOTHING:
		break;
	}
}

/* The question that a snapshot of it answers has its kind. */
static enum fetch_kind fetch_of(const struct observation *o) {
	const struct payment_observation *p = &o->of.payment;
	switch (o->kind) {
	case OBSERVE_CUSTOMER:
		return FETCH_CUSTOMER;
	case OBSERVE_CHECKOUT:
		return FETCH_CHECKOUT;
	case OBSERVE_INVOICE:
		return FETCH_INVOICE;
	case OBSERVE_SCHEDULE:
		return FETCH_SCHEDULE;
	case OBSERVE_PAYMENT:
		return p->has_charge                               ? FETCH_CHARGE
		       : !p->reversal_count                        ? FETCH_INVOICE_PAYMENT
		       : reversal_is_refund(p->reversals[0].state) ? FETCH_REFUND
								   : FETCH_DISPUTE;
	case OBSERVE_SUBSCRIPTION:
	case OBSERVE_OVERRIDE:
	case OBSERVE_MARK:
	case OBSERVE_NOTHING:
		break;
	}
	return FETCH_NOTHING;
}

static void check(struct stripe_decoder *d, const struct told *t, const struct body_shape *shape) {
	static struct text body, wanted, got;
	struct record record;
	struct observation o;
	struct problem why = {0};
	body_record(&body, &t->e, shape, 1, &record);
	enum error failed = stripe_decode(d, &record, &o, &why);
	if (failed) fail_msg("%s: %s\n%s", error_code(failed), problem_text(&why), body.bytes);
	text_clear(&wanted);
	text_clear(&got);
	print_observation(&wanted, &t->e.o);
	print_observation(&got, &o);
	if (!text_eq(&wanted, &got)) fail_msg("%s\n--- wanted\n%s--- got\n%s", body.bytes, wanted.bytes, got.bytes);
	bool answer = record.kind == RECORD_SNAPSHOT;
	assert_int_equal(o.is_answer, answer);
	assert_int_equal(o.answered.kind, answer ? fetch_of(&o) : FETCH_NOTHING);
	assert_int_equal(o.fetch_count, 0);
}

static void every_kind_in_every_shape_is_itself(void **state) {
	static const enum observation_kind kinds[] = {OBSERVE_CUSTOMER, OBSERVE_CHECKOUT, OBSERVE_INVOICE,
						      OBSERVE_SCHEDULE, OBSERVE_PAYMENT,  OBSERVE_OVERRIDE,
						      OBSERVE_MARK};
	static struct told told;
	AUTO(stripe_decoder_destroy)
	struct stripe_decoder *d = stripe_decoder_create(VIEW("user_id"));
	struct random r = law_random("shapes of objects");
	uint64_t rounds = law_rounds(3000);
	(void)state;
	assert_non_null(d);
	for (uint64_t round = 0; round < rounds; round++) {
		make(&told, &r, kinds[random_below(&r, ARRAY_LEN(kinds))]);
		for (unsigned i = 0; i < 3; i++) {
			struct body_shape shape = random_body_shape(&r);
			check(d, &told, &shape);
		}
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {cmocka_unit_test(every_kind_in_every_shape_is_itself)};
	(void)law_seed();
	return cmocka_run_group_tests_name("stripe_shapes", tests, NULL, NULL);
}
