#include <strings.h>

#include "billing.h"
#include "routes.h"

#define FIELDS                                                                                                         \
	"address,balance,description,email,invoice_prefix,invoice_settings,metadata,name,payment_method,phone,"        \
	"preferred_locales,shipping,tax_exempt,"

/* Its card, as the simulator's control or the last attached payment method says: hidden.card */

static void take_default_method(struct sim_request *r, json_t *customer) {
	const json_t *settings = want_object(r, r->params, NULL, "invoice_settings");
	const char *id = want_text(r, settings, "invoice_settings", "default_payment_method");
	if (!id) return;
	json_t *kept = json_deep_copy(json_object_get(customer, "invoice_settings"));
	set_text(kept, "default_payment_method", *id ? id : NULL);
	(void)json_object_set_new(customer, "invoice_settings", kept);
	/* the method that is given beside it is attached later, and may be one of the names to test with */
	if (text_is(r->params, "payment_method", id)) return;
	if (*id && !failed(r) && !sim_find(r->sim, K_PAYMENT_METHOD, id))
		(void)refuse_missing(r, K_PAYMENT_METHOD, "invoice_settings[default_payment_method]", id);
}

static void take(struct sim_request *r, json_t *customer) {
	take_texts(r, customer, "description,email,invoice_prefix,name,phone,tax_exempt,");
	take_metadata(r, r->params, customer);
	take_default_method(r, customer);
	const json_t *address = want_object(r, r->params, NULL, "address");
	if (address) (void)json_object_set_new(customer, "address", json_deep_copy(address));
}

/* The customer's own word on its card counts again, not the simulator's control. */
static bool take_method(struct sim_request *r, struct record *customer, const char *id) {
	const json_t *settings = json_object_get(customer->json, "invoice_settings");
	struct record *method = payment_method_attach(r, id, customer);
	if (!method) return false;
	if (customer->hidden) (void)json_object_del(customer->hidden, "card");
	if (text_is(settings, "default_payment_method", id))
		customer_default_method(r->sim, customer, record_id(method));
	return true;
}

static json_t *create(struct sim_request *r) {
	const char *clock = want_text(r, r->params, NULL, "test_clock");
	struct record *clock_record = clock ? want(r, K_TEST_CLOCK, clock, "test_clock") : NULL;
	if (failed(r)) return NULL;
	json_t *customer = sim_shape(r->sim, K_CUSTOMER);
	if (clock_record) set_text(customer, "test_clock", clock);
	take(r, customer);
	const char *method = want_text(r, r->params, NULL, "payment_method");
	if (failed(r)) {
		json_decref(customer);
		return NULL;
	}
	struct record *rec = sim_add(r->sim, K_CUSTOMER, customer);
	sim_emit(r->sim, "customer.created", rec, NULL);
	return !method || take_method(r, rec, method) ? record_show(rec) : NULL;
}

static json_t *retrieve(struct sim_request *r) {
	struct record *rec = sim_find(r->sim, K_CUSTOMER, r->ids[0]);
	return rec ? record_show(rec) : refuse_missing(r, K_CUSTOMER, "id", r->ids[0]);
}

static json_t *update(struct sim_request *r) {
	struct record *rec = want(r, K_CUSTOMER, r->ids[0], "id");
	if (!rec) return NULL;
	json_t *before = record_copy(rec), *after = record_copy(rec);
	take(r, after);
	if (failed(r)) {
		json_decref(before);
		json_decref(after);
		return NULL;
	}
	bool new_card =
		!json_equal(json_object_get(before, "invoice_settings"), json_object_get(after, "invoice_settings"));
	if (new_card && rec->hidden) (void)json_object_del(rec->hidden, "card");
	(void)json_object_update(rec->json, after);
	json_decref(after);
	(void)sim_emit_change(r->sim, "customer.updated", rec, before);
	return record_show(rec);
}

/* Deleting a customer ends its subscriptions at once (Stripe's API reference, "Delete a customer"). */
static json_t *delete (struct sim_request *r) {
	struct record *rec = want(r, K_CUSTOMER, r->ids[0], "id");
	if (!rec) return NULL;
	customer_subscriptions_end(r->sim, rec);
	sim_emit(r->sim, "customer.deleted", rec, NULL);
	rec->deleted = true;
	return record_show(rec);
}

/* ---- search ----------------------------------------------------------------------- */

/* metadata['key']:'value' and nothing else of Stripe's query language; quotes inside are escaped with a backslash. */
static const char *read_quoted(const char *at, char *out, size_t size) {
	size_t n = 0;
	if (*at++ != '\'') return NULL;
	for (; *at && *at != '\''; at++) {
		if (*at == '\\' && at[1]) at++;
		if (n + 1 == size) return NULL;
		out[n++] = *at;
	}
	out[n] = 0;
	return *at == '\'' ? at + 1 : NULL;
}

static bool read_query(const char *query, char *key, char *value, size_t size) {
	static const char begin[] = "metadata[";
	if (!query || strncmp(query, begin, sizeof begin - 1) != 0) return false;
	const char *at = read_quoted(query + sizeof begin - 1, key, size);
	if (!at || strncmp(at, "]:", 2) != 0) return false;
	at = read_quoted(at + 2, value, size);
	return at && !*at;
}

/* https://docs.stripe.com/search#search-syntax: ":" is exact, and blind to case. */
static bool is_like(const struct record *rec, const char *key, const char *value) {
	const char *text = text_of(json_object_get(rec->json, "metadata"), key);
	return text && strcasecmp(text, value) == 0;
}

static json_t *search(struct sim_request *r) {
	char key[600], value[600];
	const char *query = need_text(r, r->params, NULL, "query");
	int64_t limit = want_int(r, r->params, NULL, "limit", 10, 1, SIM_LIST_MAX);
	if (failed(r)) return NULL;
	if (!read_query(query, key, value, sizeof key))
		return refuse(r, 400, NULL, "query", "We were unable to parse your search query.");
	const struct records *all = &r->sim->scope->lists[K_CUSTOMER];
	json_t *data = json_array();
	bool more = false;
	for (size_t i = all->count; i--;) {
		const struct record *rec = all->at[i];
		if (rec->deleted || !is_like(rec, key, value)) continue;
		more = (int64_t)json_array_size(data) == limit;
		if (more) break;
		(void)json_array_append_new(data, record_show(rec));
	}
	return json_pack("{s:s, s:o, s:b, s:n, s:s}", "object", "search_result", "data", data, "has_more", more,
			 "next_page", "url", r->path);
}

static json_t *list(struct sim_request *r) { return list_records(r, K_CUSTOMER, "email,test_clock,", NULL, NULL); }

static const struct sim_route rows[] = {
	{"POST", "/v1/customers", create, FIELDS "test_clock,"},
	{"GET", "/v1/customers", list, LIST_PARAMS "email,test_clock,"},
	{"GET", "/v1/customers/search", search, "limit,page,query,"},
	{"GET", "/v1/customers/:a", retrieve, ""},
	{"POST", "/v1/customers/:a", update, FIELDS},
	{"DELETE", "/v1/customers/:a", delete, ""},
};
ROUTES(customer_routes, rows);
