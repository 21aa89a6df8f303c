#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <pthread.h>
#include <stdio.h>

#include "base/hex.h"
#include "net/stripe_hmac.h"

#define KEY "whsec_0123456789abcdef0123456789abcdef"

/* Made with `openssl dgst -sha256 -hmac KEY` over t, a full stop and the body. */
static void signs_known_vectors(void **state) {
	static const struct {
		struct view t, body;
		const char *hex;
	} cases[] = {
		{VIEW_INIT("1700000000"), VIEW_INIT("{\"id\":\"evt_1\"}"),
		 "360ea15129d758b8022576683ca927888b10e2349551846fddc284f76f1131ae"},
		{VIEW_INIT("0"), VIEW_INIT(""), "8926cf8771761e84ece85f437a29a1850b7254a2c6ea1338e544e9d213ba3150"},
		{VIEW_INIT("1"), VIEW_INIT("\xff\0\n"),
		 "83bcedbe123e9a5ac8d9943e24de6b7b4b6d065766fae6d2f085fa0d044ade39"},
	};
	struct stripe_hmac *h = NULL;
	(void)state;
	assert_int_equal(stripe_hmac_create(VIEW(KEY), &h), OK);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint8_t mac[STRIPE_MAC_SIZE];
		char hex[2 * STRIPE_MAC_SIZE + 1];
		assert_int_equal(stripe_hmac_sign(h, cases[i].t, cases[i].body, mac), OK);
		hex_encode(mac, sizeof mac, hex);
		assert_string_equal(hex, cases[i].hex);
	}
	stripe_hmac_destroy(&h);
	assert_null(h);
	stripe_hmac_destroy(&h);
	stripe_hmac_destroy(NULL);
}

static void compares_whole_macs(void **state) {
	uint8_t a[STRIPE_MAC_SIZE] = {1}, b[STRIPE_MAC_SIZE] = {1};
	(void)state;
	assert_true(stripe_mac_eq(a, b));
	for (size_t i = 0; i < sizeof a; i++) {
		b[i] ^= 0x80;
		assert_false(stripe_mac_eq(a, b));
		b[i] ^= 0x80;
	}
}

static void writes_the_header(void **state) {
	struct stripe_hmac *h = NULL;
	struct stripe_signature s;
	char header[STRIPE_HEADER_SIZE];
	static const int64_t times[] = {0, 1700000000, INT64_MAX};
	(void)state;
	assert_int_equal(stripe_hmac_create(VIEW(KEY), &h), OK);
	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		uint8_t mac[STRIPE_MAC_SIZE];
		assert_int_equal(stripe_hmac_header(h, times[i], VIEW("body"), header), OK);
		assert_int_equal(stripe_signature_parse(view_str(header), &s), OK);
		assert_true(s.t == times[i]);
		assert_int_equal(s.count, 1);
		assert_int_equal(stripe_hmac_sign(h, s.t_text, VIEW("body"), mac), OK);
		assert_true(stripe_mac_eq(mac, s.v1[0]));
	}
	assert_int_equal(stripe_hmac_header(h, -1, VIEW("body"), header), ERR_BAD_REQUEST);
	stripe_hmac_destroy(&h);
}

/* One key, many threads at once: each gets what a single one would. */
struct job {
	const struct stripe_hmac *h;
	unsigned id;
	unsigned wrong;
};

static void *sign_often(void *arg) {
	struct job *job = arg;
	for (unsigned i = 0; i < 2000; i++) {
		char body[64];
		uint8_t mac[STRIPE_MAC_SIZE], want[STRIPE_MAC_SIZE];
		unsigned len = 0;
		int n = snprintf(body, sizeof body, "7.%u of thread %u", i, job->id);
		HMAC(EVP_sha256(), KEY, sizeof KEY - 1, (const unsigned char *)body, (size_t)n, want, &len);
		if (stripe_hmac_sign(job->h, VIEW("7"), view_of(body + 2, (size_t)n - 2), mac) != OK ||
		    !stripe_mac_eq(mac, want))
			job->wrong++;
	}
	return NULL;
}

static void is_shared_by_threads(void **state) {
	struct stripe_hmac *h = NULL;
	struct job jobs[4];
	pthread_t threads[4];
	(void)state;
	assert_int_equal(stripe_hmac_create(VIEW(KEY), &h), OK);
	for (unsigned i = 0; i < 4; i++) {
		jobs[i] = (struct job){h, i, 0};
		assert_int_equal(pthread_create(&threads[i], NULL, sign_often, &jobs[i]), 0);
	}
	for (unsigned i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(jobs[i].wrong, 0);
	}
	stripe_hmac_destroy(&h);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signs_known_vectors),
		cmocka_unit_test(compares_whole_macs),
		cmocka_unit_test(writes_the_header),
		cmocka_unit_test(is_shared_by_threads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
