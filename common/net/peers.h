/* The peers of our ROUTER and PUB sockets: what each of them may make libzmq hold.
 *
 * libzmq 4.3.4 bounds a frame and counts whole messages for each peer. It bounds neither the frames of a message that
 * never ends, nor subscriptions, nor connections, nor what replies to somebody who does not read weigh, and it aborts
 * when an ipc listener runs out of file numbers (ipc_listener.cpp). It has no place where a program could step in, and
 * cannot end one connection. So we stand between it and the kernel: libzmq calls the C library's listen, accept4, recv,
 * send and close, and peers_calls.c defines those five, and epoll_ctl, of which most calls can be spared
 * (peers_poll.c), and epoll_wait (peers_hold.c). The dynamic linker takes a program's own definition before a
 * library's. A descriptor that did not come from a listener of ours is handed on untouched. A peer that goes over a
 * bound sees its connection reset; nobody else sees anything.
 *
 * - Connections: `peers` of a socket. A ROUTER that is full lets go of the one that was silent for longest, when that
 * is PEERS_QUIET_MS or more; else the new one is closed. At most a quarter may be in their handshake: then the oldest
 * of those goes. Without free file numbers a connection is accepted and closed.
 * - A message: `frames`, and `message` bytes of all of them.
 * - Not yet taken: PEERS_WAITING_MAX bytes and PEERS_WAITING_FRAMES frames of all peers; whoever sends on top of that,
 * and has more than one request there, is cut. What a peer with CURVE sends cannot be told apart, so it may send
 *   PEERS_HIDDEN_MAX bytes until one whole message of it is taken.
 * - A flood: who has sent on top of PEERS_SHARE_BURST frames that wait for PEERS_PRESS_MS without a break. While
 * somebody else asks (PEERS_OTHERS_MS ago at most), only what one call gives is read of it at a time, and then nothing
 * for PEERS_HOLD_MS, and longer while any of that waits to be taken: TCP holds it back. It is over when all that it
 * sent was taken and read. Nothing is lost; peers_floods tells.
 * - Who is to be cut for what it sent is not read for PEERS_HOLD_MS before, and keeps its place: or it would be back at
 * once, and connections are what costs most of it.
 * - Subscriptions: PEERS_TOPICS_EACH of a peer while it is connected, PEERS_TOPICS_ALL of all, and bytes of their
 * prefixes, also in a second.
 * - Replies unread: `unread` bytes of a peer, PEERS_UNREAD_MAX of all (peers_may_send).
 * - Not reading: whose connection has no room in the kernel for PEERS_STUCK_MS is cut; of a PUB's subscribers, when
 * more than `behind` have none for PEERS_BEHIND_MS, whoever is beyond that number: each holds messages up to the HWM.
 * Looked at four times a second while anything moves.
 *
 * - Handshakes: PEERS_SHAKE_MS for all of one, and as long again while something of it lies unread: then it is this
 * process that stood still. libzmq's own timer is off where there are no keys: 4.3.4 goes on running
 * it for a peer with ZMTP 2, whose handshake it never sees end.
 * - ZMTP 2 (JeroMQ 0.3) is spoken where there are no keys. libzmq does not say from which descriptor the messages of
 * such a peer came, so it is given an identity of ours in place of its own, which tells.
 *
 * Whoever binds a ROUTER tells of each message that it took (peers_took) and when there was none (peers_emptied): what
 * nobody takes waits for ever, and its senders are cut in the end.
 *
 * What it costs is a look into a table by file number for each call. State is per process, since the C library's
 * functions have no argument for it: the one place in the project where that is so. A PUB's or ROUTER's functions below
 * belong to the thread of its socket; the calls come on libzmq's one I/O thread.
 */
#ifndef NET_PEERS_H
#define NET_PEERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <zmq.h>

#define PEERS_FDS 16384  /* a connection with a higher number is refused */
#define PEERS_SOCKETS 64 /* ROUTER and PUB sockets at a time; more are not guarded */
#define PEERS_QUIET_MS 5000
#define PEERS_SHAKE_MS 3000
#define PEERS_STUCK_MS 15000
#define PEERS_BEHIND_MS 1000
#define PEERS_WAITING_MAX ((int64_t)128 * 1024 * 1024)
#define PEERS_WAITING_FRAMES ((int64_t)64 * 1024)
#define PEERS_SHARE_MANY 64   /* frames of one peer that nobody is cut for */
#define PEERS_SHARE_MUCH 4    /* and when it is the bytes that are too many: one request of a REQ socket */
#define PEERS_SHARE_BURST 128 /* and those that may wait for as long as they do: 64 requests of a DEALER */
#define PEERS_PRESS_MS 50
#define PEERS_HOLD_MS 50
#define PEERS_OTHERS_MS 100
#define PEERS_HIDDEN_MAX ((int64_t)24 * 1024 * 1024)
#define PEERS_TOPICS_EACH 64
#define PEERS_TOPIC_BYTES_EACH 1024
#define PEERS_TOPICS_HIDDEN 65536 /* frames of a subscriber with CURVE, heartbeats included */
#define PEERS_TOPICS_ALL 8192
#define PEERS_TOPIC_BYTES_ALL (64 * 1024)
#define PEERS_TOPIC_BYTES_PER_S (64 * 1024)
#define PEERS_UNREAD_MAX ((int64_t)64 * 1024 * 1024)

struct peers_limits {
	unsigned peers;
	unsigned frames;
	uint64_t message;
	int64_t unread;
	unsigned behind; /* a PUB's subscribers that may be behind at a time */
};

enum peers_cause {
	PEERS_FULL,       /* there are too many connections, or no file numbers */
	PEERS_QUIET,      /* it was silent for longest when a place was needed */
	PEERS_HANDSHAKE,  /* a handshake that took too long, or the oldest when there were too many */
	PEERS_FOREIGN,    /* it speaks neither ZMTP 3 nor, where there are no keys, ZMTP 2 */
	PEERS_ENDLESS,    /* a message with too many frames or bytes */
	PEERS_FLOOD,      /* all that waits to be taken is too much */
	PEERS_SUBSCRIBES, /* too many subscriptions */
	PEERS_DEAF,       /* it does not read */
	PEERS_KEY,        /* some key was taken out: its own, or it is not known which it has */
	PEERS_CAUSE_COUNT
};

/* "full", "quiet", … */
const char *peers_cause_word(enum peers_cause cause);

/* zsocket's: a socket that is to be bound is registered, binds between begin and end, and is forgotten when closed. */
void peers_watch(void *socket, bool publishes, const struct peers_limits *limits);
void peers_bind_begin(void *socket, bool keyed);
void peers_bind_end(void);
void peers_forget(void *socket);

struct peers;
/* The socket's; NULL when it is not guarded. Good until the socket is closed. Every function takes NULL. */
struct peers *peers_of(void *socket);

/* One message was taken from a ROUTER: `identity` is its first frame, `part` any other one, `frames` and `bytes` count
 * all but the identity. ret_waiting: frames that this peer has sent besides, and that nobody has taken yet. Returns the
 * peer's number for peers_may_send, -1: not known. */
int peers_took(struct peers *p, zmq_msg_t *identity, zmq_msg_t *part, unsigned frames, size_t bytes,
	       uint32_t *ret_waiting);
/* There was nothing to take: whatever was believed to wait does not. */
void peers_emptied(struct peers *p);
/* Frames of whole messages of all peers that wait to be taken, and of how many peers they are. */
uint64_t peers_waiting(const struct peers *p, uint64_t *ret_peers);

/* May that peer be sent `bytes` more? If so, they count as unread until the kernel has taken them. Headers need
 * not be counted, but an envelope that goes back as it came: the peer chose its size. One who has nothing unread may
 * always be sent one message, and one who has taken nothing for PEERS_BEHIND_MS no other. */
bool peers_may_send(struct peers *p, int peer, size_t bytes);
/* The same question, and nothing counted: is it worth the work? */
bool peers_has_room(const struct peers *p, int peer, size_t bytes);

/* Is that one flooding while others ask? */
bool peers_floods(const struct peers *p, int peer);

/* Is anybody connected from outside the process? True also when that is not known. Who is not cannot have subscribed.
 */
bool peers_any(const struct peers *p);

/* ---- keys (net/curve_gate.h) ---------------------------------------------------------- */

/* The connection that this message came from has the key of that number. 0: nothing is said. Any thread. */
void peers_note_key(zmq_msg_t *part, uint64_t key);
/* Ends connections that came to listeners with keys, of all sockets: those for whose number `ends` says so, and those
 * whose number is not known. Any thread. */
void peers_end_keyed(bool (*ends)(const void *ctx, uint64_t key), const void *ctx);

/* ---- for logs and metrics ------------------------------------------------------------ */

struct peers_cut {
	enum peers_cause cause;
	char address[64]; /* "127.0.0.1:4711", "[::1]:4711", "uid 1000 pid 17", or empty */
};

/* The oldest that was not asked for yet, of any socket of the process; what is more than 16 between two calls is
 * counted alone. False: there is none. */
bool peers_next_cut(struct peers_cut *ret_cut);
/* Cut or refused since the start, by cause. */
uint64_t peers_count_cut(enum peers_cause cause);
/* Ends what has had its time. Done by itself while anything moves; to be called now and then when nothing does. */
void peers_sweep(void);
/* Connections now, of all sockets. */
uint64_t peers_connected(void);

#endif
