/* Random input for tests, the same again for the same seed. SplitMix64: every seed will do. */
#ifndef SUPPORT_RANDOM_H
#define SUPPORT_RANDOM_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct random {
	uint64_t state;
};

/* From TIERGATE_SEED, else from the clock; printed, so that a failure can be had again. */
static inline struct random random_start(void) {
	const char *set = getenv("TIERGATE_SEED");
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	uint64_t seed = set ? strtoull(set, NULL, 10) : (uint64_t)now.tv_sec * 1000003u ^ (uint64_t)now.tv_nsec;
	printf("TIERGATE_SEED=%llu\n", (unsigned long long)seed);
	fflush(stdout);
	return (struct random){seed};
}

static inline uint64_t random_u64(struct random *r) {
	uint64_t z = r->state += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* 0 to n - 1; n > 0. */
static inline size_t random_below(struct random *r, size_t n) { return (size_t)(random_u64(r) % n); }

#endif
