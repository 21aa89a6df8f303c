#include <errno.h>
#include <zmq.h>

#include "reconciler.h"
#include "service/clock.h"

#define WAIT_MOST_MS 250  /* longest sleep: looks at the store need no better */
#define WAIT_BEHIND_MS 20 /* while the worker is waited for */
#define FACTS_MS 500

static void reload(struct reconciler *r) {
	struct catalog_file *fresh = NULL;
	struct problem why = {0};
	enum error e = catalog_file_load(r->settings.catalog, &fresh, &why);
	if (e) {
		log_error(&r->service.log, log_ev("catalog_kept"), kv_error(e), kv_why(&why));
		return;
	}
	catalog_file_destroy(&r->catalog);
	r->catalog = fresh;
	log_info(&r->service.log, log_ev("catalog_loaded"), kv_u64("tiers", catalog_file_get(fresh)->tier_count));
}

static void signals(struct reconciler *r) {
	switch (signals_wait(&r->service.signals, 0)) {
	case SIGNAL_STOP:
		r->stop = true;
		break;
	case SIGNAL_RELOAD:
		reload(r);
		keys_reload(&r->keys);
		break;
	case SIGNAL_NONE:
		break;
	}
}

static int poll_all(struct reconciler *r) {
	zmq_pollitem_t items[3 + LINK_SOCKETS] = {
		{.fd = r->service.signals.fd, .events = ZMQ_POLLIN},
		{.socket = r->door.socket, .events = ZMQ_POLLIN},
	};
	int count = 2;
	for (unsigned i = 0; i < LINK_SOCKETS; i++)
		items[count++] = (zmq_pollitem_t){.socket = link_socket(r->link, i), .events = ZMQ_POLLIN};
	if (r->api) items[count++] = (zmq_pollitem_t){.fd = stripe_api_fd(r->api), .events = ZMQ_POLLIN};
	r->now_ms = mono_ms();
	int64_t wait = ask_wait_ms(r, WAIT_MOST_MS);
	if ((r->pass.stage == PASS_BEHIND || socket_waits_for_store(r)) && wait > WAIT_BEHIND_MS) wait = WAIT_BEHIND_MS;
	return zmq_poll(items, count, (long)wait);
}

static void announce(struct reconciler *r) {
	health_broken(r->service.health, "store", "the entitlement store is not open yet");
	store_tick(r);
	if (!r->api) log_warn(&r->service.log, log_ev("no_api_key"), kv_str("setting", "STRIPE_API_KEY"));
	report_facts(r);
	service_ready(&r->service);
	log_info(&r->service.log, log_ev("ready"), kv_str("reconciler", r->door.actual),
		 kv_str("admin", admin_address(r->service.admin)), kv_str("api", r->settings.api_base),
		 kv_str("mode", !r->api       ? "none"
				: r->livemode ? "live"
					      : "test"));
}

static void turn(struct reconciler *r) {
	r->now_ms = mono_ms();
	signals(r);
	store_tick(r);
	if (r->api) stripe_api_run(r->api);
	link_receive(r->link, r->now_ms);
	link_tick(r->link, r->now_ms);
	socket_serve(r);
	socket_applied(r);
	socket_expire(r);
	wants_look(r);
	pass_schedule(r);
	pass_step(r);
	outbox_flush(r);
	ask_some(r);
	if (r->now_ms >= r->facts_due_ms) {
		report_facts(r);
		keys_report(&r->keys);
		peers_report(&r->service);
		r->facts_due_ms = r->now_ms + FACTS_MS;
	}
}

enum error reconciler_run(struct reconciler *r, struct problem *why) {
	announce(r);
	while (!r->stop) {
		if (poll_all(r) < 0 && zmq_errno() != EINTR)
			return problem_set(why, ERR_INTERNAL, "cannot wait for messages: %s",
					   zmq_strerror(zmq_errno()));
		turn(r);
	}
	/* what is under way is given up: the store still wants it, and the next pass lists it again */
	if (r->failed) *why = r->why;
	return r->failed;
}
