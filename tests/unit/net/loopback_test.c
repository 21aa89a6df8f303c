#include "net/loopback.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/attr.h"

static void this_machine(void **state) {
	(void)state;
	static const char *const own[] = {"localhost", "127.0.0.1", "127.255.255.254", "[::1]", "[0:0:0:0:0:0:0:1]"};
	for (size_t i = 0; i < ARRAY_LEN(own); i++)
		if (!host_is_loopback(view_str(own[i]))) fail_msg("'%s' is not this machine", own[i]);
}

static void somebody_else(void **state) {
	(void)state;
	static const char *const others[] = {"",
					     "127.",
					     "127.evil.example",
					     "127.0.0.1.evil.example",
					     "127.0.0.1.",
					     "127.1",
					     "0177.0.0.1",
					     "127.0.0.256",
					     "126.0.0.1",
					     "1270.0.0.1",
					     "0.0.0.0",
					     "localhost.evil.example",
					     "localhost.",
					     "[localhost]",
					     "[127.0.0.1]",
					     "::1",
					     "[::2]",
					     "[::]",
					     "[]",
					     "[::1",
					     "0000:0000:0000:0000:0000:0000:0000:0000:0000:0001"};
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		if (host_is_loopback(view_str(others[i]))) fail_msg("'%s' is not refused", others[i]);
	assert_false(host_is_loopback(view_of("127.0.0.1\0.evil.example", 23)));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(this_machine),
		cmocka_unit_test(somebody_else),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
