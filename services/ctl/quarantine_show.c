/* tiergate quarantine show ORIGIN/SEQ */
#include "ask_journal.h"
#include "quarantine.h"
#include "value.h"

static const struct setting rows[] = {ROW_STORE_DIR, ROW_JSON};

static const struct settings_table table = {
	.program = "tiergate quarantine show",
	.purpose = "Shows one record of quarantine: why it is there, and its body.",
	.arguments = "ORIGIN/SEQ",
	.arguments_min = 1,
	.arguments_max = 1,
	.notes = "The body may hold what customers entrusted to you.",
	.rows = rows,
	.count = ARRAY_LEN(rows),
};

static json_t *to_json(const struct quarantined *q) {
	json_t *o = quarantined_json(q);
	struct record r;
	if (record_read(q->record, &r) != OK) return o; /* damaged, or not kept past the quarantine's bound */
	json_object_set_new(o, "record", record_json(&r));
	json_object_set_new(o, "body", record_body_json(&r));
	return o;
}

static void print(const json_t *o) {
	(void)printf(
		"entry   %s\nevent   %s\ntype    %s\nreason  %s\nto do   %s\nsince   %s\ntries   %" JSON_INTEGER_FORMAT
		", the last %s\n\n",
		member_text(o, "name"), member_text(o, "event"), member_text(o, "type"), member_text(o, "reason"),
		member_text(o, "todo"), when_ms(member_number(o, "first_ms"), "-").text, member_number(o, "tries"),
		when_ms(member_number(o, "last_ms"), "-").text);
	const json_t *body = json_object_get(o, "body");
	if (body) {
		(void)json_dumpf(body, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
		(void)printf("\n");
	} else {
		(void)printf("the record itself is damaged or was not kept\n");
	}
}

static int run(const struct call *c) {
	struct problem why = {0};
	struct store_view v = {0};
	uint64_t origin, seq;
	struct quarantined q;
	json_t *o = NULL;
	enum error e = quarantine_name(call_argument(c), &origin, &seq, &why);
	if (!e) e = store_view_open(c, &v, &why);
	if (!e) e = look_quarantined(v.look, origin, seq, &q);
	if (e == ERR_NOT_FOUND) (void)problem_set(&why, e, "%.60s is not in quarantine", call_argument(c));
	if (!e) o = to_json(&q);
	store_view_close(&v);
	return e ? call_failed(c, e, &why) : call_done(c, o, print, 0);
}

const struct verb verb_quarantine_show = {"quarantine show", "one of them, with its body", &table, run};
