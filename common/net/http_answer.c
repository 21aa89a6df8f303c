#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "net/http_private.h"

/* ---- building ---------------------------------------------------------------- */

static struct MHD_Response *respond(struct view body, const char *content_type) {
	/* libmicrohttpd wants a pointer it may call void *; with MUST_COPY it only reads it */
	union {
		const void *in;
		void *out;
	} bytes = {.in = body.len ? body.ptr : ""};
	struct MHD_Response *m = MHD_create_response_from_buffer(body.len, bytes.out, MHD_RESPMEM_MUST_COPY);
	if (m && content_type && MHD_add_response_header(m, "Content-Type", content_type) != MHD_YES) {
		MHD_destroy_response(m);
		return NULL;
	}
	return m;
}

/* The common answer is short and is built later, on the connection's own thread. */
static void record(struct http_reply *reply, const struct http_answer *a) {
	reply->status = a->status;
	reply->close = a->close;
	reply->content_type = a->content_type;
	if (a->header_count == 0 && a->body.len <= sizeof reply->body) {
		reply->len = a->body.len;
		if (a->body.len) memcpy(reply->body, a->body.ptr, a->body.len);
		return;
	}
	reply->built = respond(a->body, a->content_type);
	for (unsigned i = 0; reply->built && i < a->header_count && i < HTTP_ANSWER_HEADERS_MAX; i++) {
		if (MHD_add_response_header(reply->built, a->headers[i].name, a->headers[i].value) == MHD_YES) continue;
		MHD_destroy_response(reply->built);
		reply->built = NULL;
	}
	if (reply->built) return;
	reply->status = 503;
	reply->content_type = NULL;
	reply->len = 0;
}

void http_answer(struct http_request *r, const struct http_answer *a) {
	record(&r->reply, a);
	struct MHD_Connection *mhd = r->mhd;
	bool kept = atomic_load(&r->kept);
	atomic_store(&r->answered, true);
	/* r may be gone once this returns */
	if (kept) MHD_resume_connection(mhd);
}

enum MHD_Result http_send_reply(struct http_request *r) {
	struct http_server *s = r->conn->server;
	struct http_reply *reply = &r->reply;
	if (r->counted) {
		r->counted = false;
		atomic_fetch_sub(&s->busy, 1);
	}
	/* before the answer is on its way: who has heard it may send the next body, and finds the room */
	http_body_drop(r);
	if (!http_enter(r->conn, PHASE_SENDING, http_now_mono_ms() + s->options.request_ms)) return MHD_NO;
	struct MHD_Response *m =
		reply->built ? reply->built : respond(view_of(reply->body, reply->len), reply->content_type);
	reply->built = NULL;
	if (!m) return MHD_NO;
	/* Bytes that were refused may have been a body to us and something else to a proxy (libmicrohttpd ends the
	 * headers at a line that begins with a colon): what follows them is not taken for a request. */
	bool refused = r->wants_body && reply->status >= 400 && reply->status < 500;
	if (refused || reply->close || atomic_load(&s->draining))
		(void)MHD_add_response_header(m, "Connection", "close");
	enum MHD_Result ok = MHD_queue_response(r->mhd, reply->status, m);
	MHD_destroy_response(m);
	if (ok == MHD_YES && s->options.on_answer) s->options.on_answer(s->options.ctx, reply->status);
	return ok;
}

/* ---- problems ---------------------------------------------------------------- */

/* A JSON text that the caller frees, or NULL. */
static char *problem_json(const struct http_problem *p) {
	int status = error_http_status(p->error);
	json_t *o =
		json_pack("{s:s, s:s, s:i, s:s, s:s, s:s*}", "type", "about:blank", "title",
			  MHD_get_reason_phrase_for((unsigned)status), "status", status, "code", error_code(p->error),
			  "detail", p->detail ? p->detail : error_text(p->error), "request_id", p->request_id);
	char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;
	json_decref(o);
	return text;
}

static void answer_problem(struct http_request *r, const struct http_problem *p, struct http_field field) {
	char *text = problem_json(p);
	http_answer(r, &(struct http_answer){.status = (unsigned)error_http_status(p->error),
					     .content_type = text ? "application/problem+json" : NULL,
					     .body = view_str(text),
					     .header_count = field.name ? 1 : 0,
					     .headers = &field});
	free(text);
}

void http_answer_problem(struct http_request *r, const struct http_problem *p) {
	char seconds[16] = "";
	(void)snprintf(seconds, sizeof seconds, "%u", p->retry_after_s);
	answer_problem(r, p, (struct http_field){p->retry_after_s ? "Retry-After" : NULL, seconds});
}

void http_refuse(struct http_request *r, enum error e, const char *allow) {
	const struct http_options *o = &r->conn->server->options;
	if (o->refuse) {
		o->refuse(o->ctx, r, e, e == ERR_METHOD ? allow : NULL);
	} else if (e == ERR_METHOD) {
		answer_problem(r, &(struct http_problem){.error = e}, (struct http_field){"Allow", allow});
	} else {
		bool passes = e == ERR_OVERLOADED || e == ERR_UNAVAILABLE;
		http_answer_problem(r, &(struct http_problem){.error = e, .retry_after_s = passes ? 1 : 0});
	}
}

enum error http_prepare_late(struct http_server *s) {
	char *text = problem_json(&(struct http_problem){.error = ERR_DEADLINE});
	if (!text) return ERR_MEMORY;
	int n = snprintf(s->late, sizeof s->late,
			 "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n"
			 "Content-Type: application/problem+json\r\nContent-Length: %zu\r\n\r\n%s",
			 strlen(text), text);
	free(text);
	if (n < 0 || (size_t)n >= sizeof s->late) return ERR_INTERNAL;
	s->late_len = (size_t)n;
	return OK;
}
