#include "private.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

/* One that goes on while the machine sleeps: what was heard before is as old as it is. */
int64_t tgc_mono_near_ms(void) {
	struct timespec t = {0};
	(void)clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t tgc_mono_ms(void) {
	struct timespec t = {0};
	(void)clock_gettime(CLOCK_BOOTTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
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
