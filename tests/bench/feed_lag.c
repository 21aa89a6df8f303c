/* How long after a commit a cached client's answer has changed.
 *
 *   bench_feed_lag STORE_DIR CHANGES_PUB QUERY FEED SUBJECTS SALT RATE
 *
 * It is the worker, as far as query can see: it folds, commits with fsync and publishes; and it is a client with a
 * cache. Each of the subjects, which the store has, loses its access once, RATE a second. From the moment at which the
 * commit is durable to the moment at which tg_check denies. Prints one JSON object. */
#include "net/zsocket.h"
#include "proto/stream.h"
#include "samples.h"
#include "seed.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <tiergate.h>
#include <zmq.h>

#define PULSE_NS INT64_C(250000000)
#define PATIENCE_MS 60000
#define BATCH_MAX 256

struct bench {
	struct entitlements *store;
	void *changes;
	struct tg_client *client;
	const char *salt;
	uint64_t subjects, committed, batch_from, batch_to, ver;
	int64_t *commit_ns;
	struct samples lags, commits;
	double took; /* s */
	atomic_uint_fast64_t seen, wrong;
};

static void publish(struct bench *b, const char *topic, const struct writer *w) {
	struct view v = writer_view(w);
	(void)zmq_send(b->changes, topic, 1, ZMQ_SNDMORE);
	(void)zmq_send(b->changes, v.ptr, v.len, 0);
}

static void pulse(struct bench *b) {
	uint8_t bytes[256];
	struct writer w = writer_of(bytes, sizeof bytes);
	const struct stream_pulse p = {entitlements_epoch(b->store), b->ver, (int64_t)time(NULL) * 1000, true};
	stream_pulse_write(&w, &p);
	publish(b, STREAM_TOPIC_HEARTBEAT, &w);
}

/* The change is durable. */
static void committed(void *ctx, const struct change *c) {
	struct bench *b = ctx;
	uint8_t bytes[STREAM_MESSAGE_MAX];
	struct writer w = writer_of(bytes, sizeof bytes);
	const struct stream_change out = stream_change_of(entitlements_epoch(b->store), c);
	if (b->committed == b->batch_from) { /* all of them became durable together, and query sees them at once */
		int64_t now = now_ns();
		for (uint64_t n = b->batch_from; n < b->batch_to; n++) b->commit_ns[n] = now;
	}
	b->committed++;
	b->ver = c->ver;
	stream_change_write(&w, &out);
	publish(b, STREAM_TOPIC_CHANGE, &w);
}

/* On the client's thread. */
static void heard(void *ctx, const struct tg_event *e, bool gap) {
	struct bench *b = ctx;
	struct tg_answer a;
	if (gap) atomic_fetch_add(&b->wrong, 1);
	if (!e || !e->subject) return;
	(void)tg_check(b->client, e->subject, NULL, "live_trading", &a);
	int64_t now = now_ns();
	if (a.allowed || a.source != TG_FROM_CACHE) atomic_fetch_add(&b->wrong, 1);
	uint64_t n = strtoull(e->subject + sizeof "user_" - 1 + strlen(b->salt), NULL, 10);
	/* query reads the store, and may have seen it before the worker went on */
	int64_t lag = n < b->subjects ? now - b->commit_ns[n] : 0;
	if (n > 0) samples_add(&b->lags, lag > 0 ? lag : 0);
	atomic_fetch_add(&b->seen, 1);
}

static bool fold(struct bench *b, uint64_t until, int64_t second) {
	struct fold *f = NULL;
	int64_t start = now_ns();
	b->batch_from = b->committed;
	b->batch_to = until;
	enum error e = fold_begin(b->store, &seed_catalog, (int64_t)time(NULL) * 1000, &f, NULL);
	for (uint64_t n = b->committed; !e && n < until; n++) {
		struct seed_names names;
		const struct observation o = seed_observation(n, b->salt, SUB_UNPAID, second, RANK_UPDATED, &names);
		e = fold_observe(f, &o);
	}
	if (e) {
		fold_abort(&f);
		return false;
	}
	if (fold_commit(&f, committed, b, NULL)) return false;
	samples_add(&b->commits, now_ns() - start);
	return b->committed == until;
}

static bool await(struct bench *b, uint64_t seen) {
	for (unsigned i = 0; i < 100 && atomic_load(&b->seen) < seen; i++) {
		pulse(b);
		(void)nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
	}
	return atomic_load(&b->seen) >= seen;
}

static bool change_all(struct bench *b, double rate) {
	const int64_t second = (int64_t)time(NULL) + 1;
	/* the first shows that everybody is connected, and is not counted */
	if (!fold(b, 1, second) || !await(b, 1)) return false;
	const int64_t start = now_ns();
	int64_t next_pulse = start;
	while (b->committed < b->subjects) {
		int64_t now = now_ns();
		uint64_t due = (uint64_t)((double)(now - start) / 1e9 * rate) + 2;
		if (due > b->subjects) due = b->subjects;
		if (due > b->committed + BATCH_MAX) due = b->committed + BATCH_MAX;
		if (due > b->committed && !fold(b, due, second)) return false;
		if (now >= next_pulse) {
			pulse(b);
			next_pulse = now + PULSE_NS;
		}
		int64_t wait = start + (int64_t)((double)b->committed / rate * 1e9) - now_ns();
		if (wait > 0) (void)nanosleep(&(struct timespec){.tv_nsec = wait % 1000000000}, NULL);
	}
	b->took = (double)(now_ns() - start) / 1e9;
	return await(b, b->subjects);
}

/* The client is filled, and knows the subjects as active. */
static bool open_all(struct bench *b, char **argv) {
	const struct entitlements_options store = {.dir = argv[1], .epoch = 1};
	const struct zsocket_limits limits = {.send_hwm = 100000};
	const struct tg_options o = {.query = argv[3],
				     .feed = argv[4],
				     .cache_bytes = (size_t)1 << 28,
				     .max_age_ms = 30000,
				     .preload = true};
	struct problem why = {0};
	char told[TG_WHY_SIZE] = "";
	void *context = NULL;
	enum error e = entitlements_open(&store, &b->store, &why);
	if (!e) e = zcontext_create(&context, &why);
	if (!e) e = zsocket_create(context, ZMQ_PUB, &limits, &b->changes, &why);
	if (!e) e = zsocket_bind(b->changes, argv[2], NULL, &why);
	if (!e && (tg_client_open(&o, &b->client, told) != 0 || !tg_client_wait(b->client, PATIENCE_MS)))
		e = problem_set(&why, ERR_UNAVAILABLE, "the cache was not filled: %s", told);
	if (e) fprintf(stderr, "%s\n", problem_text(&why));
	return !e;
}

int main(int argc, char **argv) {
	if (argc != 8) {
		fprintf(stderr, "usage: %s STORE_DIR CHANGES_PUB QUERY FEED SUBJECTS SALT RATE\n", argv[0]);
		return 64;
	}
	static struct bench b;
	b.salt = argv[6];
	b.subjects = strtoull(argv[5], NULL, 10);
	b.commit_ns = calloc(b.subjects, sizeof *b.commit_ns);
	double rate = strtod(argv[7], NULL);
	if (!b.commit_ns || rate < 1 || !open_all(&b, argv)) return 1;
	tg_watch(b.client, heard, &b);
	bool done = change_all(&b, rate);
	tg_client_close(&b.client);
	printf("{\"changes_per_s\": %.0f, \"changes\": %" PRIu64 ", \"seen\": %" PRIuFAST64 ", \"wrong\": %" PRIuFAST64
	       ", \"lag_ms_p50\": %.3f, \"lag_ms_p99\": %.3f, \"commit_ms_p50\": %.3f, \"commit_ms_p99\": %.3f}\n",
	       (double)b.committed / b.took, b.committed, atomic_load(&b.seen), atomic_load(&b.wrong),
	       samples_percentile(&b.lags, 0.5) / 1e3, samples_percentile(&b.lags, 0.99) / 1e3,
	       samples_percentile(&b.commits, 0.5) / 1e3, samples_percentile(&b.commits, 0.99) / 1e3);
	return done && b.seen == b.subjects && b.wrong == 0 ? 0 : 1;
}
