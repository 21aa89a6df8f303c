/* What the files of the HTTP server share; nobody else includes this.
 *
 *   http_server.c   create, drain, destroy
 *   http_listen.c   "host:port" → a listening socket
 *   http_watch.c    phases, deadlines, the reaper, lingering closes
 *   http_request.c  libmicrohttpd's callbacks: framing, routes, bodies
 *   http_read.c     what a handler asks of a request
 *   http_answer.c   answers
 *
 * A connection belongs to one of libmicrohttpd's threads, which alone touches it, but for three things: the
 * phase word (atomic), the reply while the connection is suspended (handed over by libmicrohttpd's
 * resume, which locks), and the list of connections (under the server's mutex).
 */
#ifndef NET_HTTP_PRIVATE_H
#define NET_HTTP_PRIVATE_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>

#include "net/http_server.h"

#define HTTP_REPLY_INLINE 192        /* bytes of an answer's body that need no allocation */
#define HTTP_BODY_MAPPED (64 * 1024) /* bodies from this size on have their own pages */
#define HTTP_LINGER_MAX 64           /* sockets that are read empty after an early refusal, at one time */
#define HTTP_LINGER_MS 2000
#define HTTP_LINGER_BYTES ((size_t)4 << 20)
#define HTTP_LATE_MAX 512 /* bytes of the prepared 408 */

/* What a connection is doing. Its deadline stands in the same word, so that the reaper's decision cannot
 * hit a later request: bits 0-2 phase, the rest ms of CLOCK_MONOTONIC. */
enum http_phase {
	PHASE_IDLE,      /* no request line yet */
	PHASE_RECEIVING, /* a request line, but not the whole request */
	PHASE_BUSY,      /* a handler, or who keeps the request, has it: no deadline of ours */
	PHASE_SENDING,   /* answered; on its way */
	PHASE_DOOMED,    /* shut down by the reaper; stays so */
};
#define HTTP_NO_DEADLINE (INT64_MAX >> 3)

struct http_reply {
	unsigned status;
	bool close;
	const char *content_type;
	size_t len;
	char body[HTTP_REPLY_INLINE];
	struct MHD_Response *built; /* instead of the above, when there is more to say */
};

struct http_request {
	struct http_conn *conn;
	struct MHD_Connection *mhd;
	const struct http_route *route;
	struct view path;
	bool begun; /* the headers were judged */
	bool wants_body;
	bool given;   /* to a handler */
	bool counted; /* in the server's busy */
	bool short_of_memory;
	atomic_bool kept; /* suspended; http_answer resumes */
	atomic_bool answered;
	int64_t received_ms;
	char *body; /* body_size bytes, allocated when the headers are here */
	size_t body_size;
	size_t body_len; /* bytes received; counted in the server's body_bytes */
	struct http_reply reply;
};

struct http_conn {
	struct http_server *server;
	struct http_conn *prev, *next;
	int fd;
	bool bad_target;
	char *query; /* of the present request, when there is one and options.keep_query */
	_Atomic uint64_t watch;
	struct http_request request;
	alignas(max_align_t) char scratch[]; /* options.scratch_size */
};

struct http_linger {
	int fd;
	int64_t until_ms;
	size_t left;
};

struct http_server {
	struct http_options options;
	char endpoint[HTTP_ENDPOINT_MAX];
	char late[HTTP_LATE_MAX]; /* a whole 408 answer */
	size_t late_len;
	int listen_fd; /* -1 once closed; libmicrohttpd's while it runs */
	struct MHD_Daemon *daemon;
	atomic_bool draining; /* answers close their connections */
	atomic_bool refusing; /* no handler is called any more */
	atomic_uint_fast64_t busy, body_bytes, overdue;
	/* under the mutex */
	pthread_mutex_t mutex;
	pthread_cond_t wake; /* the reaper's */
	bool stopping;
	struct http_conn *conns;
	uint64_t conn_count;
	struct http_linger lingers[HTTP_LINGER_MAX];
	size_t linger_count;
	bool has_reaper;
	pthread_t reaper;
};

int64_t http_now_mono_ms(void);
int64_t http_now_ms(void);

/* http_listen.c: a bound, listening, non-blocking socket, and the endpoint it got. */
NODISCARD enum error http_listen(const char *endpoint, int *ret_fd, char ret_endpoint[HTTP_ENDPOINT_MAX],
				 struct problem *why);

/* http_watch.c */
/* False when the connection is doomed: whatever was to be done is off. */
NODISCARD bool http_enter(struct http_conn *c, enum http_phase phase, int64_t deadline_ms);
enum http_phase http_phase(const struct http_conn *c);
void *http_reaper(void *server);
/* libmicrohttpd's notice of a connection's start and end. */
void http_on_connection(void *server, struct MHD_Connection *c, void **context,
			enum MHD_ConnectionNotificationCode code);
/* Keeps the socket open for a while after libmicrohttpd closed it and reads it empty, so that a client that
 * is still sending gets the refusal rather than a reset. */
void http_linger_begin(struct http_conn *c);

/* http_request.c */
void *http_on_request_line(void *server, const char *target, struct MHD_Connection *c);
enum MHD_Result http_on_request(void *server, struct MHD_Connection *c, const char *url, const char *method,
				const char *version, const char *data, size_t *data_size, void **context);
void http_on_completed(void *server, struct MHD_Connection *c, void **context, enum MHD_RequestTerminationCode code);

/* http_body.c: what a request brings; the connection's own thread. */
/* Room for so many bytes, which are told to come. ERR_MEMORY. */
NODISCARD enum error http_body_begin(struct http_request *r, size_t size);
/* The next bytes; with too many, or too many of all requests together, r->short_of_memory. */
void http_body_take(struct http_request *r, const char *data, size_t n);
/* Gives the memory back; once it is answered nobody reads it any more. */
void http_body_drop(struct http_request *r);

/* http_answer.c */
/* Hands the recorded reply to libmicrohttpd; on the connection's own thread. */
NODISCARD enum MHD_Result http_send_reply(struct http_request *r);
/* A problem, with Allow when e is ERR_METHOD. */
void http_refuse(struct http_request *r, enum error e, const char *allow);
/* Writes the whole 408 into s->late. */
NODISCARD enum error http_prepare_late(struct http_server *s);

#endif
