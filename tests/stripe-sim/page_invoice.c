/* /i/in_…: an invoice, and while it is open, the button that pays it. */
#include "inner.h"
#include "page.h"
#include "routes.h"

static void show_lines(struct html *h, const json_t *invoice) {
	const char *currency = text_of(invoice, "currency");
	json_t *line;
	size_t i;
	html_raw(h, "<table id=\"lines\">");
	json_array_foreach(json_object_get(json_object_get(invoice, "lines"), "data"), i, line) {
		const json_t *period = json_object_get(line, "period");
		const char *what = text_of(line, "description");
		html_fill(h, "<tr><td>%s ", what ? what : "Plan", NULL, NULL, NULL);
		html_day(h, int_of(period, "start"));
		html_raw(h, " to ");
		html_day(h, int_of(period, "end"));
		html_raw(h, "</td><td class=\"n\">");
		html_money(h, int_of(line, "amount"), currency);
		html_raw(h, "</td></tr>");
	}
	html_raw(h, "<tr><th>Total</th><td class=\"n\" id=\"total\">");
	html_money(h, int_of(invoice, "total"), currency);
	html_raw(h, "</td></tr></table>");
}

static json_t *show(struct sim_request *r, const struct record *invoice, unsigned status, const char *note) {
	struct html h;
	char path[SIM_ID_MAX + 16];
	const char *number = text_of(invoice->json, "number");
	(void)snprintf(path, sizeof path, "/i/%s", record_id(invoice));
	html_begin(&h, number ? number : "Invoice");
	if (note) html_fill(&h, "<p class=\"note\" id=\"note\">%s</p>", note, NULL, NULL, NULL);
	html_fill(&h, "<p>This invoice is <b class=\"status\">%s</b>.</p>", text_of(invoice->json, "status"), NULL,
		  NULL, NULL);
	show_lines(&h, invoice->json);
	if (text_is(invoice->json, "status", "open")) {
		page_button(&h, path, "outcome", "ok", "Pay", true);
		page_button(&h, path, "outcome", "declined", "Pay with a card that is declined", false);
	}
	r->status = status;
	return page_show(r, &h);
}

static json_t *get(struct sim_request *r) {
	const struct record *invoice = page_record(r, K_INVOICE);
	return invoice ? show(r, invoice, 200, NULL) : NULL;
}

/* The card that is given here is the customer's from now on. */
static json_t *post(struct sim_request *r) {
	const struct record *invoice = page_record(r, K_INVOICE);
	if (!invoice) return NULL;
	char target[SIM_ID_MAX + 32];
	struct sim_error e = {.status = 0};
	const char *outcome = text_of(r->params, "outcome"), *customer = text_of(invoice->json, "customer");
	json_t *card = json_pack("{s:s, s:s}", "customer", customer ? customer : "", "outcome", outcome ? outcome : "");
	json_t *answer = inner_control(r, "/_sim/card", card, &e);
	(void)snprintf(target, sizeof target, "/v1/invoices/%s/pay", record_id(invoice));
	if (answer) {
		json_decref(answer);
		answer = inner_call(r, "POST", target, "", &e);
	}
	unsigned status = answer ? 200 : e.status ? e.status : 402;
	json_t *page = show(r, invoice, status, answer ? "Thank you." : e.message);
	json_decref(answer);
	json_decref(e.extra);
	return page;
}

static const struct sim_route rows[] = {
	{"GET", "/i/:a", get, NULL},
	{"POST", "/i/:a", post, NULL},
};
ROUTES(page_invoice_routes, rows);
