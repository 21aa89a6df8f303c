/* An observation: what one journal record says about one object of Stripe's. */
#ifndef DOMAIN_OBSERVATION_H
#define DOMAIN_OBSERVATION_H

#include "domain/subscription.h"

/* Whose object it is. Live and test objects never mix, nor do Connect accounts. */
struct scope {
	bool livemode;
	struct view account; /* acct_…; empty: the platform's own */
};

/* Order within one second of event.created: a deletion is after all else, a creation before. */
enum rank {
	RANK_CREATED = 0,
	RANK_UPDATED = 1, /* and API snapshots: they say what was true in their second, not where in it */
	RANK_DELETED = 2,
};

struct stamp {
	int64_t created; /* the event's second, or the second of an API answer */
	enum rank rank;
	struct view event; /* evt_…: names the cause in `explain`, and breaks ties */
};

enum observation_kind {
	OBSERVE_NOTHING, /* an event type that this program does not use */
	OBSERVE_SUBSCRIPTION,
	OBSERVE_CUSTOMER,
	OBSERVE_CHECKOUT,
	OBSERVE_INVOICE,
};

struct subscription_observation {
	struct subscription now;
	uint64_t post;  /* subscription_digest(now) */
	uint64_t pre;   /* the digest before this event, from previous_attributes */
	bool has_pre;   /* false: the event does not say what was before */
	bool new_claim; /* this event made the claim in now.subject; a mere repetition of it does not rebind */
};

struct customer_observation {
	struct view id;
	struct view subject; /* metadata's claim; empty: none */
	bool deleted;
	bool new_claim; /* as above */
};

/* A completed checkout session binds its customer; it never grants by itself. */
struct checkout_observation {
	struct view id;
	struct view customer;     /* empty: nothing to bind */
	struct view subscription; /* empty in payment and setup mode */
	struct view subject;      /* client_reference_id, or metadata's claim */
	bool paid;                /* payment_status is not "unpaid" */
};

struct observation {
	enum observation_kind kind;
	struct scope scope;
	struct stamp stamp;
	union {
		struct subscription_observation subscription;
		struct customer_observation customer;
		struct checkout_observation checkout;
		struct invoice invoice;
	} of;
};

/* A claim that takes effect: not empty, at most SUBJECT_MAX bytes, and not some other customer's
 * "cus_…": those name Stripe customers, and a payment link lets its visitor choose the reference. */
bool claim_valid(struct view subject, struct view customer);

#endif
