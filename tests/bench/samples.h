/* Latencies of a run: kept one by one, bounded, sorted at the end. */
#ifndef BENCH_SAMPLES_H
#define BENCH_SAMPLES_H

#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#define SAMPLES_MAX 4000000 /* more are counted and not kept */

struct samples {
	uint32_t *ns;
	size_t kept;
	uint64_t count;
};

static inline int64_t now_ns(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static inline void samples_add(struct samples *s, int64_t ns) {
	s->count++;
	if (!s->ns) s->ns = malloc(SAMPLES_MAX * sizeof *s->ns);
	if (s->ns && s->kept < SAMPLES_MAX) s->ns[s->kept++] = ns > UINT32_MAX ? UINT32_MAX : (uint32_t)ns;
}

static inline int samples_order(const void *a, const void *b) {
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

/* Call once, after the last add. Microseconds. */
static inline double samples_percentile(struct samples *s, double p) {
	static const struct samples *sorted;
	if (s->kept == 0) return 0;
	if (sorted != s) qsort(s->ns, s->kept, sizeof *s->ns, samples_order);
	sorted = s;
	return s->ns[(size_t)(p * (double)(s->kept - 1))] / 1e3;
}

#endif
