/* The first byte says which message of the journal's stream it is. Law: an accepted request and reply read back
 * as what was written of them. */
#include "proto/stream.h"

#include "fuzz.h"

static uint8_t out[STREAM_APPEND_MAX];

static void request(struct view m) {
	struct stream_request r;
	uint64_t id;
	if (stream_request_read(m, &r, &id, NULL) != OK) return;
	FUZZ_MUST(id == r.id);
	struct writer w = writer_of(out, sizeof out);
	stream_request_write(&w, &r);
	struct stream_request back;
	if (!w.failed) FUZZ_MUST(stream_request_read(writer_view(&w), &back, &id, NULL) == OK && back.op == r.op);
}

static void reply(struct view m) {
	struct stream_reply r;
	if (stream_reply_read(m, &r, NULL) != OK) return;
	struct writer w = writer_of(out, sizeof out);
	stream_reply_write(&w, &r);
	struct stream_reply back;
	FUZZ_MUST(stream_reply_read(writer_view(&w), &back, NULL) == OK && back.code == r.code && back.head == r.head);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	if (size == 0) return 0;
	struct view m = view_of(data + 1, size - 1);
	struct stream_heartbeat h;
	struct stream_change c;
	struct stream_pulse p;
	switch (data[0] % 5) {
	case 0:
		(void)!stream_heartbeat_read(m, &h, NULL);
		break;
	case 1:
		request(m);
		break;
	case 2:
		reply(m);
		break;
	case 3:
		(void)!stream_change_read(m, &c, NULL);
		break;
	default:
		(void)!stream_pulse_read(m, &p, NULL);
		break;
	}
	return 0;
}
