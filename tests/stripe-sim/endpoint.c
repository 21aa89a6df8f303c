/* Webhook endpoints. Hidden: "secrets": [{"secret", "until": unix seconds or null}], newest first; "connect": true,
 * false, or null for both the platform's events and those of its accounts; "thin". */
#include "edge_private.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/hex.h"
#include "net/stripe_hmac.h"
#include "service/clock.h"

#define SIGNED_MAX (sizeof "Stripe-Signature: t=" + 20 + SECRETS_MAX * (4 + 2 * STRIPE_MAC_SIZE))

/* ---- who gets what ------------------------------------------------------------------ */

static bool wants_type(const json_t *endpoint, const char *type) {
	json_t *name;
	size_t i;
	json_array_foreach(json_object_get(endpoint, "enabled_events"), i, name) {
		const char *s = json_string_value(name);
		if (s && (strcmp(s, "*") == 0 || strcmp(s, type) == 0)) return true;
	}
	return false;
}

static bool wants_account(const struct record *endpoint, bool connected) {
	const json_t *connect = json_object_get(endpoint->hidden, "connect");
	return !json_is_boolean(connect) || json_is_true(connect) == connected;
}

size_t endpoints_for(struct edge *e, const struct record *event, struct record *ret[ENDPOINTS_MAX]) {
	const struct records *all = &e->sim->scopes[0]->lists[K_WEBHOOK_ENDPOINT];
	const char *type = text_of(event->json, "type");
	size_t n = 0;
	for (size_t i = 0; type && i < all->count && n < ENDPOINTS_MAX; i++) {
		struct record *to = all->at[i];
		if (to->deleted || !text_is(to->json, "status", "enabled")) continue;
		if (wants_account(to, event->scope->account[0] != 0) && wants_type(to->json, type)) ret[n++] = to;
	}
	return n;
}

/* ---- signatures ------------------------------------------------------------------------ */

/* With a clock file the receivers live in simulated time, else in the machine's. */
int64_t edge_clock(const struct edge *e) { return wall_s() + (e->sim->options.clock_file ? e->sim->offset : 0); }

static bool sign(const char *secret, struct view t, const char *body, char ret_hex[2 * STRIPE_MAC_SIZE + 1]) {
	AUTO(stripe_hmac_destroy)
	struct stripe_hmac *h = NULL;
	uint8_t mac[STRIPE_MAC_SIZE];
	if (stripe_hmac_create(view_str(secret), &h) != OK || stripe_hmac_sign(h, t, view_str(body), mac) != OK)
		return false;
	hex_encode(mac, sizeof mac, ret_hex);
	return true;
}

static bool is_alive(const struct edge *e, const json_t *s) {
	const json_t *until = json_object_get(s, "until");
	return !json_is_integer(until) || json_integer_value(until) > e->sim->main.now;
}

char *endpoint_sign(struct edge *e, const struct record *endpoint, const char *body) {
	char *line = malloc(SIGNED_MAX), t[24];
	int n = snprintf(t, sizeof t, "%lld", (long long)edge_clock(e));
	if (!line || n <= 0) {
		free(line);
		return NULL;
	}
	size_t at = (size_t)snprintf(line, SIGNED_MAX, "Stripe-Signature: t=%s", t), i, signed_by = 0;
	json_t *s;
	json_array_foreach(json_object_get(endpoint->hidden, "secrets"), i, s) {
		char hex[2 * STRIPE_MAC_SIZE + 1];
		if (signed_by == SECRETS_MAX || !is_alive(e, s)) continue;
		if (!sign(text_of(s, "secret"), view_of(t, (size_t)n), body, hex)) continue;
		at += (size_t)snprintf(line + at, SIGNED_MAX - at, ",v1=%s", hex);
		signed_by++;
	}
	return line;
}

/* ---- making ------------------------------------------------------------------------------ */

static void new_secret(struct edge *e, char out[SIM_ID_MAX]) {
	char id[SIM_ID_MAX];
	sim_id(e->sim, "", id);
	(void)snprintf(out, SIM_ID_MAX, "whsec_%.18s%.9s", id, id + 9);
}

/* The others live until then; a secret is added in front. */
static void add_secret(struct record *endpoint, const char *secret, int64_t others_until) {
	json_t *all = json_object_get(record_hidden(endpoint), "secrets"), *s;
	size_t i;
	if (!all) (void)json_object_set_new(endpoint->hidden, "secrets", all = json_array());
	json_array_foreach(all, i, s) if (others_until && !json_is_integer(json_object_get(s, "until")))
		set_int(s, "until", others_until);
	(void)json_array_insert_new(all, 0, json_pack("{s:s, s:n}", "secret", secret, "until"));
	while (json_array_size(all) > SECRETS_MAX) (void)json_array_remove(all, SECRETS_MAX);
}

static struct record *with_url(struct edge *e, const char *url) {
	const struct records *all = &e->sim->scopes[0]->lists[K_WEBHOOK_ENDPOINT];
	for (size_t i = 0; i < all->count; i++)
		if (!all->at[i]->deleted && text_is(all->at[i]->json, "url", url)) return all->at[i];
	return NULL;
}

static bool has_secret(const struct record *endpoint, const char *secret) {
	json_t *s;
	size_t i;
	json_array_foreach(json_object_get(endpoint->hidden, "secrets"), i,
			   s) if (text_is(s, "secret", secret)) return true;
	return false;
}

bool endpoint_add(struct edge *e, const char *url, const char *secret) {
	struct record *there = with_url(e, url);
	if (!there) {
		struct scope *was = e->sim->scope;
		e->sim->scope = e->sim->scopes[0];
		json_t *json = sim_shape(e->sim, K_WEBHOOK_ENDPOINT);
		set_text(json, "url", url);
		(void)json_object_set_new(json, "enabled_events", json_pack("[s]", "*"));
		there = sim_add(e->sim, K_WEBHOOK_ENDPOINT, json);
		e->sim->scope = was;
	}
	if (there && !has_secret(there, secret)) add_secret(there, secret, 0);
	return there != NULL;
}

/* ---- the API -------------------------------------------------------------------------------- */

static void take(struct sim_request *r, json_t *json) {
	const char *url = want_text(r, r->params, NULL, "url");
	if (url && strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
		refuse(r, 400, "url_invalid", "url",
		       "Invalid URL: An explicit scheme (such as https) must be provided.");
	if (url && strlen(url) >= URL_MAX) refuse(r, 400, "url_invalid", "url", "Invalid URL: it is too long.");
	if (url) set_text(json, "url", url);
	const json_t *events = want_list(r, r->params, NULL, "enabled_events");
	if (events) (void)json_object_set_new(json, "enabled_events", json_deep_copy(events));
	take_texts(r, json, "description,");
	take_metadata(r, r->params, json);
}

json_t *endpoint_create(struct sim_request *r) {
	struct edge *e = edge_of(r);
	need_text(r, r->params, NULL, "url");
	if (!json_array_size(json_object_get(r->params, "enabled_events")))
		refuse(r, 400, "parameter_missing", "enabled_events", "Missing required param: enabled_events.");
	const char *version = want_text(r, r->params, NULL, "api_version");
	enum shape shape;
	if (version && !shape_of_version(version, &shape))
		refuse(r, 400, NULL, "api_version", "Invalid API version: %.80s", version);
	bool connect = want_bool(r, r->params, NULL, "connect", false);
	if (e->sim->scopes[0]->lists[K_WEBHOOK_ENDPOINT].count >= ENDPOINTS_MAX)
		refuse(r, 400, NULL, NULL, "You have reached the maximum of %d test webhook endpoints.", ENDPOINTS_MAX);
	if (failed(r)) return NULL;
	json_t *json = sim_shape(r->sim, K_WEBHOOK_ENDPOINT);
	take(r, json);
	if (version) set_text(json, "api_version", version);
	if (failed(r)) {
		json_decref(json);
		return NULL;
	}
	struct record *made = sim_add(r->sim, K_WEBHOOK_ENDPOINT, json);
	char secret[SIM_ID_MAX];
	new_secret(e, secret);
	add_secret(made, secret, 0);
	set_bool(made->hidden, "connect", connect);
	json_t *answer = json_copy(json); /* the only time that it is shown */
	set_text(answer, "secret", secret);
	return answer;
}

json_t *endpoint_list(struct sim_request *r) { return list_records(r, K_WEBHOOK_ENDPOINT, "", NULL, NULL); }

json_t *endpoint_retrieve(struct sim_request *r) {
	const struct record *rec = want(r, K_WEBHOOK_ENDPOINT, r->ids[0], "webhook_endpoint");
	return rec ? record_show(rec) : NULL;
}

json_t *endpoint_update(struct sim_request *r) {
	struct record *rec = want(r, K_WEBHOOK_ENDPOINT, r->ids[0], "webhook_endpoint");
	if (!rec) return NULL;
	if (given(r->params, "disabled")) {
		bool off = want_bool(r, r->params, NULL, "disabled", false);
		if (!failed(r)) set_text(rec->json, "status", off ? "disabled" : "enabled");
	}
	take(r, rec->json);
	return failed(r) ? NULL : record_show(rec);
}

json_t *endpoint_delete(struct sim_request *r) {
	struct record *rec = want(r, K_WEBHOOK_ENDPOINT, r->ids[0], "webhook_endpoint");
	if (!rec) return NULL;
	rec->deleted = true;
	return record_show(rec);
}

/* POST /_sim/webhook_endpoints/:a/roll {"secret"?, "expire_s"?}: what Stripe has in its dashboard only. */
json_t *endpoint_roll(struct sim_request *r) {
	struct edge *e = edge_of(r);
	struct record *rec = want(r, K_WEBHOOK_ENDPOINT, r->ids[0], "webhook_endpoint");
	if (!rec) return NULL;
	char secret[SIM_ID_MAX];
	new_secret(e, secret);
	const char *wanted = text_of(r->params, "secret");
	const json_t *expire = json_object_get(r->params, "expire_s");
	int64_t live = expire ? json_integer_value(expire) : SIM_DAY;
	if ((expire && !json_is_integer(expire)) || live < 0 || live > SIM_DAY)
		return refuse(r, 400, NULL, "expire_s", "expire_s: want seconds, at most a day");
	if (wanted && strlen(wanted) >= SECRET_MAX) return refuse(r, 400, NULL, "secret", "secret: too long");
	add_secret(rec, wanted ? wanted : secret, e->sim->main.now + live);
	return json_pack("{s:s, s:s}", "id", record_id(rec), "secret", wanted ? wanted : secret);
}
