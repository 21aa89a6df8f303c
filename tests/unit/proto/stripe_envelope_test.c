#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proto/stripe_envelope.h"
#include "support/guard.h"

#define HEAD "{\"id\":\"evt_1\",\"object\":\"event\",\"type\":\"customer.created\",\"livemode\":false,"
#define DATA "\"data\":{\"object\":{\"id\":\"inner\",\"object\":\"customer\",\"account\":\"acct_inner\"}}"
#define EVENT HEAD "\"created\":1700000000," DATA "}"

static void reads_a_snapshot_event(void **state) {
	static const char body[] =
		"\n{\n  \"id\": \"evt_1\",\n  \"object\": \"event\",\n  \"account\": \"acct_9\",\n"
		"  \"api_version\": \"2025-03-31.basil\",\n  \"created\": 1763808318,\n"
		"  \"data\": {\"object\": {\"id\": \"sub_1\", \"livemode\": false, \"created\": 5}},\n"
		"  \"livemode\": true,\n  \"pending_webhooks\": 2,\n  \"request\": {\"id\": null},\n"
		"  \"type\": \"customer.subscription.updated\"\n}\n";
	struct stripe_envelope e;
	(void)state;
	assert_int_equal(stripe_envelope_parse(VIEW(body), &e, NULL), OK);
	assert_true(view_eq(e.id, VIEW("evt_1")));
	assert_true(view_eq(e.type, VIEW("customer.subscription.updated")));
	assert_true(view_eq(e.account, VIEW("acct_9")));
	assert_true(view_eq(e.api_version, VIEW("2025-03-31.basil")));
	assert_true(e.created == 1763808318);
	assert_true(e.livemode);
	assert_false(e.thin);
	assert_ptr_equal(e.id.ptr, strstr(body, "evt_1"));
}

static void optional_fields_may_be_null_or_absent(void **state) {
	struct stripe_envelope e;
	(void)state;
	assert_int_equal(stripe_envelope_parse(VIEW(EVENT), &e, NULL), OK);
	assert_int_equal(e.account.len, 0);
	assert_int_equal(e.api_version.len, 0);
	assert_int_equal(stripe_envelope_parse(
				 VIEW(HEAD "\"account\":null,\"api_version\":null,\"created\":0," DATA "}"), &e, NULL),
			 OK);
	assert_int_equal(e.account.len, 0);
	assert_int_equal(e.api_version.len, 0);
	assert_true(e.created == 0);
}

#define THIN_HEAD                                                                                                      \
	"{\"id\":\"evt_test_1\",\"object\":\"v2.core.event\",\"livemode\":true,\"type\":\"v1.customer.created\","
#define THIN_TAIL "\"created\":\"2026-11-22T10:45:18.123Z\",\"related_object\":{\"id\":\"cus_1\"}}"

static void reads_a_thin_event(void **state) {
	static const struct {
		struct view body;
		struct view account;
	} cases[] = {
		{VIEW_INIT(THIN_HEAD THIN_TAIL), VIEW_INIT("")},
		{VIEW_INIT(THIN_HEAD "\"context\":null," THIN_TAIL), VIEW_INIT("")},
		{VIEW_INIT(THIN_HEAD "\"context\":\"acct_1\"," THIN_TAIL), VIEW_INIT("acct_1")},
		{VIEW_INIT(THIN_HEAD "\"context\":\"acct_1/acct_2\"," THIN_TAIL), VIEW_INIT("acct_2")},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct stripe_envelope e;
		struct problem why = {OK, ""};
		if (stripe_envelope_parse(cases[i].body, &e, &why) != OK) fail_msg("%zu: %s", i, why.text);
		assert_true(e.thin && e.livemode);
		assert_true(e.created == 1795344318);
		assert_true(view_eq(e.account, cases[i].account));
	}
}

/* An organization's endpoint gets the events of several accounts: they say so by their context. A Connect event has
 * both, and its context may be another: that of who is to ask for more. */
static void an_event_of_an_organization_has_its_account_in_its_context(void **state) {
	static const struct {
		struct view body;
		struct view account;
	} cases[] = {
		{VIEW_INIT(HEAD "\"created\":1,\"context\":\"acct_1\"," DATA "}"), VIEW_INIT("acct_1")},
		{VIEW_INIT(HEAD "\"created\":1,\"context\":\"org_1/acct_1\"," DATA "}"), VIEW_INIT("acct_1")},
		{VIEW_INIT(HEAD "\"created\":1,\"context\":null," DATA "}"), VIEW_INIT("")},
		{VIEW_INIT(HEAD "\"account\":null,\"created\":1,\"context\":\"acct_1\"," DATA "}"),
		 VIEW_INIT("acct_1")},
		{VIEW_INIT(HEAD "\"account\":\"acct_2\",\"created\":1,\"context\":\"acct_1\"," DATA "}"),
		 VIEW_INIT("acct_2")},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct stripe_envelope e;
		struct problem why = {OK, ""};
		if (stripe_envelope_parse(cases[i].body, &e, &why) != OK) fail_msg("%zu: %s", i, why.text);
		assert_false(e.thin);
		assert_true(view_eq(e.account, cases[i].account));
	}
}

/* What is wrong, and a part of the sentence that must say so. */
static void refuses_what_is_no_event(void **state) {
	static const struct {
		struct view body;
		const char *says;
	} cases[] = {
		{VIEW_INIT(""), "byte 0"},
		{VIEW_INIT("[]"), "not a JSON object"},
		{VIEW_INIT("\xef\xbb\xbf" EVENT), "not a JSON object"},
		{VIEW_INIT("{}"), "object"},
		{VIEW_INIT(EVENT "x"), "bytes after"},
		{VIEW_INIT(EVENT "\0"), "bytes after"},
		{VIEW_INIT(EVENT EVENT), "bytes after"},
		{VIEW_INIT(HEAD "\"created\":1," DATA ",\"x\":\"\xff\"}"), "UTF-8"},
		{VIEW_INIT(HEAD "\"created\":1," DATA ",\"id\":\"evt_2\"}"), "twice"},
		{VIEW_INIT(HEAD "\"created\":1," DATA ",\"data\":{}}"), "twice"},
		{VIEW_INIT(HEAD "\"created\":1," DATA ",\"account\":null,\"account\":\"acct_1\"}"), "twice"},
		{VIEW_INIT(HEAD "\"created\":1," DATA ",\"\\u0069d\":\"evt_2\"}"), "escape in a top-level key"},
		{VIEW_INIT(HEAD "\"created\":1.0," DATA "}"), "created"},
		{VIEW_INIT(HEAD "\"created\":1e3," DATA "}"), "created"},
		{VIEW_INIT(HEAD "\"created\":-1," DATA "}"), "created"},
		{VIEW_INIT(HEAD "\"created\":-0," DATA "}"), "created"},
		{VIEW_INIT(HEAD "\"created\":\"1\"," DATA "}"), "created"},
		{VIEW_INIT(HEAD "\"created\":9223372036854775808," DATA "}"), "created"},
		{VIEW_INIT(HEAD "\"created\":null," DATA "}"), "created"},
		{VIEW_INIT(HEAD DATA "}"), "created"},
		{VIEW_INIT(HEAD "\"created\":\"2026-11-22T10:45:18Z\"," DATA "}"), "created"},
		{VIEW_INIT(HEAD "\"created\":1}"), "data"},
		{VIEW_INIT(HEAD "\"created\":1,\"data\":null}"), "data"},
		{VIEW_INIT(HEAD "\"created\":1,\"account\":\"\"," DATA "}"), "account"},
		{VIEW_INIT(HEAD "\"created\":1,\"account\":7," DATA "}"), "account"},
		{VIEW_INIT(HEAD "\"created\":1,\"account\":\"acct_\\u0031\"," DATA "}"), "account"},
		{VIEW_INIT(HEAD "\"created\":1,\"api_version\":\"a b\"," DATA "}"), "api_version"},
		{VIEW_INIT(HEAD "\"created\":1,\"context\":7," DATA "}"), "context"},
		{VIEW_INIT(HEAD "\"created\":1,\"context\":\"org_1/\"," DATA "}"), "context"},
		{VIEW_INIT("{\"id\":\"\",\"object\":\"event\"," DATA "}"), "id is missing"},
		{VIEW_INIT("{\"object\":\"event\"," DATA "}"), "id is missing"},
		{VIEW_INIT("{\"id\":\"evt_1\",\"object\":\"customer\"}"), "object"},
		{VIEW_INIT("{\"id\":\"evt_1\",\"object\":\"event\",\"type\":[]}"), "type"},
		{VIEW_INIT("{\"id\":\"evt_1\",\"object\":\"event\",\"type\":\"a\",\"created\":1,\"livemode\":1}"),
		 "livemode"},
		{VIEW_INIT("{\"id\":\"evt_\xc3\xa9\",\"object\":\"event\"}"), "id is missing"},
		{VIEW_INIT(THIN_HEAD "\"created\":1700000000}"), "created"},
		{VIEW_INIT(THIN_HEAD "\"created\":\"yesterday\"}"), "created"},
		{VIEW_INIT(THIN_HEAD "\"context\":\"acct_1/\"," THIN_TAIL), "context"},
		{VIEW_INIT(THIN_HEAD "\"context\":{}," THIN_TAIL), "context"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct stripe_envelope e;
		struct problem why = {OK, ""};
		memset(&e, 0x5a, sizeof e);
		struct stripe_envelope before = e;
		assert_int_equal(stripe_envelope_parse(cases[i].body, &e, &why), ERR_NOT_EVENT);
		assert_memory_equal(&e, &before, sizeof e);
		if (!strstr(why.text, cases[i].says))
			fail_msg("case %zu: \"%s\" lacks \"%s\"", i, why.text, cases[i].says);
	}
}

/* An id of one byte over its limit, and one at it. */
static void bounds_the_fields(void **state) {
	(void)state;
	for (size_t len = STRIPE_ID_MAX; len <= STRIPE_ID_MAX + 1; len++) {
		char id[STRIPE_ID_MAX + 2], body[1024];
		struct stripe_envelope e;
		memset(id, 'e', len);
		int n = snprintf(body, sizeof body, "{\"id\":\"%.*s\",%s", (int)len, id,
				 EVENT + sizeof "{\"id\":\"evt_1\"");
		enum error want = len > STRIPE_ID_MAX ? ERR_NOT_EVENT : OK;
		assert_int_equal(stripe_envelope_parse(view_of(body, (size_t)n), &e, NULL), want);
	}
}

static void bounds_the_body(void **state) {
	char *body = malloc(EVENT_BODY_MAX + 1);
	struct stripe_envelope e;
	(void)state;
	assert_non_null(body);
	memset(body, ' ', EVENT_BODY_MAX + 1);
	memcpy(body, EVENT, sizeof EVENT - 1);
	assert_int_equal(stripe_envelope_parse(view_of(body, EVENT_BODY_MAX), &e, NULL), OK);
	assert_int_equal(stripe_envelope_parse(view_of(body, EVENT_BODY_MAX + 1), &e, NULL), ERR_NOT_EVENT);
	free(body);
}

/* The top-level object is the first level. */
static void bounds_the_depth(void **state) {
	(void)state;
	for (size_t levels = JSON_DEPTH_MAX - 1; levels <= JSON_DEPTH_MAX; levels++) {
		char nest[2 * JSON_DEPTH_MAX + 1] = "", body[1024];
		struct stripe_envelope e;
		memset(nest, '[', levels);
		memset(nest + levels, ']', levels);
		int n = snprintf(body, sizeof body, HEAD "\"created\":1," DATA ",\"x\":%s}", nest);
		enum error want = levels + 1 > JSON_DEPTH_MAX ? ERR_NOT_EVENT : OK;
		assert_int_equal(stripe_envelope_parse(view_of(body, (size_t)n), &e, NULL), want);
	}
}

/* No prefix is an event, and none is read beyond its end. */
static void refuses_every_prefix(void **state) {
	static const struct view whole =
		VIEW_INIT("{\"id\":\"evt_1\",\"object\":\"event\",\"created\":1,\"x\":[-1.5e+7,\"\\ud83d\\ude00"
			  "\xf0\x9f\x98\x80\",true,false,null,{\"a\":{}}],\"type\":\"a\","
			  "\"livemode\":true," DATA "}");
	AUTO(guard_close)
	struct guard g = guard_open(whole.len);
	struct stripe_envelope e;
	(void)state;
	for (size_t n = 0; n < whole.len; n++)
		assert_int_equal(stripe_envelope_parse(guard_copy(&g, view_of(whole.ptr, n)), &e, NULL), ERR_NOT_EVENT);
	assert_int_equal(stripe_envelope_parse(guard_copy(&g, whole), &e, NULL), OK);
	assert_int_equal(stripe_envelope_parse(VIEW_NONE, &e, NULL), ERR_NOT_EVENT);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_a_snapshot_event),
		cmocka_unit_test(optional_fields_may_be_null_or_absent),
		cmocka_unit_test(reads_a_thin_event),
		cmocka_unit_test(an_event_of_an_organization_has_its_account_in_its_context),
		cmocka_unit_test(refuses_what_is_no_event),
		cmocka_unit_test(bounds_the_fields),
		cmocka_unit_test(bounds_the_body),
		cmocka_unit_test(bounds_the_depth),
		cmocka_unit_test(refuses_every_prefix),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
