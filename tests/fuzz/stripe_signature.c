/* Law: an accepted header, written again in its plainest form, is read again as the same. */
#include "proto/stripe_signature.h"

#include <string.h>

#include "base/hex.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	char plain[SIGNATURE_HEADER_MAX];
	struct stripe_signature a, b;
	if (stripe_signature_parse(view_of(data, size), &a) != OK) return 0;
	FUZZ_MUST(a.count >= 1 && a.count <= STRIPE_SIGNATURES_MAX && a.t >= 0);
	FUZZ_MUST(a.t_text.ptr > (const char *)data && a.t_text.ptr + a.t_text.len <= (const char *)data + size);
	size_t len = (size_t)snprintf(plain, sizeof plain, "t=%lld", (long long)a.t);
	for (unsigned i = 0; i < a.count; i++) {
		char hex[2 * STRIPE_MAC_SIZE + 1];
		hex_encode(a.v1[i], STRIPE_MAC_SIZE, hex);
		len += (size_t)snprintf(plain + len, sizeof plain - len, ",v1=%s", hex);
	}
	FUZZ_MUST(stripe_signature_parse(view_of(plain, len), &b) == OK);
	FUZZ_MUST(a.t == b.t && a.count == b.count && view_eq(a.t_text, b.t_text));
	FUZZ_MUST(memcmp(a.v1, b.v1, a.count * sizeof a.v1[0]) == 0);
	return 0;
}
