#include "idempotency.h"

#include <openssl/evp.h>
#include <stdlib.h>

#define BUCKETS 16384
#define HASH_SIZE 32

struct idempotent {
	struct idempotent *chain;         /* of its bucket */
	struct idempotent *older, *newer; /* by age */
	uint8_t id[HASH_SIZE], body[HASH_SIZE];
	int64_t born_ms;
	bool done;
	unsigned status;
	char *answer;
	size_t len;
};

struct idempotency {
	EVP_MD_CTX *sha;
	struct idempotent *buckets[BUCKETS];
	struct idempotent *oldest, *newest;
	unsigned count;
	size_t bytes;
};

struct idempotency *idempotency_create(void) {
	struct idempotency *i = calloc(1, sizeof *i);
	if (i && !(i->sha = EVP_MD_CTX_new())) {
		free(i);
		return NULL;
	}
	return i;
}

static unsigned bucket_of(const uint8_t *id) { return ((unsigned)id[0] << 8 | id[1]) % BUCKETS; }

static void entry_free(struct idempotency *i, struct idempotent *e) {
	struct idempotent **at = &i->buckets[bucket_of(e->id)];
	while (*at != e) at = &(*at)->chain;
	*at = e->chain;
	*(e->older ? &e->older->newer : &i->oldest) = e->newer;
	*(e->newer ? &e->newer->older : &i->newest) = e->older;
	i->count--;
	i->bytes -= e->len;
	free(e->answer);
	free(e);
}

void idempotency_destroy(struct idempotency **pointer) {
	struct idempotency *i = pointer ? *pointer : NULL;
	if (!i) return;
	while (i->oldest) entry_free(i, i->oldest);
	EVP_MD_CTX_free(i->sha);
	free(i);
	*pointer = NULL;
}

/* Each part with its length before it, so that no two lists of parts read the same. */
static bool hash(struct idempotency *i, const struct view *parts, unsigned count, uint8_t ret_hash[HASH_SIZE]) {
	bool ok = EVP_DigestInit_ex(i->sha, EVP_sha256(), NULL) == 1;
	for (unsigned n = 0; n < count; n++) {
		uint64_t len = parts[n].len;
		ok = ok && EVP_DigestUpdate(i->sha, &len, sizeof len) == 1;
		ok = ok && (len == 0 || EVP_DigestUpdate(i->sha, parts[n].ptr, parts[n].len) == 1);
	}
	return ok && EVP_DigestFinal_ex(i->sha, ret_hash, NULL) == 1;
}

static struct idempotent *oldest_done(const struct idempotency *i) {
	struct idempotent *e = i->oldest;
	while (e && !e->done) e = e->newer;
	return e;
}

/* What is too old leaves. */
static void expire(struct idempotency *i, int64_t now_ms) {
	struct idempotent *e;
	while ((e = oldest_done(i)) && now_ms - e->born_ms > IDEMPOTENCY_MS) entry_free(i, e);
}

/* The oldest leave, as many as is needed for `bytes` and `entries` more. False: all that are left are still running. */
static bool make_room(struct idempotency *i, size_t bytes, unsigned entries) {
	while (i->count + entries > IDEMPOTENCY_ENTRIES || i->bytes + bytes > IDEMPOTENCY_BYTES) {
		struct idempotent *e = oldest_done(i);
		if (!e) return false;
		entry_free(i, e);
	}
	return true;
}

static struct idempotent *add(struct idempotency *i, const uint8_t *id, const uint8_t *body, int64_t now_ms) {
	struct idempotent *e = calloc(1, sizeof *e);
	if (!e) return NULL;
	memcpy(e->id, id, HASH_SIZE);
	memcpy(e->body, body, HASH_SIZE);
	e->born_ms = now_ms;
	unsigned b = bucket_of(id);
	e->chain = i->buckets[b];
	i->buckets[b] = e;
	e->older = i->newest;
	*(i->newest ? &i->newest->newer : &i->oldest) = e;
	i->newest = e;
	i->count++;
	return e;
}

enum idempotency_found idempotency_begin(struct idempotency *i, const struct idempotency_ask *a,
					 struct idempotent **ret_entry, unsigned *ret_status, struct view *ret_answer) {
	uint8_t id[HASH_SIZE], body[HASH_SIZE];
	if (!hash(i, (const struct view[]){a->subject, a->path, a->key}, 3, id) || !hash(i, &a->body, 1, body))
		return IDEMPOTENCY_FULL;
	expire(i, a->now_ms);
	for (struct idempotent *e = i->buckets[bucket_of(id)]; e; e = e->chain) {
		if (memcmp(e->id, id, HASH_SIZE) != 0) continue;
		if (memcmp(e->body, body, HASH_SIZE) != 0) return IDEMPOTENCY_OTHER_BODY;
		if (!e->done) return IDEMPOTENCY_RUNNING;
		*ret_status = e->status;
		*ret_answer = view_of(e->answer, e->len);
		return IDEMPOTENCY_SAME;
	}
	/* only now: what has to leave must not be what is asked for */
	struct idempotent *e = make_room(i, 0, 1) ? add(i, id, body, a->now_ms) : NULL;
	if (!e) return IDEMPOTENCY_FULL;
	*ret_entry = e;
	return IDEMPOTENCY_NEW;
}

void idempotency_done(struct idempotency *i, struct idempotent *e, unsigned status, struct view answer) {
	char *copy = make_room(i, answer.len, 0) ? malloc(answer.len + 1) : NULL;
	if (!copy) {
		entry_free(i, e);
		return;
	}
	if (answer.len) memcpy(copy, answer.ptr, answer.len);
	e->answer = copy;
	e->len = answer.len;
	i->bytes += answer.len;
	e->status = status;
	e->done = true;
}

void idempotency_drop(struct idempotency *i, struct idempotent *e) {
	if (e) entry_free(i, e);
}
