/* The first byte says which message of the worker's control socket it is: a request, or the reply to one of its ops.
 * Law: what is accepted and can be written again reads back as the same. */
#include "proto/control.h"

#include "fuzz.h"

static uint8_t out[CONTROL_MESSAGE_MAX];

static void request(struct view m) {
	struct control_request r, back;
	uint64_t id;
	if (control_request_read(m, &r, &id, NULL) != OK) return;
	FUZZ_MUST(id == r.id && r.op < CONTROL_OP_COUNT);
	struct writer w = writer_of(out, sizeof out);
	control_request_write(&w, &r);
	FUZZ_MUST(!w.failed && control_request_read(writer_view(&w), &back, &id, NULL) == OK);
	FUZZ_MUST(back.op == r.op && back.id == r.id && back.partial == r.partial);
	if (r.op == CONTROL_RETRY) FUZZ_MUST(back.origin == r.origin && back.seq == r.seq);
}

static void reply(struct view m, enum control_op op) {
	struct control_reply r, back;
	if (control_reply_read(m, op, &r, NULL) != OK) return;
	struct writer w = writer_of(out, sizeof out);
	control_reply_write(&w, op, &r);
	if (w.failed) return;
	FUZZ_MUST(control_reply_read(writer_view(&w), op, &back, NULL) == OK);
	FUZZ_MUST(back.code == r.code && back.id == r.id);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	if (size == 0) return 0;
	struct view m = view_of((const char *)data + 1, size - 1);
	unsigned what = data[0] % (CONTROL_OP_COUNT + 1);
	if (what < CONTROL_OP_COUNT)
		reply(m, (enum control_op)what);
	else
		request(m);
	return 0;
}
