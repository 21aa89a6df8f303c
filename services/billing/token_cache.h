/* Tokens that were verified, so that a page that asks often costs one signature check: by the token's SHA-256, at most
 * TOKEN_CACHE_SETS * TOKEN_CACHE_WAYS of them. Nothing of the token itself is kept. An entry belongs to a generation of
 * keys, and means nothing once these were replaced. Any thread. */
#ifndef BILLING_TOKEN_CACHE_H
#define BILLING_TOKEN_CACHE_H

#include "token.h"

#define TOKEN_CACHE_SETS 2048
#define TOKEN_CACHE_WAYS 4
#define TOKEN_CACHE_LOCKS 64

struct token_cache;

NODISCARD struct token_cache *token_cache_create(void); /* NULL when out of memory */
void token_cache_destroy(struct token_cache **c);

#define TOKEN_HASH_SIZE 32
NODISCARD bool token_hash(struct view token, uint8_t ret_hash[TOKEN_HASH_SIZE]);
/* Whether it is still within its time is the caller's business. */
bool token_cache_find(struct token_cache *c, const uint8_t hash[TOKEN_HASH_SIZE], uint64_t generation,
		      struct identity *ret_who);
/* Takes the place of the one of its set that expires first. Without memory it is not kept. */
void token_cache_add(struct token_cache *c, const uint8_t hash[TOKEN_HASH_SIZE], uint64_t generation,
		     const struct identity *who);

#endif
