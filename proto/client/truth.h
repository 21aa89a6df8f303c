/* What callers' threads look at: is the cache true now, since when, by which clock and catalog; and answers out of it.
 *
 * The thread writes it, everybody reads it, and no field depends on another being read in the same moment but for
 * `generation`: an entry of a generation is evaluated only when the client is still at it afterwards.
 */
#ifndef CLIENT_TRUTH_H
#define CLIENT_TRUTH_H

#include "book.h"
#include "cache.h"
#include "tiergate.h"

#define SLACK_S 2    /* a line that begins later than our clock says, by so much, began just now */
#define ENDED_MAX 64 /* generations of which it is known until when they were true */
#define SHARDS 16    /* of the counter of hits: threads do not share a cache line, mostly */

struct truth {
	_Alignas(64) _Atomic bool live; /* every entry of the generation reflects all up to `word_ms` */
	_Atomic uint32_t generation;
	_Atomic int64_t offset_ms;         /* the server's clock - our monotonic one */
	_Atomic int64_t word_ms;           /* monotonic: until when the generation is known to be true */
	_Atomic int64_t slept_ms, wall_ms; /* tgc_mono_note */
	_Atomic(const struct book *) book; /* of the generation; NULL: not known yet */
	_Atomic uint64_t epoch, ver;
	_Atomic int64_t as_of_ms;
	_Atomic int64_t ended_ms[ENDED_MAX]; /* word_ms of generations that are over */
	struct books books;
	struct cache *cache; /* NULL: nothing is remembered */
	struct {
		_Alignas(64) _Atomic uint64_t hits;
	} shards[SHARDS];
};

/* Found and true, or found and old. */
struct sight {
	struct cached cached;
	const struct book *book;
	int64_t at; /* the server's time, s */
	int64_t age_ms;
};

/* A question's names, measured. */
struct asked {
	struct view subject, name;
	bool tier; /* the name is a tier's */
};

/* A check out of the cache, where it is true now: the quick way. First its key, by which memory is told to fetch what
 * it needs; then, at once or after the keys of others, its answer, as of a moment of our monotonic clock. */
void tgc_truth_seek(const struct truth *t, const struct asked *q, struct key *ret_k);
bool tgc_truth_check(struct truth *t, const struct asked *q, const struct key *k, int64_t now, int max_age_ms,
		     struct tg_answer *ret_a);
/* What the cache knows of the subject. True: it answers now. */
bool tgc_sight(const struct truth *t, const char *subject, int max_age_ms, struct sight *ret_s);
/* The same whatever its age; false: nothing is known, or not of this moment. */
bool tgc_sight_old(const struct truth *t, const char *subject, struct sight *ret_s);

/* False: the sight does not tell: the catalog does not know what is asked, or the line is over. */
bool tgc_sight_check(const struct truth *t, const struct sight *s, const char *tier, const char *feature,
		     struct tg_answer *ret_a);
/* False: as above, or out of memory. */
bool tgc_sight_profile(const struct truth *t, const struct sight *s, struct tg_profile *ret_p);

void tgc_truth_hit(struct truth *t);
uint64_t tgc_truth_hits(const struct truth *t);

#endif
