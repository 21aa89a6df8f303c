/* Payments, what went back of them, schedules, and what operators granted. */
#include "lives/life_private.h"

/* ---- payments ------------------------------------------------------------------ */

void life_pay(struct step *s, unsigned invoice) {
	struct life_payment *p = &s->life->payments[invoice];
	p->exists = true;
	p->amount = 2900;
}

/* One of the subscription's payments, the newest as often as not; -1: it has none. */
static int any_payment(struct step *s) {
	int newest = life_invoice_index(s->sub->is.latest_invoice);
	if (newest >= 0 && s->life->payments[newest].exists && random_chance(s->random, 50)) return newest;
	unsigned i = (unsigned)random_below(s->random, LIFE_INVOICES_MAX);
	return i < s->life->invoice_count && s->life->payments[i].exists ? (int)i : -1;
}

static struct payment_observation *say_payment(struct step *s, int payment, enum rank rank, const char *what) {
	struct payment_observation *o = &emit(s, OBSERVE_PAYMENT, rank, what)->o.of.payment;
	o->id = life_payment_id((unsigned)payment);
	return o;
}

/* The link that a refund and a dispute lack. */
bool tell_payment(struct step *s) {
	int i = any_payment(s);
	if (i < 0) return false;
	struct payment_observation *o = say_payment(s, i, RANK_UPDATED, "invoice_payment.paid");
	o->invoice = life_invoice_id((unsigned)i);
	o->amount = s->life->payments[i].amount;
	return true;
}

static void say_charge(struct step *s, int payment) {
	struct payment_observation *o = say_payment(s, payment, RANK_UPDATED, "charge.refunded");
	if (random_chance(s->random, 50)) o->invoice = life_invoice_id((unsigned)payment);
	o->customer = s->customer->id;
	o->amount = s->life->payments[payment].amount;
	o->has_charge = true;
	o->refunded = s->life->payments[payment].refunded;
}

bool tell_charge(struct step *s) {
	int i = any_payment(s);
	if (i < 0) return false;
	say_charge(s, i);
	return true;
}

static void say_refund(struct step *s, int payment, unsigned refund, enum rank rank, const char *what) {
	struct payment_observation *o = say_payment(s, payment, rank, what);
	o->reversal_count = 1;
	o->reversals[0] = s->life->payments[payment].refunds[refund];
}

/* In full or in part; now and then Stripe's charge says so too. */
bool refund(struct step *s) {
	static const struct view ids[] = {VIEW_INIT("re_1"), VIEW_INIT("re_2"), VIEW_INIT("re_3")};
	int i = any_payment(s);
	if (i < 0) return false;
	struct life_payment *p = &s->life->payments[i];
	int64_t rest = p->amount - p->refunded;
	if (p->refund_count == LIFE_REFUNDS_MAX || rest <= 0) return false;
	struct reversal *r = &p->refunds[p->refund_count];
	r->id = ids[p->refund_count];
	r->amount = random_chance(s->random, 50) ? rest : rest / 2;
	r->state = random_chance(s->random, 50) ? REFUND_PENDING : REFUND_SUCCEEDED;
	p->refunded += r->amount;
	say_refund(s, i, p->refund_count++, RANK_CREATED, "refund.created");
	if (random_chance(s->random, 60)) say_charge(s, i);
	return true;
}

bool settle_refund(struct step *s) {
	int i = any_payment(s);
	if (i < 0) return false;
	struct life_payment *p = &s->life->payments[i];
	for (unsigned k = 0; k < p->refund_count; k++) {
		struct reversal *r = &p->refunds[k];
		if (r->state == REFUND_FAILED || random_chance(s->random, 30)) continue;
		bool fails = r->state == REFUND_SUCCEEDED || random_chance(s->random, 50);
		r->state = fails ? REFUND_FAILED : REFUND_SUCCEEDED;
		if (fails) p->refunded -= r->amount;
		say_refund(s, i, k, RANK_UPDATED, fails ? "refund.failed" : "refund.updated");
		if (random_chance(s->random, 60)) say_charge(s, i);
		return true;
	}
	return false;
}

static void say_dispute(struct step *s, int payment, enum rank rank, const char *what) {
	struct payment_observation *o = say_payment(s, payment, rank, what);
	o->reversal_count = 1;
	o->reversals[0] =
		(struct reversal){VIEW("dp_1"), s->life->payments[payment].dispute, s->life->payments[payment].amount};
}

bool dispute(struct step *s) {
	int i = any_payment(s);
	if (i < 0 || random_chance(s->random, 50)) return false;
	struct life_payment *p = &s->life->payments[i];
	if (p->dispute > DISPUTE_INQUIRY) return false;
	bool was = p->dispute != REVERSAL_NONE;
	p->dispute = was || random_chance(s->random, 60) ? DISPUTE_OPEN : DISPUTE_INQUIRY;
	say_dispute(s, i, was ? RANK_UPDATED : RANK_CREATED, was ? "charge.dispute.updated" : "charge.dispute.created");
	return true;
}

bool close_dispute(struct step *s) {
	int i = any_payment(s);
	if (i < 0) return false;
	struct life_payment *p = &s->life->payments[i];
	if (p->dispute != DISPUTE_OPEN && p->dispute != DISPUTE_INQUIRY) return false;
	p->dispute = p->dispute == DISPUTE_INQUIRY || random_chance(s->random, 50) ? DISPUTE_WON : DISPUTE_LOST;
	say_dispute(s, i, RANK_UPDATED, "charge.dispute.closed");
	return true;
}

/* ---- schedules -------------------------------------------------------------------- */

static void say_schedule(struct step *s, const struct schedule *schedule, enum rank rank, const char *what) {
	emit(s, OBSERVE_SCHEDULE, rank, what)->o.of.schedule = *schedule;
}

static struct schedule *schedule_of(struct step *s) {
	int i = life_schedule_index(s->sub->is.schedule);
	return i < 0 ? NULL : &s->life->schedules[i];
}

/* A price stands alone, or is expanded. */
static void random_phase(struct step *s, struct schedule_phase *p, int64_t start) {
	struct item item = life_price((unsigned)random_below(s->random, LIFE_PRICES));
	if (random_chance(s->random, 60)) item.product = item.lookup_key = VIEW_NONE;
	item.quantity = 1 + random_below(s->random, 3);
	*p = (struct schedule_phase){start, start + LIFE_PERIOD, {1, {item}}};
}

static void random_phases(struct step *s, struct schedule *to, int64_t start) {
	to->phase_count = 1 + (unsigned)random_below(s->random, 4);
	to->ends_subscription = random_chance(s->random, 30);
	for (unsigned i = 0; i < to->phase_count; i++)
		random_phase(s, &to->phases[i], start + (int64_t)i * LIFE_PERIOD);
}

bool make_schedule(struct step *s) {
	static const struct view ids[LIFE_SCHEDULES_MAX] = {VIEW_INIT("sub_sched_0"), VIEW_INIT("sub_sched_1"),
							    VIEW_INIT("sub_sched_2"), VIEW_INIT("sub_sched_3")};
	struct life *life = s->life;
	if (!is_alive(s) || s->sub->is.schedule.len || life->schedule_count == LIFE_SCHEDULES_MAX) return false;
	struct subscription before = s->sub->is;
	struct schedule *made = &life->schedules[life->schedule_count];
	*made = (struct schedule){.id = ids[life->schedule_count++],
				  .customer = s->sub->is.customer,
				  .subscription = s->sub->is.id,
				  .status = SCHEDULE_ACTIVE};
	random_phases(s, made, s->sub->is.period_start);
	s->sub->is.schedule = made->id;
	say_schedule(s, made, RANK_CREATED, "subscription_schedule.created");
	say_updated(s, &before, "scheduled");
	return true;
}

bool change_schedule(struct step *s) {
	struct schedule *schedule = schedule_of(s);
	if (!schedule || !is_alive(s)) return false;
	random_phases(s, schedule, s->sub->is.period_start);
	say_schedule(s, schedule, RANK_UPDATED, "subscription_schedule.updated");
	return true;
}

/* Released, or over. */
bool end_schedule(struct step *s) {
	struct schedule *schedule = schedule_of(s);
	if (!schedule || !is_alive(s) || random_chance(s->random, 50)) return false;
	struct subscription before = s->sub->is;
	bool released = random_chance(s->random, 60);
	schedule->status = released ? SCHEDULE_RELEASED : SCHEDULE_COMPLETED;
	if (released) schedule->subscription = VIEW_NONE;
	s->sub->is.schedule = VIEW_NONE;
	say_schedule(s, schedule, RANK_UPDATED,
		     released ? "subscription_schedule.released" : "subscription_schedule.completed");
	say_updated(s, &before, "no longer scheduled");
	return true;
}

/* Time goes on to the next phase, and the subscription sells what that one says. */
bool start_phase(struct step *s) {
	const struct schedule *schedule = schedule_of(s);
	if (!schedule || s->sub->is.status != SUB_ACTIVE) return false;
	for (unsigned i = 0; i < schedule->phase_count; i++) {
		const struct schedule_phase *p = &schedule->phases[i];
		if (p->start <= s->life->now) continue;
		struct subscription before = s->sub->is;
		s->life->now = p->start;
		s->sub->is.period_start = p->start;
		s->sub->is.period_end = p->end;
		s->sub->is.items = p->items;
		for (unsigned k = 0; k < LIFE_PRICES; k++)
			if (view_eq(life_price(k).price, p->items.items[0].price)) {
				uint64_t quantity = p->items.items[0].quantity;
				s->sub->is.items.items[0] = life_price(k);
				s->sub->is.items.items[0].quantity = quantity;
			}
		say_updated(s, &before, "next phase");
		return true;
	}
	return false;
}

/* ---- overrides ---------------------------------------------------------------------- */

static const struct view override_ids[LIFE_OVERRIDES_MAX] = {VIEW_INIT("ovr_0"), VIEW_INIT("ovr_1"),
							     VIEW_INIT("ovr_2")};

static void say_override(struct step *s, const struct override_observation *o) {
	struct life_event *e = emit(s, OBSERVE_OVERRIDE, RANK_UPDATED, o->revoked ? "revoked" : "granted");
	e->o.of.override = *o;
	snprintf(e->id, sizeof e->id, "%.*s_%c", VIEW_FMT(o->id), o->revoked ? 'r' : 'g');
	e->o.stamp.event = view_str(e->id);
}

bool grant_override(struct step *s) {
	unsigned i = (unsigned)random_below(s->random, LIFE_OVERRIDES_MAX);
	struct life_override *made = &s->life->overrides[i];
	if (made->given.id.len || random_chance(s->random, 50)) return false;
	static const struct view tiers[] = {VIEW_INIT("pro"), VIEW_INIT("institutional"), VIEW_INIT("forgotten")};
	bool of_customer = s->customer->exists && random_chance(s->random, 30);
	made->given = (struct override_observation){
		.id = override_ids[i],
		.subject = of_customer ? s->customer->id : life_user((unsigned)random_below(s->random, LIFE_USERS)),
		.tier = tiers[random_below(s->random, ARRAY_LEN(tiers))],
		.from = random_chance(s->random, 50) ? 0 : s->life->now + LIFE_DAY,
		.until = random_chance(s->random, 50) ? 0 : s->life->now + 3 * LIFE_DAY,
		.why = VIEW("a gift"),
		.by = VIEW("ops")};
	say_override(s, &made->given);
	return true;
}

bool revoke_override(struct step *s) {
	unsigned i = (unsigned)random_below(s->random, LIFE_OVERRIDES_MAX);
	struct life_override *made = &s->life->overrides[i];
	if (!made->given.id.len || made->revoked || random_chance(s->random, 50)) return false;
	made->revoked = true;
	const struct override_observation o = {.id = made->given.id,
					       .subject = made->given.subject,
					       .revoked = true,
					       .why = VIEW("a mistake"),
					       .by = VIEW("ops")};
	say_override(s, &o);
	return true;
}
