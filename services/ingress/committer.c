#include "committer.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "service/clock.h"

struct committer {
	struct committer_options options;
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t wake;
	/* under the mutex */
	struct submission *first, **last;
	size_t depth;
	bool stopping;
	enum error failed; /* ERR_STORAGE once that happened */
	/* the thread's own */
	bool ailing; /* the last append failed */
	int64_t next_tick_ms;
	struct submission *batch[JOURNAL_BATCH_MAX];
	struct journal_entry entries[JOURNAL_BATCH_MAX];
};

/* ---- a batch ------------------------------------------------------------------- */

static void answer(struct committer *c, size_t i, enum error e, const struct problem *why) {
	const struct journal_entry *entry = &c->entries[i];
	struct outcome o = {.error = e, .why = e ? problem_text(why) : NULL};
	if (!e) {
		o.seq = entry->record.seq;
		o.duplicate = entry->duplicate;
		counter_add(entry->duplicate ? c->options.duplicates : c->options.stored, 1);
	}
	c->batch[i]->done(c->batch[i], &o);
}

static void note(struct committer *c, enum error e, const struct problem *why) {
	if (c->failed) return; /* known; this thread alone writes it */
	bool news = e || c->ailing;
	c->ailing = e != OK;
	if (e == ERR_STORAGE) {
		pthread_mutex_lock(&c->mutex);
		c->failed = e;
		pthread_mutex_unlock(&c->mutex);
	}
	if (news && c->options.state) c->options.state(c->options.ctx, e, why);
}

static enum error append(struct committer *c, size_t from, size_t count, struct problem *why) {
	if (c->failed) return c->failed;
	int64_t began = mono_us();
	enum error e = c->options.append(c->options.ctx, c->entries + from, count, why);
	histogram_add_us(c->options.commit_time, (uint64_t)(mono_us() - began));
	counter_add(c->options.commits, 1);
	return e;
}

/* Commits the entries from..from+count, answers them, publishes them. */
static enum error commit(struct committer *c, size_t from, size_t count) {
	struct problem why = {0};
	enum error e = append(c, from, count, &why);
	bool of_all = e == OK || e == ERR_FULL || e == ERR_STORAGE || e == ERR_IO || e == ERR_MEMORY;
	if (!of_all && count > 1) return e;
	if (of_all) note(c, e, &why);
	for (size_t i = from; i < from + count; i++) answer(c, i, e, &why);
	if (!e && c->options.committed) c->options.committed(c->options.ctx, c->entries + from, count);
	return OK;
}

static void commit_batch(struct committer *c, size_t count) {
	for (size_t i = 0; i < count; i++) c->entries[i] = (struct journal_entry){.record = c->batch[i]->record};
	if (commit(c, 0, count) == OK) return;
	for (size_t i = 0; i < count; i++) (void)!commit(c, i, 1);
}

/* ---- the thread ----------------------------------------------------------------- */

static void wait_until(struct committer *c, int64_t until_ms) {
	struct timespec t = {.tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};
	pthread_cond_timedwait(&c->wake, &c->mutex, &t);
}

/* Fills the batch; 0 when the tick is due, or when all is done and the committer is to stop. */
static size_t take(struct committer *c, bool *ret_end) {
	size_t n = 0;
	pthread_mutex_lock(&c->mutex);
	while (!c->first && !c->stopping && mono_ms() < c->next_tick_ms) wait_until(c, c->next_tick_ms);
	while (c->first && n < JOURNAL_BATCH_MAX) {
		c->batch[n++] = c->first;
		c->first = c->first->next;
	}
	if (!c->first) c->last = &c->first;
	c->depth -= n;
	gauge_set(c->options.queue, (int64_t)c->depth);
	*ret_end = n == 0 && c->stopping;
	pthread_mutex_unlock(&c->mutex);
	return n;
}

static void tick(struct committer *c) {
	if (mono_ms() < c->next_tick_ms) return;
	int64_t delay_ms = c->options.tick ? c->options.tick(c->options.ctx) : COMMIT_TICK_MAX_MS;
	if (delay_ms < 0 || delay_ms > COMMIT_TICK_MAX_MS) delay_ms = COMMIT_TICK_MAX_MS;
	c->next_tick_ms = mono_ms() + delay_ms;
}

static void *run(void *committer) {
	struct committer *c = committer;
	bool end = false;
	while (!end) {
		tick(c);
		size_t n = take(c, &end);
		if (n) commit_batch(c, n);
	}
	return NULL;
}

/* ---- from outside --------------------------------------------------------------- */

enum error committer_start(const struct committer_options *o, struct committer **ret_c, struct problem *why) {
	struct committer *c = calloc(1, sizeof *c);
	if (!c) return ERR_MEMORY;
	c->options = *o;
	if (!c->options.queue_max) c->options.queue_max = COMMIT_QUEUE_DEFAULT;
	c->last = &c->first;
	pthread_mutex_init(&c->mutex, NULL);
	pthread_condattr_t monotonic;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&c->wake, &monotonic);
	pthread_condattr_destroy(&monotonic);
	if (pthread_create(&c->thread, NULL, run, c) != 0) {
		pthread_cond_destroy(&c->wake);
		pthread_mutex_destroy(&c->mutex);
		free(c);
		return problem_set(why, ERR_MEMORY, "cannot start the committer's thread");
	}
	*ret_c = c;
	return OK;
}

enum error committer_submit(struct committer *c, struct submission *s) {
	s->next = NULL;
	pthread_mutex_lock(&c->mutex);
	enum error e = c->failed ? c->failed : c->stopping ? ERR_UNAVAILABLE : OK;
	if (!e && c->depth >= c->options.queue_max) e = ERR_OVERLOADED;
	if (!e) {
		bool was_empty = c->first == NULL;
		*c->last = s;
		c->last = &s->next;
		gauge_set(c->options.queue, (int64_t)++c->depth);
		if (was_empty) pthread_cond_signal(&c->wake);
	}
	pthread_mutex_unlock(&c->mutex);
	return e;
}

void committer_stop(struct committer **pc) {
	struct committer *c = pc ? *pc : NULL;
	if (!c) return;
	*pc = NULL;
	pthread_mutex_lock(&c->mutex);
	c->stopping = true;
	pthread_cond_signal(&c->wake);
	pthread_mutex_unlock(&c->mutex);
	pthread_join(c->thread, NULL);
	pthread_cond_destroy(&c->wake);
	pthread_mutex_destroy(&c->mutex);
	free(c);
}
