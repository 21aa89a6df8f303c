#include "client/fingerprint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/random.h"

static void fill(uint8_t *bytes, size_t count, struct random *r) {
	for (size_t i = 0; i < count; i++) bytes[i] = (uint8_t)random_below(r, 256);
}

static bool same(const uint64_t a[2], const uint64_t b[2]) { return a[0] == b[0] && a[1] == b[1]; }

/* FIPS 197, C.1: the expanded key, and the block that it encrypts. */
static void a_block_is_encrypted_as_the_standard_says(void **state) {
	(void)state;
	static const uint8_t keys[FINGERPRINT_KEY_SIZE] = {
		0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, //
		0xd6, 0xaa, 0x74, 0xfd, 0xd2, 0xaf, 0x72, 0xfa, 0xda, 0xa6, 0x78, 0xf1, 0xd6, 0xab, 0x76, 0xfe, //
		0xb6, 0x92, 0xcf, 0x0b, 0x64, 0x3d, 0xbd, 0xf1, 0xbe, 0x9b, 0xc5, 0x00, 0x68, 0x30, 0xb3, 0xfe, //
		0xb6, 0xff, 0x74, 0x4e, 0xd2, 0xc2, 0xc9, 0xbf, 0x6c, 0x59, 0x0c, 0xbf, 0x04, 0x69, 0xbf, 0x41, //
		0x47, 0xf7, 0xf7, 0xbc, 0x95, 0x35, 0x3e, 0x03, 0xf9, 0x6c, 0x32, 0xbc, 0xfd, 0x05, 0x8d, 0xfd, //
		0x3c, 0xaa, 0xa3, 0xe8, 0xa9, 0x9f, 0x9d, 0xeb, 0x50, 0xf3, 0xaf, 0x57, 0xad, 0xf6, 0x22, 0xaa, //
		0x5e, 0x39, 0x0f, 0x7d, 0xf7, 0xa6, 0x92, 0x96, 0xa7, 0x55, 0x3d, 0xc1, 0x0a, 0xa3, 0x1f, 0x6b, //
		0x14, 0xf9, 0x70, 0x1a, 0xe3, 0x5f, 0xe2, 0x8c, 0x44, 0x0a, 0xdf, 0x4d, 0x4e, 0xa9, 0xc0, 0x26, //
		0x47, 0x43, 0x87, 0x35, 0xa4, 0x1c, 0x65, 0xb9, 0xe0, 0x16, 0xba, 0xf4, 0xae, 0xbf, 0x7a, 0xd2, //
		0x54, 0x99, 0x32, 0xd1, 0xf0, 0x85, 0x57, 0x68, 0x10, 0x93, 0xed, 0x9c, 0xbe, 0x2c, 0x97, 0x4e, //
		0x13, 0x11, 0x1d, 0x7f, 0xe3, 0x94, 0x4a, 0x17, 0xf3, 0x07, 0xa7, 0x8b, 0x4d, 0x2b, 0x30, 0xc5};
	static const uint8_t plain[16] = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
					  0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff};
	static const uint8_t wanted[16] = {0x69, 0xc4, 0xe0, 0xd8, 0x6a, 0x7b, 0x04, 0x30,
					   0xd8, 0xcd, 0xb7, 0x80, 0x70, 0xb4, 0xc5, 0x5a};
	struct fingerprint_key k = {.by_aes = true};
	uint64_t bits[2];
	if (!tgc_fingerprint_has_aes()) skip();
	memcpy(k.bytes, keys, sizeof keys);
	tgc_fingerprint(&k, (const char *)plain, sizeof plain, bits);
	assert_memory_equal(bits, wanted, sizeof wanted);
}

/* The first vectors of the reference implementation with 128 bits, but that of no bytes. */
static void siphash_is_as_its_authors_have_it(void **state) {
	(void)state;
	static const uint8_t wanted[][16] = {
		{0xda, 0x87, 0xc1, 0xd8, 0x6b, 0x99, 0xaf, 0x44, 0x34, 0x76, 0x59, 0x11, 0x9b, 0x22, 0xfc, 0x45}};
	struct fingerprint_key k = {.by_aes = false};
	uint64_t bits[2];
	for (uint8_t i = 0; i < 16; i++) k.bytes[i] = i;
	tgc_fingerprint(&k, "\0", 1, bits);
	assert_memory_equal(bits, wanted[0], 16);
}

/* Every length, no byte of which is without effect, and nothing behind it with one. */
static void every_byte_counts_and_no_other(bool by_aes) {
	struct random r = random_start();
	struct fingerprint_key k = {.by_aes = by_aes};
	fill(k.bytes, sizeof k.bytes, &r);
	for (size_t len = 1; len <= 255; len++) {
		/* of just that size, so that AddressSanitizer sees who reads on */
		char *name = malloc(len), *longer = malloc(len + 1);
		uint64_t bits[2], others[2];
		assert_true(name && longer);
		fill((uint8_t *)name, len, &r);
		tgc_fingerprint(&k, name, len, bits);
		memcpy(longer, name, len);
		longer[len] = '\0';
		tgc_fingerprint(&k, longer, len, others);
		assert_true(same(bits, others));
		tgc_fingerprint(&k, longer, len + 1, others);
		assert_false(same(bits, others));
		for (size_t i = 0; i < len; i++) {
			name[i] ^= (char)(1 << random_below(&r, 8));
			tgc_fingerprint(&k, name, len, others);
			assert_false(same(bits, others));
			name[i] = longer[i];
		}
		k.bytes[random_below(&r, 16)] ^= 1;
		tgc_fingerprint(&k, name, len, others);
		assert_false(same(bits, others));
		free(name);
		free(longer);
	}
}

static void every_byte_counts_by_aes(void **state) {
	(void)state;
	if (!tgc_fingerprint_has_aes()) skip();
	every_byte_counts_and_no_other(true);
}

static void every_byte_counts_by_siphash(void **state) {
	(void)state;
	every_byte_counts_and_no_other(false);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_block_is_encrypted_as_the_standard_says),
		cmocka_unit_test(siphash_is_as_its_authors_have_it),
		cmocka_unit_test(every_byte_counts_by_aes),
		cmocka_unit_test(every_byte_counts_by_siphash),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
