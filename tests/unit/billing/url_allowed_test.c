#include "url_allowed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <strings.h>

#include <cmocka.h>

#include "support/guard.h"
#include "support/random.h"

static const struct view rules[] = {
	VIEW_INIT("https://app.example.com"),         VIEW_INIT("https://shop.example.com:8443"),
	VIEW_INIT("https://www.example.org/account"), VIEW_INIT("https://www.example.org/team/"),
	VIEW_INIT("http://127.0.0.1:8700"),           VIEW_INIT("https://xn--bcher-kva.example"),
	VIEW_INIT("https://[2001:db8::1]"),
};

static bool allowed(const char *url) { return url_allowed(view_str(url), rules, sizeof rules / sizeof *rules); }

static void what_is_listed_is_allowed(void **state) {
	(void)state;
	static const char *const good[] = {
		"https://app.example.com",
		"https://app.example.com/",
		"https://app.example.com/a/b?c=d&e=//f#g",
		"https://app.example.com:443/a",
		"HTTPS://APP.Example.com/a",
		"https://app.example.com?x=1",
		"https://app.example.com#top",
		"https://app.example.com/a%20b",
		"https://app.example.com/settings/billing?checkout=success&session_id={CHECKOUT_SESSION_ID}",
		"https://app.example.com/?next=https://evil.example/",
		"https://shop.example.com:8443/x",
		"https://www.example.org/account",
		"https://www.example.org/account/",
		"https://www.example.org/account/x",
		"https://www.example.org/account?x",
		"https://www.example.org/team",
		"https://www.example.org/team/a",
		"http://127.0.0.1:8700/settings/billing",
		"https://xn--bcher-kva.example/a",
		"https://[2001:DB8::1]/a",
		"https://app.example.com/a/.hidden/..b/c",
	};
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		if (!allowed(good[i])) fail_msg("should be allowed: %s", good[i]);
}

static void what_is_hostile_is_refused(void **state) {
	(void)state;
	static const char *const bad[] = {
		"",
		"/settings",
		"//app.example.com/a",
		"app.example.com",
		"https:app.example.com",
		"https:/app.example.com",
		"https:///app.example.com/",
		"https://",
		"https:///",
		"javascript:alert(1)",
		"javascript://app.example.com/%0aalert(1)",
		"data:text/html,x",
		"ftp://app.example.com/",
		"http://app.example.com/",
		"view-source:https://app.example.com/",
		" https://app.example.com/",
		"https://app.example.com /",
		"https://app.example.com/ ",
		"https://app.example.com/\n",
		"https://app.example.com/a\r\nSet-Cookie: x",
		"https://app.example.com/\t",
		"java\tscript:alert(1)",
		"https://app.example.com/\x7f",
		"https://user@app.example.com/",
		"https://user:pw@app.example.com/",
		"https://app.example.com@evil.example/",
		"https://app.example.com:443@evil.example/",
		"https://evil.example\\@app.example.com/",
		"https://app.example.com\\@evil.example/",
		"https:\\\\app.example.com\\",
		"https://app.example.com\\.evil.example/",
		"https://app.example.com.evil.example/",
		"https://app.example.comevil.example/",
		"https://app.example.com-evil.example/",
		"https://evil.example/app.example.com",
		"https://evil.example/?https://app.example.com",
		"https://evil.example#https://app.example.com",
		"https://evilapp.example.com/",
		"https://xapp.example.com/",
		"https://app.example.com./",
		"https://.app.example.com/",
		"https://app..example.com/",
		"https://app.example.com:444/",
		"https://app.example.com:80/",
		"https://app.example.com:/",
		"https://app.example.com:0443/",
		"https://app.example.com:65979/",
		"https://app.example.com:99999/",
		"https://app.example.com:4 43/",
		"https://app.example.com:443x/",
		"https://shop.example.com/",
		"https://shop.example.com:443/",
		"https://app%2eexample.com/",
		"https://app.example.com%2f@evil.example/",
		"https://app.example.com%00.evil.example/",
		"https://app.example.com/%0d%0aX: y",
		"https://app.example.com/a%00b",
		"https://app.example.com/%2f%2fevil.example",
		"https://app.example.com/%5cevil.example",
		"https://app.example.com/%2",
		"https://app.example.com/%zz",
		"https://app.example.com/%252e%252e/",
		"https://app.example.com//evil.example",
		"https://app.example.com/a//b",
		"https://www.example.org/",
		"https://www.example.org/accounts",
		"https://www.example.org/account-evil",
		"https://www.example.org/account/../admin",
		"https://www.example.org/account/./x",
		"https://www.example.org/account/%2e%2e/admin",
		"https://www.example.org/account/.%2E/admin",
		"https://www.example.org/account/..",
		"https://www.example.org/Account",
		"https://www.example.org/team/../account/..",
		"https://b\xc3\xbc\x63her.example/a",
		"https://app.example.com/\xc3\xa4",
		"https://\xef\xbd\x81pp.example.com/",
		"http://127.0.0.1/",
		"http://127.0.0.1:8701/",
		"http://127.1:8700/",
		"http://0177.0.0.1:8700/",
		"http://2130706433:8700/",
		"http://0x7f.0.0.1:8700/",
		"http://127.0.0.1.evil.example:8700/",
		"http://localhost:8700/",
		"https://[2001:db8::2]/",
		"https://[2001:db8::1/",
		"https://[2001:db8::1]evil.example/",
		"https://2001:db8::1/",
		"https://app.example.com/\"onload=",
		"https://app.example.com/<script>",
		"https://app.example.com/a'b",
		"https://app.example.com/a`b",
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (allowed(bad[i])) fail_msg("should be refused: %s", bad[i]);
	assert_false(url_allowed(view_of("https://app.example.com/\0x", 26), rules, 1));
	char *long_one = calloc(1, URL_ALLOWED_MAX + 2);
	memset(long_one, 'a', URL_ALLOWED_MAX + 1);
	memcpy(long_one, "https://app.example.com/", 24);
	assert_false(url_allowed(view_of(long_one, URL_ALLOWED_MAX + 1), rules, 1));
	assert_true(url_allowed(view_of(long_one, URL_ALLOWED_MAX), rules, 1));
	free(long_one);
}

static void rules_are_origins_and_prefixes(void **state) {
	(void)state;
	struct problem why;
	static const char *const bad[] = {"",
					  "https://",
					  "app.example.com",
					  "http://app.example.com",
					  "https://app.example.com?x",
					  "https://app.example.com#x",
					  "https://app.example.com/?",
					  "https://App.example.com",
					  "HTTPS://app.example.com",
					  "https://u@app.example.com",
					  "https://app.example.com/../x",
					  "https://*.example.com",
					  "*",
					  "https://b\xc3\xbc\x63her.example"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (url_rule_check(view_str(bad[i]), &why) != ERR_CONFIG) fail_msg("should be no rule: %s", bad[i]);
	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) assert_int_equal(url_rule_check(rules[i], &why), OK);
	const struct view wrong = VIEW("https://app.example.com?x");
	assert_false(url_allowed(VIEW("https://app.example.com?x"), &wrong, 1));
	assert_false(url_allowed(VIEW("https://app.example.com"), NULL, 0));
}

/* Whatever is put into a good URL at any place: if it is allowed, the host is one of ours. */
static void a_changed_url_never_leaves(void **state) {
	(void)state;
	static const char bytes[] = "/\\@:?#%.[]a0-\t\n\r \x7f\xc3&=;'\"<>";
	static const char good[] = "https://app.example.com/a";
	struct random r = random_start();
	struct guard g = guard_open(64);
	for (int round = 0; round < 200000; round++) {
		char url[64];
		size_t n = sizeof good - 1;
		memcpy(url, good, n);
		for (size_t k = random_below(&r, 3) + 1; k; k--) {
			size_t at = random_below(&r, n);
			char c = bytes[random_below(&r, sizeof bytes - 1)];
			if (random_below(&r, 2)) {
				memmove(url + at + 1, url + at, n - at);
				n++;
			}
			url[at] = c;
		}
		if (!url_allowed(guard_copy(&g, view_of(url, n)), rules, sizeof rules / sizeof *rules)) continue;
		size_t end = 23;
		assert_true(n >= end && strncasecmp(url, "https://app.example.com", end) == 0);
		if (n > end) assert_non_null(memchr("/?#:", url[end], 4));
		if (n > end && url[end] == ':') assert_true(n >= end + 4 && memcmp(url + end, ":443", 4) == 0);
	}
	guard_close(&g);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_listed_is_allowed),
		cmocka_unit_test(what_is_hostile_is_refused),
		cmocka_unit_test(rules_are_origins_and_prefixes),
		cmocka_unit_test(a_changed_url_never_leaves),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
