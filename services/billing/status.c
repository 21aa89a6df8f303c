/* GET subscription-status: what the caller has, what comes next, and what Stripe knows beside, as far as that is in
 * memory. */
#include <stdlib.h>

#include "details.h"
#include "profile.h"
#include "service/clock.h"
#include "state.h"

struct seen {
	enum details_state state;
	struct details details;
};

/* ---- telling ----------------------------------------------------------------------------------- */

static int rank_of(const struct catalog *c, const char *tier) { return catalog_tier(c, view_str(tier)); }

static enum billing_state state_of(const struct ask *a, const struct tg_profile *p, const struct seen *s) {
	const struct catalog *c = ask_catalog(a);
	struct state_facts f = {.status = p->as.status,
				.reason = p->as.reason,
				.rank = rank_of(c, p->as.tier),
				.now = ask_now(a),
				.schedule_rank = -1};
	for (size_t i = 1; i < p->step_count && f.step_count < STATE_STEPS_MAX; i++)
		f.steps[f.step_count++] =
			(struct state_step){p->steps[i].from, rank_of(c, p->steps[i].tier), p->steps[i].reason};
	if (s->state != DETAILS_FRESH) return billing_state_of(&f);
	f.cancel_at = s->details.has_subscription ? s->details.subscription.cancel_at : 0;
	f.schedule_at = s->details.has_schedule ? s->details.schedule.at : 0;
	f.schedule_rank = s->details.has_schedule ? rank_of(c, s->details.schedule.tier) : -1;
	return billing_state_of(&f);
}

static void add_step(json_t *list, int64_t at, struct view tier) {
	json_array_append_new(list, json_pack("{s:o, s:s%}", "at", time_json(at), "tier", tier.ptr, tier.len));
}

/* What query says; and where that is nothing yet, since an event is late, what Stripe says. */
static json_t *next_json(const struct ask *a, const struct tg_profile *p, const struct seen *s) {
	const struct details *d = &s->details;
	json_t *list = json_array();
	for (size_t i = 1; i < p->step_count; i++)
		if (strcmp(p->steps[i].tier, p->steps[i - 1].tier) != 0)
			add_step(list, p->steps[i].from, view_str(p->steps[i].tier));
	if (json_array_size(list) || s->state != DETAILS_FRESH) return list;
	if (d->has_subscription && d->subscription.cancel_at > ask_now(a))
		add_step(list, d->subscription.cancel_at, ask_catalog(a)->tiers[0].name);
	else if (d->has_schedule && d->schedule.at > ask_now(a) && d->schedule.tier[0])
		add_step(list, d->schedule.at, view_str(d->schedule.tier));
	return list;
}

static bool has_details(const struct seen *s) { return s->state == DETAILS_FRESH || s->state == DETAILS_STALE; }

static json_t *billing_json(const struct tg_profile *p, const struct seen *s) {
	bool amount = has_details(s) && s->details.has_upcoming;
	/* what was refunded grants nothing, and so query names no date; but Stripe bills on */
	int64_t at = p->next_billing || s->state != DETAILS_FRESH || !amount ? p->next_billing : s->details.upcoming.at;
	if (!at) return json_null();
	return json_pack("{s:o, s:o, s:o}", "at", time_json(at), "amount",
			 amount ? json_integer(s->details.upcoming.amount) : json_null(), "currency",
			 amount ? json_string(s->details.upcoming.currency) : json_null());
}

static int64_t cancel_at(const struct tg_profile *p, const struct seen *s) {
	if (strcmp(p->as.reason, "canceling") == 0) return p->as.until;
	return has_details(s) && s->details.has_subscription ? s->details.subscription.cancel_at : 0;
}

static json_t *trial_json(const struct tg_profile *p, const struct seen *s) {
	if (strcmp(p->as.status, "trialing") != 0) return json_null();
	int64_t ends = has_details(s) && s->details.has_subscription ? s->details.subscription.trial_end : 0;
	if (!ends) ends = p->next_billing ? p->next_billing : p->as.until;
	return json_pack("{s:o, s:o}", "ends_at", time_json(ends), "payment_method",
			 has_details(s) ? json_boolean(s->details.has_payment_method) : json_null());
}

static json_t *status_json(const struct ask *a, const struct tg_profile *p, const struct seen *s) {
	json_t *o = json_object();
	bool whole = profile_say(o, a, p) &&
		     !json_object_set_new(o, "state", json_string(billing_state_name(state_of(a, p, s)))) &&
		     !json_object_set_new(o, "seats", json_integer((json_int_t)p->seats)) &&
		     !json_object_set_new(o, "next_billing", billing_json(p, s)) &&
		     !json_object_set_new(o, "cancel_at", time_json(cancel_at(p, s))) &&
		     !json_object_set_new(o, "trial", trial_json(p, s)) &&
		     !json_object_set_new(o, "next", next_json(a, p, s)) &&
		     !json_object_set_new(o, "details_state", json_string(details_state_name(s->state))) &&
		     !json_object_set_new(o, "details", has_details(s) ? details_json(&s->details) : json_null());
	if (whole) return o;
	json_decref(o);
	return NULL;
}

/* ---- waiting for details ------------------------------------------------------------------------- */

/* An ask that waits: the profile, until the details are here or the time is over. */
struct waiter {
	struct ask *ask;
	struct tg_profile profile;
};

static void waiter_free(void *state) {
	struct waiter *w = state;
	/* before the loop has it nothing waits, and this is not its thread */
	if (w->ask->kept) details_forget(shop_details(w->ask->b->shop), w->ask);
	tg_profile_free(&w->profile);
	free(w);
}

static void look(const struct ask *a, const struct tg_profile *p, struct seen *ret_s) {
	ret_s->state = details_look(shop_details(a->b->shop), a->who.subject, details_mark(p), mono_ms(), true,
				    &ret_s->details);
}

static void answer_now(struct ask *a, const struct tg_profile *p) {
	struct seen s;
	look(a, p, &s);
	ask_answer(a, 200, status_json(a, p, &s));
}

static void details_came(void *owner) {
	struct ask *a = owner;
	struct waiter *w = ask_state(a);
	answer_now(a, &w->profile);
}

static void start(struct ask *a) {
	struct waiter *w = ask_state(a);
	struct details_cache *d = shop_details(a->b->shop);
	ask_timer(a, a->wait_ms, details_came);
	if (!details_await(d, a->who.subject, details_mark(&w->profile), a->b->now_ms, a, details_came))
		details_came(a);
}

static void got_profile(struct ask *a, enum tg_status status, struct tg_profile *p) {
	struct seen s;
	if (profile_failed(a, status, p)) return;
	look(a, p, &s);
	bool settled = s.state == DETAILS_FRESH || s.state == DETAILS_NONE;
	struct waiter *w = settled || !a->wait_ms ? NULL : calloc(1, sizeof *w);
	if (!w) {
		ask_answer(a, 200, status_json(a, p, &s));
		return;
	}
	w->ask = a;
	w->profile = *p;
	*p = (struct tg_profile){0};
	ask_keep(a, w, waiter_free);
	ask_hand_over(a);
}

static void at_once(struct ask *a) { profile_of(a, got_profile); }

const struct action subscription_status = {
	.method = HTTP_GET, .path = API "subscription-status", .store_only = true, .start = start, .at_once = at_once};
