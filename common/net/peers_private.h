/* What the files of peers share: the table of descriptors, and the verdicts. */
#ifndef NET_PEERS_PRIVATE_H
#define NET_PEERS_PRIVATE_H

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/types.h>
#include <time.h>

#include "net/peers.h"
#include "net/zmtp_scan.h"

enum peer_kind { PEER_NONE, PEER_LISTENER, PEER_CONNECTION };

/* A socket. */
struct peers {
	void *socket; /* NULL: closed, and some descriptors of it are not yet; or free */
	bool publishes;
	struct peers_limits limits;
	unsigned descriptors; /* under the lock, as the next two */
	unsigned connections; /* that were not cut */
	unsigned shaking;
	_Atomic int64_t waiting_frames; /* of whole messages, not taken */
	_Atomic int64_t waiting_bytes;
	_Atomic int64_t active; /* peers of which something waits */
	_Atomic uint32_t round; /* a new one begins when nothing waits: what peers count of an older one is void */
	_Atomic int64_t unread;
	_Atomic int asked; /* whose request came last, of those who do not press */
	_Atomic int64_t asked_ms;
	_Atomic int64_t before_ms; /* and when the last one of somebody else did */
	int64_t topics;            /* under the lock, as those that follow */
	int64_t topic_bytes;
	int64_t topics_lately; /* a bucket that leaks */
	int64_t topics_ms;
};

/* A descriptor. `scan` and the counts that are not atomic belong to the thread that calls recv and send. */
struct peer {
	_Atomic int kind;
	_Atomic(struct peers *) of;
	_Atomic bool cut;
	bool shaking;  /* under the lock, as the next */
	unsigned late; /* sweeps that found it late with its handshake, and something of it unread */
	bool keyed;    /* it came to a listener with keys */
	int64_t begun_ms;
	_Atomic int64_t heard_ms;
	_Atomic int64_t stuck_ms; /* since when the kernel had no room for it, as far as was looked; 0: it has */
	_Atomic int64_t unread;   /* bytes that it was to be sent, and were not */
	_Atomic uint64_t waiting; /* the round (upper half) and frames not taken (lower) */
	_Atomic int64_t hidden;   /* bytes since something of it was taken */
	_Atomic uint64_t key;     /* peers_note_key; 0: not known */
	_Atomic uint64_t name;    /* random: what its identity says of one with ZMTP 2; 0: it has none yet */
	uint32_t topics;
	int64_t topic_bytes;
	struct zmtp_scan scan;
	_Atomic bool floods;       /* peer_presses */
	int64_t pressed_ms;        /* since when it has sent on top of PEERS_SHARE_BURST; 0: it does not */
	_Atomic bool held;         /* it is not read for a while */
	int condemned;             /* it is to be cut then: one more than the cause; 0: it is not */
	bool talks;                /* a whole message came: the handshake is over on both sides */
	struct epoll_event wanted; /* what libzmq waits for, as far as it knows */
	struct epoll_event polled; /* and what the kernel was told of it */
	int epoll;
	size_t rest; /* of what libzmq gathered, and the kernel did not take */
};

#define PEERS_HELD 2048
struct peers_hold {
	int fd;
	int64_t until_ms;
};
/* A queue; all but `epoll` is its thread's. */
struct peers_holds {
	_Atomic int epoll; /* 0: nobody's */
	unsigned first, count;
	struct peers_hold at[PEERS_HELD];
};

struct peers_state {
	pthread_mutex_t lock; /* beginnings, ends and cuts */
	struct peers sockets[PEERS_SOCKETS];
	struct peer table[PEERS_FDS];
	struct pollfd polled[PEERS_FDS];
	int top;           /* the highest descriptor that was ever watched, plus one */
	_Atomic int null;  /* /dev/null */
	_Atomic int spare; /* the same once more: a file number to let go when there is no other; -1: that was taken */
	_Atomic int64_t swept_ms;
	struct peers_holds holds;
	_Atomic uint64_t counts[PEERS_CAUSE_COUNT];
	struct peers_cut told[16];
	unsigned told_first, told_count;
};

extern struct peers_state peers_state;

/* NULL: not watched. */
static inline struct peer *peer_at(int fd, int kind) {
	if (fd < 0 || fd >= PEERS_FDS) return NULL;
	struct peer *p = &peers_state.table[fd];
	return atomic_load_explicit(&p->kind, memory_order_acquire) == kind ? p : NULL;
}

/* Where this thread binds just now; NULL: it does not. */
struct peers *peers_binding(void);

void peer_listens(struct peers *s, int fd);
/* A new connection; false: it may not stay. */
bool peer_admit(const struct peer *listener, int fd);
/* Bytes came, and `filled` all the room for them; false: they are not libzmq's, as it is cut or condemned. */
bool peer_received(struct peer *p, const uint8_t *bytes, size_t n, bool filled);
/* Cuts one that is condemned. False. */
bool peer_cut_condemned(struct peer *p);
/* Frames of whole messages of it that nobody has taken. */
uint32_t peer_waiting(const struct peer *p);
/* The kernel took `sent` (or -1: nothing now) of `asked`. True: libzmq had no more than that, so that it will wait for
 * new messages now, and not for room. It gathers up to PEERS_DRAINED bytes at a time: less means that there was no
 * more. But what is left of a batch, or of a large message, is offered again by itself, and says nothing of that. */
#define PEERS_DRAINED 8192
bool peer_sent(struct peer *p, int64_t sent, size_t asked);
/* Nothing is left to be sent. */
void peer_sent_all(struct peer *p);
/* libzmq asks the kernel to wait for other things of a connection. True: the kernel need not be asked (peers_poll.c).
 */
bool peer_waits(struct peer *p, int epoll, const struct epoll_event *wanted);
/* The kernel was asked, and told so much of it. */
void peer_waited(struct peer *p, int epoll, const struct epoll_event *wanted, uint32_t told);
/* After a send that may have left something: the kernel is told what it was spared. */
void peer_waits_for_room(struct peer *p);
/* Not read for PEERS_HOLD_MS (peers_hold.c). False: that cannot be. */
bool peer_hold(struct peer *p);
/* What the kernel may know of that. */
uint32_t peer_told(const struct peer *p, uint32_t events);
/* Something came of a ROUTER's peer, of which so many frames waited before. */
void peer_presses(struct peer *p, uint32_t waited, bool filled, int64_t now);
/* An I/O thread is about to wait: ends what is over, and returns for how long it may. */
int peers_hold_ms(int epoll, int wait_ms);
/* That descriptor is closed. */
void peers_hold_ends(int epoll);
/* The descriptor is about to be closed. True: it was watched. */
bool peer_gone(int fd);
/* A connection that is closed before it was one of ours. */
void peers_note(enum peers_cause cause, int fd);

/* The identity of one with ZMTP 2, in its place in the stream: as recv, errno included. n: PEER_IDENTITY_SIZE or more.
 */
#define PEER_NAME_SIZE 13 /* a mark, the descriptor, the name */
#define PEER_IDENTITY_SIZE (2 + PEER_NAME_SIZE)
ssize_t peer_take_identity(struct peer *p, int fd, uint8_t *bytes, size_t n);
/* The descriptor of the peer whose identity that is; -1: it is none of ours. */
int peer_identified(zmq_msg_t *identity);

/* Where the spare file number was lost, another one if any is free. False: there is none. */
bool peers_keep_spare(void);

/* The kernel's last tick. */
static inline int64_t peers_now_ms(void) {
	struct timespec t = {0};
	(void)clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

#endif
