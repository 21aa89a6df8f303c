#include "base/utf8.h"

/* How many bytes the sequence at p has, or 0 when it is none. The second byte's range is what
 * keeps out overlong forms, surrogates and too large numbers (RFC 3629, section 4). */
static size_t sequence(const unsigned char *p, size_t left) {
	unsigned char a = p[0], low = 0x80, high = 0xbf;
	size_t n = a < 0xc2 ? 0 : a < 0xe0 ? 2 : a < 0xf0 ? 3 : a < 0xf5 ? 4 : 0;
	if (n == 0 || n > left) return 0;
	if (a == 0xe0) low = 0xa0;
	if (a == 0xed) high = 0x9f;
	if (a == 0xf0) low = 0x90;
	if (a == 0xf4) high = 0x8f;
	if (p[1] < low || p[1] > high) return 0;
	for (size_t i = 2; i < n; i++)
		if ((p[i] & 0xc0) != 0x80) return 0;
	return n;
}

bool utf8_valid(struct view v) {
	const unsigned char *p = (const unsigned char *)v.ptr;
	size_t i = 0;
	while (i < v.len) {
		if (p[i] < 0x80) {
			i++;
			continue;
		}
		size_t n = sequence(p + i, v.len - i);
		if (n == 0) return false;
		i += n;
	}
	return true;
}
