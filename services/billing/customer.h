/* The subject's customer at Stripe: found, or made, and never two of them.
 *
 * Query knows whom the subject's events named, the most recently bound first. Those that Stripe says are deleted are
 * passed over, and one with a subscription comes before one without. Where query knows none and one is wanted,
 *
 * - Stripe's search is asked for a customer with the subject in its metadata. Its index lags by a minute and more, but
 *   it remembers for ever: it finds one that was made more than a day ago and of which no event ever came. It knows no
 *   difference between "alice" and "Alice", so what it finds counts only when its metadata says the very subject. That
 *   it cannot be asked (it is not there for every account) stops nothing.
 * - one is created, under an Idempotency-Key that is a function of mode, metadata key and subject: within the day that
 *   Stripe keeps keys, any number of processes that ask get the same customer. The request says nothing but the
 *   subject, since another body under the same key would be refused; an e-mail address is added after.
 *
 * So the young are caught by the key and the old by the search. A key is used up when Stripe has kept an answer under
 * it that is of no use: 5xx, or a customer that was deleted since. Then a number in the key counts on, in every process
 * alike.
 *
 * All asks for one subject share one flight. What passes is tried again with backoff: 409 idempotency_key_in_use until
 * CUSTOMER_DEADLINE_MS, since somebody is making it; 429, 5xx and no answer a few times.
 *
 * When query cannot be asked, nobody is made: the subject may have a customer that only its events name.
 *
 * https://docs.stripe.com/api/idempotent_requests · https://docs.stripe.com/search#data-freshness
 */
#ifndef BILLING_CUSTOMER_H
#define BILLING_CUSTOMER_H

#include "visit.h"

#define CUSTOMER_DEADLINE_MS 9000 /* below an ask's own */
#define CUSTOMER_KEYS_MAX 8       /* how far the number in the key counts */
#define CUSTOMER_KEY_SIZE 96

struct found_customer {
	const char *id;        /* NULL: there is none */
	const char *currency;  /* in which it paid last; NULL: none, or it is new */
	json_t *subscriptions; /* that are not over, newest first, each with its items; NULL: none */
};

enum customer_wish { CUSTOMER_FIND, CUSTOMER_MAKE };

/* `then` is called later, with what lives during the call; or the ask is refused. */
void customer_of(struct visit *v, enum customer_wish wish,
		 void (*then)(struct visit *v, const struct found_customer *c));

/* The newest subscription that is paid for, is to be, or was paused: active, trialing, past_due, unpaid, paused. Not
 * one whose first payment never came. NULL: none. */
json_t *living_subscription(const json_t *subscriptions);

/* The key under which a subject's customer is made; n: how many were used up. */
void customer_key(bool livemode, const char *metadata_key, const char *subject, unsigned n,
		  char ret_key[CUSTOMER_KEY_SIZE]);
/* metadata['user_id']:'o\'neill', for Stripe's search. False: it does not fit. */
bool customer_query(const char *metadata_key, const char *subject, char *out, size_t size);

#endif
