#include "proto/msgpack_guard.h"

#include <msgpack.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support/random.h"

static const struct msgpack_limits limits = {.bytes_max = 1024, .depth_max = 4, .elements_max = 64};

static enum error guard(struct view v) { return msgpack_guard(v, &limits, NULL); }
#define GUARD(bytes) guard(VIEW(bytes))

static void accepts(void **state) {
	(void)state;
	assert_int_equal(GUARD("\xc0"), OK);
	assert_int_equal(GUARD("\x00"), OK);
	assert_int_equal(GUARD("\xff"), OK);
	assert_int_equal(GUARD("\x80"), OK);
	assert_int_equal(GUARD("\x90"), OK);
	assert_int_equal(GUARD("\xdc\x00\x00"), OK);
	assert_int_equal(GUARD("\xdf\x00\x00\x00\x01\xa1"
			       "a\xcf"
			       "12345678"),
			 OK);
	assert_int_equal(GUARD("\x91\x91\x91\x91\x00"), OK);
	assert_int_equal(GUARD("\x92\xcb"
			       "12345678\xda\x00\x02"
			       "ab"),
			 OK);
	assert_int_equal(GUARD("\xc4\x03"
			       "abc"),
			 OK);
}

static void refuses(void **state) {
	(void)state;
	assert_int_equal(GUARD(""), ERR_MALFORMED);
	assert_int_equal(GUARD("\xc1"), ERR_MALFORMED);
	assert_int_equal(GUARD("\x00\x00"), ERR_MALFORMED);
	assert_int_equal(GUARD("\xc0\xc1"), ERR_MALFORMED);
	assert_int_equal(GUARD("\xd4\x00\x00"), ERR_MALFORMED);
	assert_int_equal(GUARD("\xc7\x00\x00"), ERR_MALFORMED);
	assert_int_equal(GUARD("\xdd\xff\xff\xff\xff"), ERR_TRUNCATED);
	assert_int_equal(GUARD("\xdf\xff\xff\xff\xff"), ERR_TRUNCATED);
	assert_int_equal(GUARD("\xdf\x80\x00\x00\x00"), ERR_TRUNCATED); /* twice that is 2^32 */
	assert_int_equal(GUARD("\xdb\xff\xff\xff\xff"), ERR_TRUNCATED);
	assert_int_equal(GUARD("\x92\x00"), ERR_TRUNCATED);
	assert_int_equal(GUARD("\x81\x00"), ERR_TRUNCATED);
	assert_int_equal(GUARD("\xcd\x00"), ERR_TRUNCATED);
	assert_int_equal(GUARD("\x91\x91\x91\x91\x91\x00"), ERR_LIMIT);
	assert_int_equal(GUARD("\x91\x91\x91\x91\x90"), ERR_LIMIT);
}

static void limits_are_exact(void **state) {
	(void)state;
	char m[2048];
	memset(m, 0, sizeof m);
	memcpy(m, "\xdc\x00\x3f", 3); /* 63 and the array itself */
	assert_int_equal(guard(view_of(m, 3 + 63)), OK);
	m[2] = 64;
	assert_int_equal(guard(view_of(m, 3 + 64)), ERR_LIMIT);
	memcpy(m, "\xda\x03\xfd", 3); /* a string that makes 1024 bytes */
	assert_int_equal(guard(view_of(m, 1024)), OK);
	m[2] = (char)0xfe;
	assert_int_equal(guard(view_of(m, 1025)), ERR_TOO_LARGE);
}

/* Law: whatever passes the guard, msgpack-c unpacks whole; what is truncated anywhere passes never. */
static void agrees_with_the_library(void **state) {
	(void)state;
	struct random rng = random_start();
	unsigned passed = 0;
	for (int round = 0; round < 200000; round++) {
		char m[24];
		size_t n = 1 + random_below(&rng, sizeof m);
		for (size_t i = 0; i < n; i++) {
			uint64_t x = random_u64(&rng);
			/* containers and short strings more often than chance has them */
			uint8_t r = (uint8_t)(x >> 40);
			m[i] = (char)(x >> 63 ? r : (x >> 62 & 1) ? 0x80 | (r & 0x23) : 0x90 | (r & 3));
		}
		msgpack_zone zone;
		assert_true(msgpack_zone_init(&zone, 4096));
		size_t end = 0;
		msgpack_object o;
		if (guard(view_of(m, n)) == OK) {
			passed++;
			if (msgpack_unpack(m, n, &end, &zone, &o) != MSGPACK_UNPACK_SUCCESS || end != n)
				fail_msg("round %d passed the guard and does not unpack", round);
			for (size_t cut = 0; cut < n; cut++)
				if (guard(view_of(m, cut)) == OK) fail_msg("round %d passes cut to %zu", round, cut);
		}
		msgpack_zone_destroy(&zone);
	}
	assert_true(passed > 1000);
}

static void finds_a_key(void **state) {
	(void)state;
	struct view value;
	/* {"checks": [[1, {}]], 7: nil, "id": 9, "id": 1} */
	static const char m[] = "\x84\xa6"
				"checks\x91\x92\x01\x80\x07\xc0\xd9\x02"
				"id\x09\xa2"
				"id\x01";
	assert_true(msgpack_find(view_of(m, sizeof m - 1), VIEW("id"), &value));
	assert_int_equal(value.len, 1);
	assert_int_equal(value.ptr[0], 9);
	assert_false(msgpack_find(view_of(m, sizeof m - 1), VIEW("op"), &value));
	size_t found = (size_t)(value.ptr - m) + 1;
	for (size_t cut = 0; cut < sizeof m - 1; cut++)
		assert_int_equal(msgpack_find(view_of(m, cut), VIEW("id"), &value), cut >= found);
	assert_false(msgpack_find(VIEW("\x92\xa2id\x01"), VIEW("id"), &value));                /* an array */
	assert_false(msgpack_find(VIEW("\xdf\xff\xff\xff\xff"), VIEW("id"), &value));          /* promises */
	assert_false(msgpack_find(VIEW("\x81\xa1x\xdd\xff\xff\xff\xff"), VIEW("id"), &value)); /* the same, inside */
}

int main(void) {
	const struct CMUnitTest tests[] = {cmocka_unit_test(accepts), cmocka_unit_test(refuses),
					   cmocka_unit_test(limits_are_exact), cmocka_unit_test(finds_a_key),
					   cmocka_unit_test(agrees_with_the_library)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
