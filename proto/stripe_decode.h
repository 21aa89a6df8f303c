/* From Stripe's JSON to an observation, whatever the API version rendered it.
 *
 * Shapes (one value out of all of them):
 *   period          subscription.current_period_*, since 2025-03-31.basil on each item
 *   invoice → sub   invoice.subscription, since basil invoice.parent.subscription_details.subscription
 *   line → price    line.price, since basil line.pricing.price_details
 *   item → price    item.price, or the legacy item.plan
 * An id may be expanded: "customer": "cus_1" and "customer": {"id": "cus_1", …} are the same.
 */
#ifndef PROTO_STRIPE_DECODE_H
#define PROTO_STRIPE_DECODE_H

#include "base/error.h"
#include "domain/observation.h"
#include "proto/record.h"

/* Owns the parsed JSON that the observation's views point into. Reuse it: one per thread. */
struct stripe_decoder;

/* metadata_key: which metadata entry names the subject ("user_id"); copied. NULL when out of memory. */
NODISCARD struct stripe_decoder *stripe_decoder_create(struct view metadata_key);
void stripe_decoder_destroy(struct stripe_decoder **d);

/* OK with kind OBSERVE_NOTHING for an event type that is not used. Views live until the next call.
 * ERR_MALFORMED with a sentence that names the field: not JSON, a field missing, of a wrong type or
 * over its limit, a status that is not known, a list with more pages (has_more). Such a
 * record belongs in quarantine. */
NODISCARD enum error stripe_decode(struct stripe_decoder *d, const struct record *r, struct observation *ret_o,
				   struct problem *why);

#endif
