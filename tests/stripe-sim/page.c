#include "page.h"

#include <stdlib.h>

static bool is_link(const char *url) {
	return url && (strncmp(url, "http://", 7) == 0 || strncmp(url, "https://", 8) == 0 ||
		       (url[0] == '/' && url[1] != '/'));
}

json_t *page_show(struct sim_request *r, struct html *h) {
	r->html = html_end(h);
	if (!r->html) refuse(r, 500, NULL, NULL, "Out of memory.");
	return NULL;
}

json_t *page_message(struct sim_request *r, unsigned status, const char *title, const char *text) {
	struct html h;
	html_begin(&h, title);
	html_fill(&h, "<p>%s</p>", text, NULL, NULL, NULL);
	r->status = status;
	return page_show(r, &h);
}

struct record *page_record(struct sim_request *r, enum kind kind) {
	struct record *rec = sim_find_any(r->sim, r->ids[0]);
	if (!rec || rec->kind != kind) {
		(void)page_message(r, 404, "Not found", "There is no such page; perhaps the link is not whole.");
		return NULL;
	}
	r->account = rec->scope->account;
	sim_follow(r->sim, rec);
	return rec;
}

/* A URL goes into a header: nothing may end the line. */
json_t *page_go(struct sim_request *r, const char *url) {
	for (const char *p = url; p && *p; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f) url = NULL;
	if (!is_link(url)) return page_message(r, 200, "Done", "That is all; you may close this page.");
	r->location = strdup(url);
	return NULL;
}

void page_price(struct html *h, struct sim *sim, const json_t *price) {
	const char *name = text_of(price, "nickname"), *product = text_of(price, "product");
	const struct record *rec = product ? sim_find_any(sim, product) : NULL;
	if (!name && rec) name = text_of(rec->json, "name");
	if (!name) name = text_of(price, "lookup_key");
	html_text(h, name ? name : text_of(price, "id"));
	html_raw(h, ", ");
	html_money(h, int_of(price, "unit_amount"), text_of(price, "currency"));
	const json_t *recurring = json_object_get(price, "recurring");
	int64_t every = int_of(recurring, "interval_count");
	if (!json_is_object(recurring)) return;
	char count[24] = "";
	if (every > 1) (void)snprintf(count, sizeof count, "%lld ", (long long)every);
	html_fill(h, " per %s%s", count, text_of(recurring, "interval"), NULL, NULL);
}

void page_button(struct html *h, const char *action, const char *field, const char *value, const char *label,
		 bool main) {
	html_fill(h, "<form method=\"post\" action=\"%s\"><button name=\"%s\" value=\"%s\"", action, field, value,
		  NULL);
	html_raw(h, main ? " class=\"main\">" : ">");
	html_text(h, label);
	html_raw(h, "</button></form>");
}
