/* Random lives as Stripe tells them: what is true at each moment, and the observations that say so.
 *
 * A life has one or two customers and one or two subscriptions of one subject, with their invoices, payments, refunds,
 * disputes and schedules, and what operators granted. Each step changes the truth as
 * Stripe's state machine allows and emits the events that Stripe would send, with digests before and after
 * as a decoder finds them in previous_attributes. Several steps may fall into one second. Event ids are random, so
 * that their order says nothing. */
#ifndef PROPERTY_LIFE_H
#define PROPERTY_LIFE_H

#include "domain/entitlement.h"
#include "lives/law.h"

#define LIFE_EVENTS_MAX 96
#define LIFE_SUBS_MAX 2
#define LIFE_CUSTOMERS_MAX 2
#define LIFE_INVOICES_MAX 48
#define LIFE_SCHEDULES_MAX 4
#define LIFE_OVERRIDES_MAX 3
#define LIFE_REFUNDS_MAX 3 /* of one payment */

struct life_event {
	struct observation o;
	char id[24];
	const char *what;
	bool has_before;
	struct subscription before; /* of an updated subscription: what previous_attributes is made from */
	struct view claimed_before; /* of an updated customer: its metadata's claim before */
};

struct life_sub {
	bool exists;
	struct subscription is;
	int64_t unpaid_since; /* 0: not past_due */
	int64_t unpaid_from;  /* when its payment failed */
	int64_t good_at;      /* when it was last said to be active or trialing */
	unsigned unpaid_periods;
};

struct life_customer {
	bool exists;
	bool deleted;
	struct view id;
	struct view subject;  /* who was bound last; empty: nobody */
	bool cleared;         /* what was bound last was taken out again */
	struct view metadata; /* the customer's own claim */
	int64_t bound_at;
	bool bound_twice; /* two subjects in one second: either is right */
};

/* The payment of the invoice with the same number. */
struct life_payment {
	bool exists;
	int64_t amount;
	int64_t refunded; /* by the charge's own account */
	unsigned refund_count;
	struct reversal refunds[LIFE_REFUNDS_MAX];
	enum reversal_state dispute; /* REVERSAL_NONE: there was none */
};

struct life_override {
	struct override_observation given; /* id is empty: it was not made yet */
	bool revoked;
};

struct life {
	unsigned count;
	struct life_event events[LIFE_EVENTS_MAX];
	int64_t now;
	struct life_sub subs[LIFE_SUBS_MAX];
	struct life_customer customers[LIFE_CUSTOMERS_MAX];
	unsigned invoice_count;
	enum invoice_status invoices[LIFE_INVOICES_MAX];
	struct life_payment payments[LIFE_INVOICES_MAX];
	unsigned schedule_count;
	struct schedule schedules[LIFE_SCHEDULES_MAX];
	struct life_override overrides[LIFE_OVERRIDES_MAX];
};

struct life_shape {
	unsigned events; /* and up to two more: a step emits up to three */
	unsigned same_second_percent;
	unsigned subs;
	unsigned customers;
	bool silent; /* some updates come without previous_attributes, and API snapshots are among them */
};

/* The life's views point into it and into constants. */
void life_make(struct life *life, struct random *random, const struct life_shape *shape);
/* "life_sub i", "life_customer i", "life_invoice i" by id; -1 when it is none of this life's. */
int life_sub_index(struct view id);
int life_customer_index(struct view id);
int life_invoice_index(struct view id);
int life_payment_index(struct view id);
int life_schedule_index(struct view id);
int life_override_index(struct view id);
struct view life_invoice_id(unsigned i);
struct view life_payment_id(unsigned i);

/* The story in the order given, one line an event; for messages. */
void life_print(struct text *t, const struct life *life, const unsigned *order, unsigned count);

/* A fold as plain as can be: registers in arrays. */
struct world {
	bool sub_known[LIFE_SUBS_MAX], customer_known[LIFE_CUSTOMERS_MAX];
	struct sub_register subs[LIFE_SUBS_MAX];
	struct customer_register customers[LIFE_CUSTOMERS_MAX];
	struct invoice_register invoices[LIFE_INVOICES_MAX];
	bool payment_known[LIFE_INVOICES_MAX];
	struct payment_register payments[LIFE_INVOICES_MAX];
	struct schedule_register schedules[LIFE_SCHEDULES_MAX];
	struct override_register overrides[LIFE_OVERRIDES_MAX];
};

void world_apply(struct world *w, const struct observation *o);
void world_join(struct world *into, const struct world *other);
void world_print(struct text *t, const struct world *w);

/* What a subject's row should hold of one subscription that is known, and of one override: false when nothing. */
void world_grant(const struct world *w, unsigned sub, struct grant *ret_g);
bool world_override(const struct world *w, unsigned override, struct view subject, struct override *ret_o);
void print_grant(struct text *t, const struct grant *g);
void print_granted_override(struct text *t, const struct override *o);
/* The answer from all that is the subject's. */
struct entitlement world_entitlement(const struct world *w, const struct catalog *catalog, int64_t now,
				     struct view subject);

#endif
