#include "invoice_page.h"

#include <stdlib.h>

#include "base/parse.h"
#include "net/web_get.h"
#include "stripe_read.h"

static json_t *moment(int64_t s) {
	char text[RFC3339_SIZE];
	if (s <= 0) return json_null();
	format_rfc3339(s, text);
	return json_string(text);
}
static json_t *text(const char *s) { return s ? json_string(s) : json_null(); }

/* Three lower-case letters, as openapi.json has it. */
static json_t *currency_of(const json_t *o) {
	const char *code = text_of(o, "currency");
	bool plain = code && strlen(code) == 3 && strspn(code, "abcdefghijklmnopqrstuvwxyz") == 3;
	return plain ? json_string(code) : json_null();
}

/* Only what a browser may be sent to. */
static json_t *link_of(const json_t *o, const char *key) {
	const char *url = text_of(o, key);
	bool web = url && web_url_check(url, NULL) == OK;
	return web ? json_string(url) : json_null();
}

/* ---- refunds ------------------------------------------------------------------------------------- */

static bool paid_by(const json_t *invoice, const json_t *charge) {
	const json_t *payments = data_of(json_object_get(invoice, "payments"));
	const char *intent = id_of(charge, "payment_intent"), *id = text_of(charge, "id");
	for (size_t i = 0; i < json_array_size(payments); i++) {
		const json_t *payment = json_object_get(json_array_get(payments, i), "payment");
		const char *by_intent = id_of(payment, "payment_intent"), *by_charge = id_of(payment, "charge");
		if ((intent && by_intent && strcmp(intent, by_intent) == 0) ||
		    (id && by_charge && strcmp(id, by_charge) == 0))
			return true;
	}
	return false;
}

/* How much of what was paid went back. null: which charge paid it is not known. */
static json_t *refunded(const json_t *invoice, const json_t *charges) {
	int64_t back = 0;
	bool seen = whole_of(invoice, "amount_paid", 0) <= 0;
	for (size_t i = 0; i < json_array_size(charges); i++) {
		const json_t *charge = json_array_get(charges, i);
		if (!paid_by(invoice, charge) || !yes_of(charge, "paid")) continue;
		seen = true;
		if (__builtin_add_overflow(back, whole_of(charge, "amount_refunded", 0), &back)) back = INT64_MAX;
	}
	return seen ? json_integer((json_int_t)back) : json_null();
}

/* ---- one invoice --------------------------------------------------------------------------------- */

static const char *description_of(const json_t *o) {
	const char *own = text_of(o, "description");
	const json_t *line = json_array_get(data_of(json_object_get(o, "lines")), 0);
	return own ? own : text_of(line, "description");
}

/* The time that was paid for is the lines'; the invoice's own period is about when items were collected. */
static void period_of(const json_t *o, int64_t *start, int64_t *end) {
	const json_t *lines = data_of(json_object_get(o, "lines"));
	*start = *end = 0;
	for (size_t i = 0; i < json_array_size(lines); i++) {
		const json_t *period = json_object_get(json_array_get(lines, i), "period");
		int64_t from = moment_of(period, "start"), to = moment_of(period, "end");
		if (from && (!*start || from < *start)) *start = from;
		if (to > *end) *end = to;
	}
	if (!*start) *start = moment_of(o, "period_start");
	if (!*end) *end = moment_of(o, "period_end");
}

static json_t *invoice_json(const json_t *o, const json_t *charges) {
	int64_t start, end;
	period_of(o, &start, &end);
	return json_pack("{s:s, s:o, s:o, s:o, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "id",
			 text_of(o, "id"), "number", text(text_of(o, "number")), "created",
			 moment(moment_of(o, "created")), "status", text(text_of(o, "status")), "total",
			 (json_int_t)whole_of(o, "total", 0), "amount_paid", (json_int_t)whole_of(o, "amount_paid", 0),
			 "amount_due", (json_int_t)whole_of(o, "amount_remaining", 0), "currency", currency_of(o),
			 "period_start", moment(start), "period_end", moment(end), "description",
			 text(description_of(o)), "hosted_url", link_of(o, "hosted_invoice_url"), "pdf_url",
			 link_of(o, "invoice_pdf"), "refunded", refunded(o, charges));
}

/* ---- the page ------------------------------------------------------------------------------------ */

struct row {
	const json_t *o;
	int64_t created;
	const char *id;
};

static int newest_first(const void *a, const void *b) {
	const struct row *x = a, *y = b;
	if (x->created != y->created) return x->created > y->created ? -1 : 1;
	return strcmp(y->id, x->id);
}

static bool was_shown(const struct invoice_cursor *c, const struct row *r) {
	if (!c->at) return false;
	if (r->created > c->at) return true;
	for (unsigned i = 0; r->created == c->at && i < c->shown_count; i++)
		if (strcmp(c->shown[i], r->id) == 0) return true;
	return false;
}

static size_t take_rows(const json_t *all, int64_t horizon, const struct invoice_cursor *from, struct row *rows) {
	size_t n = 0;
	for (size_t i = 0; i < json_array_size(all); i++) {
		const json_t *o = json_array_get(all, i);
		struct row r = {o, moment_of(o, "created"), text_of(o, "id")};
		if (!r.id || !*r.id || strlen(r.id) >= STRIPE_ID_MAX || !r.created || text_is(o, "status", "draft"))
			continue;
		if (r.created >= horizon && !was_shown(from, &r)) rows[n++] = r;
	}
	qsort(rows, n, sizeof *rows, newest_first);
	return n;
}

/* Where the next page begins: at the last one shown, without those of its second; or at the horizon when all in front
 * of it were drafts. It always moves on. */
static void cursor_after(const struct row *rows, size_t shown, int64_t horizon, const struct invoice_cursor *from,
			 struct invoice_cursor *c) {
	*c = (struct invoice_cursor){.at = shown ? rows[shown - 1].created : horizon};
	if (from->at == c->at) *c = *from;
	unsigned before = c->shown_count;
	for (size_t i = shown; i-- && rows[i].created == c->at && c->shown_count < CURSOR_SHOWN_MAX;)
		copy_text(c->shown[c->shown_count++], STRIPE_ID_MAX, rows[i].id);
	if (from->at == c->at && c->shown_count == before) *c = (struct invoice_cursor){.at = c->at - 1};
}

json_t *invoice_page(const json_t *all, const json_t *charges, int64_t horizon, const struct invoice_cursor *from,
		     unsigned limit, const char *subject) {
	struct row *rows = calloc(json_array_size(all) + 1, sizeof *rows);
	json_t *list = rows ? json_array() : NULL;
	if (!list) {
		free(rows);
		return NULL;
	}
	struct invoice_cursor next;
	char cursor[CURSOR_SIZE] = "";
	size_t n = take_rows(all, horizon, from, rows), shown = n < limit ? n : limit;
	for (size_t i = 0; i < shown; i++) (void)json_array_append_new(list, invoice_json(rows[i].o, charges));
	if (horizon || n > shown) {
		cursor_after(rows, shown, horizon, from, &next);
		if (!invoice_cursor_write(&next, subject, cursor)) cursor[0] = 0;
	}
	free(rows);
	return json_pack("{s:o, s:s?}", "invoices", list, "next_cursor", cursor[0] ? cursor : NULL);
}

int64_t invoices_paid_since(const json_t *all) {
	int64_t since = 0;
	for (size_t i = 0; i < json_array_size(all); i++) {
		const json_t *o = json_array_get(all, i);
		int64_t created = moment_of(o, "created");
		if (created && whole_of(o, "amount_paid", 0) > 0 && (!since || created < since)) since = created;
	}
	return since;
}
