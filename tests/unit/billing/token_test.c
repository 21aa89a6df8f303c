/* Tokens and keys, with keys that are made here. What a real platform and a real client do is in system/billing_tokens.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cjose/cjose.h>
#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "token.h"
#include "token_cache.h"

#define NOW INT64_C(1800000000)

static cjose_jwk_t *rsa, *other_rsa, *ec, *secret;
static struct keyring *ring;
static const struct token_rules rules = {
	"iss", "aud", 1u << ALGORITHM_RS256 | 1u << ALGORITHM_PS256 | 1u << ALGORITHM_ES256 | 1u << ALGORITHM_HS256};

static cjose_jwk_t *named(cjose_jwk_t *key, const char *id) {
	assert_non_null(key);
	assert_true(cjose_jwk_set_kid(key, id, strlen(id), NULL));
	return key;
}

static json_t *public_json(cjose_jwk_t *key, bool with_secret) {
	char *text = cjose_jwk_to_json(key, with_secret, NULL);
	json_t *o = json_loads(text, 0, NULL);
	free(text);
	return o;
}

static struct keyring *ring_of(json_t *keys) {
	json_t *set = json_pack("{s:o}", "keys", keys);
	char *text = json_dumps(set, 0);
	struct keyring *k = NULL;
	assert_int_equal(keyring_parse(view_str(text), true, &k, NULL), OK);
	free(text);
	json_decref(set);
	return k;
}

static int set_up(void **unused) {
	(void)unused;
	const uint8_t e[] = {1, 0, 1};
	rsa = named(cjose_jwk_create_RSA_random(2048, e, 3, NULL), "r");
	other_rsa = named(cjose_jwk_create_RSA_random(2048, e, 3, NULL), "r");
	ec = named(cjose_jwk_create_EC_random(CJOSE_JWK_EC_P_256, NULL), "e");
	secret = named(cjose_jwk_create_oct_random(256, NULL), "s");
	ring = ring_of(json_pack("[o,o,o]", public_json(rsa, true), public_json(ec, false), public_json(secret, true)));
	assert_int_equal(keyring_count(ring), 3);
	return 0;
}

static int tear_down(void **unused) {
	(void)unused;
	keyring_destroy(&ring);
	cjose_jwk_release(rsa);
	cjose_jwk_release(other_rsa);
	cjose_jwk_release(ec);
	cjose_jwk_release(secret);
	return 0;
}

/* Steals claims. To be freed. */
static char *sign(cjose_jwk_t *key, const char *alg, const char *id, json_t *claims) {
	cjose_header_t *h = cjose_header_new(NULL);
	assert_true(cjose_header_set(h, CJOSE_HDR_ALG, alg, NULL));
	if (id) assert_true(cjose_header_set(h, CJOSE_HDR_KID, id, NULL));
	char *body = json_dumps(claims, 0);
	const char *out = NULL;
	cjose_jws_t *jws = cjose_jws_sign(key, h, (const uint8_t *)body, strlen(body), NULL);
	assert_non_null(jws);
	assert_true(cjose_jws_export(jws, &out, NULL));
	char *copy = strdup(out);
	cjose_jws_release(jws);
	cjose_header_release(h);
	free(body);
	json_decref(claims);
	return copy;
}

static json_t *claims(void) {
	return json_pack("{s:s, s:s, s:s, s:I}", "iss", "iss", "aud", "aud", "sub", "alice", "exp",
			 (json_int_t)NOW + 60);
}

static enum token_fault judge(const char *token, struct identity *who) {
	return token_judge(view_str(token), &rules, ring, NOW, who);
}

static void expect(char *token, enum token_fault want) {
	struct identity who = {.subject = "untouched"};
	enum token_fault got = judge(token, &who);
	if (got != want) fail_msg("%s and not %s", token_fault_text(got), token_fault_text(want));
	assert_string_equal(who.subject, want == TOKEN_FINE ? "alice" : "untouched");
	free(token);
}

static json_t *with(const char *claim, json_t *value) {
	json_t *c = claims();
	if (value)
		json_object_set_new(c, claim, value);
	else
		json_object_del(c, claim);
	return c;
}

static void algorithms(void **unused) {
	(void)unused;
	expect(sign(rsa, "RS256", "r", claims()), TOKEN_FINE);
	expect(sign(rsa, "PS256", "r", claims()), TOKEN_FINE);
	expect(sign(ec, "ES256", "e", claims()), TOKEN_FINE);
	expect(sign(secret, "HS256", "s", claims()), TOKEN_FINE);
	expect(sign(rsa, "RS256", NULL, claims()), TOKEN_FINE);
	expect(sign(rsa, "RS384", "r", claims()), TOKEN_ALGORITHM);
	expect(sign(rsa, "RS256", "e", claims()), TOKEN_KEY_MISFIT);
	expect(sign(secret, "HS256", "r", claims()), TOKEN_KEY_MISFIT);
	expect(sign(rsa, "RS256", "?", claims()), TOKEN_UNKNOWN_KEY);
	expect(sign(other_rsa, "RS256", "r", claims()), TOKEN_SIGNATURE);
	expect(sign(other_rsa, "RS256", NULL, claims()), TOKEN_SIGNATURE);
}

static void dates_and_names(void **unused) {
	(void)unused;
	expect(sign(rsa, "RS256", "r", with("exp", NULL)), TOKEN_NO_EXPIRY);
	expect(sign(rsa, "RS256", "r", with("exp", json_string("1"))), TOKEN_NO_EXPIRY);
	expect(sign(rsa, "RS256", "r", with("exp", json_integer(NOW - TOKEN_SKEW_S + 1))), TOKEN_FINE);
	expect(sign(rsa, "RS256", "r", with("exp", json_integer(NOW - TOKEN_SKEW_S))), TOKEN_EXPIRED);
	expect(sign(rsa, "RS256", "r", with("exp", json_integer(-5))), TOKEN_EXPIRED);
	expect(sign(rsa, "RS256", "r", with("exp", json_real(1e300))), TOKEN_FINE);
	expect(sign(rsa, "RS256", "r", with("nbf", json_integer(NOW + TOKEN_SKEW_S))), TOKEN_FINE);
	expect(sign(rsa, "RS256", "r", with("nbf", json_integer(NOW + TOKEN_SKEW_S + 1))), TOKEN_NOT_YET);
	expect(sign(rsa, "RS256", "r", with("iss", json_string("issx"))), TOKEN_ISSUER);
	expect(sign(rsa, "RS256", "r", with("aud", json_pack("[s,s]", "x", "aud"))), TOKEN_FINE);
	expect(sign(rsa, "RS256", "r", with("aud", json_pack("[s,i]", "x", 1))), TOKEN_AUDIENCE);
	expect(sign(rsa, "RS256", "r", with("aud", json_array())), TOKEN_AUDIENCE);
	expect(sign(rsa, "RS256", "r", with("sub", json_string(""))), TOKEN_SUBJECT);
	char *addressed = sign(rsa, "RS256", "r", with("email", json_string("a@b.example")));
	struct identity who;
	assert_int_equal(judge(addressed, &who), TOKEN_FINE);
	assert_string_equal(who.email, "a@b.example");
	free(addressed);
}

/* Each bit of a good token matters, but those that base64url does not use. */
static void every_byte_of_a_token_counts(void **unused) {
	(void)unused;
	char *good = sign(ec, "ES256", "e", claims());
	size_t n = strlen(good);
	struct identity who;
	for (size_t i = 0; i < n; i++) {
		char was = good[i];
		bool last = i + 1 == n || good[i + 1] == '.';
		good[i] = was == 'x' ? 'y' : 'x';
		if (judge(good, &who) == TOKEN_FINE && !last) fail_msg("byte %zu of %zu does not matter", i, n);
		good[i] = '\n';
		assert_int_equal(judge(good, &who), TOKEN_FORM);
		good[i] = was;
		assert_true(token_judge(view_of(good, i), &rules, ring, NOW, &who) != TOKEN_FINE);
	}
	assert_int_equal(judge(good, &who), TOKEN_FINE);
	assert_int_equal(token_judge(view_str(good), &rules, NULL, NOW, &who), TOKEN_NO_KEYS);
	free(good);
}

static void sets_of_keys(void **unused) {
	(void)unused;
	static const char *const bad[] = {"",
					  "[]",
					  "{}",
					  "{\"keys\":{}}",
					  "{\"keys\":[]}",
					  "{\"keys\":[1,null,{}]}",
					  "{\"keys\":[{\"kty\":\"RSA\"}]}",
					  "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}]}",
					  "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AQ\",\"y\":\"AQ\"}]}",
					  "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AQ\"}]}",
					  "{\"keys\":[{\"kty\":\"oct\",\"k\":\"c2hvcnQ\"}]}",
					  "{\"keys\":[],\"keys\":[]}"};
	struct keyring *k = NULL;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (keyring_parse(view_str(bad[i]), true, &k, NULL) == OK) fail_msg("%s is taken", bad[i]);
	assert_null(k);
	/* what is for something else is passed over */
	json_t *encrypts = public_json(rsa, false), *derives = public_json(ec, false), *good = public_json(ec, false);
	json_object_set_new(encrypts, "use", json_string("enc"));
	json_object_set_new(derives, "key_ops", json_pack("[s]", "deriveKey"));
	json_object_set_new(good, "key_ops", json_pack("[s]", "verify"));
	json_object_set_new(good, "alg", json_string("ES256"));
	k = ring_of(json_pack("[o,o,o]", encrypts, derives, good));
	assert_int_equal(keyring_count(k), 1);
	assert_int_equal(keyring_passed_over(k), 2);
	assert_true(keyring_fits(keyring_at(k, 0), ALGORITHM_ES256));
	assert_false(keyring_fits(keyring_at(k, 0), ALGORITHM_ES384));
	assert_false(keyring_fits(keyring_at(k, 0), ALGORITHM_COUNT));
	keyring_destroy(&k);
	uint32_t set = 0;
	assert_int_equal(algorithms_parse("RS256;ES256", &set, NULL), OK);
	assert_int_equal(set, 1u << ALGORITHM_RS256 | 1u << ALGORITHM_ES256);
	assert_int_equal(algorithms_parse("RS256;none", &set, NULL), ERR_CONFIG);
	assert_int_equal(algorithms_parse("", &set, NULL), ERR_CONFIG);
}

static void the_cache(void **unused) {
	(void)unused;
	struct token_cache *c = token_cache_create();
	struct identity who = {.subject = "alice", .email = "e", .expires = NOW}, got;
	uint8_t hash[TOKEN_HASH_SIZE], other[TOKEN_HASH_SIZE];
	assert_true(token_hash(VIEW("one"), hash));
	assert_true(token_hash(VIEW("two"), other));
	assert_false(token_cache_find(c, hash, 1, &got));
	token_cache_add(c, hash, 1, &who);
	token_cache_add(c, hash, 1, &who);
	assert_true(token_cache_find(c, hash, 1, &got));
	assert_string_equal(got.subject, "alice");
	assert_string_equal(got.email, "e");
	assert_int_equal(got.expires, NOW);
	assert_false(token_cache_find(c, hash, 2, &got));
	assert_false(token_cache_find(c, other, 1, &got));
	/* many more than there is room for: bounded, and the one that lasts longest of a set stays */
	memset(other, 0, sizeof other);
	who.expires = NOW + 1000000;
	token_cache_add(c, other, 1, &who);
	for (unsigned i = 1; i < 1000; i++) {
		uint8_t same_set[TOKEN_HASH_SIZE] = {[30] = (uint8_t)(i >> 8), [31] = (uint8_t)i};
		who.expires = NOW + i;
		token_cache_add(c, same_set, 1, &who);
	}
	assert_true(token_cache_find(c, other, 1, &got));
	token_cache_destroy(&c);
	token_cache_destroy(&c);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(algorithms),
		cmocka_unit_test(dates_and_names),
		cmocka_unit_test(every_byte_of_a_token_counts),
		cmocka_unit_test(sets_of_keys),
		cmocka_unit_test(the_cache),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
