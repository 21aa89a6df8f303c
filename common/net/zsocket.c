#include "net/zsocket.h"

#include "net/peers.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <zmq.h>

#define HANDSHAKE_MS 3000
#define CONNECT_MS 3000
#define RECONNECT_MS 50
#define RECONNECT_MAX_MS 2000
#define KEEPALIVE_S 5 /* of silence before the first probe, and between probes */
#define KEEPALIVE_PROBES 2
#define UNACKNOWLEDGED_MS 15000

static bool set(void *socket, int option, int value) {
	return zmq_setsockopt(socket, option, &value, sizeof value) == 0;
}

static bool set_limits(void *s, const struct zsocket_limits *l) {
	int64_t message_max = l && l->message_max ? l->message_max : ZSOCKET_MESSAGE_MAX;
	return zmq_setsockopt(s, ZMQ_MAXMSGSIZE, &message_max, sizeof message_max) == 0 &&
	       set(s, ZMQ_SNDHWM, l && l->send_hwm ? l->send_hwm : ZSOCKET_HWM) &&
	       set(s, ZMQ_RCVHWM, l && l->receive_hwm ? l->receive_hwm : ZSOCKET_HWM) &&
	       set(s, ZMQ_SNDTIMEO, l && l->send_timeout_ms ? l->send_timeout_ms : -1) &&
	       set(s, ZMQ_RCVTIMEO, l && l->receive_timeout_ms ? l->receive_timeout_ms : -1);
}

static bool set_defaults(void *s, int type) {
	bool done = set(s, ZMQ_LINGER, 0) && set(s, ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS) &&
		    set(s, ZMQ_CONNECT_TIMEOUT, CONNECT_MS) && set(s, ZMQ_RECONNECT_IVL, RECONNECT_MS) &&
		    set(s, ZMQ_RECONNECT_IVL_MAX, RECONNECT_MAX_MS) && set(s, ZMQ_TCP_KEEPALIVE, 1) &&
		    set(s, ZMQ_TCP_KEEPALIVE_IDLE, KEEPALIVE_S) && set(s, ZMQ_TCP_KEEPALIVE_INTVL, KEEPALIVE_S) &&
		    set(s, ZMQ_TCP_KEEPALIVE_CNT, KEEPALIVE_PROBES) && set(s, ZMQ_TCP_MAXRT, UNACKNOWLEDGED_MS);
	if (type == ZMQ_ROUTER) done = done && set(s, ZMQ_ROUTER_MANDATORY, 1);
	if (type == ZMQ_REQ) done = done && set(s, ZMQ_REQ_RELAXED, 1) && set(s, ZMQ_REQ_CORRELATE, 1);
	return done;
}

static void watch_peers(void *s, int type, const struct zsocket_limits *l) {
	int64_t message = l && l->message_max ? l->message_max : ZSOCKET_MESSAGE_MAX;
	const struct peers_limits limits = {.peers = l && l->peers ? l->peers : ZSOCKET_PEERS,
					    .frames = l && l->frames ? l->frames : ZSOCKET_FRAMES,
					    .message = (uint64_t)message + ZSOCKET_ENVELOPE_MAX,
					    .unread = l && l->unread ? l->unread : ZSOCKET_UNREAD,
					    .behind = l && l->behind ? l->behind : ZSOCKET_BEHIND};
	if (type == ZMQ_ROUTER || type == ZMQ_PUB) peers_watch(s, type == ZMQ_PUB, &limits);
}

enum error zsocket_create(void *context, int type, const struct zsocket_limits *limits, void **ret_socket,
			  struct problem *why) {
	void *s = zmq_socket(context, type);
	if (!s)
		return problem_set(why, errno == EINVAL ? ERR_INTERNAL : ERR_UNAVAILABLE, "a ZeroMQ socket: %s",
				   zmq_strerror(errno));
	if (!set_defaults(s, type) || !set_limits(s, limits)) {
		enum error e =
			problem_set(why, ERR_INTERNAL, "a ZeroMQ socket refuses an option: %s", zmq_strerror(errno));
		zsocket_close(&s);
		return e;
	}
	watch_peers(s, type, limits);
	*ret_socket = s;
	return OK;
}

void zsocket_close(void **socket) {
	if (!socket || !*socket) return;
	int type = 0;
	const int linger = ZSOCKET_CLOSE_MS;
	size_t len = sizeof type;
	/* see the header: who publishes or answers gives the last messages a moment */
	if (zmq_getsockopt(*socket, ZMQ_TYPE, &type, &len) == 0 && (type == ZMQ_PUB || type == ZMQ_ROUTER))
		(void)zmq_setsockopt(*socket, ZMQ_LINGER, &linger, sizeof linger);
	peers_forget(*socket);
	(void)zmq_close(*socket);
	*socket = NULL;
}

/* libzmq resolves 127.0.0.1 to its IPv6-mapped form when IPv6 is on, and then says so in the actual endpoint. */
static bool choose_ipv6(void *socket, const char *endpoint) {
	return set(socket, ZMQ_IPV6, strncmp(endpoint, "tcp://[", 7) == 0);
}

static const char *ipc_path(const char *endpoint) { return strncmp(endpoint, "ipc://", 6) == 0 ? endpoint + 6 : NULL; }

static enum error make_directories(const char *path, struct problem *why) {
	char dir[ENDPOINT_MAX];
	(void)snprintf(dir, sizeof dir, "%s", path);
	for (char *p = dir + 1; *p; p++) {
		if (*p != '/') continue;
		*p = '\0';
		if (mkdir(dir, 0700) != 0 && errno != EEXIST)
			return problem_set(why, ERR_CONFIG, "ipc://%s: cannot make the directory %s: %s", path, dir,
					   strerror(errno));
		*p = '/';
	}
	return OK;
}

/* libzmq unlinks what is at the path and binds: a second process would take the first one's place unseen. */
static bool somebody_listens(const char *path) {
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof a.sun_path) return false;
	memcpy(a.sun_path, path, strlen(path) + 1);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) return false;
	bool connected = connect(fd, (const struct sockaddr *)&a, sizeof a) == 0 || errno == EAGAIN;
	close(fd);
	return connected;
}

static enum error bind_error(const char *endpoint, struct problem *why) {
	int code = zmq_errno();
	enum error e = ERR_IO;
	if (code == EADDRINUSE) e = ERR_UNAVAILABLE;
	if (code == EINVAL || code == ENODEV || code == EADDRNOTAVAIL || code == ENAMETOOLONG ||
	    code == EPROTONOSUPPORT || code == EACCES || code == ENOENT || code == ENOTDIR)
		e = ERR_CONFIG;
	return problem_set(why, e, "cannot bind %s: %s", endpoint, zmq_strerror(code));
}

static bool has_keys(void *socket) {
	int mechanism = ZMQ_NULL;
	size_t n = sizeof mechanism;
	return zmq_getsockopt(socket, ZMQ_MECHANISM, &mechanism, &n) == 0 && mechanism == ZMQ_CURVE;
}

/* Whoever can reach it could read and ask everything, and whoever sits between could answer. */
static enum error check_keys(void *socket, const char *endpoint, struct problem *why) {
	if (endpoint_is_local(endpoint) || has_keys(socket)) return OK;
	return problem_set(why, ERR_CONFIG,
			   "'%s' is not loopback: that needs keys (CURVE_DIR; `tiergate keygen` makes them); without, "
			   "use ipc:// or tcp://127.0.0.1",
			   endpoint);
}

/* Where there are no keys a handshake's time is net/peers.h's. */
static bool bind_watched(void *socket, const char *endpoint) {
	const bool keyed = has_keys(socket);
	const int handshake_ms = !keyed && peers_of(socket) ? 0 : HANDSHAKE_MS;
	if (!choose_ipv6(socket, endpoint) || !set(socket, ZMQ_HANDSHAKE_IVL, handshake_ms)) return false;
	peers_bind_begin(socket, keyed);
	bool bound = zmq_bind(socket, endpoint) == 0;
	peers_bind_end();
	return bound;
}

enum error zsocket_bind(void *socket, const char *endpoint, char ret_actual[ENDPOINT_MAX], struct problem *why) {
	const char *path = ipc_path(endpoint);
	enum error e = check_keys(socket, endpoint, why);
	if (e) return e;
	if (path) {
		e = make_directories(path, why);
		if (e) return e;
		if (somebody_listens(path))
			return problem_set(why, ERR_UNAVAILABLE, "cannot bind %s: another process listens there",
					   endpoint);
	}
	bool bound = bind_watched(socket, endpoint);
	if (!bound) return bind_error(endpoint, why);
	if (!ret_actual) return OK;
	char actual[ENDPOINT_MAX];
	size_t n = sizeof actual;
	if (zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, actual, &n) != 0) return bind_error(endpoint, why);
	memcpy(ret_actual, actual, n);
	return OK;
}

enum error zsocket_connect(void *socket, const char *endpoint, struct problem *why) {
	enum error e = check_keys(socket, endpoint, why);
	if (e) return e;
	if (!choose_ipv6(socket, endpoint) || zmq_connect(socket, endpoint) != 0)
		return problem_set(why, ERR_CONFIG, "cannot connect to %s: %s", endpoint, zmq_strerror(zmq_errno()));
	return OK;
}
