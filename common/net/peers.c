#include "net/peers_private.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SWEEP_MS 250

/* The C library's functions have no argument for it (see the header). */
struct peers_state peers_state = {.lock = PTHREAD_MUTEX_INITIALIZER, .null = -1, .spare = -1};
static _Thread_local struct peers *binding;
static _Thread_local bool binding_keyed;

static void lock(void) { (void)pthread_mutex_lock(&peers_state.lock); }
static void unlock(void) { (void)pthread_mutex_unlock(&peers_state.lock); }

const char *peers_cause_word(enum peers_cause cause) {
	static const char *const words[PEERS_CAUSE_COUNT] = {[PEERS_FULL] = "full",
							     [PEERS_QUIET] = "quiet",
							     [PEERS_HANDSHAKE] = "handshake",
							     [PEERS_FOREIGN] = "not_zmtp",
							     [PEERS_ENDLESS] = "endless",
							     [PEERS_FLOOD] = "flood",
							     [PEERS_SUBSCRIBES] = "subscribes",
							     [PEERS_DEAF] = "deaf",
							     [PEERS_KEY] = "key"};
	return words[cause];
}

/* ---- cuts -------------------------------------------------------------------------- */

static void write_address(int fd, char text[64]) {
	struct sockaddr_storage a = {0};
	struct ucred who;
	char ip[INET6_ADDRSTRLEN];
	socklen_t n = sizeof a, m = sizeof who;
	text[0] = '\0';
	if (getpeername(fd, (struct sockaddr *)&a, &n) != 0) return;
	if (a.ss_family == AF_INET) {
		const struct sockaddr_in *v4 = (const struct sockaddr_in *)&a;
		(void)snprintf(text, 64, "%s:%u", inet_ntop(AF_INET, &v4->sin_addr, ip, sizeof ip),
			       ntohs(v4->sin_port));
	} else if (a.ss_family == AF_INET6) {
		const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&a;
		(void)snprintf(text, 64, "[%s]:%u", inet_ntop(AF_INET6, &v6->sin6_addr, ip, sizeof ip),
			       ntohs(v6->sin6_port));
	} else if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &m) == 0) {
		(void)snprintf(text, 64, "uid %u pid %d", who.uid, who.pid);
	}
}

/* Under the lock. */
static void note(enum peers_cause cause, int fd) {
	struct peers_state *s = &peers_state;
	const unsigned room = sizeof s->told / sizeof s->told[0];
	atomic_fetch_add(&s->counts[cause], 1);
	if (s->told_count == room) return;
	struct peers_cut *cut = &s->told[(s->told_first + s->told_count++) % room];
	cut->cause = cause;
	write_address(fd, cut->address);
}

void peers_note(enum peers_cause cause, int fd) {
	lock();
	note(cause, fd);
	unlock();
}

static int fd_of(const struct peer *p) { return (int)(p - peers_state.table); }

static void settle_handshake(struct peer *p) {
	if (!p->shaking) return;
	p->shaking = false;
	p->of->shaking--;
}

/* Under the lock. libzmq finds the connection reset, and forgets all of it that is not whole. The place is free at
 * once: the descriptor follows as soon as libzmq's thread comes by. */
static void cut(struct peer *p, enum peers_cause cause) {
	const struct linger now = {.l_onoff = 1, .l_linger = 0};
	int fd = fd_of(p);
	if (atomic_exchange(&p->cut, true)) return;
	note(cause, fd);
	p->of->connections--;
	settle_handshake(p);
	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now); /* what it does not read goes as well */
	(void)shutdown(fd, SHUT_RDWR);
}

static bool cut_now(struct peer *p, enum peers_cause cause) {
	lock();
	cut(p, cause);
	unlock();
	return false;
}

/* Later, so that it does not come again at once; now when that cannot be. */
static bool condemn(struct peer *p, enum peers_cause cause) {
	if (!peer_hold(p)) return cut_now(p, cause);
	p->condemned = (int)cause + 1;
	return false;
}

bool peer_cut_condemned(struct peer *p) { return cut_now(p, (enum peers_cause)(p->condemned - 1)); }

bool peers_next_cut(struct peers_cut *ret_cut) {
	struct peers_state *s = &peers_state;
	lock();
	bool any = s->told_count > 0;
	if (any) {
		*ret_cut = s->told[s->told_first];
		s->told_first = (s->told_first + 1) % (unsigned)(sizeof s->told / sizeof s->told[0]);
		s->told_count--;
	}
	unlock();
	return any;
}

uint64_t peers_count_cut(enum peers_cause cause) { return atomic_load(&peers_state.counts[cause]); }

bool peers_any(const struct peers *s) {
	lock();
	bool any = !s || s->connections > 0;
	unlock();
	return any;
}

uint64_t peers_connected(void) {
	uint64_t n = 0;
	(void)peers_keep_spare(); /* it is asked every second */
	lock();
	for (unsigned i = 0; i < PEERS_SOCKETS; i++) n += peers_state.sockets[i].connections;
	unlock();
	return n;
}

/* ---- sockets --------------------------------------------------------------------------- */

struct peers *peers_of(void *socket) {
	struct peers *found = NULL;
	lock();
	for (unsigned i = 0; i < PEERS_SOCKETS && socket && !found; i++)
		if (peers_state.sockets[i].socket == socket) found = &peers_state.sockets[i];
	unlock();
	return found;
}

void peers_watch(void *socket, bool publishes, const struct peers_limits *limits) {
	lock();
	if (atomic_load(&peers_state.null) < 0)
		atomic_store(&peers_state.null, open("/dev/null", O_RDONLY | O_CLOEXEC));
	(void)peers_keep_spare();
	for (unsigned i = 0; i < PEERS_SOCKETS; i++) {
		struct peers *s = &peers_state.sockets[i];
		if (s->socket || s->descriptors) continue;
		*s = (struct peers){.socket = socket, .publishes = publishes, .limits = *limits};
		break;
	}
	unlock();
}

void peers_bind_begin(void *socket, bool keyed) {
	binding = peers_of(socket);
	binding_keyed = keyed;
}
void peers_bind_end(void) { binding = NULL; }
struct peers *peers_binding(void) {
	return binding;
}

void peers_forget(void *socket) {
	struct peers *s = peers_of(socket);
	lock();
	if (s) s->socket = NULL;
	unlock();
}

/* ---- descriptors ------------------------------------------------------------------------ */

/* Under the lock. */
static void begin(struct peers *s, int fd, int kind, bool keyed) {
	struct peer *p = &peers_state.table[fd];
	int64_t now = peers_now_ms();
	/* what was given to the one before just as it left would else count for the socket for ever */
	if (p->of == s) (void)atomic_fetch_sub(&s->unread, atomic_load(&p->unread));
	p->of = s;
	p->begun_ms = now;
	p->shaking = kind == PEER_CONNECTION;
	p->late = 0;
	p->keyed = keyed;
	p->topics = 0;
	p->topic_bytes = 0;
	p->scan = (struct zmtp_scan){0};
	p->talks = false;
	p->pressed_ms = 0;
	p->held = false;
	p->condemned = 0;
	atomic_store(&p->floods, false);
	p->wanted = p->polled = (struct epoll_event){0};
	p->rest = 0;
	atomic_store(&p->cut, false);
	atomic_store(&p->heard_ms, now);
	atomic_store(&p->stuck_ms, 0);
	atomic_store(&p->unread, 0);
	atomic_store(&p->waiting, 0);
	atomic_store(&p->hidden, 0);
	atomic_store(&p->name, 0);
	atomic_store(&p->key, 0);
	s->descriptors++;
	s->connections += kind == PEER_CONNECTION;
	s->shaking += p->shaking;
	if (fd >= peers_state.top) peers_state.top = fd + 1;
	atomic_store_explicit(&p->kind, kind, memory_order_release);
}

void peer_listens(struct peers *s, int fd) {
	lock();
	if (fd < PEERS_FDS) begin(s, fd, PEER_LISTENER, binding_keyed);
	unlock();
}

/* The oldest of those in their handshake, or the one that was silent for longest. */
static struct peer *oldest(const struct peers *s, bool shaking) {
	struct peer *found = NULL;
	for (int fd = 0; fd < peers_state.top; fd++) {
		struct peer *p = &peers_state.table[fd];
		if (atomic_load(&p->kind) != PEER_CONNECTION || p->of != s || atomic_load(&p->cut)) continue;
		if (shaking && !p->shaking) continue;
		if (!found || (shaking ? p->begun_ms < found->begun_ms
				       : atomic_load(&p->heard_ms) < atomic_load(&found->heard_ms)))
			found = p;
	}
	return found;
}

/* Under the lock. */
static bool make_room(const struct peers *s) {
	if (s->shaking * 4 > s->limits.peers) cut(oldest(s, true), PEERS_HANDSHAKE);
	if (s->connections < s->limits.peers) return true;
	struct peer *quiet = s->publishes ? NULL : oldest(s, false); /* a subscriber has nothing to say */
	if (!quiet || peers_now_ms() - atomic_load(&quiet->heard_ms) < PEERS_QUIET_MS) return false;
	cut(quiet, PEERS_QUIET);
	return true;
}

bool peer_admit(const struct peer *listener, int fd) {
	struct peers *s = listener->of;
	lock();
	bool good = fd < PEERS_FDS && make_room(s);
	if (good)
		begin(s, fd, PEER_CONNECTION, listener->keyed);
	else
		note(PEERS_FULL, fd);
	unlock();
	return good;
}

bool peer_gone(int fd) {
	struct peer *p = fd >= 0 && fd < PEERS_FDS ? &peers_state.table[fd] : NULL;
	if (!p || atomic_load_explicit(&p->kind, memory_order_acquire) == PEER_NONE) return false;
	lock();
	struct peers *s = p->of;
	if (atomic_load(&p->kind) == PEER_CONNECTION) {
		if (!atomic_load(&p->cut)) {
			s->connections--;
			settle_handshake(p);
		}
		(void)atomic_fetch_sub(&s->unread, atomic_exchange(&p->unread, 0));
		if (!p->scan.hidden) {
			s->topics -= p->topics;
			s->topic_bytes -= p->topic_bytes;
		}
	}
	s->descriptors--;
	atomic_store_explicit(&p->kind, PEER_NONE, memory_order_release);
	unlock();
	return true;
}

/* ---- keys ------------------------------------------------------------------------------- */

void peers_note_key(zmq_msg_t *part, uint64_t key) {
	struct peer *p = peer_at(zmq_msg_get(part, ZMQ_SRCFD), PEER_CONNECTION);
	if (p && key) atomic_store_explicit(&p->key, key, memory_order_relaxed);
}

void peers_end_keyed(bool (*ends)(const void *ctx, uint64_t key), const void *ctx) {
	lock();
	for (int fd = 0; fd < peers_state.top; fd++) {
		struct peer *p = &peers_state.table[fd];
		if (atomic_load(&p->kind) != PEER_CONNECTION || !p->keyed || atomic_load(&p->cut)) continue;
		uint64_t key = atomic_load(&p->key);
		if (!key || ends(ctx, key)) cut(p, PEERS_KEY);
	}
	unlock();
}

/* ---- what comes ---------------------------------------------------------------------------- */

static uint64_t pack(uint32_t round, uint32_t frames) { return (uint64_t)round << 32 | frames; }

uint32_t peer_waiting(const struct peer *p) {
	const uint64_t now = atomic_load(&p->waiting);
	return now >> 32 == atomic_load(&p->of->round) ? (uint32_t)now : 0;
}

/* Adds to, or takes from, what waits of one peer; what is of an older round counts as nothing. Returns what waits then.
 */
static uint32_t change_waiting(struct peer *p, int64_t frames) {
	uint32_t round = atomic_load(&p->of->round);
	uint64_t was = atomic_load(&p->waiting);
	for (;;) {
		int64_t old = was >> 32 == round ? (int64_t)(uint32_t)was : 0, n = old + frames;
		if (n < 0) n = 0;
		if (!atomic_compare_exchange_weak(&p->waiting, &was, pack(round, (uint32_t)n))) continue;
		if (!old != !n) atomic_fetch_add(&p->of->active, n ? 1 : -1);
		return (uint32_t)n;
	}
}

/* libzmq takes about 1.5 us for each byte of a prefix to forget it again, on the thread that publishes: so it is a
 * rate, too. Under the lock. */
static bool too_fast(struct peers *s, int64_t bytes) {
	int64_t now = peers_now_ms(), leaked = (now - s->topics_ms) * PEERS_TOPIC_BYTES_PER_S / 1000;
	s->topics_ms = now;
	s->topics_lately = s->topics_lately > leaked ? s->topics_lately - leaked : 0;
	if (s->topics_lately + bytes > PEERS_TOPIC_BYTES_ALL) return true;
	s->topics_lately += bytes;
	return false;
}

/* What is refused never comes as far as libzmq, and so counts for nobody. */
static bool subscribes_too_much(struct peer *p, const struct zmtp_news *news) {
	struct peers *s = p->of;
	const int64_t bytes = (int64_t)news->topics;
	if (!news->subscriptions) return false;
	if (p->scan.hidden) return (p->topics += news->subscriptions) > PEERS_TOPICS_HIDDEN;
	if (p->topics + news->subscriptions > PEERS_TOPICS_EACH) return true;
	if (p->topic_bytes + bytes > PEERS_TOPIC_BYTES_EACH) return true;
	lock();
	bool many = s->topics + news->subscriptions > PEERS_TOPICS_ALL ||
		    s->topic_bytes + bytes > PEERS_TOPIC_BYTES_ALL || too_fast(s, bytes + news->subscriptions);
	if (!many) {
		s->topics += news->subscriptions;
		s->topic_bytes += bytes;
		p->topics += news->subscriptions;
		p->topic_bytes += bytes;
	}
	unlock();
	return many;
}

static bool floods(struct peer *p, const struct zmtp_news *news, size_t n) {
	struct peers *s = p->of;
	if (p->scan.hidden && atomic_fetch_add(&p->hidden, (int64_t)n) > PEERS_HIDDEN_MAX) return true;
	if (!news->frames) return false;
	uint32_t mine = change_waiting(p, news->frames);
	bool many = atomic_fetch_add(&s->waiting_frames, news->frames) > PEERS_WAITING_FRAMES;
	bool much = atomic_fetch_add(&s->waiting_bytes, (int64_t)news->bytes) > PEERS_WAITING_MAX;
	return (many && mine > PEERS_SHARE_MANY) || (much && mine > PEERS_SHARE_MUCH);
}

/* ZMTP 2 is for local listeners; and its identity must be the one that we gave. */
static bool speaks(struct peer *p, const uint8_t *bytes, size_t n, struct zmtp_news *ret_news) {
	if (!zmtp_scan(&p->scan, bytes, n, ret_news)) return false;
	return !p->scan.old || (!p->keyed && (!p->scan.ready || atomic_load(&p->name)));
}

bool peer_received(struct peer *p, const uint8_t *bytes, size_t n, bool filled) {
	const struct peers_limits *l = &p->of->limits;
	const int64_t now = peers_now_ms();
	const uint32_t waited = peer_waiting(p);
	struct zmtp_news news;
	atomic_store_explicit(&p->heard_ms, now, memory_order_relaxed);
	if (!speaks(p, bytes, n, &news)) return condemn(p, PEERS_FOREIGN);
	if (p->shaking && p->scan.ready) {
		lock();
		settle_handshake(p);
		unlock();
	}
	p->talks = p->talks || news.frames;
	if (news.widest > l->frames || news.longest > l->message) return condemn(p, PEERS_ENDLESS);
	if (p->of->publishes ? subscribes_too_much(p, &news) : floods(p, &news, n))
		return condemn(p, p->of->publishes ? PEERS_SUBSCRIBES : PEERS_FLOOD);
	if (!p->of->publishes) peer_presses(p, waited, filled, now);
	peers_sweep();
	return true;
}

int peers_took(struct peers *s, zmq_msg_t *identity, zmq_msg_t *part, unsigned frames, size_t bytes,
	       uint32_t *ret_waiting) {
	*ret_waiting = 0;
	if (!s) return -1;
	if (atomic_fetch_sub(&s->waiting_frames, frames) < frames) atomic_store(&s->waiting_frames, 0);
	if (atomic_fetch_sub(&s->waiting_bytes, (int64_t)bytes) < (int64_t)bytes) atomic_store(&s->waiting_bytes, 0);
	int fd = zmq_msg_get(part, ZMQ_SRCFD);
	if (fd < 0) fd = peer_identified(identity);
	struct peer *p = peer_at(fd, PEER_CONNECTION);
	if (!p || p->of != s) return -1; /* it has left, or speaks from within the process */
	atomic_store(&p->hidden, 0);
	*ret_waiting = change_waiting(p, -(int64_t)frames);
	return fd;
}

void peers_emptied(struct peers *s) {
	if (!s || atomic_load_explicit(&s->waiting_frames, memory_order_relaxed) == 0) return;
	atomic_store(&s->waiting_frames, 0);
	atomic_store(&s->waiting_bytes, 0);
	atomic_store(&s->active, 0);
	atomic_fetch_add(&s->round, 1);
}

uint64_t peers_waiting(const struct peers *s, uint64_t *ret_peers) {
	int64_t n = s ? atomic_load(&s->waiting_frames) : 0, active = s ? atomic_load(&s->active) : 0;
	*ret_peers = active > 0 ? (uint64_t)active : 0;
	return n > 0 ? (uint64_t)n : 0;
}

/* ---- the sweep ------------------------------------------------------------------------------- */

/* Under the lock. libzmq does not write where the kernel has no room, so it is the kernel that is asked. */
static unsigned list_connections(struct pollfd *list) {
	unsigned n = 0;
	for (int fd = 0; fd < peers_state.top; fd++) {
		const struct peer *p = &peers_state.table[fd];
		if (atomic_load(&p->kind) != PEER_CONNECTION || atomic_load(&p->cut)) continue;
		list[n++] = (struct pollfd){.fd = fd, .events = POLLOUT | (p->shaking ? POLLIN : 0)};
	}
	return n;
}

/* Under the lock. Where something of it lies unread it is we who stood still, and that may have been all that was
 * missing: its first request may be there as well, and would be lost. As many sweeps as the handshake's time has are
 * left to read it. */
static bool shakes_too_long(struct peer *p, bool unread, int64_t now) {
	if (!p->shaking || now - p->begun_ms <= PEERS_SHAKE_MS) return false;
	return !unread || ++p->late > PEERS_SHAKE_MS / SWEEP_MS;
}

/* Under the lock. */
static void cut_late(int64_t now) {
	unsigned behind[PEERS_SOCKETS] = {0};
	unsigned n = list_connections(peers_state.polled);
	if (poll(peers_state.polled, n, 0) < 0) return;
	for (unsigned i = 0; i < n; i++) {
		struct peer *p = &peers_state.table[peers_state.polled[i].fd];
		int revents = peers_state.polled[i].revents, takes = revents & ~POLLIN;
		if (shakes_too_long(p, revents & POLLIN, now)) {
			cut(p, PEERS_HANDSHAKE);
			continue;
		}
		int64_t since = atomic_load(&p->stuck_ms);
		if (takes || !since) { /* it takes some, or gave way just now */
			atomic_store(&p->stuck_ms, takes ? 0 : now);
			continue;
		}
		unsigned *others = &behind[p->of - peers_state.sockets];
		if (p->of->publishes && now - since > PEERS_BEHIND_MS) ++*others;
		if (now - since > PEERS_STUCK_MS || *others > p->of->limits.behind) cut(p, PEERS_DEAF);
	}
}

void peers_sweep(void) {
	int64_t now = peers_now_ms(), last = atomic_load_explicit(&peers_state.swept_ms, memory_order_relaxed);
	if (now - last < SWEEP_MS || !atomic_compare_exchange_strong(&peers_state.swept_ms, &last, now)) return;
	lock();
	cut_late(now);
	unlock();
}
