/* The table of a cached client: subject → its line, bounded in bytes, read by any thread without a lock, written by
 * one.
 *
 *   places   64 bytes each, one cache line: a fingerprint of the subject (fingerprint.h), and what answers a check
 * while the line's first step holds. In pairs; a subject is in one of two pairs, mostly the first units    64 bytes
 * each, a chain of them for each subject: its whole line. Mostly one
 *
 * So a check touches one distant line of memory, two that lie side by side, and only where that does not tell, the
 * units. Places begin few and are made anew, twice as many, as they fill up; half of the memory is theirs, all that
 * they take on the way counted. Readers go on meanwhile.
 *
 * All of it is atomics in memory that stays mapped, so a reader may look at a place that is being written: the place's
 * sequence number tells it (odd: under way; another after the reading: try again). Reading writes nothing but, where it
 * is not set yet, the bit that says that the place was used: who is evicted is found by CLOCK.
 *
 * A packed line (tgc_line_pack) is evaluated with the catalog that it was packed with: tiers are numbers in it.
 */
#ifndef CLIENT_CACHE_H
#define CLIENT_CACHE_H

#include "base/attr.h"
#include "base/limits.h"
#include "base/view.h"
#include "domain/line.h"
#include "fingerprint.h"
#include "proto/tg01_line.h"

#include <stdatomic.h>

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
/* When the first step begins, and ends; 0: never. */
int64_t tgc_line_from(const uint64_t *words);
int64_t tgc_line_first_end(const uint64_t *words, unsigned count, int64_t line_until);
/* Of the first step all that a check's answer depends on, but for moments. */
uint64_t tgc_line_shape(const uint64_t *words);

/* ---- the table ------------------------------------------------------------------------ */

struct key {
	uint64_t bits[2]; /* the subject's fingerprint */
};

/* The first step, ready to be answered from: book.h makes it. Times are unix seconds. */
struct quick {
	uint32_t from, end; /* UINT32_MAX: it does not end */
	uint32_t until;     /* when what ends of it does; 0: nothing does */
	uint16_t shape;     /* of the book's; 0: it is not ready */
};

/* What is kept beside the line. */
struct entry {
	uint32_t generation; /* true now when it is the client's; 0: only remembered */
	uint16_t book;       /* the catalog that the line was packed with */
	uint64_t ver;
	int64_t seen_ms; /* monotonic: when a server last said it */
	struct quick quick;
	int64_t line_until;
};

struct cached {
	struct entry entry;
	unsigned count; /* of words */
	uint64_t words[LINE_WORDS_MAX];
};

struct cache;
/* key: FINGERPRINT_KEY_SIZE bytes; NULL, for all but tests: drawn from the kernel. NULL: no memory, or no random
 * bytes. */
struct cache *tgc_cache_create(size_t bytes, const uint8_t *key);
void tgc_cache_destroy(struct cache **c);

/* len: 1 to SUBJECT_MAX. */
void tgc_key(const struct cache *c, const char *subject, size_t len, struct key *ret_k);
/* Any thread. For a check alone: cache_look.h. */
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
