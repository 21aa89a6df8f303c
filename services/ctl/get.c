/* tiergate get SUBJECT */
#include "ask_query.h"
#include "value.h"

static const struct setting rows[] = {ROW_AT, ROW_ACCOUNT, ROW_QUERY, ROW_CURVE_DIR, ROW_TIMEOUT, ROW_JSON};

static const struct settings_table table = {
	.program = "tiergate get",
	.purpose = "Asks the query service for all that a subject has.",
	.arguments = "SUBJECT",
	.arguments_min = 1,
	.arguments_max = 1,
	.notes = "A subject that nobody has heard of is at the lowest tier, with the reason unknown_subject.",
	.rows = rows,
	.count = ARRAY_LEN(rows),
};

static json_t *to_json(struct view sub, const struct tg01_reply *r) {
	const struct tg01_profile *p = &r->of.profile;
	json_t *o = json_object(), *feats = json_array();
	for (unsigned i = 0; i < p->feat_count; i++) json_array_append_new(feats, text_json(p->feats[i]));
	json_object_set_new(o, "sub", text_json(sub));
	json_object_set_new(o, "tier", text_json(p->tier));
	json_object_set_new(o, "reason", text_json(p->reason));
	json_object_set_new(o, "status", text_json(p->status));
	json_object_set_new(o, "feats", feats);
	json_object_set_new(o, "seats", u64_json(p->seats));
	json_object_set_new(o, "until", time_json(p->until));
	json_object_set_new(o, "next_billing", time_json(p->next_billing));
	if (p->stale) json_object_set_new(o, "stale", json_true());
	json_object_set_new(o, "ttl", json_integer(p->ttl));
	return query_source(o, &r->source);
}

static void print(const json_t *o) {
	(void)printf("subject       %s\ntier          %s\nreason        %s\nsubscription  %s\nseats         "
		     "%" JSON_INTEGER_FORMAT "\nuntil         %s\nnext billing  %s\nfeatures     ",
		     member_text(o, "sub"), member_text(o, "tier"), member_text(o, "reason"), member_text(o, "status"),
		     member_number(o, "seats"), when_s(member_number(o, "until"), "no end is known").text,
		     when_s(member_number(o, "next_billing"), "none").text);
	const json_t *feats = json_object_get(o, "feats");
	for (size_t i = 0; i < json_array_size(feats); i++)
		(void)printf(" %s", json_string_value(json_array_get(feats, i)));
	(void)printf("\n");
	if (member_true(o, "stale")) (void)printf("stale         the renewal is overdue and no news of it has come\n");
	(void)printf("as of         %s, store version %" JSON_INTEGER_FORMAT "\n",
		     when_ms(member_number(o, "as_of"), "not known").text, member_number(o, "ver"));
}

struct outcome {
	struct view subject;
	json_t *json;
};

static void take(void *ctx, const struct tg01_reply *reply) {
	struct outcome *o = ctx;
	o->json = to_json(o->subject, reply);
}

static int run(const struct call *c) {
	struct problem why = {0};
	struct tg01_request r = {.op = TG01_GET};
	enum error e = query_question(c, &r.ask, &why);
	if (e) return call_failed(c, e, &why);
	struct outcome o = {.subject = r.ask.sub};
	e = query_ask(c, &r, take, &o, &why);
	return e ? call_failed(c, e, &why) : call_done(c, o.json, print, 0);
}

const struct verb verb_get = {"get", "a subject's tier, features, seats and dates", &table, run};
