/* The table of a cached client: subject → its line, bounded in bytes, read by any thread without a lock, written by
 * one.
 *
 *   index    words of (tag, slot) in buckets of one cache line; a subject is in one of two buckets
 *   slots    192 bytes each: head, key and line; what does not fit is in a block
 *   blocks   256 to 2,048 bytes, for long subjects and long lines; an eighth of the memory
 *
 * All of it is 64 bit atomics in memory that is never given back, so a reader may look at a slot that is being written:
 * the slot's sequence number tells it (odd: under way; another after the reading: try again). Reading writes nothing
 * but, where it is not set yet, the bit that says that the slot was used: who is evicted is found by CLOCK.
 *
 * A packed line (tgc_line_pack) is evaluated with the catalog that it was packed with: tiers are numbers in it.
 */
#ifndef CLIENT_CACHE_H
#define CLIENT_CACHE_H

#include "base/attr.h"
#include "base/limits.h"
#include "base/view.h"
#include "domain/line.h"
#include "proto/tg01_line.h"

#include <stdatomic.h>

#define KEY_WORDS_MAX ((SUBJECT_MAX + 7) / 8)
#define STEP_WORDS_MAX (2 + 3 + TIERS_MAX)
#define LINE_WORDS_MAX (LINE_STEPS_MAX * STEP_WORDS_MAX)

/* ---- lines -------------------------------------------------------------------------- */

/* The words that it takes; 0: it cannot be answered from (names that the catalog or this program does not know). */
unsigned tgc_line_pack(const struct tg01_line *l, const struct catalog *c, uint64_t out[LINE_WORDS_MAX]);
/* The step that holds then, as an entitlement; false: the line says nothing about that moment. `slack`: how long before
 * the first step it may be. */
bool tgc_line_at(const uint64_t *words, unsigned count, int64_t line_until, const struct catalog *c, int64_t at,
		 int64_t slack, struct entitlement *ret_e);
/* All steps from the one that holds then on, at most LINE_STEPS_MAX; their count. */
unsigned tgc_line_steps(const uint64_t *words, unsigned count, const struct catalog *c, int64_t at,
			struct entitlement *ret_steps);

/* ---- the table ------------------------------------------------------------------------ */

struct key {
	uint64_t words[KEY_WORDS_MAX]; /* the subject, padded with zeros */
	unsigned len, word_count;
	uint64_t hash;
};

/* What is kept beside the line. */
struct entry {
	uint32_t generation; /* true now when it is the client's; 0: only remembered */
	uint16_t book;       /* the catalog that the line was packed with */
	uint64_t ver;
	int64_t seen_ms; /* monotonic: when a server last said it */
	int64_t line_until;
};

struct cached {
	struct entry entry;
	unsigned count; /* of words */
	uint64_t words[LINE_WORDS_MAX];
};

struct cache;
struct cache *tgc_cache_create(size_t bytes, uint64_t seed);
void tgc_cache_destroy(struct cache **c);

/* len: 1 to SUBJECT_MAX. */
void tgc_key(const struct cache *c, const char *subject, size_t len, struct key *ret_k);
/* Any thread. What is far away in memory is fetched while the caller does something else: first the bucket, then, some
 * time later, the slot. */
void tgc_cache_hint(const struct cache *c, const struct key *k);
void tgc_cache_hint_slot(const struct cache *c, const struct key *k);
/* Any thread. */
bool tgc_cache_get(const struct cache *c, const struct key *k, struct cached *ret);

/* The writer. False: no room could be made, and what was kept of the subject is gone. */
bool tgc_cache_put(struct cache *c, const struct key *k, const struct entry *e, const uint64_t *words, unsigned count);
void tgc_cache_drop(struct cache *c, const struct key *k);

struct cache_size {
	uint64_t subjects, bytes, evicted;
};
/* Any thread. */
struct cache_size tgc_cache_size(const struct cache *c);

#endif
