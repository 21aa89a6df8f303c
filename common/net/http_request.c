#include <stdlib.h>
#include <strings.h>

#include "base/bytes.h"
#include "base/parse.h"
#include "net/http_private.h"

/* ---- routes ------------------------------------------------------------------ */

static bool path_matches(const char *pattern, struct view path) {
	struct view p = view_str(pattern);
	if (p.len >= 2 && p.ptr[p.len - 1] == '*' && p.ptr[p.len - 2] == '/')
		return view_starts(path, view_of(p.ptr, p.len - 1));
	return view_eq(p, path);
}

static bool method_matches(enum http_method m, const char *method) {
	static const char *const names[HTTP_METHODS] = {"GET", "POST", "PUT", "DELETE", "OPTIONS"};
	return strcmp(names[m], method) == 0 || (m == HTTP_GET && strcmp(method, "HEAD") == 0);
}

/* ERR_NOT_FOUND; or ERR_METHOD, and which methods that path has. */
static enum error find_route(const struct http_options *o, struct view path, const char *method,
			     const struct http_route **ret_route, char allow[64]) {
	static const char *const allowed[HTTP_METHODS] = {"GET, HEAD", "POST", "PUT", "DELETE", "OPTIONS"};
	struct writer w = writer_of(allow, 63);
	for (size_t i = 0; i < o->route_count; i++) {
		const struct http_route *route = &o->routes[i];
		if (!path_matches(route->path, path)) continue;
		if (method_matches(route->method, method)) {
			*ret_route = route;
			return OK;
		}
		if (w.at != w.start) write_bytes(&w, VIEW(", "));
		write_bytes(&w, view_str(allowed[route->method]));
	}
	if (w.at == w.start) return ERR_NOT_FOUND;
	*w.at = 0;
	return ERR_METHOD;
}

/* ---- framing ----------------------------------------------------------------- */

static bool media_type_is(struct view value, const char *want) {
	const char *semicolon = value.len ? memchr(value.ptr, ';', value.len) : NULL;
	size_t n = semicolon ? (size_t)(semicolon - value.ptr) : value.len;
	while (n && (value.ptr[n - 1] == ' ' || value.ptr[n - 1] == '\t')) n--;
	return n == strlen(want) && strncasecmp(value.ptr, want, n) == 0;
}

static bool is_token(struct view name) {
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i], letter = (char)(c | 0x20);
		bool ok = (c >= '0' && c <= '9') || (letter >= 'a' && letter <= 'z') ||
			  (c && strchr("!#$%&'*+-.^_`|~", c));
		if (!ok) return false;
	}
	return name.len > 0;
}

static bool goes_on_after(struct view name, const char *prefix) {
	size_t n = strlen(prefix);
	return name.len > n && strncasecmp(name.ptr, prefix, n) == 0;
}

/* libmicrohttpd takes "Transfer-Encoding : chunked" for a header of another name, and joins a folded line to the name
 * of its header, not to the value. A proxy that reads such lines otherwise would frame the request otherwise
 * (RFC 9112, sections 5.1 and 5.2: answer 400). */
static enum MHD_Result judge_header(void *ctx, enum MHD_ValueKind kind, const char *name, size_t name_len,
				    const char *value, size_t value_len) {
	(void)kind;
	bool *odd = ctx;
	struct view n = view_of(name, name_len);
	if (!is_token(n) || goes_on_after(n, "Content-Length") || goes_on_after(n, "Transfer-Encoding")) *odd = true;
	if (value_len && (memchr(value, '\r', value_len) || memchr(value, 0, value_len))) *odd = true;
	return *odd ? MHD_NO : MHD_YES;
}

/* RFC 9112, section 6: two ways to tell a body's length are how requests are smuggled past a proxy, so there
 * is one: a single Content-Length in decimal digits. */
static enum error check_framing(const struct http_request *r, bool wants_body, size_t *ret_size) {
	struct view length;
	bool odd = false;
	MHD_get_connection_values_n(r->mhd, MHD_HEADER_KIND, judge_header, &odd);
	if (odd) return ERR_BAD_REQUEST;
	unsigned lengths = http_header(r, "Content-Length", &length);
	if (http_header(r, "Transfer-Encoding", NULL) || lengths > 1) return ERR_LENGTH_REQUIRED;
	if (lengths == 0) {
		if (wants_body) return ERR_LENGTH_REQUIRED;
		*ret_size = 0;
		return OK;
	}
	uint64_t n;
	if (!parse_u64(length, UINT64_MAX, &n)) return ERR_BAD_REQUEST;
	*ret_size = n > SIZE_MAX / 2 ? SIZE_MAX / 2 : (size_t)n;
	return OK;
}

static enum error check_headers(const struct http_request *r, const struct http_route *route, size_t size) {
	struct view type;
	if (http_header(r, "Host", NULL) > 1) return ERR_BAD_REQUEST;
	if (size && !route->body_max) return ERR_BAD_REQUEST;
	if (size > route->body_max) return ERR_TOO_LARGE;
	unsigned types = http_header(r, "Content-Type", &type);
	if (types > 1) return ERR_BAD_REQUEST;
	if (route->content_type && (types == 0 || !media_type_is(type, route->content_type))) return ERR_MEDIA_TYPE;
	return OK;
}

static enum MHD_Result begin(struct http_request *r, const char *url, const char *method) {
	const struct http_options *o = &r->conn->server->options;
	char allow[64] = "";
	r->begun = true;
	r->path = view_str(url);
	size_t size = 0;
	r->wants_body = strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0;
	enum error framing = check_framing(r, r->wants_body, &size);
	enum error e = find_route(o, r->path, method, &r->route, allow);
	if (r->conn->bad_target) e = ERR_BAD_REQUEST;
	if (!e) e = framing;
	if (!e) e = check_headers(r, r->route, size);
	if (!e && size) e = http_body_begin(r, size);
	if (!e) return MHD_YES;
	http_refuse(r, e, allow);
	/* without a body the answer waits for the next call; one that is sent now closes the connection */
	if (!framing && size == 0) return MHD_YES;
	http_linger_begin(r->conn);
	return http_send_reply(r);
}

static enum MHD_Result give(struct http_request *r) {
	struct http_server *s = r->conn->server;
	if (!http_enter(r->conn, PHASE_BUSY, HTTP_NO_DEADLINE)) return MHD_NO;
	if (r->short_of_memory) http_refuse(r, ERR_OVERLOADED, NULL);
	/* read after BUSY was entered: http_server_drain relies on that order */
	if (!atomic_load(&r->answered) && atomic_load(&s->refusing)) http_refuse(r, ERR_UNAVAILABLE, NULL);
	if (atomic_load(&r->answered)) return http_send_reply(r);
	r->given = r->counted = true;
	atomic_fetch_add(&s->busy, 1);
	r->received_ms = http_now_ms();
	r->route->handle(s->options.ctx, r);
	if (atomic_load(&r->kept)) return MHD_YES;
	if (!atomic_load(&r->answered)) http_answer_problem(r, &(struct http_problem){.error = ERR_INTERNAL});
	return http_send_reply(r);
}

/* ---- libmicrohttpd's callbacks ------------------------------------------------ */

/* libmicrohttpd splits and decodes it in place later. Without memory the request is refused like a bad target. */
static void keep_query(struct http_conn *c, const char *target) {
	const char *mark = strchr(target, '?');
	free(c->query);
	c->query = mark ? strdup(mark + 1) : NULL;
	if (mark && !c->query) c->bad_target = true;
}

void *http_on_request_line(void *server, const char *target, struct MHD_Connection *mhd) {
	struct http_server *s = server;
	struct http_conn *c = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
	if (!c) return NULL;
	c->request.mhd = mhd;
	/* decoded it would end the path early */
	c->bad_target = strstr(target, "%00") != NULL;
	if (s->options.keep_query) keep_query(c, target);
	/* a doomed one is found out later, where it can be closed */
	(void)!http_enter(c, PHASE_RECEIVING, http_now_mono_ms() + s->options.request_ms);
	return c;
}

enum MHD_Result http_on_request(void *server, struct MHD_Connection *mhd, const char *url, const char *method,
				const char *version, const char *data, size_t *data_size, void **context) {
	(void)server, (void)mhd, (void)version;
	struct http_conn *c = *context;
	if (!c) return MHD_NO;
	struct http_request *r = &c->request;
	if (!r->begun) return begin(r, url, method);
	if (*data_size) {
		http_body_take(r, data, *data_size);
		*data_size = 0;
		return MHD_YES;
	}
	if (!r->given) return give(r);
	/* resumed */
	return atomic_load(&r->answered) ? http_send_reply(r) : MHD_YES;
}

static void reset(struct http_request *r) {
	struct http_server *s = r->conn->server;
	http_body_drop(r);
	if (r->counted) atomic_fetch_sub(&s->busy, 1);
	if (r->reply.built) MHD_destroy_response(r->reply.built);
	r->mhd = NULL;
	r->route = NULL;
	r->path = VIEW_NONE;
	r->begun = r->wants_body = r->given = r->counted = r->short_of_memory = false;
	r->reply.built = NULL;
	if (s->options.scratch_size) memset(r->conn->scratch, 0, s->options.scratch_size);
	atomic_store(&r->kept, false);
	atomic_store(&r->answered, false);
}

void http_on_completed(void *server, struct MHD_Connection *mhd, void **context, enum MHD_RequestTerminationCode code) {
	(void)mhd, (void)code;
	struct http_server *s = server;
	struct http_conn *c = *context;
	if (!c) return;
	reset(&c->request);
	c->bad_target = false;
	free(c->query);
	c->query = NULL;
	/* a doomed one stays so, and is closed */
	(void)!http_enter(c, PHASE_IDLE, http_now_mono_ms() + s->options.idle_ms);
	*context = NULL;
}
