/* tiergate explain SUBJECT: what the store knows of a subject, and which rule decides. */
#include "explain.h"

#include "base/show.h"
#include "service/catalog_file.h"
#include "service/clock.h"
#include "value.h"

static const struct setting rows[] = {
	{"MAX", SETTING_U64, AT(max), .flag_only = true, .fallback = "10", .max = 1000,
	 .help = "how many past changes to show"},
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
		 "subject, too.",
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

static enum error add_subscriptions(struct explanation *x, struct view bytes, struct problem *why) {
	struct subject_row row;
	struct grant g;
	enum error e = subject_row_open(bytes, &row);
	while (!e && subject_row_next(&row, &g)) json_array_append_new(x->subscriptions, explain_subscription(x, &g));
	if (!e) e = subject_row_entitlement(bytes, x->catalog, x->now, &x->entitlement);
	return e ? problem_set(why, e, "the subject's row is damaged: %s", error_text(e)) : OK;
}

static bool add_customer(void *ctx, struct view id) {
	struct explanation *x = ctx;
	return json_array_append_new(x->customers, explain_customer(x, id)) == 0;
}

static bool add_change(void *ctx, const struct change *change) {
	json_t *o = json_object();
	json_object_set_new(o, "ver", u64_json(change->ver));
	json_object_set_new(o, "at_ms", json_integer(change->at_ms));
	json_object_set_new(o, "before", text_json(change->before));
	json_object_set_new(o, "after", text_json(change->after));
	json_object_set_new(o, "reason", json_string(reason_name(change->reason)));
	json_object_set_new(o, "status", json_string(sub_status_name(change->status)));
	json_object_set_new(o, "until", time_json(change->until));
	json_object_set_new(o, "event", text_json(change->event));
	return json_array_append_new(ctx, o) == 0;
}

static enum error gather(const struct call *c, struct explanation *x, struct problem *why) {
	struct view row;
	struct entitlements_stat stat;
	enum error e = find_row(c, x, &row, why);
	x->known = e == OK;
	if (!e) e = add_subscriptions(x, row, why);
	if (e == ERR_NOT_FOUND) e = subject_row_entitlement(VIEW_NONE, x->catalog, x->now, &x->entitlement);
	if (!e) e = look_stat(x->look, &stat);
	if (!e) x->quarantined = stat.quarantined;
	if (x->known) follow_customer(x);
	if (!e) e = look_customers_of(x->look, &x->scope, x->subject, add_customer, x);
	if (!e) e = look_history(x->look, &x->scope, x->subject, (size_t)c->s.max, add_change, x->history);
	return e && why->error == OK ? problem_set(why, e, "cannot read the store: %s", error_text(e)) : e;
}

static json_t *to_json(const struct explanation *x, uint64_t epoch) {
	const struct entitlement *e = &x->entitlement;
	json_t *o = json_object();
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
	json_object_set(o, "history", x->history);
	json_object_set_new(o, "quarantined", u64_json(x->quarantined));
	json_object_set_new(o, "now", json_integer(x->now));
	json_object_set_new(o, "ver", u64_json(look_version(x->look)));
	json_object_set_new(o, "epoch", hex_json(epoch));
	json_object_set_new(o, "catalog", hex_json(x->catalog->hash));
	return o;
}

static int run(const struct call *c) {
	struct problem why = {0};
	AUTO(catalog_file_destroy)
	struct catalog_file *catalog = NULL;
	struct store_view v = {0};
	struct explanation x = {.subject = view_str(call_argument(c)),
				.now = wall_s(),
				.customers = json_array(),
				.subscriptions = json_array(),
				.history = json_array()};
	json_t *o = NULL;
	enum error e = OK;
	if (x.subject.len == 0 || x.subject.len > SUBJECT_MAX)
		e = problem_set(&why, ERR_USAGE, "a subject has 1 to %d bytes", SUBJECT_MAX);
	if (!e) e = catalog_file_load(c->s.catalog, &catalog, &why);
	if (e == ERR_NOT_FOUND)
		e = problem_set(&why, ERR_CONFIG, "there is no catalog at %.100s (%s)", c->s.catalog,
				settings_origin(c->settings, "CATALOG"));
	if (!e) e = store_view_open(c, &v, &why);
	if (!e) {
		x.catalog = catalog_file_get(catalog);
		x.look = v.look;
		e = gather(c, &x, &why);
	}
	if (!e) o = to_json(&x, entitlements_epoch(v.store));
	store_view_close(&v);
	json_decref(x.customers);
	json_decref(x.subscriptions);
	json_decref(x.history);
	return e ? call_failed(c, e, &why) : call_done(c, o, explain_print, 0);
}

const struct verb verb_explain = {"explain", "why: events, subscriptions, the rule that decided, past changes", &table,
				  run};
