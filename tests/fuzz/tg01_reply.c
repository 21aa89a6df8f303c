/* The first byte says which op the reply is to, or 5 and 6 for the feed. A client must survive any server. */
#include "proto/tg01.h"

#include "fuzz.h"

static void read_reply(struct tg01_decoder *d, enum tg01_op op, struct view m) {
	struct tg01_reply r;
	if (tg01_reply_read(d, op, m, &r, NULL) != OK) return;
	if (r.failed) {
		FUZZ_MUST(r.code < TG01_CODE_COUNT && r.code_name.len > 0);
		return;
	}
	if (op == TG01_BATCH) FUZZ_MUST(r.of.batch.count <= TG01_BATCH_MAX);
	if (op == TG01_SINCE) FUZZ_MUST(r.of.since.count <= TG01_SINCE_MAX);
	if (op == TG01_CHECK) FUZZ_MUST(r.of.answer.ttl <= TG01_TTL_MAX && r.of.answer.reason.len > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	static struct tg01_decoder *d;
	if (!d && !(d = tg01_decoder_create())) return 0;
	if (size == 0) return 0;
	struct view m = view_of(data + 1, size - 1);
	uint64_t epoch;
	struct tg01_change c;
	struct tg01_heartbeat h;
	switch (data[0]) {
	case 5:
		if (tg01_feed_change_read(d, m, &epoch, &c, NULL) == OK)
			FUZZ_MUST(c.sub.len > 0 && c.sub.len <= SUBJECT_MAX);
		break;
	case 6:
		(void)!tg01_feed_heartbeat_read(d, m, &h, NULL);
		break;
	default:
		read_reply(d, (enum tg01_op)(data[0] % TG01_OP_COUNT), m);
		break;
	}
	return 0;
}
