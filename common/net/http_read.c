#include <strings.h>

#include "net/http_private.h"

struct view http_path(const struct http_request *r) {
	return r->path;
}
enum http_method http_method(const struct http_request *r) { return r->route->method; }
struct view http_body(const struct http_request *r) {
	return view_of(r->body, r->body_len);
}
int64_t http_received_ms(const struct http_request *r) { return r->received_ms; }
void *http_scratch(struct http_request *r) { return r->conn->scratch; }

struct search {
	struct view name;
	bool any_case;
	unsigned count;
	struct view first;
};

static enum MHD_Result look(void *ctx, enum MHD_ValueKind kind, const char *name, size_t name_len, const char *value,
			    size_t value_len) {
	(void)kind;
	struct search *s = ctx;
	if (name_len != s->name.len) return MHD_YES;
	int differs = s->any_case ? strncasecmp(name, s->name.ptr, name_len) : memcmp(name, s->name.ptr, name_len);
	if (differs != 0) return MHD_YES;
	if (s->count++ == 0) s->first = view_of(value, value_len);
	return MHD_YES;
}

static unsigned find(const struct http_request *r, enum MHD_ValueKind kind, struct search s, struct view *ret_first) {
	MHD_get_connection_values_n(r->mhd, kind, look, &s);
	if (s.count && ret_first) *ret_first = s.first;
	return s.count;
}

unsigned http_header(const struct http_request *r, const char *name, struct view *ret_first) {
	return find(r, MHD_HEADER_KIND, (struct search){.name = view_str(name), .any_case = true}, ret_first);
}

unsigned http_query(const struct http_request *r, const char *name, struct view *ret_first) {
	return find(r, MHD_GET_ARGUMENT_KIND, (struct search){.name = view_str(name)}, ret_first);
}

struct walk {
	bool (*each)(void *ctx, struct view name, struct view value);
	void *ctx;
};

static enum MHD_Result step(void *ctx, enum MHD_ValueKind kind, const char *name, size_t name_len, const char *value,
			    size_t value_len) {
	(void)kind;
	const struct walk *w = ctx;
	return w->each(w->ctx, view_of(name, name_len), view_of(value, value ? value_len : 0)) ? MHD_YES : MHD_NO;
}

void http_query_each(const struct http_request *r, bool (*each)(void *ctx, struct view name, struct view value),
		     void *ctx) {
	struct walk w = {each, ctx};
	MHD_get_connection_values_n(r->mhd, MHD_GET_ARGUMENT_KIND, step, &w);
}

struct view http_query_string(const struct http_request *r) {
	return view_str(r->conn->query);
}

void http_keep(struct http_request *r) {
	atomic_store(&r->kept, true);
	MHD_suspend_connection(r->mhd);
}
