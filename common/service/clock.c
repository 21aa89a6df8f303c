#include "service/clock.h"

#include <time.h>

static int64_t read_us(clockid_t which) {
	struct timespec t = {0};
	(void)clock_gettime(which, &t); /* cannot fail for these two clocks */
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t wall_ms(void) { return read_us(CLOCK_REALTIME) / 1000; }
int64_t wall_s(void) { return read_us(CLOCK_REALTIME) / 1000000; }
int64_t mono_ms(void) { return read_us(CLOCK_MONOTONIC) / 1000; }
int64_t mono_us(void) { return read_us(CLOCK_MONOTONIC); }
