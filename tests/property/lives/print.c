/* States as text. Written straight down from the headers; it shares no code with what it checks. */
#include "lives/life.h"

#include <inttypes.h>

static void add_view(struct text *t, const char *name, struct view v) {
	text_add(t, " %s=%zu:%.*s", name, v.len, VIEW_FMT(v));
}

static void add_time(struct text *t, const char *name, int64_t n) {
	if (n) text_add(t, " %s=%" PRId64, name, n);
}

static void print_items(struct text *t, const struct item_set *set) {
	text_add(t, " items=[");
	for (unsigned i = 0; i < set->count; i++) {
		const struct item *item = &set->items[i];
		text_add(t, "%.*s/%.*s/%.*s*%" PRIu64 " ", VIEW_FMT(item->price), VIEW_FMT(item->product),
			 VIEW_FMT(item->lookup_key), item->quantity);
	}
	text_add(t, "]");
}

void print_subscription(struct text *t, const struct subscription *s) {
	text_add(t, "%s", sub_status_name(s->status));
	add_view(t, "id", s->id);
	add_view(t, "customer", s->customer);
	add_view(t, "subject", s->subject);
	add_view(t, "invoice", s->latest_invoice);
	add_view(t, "schedule", s->schedule);
	add_time(t, "created", s->created);
	add_time(t, "period_start", s->period_start);
	add_time(t, "period_end", s->period_end);
	add_time(t, "trial_end", s->trial_end);
	add_time(t, "cancel_at", s->cancel_at);
	add_time(t, "canceled_at", s->canceled_at);
	add_time(t, "ended_at", s->ended_at);
	text_add(t, "%s%s", s->cancel_at_period_end ? " cancel_at_period_end" : "",
		 s->collection_paused ? " collection_paused" : "");
	print_items(t, &s->items);
}

static void print_seen(struct text *t, const struct sub_seen *s) {
	text_add(t, "  at %" PRId64 " rank %d %.*s post %016" PRIx64, s->stamp.created, (int)s->stamp.rank,
		 VIEW_FMT(s->stamp.event), s->post);
	if (s->has_pre) text_add(t, " pre %016" PRIx64, s->pre);
	text_add(t, " ");
	print_subscription(t, &s->sub);
	text_add(t, "\n");
}

void print_sub_register(struct text *t, const struct sub_register *r) {
	text_add(t, "subscription good=%" PRId64 "\n", r->good);
	for (unsigned i = 0; i < r->latest_count; i++) print_seen(t, &r->latest[i]);
	if (r->has_ended) {
		text_add(t, " ended\n");
		print_seen(t, &r->ended);
	}
	for (unsigned i = 0; i < r->price_count; i++) {
		text_add(t, "  prices seen=%" PRId64, r->prices[i].seen);
		print_items(t, &r->prices[i].set);
		text_add(t, "\n");
	}
	for (unsigned i = 0; i < r->unpaid_count; i++)
		text_add(t, "  unpaid period=%" PRId64 " seen=%" PRId64 "\n", r->unpaid[i].period_start,
			 r->unpaid[i].seen);
}

void print_customer_register(struct text *t, const struct customer_register *r) {
	text_add(t, "customer");
	if (r->deleted) text_add(t, " deleted=%" PRId64 " by %.*s", r->deleted_at, VIEW_FMT(r->deleted_event));
	text_add(t, "\n");
	for (unsigned i = 0; i < r->claim_count; i++) {
		const struct claim *c = &r->claims[i];
		text_add(t, "  claim %.*s%s%s seen=%" PRId64 " by %.*s\n", VIEW_FMT(c->subject),
			 c->is_new ? " new" : "", c->own ? " own" : "", c->seen, VIEW_FMT(c->event));
	}
	if (r->has_standing) text_add(t, "  stands %.*s at %" PRId64 "\n", VIEW_FMT(r->standing), r->standing_at);
}

void print_invoice(struct text *t, const struct invoice *i) {
	text_add(t, "%s", invoice_status_name(i->status));
	add_view(t, "id", i->id);
	add_view(t, "customer", i->customer);
	add_view(t, "subscription", i->subscription);
	add_view(t, "currency", i->currency);
	text_add(t, " due=%" PRId64 " remaining=%" PRId64 " attempts=%" PRId64 " next=%" PRId64, i->amount_due,
		 i->amount_remaining, i->attempt_count, i->next_payment_attempt);
	add_time(t, "period_start", i->period_start);
	add_time(t, "period_end", i->period_end);
	add_view(t, "payment", i->payment);
}

void print_schedule(struct text *t, const struct schedule *s) {
	text_add(t, "%s%s", schedule_status_name(s->status), s->ends_subscription ? " ends_subscription" : "");
	add_view(t, "id", s->id);
	add_view(t, "customer", s->customer);
	add_view(t, "subscription", s->subscription);
	for (unsigned i = 0; i < s->phase_count; i++) {
		text_add(t, " phase %" PRId64 " to %" PRId64, s->phases[i].start, s->phases[i].end);
		print_items(t, &s->phases[i].items);
	}
}

void print_payment(struct text *t, const struct payment_observation *p) {
	add_view(t, "id", p->id);
	add_view(t, "invoice", p->invoice);
	add_view(t, "customer", p->customer);
	text_add(t, " amount=%" PRId64, p->amount);
	if (p->has_charge) text_add(t, " charge refunded=%" PRId64, p->refunded);
	for (unsigned i = 0; i < p->reversal_count; i++) {
		const struct reversal *r = &p->reversals[i];
		text_add(t, " %.*s %s%s %" PRId64, VIEW_FMT(r->id),
			 reversal_is_refund(r->state) ? "refund " : "dispute ", reversal_state_name(r->state),
			 r->amount);
	}
}

static void print_override(struct text *t, const struct override_observation *o) {
	text_add(t, "%s", o->revoked ? "revoke" : "grant");
	add_view(t, "id", o->id);
	add_view(t, "subject", o->subject);
	add_view(t, "tier", o->tier);
	add_time(t, "from", o->from);
	add_time(t, "until", o->until);
	add_view(t, "why", o->why);
	add_view(t, "by", o->by);
}

void print_invoice_register(struct text *t, const struct invoice_register *r) {
	if (!r->known) {
		text_add(t, "invoice unknown\n");
		return;
	}
	text_add(t, "invoice at %" PRId64 " %.*s ", r->stamp.created, VIEW_FMT(r->stamp.event));
	print_invoice(t, &r->invoice);
	text_add(t, "\n");
}

void print_schedule_register(struct text *t, const struct schedule_register *r) {
	if (!r->known) {
		text_add(t, "schedule unknown\n");
		return;
	}
	text_add(t, "schedule%s at %" PRId64 " rank %d %.*s ", r->unconfirmed ? " unconfirmed" : "", r->stamp.created,
		 (int)r->stamp.rank, VIEW_FMT(r->stamp.event));
	print_schedule(t, &r->schedule);
	text_add(t, "\n");
}

void print_payment_register(struct text *t, const struct payment_register *r) {
	text_add(t, "payment of %.*s customer %.*s amount=%" PRId64, VIEW_FMT(r->invoice), VIEW_FMT(r->customer),
		 r->amount);
	if (r->has_charge)
		text_add(t, " charge refunded=%" PRId64 " at %" PRId64 " by %.*s", r->refunded, r->charge_seen,
			 VIEW_FMT(r->charge_event));
	text_add(t, "\n");
	for (unsigned i = 0; i < r->reversal_count; i++) {
		const struct reversal_seen *s = &r->reversals[i];
		text_add(t, "  %.*s %d %s %" PRId64 " at %" PRId64 " by %.*s\n", VIEW_FMT(s->reversal.id),
			 (int)s->reversal.state, reversal_state_name(s->reversal.state), s->reversal.amount, s->seen,
			 VIEW_FMT(s->event));
	}
}

void print_override_register(struct text *t, const struct override_register *r) {
	text_add(t, "override\n");
	if (r->granted) {
		text_add(t, "  at %" PRId64 " rank %d %.*s ", r->stamp.created, (int)r->stamp.rank,
			 VIEW_FMT(r->stamp.event));
		print_override(t, &r->given);
		text_add(t, "\n");
	}
	if (r->revoked)
		text_add(t, "  revoked at %" PRId64 " rank %d %.*s subject=%.*s why=%.*s by=%.*s\n",
			 r->revoked_stamp.created, (int)r->revoked_stamp.rank, VIEW_FMT(r->revoked_stamp.event),
			 VIEW_FMT(r->subject), VIEW_FMT(r->revoked_why), VIEW_FMT(r->revoked_by));
}

void print_observation(struct text *t, const struct observation *o) {
	text_add(t, "%" PRId64 " %.*s ", o->stamp.created, VIEW_FMT(o->stamp.event));
	switch (o->kind) {
	case OBSERVE_NOTHING:
		text_add(t, "nothing");
		break;
	case OBSERVE_SUBSCRIPTION: {
		const struct subscription_observation *s = &o->of.subscription;
		static const char *const ranks[] = {"created", "updated", "deleted"};
		text_add(t, "subscription %s ", ranks[o->stamp.rank]);
		if (s->has_pre) text_add(t, "%04" PRIx64 "→", s->pre >> 48);
		text_add(t, "%04" PRIx64 " %s", s->post >> 48, s->new_claim ? "new claim " : "");
		print_subscription(t, &s->now);
		break;
	}
	case OBSERVE_CUSTOMER:
		text_add(t, "customer %.*s subject=%.*s%s%s%s", VIEW_FMT(o->of.customer.id),
			 VIEW_FMT(o->of.customer.subject), o->of.customer.deleted ? " deleted" : "",
			 o->of.customer.new_claim ? " new claim" : "", o->of.customer.claim_gone ? " claim gone" : "");
		break;
	case OBSERVE_CHECKOUT:
		text_add(t, "checkout %.*s customer=%.*s subject=%.*s%s", VIEW_FMT(o->of.checkout.id),
			 VIEW_FMT(o->of.checkout.customer), VIEW_FMT(o->of.checkout.subject),
			 o->of.checkout.paid ? " paid" : "");
		add_time(t, "claimed", o->of.checkout.claimed);
		break;
	case OBSERVE_INVOICE:
		text_add(t, "invoice ");
		print_invoice(t, &o->of.invoice);
		break;
	case OBSERVE_SCHEDULE:
		text_add(t, "schedule ");
		print_schedule(t, &o->of.schedule);
		break;
	case OBSERVE_PAYMENT:
		text_add(t, "payment");
		print_payment(t, &o->of.payment);
		break;
	case OBSERVE_OVERRIDE:
		print_override(t, &o->of.override);
		break;
	case OBSERVE_MARK:
		text_add(t, "mark %" PRId64 " %" PRId64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64,
			 o->of.mark.events_to, o->of.mark.swept_at, o->of.mark.listed, o->of.mark.missed,
			 o->of.mark.swept, o->of.mark.differing);
		break;
	}
	text_add(t, "\n");
}

void print_questions(struct text *t, const struct observation *o) {
	if (o->is_answer) text_add(t, "answers %s %.*s\n", fetch_name(o->answered.kind), VIEW_FMT(o->answered.id));
	for (unsigned i = 0; i < o->fetch_count; i++)
		text_add(t, "asks %s %.*s\n", fetch_name(o->fetches[i].kind), VIEW_FMT(o->fetches[i].id));
}

void print_grant(struct text *t, const struct grant *g) {
	text_add(t, "%.*s by %.*s at %" PRId64 " %s%s%s%s%s%s", VIEW_FMT(g->subscription), VIEW_FMT(g->event), g->seen,
		 sub_status_name(g->status), g->cancel_at_period_end ? " cancel_at_period_end" : "",
		 g->collection_paused ? " collection_paused" : "", g->unconfirmed ? " unconfirmed" : "",
		 g->invoice_paid ? " invoice_paid" : "", g->customer_deleted ? " customer_deleted" : "");
	add_time(t, "created", g->created);
	add_time(t, "period_start", g->period_start);
	add_time(t, "period_end", g->period_end);
	add_time(t, "trial_end", g->trial_end);
	add_time(t, "cancel_at", g->cancel_at);
	add_time(t, "ended_at", g->ended_at);
	add_time(t, "unpaid_since", g->unpaid_since);
	print_items(t, &g->items);
	for (unsigned i = 0; i < g->earlier_count; i++) {
		text_add(t, " earlier=%" PRId64, g->earlier[i].seen);
		print_items(t, &g->earlier[i].set);
	}
	text_add(t, "%s", g->disputed ? " disputed" : "");
	add_time(t, "refunded_until", g->refunded_until);
	add_time(t, "dispute_lost_until", g->dispute_lost_until);
	add_view(t, "reversal_event", g->reversal_event);
	add_time(t, "schedule_ends", g->schedule_ends);
	for (unsigned i = 0; i < g->phase_count; i++) {
		text_add(t, " phase=%" PRId64, g->phases[i].start);
		print_items(t, &g->phases[i].items);
	}
	text_add(t, "\n");
}

void print_granted_override(struct text *t, const struct override *o) {
	text_add(t, "%.*s tier %.*s by %.*s at %" PRId64 " from %" PRId64 " until %" PRId64 "\n", VIEW_FMT(o->id),
		 VIEW_FMT(o->tier), VIEW_FMT(o->event), o->seen, o->from, o->until);
}
