/* GET invoices: {invoices, next_cursor}. One list of Stripe's for each customer of the subject, which is usually one,
 * and then their charges, which alone know of refunds. */
#include "invoice_page.h"
#include "shop_private.h"

#define LIMIT_DEFAULT 10
#define LIST "/v1/invoices?expand[]=data.payments"
#define CHARGES "/v1/charges?limit=100"
#define LISTS 2 /* of each customer */

struct history {
	struct visit v;
	unsigned limit;
	struct invoice_cursor from;
	unsigned at, count;
	char customers[TG_CUSTOMERS_MAX][STRIPE_ID_MAX];
	int64_t horizon;
	json_t *all, *charges;
};

static void finish(struct visit *v) {
	struct history *h = (struct history *)v;
	json_decref(h->all);
	json_decref(h->charges);
}

static void answer(struct history *h) {
	ask_answer(h->v.ask, 200,
		   invoice_page(h->all, h->charges, h->horizon, &h->from, h->limit, ask_subject(h->v.ask)));
}

/* ---- charges ------------------------------------------------------------------------------------- */

static void next_charges(struct history *h);

/* Without them the page is as good, but for the word `refunded`. */
static void got_charges(struct ask *a, const struct stripe_answer *s) {
	struct history *h = visit_of(a);
	json_t *data = s->outcome == STRIPE_OK ? data_of(s->body) : NULL;
	if (data) (void)json_array_extend(h->charges, data);
	next_charges(h);
}

static void next_charges(struct history *h) {
	char room[STRIPE_PATH_MAX];
	struct writer w = writer_of(room, sizeof room);
	int64_t since = invoices_paid_since(h->all);
	if (h->at == h->count || !since) {
		answer(h);
		return;
	}
	stripe_path(&w, CHARGES, VIEW_NONE);
	stripe_param(&w, "customer", view_str(h->customers[h->at++]));
	stripe_param_number(&w, "created[gte]", since);
	ask_get(h->v.ask, stripe_text_end(&w), got_charges);
}

/* ---- invoices ------------------------------------------------------------------------------------ */

static void next_list(struct history *h);

static void got_list(struct ask *a, const struct stripe_answer *s) {
	struct history *h = visit_of(a);
	bool none = s->outcome == STRIPE_MISSING || strcmp(stripe_error_code(s), "resource_missing") == 0;
	if (!none && visit_failed(&h->v, s)) return;
	json_t *data = none ? NULL : data_of(s->body);
	if (!none && !data) {
		ask_refuse(a, REFUSAL_STRIPE, NULL);
		return;
	}
	if (data && yes_of(s->body, "has_more")) {
		int64_t end = moment_of(json_array_get(data, json_array_size(data) - 1), "created");
		if (end > h->horizon) h->horizon = end;
	}
	if (data) (void)json_array_extend(h->all, data);
	next_list(h);
}

static void next_list(struct history *h) {
	char room[STRIPE_PATH_MAX];
	struct writer w = writer_of(room, sizeof room);
	unsigned limit = h->limit + h->from.shown_count;
	if (h->at == h->count) {
		h->at = 0;
		next_charges(h);
		return;
	}
	stripe_path(&w, LIST, VIEW_NONE);
	stripe_param(&w, "customer", view_str(h->customers[h->at++]));
	stripe_param_number(&w, "limit", limit < INVOICE_PAGE_MAX ? limit : INVOICE_PAGE_MAX);
	if (h->from.at) stripe_param_number(&w, "created[lte]", h->from.at);
	ask_get(h->v.ask, stripe_text_end(&w), got_list);
}

static void got_profile(struct ask *a, enum tg_status status, const struct tg_profile *p) {
	struct history *h = visit_of(a);
	if (status != TG_OK) {
		ask_refuse(a, REFUSAL_UNAVAILABLE, NULL);
		return;
	}
	for (size_t i = 0; i < p->customer_count && i < TG_CUSTOMERS_MAX; i++) {
		copy_text(h->customers[h->count], STRIPE_ID_MAX, p->customers[i]);
		if (h->customers[h->count][0]) h->count++;
	}
	if (h->count > 1) ask_add_calls(a, (h->count - 1) * LISTS);
	next_list(h);
}

static void start(struct ask *a) {
	bool bad = false;
	struct history *h = visit_begin(a, sizeof *h);
	if (!h) return;
	h->v.finish = finish;
	int64_t limit = ask_number(a, "limit", 1, INVOICE_PAGE_MAX, LIMIT_DEFAULT, &bad);
	const char *cursor = bad ? NULL : ask_text(a, "cursor", &bad);
	if (bad) return; /* and h is gone with the ask */
	h->limit = (unsigned)limit;
	if (cursor && !invoice_cursor_read(cursor, ask_subject(a), &h->from)) {
		ask_refuse(a, REFUSAL_BAD_REQUEST, "the cursor is none of these invoices");
		return;
	}
	h->all = json_array();
	h->charges = json_array();
	if (h->all && h->charges)
		ask_profile(a, got_profile);
	else
		ask_refuse(a, REFUSAL_INTERNAL, NULL);
}

static const char *const fields[] = {"limit", "cursor", NULL};

const struct action invoices = {
	.method = HTTP_GET, .path = API "invoices", .fields = fields, .calls = LISTS, .start = start};
