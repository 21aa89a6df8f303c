#include "routes.h"

/* Connect accounts, so far as they keep objects apart. They stand in the platform's own scope. */

static json_t *create(struct sim_request *r) {
	json_t *o = sim_shape(r->sim, K_ACCOUNT);
	take_texts(r, o, "business_type,country,email,type,");
	take_metadata(r, r->params, o);
	if (failed(r)) {
		json_decref(o);
		return NULL;
	}
	struct record *rec = sim_add(r->sim, K_ACCOUNT, o);
	(void)sim_scope(r->sim, record_id(rec), true);
	return record_show(rec);
}

static json_t *retrieve(struct sim_request *r) {
	r->sim->scope = r->sim->scopes[0];
	struct record *rec = want(r, K_ACCOUNT, r->ids[0], "id");
	return rec ? record_show(rec) : NULL;
}

static json_t *own(struct sim_request *r) {
	json_t *o = json_deep_copy(r->sim->shapes[K_ACCOUNT]);
	set_text(o, "id", r->account[0] ? r->account : "acct_platform");
	return o;
}

static json_t *list(struct sim_request *r) { return list_records(r, K_ACCOUNT, "", NULL, NULL); }

static const struct sim_route rows[] = {
	{"GET", "/v1/account", own, ""},
	{"POST", "/v1/accounts", create, "business_type,capabilities,controller,country,email,metadata,type,"},
	{"GET", "/v1/accounts", list, LIST_PARAMS},
	{"GET", "/v1/accounts/:a", retrieve, ""},
};
ROUTES(account_routes, rows);
