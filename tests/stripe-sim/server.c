#include "server.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/show.h"
#include "net/http_server.h"
#include "params.h"
#include "shape.h"

#define THREADS 4

struct sim_server {
	struct sim *sim;
	struct http_server *http;
	uint64_t requests; /* under the simulator's mutex */
};

struct header {
	char text[256];
};

static struct header header_of(const struct http_request *h, const char *name) {
	struct header out = {.text = ""};
	struct view v;
	if (http_header(h, name, &v) != 1 || v.len >= sizeof out.text) return out;
	memcpy(out.text, v.ptr, v.len);
	return out;
}

/* ---- keys --------------------------------------------------------------------- */

/* "Bearer KEY", or "Basic" with the base64 of "KEY:". */
static struct header key_of(const struct http_request *h) {
	struct header given = header_of(h, "Authorization"), key = {.text = ""};
	if (strncmp(given.text, "Bearer ", 7) == 0) {
		(void)snprintf(key.text, sizeof key.text, "%s", given.text + 7);
	} else if (strncmp(given.text, "Basic ", 6) == 0) {
		unsigned char plain[sizeof key.text];
		int n = EVP_DecodeBlock(plain, (const unsigned char *)given.text + 6, (int)strlen(given.text + 6));
		for (int i = 0; i < n && plain[i] != ':' && plain[i]; i++) key.text[i] = (char)plain[i];
	}
	return key;
}

/* In a time that depends on their lengths alone. */
static bool is_same(const char *a, const char *b) {
	size_t n = strlen(a);
	return n == strlen(b) && CRYPTO_memcmp(a, b, n) == 0;
}

/* rk_… of the same ending may read and nothing else. */
static bool is_restricted(const char *key, const char *secret) {
	return strncmp(key, "rk_", 3) == 0 && strncmp(secret, "sk_", 3) == 0 && is_same(key + 3, secret + 3);
}

static bool check_key(struct sim_request *r, const struct http_request *h) {
	struct header key = key_of(h);
	if (is_same(key.text, r->sim->options.api_key)) return true;
	if (!key.text[0]) {
		(void)refuse(r, 401, NULL, NULL,
			     "You did not provide an API key. You need to provide your API key in the Authorization "
			     "header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').");
	} else if (!is_restricted(key.text, r->sim->options.api_key)) {
		(void)refuse(r, 401, NULL, NULL, "Invalid API Key provided: %.7s***", key.text);
	} else if (strcmp(r->method, "GET") == 0) {
		return true;
	} else {
		(void)refuse(r, 403, NULL, NULL,
			     "The provided key '%.8s***' does not have the required permissions for this endpoint.",
			     key.text);
	}
	return false;
}

static bool check_version(struct sim_request *r) {
	enum shape shape;
	if (shape_of_version(r->version, &shape)) return true;
	(void)refuse(r, 400, NULL, NULL, "Invalid Stripe API version: %.80s", show_str(r->version).text);
	r->version = "";
	return false;
}

static bool choose_account(struct sim_request *r) {
	size_t n = strspn(r->account, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
	bool ok = !r->account[0] || (strncmp(r->account, "acct_", 5) == 0 && r->account[n] == 0 && n <= ACCOUNT_MAX);
	struct scope *scope = ok ? sim_scope(r->sim, r->account, true) : NULL;
	if (scope) {
		r->sim->scope = scope;
		return true;
	}
	(void)refuse(r, 403, "account_invalid", NULL,
		     "The provided key does not have access to that account (or that account does not exist).");
	return false;
}

/* ---- parameters --------------------------------------------------------------- */

static bool read_form(struct sim_request *r, struct view text) {
	struct params_fault fault = {.message = NULL};
	json_t *tree = NULL;
	enum error e = params_parse(text, &tree, &fault);
	if (e) {
		(void)refuse(r, e == ERR_MEMORY ? 500 : 400, "parameter_invalid", fault.param, "%s",
			     fault.message ? fault.message : error_text(e));
		return false;
	}
	if (r->params)
		(void)json_object_update(r->params, tree);
	else
		r->params = tree;
	if (r->params != tree) json_decref(tree);
	return true;
}

static bool read_json(struct sim_request *r, struct view text) {
	json_t *tree = text.len ? json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, NULL) : json_object();
	if (json_is_object(tree)) {
		if (r->params) (void)json_object_update_missing(tree, r->params);
		json_decref(r->params);
		r->params = tree;
		return true;
	}
	json_decref(tree);
	(void)refuse(r, 400, NULL, NULL, "The body is not a JSON object.");
	return false;
}

static bool read_params(struct sim_request *r, const struct http_request *h) {
	bool control = strncmp(r->path, "/_sim/", 6) == 0;
	struct view body = http_body(h);
	if (!read_form(r, http_query_string(h))) return false;
	return control ? read_json(r, body) : read_form(r, body);
}

/* ---- answers ------------------------------------------------------------------ */

static bool is_api(const struct sim_request *r) {
	return strncmp(r->path, "/v1/", 4) == 0 || strncmp(r->path, "/v2/", 4) == 0;
}

static bool admit(struct sim_request *r, const struct http_request *h) {
	const struct sim_hooks *hooks = &r->sim->hooks;
	if (!check_key(r, h) || !check_version(r) || !choose_account(r)) return false;
	return !hooks->admit || hooks->admit(hooks->ctx, r);
}

static char *text_for(struct sim_request *r, json_t *answer, unsigned *ret_status) {
	char *text = NULL;
	*ret_status = r->status ? r->status : 200;
	if (failed(r)) {
		*ret_status = r->error.status;
		json_decref(answer);
		answer = sim_error_json(&r->error);
	}
	if (r->html && !failed(r)) {
		text = r->html;
		r->html = NULL;
	} else if (answer) {
		text = json_dumps(answer, JSON_COMPACT);
	}
	json_decref(answer);
	return text;
}

/* What is to be sent, as text that the caller frees; fills in the status. */
static char *answer_text(struct sim_request *r, const struct http_request *h, unsigned *ret_status) {
	const struct sim_hooks *hooks = &r->sim->hooks;
	bool api = is_api(r), ok = (!api || admit(r, h)) && read_params(r, h);
	bool keyed = ok && api && r->idempotency_key && hooks->replay && strcmp(r->method, "POST") == 0;
	char *text = NULL;
	if (keyed && hooks->replay(hooks->ctx, r, ret_status, &text)) {
		r->replayed = true;
		return text;
	}
	keyed = keyed && !failed(r);
	json_t *answer = failed(r) ? NULL : sim_handle(r);
	if (answer && api && hooks->render) answer = hooks->render(hooks->ctx, r, answer);
	text = text_for(r, answer, ret_status);
	if (keyed) hooks->remember(hooks->ctx, r, *ret_status, text ? text : "");
	return text;
}

static void format_date(int64_t now, char out[40]) {
	struct tm t;
	time_t at = (time_t)now;
	out[0] = 0;
	if (gmtime_r(&at, &t)) (void)strftime(out, 40, "%a, %d %b %Y %H:%M:%S GMT", &t);
}

static void send(struct http_request *h, const struct sim_request *r, unsigned status, const char *text, bool html,
		 int64_t now) {
	char date[40];
	format_date(now, date);
	struct http_field fields[HTTP_ANSWER_HEADERS_MAX] = {{"Date", date}, {"Request-Id", r->request_id}};
	unsigned n = 2;
	if (r->version[0]) fields[n++] = (struct http_field){"Stripe-Version", r->version};
	if (r->idempotency_key) fields[n++] = (struct http_field){"Idempotency-Key", r->idempotency_key};
	if (r->replayed) fields[n++] = (struct http_field){"Idempotent-Replayed", "true"};
	if (r->limited) fields[n++] = (struct http_field){"Stripe-Rate-Limited-Reason", r->limited};
	if (r->limited) fields[n++] = (struct http_field){"Stripe-Should-Retry", "true"};
	if (r->location) fields[n++] = (struct http_field){"Location", r->location};
	http_answer(h, &(struct http_answer){.status = r->location && status == 200 ? 303 : status,
					     .content_type = html ? "text/html; charset=utf-8" : "application/json",
					     .body = view_str(text),
					     .header_count = n,
					     .headers = fields});
}

static void serve(void *ctx, struct http_request *h) {
	struct sim_server *s = ctx;
	struct sim *sim = s->sim;
	static const char *const methods[HTTP_METHODS] = {"GET", "POST", "PUT", "DELETE", "OPTIONS"};
	struct header version = header_of(h, "Stripe-Version"), account = header_of(h, "Stripe-Account"),
		      key = header_of(h, "Idempotency-Key");
	struct view path = http_path(h);
	struct sim_request r = {.sim = sim,
				.method = methods[http_method(h)],
				.path = path.ptr, /* libmicrohttpd ends it with a NUL */
				.account = account.text,
				.version = version.text[0]            ? version.text
					   : sim->options.api_version ? sim->options.api_version
								      : SIM_VERSION,
				.idempotency_key = key.text[0] ? key.text : NULL};
	pthread_mutex_lock(&sim->mutex);
	sim_tick(sim);
	sim->clock = &sim->main;
	sim->scope = sim->scopes[0];
	(void)snprintf(r.request_id, sizeof r.request_id, "req_%014" PRIu64, ++s->requests);
	unsigned status = 500;
	char *text = answer_text(&r, h, &status);
	sim->clock = &sim->main;
	sim->scope = sim->scopes[0];
	int64_t now = sim->main.now;
	pthread_mutex_unlock(&sim->mutex);
	send(h, &r, status, text ? text : "", text && text[0] == '<', now);
	free(text);
	free(r.location);
	free(r.html);
	json_decref(r.params);
	json_decref(r.error.extra);
}

/* ---- life --------------------------------------------------------------------- */

enum error sim_server_create(struct sim *sim, const char *listen, struct sim_server **ret_s, struct problem *why) {
	static const struct http_route routes[] = {
		{.method = HTTP_GET, .path = "/*", .handle = serve},
		{.method = HTTP_POST, .path = "/*", .handle = serve, .body_max = PARAMS_TEXT_MAX},
		{.method = HTTP_DELETE, .path = "/*", .handle = serve, .body_max = PARAMS_TEXT_MAX},
	};
	struct sim_server *s = calloc(1, sizeof *s);
	if (!s) return ERR_MEMORY;
	s->sim = sim;
	enum error e = http_server_create(&(struct http_options){.listen = listen,
								 .routes = routes,
								 .route_count = ARRAY_LEN(routes),
								 .ctx = s,
								 .threads = THREADS,
								 .keep_query = true},
					  &s->http, why);
	if (e) {
		sim_server_destroy(&s);
		return e;
	}
	pthread_mutex_lock(&sim->mutex);
	(void)snprintf(sim->base_url, sizeof sim->base_url, "http://%s", http_server_endpoint(s->http));
	pthread_mutex_unlock(&sim->mutex);
	*ret_s = s;
	return OK;
}

const char *sim_server_endpoint(const struct sim_server *s) { return http_server_endpoint(s->http); }

void sim_server_destroy(struct sim_server **ps) {
	struct sim_server *s = ps ? *ps : NULL;
	if (!s) return;
	*ps = NULL;
	http_server_destroy(&s->http);
	free(s);
}
