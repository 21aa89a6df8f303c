#include "net/stripe_hmac.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>

#include "base/hex.h"

/* The context holds the key's two hashed pads and is only ever copied: a copy costs less than hashing
 * them anew, and needs no context per thread. OpenSSL counts references atomically. */
struct stripe_hmac {
	EVP_MAC_CTX *keyed;
};

static EVP_MAC_CTX *keyed_context(struct view key) {
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char[]){"SHA256"}, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *ctx = mac ? EVP_MAC_CTX_new(mac) : NULL;
	EVP_MAC_free(mac); /* the context has its own reference */
	if (ctx && EVP_MAC_init(ctx, (const unsigned char *)key.ptr, key.len, params) == 1) return ctx;
	EVP_MAC_CTX_free(ctx);
	return NULL;
}

enum error stripe_hmac_create(struct view key, struct stripe_hmac **ret_h) {
	struct stripe_hmac *h = OPENSSL_zalloc(sizeof *h);
	if (!h) return ERR_MEMORY;
	h->keyed = keyed_context(key);
	if (!h->keyed) {
		OPENSSL_free(h);
		return ERR_MEMORY;
	}
	*ret_h = h;
	return OK;
}

void stripe_hmac_destroy(struct stripe_hmac **h) {
	if (!h || !*h) return;
	EVP_MAC_CTX_free((*h)->keyed); /* cleanses the key */
	OPENSSL_clear_free(*h, sizeof **h);
	*h = NULL;
}

enum error stripe_hmac_sign(const struct stripe_hmac *h, struct view t_text, struct view body,
			    uint8_t ret_mac[STRIPE_MAC_SIZE]) {
	uint8_t mac[STRIPE_MAC_SIZE];
	size_t len = 0;
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_dup(h->keyed);
	bool ok = ctx && EVP_MAC_update(ctx, (const unsigned char *)t_text.ptr, t_text.len) == 1 &&
		  EVP_MAC_update(ctx, (const unsigned char *)".", 1) == 1 &&
		  (body.len == 0 || EVP_MAC_update(ctx, (const unsigned char *)body.ptr, body.len) == 1) &&
		  EVP_MAC_final(ctx, mac, &len, sizeof mac) == 1 && len == sizeof mac;
	EVP_MAC_CTX_free(ctx);
	if (!ok) return ERR_MEMORY;
	memcpy(ret_mac, mac, sizeof mac);
	return OK;
}

bool stripe_mac_eq(const uint8_t a[STRIPE_MAC_SIZE], const uint8_t b[STRIPE_MAC_SIZE]) {
	return CRYPTO_memcmp(a, b, STRIPE_MAC_SIZE) == 0;
}

enum error stripe_hmac_header(const struct stripe_hmac *h, int64_t t, struct view body,
			      char ret_header[STRIPE_HEADER_SIZE]) {
	char digits[20], hex[2 * STRIPE_MAC_SIZE + 1];
	uint8_t mac[STRIPE_MAC_SIZE];

	if (t < 0) return ERR_BAD_REQUEST;
	(void)snprintf(digits, sizeof digits, "%lld", (long long)t);
	enum error e = stripe_hmac_sign(h, view_str(digits), body, mac);
	if (e != OK) return e;
	hex_encode(mac, sizeof mac, hex);
	(void)snprintf(ret_header, STRIPE_HEADER_SIZE, "t=%s,v1=%s", digits, hex);
	return OK;
}
