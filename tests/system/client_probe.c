/* client_probe: libtiergate as an application uses it, for the system tests. Options as `name=value` arguments (query,
 * feed, curve_dir, timeout_ms, hedge_ms, max_age_ms, cache_bytes, preload, policy=NAME:deny|allow|last_known[:MS],
 * where NAME - is all that are not named). Then one command a line on standard input, and for each one line of JSON:
 *
 *   wait MS · check SUBJECT tier|feat NAME · get SUBJECT · now SUBJECT · many SUBJECT… · catalog · counts
 *   storm FILE THREADS PACE_US SUBJECT… · calm     threads that check without end, and what they were told, in FILE:
 *        milliseconds before and after (wall clock), subject, feature, status, allowed, stale, source, error, age_ms,
 * ver watch FILE     each change as the feed tells it
 */
#include "tiergate.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WORDS_MAX 512
#define THREADS_MAX 64
#define POLICIES_MAX 16

static const char *const features[] = {"basic_scanner", "live_trading", "sentiment_analysis", "advanced_charts",
				       "fix_connectivity"};
#define FEATURES (sizeof features / sizeof features[0])

struct storm {
	struct tg_client *client;
	FILE *out;
	char **subjects;
	size_t count;
	long pace_us;
	_Atomic bool stop;
	pthread_t threads[THREADS_MAX];
	size_t running;
};

static int64_t wall_ms(void) {
	struct timespec t;
	(void)clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static long number(const char *text) { return strtol(text, NULL, 10); }

static void print_answer(const struct tg_answer *a, enum tg_status status) {
	printf("{\"status\": %d, \"allowed\": %s, \"stale\": %s, \"source\": %d, \"error\": %d, \"reason\": \"%s\", "
	       "\"tier\": \"%s\", \"sub_status\": \"%s\", \"need\": \"%s\", \"until\": %lld, \"epoch\": \"%016llx\", "
	       "\"ver\": %llu, \"as_of_ms\": %lld, \"age_ms\": %lld, \"why\": \"%s\"",
	       (int)status, a->allowed ? "true" : "false", a->stale ? "true" : "false", (int)a->source, (int)a->error,
	       a->reason, a->tier, a->status, a->need, (long long)a->until, (unsigned long long)a->epoch,
	       (unsigned long long)a->ver, (long long)a->as_of_ms, (long long)a->age_ms, a->why);
}

static void check(struct tg_client *c, const char *subject, const char *kind, const char *name) {
	struct tg_answer a;
	const bool tier = strcmp(kind, "tier") == 0;
	enum tg_status status = tg_check(c, subject, tier ? name : NULL, tier ? NULL : name, &a);
	print_answer(&a, status);
	printf("}\n");
}

static void get(struct tg_client *c, const char *subject, bool now) {
	struct tg_profile p;
	enum tg_status status = now ? tg_get_now(c, subject, &p) : tg_get(c, subject, &p);
	print_answer(&p.as, status);
	printf(", \"seats\": %llu, \"next_billing\": %lld, \"features\": [", (unsigned long long)p.seats,
	       (long long)p.next_billing);
	for (size_t i = 0; i < p.feature_count; i++) printf("%s\"%s\"", i ? ", " : "", p.features[i]);
	printf("], \"customers\": [");
	for (size_t i = 0; i < p.customer_count; i++) printf("%s\"%s\"", i ? ", " : "", p.customers[i]);
	printf("], \"steps\": [");
	for (size_t i = 0; i < p.step_count; i++)
		printf("%s{\"from\": %lld, \"tier\": \"%s\", \"reason\": \"%s\", \"until\": %lld}", i ? ", " : "",
		       (long long)p.steps[i].from, p.steps[i].tier, p.steps[i].reason, (long long)p.steps[i].until);
	printf("]}\n");
	tg_profile_free(&p);
}

static void many(struct tg_client *c, char **subjects, size_t count) {
	static struct tg_question questions[WORDS_MAX];
	static struct tg_answer answers[WORDS_MAX];
	for (size_t i = 0; i < count; i++) questions[i] = (struct tg_question){subjects[i], NULL, "live_trading"};
	enum tg_status status = tg_check_many(c, questions, count, answers);
	printf("{\"status\": %d, \"allowed\": [", (int)status);
	for (size_t i = 0; i < count; i++) printf("%s%s", i ? ", " : "", answers[i].allowed ? "true" : "false");
	printf("]}\n");
}

static void catalog(struct tg_client *c) {
	struct tg_catalog k;
	char why[TG_WHY_SIZE];
	enum tg_status status = tg_catalog(c, &k, why);
	printf("{\"status\": %d, \"hash\": \"%016llx\", \"tiers\": {", (int)status, (unsigned long long)k.hash);
	for (size_t i = 0; i < k.tier_count; i++) {
		printf("%s\"%s\": [", i ? ", " : "", k.tiers[i].name);
		for (size_t f = 0; f < k.tiers[i].feature_count; f++)
			printf("%s\"%s\"", f ? ", " : "", k.tiers[i].features[f]);
		printf("]");
	}
	printf("}}\n");
	tg_catalog_free(&k);
}

static void counts(struct tg_client *c) {
	struct tg_counts n;
	tg_counts(c, &n);
#define COUNT(what) printf("\"" #what "\": %llu, ", (unsigned long long)n.what)
	printf("{");
	COUNT(asked), COUNT(answered), COUNT(refused), COUNT(hits), COUNT(misses), COUNT(evicted), COUNT(fallbacks);
	COUNT(timeouts), COUNT(hedges), COUNT(reconnects), COUNT(denied), COUNT(gaps), COUNT(restarts);
	COUNT(subjects), COUNT(cache_bytes), COUNT(ver);
	printf("\"live\": %s, \"feed_age_ms\": %lld}\n", n.live ? "true" : "false", (long long)n.feed_age_ms);
}

static void *storm_run(void *ctx) {
	struct storm *s = ctx;
	const struct timespec pace = {.tv_nsec = s->pace_us * 1000};
	for (size_t i = (size_t)(uintptr_t)pthread_self() >> 12; !s->stop; i++) {
		const char *subject = s->subjects[i % s->count], *feature = features[i / s->count % FEATURES];
		struct tg_answer a;
		const int64_t before = wall_ms();
		enum tg_status status = tg_check(s->client, subject, NULL, feature, &a);
		fprintf(s->out, "%lld %lld %s %s %d %d %d %d %d %lld %llu\n", (long long)before, (long long)wall_ms(),
			subject, feature, (int)status, a.allowed, a.stale, (int)a.source, (int)a.error,
			(long long)a.age_ms, (unsigned long long)a.ver);
		(void)nanosleep(&pace, NULL);
	}
	return NULL;
}

static bool storm_start(struct storm *s, char **words, size_t count) {
	s->out = fopen(words[1], "w");
	s->running = (size_t)number(words[2]);
	s->pace_us = number(words[3]);
	s->count = count - 4;
	s->subjects = calloc(s->count, sizeof *s->subjects);
	s->stop = false;
	if (!s->out || !s->subjects || s->running > THREADS_MAX) return false;
	for (size_t i = 0; i < s->count; i++) s->subjects[i] = strdup(words[4 + i]);
	for (size_t i = 0; i < s->running; i++)
		if (pthread_create(&s->threads[i], NULL, storm_run, s) != 0) return false;
	return true;
}

static void storm_end(struct storm *s) {
	s->stop = true;
	for (size_t i = 0; i < s->running; i++) (void)pthread_join(s->threads[i], NULL);
	for (size_t i = 0; i < s->count; i++) free(s->subjects[i]);
	free(s->subjects);
	if (s->out) (void)fclose(s->out);
	*s = (struct storm){.client = s->client};
}

static void watched(void *ctx, const struct tg_event *e, bool gap) {
	FILE *out = ctx;
	if (gap) fprintf(out, "gap\n");
	if (e->subject)
		fprintf(out, "%llu %s %s %s\n", (unsigned long long)e->ver, e->subject, e->before[0] ? e->before : "-",
			e->after);
	(void)fflush(out);
}

static void obey(struct tg_client *c, struct storm *s, FILE **watch, char **words, size_t count) {
	const char *what = words[0];
	if (strcmp(what, "wait") == 0 && count == 2)
		printf("%s\n", tg_client_wait(c, (int)number(words[1])) ? "true" : "false");
	else if (strcmp(what, "check") == 0 && count == 4)
		check(c, words[1], words[2], words[3]);
	else if ((strcmp(what, "get") == 0 || strcmp(what, "now") == 0) && count == 2)
		get(c, words[1], what[0] == 'n');
	else if (strcmp(what, "many") == 0)
		many(c, words + 1, count - 1);
	else if (strcmp(what, "catalog") == 0)
		catalog(c);
	else if (strcmp(what, "counts") == 0)
		counts(c);
	else if (strcmp(what, "storm") == 0 && count > 4)
		printf("%s\n", storm_start(s, words, count) ? "true" : "false");
	else if (strcmp(what, "calm") == 0) {
		storm_end(s);
		printf("true\n");
	} else if (strcmp(what, "watch") == 0 && count == 2 && !*watch && (*watch = fopen(words[1], "w"))) {
		tg_watch(c, watched, *watch);
		printf("true\n");
	} else
		printf("false\n");
}

/* The next word of *rest, which ends at one of `ends`; NULL: there is none. */
static char *next_word(char **rest, const char *ends) {
	char *word = *rest + strspn(*rest, ends);
	*rest = word + strcspn(word, ends);
	if (**rest) *(*rest)++ = '\0';
	return *word ? word : NULL;
}

static bool read_policy(char *text, struct tg_policy *p) {
	char *name = next_word(&text, ":"), *how = next_word(&text, ":"), *ms = next_word(&text, ":");
	static const char *const words[] = {"deny", "allow", "last_known"};
	if (!name || !how) return false;
	p->name = strcmp(name, "-") == 0 ? NULL : name;
	p->max_age_ms = ms ? number(ms) : 0;
	for (size_t i = 0; i < 3; i++) {
		if (strcmp(how, words[i]) != 0) continue;
		p->outage = (enum tg_outage)i;
		return true;
	}
	return false;
}

static bool read_option(struct tg_options *o, struct tg_policy *policies, char *argument) {
	char *value = strchr(argument, '=');
	if (!value) return false;
	*value++ = '\0';
	if (strcmp(argument, "query") == 0)
		o->query = value;
	else if (strcmp(argument, "feed") == 0)
		o->feed = value;
	else if (strcmp(argument, "curve_dir") == 0)
		o->curve_dir = value;
	else if (strcmp(argument, "timeout_ms") == 0)
		o->timeout_ms = (int)number(value);
	else if (strcmp(argument, "hedge_ms") == 0)
		o->hedge_ms = (int)number(value);
	else if (strcmp(argument, "max_age_ms") == 0)
		o->max_age_ms = (int)number(value);
	else if (strcmp(argument, "cache_bytes") == 0)
		o->cache_bytes = (size_t)number(value);
	else if (strcmp(argument, "preload") == 0)
		o->preload = number(value) != 0;
	else if (strcmp(argument, "policy") == 0 && o->policy_count < POLICIES_MAX)
		return read_policy(value, &policies[o->policy_count++]);
	else
		return false;
	return true;
}

int main(int argc, char **argv) {
	struct tg_policy policies[POLICIES_MAX];
	struct tg_options o = {.policies = policies};
	struct tg_client *c = NULL;
	char why[TG_WHY_SIZE] = "an option", *line = NULL;
	size_t size = 0;
	FILE *watch = NULL;
	int error = 64;
	bool right = true;
	for (int i = 1; i < argc; i++) right = right && read_option(&o, policies, argv[i]);
	if (right) error = tg_client_open(&o, &c, why);
	printf("{\"open\": %d, \"why\": \"%s\"}\n", error, error ? why : "");
	(void)fflush(stdout);
	struct storm storm = {.client = c};
	while (!error && getline(&line, &size, stdin) > 0) {
		char *words[WORDS_MAX], *rest = line, *word;
		size_t n = 0;
		while (n < WORDS_MAX && (word = next_word(&rest, " \n"))) words[n++] = word;
		if (n > 0) obey(c, &storm, &watch, words, n);
		(void)fflush(stdout);
	}
	storm_end(&storm);
	tg_client_close(&c);
	if (watch) (void)fclose(watch);
	free(line);
	return error ? 1 : 0;
}
