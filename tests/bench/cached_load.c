/* libtiergate in cached mode: how long it takes to fill itself, what it takes in memory, and what a check costs then.
 *
 *   bench_cached_load QUERY FEED SUBJECTS SALT SECONDS FEATURE THREADS…
 *
 * Subjects are user_<SALT><n>, asked about in a random order that stands ready in memory, each thread with its own part
 * of it. For each number of threads in turn; then by one thread, each check's subject known only after the answer
 * before
 * (`chained`: nothing of two checks can overlap), in batches of 128 (`many`), and with some subjects asked about more
 * often than others, the k-th with a frequency of 1/k (`skewed`). Prints one JSON object. */
#include "samples.h"
#include "tiergate.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define SUBJECT_SIZE 40
#define THREADS_MAX 64
#define CHECKS_AT_ONCE 1024 /* between two looks at the clock */
#define BATCH 128

struct worker;

struct load {
	/* CHECKS_AT_ONCE of them, from that subject on; returns the next one's number */
	uint64_t (*ask)(struct worker *w, uint64_t at);
	struct tg_client *client;
	const char *feature;
	char (*subjects)[SUBJECT_SIZE];
	uint64_t count;
	int64_t until_ns;
};

struct worker {
	pthread_t thread;
	const struct load *load;
	uint64_t from, checks, allowed, hits;
	int64_t took_ns, cpu_ns;
};

static uint64_t next(uint64_t *random) {
	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	return *random;
}

static int64_t cpu_now_ns(void) {
	struct timespec t;
	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void count(struct worker *w, const struct tg_answer *a) {
	w->allowed += a->allowed;
	w->hits += a->source == TG_FROM_CACHE;
}

static uint64_t after(const struct load *l, uint64_t at) { return at + 1 < l->count ? at + 1 : 0; }

static uint64_t ask_alone(struct worker *w, uint64_t at) {
	const struct load *l = w->load;
	for (int i = 0; i < CHECKS_AT_ONCE; i++, at = after(l, at)) {
		struct tg_answer a;
		(void)tg_check(l->client, l->subjects[at], NULL, l->feature, &a);
		count(w, &a);
	}
	return at;
}

static uint64_t ask_chained(struct worker *w, uint64_t at) {
	const struct load *l = w->load;
	uint64_t none = 0; /* stays so, which only the answer tells */
	for (int i = 0; i < CHECKS_AT_ONCE; i++, at = after(l, at)) {
		struct tg_answer a;
		(void)tg_check(l->client, l->subjects[at] + none, NULL, l->feature, &a);
		count(w, &a);
		none = (uint64_t)(a.until == -1) & (uint64_t)!a.allowed;
	}
	return at;
}

static uint64_t ask_many(struct worker *w, uint64_t at) {
	const struct load *l = w->load;
	for (int i = 0; i < CHECKS_AT_ONCE; i += BATCH) {
		struct tg_question questions[BATCH];
		struct tg_answer answers[BATCH];
		for (int k = 0; k < BATCH; k++, at = after(l, at))
			questions[k] = (struct tg_question){l->subjects[at], NULL, l->feature};
		(void)tg_check_many(l->client, questions, BATCH, answers);
		for (int k = 0; k < BATCH; k++) count(w, &answers[k]);
	}
	return at;
}

static void *work(void *ctx) {
	struct worker *w = ctx;
	const struct load *l = w->load;
	uint64_t at = w->from;
	const int64_t begun = now_ns(), cpu_begun = cpu_now_ns();
	while (now_ns() < l->until_ns) {
		at = l->ask(w, at);
		w->checks += CHECKS_AT_ONCE;
	}
	w->took_ns = now_ns() - begun;
	w->cpu_ns = cpu_now_ns() - cpu_begun;
	return NULL;
}

static void run(struct load *l, unsigned threads, double seconds) {
	static struct worker workers[THREADS_MAX];
	uint64_t checks = 0, allowed = 0, hits = 0;
	double per_second = 0;
	int64_t cpu_ns = 0;
	l->until_ns = now_ns() + (int64_t)(seconds * 1e9);
	for (unsigned i = 0; i < threads; i++) {
		workers[i] = (struct worker){.load = l, .from = l->count * i / threads};
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0) exit(1);
	}
	for (unsigned i = 0; i < threads; i++) {
		(void)pthread_join(workers[i].thread, NULL);
		checks += workers[i].checks;
		allowed += workers[i].allowed;
		hits += workers[i].hits;
		cpu_ns += workers[i].cpu_ns;
		per_second += (double)workers[i].checks / ((double)workers[i].took_ns / 1e9);
	}
	printf("{\"threads\": %u, \"checks_per_s\": %.0f, \"ns\": %.1f, \"cpu_ns\": %.1f, \"hit_part\": %.6f, "
	       "\"allowed_part\": %.6f}",
	       threads, per_second, 1e9 / per_second * threads, (double)cpu_ns / (double)checks,
	       (double)hits / (double)checks, (double)allowed / (double)checks);
}

static void name(struct load *l, uint64_t i, const char *salt, uint64_t n) {
	(void)snprintf(l->subjects[i], SUBJECT_SIZE, "user_%s%" PRIu64, salt, n);
}

static bool make_subjects(struct load *l, const char *salt) {
	uint64_t random = 88172645463325252u;
	l->subjects = malloc(l->count * SUBJECT_SIZE);
	for (uint64_t i = 0; l->subjects && i < l->count; i++) name(l, i, salt, next(&random) % l->count);
	return l->subjects != NULL;
}

/* Zipf's law with exponent 1. */
static bool skew_subjects(struct load *l, const char *salt) {
	uint64_t random = 88172645463325252u;
	double *sums = malloc(l->count * sizeof *sums), sum = 0;
	for (uint64_t i = 0; sums && i < l->count; i++) sums[i] = sum += 1 / (double)(i + 1);
	for (uint64_t i = 0; sums && i < l->count; i++) {
		const double wanted = (double)(next(&random) >> 11) / 9007199254740992.0 * sum;
		uint64_t low = 0, high = l->count - 1;
		while (low < high) {
			const uint64_t middle = low + (high - low) / 2;
			if (sums[middle] < wanted)
				low = middle + 1;
			else
				high = middle;
		}
		name(l, i, salt, low);
	}
	const bool done = sums != NULL;
	free(sums);
	return done;
}

/* What one thread takes in other ways of asking. */
static bool run_others(struct load *l, const char *salt, double seconds) {
	printf(", \"chained\": ");
	l->ask = ask_chained;
	run(l, 1, seconds);
	printf(", \"many\": ");
	l->ask = ask_many;
	run(l, 1, seconds);
	printf(", \"skewed\": ");
	l->ask = ask_alone;
	if (!skew_subjects(l, salt)) return false;
	run(l, 1, seconds);
	return true;
}

static long resident_kb(void) {
	long pages = 0, all = 0;
	FILE *f = fopen("/proc/self/statm", "r");
	if (!f || fscanf(f, "%ld %ld", &all, &pages) != 2) pages = 0;
	if (f) (void)fclose(f);
	return pages * 4;
}

int main(int argc, char **argv) {
	if (argc < 8) return 64;
	const struct tg_options o = {.query = argv[1], .feed = argv[2], .preload = true, .timeout_ms = 5000};
	struct load l = {.count = strtoull(argv[3], NULL, 10), .feature = argv[6], .ask = ask_alone};
	struct tg_counts n;
	char why[TG_WHY_SIZE];
	const long before_kb = resident_kb();
	const int64_t begun = now_ns();
	if (tg_client_open(&o, &l.client, why) != 0 || !tg_client_wait(l.client, 60000)) {
		(void)fprintf(stderr, "cached_load: %s\n", why);
		return 69;
	}
	const double filled_s = (double)(now_ns() - begun) / 1e9;
	const long filled_kb = resident_kb() - before_kb;
	tg_counts(l.client, &n);
	if (!make_subjects(&l, argv[4])) return 69;
	printf("{\"fill_s\": %.2f, \"resident_mb\": %.1f, \"subjects\": %" PRIu64 ", \"cache_mb\": %.1f, \"runs\": [",
	       filled_s, (double)filled_kb / 1024, n.subjects, (double)n.cache_bytes / 1048576);
	for (int i = 7; i < argc; i++) {
		unsigned threads = (unsigned)strtoul(argv[i], NULL, 10);
		if (threads < 1 || threads > THREADS_MAX) return 64;
		run(&l, threads, strtod(argv[5], NULL));
		if (i + 1 < argc) printf(", ");
	}
	printf("]");
	if (!run_others(&l, argv[4], strtod(argv[5], NULL))) return 69;
	tg_counts(l.client, &n);
	printf(", \"hits\": %" PRIu64 ", \"misses\": %" PRIu64 ", \"evicted\": %" PRIu64 "}\n", n.hits, n.misses,
	       n.evicted);
	tg_client_close(&l.client);
	free(l.subjects);
	return 0;
}
