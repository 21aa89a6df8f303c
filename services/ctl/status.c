/* tiergate status: what each service says of itself on its admin port. */
#include "http.h"
#include "service/clock.h"
#include "value.h"
#include "verb.h"

#include <stdio.h>

enum { ONLY_ALL, ONLY_INGRESS, ONLY_ENTITLEMENT, ONLY_QUERY, ONLY_RECONCILER, ONLY_BILLING, SERVICES };

static const char *const names[SERVICES] = {"all", "ingress", "entitlement", "query", "reconciler", "billing"};

static const struct setting rows[] = {
	{"ONLY", SETTING_CHOICE, AT(only), .flag_only = true, .fallback = "all",
	 .choices = "all|ingress|entitlement|query|reconciler|billing", .help = "ask this service alone"},
	{"INGRESS_ADMIN", SETTING_LISTEN, AT(ingress_admin), .fallback = "127.0.0.1:8801",
	 .help = "the admin port of tiergate-ingress"},
	{"ENTITLEMENT_ADMIN", SETTING_LISTEN, AT(entitlement_admin), .fallback = "127.0.0.1:8802",
	 .help = "that of tiergate-entitlement"},
	{"QUERY_ADMIN", SETTING_LISTEN, AT(query_admin), .fallback = "127.0.0.1:8803",
	 .help = "that of tiergate-query"},
	{"RECONCILER_ADMIN", SETTING_LISTEN, AT(reconciler_admin), .fallback = "127.0.0.1:8805",
	 .help = "that of tiergate-reconciler"},
	{"BILLING_ADMIN", SETTING_LISTEN, AT(billing_admin), .fallback = "127.0.0.1:8804",
	 .help = "that of tiergate-billing"},
	ROW_TIMEOUT,
	ROW_JSON,
};

static const struct settings_table table = {
	.program = "tiergate status",
	.purpose = "Asks each service whether it is ready, and if not, why.",
	.notes = "Exits with 0 when all that were asked are ready, else 69. Services that are down are no error of the "
		 "command;\n"
		 "a reconciler or a billing that is down counts only with --only.",
	.rows = rows,
	.count = ARRAY_LEN(rows),
};

/* {service, at, up, ready, why, facts} */
static json_t *ask(const char *name, const char *address, int64_t timeout_ms) {
	char url[160];
	(void)snprintf(url, sizeof url, "http://%s/readyz", address);
	struct http_reply reply = {0};
	struct problem why = {0};
	enum error e = http_ask(&(struct http_ask){.url = url, .timeout_ms = timeout_ms}, &reply, &why);
	json_t *said = e ? NULL : json_loadb(reply.body, reply.len, JSON_REJECT_DUPLICATES, NULL);
	bool ours = json_is_boolean(json_object_get(said, "ready")) && json_is_array(json_object_get(said, "why"));
	json_t *o = json_pack("{s:s, s:s, s:b}", "service", name, "at", address, "up", (int)ours);
	if (ours) {
		json_object_update_missing(o, said);
	} else {
		if (e == ERR_UNAVAILABLE) (void)problem_set(&why, e, "nobody answers there");
		if (!e) (void)problem_set(&why, ERR_MALFORMED, "%s: what answers there is no service of Tiergate", url);
		json_object_set_new(o, "ready", json_false());
		json_object_set_new(o, "why", json_pack("[o]", text_json(view_str(problem_text(&why)))));
	}
	json_decref(said);
	http_reply_finish(&reply);
	return o;
}

static void print_size(const json_t *facts) {
	double size = (double)member_number(facts, "map_size"), used = (double)member_number(facts, "map_used");
	if (size > 0) (void)printf(", map %.1f %% of %.1f GiB", 100 * used / size, size / (1024.0 * 1024 * 1024));
}

static void print_number(const json_t *facts, const char *key, const char *label) {
	const json_t *n = json_object_get(facts, key);
	if (json_is_integer(n)) (void)printf(", %s %" JSON_INTEGER_FORMAT, label, json_integer_value(n));
}

/* Of query: how long ago the worker last said that the store is complete. */
static void print_lag(const json_t *facts) {
	json_int_t as_of = member_number(facts, "as_of");
	if (as_of > 0) (void)printf(", current as of %s", since_ms(as_of, wall_ms()).text);
}

/* Of the last pass of the reconciler: what webhooks had not brought. */
static void print_drift(const json_t *facts) {
	if (!json_object_get(facts, "reconciled_to")) return;
	(void)printf(", reconciled to %s (missed %" JSON_INTEGER_FORMAT ", differing %" JSON_INTEGER_FORMAT ")",
		     when_s(member_number(facts, "reconciled_to"), "-").text, member_number(facts, "drift_missed"),
		     member_number(facts, "drift_differing"));
}

static void print_when(const json_t *facts, const char *key, const char *label) {
	json_int_t s = member_number(facts, key);
	if (s > 0) (void)printf(", %s %s", label, since_ms(s * 1000, wall_ms()).text);
}

/* Of the reconciler: its key, how far it has come, what it found and has yet to fetch, and whether webhooks come at
 * all.
 */
static void print_reconciler(const json_t *facts) {
	const char *key = member_text(facts, "api_key");
	if (!*key) return;
	(void)printf(", API key %s", strcmp(key, "none") == 0 ? "none: set STRIPE_API_KEY to have it reconcile" : key);
	print_when(facts, "events_to", "events up to");
	print_when(facts, "swept_at", "swept");
	print_number(facts, "missed", "missed");
	print_number(facts, "differing", "differing");
	print_number(facts, "wants", "wants");
	if (member_number(facts, "oldest_want_ms") > 0)
		(void)printf(", oldest %.1f s", (double)member_number(facts, "oldest_want_ms") / 1000);
	if (member_number(facts, "paused_ms") > 0)
		(void)printf(", paused %.1f s: %s", (double)member_number(facts, "paused_ms") / 1000,
			     member_text(facts, "api_why"));
	if (member_true(facts, "silent")) (void)printf(", WEBHOOKS ARE SILENT");
}

/* Of billing: what it lacks. */
static void print_billing(const json_t *facts) {
	if (!*member_text(facts, "stripe_key")) return;
	if (strcmp(member_text(facts, "stripe_key"), "none") == 0)
		(void)printf(", no Stripe key: set STRIPE_API_KEY to have it sell");
	if (!member_true(facts, "tiers_live")) (void)printf(", the feed is not there");
	print_number(facts, "asks", "requests under way");
}

static void print_one(const json_t *o) {
	const json_t *facts = json_object_get(o, "facts"), *why = json_object_get(o, "why");
	const char *state = member_true(o, "ready") ? "ready" : member_true(o, "up") ? "not ready" : "down";
	(void)printf("%-12s %-9s at %s", member_text(o, "service"), state, member_text(o, "at"));
	if (*member_text(facts, "mode")) (void)printf(", mode %s", member_text(facts, "mode"));
	print_number(facts, "store_ver", "store version");
	print_lag(facts);
	print_number(facts, "head", "head");
	print_number(facts, "cursor", "cursor");
	print_number(facts, "backlog", "backlog");
	print_number(facts, "quarantine", "quarantine");
	print_number(facts, "unmapped", "unmapped prices");
	if (!*member_text(facts, "api_key")) print_number(facts, "wants", "to fetch");
	print_number(facts, "overrides", "overrides");
	print_drift(facts);
	if (member_number(facts, "last_event_ms"))
		(void)printf(", last event %s", since_ms(member_number(facts, "last_event_ms"), wall_ms()).text);
	if (member_number(facts, "last_webhook_ms"))
		(void)printf(", last webhook %s", since_ms(member_number(facts, "last_webhook_ms"), wall_ms()).text);
	print_size(facts);
	print_reconciler(facts);
	print_billing(facts);
	(void)printf("\n");
	for (size_t i = 0; i < json_array_size(why); i++)
		(void)printf("%-12s   %s\n", "", json_string_value(json_array_get(why, i)));
}

static void print(const json_t *o) {
	const json_t *services = json_object_get(o, "services");
	for (size_t i = 0; i < json_array_size(services); i++) print_one(json_array_get(services, i));
}

static int run(const struct call *c) {
	const char *const addresses[SERVICES] = {NULL,
						 c->s.ingress_admin,
						 c->s.entitlement_admin,
						 c->s.query_admin,
						 c->s.reconciler_admin,
						 c->s.billing_admin};
	json_t *services = json_array();
	bool ready = true;
	for (unsigned i = ONLY_INGRESS; i < SERVICES; i++) {
		if (c->s.only != ONLY_ALL && c->s.only != i) continue;
		json_t *one = ask(names[i], addresses[i], c->s.timeout_ms);
		/* webhooks and checks work without these: one that is not there is shown, and no more */
		bool missed = i < ONLY_RECONCILER || c->s.only == i || member_true(one, "up");
		ready = ready && (member_true(one, "ready") || !missed);
		json_array_append_new(services, one);
	}
	json_t *o = json_pack("{s:b, s:o}", "ready", (int)ready, "services", services);
	return call_done(c, o, print, ready ? 0 : error_exit_code(ERR_UNAVAILABLE));
}

const struct verb verb_status = {"status", "each service: ready, or why not; backlog, last event, map use", &table,
				 run};
