#include "service/admin.h"

#include "net/http_server.h"

#include <stdlib.h>

struct admin {
	struct admin_options options;
	struct http_server *http;
};

static void get_livez(void *ctx, struct http_request *r) {
	(void)ctx;
	http_answer(r, &(struct http_answer){.status = 200, .content_type = "text/plain", .body = VIEW("ok\n")});
}

static void refresh(const struct admin *a) {
	if (a->options.refresh) a->options.refresh(a->options.ctx);
}

static void get_readyz(void *ctx, struct http_request *r) {
	struct admin *a = ctx;
	refresh(a);
	bool ready = false;
	char *text = health_render(a->options.health, &ready);
	if (!text) {
		http_answer_problem(r, &(struct http_problem){.error = ERR_MEMORY});
		return;
	}
	http_answer(r, &(struct http_answer){.status = ready ? 200 : 503,
					     .content_type = "application/json",
					     .body = view_str(text)});
	free(text);
}

static void get_metrics(void *ctx, struct http_request *r) {
	struct admin *a = ctx;
	refresh(a);
	char *text = a->options.metrics ? malloc(METRICS_TEXT_MAX) : NULL;
	size_t n = text ? metrics_render(a->options.metrics, text, METRICS_TEXT_MAX) : 0;
	if (a->options.metrics && n == 0) {
		http_answer_problem(r, &(struct http_problem){.error = ERR_MEMORY});
	} else {
		http_answer(r, &(struct http_answer){.status = 200,
						     .content_type = "text/plain; version=0.0.4; charset=utf-8",
						     .body = view_of(text, n)});
	}
	free(text);
}

static const struct http_route routes[] = {
	{.method = HTTP_GET, .path = "/livez", .handle = get_livez},
	{.method = HTTP_GET, .path = "/readyz", .handle = get_readyz},
	{.method = HTTP_GET, .path = "/metrics", .handle = get_metrics},
};

enum error admin_start(const struct admin_options *o, struct admin **ret_a, struct problem *why) {
	struct admin *a = calloc(1, sizeof *a);
	if (!a) return problem_set(why, ERR_MEMORY, "no memory for the admin port");
	a->options = *o;
	struct http_options http = {
		.listen = o->listen,
		.routes = routes,
		.route_count = ARRAY_LEN(routes),
		.ctx = a,
		.connections = 64, /* supervisors and scrapers */
		.bodies_max = 1,   /* nobody posts here */
	};
	enum error e = http_server_create(&http, &a->http, why);
	if (e) {
		free(a);
		return e;
	}
	*ret_a = a;
	return OK;
}

const char *admin_address(const struct admin *a) { return http_server_endpoint(a->http); }

void admin_stop(struct admin **a) {
	if (!a || !*a) return;
	http_server_destroy(&(*a)->http);
	free(*a);
	*a = NULL;
}
