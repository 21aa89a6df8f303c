#include "ask_private.h"
#include "embedded.h"

/* Nothing but what is served here runs, is loaded or is asked; nobody frames it. Scripts and styles come from files. */
#define POLICY                                                                                                         \
	"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "          \
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

static const struct embedded *find(struct view path) {
	for (const struct embedded *f = embedded_files; f->path; f++)
		if (view_eq(view_str(f->path), path)) return f;
	return NULL;
}

static bool is_known(const struct http_request *r, const char *etag) {
	struct view list;
	return http_header(r, "If-None-Match", &list) == 1 &&
	       (view_eq(list, view_str(etag)) ||
		(list.len > 2 && view_eq(view_of(list.ptr + 2, list.len - 2), view_str(etag)) &&
		 memcmp(list.ptr, "W/", 2) == 0));
}

void page_serve(void *ctx, struct http_request *r) {
	const struct embedded *f = find(http_path(r));
	if (!f) {
		gate_refuse_early(ctx, r, ERR_NOT_FOUND, NULL);
		return;
	}
	const struct http_field fields[] = {
		{"ETag", f->etag},
		{"Cache-Control", "no-cache"}, /* asked for each time, and seldom sent */
		{"X-Content-Type-Options", "nosniff"},
		{"Referrer-Policy", "no-referrer"},
		{"Content-Security-Policy", POLICY},
		{"X-Frame-Options", "DENY"},
		{"Cross-Origin-Opener-Policy", "same-origin"},
		{"Cross-Origin-Resource-Policy", "same-origin"},
		{"Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=()"},
	};
	bool known = is_known(r, f->etag);
	http_answer(r, &(struct http_answer){.status = known ? 304 : 200,
					     .content_type = known ? NULL : f->type,
					     .body = known ? VIEW_NONE : view_of(f->bytes, f->len),
					     .header_count = ARRAY_LEN(fields),
					     .headers = fields});
}

void page_redirect(void *ctx, struct http_request *r) {
	struct view query = http_query_string(r);
	char *location = NULL;
	(void)ctx;
	if (asprintf(&location, PAGE "%s%.*s", query.len ? "?" : "", (int)query.len, query.len ? query.ptr : "") < 0) {
		http_answer_problem(r, &(struct http_problem){.error = ERR_MEMORY});
		return;
	}
	const struct http_field fields[] = {{"Location", location}, {"Referrer-Policy", "no-referrer"}};
	http_answer(r, &(struct http_answer){.status = 308, .header_count = ARRAY_LEN(fields), .headers = fields});
	free(location);
}
