#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "net/http_private.h"

static int64_t clock_ms(clockid_t clock) {
	struct timespec t;
	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}
int64_t http_now_mono_ms(void) { return clock_ms(CLOCK_MONOTONIC); }
int64_t http_now_ms(void) { return clock_ms(CLOCK_REALTIME); }

static uint64_t pack(enum http_phase phase, int64_t deadline_ms) { return (uint64_t)deadline_ms << 3 | phase; }
static enum http_phase phase_of(uint64_t word) { return (enum http_phase)(word & 7); }
static int64_t deadline_of(uint64_t word) { return (int64_t)(word >> 3); }

enum http_phase http_phase(const struct http_conn *c) { return phase_of(atomic_load(&c->watch)); }

bool http_enter(struct http_conn *c, enum http_phase phase, int64_t deadline_ms) {
	uint64_t was = atomic_load(&c->watch);
	do {
		if (phase_of(was) == PHASE_DOOMED) return false;
	} while (!atomic_compare_exchange_weak(&c->watch, &was, pack(phase, deadline_ms)));
	return true;
}

/* ---- the list of connections ------------------------------------------------ */

static struct http_conn *conn_create(struct http_server *s, int fd) {
	struct http_conn *c = calloc(1, sizeof *c + s->options.scratch_size);
	if (!c) return NULL;
	c->server = s;
	c->fd = fd;
	c->request.conn = c;
	atomic_init(&c->request.kept, false);
	atomic_init(&c->request.answered, false);
	atomic_init(&c->watch, pack(PHASE_IDLE, http_now_mono_ms() + s->options.request_ms));
	return c;
}

/* The end is announced before the socket is closed, so a socket in the list is always the right one. */
void http_on_connection(void *server, struct MHD_Connection *mhd, void **context,
			enum MHD_ConnectionNotificationCode code) {
	struct http_server *s = server;
	struct http_conn *c = *context;
	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		int fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
		*context = c = conn_create(s, fd);
		if (!c) {
			/* without it nothing here can be served */
			shutdown(fd, SHUT_RDWR);
			return;
		}
		pthread_mutex_lock(&s->mutex);
		c->next = s->conns;
		if (c->next) c->next->prev = c;
		s->conns = c;
		s->conn_count++;
		pthread_mutex_unlock(&s->mutex);
		return;
	}
	if (!c) return;
	pthread_mutex_lock(&s->mutex);
	if (c->prev)
		c->prev->next = c->next;
	else
		s->conns = c->next;
	if (c->next) c->next->prev = c->prev;
	s->conn_count--;
	pthread_mutex_unlock(&s->mutex);
	*context = NULL;
	free(c->query);
	free(c);
}

/* ---- lingering closes -------------------------------------------------------- */

void http_linger_begin(struct http_conn *c) {
	struct http_server *s = c->server;
	int fd = fcntl(c->fd, F_DUPFD_CLOEXEC, 3);
	if (fd < 0) return;
	pthread_mutex_lock(&s->mutex);
	bool taken = s->linger_count < HTTP_LINGER_MAX && !s->stopping;
	if (taken) {
		int64_t until_ms = http_now_mono_ms() + HTTP_LINGER_MS;
		s->lingers[s->linger_count++] = (struct http_linger){fd, until_ms, HTTP_LINGER_BYTES};
		pthread_cond_signal(&s->wake);
	}
	pthread_mutex_unlock(&s->mutex);
	if (!taken) close(fd);
}

/* False when this one is over. It reads beside libmicrohttpd, which reads no more after an early answer. */
static bool linger_step(struct http_linger *l, int64_t now_ms) {
	char sink[16 * 1024];
	while (l->left && now_ms < l->until_ms) {
		ssize_t n = recv(l->fd, sink, sizeof sink, MSG_DONTWAIT);
		if (n == 0) return false;
		if (n < 0) return true; /* nothing now; a broken connection ends by its time */
		l->left -= (size_t)n < l->left ? (size_t)n : l->left;
	}
	return false;
}

static void lingers_step(struct http_server *s, int64_t now_ms) {
	size_t kept = 0;
	for (size_t i = 0; i < s->linger_count; i++) {
		if (linger_step(&s->lingers[i], now_ms))
			s->lingers[kept++] = s->lingers[i];
		else
			close(s->lingers[i].fd);
	}
	s->linger_count = kept;
}

/* ---- the reaper -------------------------------------------------------------- */

/* Nothing of a request is here or on its way up from the kernel. */
static bool is_quiet(const struct http_conn *c) {
	int unread = 0;
	return ioctl(c->fd, FIONREAD, &unread) != 0 || unread == 0;
}

/* A socket that is shut down wakes the connection's thread, which then closes it. It must be doomed first: a request
 * that still came through, and was kept, would lose its answer to the end of the stream behind it. */
static void reap(struct http_conn *c, int64_t now_ms) {
	struct http_server *s = c->server;
	uint64_t word = atomic_load(&c->watch);
	enum http_phase phase = phase_of(word);
	if (phase == PHASE_DOOMED) return;
	bool unwanted = phase == PHASE_IDLE && atomic_load(&s->draining) && is_quiet(c);
	if (deadline_of(word) > now_ms && !unwanted) return;
	if (!atomic_compare_exchange_strong(&c->watch, &word, pack(PHASE_DOOMED, HTTP_NO_DEADLINE))) return;
	if (phase == PHASE_RECEIVING) {
		/* nothing of ours is on its way on this connection, so the answer cannot mix with another */
		send(c->fd, s->late, s->late_len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (s->options.on_answer) s->options.on_answer(s->options.ctx, 408);
	}
	if (phase != PHASE_IDLE) atomic_fetch_add(&s->overdue, 1);
	shutdown(c->fd, SHUT_RDWR);
}

static void wait_a_tick(struct http_server *s) {
	int64_t ms = s->linger_count ? HTTP_REAP_MS / 10 : HTTP_REAP_MS;
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_nsec += ms * 1000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_nsec -= 1000000000;
		t.tv_sec++;
	}
	pthread_cond_timedwait(&s->wake, &s->mutex, &t);
}

void *http_reaper(void *server) {
	struct http_server *s = server;
	pthread_mutex_lock(&s->mutex);
	while (!s->stopping) {
		int64_t now_ms = http_now_mono_ms();
		for (struct http_conn *c = s->conns; c; c = c->next) reap(c, now_ms);
		lingers_step(s, now_ms);
		wait_a_tick(s);
	}
	for (size_t i = 0; i < s->linger_count; i++) close(s->lingers[i].fd);
	s->linger_count = 0;
	pthread_mutex_unlock(&s->mutex);
	return NULL;
}
