/* The state: registers that any order of observations fills alike.
 *
 * Every register is a join semilattice: join(a, b) is commutative, associative and
 * idempotent, so records may arrive in any order, twice, and in any batches, and the
 * bytes are the same. Nothing in a register depends on the clock or the catalog.
 *
 * A register's arrays are kept in the canonical order stated beside them. Views point into
 * whatever the joined values pointed into; the caller keeps that alive, and encodes the
 * result (proto/state.h) before it lets go.
 */
#ifndef DOMAIN_REGISTERS_H
#define DOMAIN_REGISTERS_H

#include "domain/observation.h"

/* ---- subscription --------------------------------------------------------- */

#define SUB_LATEST_MAX 8 /* observations kept of one second; more than Stripe was seen to send */
#define SUB_PRICES_MAX 4 /* distinct price sets remembered */
#define SUB_UNPAID_MAX 8 /* distinct unpaid periods remembered */

struct sub_seen {
	struct stamp stamp;
	uint64_t pre, post;
	bool has_pre;
	struct subscription sub;
};

struct price_set_seen {
	int64_t seen;        /* the last second in which the subscription was seen with these */
	struct item_set set; /* quantities are 0 here: a set is what is sold, not how much of it */
};

struct unpaid_seen {
	int64_t period_start;
	int64_t seen; /* the last second in which it was seen past_due in that period */
};

struct sub_register {
	/* A deletion counts as canceled here and below, whatever status its object shows.
	 * The observations of the greatest second, distinct by (rank, has_pre, pre, post), of which
	 * the greatest event id stands for its like; greatest first by (rank, post, has_pre, pre). */
	unsigned latest_count;
	struct sub_seen latest[SUB_LATEST_MAX];
	/* The earliest observation of a final status, by (second, event id). */
	bool has_ended;
	struct sub_seen ended;
	/* The newest first by (seen, item_set_cmp). */
	unsigned price_count;
	struct price_set_seen prices[SUB_PRICES_MAX];
	/* The newest first by (seen, period_start). */
	unsigned unpaid_count;
	struct unpaid_seen unpaid[SUB_UNPAID_MAX];
	/* The last second in which it was seen active or trialing; 0: never. */
	int64_t good;
};

/* A register that saw just this. */
void sub_register_observe(struct sub_register *r, const struct stamp *stamp, const struct subscription_observation *o);
/* into := into ∪ other. */
void sub_register_join(struct sub_register *into, const struct sub_register *other);

struct sub_value {
	const struct sub_seen *seen; /* points into the register */
	/* The second's order could not be known: more than one observation may be the last. */
	bool unconfirmed;
	/* Where the unpaid time began, when the status is past_due (else 0): the start of the earliest period
	 * that was still seen past_due after the last good moment; or that moment itself, when it is later
	 * or when there are SUB_UNPAID_MAX such periods or more. Renewals while past_due do not move it. */
	int64_t unpaid_since;
};

/* The value of the register, a pure function of it. The register is not empty.
 *
 * An ended subscription stays ended. Else the last observation of the greatest second counts: the
 * highest rank, and within it the one state that no other observation departed from
 * (`pre` of the next is `post` of the one before). When that leaves none or several, the
 * greatest by (period_end, post) is taken and the value is unconfirmed; so it is when the second holds more than
 * is kept, or a departed state that was seen without its `pre`: that may have been a return. */
struct sub_value sub_register_value(const struct sub_register *r);

/* ---- customer: who the subject is, and whether the customer is gone --------- */

#define CLAIMS_MAX 4

struct claim {
	struct view subject; /* empty: a claim was taken out of the metadata */
	bool is_new;         /* see new_claim in observation.h: a new claim beats a repeated one, whenever */
	bool own;            /* made in the customer's own metadata, not by a checkout or a subscription */
	int64_t seen;
	struct view event;
};

/* A product of three joins: a map from subject to its strongest claim, of which the strongest are kept (as the price
 * sets above); the last sight of the metadata; and the first deletion. */
struct customer_register {
	/* Distinct by subject, each with its greatest (is_new, seen, event, own); the greatest first by
	 * these and subject. */
	unsigned claim_count;
	struct claim claims[CLAIMS_MAX];
	/* What the customer's own metadata claimed when it was last seen (empty: nothing): the greatest by (second,
	 * subject). */
	bool has_standing;
	struct view standing;
	int64_t standing_at;
	/* The earliest deletion, by (second, event id). */
	bool deleted;
	int64_t deleted_at;
	struct view deleted_event;
};

/* standing: this is what the customer's own metadata says; then the subject may be empty, for none. Taking a claim
 * out of the metadata is a new claim to the empty subject; an empty one that is not new says only what stands. */
void customer_register_claim(struct customer_register *r, struct view subject, bool is_new, bool standing,
			     const struct stamp *stamp);
void customer_register_delete(struct customer_register *r, const struct stamp *stamp);
void customer_register_join(struct customer_register *into, const struct customer_register *other);
/* The subject that the customer pays for: that of the first claim, or the customer itself, when that is empty or there
 * is none.
 *
 * But when the metadata was seen with another subject in a later second than the first claim's, an event that changed
 * it is not known (yet), and what stands there is taken instead: if the first claim was made in the metadata too
 * (surely so), or if what stands there is a subject that nobody was ever seen to claim anew. An API snapshot so binds a
 * customer whose event was lost. */
struct view customer_register_subject(const struct customer_register *r, struct view customer);
/* The second in which that was said; 0: nobody claims it. */
int64_t customer_register_bound_at(const struct customer_register *r);

/* ---- invoice -------------------------------------------------------------- */

/* The greatest by (status, second, attempt_count, event id, the rest): an invoice only moves forward. But the payment,
 * which newer shapes leave out, is the greatest that any observation named: it is made once. */
struct invoice_register {
	bool known;
	struct stamp stamp;
	struct invoice invoice;
};

void invoice_register_observe(struct invoice_register *r, const struct stamp *stamp, const struct invoice *i);
void invoice_register_join(struct invoice_register *into, const struct invoice_register *other);

/* ---- subscription schedule ---------------------------------------------------- */

/* The greatest by (second, status, rank, digest of the schedule, event id): a schedule's status only moves forward. A
 * join as any maximum of a total order is; `unconfirmed` goes with the greatest (second, status, rank), and is
 * the union over those who have it. */
struct schedule_register {
	bool known;
	bool unconfirmed; /* its second held another state with that status and rank: which was last is not known */
	struct stamp stamp;
	struct schedule schedule;
};

void schedule_register_observe(struct schedule_register *r, const struct stamp *stamp, const struct schedule *s);
void schedule_register_join(struct schedule_register *into, const struct schedule_register *other);

/* ---- payment ------------------------------------------------------------------ */

/* A product of maxima and, for the reversals, a map from id to its greatest observation, of which those with the
 * greatest places are kept. */

struct reversal_seen {
	struct reversal reversal;
	int64_t seen;
	struct view event;
};

struct payment_register {
	/* An invoice payment is made once and its amounts do not change: the greatest of each by value. */
	struct view invoice;
	struct view customer;
	int64_t amount;
	/* The charge's own account, the greatest by (second, refunded, event). */
	bool has_charge;
	int64_t charge_seen;
	int64_t refunded;
	struct view charge_event;
	/* Distinct by id, each with its greatest (is it a dispute, second, state, amount, event); those with the
	 * greatest (is it a dispute, second, id), greatest first. More refunds than are kept push out refunds, never a
	 * dispute; the charge's account then tells whether all was refunded. */
	unsigned reversal_count;
	struct reversal_seen reversals[REVERSALS_MAX];
};

void payment_register_observe(struct payment_register *r, const struct stamp *stamp,
			      const struct payment_observation *o);
void payment_register_join(struct payment_register *into, const struct payment_register *other);

/* A pure function of the register. */
struct payment_value {
	bool disputed;     /* a dispute is open; inquiries are none */
	bool dispute_lost; /* one is lost: the whole payment went back */
	/* All of it was refunded: by the sum of refunds that did not fail, or by the charge's account less those that
	 * failed after it. False while the amount is unknown. */
	bool refunded;
	bool reversed;     /* anything at all went back or is disputed: worth a link to its invoice */
	bool unmeasured;   /* something was refunded, and of how much is not known: worth the same question */
	struct view event; /* the record that decided: of an open dispute, else a lost one, else of the refund */
};

struct payment_value payment_register_value(const struct payment_register *r);

/* ---- override ------------------------------------------------------------------ */

/* A grant and a revocation under one id may come in any order; a revocation is for good. A maximum and a minimum, each
 * of a total order over all that is kept. */
struct override_register {
	bool granted; /* the greatest by (second, event, and the rest) of what was said under the id */
	struct stamp stamp;
	struct override_observation given;
	bool revoked;        /* the earliest by (second, event) */
	struct view subject; /* of the revocation: known even when the grant is not yet */
	struct stamp revoked_stamp;
	struct view revoked_why;
	struct view revoked_by;
};

void override_register_observe(struct override_register *r, const struct stamp *stamp,
			       const struct override_observation *o);
void override_register_join(struct override_register *into, const struct override_register *other);

#endif
