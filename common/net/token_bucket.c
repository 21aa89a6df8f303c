#include "net/token_bucket.h"

#define TOKEN 1000u /* a rate in tokens a second is one in thousandths a millisecond */

static uint64_t within(uint64_t n) { return n < 1 ? 1 : n > TOKEN_RATE_MAX ? TOKEN_RATE_MAX : n; }

void token_bucket_init(struct token_bucket *b, uint64_t rate, uint64_t burst, int64_t now_ms) {
	*b = (struct token_bucket){.rate = within(rate), .burst = within(burst), .at_ms = now_ms};
	b->level = b->burst * TOKEN;
}

static void refill(struct token_bucket *b, int64_t now_ms) {
	if (now_ms <= b->at_ms) return;
	uint64_t passed = (uint64_t)now_ms - (uint64_t)b->at_ms, room = b->burst * TOKEN - b->level;
	b->at_ms = now_ms;
	/* after so long it is full anyway, and the product below could not be held */
	b->level += passed > room / b->rate ? room : passed * b->rate;
}

bool token_bucket_take(struct token_bucket *b, int64_t now_ms) {
	refill(b, now_ms);
	if (b->level < TOKEN) return false;
	b->level -= TOKEN;
	return true;
}

uint64_t token_bucket_level(struct token_bucket *b, int64_t now_ms) {
	refill(b, now_ms);
	return b->level / TOKEN;
}

int64_t token_bucket_wait_ms(struct token_bucket *b, int64_t now_ms) {
	refill(b, now_ms);
	if (b->level >= TOKEN) return 0;
	return (int64_t)((TOKEN - b->level + b->rate - 1) / b->rate);
}
