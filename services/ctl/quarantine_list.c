/* tiergate quarantine list */
#include "quarantine.h"
#include "value.h"

static const struct setting rows[] = {ROW_STORE_DIR, ROW_JSON};

static const struct settings_table table = {
	.program = "tiergate quarantine list",
	.purpose = "Lists the records that could not be decoded, each with its reason.",
	.notes = "A new catalog or program may decode them: see `tiergate quarantine retry`.",
	.rows = rows,
	.count = ARRAY_LEN(rows),
};

static bool add(void *ctx, const struct quarantined *q) { return json_array_append_new(ctx, quarantined_json(q)) == 0; }

static void print(const json_t *o) {
	const json_t *entries = json_object_get(o, "entries");
	for (size_t i = 0; i < json_array_size(entries); i++) {
		const json_t *q = json_array_get(entries, i);
		(void)printf("%-24s  %s  %-32s  %s\n%26s%s\n", member_text(q, "name"),
			     when_ms(member_number(q, "first_ms"), "-").text, member_text(q, "type"),
			     member_text(q, "event"), "", member_text(q, "reason"));
	}
	if (json_array_size(entries) == 0) (void)printf("quarantine is empty\n");
}

static int run(const struct call *c) {
	struct problem why = {0};
	struct store_view v;
	json_t *entries = json_array();
	enum error e = store_view_open(c, &v, &why);
	if (!e) e = look_quarantine(v.look, add, entries);
	store_view_close(&v);
	if (!e) return call_done(c, json_pack("{s:o}", "entries", entries), print, 0);
	json_decref(entries);
	return call_failed(c, e, &why);
}

const struct verb verb_quarantine_list = {"quarantine list", "records that could not be decoded, and why", &table, run};
