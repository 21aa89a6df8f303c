#include "billing.h"

#include <stdio.h>

#include "routes.h"

/* The customer portal's data; its pages are elsewhere. */

static struct record *configuration(struct sim_request *r) {
	const char *id = want_text(r, r->params, NULL, "configuration");
	if (id) return want(r, K_PORTAL_CONFIGURATION, id, "configuration");
	const struct records *all = &r->sim->scope->lists[K_PORTAL_CONFIGURATION];
	for (size_t i = 0; i < all->count; i++)
		if (bool_of(all->at[i]->json, "is_default")) return all->at[i];
	json_t *o = sim_shape(r->sim, K_PORTAL_CONFIGURATION);
	set_bool(o, "is_default", true);
	set_int(o, "updated", sim_now(r->sim));
	return sim_add(r->sim, K_PORTAL_CONFIGURATION, o);
}

static json_t *session_create(struct sim_request *r) {
	char url[512];
	const char *customer = need_text(r, r->params, NULL, "customer");
	struct record *owner = customer ? want(r, K_CUSTOMER, customer, "customer") : NULL;
	const json_t *flow = want_object(r, r->params, NULL, "flow_data");
	(void)want_choice(r, flow, "flow_data", "type",
			  "payment_method_update|subscription_cancel|subscription_update|subscription_update_confirm",
			  NULL);
	struct record *settings = owner ? configuration(r) : NULL;
	if (!settings || failed(r)) return NULL;
	json_t *o = sim_shape(r->sim, K_PORTAL_SESSION);
	set_text(o, "customer", customer);
	set_text(o, "configuration", record_id(settings));
	take_texts(r, o, "return_url,locale,on_behalf_of,");
	if (flow) {
		json_t *shown = json_pack("{s:n, s:n, s:n, s:n, s:n}", "after_completion", "subscription_cancel",
					  "subscription_update", "subscription_update_confirm", "type");
		(void)json_object_update_existing(shown, json_object_get(r->params, "flow_data"));
		(void)json_object_set_new(o, "flow", shown);
	}
	(void)snprintf(url, sizeof url, "%s/p/session/%s", r->sim->base_url, text_of(o, "id"));
	set_text(o, "url", url);
	struct record *rec = sim_add(r->sim, K_PORTAL_SESSION, o);
	sim_emit(r->sim, "billing_portal.session.created", rec, NULL);
	return record_show(rec);
}

/* A form has texts only; a feature's switches are booleans. As deep as parameters go. */
static json_t *with_switches(json_t *group) {
	const char *key;
	json_t *value, *out = json_object();
	json_object_foreach(group, key, value) {
		const char *text = json_string_value(value);
		bool on = text && strcmp(text, "true") == 0;
		if (on || (text && strcmp(text, "false") == 0))
			set_bool(out, key, on);
		else if (json_is_object(value))
			(void)json_object_set_new(out, key, with_switches(value));
		else
			(void)json_object_set(out, key, value);
	}
	return out;
}

static void take(struct sim_request *r, json_t *o) {
	take_texts(r, o, "default_return_url,name,");
	take_metadata(r, r->params, o);
	set_bool(o, "active", want_bool(r, r->params, NULL, "active", bool_of(o, "active")));
	set_int(o, "updated", sim_now(r->sim));
	(void)want_object(r, r->params, NULL, "features");
	(void)want_object(r, r->params, NULL, "business_profile");
	static const char *const names[] = {"features", "business_profile"};
	for (size_t i = 0; i < ARRAY_LEN(names) && !failed(r); i++) {
		json_t *kept = json_deep_copy(json_object_get(o, names[i])),
		       *news = with_switches(json_object_get(r->params, names[i]));
		const char *key;
		json_t *value;
		json_object_foreach(news, key, value) {
			json_t *old = json_object_get(kept, key);
			if (json_is_object(old) && json_is_object(value))
				(void)json_object_update(old, value);
			else
				(void)json_object_set(kept, key, value);
		}
		json_decref(news);
		(void)json_object_set_new(o, names[i], kept);
	}
}

static json_t *configuration_create(struct sim_request *r) {
	json_t *o = sim_shape(r->sim, K_PORTAL_CONFIGURATION);
	take(r, o);
	if (failed(r)) {
		json_decref(o);
		return NULL;
	}
	struct record *rec = sim_add(r->sim, K_PORTAL_CONFIGURATION, o);
	sim_emit(r->sim, "billing_portal.configuration.created", rec, NULL);
	return record_show(rec);
}

static json_t *configuration_update(struct sim_request *r) {
	struct record *rec = want(r, K_PORTAL_CONFIGURATION, r->ids[0], "id");
	if (!rec) return NULL;
	json_t *before = record_copy(rec), *after = record_copy(rec);
	take(r, after);
	if (!failed(r)) {
		(void)json_object_update(rec->json, after);
		(void)sim_emit_change(r->sim, "billing_portal.configuration.updated", rec, before);
		before = NULL;
	}
	json_decref(before);
	json_decref(after);
	return failed(r) ? NULL : record_show(rec);
}

static json_t *configuration_retrieve(struct sim_request *r) {
	struct record *rec = want(r, K_PORTAL_CONFIGURATION, r->ids[0], "id");
	return rec ? record_show(rec) : NULL;
}

static json_t *configuration_list(struct sim_request *r) {
	/* an account's default is there before its first session */
	if (text_is(r->params, "is_default", "true")) (void)configuration(r);
	return list_records(r, K_PORTAL_CONFIGURATION, "active,is_default,", NULL, NULL);
}

#define FIELDS "active,business_profile,default_return_url,features,login_page,metadata,name,"

static const struct sim_route rows[] = {
	{"POST", "/v1/billing_portal/sessions", session_create,
	 "configuration,customer,flow_data,locale,on_behalf_of,return_url,"},
	{"POST", "/v1/billing_portal/configurations", configuration_create, FIELDS},
	{"GET", "/v1/billing_portal/configurations", configuration_list, LIST_PARAMS "active,is_default,"},
	{"GET", "/v1/billing_portal/configurations/:a", configuration_retrieve, ""},
	{"POST", "/v1/billing_portal/configurations/:a", configuration_update, FIELDS},
};
ROUTES(portal_routes, rows);
