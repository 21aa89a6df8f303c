/* A Stripe subscription and an invoice, as far as they matter for access.
 *
 * Values of one observation: what one event (or one API snapshot) said. Every
 * payload shape that Stripe has used gives the same value (proto/stripe_decode.h).
 * All views point into memory of whoever decoded the value. Times are seconds
 * since the epoch, UTC; 0 means that Stripe said null or nothing.
 */
#ifndef DOMAIN_SUBSCRIPTION_H
#define DOMAIN_SUBSCRIPTION_H

#include "base/limits.h"
#include "base/view.h"

/* https://docs.stripe.com/api/subscriptions/object#subscription_object-status
 * symbol, Stripe's name, is it final */
#define SUB_STATUS_TABLE(X)                                                                                            \
	X(SUB_NONE, "none", false)                                                                                     \
	X(SUB_INCOMPLETE, "incomplete", false)                                                                         \
	X(SUB_INCOMPLETE_EXPIRED, "incomplete_expired", true)                                                          \
	X(SUB_TRIALING, "trialing", false)                                                                             \
	X(SUB_ACTIVE, "active", false)                                                                                 \
	X(SUB_PAST_DUE, "past_due", false)                                                                             \
	X(SUB_UNPAID, "unpaid", false)                                                                                 \
	X(SUB_PAUSED, "paused", false)                                                                                 \
	X(SUB_CANCELED, "canceled", true)

/* The numbers are part of the store's format: append only. */
enum sub_status {
#define X(symbol, name, final) symbol,
	SUB_STATUS_TABLE(X)
#undef X
		SUB_STATUS_COUNT
};

const char *sub_status_name(enum sub_status s);
/* SUB_NONE is nobody's status: it is not parsed. False for a status this program does not know. */
bool sub_status_parse(struct view name, enum sub_status *ret_status);
/* canceled and incomplete_expired: Stripe never leaves them, so they stick to the id. */
bool sub_status_final(enum sub_status s);

/* One item: what is paid for. At least one of the three names is not empty. */
struct item {
	struct view price;      /* price_… or a legacy plan id */
	struct view product;    /* prod_… */
	struct view lookup_key; /* the price's, may be empty */
	uint64_t quantity;      /* 1 when Stripe said null (metered prices) */
};

/* Items sorted by (price, product, lookup_key, quantity), so that a set has one form. */
struct item_set {
	unsigned count; /* 0 to ITEMS_MAX */
	struct item items[ITEMS_MAX];
};

void item_set_sort(struct item_set *set);
/* The order and equality of what is sold: quantities do not count. <0, 0, >0. */
int item_set_cmp(const struct item_set *a, const struct item_set *b);

struct subscription {
	struct view id;
	struct view customer;
	struct view subject;        /* metadata's claim to a subject; empty: none */
	struct view latest_invoice; /* in_…, may be empty */
	struct view schedule;       /* sub_sched_…, may be empty */
	enum sub_status status;
	int64_t created;
	int64_t period_start; /* the earliest start and the earliest end of any item: since 2025-03-31.basil */
	int64_t period_end;   /* each item has its own */
	int64_t trial_end;
	int64_t cancel_at;
	int64_t canceled_at;
	int64_t ended_at;
	bool cancel_at_period_end;
	bool collection_paused; /* pause_collection is set */
	struct item_set items;
};

/* A digest of every field above: equal values have equal digests. */
uint64_t subscription_digest(const struct subscription *s);

/* The numbers are part of the store's format, and their order is the life of an invoice:
 * it only ever moves forward (uncollectible may still be paid or voided). */
#define INVOICE_STATUS_TABLE(X)                                                                                        \
	X(INVOICE_NONE, "none")                                                                                        \
	X(INVOICE_DRAFT, "draft")                                                                                      \
	X(INVOICE_OPEN, "open")                                                                                        \
	X(INVOICE_UNCOLLECTIBLE, "uncollectible")                                                                      \
	X(INVOICE_VOID, "void")                                                                                        \
	X(INVOICE_PAID, "paid")

enum invoice_status {
#define X(symbol, name) symbol,
	INVOICE_STATUS_TABLE(X)
#undef X
		INVOICE_STATUS_COUNT
};

const char *invoice_status_name(enum invoice_status s);
bool invoice_status_parse(struct view name, enum invoice_status *ret_status);

struct invoice {
	struct view id;
	struct view customer;
	struct view subscription; /* empty: not a subscription's */
	struct view currency;     /* ISO 4217, lower case, as Stripe writes it */
	enum invoice_status status;
	int64_t amount_due; /* in the currency's minor unit, as Stripe counts it */
	int64_t amount_remaining;
	int64_t attempt_count;
	int64_t next_payment_attempt;
	int64_t period_start; /* of the first subscription line: the invoice's own period_end is not the service's */
	int64_t period_end;
	struct view payment; /* the payment intent (or charge) that paid it, where the invoice shows it; may be empty */
};

/* https://docs.stripe.com/api/subscription_schedules/object#subscription_schedule_object-status
 * The numbers are part of the store's format, and their order decides within a second. */
#define SCHEDULE_STATUS_TABLE(X)                                                                                       \
	X(SCHEDULE_NONE, "none")                                                                                       \
	X(SCHEDULE_NOT_STARTED, "not_started")                                                                         \
	X(SCHEDULE_ACTIVE, "active")                                                                                   \
	X(SCHEDULE_COMPLETED, "completed")                                                                             \
	X(SCHEDULE_RELEASED, "released")                                                                               \
	X(SCHEDULE_CANCELED, "canceled")

enum schedule_status {
#define X(symbol, name) symbol,
	SCHEDULE_STATUS_TABLE(X)
#undef X
		SCHEDULE_STATUS_COUNT
};

const char *schedule_status_name(enum schedule_status s);
bool schedule_status_parse(struct view name, enum schedule_status *ret_status);

#define SCHEDULE_PHASES_MAX 10 /* Stripe's limit */

struct schedule_phase {
	int64_t start;
	int64_t end;
	struct item_set items; /* products and lookup keys are empty unless the price was expanded */
};

struct schedule {
	struct view id;
	struct view customer;
	struct view subscription; /* empty before it starts, and when it was released */
	enum schedule_status status;
	bool ends_subscription; /* end_behavior is cancel: the subscription ends with the last phase */
	unsigned phase_count;
	struct schedule_phase phases[SCHEDULE_PHASES_MAX]; /* in order of start */
};

/* As subscription_digest. */
uint64_t schedule_digest(const struct schedule *s);

#endif
