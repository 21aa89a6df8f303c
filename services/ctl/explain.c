/* tiergate explain SUBJECT: what the store knows of a subject, and which rule decides. */
#include "explain.h"

#include "base/show.h"
#include "moment.h"
#include "override.h"
#include "service/catalog_file.h"
#include "service/clock.h"
#include "value.h"

static const struct setting rows[] = {
	{"MAX", SETTING_U64, AT(max), .flag_only = true, .fallback = "10", .max = 1000,
	 .help = "how many past changes to show"},
	{"AT", SETTING_STRING, AT(at), .flag_only = true,
	 .help = "explain this moment: 2026-11-22T10:45:18Z or unix seconds; in the future: if nothing happens until "
		 "then"},
	ROW_MODE,
	ROW_ACCOUNT,
	ROW_STORE_DIR,
	ROW_CATALOG,
	ROW_JSON,
};

static const struct settings_table table = {
	.program = "tiergate explain",
	.purpose = "Explains a subject's tier: its customers and subscriptions, the events that decided, and the rule.",
	.arguments = "SUBJECT",
	.arguments_min = 1,
	.arguments_max = 1,
	.notes = "It reads the store and the catalog itself, so it works when no service runs. A \"cus_…\" id is a "
		 "subject, too.\n"
		 "--at in the past says what was answered then, as the log of changes has it.",
	.rows = rows,
	.count = ARRAY_LEN(rows),
};

/* A customer's id stands for the subject that it is bound to, as in a check: the customers and changes are that one's.
 */
static void follow_customer(struct explanation *x) {
	struct customer_register r;
	if (!view_starts(x->subject, VIEW("cus_"))) return;
	if (look_customer(x->look, &x->scope, x->subject, &r) == OK)
		x->subject = customer_register_subject(&r, x->subject);
}

/* The subject's row in the mode that was asked for, or in the first that knows it. */
static enum error find_row(const struct call *c, struct explanation *x, struct view *ret_row, struct problem *why) {
	enum error e = ERR_NOT_FOUND;
	for (unsigned mode = 0; mode < 2 && e == ERR_NOT_FOUND; mode++) {
		if (c->s.mode != MODE_EITHER && c->s.mode != mode) continue;
		x->scope = (struct scope){.livemode = mode == 0, .account = view_str(c->s.account)};
		e = look_subject(x->look, &x->scope, x->subject, ret_row);
	}
	if (e == ERR_NOT_FOUND && c->s.mode == MODE_EITHER) x->scope.livemode = true;
	return e && e != ERR_NOT_FOUND ? problem_set(why, e, "cannot read the store: %s", error_text(e)) : e;
}

static enum error add_grants(struct explanation *x, struct view bytes, struct problem *why) {
	struct subject_row row = {0}; /* without grants, as that of an unknown subject */
	struct grant g;
	enum error e = bytes.len ? subject_row_open(bytes, &row) : OK;
	while (!e && subject_row_next(&row, &g)) json_array_append_new(x->subscriptions, explain_subscription(x, &g));
	if (!e && row.reader.failed) e = ERR_MALFORMED;
	if (!e) e = subject_row_entitlement(bytes, x->catalog, x->at, &x->entitlement);
	return e ? problem_set(why, e, "the subject's row is damaged: %s", error_text(e)) : OK;
}

static bool add_override(void *ctx, struct view id, const struct override_register *r) {
	struct explanation *x = ctx;
	return json_array_append_new(x->overrides, override_json(id, r, x->scope.livemode, x->now)) == 0;
}

static bool add_customer(void *ctx, struct view id) {
	struct explanation *x = ctx;
	if (look_overrides(x->look, &x->scope, id, add_override, x) != OK) return false;
	return json_array_append_new(x->customers, explain_customer(x, id)) == 0;
}

static bool add_change(void *ctx, const struct change *change) {
	struct explanation *x = ctx;
	if (x->past && change->at_ms / 1000 > x->at) return true;
	return json_array_append_new(x->history, explain_change(change)) == 0;
}

static enum error gather(const struct call *c, struct explanation *x, struct problem *why) {
	struct view row = VIEW_NONE;
	struct entitlements_stat stat;
	enum error e = find_row(c, x, &row, why);
	x->known = e == OK;
	if (e == ERR_NOT_FOUND) e = OK;
	if (!e) e = add_grants(x, row, why);
	if (!e) e = look_stat(x->look, &stat);
	if (!e) x->quarantined = stat.quarantined;
	follow_customer(x);
	if (!e) e = look_overrides(x->look, &x->scope, x->subject, add_override, x);
	if (!e) e = look_customers_of(x->look, &x->scope, x->subject, add_customer, x);
	if (!e) e = explain_wants(x);
	if (!e) e = look_history(x->look, &x->scope, x->subject, (size_t)c->s.max, add_change, x);
	return e && why->error == OK ? problem_set(why, e, "cannot read the store: %s", error_text(e)) : e;
}

static void add_store(const struct explanation *x, uint64_t epoch, json_t *o) {
	json_object_set_new(o, "now", json_integer(x->now));
	json_object_set_new(o, "at", json_integer(x->at));
	json_object_set_new(o, "ver", u64_json(x->ver));
	json_object_set_new(o, "epoch", hex_json(epoch));
	json_object_set_new(o, "catalog", hex_json(x->catalog->hash));
}

static void to_json(const struct explanation *x, json_t *o) {
	const struct entitlement *e = &x->entitlement;
	json_object_set_new(o, "sub", text_json(x->subject));
	json_object_set_new(o, "known", json_boolean(x->known));
	json_object_set_new(o, "mode", json_string(x->scope.livemode ? "live" : "test"));
	if (x->scope.account.len) json_object_set_new(o, "acct", text_json(x->scope.account));
	json_object_set_new(o, "tier", text_json(x->catalog->tiers[e->tier].name));
	json_object_set_new(o, "reason", json_string(reason_name(e->reason)));
	json_object_set_new(o, "rule", json_string(rule_sentence(e->rule)));
	json_object_set_new(o, "subscription", text_json(e->subscription));
	json_object_set_new(o, "event", text_json(e->event));
	json_object_set_new(o, "seats", u64_json(e->seats));
	json_object_set_new(o, "until", time_json(e->until));
	json_object_set_new(o, "next_billing", time_json(e->next_billing));
	json_object_set_new(o, "changes_at", time_json(e->changes_at));
	if (e->blocked_tier >= 0) {
		json_object_set_new(o, "blocked_tier", text_json(x->catalog->tiers[e->blocked_tier].name));
		json_object_set_new(o, "blocked_reason", json_string(reason_name(e->blocked_reason)));
	}
	if (e->stale) json_object_set_new(o, "stale", json_true());
	if (e->unconfirmed) json_object_set_new(o, "unconfirmed", json_true());
	if (e->unmapped) json_object_set_new(o, "unmapped", json_true());
	json_object_set(o, "customers", x->customers);
	json_object_set(o, "subscriptions", x->subscriptions);
	json_object_set(o, "overrides", x->overrides);
	json_object_set(o, "wants", x->wants);
	json_object_set(o, "history", x->history);
	json_object_set_new(o, "quarantined", u64_json(x->quarantined));
}

static enum error read_at(const struct call *c, struct explanation *x, struct problem *why) {
	x->now = x->at = wall_s();
	enum error e = c->s.at ? moment_read("--at", c->s.at, &x->at, why) : OK;
	x->past = x->at < x->now;
	return e;
}

static enum error explain(const struct call *c, struct explanation *x, json_t *o, struct problem *why) {
	x->ver = look_version(x->look);
	enum error e = gather(c, x, why);
	if (!e && x->past) return explain_past(x, o, why);
	if (!e) to_json(x, o);
	return e;
}

static enum error load_catalog(const struct call *c, struct catalog_file **ret_f, struct problem *why) {
	enum error e = catalog_file_load(c->s.catalog, ret_f, why);
	if (e == ERR_NOT_FOUND)
		return problem_set(why, ERR_CONFIG, "there is no catalog at %.100s (%s)", c->s.catalog,
				   settings_origin(c->settings, "CATALOG"));
	return e;
}

static int run(const struct call *c) {
	struct problem why = {0};
	AUTO(catalog_file_destroy)
	struct catalog_file *catalog = NULL;
	struct store_view v = {0};
	struct explanation x = {.subject = view_str(call_argument(c)),
				.customers = json_array(),
				.subscriptions = json_array(),
				.overrides = json_array(),
				.wants = json_array(),
				.history = json_array()};
	json_t *o = json_object();
	enum error e = OK;
	if (x.subject.len == 0 || x.subject.len > SUBJECT_MAX)
		e = problem_set(&why, ERR_USAGE, "a subject has 1 to %d bytes", SUBJECT_MAX);
	if (!e) e = read_at(c, &x, &why);
	if (!e) e = load_catalog(c, &catalog, &why);
	if (!e) e = store_view_open(c, &v, &why);
	if (!e) {
		x.catalog = catalog_file_get(catalog);
		x.look = v.look;
		e = explain(c, &x, o, &why);
	}
	if (!e) add_store(&x, entitlements_epoch(v.store), o);
	store_view_close(&v);
	json_t *const parts[] = {x.customers, x.subscriptions, x.overrides, x.wants, x.history};
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) json_decref(parts[i]);
	if (!e) return call_done(c, o, explain_print, 0);
	json_decref(o);
	return call_failed(c, e, &why);
}

const struct verb verb_explain = {"explain", "why: events, subscriptions, the rule that decided, past changes", &table,
				  run};
