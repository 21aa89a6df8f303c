#include "net/curve_gate.h"

#include "net/peers.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define ZAP_ENDPOINT "inproc://zeromq.zap.01"
#define ZAP_VERSION "1.0"
#define PARTS_MAX 7 /* version, request id, domain, address, identity, mechanism, the key */
#define PART_MAX 255
#define WATCHES_MAX 8 /* sockets whose handshakes are watched at a time */

enum { AT_ORDERS, AT_ZAP, AT_WATCHES };

struct curve_gate {
	void *context;
	char *dir;
	struct curve_pair server;
	void *orders; /* the owner's side of a pair, for struct order */
	bool running;
	pthread_t thread;
	/* the thread's, once it runs */
	void *ordered; /* its side */
	void *zap;
	unsigned watch_count;
	void *watches[WATCHES_MAX];
	unsigned watch_rights[WATCHES_MAX];
	atomic_uint watch_number; /* sockets may be bound by several threads */
	/* shared; the owner, who alone replaces `clients`, reads that without the lock */
	pthread_mutex_t lock;
	pthread_mutex_t order_lock; /* for `orders` */
	struct curve_clients *clients;
	struct curve_denial denials[CURVE_DENIALS_KEPT];
	unsigned denial_count;
	uint64_t denied;
};

/* From the owner to the thread: a monitor to watch, or, with no endpoint, the end. */
struct order {
	unsigned rights;
	char endpoint[64];
};

/* 0: none. */
static unsigned rights_named(const char *words) {
	unsigned rights = 0;
	return curve_rights_parse(view_str(words), &rights, NULL) ? 0 : rights;
}

static bool is_same(const struct curve_denial *a, const struct curve_denial *b) {
	return a->wanted == b->wanted && strcmp(a->key, b->key) == 0 && strcmp(a->name, b->name) == 0 &&
	       strcmp(a->address, b->address) == 0;
}

/* Who knocks again before the first time was told of takes no other's place: some knock ten times a second. */
static void note(struct curve_gate *g, const struct curve_denial *d) {
	(void)pthread_mutex_lock(&g->lock);
	g->denied++;
	unsigned i = 0;
	while (i < g->denial_count && !is_same(&g->denials[i], d)) i++;
	if (i == g->denial_count && i < CURVE_DENIALS_KEPT) g->denials[g->denial_count++] = *d;
	(void)pthread_mutex_unlock(&g->lock);
}

/* ---- one question of libzmq's ------------------------------------------------------ */

struct part {
	size_t len; /* as it was sent; over PART_MAX it was cut */
	char bytes[PART_MAX + 1];
};

struct question {
	unsigned count;
	struct part at[PARTS_MAX];
};

static bool receive(void *socket, struct question *q) {
	int more = 1;
	size_t size = sizeof more;
	q->count = 0;
	while (more) {
		struct part spare, *p = q->count < PARTS_MAX ? &q->at[q->count] : &spare;
		int n = zmq_recv(socket, p->bytes, PART_MAX, ZMQ_DONTWAIT);
		if (n < 0 || zmq_getsockopt(socket, ZMQ_RCVMORE, &more, &size) != 0) return false;
		p->len = (size_t)n;
		p->bytes[n > PART_MAX ? PART_MAX : n] = '\0';
		if (q->count <= PARTS_MAX) q->count++;
	}
	return true;
}

/* The client's name into `name`; false: it may not come in. The socket's domain names the rights that
 * open it. */
static bool allowed(struct curve_gate *g, const struct question *q, char name[CURVE_NAME_MAX + 1]) {
	const uint8_t *key = (const uint8_t *)q->at[6].bytes;
	bool curve = q->count == PARTS_MAX && strcmp(q->at[5].bytes, "CURVE") == 0 && q->at[6].len == CURVE_KEY_SIZE;
	unsigned wanted = q->count > 2 ? rights_named(q->at[2].bytes) : 0;

	name[0] = '\0';
	(void)pthread_mutex_lock(&g->lock);
	const struct curve_client *c = curve ? curve_clients_by_key(g->clients, key) : NULL;
	bool good = c && (c->rights & wanted);
	if (c) (void)snprintf(name, CURVE_NAME_MAX + 1, "%s", c->name);
	(void)pthread_mutex_unlock(&g->lock);
	if (good) return true;

	struct curve_denial d = {.wanted = wanted};
	(void)snprintf(d.address, sizeof d.address, "%.*s", (int)sizeof d.address - 1,
		       q->count > 3 ? q->at[3].bytes : "");
	(void)snprintf(d.name, sizeof d.name, "%s", name);
	if (curve) (void)zmq_z85_encode(d.key, key, CURVE_KEY_SIZE);
	note(g, &d);
	return false;
}

static void answer(struct curve_gate *g) {
	struct question q;
	char name[CURVE_NAME_MAX + 1];
	if (!receive(g->zap, &q)) return;
	bool good = q.count >= 2 && strcmp(q.at[0].bytes, ZAP_VERSION) == 0 && allowed(g, &q, name);
	const struct view id = q.count > 1 ? view_of(q.at[1].bytes, q.at[1].len) : VIEW_NONE;
	const struct view parts[] = {
		VIEW(ZAP_VERSION),
		id,
		good ? VIEW("200") : VIEW("400"),
		good ? VIEW("OK") : VIEW("key not allowed"),
		good ? view_str(name) : VIEW_NONE,
		VIEW_NONE /* metadata */
	};
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		(void)zmq_send(g->zap, parts[i].ptr, parts[i].len, i + 1 < ARRAY_LEN(parts) ? ZMQ_SNDMORE : 0);
}

/* ---- handshakes that never came to a question --------------------------------------- */

/* A peer without CURVE, or with another server's public key, fails before ZAP is asked: only the monitor sees it. */
static bool watch(struct curve_gate *g, unsigned at) {
	struct question q;
	uint16_t event;
	if (!receive(g->watches[at], &q)) return true;
	if (q.count != 2 || q.at[0].len < sizeof event) return true;
	memcpy(&event, q.at[0].bytes,
	       sizeof event); /* libzmq: the number of the event and its value, as they are in memory */
	if (event == ZMQ_EVENT_MONITOR_STOPPED) return false;
	if (event != ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL && event != ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL) return true;
	struct curve_denial d = {.wanted = g->watch_rights[at]};
	(void)snprintf(d.address, sizeof d.address, "%.*s", (int)sizeof d.address - 1, q.at[1].bytes);
	/* an ipc endpoint has no keys: somebody left early */
	if (strncmp(d.address, "tcp://", 6) == 0) note(g, &d);
	return true;
}

static void watch_more(struct curve_gate *g, const struct order *o) {
	void *s = NULL;
	const struct zsocket_limits limits = {.receive_hwm = 100000}; /* libzmq's own thread waits when it is full */
	if (g->watch_count == WATCHES_MAX || zsocket_create(g->context, ZMQ_PAIR, &limits, &s, NULL) != OK) return;
	if (zmq_connect(s, o->endpoint) != 0) {
		zsocket_close(&s);
		return;
	}
	g->watch_rights[g->watch_count] = o->rights;
	g->watches[g->watch_count++] = s;
}

static void watch_less(struct curve_gate *g, unsigned at) {
	zsocket_close(&g->watches[at]);
	g->watch_count--;
	g->watches[at] = g->watches[g->watch_count];
	g->watch_rights[at] = g->watch_rights[g->watch_count];
}

/* ---- the thread ------------------------------------------------------------------------ */

#define END_MS 1000 /* for libzmq to say that it watches a closed socket no more */

/* False: it is to end. */
static bool obey(struct curve_gate *g) {
	struct order o;
	if (zmq_recv(g->ordered, &o, sizeof o, ZMQ_DONTWAIT) != (int)sizeof o) return true;
	if (!o.endpoint[0]) return false;
	watch_more(g, &o);
	return true;
}

static void *serve(void *gate) {
	struct curve_gate *g = gate;
	bool go_on = true;
	/* to the last watch: libzmq's own thread waits for whoever takes its events, also those of a socket that closes
	 */
	while (go_on || g->watch_count) {
		zmq_pollitem_t items[AT_WATCHES + WATCHES_MAX] = {
			[AT_ORDERS] = {.socket = g->ordered, .events = ZMQ_POLLIN},
			[AT_ZAP] = {.socket = g->zap, .events = ZMQ_POLLIN},
		};
		for (unsigned i = 0; i < g->watch_count; i++)
			items[AT_WATCHES + i] = (zmq_pollitem_t){.socket = g->watches[i], .events = ZMQ_POLLIN};
		int n = zmq_poll(items, AT_WATCHES + (int)g->watch_count, go_on ? -1 : END_MS);
		if (n == 0 || (n < 0 && zmq_errno() != EINTR)) break;
		if (items[AT_ZAP].revents) answer(g);
		for (unsigned i = g->watch_count; i-- > 0;)
			if (items[AT_WATCHES + i].revents && !watch(g, i)) watch_less(g, i);
		if (items[AT_ORDERS].revents && !obey(g)) go_on = false;
	}
	while (g->watch_count) watch_less(g, 0);
	return NULL;
}

/* ---- the owner --------------------------------------------------------------------------- */

static enum error open_sockets(struct curve_gate *g, struct problem *why) {
	char pair[64];
	(void)snprintf(pair, sizeof pair, "inproc://tiergate-gate-%p", (void *)g);
	enum error e = zsocket_create(g->context, ZMQ_REP, NULL, &g->zap, why);
	if (!e) e = zsocket_bind(g->zap, ZAP_ENDPOINT, NULL, why);
	if (!e) e = zsocket_create(g->context, ZMQ_PAIR, NULL, &g->orders, why);
	if (!e) e = zsocket_bind(g->orders, pair, NULL, why);
	if (!e) e = zsocket_create(g->context, ZMQ_PAIR, NULL, &g->ordered, why);
	if (!e) e = zsocket_connect(g->ordered, pair, why);
	if (e) return e;
	if (pthread_create(&g->thread, NULL, serve, g) != 0)
		return problem_set(why, ERR_UNAVAILABLE, "no thread for the keys");
	g->running = true;
	return OK;
}

static enum error open_all(struct curve_gate *g, struct problem *why) {
	char path[4096];
	(void)snprintf(path, sizeof path, "%s/server.key", g->dir);
	enum error e = curve_pair_read(path, true, &g->server, why);
	if (e == ERR_NOT_FOUND)
		e = problem_set(why, ERR_CONFIG, "%s: there is no such file; `tiergate keygen` makes it", path);
	if (!e) e = curve_clients_load(g->dir, &g->clients, why);
	return e ? e : open_sockets(g, why);
}

enum error curve_gate_open(void *context, const char *dir, struct curve_gate **ret_g, struct problem *why) {
	struct curve_gate *g = calloc(1, sizeof *g);
	if (g) g->dir = strdup(dir);
	if (!g || !g->dir) {
		free(g);
		return problem_set(why, ERR_MEMORY, "no memory for the keys");
	}
	g->context = context;
	(void)pthread_mutex_init(&g->lock, NULL);
	(void)pthread_mutex_init(&g->order_lock, NULL);
	enum error e = open_all(g, why);
	if (e)
		curve_gate_close(&g);
	else
		*ret_g = g;
	return e;
}

void curve_gate_close(struct curve_gate **gate) {
	if (!gate || !*gate) return;
	struct curve_gate *g = *gate;
	const struct order end = {.endpoint = ""};
	if (g->running && zmq_send(g->orders, &end, sizeof end, 0) == (int)sizeof end)
		(void)pthread_join(g->thread, NULL);
	zsocket_close(&g->zap);
	zsocket_close(&g->orders);
	zsocket_close(&g->ordered);
	(void)pthread_mutex_destroy(&g->lock);
	(void)pthread_mutex_destroy(&g->order_lock);
	curve_clients_destroy(&g->clients);
	curve_pair_forget(&g->server);
	free(g->dir);
	free(g);
	*gate = NULL;
}

/* A connection's key, for net/peers.h: a key is as good as random, so its beginning will do. */
static uint64_t number_of(const struct curve_client *c) {
	uint64_t n;
	memcpy(&n, c->key, sizeof n);
	return n;
}

struct taken {
	unsigned count;
	uint64_t numbers[CURVE_CLIENTS_MAX];
};

/* Keys that could do something before, and now cannot. */
static void find_taken(const struct curve_clients *before, const struct curve_clients *now, struct taken *ret_t) {
	ret_t->count = 0;
	for (unsigned i = 0; i < curve_clients_count(before); i++) {
		const struct curve_client *was = curve_clients_at(before, i);
		const struct curve_client *is = curve_clients_by_key(now, was->key);
		if (!is || (was->rights & ~is->rights) || strcmp(was->name, is->name) != 0)
			ret_t->numbers[ret_t->count++] = number_of(was);
	}
}

static bool was_taken(const void *ctx, uint64_t number) {
	const struct taken *t = ctx;
	for (unsigned i = 0; i < t->count; i++)
		if (t->numbers[i] == number) return true;
	return false;
}

enum error curve_gate_reload(struct curve_gate *g, unsigned *ret_taken, struct curve_bad_files *ret_bad,
			     struct problem *why) {
	struct curve_clients *fresh = NULL;
	struct taken *taken = malloc(sizeof *taken);
	if (!taken) return problem_set(why, ERR_MEMORY, "no memory for the keys");
	enum error e = curve_clients_reload(g->dir, g->clients, &fresh, ret_bad, why);
	if (!e) {
		struct curve_clients *old = g->clients;
		find_taken(old, fresh, taken);
		(void)pthread_mutex_lock(&g->lock);
		g->clients = fresh;
		(void)pthread_mutex_unlock(&g->lock);
		/* whoever has shaken hands by the old list has a descriptor by now */
		if (taken->count) peers_end_keyed(was_taken, taken);
		*ret_taken = taken->count;
		curve_clients_destroy(&old);
	}
	free(taken);
	return e;
}

unsigned curve_gate_clients(const struct curve_gate *g) { return curve_clients_count(g->clients); }

static bool set_server(struct curve_gate *g, unsigned rights, void *socket) {
	const int server = 1;
	const struct curve_rights_text words = curve_rights_words(rights);
	const char *domain = words.text;
	return zmq_setsockopt(socket, ZMQ_CURVE_SERVER, &server, sizeof server) == 0 &&
	       zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, g->server.secret_text, CURVE_TEXT_SIZE) == 0 &&
	       zmq_setsockopt(socket, ZMQ_ZAP_DOMAIN, domain, strlen(domain)) == 0;
}

/* Without it handshakes that fail before ZAP are not logged; nothing else depends on it. */
static void watch_socket(struct curve_gate *g, unsigned rights, void *socket) {
	struct order o = {.rights = rights};
	(void)snprintf(o.endpoint, sizeof o.endpoint, "inproc://tiergate-watch-%p-%u", (void *)g,
		       atomic_fetch_add(&g->watch_number, 1));
	if (zmq_socket_monitor(socket, o.endpoint,
			       ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
				       ZMQ_EVENT_MONITOR_STOPPED) != 0)
		return;
	(void)pthread_mutex_lock(&g->order_lock);
	(void)zmq_send(g->orders, &o, sizeof o, ZMQ_DONTWAIT);
	(void)pthread_mutex_unlock(&g->order_lock);
}

/* Options apply to the binds that follow and are not undone: so what is local comes first. */
enum error curve_gate_bind_all(struct curve_gate *g, unsigned rights, void *socket, const struct endpoints *list,
			       char ret_actual[ENDPOINTS_TEXT_MAX], struct problem *why) {
	char actual[ENDPOINTS_MAX][ENDPOINT_MAX];
	unsigned remote = 0;
	size_t used = 0;
	enum error e = OK;
	for (unsigned i = 0; i < list->count && !e; i++) {
		if (endpoint_is_local(list->at[i]))
			e = zsocket_bind(socket, list->at[i], actual[i], why);
		else
			remote++;
	}
	if (!e && remote && g) {
		watch_socket(g, rights, socket);
		if (!set_server(g, rights, socket))
			e = problem_set(why, ERR_INTERNAL, "libzmq refuses the keys: %s", zmq_strerror(zmq_errno()));
	}
	for (unsigned i = 0; i < list->count && !e; i++)
		if (!endpoint_is_local(list->at[i])) e = zsocket_bind(socket, list->at[i], actual[i], why);
	for (unsigned i = 0; i < list->count && !e && ret_actual; i++)
		used += (size_t)snprintf(ret_actual + used, ENDPOINTS_TEXT_MAX - used, "%s%s", i ? ";" : "", actual[i]);
	return e;
}

unsigned curve_gate_rights(struct curve_gate *g, zmq_msg_t *message) {
	const char *name = g ? zmq_msg_gets(message, "User-Id") : NULL;
	if (!name) return CURVE_RIGHTS_ALL; /* no key was asked for: a local endpoint */
	(void)pthread_mutex_lock(&g->lock);
	const struct curve_client *c = curve_clients_by_name(g->clients, view_str(name));
	unsigned rights = c ? c->rights : 0;
	if (c) peers_note_key(message, number_of(c));
	(void)pthread_mutex_unlock(&g->lock);
	return rights;
}

bool curve_gate_denied(struct curve_gate *g, struct curve_denial *ret_d, uint64_t *ret_total) {
	(void)pthread_mutex_lock(&g->lock);
	bool found = g->denial_count > 0;
	if (found) {
		*ret_d = g->denials[0];
		g->denial_count--;
		memmove(&g->denials[0], &g->denials[1], g->denial_count * sizeof g->denials[0]);
	}
	*ret_total = g->denied;
	(void)pthread_mutex_unlock(&g->lock);
	return found;
}

static bool set_client(void *socket, const struct curve_pair *mine, const struct curve_pair *server) {
	return zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, mine->public_text, CURVE_TEXT_SIZE) == 0 &&
	       zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, mine->secret_text, CURVE_TEXT_SIZE) == 0 &&
	       zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, server->public_text, CURVE_TEXT_SIZE) == 0;
}

enum error curve_connect_all(void *socket, const struct curve_pair *mine, const struct curve_pair *server,
			     const struct endpoints *list, struct problem *why) {
	enum error e = OK;
	for (unsigned i = 0; i < list->count && !e; i++)
		if (endpoint_is_local(list->at[i])) e = zsocket_connect(socket, list->at[i], why);
	if (!e && mine && !set_client(socket, mine, server))
		e = problem_set(why, ERR_INTERNAL, "libzmq refuses the keys: %s", zmq_strerror(zmq_errno()));
	for (unsigned i = 0; i < list->count && !e; i++)
		if (!endpoint_is_local(list->at[i])) e = zsocket_connect(socket, list->at[i], why);
	return e;
}

enum error curve_connect(void *socket, const struct curve_identity *me, const char *endpoint, struct problem *why) {
	struct curve_pair server;
	if (!me || endpoint_is_local(endpoint)) return zsocket_connect(socket, endpoint, why);
	enum error e = curve_server_read(me->dir, endpoint, &server, why);
	if (!e && !set_client(socket, &me->mine, &server))
		e = problem_set(why, ERR_INTERNAL, "libzmq refuses the keys: %s", zmq_strerror(zmq_errno()));
	return e ? e : zsocket_connect(socket, endpoint, why);
}
