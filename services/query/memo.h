/* Answers to plain questions about now, remembered while nothing that they depend on can have changed: the store's
 * snapshot, the catalog and the second. Whoever is asked about often is then looked up, decoded and evaluated once a
 * second at most, and once for each commit of the worker.
 *
 * An answer is a function of just those (services/query/answer.h), so one that is found is the one that would be made.
 * A table of fixed size in which a newer question takes an older one's place. One thread. */
#ifndef QUERY_MEMO_H
#define QUERY_MEMO_H

#include "proto/tg01.h"

#define MEMO_PLACES 4096 /* a power of two; 1 MB */
#define MEMO_KEY_MAX 96  /* bytes of subject, account and requirement; longer questions are not remembered */

struct memo_stamp {
	uint64_t opened;   /* which opening of the store */
	uint64_t snapshot; /* look_snapshot */
	const struct catalog *catalog;
	int64_t now; /* s */
};

struct memo;
NODISCARD struct memo *memo_create(void); /* NULL when out of memory */
void memo_destroy(struct memo **m);

/* From here on it is about that; another stamp than before: nothing is known. NULL is fine here and below, and knows
 * nothing. */
void memo_set(struct memo *m, const struct memo_stamp *stamp);
/* Nothing is known: before a catalog goes away, since answers point into it. */
void memo_forget(struct memo *m);

/* A question with min_ver or at is not plain. *ret_place is where memo_keep may put the answer; NULL: nowhere. What is
 * returned lives until the next memo_keep; NULL: not known. */
struct memo_place;
const struct tg01_answer *memo_find(struct memo *m, const struct tg01_question *q, struct memo_place **ret_place);
/* At once after memo_find, with the same question. A place of NULL is fine. */
void memo_keep(const struct memo *m, struct memo_place *place, const struct tg01_question *q,
	       const struct tg01_answer *a);

#endif
