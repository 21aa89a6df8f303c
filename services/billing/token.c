#include "token.h"

#include <cjose/cjose.h>
#include <jansson.h>
#include <math.h>

#include "base/utf8.h"

static const char *const texts[] = {
#define X(symbol, text) [symbol] = text,
	TOKEN_FAULT_TABLE(X)
#undef X
};

const char *token_fault_text(enum token_fault f) { return (unsigned)f < TOKEN_FAULT_COUNT ? texts[f] : "?"; }

/* Three parts of base64url, none empty (RFC 7515, section 7.1). */
static bool is_compact(struct view t) {
	unsigned dots = 0;
	size_t part = 0;
	for (size_t i = 0; i < t.len; i++) {
		char c = t.ptr[i], letter = (char)(c | 0x20);
		if (c == '.') {
			if (part == 0) return false;
			dots++;
			part = 0;
		} else if ((c >= '0' && c <= '9') || (letter >= 'a' && letter <= 'z') || c == '-' || c == '_') {
			part++;
		} else {
			return false;
		}
	}
	return dots == 2 && part > 0;
}

/* ---- the signature ------------------------------------------------------------------- */

struct header {
	enum algorithm algorithm;
	const json_t *id; /* a string, or NULL */
};

static enum token_fault read_header(const json_t *h, const struct token_rules *rules, struct header *ret_h) {
	const json_t *alg = json_object_get(h, "alg");
	ret_h->algorithm = algorithm_of(view_of(json_string_value(alg), json_string_length(alg)));
	ret_h->id = json_object_get(h, "kid");
	if (ret_h->algorithm == ALGORITHM_COUNT || !(rules->algorithms & UINT32_C(1) << ret_h->algorithm))
		return TOKEN_ALGORITHM;
	if (json_object_get(h, "crit")) return TOKEN_CRITICAL;
	return ret_h->id && !json_is_string(ret_h->id) ? TOKEN_FORM : TOKEN_FINE;
}

/* Imported anew for each try: cjose keeps in it what the try before has computed. */
static bool verifies(struct view token, const struct keyring_key *key) {
	cjose_jws_t *jws = cjose_jws_import(token.ptr, token.len, NULL);
	bool ok = jws && cjose_jws_verify(jws, key->jwk, NULL);
	cjose_jws_release(jws);
	return ok;
}

static enum token_fault verify(struct view token, const struct header *h, const struct keyring *keys) {
	enum token_fault fault = TOKEN_UNKNOWN_KEY;
	unsigned tries = 0;
	for (unsigned i = 0; i < keyring_count(keys) && tries < TOKEN_TRIES; i++) {
		const struct keyring_key *key = keyring_at(keys, i);
		if (h->id && strcmp(json_string_value(h->id), key->id) != 0) continue;
		if (fault == TOKEN_UNKNOWN_KEY && h->id) fault = TOKEN_KEY_MISFIT;
		if (!keyring_fits(key, h->algorithm)) continue;
		fault = TOKEN_SIGNATURE;
		tries++;
		if (verifies(token, key)) return TOKEN_FINE;
	}
	return fault;
}

/* ---- the claims ---------------------------------------------------------------------- */

/* A NumericDate (RFC 7519, section 2), which may have a fraction. */
static bool read_date(const json_t *claim, int64_t *ret_s) {
	if (!json_is_number(claim)) return false;
	double s = json_number_value(claim);
	if (!isfinite(s)) return false;
	*ret_s = s >= 1e15 ? INT64_C(1000000000000000) : s <= 0 ? 0 : (int64_t)s;
	return true;
}

static bool is_text(const json_t *v, const char *text) {
	return json_is_string(v) && view_eq(view_of(json_string_value(v), json_string_length(v)), view_str(text));
}

static bool is_for(const json_t *audience, const char *us) {
	size_t i;
	const json_t *one;
	if (!json_is_array(audience)) return is_text(audience, us);
	json_array_foreach(audience, i, one) if (is_text(one, us)) return true;
	return false;
}

static bool copy(const json_t *v, char *to, size_t max) {
	struct view t = view_of(json_string_value(v), json_string_length(v));
	if (!json_is_string(v) || t.len == 0 || t.len > max || !utf8_valid(t)) return false;
	memcpy(to, t.ptr, t.len);
	to[t.len] = '\0';
	return true;
}

static enum token_fault read_claims(const json_t *c, const struct token_rules *rules, struct identity *who) {
	const json_t *nbf = json_object_get(c, "nbf");
	if (!json_is_object(c)) return TOKEN_CLAIMS;
	if (!is_text(json_object_get(c, "iss"), rules->issuer)) return TOKEN_ISSUER;
	if (!is_for(json_object_get(c, "aud"), rules->audience)) return TOKEN_AUDIENCE;
	if (!read_date(json_object_get(c, "exp"), &who->expires)) return TOKEN_NO_EXPIRY;
	if (nbf && !read_date(nbf, &who->not_before)) return TOKEN_NOT_YET;
	if (!copy(json_object_get(c, "sub"), who->subject, SUBJECT_MAX)) return TOKEN_SUBJECT;
	if (!copy(json_object_get(c, "email"), who->email, EMAIL_MAX)) who->email[0] = '\0';
	return TOKEN_FINE;
}

enum token_fault token_judge_time(const struct identity *who, int64_t now_s) {
	if (now_s >= who->expires + TOKEN_SKEW_S) return TOKEN_EXPIRED;
	return who->not_before && now_s < who->not_before - TOKEN_SKEW_S ? TOKEN_NOT_YET : TOKEN_FINE;
}

static enum token_fault judge(struct view token, cjose_jws_t *jws, const struct token_rules *rules,
			      const struct keyring *keys, struct identity *who) {
	struct header h;
	uint8_t *bytes = NULL;
	size_t n = 0;
	enum token_fault fault = read_header(cjose_jws_get_protected(jws), rules, &h);
	if (!fault) fault = verify(token, &h, keys);
	if (fault) return fault;
	if (!cjose_jws_get_plaintext(jws, &bytes, &n, NULL)) return TOKEN_CLAIMS;
	json_t *claims = json_loadb((const char *)bytes, n, JSON_REJECT_DUPLICATES, NULL);
	fault = claims ? read_claims(claims, rules, who) : TOKEN_CLAIMS;
	json_decref(claims);
	return fault;
}

enum token_fault token_judge(struct view token, const struct token_rules *rules, const struct keyring *keys,
			     int64_t now_s, struct identity *ret_who) {
	struct identity who = {0};
	if (token.len > TOKEN_MAX) return TOKEN_TOO_LARGE;
	if (!is_compact(token)) return TOKEN_FORM;
	if (!keys) return TOKEN_NO_KEYS;
	cjose_jws_t *jws = cjose_jws_import(token.ptr, token.len, NULL);
	if (!jws) return TOKEN_FORM; /* also an algorithm that cjose does not know, "none" among them */
	enum token_fault fault = judge(token, jws, rules, keys, &who);
	cjose_jws_release(jws);
	if (!fault) fault = token_judge_time(&who, now_s);
	if (!fault) *ret_who = who;
	return fault;
}
