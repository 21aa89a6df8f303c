#include "proto/control.h"

#include "msgpack_json.h"

static uint8_t buffer[CONTROL_MESSAGE_MAX];

static struct view written(const struct control_request *r) {
	struct writer w = writer_of(buffer, sizeof buffer);
	control_request_write(&w, r);
	return writer_view(&w);
}

static void requests(void **state) {
	(void)state;
	const struct control_request cases[] = {
		{.op = CONTROL_RETRY, .id = 1},
		{.op = CONTROL_RETRY, .id = UINT64_MAX, .origin = UINT64_MAX, .seq = 1},
		{.op = CONTROL_REBUILD, .id = 2},
		{.op = CONTROL_REBUILD, .id = 4, .partial = true},
		{.op = CONTROL_REBUILD_STATUS, .id = 3},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct control_request r;
		uint64_t id = 0;
		struct view v = written(&cases[i]);
		assert_true(v.len > 0);
		assert_int_equal(control_request_read(v, &r, &id, NULL), OK);
		assert_int_equal(r.op, cases[i].op);
		assert_int_equal(id, cases[i].id);
		assert_int_equal(r.origin, cases[i].origin);
		assert_int_equal(r.seq, cases[i].seq);
		assert_int_equal(r.partial, cases[i].partial);
		for (size_t cut = 0; cut < v.len; cut++)
			assert_int_not_equal(control_request_read(view_of(v.ptr, cut), &r, &id, NULL), OK);
	}
	struct writer w = writer_of(buffer, sizeof buffer);
	control_request_write(&w, &(struct control_request){.op = CONTROL_OP_COUNT});
	assert_true(w.failed);
}

static void refused_requests(void **state) {
	(void)state;
	static const struct {
		struct view message;
		enum error error;
		const char *text;
	} cases[] = {
		{VIEW_INIT("\x82\xa2id\x05\xa2op\xa4nope"), ERR_VERSION, "op: unknown"},
		{VIEW_INIT("\x83\xa2id\x05\xa2op\xa7rebuild\xa3seq\x01"), ERR_MALFORMED,
		 "origin, seq: one does not go without the other"},
		{VIEW_INIT("\x81\xa2id\x05"), ERR_MALFORMED, "op: is missing"},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct control_request r = {.seq = 77};
		struct problem why = {0};
		uint64_t id = 0;
		assert_int_equal(control_request_read(cases[i].message, &r, &id, &why), cases[i].error);
		assert_string_equal(why.text, cases[i].text);
		assert_int_equal(id, 5);
		assert_int_equal(r.seq, 77);
	}
}

static void replies(void **state) {
	(void)state;
	struct control_reply back;
	const struct control_reply retried = {.id = 1, .retried = 3, .healed = 2, .still = 1};
	struct writer w = writer_of(buffer, sizeof buffer);
	control_reply_write(&w, CONTROL_RETRY, &retried);
	assert_int_equal(control_reply_read(writer_view(&w), CONTROL_RETRY, &back, NULL), OK);
	assert_int_equal(back.retried, 3);
	assert_int_equal(back.healed, 2);
	assert_int_equal(back.still, 1);
	/* a reply to something else is none */
	assert_int_not_equal(control_reply_read(writer_view(&w), CONTROL_REBUILD, &back, NULL), OK);

	const struct control_reply rebuilt = {.id = 9,
					      .rebuild = {.phase = REBUILD_FAILED,
							  .epoch = UINT64_MAX,
							  .applied = 7,
							  .head = 8,
							  .missing = 2,
							  .why = VIEW("no room")}};
	w = writer_of(buffer, sizeof buffer);
	control_reply_write(&w, CONTROL_REBUILD_STATUS, &rebuilt);
	struct view v = writer_view(&w);
	assert_int_equal(control_reply_read(v, CONTROL_REBUILD_STATUS, &back, NULL), OK);
	assert_int_equal(back.id, 9);
	assert_int_equal(back.rebuild.phase, REBUILD_FAILED);
	assert_true(back.rebuild.epoch == UINT64_MAX);
	assert_int_equal(back.rebuild.applied, 7);
	assert_int_equal(back.rebuild.head, 8);
	assert_int_equal(back.rebuild.missing, 2);
	assert_true(view_eq(back.rebuild.why, VIEW("no room")));
	for (size_t cut = 0; cut < v.len; cut++)
		assert_int_not_equal(control_reply_read(view_of(v.ptr, cut), CONTROL_REBUILD, &back, NULL), OK);
}

static void every_phase_has_a_name(void **state) {
	(void)state;
	for (int p = 0; p < REBUILD_PHASE_COUNT; p++) {
		struct control_reply back;
		const struct control_reply r = {.id = 1, .rebuild = {.phase = (enum rebuild_phase)p}};
		struct writer w = writer_of(buffer, sizeof buffer);
		control_reply_write(&w, CONTROL_REBUILD, &r);
		assert_int_equal(control_reply_read(writer_view(&w), CONTROL_REBUILD, &back, NULL), OK);
		assert_int_equal(back.rebuild.phase, p);
	}
	assert_string_equal(rebuild_phase_name(REBUILD_PHASE_COUNT), "");
}

static void refusals(void **state) {
	(void)state;
	struct control_reply back;
	const struct control_reply r = {.id = 4, .code = STREAM_FULL, .text = VIEW("no room")};
	struct writer w = writer_of(buffer, sizeof buffer);
	control_reply_write(&w, CONTROL_REBUILD, &r);
	for (int op = 0; op < CONTROL_OP_COUNT; op++) {
		assert_int_equal(control_reply_read(writer_view(&w), (enum control_op)op, &back, NULL), OK);
		assert_int_equal(back.code, STREAM_FULL);
		assert_true(view_eq(back.text, VIEW("no room")));
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests), cmocka_unit_test(refused_requests),
		cmocka_unit_test(replies),  cmocka_unit_test(every_phase_has_a_name),
		cmocka_unit_test(refusals),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
