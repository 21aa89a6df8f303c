/* POST create-checkout-session: {tier, price?, interval?, quantity?, success_url?, cancel_url?} → {url, id, flow}. */
#include "open_sessions.h"
#include "sale.h"
#include "shop_private.h"

#define PAGE "/settings/billing"

static void got_session(struct ask *a, const struct stripe_answer *r) {
	struct sale *s = visit_of(a);
	if (visit_failed(&s->v, r)) return;
	const char *url = text_of(r->body, "url"), *id = text_of(r->body, "id");
	if (id) open_sessions_expire(s->v.shop, ask_subject(a), s->customer, KEEP_NEWEST);
	if (url && id)
		ask_answer(a, 200, json_pack("{s:s, s:s, s:s}", "url", url, "id", id, "flow", "checkout"));
	else
		ask_refuse(a, REFUSAL_STRIPE, NULL);
}

static void switch_plan(struct sale *s) {
	if (sale_switch(s)) portal_open(s);
}

static void open_session(struct sale *s) {
	struct ask *a = s->v.ask;
	char room[SALE_FORM_MAX];
	struct writer w = writer_of(room, sizeof room);
	checkout_form(&w, s, ask_subject(a), s->v.shop->metadata_key);
	ask_post(a, "/v1/checkout/sessions", writer_view(&w), ask_idempotency_key(a), got_session);
}

/* Only now is it known in which currency. */
static void got_customer(struct visit *v, const struct found_customer *c) {
	struct sale *s = (struct sale *)v;
	json_t *sub = living_subscription(c->subscriptions);
	sale_customer(s, c);
	if (sub) sale_subscription(s, sub);
	sale_price(s, sub ? switch_plan : open_session);
}

static void priced(struct sale *s) { customer_of(&s->v, CUSTOMER_MAKE, got_customer); }

static void start(struct ask *a) {
	struct sale *s = sale_begin(a);
	if (!s || !sale_read(s, true)) return;
	s->checkout = true;
	/* one that is refused takes the sale with it, so nothing is written to it before it is known */
	const char *success = visit_return_url(
		&s->v, "success_url", PAGE "?checkout=success&session_id={CHECKOUT_SESSION_ID}", s->success_room);
	const char *cancel =
		success ? visit_return_url(&s->v, "cancel_url", PAGE "?checkout=cancelled", s->cancel_room) : NULL;
	if (!cancel) return;
	s->success_url = success;
	s->cancel_url = cancel;
	s->return_url = visit_return_url(&s->v, "return_url", PAGE, s->return_room); /* of the portal; no such field */
	sale_price(s, priced);
}

static const char *const fields[] = {"tier", "price", "interval", "quantity", "success_url", "cancel_url", NULL};

const struct action create_checkout_session = {.method = HTTP_POST,
					       .path = API "create-checkout-session",
					       .fields = fields,
					       .per_minute = DEAR_PER_MINUTE,
					       .calls = 4,
					       .start = start};
