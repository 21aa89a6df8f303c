/* A directory of a test's own, and the seed of its random numbers. */
#ifndef TESTS_STORE_SCRATCH_H
#define TESTS_STORE_SCRATCH_H

#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct scratch {
	char dir[256];
};

static inline void scratch_make(struct scratch *s) {
	const char *base = getenv("TMPDIR");
	(void)snprintf(s->dir, sizeof s->dir, "%s/tiergate-store-XXXXXX", base ? base : "/tmp");
	if (!mkdtemp(s->dir)) abort();
}

static inline int scratch_unlink(const char *path, const struct stat *st, int type, struct FTW *ftw) {
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline void scratch_remove(struct scratch *s) { (void)nftw(s->dir, scratch_unlink, 8, FTW_DEPTH | FTW_PHYS); }

/* xorshift64*; the seed is printed once and can be set with TIERGATE_SEED. */
static inline uint64_t seed_make(void) {
	const char *text = getenv("TIERGATE_SEED");
	struct timespec now;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	uint64_t seed = text ? strtoull(text, NULL, 10) : (uint64_t)now.tv_nsec * 2654435761u + (uint64_t)now.tv_sec;
	if (seed == 0) seed = 1;
	(void)fprintf(stderr, "TIERGATE_SEED=%llu\n", (unsigned long long)seed);
	return seed;
}

static inline uint64_t random_next(uint64_t *s) {
	*s ^= *s >> 12;
	*s ^= *s << 25;
	*s ^= *s >> 27;
	return *s * UINT64_C(2685821657736338717);
}

static inline unsigned random_below(uint64_t *s, unsigned n) { return (unsigned)(random_next(s) >> 33) % n; }

#endif
