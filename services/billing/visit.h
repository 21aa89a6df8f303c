/* An ask while one of the shop's actions works on it: the state that the action keeps, and its place among those who
 * wait for the same thing.
 *
 *     struct mine { struct visit v; … };
 *     static void start(struct ask *a) {
 *             struct mine *m = visit_begin(a, sizeof *m);
 *             if (!m) return;
 *             …
 *             customer_of(&m->v, CUSTOMER_MAKE, go_on);
 *
 * When the ask is answered, by whomever, its visit leaves what it waits for and is freed. So after anything that may
 * answer the ask (ask_refuse, ask_stripe_failed when it is true, customer_of …) the action returns.
 */
#ifndef BILLING_VISIT_H
#define BILLING_VISIT_H

#include "shop.h"

struct visit;

/* Those who wait for one thing, first come first. */
struct waiting {
	struct visit *first, *last;
};

struct found_customer;
struct price_list;

struct visit {
	struct shop *shop;
	struct ask *ask;
	struct waiting *in; /* NULL: it waits for nothing of the shop's */
	struct visit *before, *after;
	void (*found)(struct visit *v, const struct found_customer *c);
	void (*priced)(struct visit *v, const struct price_list *p);
	int64_t due_ms; /* of its timer; only when `timer` is set */
	void (*timer)(struct visit *v);
	struct visit *timed_before, *timed_after;
	void (*finish)(struct visit *v); /* frees what hangs on it; may be NULL */
};

/* The ask's state, zeroed but for its visit, which is the first thing in it. NULL: no memory, and the ask has been
 * refused. */
void *visit_begin(struct ask *a, size_t size);
static inline void *visit_of(const struct ask *a) { return ask_state(a); }

void visit_wait(struct visit *v, struct waiting *w);
void visit_leave(struct visit *v);
/* Calls `timer` once, `after_ms` from now, unless the visit ends before. A second call moves it. */
void visit_timer(struct visit *v, int64_t after_ms, void (*timer)(struct visit *v));
void visit_timer_end(struct visit *v);

/* What came of a call that all actions treat alike. True: the ask has been refused. Beyond ask_stripe_failed: a key
 * that came with another request (REFUSAL_OTHER_BODY). */
bool visit_failed(struct visit *v, const struct stripe_answer *s);
/* Stripe's error.code, "" without one. */
const char *stripe_error_code(const struct stripe_answer *s);

/* An address to come back to: what the request's field says, checked; or `otherwise` under the public URL. NULL: it is
 * not allowed, and the ask has been refused. The text lives as long as the ask; `room` has SHOP_URL_MAX + 128 bytes. */
const char *visit_return_url(struct visit *v, const char *field, const char *otherwise, char *room);
#define VISIT_URL_ROOM (SHOP_URL_MAX + 128)

#endif
