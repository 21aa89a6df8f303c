#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "net/http_private.h"

#define DRAIN_STEP_MS 2
#define HANDLER_MS 10000     /* bounds the wait for a handler that breaks its promise not to block */
#define LAST_ANSWERS_MS 2000 /* for the answers that destroy itself gives */

const char *http_server_endpoint(const struct http_server *s) { return s->endpoint; }

static enum error check_options(const struct http_options *o, struct problem *why) {
	if (o->route_count == 0 || o->route_count > HTTP_ROUTES_MAX)
		return problem_set(why, ERR_CONFIG, "1 to %d routes", HTTP_ROUTES_MAX);
	if (o->threads > HTTP_THREADS_MAX) return problem_set(why, ERR_CONFIG, "at most %d threads", HTTP_THREADS_MAX);
	if (o->connections > HTTP_CONNECTIONS_MAX)
		return problem_set(why, ERR_CONFIG, "at most %d connections", HTTP_CONNECTIONS_MAX);
	if (o->request_ms < 0 || o->idle_ms < 0) return problem_set(why, ERR_CONFIG, "a negative time");
	return OK;
}

/* The process's limit of open files, less HTTP_FILES_SPARE or half of it, whichever is less, is the most. */
static unsigned within_files(unsigned connections) {
	struct rlimit files;
	if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur > HTTP_CONNECTIONS_MAX + HTTP_FILES_SPARE)
		return connections;
	unsigned n = (unsigned)files.rlim_cur;
	unsigned most = n - (n / 2 < HTTP_FILES_SPARE ? n / 2 : HTTP_FILES_SPARE);
	return connections < most ? connections : most;
}

static void set_defaults(struct http_options *o) {
	if (!o->threads) o->threads = 1;
	if (!o->connections) o->connections = HTTP_CONNECTIONS_DEFAULT;
	o->connections = within_files(o->connections);
	if (o->connections < o->threads) o->connections = o->threads;
	if (!o->request_ms) o->request_ms = HTTP_REQUEST_MS_DEFAULT;
	if (!o->idle_ms) o->idle_ms = HTTP_IDLE_MS_DEFAULT;
	if (!o->bodies_max) o->bodies_max = HTTP_BODIES_DEFAULT;
}

/* Its own timeouts and its log stay off: time is kept in http_watch.c, and libraries do not log. */
static enum error start_daemon(struct http_server *s, struct problem *why) {
	const struct http_options *o = &s->options;
	struct MHD_OptionItem pool[] = {
		{o->threads > 1 ? MHD_OPTION_THREAD_POOL_SIZE : MHD_OPTION_END, (intptr_t)o->threads, NULL},
		{MHD_OPTION_END, 0, NULL},
	};
	unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC;
	s->daemon = MHD_start_daemon(flags, 0, NULL, NULL, http_on_request, s, MHD_OPTION_LISTEN_SOCKET, s->listen_fd,
				     MHD_OPTION_CONNECTION_LIMIT, o->connections, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
				     HTTP_HEADERS_MAX, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_URI_LOG_CALLBACK,
				     http_on_request_line, s, MHD_OPTION_NOTIFY_COMPLETED, http_on_completed, s,
				     MHD_OPTION_NOTIFY_CONNECTION, http_on_connection, s, MHD_OPTION_ARRAY, pool,
				     MHD_OPTION_END);
	return s->daemon ? OK : problem_set(why, ERR_UNAVAILABLE, "cannot start an HTTP server on %s", s->endpoint);
}

static enum error start(struct http_server *s, struct problem *why) {
	set_defaults(&s->options);
	enum error e = http_prepare_late(s);
	if (!e) e = http_listen(s->options.listen, &s->listen_fd, s->endpoint, why);
	if (!e && pthread_create(&s->reaper, NULL, http_reaper, s) != 0)
		e = problem_set(why, ERR_MEMORY, "cannot start a thread");
	if (e) return e;
	s->has_reaper = true;
	return start_daemon(s, why);
}

enum error http_server_create(const struct http_options *o, struct http_server **ret_s, struct problem *why) {
	enum error e = check_options(o, why);
	if (e) return e;
	struct http_server *s = calloc(1, sizeof *s);
	if (!s) return ERR_MEMORY;
	s->options = *o;
	s->listen_fd = -1;
	pthread_mutex_init(&s->mutex, NULL);
	pthread_condattr_t monotonic;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&s->wake, &monotonic);
	pthread_condattr_destroy(&monotonic);
	e = start(s, why);
	if (e)
		http_server_destroy(&s);
	else
		*ret_s = s;
	return e;
}

void http_server_stat(const struct http_server *s, struct http_stat *ret_s) {
	union {
		const struct http_server *in;
		struct http_server *out;
	} unlocked = {.in = s}; /* the lock is all that changes */
	pthread_mutex_lock(&unlocked.out->mutex);
	uint64_t connections = s->conn_count;
	pthread_mutex_unlock(&unlocked.out->mutex);
	*ret_s = (struct http_stat){connections, atomic_load(&s->busy), atomic_load(&s->body_bytes),
				    atomic_load(&s->overdue)};
}

static bool is_unfinished(const struct http_conn *c) {
	enum http_phase phase = http_phase(c);
	return phase == PHASE_RECEIVING || phase == PHASE_BUSY || phase == PHASE_SENDING;
}
static bool is_in_handler(const struct http_conn *c) {
	return http_phase(c) == PHASE_BUSY && !atomic_load(&c->request.kept);
}

/* How many connections are still so when none is, or after max_ms. In steps: while the machine stands still, the
 * threads that are waited for do as well. */
static size_t wait_while(struct http_server *s, bool (*is)(const struct http_conn *c), int64_t max_ms) {
	for (int64_t waited_ms = 0;; waited_ms += DRAIN_STEP_MS) {
		size_t n = 0;
		pthread_mutex_lock(&s->mutex);
		for (struct http_conn *c = s->conns; c; c = c->next) n += is(c);
		pthread_mutex_unlock(&s->mutex);
		if (n == 0 || waited_ms >= max_ms) return n;
		nanosleep(&(struct timespec){.tv_nsec = DRAIN_STEP_MS * 1000000L}, NULL);
	}
}

/* Not by MHD_quiesce_daemon: until 0.9.76 it and the pool's threads may both take the socket out of one epoll set,
 * and who comes second ends the process ("Failed to remove listen FD"). A socket that is shut down listens no more;
 * the threads, which it keeps awake, find nothing to accept until MHD_stop_daemon closes it. */
static void stop_listening(struct http_server *s) {
	if (atomic_exchange(&s->draining, true)) return;
	if (s->daemon)
		(void)shutdown(s->listen_fd, SHUT_RDWR);
	else if (s->listen_fd >= 0)
		close(s->listen_fd);
	s->listen_fd = -1;
	pthread_mutex_lock(&s->mutex);
	pthread_cond_signal(&s->wake);
	pthread_mutex_unlock(&s->mutex);
}

size_t http_server_drain(struct http_server *s, int64_t max_ms) {
	stop_listening(s);
	size_t left = wait_while(s, is_unfinished, max_ms);
	atomic_store(&s->refusing, true);
	/* a handler that is running now saw no `refusing`; handlers do not block */
	wait_while(s, is_in_handler, HANDLER_MS);
	return left;
}

/* Stopping libmicrohttpd with a suspended connection is an error, so nobody is left behind. */
static void answer_the_kept(struct http_server *s) {
	pthread_mutex_lock(&s->mutex);
	for (struct http_conn *c = s->conns; c; c = c->next) {
		struct http_request *r = &c->request;
		/* the phase was set by the connection's thread before it gave the request away */
		if (http_phase(c) == PHASE_BUSY && atomic_load(&r->kept) && !atomic_load(&r->answered))
			http_answer_problem(r, &(struct http_problem){.error = ERR_UNAVAILABLE, .retry_after_s = 1});
	}
	pthread_mutex_unlock(&s->mutex);
}

void http_server_destroy(struct http_server **ps) {
	struct http_server *s = ps ? *ps : NULL;
	if (!s) return;
	*ps = NULL;
	http_server_drain(s, 0);
	if (s->daemon) {
		answer_the_kept(s);
		wait_while(s, is_unfinished, LAST_ANSWERS_MS);
		MHD_stop_daemon(s->daemon);
	}
	if (s->has_reaper) {
		pthread_mutex_lock(&s->mutex);
		s->stopping = true;
		pthread_cond_signal(&s->wake);
		pthread_mutex_unlock(&s->mutex);
		pthread_join(s->reaper, NULL);
	}
	pthread_cond_destroy(&s->wake);
	pthread_mutex_destroy(&s->mutex);
	free(s);
}
