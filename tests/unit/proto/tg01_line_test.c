/* Lines against their vectors: what a check answers from a step, by the domain's own function. */
#include "proto/tg01_line.h"

#include "vectors.h"

static struct tg01_decoder *decoder, *for_catalog;
static struct catalog catalog;

static void read_catalog(const json_t *of) {
	size_t n = 0;
	uint8_t *bytes = vectors_hex(json_object_get(of, "hex"), &n);
	struct tg01_reply r;
	struct problem why = {0};
	if (tg01_reply_read(for_catalog, TG01_CATALOG, view_of(bytes, n), &r, &why)) fail_msg("%s", why.text);
	catalog = (struct catalog){.tier_count = r.of.catalog.tier_count, .feature_count = r.of.catalog.feat_count};
	for (unsigned i = 0; i < catalog.tier_count; i++) catalog.tiers[i] = r.of.catalog.tiers[i];
	for (unsigned i = 0; i < catalog.feature_count; i++) catalog.features[i] = r.of.catalog.feats[i];
	/* the bytes live as long as the program: the catalog's names point into them */
}

static const char *text_of(const json_t *o, const char *key) { return json_string_value(json_object_get(o, key)); }

static struct view view_of_key(const json_t *o, const char *key) {
	const char *text = text_of(o, key);
	return text ? view_str(text) : VIEW_NONE;
}

static void check_case(const char *name, const struct tg01_line *line, const json_t *c) {
	const json_t *q = json_object_get(c, "ask"), *answer = json_object_get(c, "answer");
	const struct tg01_step *s = tg01_line_at(line, json_integer_value(json_object_get(q, "at")));
	assert_int_equal(!s, json_is_null(answer));
	if (!s) return;
	struct entitlement e;
	assert_int_equal(tg01_step_entitlement(s, &catalog, &e), OK);
	struct requirement r = {-1, -1};
	if (text_of(q, "tier"))
		r.tier = catalog_tier(&catalog, view_of_key(q, "tier"));
	else
		r.feature = catalog_feature(&catalog, view_of_key(q, "feat"));
	const struct decision d = entitlement_decide(&e, r);
	const struct view need = d.need >= 0 ? catalog.tiers[d.need].name : VIEW_NONE;
	if (d.allowed != json_is_true(json_object_get(answer, "allowed")) ||
	    !view_eq(view_str(reason_name(d.reason)), view_of_key(answer, "reason")) ||
	    !view_eq(catalog.tiers[e.tier].name, view_of_key(answer, "tier")) ||
	    !view_eq(need, view_of_key(answer, "need")))
		fail_msg("%s: %s, %s, need %.*s; wanted %s", name, d.allowed ? "allowed" : "denied",
			 reason_name(d.reason), VIEW_FMT(need), json_dumps(c, 0));
}

static void golden(void **state) {
	(void)state;
	struct vectors all = vectors_of("line.json");
	size_t k, cases = 0;
	json_t *c;
	read_catalog(json_object_get(all.file, "catalog"));
	while (vectors_next(&all)) {
		uint64_t epoch;
		struct tg01_change change;
		struct problem why = {0};
		if (tg01_feed_change_read(decoder, vectors_message(&all), &epoch, &change, &why))
			fail_msg("%s", why.text);
		json_array_foreach(json_object_get(all.v, "checks"), k, c) {
			check_case(all.name, &change.line, c);
			cases++;
		}
	}
	assert_true(cases > 300);
}

static int set_up(void **state) {
	(void)state;
	decoder = tg01_decoder_create();
	for_catalog = tg01_decoder_create();
	return decoder && for_catalog ? 0 : -1;
}

static int tear_down(void **state) {
	(void)state;
	tg01_decoder_destroy(&decoder);
	tg01_decoder_destroy(&for_catalog);
	return 0;
}

int main(void) {
	const struct CMUnitTest tests[] = {cmocka_unit_test(golden)};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
