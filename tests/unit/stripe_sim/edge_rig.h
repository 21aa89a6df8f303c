/* A simulator with its edge, and an endpoint that takes its webhooks. */
#ifndef TESTS_STRIPE_SIM_EDGE_RIG_H
#define TESTS_STRIPE_SIM_EDGE_RIG_H

#include "rig.h"

#include <pthread.h>
#include <stdatomic.h>

#include "edge.h"
#include "net/http_server.h"

#define TAKEN_MAX 2048
#define SECRET_ONE "whsec_one"
#define SECRET_TWO "whsec_two"

struct taken {
	char *body;
	char signature[512];
};

struct receiver {
	struct http_server *http;
	pthread_mutex_t mutex;
	struct taken at[TAKEN_MAX];
	size_t count;
	atomic_uint status; /* to answer with */
};

static inline void take_webhook(void *ctx, struct http_request *h) {
	struct receiver *v = ctx;
	struct view body = http_body(h), signature = VIEW_NONE;
	(void)http_header(h, "Stripe-Signature", &signature);
	pthread_mutex_lock(&v->mutex);
	if (v->count < TAKEN_MAX) {
		struct taken *t = &v->at[v->count++];
		t->body = strndup(body.ptr ? body.ptr : "", body.len);
		(void)snprintf(t->signature, sizeof t->signature, "%.*s", VIEW_FMT(signature));
	}
	pthread_mutex_unlock(&v->mutex);
	http_answer(h, &(struct http_answer){.status = atomic_load(&v->status)});
}

struct edge_rig {
	struct rig rig;
	struct edge *edge;
	struct receiver receiver;
	char url[HTTP_ENDPOINT_MAX + 16];
};

static UNUSED void edge_rig_open(struct edge_rig *e) {
	static const struct http_route routes[] = {
		{.method = HTTP_POST, .path = "/*", .handle = take_webhook, .body_max = 1 << 20}};
	*e = (struct edge_rig){.rig = rig_open()};
	pthread_mutex_init(&e->receiver.mutex, NULL);
	atomic_init(&e->receiver.status, 200);
	assert_int_equal(http_server_create(&(struct http_options){.listen = "127.0.0.1:0",
								   .routes = routes,
								   .route_count = 1,
								   .ctx = &e->receiver},
					    &e->receiver.http, NULL),
			 OK);
	(void)snprintf(e->url, sizeof e->url, "http://%s/hook", http_server_endpoint(e->receiver.http));
	assert_int_equal(edge_create(e->rig.sim, &(struct edge_options){.seed = 3}, &e->edge, NULL), OK);
}

static UNUSED void edge_rig_close(struct edge_rig *e) {
	edge_destroy(&e->edge);
	http_server_destroy(&e->receiver.http);
	for (size_t i = 0; i < e->receiver.count; i++) free(e->receiver.at[i].body);
	pthread_mutex_destroy(&e->receiver.mutex);
	rig_close(&e->rig);
}

/* As ask, with the mutex held, which the edge's thread wants as well. */
#define SAY(e, ...)                                                                                                    \
	(pthread_mutex_lock(&(e)->rig.sim->mutex), (e)->rig.last = ask(&(e)->rig, __VA_ARGS__),                        \
	 pthread_mutex_unlock(&(e)->rig.sim->mutex), (e)->rig.last)

static UNUSED struct id a_customer(struct edge_rig *e) {
	pthread_mutex_lock(&e->rig.sim->mutex);
	struct id id = new_customer(&e->rig);
	pthread_mutex_unlock(&e->rig.sim->mutex);
	return id;
}

static UNUSED struct id a_subscription(struct edge_rig *e, struct id customer, const char *more) {
	pthread_mutex_lock(&e->rig.sim->mutex);
	struct id id = subscribe(&e->rig, customer, more);
	pthread_mutex_unlock(&e->rig.sim->mutex);
	return id;
}

static UNUSED void flush(struct edge_rig *e) { (void)SAY(e, "POST", "/_sim/flush", "%s", ""); }

static UNUSED void expect_deliveries(struct edge_rig *e, int pending, int delivered, int failures, int dropped) {
	const json_t *d = SAY(e, "GET", "/_sim/deliveries", "%s", "");
	int want[] = {pending, delivered, failures, dropped};
	static const char *const names[] = {"pending", "delivered", "failed", "dropped"};
	for (size_t i = 0; i < 4; i++)
		if (int_of(d, names[i]) != want[i])
			fail_msg("%s is %d, not %d", names[i], (int)int_of(d, names[i]), want[i]);
}

/* The parsed body of the n-th webhook; the caller owns it. */
static UNUSED json_t *taken_json(struct edge_rig *e, size_t n) {
	pthread_mutex_lock(&e->receiver.mutex);
	assert_true(n < e->receiver.count);
	json_t *o = json_loads(e->receiver.at[n].body, JSON_REJECT_DUPLICATES, NULL);
	pthread_mutex_unlock(&e->receiver.mutex);
	assert_non_null(o);
	return o;
}

static UNUSED size_t taken_count(struct edge_rig *e) {
	pthread_mutex_lock(&e->receiver.mutex);
	size_t n = e->receiver.count;
	pthread_mutex_unlock(&e->receiver.mutex);
	return n;
}

#endif
