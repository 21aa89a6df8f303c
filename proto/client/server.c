/* One server: its socket, what the socket's monitor tells, and whether it is worth asking. */
#include "private.h"

#include "net/curve_gate.h"

#include <stdio.h>
#include <zmq.h>

#define EVENTS                                                                                                         \
	(ZMQ_EVENT_CONNECTED | ZMQ_EVENT_CONNECT_DELAYED | ZMQ_EVENT_CONNECT_RETRIED | ZMQ_EVENT_CLOSED |              \
	 ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |               \
	 ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)
#define LOST_HANDSHAKES 3 /* in a row, before we say that it is about keys: a server may die in the middle of one */
#define ZAP_REFUSED 400

static uint64_t draw(struct client_thread *t) {
	t->random = hash_u64(t->random, (uint64_t)tgc_mono_ms());
	return t->random;
}

static enum error open_monitor(struct client_thread *t, struct server *s, struct problem *why) {
	char address[64];
	(void)snprintf(address, sizeof address, "inproc://tiergate-monitor-%u", t->monitors_made++);
	enum error e = zsocket_create(t->zmq, ZMQ_PAIR, NULL, &s->monitor, why);
	if (e) return e;
	if (zmq_socket_monitor(s->socket, address, EVENTS) == 0 && zmq_connect(s->monitor, address) == 0) return OK;
	return problem_set(why, ERR_UNAVAILABLE, "ZeroMQ: %s", zmq_strerror(zmq_errno()));
}

enum error tgc_server_make(struct tg_client *c, struct server *s, struct problem *why) {
	/* nothing is sent to who is not connected. What waits in a connection that is lost may come twice: the second
	 * answer is nobody's */
	const struct zsocket_limits limits = {
		.send_hwm = SERVER_HWM, .receive_hwm = SERVER_HWM, .message_max = TG01_MESSAGE_MAX};
	const int reconnect_max = RECONNECT_MAX_MS;
	struct endpoints one = {.count = 1};
	const struct settings *o = &c->settings;

	memcpy(one.at[0], s->endpoint, strlen(s->endpoint) + 1);
	s->keyed = !endpoint_is_local(s->endpoint);
	enum error e = zsocket_create(c->t.zmq, ZMQ_DEALER, &limits, &s->socket, why);
	if (!e) (void)zmq_setsockopt(s->socket, ZMQ_RECONNECT_IVL_MAX, &reconnect_max, sizeof reconnect_max);
	if (!e) e = open_monitor(&c->t, s, why);
	if (!e)
		e = curve_connect_all(s->socket, o->has_keys ? &o->mine : NULL,
				      o->has_keys ? tgc_key_of(o, s->endpoint) : NULL, &one, why);
	if (e) tgc_server_unmake(s);
	s->connected = false;
	s->made_ms = s->attempt_ms = tgc_mono_ms();
	s->remake_ms = 0;
	return e;
}

void tgc_server_unmake(struct server *s) {
	if (s->socket && s->monitor) (void)zmq_socket_monitor(s->socket, NULL, 0);
	zsocket_close(&s->monitor);
	zsocket_close(&s->socket);
	s->connected = false;
}

static void trouble(struct server *s, enum tg_error error, const char *what) {
	s->trouble = error;
	(void)snprintf(s->why, sizeof s->why, "%.90s: %s", s->endpoint, what);
}

static void remake(struct tg_client *c, struct server *s, int64_t now) {
	if (!s->remake_ms) s->remake_ms = now + 1 + backoff_failed(&s->remake, draw(&c->t));
}

void tgc_server_heard(struct server *s, int64_t now) {
	s->heard_ms = now;
	s->suspect_ms = 0;
	backoff_worked(&s->suspect);
}

/* As many at a time as it can take: one more for each round that it answered, half of them when it is overloaded. */
void tgc_server_answered(struct server *s) {
	backoff_worked(&s->overload);
	if (s->window >= WINDOW_MAX || ++s->window_part < s->window) return;
	s->window++;
	s->window_part = 0;
}

void tgc_server_overloaded(struct tg_client *c, struct server *s, int64_t now) {
	if (s->pause_ms > now) return; /* it was, when all of these were sent */
	s->window = s->window / 2 > WINDOW_MIN ? s->window / 2 : WINDOW_MIN;
	s->window_part = 0;
	s->pause_ms = now + 1 + OVERLOAD_MS / 2 + backoff_failed(&s->overload, draw(&c->t));
}

void tgc_server_silent(struct tg_client *c, struct server *s, int64_t now) {
	int64_t alive = s->heard_ms > s->connected_ms ? s->heard_ms : s->connected_ms;
	if (s->suspect_ms <= now) s->suspect_ms = now + SUSPECT_MS + backoff_failed(&s->suspect, draw(&c->t));
	if (s->connected && now - alive >= DEAF_MS) remake(c, s, now);
}

void tgc_server_garbage(struct tg_client *c, struct server *s, const char *why) {
	trouble(s, TG_BAD_REPLY, why);
	remake(c, s, tgc_mono_ms());
}

/* ---- the monitor ---------------------------------------------------------------------- */

static void no_key(struct tg_client *c, struct server *s, const char *what, int64_t now) {
	trouble(s, TG_KEY_UNKNOWN, what);
	s->hopeless = true;
	remake(c, s, now);
}

static void handshake_failed(struct tg_client *c, struct server *s, unsigned event, uint32_t value, int64_t now) {
	s->handshakes_lost++;
	if (event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH) {
		if (value == ZAP_REFUSED)
			no_key(c, s, "the server does not know our key, or it may not do this", now);
		else
			trouble(s, TG_NO_SERVER, "the server cannot look at keys now");
	} else if (event == ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL) {
		if (value == ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH)
			no_key(c, s,
			       s->keyed ? "the server speaks without keys, and we would not"
					: "the server wants a key and we have none",
			       now);
		else if (s->keyed)
			no_key(c, s, "another server than server.pub says", now);
		else
			trouble(s, TG_BAD_REPLY, "what answers there does not speak ZMTP");
		remake(c, s, now);
	} else if (s->handshakes_lost >= LOST_HANDSHAKES) {
		no_key(c, s,
		       s->keyed ? "it ends each handshake: another server than server.pub says"
				: "it ends each handshake: it may want a key, and we have none",
		       now);
	}
}

static bool on_event(struct tg_client *c, struct server *s, unsigned event, uint32_t value, int64_t now,
		     bool *ret_lost) {
	s->attempt_ms = now;
	switch (event) {
	case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
		s->connected = true;
		s->connected_ms = now;
		s->greeted = false;
		s->handshakes_lost = 0;
		s->away_ms = s->remake_ms = 0;
		s->trouble = TG_NO_ERROR;
		s->hopeless = false;
		backoff_worked(&s->remake);
		return true;
	case ZMQ_EVENT_CONNECTED:
	case ZMQ_EVENT_CONNECT_DELAYED:
		return false;
	case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
	case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
	case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
		handshake_failed(c, s, event, value, now);
		break;
	case ZMQ_EVENT_DISCONNECTED:
		*ret_lost |= s->connected;
		if (s->connected) COUNT(c, reconnects);
		s->connected = false;
		break;
	default:
		break;
	}
	if (s->connected) return false;
	if (!s->trouble) trouble(s, TG_NO_SERVER, "nobody is there");
	if (!s->away_ms) s->away_ms = now;
	return false;
}

/* One event; false when none waits. */
static bool next_event(struct server *s, unsigned *ret_event, uint32_t *ret_value) {
	uint8_t first[6], rest[1];
	uint16_t event;
	int n = s->monitor ? zmq_recv(s->monitor, first, sizeof first, ZMQ_DONTWAIT) : -1;
	if (n < 0) return false;
	(void)zmq_recv(s->monitor, rest, sizeof rest, ZMQ_DONTWAIT); /* the endpoint */
	memcpy(&event, first, sizeof event);
	memcpy(ret_value, first + 2, sizeof *ret_value);
	*ret_event = event;
	return true;
}

bool tgc_server_watch(struct tg_client *c, struct server *s, int64_t now, bool *ret_lost) {
	bool connected = false;
	unsigned event;
	uint32_t value;
	*ret_lost = false;
	while (next_event(s, &event, &value)) connected |= on_event(c, s, event, value, now, ret_lost);
	return connected && s->connected;
}

bool tgc_server_upkeep(struct tg_client *c, struct server *s, int64_t now) {
	if (!s->socket || (!s->connected && now - s->attempt_ms >= ATTEMPT_MS)) remake(c, s, now);
	if (!s->remake_ms || now < s->remake_ms) return false;
	bool was = s->connected;
	if (was) COUNT(c, reconnects);
	tgc_server_unmake(s);
	(void)tgc_server_make(c, s, NULL); /* what it lacks (open files) it may have at the next try */
	if (!s->away_ms && !was && !s->hopeless) s->away_ms = now;
	return true;
}
