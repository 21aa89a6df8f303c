/* The platform's token: a JWT (RFC 7519) in JWS compact form, judged by RFC 8725's rules.
 *
 * The algorithm must be one of those that are allowed, and must fit the key that is used: its kind, its size and its
 * `alg`. "none" is no algorithm here. A header with `crit` is refused, since nothing of it is understood. A `kid` must
 * be a key's; a token without one is tried with every key that fits. What a header says of keys (jku, jwk, x5u, x5c) is
 * not looked at.
 *
 * The clock of who made the token may differ by TOKEN_SKEW_S.
 */
#ifndef BILLING_TOKEN_H
#define BILLING_TOKEN_H

#include "base/limits.h"
#include "keyring.h"

#define TOKEN_MAX 8192
#define TOKEN_SKEW_S 60
#define TOKEN_TRIES 8 /* keys that one token without a kid is tried with */
#define EMAIL_MAX 320

/* symbol, what the log says. Never told to a caller. */
#define TOKEN_FAULT_TABLE(X)                                                                                           \
	X(TOKEN_FINE, "fine")                                                                                          \
	X(TOKEN_FORM, "no compact JWS")                                                                                \
	X(TOKEN_TOO_LARGE, "too large")                                                                                \
	X(TOKEN_ALGORITHM, "an algorithm that is not allowed")                                                         \
	X(TOKEN_CRITICAL, "a critical header that is not understood")                                                  \
	X(TOKEN_UNKNOWN_KEY, "a key that is not known")                                                                \
	X(TOKEN_KEY_MISFIT, "a key of another kind than its algorithm")                                                \
	X(TOKEN_SIGNATURE, "the signature does not match")                                                             \
	X(TOKEN_CLAIMS, "claims that are no JSON object")                                                              \
	X(TOKEN_ISSUER, "another issuer")                                                                              \
	X(TOKEN_AUDIENCE, "another audience")                                                                          \
	X(TOKEN_SUBJECT, "no subject, or one that is none")                                                            \
	X(TOKEN_NO_EXPIRY, "no expiry")                                                                                \
	X(TOKEN_EXPIRED, "expired")                                                                                    \
	X(TOKEN_NOT_YET, "not valid yet")                                                                              \
	X(TOKEN_NO_KEYS, "no keys are known yet")                                                                      \
	X(TOKEN_CUSTOMER, "a subject that is a customer of Stripe, and SUBJECT_MAY_BE_CUSTOMER says no") /* gate.c */

enum token_fault {
#define X(symbol, text) symbol,
	TOKEN_FAULT_TABLE(X)
#undef X
		TOKEN_FAULT_COUNT
};

const char *token_fault_text(enum token_fault f);

/* Who a token speaks for. Never logged but for the subject. */
struct identity {
	char subject[SUBJECT_MAX + 1];
	char email[EMAIL_MAX + 1]; /* "" without one */
	int64_t expires;           /* s: its `exp` */
	int64_t not_before;        /* s; 0: it does not say */
};

struct token_rules {
	const char *issuer, *audience;
	uint32_t algorithms; /* a bit for each of enum algorithm */
};

/* Pure. ret_who only with TOKEN_FINE. */
enum token_fault token_judge(struct view token, const struct token_rules *rules, const struct keyring *keys,
			     int64_t now_s, struct identity *ret_who);
/* Of one that was fine before: TOKEN_FINE, TOKEN_EXPIRED or TOKEN_NOT_YET. */
enum token_fault token_judge_time(const struct identity *who, int64_t now_s);

#endif
