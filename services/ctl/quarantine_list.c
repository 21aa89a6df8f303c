/* tiergate quarantine list */
#include "quarantine.h"
#include "value.h"

static const struct setting rows[] = {ROW_STORE_DIR, ROW_JSON};

static const struct settings_table table = {
	.program = "tiergate quarantine list",
	.purpose =
		"Lists what Tiergate met and does not know: records that could not be decoded, and prices in no tier.",
	.notes = "The last known tier stands meanwhile. A new catalog (HUP to worker and query) or program heals it by "
		 "itself.",
	.rows = rows,
	.count = ARRAY_LEN(rows),
};

static bool add(void *ctx, const struct quarantined *q) { return json_array_append_new(ctx, quarantined_json(q)) == 0; }

static bool add_price(void *ctx, const struct unmapped_price *u) {
	return json_array_append_new(ctx, unmapped_json(u)) == 0;
}

static void print_entries(const json_t *entries) {
	for (size_t i = 0; i < json_array_size(entries); i++) {
		const json_t *q = json_array_get(entries, i);
		(void)printf("%-24s  %s  %-32s  %s\n%26s%s\n%26sto do: %s\n", member_text(q, "name"),
			     when_ms(member_number(q, "first_ms"), "-").text, member_text(q, "type"),
			     member_text(q, "event"), "", member_text(q, "reason"), "", member_text(q, "todo"));
	}
}

static void print_prices(const json_t *prices) {
	for (size_t i = 0; i < json_array_size(prices); i++) {
		const json_t *u = json_array_get(prices, i);
		(void)printf("price %-32s  in no tier since %s (%s mode), last in %s", member_text(u, "price"),
			     when_ms(member_number(u, "first_ms"), "-").text, member_text(u, "mode"),
			     member_text(u, "subscription"));
		if (*member_text(u, "product")) (void)printf(", product %s", member_text(u, "product"));
		if (*member_text(u, "lookup_key")) (void)printf(", lookup key %s", member_text(u, "lookup_key"));
		(void)printf("\n%26sto do: %s\n", "", member_text(u, "todo"));
	}
}

static void print(const json_t *o) {
	const json_t *entries = json_object_get(o, "entries"), *prices = json_object_get(o, "unmapped");
	print_entries(entries);
	print_prices(prices);
	if (json_array_size(entries) == 0) (void)printf("quarantine is empty\n");
	if (json_array_size(prices) == 0) (void)printf("every price that was met is in a tier\n");
}

static int run(const struct call *c) {
	struct problem why = {0};
	struct store_view v;
	json_t *entries = json_array(), *prices = json_array();
	enum error e = store_view_open(c, &v, &why);
	if (!e) e = look_quarantine(v.look, add, entries);
	if (!e) e = look_unmapped(v.look, add_price, prices);
	store_view_close(&v);
	if (!e) return call_done(c, json_pack("{s:o, s:o}", "entries", entries, "unmapped", prices), print, 0);
	json_decref(entries);
	json_decref(prices);
	return call_failed(c, e, &why);
}

const struct verb verb_quarantine_list = {"quarantine list",
					  "what could not be decoded, prices in no tier, and what to do", &table, run};
