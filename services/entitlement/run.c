#include "service/clock.h"
#include "worker.h"
#include <errno.h>
#include <zmq.h>

#define WAIT_MOST_MS 250 /* longest sleep: timers need no better */

/* After the last message of a burst the transaction is committed; a long burst is cut, so that answers stay fresh. */
void worker_receive(struct worker *w, int64_t now_ms) {
	bool more = true;
	unsigned most = w->is_shadow ? SHADOW_FOLD_MAX : FOLD_MAX;
	while (more && w->failed == OK && w->folded < most && w->folded_bytes < FOLD_BYTES_MAX) {
		more = false;
		for (unsigned i = 0; i < w->follower_count && w->failed == OK; i++)
			if (follower_receive(w, &w->followers[i], now_ms)) more = true;
	}
	(void)worker_fold_close(w);
}

void worker_ask(struct worker *w, int64_t now_ms) {
	for (unsigned i = 0; i < w->follower_count; i++) follower_ask(w, &w->followers[i], now_ms);
}

static long wait_ms(const struct worker *w, int64_t now_ms) {
	int64_t wait = WAIT_MOST_MS;
	for (unsigned i = 0; i < w->follower_count; i++) wait = source_wait_ms(&w->followers[i].source, now_ms, wait);
	return (long)worker_moments_wait_ms(w, wait);
}

/* Who removes the store wants it made anew from the journals; folding on into a file without a name would leave query
 * without one for good. */
static void look_after_store(struct worker *w) {
	counter_add(w->metrics.reaped, entitlements_reap_readers(w->store));
	if (!entitlements_in_place(w->store))
		w->failed =
			problem_set(&w->why, ERR_STORAGE,
				    "%s: the store was removed or replaced; a new start makes it anew", w->store_dir);
}

static void timers(struct worker *w, int64_t now_ms) {
	if (now_ms >= w->pulse_due_ms) worker_publish_pulse(w);
	if (now_ms >= w->reap_due_ms) {
		look_after_store(w);
		if (worker_marks_due(w) && worker_fold_open(w) == OK) (void)worker_fold_close(w);
		w->reap_due_ms = now_ms + REAP_MS;
	}
	if (now_ms >= w->facts_due_ms) {
		worker_facts(w, now_ms);
		keys_report(w->keys);
		peers_report(&w->service);
		w->facts_due_ms = now_ms + FACTS_MS;
	}
}

static void signals(struct worker *w) {
	switch (signals_wait(&w->service.signals, 0)) {
	case SIGNAL_STOP:
		w->stop = true;
		break;
	case SIGNAL_RELOAD:
		worker_reload(w);
		break;
	case SIGNAL_NONE:
		break;
	}
}

static int poll_sockets(struct worker *w, long timeout) {
	zmq_pollitem_t items[2 + 3 * ENDPOINTS_MAX] = {
		{.fd = w->service.signals.fd, .events = ZMQ_POLLIN},
		{.socket = w->control.socket, .events = ZMQ_POLLIN},
	};
	int count = 2;
	for (unsigned i = 0; i < w->follower_count; i++) {
		items[count++] = (zmq_pollitem_t){.socket = w->followers[i].sub, .events = ZMQ_POLLIN};
		items[count++] = (zmq_pollitem_t){.socket = w->followers[i].replay, .events = ZMQ_POLLIN};
	}
	/* a shadow follows the same journals */
	const struct worker *s = w->rebuild.shadow;
	for (unsigned i = 0; s && i < s->follower_count; i++)
		items[count++] = (zmq_pollitem_t){.socket = s->followers[i].replay, .events = ZMQ_POLLIN};
	return zmq_poll(items, count, timeout);
}

static void announce(struct worker *w) {
	uint64_t tried, still;
	struct problem why = {0};
	/* the program or the catalog may have learnt something since */
	enum error e = worker_retry_quarantine(w, 0, 0, &tried, &still, &why);
	if (e != OK)
		log_warn(&w->service.log, log_ev("quarantine_retry_failed"), kv_error(e), kv_why(&why));
	else if (tried)
		log_info(&w->service.log, log_ev("quarantine_retried"), kv_u64("tried", tried), kv_u64("still", still));
	e = worker_note_catalog(w, &why);
	if (e != OK) log_warn(&w->service.log, log_ev("catalog_not_noted"), kv_error(e), kv_why(&why));
	health_broken(w->service.health, "journals", "not caught up yet");
	service_ready(&w->service);
	log_info(&w->service.log, log_ev("ready"), kv_str("changes", w->changes.actual),
		 kv_str("control", w->control.actual), kv_str("admin", admin_address(w->service.admin)),
		 kv_u64("ver", w->ver), kv_hex("epoch", entitlements_epoch(w->store)));
}

enum error worker_run(struct worker *w, struct problem *why) {
	w->started_ms = mono_ms();
	announce(w);
	bool busy = false; /* there is work that no message brings */
	while (!w->stop && w->failed == OK) {
		int64_t now = mono_ms();
		worker_ask(w, now);
		if (poll_sockets(w, busy ? 0 : wait_ms(w, now)) < 0 && zmq_errno() != EINTR)
			return problem_set(why, ERR_INTERNAL, "cannot wait for messages: %s",
					   zmq_strerror(zmq_errno()));
		signals(w);
		now = mono_ms();
		worker_receive(w, now);
		worker_note_caught_up(w);
		busy = worker_moments(w);
		busy = rebuild_step(w, now) || busy;
		worker_control(w);
		timers(w, now);
	}
	/* what was received is committed: the rest is in the journals, and is asked for at the next start */
	if (w->failed != OK && why) *why = w->why;
	return w->failed;
}
