#include "query.h"

#include <stdlib.h>
#include <zmq.h>

#include "service/clock.h"

/* What one client can leave unread before its replies are dropped, and what may wait for us from one. */
#define ROUTER_HWM 256
#define FEED_HWM 10000 /* changes that wait for one subscriber */
#define ROUTER_PEERS 2048
#define FEED_PEERS 1024
#define FEED_BEHIND 32 /* of them, each with up to FEED_HWM changes */

static const struct zsocket_limits feed_limits = {.send_hwm = FEED_HWM,
						  .receive_hwm = FEED_HWM,
						  .message_max = STREAM_MESSAGE_MAX,
						  .peers = FEED_PEERS,
						  .behind = FEED_BEHIND};

static enum error open_doors(struct query *q, struct problem *why) {
	const struct query_settings *s = q->settings;
	const struct door_options router = {.type = ZMQ_ROUTER,
					    .limits = {.send_hwm = ROUTER_HWM,
						       .receive_hwm = ROUTER_HWM,
						       .message_max = TG01_MESSAGE_MAX,
						       .peers = ROUTER_PEERS},
					    .at = s->query_bind,
					    .rights = CURVE_CHECK | CURVE_FEED};
	const struct door_options feed = {
		.type = ZMQ_PUB, .limits = feed_limits, .at = s->feed_bind, .rights = CURVE_FEED};
	const struct keys_needs needs = {.binds = !endpoints_are_local(&s->query_bind) ||
						  !endpoints_are_local(&s->feed_bind),
					 .connects = !endpoint_is_local(s->changes_pub.at[0])};
	enum error e = keys_open(&q->keys, q->service, s->curve_dir, needs, why);
	if (!e) e = door_open(&q->router.door, q->service->zmq, q->keys.gate, &router, why);
	return e ? e : door_open(&q->feed.door, q->service->zmq, q->keys.gate, &feed, why);
}

static enum error open_worker(struct query *q, struct problem *why) {
	enum error e = zsocket_create(q->service->zmq, ZMQ_SUB, &feed_limits, &q->feed.worker, why);
	if (e) return e;
	if (zmq_setsockopt(q->feed.worker, ZMQ_SUBSCRIBE, STREAM_TOPIC_CHANGE, sizeof STREAM_TOPIC_CHANGE - 1) != 0 ||
	    zmq_setsockopt(q->feed.worker, ZMQ_SUBSCRIBE, STREAM_TOPIC_HEARTBEAT, sizeof STREAM_TOPIC_HEARTBEAT - 1) !=
		    0)
		return problem_set(why, ERR_INTERNAL, "cannot subscribe: %s", zmq_strerror(zmq_errno()));
	return keys_connect(&q->keys, q->feed.worker, q->settings->changes_pub.at[0], why);
}

static enum error open_parts(struct query *q, struct problem *why) {
	enum error e = catalog_file_load(q->settings->catalog, &q->catalog, why);
	if (e) return e == ERR_NOT_FOUND ? ERR_CONFIG : e;
	q->server.catalog = q->feed.catalog = catalog_file_get(q->catalog);
	q->server.decoder = tg01_decoder_create();
	if (!q->server.decoder) return problem_set(why, ERR_MEMORY, "no memory for the decoder");
	q->server.memo = memo_create();
	if (!q->server.memo) return problem_set(why, ERR_MEMORY, "no memory for what was answered");
	link_tick(&q->link);
	e = open_doors(q, why);
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
	keys_unwatch(&x->keys);
	door_close(&x->router.door);
	door_close(&x->feed.door);
	zsocket_close(&x->feed.worker);
	keys_close(&x->keys);
	link_finish(&x->link);
	tg01_decoder_destroy(&x->server.decoder);
	memo_destroy(&x->server.memo);
	catalog_file_destroy(&x->catalog);
	free(x);
	*q = NULL;
}
