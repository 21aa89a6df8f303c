#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "net/webhook_secrets.h"
#include "support/guard.h"

#define S1 "whsec_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define S2 "whsec_bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define S3 "whsec_cccccccccccccccccccccccccccccccc"
#define NOW INT64_C(1763808318)

static struct webhook_secrets *parse(const char *text) {
	struct webhook_secrets *s = NULL;
	struct problem why = {OK, ""};
	if (webhook_secrets_parse(view_str(text), &s, &why) != OK) fail_msg("%s", why.text);
	return s;
}

static void reads_lines(void **state) {
	AUTO(webhook_secrets_destroy)
	struct webhook_secrets *s = parse("# production\n\nmain live " S1 "\n\tdev\ttest  " S2 " acct_1 \r\n  # none\n"
					  "connect.live-2 live " S3 " *");
	(void)state;
	assert_int_equal(webhook_secrets_count(s), 3);
	const struct webhook_secret *a = webhook_secrets_at(s, 0), *b = webhook_secrets_at(s, 1),
				    *c = webhook_secrets_at(s, 2);
	assert_true(view_eq(a->label, VIEW("main")) && a->livemode && !a->any_account && a->account.len == 0);
	assert_true(view_eq(b->label, VIEW("dev")) && !b->livemode && !b->any_account &&
		    view_eq(b->account, VIEW("acct_1")));
	assert_true(view_eq(c->label, VIEW("connect.live-2")) && c->livemode && c->any_account && c->account.len == 0);
	assert_int_equal(webhook_secrets_find(s, VIEW("dev")), 1);
	assert_int_equal(webhook_secrets_find(s, VIEW("de")), -1);
}

static void names_the_line_and_never_the_secret(void **state) {
	static const struct {
		const char *text;
		const char *says;
	} cases[] = {
		{"", "there is none"},
		{"# only words\n\n", "there is none"},
		{"main live\n", "line 1"},
		{"\nmain live " S1 "\ndev test " S2 " acct_1 more\n", "line 3"},
		{"main prod " S1, "line 1: the second word"},
		{"main Live " S1, "line 1: the second word"},
		{"main " S1 " live", "line 1: the second word"},
		{S1 " live main", "line 1: the label is a secret"},
		{S1 " live " S2, "line 1: the label is a secret"},
		{"main live secret_aaaaaaaaaaaaaaaaaaaaa", "line 1: the third word"},
		{"main live whsec_", "line 1: the third word"},
		{"main live whsec_1234567", "line 1: the third word"},
		{"main live " S1 "\"", "line 1: the third word"},
		{"main live " S1 " 1234", "line 1: the account"},
		{"main live " S1 " acct_%", "line 1: the account"},
		{"main live " S1 " **", "line 1: the account"},
		{"ma/in live " S1, "line 1: the label"},
		{"a live " S1 "\n#\na test " S2, "line 3: the label of line 1 again"},
		{"a live " S1 "\nb test " S1, "line 2: the secret of line 1 again"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct webhook_secrets *s = NULL;
		struct problem why = {OK, ""};
		assert_int_equal(webhook_secrets_parse(view_str(cases[i].text), &s, &why), ERR_CONFIG);
		assert_null(s);
		if (!strstr(why.text, cases[i].says))
			fail_msg("case %zu: \"%s\" lacks \"%s\"", i, why.text, cases[i].says);
		assert_null(strstr(why.text, "aaaa"));
		assert_null(strstr(why.text, "bbbb"));
		assert_null(strstr(why.text, "1234567"));
	}
}

static void bounds_the_count(void **state) {
	char text[(WEBHOOK_SECRETS_MAX + 1) * 48];
	(void)state;
	for (int n = WEBHOOK_SECRETS_MAX; n <= WEBHOOK_SECRETS_MAX + 1; n++) {
		struct webhook_secrets *s = NULL;
		struct problem why = {OK, ""};
		size_t len = 0;
		for (int i = 0; i < n; i++)
			len += (size_t)snprintf(text + len, sizeof text - len, "s%d test whsec_secret_%08d\n", i, i);
		enum error r = webhook_secrets_parse(view_of(text, len), &s, &why);
		assert_int_equal(r, n > WEBHOOK_SECRETS_MAX ? ERR_CONFIG : OK);
		if (r) assert_non_null(strstr(why.text, "line 65"));
		webhook_secrets_destroy(&s);
	}
}

static void reads_no_byte_beyond_a_prefix(void **state) {
	static const struct view whole = VIEW_INIT("# c\r\nmain live " S1 " *\r\ndev test " S2 " acct_1");
	AUTO(guard_close)
	struct guard g = guard_open(whole.len);
	(void)state;
	for (size_t n = 0; n <= whole.len; n++) {
		struct webhook_secrets *s = NULL;
		enum error r = webhook_secrets_parse(guard_copy(&g, view_of(whole.ptr, n)), &s, NULL);
		assert_true(r == OK || r == ERR_CONFIG);
		assert_true((r == OK) == (s != NULL));
		webhook_secrets_destroy(&s);
	}
}

/* The header that secret i of `text` gives a body at second t. */
static const char *signed_by(const char *text, unsigned i, int64_t t, struct view body) {
	static char header[STRIPE_HEADER_SIZE];
	AUTO(webhook_secrets_destroy)
	struct webhook_secrets *s = parse(text);
	assert_int_equal(webhook_sign(s, i, t, body, header), OK);
	return header;
}

#define THREE "one live " S1 "\ntwo test " S2 "\nthree live " S3 "\n"

static void tells_which_secret_signed(void **state) {
	static const struct view bodies[] = {VIEW_INIT(""), VIEW_INIT("{}"), VIEW_INIT("\xef\xbb\xbf\xff\0x")};
	AUTO(webhook_secrets_destroy)
	struct webhook_secrets *s = parse(THREE);
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		for (size_t b = 0; b < ARRAY_LEN(bodies); b++) {
			unsigned which = 99;
			struct view header = view_str(signed_by(THREE, i, NOW, bodies[b]));
			assert_int_equal(webhook_verify(s, header, bodies[b], NOW, 300, &which), OK);
			assert_int_equal(which, i);
		}
	}
}

static void any_of_many_signatures_will_do(void **state) {
	AUTO(webhook_secrets_destroy)
	struct webhook_secrets *s = parse("two test " S2 "\n");
	struct view body = VIEW("{\"id\":1}");
	char header[512];
	unsigned which = 99;
	(void)state;
	char good[STRIPE_HEADER_SIZE];
	memcpy(good, signed_by(THREE, 1, NOW, body), sizeof good);
	const char *bad = strstr(signed_by(THREE, 0, NOW, body), ",v1=");
	(void)snprintf(header, sizeof header, "%s%s,v0=1", good, bad);
	assert_int_equal(webhook_verify(s, view_str(header), body, NOW, 300, &which), OK);
	assert_int_equal(which, 0);
	const char *good_v1 = strstr(good, ",v1=");
	(void)snprintf(header, sizeof header, "t=%lld%s,v1=junk%s", (long long)NOW, bad, good_v1);
	assert_int_equal(webhook_verify(s, view_str(header), body, NOW, 300, &which), OK);
	/* the same signature under another scheme's name proves nothing */
	(void)snprintf(header, sizeof header, "t=%lld%s,v0=%s", (long long)NOW, bad, good_v1 + 4);
	assert_int_equal(webhook_verify(s, view_str(header), body, NOW, 300, &which), ERR_BAD_SIGNATURE);
}

static void time_is_judged_only_after_a_match(void **state) {
	AUTO(webhook_secrets_destroy)
	struct webhook_secrets *s = parse(THREE);
	static const struct {
		int64_t t;
		enum error want;
	} cases[] = {
		{NOW, OK},
		{NOW - 300, OK},
		{NOW + 300, OK},
		{NOW - 301, ERR_STALE},
		{NOW + 301, ERR_FUTURE},
		{0, ERR_STALE},
		{INT64_MAX, ERR_FUTURE},
	};
	struct view body = VIEW("{}");
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		unsigned which = 99;
		char header[STRIPE_HEADER_SIZE];
		memcpy(header, signed_by(THREE, 2, cases[i].t, body), sizeof header);
		assert_int_equal(webhook_verify(s, view_str(header), body, NOW, 300, &which), cases[i].want);
		assert_int_equal(which, cases[i].want == OK ? 2 : 99);
		/* a forger's time makes no difference */
		char *digit = header + strlen(header) - 1;
		*digit = *digit == '0' ? '1' : '0';
		assert_int_equal(webhook_verify(s, view_str(header), body, NOW, 300, &which), ERR_BAD_SIGNATURE);
	}
	unsigned which;
	const char *header = signed_by(THREE, 0, 5, body);
	assert_int_equal(webhook_verify(s, view_str(header), body, INT64_MIN + 1, 300, &which), ERR_FUTURE);
	assert_int_equal(webhook_verify(s, view_str(header), body, INT64_MAX, 300, &which), ERR_STALE);
	assert_int_equal(webhook_verify(s, VIEW("t=1"), body, NOW, 300, &which), ERR_BAD_HEADER);
}

/* Any change of one bit in body, time or signature breaks the proof. */
static void every_bit_counts(void **state) {
	AUTO(webhook_secrets_destroy)
	struct webhook_secrets *s = parse(THREE);
	char body[] = "{\"id\":\"evt_1\"}", header[STRIPE_HEADER_SIZE];
	unsigned which = 99;
	(void)state;
	memcpy(header, signed_by(THREE, 0, NOW, VIEW(body)), sizeof header);
	for (size_t bit = 0; bit < 8 * (sizeof body - 1); bit++) {
		body[bit / 8] = (char)(body[bit / 8] ^ 1 << bit % 8);
		assert_int_equal(webhook_verify(s, view_str(header), VIEW(body), NOW, 300, &which), ERR_BAD_SIGNATURE);
		body[bit / 8] = (char)(body[bit / 8] ^ 1 << bit % 8);
	}
	for (size_t at = 2; header[at]; at++) {
		char was = header[at];
		if (was == ',' || was == 'v' || was == '=' || header[at - 1] == 'v') continue;
		header[at] = was == '1' ? '2' : '1';
		enum error r = webhook_verify(s, view_str(header), VIEW(body), NOW, INT64_MAX / 2, &which);
		assert_int_equal(r, ERR_BAD_SIGNATURE);
		header[at] = was;
	}
	assert_int_equal(which, 99);
	assert_int_equal(webhook_verify(s, view_str(header), VIEW(body), NOW, 300, &which), OK);
}

static void binds_mode_and_account(void **state) {
	AUTO(webhook_secrets_destroy)
	struct webhook_secrets *s = parse("own live " S1 "\nfixed live " S2 " acct_1\nany live " S3 " *\n"
					  "test test whsec_dddddddddddddddd\n");
	static const struct {
		const char *secret;
		bool livemode;
		const char *account;
		enum error want;
	} cases[] = {
		{"own", true, "", OK},
		{"own", false, "", OK}, /* kept apart as test */
		{"own", true, "acct_1", ERR_WRONG_ACCOUNT},
		{"fixed", true, "acct_1", OK},
		{"fixed", false, "acct_1", OK},
		{"fixed", true, "acct_12", ERR_WRONG_ACCOUNT},
		{"fixed", true, "", ERR_WRONG_ACCOUNT},
		{"any", true, "", OK},
		{"any", true, "acct_1", OK},
		{"any", false, "acct_2", OK},
		{"test", false, "", OK},
		{"test", true, "", ERR_WRONG_MODE},
		{"test", true, "acct_1", ERR_WRONG_MODE},
		{"test", false, "acct_1", ERR_WRONG_ACCOUNT},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int at = webhook_secrets_find(s, view_str(cases[i].secret));
		struct stripe_envelope e = {.livemode = cases[i].livemode, .account = view_str(cases[i].account)};
		assert_true(at >= 0);
		assert_int_equal(webhook_bind(webhook_secrets_at(s, (unsigned)at), &e), cases[i].want);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_lines),
		cmocka_unit_test(names_the_line_and_never_the_secret),
		cmocka_unit_test(bounds_the_count),
		cmocka_unit_test(reads_no_byte_beyond_a_prefix),
		cmocka_unit_test(tells_which_secret_signed),
		cmocka_unit_test(any_of_many_signatures_will_do),
		cmocka_unit_test(time_is_judged_only_after_a_match),
		cmocka_unit_test(every_bit_counts),
		cmocka_unit_test(binds_mode_and_account),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
