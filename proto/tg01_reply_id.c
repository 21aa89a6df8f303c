/* Whose reply is this? A client with several requests on their way has to know before it can decode, since what a reply
 * says depends on what was asked. */
#include "proto/msgpack_guard.h"
#include "proto/tg01_codec.h"

/* How many values follow inside of the one that begins at `r`, which is passed over but for those. The guard has been
 * there: nothing is truncated. */
static uint64_t pass_head(struct reader *r) {
	const uint8_t head = read_u8(r);
	if (head <= 0x7f || head >= 0xe0) return 0;
	if (head <= 0x8f) return 2 * (uint64_t)(head & 0x0f);
	if (head <= 0x9f) return head & 0x0f;
	if (head <= 0xbf) {
		(void)read_bytes(r, head & 0x1f);
		return 0;
	}
	/* bytes of the value, or of its length, for 0xc0 to 0xdf */
	static const uint8_t sizes[32] = {0, 0, 0, 0, 1, 2, 4, 1, 2,  4, 4, 8, 1, 2, 4, 8,
					  1, 2, 4, 8, 2, 3, 5, 9, 17, 1, 2, 4, 2, 4, 2, 4};
	uint64_t length = 0;
	for (unsigned i = 0; i < sizes[head - 0xc0] && i < 8; i++) length = length << 8 | read_u8(r);
	if ((head >= 0xc4 && head <= 0xc6) || (head >= 0xd9 && head <= 0xdb)) (void)read_bytes(r, (size_t)length);
	if (head == 0xdc || head == 0xdd) return length;
	if (head == 0xde || head == 0xdf) return 2 * length;
	return 0;
}

static void pass(struct reader *r) {
	for (uint64_t left = 1; left > 0 && !r->failed; left--) left += pass_head(r);
}

static bool read_number(struct reader *r, uint64_t *ret_n) {
	const uint8_t head = read_u8(r);
	uint64_t n = head;
	if (head > 0x7f) {
		if (head < 0xcc || head > 0xcf) return false;
		n = 0;
		for (unsigned i = 0; i < 1u << (head - 0xcc); i++) n = n << 8 | read_u8(r);
	}
	if (r->failed) return false;
	*ret_n = n;
	return true;
}

bool tg01_reply_number(struct view message, uint64_t *ret_number) {
	static const struct msgpack_limits limits = {
		.bytes_max = TG01_MESSAGE_MAX, .depth_max = TG01_DEPTH_MAX, .elements_max = TG01_MESSAGE_MAX};
	if (msgpack_guard(message, &limits, NULL) != OK) return false;
	struct reader r = reader_of(message);
	const uint8_t head = message.len ? (uint8_t)message.ptr[0] : 0;
	if ((head < 0x80 || head > 0x8f) && head != 0xde && head != 0xdf) return false;
	for (uint64_t left = pass_head(&r) / 2; left > 0 && !r.failed; left--) {
		struct reader key = r;
		pass(&r);
		if (view_eq(view_of(key.at, (size_t)(r.at - key.at)), VIEW("\xa2id")))
			return read_number(&r, ret_number);
		pass(&r);
	}
	return false;
}
