/* What the log of changes and the list of wants know about a subject. */
#include "explain.h"

#include "value.h"

static const char *cause_name(enum change_cause c) {
	static const char *const names[] = {
		[CHANGE_RECORD] = "record", [CHANGE_CLOCK] = "clock", [CHANGE_CATALOG] = "catalog"};
	return (unsigned)c < ARRAY_LEN(names) ? names[c] : "unknown";
}

json_t *explain_change(const struct change *change) {
	json_t *o = json_object();
	json_object_set_new(o, "ver", u64_json(change->ver));
	json_object_set_new(o, "at_ms", json_integer(change->at_ms));
	json_object_set_new(o, "cause", json_string(cause_name(change->cause)));
	json_object_set_new(o, "before", text_json(change->before));
	json_object_set_new(o, "after", text_json(change->after));
	json_object_set_new(o, "reason", json_string(reason_name(change->reason)));
	json_object_set_new(o, "status", json_string(sub_status_name(change->status)));
	json_object_set_new(o, "until", time_json(change->until));
	json_object_set_new(o, "event", text_json(change->event));
	return o;
}

static void add_answer(const struct explanation *x, const struct change *then, json_t *o) {
	const struct catalog *c = x->catalog;
	json_object_set_new(o, "known", json_boolean(then && then->known));
	json_object_set_new(o, "tier", text_json(then ? then->after : c->tiers[0].name));
	json_object_set_new(o, "reason", json_string(reason_name(then ? then->reason : REASON_UNKNOWN_SUBJECT)));
	json_object_set_new(o, "rule", json_string(rule_sentence(then ? then->rule : RULE_NONE)));
	if (!then) return;
	json_object_set_new(o, "status", json_string(sub_status_name(then->status)));
	json_object_set_new(o, "subscription", text_json(then->subscription));
	json_object_set_new(o, "event", text_json(then->event));
	json_object_set_new(o, "seats", u64_json(then->seats));
	json_object_set_new(o, "until", time_json(then->until));
	json_object_set_new(o, "next_billing", time_json(then->next_billing));
	if (then->blocked_tier.len) {
		json_object_set_new(o, "blocked_tier", text_json(then->blocked_tier));
		json_object_set_new(o, "blocked_reason", json_string(reason_name(then->blocked_reason)));
	}
	if (then->stale) json_object_set_new(o, "stale", json_true());
	if (then->unmapped) json_object_set_new(o, "unmapped", json_true());
	json_object_set_new(o, "since_ms", json_integer(then->at_ms));
	json_object_set_new(o, "cause", json_string(cause_name(then->cause)));
}

enum error explain_past(struct explanation *x, json_t *o, struct problem *why) {
	struct change then;
	int64_t from_ms = 0;
	enum error e = look_answer_at(x->look, &x->scope, x->subject, x->at * 1000 + 999, &then, &from_ms);
	if (!e) e = look_answer_unlogged(x->look, &x->scope, x->subject, x->catalog, x->at, &then);
	if (e == ERR_LIMIT)
		return problem_set(why, ERR_NOT_FOUND,
				   "the log of changes begins at %s: what was answered before is not known",
				   when_ms(from_ms, "-").text);
	if (e && e != ERR_NOT_FOUND) return problem_set(why, e, "cannot read the store: %s", error_text(e));
	x->ver = e ? 0 : then.ver;
	json_object_set_new(o, "sub", text_json(x->subject));
	json_object_set_new(o, "mode", json_string(x->scope.livemode ? "live" : "test"));
	if (x->scope.account.len) json_object_set_new(o, "acct", text_json(x->scope.account));
	json_object_set_new(o, "past", json_true());
	add_answer(x, e ? NULL : &then, o);
	json_object_set(o, "history", x->history);
	return OK;
}

/* ---- wants ----------------------------------------------------------------------- */

static bool is_one_of(const json_t *things, struct view id) {
	for (size_t i = 0; i < json_array_size(things); i++)
		if (view_eq(id, view_str(member_text(json_array_get(things, i), "id")))) return true;
	return false;
}

static bool add_want(void *ctx, const struct want *w) {
	struct explanation *x = ctx;
	if (w->scope.livemode != x->scope.livemode || !view_eq(w->scope.account, x->scope.account)) return true;
	if (!is_one_of(x->customers, w->fetch.id) && !is_one_of(x->subscriptions, w->fetch.id)) return true;
	json_t *o = json_object();
	json_object_set_new(o, "fetch", json_string(fetch_name(w->fetch.kind)));
	json_object_set_new(o, "id", text_json(w->fetch.id));
	json_object_set_new(o, "why", json_string(want_sentence(w->why)));
	json_object_set_new(o, "since_ms", json_integer(w->since_ms));
	json_object_set_new(o, "event", text_json(w->event));
	return json_array_append_new(x->wants, o) == 0;
}

enum error explain_wants(struct explanation *x) { return look_wants(x->look, add_want, x); }
