#include "query.h"

#include <stdlib.h>
#include <zmq.h>

#include "service/clock.h"

/* What one client can leave unread before its replies are dropped, and what may wait for us from one. */
#define ROUTER_HWM 256
#define FEED_HWM 10000 /* changes that wait for one subscriber */

static const struct zsocket_limits feed_limits = {
	.send_hwm = FEED_HWM, .receive_hwm = FEED_HWM, .message_max = STREAM_MESSAGE_MAX};

/* Made anew, a socket binds to what it had: a wildcard would give it another port. */
static enum error endpoints_of(const struct endpoints *asked, const char *bound, struct endpoints *ret_list,
			       struct problem *why) {
	if (bound[0]) return endpoints_parse(view_str(bound), ret_list, why);
	*ret_list = *asked;
	return OK;
}

static enum error open_router(struct query *q, struct problem *why) {
	struct endpoints list;
	const struct zsocket_limits limits = {
		.send_hwm = ROUTER_HWM, .receive_hwm = ROUTER_HWM, .message_max = TG01_MESSAGE_MAX};
	enum error e = endpoints_of(&q->settings->query_bind, q->query_at, &list, why);
	if (!e) e = zsocket_create(q->service->zmq, ZMQ_ROUTER, &limits, &q->router.socket, why);
	return e ? e : curve_gate_bind_all(q->gate, CURVE_CHECK, q->router.socket, &list, q->query_at, why);
}

static enum error open_feed(struct query *q, struct problem *why) {
	struct endpoints list;
	enum error e = endpoints_of(&q->settings->feed_bind, q->feed_at, &list, why);
	if (!e) e = zsocket_create(q->service->zmq, ZMQ_PUB, &feed_limits, &q->feed.pub, why);
	return e ? e : curve_gate_bind_all(q->gate, CURVE_FEED, q->feed.pub, &list, q->feed_at, why);
}

static enum error open_worker(struct query *q, struct problem *why) {
	enum error e = zsocket_create(q->service->zmq, ZMQ_SUB, &feed_limits, &q->feed.worker, why);
	if (e) return e;
	if (zmq_setsockopt(q->feed.worker, ZMQ_SUBSCRIBE, STREAM_TOPIC_CHANGE, sizeof STREAM_TOPIC_CHANGE - 1) != 0 ||
	    zmq_setsockopt(q->feed.worker, ZMQ_SUBSCRIBE, STREAM_TOPIC_HEARTBEAT, sizeof STREAM_TOPIC_HEARTBEAT - 1) !=
		    0)
		return problem_set(why, ERR_INTERNAL, "cannot subscribe: %s", zmq_strerror(zmq_errno()));
	return zsocket_connect(q->feed.worker, q->settings->changes_pub, why);
}

enum error query_bind(struct query *q, struct problem *why) {
	enum error e = open_router(q, why);
	return e ? e : open_feed(q, why);
}

static enum error open_parts(struct query *q, struct problem *why) {
	enum error e = catalog_file_load(q->settings->catalog, &q->catalog, why);
	if (e) return e == ERR_NOT_FOUND ? ERR_CONFIG : e;
	q->server.catalog = q->feed.catalog = catalog_file_get(q->catalog);
	q->server.decoder = tg01_decoder_create();
	if (!q->server.decoder) return problem_set(why, ERR_MEMORY, "no memory for the decoder");
	link_tick(&q->link);
	if (q->settings->curve_dir) e = curve_gate_open(q->service->zmq, q->settings->curve_dir, &q->gate, why);
	q->router.gate = q->gate;
	if (!e) e = query_bind(q, why);
	return e ? e : open_worker(q, why);
}

enum error query_open(struct service *service, const struct query_settings *settings, struct query **ret_q,
		      struct problem *why) {
	struct query *q = calloc(1, sizeof *q);
	if (!q) return problem_set(why, ERR_MEMORY, "no memory to start");
	q->settings = settings;
	q->service = service;
	link_init(&q->link, settings->store_dir);
	q->server.link = &q->link;
	q->server.livemode = settings->mode == 0;
	q->server.started_mono_ms = mono_ms();
	q->router.server = &q->server;
	q->feed.link = &q->link;
	q->feed.livemode = q->server.livemode;
	query_metrics_register(&q->metrics, service->metrics);
	health_broken(service->health, "store", problem_text(&q->link.why));
	enum error e = open_parts(q, why);
	if (e) {
		query_close(&q);
		return e;
	}
	*ret_q = q;
	return OK;
}

void query_close(struct query **q) {
	if (!q || !*q) return;
	struct query *x = *q;
	zsocket_close(&x->router.socket);
	zsocket_close(&x->feed.pub);
	zsocket_close(&x->feed.worker);
	curve_gate_close(&x->gate);
	link_finish(&x->link);
	tg01_decoder_destroy(&x->server.decoder);
	catalog_file_destroy(&x->catalog);
	free(x);
	*q = NULL;
}
