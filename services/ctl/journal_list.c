/* tiergate journal list */
#include "ask_journal.h"
#include "base/show.h"
#include "value.h"

#define LIST_MAX 10000

static const struct setting rows[] = {
	{"FROM", SETTING_U64, AT(from), .flag_only = true, .fallback = "0",
	 .help = "begin with this sequence; 0: the newest --max"},
	{"MAX", SETTING_U64, AT(max), .flag_only = true, .fallback = "50", .min = 1, .max = LIST_MAX,
	 .help = "how many"},
	{"TYPE", SETTING_STRING, AT(type), .flag_only = true,
	 .help = "only events of this type, or of all that begin so: customer.subscription.*"},
	ROW_JOURNAL_REPLAY,
	ROW_CURVE_DIR,
	ROW_TIMEOUT,
	ROW_JSON,
};

static const struct settings_table table = {
	.program = "tiergate journal list",
	.purpose = "Lists records of the journal, oldest first.",
	.rows = rows,
	.count = ARRAY_LEN(rows),
};

static bool has_type(const struct record *r, struct view type) {
	if (type.len == 0) return true;
	if (type.ptr[type.len - 1] != '*') return view_eq(r->type, type);
	return view_starts(r->type, view_of(type.ptr, type.len - 1));
}

struct list {
	const struct call *call;
	struct journal_asker journal;
	uint64_t next;
	uint64_t head;
	json_t *records;
};

/* The records of one reply: the first --max from --from on, else the last --max. */
static enum error take(struct list *l, unsigned count, struct problem *why) {
	for (unsigned i = 0; i < count; i++) {
		struct record r;
		enum error e = journal_asked_record(&l->journal, i, &r, why);
		if (e) return e;
		if (r.seq < l->next) return problem_set(why, ERR_MALFORMED, "the journal's records are out of order");
		l->next = r.seq + 1;
		if (!has_type(&r, view_str(l->call->s.type))) continue;
		if (json_array_size(l->records) == l->call->s.max) {
			if (l->call->s.from) {
				l->next = UINT64_MAX;
				return OK;
			}
			json_array_remove(l->records, 0);
		}
		json_array_append_new(l->records, record_json(&r));
	}
	return OK;
}

static enum error collect(struct list *l, struct problem *why) {
	uint64_t from = l->call->s.from, max = l->call->s.max;
	struct stream_reply reply;
	enum error e = journal_ask(&l->journal, &(struct stream_request){.op = STREAM_HEAD, .id = 1}, &reply, why);
	if (e) return e;
	l->head = reply.head;
	l->next = from ? from : reply.first;
	if (!from && !l->call->s.type && reply.head >= max && reply.head - max + 1 > l->next)
		l->next = reply.head - max + 1;
	while (l->head > 0 && l->next <= l->head) {
		uint64_t wanted = l->call->s.type || max > STREAM_REPLAY_RECORDS_MAX ? STREAM_REPLAY_RECORDS_MAX : max;
		const struct stream_request r = {.op = STREAM_REPLAY, .id = 1, .from = l->next, .max = wanted};
		e = journal_ask(&l->journal, &r, &reply, why);
		if (!e) e = take(l, (unsigned)reply.count, why);
		if (e) return e;
		if (reply.count == 0) break;
		if (from && !l->call->s.type && json_array_size(l->records) == max) break;
	}
	return OK;
}

static void print(const json_t *o) {
	const json_t *records = json_object_get(o, "records");
	for (size_t i = 0; i < json_array_size(records); i++) {
		const json_t *r = json_array_get(records, i);
		(void)printf("%8" JSON_INTEGER_FORMAT "  %s  %s  %-32s  %s%s%s\n", member_number(r, "seq"),
			     when_ms(member_number(r, "received_ms"), "-").text, member_text(r, "mode"),
			     member_text(r, "type"), member_text(r, "event"), *member_text(r, "acct") ? "  " : "",
			     member_text(r, "acct"));
	}
	if (json_array_size(records) == 0)
		(void)printf("no such records; the journal's head is %" JSON_INTEGER_FORMAT "\n",
			     member_number(o, "head"));
}

static int run(const struct call *c) {
	struct problem why = {0};
	struct list l = {.call = c, .records = json_array()};
	enum error e = journal_asker_open(c, &l.journal, &why);
	if (!e) e = collect(&l, &why);
	journal_asker_close(&l.journal);
	if (!e) return call_done(c, json_pack("{s:o, s:o}", "head", u64_json(l.head), "records", l.records), print, 0);
	json_decref(l.records);
	return call_failed(c, e, &why);
}

const struct verb verb_journal_list = {"journal list", "records of the journal: when, which, of what type", &table,
				       run};
