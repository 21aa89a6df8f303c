/* The entitlement store: the fold of the journal, and what tier checks read.
 *
 * One LMDB environment, written by the worker alone.
 *   meta        epoch (u64, random; another when the store was put back from a copy) · version · schema · complete
 *   cursors     origin (u64 BE) → last applied sequence
 *   subs        state key → sub_register          customers  state key → customer_register
 *   invoices    state key → invoice_register      schedules  state key → schedule_register
 *   payments    state key → payment_register      overrides  state key → override_register   (rows as in proto/state.h)
 *   customer_subs     key pair (customer, subscription) → nothing
 *   subject_customers key pair (subject, customer)      → nothing
 *   invoice_payments  key pair (invoice, payment)       → nothing: it names that invoice, and it counts (below)
 *   sub_reversals     key pair (subscription, payment)  → nothing: its invoice names that subscription, and it counts
 *   subject_overrides key pair (subject, override)      → nothing
 *   subjects    state key of the subject → subject row
 *   gone        state key of a subject that has no row any more → version of its last change
 *   due         moment (s, u64 BE) · state key of the subject → nothing: when its answer may change by itself
 *   unmapped    state key of the price → what is known of it
 *   wants       what should be fetched (proto/state.h)
 *   marks       state key of the account ("" as "-") → the reconciler's last mark
 *   changes     version (u64 BE) → change
 *   quarantine  origin, seq → reason, detail, and the record itself
 *   counters    name → u64: event types seen and not used, conflicts, …
 *
 * The registers, the six indexes of pairs and the subjects' rows are the state: a function of the set of records
 * applied, whatever their order. The version numbers, the changes log and the counters are not:
 * they tell what happened here, in this store; nor are due, gone, wants, unmapped and marks.
 *
 * What a row reads: a subject's customers are those whose register says so (a customer that nobody
 * claims is its own subject), at most SUBJECT_CUSTOMERS_MAX in key order, and "customers_unread" counts when there are
 * more; its subscriptions are those whose value
 * names one of them; an invoice counts as paid when it is of the subscription's customer, and a schedule
 * counts when it is, and names no other subscription. A payment counts when a dispute about it is open or lost or all
 * of it was refunded, for the subscription that its invoice names, when that is the customer's: SUB_REVERSALS_MAX of
 * them. Overrides are those in the subject's own name and in that of one of its customers ("cus_…"). A subject that has
 * neither customer nor override has no row.
 *
 * History: each change of a row, and each change of an answer by the clock or the catalog, is logged with the version
 * of the subject's change before it; the row's own ver is that of the last one. A change is what was answered from its
 * moment on until the next one's. What the clock changes is logged at the moment at which it does, however
 * late that is noticed. So the last change of a subject is what a check says at this moment, but for next_billing, once
 * fold_due has come by.
 *
 * Caveats: as in store/journal.h. Processes that open one store must share the PID
 * namespace (LMDB's reader table is keyed by pid).
 */
#ifndef STORE_ENTITLEMENTS_H
#define STORE_ENTITLEMENTS_H

#include "base/error.h"
#include "domain/entitlement.h"
#include "proto/state.h"
#include "store/journal.h"

#define STORE_MAP_DEFAULT (64ull << 30)
#define SUB_REVERSALS_MAX                                                                                              \
	64 /* payments that a row reads of one subscription: the last in key order, and so in time                     \
	    */
#define OVERRIDES_READ_MAX 4096 /* overrides made in one name that a row looks at; more count as "overrides_unread" */
#define QUARANTINE_MAX 10000    /* entries; past it the oldest keep their reason, new ones only count */

struct entitlements;

struct entitlements_options {
	const char *dir;
	bool read_only;
	uint64_t map_size; /* 0: STORE_MAP_DEFAULT */
	uint64_t epoch;    /* used when the store is made, or is not what its last writer left (store/lineage.h); the
			      caller's random number, not 0 */
	bool no_sync;      /* tests and benches only */
};

NODISCARD enum error entitlements_open(const struct entitlements_options *o, struct entitlements **ret_e,
				       struct problem *why);
void entitlements_close(struct entitlements **e);
/* Is there a store of an older form, which this program cannot read? It has to be made anew. False when none can be
 * opened. */
bool entitlements_outdated(const char *dir);
uint64_t entitlements_epoch(const struct entitlements *e);

/* ---- writing: the worker --------------------------------------------------- */

/* A transaction. Its errors are sticky: after the first failure every call is a no-op that returns it,
 * and commit returns it too. Not committed means nothing happened. */
struct fold;

/* catalog and now_ms: for the changes log alone; they do not touch the state. The catalog outlives the fold; with
 * none (NULL) the log names no tiers. ERR_USAGE: another fold is under way. */
NODISCARD enum error fold_begin(struct entitlements *e, const struct catalog *catalog, int64_t now_ms,
				struct fold **ret_f, struct problem *why);
/* From here on the log's moment is this one, instead of fold_begin's: when the record was received, while a store is
 * made anew. The caller's moments should not go back within one subject's history: look_answer_at takes the newest
 * change that is not after the moment that it is asked for. */
void fold_moment(struct fold *f, int64_t ms);
/* Joins the observation into its registers and remakes the rows it touches. ERR_LIMIT, the one error that is
 * not sticky: a part of the observation is over its limit, or an id is missing; nothing of it was written,
 * the fold goes on, and the record belongs in quarantine. Call it with OBSERVE_NOTHING too, when the observation is an
 * answer or has fetches.
 * It counts "claim_conflict" (a customer that another subject had claimed) and "unconfirmed".
 *
 * It also keeps the wants, WANTS_MAX at most; past it "wants_dropped" counts, and the reconciler's sweep finds the
 * rest. Wanted is
 *   - what the decoder asks for;
 *   - a subscription or schedule whose order in its second is not known (after: that second);
 *   - of a live subscription: its schedule when that is unknown, its customer when nobody claimed it and it was
 *     never seen itself;
 *   - of a payment of which anything went back: its invoice payments when the invoice, or the amount that a refund
 *     is of, is not known, and the invoice when that was never seen;
 *   - a schedule whose coming phases name prices that the fold's catalog does not know, and nothing else;
 *   - a subscription that turned stale.
 *
 * A want ends by an answer to it, whatever it says, and by any record that shows its object, when stamped with a later
 * second than `after`; and once what it asks for is known. An answer that is not later leaves it: who fetches waits
 * until Stripe's clock has passed `after` by two seconds. A want that merely asks for a link (after: 0) is often
 * answered by the next webhook: it is worth a moment's patience from since_ms on. fold_want.c says why every chain of
 * questions ends. */
#define WANTS_MAX 100000
NODISCARD enum error fold_observe(struct fold *f, const struct observation *o);
/* The price is in no tier: noted once per price, UNMAPPED_MAX of them; past it "unmapped_dropped" counts. True in
 * *ret_new when it was not known before. */
#define UNMAPPED_MAX 1000
NODISCARD enum error fold_unmapped(struct fold *f, const struct scope *scope, const struct item *item,
				   const struct observation *o, bool *ret_new);
/* Takes out the prices that the fold's catalog knows by now; *ret_healed their number. */
NODISCARD enum error fold_unmapped_heal(struct fold *f, uint64_t *ret_healed);

/* Time. Brings the subjects whose moment has come by the fold's moment up to it, `max` at most, and logs each change of
 * an answer (CHANGE_CLOCK) at its own moment. A subscription that turns stale becomes a want. *ret_more: some are left.
 */
NODISCARD enum error fold_due(struct fold *f, unsigned max, bool *ret_more);
/* Evaluates all subjects again at the fold's moment, `max` at a time: after a new catalog, or when the clock was set
 * back. Begin with an empty survey; over when *ret_more is false. Between two calls other folds may go on. */
struct survey {
	size_t len; /* 0: from the beginning */
	uint8_t after[STATE_KEY_MAX];
};
NODISCARD enum error fold_survey(struct fold *f, struct survey *at, enum change_cause cause, unsigned max,
				 bool *ret_more);
/* All answers were evaluated with the catalog of this hash; look_surveyed tells: 0: with none. */
NODISCARD enum error fold_surveyed(struct fold *f, uint64_t catalog_hash);
/* Removes changes that were no longer the answer at before_ms: those whose subject's next change is older. So what was
 * answered at before_ms and later stays known, and so does each subject's last. Looks at `max` at most, each once in
 * its life. */
NODISCARD enum error fold_forget_changes(struct fold *f, int64_t before_ms, unsigned max, bool *ret_more);
/* At most 1000 names are kept; further ones, and those over EVENT_TYPE_MAX, count as "other". */
NODISCARD enum error fold_count(struct fold *f, struct view counter);
/* Puts the record aside with a reason; a record that is there already has its reason and tries updated. Past
 * QUARANTINE_MAX it is only counted, as "quarantine_dropped". */
NODISCARD enum error fold_quarantine(struct fold *f, const struct record *r, struct view record_bytes,
				     const struct problem *reason, int64_t now_ms);
NODISCARD enum error fold_quarantine_remove(struct fold *f, uint64_t origin, uint64_t seq);
NODISCARD enum error fold_cursor(struct fold *f, uint64_t origin, uint64_t seq);
/* What is remembered of a record of that journal, to know the journal again: which run of its ingress, which sequence,
 * the record's checksum. */
NODISCARD enum error fold_journal_mark(struct fold *f, uint64_t origin, uint64_t run, uint64_t seq, uint32_t crc);
/* The worker has once applied all that its journals had: from now on the store may be answered from. */
NODISCARD enum error fold_complete(struct fold *f);
/* Synced. `each` (may be NULL) gets the changes of this transaction in order, after it is durable;
 * their views live during the call. *f is NULL afterwards, whatever the outcome. After ERR_STORAGE the
 * store is unusable until the process restarts; ERR_FULL is not final. */
NODISCARD enum error fold_commit(struct fold **f, void (*each)(void *ctx, const struct change *c), void *ctx,
				 struct problem *why);
void fold_abort(struct fold **f);

/* False when the store's file was removed or replaced: what is folded from then on is lost, and only a new start
 * makes a store again. */
bool entitlements_in_place(const struct entitlements *e);

/* Removes readers that died (mdb_reader_check); the number removed. */
size_t entitlements_reap_readers(struct entitlements *e);

/* ---- reading --------------------------------------------------------------- */

/* A consistent look, pinned until end: keep it short. Reuse it with renew; one thread each. */
struct look;
NODISCARD enum error look_begin(struct entitlements *e, struct look **ret_l, struct problem *why);
/* A fresh snapshot in the same look; everything handed out before is invalid. Cheap. */
NODISCARD enum error look_renew(struct look *l);
/* Lets the snapshot go until the next renew, so that the writer may reuse pages. */
void look_rest(struct look *l);
void look_end(struct look **l);

uint64_t look_version(const struct look *l);
/* Which commit it shows, but at rest: each has another number within one opening, also one that changes no version. */
uint64_t look_snapshot(const struct look *l);
/* As it is now: a writer may have given the store another one since it was opened. */
uint64_t look_epoch(struct look *l);
/* Was fold_complete ever committed? A store that is still being filled would deny those who paid. */
NODISCARD bool look_complete(struct look *l);
NODISCARD enum error look_cursor(struct look *l, uint64_t origin, uint64_t *ret_seq); /* 0 when none */
/* All 0 when none is remembered. */
void look_journal_mark(struct look *l, uint64_t origin, uint64_t *ret_run, uint64_t *ret_seq, uint32_t *ret_crc);
NODISCARD enum error look_cursors(struct look *l, void (*each)(void *ctx, uint64_t origin, uint64_t seq), void *ctx);

/* The subject's row (proto/state.h). A "cus_…" id that is bound to a subject gives that subject's row.
 * ERR_NOT_FOUND: unknown subject. The bytes live until renew, rest or end. */
NODISCARD enum error look_subject(struct look *l, const struct scope *scope, struct view subject, struct view *ret_row);

/* The same without that: a "cus_…" id that is bound to a subject has no row of its own. */
NODISCARD enum error look_own_row(struct look *l, const struct scope *scope, struct view subject, struct view *ret_row);

/* All subjects with a row, of both modes and all accounts, in key order. */
NODISCARD enum error look_subjects(struct look *l,
				   bool (*each)(void *ctx, const struct scope *scope, struct view subject,
						struct view row),
				   void *ctx);

/* Those of one scope whose name comes after `after` (empty: all of them); `each` returns false to stop. */
NODISCARD enum error look_subjects_after(struct look *l, const struct scope *scope, struct view after,
					 bool (*each)(void *ctx, struct view subject, struct view row), void *ctx);

/* The changes after `after`, oldest first, at most `max`; `each` returns false to stop. Versions may be missing: what
 * was forgotten was followed by another change of its subject, which is there. `before` is what the subject's last
 * change said, and equals `after` when something else about the answer changed, or only what it rests on. */
NODISCARD enum error look_changes(struct look *l, uint64_t after, size_t max,
				  bool (*each)(void *ctx, const struct change *c), void *ctx);
/* Those of one subject alone, newest first, at most `max`, as far back as the log reaches. */
NODISCARD enum error look_history(struct look *l, const struct scope *scope, struct view subject, size_t max,
				  bool (*each)(void *ctx, const struct change *c), void *ctx);

/* For explain: the registers behind a row. ERR_NOT_FOUND when there is none. */
NODISCARD enum error look_sub(struct look *l, const struct scope *scope, struct view id, struct sub_register *ret_r);
NODISCARD enum error look_customer(struct look *l, const struct scope *scope, struct view id,
				   struct customer_register *ret_r);
NODISCARD enum error look_invoice(struct look *l, const struct scope *scope, struct view id,
				  struct invoice_register *ret_r);
NODISCARD enum error look_customers_of(struct look *l, const struct scope *scope, struct view subject,
				       bool (*each)(void *ctx, struct view customer), void *ctx);

/* The customers that pay for the subject and are not deleted, the most recently bound first, at most `max` of the first
 * SUBJECT_CUSTOMERS_MAX in key order. A "cus_…" id that is bound to a subject gives that subject's. */
struct bound_customer {
	struct view id;
	int64_t at; /* s, by Stripe's clock; 0: it is its own subject, since nobody claimed it */
};
NODISCARD enum error look_bound_customers(struct look *l, const struct scope *scope, struct view subject,
					  struct bound_customer *into, unsigned max, unsigned *ret_count);

NODISCARD enum error look_schedule(struct look *l, const struct scope *scope, struct view id,
				   struct schedule_register *into);
NODISCARD enum error look_payment(struct look *l, const struct scope *scope, struct view id,
				  struct payment_register *ret_r);
NODISCARD enum error look_override(struct look *l, const struct scope *scope, struct view id,
				   struct override_register *ret_r);
/* All that were made in that name, also those revoked or over; of every name when it is empty. A subject's row has
 * those in its own name and in its customers': ask for each. */
NODISCARD enum error look_overrides(struct look *l, const struct scope *scope, struct view name,
				    bool (*each)(void *ctx, struct view id, const struct override_register *r),
				    void *ctx);

/* History: the newest change of the subject that is not after that moment, which is what was answered then (a
 * next_billing that has passed by then was none). ERR_NOT_FOUND: it was unknown then. ERR_LIMIT: the moment is before
 * the subject's log begins (*ret_from_ms: when it does), or more than HISTORY_STEPS_MAX changes back. A customer's id
 * stands for whom it pays for now, at moments at which it had no row of its own. */
#define HISTORY_STEPS_MAX 4096
NODISCARD enum error look_answer_at(struct look *l, const struct scope *scope, struct view subject, int64_t at_ms,
				    struct change *ret_c, int64_t *ret_from_ms);
/* While no worker runs, nobody logs what the clock changes. When *c, from look_answer_at, is the subject's last change
 * and what it says was over at that moment (s), it becomes what was answered then. Its views may be into catalog. */
NODISCARD enum error look_answer_unlogged(struct look *l, const struct scope *scope, struct view subject,
					  const struct catalog *catalog, int64_t at, struct change *c);
/* The next moment (s) at which some answer may change by itself; 0: none. */
int64_t look_next_due(struct look *l);
uint64_t look_surveyed(struct look *l);

NODISCARD enum error look_wants(struct look *l, bool (*each)(void *ctx, const struct want *w), void *ctx);
NODISCARD enum error look_unmapped(struct look *l, bool (*each)(void *ctx, const struct unmapped_price *u), void *ctx);
/* ERR_NOT_FOUND: the reconciler has not finished a pass of that scope. */
NODISCARD enum error look_mark(struct look *l, const struct scope *scope, struct reconcile_mark *ret_m);

/* For the sweep: does the snapshot say anything that the store does not? False too when the store is ahead of it.
 * *ret_known: the store has that object; one it does not know differs. A look alone decides, so a dry run and a real
 * one agree. ERR_USAGE: not an object of Stripe's. */
NODISCARD enum error look_differs(struct look *l, const struct observation *snapshot, bool *ret_differs,
				  bool *ret_known);

NODISCARD enum error look_quarantine(struct look *l, bool (*each)(void *ctx, const struct quarantined *q), void *ctx);
NODISCARD enum error look_quarantined(struct look *l, uint64_t origin, uint64_t seq, struct quarantined *ret_q);
NODISCARD enum error look_counters(struct look *l, void (*each)(void *ctx, struct view name, uint64_t n), void *ctx);

/* SHA-256 over all registers, indexes and subjects' rows (their `ver` left out) in key order: equal sets
 * of records give equal digests. */
#define STATE_DIGEST_SIZE 32
NODISCARD enum error look_digest(struct look *l, uint8_t ret_digest[STATE_DIGEST_SIZE]);

struct entitlements_stat {
	uint64_t subjects, subs, customers, changes, quarantined, counters, overrides, wants, unmapped;
	struct store_usage usage;
};
NODISCARD enum error look_stat(struct look *l, struct entitlements_stat *ret_s);

#endif
