/* tiergate journal forget WORKER */
#include "ask_journal.h"
#include "base/show.h"
#include "value.h"

static const struct setting rows[] = {ROW_JOURNAL_REPLAY, ROW_CURVE_DIR, ROW_TIMEOUT, ROW_JSON};

static const struct settings_table table = {
	.program = "tiergate journal forget",
	.purpose = "Tells the journal that a worker is gone for good, so that its records need not be kept for it.",
	.arguments = "WORKER",
	.arguments_min = 1,
	.arguments_max = 1,
	.notes = "WORKER is the WORKER_NAME it ran under. One of that name that runs again is known again, and starts "
		 "with\n"
		 "what the journal still has.",
	.rows = rows,
	.count = ARRAY_LEN(rows),
};

static void print(const json_t *o) {
	(void)printf("forgotten: %s; the journal holds %" JSON_INTEGER_FORMAT " to %" JSON_INTEGER_FORMAT "\n",
		     member_text(o, "worker"), member_number(o, "first"), member_number(o, "head"));
}

static int run(const struct call *c) {
	struct problem why = {0};
	struct journal_asker j = {0};
	struct stream_reply reply = {0};
	const struct stream_request r = {.op = STREAM_FORGET, .id = 1, .worker = view_str(call_argument(c))};
	enum error e = OK;
	if (r.worker.len == 0 || r.worker.len > STREAM_WORKER_MAX)
		e = problem_set(&why, ERR_USAGE, "a worker's name has 1 to %d bytes", STREAM_WORKER_MAX);
	if (!e) e = journal_asker_open(c, &j, &why);
	if (!e) e = journal_ask(&j, &r, &reply, &why);
	if (e == ERR_NOT_FOUND)
		(void)problem_set(&why, e, "the journal knows no worker '%s'", show_str(call_argument(c)).text);
	json_t *o = e ? NULL
		      : json_pack("{s:o, s:o, s:o}", "worker", text_json(r.worker), "first", u64_json(reply.first),
				  "head", u64_json(reply.head));
	journal_asker_close(&j);
	return e ? call_failed(c, e, &why) : call_done(c, o, print, 0);
}

const struct verb verb_journal_forget = {"journal forget", "a worker that is gone no longer holds back retention",
					 &table, run};
