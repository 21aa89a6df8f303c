#include "service/keys.h"

enum error keys_open(struct keys *k, struct service *service, const char *dir, struct keys_needs needs,
		     struct problem *why) {
	*k = (struct keys){.service = service, .dir = dir};
	k->denied = metrics_counter(service->metrics, "denied_total", "handshakes refused for want of an allowed key",
				    NULL);
	if (!dir) return OK;
	enum error e = needs.binds ? curve_gate_open(service->zmq, dir, &k->gate, why) : OK;
	if (!e && needs.connects) {
		e = curve_identity_read(dir, &k->identity, why);
		k->has_identity = !e;
	}
	return e == ERR_NOT_FOUND ? ERR_CONFIG : e;
}

void keys_close(struct keys *k) {
	while (k->watched) handshakes_close(&k->watches[--k->watched].handshakes);
	curve_gate_close(&k->gate);
	curve_pair_forget(&k->identity.mine);
	k->has_identity = false;
}

/* Without a watch it works as well, only silently. */
static void watch(struct keys *k, void *socket, const char *endpoint) {
	if (k->watched == KEYS_WATCHED_MAX) return;
	if (handshakes_watch(k->service->zmq, socket, &k->watches[k->watched].handshakes, NULL) != OK) return;
	(void)snprintf(k->watches[k->watched].at, ENDPOINT_MAX, "%s", endpoint);
	k->watched++;
}

enum error keys_connect(struct keys *k, void *socket, const char *endpoint, struct problem *why) {
	if (k->has_identity && !endpoint_is_local(endpoint)) watch(k, socket, endpoint);
	return curve_connect(socket, k->has_identity ? &k->identity : NULL, endpoint, why);
}

bool keys_reload(struct keys *k) {
	struct problem bad = {0};
	bool taken = false;
	if (!k->gate) return false;
	if (curve_gate_reload(k->gate, &taken, &bad) != OK) {
		log_error(&k->service->log, log_ev("keys_kept"), kv_str("dir", k->dir), kv_why(&bad));
		return false;
	}
	log_info(&k->service->log, log_ev("keys_loaded"), kv_str("dir", k->dir),
		 kv_u64("clients", curve_gate_clients(k->gate)), kv_u64("taken_away", taken));
	return taken;
}

static void report_refused(struct keys *k) {
	struct curve_denial d;
	uint64_t total = k->counted;
	while (curve_gate_denied(k->gate, &d, &total))
		log_warn(&k->service->log, log_ev("key_refused"), kv_str("peer", d.address), kv_str("key", d.key),
			 kv_str("name", d.name), kv_str("wanted", curve_rights_words(d.wanted).text));
	counter_add(k->denied, total - k->counted);
	k->counted = total;
}

static void report_turned_away(struct keys *k) {
	for (unsigned i = k->watched; i-- > 0;) {
		struct handshakes *h = &k->watches[i].handshakes;
		bool changed = false;
		const char *why = handshake_text(handshakes_look(h, &changed));
		if (changed && *why)
			log_warn(&k->service->log, log_ev("key_turned_away"), kv_str("at", k->watches[i].at),
				 kv_str("why", why));
		if (!h->monitor) k->watches[i] = k->watches[--k->watched]; /* its socket was closed */
	}
}

void keys_report(struct keys *k) {
	if (k->gate) report_refused(k);
	report_turned_away(k);
}
