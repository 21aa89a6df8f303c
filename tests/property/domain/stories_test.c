/* Refunds, disputes, schedules, overrides and claims, each as a story that is told in every order. */
#include "domain/story.h"

#define PERIOD_END (T + 30 * DAY)

/* ---- money that went back ---------------------------------------------------------- */

static struct payment_observation *tell_payment(struct story *s, int64_t at) {
	struct payment_observation *p = &tell(s, OBSERVE_PAYMENT, at, RANK_UPDATED)->of.payment;
	p->id = VIEW("pi_0");
	return p;
}

static void tell_reversal(struct story *s, int64_t at, const char *id, enum reversal_state state, int64_t amount) {
	struct payment_observation *p = tell_payment(s, at);
	p->reversal_count = 1;
	p->reversals[0] = (struct reversal){view_str(id), state, amount};
}

static void tell_charge(struct story *s, int64_t at, int64_t refunded) {
	struct payment_observation *p = tell_payment(s, at);
	p->has_charge = true;
	p->amount = 2900;
	p->refunded = refunded;
}

/* An active subscription whose first period was paid: subscription, invoice, and which payment paid it. */
static void paid(struct story *s) {
	*s = (struct story){0};
	struct subscription a = sub("sub_1", "price_pro", SUB_ACTIVE);
	tell_sub(s, T, RANK_CREATED, NULL, &a);
	tell(s, OBSERVE_INVOICE, T, RANK_UPDATED)->of.invoice = (struct invoice){.id = VIEW("in_0"),
										 .customer = VIEW("cus_1"),
										 .subscription = VIEW("sub_1"),
										 .status = INVOICE_PAID,
										 .period_start = T,
										 .period_end = PERIOD_END};
	struct payment_observation *p = tell_payment(s, T);
	p->invoice = VIEW("in_0");
	p->amount = 2900;
}

static void expect(const struct story *s, int64_t now, unsigned tier, enum rule rule) {
	struct entitlement e = after_any_order(s, now);
	if (e.tier != tier || e.rule != rule)
		fail_msg("tier %u, wanted %u; rule \"%s\", wanted \"%s\"", e.tier, tier, rule_sentence(e.rule),
			 rule_sentence(rule));
}

static void a_full_refund_takes_back_what_it_paid_for(void **state) {
	(void)state;
	struct story s;
	paid(&s);
	tell_reversal(&s, T + DAY, "re_1", REFUND_SUCCEEDED, 2900);
	expect(&s, T + 2 * DAY, 0, RULE_REFUNDED);
	struct entitlement e = after_any_order(&s, T + 2 * DAY);
	assert_int_equal(e.reason, REASON_REFUNDED);
	assert_int_equal(e.blocked_tier, 1);
	assert_int_equal(e.changes_at, PERIOD_END);
	assert_true(view_eq(e.event, s.told[3].stamp.event));
	/* what is paid for later stands: the subscription is still active then */
	expect(&s, PERIOD_END, 1, RULE_ACTIVE);
}

static void a_refund_under_way_counts_and_a_failed_one_does_not(void **state) {
	(void)state;
	struct story s;
	paid(&s);
	tell_reversal(&s, T + DAY, "re_1", REFUND_PENDING, 2900);
	expect(&s, T + 2 * DAY, 0, RULE_REFUNDED);
	tell_reversal(&s, T + DAY, "re_1", REFUND_FAILED, 2900);
	expect(&s, T + 2 * DAY, 1, RULE_ACTIVE);
}

static void part_of_it_changes_nothing_until_the_parts_are_the_whole(void **state) {
	(void)state;
	struct story s;
	paid(&s);
	tell_reversal(&s, T + DAY, "re_1", REFUND_SUCCEEDED, 2000);
	tell_charge(&s, T + DAY, 2000);
	expect(&s, T + 2 * DAY, 1, RULE_ACTIVE);
	tell_reversal(&s, T + DAY, "re_2", REFUND_SUCCEEDED, 900);
	expect(&s, T + 2 * DAY, 0, RULE_REFUNDED);
}

/* The charge's account is as good as the refunds themselves, and a failure takes its part out of it. */
static void the_charge_tells_too(void **state) {
	(void)state;
	struct story s;
	paid(&s);
	tell_charge(&s, T + DAY, 2900);
	expect(&s, T + 2 * DAY, 0, RULE_REFUNDED);
	tell_reversal(&s, T + DAY, "re_1", REFUND_FAILED, 2900);
	expect(&s, T + 2 * DAY, 1, RULE_ACTIVE);
}

static void a_dispute_holds_until_it_is_won(void **state) {
	(void)state;
	struct story s;
	paid(&s);
	tell_reversal(&s, T + DAY, "dp_1", DISPUTE_INQUIRY, 2900);
	expect(&s, T + 2 * DAY, 1, RULE_ACTIVE);
	tell_reversal(&s, T + 2 * DAY, "dp_1", DISPUTE_OPEN, 2900);
	expect(&s, T + 2 * DAY, 0, RULE_DISPUTED);
	/* it holds later periods as well, for as long as it takes */
	expect(&s, PERIOD_END + DAY, 0, RULE_DISPUTED);
	tell_reversal(&s, T + 9 * DAY, "dp_1", DISPUTE_WON, 2900);
	expect(&s, T + 10 * DAY, 1, RULE_ACTIVE);
}

static void a_lost_dispute_takes_back_its_period_and_may_still_be_won(void **state) {
	(void)state;
	struct story s;
	paid(&s);
	tell_reversal(&s, T + DAY, "dp_1", DISPUTE_OPEN, 2900);
	tell_reversal(&s, T + 2 * DAY, "dp_1", DISPUTE_LOST, 2900);
	expect(&s, T + 3 * DAY, 0, RULE_DISPUTE_LOST);
	expect(&s, PERIOD_END, 1, RULE_ACTIVE);
	tell_reversal(&s, T + 5 * DAY, "dp_1", DISPUTE_WON, 2900);
	expect(&s, T + 6 * DAY, 1, RULE_ACTIVE);
}

/* Until it is known what the payment paid for, nobody is blamed. */
static void a_reversal_without_its_link_waits(void **state) {
	(void)state;
	struct story s;
	paid(&s);
	s.count = 2; /* the link is not told */
	tell_reversal(&s, T + DAY, "dp_1", DISPUTE_OPEN, 2900);
	expect(&s, T + 2 * DAY, 1, RULE_ACTIVE);
}

static void the_payment_of_another_customers_invoice_blames_nobody_else(void **state) {
	(void)state;
	struct story s;
	paid(&s);
	s.told[1].of.invoice.customer = VIEW("cus_2");
	tell_reversal(&s, T + DAY, "dp_1", DISPUTE_OPEN, 2900);
	expect(&s, T + 2 * DAY, 1, RULE_ACTIVE);
}

/* ---- schedules ------------------------------------------------------------------------ */

static struct schedule_phase phase(const char *price, int64_t start) {
	return (struct schedule_phase){start, start + 30 * DAY, {1, {{.price = view_str(price), .quantity = 4}}}};
}

static struct schedule *tell_schedule(struct story *s, int64_t at, const char *next, int64_t start) {
	struct schedule *x = &tell(s, OBSERVE_SCHEDULE, at, RANK_UPDATED)->of.schedule;
	*x = (struct schedule){.id = VIEW("sub_sched_0"),
			       .customer = VIEW("cus_1"),
			       .subscription = VIEW("sub_1"),
			       .status = SCHEDULE_ACTIVE,
			       .phase_count = 2};
	x->phases[0] = phase("price_pro", T);
	x->phases[1] = phase(next, start);
	return x;
}

static void scheduled(struct story *s) {
	*s = (struct story){0};
	struct subscription a = sub("sub_1", "price_pro", SUB_ACTIVE);
	a.schedule = VIEW("sub_sched_0");
	tell_sub(s, T, RANK_CREATED, NULL, &a);
}

static void a_phase_takes_effect_when_its_moment_comes(void **state) {
	(void)state;
	struct story s;
	scheduled(&s);
	tell_schedule(&s, T, "price_inst", T + 5 * DAY);
	expect(&s, T + 5 * DAY - 1, 1, RULE_ACTIVE);
	struct entitlement e = after_any_order(&s, T + 5 * DAY - 1);
	assert_int_equal(e.changes_at, T + 5 * DAY);
	expect(&s, T + 5 * DAY, 2, RULE_SCHEDULED);
	e = after_any_order(&s, T + 5 * DAY);
	assert_int_equal(e.seats, 4);
	/* Stripe's own word, later, is what counts from then on */
	struct subscription a = sub("sub_1", "price_pro", SUB_ACTIVE);
	a.schedule = VIEW("sub_sched_0");
	tell_sub(&s, T + 6 * DAY, RANK_UPDATED, NULL, &a);
	expect(&s, T + 7 * DAY, 1, RULE_ACTIVE);
}

static void a_schedule_that_was_changed_or_released_has_no_say(void **state) {
	(void)state;
	struct story s;
	scheduled(&s);
	tell_schedule(&s, T, "price_inst", T + 5 * DAY);
	tell_schedule(&s, T + DAY, "price_pro", T + 5 * DAY);
	expect(&s, T + 6 * DAY, 1, RULE_SCHEDULED);
	struct schedule *x = tell_schedule(&s, T + DAY, "price_inst", T + 5 * DAY);
	x->status = SCHEDULE_RELEASED; /* in the same second: a status only moves forward */
	x->subscription = VIEW_NONE;
	expect(&s, T + 6 * DAY, 1, RULE_ACTIVE);
}

static void a_phase_with_an_unknown_price_keeps_the_tier(void **state) {
	(void)state;
	struct story s;
	scheduled(&s);
	tell_schedule(&s, T, "price_2027", T + 5 * DAY);
	expect(&s, T + 6 * DAY, 1, RULE_SCHEDULED);
	struct entitlement e = after_any_order(&s, T + 6 * DAY);
	assert_true(e.unmapped);
}

static void a_schedule_may_end_the_subscription(void **state) {
	(void)state;
	struct story s;
	scheduled(&s);
	tell_schedule(&s, T, "price_inst", T + 5 * DAY)->ends_subscription = true;
	expect(&s, T + DAY, 1, RULE_CANCELING);
	expect(&s, T + 6 * DAY, 2, RULE_CANCELING);
	struct entitlement e = after_any_order(&s, T + 6 * DAY);
	assert_int_equal(e.until, T + 35 * DAY);
	expect(&s, T + 35 * DAY, 0, RULE_CANCEL_REACHED);
}

/* ---- overrides ------------------------------------------------------------------------- */

static struct override_observation *tell_override(struct story *s, int64_t at, const char *tier) {
	struct override_observation *o = &tell(s, OBSERVE_OVERRIDE, at, RANK_UPDATED)->of.override;
	*o = (struct override_observation){.id = VIEW("ovr_0"), .subject = VIEW("cus_1"), .tier = view_str(tier)};
	return o;
}

static void an_override_gives_what_nobody_paid_for(void **state) {
	(void)state;
	struct story s = {0};
	tell_override(&s, T, "pro")->until = T + DAY;
	expect(&s, T + 1, 1, RULE_OVERRIDE);
	struct entitlement e = after_any_order(&s, T + 1);
	assert_int_equal(e.reason, REASON_OVERRIDE);
	assert_true(e.by_override);
	assert_int_equal(e.until, T + DAY);
	assert_true(view_eq(e.subscription, VIEW("ovr_0")));
	expect(&s, T + DAY, 0, RULE_OVERRIDE_OVER);
}

static void revoked_is_revoked_even_before_it_is_granted(void **state) {
	(void)state;
	struct story s = {0};
	*tell_override(&s, T, "") =
		(struct override_observation){.id = VIEW("ovr_0"), .subject = VIEW("cus_1"), .revoked = true};
	tell_override(&s, T + DAY, "pro"); /* by the clock of another machine */
	tell_override(&s, T + DAY, "institutional");
	expect(&s, T + 2 * DAY, 0, RULE_NONE);
}

static void a_subscription_decides_unless_the_override_gives_more(void **state) {
	(void)state;
	struct story s = {0};
	struct subscription a = sub("sub_1", "price_pro", SUB_ACTIVE);
	a.cancel_at = T + 10 * DAY;
	tell_sub(&s, T, RANK_CREATED, NULL, &a);
	tell_override(&s, T, "pro")->until = T + 20 * DAY;
	struct entitlement e = after_any_order(&s, T + DAY);
	assert_int_equal(e.reason, REASON_CANCELING);
	assert_int_equal(e.status, SUB_ACTIVE);
	assert_int_equal(e.until, T + 20 * DAY); /* of the tier, not of the subscription */
	expect(&s, T + 15 * DAY, 1, RULE_OVERRIDE);
	s.told[1].of.override.tier = VIEW("institutional");
	expect(&s, T + DAY, 2, RULE_OVERRIDE);
}

static void an_override_of_a_forgotten_tier_says_so(void **state) {
	(void)state;
	struct story s = {0};
	tell_override(&s, T, "platinum");
	expect(&s, T + 1, 0, RULE_OVERRIDE_UNKNOWN);
}

/* ---- claims ------------------------------------------------------------------------------- */

static struct customer_observation *tell_customer(struct story *s, int64_t at, const char *subject, bool is_new) {
	struct customer_observation *c = &tell(s, OBSERVE_CUSTOMER, at, RANK_UPDATED)->of.customer;
	*c = (struct customer_observation){.id = VIEW("cus_1"), .subject = view_str(subject), .new_claim = is_new};
	c->claim_gone = is_new && !c->subject.len;
	return c;
}

static void tell_checkout(struct story *s, int64_t at, const char *subject) {
	tell(s, OBSERVE_CHECKOUT, at, RANK_UPDATED)->of.checkout = (struct checkout_observation){
		.id = VIEW("cs_1"), .customer = VIEW("cus_1"), .subject = view_str(subject), .paid = true};
}

static void bound_to(const struct story *s, const char *subject) {
	static struct world w;
	(void)after_any_order(s, T);
	memset(&w, 0, sizeof w);
	for (unsigned i = 0; i < s->count; i++) world_apply(&w, &s->told[i]);
	struct view got = customer_register_subject(&w.customers[0], VIEW("cus_1"));
	if (!view_eq(got, view_str(subject))) fail_msg("bound to %.*s, wanted %s", VIEW_FMT(got), subject);
}

static void a_claim_that_is_taken_out_unbinds(void **state) {
	(void)state;
	struct story s = {0};
	tell_customer(&s, T, "anna", true);
	bound_to(&s, "anna");
	tell_customer(&s, T + 1, "", true);
	bound_to(&s, "cus_1");
	tell_customer(&s, T + 2, "", false);
	bound_to(&s, "cus_1");
	tell_customer(&s, T + 3, "ben", true);
	bound_to(&s, "ben");
}

/* The event that rebound it never came: a snapshot shows where it is now. */
static void a_snapshot_heals_a_missed_rebinding(void **state) {
	(void)state;
	struct story s = {0};
	tell_customer(&s, T, "anna", true);
	tell_customer(&s, T + 9, "ben", false);
	bound_to(&s, "ben");
	/* and back, missed as well */
	tell_customer(&s, T + 12, "anna", false);
	bound_to(&s, "anna");
	/* taken out, missed */
	tell_customer(&s, T + 15, "", false);
	bound_to(&s, "cus_1");
}

static void a_snapshot_does_not_undo_a_checkout(void **state) {
	(void)state;
	struct story s = {0};
	tell_customer(&s, T, "anna", true);
	tell_checkout(&s, T + 5, "ben");
	/* the metadata still says what it said before the checkout */
	tell_customer(&s, T + 9, "anna", false);
	bound_to(&s, "ben");
	s.count = 0;
	tell_checkout(&s, T + 5, "ben");
	tell_customer(&s, T + 9, "", false);
	bound_to(&s, "ben");
	/* a subject that nobody is known to have bound was bound by an event that is missing */
	tell_customer(&s, T + 10, "carl", false);
	bound_to(&s, "carl");
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_refund_takes_back_what_it_paid_for),
		cmocka_unit_test(a_refund_under_way_counts_and_a_failed_one_does_not),
		cmocka_unit_test(part_of_it_changes_nothing_until_the_parts_are_the_whole),
		cmocka_unit_test(the_charge_tells_too),
		cmocka_unit_test(a_dispute_holds_until_it_is_won),
		cmocka_unit_test(a_lost_dispute_takes_back_its_period_and_may_still_be_won),
		cmocka_unit_test(a_reversal_without_its_link_waits),
		cmocka_unit_test(the_payment_of_another_customers_invoice_blames_nobody_else),
		cmocka_unit_test(a_phase_takes_effect_when_its_moment_comes),
		cmocka_unit_test(a_schedule_that_was_changed_or_released_has_no_say),
		cmocka_unit_test(a_phase_with_an_unknown_price_keeps_the_tier),
		cmocka_unit_test(a_schedule_may_end_the_subscription),
		cmocka_unit_test(an_override_gives_what_nobody_paid_for),
		cmocka_unit_test(revoked_is_revoked_even_before_it_is_granted),
		cmocka_unit_test(a_subscription_decides_unless_the_override_gives_more),
		cmocka_unit_test(an_override_of_a_forgotten_tier_says_so),
		cmocka_unit_test(a_claim_that_is_taken_out_unbinds),
		cmocka_unit_test(a_snapshot_heals_a_missed_rebinding),
		cmocka_unit_test(a_snapshot_does_not_undo_a_checkout),
	};
	return cmocka_run_group_tests_name("stories", tests, NULL, NULL);
}
