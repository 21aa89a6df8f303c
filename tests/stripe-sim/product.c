#include "price.h"
#include "routes.h"

#define FIELDS                                                                                                         \
	"active,default_price,description,images,marketing_features,metadata,name,package_dimensions,shippable,"       \
	"statement_descriptor,tax_code,unit_label,url,"

static void take(struct sim_request *r, json_t *product) {
	take_texts(r, product, "description,default_price,statement_descriptor,tax_code,unit_label,url,");
	take_metadata(r, r->params, product);
	const char *name = want_text(r, r->params, NULL, "name");
	if (name && *name) set_text(product, "name", name);
	set_bool(product, "active", want_bool(r, r->params, NULL, "active", bool_of(product, "active")));
}

static json_t *create(struct sim_request *r) {
	(void)need_text(r, r->params, NULL, "name");
	const char *id = want_text(r, r->params, NULL, "id");
	if (id && sim_find_any(r->sim, id))
		return refuse(r, 400, "resource_already_exists", "id", "Product already exists.");
	json_t *product = sim_shape(r->sim, K_PRODUCT);
	if (id && *id) set_text(product, "id", id);
	set_int(product, "updated", sim_now(r->sim));
	take(r, product);
	if (failed(r)) {
		json_decref(product);
		return NULL;
	}
	struct record *rec = sim_add(r->sim, K_PRODUCT, product);
	sim_emit(r->sim, "product.created", rec, NULL);
	const json_t *data = want_object(r, r->params, NULL, "default_price_data");
	if (data) {
		struct record *price = price_create(r, data, "default_price_data", record_id(rec));
		if (!price) return NULL;
		set_text(rec->json, "default_price", record_id(price));
	}
	return record_show(rec);
}

static json_t *retrieve(struct sim_request *r) {
	struct record *rec = want(r, K_PRODUCT, r->ids[0], "id");
	return rec ? record_show(rec) : NULL;
}

static json_t *update(struct sim_request *r) {
	struct record *rec = want(r, K_PRODUCT, r->ids[0], "id");
	if (!rec) return NULL;
	json_t *before = record_copy(rec), *after = record_copy(rec);
	take(r, after);
	if (!failed(r)) {
		set_int(after, "updated", sim_now(r->sim));
		(void)json_object_update(rec->json, after);
		(void)sim_emit_change(r->sim, "product.updated", rec, before);
		before = NULL;
	}
	json_decref(before);
	json_decref(after);
	return failed(r) ? NULL : record_show(rec);
}

static bool is_of(void *ctx, const struct record *price) { return text_is(price->json, "product", ctx); }

static json_t *delete (struct sim_request *r) {
	struct record *rec = want(r, K_PRODUCT, r->ids[0], "id");
	if (!rec) return NULL;
	const struct records *prices = &r->sim->scope->lists[K_PRICE];
	for (size_t i = 0; i < prices->count; i++)
		if (is_of(r->ids[0], prices->at[i]))
			return refuse(r, 400, NULL, "id",
				      "This product cannot be deleted because it has one or more user-created prices.");
	sim_emit(r->sim, "product.deleted", rec, NULL);
	rec->deleted = true;
	return record_show(rec);
}

static json_t *list(struct sim_request *r) { return list_records(r, K_PRODUCT, "active,", NULL, NULL); }

static const struct sim_route rows[] = {
	{"POST", "/v1/products", create, FIELDS "id,default_price_data,type,"},
	{"GET", "/v1/products", list, LIST_PARAMS "active,ids,"},
	{"GET", "/v1/products/:a", retrieve, ""},
	{"POST", "/v1/products/:a", update, FIELDS},
	{"DELETE", "/v1/products/:a", delete, ""},
};
ROUTES(product_routes, rows);
