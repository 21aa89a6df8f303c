/* https://docs.stripe.com/api/subscription_schedules/object */
#include "proto/stripe_object.h"

#define PHASES_SHOWN_MAX 500 /* with those that are over; for a bound of the work */

static enum schedule_status read_status(struct stripe_reader *r, const struct stripe_place *at) {
	enum schedule_status status = SCHEDULE_NONE;
	struct stripe_place place = stripe_member(at, "status");
	struct view name = stripe_text(r, at, "status", NAME_MAX_BYTES);
	if (!r->failed && !schedule_status_parse(name, &status))
		stripe_fail(r, &place, "missing, or an unknown status");
	return status;
}

/* A plain list, which has no pages. Before 2020 it was called plans, of {plan, quantity}. */
static void read_items(struct stripe_reader *r, const struct stripe_place *phase, struct item_set *set) {
	struct stripe_place list = stripe_member(phase, "items");
	if (!stripe_present(&list)) list = stripe_member(phase, "plans");
	size_t count = stripe_length(&list);
	if (!json_is_array(list.base)) stripe_fail(r, &list, "must be a list");
	if (count > ITEMS_MAX) stripe_fail(r, &list, "has more than %d items", ITEMS_MAX);
	for (size_t i = 0; i < count && !r->failed; i++) {
		struct stripe_place item = stripe_element(&list, i);
		if (!stripe_is_object(&item)) stripe_fail(r, &item, "must be an object");
		stripe_read_item(r, &item, &set->items[i]);
	}
	set->count = r->failed ? 0 : (unsigned)count;
	item_set_sort(set);
}

/* Keeps the list in order of start, and its last SCHEDULE_PHASES_MAX: Stripe allows ten from now on, but phases that
 * are over may stand before them. */
static void keep_phase(struct schedule *s, const struct schedule_phase *p) {
	unsigned at = s->phase_count;
	while (at > 0 && s->phases[at - 1].start > p->start) at--;
	if (s->phase_count == SCHEDULE_PHASES_MAX) {
		if (at == 0) return;
		memmove(&s->phases[0], &s->phases[1], (at - 1) * sizeof s->phases[0]);
		s->phases[at - 1] = *p;
		return;
	}
	memmove(&s->phases[at + 1], &s->phases[at], (s->phase_count - at) * sizeof s->phases[0]);
	s->phases[at] = *p;
	s->phase_count++;
}

static void read_phases(struct stripe_reader *r, const struct stripe_place *at, struct schedule *s) {
	struct stripe_place list = stripe_member(at, "phases");
	size_t count = stripe_length(&list);
	if (stripe_present(&list) && !json_is_array(list.base)) stripe_fail(r, &list, "must be a list");
	if (count > PHASES_SHOWN_MAX) stripe_fail(r, &list, "has more than %d phases", PHASES_SHOWN_MAX);
	for (size_t i = 0; i < count && !r->failed; i++) {
		struct stripe_place place = stripe_element(&list, i);
		struct schedule_phase phase = {0};
		if (!stripe_is_object(&place)) stripe_fail(r, &place, "must be an object");
		phase.start = stripe_natural(r, &place, "start_date");
		phase.end = stripe_natural(r, &place, "end_date");
		read_items(r, &place, &phase.items);
		keep_phase(s, &phase);
	}
}

void stripe_read_schedule(struct stripe_reader *r, const struct stripe_place *at, const struct stripe_event *e,
			  struct observation *out) {
	struct schedule *o = &out->of.schedule;
	(void)e;
	o->id = stripe_need_id(r, at, "id");
	o->customer = stripe_customer(r, at);
	/* a released schedule shows it as released_subscription, over which it has no say any more */
	o->subscription = stripe_id(r, at, "subscription");
	o->status = read_status(r, at);
	o->ends_subscription = view_eq(stripe_text(r, at, "end_behavior", NAME_MAX_BYTES), VIEW("cancel"));
	read_phases(r, at, o);
}
