#include "proto/reconcile.h"

#include "golden.h"

static uint8_t buffer[RECONCILE_MESSAGE_MAX];

static struct writer fresh(void) { return writer_of(buffer, sizeof buffer); }

static bool again(const char *what, struct view m, struct writer *w) {
	enum error e;
	if (strcmp(what, "request") == 0) {
		struct reconcile_request r;
		uint64_t id;
		e = reconcile_request_read(m, &r, &id, NULL);
		if (!e) reconcile_request_write(w, &r);
	} else {
		struct reconcile_reply r;
		assert_string_equal(what, "reply");
		e = reconcile_reply_read(m, &r, NULL);
		if (!e) reconcile_reply_write(w, &r);
	}
	return e == OK;
}

static void golden(void **state) {
	(void)state;
	assert_true(golden_check("reconcile.json", again) > 20);
}

static void requests(void **state) {
	(void)state;
	static const struct {
		struct view message;
		enum error error;
		const char *text;
	} cases[] = {
		{VIEW_INIT("\x82\xa2id\x05\xa2op\xa5steal"), ERR_VERSION,
		 "op: is none of pass, session, customer, fetch, status"},
		{VIEW_INIT("\x82\xa2id\x05\xa2op\xa7session"), ERR_MALFORMED, "mode: is missing"},
		{VIEW_INIT("\x83\xa2id\x05\xa2op\xa7session\xa4mode\xa4test"), ERR_MALFORMED, "session: is missing"},
		{VIEW_INIT("\x83\xa2id\x05\xa2op\xa8"
			   "customer\xa4mode\xa4test"),
		 ERR_MALFORMED, "customer: is missing"},
		{VIEW_INIT("\x83\xa2id\x05\xa2op\xa5"
			   "fetch\xa4mode\xa4test"),
		 ERR_MALFORMED, "fetch: is missing"},
		{VIEW_INIT("\x84\xa2id\x05\xa2op\xa5"
			   "fetch\xa4mode\xa4test\xa5"
			   "fetch\xa7"
			   "refunds"),
		 ERR_MALFORMED, "of: is missing"},
		{VIEW_INIT("\x85\xa2id\x05\xa2op\xa5"
			   "fetch\xa4mode\xa4test\xa5"
			   "fetch\xa7"
			   "refunds\xa2of\xa4re_1"),
		 ERR_VERSION, "fetch: is nothing that can be fetched"},
		{VIEW_INIT("\x83\xa2id\x05\xa2op\xa4pass\xa3"
			   "dry\x01"),
		 ERR_MALFORMED, NULL},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct reconcile_request r = {.id = 77};
		struct problem why = {0};
		uint64_t id = 0;
		assert_int_equal(reconcile_request_read(cases[i].message, &r, &id, &why), cases[i].error);
		if (cases[i].text) assert_string_equal(why.text, cases[i].text);
		assert_int_equal(id, 5);
		assert_int_equal(r.id, 77);
	}
}

/* A sentence that is too long is cut between characters, and what was written can be read. */
static void long_texts_are_cut(void **state) {
	(void)state;
	char text[RECONCILE_TEXT_MAX + 40];
	for (size_t shift = 0; shift < 4; shift++) {
		size_t n = shift;
		memset(text, 'a', shift);
		while (n + 3 <= sizeof text) {
			memcpy(text + n, "\xe2\x82\xac", 3);
			n += 3;
		}
		struct reconcile_reply r = {.id = 1,
					    .say = RECONCILE_SAYS_FOUND,
					    .of.found = {.object = VIEW("customer"),
							 .id = VIEW("cus_1"),
							 .stripe = view_of(text, n),
							 .store = VIEW("x")}};
		struct writer w = fresh();
		reconcile_reply_write(&w, &r);
		struct reconcile_reply back;
		assert_int_equal(reconcile_reply_read(writer_view(&w), &back, NULL), OK);
		assert_in_range(back.of.found.stripe.len, RECONCILE_TEXT_MAX - 3, RECONCILE_TEXT_MAX);
	}
}

static void codes(void **state) {
	(void)state;
	assert_string_equal(reconcile_code_name((enum reconcile_code)999), "internal");
	assert_int_equal(reconcile_code_error(RECONCILE_NO_API_KEY), ERR_UNAVAILABLE);
	assert_false(reconcile_code_retry(RECONCILE_NO_API_KEY));
	assert_true(reconcile_code_retry(RECONCILE_BUSY));
	assert_string_equal(reconcile_op_name(RECONCILE_PASS), "pass");
}

int main(void) {
	const struct CMUnitTest tests[] = {cmocka_unit_test(golden), cmocka_unit_test(requests),
					   cmocka_unit_test(long_texts_are_cut), cmocka_unit_test(codes)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
