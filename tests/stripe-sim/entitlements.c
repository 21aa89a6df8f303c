#include "billing.h"

#include <stdio.h>

#include "routes.h"

#define EMBEDDED_MAX 10 /* what a summary shows of them */

/* Which features a product has stands in its hidden.features: a list of their ids. */

static json_t *active_entitlement(struct sim *sim, const struct record *customer, const struct record *feature) {
	char id[SIM_ID_MAX];
	/* the same one each time it is asked for */
	(void)snprintf(id, sizeof id, "ent_%.36s%.36s", record_id(customer) + 4, record_id(feature) + 5);
	return json_pack("{s:s, s:s, s:s, s:b, s:s}", "id", id, "object", "entitlements.active_entitlement", "feature",
			 record_id(feature), "livemode", sim->livemode, "lookup_key",
			 text_of(feature->json, "lookup_key"));
}

static bool has(const json_t *list, const char *lookup_key) {
	for (size_t i = 0; i < json_array_size(list); i++)
		if (text_is(json_array_get(list, i), "lookup_key", lookup_key)) return true;
	return false;
}

static void add_features(struct sim *sim, const struct record *customer, const struct record *sub, json_t *list) {
	json_t *items = items_of(sub->json), *item;
	size_t i;
	json_array_foreach(items, i, item) {
		const char *id = text_of(json_object_get(item, "price"), "product");
		const struct record *product = sim_find(sim, K_PRODUCT, id);
		const json_t *features = product ? json_object_get(product->hidden, "features") : NULL;
		for (size_t k = 0; k < json_array_size(features); k++) {
			const struct record *f =
				sim_find(sim, K_FEATURE, json_string_value(json_array_get(features, k)));
			if (f && !has(list, text_of(f->json, "lookup_key")))
				(void)json_array_append_new(list, active_entitlement(sim, customer, f));
		}
	}
}

static json_t *entitlements_of(struct sim *sim, const struct record *customer) {
	json_t *list = json_array();
	const struct records *subs = sim_indexed(sim, K_SUBSCRIPTION, "customer", record_id(customer), NULL);
	for (size_t i = 0; subs && i < subs->count; i++)
		if (subscription_is(subs->at[i], "active|trialing|past_due"))
			add_features(sim, customer, subs->at[i], list);
	return list;
}

void entitlements_tell(struct sim *sim, const struct record *customer) {
	struct record *rec = sim_find(sim, K_CUSTOMER, record_id(customer));
	if (!rec || sim->scope->lists[K_FEATURE].count == 0) return;
	json_t *now = entitlements_of(sim, rec), *was = json_object_get(rec->hidden, "entitled");
	if (json_equal(now, was) || (!was && json_array_size(now) == 0)) {
		json_decref(now);
		return;
	}
	json_t *shown = json_array();
	for (size_t i = 0; i < json_array_size(now) && i < EMBEDDED_MAX; i++)
		(void)json_array_append(shown, json_array_get(now, i));
	json_t *list = json_pack("{s:s, s:o, s:b, s:s}", "object", "list", "data", shown, "has_more",
				 json_array_size(now) > EMBEDDED_MAX, "url", "/v1/entitlements/active_entitlements");
	json_t *summary = json_pack("{s:s, s:s, s:o, s:b}", "object", "entitlements.active_entitlement_summary",
				    "customer", record_id(rec), "entitlements", list, "livemode", sim->livemode);
	sim_emit_object(sim, "entitlements.active_entitlement_summary.updated", summary);
	json_decref(summary);
	(void)json_object_set_new(record_hidden(rec), "entitled", now);
}

/* ---- the API -------------------------------------------------------------------- */

static json_t *feature_create(struct sim_request *r) {
	const char *key = need_text(r, r->params, NULL, "lookup_key"), *name = need_text(r, r->params, NULL, "name");
	if (failed(r)) return NULL;
	json_t *o = sim_shape(r->sim, K_FEATURE);
	set_text(o, "lookup_key", key);
	set_text(o, "name", name);
	take_metadata(r, r->params, o);
	if (failed(r)) {
		json_decref(o);
		return NULL;
	}
	return record_show(sim_add(r->sim, K_FEATURE, o));
}

static json_t *feature_list(struct sim_request *r) { return list_records(r, K_FEATURE, "lookup_key,", NULL, NULL); }

static json_t *attach(struct sim_request *r) {
	char id[SIM_ID_MAX];
	struct record *product = want(r, K_PRODUCT, r->ids[0], "id");
	const char *feature_id = need_text(r, r->params, NULL, "entitlement_feature");
	struct record *feature = feature_id ? want(r, K_FEATURE, feature_id, "entitlement_feature") : NULL;
	if (failed(r)) return NULL;
	json_t *hidden = record_hidden(product), *list = json_object_get(hidden, "features");
	if (!list) {
		list = json_array();
		(void)json_object_set_new(hidden, "features", list);
	}
	(void)json_array_append_new(list, json_string(feature_id));
	sim_id(r->sim, "prodft_", id);
	return json_pack("{s:s, s:s, s:O, s:b}", "id", id, "object", "product_feature", "entitlement_feature",
			 feature->json, "livemode", r->sim->livemode);
}

static json_t *active_list(struct sim_request *r) {
	const char *id = need_text(r, r->params, NULL, "customer"),
		   *after = want_text(r, r->params, NULL, "starting_after");
	struct record *customer = id ? want(r, K_CUSTOMER, id, "customer") : NULL;
	int64_t limit = want_int(r, r->params, NULL, "limit", 10, 1, SIM_LIST_MAX);
	if (failed(r)) return NULL;
	json_t *all = entitlements_of(r->sim, customer), *data = json_array(), *one;
	bool begun = !after, more = false;
	size_t i;
	json_array_foreach(all, i, one) {
		if (begun && (int64_t)json_array_size(data) == limit) more = true;
		if (begun && !more) (void)json_array_append(data, one);
		begun = begun || text_is(one, "id", after);
	}
	json_decref(all);
	return json_pack("{s:s, s:o, s:b, s:s}", "object", "list", "data", data, "has_more", more, "url", r->path);
}

static const struct sim_route rows[] = {
	{"POST", "/v1/entitlements/features", feature_create, "lookup_key,metadata,name,"},
	{"GET", "/v1/entitlements/features", feature_list, "limit,starting_after,ending_before,lookup_key,archived,"},
	{"POST", "/v1/products/:a/features", attach, "entitlement_feature,"},
	{"GET", "/v1/entitlements/active_entitlements", active_list, "customer,limit,starting_after,"},
};
ROUTES(entitlement_routes, rows);
