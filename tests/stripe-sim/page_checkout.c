/* /c/pay/cs_…: what is bought, and the buttons that decide how it goes. */
#include <stdlib.h>

#include "inner.h"
#include "page.h"
#include "routes.h"

#define HOLE "{CHECKOUT_SESSION_ID}"

static void path_of(const struct record *session, char out[SIM_ID_MAX + 16]) {
	(void)snprintf(out, SIM_ID_MAX + 16, "/c/pay/%s", record_id(session));
}

/* Malloc. */
static char *fill_in(const char *url, const char *id) {
	char *out = NULL;
	size_t size = 0;
	FILE *to = url ? open_memstream(&out, &size) : NULL;
	if (!to) return NULL;
	for (const char *hole; (hole = strstr(url, HOLE)); url = hole + sizeof HOLE - 1)
		(void)fprintf(to, "%.*s%s", (int)(hole - url), url, id);
	(void)fputs(url, to);
	return fclose(to) == 0 ? out : NULL;
}

static void show_items(struct html *h, struct sim_request *r, const struct record *session) {
	char target[SIM_ID_MAX + 48];
	(void)snprintf(target, sizeof target, "/v1/checkout/sessions/%s/line_items", record_id(session));
	json_t *list = inner_get(r, target), *item;
	size_t i;
	html_raw(h, "<table id=\"items\">");
	json_array_foreach(json_object_get(list, "data"), i, item) {
		char quantity[24];
		(void)snprintf(quantity, sizeof quantity, "%lld", (long long)int_of(item, "quantity"));
		html_fill(h, "<tr><td>%s &times; ", quantity, NULL, NULL, NULL);
		page_price(h, r->sim, json_object_get(item, "price"));
		html_raw(h, "</td><td class=\"n\">");
		html_money(h, int_of(item, "amount_total"), text_of(item, "currency"));
		html_raw(h, "</td></tr>");
	}
	html_raw(h, "<tr><th>Total</th><td class=\"n\" id=\"total\">");
	html_money(h, int_of(session->json, "amount_total"), text_of(session->json, "currency"));
	html_raw(h, "</td></tr></table>");
	json_decref(list);
}

static void show_trial(struct html *h, const struct record *session) {
	const char *days = text_of(json_object_get(session->hidden, "subscription_data"), "trial_period_days");
	if (days) html_fill(h, "<p id=\"trial\">The first %s days are free.</p>", days, NULL, NULL, NULL);
}

static json_t *show(struct sim_request *r, const struct record *session, unsigned status, const char *note) {
	struct html h;
	char path[SIM_ID_MAX + 16];
	bool setup = text_is(session->json, "mode", "setup");
	path_of(session, path);
	html_begin(&h, setup ? "Save a card" : "Checkout");
	if (note) html_fill(&h, "<p class=\"note\" id=\"note\">%s</p>", note, NULL, NULL, NULL);
	const char *email = text_of(json_object_get(session->json, "customer_details"), "email");
	if (email) html_fill(&h, "<p>For %s</p>", email, NULL, NULL, NULL);
	if (!setup) {
		show_items(&h, r, session);
		show_trial(&h, session);
	}
	page_button(&h, path, "outcome", "ok", setup ? "Save card" : "Pay", true);
	page_button(&h, path, "outcome", "requires_action", "Pay with a card that asks for authentication", false);
	page_button(&h, path, "outcome", "declined", "Pay with a card that is declined", false);
	if (!setup) page_button(&h, path, "outcome", "async", "Pay by a bank debit that arrives later", false);
	const char *back = text_of(session->json, "cancel_url");
	if (back) html_fill(&h, "<p><a id=\"back\" href=\"%s\">Back</a></p>", back, NULL, NULL, NULL);
	r->status = status;
	return page_show(r, &h);
}

static json_t *challenge(struct sim_request *r, const struct record *session) {
	struct html h;
	char path[SIM_ID_MAX + 16];
	path_of(session, path);
	html_begin(&h, "Authentication");
	html_raw(&h, "<p>The bank asks whether this payment is meant.</p>");
	page_button(&h, path, "outcome", "ok", "Complete", true);
	page_button(&h, path, "outcome", "declined", "Fail", false);
	return page_show(r, &h);
}

static json_t *is_over(struct sim_request *r, const struct record *session) {
	if (text_is(session->json, "status", "expired"))
		return page_message(r, 410, "Expired", "This checkout session is no longer open.");
	return page_message(r, 200, "Complete", "This checkout session was completed.");
}

static json_t *get(struct sim_request *r) {
	struct record *session = page_record(r, K_SESSION);
	if (!session) return NULL;
	return text_is(session->json, "status", "open") ? show(r, session, 200, NULL) : is_over(r, session);
}

static json_t *pay(struct sim_request *r, const struct record *session, const char *outcome) {
	bool async = strcmp(outcome, "async") == 0;
	struct sim_error e = {.status = 0};
	char *to = fill_in(text_of(session->json, "success_url"), record_id(session));
	json_t *body = json_pack("{s:s, s:s, s:b}", "session", record_id(session), "outcome", async ? "ok" : outcome,
				 "async", (int)async);
	json_t *answer = inner_control(r, "/_sim/pay", body, &e);
	json_t *page = answer ? page_go(r, to) : show(r, session, e.status ? e.status : 402, e.message);
	json_decref(answer);
	json_decref(e.extra);
	free(to);
	return page;
}

static json_t *post(struct sim_request *r) {
	struct record *session = page_record(r, K_SESSION);
	if (!session) return NULL;
	const char *outcome = text_of(r->params, "outcome");
	if (!text_is(session->json, "status", "open")) return is_over(r, session);
	if (outcome && strcmp(outcome, "requires_action") == 0) return challenge(r, session);
	bool known = outcome &&
		     (strcmp(outcome, "ok") == 0 || strcmp(outcome, "declined") == 0 || strcmp(outcome, "async") == 0);
	return known ? pay(r, session, outcome) : show(r, session, 400, "Choose one of the buttons.");
}

static const struct sim_route rows[] = {
	{"GET", "/c/pay/:a", get, NULL},
	{"POST", "/c/pay/:a", post, NULL},
};
ROUTES(page_checkout_routes, rows);
