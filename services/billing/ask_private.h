/* What ask*.c, gate.c and reply.c share. */
#ifndef BILLING_ASK_PRIVATE_H
#define BILLING_ASK_PRIVATE_H

#include "billing.h"

#define REQUEST_ID_MAX 64
#define PREFER_WAIT_MAX_S 5

struct ask_wait; /* somebody else who is to answer this ask */

struct ask {
	struct note note; /* on its way to the loop */
	struct billing *b;
	struct http_request *request;
	const struct action *action;
	const char *origin; /* that CORS headers name; NULL: none */
	char request_id[REQUEST_ID_MAX + 1];
	struct identity who;
	json_t *body;           /* of a POST, or the query's arguments as texts */
	struct view key, bytes; /* Idempotency-Key and the body as they were sent; they live until the answer */
	int64_t wait_ms;        /* Prefer: wait */
	int64_t retry_after_s;  /* of a refusal; 0: as its code has it */
	int64_t begun_us;
	struct catalog_held *catalog;
	/* the loop's */
	bool kept; /* by the loop: in b->asks, and in its count */
	struct ask *prev, *next;
	int64_t deadline_ms;
	int64_t timer_ms; /* when `timer` is to run; 0: never */
	void (*timer)(void *ask);
	bool learning; /* waits for keys: its token named one that is not known */
	struct ask_wait *waits;
	struct idempotent *idempotent;
	char stripe_key[STRIPE_IDEMPOTENCY_MAX + 1];
	void *state;
	void (*destroy)(void *state);
};

/* ask.c */
/* NULL: no memory. */
struct ask *ask_create(struct billing *b, struct http_request *r);
void ask_destroy(struct ask *a);
/* One more that is kept; false: too many are. */
NODISCARD bool ask_reserve(struct ask *a);
/* Takes the request from the HTTP thread: from here on the loop has it. False: too many are kept. */
NODISCARD bool ask_keep_for_loop(struct ask *a, void (*run)(struct note *n));
/* On the loop, first of all: among those that it keeps. */
void ask_adopt(struct ask *a, int64_t deadline_ms);
/* On the loop: begins it, replays an earlier answer, or refuses it. */
void ask_begin(struct ask *a);
/* On the loop: `then` runs once, after so many ms, unless it is answered before. */
void ask_timer(struct ask *a, int64_t after_ms, void (*then)(void *ask));
/* Timers that are due run, and those asks that are overdue are answered. */
void ask_expire(struct billing *b);
int64_t ask_wait_for_ms(const struct billing *b, int64_t most);
/* All are answered 503. */
void ask_refuse_all(struct billing *b);

/* ask_others.c */
/* As ask_profile, but memory may answer; `then` may move out of *p. */
void ask_profile_known(struct ask *a, void (*then)(struct ask *a, enum tg_status status, struct tg_profile *p));
void ask_leave_waits(struct ask *a);

/* rates.c: how often a subject may ask at all, of any thread; and, on the loop, how often it may do what the action
 * does, once it is known that no earlier answer is given again. False: refused. */
bool ask_within_rate(struct ask *a);
bool ask_within_share(struct ask *a);

/* gate.c: keys were taken, or could not be. The loop. */
void gate_settled(struct billing *b);
/* Any HTTP thread. */
void gate_enter(void *ctx, struct http_request *r);
void gate_preflight(void *ctx, struct http_request *r);
void gate_refuse_early(void *ctx, struct http_request *r, enum error e, const char *allow);

/* reply.c: what an answer of the API looks like. */
struct reply {
	struct billing *b;
	struct http_request *request;
	const char *request_id, *origin;
	const char *etag, *allow;
	int64_t retry_after_s;
};
void reply_json(const struct reply *r, unsigned status, struct view json);
void reply_refuse(const struct reply *r, enum refusal why, const char *detail);
void reply_not_modified(const struct reply *r);
/* To OPTIONS: what a page of that origin may send. */
void reply_preflight(const struct reply *r, const char *methods);
const char *refusal_code(enum refusal r);
unsigned refusal_status(enum refusal r);
/* The JSON text of a problem, to be freed; NULL without memory. */
char *refusal_json(enum refusal why, const char *detail, const char *request_id);

#endif
