#include <unistd.h>

#include "ask_private.h"
#include "embedded.h"

static void count_status(void *ctx, unsigned status) {
	struct billing *b = ctx;
	if (status < METER_STATUS_MAX) counter_add(b->metrics.statuses[status], 1);
}

static const struct http_route files[] = {
	{.method = HTTP_GET, .path = API "openapi.json", .handle = page_serve},
	{.method = HTTP_GET, .path = PAGE, .handle = page_serve},
	{.method = HTTP_GET, .path = PAGE "/", .handle = page_redirect},
	{.method = HTTP_GET, .path = PAGE "/assets/*", .handle = page_serve},
};

static size_t fill(struct billing *b) {
	size_t n = 0;
	for (const struct action *const *a = action_table; *a && n + 2 < HTTP_ROUTES_MAX; a++) {
		bool post = (*a)->method == HTTP_POST;
		b->routes[n++] = (struct http_route){.method = (*a)->method,
						     .path = (*a)->path,
						     .handle = gate_enter,
						     .body_max = post ? ASK_BODY_MAX : 0,
						     .content_type = post ? "application/json" : NULL};
		b->routes[n++] =
			(struct http_route){.method = HTTP_OPTIONS, .path = (*a)->path, .handle = gate_preflight};
	}
	for (size_t i = 0; i < ARRAY_LEN(files) && n < HTTP_ROUTES_MAX; i++) b->routes[n++] = files[i];
	return n;
}

enum error routes_serve(struct billing *b, struct problem *why) {
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	const struct http_options o = {.listen = b->settings.listen,
				       .routes = b->routes,
				       .route_count = fill(b),
				       .ctx = b,
				       .threads = cores < 1             ? 1
						  : cores > THREADS_MAX ? THREADS_MAX
									: (unsigned)cores,
				       .connections = CONNECTIONS_MAX,
				       .keep_query = true, /* page_redirect sends it on */
				       .on_answer = count_status,
				       .refuse = gate_refuse_early};
	return http_server_create(&o, &b->http, why);
}
