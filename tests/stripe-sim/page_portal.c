/* /p/session/bps_…: the customer's subscriptions, card and invoices, and what may be done with them. */
#include <stdlib.h>

#include "billing.h"
#include "inner.h"
#include "page.h"
#include "routes.h"

#define INVOICES_SHOWN 12

struct path {
	char text[SIM_ID_MAX + 24];
};

static struct path path_of(const char *session, const char *verb) {
	struct path p;
	(void)snprintf(p.text, sizeof p.text, "/p/session/%.64s%s", session, verb);
	return p;
}

/* ---- parts ------------------------------------------------------------------------- */

void portal_card_form(struct html *h, const char *session) {
	html_fill(h,
		  "<form method=\"post\" action=\"%s\"><select name=\"outcome\">"
		  "<option value=\"ok\">a card that works</option><option value=\"declined\">a card that is "
		  "declined</option>"
		  "<option value=\"requires_action\">a card that asks for authentication</option></select> "
		  "<button class=\"main\" name=\"do\" value=\"card\">Update card</button></form>",
		  path_of(session, "/card").text, NULL, NULL, NULL);
}

static void hidden_sub(struct html *h, const struct record *sub) {
	html_fill(h, "<input type=\"hidden\" name=\"subscription\" value=\"%s\">", record_id(sub), NULL, NULL, NULL);
}

static void sub_button(struct html *h, const struct path *to, const struct record *sub, const char *value,
		       const char *label) {
	html_fill(h, "<form method=\"post\" action=\"%s\">", to->text, NULL, NULL, NULL);
	hidden_sub(h, sub);
	html_fill(h, "<button name=\"when\" value=\"%s\">%s</button></form>", value, label, NULL, NULL);
}

void portal_cancel_forms(struct html *h, const char *session, const struct record *sub) {
	struct path to = path_of(session, "/cancel");
	sub_button(h, &to, sub, "period_end", "Cancel at the end of the period");
	sub_button(h, &to, sub, "now", "Cancel now");
}

static const json_t *first_item(const struct record *sub) { return json_array_get(items_of(sub->json), 0); }

static void plan_option(struct html *h, struct sim *sim, const struct record *price, const char *current) {
	html_fill(h, "<option value=\"%s\"", record_id(price), NULL, NULL, NULL);
	html_raw(h, current && strcmp(current, record_id(price)) == 0 ? " selected>" : ">");
	page_price(h, sim, price->json);
	html_raw(h, "</option>");
}

/* The prices that the configuration offers, else every active one that recurs. */
static bool is_offered(const json_t *products, const struct record *price) {
	if (price->deleted || !bool_of(price->json, "active") || !text_is(price->json, "type", "recurring"))
		return false;
	const json_t *product;
	size_t i, k;
	json_array_foreach(products, i, product) {
		const json_t *id;
		json_array_foreach(json_object_get(product, "prices"), k, id) {
			if (json_is_string(id) && strcmp(json_string_value(id), record_id(price)) == 0) return true;
		}
	}
	return json_array_size(products) == 0;
}

static const json_t *feature(struct sim *sim, const struct record *session, const char *name) {
	const struct record *c = sim_find_any(sim, text_of(session->json, "configuration"));
	return c ? json_object_get(json_object_get(c->json, "features"), name) : NULL;
}

static bool is_on(const json_t *f) {
	return !f || json_is_true(json_object_get(f, "enabled")) || text_is(f, "enabled", "true");
}

void portal_plan_form(struct html *h, struct sim_request *r, const struct record *session, const struct record *sub) {
	const json_t *products = json_object_get(feature(r->sim, session, "subscription_update"), "products");
	const char *current = text_of(json_object_get(first_item(sub), "price"), "id");
	const struct records *prices = &r->sim->scope->lists[K_PRICE];
	html_fill(h, "<form method=\"post\" action=\"%s\">", path_of(record_id(session), "/switch").text, NULL, NULL,
		  NULL);
	hidden_sub(h, sub);
	html_raw(h, "<select name=\"price\">");
	for (size_t i = 0; i < prices->count; i++)
		if (is_offered(products, prices->at[i])) plan_option(h, r->sim, prices->at[i], current);
	html_raw(h, "</select> <button name=\"do\" value=\"switch\">Switch plan</button></form>");
}

void portal_back(struct html *h, const struct record *session) {
	const char *back = text_of(session->json, "return_url");
	if (back) html_fill(h, "<p><a id=\"back\" href=\"%s\">Back</a></p>", back, NULL, NULL, NULL);
}

/* ---- the page ------------------------------------------------------------------------ */

static void show_state(struct html *h, const struct record *sub) {
	const json_t *o = sub->json;
	bool at_end = bool_of(o, "cancel_at_period_end"), trial = text_is(o, "status", "trialing");
	html_fill(h, "<p><b class=\"status\">%s</b>", text_of(o, "status"), NULL, NULL, NULL);
	if (at_end || json_is_integer(json_object_get(o, "cancel_at"))) {
		html_raw(h, ", ends on ");
		html_day(h, at_end ? period_end(sub) : int_of(o, "cancel_at"));
	} else {
		html_raw(h, trial ? ", free until " : ", next payment on ");
		html_day(h, trial ? int_of(o, "trial_end") : period_end(sub));
	}
	html_raw(h, "</p>");
}

static bool is_canceling(const struct record *sub) {
	return bool_of(sub->json, "cancel_at_period_end") || json_is_integer(json_object_get(sub->json, "cancel_at"));
}

static void show_subscription(struct html *h, struct sim_request *r, const struct record *session,
			      const struct record *sub) {
	html_fill(h, "<section class=\"subscription\" id=\"%s\">", record_id(sub), NULL, NULL, NULL);
	json_t *item;
	size_t i;
	json_array_foreach(items_of(sub->json), i, item) {
		char quantity[24];
		(void)snprintf(quantity, sizeof quantity, "%lld", (long long)int_of(item, "quantity"));
		html_fill(h, "<h2>%s &times; ", quantity, NULL, NULL, NULL);
		page_price(h, r->sim, json_object_get(item, "price"));
		html_raw(h, "</h2>");
	}
	show_state(h, sub);
	struct path resume = path_of(record_id(session), "/resume");
	if (is_canceling(sub)) {
		sub_button(h, &resume, sub, "now", "Resume");
	} else if (is_on(feature(r->sim, session, "subscription_cancel"))) {
		portal_cancel_forms(h, record_id(session), sub);
	}
	bool one = json_array_size(items_of(sub->json)) == 1;
	if (one && is_on(feature(r->sim, session, "subscription_update"))) portal_plan_form(h, r, session, sub);
	html_raw(h, "</section>");
}

static void show_invoices(struct html *h, struct sim *sim, const char *customer) {
	const struct records *all = sim_indexed(sim, K_INVOICE, "customer", customer, NULL);
	html_raw(h, "<section><h2>Invoices</h2><table id=\"invoices\">");
	for (size_t i = all ? all->count : 0, n = 0; i-- > 0 && n < INVOICES_SHOWN; n++) {
		const json_t *o = all->at[i]->json;
		html_raw(h, "<tr><td>");
		html_day(h, int_of(o, "created"));
		html_fill(h, "</td><td>%s</td><td>%s</td><td class=\"n\">", text_of(o, "number"), text_of(o, "status"),
			  NULL, NULL);
		html_money(h, int_of(o, "total"), text_of(o, "currency"));
		html_raw(h, "</td></tr>");
	}
	html_raw(h, "</table></section>");
}

static json_t *show(struct sim_request *r, const struct record *session, unsigned status, const char *note) {
	struct html h;
	const char *customer = text_of(session->json, "customer");
	const struct record *rec = customer ? sim_find(r->sim, K_CUSTOMER, customer) : NULL;
	html_begin(&h, "Your plan");
	if (note) html_fill(&h, "<p class=\"note\" id=\"note\">%s</p>", note, NULL, NULL, NULL);
	if (rec && text_of(rec->json, "email"))
		html_fill(&h, "<p>%s</p>", text_of(rec->json, "email"), NULL, NULL, NULL);
	const struct records *subs = customer ? sim_indexed(r->sim, K_SUBSCRIPTION, "customer", customer, NULL) : NULL;
	size_t shown = 0;
	for (size_t i = 0; subs && i < subs->count; i++) {
		if (subscription_is(subs->at[i], "canceled|incomplete_expired")) continue;
		show_subscription(&h, r, session, subs->at[i]);
		shown++;
	}
	if (!shown) html_raw(&h, "<p id=\"none\">There is no subscription.</p>");
	html_raw(&h, "<section><h2>Card</h2>");
	portal_card_form(&h, record_id(session));
	html_raw(&h, "</section>");
	if (customer) show_invoices(&h, r->sim, customer);
	portal_back(&h, session);
	r->status = status;
	return page_show(r, &h);
}

/* ---- actions ---------------------------------------------------------------------------- */

static json_t *get(struct sim_request *r) {
	struct record *session = page_record(r, K_PORTAL_SESSION);
	if (!session || flow_page(r, session, NULL)) return NULL;
	return show(r, session, 200, NULL);
}

static json_t *get_home(struct sim_request *r) {
	struct record *session = page_record(r, K_PORTAL_SESSION);
	return session ? show(r, session, 200, NULL) : NULL;
}

/* The subscription that a form names, of this session's customer; or NULL and a page. */
static struct record *named(struct sim_request *r, const struct record *session) {
	struct record *sub = sim_find(r->sim, K_SUBSCRIPTION, text_of(r->params, "subscription"));
	const char *customer = text_of(session->json, "customer");
	if (sub && customer && text_is(sub->json, "customer", customer)) return sub;
	(void)show(r, session, 404, "There is no such subscription.");
	return NULL;
}

/* The answer of the API decides what is shown. Takes answer. */
static json_t *after(struct sim_request *r, struct record *session, json_t *answer, struct sim_error *e) {
	json_t *page = answer ? flow_done(r, session) : show(r, session, e->status ? e->status : 400, e->message);
	json_decref(answer);
	json_decref(e->extra);
	return page;
}

/* Flexible billing writes the date of the end; classic says that it is the period's. */
static json_t *cancel(struct sim_request *r) {
	struct record *session = page_record(r, K_PORTAL_SESSION), *sub = session ? named(r, session) : NULL;
	if (!sub) return NULL;
	char target[SIM_ID_MAX + 24], form[120];
	struct sim_error e = {.status = 0};
	bool now = text_is(r->params, "when", "now");
	bool flexible = text_is(json_object_get(sub->json, "billing_mode"), "type", "flexible");
	(void)snprintf(target, sizeof target, "/v1/subscriptions/%s", record_id(sub));
	(void)snprintf(form, sizeof form, flexible ? "cancel_at=%lld" : "cancel_at_period_end=true",
		       (long long)period_end(sub));
	json_t *answer = now ? inner_call(r, "DELETE", target, "", &e) : inner_call(r, "POST", target, form, &e);
	return after(r, session, answer, &e);
}

static json_t *resume(struct sim_request *r) {
	struct record *session = page_record(r, K_PORTAL_SESSION), *sub = session ? named(r, session) : NULL;
	if (!sub) return NULL;
	char target[SIM_ID_MAX + 24];
	struct sim_error e = {.status = 0};
	bool at_end = bool_of(sub->json, "cancel_at_period_end");
	(void)snprintf(target, sizeof target, "/v1/subscriptions/%s", record_id(sub));
	return after(r, session,
		     inner_call(r, "POST", target, at_end ? "cancel_at_period_end=false" : "cancel_at=", &e), &e);
}

static json_t *change(struct sim_request *r) {
	struct record *session = page_record(r, K_PORTAL_SESSION), *sub = session ? named(r, session) : NULL;
	if (!sub) return NULL;
	const struct record *price = sim_find(r->sim, K_PRICE, text_of(r->params, "price"));
	if (!price) return show(r, session, 404, "There is no such plan.");
	struct sim_error e = {.status = 0};
	json_t *answer = portal_switch(r, feature(r->sim, session, "subscription_update"), sub, price, &e);
	return after(r, session, answer, &e);
}

static json_t *card(struct sim_request *r) {
	struct record *session = page_record(r, K_PORTAL_SESSION);
	if (!session) return NULL;
	const char *outcome = text_of(r->params, "outcome");
	struct sim_error e = {.status = 0};
	json_t *body = json_pack("{s:s, s:s}", "customer", text_of(session->json, "customer"), "outcome",
				 outcome ? outcome : "");
	return after(r, session, inner_control(r, "/_sim/card", body, &e), &e);
}

static const struct sim_route rows[] = {
	{"GET", "/p/session/:a", get, NULL},
	{"GET", "/p/session/:a/home", get_home, NULL},
	{"POST", "/p/session/:a/cancel", cancel, NULL},
	{"POST", "/p/session/:a/resume", resume, NULL},
	{"POST", "/p/session/:a/switch", change, NULL},
	{"POST", "/p/session/:a/card", card, NULL},
};
ROUTES(page_portal_routes, rows);
