#include "keyring.h"

#include <cjose/cjose.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

struct keyring {
	unsigned count, passed_over;
	struct keyring_key keys[KEYRING_KEYS_MAX];
};

static const struct {
	const char *name;
	enum key_kind kind;
	unsigned bits;
} algorithms[ALGORITHM_COUNT] = {
#define X(symbol, name, kind, bits) {name, kind, bits},
	ALGORITHM_TABLE(X)
#undef X
};

enum algorithm algorithm_of(struct view name) {
	for (unsigned i = 0; i < ALGORITHM_COUNT; i++)
		if (view_eq(view_str(algorithms[i].name), name)) return (enum algorithm)i;
	return ALGORITHM_COUNT;
}

enum key_kind algorithm_kind(enum algorithm a) { return algorithms[a].kind; }

enum error algorithms_parse(const char *list, uint32_t *ret_set, struct problem *why) {
	uint32_t set = 0;
	while (list && *list) {
		size_t n = strcspn(list, ";");
		enum algorithm a = algorithm_of(view_of(list, n));
		if (n && a == ALGORITHM_COUNT)
			return problem_set(why, ERR_CONFIG,
					   "'%.*s' is no algorithm that is known: RS256, PS256, ES256 …",
					   (int)(n < 40 ? n : 40), list);
		if (n) set |= UINT32_C(1) << a;
		list += n + (list[n] == ';');
	}
	if (!set) return problem_set(why, ERR_CONFIG, "no algorithm is named");
	*ret_set = set;
	return OK;
}

/* ---- one key ------------------------------------------------------------------------- */

static const char *text(const json_t *jwk, const char *member) {
	return json_string_value(json_object_get(jwk, member));
}

/* RFC 7517, sections 4.2 and 4.3. */
static bool may_verify(const json_t *jwk) {
	const char *use = text(jwk, "use");
	const json_t *operations = json_object_get(jwk, "key_ops"), *one;
	size_t i;
	if (use && strcmp(use, "sig") != 0) return false;
	if (!operations) return true;
	json_array_foreach(operations, i,
			   one) if (json_is_string(one) && strcmp(json_string_value(one), "verify") == 0) return true;
	return false;
}

/* The members that verifying needs; whatever is private stays out. */
static json_t *public_part(const json_t *jwk, enum key_kind kind) {
	static const char *const members[][4] = {
		[KEY_RSA] = {"kty", "n", "e"},
		[KEY_EC] = {"kty", "crv", "x", "y"},
		[KEY_SYMMETRIC] = {"kty", "k"},
	};
	json_t *o = json_object();
	for (unsigned i = 0; i < 4 && members[kind][i]; i++) {
		json_t *member = json_object_get(jwk, members[kind][i]);
		if (json_is_string(member) && json_object_set(o, members[kind][i], member) == 0) continue;
		json_decref(o);
		return NULL;
	}
	return o;
}

static bool kind_of(const json_t *jwk, enum key_kind *ret_kind) {
	static const char *const names[] = {[KEY_RSA] = "RSA", [KEY_EC] = "EC", [KEY_SYMMETRIC] = "oct"};
	const char *kty = text(jwk, "kty");
	for (unsigned i = 0; kty && i < 3; i++) {
		if (strcmp(kty, names[i]) != 0) continue;
		*ret_kind = (enum key_kind)i;
		return true;
	}
	return false;
}

static unsigned bits_of(const json_t *jwk, const struct keyring_key *key) {
	static const struct {
		const char *name;
		unsigned bits;
	} curves[] = {{"P-256", 256}, {"P-384", 384}, {"P-521", 521}};
	if (key->kind != KEY_EC) return (unsigned)cjose_jwk_get_keysize(key->jwk, NULL);
	const char *curve = text(jwk, "crv");
	for (unsigned i = 0; curve && i < 3; i++)
		if (strcmp(curve, curves[i].name) == 0) return curves[i].bits;
	return 0;
}

static bool any_algorithm_fits(const struct keyring_key *key) {
	for (unsigned i = 0; i < ALGORITHM_COUNT; i++)
		if (keyring_fits(key, (enum algorithm)i)) return true;
	return false;
}

/* False: it cannot verify; nothing is held then. */
static bool read_key(const json_t *jwk, bool symmetric, struct keyring_key *key) {
	*key = (struct keyring_key){.only = ALGORITHM_COUNT};
	const json_t *id = json_object_get(jwk, "kid"), *alg = json_object_get(jwk, "alg");
	if (!json_is_object(jwk) || !kind_of(jwk, &key->kind) || !may_verify(jwk)) return false;
	if (key->kind == KEY_SYMMETRIC && !symmetric) return false;
	if (alg) {
		key->only = algorithm_of(view_of(json_string_value(alg), json_string_length(alg)));
		if (key->only == ALGORITHM_COUNT) return false;
	}
	if (id && (!json_is_string(id) || json_string_length(id) > KEY_ID_MAX)) return false;
	if (id) memcpy(key->id, json_string_value(id), json_string_length(id));
	json_t *part = public_part(jwk, key->kind);
	key->jwk = part ? cjose_jwk_import_json(part, NULL) : NULL;
	json_decref(part);
	if (!key->jwk) return false;
	key->bits = bits_of(jwk, key);
	if (any_algorithm_fits(key)) return true;
	cjose_jwk_release(key->jwk);
	return false;
}

bool keyring_fits(const struct keyring_key *key, enum algorithm a) {
	if (a >= ALGORITHM_COUNT || algorithms[a].kind != key->kind) return false;
	if (key->only != ALGORITHM_COUNT && key->only != a) return false;
	return key->kind == KEY_EC ? key->bits == algorithms[a].bits : key->bits >= algorithms[a].bits;
}

/* ---- the set ------------------------------------------------------------------------- */

static enum error read_keys(struct keyring *k, const json_t *keys, bool symmetric, struct problem *why) {
	size_t i;
	const json_t *jwk;
	json_array_foreach(keys, i, jwk) {
		if (k->count == KEYRING_KEYS_MAX)
			return problem_set(why, ERR_LIMIT, "more than %d keys", KEYRING_KEYS_MAX);
		if (read_key(jwk, symmetric, &k->keys[k->count]))
			k->count++;
		else
			k->passed_over++;
	}
	if (k->count) return OK;
	return problem_set(why, ERR_NOT_FOUND, "none of the %u keys can verify a signature", k->passed_over);
}

enum error keyring_parse(struct view json, bool symmetric, struct keyring **ret_k, struct problem *why) {
	if (json.len > KEYRING_TEXT_MAX) return problem_set(why, ERR_LIMIT, "over %zu bytes", (size_t)KEYRING_TEXT_MAX);
	json_t *set = json_loadb(json.len ? json.ptr : "", json.len, JSON_REJECT_DUPLICATES, NULL);
	const json_t *keys = json_object_get(set, "keys");
	struct keyring *k = calloc(1, sizeof *k);
	enum error e = OK;
	if (!k)
		e = problem_set(why, ERR_MEMORY, "out of memory");
	else if (!json_is_array(keys))
		e = problem_set(why, ERR_MALFORMED, "no JWK set: want {\"keys\": […]}");
	else
		e = read_keys(k, keys, symmetric, why);
	json_decref(set);
	if (e)
		keyring_destroy(&k);
	else
		*ret_k = k;
	return e;
}

void keyring_destroy(struct keyring **pointer) {
	struct keyring *k = pointer ? *pointer : NULL;
	if (!k) return;
	for (unsigned i = 0; i < k->count; i++) cjose_jwk_release(k->keys[i].jwk);
	free(k);
	*pointer = NULL;
}

unsigned keyring_count(const struct keyring *k) { return k->count; }
unsigned keyring_passed_over(const struct keyring *k) { return k->passed_over; }
const struct keyring_key *keyring_at(const struct keyring *k, unsigned i) { return &k->keys[i]; }
