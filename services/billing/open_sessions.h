/* Checkout sessions that are open beside the newest: two that are both paid would make two subscriptions. So once one
 * is made, the customer's others are expired, and whoever pays in an old tab is told by Stripe that it is over.
 *
 * In the background: nobody waits for it, and what fails is logged. One round for a subject at a time; who asks
 * meanwhile gets one more after it. A round lists what is open and keeps the newest, so any number of processes that do
 * the same at once keep the same one. Only sessions that billing made are touched: of mode subscription, with the
 * subject in client_reference_id, where it fits, and in the metadata.
 *
 * https://docs.stripe.com/api/checkout/sessions/expire
 */
#ifndef BILLING_OPEN_SESSIONS_H
#define BILLING_OPEN_SESSIONS_H

#include "shop.h"

#define OPEN_SESSIONS_ROUNDS_MAX 256 /* subjects at a time; further ones are left to their next checkout */

enum open_sessions_keep {
	KEEP_NEWEST,
	KEEP_NONE, /* the subject pays already */
};

/* The loop's thread. */
void open_sessions_expire(struct shop *s, const char *subject, const char *customer, enum open_sessions_keep keep);

#endif
