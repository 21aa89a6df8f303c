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
	OBSERVE_SCHEDULE,
	OBSERVE_PAYMENT,
	OBSERVE_OVERRIDE,
	OBSERVE_MARK, /* not about an object: how far reconciling came */
};

/* What can be asked of Stripe's API. The numbers are part of the store's format: append only.
 * symbol, name, the API's path with the id in it */
#define FETCH_TABLE(X)                                                                                                 \
	X(FETCH_NOTHING, "nothing", "")                                                                                \
	X(FETCH_SUBSCRIPTION, "subscription", "/v1/subscriptions/{id}")                                                \
	X(FETCH_CUSTOMER, "customer", "/v1/customers/{id}")                                                            \
	X(FETCH_SUBSCRIPTIONS_OF, "subscriptions_of", "/v1/subscriptions?customer={id}&status=all")                    \
	X(FETCH_CHECKOUT, "checkout.session", "/v1/checkout/sessions/{id}")                                            \
	X(FETCH_INVOICE, "invoice", "/v1/invoices/{id}")                                                               \
	X(FETCH_SCHEDULE, "subscription_schedule", "/v1/subscription_schedules/{id}")                                  \
	X(FETCH_PAYMENTS_OF_INTENT, "payments_of_intent",                                                              \
	  "/v1/invoice_payments?payment[type]=payment_intent&payment[payment_intent]={id}")                            \
	X(FETCH_PAYMENTS_OF_CHARGE, "payments_of_charge",                                                              \
	  "/v1/invoice_payments?payment[type]=charge&payment[charge]={id}")                                            \
	X(FETCH_CHARGE, "charge", "/v1/charges/{id}")                                                                  \
	X(FETCH_REFUND, "refund", "/v1/refunds/{id}")                                                                  \
	X(FETCH_DISPUTE, "dispute", "/v1/disputes/{id}")                                                               \
	X(FETCH_INVOICE_PAYMENT, "invoice_payment", "/v1/invoice_payments/{id}")

enum fetch_kind {
#define X(symbol, name, path) symbol,
	FETCH_TABLE(X)
#undef X
		FETCH_COUNT
};

const char *fetch_name(enum fetch_kind k);
const char *fetch_path(enum fetch_kind k);
/* FETCH_NOTHING for a name this program does not know. */
enum fetch_kind fetch_parse(struct view name);

struct fetch {
	enum fetch_kind kind;
	struct view id;
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
	bool new_claim;  /* as above */
	bool claim_gone; /* this event took the claim out of the metadata: who it named is unbound by it */
};

/* A completed checkout session binds its customer; it never grants by itself. */
struct checkout_observation {
	struct view id;
	struct view customer;     /* empty: nothing to bind: a guest's, or not paid */
	struct view subscription; /* empty in payment and setup mode */
	struct view subject;      /* client_reference_id, or metadata's claim */
	bool paid;                /* payment_status is not "unpaid" */
	/* When the claim was made, where that is not the record's second: an API answer says when somebody looked, and
	 * a session that is looked at again, long after, must not take its customer back. So an answer's claim is as
	 * old as its session. 0: the record's second. */
	int64_t claimed;
};

/* What one record says about one payment: the invoice that it paid, and what went back.
 * A payment is known by its payment intent, or by its charge where there is none (before 2019, and some imports). */
#define REVERSALS_MAX 8 /* refunds and disputes of one payment that are told apart */

/* A refund's or a dispute's state. The numbers are part of the store's format, and their order decides within a second.
 * symbol, name, Stripe's own statuses */
#define REVERSAL_STATE_TABLE(X)                                                                                        \
	X(REVERSAL_NONE, "none")                                                                                       \
	X(REFUND_PENDING, "pending")     /* pending, requires_action: the money is on its way back */                  \
	X(REFUND_SUCCEEDED, "succeeded") /* succeeded */                                                               \
	X(REFUND_FAILED, "failed")       /* failed, canceled: the money stays */                                       \
	X(DISPUTE_INQUIRY, "inquiry")    /* warning_needs_response, warning_under_review: no money has moved */        \
	X(DISPUTE_OPEN, "open")          /* needs_response, under_review */                                            \
	X(DISPUTE_WON, "won")            /* won, warning_closed, prevented */                                          \
	X(DISPUTE_LOST, "lost")          /* lost */

enum reversal_state {
#define X(symbol, name) symbol,
	REVERSAL_STATE_TABLE(X)
#undef X
		REVERSAL_STATE_COUNT
};

const char *reversal_state_name(enum reversal_state s);
static inline bool reversal_is_refund(enum reversal_state s) { return s >= REFUND_PENDING && s <= REFUND_FAILED; }

struct reversal {
	struct view id; /* re_…, dp_… or du_… */
	enum reversal_state state;
	int64_t amount; /* minor units */
};

struct payment_observation {
	struct view id;       /* pi_…, or ch_… or py_… where there is no intent */
	struct view invoice;  /* the one it paid; empty: the record does not say */
	struct view customer; /* empty: the record does not say */
	int64_t amount;       /* what was paid, minor units; 0: the record does not say */
	bool has_charge;      /* the record shows the charge itself, and so */
	int64_t refunded;     /* the sum that went back, by the charge's own account */
	unsigned reversal_count;
	struct reversal reversals[REVERSALS_MAX];
};

/* An operator's gift, or its end (record kind RECORD_OVERRIDE). */
struct override_observation {
	struct view id; /* ovr_…, made by who grants; a revocation names it */
	struct view subject;
	bool revoked;     /* this record ends it; the fields below are empty */
	struct view tier; /* a name: the catalog may learn or forget it */
	int64_t from;     /* s; 0: always was */
	int64_t until;    /* s; 0: until revoked */
	struct view why;
	struct view by; /* who did it, as the operator's command knows it; may be empty */
};

#define OVERRIDE_WHY_MAX 300 /* bytes */
#define OVERRIDE_BY_MAX 80

/* A pass of the reconciler that is over (record kind RECORD_MARK): what it had seen, and what it found. */
struct reconcile_mark {
	int64_t events_to;  /* s: every event created before this was listed and is in the journal */
	int64_t swept_at;   /* s: when the last whole sweep began; 0: this pass was none */
	uint64_t listed;    /* events */
	uint64_t missed;    /* of them, that no webhook had brought */
	uint64_t swept;     /* objects */
	uint64_t differing; /* of them, that differed from the store */
};

/* Beside what it says, a record may show that something should be fetched: a thin event's object, a list with more
 * pages, a summary that is not to be relied on. */
#define OBSERVATION_FETCHES_MAX 2

struct observation {
	enum observation_kind kind;
	struct scope scope;
	struct stamp stamp;
	/* The record is Stripe's answer to a question (RECORD_SNAPSHOT), this one; it is settled by it. Also with
	 * OBSERVE_NOTHING: "there is no such object". */
	bool is_answer;
	struct fetch answered;
	unsigned fetch_count;
	struct fetch fetches[OBSERVATION_FETCHES_MAX];
	union {
		struct subscription_observation subscription;
		struct customer_observation customer;
		struct checkout_observation checkout;
		struct invoice invoice;
		struct schedule schedule;
		struct payment_observation payment;
		struct override_observation override;
		struct reconcile_mark mark;
	} of;
};

/* A claim that takes effect: not empty, at most SUBJECT_MAX bytes, and not some other customer's
 * "cus_…": those name Stripe customers, and a payment link lets its visitor choose the reference. */
bool claim_valid(struct view subject, struct view customer);

#endif
