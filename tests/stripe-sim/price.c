#include "price.h"

#include <stdio.h>

#include "routes.h"
#include "shapes.h"

#define AMOUNT_MAX INT64_C(99999999)

/* ---- lookup keys ---------------------------------------------------------------- */

static struct record *holder_of(struct sim *sim, const char *key) {
	const struct records *prices = &sim->scope->lists[K_PRICE];
	for (size_t i = prices->count; i--;)
		if (text_is(prices->at[i]->json, "lookup_key", key)) return prices->at[i];
	return NULL;
}

/* A key belongs to one price; transfer_lookup_key takes it from the one that has it. */
static void take_lookup_key(struct sim_request *r, const json_t *params, json_t *price) {
	const char *key = want_text(r, params, NULL, "lookup_key");
	bool transfer = want_bool(r, params, NULL, "transfer_lookup_key", false);
	if (!key || failed(r)) return;
	if (strlen(key) > LOOKUP_KEY_MAX) {
		(void)refuse(r, 400, "parameter_invalid", "lookup_key", "A lookup key has at most %d characters.",
			     LOOKUP_KEY_MAX);
		return;
	}
	struct record *holder = *key ? holder_of(r->sim, key) : NULL;
	bool other = holder && !text_is(price, "id", record_id(holder));
	if (other && !transfer) {
		(void)refuse(r, 400, "resource_already_exists", "lookup_key",
			     "A price (`%s`) already uses that lookup key.", record_id(holder));
		return;
	}
	if (other) {
		json_t *before = record_copy(holder);
		set_null(holder->json, "lookup_key");
		(void)sim_emit_change(r->sim, "price.updated", holder, before);
	}
	set_text(price, "lookup_key", *key ? key : NULL);
}

/* ---- create ------------------------------------------------------------------- */

static void take_recurring(struct sim_request *r, const json_t *params, json_t *price) {
	const json_t *recurring = want_object(r, params, NULL, "recurring");
	if (!recurring) return;
	(void)need_text(r, recurring, "recurring", "interval");
	const char *interval = want_choice(r, recurring, "recurring", "interval", "day|week|month|year", "month");
	int64_t count = want_int(r, recurring, "recurring", "interval_count", 1, 1, 1095);
	set_text(price, "type", "recurring");
	(void)json_object_set_new(price, "recurring",
				  json_pack("{s:s, s:I, s:n, s:n, s:s}", "interval", interval, "interval_count",
					    (json_int_t)count, "meter", "trial_period_days", "usage_type", "licensed"));
}

static void take_amount(struct sim_request *r, const json_t *params, const char *at, json_t *price) {
	char decimal[32];
	if (!given(params, "unit_amount") && !given(params, "unit_amount_decimal")) {
		(void)refuse(r, 400, "parameter_missing", "unit_amount", "Missing required param: unit_amount.");
		return;
	}
	const char *name = given(params, "unit_amount") ? "unit_amount" : "unit_amount_decimal";
	int64_t amount = want_int(r, params, at, name, 0, 0, AMOUNT_MAX);
	(void)snprintf(decimal, sizeof decimal, "%lld", (long long)amount);
	set_int(price, "unit_amount", amount);
	set_text(price, "unit_amount_decimal", decimal);
}

struct record *price_create(struct sim_request *r, const json_t *params, const char *at, const char *product) {
	const char *currency = need_text(r, params, at, "currency");
	if (currency && strlen(currency) != 3)
		(void)refuse(r, 400, NULL, "currency", "Invalid currency: must be a three-letter ISO code.");
	if (!product) {
		product = need_text(r, params, at, "product");
		if (product && !want(r, K_PRODUCT, product, "product")) return NULL;
	}
	if (failed(r)) return NULL;
	json_t *price = sim_shape(r->sim, K_PRICE);
	const char *id = want_text(r, params, at, "id");
	if (id && sim_find_any(r->sim, id))
		(void)refuse(r, 400, "resource_already_exists", "id", "Price already exists.");
	if (id && *id) set_text(price, "id", id);
	set_text(price, "currency", currency);
	set_text(price, "product", product);
	set_bool(price, "active", want_bool(r, params, at, "active", true));
	const char *nickname = want_text(r, params, at, "nickname");
	if (nickname) set_text(price, "nickname", nickname);
	take_amount(r, params, at, price);
	take_recurring(r, params, price);
	take_metadata(r, params, price);
	take_lookup_key(r, params, price);
	if (failed(r)) {
		json_decref(price);
		return NULL;
	}
	struct record *rec = sim_add(r->sim, K_PRICE, price);
	sim_emit(r->sim, "price.created", rec, NULL);
	return rec;
}

static json_t *create(struct sim_request *r) {
	const json_t *data = want_object(r, r->params, NULL, "product_data");
	const char *product = NULL;
	if (data && need_text(r, data, "product_data", "name")) {
		json_t *made = sim_shape(r->sim, K_PRODUCT);
		set_text(made, "name", text_of(data, "name"));
		set_int(made, "updated", sim_now(r->sim));
		struct record *rec = sim_add(r->sim, K_PRODUCT, made);
		sim_emit(r->sim, "product.created", rec, NULL);
		product = record_id(rec);
	}
	struct record *rec = price_create(r, r->params, NULL, product);
	return rec ? record_show(rec) : NULL;
}

/* ---- the rest ----------------------------------------------------------------- */

struct record *price_recurring(struct sim_request *r, const char *id, const char *param) {
	struct record *rec = id ? want(r, K_PRICE, id, param) : NULL;
	if (!rec) return NULL;
	if (!bool_of(rec->json, "active")) {
		(void)refuse(r, 400, "price_inactive", param,
			     "The price specified is inactive. This field only accepts active prices.");
		return NULL;
	}
	if (json_is_object(json_object_get(rec->json, "recurring"))) return rec;
	(void)refuse(r, 400, NULL, param,
		     "The price specified is set to `type=one_time` but this field only accepts prices with "
		     "`type=recurring`.");
	return NULL;
}

json_t *price_plan(const struct record *price) {
	static const char *const same[] = {"id",       "active",   "currency", "created",
					   "livemode", "metadata", "nickname", "product"};
	json_t *plan = shape_parse(shape_plan);
	for (size_t i = 0; i < ARRAY_LEN(same); i++)
		(void)json_object_set_new(plan, same[i], json_deep_copy(json_object_get(price->json, same[i])));
	const json_t *recurring = json_object_get(price->json, "recurring");
	(void)json_object_set(plan, "interval", json_object_get(recurring, "interval"));
	(void)json_object_set(plan, "interval_count", json_object_get(recurring, "interval_count"));
	(void)json_object_set(plan, "amount", json_object_get(price->json, "unit_amount"));
	(void)json_object_set(plan, "amount_decimal", json_object_get(price->json, "unit_amount_decimal"));
	return plan;
}

static json_t *retrieve(struct sim_request *r) {
	struct record *rec = want(r, K_PRICE, r->ids[0], "id");
	return rec ? record_show(rec) : NULL;
}

static json_t *update(struct sim_request *r) {
	struct record *rec = want(r, K_PRICE, r->ids[0], "id");
	if (!rec) return NULL;
	json_t *before = record_copy(rec), *after = record_copy(rec);
	take_texts(r, after, "nickname,");
	take_metadata(r, r->params, after);
	set_bool(after, "active", want_bool(r, r->params, NULL, "active", bool_of(after, "active")));
	if (!failed(r)) take_lookup_key(r, r->params, after);
	if (!failed(r)) {
		(void)json_object_update(rec->json, after);
		(void)sim_emit_change(r->sim, "price.updated", rec, before);
		before = NULL;
	}
	json_decref(before);
	json_decref(after);
	return failed(r) ? NULL : record_show(rec);
}

static bool has_one_of(void *ctx, const struct record *rec) {
	const json_t *keys = ctx;
	for (size_t i = 0; i < json_array_size(keys); i++)
		if (text_is(rec->json, "lookup_key", json_string_value(json_array_get(keys, i)))) return true;
	return false;
}

static json_t *list(struct sim_request *r) {
	(void)want_list(r, r->params, NULL, "lookup_keys");
	json_t *keys = json_object_get(r->params, "lookup_keys");
	return list_records(r, K_PRICE, "active,currency,product,type,", keys ? has_one_of : NULL, keys);
}

static const struct sim_route rows[] = {
	{"POST", "/v1/prices", create,
	 "active,currency,id,lookup_key,metadata,nickname,product,product_data,recurring,tax_behavior,"
	 "transfer_lookup_key,unit_amount,unit_amount_decimal,"},
	{"GET", "/v1/prices", list, LIST_PARAMS "active,currency,lookup_keys,product,recurring,type,"},
	{"GET", "/v1/prices/:a", retrieve, ""},
	{"POST", "/v1/prices/:a", update, "active,lookup_key,metadata,nickname,tax_behavior,transfer_lookup_key,"},
};
ROUTES(price_routes, rows);
