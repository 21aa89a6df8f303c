#include "query.h"

#include <errno.h>
#include <poll.h>
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
	memo_forget(q->server.memo);
	catalog_file_destroy(&q->catalog);
	q->catalog = fresh;
	q->server.catalog = q->feed.catalog = catalog_file_get(fresh);
	/* the feed's listeners are told which catalog gives the lines that follow */
	feed_heartbeat(&q->feed, wall_ms());
	log_info(log, log_ev("catalog_loaded"), kv_str("file", q->settings->catalog),
		 kv_u64("tiers", q->server.catalog->tier_count));
}

/* Once a second. True: the feed has something to publish. */
static bool tick(struct query *q) {
	int64_t now = wall_ms();
	link_tick(&q->link);
	bool more = feed_publish(&q->feed, now);
	feed_heartbeat(&q->feed, now);
	query_report(q, now);
	keys_report(&q->keys);
	peers_report(q->service);
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

/* False: it is to end. */
static bool handle_signals(struct query *q) {
	switch (signals_wait(&q->service->signals, 0)) {
	case SIGNAL_STOP:
		return false;
	case SIGNAL_RELOAD:
		reload(q);
		keys_reload(&q->keys);
		break;
	case SIGNAL_NONE:
		break;
	}
	return true;
}

static int descriptor_of(void *socket) {
	int fd = -1;
	size_t size = sizeof fd;
	return zmq_getsockopt(socket, ZMQ_FD, &fd, &size) == 0 ? fd : -1;
}

static bool has_input(void *socket) {
	int events = 0;
	size_t size = sizeof events;
	return zmq_getsockopt(socket, ZMQ_EVENTS, &events, &size) == 0 && events & ZMQ_POLLIN;
}

/* zmq_poll asks each socket twice, at a system call each time: a third of what a check costs. A socket that was read
 * until there was nothing left needs no asking: its descriptor tells when there is something again (ZMQ_FD). */
static enum error wait_for(struct query *q, struct pollfd at[AT_COUNT], int wait, struct problem *why) {
	at[AT_ROUTER] = (struct pollfd){.fd = descriptor_of(q->router.door.socket), .events = POLLIN};
	at[AT_WORKER] = (struct pollfd){.fd = descriptor_of(q->feed.worker), .events = POLLIN};
	at[AT_SIGNALS] = (struct pollfd){.fd = q->service->signals.fd, .events = POLLIN};
	if (poll(at, AT_COUNT, wait) >= 0) return OK;
	for (unsigned i = 0; i < AT_COUNT; i++) at[i].revents = 0;
	return errno == EINTR ? OK : problem_set(why, ERR_INTERNAL, "poll: %s", zmq_strerror(errno));
}

enum error query_run(struct query *q, struct problem *why) {
	struct pollfd at[AT_COUNT];
	service_ready(q->service);
	log_info(&q->service->log, log_ev("listening"), kv_str("listen", q->router.door.actual),
		 kv_str("feed", q->feed.door.actual), kv_str("admin", admin_address(q->service->admin)));
	/* what is true is looked at without waiting: all of it at the start, and once a second, come what may */
	bool more_requests = true, more_words = true, more_changes = false;
	int64_t next_tick = mono_ms();
	for (;;) {
		bool at_once = more_requests || more_words || more_changes;
		enum error e = wait_for(q, at, wait_ms(next_tick, at_once), why);
		if (e) return e;
		if (at[AT_SIGNALS].revents && !handle_signals(q)) break;
		more_requests = (at[AT_ROUTER].revents || more_requests) && router_serve(&q->router);
		bool listens = at[AT_WORKER].revents || more_words, news = listens && feed_listen(&q->feed);
		more_words = listens && has_input(q->feed.worker);
		more_changes = (news || more_changes) && feed_publish(&q->feed, wall_ms());
		/* the worker may just have said that the store is complete: go on at once, not at the next tick */
		if (link_ready(&q->link) != q->was_ready) {
			query_report(q, wall_ms());
			more_changes = true;
		}
		if (mono_ms() < next_tick) continue;
		next_tick = mono_ms() + QUERY_TICK_MS;
		more_changes = tick(q) || more_changes;
		more_requests = more_words = true;
	}
	drain(q);
	return OK;
}
