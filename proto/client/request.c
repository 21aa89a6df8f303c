#include "private.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define SLEPT_MS 100     /* a shorter sleep is not noticed at once */
#define NOTE_WITHIN_MS 1 /* two clocks read so close together were read at one moment */
#define NOTE_TRIES 8

static int64_t clock_ms(clockid_t clock) {
	struct timespec t = {0};
	(void)clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* One that goes on while the machine sleeps: what was heard before is as old as it is. */
int64_t tgc_mono_ms(void) { return clock_ms(CLOCK_BOOTTIME); }

/* The kernel has no such clock as of its last tick. It has two others, of which one sleeps with the machine: the time
 * that it slept is noted, and how far the two are apart, which a sleep changes in the moment in which it ends. */
int64_t tgc_mono_near_ms(const struct truth *t) {
	const int64_t awake = clock_ms(CLOCK_MONOTONIC_COARSE), wall = clock_ms(CLOCK_REALTIME_COARSE);
	const int64_t moved = wall - awake - atomic_load_explicit(&t->wall_ms, memory_order_acquire);
	if (moved > SLEPT_MS || moved < -SLEPT_MS) return tgc_mono_ms();
	return awake + atomic_load_explicit(&t->slept_ms, memory_order_relaxed);
}

void tgc_mono_note(struct truth *t) {
	const int64_t near = clock_ms(CLOCK_MONOTONIC_COARSE), wall = clock_ms(CLOCK_REALTIME_COARSE);
	for (unsigned i = 0; i < NOTE_TRIES; i++) {
		const int64_t awake = clock_ms(CLOCK_MONOTONIC), slept = tgc_mono_ms() - awake;
		if (clock_ms(CLOCK_MONOTONIC) - awake > NOTE_WITHIN_MS) continue;
		/* in this order: who sees the one sees the other as well */
		atomic_store_explicit(&t->slept_ms, slept, memory_order_relaxed);
		atomic_store_explicit(&t->wall_ms, wall - near, memory_order_release);
		return;
	}
}

bool tgc_is_ours(const struct tg_client *c) { return atomic_load_explicit(c->alive, memory_order_relaxed) == 1; }

void tgc_refuse(struct request *r, enum tg_status status, enum tg_error error, const char *why) {
	r->status = status;
	r->error = error;
	if (why != r->why) (void)snprintf(r->why, sizeof r->why, "%s", why ? why : "");
}

static void wake(struct tg_client *c) {
	const uint64_t one = 1;
	/* full, or interrupted before it wrote: the first cannot be, since it is emptied; the second is tried again */
	while (write(c->wake, &one, sizeof one) < 0 && errno == EINTR) {
	}
}

/* Under the lock. */
static void enqueue(struct tg_client *c, struct request *r) {
	r->next = NULL;
	r->deadline_ms = tgc_mono_ms() + r->timeout_ms;
	if (c->inbox_last)
		c->inbox_last->next = r;
	else
		c->inbox_first = r;
	c->inbox_last = r;
}

bool tgc_submit(struct tg_client *c, struct request *r) {
	if (!tgc_is_ours(c)) {
		tgc_refuse(r, TG_USAGE, TG_NO_ERROR, "after fork() the child opens a client of its own");
		return false;
	}
	if (r->waited_for && pthread_equal(pthread_self(), c->thread)) {
		tgc_refuse(r, TG_USAGE, TG_NO_ERROR, "a callback cannot wait for the thread that it runs on");
		return false;
	}
	if (!tgc_admit(c)) {
		tgc_refuse(r, TG_FALLBACK, TG_NOT_READY, "too many questions at once");
		return false;
	}
	COUNT(c, asked);
	(void)pthread_mutex_lock(&c->lock);
	bool stop = c->stop, first = !c->inbox_first;
	if (!stop) enqueue(c, r);
	(void)pthread_mutex_unlock(&c->lock);
	if (!stop && first) wake(c);
	if (!stop) return true;
	atomic_fetch_sub_explicit(&c->on_the_way, 1, memory_order_relaxed);
	tgc_refuse(r, TG_FALLBACK, TG_NO_SERVER, "the client is being closed");
	return false;
}

static void post(struct request *r) { (void)sem_post(r->ctx); }

void tgc_ask(struct tg_client *c, struct request *r) {
	sem_t done;
	(void)sem_init(&done, 0, 0);
	r->done = post;
	r->waited_for = true;
	r->ctx = &done;
	/* the thread ends every request at its deadline at the latest */
	if (tgc_submit(c, r))
		while (sem_wait(&done) != 0 && errno == EINTR) {
		}
	(void)sem_destroy(&done);
}
