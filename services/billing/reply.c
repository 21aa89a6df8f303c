#include <stdio.h>
#include <stdlib.h>

#include "ask_private.h"

static const struct {
	const char *code;
	unsigned status;
	bool retryable;
	const char *title;
} refusals[REFUSAL_COUNT] = {
#define X(symbol, code, status, retryable, title) {code, status, retryable, title},
	REFUSAL_TABLE(X)
#undef X
};

const char *refusal_code(enum refusal r) { return refusals[r].code; }
unsigned refusal_status(enum refusal r) { return refusals[r].status; }

struct fields {
	unsigned count;
	struct http_field at[HTTP_ANSWER_HEADERS_MAX];
};

static void add(struct fields *f, const char *name, const char *value) {
	if (f->count < HTTP_ANSWER_HEADERS_MAX) f->at[f->count++] = (struct http_field){name, value};
}

/* A shared cache keeps nothing of this; a browser keeps what has a tag, and asks each time whether it still holds. */
static void add_common(struct fields *f, const struct reply *r) {
	add(f, "Cache-Control", r->etag ? "private, no-cache" : "private, no-store");
	add(f, "Vary", "Origin, Authorization, Cookie");
	add(f, "X-Content-Type-Options", "nosniff");
	add(f, "Cross-Origin-Resource-Policy", "same-origin");
	add(f, "X-Request-Id", r->request_id);
	if (r->etag) add(f, "ETag", r->etag);
	if (!r->origin) return;
	add(f, "Access-Control-Allow-Origin", r->origin);
	add(f, "Access-Control-Expose-Headers", "ETag, Retry-After, X-Request-Id");
	if (r->b->settings.jwt_cookie) add(f, "Access-Control-Allow-Credentials", "true");
}

static void send_with(const struct reply *r, unsigned status, const char *type, struct view body, struct fields *f) {
	add_common(f, r);
	http_answer(r->request, &(struct http_answer){.status = status,
						      .content_type = type,
						      .body = body,
						      .header_count = f->count,
						      .headers = f->at});
}

void reply_json(const struct reply *r, unsigned status, struct view json) {
	struct fields f = {0};
	send_with(r, status, status >= 400 ? "application/problem+json" : "application/json", json, &f);
}

void reply_not_modified(const struct reply *r) {
	struct fields f = {0};
	send_with(r, 304, NULL, VIEW_NONE, &f);
}

char *refusal_json(enum refusal why, const char *detail, const char *request_id) {
	json_t *o = json_pack("{s:s, s:s, s:i, s:s, s:s*, s:s, s:b}", "type", "about:blank", "title",
			      refusals[why].title, "status", (int)refusals[why].status, "code", refusals[why].code,
			      "detail", detail, "request_id", request_id, "retryable", (int)refusals[why].retryable);
	char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;
	json_decref(o);
	return text;
}

/* RFC 6750, section 3: a refused token says what was wanted, and with which error. */
static const char *challenge(enum refusal why) {
	if (why == REFUSAL_TOKEN_MISSING) return "Bearer";
	return why == REFUSAL_TOKEN_INVALID || why == REFUSAL_TOKEN_EXPIRED ? "Bearer error=\"invalid_token\"" : NULL;
}

void reply_refuse(const struct reply *r, enum refusal why, const char *detail) {
	struct fields f = {0};
	char seconds[24];
	int64_t after = r->retry_after_s ? r->retry_after_s : why == REFUSAL_UNAVAILABLE || why == REFUSAL_TOO_MANY;
	char *text = refusal_json(why, detail, r->request_id);
	(void)snprintf(seconds, sizeof seconds, "%lld", (long long)after);
	if (after) add(&f, "Retry-After", seconds);
	if (r->allow) add(&f, "Allow", r->allow);
	if (challenge(why)) add(&f, "WWW-Authenticate", challenge(why));
	counter_add(r->b->metrics.refusals[why], 1);
	send_with(r, refusals[why].status, text ? "application/problem+json" : NULL, view_str(text), &f);
	free(text);
}

void reply_preflight(const struct reply *r, const char *methods) {
	struct fields f = {0};
	add(&f, r->origin ? "Access-Control-Allow-Methods" : "Allow", methods);
	if (r->origin) {
		add(&f, "Access-Control-Allow-Headers",
		    "Authorization, Content-Type, Idempotency-Key, If-None-Match, Prefer, X-Request-Id");
		add(&f, "Access-Control-Max-Age", "600");
	}
	send_with(r, 204, NULL, VIEW_NONE, &f);
}
