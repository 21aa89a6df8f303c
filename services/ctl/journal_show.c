/* tiergate journal show SEQ|EVENT */
#include "ask_journal.h"
#include "base/parse.h"
#include "base/show.h"
#include "value.h"

static const struct setting rows[] = {ROW_MODE, ROW_ACCOUNT, ROW_JOURNAL_REPLAY, ROW_CURVE_DIR, ROW_TIMEOUT, ROW_JSON};

static const struct settings_table table = {
	.program = "tiergate journal show",
	.purpose = "Shows one record of the journal with its body, by sequence or by event id.",
	.arguments = "SEQ|EVENT",
	.arguments_min = 1,
	.arguments_max = 1,
	.notes = "The body may hold what customers entrusted to you.",
	.rows = rows,
	.count = ARRAY_LEN(rows),
};

static enum error find(const struct call *c, struct journal_asker *j, uint64_t *ret_seq, struct problem *why) {
	enum error e = ERR_NOT_FOUND;
	struct view id = view_str(call_argument(c)), account = view_str(c->s.account);
	if (id.len > STRIPE_ID_MAX || account.len > ACCOUNT_MAX)
		return problem_set(why, ERR_USAGE, "the id is too long");
	for (unsigned mode = 0; mode < 2 && e == ERR_NOT_FOUND; mode++) {
		if (c->s.mode != MODE_EITHER && c->s.mode != mode) continue;
		struct stream_reply reply;
		const struct stream_request r = {
			.op = STREAM_FIND, .id = 1, .record = {.livemode = mode == 0, .account = account, .id = id}};
		e = journal_ask(j, &r, &reply, why);
		if (!e) *ret_seq = reply.seq;
	}
	if (e == ERR_NOT_FOUND)
		return problem_set(why, e, "the journal has no event '%s'%s", show(id).text,
				   account.len ? " of that account"
					       : "; an event of a connected account needs --account");
	return e;
}

static enum error get(struct journal_asker *j, uint64_t seq, struct record *ret_r, struct problem *why) {
	struct stream_reply reply;
	const struct stream_request r = {.op = STREAM_REPLAY, .id = 1, .from = seq, .max = 1};
	enum error e = journal_ask(j, &r, &reply, why);
	if (!e && reply.count > 0) e = journal_asked_record(j, 0, ret_r, why);
	if (e) return e;
	if (reply.count == 0 || ret_r->seq != seq)
		return problem_set(why, ERR_NOT_FOUND, "the journal has no record %llu: it holds %llu to %llu",
				   (unsigned long long)seq, (unsigned long long)reply.first,
				   (unsigned long long)reply.head);
	return OK;
}

static void print(const json_t *o) {
	static const char *const keys[] = {"seq",  "event",  "type",        "mode",  "acct",
					   "kind", "secret", "api_version", "bytes", "origin"};
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		const json_t *v = json_object_get(o, keys[i]);
		if (json_is_string(v)) (void)printf("%-12s %s\n", keys[i], json_string_value(v));
		if (json_is_integer(v))
			(void)printf("%-12s %" JSON_INTEGER_FORMAT "\n", keys[i], json_integer_value(v));
	}
	(void)printf("%-12s %s\n", "created", when_s(member_number(o, "created"), "-").text);
	(void)printf("%-12s %s\n\n", "received", when_ms(member_number(o, "received_ms"), "-").text);
	(void)json_dumpf(json_object_get(o, "body"), stdout, JSON_INDENT(2) | JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
	(void)printf("\n");
}

static int run(const struct call *c) {
	struct problem why = {0};
	struct journal_asker j;
	uint64_t seq = 0;
	struct record r;
	json_t *o = NULL;
	enum error e = journal_asker_open(c, &j, &why);
	if (!e && !parse_u64(view_str(call_argument(c)), UINT64_MAX, &seq)) e = find(c, &j, &seq, &why);
	if (!e) e = get(&j, seq, &r, &why);
	if (!e) {
		o = record_json(&r);
		json_object_set_new(o, "body", record_body_json(&r));
	}
	journal_asker_close(&j);
	return e ? call_failed(c, e, &why) : call_done(c, o, print, 0);
}

const struct verb verb_journal_show = {"journal show", "one record with its body", &table, run};
