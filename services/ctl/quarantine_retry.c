/* tiergate quarantine retry [ORIGIN/SEQ | all] */
#include "ask_control.h"
#include "quarantine.h"
#include "value.h"

static const struct setting rows[] = {ROW_CONTROL, ROW_CURVE_DIR, ROW_TIMEOUT, ROW_JSON};

static const struct settings_table table = {
	.program = "tiergate quarantine retry",
	.purpose = "Asks the worker to decode records of quarantine again.",
	.arguments = "[ORIGIN/SEQ | all]",
	.arguments_max = 1,
	.notes = "Without an argument: all. Exits with 0 when none of them is left, else 1.",
	.exit_1 = "1 something is left",
	.rows = rows,
	.count = ARRAY_LEN(rows),
};

static void print(const json_t *o) {
	(void)printf("tried %" JSON_INTEGER_FORMAT ": %" JSON_INTEGER_FORMAT " healed, %" JSON_INTEGER_FORMAT
		     " still in quarantine\n",
		     member_number(o, "retried"), member_number(o, "healed"), member_number(o, "still"));
}

static int run(const struct call *c) {
	struct problem why = {0};
	struct control_request r = {.op = CONTROL_RETRY, .id = 1};
	struct control_answer a = {0};
	const char *which = call_argument(c);
	enum error e = OK;
	if (which && strcmp(which, "all") != 0) e = quarantine_name(which, &r.origin, &r.seq, &why);
	if (!e) e = control_ask(c, &r, &a, &why);
	if (e) return call_failed(c, e, &why);
	json_t *o = json_object();
	json_object_set_new(o, "retried", u64_json(a.reply.retried));
	json_object_set_new(o, "healed", u64_json(a.reply.healed));
	json_object_set_new(o, "still", u64_json(a.reply.still));
	return call_done(c, o, print, a.reply.still ? 1 : 0);
}

const struct verb verb_quarantine_retry = {"quarantine retry", "has the worker decode them again", &table, run};
