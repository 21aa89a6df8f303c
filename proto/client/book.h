/* The catalogs that a client has met, each under its hash, and what the lines of the cache were packed with. They are
 * few and small and stay until the client is closed, so any thread may read one with no lock.
 */
#ifndef CLIENT_BOOK_H
#define CLIENT_BOOK_H

#include "domain/entitlement.h"
#include "proto/tg01.h"

#include <stdatomic.h>

#define BOOKS_MAX 1024      /* of some 10 KB each; a client that has met more asks servers for the rest of its days */
#define BOOKS_FREE 16       /* after so many, */
#define BOOK_MS (60 * 1000) /* a new one is taken once in this time: a server may not fill our memory */
#define NO_BOOK UINT16_MAX

struct names;

struct book {
	struct catalog catalog; /* its names end with a NUL, and live as long as the client; grants are not known */
	uint16_t number;
	uint16_t cells[2 * FEATURES_MAX]; /* of features by their hash: index + 1 */
};

struct books {
	_Atomic(struct book *) at[BOOKS_MAX];
	unsigned count; /* the writer's, as what is below */
	int64_t last_ms;
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

#endif
