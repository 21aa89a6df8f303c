/* Law: the header parser and a slow, wordy model agree on every header. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <ctype.h>
#include <inttypes.h>

#include "base/hex.h"
#include "proto/stripe_signature.h"
#include "support/random.h"

#define ROUNDS 100000

/* ---- the model: copies, NUL-terminated strings and the C library ------------ */

struct model {
	bool ok;
	int64_t t;
	unsigned count;
	char macs[STRIPE_SIGNATURES_MAX][2 * STRIPE_MAC_SIZE + 1]; /* lower case */
};

static bool only_of(const char *s, int (*is)(int)) {
	for (; *s; s++)
		if (!is((unsigned char)*s)) return false;
	return true;
}

static bool model_time(const char *value, int64_t *ret) {
	char again[32];
	intmax_t n = strtoimax(value, NULL, 10);
	if (!only_of(value, isdigit)) return false;
	(void)snprintf(again, sizeof again, "%jd", n);
	if (strcmp(again, value) != 0) return false; /* canonical, and not clamped */
	*ret = n;
	return true;
}

static bool model_element(struct model *m, const char *element, unsigned *times) {
	const char *equals = strchr(element, '=');
	if (!equals) return true;
	char *name = strndup(element, (size_t)(equals - element));
	const char *value = equals + 1;
	bool ok = true;
	if (strcmp(name, "t") == 0) {
		*times += 1;
		ok = model_time(value, &m->t);
	} else if (strcmp(name, "v1") == 0 && strlen(value) == 2 * STRIPE_MAC_SIZE && only_of(value, isxdigit)) {
		ok = m->count < STRIPE_SIGNATURES_MAX;
		if (ok) {
			for (size_t i = 0; i <= strlen(value); i++) m->macs[m->count][i] = (char)tolower(value[i]);
			m->count++;
		}
	}
	free(name);
	return ok;
}

static struct model model_parse(struct view header) {
	struct model m = {.ok = header.len <= SIGNATURE_HEADER_MAX};
	unsigned times = 0;
	for (size_t i = 0; i < header.len; i++)
		if (!isascii(header.ptr[i]) || !isgraph(header.ptr[i])) m.ok = false;
	if (!m.ok) return m;
	char *copy = strndup(header.ptr, header.len), *rest = copy, *element;
	while ((element = strsep(&rest, ",")))
		if (!model_element(&m, element, &times)) m.ok = false;
	free(copy);
	if (times != 1 || m.count == 0) m.ok = false;
	return m;
}

/* ---- headers ---------------------------------------------------------------- */

struct header {
	size_t len;
	char bytes[SIGNATURE_HEADER_MAX + 64];
};

static void put(struct header *h, const char *s) {
	size_t n = strlen(s);
	if (h->len + n > sizeof h->bytes) return;
	memcpy(h->bytes + h->len, s, n);
	h->len += n;
}

static void put_mac(struct random *r, struct header *h) {
	uint8_t mac[STRIPE_MAC_SIZE];
	char text[2 * STRIPE_MAC_SIZE + 1];
	for (size_t i = 0; i < sizeof mac; i++) mac[i] = (uint8_t)random_u64(r);
	hex_encode(mac, sizeof mac, text);
	if (random_below(r, 4) == 0)
		for (size_t i = 0; text[i]; i++) text[i] = (char)toupper(text[i]);
	if (random_below(r, 12) == 0) text[random_below(r, sizeof text - 1)] = "gG,= \x80-z"[random_below(r, 8)];
	if (random_below(r, 12) == 0) text[random_below(r, sizeof text)] = 0; /* shorter */
	put(h, text);
	if (random_below(r, 20) == 0) put(h, "0");
}

static void put_time(struct random *r, struct header *h) {
	static const char *const odd[] = {"",
					  " 1",
					  "1 ",
					  "01",
					  "00",
					  "+1",
					  "-1",
					  "-0",
					  "1x",
					  "9223372036854775807",
					  "9223372036854775808",
					  "99999999999999999999999",
					  "1e3",
					  "0x1",
					  "1\xd9\xa0"};
	char text[32];
	if (random_below(r, 8) == 0) {
		put(h, odd[random_below(r, ARRAY_LEN(odd))]);
		return;
	}
	(void)snprintf(text, sizeof text, "%zu", random_below(r, random_below(r, 2) ? 10 : 4000000000));
	put(h, text);
}

static void put_element(struct random *r, struct header *h) {
	static const char *const junk[] = {
		"", "v0=abc", "v2=", "=", "==", "t", "v1", "V1=", "T=1", " v1=", "tt=1", "v1", "x=y,", ",", "\x01"};
	switch (random_below(r, 8)) {
	case 0:
		put(h, junk[random_below(r, ARRAY_LEN(junk))]);
		break;
	case 1:
		if (random_below(r, 3) == 0) {
			put(h, "t=");
			put_time(r, h);
		}
		break;
	default:
		put(h, random_below(r, 6) ? "v1=" : "v0=");
		put_mac(r, h);
	}
}

static void make(struct random *r, struct header *h) {
	size_t count = random_below(r, 40) ? random_below(r, 6) : random_below(r, 80), at = random_below(r, count + 1);
	h->len = 0;
	for (size_t i = 0; i <= count; i++) {
		if (i) put(h, ",");
		if (i == at && random_below(r, 20)) {
			put(h, "t=");
			put_time(r, h);
		} else {
			put_element(r, h);
		}
	}
	while (h->len && random_below(r, 8) == 0) {
		size_t place = random_below(r, h->len);
		h->bytes[place] = random_below(r, 2) ? (char)random_u64(r) : h->bytes[random_below(r, h->len)];
	}
}

static void agrees_with_the_model(void **state) {
	struct random r = random_start();
	size_t good = 0, bad = 0;
	(void)state;
	for (size_t i = 0; i < ROUNDS; i++) {
		struct header h;
		struct stripe_signature s;
		make(&r, &h);
		struct view header = view_of(h.bytes, h.len);
		struct model m = model_parse(header);
		bool ok = stripe_signature_parse(header, &s) == OK;
		*(ok ? &good : &bad) += 1;
		if (ok != m.ok) fail_msg("round %zu: ours %d, model %d: %.*s", i, ok, m.ok, VIEW_FMT(header));
		if (!ok) continue;
		assert_true(s.t == m.t);
		assert_int_equal(s.count, m.count);
		for (unsigned n = 0; n < s.count; n++) {
			char text[2 * STRIPE_MAC_SIZE + 1];
			hex_encode(s.v1[n], STRIPE_MAC_SIZE, text);
			assert_string_equal(text, m.macs[n]);
		}
	}
	assert_true(good > ROUNDS / 10);
	assert_true(bad > ROUNDS / 10);
}

int main(void) {
	const struct CMUnitTest tests[] = {cmocka_unit_test(agrees_with_the_model)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
