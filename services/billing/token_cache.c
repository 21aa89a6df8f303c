#include "token_cache.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>

struct entry {
	uint8_t hash[TOKEN_HASH_SIZE];
	uint64_t generation;
	int64_t expires, not_before;
	char *texts; /* subject, NUL, e-mail, NUL; NULL: a free entry */
	size_t subject_len, email_len;
};

struct token_cache {
	pthread_mutex_t locks[TOKEN_CACHE_LOCKS];
	struct entry sets[TOKEN_CACHE_SETS][TOKEN_CACHE_WAYS];
};

struct token_cache *token_cache_create(void) {
	struct token_cache *c = calloc(1, sizeof *c);
	for (unsigned i = 0; c && i < TOKEN_CACHE_LOCKS; i++) pthread_mutex_init(&c->locks[i], NULL);
	return c;
}

void token_cache_destroy(struct token_cache **pointer) {
	struct token_cache *c = pointer ? *pointer : NULL;
	if (!c) return;
	for (unsigned s = 0; s < TOKEN_CACHE_SETS; s++)
		for (unsigned w = 0; w < TOKEN_CACHE_WAYS; w++) free(c->sets[s][w].texts);
	for (unsigned i = 0; i < TOKEN_CACHE_LOCKS; i++) pthread_mutex_destroy(&c->locks[i]);
	free(c);
	*pointer = NULL;
}

bool token_hash(struct view token, uint8_t ret_hash[TOKEN_HASH_SIZE]) {
	return EVP_Digest(token.ptr, token.len, ret_hash, NULL, EVP_sha256(), NULL) == 1;
}

static unsigned set_of(const uint8_t *hash) { return ((unsigned)hash[0] << 8 | hash[1]) % TOKEN_CACHE_SETS; }

bool token_cache_find(struct token_cache *c, const uint8_t hash[TOKEN_HASH_SIZE], uint64_t generation,
		      struct identity *ret_who) {
	unsigned s = set_of(hash);
	bool found = false;
	pthread_mutex_lock(&c->locks[s % TOKEN_CACHE_LOCKS]);
	for (unsigned w = 0; w < TOKEN_CACHE_WAYS && !found; w++) {
		const struct entry *e = &c->sets[s][w];
		found = e->texts && e->generation == generation && memcmp(e->hash, hash, TOKEN_HASH_SIZE) == 0;
		if (!found) continue;
		ret_who->expires = e->expires;
		ret_who->not_before = e->not_before;
		memcpy(ret_who->subject, e->texts, e->subject_len + 1);
		memcpy(ret_who->email, e->texts + e->subject_len + 1, e->email_len + 1);
	}
	pthread_mutex_unlock(&c->locks[s % TOKEN_CACHE_LOCKS]);
	return found;
}

/* A free one, one of other keys, the same token's, or the one that expires first. */
static struct entry *place(struct entry *set, const uint8_t *hash, uint64_t generation) {
	struct entry *best = &set[0];
	for (unsigned w = 0; w < TOKEN_CACHE_WAYS; w++) {
		struct entry *e = &set[w];
		if (!e->texts || e->generation != generation || memcmp(e->hash, hash, TOKEN_HASH_SIZE) == 0) return e;
		if (e->expires < best->expires) best = e;
	}
	return best;
}

void token_cache_add(struct token_cache *c, const uint8_t hash[TOKEN_HASH_SIZE], uint64_t generation,
		     const struct identity *who) {
	struct entry fresh = {.generation = generation,
			      .expires = who->expires,
			      .not_before = who->not_before,
			      .subject_len = strlen(who->subject),
			      .email_len = strlen(who->email)};
	fresh.texts = malloc(fresh.subject_len + fresh.email_len + 2);
	if (!fresh.texts) return;
	memcpy(fresh.hash, hash, TOKEN_HASH_SIZE);
	memcpy(fresh.texts, who->subject, fresh.subject_len + 1);
	memcpy(fresh.texts + fresh.subject_len + 1, who->email, fresh.email_len + 1);
	unsigned s = set_of(hash);
	pthread_mutex_lock(&c->locks[s % TOKEN_CACHE_LOCKS]);
	struct entry *e = place(c->sets[s], hash, generation);
	char *old = e->texts;
	*e = fresh;
	pthread_mutex_unlock(&c->locks[s % TOKEN_CACHE_LOCKS]);
	free(old);
}
