/* Keys of clients on other hosts. */
#include "query.h"

#include <time.h>

#define BIND_TRIES 200
#define BIND_WAIT_MS 10 /* a port that was just left is free a moment later */

/* libzmq cannot end a connection: new sockets do, and the clients that are still allowed come back by themselves. */
static enum error bind_again(struct query *q, struct problem *why) {
	const struct timespec wait = {.tv_nsec = BIND_WAIT_MS * 1000000L};
	enum error e = ERR_UNAVAILABLE;
	for (unsigned i = 0; i < BIND_TRIES && e == ERR_UNAVAILABLE; i++) {
		if (i) (void)nanosleep(&wait, NULL);
		zsocket_close(&q->router.socket);
		zsocket_close(&q->feed.pub);
		e = query_bind(q, why);
	}
	return e;
}

enum error query_keys_reload(struct query *q, struct problem *why) {
	struct problem bad = {0};
	bool taken = false;
	if (!q->gate) return OK;
	if (curve_gate_reload(q->gate, &taken, &bad) != OK) {
		log_error(&q->service->log, log_ev("keys_kept"), kv_str("dir", q->settings->curve_dir), kv_why(&bad));
		return OK;
	}
	log_info(&q->service->log, log_ev("keys_loaded"), kv_str("dir", q->settings->curve_dir),
		 kv_u64("clients", curve_gate_clients(q->gate)), kv_u64("taken_away", taken));
	return taken ? bind_again(q, why) : OK;
}

void query_keys_report(struct query *q) {
	struct curve_denial d;
	uint64_t total = q->denied;
	if (!q->gate) return;
	while (curve_gate_denied(q->gate, &d, &total))
		log_warn(&q->service->log, log_ev("key_refused"), kv_str("peer", d.address), kv_str("key", d.key),
			 kv_str("name", d.name), kv_str("wanted", curve_right_word(d.wanted)));
	counter_add(q->metrics.denied, total - q->denied);
	q->denied = total;
}
