/* What is to be fetched, merged: one task for each object, however many ask for it.
 *
 *   asked while it waits         the one task serves all who asked
 *   asked while it is in flight  one more after it, since the answer under way may be older than the question
 *
 * The queue is a working copy and no record: wants are in the store until an answer settles them, and who asks over the
 * socket asks again. Times are ms of a clock that does not go back, unless they say s.
 *
 * A task's life: waiting → (queue_start) in flight → (queue_finish) waiting again, settling, or gone. A settling task
 * has its answer in the journal and waits until the store has folded it; it is asked again when that does not happen.
 */
#ifndef RECONCILER_QUEUE_H
#define RECONCILER_QUEUE_H

#include "base/attr.h"
#include "base/limits.h"
#include "domain/observation.h"

#define QUEUE_MAX 4096 /* tasks; further wants stay in the store, further askers are told to come back */
#define ASKERS_MAX 64  /* who waits for a task's end, as bits */

enum urgency { URGENT_SESSION, URGENT_ASKED, URGENT_WANT }; /* the first is the most urgent */

struct task {
	struct fetch fetch; /* views into this struct */
	struct scope scope;
	enum urgency urgency;
	int64_t since_ms;      /* of what asked first: the older, the sooner */
	int64_t not_before_ms; /* not before that */
	int64_t after;         /* s, by Stripe's clock: only a later answer will do; 0: any */
	unsigned tries;        /* failed ones */
	unsigned answers;      /* that did not settle it */
	bool in_flight;
	bool settling;
	bool again;           /* asked while in flight */
	bool wanted;          /* the store wants it */
	uint64_t turn;        /* of the look at the store that saw the want last */
	uint64_t askers;      /* bits: who waits for the answer under way or to come */
	uint64_t next_askers; /* who came while it was in flight */
	/* the queue's own */
	int next; /* of the same bucket, or the next free; -1: none */
	bool used;
	char id[STRIPE_ID_MAX];
	char account[ACCOUNT_MAX];
};

struct queue;

NODISCARD struct queue *queue_create(void); /* NULL when out of memory */
void queue_destroy(struct queue **q);

struct question {
	struct scope scope;
	struct fetch fetch;
	enum urgency urgency;
	int64_t since_ms, not_before_ms, after;
	uint64_t turn;  /* URGENT_WANT */
	uint64_t asker; /* one bit, or 0 */
};

/* The task, new or merged with the one there is; NULL when the queue is full or an id is over its limit. A want
 * that is there already is no new question unless its `after` has grown. */
struct task *queue_ask(struct queue *q, const struct question *x);
/* The task of that object, or NULL. */
struct task *queue_find(struct queue *q, const struct scope *scope, const struct fetch *f);
/* The most urgent and then oldest task that may be asked now; NULL: none. */
struct task *queue_next(struct queue *q, int64_t now_ms);
void queue_start(struct queue *q, struct task *t);

enum task_end {
	TASK_ANSWERED, /* in the journal: gone, or settling when the store wants it */
	TASK_FAILED,   /* not_before_ms says when it may be tried again */
	TASK_DROPPED, /* gone: it cannot be asked. A want of it stays in the store, and comes back with the next look */
};
/* The end of what was in flight; the askers whom it served (of a failure: nobody, they wait on). What was asked
 * meanwhile becomes a waiting task. `until_ms`: of a failure, when it may be tried again; of an answer, until when an
 * answered want is given time to leave the store. */
uint64_t queue_finish(struct queue *q, struct task *t, enum task_end end, int64_t until_ms);
/* Nobody waits for these bits any more; tasks that only they asked for go. */
void queue_forget(struct queue *q, uint64_t askers);
/* Wants that the look `turn` did not see have left the store: their tasks go, unless somebody else asks for them. */
void queue_settle(struct queue *q, uint64_t turn);

unsigned queue_count(const struct queue *q); /* all tasks */
/* Until queue_next may give something by time alone; at most `most`. */
int64_t queue_wait_ms(const struct queue *q, int64_t now_ms, int64_t most);

#endif
