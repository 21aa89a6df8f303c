/* A simulator without its server, for unit tests: requests as forms, events as a line of their types. */
#ifndef TESTS_STRIPE_SIM_RIG_H
#define TESTS_STRIPE_SIM_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "params.h"
#include "sim.h"

#define RIG_NOW INT64_C(1790000000) /* 2026-09-21T14:13:20Z */
#define UNUSED __attribute__((unused))

struct rig {
	struct sim *sim;
	json_t *last;    /* the last answer; borrowed by who asked until the next request */
	unsigned status; /* of the last answer */
	size_t seen;     /* events that were looked at */
};

struct id {
	char text[SIM_ID_MAX];
};

static UNUSED struct rig rig_open_seed(uint64_t seed) {
	struct rig g = {.sim = NULL};
	struct sim_options o = {.api_key = "sk_test_rig", .now = RIG_NOW, .seed = seed, .frozen = true};
	assert_int_equal(sim_create(&o, &g.sim, NULL), OK);
	return g;
}

static UNUSED void rig_close(struct rig *g) {
	json_decref(g->last);
	sim_destroy(&g->sim);
}

/* Any method, path and form; the answer's JSON, errors too. */
static UNUSED json_t *ask_as(struct rig *g, const char *account, const char *method, const char *path,
			     const char *form) {
	struct params_fault fault;
	struct sim_request r = {
		.sim = g->sim, .method = method, .path = path, .account = account, .version = SIM_VERSION};
	(void)snprintf(r.request_id, sizeof r.request_id, "req_rig");
	g->sim->clock = &g->sim->main;
	g->sim->scope = sim_scope(g->sim, account, true);
	if (strncmp(path, "/_sim/", 6) == 0)
		r.params = form[0] ? json_loads(form, 0, NULL) : json_object();
	else
		assert_int_equal(params_parse(view_str(form), &r.params, &fault), OK);
	json_t *answer = sim_handle(&r);
	g->status = r.error.status ? r.error.status : 200;
	json_decref(g->last);
	g->last = answer ? answer : sim_error_json(&r.error);
	g->sim->clock = &g->sim->main;
	g->sim->scope = g->sim->scopes[0];
	json_decref(r.params);
	json_decref(r.error.extra);
	return g->last;
}

/* The form is a format. It must succeed. */
static UNUSED json_t *ask(struct rig *g, const char *method, const char *path, const char *form, ...) PRINTF_LIKE(4, 5);
static UNUSED json_t *ask(struct rig *g, const char *method, const char *path, const char *form, ...) {
	char text[2048];
	va_list args;
	va_start(args, form);
	(void)vsnprintf(text, sizeof text, form, args);
	va_end(args);
	json_t *answer = ask_as(g, "", method, path, text);
	if (g->status != 200) {
		char *shown = json_dumps(answer, JSON_COMPACT);
		print_error("%s %s %s\n%s\n", method, path, text, shown);
		free(shown);
	}
	assert_int_equal(g->status, 200);
	return answer;
}

static UNUSED struct id id_in(const json_t *o, const char *key) {
	struct id id = {.text = ""};
	const char *text = text_of(o, key);
	assert_non_null(text);
	(void)snprintf(id.text, sizeof id.text, "%s", text);
	return id;
}

struct path {
	char text[256];
};

static UNUSED struct path path_of(const char *format, ...) PRINTF_LIKE(1, 2);
static UNUSED struct path path_of(const char *format, ...) {
	struct path p;
	va_list args;
	va_start(args, format);
	(void)vsnprintf(p.text, sizeof p.text, format, args);
	va_end(args);
	return p;
}

static UNUSED struct records *events_of(struct rig *g) { return &g->sim->scopes[0]->lists[K_EVENT]; }

static UNUSED void skip_events(struct rig *g) { g->seen = events_of(g)->count; }

/* The types of the events since the last look, in order, separated by blanks. */
static UNUSED void expect_events(struct rig *g, const char *types) {
	char line[4096] = "";
	size_t n = 0;
	for (; g->seen < events_of(g)->count; g->seen++)
		n += (size_t)snprintf(line + n, sizeof line - n, "%s%s", n ? " " : "",
				      text_of(events_of(g)->at[g->seen]->json, "type"));
	assert_string_equal(line, types);
}

/* previous_attributes of the newest event of that type, as compact JSON with sorted keys. */
static UNUSED void expect_previous(struct rig *g, const char *type, const char *previous) {
	for (size_t i = events_of(g)->count; i--;) {
		if (!text_is(events_of(g)->at[i]->json, "type", type)) continue;
		json_t *data = json_loads(events_of(g)->at[i]->text, 0, NULL);
		char *text = json_dumps(json_object_get(data, "previous_attributes"), JSON_COMPACT | JSON_SORT_KEYS);
		assert_string_equal(text, previous);
		free(text);
		json_decref(data);
		return;
	}
	fail_msg("no event of type %s", type);
}

static UNUSED void advance(struct rig *g, int64_t seconds) {
	(void)ask(g, "POST", "/_sim/clock", "{\"advance\": %lld}", (long long)seconds);
}

static UNUSED void set_card(struct rig *g, struct id customer, const char *outcome) {
	(void)ask(g, "POST", "/_sim/card", "{\"customer\": \"%s\", \"outcome\": \"%s\"}", customer.text, outcome);
}

/* price_pro (20 a month), price_max (90 a month), price_year (200 a year) */
static UNUSED struct rig rig_open(void) {
	struct rig g = rig_open_seed(7);
	(void)ask(&g, "POST", "/v1/products", "id=prod_a&name=A");
	const char *recurring = "recurring[interval]";
	(void)ask(&g, "POST", "/v1/prices", "id=price_pro&product=prod_a&currency=usd&unit_amount=2000&%s=month",
		  recurring);
	(void)ask(&g, "POST", "/v1/prices", "id=price_max&product=prod_a&currency=usd&unit_amount=9000&%s=month",
		  recurring);
	(void)ask(&g, "POST", "/v1/prices", "id=price_year&product=prod_a&currency=usd&unit_amount=20000&%s=year",
		  recurring);
	return g;
}

/* With a card that pays. */
static UNUSED struct id new_customer(struct rig *g) {
	struct id id = id_in(ask(g, "POST", "/v1/customers",
				 "email=a@example.com&payment_method=pm_card_visa&"
				 "invoice_settings[default_payment_method]=pm_card_visa"),
			     "id");
	skip_events(g);
	return id;
}

/* To price_pro, with more parameters. */
static UNUSED struct id subscribe(struct rig *g, struct id customer, const char *more) {
	struct id id = id_in(
		ask(g, "POST", "/v1/subscriptions", "customer=%s&items[0][price]=price_pro%s", customer.text, more),
		"id");
	return id;
}

static UNUSED const json_t *look(struct rig *g, struct id id) {
	const struct record *rec = sim_find_any(g->sim, id.text);
	assert_non_null(rec);
	return rec->json;
}

static UNUSED void expect_status(struct rig *g, struct id id, const char *status) {
	assert_string_equal(text_of(look(g, id), "status"), status);
}

static UNUSED struct id latest_invoice(struct rig *g, struct id sub) { return id_in(look(g, sub), "latest_invoice"); }

static UNUSED const json_t *item_at(const json_t *sub, size_t i) {
	return json_array_get(json_object_get(json_object_get(sub, "items"), "data"), i);
}

#endif
