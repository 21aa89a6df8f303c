/* GET plans: the catalog's tiers with what they cost. */
#include "base/parse.h"
#include "prices.h"

static json_t *price_json(const struct price *p) {
	return json_pack("{s:s, s:s?, s:s, s:I, s:o, s:s}", "id", p->id, "lookup_key",
			 p->lookup_key[0] ? p->lookup_key : NULL, "interval", p->interval, "interval_count",
			 (json_int_t)p->interval_count, "amount", p->amount < 0 ? json_null() : json_integer(p->amount),
			 "currency", p->currency);
}

static json_t *features_json(const struct catalog *c, unsigned tier) {
	json_t *all = json_array();
	for (unsigned i = 0; i < c->feature_count; i++)
		if (catalog_tier_has(c, tier, i))
			(void)json_array_append_new(all, json_stringn(c->features[i].ptr, c->features[i].len));
	return all;
}

static json_t *tier_json(const struct catalog *c, unsigned tier, const struct price_list *list) {
	json_t *prices = json_array();
	for (unsigned i = 0; i < list->count; i++)
		if (list->at[i].tier == tier) (void)json_array_append_new(prices, price_json(&list->at[i]));
	return json_pack("{s:s%, s:o, s:o}", "name", c->tiers[tier].name.ptr, c->tiers[tier].name.len, "features",
			 features_json(c, tier), "prices", prices);
}

static void show(struct visit *v, const struct price_list *list) {
	const struct catalog *c = ask_catalog(v->ask);
	char as_of[RFC3339_SIZE];
	json_t *tiers = json_array();
	for (unsigned i = 0; i < c->tier_count; i++) (void)json_array_append_new(tiers, tier_json(c, i, list));
	format_rfc3339(list->as_of, as_of);
	ask_answer(v->ask, 200,
		   json_pack("{s:o, s:s?, s:s, s:b}", "tiers", tiers, "currency",
			     list->currency[0] ? list->currency : NULL, "as_of", as_of, "stale", list->stale));
}

static void start(struct ask *a) {
	struct visit *v = visit_begin(a, sizeof *v);
	if (v) prices_of(v, show);
}

static const char *const fields[] = {NULL};

const struct action plans = {.method = HTTP_GET, .path = API "plans", .fields = fields, .open = true, .start = start};
