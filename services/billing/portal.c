/* POST create-portal-session: {flow?, tier?, price?, interval?, return_url?} → {url, id, flow}. */
#include <stdio.h>

#include "sale.h"
#include "service/clock.h"
#include "shop_private.h"

static const char *const names[] = {
#define X(symbol, name) [symbol] = name,
	PORTAL_FLOW_TABLE(X)
#undef X
};

/* ---- opening ------------------------------------------------------------------------------------- */

static void send(struct sale *s, bool with_flow);

static void answer(struct ask *a, const struct stripe_answer *r, const struct sale *s) {
	const char *flow = s->checkout ? "portal" : names[s->flow];
	const char *url = text_of(r->body, "url"), *id = text_of(r->body, "id");
	details_unsettle(s->v.shop->details, ask_subject(a), mono_ms());
	if (url && id)
		ask_answer(a, 200, json_pack("{s:s, s:s, s:s}", "url", url, "id", id, "flow", flow));
	else
		ask_refuse(a, REFUSAL_STRIPE, NULL);
}

static void got_plain(struct ask *a, const struct stripe_answer *r) {
	struct sale *s = visit_of(a);
	if (!visit_failed(&s->v, r)) answer(a, r, s);
}

static void got_flow(struct ask *a, const struct stripe_answer *r) {
	struct sale *s = visit_of(a);
	const json_t *error = json_object_get(r->body, "error");
	bool unwanted =
		r->outcome == STRIPE_INVALID && r->status == 400 && !text_is(error, "type", "idempotency_error");
	if (!unwanted) {
		if (!visit_failed(&s->v, r)) answer(a, r, s);
		return;
	}
	/* Stripe says no to the flow, not to the portal; its words name the operator's setting that is missing */
	log_warn(s->v.shop->log, log_ev("portal_flow_refused"), kv_str("flow", names[s->flow]), kv_str("why", r->why),
		 kv_str("stripe_request", r->request_id));
	s->flow = FLOW_MANAGE;
	send(s, false);
}

static void send(struct sale *s, bool with_flow) {
	char room[SALE_FORM_MAX], key[STRIPE_IDEMPOTENCY_MAX + 1];
	struct writer w = writer_of(room, sizeof room);
	bool flow = with_flow && s->flow != FLOW_MANAGE;
	portal_form(&w, s, flow);
	/* another request than the one that was refused under the ask's own key */
	(void)snprintf(key, sizeof key, "%.240s%s", ask_idempotency_key(s->v.ask), with_flow ? "" : "-plain");
	ask_post(s->v.ask, "/v1/billing_portal/sessions", writer_view(&w), key, flow ? got_flow : got_plain);
}

void portal_open(struct sale *s) { send(s, true); }

/* ---- the action ---------------------------------------------------------------------------------- */

static void priced(struct sale *s) {
	if (!s->wants_price || sale_switch(s)) portal_open(s);
}

static void got_customer(struct visit *v, const struct found_customer *c) {
	struct sale *s = (struct sale *)v;
	json_t *sub = living_subscription(c->subscriptions);
	bool about_one = s->flow == FLOW_CANCEL || s->flow == FLOW_SWITCH;
	if (!c->id || (about_one && !sub)) {
		ask_refuse(v->ask, REFUSAL_NO_CUSTOMER, c->id ? "there is no subscription" : NULL);
		return;
	}
	sale_customer(s, c);
	if (about_one) sale_subscription(s, sub);
	sale_price(s, priced);
}

static bool read_flow(struct sale *s) {
	bool bad = false;
	const char *flow = ask_text(s->v.ask, "flow", &bad);
	if (bad) return false;
	for (unsigned i = 0; i < FLOW_COUNT; i++) {
		if (strcmp(flow ? flow : names[FLOW_MANAGE], names[i]) != 0) continue;
		s->flow = (enum portal_flow)i;
		return true;
	}
	ask_refuse(s->v.ask, REFUSAL_BAD_REQUEST, "there is no such flow");
	return false;
}

static void start(struct ask *a) {
	struct sale *s = sale_begin(a);
	if (!s || !read_flow(s) || !sale_read(s, false)) return;
	if (s->wants_price && s->flow != FLOW_SWITCH) {
		ask_refuse(a, REFUSAL_BAD_REQUEST, "a tier or price goes with the flow subscription_update");
		return;
	}
	const char *back = visit_return_url(&s->v, "return_url", "/settings/billing", s->return_room);
	if (!back) return; /* and the sale is gone with its ask */
	s->return_url = back;
	customer_of(&s->v, CUSTOMER_FIND, got_customer);
}

static const char *const fields[] = {"flow", "tier", "price", "interval", "return_url", NULL};

const struct action create_portal_session = {.method = HTTP_POST,
					     .path = API "create-portal-session",
					     .fields = fields,
					     .per_minute = DEAR_PER_MINUTE,
					     .calls = 2,
					     .start = start};
