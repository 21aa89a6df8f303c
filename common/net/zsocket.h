/* ZeroMQ sockets with our defaults, and the rules for where they may bind and connect.
 *
 * A socket is libzmq's own `void *`, so that hot paths use zmq_msg_recv and zmq_msg_send as they are. What
 * differs from zmq_socket: every option is set before the first bind or connect (libzmq applies it to
 * later ones only), so nothing is unbounded and nothing waits for ever.
 *
 *   all      LINGER 0, but see zsocket_close · SNDHWM, RCVHWM and MAXMSGSIZE as asked · HANDSHAKE_IVL 3 s (net/peers.h)
 * · reconnect 50 ms to 2 s · IPv6 on for [::1] · no ZMTP heartbeat: TCP's keep-alive, dead after 15 s
 *
 *   ROUTER   ROUTER_MANDATORY: a reply that cannot go is EHOSTUNREACH and not silence; no handover
 *
 *   REQ      REQ_RELAXED, REQ_CORRELATE (one more frame: a server echoes the whole envelope)
 *
 *   SUB      subscribes to nothing yet: the caller sets ZMQ_SUBSCRIBE
 *
 * What a DEALER or REQ sends while nobody is there waits, up to send_hwm, for whoever comes: who wants to know it looks
 * at net/handshakes.h first. ZMQ_IMMEDIATE would refuse it, but takes the pipe away with the connection: replies that
 * are not read yet are lost, and in the middle of one libzmq 4.3.4 aborts the process (in every 100th call
 * socket_base_t::recv takes what its threads have told, and then there is no rest of the message).
 *
 * Caveats: MAXMSGSIZE is per frame and the HWM counts whole messages: what that leaves open, net/peers.h closes, for
 * sockets that bind. A PUB drops without a word when a subscriber is slow. A socket belongs to one thread at a time. A
 * process that sets ZMQ_HEARTBEAT_IVL dies when its receive queue is full while a heartbeat is due: libzmq 4.3.4 has
 * forgotten by then that its input was stopped, and asserts (stream_engine_base.cpp, restart_input). A worker that
 * replays for long has such a queue.
 *
 * Endpoints. `ipc://path` needs no keys; the directory is made when it is missing (mode 0700). `tcp://` only
 * on loopback (127.0.0.0/8, [::1], localhost), unless the socket has keys (net/curve_gate.h): binding and
 * connecting refuse anything else. `tcp://127.0.0.1:*` or `:0` binds a free port. `inproc://name` for tests and
 * threads.
 */
#ifndef NET_ZSOCKET_H
#define NET_ZSOCKET_H

#include "base/error.h"
#include "base/view.h"

#define ENDPOINT_MAX 256 /* bytes with the NUL; an ipc path is at most 107 (sun_path) */
#define ENDPOINTS_MAX 16
#define ENDPOINTS_TEXT_MAX ((size_t)ENDPOINTS_MAX * ENDPOINT_MAX)

/* "a;b;c": at least one, none empty. */
struct endpoints {
	unsigned count;
	char at[ENDPOINTS_MAX][ENDPOINT_MAX];
};

/* "pub,replay;pub,replay": one pair for each journal. */
struct endpoint_pairs {
	unsigned count;
	struct {
		char pub[ENDPOINT_MAX];
		char replay[ENDPOINT_MAX];
	} at[ENDPOINTS_MAX];
};

/* ERR_CONFIG with a sentence that names the endpoint and what is wrong with it. */
NODISCARD enum error endpoint_parse(struct view text, char ret_endpoint[ENDPOINT_MAX], struct problem *why);
NODISCARD enum error endpoints_parse(struct view text, struct endpoints *ret_list, struct problem *why);
NODISCARD enum error endpoint_pairs_parse(struct view text, struct endpoint_pairs *ret_pairs, struct problem *why);

/* Nobody from outside this machine can come there: ipc, inproc, loopback. Anything else needs keys (net/curve_gate.h).
 */
bool endpoint_is_local(const char *endpoint);
bool endpoints_are_local(const struct endpoints *list);
/* The host of a tcp endpoint, without brackets; empty for any other. */
struct view endpoint_host(const char *endpoint);

/* The process's one context. Call signals_block (service/signals.h) before it: its threads inherit the mask.
 * ERR_MEMORY or ERR_UNAVAILABLE (out of file descriptors). */
NODISCARD enum error zcontext_create(void **ret_context, struct problem *why);
/* Makes every blocked call on its sockets fail with ETERM: how a thread is told to stop. */
void zcontext_shutdown(void *context);
/* All sockets must be closed; with LINGER 0 it does not wait for peers. */
void zcontext_destroy(void **context);

struct zsocket_limits {
	int send_hwm;        /* messages per peer; 0: ZSOCKET_HWM */
	int receive_hwm;     /* the same */
	int64_t message_max; /* bytes of one received frame; 0: ZSOCKET_MESSAGE_MAX */
	int send_timeout_ms; /* 0: wait without end */
	int receive_timeout_ms;
	/* a ROUTER's or PUB's that binds (net/peers.h) */
	unsigned peers;  /* connections at a time; 0: ZSOCKET_PEERS */
	unsigned frames; /* of one message; 0: ZSOCKET_FRAMES */
	int64_t unread;  /* bytes of replies that one peer has not read; 0: ZSOCKET_UNREAD */
	unsigned behind; /* subscribers that may be behind at a time; 0: ZSOCKET_BEHIND */
};

#define ZSOCKET_HWM 1000
#define ZSOCKET_MESSAGE_MAX INT64_C(65536)
#define ZSOCKET_PEERS 256
#define ZSOCKET_FRAMES 128        /* more than any protocol has, so that a mistake is answered and only malice is cut */
#define ZSOCKET_ENVELOPE_MAX 4096 /* bytes of all frames besides the message's */
#define ZSOCKET_BEHIND 4
#define ZSOCKET_UNREAD (INT64_C(8) * 1024 * 1024)

/* type: ZMQ_ROUTER, ZMQ_REQ, … limits may be NULL. The caller closes it with zsocket_close, before the context. */
NODISCARD enum error zsocket_create(void *context, int type, const struct zsocket_limits *limits, void **ret_socket,
				    struct problem *why);
/* A PUB's or ROUTER's last messages get ZSOCKET_CLOSE_MS to leave. With LINGER 0, libzmq 4.3.4 can abort the process
 * when such a socket is closed with a multipart message half sent to a peer that goes away at that moment. */
#define ZSOCKET_CLOSE_MS 500
void zsocket_close(void **socket);

/* Binds, having made an ipc endpoint's directory. ret_actual (may be NULL) is the endpoint with the port that
 * a wildcard got. ERR_UNAVAILABLE when the address is in use, ERR_CONFIG when it can never work, ERR_IO. */
NODISCARD enum error zsocket_bind(void *socket, const char *endpoint, char ret_actual[ENDPOINT_MAX],
				  struct problem *why);
/* Connecting succeeds whether or not somebody is there. */
NODISCARD enum error zsocket_connect(void *socket, const char *endpoint, struct problem *why);

#endif
