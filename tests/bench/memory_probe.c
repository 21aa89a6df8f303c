/* What one access to memory costs that neither the processor's caches nor its foresight can help: a walk through
 * MEGABYTES in random order, where each place names the next. It is what bounds a look-up in a table of that size.
 *
 *   bench_memory_probe MEGABYTES
 *
 * Huge pages where the kernel gives them. Prints one JSON object. */
#include "samples.h"

#include <stdio.h>
#include <sys/mman.h>

#define LINE 64
#define ACCESSES 3000000

static uint64_t next_random(uint64_t *state) {
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	return z ^ (z >> 27);
}

static int64_t cpu_now_ns(void) {
	struct timespec t;
	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int main(int argc, char **argv) {
	if (argc != 2) return 64;
	const size_t size = (size_t)strtoull(argv[1], NULL, 10) << 20, count = size / LINE;
	uint64_t random = 1, at = 0;
	uint64_t *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint32_t *order = malloc(count * sizeof *order);
	if (count < 2 || memory == MAP_FAILED || !order) return 1;
	(void)madvise(memory, size, MADV_HUGEPAGE);
	for (size_t i = 0; i < count; i++) order[i] = (uint32_t)i;
	for (size_t i = count - 1; i > 0; i--) {
		size_t k = next_random(&random) % (i + 1);
		uint32_t swap = order[i];
		order[i] = order[k];
		order[k] = swap;
	}
	/* one circle through all of them */
	for (size_t i = 0; i < count; i++) memory[order[i] * (LINE / 8)] = order[(i + 1) % count];
	int64_t begun = cpu_now_ns();
	for (size_t i = 0; i < ACCESSES; i++) at = memory[at * (LINE / 8)];
	double ns = (double)(cpu_now_ns() - begun) / ACCESSES;
	printf("{\"access_ns\": %.1f, \"megabytes\": %zu, \"ended_at\": %llu}\n", ns, size >> 20,
	       (unsigned long long)at);
	free(order);
	return munmap(memory, size) == 0 ? 0 : 1;
}
