#include "service/keys.h"

#include "service/clock.h"

enum error keys_open(struct keys *k, struct service *service, const char *dir, struct keys_needs needs,
		     struct problem *why) {
	*k = (struct keys){.service = service, .dir = dir};
	k->denied = metrics_counter(service->metrics, "denied_total", "handshakes refused for want of an allowed key",
				    NULL);
	k->bad_files = metrics_gauge(service->metrics, "bad_key_files",
				     "files of allowed/ that cannot be used; their names keep the keys they had", NULL);
	if (!dir) return OK;
	enum error e = needs.binds ? curve_gate_open(service->zmq, dir, &k->gate, why) : OK;
	if (!e && needs.connects) {
		e = curve_identity_read(dir, &k->identity, why);
		k->has_identity = !e;
	}
	return e == ERR_NOT_FOUND ? ERR_CONFIG : e;
}

void keys_unwatch(struct keys *k) {
	while (k->watched) handshakes_close(&k->watches[--k->watched].handshakes);
}

void keys_close(struct keys *k) {
	curve_gate_close(&k->gate);
	curve_pair_forget(&k->identity.mine);
	k->has_identity = false;
}

static bool keyed(const struct keys *k, const char *endpoint) {
	return k->has_identity && !endpoint_is_local(endpoint);
}

static enum error watch(struct keys *k, void *socket, const char *endpoint, struct problem *why) {
	if (k->watched == KEYS_WATCHED_MAX)
		return problem_set(why, ERR_LIMIT, "%d connections are watched already", KEYS_WATCHED_MAX);
	struct keys_watch *w = &k->watches[k->watched];
	*w = (struct keys_watch){.socket = socket, .keyed = keyed(k, endpoint)};
	enum error e = handshakes_watch(k->service->zmq, socket, &w->handshakes, why);
	if (e) return e;
	(void)snprintf(w->at, sizeof w->at, "%s", endpoint);
	for (unsigned i = 0; i < k->watched && !w->quiet; i++) w->quiet = strcmp(k->watches[i].at, endpoint) == 0;
	k->watched++;
	return OK;
}

static enum error connect_to(struct keys *k, void *socket, const char *endpoint, struct problem *why) {
	return curve_connect(socket, k->has_identity ? &k->identity : NULL, endpoint, why);
}

enum error keys_connect(struct keys *k, void *socket, const char *endpoint, struct problem *why) {
	/* without a watch it works as well, but silently, and not again once it was turned away */
	if (keyed(k, endpoint)) (void)!watch(k, socket, endpoint, NULL);
	return connect_to(k, socket, endpoint, why);
}

enum error keys_connect_watched(struct keys *k, void *socket, const char *endpoint, struct problem *why) {
	enum error e = watch(k, socket, endpoint, why);
	return e ? e : connect_to(k, socket, endpoint, why);
}

bool keys_connected(struct keys *k, const void *socket) {
	for (unsigned i = 0; i < k->watched; i++)
		if (k->watches[i].socket == socket) return handshakes_connection(&k->watches[i].handshakes) != 0;
	return false;
}

void keys_forget(struct keys *k, const void *socket) {
	for (unsigned i = k->watched; socket && i-- > 0;) {
		if (k->watches[i].socket != socket) continue;
		handshakes_close(&k->watches[i].handshakes);
		k->watches[i] = k->watches[--k->watched];
	}
}

void keys_reload(struct keys *k) {
	const struct log *log = &k->service->log;
	struct curve_bad_files files;
	struct problem bad = {0};
	unsigned taken = 0;
	if (!k->gate) return;
	if (curve_gate_reload(k->gate, &taken, &files, &bad) != OK) {
		log_error(log, log_ev("keys_kept"), kv_str("dir", k->dir), kv_why(&bad));
		return;
	}
	for (unsigned i = 0; i < files.count && i < ARRAY_LEN(files.why); i++)
		log_error(log, log_ev("key_file_bad"), kv_why(&files.why[i]));
	gauge_set(k->bad_files, files.count);
	log_info(log, log_ev("keys_loaded"), kv_str("dir", k->dir), kv_u64("clients", curve_gate_clients(k->gate)),
		 kv_u64("taken_away", taken), kv_u64("bad_files", files.count));
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

/* libzmq 4.3.4 never tries again where a key was turned away (session_base_t::engine_error), and it may be allowed by
 * now. */
static void connect_again(struct keys *k, struct keys_watch *w) {
	if (mono_ms() < w->again_ms) return;
	w->again_ms = mono_ms() + KEYS_AGAIN_MS;
	(void)zmq_disconnect(w->socket, w->at); /* what is there no more cannot be */
	(void)!curve_connect(w->socket, &k->identity, w->at, NULL);
}

static void report_turned_away(struct keys *k) {
	for (unsigned i = 0; i < k->watched; i++) {
		struct keys_watch *w = &k->watches[i];
		bool changed = false;
		const char *why = handshake_text(handshakes_look(&w->handshakes, &changed));
		if (!*why || !w->keyed) continue;
		if (changed && !w->quiet)
			log_warn(&k->service->log, log_ev("key_turned_away"), kv_str("at", w->at), kv_str("why", why));
		connect_again(k, w);
	}
}

void keys_report(struct keys *k) {
	if (k->gate) report_refused(k);
	report_turned_away(k);
}
