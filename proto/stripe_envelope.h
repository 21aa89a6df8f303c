/* The envelope of a webhook body: the few top-level fields that ingress needs, found in one pass
 * over the bytes. No tree is built and nothing is allocated.
 *
 * The whole body is checked: RFC 8259 grammar, UTF-8, no byte order mark, at most JSON_DEPTH_MAX
 * levels, nothing after the value. What is accepted here is what jansson accepts later, but for
 * three things that are JSON all the same and are left to the decoder, whose refusal means
 * quarantine and not a 400 that Stripe would retry for days: a number beyond int64 or double, U+0000 in
 * a string, and a duplicate key below the top level.
 *
 * Two kinds of event (https://docs.stripe.com/api/events, https://docs.stripe.com/api/v2/core/events):
 *   snapshot  object "event": id, type, created (seconds), livemode, data; account, context and api_version may
 *             be absent or null
 *   thin      object "v2.core.event": created is an RFC 3339 time, there is no data
 * Whose event it is: `account`, or where that is absent `context` (the last segment of a path: "acct_1/acct_2"
 * is acct_2), as at an organization's endpoint and with thin events
 * (https://docs.stripe.com/changelog/basil/2025-04-30/additional-context-organization-events). An account's own
 * events at its own endpoint have neither.
 */
#ifndef PROTO_STRIPE_ENVELOPE_H
#define PROTO_STRIPE_ENVELOPE_H

#include "base/error.h"
#include "base/limits.h"
#include "base/view.h"

/* Views into the body: printable ASCII without spaces, quotes or backslashes. */
struct stripe_envelope {
	struct view id;          /* 1 to STRIPE_ID_MAX bytes */
	struct view type;        /* 1 to EVENT_TYPE_MAX */
	struct view account;     /* empty: the platform's own event; else to ACCOUNT_MAX */
	struct view api_version; /* may be empty; else to API_VERSION_MAX */
	int64_t created;         /* seconds since the epoch, never negative */
	bool livemode;
	bool thin;
};

/* ERR_NOT_EVENT with a sentence that says why. An envelope field that occurs twice, has an escape in its
 * value, or is of a wrong type or length is refused; so is an escape in any top-level key, since it
 * could hide a second "id". Linear in the length; at most EVENT_BODY_MAX bytes. */
NODISCARD enum error stripe_envelope_parse(struct view body, struct stripe_envelope *ret_e, struct problem *why);

#endif
