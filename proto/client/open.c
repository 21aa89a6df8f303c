#include "private.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

static void say(char why[TG_WHY_SIZE], const char *text) {
	if (why) (void)snprintf(why, TG_WHY_SIZE, "%.*s", TG_WHY_SIZE - 1, text);
}

/* fork() copies memory and not threads: what tells a child that its client has none. */
static bool make_alive(struct tg_client *c) {
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED) return false;
	(void)madvise(page, 4096, MADV_WIPEONFORK);
	c->alive = page;
	atomic_store(c->alive, 1);
	return true;
}

static bool make_thread_parts(struct client_thread *t) {
	list_init(&t->by_deadline);
	list_init(&t->by_hedge);
	list_init(&t->waiting);
	t->decoder = tg01_decoder_create();
	t->names = tgc_names_create();
	t->slots = calloc(REQUESTS_MAX, sizeof *t->slots);
	if (!t->decoder || !t->names || !t->slots) return false;
	for (uint32_t i = 0; i < REQUESTS_MAX; i++) t->slots[i].next_free = i + 1;
	if (getrandom(&t->random, sizeof t->random, GRND_NONBLOCK) < 0) t->random = (uint64_t)tgc_mono_ms();
	return true;
}

/* Until a heartbeat says better, the servers' clock is ours. */
static bool make_truth(struct tg_client *c) {
	struct timespec wall = {0};
	(void)clock_gettime(CLOCK_REALTIME, &wall);
	c->truth.offset_ms = (int64_t)wall.tv_sec * 1000 + wall.tv_nsec / 1000000 - tgc_mono_ms();
	if (!c->settings.feed.count && !c->settings.remembers) return true;
	c->truth.cache = tgc_cache_create(c->settings.cache_bytes, NULL);
	return c->truth.cache != NULL;
}

static bool make_parts(struct tg_client *c) {
	pthread_condattr_t monotonic;
	if (pthread_mutex_init(&c->lock, NULL) != 0 || pthread_condattr_init(&monotonic) != 0) return false;
	(void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	bool done = pthread_cond_init(&c->news, &monotonic) == 0;
	(void)pthread_condattr_destroy(&monotonic);
	(void)sem_init(&c->opened, 0, 0);
	c->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	pthread_mutexattr_t recursive;
	if (pthread_mutexattr_init(&recursive) != 0) return false;
	(void)pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
	done = pthread_mutex_init(&c->watch_lock, &recursive) == 0 && done;
	(void)pthread_mutexattr_destroy(&recursive);
	return done && c->wake >= 0 && make_alive(c) && make_thread_parts(&c->t) && make_truth(c);
}

/* With all signals blocked, so that the application's handlers run in its own threads; libzmq's inherit that. */
static int start_thread(struct tg_client *c, char why[TG_WHY_SIZE]) {
	sigset_t all, before;
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	int e = pthread_create(&c->thread, NULL, tgc_thread, c);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (e) {
		say(why, "no thread could be started");
		return e;
	}
	c->started = true;
	while (sem_wait(&c->opened) != 0 && errno == EINTR) {
	}
	if (c->open_error) say(why, c->open_why);
	return c->open_error;
}

static void free_all(struct tg_client *c) {
	tg01_decoder_destroy(&c->t.decoder);
	tgc_cache_destroy(&c->truth.cache);
	tgc_books_finish(&c->truth.books);
	tgc_names_destroy(&c->t.names);
	free(c->t.slots);
	if (c->wake >= 0) (void)close(c->wake);
	if (c->alive) (void)munmap(c->alive, 4096);
	tgc_settings_finish(&c->settings);
	free(c);
}

int tg_client_open(const struct tg_options *o, struct tg_client **ret_c, char why[TG_WHY_SIZE]) {
	struct problem problem = {0};
	struct tg_client *c = aligned_alloc(_Alignof(struct tg_client), sizeof *c);
	if (!c) {
		say(why, "no memory");
		return ENOMEM;
	}
	memset(c, 0, sizeof *c);
	c->wake = -1;
	int e = tgc_settings_read(o, &c->settings, &problem);
	if (e) say(why, problem_text(&problem));
	if (!e && !make_parts(c)) {
		e = ENOMEM;
		say(why, "no memory, or no file descriptor");
	}
	if (!e) e = start_thread(c, why);
	if (e) {
		tg_client_close(&c);
		return e;
	}
	*ret_c = c;
	return 0;
}

void tg_client_close(struct tg_client **client) {
	struct tg_client *c = client ? *client : NULL;
	if (!c) return;
	*client = NULL;
	if (c->started && tgc_is_ours(c)) {
		const uint64_t one = 1;
		(void)pthread_mutex_lock(&c->lock);
		c->stop = true;
		(void)pthread_mutex_unlock(&c->lock);
		(void)!write(c->wake, &one, sizeof one);
		(void)pthread_join(c->thread, NULL);
		(void)pthread_mutex_destroy(&c->lock);
		(void)pthread_cond_destroy(&c->news);
		(void)pthread_mutex_destroy(&c->watch_lock);
		(void)sem_destroy(&c->opened);
	}
	/* in a child of fork() libzmq's share is left alone: its threads are not here to end it */
	free_all(c);
}

static bool is_ready(const struct tg_client *c) {
	return c->answered && (!c->settings.feed.count || atomic_load_explicit(&c->truth.live, memory_order_relaxed));
}

bool tg_client_wait(struct tg_client *c, int timeout_ms) {
	struct timespec until;
	if (!tgc_is_ours(c)) return false;
	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += timeout_ms / 1000;
	until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	const uint64_t one = 1;
	(void)pthread_mutex_lock(&c->lock);
	if (!c->waits) (void)!write(c->wake, &one, sizeof one);
	c->waits = true;
	/* what is waited for comes by the client's thread: a callback on it would wait in vain */
	int e = pthread_equal(pthread_self(), c->thread) ? ETIMEDOUT : 0;
	while (!is_ready(c) && e == 0) e = pthread_cond_timedwait(&c->news, &c->lock, &until);
	bool ready = is_ready(c);
	(void)pthread_mutex_unlock(&c->lock);
	return ready;
}
