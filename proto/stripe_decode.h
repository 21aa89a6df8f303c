/* From Stripe's JSON to an observation, whatever the API version rendered it; and from our own records (proto/fact.h).
 *
 * Shapes (one value out of all of them):
 *   period            subscription.current_period_*, since 2025-03-31.basil on each item: the earliest of them
 *   invoice → sub     invoice.subscription, since basil invoice.parent.subscription_details.subscription
 *   invoice → payment invoice.payment_intent or charge, since basil invoice.payments, where they are shown
 *   charge → invoice  charge.invoice, since basil by invoice payments alone
 *   line → price      line.price, since basil line.pricing.price_details
 *   item → price      item.price, or the legacy item.plan
 *   who pays          customer, or customer_account where only that is set
 *   thin events       "v1." + type, with no data: they say what to fetch
 * An id may be expanded: "customer": "cus_1" and "customer": {"id": "cus_1", …} are the same.
 *
 * The items in force count: a pending_update is none until it is applied. A list of items with more pages is not
 * used at all, since what is missing may be what grants: the record asks for the subscription instead. So does
 * every thin event for its object, and an entitlement summary for its customer's subscriptions. An invoice whose page
 * of lines is too short to show its service period says what it says without one, and asks for the whole.
 *
 * A checkout session binds its customer to its subject, and never grants. It does so when it is complete and paid
 * (or needs no payment). One that is complete but "unpaid" (a debit or a transfer on its way) binds nobody: anybody
 * can get that far, and it would take a customer away from the subject that pays for it. Once it is paid,
 * checkout.session.async_payment_succeeded shows the same session as paid; when that fails there is nothing to undo.
 * The subscription's own metadata, and its status, count meanwhile as always. What a snapshot of a session claims
 * counts as claimed when the session was made, not when it was looked at.
 *
 * A claim to a subject that can be none (longer than SUBJECT_MAX, not text, a NUL in it) is read as no claim.
 */
#ifndef PROTO_STRIPE_DECODE_H
#define PROTO_STRIPE_DECODE_H

#include "base/error.h"
#include "domain/observation.h"
#include "proto/record.h"

/* What was before an update comes from previous_attributes laid over data.object (proto/stripe_place.h). When that
 * cannot be read, or the event is no update, the observation says so (has_pre false): it is an
 * aid for ordering, and nothing else is lost with it. */

/* Owns the parsed JSON that the observation's views point into. Reuse it: one per thread. */
struct stripe_decoder;

/* metadata_key: which metadata entry names the subject ("user_id"); copied. NULL when out of memory. */
NODISCARD struct stripe_decoder *stripe_decoder_create(struct view metadata_key);
void stripe_decoder_destroy(struct stripe_decoder **d);

/* OK with kind OBSERVE_NOTHING for an event type that is not used, and for an object that says nothing (a checkout
 * session that is not complete, an invoice payment that was not made); also for a record that only asks (fetches) or
 * only answers (is_answer). The body of an unused type is not looked at.
 *
 * Every snapshot of an object that can be fetched is an answer, whatever it says: of its kind, with its id.
 *
 * Views live until the decoder's next call and as long as the record's own: the scope's account and the
 * stamp's event are the record's views.
 *
 * ERR_MALFORMED with a sentence that names the field: not JSON (a duplicate key anywhere included), a
 * field missing, of a wrong type or over its limit, a status that is not known, a snapshot's list of items with more
 * pages (to ask again would not help), or a body that contradicts its record (id, type, created, livemode,
 * account). Such a record belongs in quarantine. The sentence holds names and numbers, no values of the body but an
 * unknown status. ERR_MEMORY: out of memory; nothing is wrong with the record. */
NODISCARD enum error stripe_decode(struct stripe_decoder *d, const struct record *r, struct observation *ret_o,
				   struct problem *why);

/* The i-th event type that is not passed over, in the order of view_cmp; empty past the last. Who lists events asks for
 * these. */
struct view stripe_event_type(unsigned i);

#endif
