/* The webhook secrets of an ingress, what each is good for, and the proof that a body is Stripe's.
 *
 * Text, one secret a line:
 *
 *     # comment
 *     label live|test whsec_… [account]
 *
 * label    1 to SECRET_LABEL_MAX bytes of A-Z a-z 0-9 . _ -, unique; it names the secret in records and metrics
 * mode     test: only test events are accepted. live: live events, and test events, which stay apart as
 *          test: a Connect endpoint in live mode gets both (https://docs.stripe.com/connect/webhooks)
 * account  what events the endpoint may deliver:
 *            nothing   the platform's own, those without `account`
 *            acct_…    those of that connected account
 *            *         the platform's own and those of any connected account. A Connect endpoint
 *                      needs it, and so does `stripe listen`, which signs both kinds with one secret.
 *
 * An endpoint never delivers the wrong account's events by itself, so this catches a secret that stands in the wrong
 * line. Silence must therefore mean the least: a Connect endpoint whose `*` was forgotten answers
 * wrong_account, which is seen at once, where the other way round would take in customers nobody expected.
 *
 * To roll a secret have both in the file, under two labels, until the old one's count of matches stands still.
 */
#ifndef NET_WEBHOOK_SECRETS_H
#define NET_WEBHOOK_SECRETS_H

#include "net/stripe_hmac.h"
#include "proto/stripe_envelope.h"

#define WEBHOOK_SECRETS_MAX 64
#define WEBHOOK_SECRETS_TEXT_MAX (64 * 1024)
#define WEBHOOK_SECRET_MIN 14 /* "whsec_" and 8 more; Stripe's have 32 */
#define WEBHOOK_SECRET_MAX 255

/* Immutable once made; any number of threads may verify with it at once. */
struct webhook_secrets;

/* What a person may know of a secret. Views live as long as the secrets. */
struct webhook_secret {
	struct view label;
	bool livemode;
	bool any_account;
	struct view account; /* empty: the platform's own events only, unless any_account */
};

/* At least one secret, at most WEBHOOK_SECRETS_MAX; no label and no secret twice.
 * ERR_CONFIG: the sentence names the line, never a secret. ERR_MEMORY. */
NODISCARD enum error webhook_secrets_parse(struct view text, struct webhook_secrets **ret_s, struct problem *why);
/* Keys are cleansed. */
void webhook_secrets_destroy(struct webhook_secrets **s);

unsigned webhook_secrets_count(const struct webhook_secrets *s);
/* i < count. */
const struct webhook_secret *webhook_secrets_at(const struct webhook_secrets *s, unsigned i);
/* The index of that label, or -1. */
int webhook_secrets_find(const struct webhook_secrets *s, struct view label);

/* Which secret signed the body: the first in the file that matches any v1 of the header.
 *
 * The raw bytes are what is proved; the body need not be JSON. The time is judged only once a
 * signature has matched, so that a forger learns nothing from it: anything unproved is
 * ERR_BAD_HEADER or ERR_BAD_SIGNATURE. Then ERR_STALE (older than now - tolerance_s) or ERR_FUTURE (later than
 * now + tolerance_s); now in seconds. ERR_MEMORY: OpenSSL failed, nothing is known. */
NODISCARD enum error webhook_verify(const struct webhook_secrets *s, struct view header, struct view body, int64_t now,
				    int64_t tolerance_s, unsigned *ret_secret);

/* May an event with that envelope come under that secret? The rules above. OK, ERR_WRONG_MODE or ERR_WRONG_ACCOUNT. */
NODISCARD enum error webhook_bind(const struct webhook_secret *secret, const struct stripe_envelope *e);

/* The header for a body signed with secret i at second t, as stripe_hmac_header. */
NODISCARD enum error webhook_sign(const struct webhook_secrets *s, unsigned i, int64_t t, struct view body,
				  char ret_header[STRIPE_HEADER_SIZE]);

#endif
