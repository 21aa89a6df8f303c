#include "fingerprint.h"

#include <string.h>

static uint64_t read8(const char *at) {
	uint64_t n;
	memcpy(&n, at, 8);
	return n;
}

static uint32_t read4(const char *at) {
	uint32_t n;
	memcpy(&n, at, 4);
	return n;
}

static uint64_t byte(const char *at, size_t i) { return (uint64_t)(unsigned char)at[i] << 8 * i; }

/* The first n bytes, 0 to 7, then zeros: without a loop, whose end would be guessed wrong. */
static uint64_t read_part(const char *at, size_t n) {
	if (n >= 4) return read4(at) | (uint64_t)read4(at + n - 4) << 8 * (n - 4);
	return n ? byte(at, 0) | byte(at, n / 2) | byte(at, n - 1) : 0;
}

/* ---- AES --------------------------------------------------------------------------------- */

#ifdef __x86_64__
#include <immintrin.h>

#define WITH_AES __attribute__((target("aes,sse2")))

bool tgc_fingerprint_has_aes(void) { return __builtin_cpu_supports("aes") > 0; }

_Static_assert(FINGERPRINT_ROUND_KEYS == 11, "ten rounds, as AES-128 has");

static inline WITH_AES __m128i encrypt(const __m128i *keys, __m128i x) {
	x = _mm_xor_si128(x, keys[0]);
	x = _mm_aesenc_si128(x, keys[1]);
	x = _mm_aesenc_si128(x, keys[2]);
	x = _mm_aesenc_si128(x, keys[3]);
	x = _mm_aesenc_si128(x, keys[4]);
	x = _mm_aesenc_si128(x, keys[5]);
	x = _mm_aesenc_si128(x, keys[6]);
	x = _mm_aesenc_si128(x, keys[7]);
	x = _mm_aesenc_si128(x, keys[8]);
	x = _mm_aesenc_si128(x, keys[9]);
	return _mm_aesenclast_si128(x, keys[10]);
}

/* 0 to 15 bytes, a one and zeros. */
static inline WITH_AES __m128i filled_up(const char *at, size_t n) {
	if (n < 8) return _mm_set_epi64x(0, (int64_t)(read_part(at, n) | UINT64_C(0x80) << 8 * n));
	uint64_t rest = read8(at + n - 8) >> 8 >> 8 * (15 - n);
	return _mm_set_epi64x((int64_t)(rest | UINT64_C(0x80) << 8 * (n - 8)), (int64_t)read8(at));
}

static WITH_AES void by_aes(const struct fingerprint_key *k, const char *name, size_t len, uint64_t ret_bits[2]) {
	const __m128i *keys = (const void *)k->bytes;
	__m128i x = _mm_setzero_si128(), last;
	for (; len > 16; name += 16, len -= 16)
		x = encrypt(keys, _mm_xor_si128(x, _mm_loadu_si128((const void *)name)));
	if (len == 16)
		last = _mm_xor_si128(_mm_loadu_si128((const void *)name), keys[FINGERPRINT_ROUND_KEYS]);
	else
		last = _mm_xor_si128(filled_up(name, len), keys[FINGERPRINT_ROUND_KEYS + 1]);
	_mm_storeu_si128((void *)ret_bits, encrypt(keys, _mm_xor_si128(x, last)));
}
#else
bool tgc_fingerprint_has_aes(void) { return false; }
#endif

/* ---- SipHash ------------------------------------------------------------------------------- */

static uint64_t turn(uint64_t n, int by) { return n << by | n >> (64 - by); }

static void sip_rounds(uint64_t v[4], int count) {
	for (int i = 0; i < count; i++) {
		v[0] += v[1];
		v[2] += v[3];
		v[1] = turn(v[1], 13) ^ v[0];
		v[3] = turn(v[3], 16) ^ v[2];
		v[0] = turn(v[0], 32) + v[3];
		v[2] += v[1];
		v[3] = turn(v[3], 21) ^ v[0];
		v[1] = turn(v[1], 17) ^ v[2];
		v[2] = turn(v[2], 32);
	}
}

static void sip_word(uint64_t v[4], uint64_t word) {
	v[3] ^= word;
	sip_rounds(v, 2);
	v[0] ^= word;
}

static void by_siphash(const struct fingerprint_key *k, const char *name, size_t len, uint64_t ret_bits[2]) {
	const uint64_t low = read8((const char *)k->bytes), high = read8((const char *)k->bytes + 8);
	uint64_t v[4] = {low ^ UINT64_C(0x736f6d6570736575), high ^ UINT64_C(0x646f72616e646f6d) ^ 0xee,
			 low ^ UINT64_C(0x6c7967656e657261), high ^ UINT64_C(0x7465646279746573)};
	size_t at = 0;
	for (; at + 8 <= len; at += 8) sip_word(v, read8(name + at));
	sip_word(v, read_part(name + at, len - at) | (uint64_t)len << 56);
	v[2] ^= 0xee;
	sip_rounds(v, 4);
	ret_bits[0] = v[0] ^ v[1] ^ v[2] ^ v[3];
	v[1] ^= 0xdd;
	sip_rounds(v, 4);
	ret_bits[1] = v[0] ^ v[1] ^ v[2] ^ v[3];
}

void tgc_fingerprint(const struct fingerprint_key *k, const char *name, size_t len, uint64_t ret_bits[2]) {
#ifdef __x86_64__
	if (k->by_aes) {
		by_aes(k, name, len, ret_bits);
		return;
	}
#endif
	by_siphash(k, name, len, ret_bits);
}
