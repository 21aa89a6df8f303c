#include <errno.h>
#include <zmq.h>

#include "ask_private.h"
#include "service/clock.h"

#define WAIT_MOST_MS 250
#define FACTS_MS 500

static void reload(struct billing *b) {
	struct problem why = {0};
	enum error e = catalog_now_load(b, &why);
	if (e)
		log_error(&b->service.log, log_ev("catalog_kept"), kv_error(e), kv_why(&why));
	else
		log_info(&b->service.log, log_ev("catalog_loaded"),
			 kv_u64("tiers", catalog_held_get(b->catalog)->tier_count));
	why = (struct problem){0};
	e = auth_reload(b->auth, &why);
	if (e)
		log_error(&b->service.log, log_ev("keys_kept"), kv_error(e), kv_why(&why));
	else if (!auth_is_remote(b->auth))
		log_info(&b->service.log, log_ev("keys_loaded"), kv_u64("keys", auth_key_count(b->auth)));
}

static void signals(struct billing *b) {
	switch (signals_wait(&b->service.signals, 0)) {
	case SIGNAL_STOP:
		b->stop = true;
		break;
	case SIGNAL_RELOAD:
		reload(b);
		break;
	case SIGNAL_NONE:
		break;
	}
}

static int poll_all(struct billing *b) {
	zmq_pollitem_t items[5] = {
		{.fd = b->service.signals.fd, .events = ZMQ_POLLIN},
		{.fd = inbox_fd(b->inbox), .events = ZMQ_POLLIN},
		{.socket = reconciler_link_socket(b->reconciler), .events = ZMQ_POLLIN},
	};
	int count = 3;
	b->now_ms = mono_ms();
	int64_t wait = ask_wait_for_ms(b, auth_wait_ms(b->auth, b->now_ms, WAIT_MOST_MS));
	wait = shop_wait_ms(b->shop, b->now_ms, wait);
	if (auth_fd(b->auth) >= 0) items[count++] = (zmq_pollitem_t){.fd = auth_fd(b->auth), .events = ZMQ_POLLIN};
	if (b->calls) {
		items[count++] = (zmq_pollitem_t){.fd = calls_fd(b->calls), .events = ZMQ_POLLIN};
		wait = calls_wait_ms(b->calls, wait);
	}
	return zmq_poll(items, count, (long)wait);
}

static void turn(struct billing *b) {
	b->now_ms = mono_ms();
	signals(b);
	inbox_run(b->inbox);
	auth_run(b->auth, b->now_ms);
	shop_run(b->shop, b->now_ms);
	if (b->calls) calls_run(b->calls);
	reconciler_link_run(b->reconciler);
	ask_expire(b);
	if (b->now_ms >= b->facts_due_ms) {
		report_facts(b);
		keys_report(&b->keys);
		b->facts_due_ms = b->now_ms + FACTS_MS;
	}
}

static enum error turn_until(struct billing *b, const bool *over, struct problem *why) {
	while (!*over) {
		if (poll_all(b) < 0 && zmq_errno() != EINTR)
			return problem_set(why, ERR_INTERNAL, "cannot wait: %s", zmq_strerror(zmq_errno()));
		turn(b);
	}
	return OK;
}

/* The loop goes on meanwhile, since what is kept is answered there. */
struct drain {
	struct note note; /* posted when it is over */
	struct billing *b;
	bool over;
};

static void drain_over(struct note *n) { ((struct drain *)n)->over = true; }

static void *drain(void *ctx) {
	struct drain *d = ctx;
	(void)http_server_drain(d->b->http, DRAIN_MS);
	d->note.run = drain_over;
	inbox_post(d->b->inbox, &d->note);
	return NULL;
}

static enum error finish(struct billing *b, struct problem *why) {
	struct drain d = {.b = b};
	pthread_t thread;
	log_info(&b->service.log, log_ev("stopping"), kv_u64("asks", atomic_load(&b->ask_count)));
	health_broken(b->service.health, "start", "stopping");
	if (pthread_create(&thread, NULL, drain, &d) != 0) return OK; /* billing_close answers what is left */
	enum error e = turn_until(b, &d.over, why);
	pthread_join(thread, NULL);
	return e;
}

enum error billing_run(struct billing *b, struct problem *why) {
	report_facts(b);
	service_ready(&b->service);
	log_info(&b->service.log, log_ev("ready"), kv_str("listen", http_server_endpoint(b->http)),
		 kv_str("admin", admin_address(b->service.admin)), kv_str("api", b->settings.api_base),
		 kv_str("mode", !b->calls     ? "none"
				: b->livemode ? "live"
					      : "test"));
	if (!b->calls) log_warn(&b->service.log, log_ev("no_api_key"), kv_str("setting", "STRIPE_API_KEY"));
	enum error e = turn_until(b, &b->stop, why);
	return e ? e : finish(b, why);
}
