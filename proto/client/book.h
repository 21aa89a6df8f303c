/* The catalogs that a client has met, each under its hash, and what the lines of the cache were packed with. They are
 * few and small and stay until the client is closed, so any thread may read one with no lock.
 */
#ifndef CLIENT_BOOK_H
#define CLIENT_BOOK_H

#include "cache.h"
#include "domain/entitlement.h"
#include "proto/tg01.h"

#include <stdatomic.h>

#define BOOKS_MAX 1024      /* of some 15 KB each; a client that has met more asks servers for the rest of its days */
#define BOOKS_FREE 16       /* after so many, */
#define BOOK_MS (60 * 1000) /* a new one is taken once in this time: a server may not fill our memory */
#define NO_BOOK UINT16_MAX
#define SHAPES_MAX 64       /* of one book; lines of other shapes are evaluated at each check */
#define SHAPES_MAX_ALL 4096 /* of all together, of some 700 bytes each */

struct names;

/* What is answered to every requirement by a step, but for the moments in it. Each is what entitlement_decide said of a
 * step of that shape. */
struct shape {
	uint64_t what; /* tgc_line_shape of the steps */
	const char *tier, *status;
	bool stale;
	struct decided {
		bool allowed;
		bool ends; /* the answer may change when what ends of the step does */
		uint8_t reason;
		int8_t need; /* tier, or -1 */
	} decided[];         /* by feature, then by tier */
};

struct book {
	struct catalog catalog; /* its names end with a NUL, and live as long as the client; grants are not known */
	uint16_t number;
	uint16_t cells[2 * FEATURES_MAX]; /* of features by their ends and length: index + 1 */
	struct ends {
		uint64_t first, last; /* eight bytes each; a shorter name is all in the first */
	} ends[FEATURES_MAX];
	_Atomic(struct shape *) shapes[SHAPES_MAX];
	unsigned shape_count; /* the writer's */
};

struct books {
	_Atomic(struct book *) at[BOOKS_MAX];
	unsigned count; /* the writer's, as what is below */
	int64_t last_ms;
	unsigned shape_count; /* of all books */
};

void tgc_books_finish(struct books *b);
/* Any thread; NULL: there is none. */
const struct book *tgc_book(const struct books *b, uint16_t number);
/* The writer: the one of that hash, or NULL. */
const struct book *tgc_book_of(const struct books *b, uint64_t hash);
/* The writer: takes it, if there is none of that hash. NULL: it is not right, or one too many. */
const struct book *tgc_book_take(struct books *b, const struct tg01_catalog *c, uint64_t hash, struct names *names,
				 int64_t now);

/* What is asked, in the catalog's numbers; tier or feature is NULL. False: it does not know it. */
bool tgc_book_requirement(const struct book *b, const char *tier, const char *feature, struct requirement *ret_r);
/* The same, by the name's bytes. */
bool tgc_book_named(const struct book *b, struct view name, bool tier, struct requirement *ret_r);

/* The writer: what answers a check while the first step of that line, packed with b, holds. */
struct quick tgc_book_quick(struct books *books, const struct book *b, const uint64_t *words, unsigned count,
			    int64_t line_until);
/* Any thread: the shape of that number, of entries that were packed with b; NULL for 0. */
static inline const struct shape *tgc_book_shape(const struct book *b, uint16_t number) {
	return number ? atomic_load_explicit(&b->shapes[number - 1], memory_order_acquire) : NULL;
}
static inline const struct decided *tgc_shape_decides(const struct shape *s, const struct book *b,
						      struct requirement q) {
	return &s->decided[q.feature >= 0 ? (unsigned)q.feature : b->catalog.feature_count + (unsigned)q.tier];
}

#endif
