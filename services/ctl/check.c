/* tiergate check SUBJECT --tier T | --feature F */
#include "ask_query.h"
#include "value.h"

static const struct setting rows[] = {
	{"TIER", SETTING_STRING, AT(tier), .flag_only = true, .help = "may the subject use this tier?"},
	{"FEATURE", SETTING_STRING, AT(feature), .flag_only = true, .help = "or this feature? One of the two"},
	ROW_AT,
	{"MIN_VER", SETTING_U64, AT(min_ver), .flag_only = true, .help = "fail unless the store has this version"},
	ROW_ACCOUNT,
	ROW_QUERY,
	ROW_CURVE_DIR,
	ROW_TIMEOUT,
	ROW_JSON,
};

static const struct settings_table table = {
	.program = "tiergate check",
	.purpose = "Asks the query service whether a subject may use a tier or a feature.",
	.arguments = "SUBJECT",
	.arguments_min = 1,
	.arguments_max = 1,
	.notes = "Exits with 0 when allowed and 1 when denied; an unknown tier or feature is a usage error.",
	.exit_1 = "1 denied",
	.rows = rows,
	.count = ARRAY_LEN(rows),
};

static json_t *to_json(const struct tg01_question *q, const struct tg01_reply *r) {
	const struct tg01_answer *a = &r->of.answer;
	json_t *o = json_object();
	json_object_set_new(o, "sub", text_json(q->sub));
	if (q->tier.len) json_object_set_new(o, "asked_tier", text_json(q->tier));
	if (q->feat.len) json_object_set_new(o, "asked_feat", text_json(q->feat));
	json_object_set_new(o, "allowed", json_boolean(a->allowed));
	json_object_set_new(o, "reason", text_json(a->reason));
	json_object_set_new(o, "tier", text_json(a->tier));
	json_object_set_new(o, "status", text_json(a->status));
	json_object_set_new(o, "until", time_json(a->until));
	if (a->need.len) json_object_set_new(o, "need", text_json(a->need));
	if (a->stale) json_object_set_new(o, "stale", json_true());
	json_object_set_new(o, "ttl", json_integer(a->ttl));
	return query_source(o, &r->source);
}

static void print(const json_t *o) {
	const char *what = *member_text(o, "asked_tier") ? member_text(o, "asked_tier") : member_text(o, "asked_feat");
	bool allowed = member_true(o, "allowed");
	(void)printf("%s: %s %s use %s: %s (tier %s, subscription %s)\n", allowed ? "allowed" : "denied",
		     member_text(o, "sub"), allowed ? "may" : "may not", what, member_text(o, "reason"),
		     member_text(o, "tier"), member_text(o, "status"));
	if (*member_text(o, "need")) (void)printf("needs: tier %s\n", member_text(o, "need"));
	if (member_number(o, "until")) (void)printf("until: %s\n", when_s(member_number(o, "until"), "").text);
	if (member_true(o, "stale")) (void)printf("stale: the renewal is overdue and no news of it has come\n");
}

struct outcome {
	const struct tg01_question *question;
	json_t *json;
	bool allowed;
};

static void take(void *ctx, const struct tg01_reply *reply) {
	struct outcome *o = ctx;
	o->json = to_json(o->question, reply);
	o->allowed = reply->of.answer.allowed;
}

static int run(const struct call *c) {
	struct problem why = {0};
	struct tg01_request r = {.op = TG01_CHECK};
	enum error e = query_question(c, &r.ask, &why);
	if (!e && !c->s.tier == !c->s.feature) e = problem_set(&why, ERR_USAGE, "give one of --tier and --feature");
	if (e) return call_failed(c, e, &why);
	struct outcome o = {.question = &r.ask};
	e = query_ask(c, &r, take, &o, &why);
	return e ? call_failed(c, e, &why) : call_done(c, o.json, print, o.allowed ? 0 : 1);
}

const struct verb verb_check = {"check", "may a subject use a tier or feature? Exits 0 for yes, 1 for no", &table, run};
