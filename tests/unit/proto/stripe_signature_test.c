#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/hex.h"
#include "proto/stripe_signature.h"
#include "support/guard.h"

#define A "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define B "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100"
#define UPPER_A "00112233445566778899AABBCCDDEEFF00112233445566778899aabbccddeeff"

static struct view mac_text(const uint8_t mac[STRIPE_MAC_SIZE], char out[2 * STRIPE_MAC_SIZE + 1]) {
	hex_encode(mac, STRIPE_MAC_SIZE, out);
	return view_str(out);
}

static void accepts(void **state) {
	static const struct {
		struct view header;
		int64_t t;
		unsigned count;
		struct view first;
	} cases[] = {
		{VIEW_INIT("t=1700000000,v1=" A), 1700000000, 1, VIEW_INIT(A)},
		{VIEW_INIT("v1=" A ",t=1700000000"), 1700000000, 1, VIEW_INIT(A)},
		{VIEW_INIT("t=1,v1=" B ",v1=" A), 1, 2, VIEW_INIT(B)},
		{VIEW_INIT("t=1,v0=" B ",v1=" A ",v2=x"), 1, 1, VIEW_INIT(A)},
		{VIEW_INIT("t=1,v1=" UPPER_A), 1, 1, VIEW_INIT(A)},
		{VIEW_INIT("t=1,v1=" A ","), 1, 1, VIEW_INIT(A)},
		{VIEW_INIT(",,t=1,,v1=" A ",,"), 1, 1, VIEW_INIT(A)},
		{VIEW_INIT("t=1,v1=junk,v1=" A), 1, 1, VIEW_INIT(A)},
		{VIEW_INIT("t=1,v1=,v1=" A "0,v1=" A), 1, 1, VIEW_INIT(A)},
		{VIEW_INIT("t=1,v1,t,=,v1=" A ",x=y=z"), 1, 1, VIEW_INIT(A)},
		{VIEW_INIT("T=9,t=1,V1=" B ",v1=" A ",v11=" B), 1, 1, VIEW_INIT(A)},
		{VIEW_INIT("t=0,v1=" A), 0, 1, VIEW_INIT(A)},
		{VIEW_INIT("t=9223372036854775807,v1=" A), INT64_MAX, 1, VIEW_INIT(A)},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct stripe_signature s;
		char text[2 * STRIPE_MAC_SIZE + 1];
		if (stripe_signature_parse(cases[i].header, &s) != OK) fail_msg("case %zu refused", i);
		assert_true(s.t == cases[i].t);
		assert_int_equal(s.count, cases[i].count);
		assert_true(view_eq(mac_text(s.v1[0], text), cases[i].first));
		/* the digits as they stand in the header */
		const char *t = s.t_text.ptr;
		assert_true(t >= cases[i].header.ptr + 2 && t[-1] == '=' && t[-2] == 't');
	}
}

static void refuses(void **state) {
	static const struct view headers[] = {
		VIEW_INIT(""),
		VIEW_INIT(","),
		VIEW_INIT("v1=" A),
		VIEW_INIT("t=1"),
		VIEW_INIT("t=1,v0=" A),
		VIEW_INIT("t=1,v1=junk"),
		VIEW_INIT("t=1,t=1,v1=" A),
		VIEW_INIT("t=1,t=2,v1=" A),
		VIEW_INIT("t=,v1=" A),
		VIEW_INIT("t=,t=1,v1=" A),
		VIEW_INIT("t= 123,v1=" A),
		VIEW_INIT("t=123 ,v1=" A),
		VIEW_INIT("t=123abc,v1=" A),
		VIEW_INIT("t=0123,v1=" A),
		VIEW_INIT("t=00,v1=" A),
		VIEW_INIT("t=+1,v1=" A),
		VIEW_INIT("t=-1,v1=" A),
		VIEW_INIT("t=1.0,v1=" A),
		VIEW_INIT("t=0x1,v1=" A),
		VIEW_INIT("t=9223372036854775808,v1=" A),
		VIEW_INIT("t=18446744073709551617,v1=" A),
		VIEW_INIT("t=1, v1=" A),
		VIEW_INIT("t=1,v1=" A ", v1=" B),
		VIEW_INIT(" t=1,v1=" A),
		VIEW_INIT("t=1,v1=" A " "),
		VIEW_INIT("t=1,v1=" A "\t"),
		VIEW_INIT("t=1,v1=" A "\r\n"),
		VIEW_INIT("t=1,v1=" A ",\0"),
		VIEW_INIT("t=1,v1=" A ",v2=\xc3\xa9"),
		VIEW_INIT("t=1;v1=" A),
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
		struct stripe_signature s, before;
		memset(&s, 0x5a, sizeof s);
		before = s;
		if (stripe_signature_parse(headers[i], &s) != ERR_BAD_HEADER) fail_msg("case %zu accepted", i);
		assert_memory_equal(&s, &before, sizeof s);
	}
}

static void bounds_the_candidates(void **state) {
	(void)state;
	for (unsigned n = STRIPE_SIGNATURES_MAX; n <= STRIPE_SIGNATURES_MAX + 1; n++) {
		char header[SIGNATURE_HEADER_MAX];
		size_t len = 3;
		struct stripe_signature s;
		memcpy(header, "t=1", len);
		for (unsigned i = 0; i < n; i++, len += sizeof ",v1=" A - 1)
			memcpy(header + len, ",v1=" A, sizeof ",v1=" A - 1);
		enum error want = n > STRIPE_SIGNATURES_MAX ? ERR_BAD_HEADER : OK;
		assert_int_equal(stripe_signature_parse(view_of(header, len), &s), want);
		if (want == OK) assert_int_equal(s.count, n);
	}
}

static void bounds_the_header(void **state) {
	char header[SIGNATURE_HEADER_MAX + 1];
	struct stripe_signature s;
	(void)state;
	memset(header, ',', sizeof header);
	memcpy(header, "t=1,v1=" A, sizeof "t=1,v1=" A - 1);
	assert_int_equal(stripe_signature_parse(view_of(header, SIGNATURE_HEADER_MAX), &s), OK);
	assert_int_equal(stripe_signature_parse(view_of(header, SIGNATURE_HEADER_MAX + 1), &s), ERR_BAD_HEADER);
}

static void reads_no_byte_beyond_a_prefix(void **state) {
	static const struct view whole = VIEW_INIT("t=1700000000,v0=" B ",v1=" A);
	AUTO(guard_close)
	struct guard g = guard_open(whole.len);
	struct stripe_signature s;
	(void)state;
	for (size_t n = 0; n < whole.len; n++)
		assert_int_equal(stripe_signature_parse(guard_copy(&g, view_of(whole.ptr, n)), &s), ERR_BAD_HEADER);
	assert_int_equal(stripe_signature_parse(guard_copy(&g, whole), &s), OK);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts),
		cmocka_unit_test(refuses),
		cmocka_unit_test(bounds_the_candidates),
		cmocka_unit_test(bounds_the_header),
		cmocka_unit_test(reads_no_byte_beyond_a_prefix),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
