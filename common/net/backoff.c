#include "net/backoff.h"

#include <limits.h>

static int64_t within(int64_t n, int64_t least) { return n < least ? least : n > BACKOFF_MS_MAX ? BACKOFF_MS_MAX : n; }

void backoff_init(struct backoff *b, int64_t base_ms, int64_t cap_ms) {
	*b = (struct backoff){.base_ms = within(base_ms, 1)};
	b->cap_ms = within(cap_ms, b->base_ms);
}

int64_t backoff_most(const struct backoff *b) {
	int64_t most = b->base_ms;
	for (unsigned i = 0; i < b->failures && most < b->cap_ms; i++) most *= 2;
	return most < b->cap_ms ? most : b->cap_ms;
}

int64_t backoff_failed(struct backoff *b, uint64_t random) {
	int64_t most = backoff_most(b);
	if (b->failures < UINT_MAX) b->failures++;
	return (int64_t)(random % ((uint64_t)most + 1));
}

void backoff_worked(struct backoff *b) { b->failures = 0; }
