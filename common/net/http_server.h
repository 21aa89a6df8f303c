/* The HTTP server of every service: libmicrohttpd behind a table of routes.
 *
 *     static void get_livez(void *ctx, struct http_request *r) {
 *             http_answer(r, &(struct http_answer){200, "text/plain", VIEW("ok\n")});
 *     }
 *     static const struct http_route routes[] = {
 *             {.method = HTTP_GET, .path = "/livez", .handle = get_livez},
 *     };
 *
 * A handler runs on one of the server's threads, once the request is here in full. It either answers,
 * or keeps the request (http_keep) and somebody answers later from any thread. Either way each request is
 * answered exactly once. Handlers must not block: they hold up the other connections of their thread.
 *
 * What a handler never sees, because it is answered before (RFC 9110, RFC 9112):
 *   400  a target with %00, a body on a GET, more than one Host or Content-Type, a header name that is no token
 *        (a blank before the colon), a CR or NUL in a value, a folded length or encoding
 *   404  no route has that path                  405  it has another method (with Allow)
 *   408  the request was not here in time        411  any Transfer-Encoding, or not exactly one Content-Length
 *   413  over the route's limit, before a byte of the body is read
 *   415  a POST with another Content-Type than the route's (parameters such as charset are passed over)
 *   503  too many bytes of bodies are in memory
 * libmicrohttpd itself refuses what is not HTTP (400), and headers over HTTP_HEADERS_MAX (431, 414).
 * After an early refusal the connection is closed: its body was not read. So it is after any 4xx to a POST or
 * PUT, also a handler's.
 *
 * Time: libmicrohttpd's own timeout starts anew with every byte, so this server keeps its own. From the request
 * line on a request has `request_ms` in all to arrive, however its sender spreads it; a new connection
 * has the same time to send a request line, an idle one `idle_ms`. A thread looks for what is overdue
 * every HTTP_REAP_MS, sends 408 when a request had begun, and shuts the socket down. The same holds for an
 * answer that its receiver does not take.
 *
 * Signals: create the server with all signals blocked, so that its threads inherit that.
 */
#ifndef NET_HTTP_SERVER_H
#define NET_HTTP_SERVER_H

#include "base/error.h"
#include "base/view.h"

#define HTTP_HEADERS_MAX ((size_t)16 * 1024) /* a connection's memory: request line, headers, read buffer */
#define HTTP_ROUTES_MAX 64                   /* of one server */
#define HTTP_CONNECTIONS_DEFAULT 1024        /* further ones wait in the listen queue */
#define HTTP_CONNECTIONS_MAX 65536
#define HTTP_FILES_SPARE 256 /* open files that connections leave to the rest of the process */
#define HTTP_THREADS_MAX 64
#define HTTP_REQUEST_MS_DEFAULT 10000
#define HTTP_IDLE_MS_DEFAULT 75000 /* over the 60 s of nginx, so that the proxy closes first */
#define HTTP_REAP_MS 100
#define HTTP_BODIES_DEFAULT (64ull * 1024 * 1024) /* bytes of bodies in memory, all requests together */
#define HTTP_ENDPOINT_MAX 128                     /* "host:port" with its NUL */
#define HTTP_ANSWER_HEADERS_MAX 16

enum http_method { HTTP_GET, HTTP_POST, HTTP_PUT, HTTP_DELETE, HTTP_OPTIONS, HTTP_METHODS };

struct http_request;
struct http_server;

struct http_route {
	enum http_method method; /* a GET route answers HEAD too */
	const char *path;        /* exact; or a prefix, slash included, when it ends in a slash and an asterisk */
	void (*handle)(void *ctx, struct http_request *r);
	size_t body_max;          /* bytes; 0: no body allowed */
	const char *content_type; /* which one a body must have, "application/json"; NULL: any or none */
};

struct http_options {
	const char *
		listen; /* "127.0.0.1:8701", "[::1]:0", "localhost:80", ":8080" (all addresses); port 0: any free one */
	const struct http_route *routes; /* the table and its strings outlive the server */
	size_t route_count;
	void *ctx;            /* given to every handler */
	unsigned threads;     /* 0: one */
	unsigned connections; /* 0: HTTP_CONNECTIONS_DEFAULT; fewer when RLIMIT_NOFILE asks for it */
	int64_t request_ms;   /* 0: HTTP_REQUEST_MS_DEFAULT */
	int64_t idle_ms;      /* 0: HTTP_IDLE_MS_DEFAULT */
	uint64_t bodies_max;  /* 0: HTTP_BODIES_DEFAULT */
	size_t scratch_size;  /* bytes of http_scratch per request */
	bool keep_query;      /* for http_query_string; costs a copy of each target that has a query */
	/* Every answered request, also those refused before a handler; may be NULL. Any thread; for counting. */
	void (*on_answer)(void *ctx, unsigned status);
	/* Answers, before it returns, what the server refuses before a handler; `allow`: of a 405. The request has
	 * headers, and neither a path, a route nor a body. NULL: http_answer_problem. What was overdue (408) and what
	 * libmicrohttpd itself refuses does not come here. */
	void (*refuse)(void *ctx, struct http_request *r, enum error e, const char *allow);
};

/* Serves as soon as it returns. ERR_CONFIG: the address; ERR_UNAVAILABLE: cannot bind; ERR_MEMORY. */
NODISCARD enum error http_server_create(const struct http_options *o, struct http_server **ret_s, struct problem *why);

/* Where it listens, with the actual port: "127.0.0.1:40311". Lives as long as the server. */
const char *http_server_endpoint(const struct http_server *s);

struct http_stat {
	uint64_t connections; /* open now */
	uint64_t requests;    /* handed to handlers and not answered yet */
	uint64_t body_bytes;  /* in memory now */
	uint64_t overdue;     /* connections shut down because a request or answer took too long, ever */
};
void http_server_stat(const struct http_server *s, struct http_stat *ret_s);

/* First half of a stop. Closes the listening socket and idle connections, lets every request that has begun finish
 * (answers carry Connection: close), and returns when none is left or after max_ms; the number left. The owner
 * goes on answering what it keeps, from other threads. Once it has returned no handler runs any more: what
 * still arrives is answered 503. */
size_t http_server_drain(struct http_server *s, int64_t max_ms);

/* Second half. What is still kept is answered 503 and must not be used any more; nobody may be inside
 * http_answer() meanwhile. Accepts NULL and an empty pointer. */
void http_server_destroy(struct http_server **s);

/* ---- the request; every view lives until it is answered ---------------------------------------- */

struct view http_path(const struct http_request *r); /* decoded, without the query */
enum http_method http_method(const struct http_request *r);
struct view http_body(const struct http_request *r);
/* When the last byte was here: ms of the wall clock. */
int64_t http_received_ms(const struct http_request *r);
/* How many headers have that name (any case); *ret_first (may be NULL) is the first one's value, untouched when 0. */
unsigned http_header(const struct http_request *r, const char *name, struct view *ret_first);
/* The same for query arguments (names are case-sensitive, values decoded). */
unsigned http_query(const struct http_request *r, const char *name, struct view *ret_first);
/* Each query argument as often as it stands there, until `each` returns false. A value is empty without "=". */
void http_query_each(const struct http_request *r, bool (*each)(void *ctx, struct view name, struct view value),
		     void *ctx);
/* The query as it was sent, neither decoded nor split, without its question mark; empty unless options.keep_query. */
struct view http_query_string(const struct http_request *r);
/* scratch_size bytes that belong to the handler's owner, aligned for any type, zeroed. */
void *http_scratch(struct http_request *r);
/* Takes the request out of the server's hands until http_answer. Handler's thread, before anybody else may
 * learn of r. The handler does not touch r once another thread may have answered it. */
void http_keep(struct http_request *r);

/* ---- the answer --------------------------------------------------------------------------------- */

struct http_field {
	const char *name;
	const char *value;
};

struct http_answer {
	unsigned status;
	const char *content_type;         /* NULL: none. A string literal: it is not copied */
	struct view body;                 /* copied */
	bool close;                       /* and close the connection */
	unsigned header_count;            /* at most HTTP_ANSWER_HEADERS_MAX; more are left out */
	const struct http_field *headers; /* copied */
};

/* Answers, from any thread; r is gone afterwards. Never fails for the caller: without memory the client gets a bare
 * 503 or a closed connection. */
void http_answer(struct http_request *r, const struct http_answer *a);

/* application/problem+json (RFC 9457): {"type":"about:blank","title","status","code","detail"[,"request_id"]}. The
 * title is HTTP's own phrase, status and code are those of base/error.h, and so is the detail unless one is given.
 * Nothing of the request is repeated. */
struct http_problem {
	enum error error;
	const char *detail;     /* NULL: the error's text. For people; no secrets */
	const char *request_id; /* NULL: none */
	unsigned retry_after_s; /* 0: no Retry-After */
};
void http_answer_problem(struct http_request *r, const struct http_problem *p);

#endif
