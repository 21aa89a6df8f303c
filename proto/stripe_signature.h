/* The Stripe-Signature header: `t=<unix seconds>,v1=<64 hex digits>[,v1=…][,v0=…]`
 * (https://docs.stripe.com/webhooks/signature). Parsing only; net/webhook_secrets.h verifies.
 *
 * Stripe's own libraries disagree on odd headers; ours are the strictest answers that every real header passes:
 *   two t=                                   refused
 *   t that is not one canonical decimal      refused ("t= 1", "t=1x", "t=01", "t=")
 *   a space, a control or a non-ASCII byte   refused, wherever it is
 *   a v1 that is not 64 hex digits           that element is ignored; either case is read
 *   empty elements, other schemes, junk      ignored
 *   no t, or no v1 left, or more than STRIPE_SIGNATURES_MAX of them   refused
 */
#ifndef PROTO_STRIPE_SIGNATURE_H
#define PROTO_STRIPE_SIGNATURE_H

#include "base/error.h"
#include "base/limits.h"
#include "base/view.h"

#define STRIPE_SIGNATURES_MAX 16 /* v1 elements; Stripe sends one for each live secret, and few are live at once */
#define STRIPE_MAC_SIZE 32       /* HMAC-SHA256 */

struct stripe_signature {
	int64_t t;          /* seconds since the epoch, never negative */
	struct view t_text; /* its digits as they were signed; a view into the header */
	unsigned count;     /* 1 to STRIPE_SIGNATURES_MAX */
	uint8_t v1[STRIPE_SIGNATURES_MAX][STRIPE_MAC_SIZE];
};

/* ERR_BAD_HEADER; also for a header longer than SIGNATURE_HEADER_MAX. */
NODISCARD enum error stripe_signature_parse(struct view header, struct stripe_signature *ret_s);

#endif
