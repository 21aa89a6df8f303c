#include "inner.h"

#include <stdio.h>

#include "params.h"

static json_t *run(struct sim_request *outer, const char *method, const char *path, json_t *params,
		   struct sim_error *ret_error) {
	struct sim *sim = outer->sim;
	struct sim_request r = {.sim = sim,
				.method = method,
				.path = path,
				.params = params,
				.account = outer->account,
				.version = SIM_VERSION};
	(void)snprintf(r.request_id, sizeof r.request_id, "%s", outer->request_id);
	struct sim_request *was = sim->request;
	struct scope *scope = sim->scope;
	struct sim_clock *clock = sim->clock;
	json_t *answer = sim_handle(&r);
	sim->request = was;
	sim->scope = scope;
	sim->clock = clock;
	json_decref(params);
	if (!answer && ret_error)
		*ret_error = r.error;
	else
		json_decref(r.error.extra);
	return answer;
}

json_t *inner_call(struct sim_request *r, const char *method, const char *path, const char *form,
		   struct sim_error *ret_error) {
	json_t *params = NULL;
	struct params_fault fault = {.message = ""};
	if (params_parse(view_str(form), &params, &fault) != OK) {
		*ret_error = (struct sim_error){.status = 400, .type = "invalid_request_error"};
		(void)snprintf(ret_error->message, sizeof ret_error->message, "%s", fault.message);
		return NULL;
	}
	return run(r, method, path, params, ret_error);
}

json_t *inner_get(struct sim_request *r, const char *target) {
	char path[256];
	const char *query = strchr(target, '?');
	size_t n = query ? (size_t)(query - target) : strlen(target);
	if (n >= sizeof path) return NULL;
	(void)snprintf(path, sizeof path, "%.*s", (int)n, target);
	json_t *params = NULL;
	struct params_fault fault;
	if (params_parse(view_str(query ? query + 1 : ""), &params, &fault) != OK) return NULL;
	return run(r, "GET", path, params, NULL);
}

json_t *inner_control(struct sim_request *r, const char *path, json_t *body, struct sim_error *ret_error) {
	return run(r, "POST", path, body, ret_error);
}
