/* A token bucket: how often something may be done, without a clock of its own.
 *
 * In any span of t seconds at most rate * t + burst tokens are given. Times are ms of a clock that does not go back.
 */
#ifndef NET_TOKEN_BUCKET_H
#define NET_TOKEN_BUCKET_H

#include "base/attr.h"
#include <stdbool.h>
#include <stdint.h>

#define TOKEN_RATE_MAX 1000000u

struct token_bucket {
	uint64_t rate;  /* tokens a second, 1 to TOKEN_RATE_MAX */
	uint64_t burst; /* tokens it holds, 1 to TOKEN_RATE_MAX */
	uint64_t level; /* thousandths of a token */
	int64_t at_ms;  /* when `level` was true */
};

/* It starts full. Values out of range are brought into it. */
void token_bucket_init(struct token_bucket *b, uint64_t rate, uint64_t burst, int64_t now_ms);
/* Takes one, if there is one. */
NODISCARD bool token_bucket_take(struct token_bucket *b, int64_t now_ms);
/* Whole tokens that are there. */
uint64_t token_bucket_level(struct token_bucket *b, int64_t now_ms);
/* Until the next one is there; 0: one is. */
int64_t token_bucket_wait_ms(struct token_bucket *b, int64_t now_ms);

#endif
