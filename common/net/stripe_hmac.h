/* Stripe's webhook signature: HMAC-SHA256 keyed with the whole "whsec_…" text, over
 * t + "." + body (https://docs.stripe.com/webhooks/signature). */
#ifndef NET_STRIPE_HMAC_H
#define NET_STRIPE_HMAC_H

#include "base/error.h"
#include "base/view.h"
#include "proto/stripe_signature.h"

/* A key, scheduled once. Immutable: any number of threads may sign with it at once. */
struct stripe_hmac;

/* The key is copied into OpenSSL's context and cleansed with it. ERR_MEMORY: OpenSSL failed. */
NODISCARD enum error stripe_hmac_create(struct view key, struct stripe_hmac **ret_h);
void stripe_hmac_destroy(struct stripe_hmac **h);

/* t_text: the decimal digits that stand in the header. ERR_MEMORY: OpenSSL failed. */
NODISCARD enum error stripe_hmac_sign(const struct stripe_hmac *h, struct view t_text, struct view body,
				      uint8_t ret_mac[STRIPE_MAC_SIZE]);

/* In constant time. */
NODISCARD bool stripe_mac_eq(const uint8_t a[STRIPE_MAC_SIZE], const uint8_t b[STRIPE_MAC_SIZE]);

/* "t=" 19 digits ",v1=" 64 digits NUL */
#define STRIPE_HEADER_SIZE (2 + 19 + 4 + 2 * STRIPE_MAC_SIZE + 1)

/* Writes the Stripe-Signature header for a body signed at second t (not negative) and a NUL. */
NODISCARD enum error stripe_hmac_header(const struct stripe_hmac *h, int64_t t, struct view body,
					char ret_header[STRIPE_HEADER_SIZE]);

#endif
