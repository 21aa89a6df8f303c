#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "service/catalog_file.h"
#include "support/random.h"

#define FIRST "version: 1\ntiers:\n  - name: free\n    features: [basic]\n"
#define PRO FIRST "  - name: pro\n    features: [live]\n    stripe:\n      prices: [price_a, price_b]\n"

static struct catalog_file *parse(const char *text) {
	struct catalog_file *f = NULL;
	struct problem why = {0};
	if (catalog_file_parse("tiers.yaml", view_str(text), &f, &why) != OK) fail_msg("%s", why.text);
	return f;
}

static void reads_tiers_and_grants(void **state) {
	(void)state;
	AUTO(catalog_file_destroy)
	struct catalog_file *f =
		parse(PRO "      products: [prod_1]\n      lookup_keys: ['pro monthly', \"pro_yearly\"]\n"
			  "  - name: inst\n    features: [fix]\n"
			  "  - {name: odd, inherits: false, features: [live]}\n");
	const struct catalog *c = catalog_file_get(f);
	assert_int_equal(c->tier_count, 4);
	assert_int_equal(c->feature_count, 3);
	assert_int_equal(catalog_tier(c, VIEW("inst")), 2);
	int basic = catalog_feature(c, VIEW("basic")), live = catalog_feature(c, VIEW("live"));
	assert_true(basic == 0 && live == 1);
	assert_true(catalog_tier_has(c, 2, 0) && catalog_tier_has(c, 2, 1) && catalog_tier_has(c, 2, 2));
	assert_true(!catalog_tier_has(c, 3, 0) && catalog_tier_has(c, 3, 1) && !catalog_tier_has(c, 3, 2));
	assert_int_equal(c->grant_count, 5);
	for (unsigned i = 1; i < c->grant_count; i++)
		assert_true(catalog_grant_cmp(&c->grants[i - 1], &c->grants[i]) < 0);
	assert_int_equal(catalog_item_tier(c, &(struct item){.price = VIEW_INIT("price_b")}), 1);
	assert_int_equal(catalog_item_tier(c, &(struct item){.lookup_key = VIEW_INIT("pro monthly")}), 1);
	assert_int_equal(catalog_item_tier(c, &(struct item){.price = VIEW_INIT("prod_1")}), -1);
}

static void policies_have_defaults(void **state) {
	(void)state;
	AUTO(catalog_file_destroy)
	struct catalog_file *f = parse(FIRST);
	const struct policies *p = &catalog_file_get(f)->policies;
	assert_int_equal(p->past_due_grace_s, 7 * 86400);
	assert_int_equal(p->renewal_grace_s, 3 * 86400);
	assert_true(!p->lapse_unrenewed && p->paused_collection_grants && p->unmapped_keeps_tier);
	assert_true(!p->open_dispute_grants && !p->lost_dispute_grants && !p->full_refund_grants);
	assert_true(p->scheduled_phases_count);
	AUTO(catalog_file_destroy)
	struct catalog_file *g =
		parse(FIRST "policies:\n  past_due_grace: 0\n  renewal_grace: 90m\n  lapse_unrenewed: true\n"
			    "  pause_collection: deny\n  unmapped_price: lowest\n  dispute_open: grant\n"
			    "  dispute_lost: grant\n  refund_full: grant\n  schedule: ignore\n");
	p = &catalog_file_get(g)->policies;
	assert_int_equal(p->past_due_grace_s, 0);
	assert_int_equal(p->renewal_grace_s, 5400);
	assert_true(p->lapse_unrenewed && !p->paused_collection_grants && !p->unmapped_keeps_tier);
	assert_true(p->open_dispute_grants && p->lost_dispute_grants && p->full_refund_grants);
	assert_false(p->scheduled_phases_count);
	assert_true(catalog_file_get(f)->hash != catalog_file_get(g)->hash);
}

/* Each word of each policy, the default written out too, sets its own policy and no other. */
static void each_policy_is_its_own(void **state) {
	static const struct {
		const char *line;
		struct policies want;
	} cases[] = {
		{"pause_collection: grant", {604800, 259200, false, true, true, false, false, false, true}},
		{"pause_collection: deny", {604800, 259200, false, false, true, false, false, false, true}},
		{"unmapped_price: last_known", {604800, 259200, false, true, true, false, false, false, true}},
		{"unmapped_price: lowest", {604800, 259200, false, true, false, false, false, false, true}},
		{"dispute_open: hold", {604800, 259200, false, true, true, false, false, false, true}},
		{"dispute_open: grant", {604800, 259200, false, true, true, true, false, false, true}},
		{"dispute_lost: revoke", {604800, 259200, false, true, true, false, false, false, true}},
		{"dispute_lost: grant", {604800, 259200, false, true, true, false, true, false, true}},
		{"refund_full: revoke", {604800, 259200, false, true, true, false, false, false, true}},
		{"refund_full: grant", {604800, 259200, false, true, true, false, false, true, true}},
		{"schedule: apply", {604800, 259200, false, true, true, false, false, false, true}},
		{"schedule: ignore", {604800, 259200, false, true, true, false, false, false, false}},
		{"lapse_unrenewed: true", {604800, 259200, true, true, true, false, false, false, true}},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char text[512];
		snprintf(text, sizeof text, FIRST "policies:\n  %s\n", cases[i].line);
		AUTO(catalog_file_destroy)
		struct catalog_file *f = parse(text);
		const struct policies *got = &catalog_file_get(f)->policies, *want = &cases[i].want;
		bool same = got->past_due_grace_s == want->past_due_grace_s &&
			    got->renewal_grace_s == want->renewal_grace_s &&
			    got->lapse_unrenewed == want->lapse_unrenewed &&
			    got->paused_collection_grants == want->paused_collection_grants &&
			    got->unmapped_keeps_tier == want->unmapped_keeps_tier &&
			    got->open_dispute_grants == want->open_dispute_grants &&
			    got->lost_dispute_grants == want->lost_dispute_grants &&
			    got->full_refund_grants == want->full_refund_grants &&
			    got->scheduled_phases_count == want->scheduled_phases_count;
		if (!same) fail_msg("%s", cases[i].line);
	}
}

static void the_shipped_example_loads(void **state) {
	(void)state;
	struct catalog_file *f = NULL;
	struct problem why = {0};
	if (catalog_file_load(TIERS_YAML, &f, &why) != OK) fail_msg("%s", why.text);
	const struct catalog *c = catalog_file_get(f);
	assert_int_equal(c->tier_count, 3);
	assert_int_equal(catalog_lowest_with(c, (unsigned)catalog_feature(c, VIEW("live_trading"))), 1);
	assert_int_equal(catalog_lowest_with(c, (unsigned)catalog_feature(c, VIEW("multi_user"))), 2);
	assert_int_equal(catalog_item_tier(c, &(struct item){.price = VIEW_INIT("price_institutional_yearly")}), 2);
	assert_int_equal(c->policies.past_due_grace_s, 7 * 86400);
	catalog_file_destroy(&f);
	assert_null(f);
}

static void refuses_with_file_line_and_key(void **state) {
	static const struct {
		const char *text, *says;
	} cases[] = {
		{"", "tiers.yaml:1: is empty"},
		{"# only words\n", "tiers.yaml:1: is empty"},
		{"[]", "tiers.yaml:1: must be a map"},
		{"version: 1\n", "tiers.yaml:1: has no tiers"},
		{"tiers: []\n", "tiers.yaml:1: has no version"},
		{"version: 2\ntiers: []\n", "tiers.yaml:1: version: is '2'"},
		{"version: [1]\ntiers: []\n", "tiers.yaml:1: version: must be a single value"},
		{"version: 1\ntiers: []\n", "tiers.yaml:2: tiers: is empty"},
		{"version: 1\ntiers: free\n", "tiers.yaml:2: tiers: must be a list"},
		{"version: 1\ntiers:\n", "tiers: must be a list"},
		{"version: 1\ntiers: [free]\n", "tiers.yaml:2: tiers[0]: must be a map"},
		{"version: 1\ntires: []\n", "tiers.yaml:2: unknown key 'tires'; known are version, tiers, policies"},
		{"version: 1\nversion: 1\n", "tiers.yaml:2: the key 'version' stands here twice"},
		{FIRST "  - features: [x]\n", "tiers.yaml:5: tiers[1]: has no name"},
		{FIRST "  - name: free\n", "tiers.yaml:5: tiers[1].name: free is the name of tiers[0] already"},
		{FIRST "  - name: ''\n", "tiers.yaml:5: tiers[1].name: a name has 1 to 80 bytes"},
		{FIRST "  - name: a b\n", "tiers.yaml:5: tiers[1].name: 'a b' has a character"},
		{FIRST "  - name: gr\xc3\xbc\n", "tiers[1].name: 'gr?"},
		{FIRST "  - name: pro\n    colour: red\n", "tiers.yaml:6: tiers[1]: unknown key 'colour'"},
		{FIRST "  - name: pro\n    features: live\n", "tiers.yaml:6: tiers[1].features: must be a list"},
		{FIRST "  - name: pro\n    features: [a,\n     a]\n",
		 "tiers.yaml:7: tiers[1].features: a is listed twice"},
		{FIRST "  - name: pro\n    features: [x,\n     basic]\n",
		 "tiers.yaml:7: tiers[1].features: basic is inherited from tier free already"},
		{FIRST "  - name: pro\n    inherits: maybe\n",
		 "tiers.yaml:6: tiers[1].inherits: is 'maybe', not true or false"},
		{FIRST "  - name: pro\n    stripe: [a]\n", "tiers.yaml:6: tiers[1].stripe: must be a map"},
		{FIRST "  - name: pro\n    stripe: {price: [a]}\n",
		 "tiers[1].stripe: unknown key 'price'; known are prices"},
		{PRO "  - name: inst\n    stripe:\n      prices:\n        - price_x\n        - price_b\n",
		 "tiers.yaml:13: tiers[2].stripe.prices: price_b is already granted by tier pro"},
		{PRO "      lookup_keys: [a, a]\n", "tiers.yaml:9: tiers[1].stripe.lookup_keys: a is listed twice"},
		{PRO "      products: [\"a b\"]\n", "tiers.yaml:9: tiers[1].stripe.products: 'a b' has a character"},
		{PRO "      lookup_keys: [{a: b}]\n", "stripe.lookup_keys: must be a single value"},
		{FIRST "policies:\n  past_due: 7d\n", "tiers.yaml:6: policies: unknown key 'past_due'"},
		{FIRST "policies:\n  past_due_grace: 7\n", "tiers.yaml:6: policies.past_due_grace: '7' is not a time"},
		{FIRST "policies:\n  renewal_grace: 1500ms\n",
		 "tiers.yaml:6: policies.renewal_grace: '1500ms' is not a time"},
		{FIRST "policies:\n  pause_collection: allow\n",
		 "tiers.yaml:6: policies.pause_collection: is 'allow', not grant or deny"},
		{FIRST "policies:\n  dispute_open: deny\n",
		 "tiers.yaml:6: policies.dispute_open: is 'deny', not grant or hold"},
		{FIRST "policies:\n  dispute_lost: hold\n",
		 "tiers.yaml:6: policies.dispute_lost: is 'hold', not grant or revoke"},
		{FIRST "policies:\n  refund_full: true\n",
		 "tiers.yaml:6: policies.refund_full: is 'true', not grant or revoke"},
		{FIRST "policies:\n  schedule: [apply]\n", "tiers.yaml:6: policies.schedule: must be a single value"},
		{FIRST "policies:\n  schedule: no\n", "tiers.yaml:6: policies.schedule: is 'no', not apply or ignore"},
		{FIRST "policies:\n  unmapped_price: \n", "policies.unmapped_price: is '', not last_known or lowest"},
		{FIRST "policies: &p\n  pause_collection: deny\n", "tiers.yaml:5: anchors"},
		{"version: 1\ntiers: *t\n", "tiers.yaml:2: aliases"},
		{"version: !!int 1\n", "tiers.yaml:1: tags"},
		{FIRST "---\nversion: 1\n", "tiers.yaml:5: a second document"},
		{FIRST "\tx: 1\n", "tiers.yaml:5: not YAML:"},
		{FIRST "  - name: 'open\n", "not YAML:"},
		{"version: 1\nti\x01: 1\n", "tiers.yaml:1: not YAML:"},
		{"version: \xff\n", "not YAML:"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct catalog_file *f = NULL;
		struct problem why = {0};
		enum error e = catalog_file_parse("tiers.yaml", view_str(cases[i].text), &f, &why);
		if (e != ERR_CONFIG || !strstr(why.text, cases[i].says))
			fail_msg("%zu: wanted \"%s\", got %d \"%s\"", i, cases[i].says, (int)e, why.text);
		assert_null(f);
	}
}

/* A head, a part n times with its number for each '%', and a tail. */
static char *repeat(const char *head, const char *part, size_t n, const char *tail) {
	size_t size = 0;
	char *text = NULL;
	FILE *out = open_memstream(&text, &size);
	assert_non_null(out);
	(void)fputs(head, out);
	for (size_t i = 0; i < n; i++)
		for (const char *p = part; *p; p++) {
			if (*p == '%') {
				(void)fprintf(out, "%zu", i);
			} else {
				(void)fputc(*p, out);
			}
		}
	(void)fputs(tail, out);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void expect(char *text, enum error error, const char *says) {
	struct catalog_file *f = NULL;
	struct problem why = {0};
	enum error e = catalog_file_parse("tiers.yaml", view_str(text), &f, &why);
	if (e != error || !strstr(why.text, says)) fail_msg("wanted \"%s\", got %d \"%s\"", says, (int)e, why.text);
	catalog_file_destroy(&f);
	free(text);
}

static void limits_are_exact(void **state) {
	(void)state;
	const char *tiers = "version: 1\ntiers:\n", *tier = "  - name: t%\n";
	expect(repeat(tiers, tier, TIERS_MAX, ""), OK, "");
	expect(repeat(tiers, tier, TIERS_MAX + 1, ""), ERR_CONFIG, "tiers.yaml:19: tiers: more than 16 tiers");
	const char *features = "version: 1\ntiers:\n  - name: t\n    features: [";
	expect(repeat(features, "f%, ", FEATURES_MAX, "]\n"), OK, "");
	expect(repeat(features, "f%, ", FEATURES_MAX + 1, "]\n"), ERR_CONFIG,
	       "tiers[0].features: more than 256 features");
	const char *prices = "version: 1\ntiers:\n  - name: t\n    stripe: {prices: [";
	expect(repeat(prices, "price_%, ", GRANTS_MAX, "]}\n"), OK, "");
	expect(repeat(prices, "price_%, ", GRANTS_MAX + 1, "]}\n"), ERR_CONFIG, "more than 4096 prices");
	expect(repeat("version: 1\ntiers:\n  - name: ", "x", NAME_MAX_BYTES, "\n"), OK, "");
	expect(repeat("version: 1\ntiers:\n  - name: ", "x", NAME_MAX_BYTES + 1, "\n"), ERR_CONFIG, "1 to 80 bytes");
	expect(repeat("version: ", "[", 100, "\n"), ERR_CONFIG, "more than 64 levels");
	expect(repeat("version: 1\ntiers:\n  - name: t\n#", "x", CATALOG_FILE_MAX - 32, "\n"), OK, "");
	expect(repeat("version: 1\ntiers:\n  - name: t\n#", "x", CATALOG_FILE_MAX, "\n"), ERR_CONFIG,
	       "over 1048576 bytes");
}

static void a_file_that_is_not_there(void **state) {
	(void)state;
	struct catalog_file *f = NULL;
	struct problem why = {0};
	assert_int_equal(catalog_file_load("/no/such/tiers.yaml", &f, &why), ERR_NOT_FOUND);
	assert_non_null(strstr(why.text, "/no/such/tiers.yaml"));
	assert_int_equal(catalog_file_load("/tmp", &f, &why), ERR_IO);
	assert_null(f);
	catalog_file_destroy(&f);
	catalog_file_destroy(NULL);
}

/* What must hold of any catalog that was accepted. */
static void check_catalog(const struct catalog *c) {
	assert_true(c->tier_count >= 1 && c->tier_count <= TIERS_MAX);
	assert_true(c->feature_count <= FEATURES_MAX && c->grant_count <= GRANTS_MAX);
	for (unsigned i = 0; i < c->tier_count; i++) {
		assert_true(c->tiers[i].name.len > 0);
		assert_int_equal(catalog_tier(c, c->tiers[i].name), (int)i);
	}
	for (unsigned i = 0; i < c->feature_count; i++) {
		assert_int_equal(catalog_feature(c, c->features[i]), (int)i);
		assert_true(catalog_lowest_with(c, i) >= 0);
	}
	for (unsigned i = 1; i < c->grant_count; i++) {
		assert_true(catalog_grant_cmp(&c->grants[i - 1], &c->grants[i]) < 0);
		assert_true(c->grants[i].tier < c->tier_count);
	}
}

/* The example with a few random edits: it is refused with a line, or it is a sound catalog. */
static void mutations_never_crash(void **state) {
	static const char *const splices[] = {
		"{",   "}",   "[",  "]",     ": ",    "- ", "\n", "'",  "\"",   "&a ",  "*a",           "!!x ", "#",
		"|\n", ">\n", "? ", "---\n", "...\n", "%",  "~",  "\t", "<<: ", "\xff", "\xef\xbb\xbf", ", "};
	(void)state;
	struct random r = random_start();
	FILE *in = fopen(TIERS_YAML, "r");
	assert_non_null(in);
	char original[8192], text[8192 + 64];
	size_t len = fread(original, 1, sizeof original, in);
	(void)fclose(in);
	assert_true(len > 500 && len < sizeof original);
	unsigned accepted = 0;
	for (int round = 0; round < 4000; round++) {
		size_t n = len;
		memcpy(text, original, n);
		for (size_t edits = 1 + random_below(&r, 4); edits > 0; edits--) {
			size_t at = random_below(&r, n), span = random_below(&r, 20);
			const char *splice = splices[random_below(&r, ARRAY_LEN(splices))];
			switch (random_below(&r, 4)) {
			case 0:
				text[at] = (char)random_below(&r, 256);
				break;
			case 1:
				n = random_below(&r, 4) ? n : at + 1;
				break;
			case 2:
				if (at + span < n) memmove(text + at, text + at + span, n - at - span);
				n -= at + span < n ? span : 0;
				break;
			default:
				memmove(text + at + strlen(splice), text + at, n - at);
				for (size_t i = 0; splice[i]; i++) text[at + i] = splice[i];
				n += strlen(splice);
			}
		}
		struct catalog_file *f = NULL;
		struct problem why = {0};
		enum error e = catalog_file_parse("t", view_of(text, n), &f, &why);
		if (e) {
			assert_int_equal(e, ERR_CONFIG);
			assert_memory_equal(why.text, "t:", 2);
			assert_null(f);
			continue;
		}
		accepted++;
		check_catalog(catalog_file_get(f));
		catalog_file_destroy(&f);
	}
	assert_true(accepted > 100); /* edits in comments, at least */
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_tiers_and_grants),         cmocka_unit_test(policies_have_defaults),
		cmocka_unit_test(each_policy_is_its_own),         cmocka_unit_test(the_shipped_example_loads),
		cmocka_unit_test(refuses_with_file_line_and_key), cmocka_unit_test(limits_are_exact),
		cmocka_unit_test(a_file_that_is_not_there),       cmocka_unit_test(mutations_never_crash),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
