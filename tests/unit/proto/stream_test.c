#include "proto/stream.h"

#include "golden.h"

static uint8_t buffer[8192];

static struct writer fresh(void) { return writer_of(buffer, sizeof buffer); }

static bool again(const char *what, struct view m, struct writer *w) {
	enum error e;
	if (strcmp(what, "heartbeat") == 0) {
		struct stream_heartbeat h;
		e = stream_heartbeat_read(m, &h, NULL);
		if (!e) stream_heartbeat_write(w, &h);
	} else if (strcmp(what, "request") == 0) {
		struct stream_request r;
		uint64_t id;
		e = stream_request_read(m, &r, &id, NULL);
		if (!e) stream_request_write(w, &r);
	} else if (strcmp(what, "reply") == 0) {
		struct stream_reply r;
		e = stream_reply_read(m, &r, NULL);
		if (!e) stream_reply_write(w, &r);
	} else if (strcmp(what, "change") == 0) {
		struct stream_change c;
		e = stream_change_read(m, &c, NULL);
		if (!e) stream_change_write(w, &c);
	} else {
		struct stream_pulse p;
		assert_string_equal(what, "pulse");
		e = stream_pulse_read(m, &p, NULL);
		if (!e) stream_pulse_write(w, &p);
	}
	return e == OK;
}

static void golden(void **state) {
	(void)state;
	assert_true(golden_check("stream.json", again) > 15);
}

static void append_values(void **state) {
	(void)state;
	const struct stream_request want = {.op = STREAM_APPEND,
					    .id = 9,
					    .record = {.kind = RECORD_EVENT,
						       .livemode = true,
						       .account = VIEW("acct_1"),
						       .id = VIEW("evt_1"),
						       .type = VIEW("customer.created"),
						       .api_version = VIEW("2020-08-27"),
						       .created = 7,
						       .body = VIEW("{}")}};
	struct writer w = fresh();
	stream_request_write(&w, &want);
	struct stream_request got;
	uint64_t id = 0;
	assert_int_equal(stream_request_read(writer_view(&w), &got, &id, NULL), OK);
	assert_int_equal(id, 9);
	assert_int_equal(got.record.kind, RECORD_EVENT);
	assert_true(got.record.livemode);
	assert_int_equal(got.record.created, 7);
	assert_true(view_eq(got.record.account, VIEW("acct_1")));
	assert_true(view_eq(got.record.id, VIEW("evt_1")));
	assert_true(view_eq(got.record.type, VIEW("customer.created")));
	assert_true(view_eq(got.record.api_version, VIEW("2020-08-27")));
	assert_true(view_eq(got.record.body, VIEW("{}")));
	struct stream_request webhook = want;
	webhook.record.kind = RECORD_WEBHOOK;
	w = fresh();
	stream_request_write(&w, &webhook);
	assert_true(w.failed);
}

static void refusals_name_the_field(void **state) {
	(void)state;
	static const struct {
		struct view message;
		enum error error;
		const char *text;
	} cases[] = {
		{VIEW_INIT("\x82\xa2id\x05\xa2op\xa5steal"), ERR_VERSION,
		 "op: is none of head, replay, find, append, progress, forget"},
		{VIEW_INIT("\x82\xa2id\x05\xa2op\xa6replay"), ERR_MALFORMED, "from: is missing"},
		{VIEW_INIT("\x83\xa2id\x05\xa2op\xa6replay\xa4"
			   "from\x00"),
		 ERR_LIMIT, "from: must be 1 to 18446744073709551615"},
		{VIEW_INIT("\x84\xa2id\x05\xa2op\xa6replay\xa4"
			   "from\x01\xa3max\xcd\x04\x01"),
		 ERR_LIMIT, "max: must be 1 to 1024"},
		{VIEW_INIT("\x83\xa2id\x05\xa2op\xa4"
			   "find\xa5"
			   "event\xa1x"),
		 ERR_MALFORMED, "mode: is missing"},
		{VIEW_INIT("\x84\xa2id\x05\xa2op\xa4"
			   "find\xa5"
			   "event\xa1x\xa4mode\xa4LIVE"),
		 ERR_MALFORMED, "mode: is neither live nor test"},
		{VIEW_INIT("\x83\xa2id\x05\xa2op\xa8progress\xa3seq\x01"), ERR_MALFORMED, "worker: is missing"},
		{VIEW_INIT("\x83\xa2id\x05\xa2op\xa4head\xa2op\xa4head"), ERR_MALFORMED, "op: is given twice"},
		{VIEW_INIT("\x88\xa2id\x05\xa2op\xa6"
			   "append\xa5"
			   "event\xa1x\xa4mode\xa4test\xa4type\xa1t\xa4"
			   "body\xc4\x01{\xa7"
			   "created\x01\xa4kind\xa7webhook"),
		 ERR_MALFORMED, "kind: is none of event, snapshot, override, mark"},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct stream_request r = {.seq = 77};
		struct problem why = {0};
		uint64_t id = 0;
		assert_int_equal(stream_request_read(cases[i].message, &r, &id, &why), cases[i].error);
		assert_string_equal(why.text, cases[i].text);
		assert_int_equal(id, 5);
		assert_int_equal(r.seq, 77);
	}
}

static void codes(void **state) {
	(void)state;
	for (int i = STREAM_OK; i < STREAM_CODE_COUNT; i++) {
		enum stream_code c = (enum stream_code)i;
		enum stream_code back = stream_code_of(stream_code_error(c));
		assert_string_equal(stream_code_name(back),
				    c == STREAM_UNSUPPORTED_VERSION ? "unknown_op" : stream_code_name(c));
	}
	assert_int_equal(stream_code_of(ERR_MALFORMED), STREAM_BAD_REQUEST);
	assert_int_equal(stream_code_of(ERR_STALE), STREAM_INTERNAL);
	assert_string_equal(stream_code_name((enum stream_code)999), "internal");
}

int main(void) {
	const struct CMUnitTest tests[] = {cmocka_unit_test(golden), cmocka_unit_test(append_values),
					   cmocka_unit_test(refusals_name_the_field), cmocka_unit_test(codes)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
