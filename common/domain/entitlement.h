/* entitlement_at: what a subject may use at a moment.
 *
 * Nothing stores a tier. It is computed when it is read, from all of the subject's
 * subscriptions, the catalog and a clock that the caller passes in, so grace and scheduled
 * cancellation take effect with no event, and a new catalog applies at once.
 *
 *     struct entitlement e;
 *     entitlement_begin(&e, catalog, now);
 *     for each grant of the subject's row: entitlement_add(&e, &grant);
 *     for each override of it: entitlement_add_override(&e, &override);
 *     entitlement_end(&e);
 *
 * Their order does not matter. Between two moments that `changes_at` names, one after the other, the answer is
 * constant: whoever tells others what time changes rests on that (it is a law in tests/property).
 */
#ifndef DOMAIN_ENTITLEMENT_H
#define DOMAIN_ENTITLEMENT_H

#include "domain/catalog.h"
#include "domain/registers.h"

#define GRANT_PHASES_MAX 4 /* of a schedule, those that are to come */

struct grant_phase {
	int64_t start;
	struct item_set items;
};

/* One subscription as a subject's row keeps it (proto/state.h): all that the rules need. */
struct grant {
	struct view subscription;
	struct view event; /* the event that decided its status */
	enum sub_status status;
	bool cancel_at_period_end;
	bool collection_paused;
	bool unconfirmed;
	bool invoice_paid;     /* its latest_invoice is known to be paid */
	bool customer_deleted; /* which cancels at once */
	int64_t created;       /* the subscription's own */
	int64_t seen;          /* the second of the deciding event */
	int64_t period_start;
	int64_t period_end;
	int64_t trial_end;
	int64_t cancel_at;
	int64_t ended_at;
	int64_t unpaid_since;
	struct item_set items; /* now, with quantities */
	/* Earlier price sets, the newest first, for when the catalog does not know `items`. */
	unsigned earlier_count;
	struct price_set_seen earlier[SUB_PRICES_MAX];
	/* What its payments say, from all of them that are known to be this subscription's. */
	bool disputed;              /* a dispute is open */
	int64_t refunded_until;     /* what was paid until then was refunded in full; 0: nothing was */
	int64_t dispute_lost_until; /* or taken back by a lost dispute */
	struct view reversal_event; /* the event that decided these; empty: none */
	/* Its schedule: phases that start after `seen`, each later than the one before; each replaces the items when it
	 * starts. */
	unsigned phase_count;
	struct grant_phase phases[GRANT_PHASES_MAX];
	int64_t schedule_ends; /* the subscription ends with its schedule then; 0: it does not */
};

/* Fills in what the subscription itself says: all up to `earlier`, but invoice_paid and customer_deleted, which others
 * say. Views point into the register. */
void grant_set_subscription(struct grant *g, const struct sub_register *r);
/* Fills in what one payment of the subscription says, in any order of payments: begin with the fields from `disputed`
 * to `reversal_event` at 0, and with the subscription filled in. period_end: of the service that its invoice paid; 0:
 * unknown, and the subscription's own stands for it. */
void grant_add_payment(struct grant *g, const struct payment_value *v, int64_t period_end);
/* Fills in phases and schedule_ends from the subscription's schedule, as far as they are after `seen`, or none (NULL,
 * or one that is not active). The first GRANT_PHASES_MAX to come are kept. `seen`, `items` and `earlier` are filled in
 * before: a phase's price takes its product and lookup key from there, when the schedule does not say them. */
void grant_set_schedule(struct grant *g, const struct schedule *s);

/* The date that ends it with no further event: of a scheduled cancellation, or of its schedule's end; 0: none. */
int64_t grant_cancel_date(const struct grant *g, const struct policies *p);

/* An override as a subject's row keeps it: granted and not revoked. */
struct override {
	struct view id;
	struct view tier;
	int64_t from;
	int64_t until; /* 0: until revoked */
	struct view event;
	int64_t seen;
};

/* Why; a part of the protocol, and by number of the store's format: append only. symbol, name */
#define REASON_TABLE(X)                                                                                                \
	X(REASON_UNKNOWN_SUBJECT, "unknown_subject")                                                                   \
	X(REASON_NO_SUBSCRIPTION, "no_subscription")                                                                   \
	X(REASON_ACTIVE, "active")                                                                                     \
	X(REASON_TRIALING, "trialing")                                                                                 \
	X(REASON_GRACE, "grace")                                                                                       \
	X(REASON_CANCELING, "canceling")                                                                               \
	X(REASON_OVERRIDE, "override")                                                                                 \
	X(REASON_TIER_TOO_LOW, "tier_too_low")                                                                         \
	X(REASON_FEATURE_NOT_IN_TIER, "feature_not_in_tier")                                                           \
	X(REASON_PAST_DUE, "past_due")                                                                                 \
	X(REASON_INCOMPLETE, "incomplete")                                                                             \
	X(REASON_UNPAID, "unpaid")                                                                                     \
	X(REASON_PAUSED, "paused")                                                                                     \
	X(REASON_DISPUTED, "disputed")                                                                                 \
	X(REASON_REFUNDED, "refunded")

enum reason {
#define X(symbol, name) symbol,
	REASON_TABLE(X)
#undef X
		REASON_COUNT
};

const char *reason_name(enum reason r);

/* The rule of the status table that decided, for `explain`. The numbers are part of the store's format (the log of
 * changes): append only. symbol, sentence */
#define RULE_TABLE(X)                                                                                                  \
	X(RULE_NONE, "no subscription grants anything: the lowest tier")                                               \
	X(RULE_ACTIVE, "an active subscription grants until told otherwise")                                           \
	X(RULE_TRIALING, "a trial grants until told otherwise")                                                        \
	X(RULE_CANCELING, "a scheduled cancellation grants until its date")                                            \
	X(RULE_CANCEL_REACHED, "the date of a scheduled cancellation has passed")                                      \
	X(RULE_PAST_DUE_GRACE, "past_due grants for past_due_grace from the start of the unpaid period")               \
	X(RULE_PAST_DUE_OVER, "past_due, and past_due_grace is over")                                                  \
	X(RULE_INVOICE_PAID, "its latest invoice is paid, which settles it although no update has said so yet")        \
	X(RULE_COLLECTION_PAUSED, "collection is paused, and the policy says that this grants nothing")                \
	X(RULE_LAPSED, "its period ended, renewal_grace is over, and the policy is lapse_unrenewed")                   \
	X(RULE_INCOMPLETE, "the first payment is not made yet")                                                        \
	X(RULE_UNPAID, "unpaid: Stripe gave up collecting")                                                            \
	X(RULE_PAUSED, "paused")                                                                                       \
	X(RULE_ENDED, "ended")                                                                                         \
	X(RULE_CUSTOMER_DELETED, "the customer was deleted, which cancels at once")                                    \
	X(RULE_UNMAPPED, "its price is in no tier of the catalog, and no earlier one was")                             \
	X(RULE_SCHEDULED, "a phase of its schedule has begun and says what it sells now")                              \
	X(RULE_DISPUTED, "a dispute about a payment of it is open, and the policy is to hold")                         \
	X(RULE_DISPUTE_LOST, "a lost dispute took back what paid for this period")                                     \
	X(RULE_REFUNDED, "what paid for this period was refunded in full")                                             \
	X(RULE_OVERRIDE, "an operator granted it")                                                                     \
	X(RULE_OVERRIDE_WAITING, "an operator granted it from a later moment on")                                      \
	X(RULE_OVERRIDE_OVER, "an operator granted it until a moment that has passed")                                 \
	X(RULE_OVERRIDE_UNKNOWN, "an operator granted a tier that the catalog does not have")

enum rule {
#define X(symbol, sentence) symbol,
	RULE_TABLE(X)
#undef X
		RULE_COUNT
};

const char *rule_sentence(enum rule r);

/* What one subscription gives at a moment. An active subscription whose prices the catalog has never
 * known grants the lowest tier: it says `active` and `unmapped`, not that there is no subscription. */
struct verdict {
	bool grants;
	bool stale;    /* the period ended longer than renewal_grace ago and no renewal was seen */
	bool unmapped; /* the current price set is in no tier; `tier` comes from an earlier one, if any */
	int tier;      /* what it gives, or would give if it granted; -1: nothing that the catalog knows */
	enum reason reason;
	enum rule rule;
	int64_t until;      /* it grants less than that tier then, with no further event; 0: not known to, or it grants
				nothing now */
	int64_t begins_at;  /* it may begin to grant another tier then; 0: none is known */
	int64_t changes_at; /* the next moment at which anything here may change by itself; 0: none */
	const struct item_set *items; /* what it sells now, in the grant: its items or a phase's; NULL: an override */
};

struct verdict grant_verdict(const struct grant *g, const struct catalog *c, int64_t now);

/* Nothing is granted before `from` or from `until` on. An override of a tier that the catalog does not know grants
 * nothing. */
struct verdict override_verdict(const struct override *o, const struct catalog *c, int64_t now);

struct entitlement {
	unsigned tier;
	enum reason reason; /* of the deciding subscription */
	enum rule rule;
	enum sub_status status;   /* of the deciding subscription; SUB_NONE when there is none */
	struct view subscription; /* the deciding one, or an override's id; it lives as long as the row */
	struct view event;        /* its deciding event */
	int64_t seen;             /* and that event's second */
	bool by_override;         /* what decides is an override */
	int64_t until;            /* when the tier ends with no further event; 0: not known to end */
	int64_t changes_at;       /* the next moment at which anything here may change by itself; 0: none */
	int64_t next_billing;     /* 0: none is to come */
	uint64_t seats; /* sum of the quantities of all granting subscriptions' mapped items; of all items when unmapped
			 */
	bool stale;
	bool unconfirmed;
	bool unmapped;
	/* The highest tier that a subscription would give if it were not blocked, and what blocks it;
	 * -1: none. It makes a denial say "past_due" rather than "tier_too_low". */
	int blocked_tier;
	enum reason blocked_reason;
	bool granted; /* a subscription or an override grants: `reason` and `rule` are its */
	/* Of each tier: does anything grant it, and until when at the longest (0: not known to end). When nothing
	 * grants any, the lowest is. A check for a tier or a feature ends when the last of those that would do does. */
	bool tier_granted[TIERS_MAX];
	int64_t tier_until[TIERS_MAX];
	int64_t begins_at; /* the next moment at which something may begin to grant another tier; 0: none is known */
	/* what it was made with */
	const struct catalog *catalog;
	int64_t now;
	bool known;
};

/* After begin and end with nothing between: an unknown subject, at the lowest tier. */
void entitlement_begin(struct entitlement *e, const struct catalog *c, int64_t now);
/* The subject is known, though it may have no subscription. */
void entitlement_known(struct entitlement *e);
void entitlement_add(struct entitlement *e, const struct grant *g);
/* It also makes the subject known. An override decides the answer when it gives more than any subscription does. */
void entitlement_add_override(struct entitlement *e, const struct override *o);
void entitlement_end(struct entitlement *e);

/* Do the tiers that are granted have it? They add up, where one does not inherit from another. After end. */
bool entitlement_has(const struct entitlement *e, unsigned feature);
/* Is this tier granted beside the entitlement's own, with a feature that that one lacks? After end. */
bool entitlement_adds(const struct entitlement *e, unsigned tier);

/* What a check asks: a tier at least, or a feature. Exactly one is >= 0. */
struct requirement {
	int tier;
	int feature;
};

struct decision {
	bool allowed;
	enum reason reason; /* why it is so: the entitlement's when allowed, what is missing when not */
	int need;           /* the lowest tier that would do, when not allowed; -1 when allowed or when none would */
	int64_t until;      /* when this answer may first change with no further event; 0: not known to */
};

struct decision entitlement_decide(const struct entitlement *e, struct requirement q);

#endif
