#include "base/hex.h"

static int digit(char c) {
	if (c >= '0' && c <= '9') return c - '0';
	if (c >= 'a' && c <= 'f') return c - 'a' + 10;
	if (c >= 'A' && c <= 'F') return c - 'A' + 10;
	return -1;
}

bool hex_decode(struct view text, uint8_t *out, size_t n) {
	if (text.len != 2 * n) return false;
	for (size_t i = 0; i < text.len; i++)
		if (digit(text.ptr[i]) < 0) return false;
	for (size_t i = 0; i < n; i++) {
		unsigned high = (unsigned)digit(text.ptr[2 * i]), low = (unsigned)digit(text.ptr[2 * i + 1]);
		out[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

void hex_encode(const uint8_t *bytes, size_t n, char *out) {
	for (size_t i = 0; i < n; i++) {
		out[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
		out[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
	}
	out[2 * n] = 0;
}
