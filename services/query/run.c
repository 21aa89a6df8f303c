#include "query.h"

#include <errno.h>
#include <zmq.h>

#include "service/clock.h"

enum { AT_ROUTER, AT_WORKER, AT_SIGNALS, AT_COUNT };

/* The old catalog stays when the new one is bad. */
static void reload(struct query *q) {
	struct catalog_file *fresh = NULL;
	struct problem why = {0};
	const struct log *log = &q->service->log;
	if (catalog_file_load(q->settings->catalog, &fresh, &why)) {
		log_error(log, log_ev("catalog_kept"), kv_str("file", q->settings->catalog), kv_why(&why));
		return;
	}
	catalog_file_destroy(&q->catalog);
	q->catalog = fresh;
	q->server.catalog = q->feed.catalog = catalog_file_get(fresh);
	/* the feed's listeners are told which catalog gives the lines that follow */
	feed_heartbeat(&q->feed, wall_ms());
	log_info(log, log_ev("catalog_loaded"), kv_str("file", q->settings->catalog),
		 kv_u64("tiers", q->server.catalog->tier_count));
}

/* A key was taken out: its connections end with the sockets. */
static enum error reload_keys(struct query *q, struct problem *why) {
	if (!keys_reload(&q->keys)) return OK;
	enum error e = door_reopen(&q->router.door, why);
	return e ? e : door_reopen(&q->feed.door, why);
}

/* Once a second. True: the feed has something to publish. */
static bool tick(struct query *q) {
	int64_t now = wall_ms();
	link_tick(&q->link);
	bool more = feed_publish(&q->feed, now);
	feed_heartbeat(&q->feed, now);
	query_report(q, now);
	keys_report(&q->keys);
	return more;
}

/* The last requests that came before we were told to stop; their replies get a moment to leave. */
static void drain(struct query *q) {
	int64_t deadline = mono_ms() + QUERY_DRAIN_MS;
	while (router_serve(&q->router) && mono_ms() < deadline) {
	}
	query_report(q, wall_ms());
}

static int wait_ms(int64_t next_tick, bool more) {
	int64_t left = more ? 0 : next_tick - mono_ms();
	return left < 0 ? 0 : (int)left;
}

/* *ret_stop: it is to end. */
static enum error handle_signals(struct query *q, bool *ret_stop, struct problem *why) {
	switch (signals_wait(&q->service->signals, 0)) {
	case SIGNAL_STOP:
		*ret_stop = true;
		return OK;
	case SIGNAL_RELOAD:
		reload(q);
		return reload_keys(q, why);
	case SIGNAL_NONE:
		break;
	}
	return OK;
}

enum error query_run(struct query *q, struct problem *why) {
	zmq_pollitem_t items[AT_COUNT] = {
		[AT_ROUTER] = {.socket = q->router.door.socket, .events = ZMQ_POLLIN},
		[AT_WORKER] = {.socket = q->feed.worker, .events = ZMQ_POLLIN},
		[AT_SIGNALS] = {.fd = q->service->signals.fd, .events = ZMQ_POLLIN},
	};
	service_ready(q->service);
	log_info(&q->service->log, log_ev("listening"), kv_str("listen", q->router.door.actual),
		 kv_str("feed", q->feed.door.actual), kv_str("admin", admin_address(q->service->admin)));
	bool more_requests = false, more_changes = false, stop = false;
	int64_t next_tick = mono_ms();
	for (;;) {
		if (zmq_poll(items, AT_COUNT, wait_ms(next_tick, more_requests || more_changes)) < 0 && errno != EINTR)
			return problem_set(why, ERR_INTERNAL, "zmq_poll: %s", zmq_strerror(errno));
		if (items[AT_SIGNALS].revents) {
			enum error e = handle_signals(q, &stop, why);
			if (e) return e;
			if (stop) break;
			items[AT_ROUTER].socket = q->router.door.socket; /* which other keys may have made anew */
		}
		more_requests = (items[AT_ROUTER].revents || more_requests) && router_serve(&q->router);
		bool news = items[AT_WORKER].revents && feed_listen(&q->feed);
		more_changes = (news || more_changes) && feed_publish(&q->feed, wall_ms());
		/* the worker may just have said that the store is complete: go on at once, not at the next tick */
		if (link_ready(&q->link) != q->was_ready) {
			query_report(q, wall_ms());
			more_changes = true;
		}
		if (mono_ms() < next_tick) continue;
		next_tick = mono_ms() + QUERY_TICK_MS;
		more_changes = tick(q) || more_changes;
	}
	drain(q);
	return OK;
}
