/* POST refresh-subscription → {state, tier, ver}. Back from Stripe's portal, where something may have been canceled,
 * resumed, switched or paid for otherwise: the subject's customers are handed to the reconciler, so that no late or
 * lost webhook hides it, and the answer comes when the store has what Stripe has, and this process has heard of it; or
 * after REFRESH_MS.
 *
 * One subject has one refresh under way. Who asks meanwhile may have changed something since it began: all of those
 * share the next one. */
#include "profile.h"
#include "service/clock.h"

#include "shop_private.h"

#define REFRESH_MS 2000
#define LOOK_MS 50
#define CUSTOMERS_MAX 4 /* those that were bound last; each takes a place at the reconciler */
#define CALLS_EACH 3    /* of Stripe's API, roughly */

struct refresh {
	struct visit v;
	int64_t until_ms;
	char tier[NAME_MAX_BYTES + 1]; /* what query said last; "": nothing yet */
	uint64_t ver, mark;
	/* of one that leads: it asks for all who joined */
	struct refresh *before, *after; /* in the shop's list */
	bool leads;
	struct waiting joined, later;
	unsigned outstanding; /* customers for whom the reconciler has not answered, and one while they are handed over
			       */
	bool failed;
};

static void lead(struct visit *v);

static struct refresh *leader_of(const struct shop *s, const char *subject) {
	for (struct refresh *r = s->refreshes; r; r = r->after)
		if (strcmp(ask_subject(r->v.ask), subject) == 0) return r;
	return NULL;
}

/* ---- the end ------------------------------------------------------------------------------------- */

static void answer(struct refresh *r, const char *state) {
	if (r->tier[0])
		ask_answer(r->v.ask, 200,
			   json_pack("{s:s, s:s, s:I}", "state", state, "tier", r->tier, "ver", (json_int_t)r->ver));
	else
		ask_refuse(r->v.ask, REFUSAL_UNAVAILABLE, "the tier service cannot be asked");
}

/* All who joined are told the same; who came later begins anew (finish). */
static void land(struct refresh *r, const char *state) {
	for (struct visit *v; (v = r->joined.first);) {
		struct refresh *other = (struct refresh *)v;
		visit_leave(v);
		copy_text(other->tier, sizeof other->tier, r->tier);
		other->ver = r->ver;
		answer(other, state);
	}
	answer(r, state);
}

static void late(struct visit *v) {
	struct refresh *r = (struct refresh *)v;
	const struct refresh *leader = leader_of(v->shop, ask_subject(v->ask));
	if (r->leads) {
		land(r, "refreshing");
		return;
	}
	if (leader) copy_text(r->tier, sizeof r->tier, leader->tier);
	if (leader) r->ver = leader->ver;
	answer(r, "refreshing");
}

static void take_lead(struct refresh *r) {
	struct shop *s = r->v.shop;
	r->leads = true;
	r->after = s->refreshes;
	if (r->after) r->after->before = r;
	s->refreshes = r;
}

/* Nothing is asked from in here: the loop may be going through its asks. */
static void finish(struct visit *v) {
	struct refresh *r = (struct refresh *)v;
	if (!r->leads) return;
	*(r->before ? &r->before->after : &v->shop->refreshes) = r->after;
	if (r->after) r->after->before = r->before;
	struct visit *first = r->joined.first ? r->joined.first : r->later.first;
	if (!first) return;
	struct refresh *next = (struct refresh *)first;
	visit_leave(first);
	for (struct visit *w; (w = r->joined.first ? r->joined.first : r->later.first);) visit_wait(w, &next->joined);
	take_lead(next);
	visit_timer(first, 0, lead);
}

/* ---- what the store has -------------------------------------------------------------------------- */

static void note(struct refresh *r, const struct tg_profile *p) {
	copy_text(r->tier, sizeof r->tier, p->as.tier);
	r->ver = p->as.ver;
	r->mark = details_mark(p);
}

static void look(struct visit *v);

static void look_again(struct refresh *r) {
	int64_t left = r->until_ms - mono_ms();
	if (left <= 0)
		land(r, "refreshing");
	else
		visit_timer(&r->v, left < LOOK_MS ? left : LOOK_MS, look);
}

/* What this process answers from memory comes by the feed, a moment behind the store. */
static void got_known(struct ask *a, enum tg_status status, struct tg_profile *p) {
	struct refresh *r = visit_of(a);
	if (status == TG_OK && (p->as.ver >= r->ver || details_mark(p) == r->mark))
		land(r, "refreshed");
	else
		look_again(r);
}

static void got_stored(struct ask *a, enum tg_status status, const struct tg_profile *p) {
	struct refresh *r = visit_of(a);
	if (status != TG_OK) {
		look_again(r);
		return;
	}
	note(r, p);
	ask_profile_known(a, got_known);
}

static void look(struct visit *v) {
	visit_timer(v, ((struct refresh *)v)->until_ms - mono_ms(), late);
	ask_profile(v->ask, got_stored);
}

/* ---- handing over -------------------------------------------------------------------------------- */

static void handed(struct ask *a, bool done) {
	struct refresh *r = visit_of(a);
	r->failed = r->failed || !done;
	if (--r->outstanding) return;
	if (r->failed)
		land(r, "refreshing");
	else
		look(&r->v);
}

static void got_customers(struct ask *a, enum tg_status status, const struct tg_profile *p) {
	struct refresh *r = visit_of(a);
	if (status != TG_OK) {
		land(r, "refreshing");
		return;
	}
	note(r, p);
	r->outstanding = 1;
	r->failed = false;
	for (size_t i = 0; i < p->customer_count && i < CUSTOMERS_MAX; i++) {
		r->outstanding++;
		ask_add_calls(a, CALLS_EACH); /* counted, and no reason to let one wait who comes from the portal */
		ask_reconcile_customer(a, p->customers[i], handed);
	}
	handed(a, true);
}

static void lead(struct visit *v) {
	struct refresh *r = (struct refresh *)v;
	int64_t left = r->until_ms - mono_ms();
	if (left <= 0) {
		land(r, "refreshing");
		return;
	}
	visit_timer(v, left, late);
	ask_profile(v->ask, got_customers);
}

static void start(struct ask *a) {
	struct refresh *r = visit_begin(a, sizeof *r);
	if (!r) return;
	struct refresh *leader = leader_of(r->v.shop, ask_subject(a));
	r->v.finish = finish;
	r->until_ms = mono_ms() + REFRESH_MS;
	details_expire(r->v.shop->details, ask_subject(a)); /* the card, say: no store has it */
	if (leader) {
		visit_wait(&r->v, &leader->later);
		visit_timer(&r->v, REFRESH_MS, late);
		return;
	}
	take_lead(r);
	lead(&r->v);
}

static const char *const fields[] = {NULL};

const struct action refresh_subscription = {.method = HTTP_POST,
					    .path = API "refresh-subscription",
					    .fields = fields,
					    .store_only = true,
					    .per_minute = DEAR_PER_MINUTE,
					    .start = start};
