/* GET change-preview?tier=&price=&interval=&quantity= → {tier, price, effective, now, next, lines}. */
#include "preview.h"
#include "sale.h"
#include "shop_private.h"

#define RULES "/v1/billing_portal/configurations?is_default=true&active=true&limit=1"
#define PREVIEW "/v1/invoices/create_preview"

struct preview {
	struct sale s;
	struct change change;
	json_t *now_invoice;
};

static void finish(struct visit *v) {
	struct preview *p = (struct preview *)v;
	json_decref(p->now_invoice);
	json_decref(p->s.sub);
}

static struct view tier_name(const struct preview *p) { return ask_catalog(p->s.v.ask)->tiers[p->s.tier].name; }

static void show(struct preview *p, const json_t *next_invoice) {
	ask_answer(p->s.v.ask, 200, change_show(&p->change, tier_name(p), p->now_invoice, next_invoice));
}

static void got_next(struct ask *a, const struct stripe_answer *r) {
	struct preview *p = visit_of(a);
	if (!visit_failed(&p->s.v, r)) show(p, r->body);
}

static void post(struct preview *p, bool prorated, void (*then)(struct ask *a, const struct stripe_answer *r)) {
	char room[4096];
	struct writer w = writer_of(room, sizeof room);
	change_form(&w, &p->change, prorated);
	ask_post(p->s.v.ask, PREVIEW, writer_view(&w), NULL, then);
}

static void ask_next(struct preview *p) {
	if (change_asks_next(&p->change))
		post(p, false, got_next);
	else
		show(p, NULL);
}

static void got_now(struct ask *a, const struct stripe_answer *r) {
	struct preview *p = visit_of(a);
	if (visit_failed(&p->s.v, r)) return;
	p->now_invoice = json_incref(r->body);
	ask_next(p);
}

/* Without the right to read it, or without one: what Stripe's API does when nothing is said. */
static void got_rules(struct ask *a, const struct stripe_answer *r) {
	struct preview *p = visit_of(a);
	struct portal_rules rules;
	if (stripe_outcome_passes(r->outcome) && visit_failed(&p->s.v, r)) return;
	portal_rules_read(r->outcome == STRIPE_OK ? json_array_get(data_of(r->body), 0) : NULL, &rules);
	change_decide(&p->change, sale_item(&p->s), &rules);
	if (change_asks_now(&p->change))
		post(p, true, got_now);
	else
		ask_next(p);
}

static void priced(struct sale *s) {
	struct preview *p = (struct preview *)s;
	const json_t *item = sale_item(s);
	if (!s->sub) {
		ask_answer(s->v.ask, 200,
			   purchase_show(&s->price, s->quantity ? s->quantity : 1, ask_now(s->v.ask), tier_name(p)));
		return;
	}
	if (!text_of(item, "id")) {
		ask_refuse(s->v.ask, REFUSAL_STRIPE, NULL);
		return;
	}
	p->change = (struct change){.customer = s->customer,
				    .subscription = s->subscription,
				    .item = text_of(item, "id"), /* as long as the sale's subscription */
				    .to = &s->price,
				    .quantity = s->quantity ? s->quantity : whole_of(item, "quantity", 1),
				    .now = ask_now(s->v.ask)};
	const char *present = id_of(item, "price");
	if (present && strcmp(present, s->price.id) == 0 && p->change.quantity == whole_of(item, "quantity", 1)) {
		ask_refuse(s->v.ask, REFUSAL_NO_CHANGE, NULL);
		return;
	}
	ask_get(s->v.ask, RULES, got_rules);
}

static void got_customer(struct visit *v, const struct found_customer *c) {
	struct sale *s = (struct sale *)v;
	json_t *sub = living_subscription(c->subscriptions);
	sale_customer(s, c);
	if (sub) sale_subscription(s, sub);
	sale_price(s, priced);
}

static void start(struct ask *a) {
	struct preview *p = visit_begin(a, sizeof *p);
	if (!p) return;
	p->s.v.finish = finish;
	if (sale_read(&p->s, true)) customer_of(&p->s.v, CUSTOMER_FIND, got_customer);
}

static const char *const fields[] = {"tier", "price", "interval", "quantity", NULL};

const struct action change_preview = {
	.method = HTTP_GET, .path = API "change-preview", .fields = fields, .calls = 4, .start = start};
