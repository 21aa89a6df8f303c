/* What a page shows of a subscription: one state, of all that is known. Pure. */
#ifndef BILLING_STATE_H
#define BILLING_STATE_H

#include "base/attr.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* symbol, name */
#define BILLING_STATE_TABLE(X)                                                                                         \
	X(STATE_FREE, "free") /* never had anything, or never paid for it */                                           \
	X(STATE_TRIALING, "trialing")                                                                                  \
	X(STATE_ACTIVE, "active")                                                                                      \
	X(STATE_PAST_DUE, "past_due")     /* a payment failed, within the grace or after it */                         \
	X(STATE_INCOMPLETE, "incomplete") /* the first payment was not made yet: the bank must confirm */              \
	X(STATE_CANCELING, "canceling")   /* it ends at a date, and can be resumed */                                  \
	X(STATE_CANCELED, "canceled")     /* it has ended */                                                           \
	X(STATE_UNPAID, "unpaid")         /* Stripe gave up collecting */                                              \
	X(STATE_PAUSED, "paused")                                                                                      \
	X(STATE_DOWNGRADE, "downgrade_scheduled") /* a lower tier, but not the lowest, comes at a date */              \
	X(STATE_DISPUTED, "disputed")                                                                                  \
	X(STATE_REFUNDED, "refunded")                                                                                  \
	X(STATE_GRANTED, "granted") /* by an operator, without a payment */

enum billing_state {
#define X(symbol, name) symbol,
	BILLING_STATE_TABLE(X)
#undef X
		BILLING_STATE_COUNT
};

const char *billing_state_name(enum billing_state s);

#define STATE_STEPS_MAX 8

struct state_facts {
	const char *status, *reason; /* as query says them (PROTOCOL.md 2.3) */
	int rank;                    /* of the tier: 0 is the lowest; -1: the catalog does not know it */
	int64_t now;
	size_t step_count; /* what is to come by itself */
	struct state_step {
		int64_t at;
		int rank;
		const char *reason;
	} steps[STATE_STEPS_MAX];
	/* What Stripe says, when that is newer than what query has; 0: nothing of the kind. */
	int64_t cancel_at;
	int64_t schedule_at;
	int schedule_rank; /* -1: not known */
};

enum billing_state billing_state_of(const struct state_facts *f);

#endif
