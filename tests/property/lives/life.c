#include "lives/life_private.h"

#include <inttypes.h>
#include <stdlib.h>

#define DAY LIFE_DAY
#define PERIOD LIFE_PERIOD

static const struct view sub_ids[] = {VIEW_INIT("sub_1"), VIEW_INIT("sub_2")};
static const struct view customer_ids[] = {VIEW_INIT("cus_1"), VIEW_INIT("cus_2")};
static const struct view users[LIFE_USERS] = {VIEW_INIT("user_1"), VIEW_INIT("user_2")};
/* price, product, lookup key; the last one is in no catalog of the tests */
static const struct item priced[LIFE_PRICES] = {
	{VIEW_INIT("price_pro_monthly"), VIEW_INIT("prod_pro"), VIEW_INIT("pro_monthly"), 1},
	{VIEW_INIT("price_pro_yearly"), VIEW_INIT("prod_pro"), VIEW_INIT("pro_yearly"), 1},
	{VIEW_INIT("price_institutional_monthly"), VIEW_INIT("prod_inst"), VIEW_INIT("institutional_monthly"), 1},
	{VIEW_INIT("price_seat"), VIEW_INIT("prod_seat"), VIEW_INIT(""), 1},
	{VIEW_INIT("price_unknown"), VIEW_INIT("prod_unknown"), VIEW_INIT(""), 1},
};

static int index_in(struct view id, const struct view *of, unsigned n) {
	for (unsigned i = 0; i < n; i++)
		if (view_eq(id, of[i])) return (int)i;
	return -1;
}

int life_sub_index(struct view id) { return index_in(id, sub_ids, LIFE_SUBS_MAX); }
int life_customer_index(struct view id) { return index_in(id, customer_ids, LIFE_CUSTOMERS_MAX); }

struct item life_price(unsigned i) {
	return priced[i];
}
struct view life_user(unsigned i) {
	return users[i];
}

struct numbered {
	const char *prefix;
	unsigned count;
};

static const struct numbered invoices = {"in_", LIFE_INVOICES_MAX}, payments = {"pi_", LIFE_INVOICES_MAX},
			     schedules = {"sub_sched_", LIFE_SCHEDULES_MAX}, overrides = {"ovr_", LIFE_OVERRIDES_MAX};

static int number_of(const struct numbered *of, struct view id) {
	char one[24];
	for (unsigned i = 0; i < of->count; i++) {
		snprintf(one, sizeof one, "%s%u", of->prefix, i);
		if (view_eq(id, view_str(one))) return (int)i;
	}
	return -1;
}

struct view life_invoice_id(unsigned i) {
	static char ids[LIFE_INVOICES_MAX][8];
	snprintf(ids[i], sizeof ids[i], "in_%u", i);
	return view_str(ids[i]);
}

struct view life_payment_id(unsigned i) {
	static char ids[LIFE_INVOICES_MAX][8];
	snprintf(ids[i], sizeof ids[i], "pi_%u", i);
	return view_str(ids[i]);
}

int life_invoice_index(struct view id) { return number_of(&invoices, id); }
int life_payment_index(struct view id) { return number_of(&payments, id); }
int life_schedule_index(struct view id) { return number_of(&schedules, id); }
int life_override_index(struct view id) { return number_of(&overrides, id); }

/* ---- events ---------------------------------------------------------------- */

struct life_event *emit(struct step *s, enum observation_kind kind, enum rank rank, const char *what) {
	struct life *life = s->life;
	if (life->count == LIFE_EVENTS_MAX) abort();
	struct life_event *e = &life->events[life->count++];
	*e = (struct life_event){.what = what};
	snprintf(e->id, sizeof e->id, "evt_%012" PRIx64 "%02x", random_u64(s->random) >> 16, life->count);
	e->o.kind = kind;
	e->o.stamp = (struct stamp){life->now, rank, view_str(e->id)};
	return e;
}

static bool is(const struct step *s, enum sub_status status) { return s->sub->exists && s->sub->is.status == status; }

static struct life_event *say_sub(struct step *s, enum rank rank, const char *what) {
	struct life_event *e = emit(s, OBSERVE_SUBSCRIPTION, rank, what);
	struct subscription_observation *o = &e->o.of.subscription;
	o->now = s->sub->is;
	o->post = subscription_digest(&o->now);
	o->new_claim = rank == RANK_CREATED && o->now.subject.len;
	if (is(s, SUB_ACTIVE) || is(s, SUB_TRIALING)) s->sub->good_at = s->life->now;
	return e;
}

void say_updated(struct step *s, const struct subscription *before, const char *what) {
	struct life_event *e = say_sub(s, RANK_UPDATED, what);
	struct subscription_observation *o = &e->o.of.subscription;
	if (s->shape->silent && random_chance(s->random, 15)) return;
	e->has_before = o->has_pre = true;
	e->before = *before;
	o->pre = subscription_digest(before);
	o->new_claim = o->now.subject.len && !view_eq(before->subject, o->now.subject);
}

static void bind(struct life *life, struct life_customer *c, struct view subject) {
	if (c->bound_at == life->now && (c->subject.len || c->cleared) && !view_eq(c->subject, subject))
		c->bound_twice = true;
	if (c->bound_at != life->now) c->bound_twice = false;
	c->subject = subject;
	c->cleared = subject.len == 0;
	c->bound_at = life->now;
}

static void say_invoice(struct step *s, enum invoice_status status, const char *what) {
	int i = life_invoice_index(s->sub->is.latest_invoice);
	if (i < 0) return;
	if (status > s->life->invoices[i]) s->life->invoices[i] = status;
	if (status == INVOICE_PAID) life_pay(s, (unsigned)i);
	struct life_event *e = emit(s, OBSERVE_INVOICE, RANK_UPDATED, what);
	e->o.of.invoice = (struct invoice){.id = s->sub->is.latest_invoice,
					   .customer = s->sub->is.customer,
					   .subscription = s->sub->is.id,
					   .currency = VIEW("eur"),
					   .status = status,
					   .amount_due = 2900,
					   .amount_remaining = status == INVOICE_PAID ? 0 : 2900,
					   .attempt_count = 1,
					   .period_start = s->sub->is.period_start,
					   .period_end = s->sub->is.period_end};
	/* some shapes show what paid it */
	if (status == INVOICE_PAID && random_chance(s->random, 50))
		e->o.of.invoice.payment = life_payment_id((unsigned)i);
}

/* An invoice and the update that goes with it come in either order. */
static void say_paid(struct step *s, const struct subscription *before, const char *what) {
	bool first = random_chance(s->random, 50);
	if (first) say_invoice(s, INVOICE_PAID, "invoice.paid");
	say_updated(s, before, what);
	if (!first) say_invoice(s, INVOICE_PAID, "invoice.paid");
}

static void new_invoice(struct step *s) {
	struct life *life = s->life;
	if (life->invoice_count == LIFE_INVOICES_MAX) return;
	s->sub->is.latest_invoice = life_invoice_id(life->invoice_count);
	life->invoices[life->invoice_count++] = INVOICE_NONE;
}

/* ---- steps: false when the state does not allow it -------------------------- */

bool is_alive(const struct step *s) { return s->sub->exists && !sub_status_final(s->sub->is.status); }

static bool create_sub(struct step *s) {
	if (s->sub->exists || !s->customer->exists || s->customer->deleted) return false;
	static const enum sub_status starts[] = {SUB_INCOMPLETE, SUB_TRIALING, SUB_ACTIVE};
	struct subscription *sub = &s->sub->is;
	*sub = (struct subscription){.id = sub_ids[s->sub - s->life->subs],
				     .customer = s->customer->id,
				     .status = starts[random_below(s->random, 3)],
				     .created = s->life->now,
				     .period_start = s->life->now};
	sub->period_end = s->life->now + (sub->status == SUB_TRIALING ? 14 * DAY : PERIOD);
	if (sub->status == SUB_TRIALING) sub->trial_end = sub->period_end;
	if (random_chance(s->random, 40)) sub->subject = users[random_below(s->random, 2)];
	sub->items = (struct item_set){1, {priced[random_below(s->random, 3)]}};
	s->sub->exists = true;
	new_invoice(s);
	say_sub(s, RANK_CREATED, "created");
	if (sub->subject.len) bind(s->life, s->customer, sub->subject);
	return true;
}

static bool pay_first(struct step *s) {
	if (!is(s, SUB_INCOMPLETE)) return false;
	struct subscription before = s->sub->is;
	s->sub->is.status = SUB_ACTIVE;
	say_paid(s, &before, "first payment");
	return true;
}

static bool expire(struct step *s) {
	if (!is(s, SUB_INCOMPLETE) || random_chance(s->random, 80)) return false;
	struct subscription before = s->sub->is;
	s->sub->is.status = SUB_INCOMPLETE_EXPIRED;
	s->sub->is.ended_at = s->life->now;
	say_updated(s, &before, "expired");
	return true;
}

static bool end_trial(struct step *s) {
	if (!is(s, SUB_TRIALING)) return false;
	struct subscription before = s->sub->is;
	bool pauses = random_chance(s->random, 30);
	s->sub->is.status = pauses ? SUB_PAUSED : SUB_ACTIVE;
	if (!pauses) {
		s->sub->is.period_start = s->life->now;
		s->sub->is.period_end = s->life->now + PERIOD;
		new_invoice(s);
	}
	say_updated(s, &before, pauses ? "trial paused" : "trial ended");
	if (pauses) say_sub(s, RANK_UPDATED, "customer.subscription.paused");
	return true;
}

static bool warn_of_trial(struct step *s) {
	if (!is(s, SUB_TRIALING)) return false;
	say_sub(s, RANK_UPDATED, "customer.subscription.trial_will_end");
	return true;
}

static bool resume(struct step *s) {
	if (!is(s, SUB_PAUSED)) return false;
	struct subscription before = s->sub->is;
	s->sub->is.status = SUB_ACTIVE;
	s->sub->is.period_start = s->life->now;
	s->sub->is.period_end = s->life->now + PERIOD;
	say_updated(s, &before, "resumed");
	say_sub(s, RANK_UPDATED, "customer.subscription.resumed");
	return true;
}

static bool change_price(struct step *s) {
	if (!is_alive(s) || is(s, SUB_INCOMPLETE)) return false;
	struct subscription before = s->sub->is;
	s->sub->is.items.items[0] = priced[random_below(s->random, ARRAY_LEN(priced))];
	item_set_sort(&s->sub->is.items);
	say_updated(s, &before, "price changed");
	return true;
}

static bool change_items(struct step *s) {
	if (!is_alive(s)) return false;
	struct subscription before = s->sub->is;
	struct item_set *set = &s->sub->is.items;
	if (set->count == 1)
		set->items[set->count++] = priced[3];
	else
		set->count--;
	item_set_sort(set);
	say_updated(s, &before, "items changed");
	return true;
}

static bool change_quantity(struct step *s) {
	if (!is_alive(s)) return false;
	struct subscription before = s->sub->is;
	s->sub->is.items.items[0].quantity = 1 + random_below(s->random, 5);
	item_set_sort(&s->sub->is.items);
	say_updated(s, &before, "quantity changed");
	return true;
}

static bool renew(struct step *s) {
	if (!is(s, SUB_ACTIVE) && !is(s, SUB_PAST_DUE)) return false;
	struct subscription *sub = &s->sub->is, before = *sub;
	if (s->life->now < sub->period_end) s->life->now = sub->period_end;
	sub->period_start = sub->period_end;
	sub->period_end += PERIOD;
	new_invoice(s);
	if (sub->status == SUB_PAST_DUE) s->sub->unpaid_periods++;
	say_updated(s, &before, "renewal");
	if (sub->status == SUB_ACTIVE && random_chance(s->random, 70)) say_invoice(s, INVOICE_PAID, "invoice.paid");
	return true;
}

static bool fail_payment(struct step *s) {
	if (!is(s, SUB_ACTIVE) || s->sub->is.collection_paused) return false;
	struct subscription before = s->sub->is;
	new_invoice(s);
	s->sub->is.status = SUB_PAST_DUE;
	/* owed since the period began, or since it was last seen in order */
	s->sub->unpaid_since = s->sub->good_at > s->sub->is.period_start ? s->sub->good_at : s->sub->is.period_start;
	s->sub->unpaid_from = s->life->now;
	s->sub->unpaid_periods = 1;
	say_updated(s, &before, "payment failed");
	say_invoice(s, INVOICE_OPEN, "invoice.payment_failed");
	return true;
}

static bool recover(struct step *s) {
	if (!is(s, SUB_PAST_DUE) && !is(s, SUB_UNPAID)) return false;
	struct subscription before = s->sub->is;
	s->sub->is.status = SUB_ACTIVE;
	s->sub->unpaid_since = 0;
	s->sub->unpaid_periods = 0;
	say_paid(s, &before, "recovered");
	return true;
}

static bool give_up(struct step *s) {
	if (!is(s, SUB_PAST_DUE) || random_chance(s->random, 60)) return false;
	struct subscription before = s->sub->is;
	s->sub->is.status = SUB_UNPAID;
	s->sub->unpaid_since = 0;
	s->sub->unpaid_periods = 0;
	say_updated(s, &before, "unpaid");
	return true;
}

static bool toggle_cancel(struct step *s) {
	if (!is(s, SUB_ACTIVE) && !is(s, SUB_TRIALING)) return false;
	struct subscription *sub = &s->sub->is, before = *sub;
	bool scheduled = sub->cancel_at_period_end || sub->cancel_at;
	bool flexible = random_chance(s->random, 50);
	sub->cancel_at_period_end = !scheduled && !flexible;
	sub->cancel_at = scheduled ? 0 : sub->period_end;
	sub->canceled_at = scheduled ? 0 : s->life->now;
	say_updated(s, &before, scheduled ? "cancellation withdrawn" : "cancellation scheduled");
	return true;
}

static bool toggle_collection(struct step *s) {
	if (!is(s, SUB_ACTIVE)) return false;
	struct subscription before = s->sub->is;
	s->sub->is.collection_paused = !before.collection_paused;
	say_updated(s, &before, "pause_collection");
	return true;
}

/* Something changed that this program does not look at. */
static bool touch(struct step *s) {
	if (!s->sub->exists) return false;
	struct subscription before = s->sub->is;
	say_updated(s, &before, "something else changed");
	return true;
}

static bool take_snapshot(struct step *s) {
	if (!s->sub->exists || !s->shape->silent) return false;
	say_sub(s, RANK_UPDATED, "API snapshot");
	return true;
}

static void end_sub(struct step *s) {
	s->sub->is.status = SUB_CANCELED;
	s->sub->is.ended_at = s->life->now;
	if (!s->sub->is.canceled_at) s->sub->is.canceled_at = s->life->now;
	s->sub->unpaid_since = 0;
	say_sub(s, RANK_DELETED, "deleted");
}

static bool delete_sub(struct step *s) {
	if (!is_alive(s) || random_chance(s->random, 60)) return false;
	end_sub(s);
	return true;
}

static bool rebind_by_sub(struct step *s) {
	if (!is_alive(s)) return false;
	struct life_customer *owner = &s->life->customers[life_customer_index(s->sub->is.customer)];
	struct subscription before = s->sub->is;
	s->sub->is.subject = users[random_below(s->random, 2)];
	say_updated(s, &before, "subscription metadata");
	/* told without previous_attributes it is no new claim: what was bound stays bound */
	if (s->life->events[s->life->count - 1].o.of.subscription.new_claim) bind(s->life, owner, s->sub->is.subject);
	return true;
}

static void say_customer(struct step *s, bool is_new, const char *what) {
	struct life_event *e = emit(s, OBSERVE_CUSTOMER, s->customer->deleted ? RANK_DELETED : RANK_UPDATED, what);
	e->o.of.customer = (struct customer_observation){s->customer->id, s->customer->metadata, s->customer->deleted,
							 is_new && s->customer->metadata.len, false};
}

static bool take_customer_snapshot(struct step *s) {
	if (!s->customer->exists || s->customer->deleted) return false;
	say_customer(s, false, "API snapshot");
	return true;
}

static bool clear_customer(struct step *s) {
	if (!s->customer->exists || s->customer->deleted || !s->customer->metadata.len) return false;
	struct view before = s->customer->metadata;
	s->customer->metadata = VIEW_NONE;
	say_customer(s, false, "customer metadata cleared");
	s->life->events[s->life->count - 1].claimed_before = before;
	s->life->events[s->life->count - 1].o.of.customer.claim_gone = true;
	bind(s->life, s->customer, VIEW_NONE);
	return true;
}

static bool create_customer(struct step *s) {
	if (s->customer->exists) return false;
	s->customer->exists = true;
	s->customer->id = customer_ids[s->customer - s->life->customers];
	if (random_chance(s->random, 50)) s->customer->metadata = users[0];
	say_customer(s, true, "customer created");
	s->life->events[s->life->count - 1].o.stamp.rank = RANK_CREATED;
	if (s->customer->metadata.len) bind(s->life, s->customer, s->customer->metadata);
	return true;
}

static bool rebind_customer(struct step *s) {
	if (!s->customer->exists || s->customer->deleted) return false;
	struct view claimed = users[random_below(s->random, 2)];
	struct view before = s->customer->metadata;
	bool is_new = !view_eq(claimed, before);
	s->customer->metadata = claimed;
	say_customer(s, is_new, "customer metadata");
	s->life->events[s->life->count - 1].claimed_before = before;
	if (is_new) bind(s->life, s->customer, claimed);
	return true;
}

static bool check_out(struct step *s) {
	if (!s->customer->exists || s->customer->deleted) return false;
	struct life_event *e = emit(s, OBSERVE_CHECKOUT, RANK_UPDATED, "checkout completed");
	e->o.of.checkout = (struct checkout_observation){.id = VIEW("cs_1"),
							 .customer = s->customer->id,
							 .subject = users[random_below(s->random, 2)],
							 .paid = true};
	bind(s->life, s->customer, e->o.of.checkout.subject);
	return true;
}

static bool delete_customer(struct step *s) {
	if (!s->customer->exists || s->customer->deleted || random_chance(s->random, 85)) return false;
	for (unsigned i = 0; i < LIFE_SUBS_MAX; i++) {
		s->sub = &s->life->subs[i];
		if (is_alive(s) && view_eq(s->sub->is.customer, s->customer->id)) end_sub(s);
	}
	s->customer->deleted = true;
	say_customer(s, false, "customer deleted");
	return true;
}

static bool (*const steps[])(struct step *) = {
	create_sub,
	create_sub,
	pay_first,
	pay_first,
	expire,
	end_trial,
	warn_of_trial,
	resume,
	change_price,
	change_items,
	change_quantity,
	renew,
	renew,
	fail_payment,
	fail_payment,
	recover,
	give_up,
	toggle_cancel,
	toggle_collection,
	touch,
	take_snapshot,
	delete_sub,
	check_out,
	rebind_by_sub,
	rebind_customer,
	delete_customer,
	clear_customer,
	take_customer_snapshot,
	tell_payment,
	tell_charge,
	refund,
	refund,
	settle_refund,
	dispute,
	close_dispute,
	make_schedule,
	change_schedule,
	end_schedule,
	start_phase,
	grant_override,
	revoke_override,
};

void life_make(struct life *life, struct random *random, const struct life_shape *shape) {
	memset(life, 0, sizeof *life);
	life->now = LIFE_T0;
	struct step s = {life, random, shape, &life->subs[0], &life->customers[0]};
	for (unsigned tries = 0; life->count < shape->events && tries < 50 * shape->events; tries++) {
		s.sub = &life->subs[random_below(random, shape->subs)];
		s.customer = &life->customers[random_below(random, shape->customers)];
		int64_t then = life->now;
		if (!random_chance(random, shape->same_second_percent))
			life->now += 1 + (int64_t)random_below(random, random_chance(random, 50) ? 3 : DAY);
		unsigned count = life->count;
		if (!s.customer->exists && shape->events > 5)
			(void)create_customer(&s);
		else if (!s.customer->exists)
			s.customer->exists = true, s.customer->id = customer_ids[s.customer - life->customers];
		else
			(void)steps[random_below(random, ARRAY_LEN(steps))](&s);
		if (life->count == count) life->now = then;
	}
}

void life_print(struct text *t, const struct life *life, const unsigned *order, unsigned count) {
	for (unsigned i = 0; i < count; i++) {
		const struct life_event *e = &life->events[order ? order[i] : i];
		text_add(t, "  #%u %s: ", order ? order[i] : i, e->what);
		print_observation(t, &e->o);
	}
}
