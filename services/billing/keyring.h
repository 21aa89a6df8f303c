/* The keys that tokens are signed with: a JWK set (RFC 7517, section 5), public parts alone. Immutable, so it may be
 * read by any number of threads.
 *
 * A key that cannot verify is passed over and counted: of another kind (OKP), for encryption (`use`, `key_ops`), an
 * RSA key of less than 2048 bits, a curve that is not P-256, P-384 or P-521, a symmetric key where none are wanted or
 * one that is too short. A set without any key that can is refused. Private parts are not taken in.
 */
#ifndef BILLING_KEYRING_H
#define BILLING_KEYRING_H

#include <cjose/jwk.h>

#include "base/error.h"
#include "base/view.h"

#define KEYRING_TEXT_MAX ((size_t)128 * 1024)
#define KEYRING_KEYS_MAX 64
#define KEY_ID_MAX 255

enum key_kind { KEY_RSA, KEY_EC, KEY_SYMMETRIC };

/* symbol, name (RFC 7518, section 3.1), kind of key, the curve (EC) or fewest bits (others) */
#define ALGORITHM_TABLE(X)                                                                                             \
	X(ALGORITHM_RS256, "RS256", KEY_RSA, 2048)                                                                     \
	X(ALGORITHM_RS384, "RS384", KEY_RSA, 2048)                                                                     \
	X(ALGORITHM_RS512, "RS512", KEY_RSA, 2048)                                                                     \
	X(ALGORITHM_PS256, "PS256", KEY_RSA, 2048)                                                                     \
	X(ALGORITHM_PS384, "PS384", KEY_RSA, 2048)                                                                     \
	X(ALGORITHM_PS512, "PS512", KEY_RSA, 2048)                                                                     \
	X(ALGORITHM_ES256, "ES256", KEY_EC, 256)                                                                       \
	X(ALGORITHM_ES384, "ES384", KEY_EC, 384)                                                                       \
	X(ALGORITHM_ES512, "ES512", KEY_EC, 521)                                                                       \
	X(ALGORITHM_HS256, "HS256", KEY_SYMMETRIC, 256)                                                                \
	X(ALGORITHM_HS384, "HS384", KEY_SYMMETRIC, 384)                                                                \
	X(ALGORITHM_HS512, "HS512", KEY_SYMMETRIC, 512)

enum algorithm {
#define X(symbol, name, kind, bits) symbol,
	ALGORITHM_TABLE(X)
#undef X
		ALGORITHM_COUNT
};

/* ALGORITHM_COUNT: none of them, "none" among others. */
enum algorithm algorithm_of(struct view name);
enum key_kind algorithm_kind(enum algorithm a);
/* "RS256;ES256" → a bit for each. ERR_CONFIG. */
NODISCARD enum error algorithms_parse(const char *list, uint32_t *ret_set, struct problem *why);

struct keyring;

struct keyring_key {
	char id[KEY_ID_MAX + 1]; /* "" when it has none */
	enum key_kind kind;
	unsigned bits;       /* of the modulus, the curve or the secret */
	enum algorithm only; /* its `alg`; ALGORITHM_COUNT: it does not say */
	cjose_jwk_t *jwk;
};

/* ERR_MALFORMED, ERR_LIMIT, ERR_NOT_FOUND (no key that can verify), ERR_MEMORY. symmetric: those are taken too. */
NODISCARD enum error keyring_parse(struct view text, bool symmetric, struct keyring **ret_k, struct problem *why);
void keyring_destroy(struct keyring **k);

unsigned keyring_count(const struct keyring *k);
unsigned keyring_passed_over(const struct keyring *k);
const struct keyring_key *keyring_at(const struct keyring *k, unsigned i);
/* May this key verify that algorithm? By its kind, its size and its `alg`. */
bool keyring_fits(const struct keyring_key *key, enum algorithm a);

#endif
