/* What Stripe knows of a subject beyond what the store has: the price, the card, the open invoice, the amount that
 * comes next.
 *
 * A bounded cache that never makes anybody wait. HTTP threads look at it under its lock; what is wanted and missing or
 * old is fetched in the background by billing's loop, at most DETAILS_FETCHES at a time and each subject once. When
 * Stripe fails DETAILS_FAILURES times in a row nothing is fetched for a while (1 s, doubled up to 60 s): a dead Stripe
 * costs a look nothing but the word `stale` or `unavailable`.
 *
 *     struct details d;
 *     switch (details_look(cache, subject, details_mark(&profile), now_ms, true, &d)) …
 *
 * An entry is fresh for DETAILS_FRESH_MS, as long as the subject's mark is the one that it was fetched under; then it
 * is stale, and served while another is fetched. It leaves when the space is needed, the one that was not looked at
 * for longest first.
 */
#ifndef BILLING_DETAILS_H
#define BILLING_DETAILS_H

#include "shop.h"

#define DETAILS_MAX 4096 /* subjects; at some 1.5 KB each */
#define DETAILS_FRESH_MS 60000
#define DETAILS_UNSETTLED_MS 3000                          /* instead, after details_unsettle */
#define DETAILS_UNSETTLED_FOR_MS (INT64_C(15) * 60 * 1000) /* for so long */
#define DETAILS_FETCHES 8                                  /* under way at a time */
#define DETAILS_WANTED 256    /* waiting for their turn; a look at a full queue wants again later */
#define DETAILS_WAITERS 256   /* details_await at a time */
#define DETAILS_FAILURES 3    /* in a row, and the circuit opens */
#define DETAILS_AGAIN_MS 2000 /* after a failure a subject is left alone for so long */

enum details_state {
	DETAILS_NONE, /* the subject has no customer at Stripe: nothing to know. The struct is empty */
	DETAILS_FRESH,
	DETAILS_STALE,       /* what was known at as_of; better is on its way, or Stripe is away */
	DETAILS_PENDING,     /* nothing is known yet; it is being fetched. The struct is empty */
	DETAILS_UNAVAILABLE, /* nothing is known, and Stripe or query could not be asked. The struct is empty */
};
const char *details_state_name(enum details_state s); /* "none", "fresh", … */

#define DETAILS_NAME 40 /* a brand, a status, an interval */

/* Times are unix seconds, 0: none. Money is in the currency's minor units. */
struct details {
	int64_t as_of; /* when Stripe said so */
	bool has_subscription;
	struct details_subscription {
		char id[STRIPE_ID_MAX], tier[NAME_MAX_BYTES + 1]; /* tier: by the catalog; "" when it knows none */
		char price[STRIPE_ID_MAX], lookup_key[LOOKUP_KEY_MAX + 1];
		char interval[DETAILS_NAME], currency[CURRENCY_MAX], status[DETAILS_NAME];
		int64_t interval_count, quantity;
		int64_t amount; /* of one period, all items; -1: not known (tiered, metered) */
		int64_t cancel_at, trial_end, current_period_end;
		bool collection_paused;
	} subscription;
	bool has_payment_method;
	struct details_payment_method {
		char type[DETAILS_NAME], brand[DETAILS_NAME], last4[8]; /* "" when it has none */
		int64_t exp_month, exp_year;                            /* 0: none */
	} payment_method;
	bool has_open_invoice;
	struct details_invoice {
		char id[STRIPE_ID_MAX], currency[CURRENCY_MAX], hosted_url[SHOP_URL_MAX];
		int64_t amount_due, due_at, next_attempt_at;
		bool needs_confirmation; /* the bank asks the payer */
	} open_invoice;
	bool has_upcoming;
	struct details_upcoming {
		int64_t at, amount;
		char currency[CURRENCY_MAX];
	} upcoming;
	bool has_schedule; /* another price comes by itself */
	struct details_schedule {
		int64_t at;
		char tier[NAME_MAX_BYTES + 1], price[STRIPE_ID_MAX];
	} schedule;
};

/* Tells two states of a subject apart by what query says of it: tier, status, reason, seats, dates, and what is to
 * come. The store's own version would not do, since any subject's event moves it. */
uint64_t details_mark(const struct tg_profile *p);

/* Any thread, and never waits for more than the lock. `want`: fetch it when it is not fresh. *ret_d is always filled
 * in. now_ms: of the monotonic clock, as for shop_run. */
enum details_state details_look(struct details_cache *c, const char *subject, uint64_t mark, int64_t now_ms, bool want,
				struct details *ret_d);

/* The loop's thread: `then` runs once what is known of the subject is fresh for that mark, or could not be had; look
 * again in it. It never runs before this returns. False: too many wait, or it is fresh already: look now. `owner`
 * (the ask) names the wait. */
bool details_await(struct details_cache *c, const char *subject, uint64_t mark, int64_t now_ms, void *owner,
		   void (*then)(void *owner));
/* The owner's waits are over: nothing runs for it any more. The loop's thread. */
void details_forget(struct details_cache *c, const void *owner);
/* What was fetched before now is stale: something was changed. Any thread. */
void details_expire(struct details_cache *c, const char *subject);

/* The subject was sent to where it may change what no answer of query's tells, its card for one: what is known of it is
 * not trusted for long in a while to come. Any thread. */
void details_unsettle(struct details_cache *c, const char *subject, int64_t now_ms);

/* {as_of, subscription, payment_method, open_invoice, upcoming, schedule} as the API shows it; NULL without memory. For
 * fresh and stale ones. */
json_t *details_json(const struct details *d);

struct details_counts {
	uint64_t subjects, fetches, failures, evicted, refused; /* refused: not wanted, because the queue was full */
	bool circuit_open;
};
void details_counts(struct details_cache *c, struct details_counts *ret_counts);

#endif
