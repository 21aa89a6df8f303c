/* What every fuzz target defines, and the one way it complains. */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Returns 0. Data may be any bytes; nothing of one call is kept for the next but what is only reused memory. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A law that must hold whatever the input is. */
#define FUZZ_MUST(law)                                                                                                 \
	do {                                                                                                           \
		if (!(law)) {                                                                                          \
			(void)fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #law);                 \
			__builtin_trap();                                                                              \
		}                                                                                                      \
	} while (0)

#endif
