/* The seven calls of libzmq that net/peers.h is about. They do what the C library's do, by system call: a sanitizer's
 * or another library's definition of them is not to be looked for at a moment when nothing is set up yet. */
#include "net/peers_private.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EXPORTED __attribute__((visibility("default")))

/* Named so for the linker alone: the headers declare some of them as inline functions, or with a union in an address's
 * place. */
EXPORTED int listen_at(int fd, int backlog) __asm__("listen");
EXPORTED int take_connection(int fd, struct sockaddr *address, socklen_t *length, int flags) __asm__("accept4");
EXPORTED ssize_t take_bytes(int fd, void *bytes, size_t n, int flags) __asm__("recv");
EXPORTED ssize_t give_bytes(int fd, const void *bytes, size_t n, int flags) __asm__("send");
EXPORTED int end_descriptor(int fd) __asm__("close");
EXPORTED int wait_for_events(int epoll, int what, int fd, struct epoll_event *wanted) __asm__("epoll_ctl");
EXPORTED int wait_here(int epoll, struct epoll_event *events, int most, int wait_ms) __asm__("epoll_wait");

/* What does them in the end. ThreadSanitizer follows each descriptor from its first call to its last, and reports races
 * about those whose opening or closing it did not see; of libzmq's bytes it is to know nothing (tests/tsan.supp). */
#ifdef __SANITIZE_THREAD__
int really_listen(int fd, int backlog) __asm__("__interceptor_listen");
int really_accept(int fd, struct sockaddr *address, socklen_t *length, int flags) __asm__("__interceptor_accept4");
int really_close(int fd) __asm__("__interceptor_close");
int really_epoll_ctl(int epoll, int what, int fd, struct epoll_event *wanted) __asm__("__interceptor_epoll_ctl");
#else
static int really_listen(int fd, int backlog) { return (int)syscall(SYS_listen, fd, backlog); }
static int really_accept(int fd, struct sockaddr *address, socklen_t *length, int flags) {
	return (int)syscall(SYS_accept4, fd, address, length, flags);
}
static int really_close(int fd) { return (int)syscall(SYS_close, fd); }
static int really_epoll_ctl(int epoll, int what, int fd, struct epoll_event *wanted) {
	return (int)syscall(SYS_epoll_ctl, epoll, what, fd, wanted);
}
#endif

/* It stands here so that whoever watches sockets is linked with these calls: where a sanitizer's library comes first
 * and has all of them, none of them would make the linker look into this file. */
bool peers_keep_spare(void) {
	struct peers_state *s = &peers_state;
	int none = -1;
	if (atomic_load_explicit(&s->spare, memory_order_relaxed) >= 0) return true;
	int null = atomic_load(&s->null);
	if (null < 0) return true;
	int spare = fcntl(null, F_DUPFD_CLOEXEC, 0);
	if (spare >= 0 && !atomic_compare_exchange_strong(&s->spare, &none, spare)) (void)really_close(spare);
	return spare >= 0;
}

/* The connection's number becomes the spare one in one step, since other threads want one as well. */
static void turn_into_spare(int fd) {
	struct peers_state *s = &peers_state;
	peers_note(PEERS_FULL, fd);
	const bool kept = dup3(atomic_load(&s->null), fd, O_CLOEXEC) == fd;
	const int other = kept ? atomic_exchange(&s->spare, fd) : fd;
	if (other >= 0) (void)really_close(other);
}

/* No file number is free. Who waits would make libzmq spin, or, over ipc, abort: so the spare one is used to turn one
 * away. Did another thread take what we had let go, peers_keep_spare gets another as soon as there is one. */
static void turn_away(int listener) {
	const int spare = atomic_exchange(&peers_state.spare, -1);
	if (spare >= 0) (void)really_close(spare);
	const int fd = really_accept(listener, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0)
		turn_into_spare(fd);
	else
		(void)peers_keep_spare();
}

int listen_at(int fd, int backlog) {
	int rc = really_listen(fd, backlog);
	if (rc == 0 && peers_binding()) peer_listens(peers_binding(), fd);
	return rc;
}

int take_connection(int fd, struct sockaddr *address, socklen_t *length, int flags) {
	const struct peer *listener = peer_at(fd, PEER_LISTENER);
	int got = really_accept(fd, address, length, flags);
	if (!listener) return got;
	if (got < 0) {
		if (errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM) return got;
		turn_away(fd);
	} else if (!peers_keep_spare()) {
		turn_into_spare(got); /* the last number: none would be left to turn the next one away */
	} else {
		if (peer_admit(listener, got)) return got;
		(void)really_close(got);
	}
	errno = ECONNABORTED; /* what libzmq takes as a connection that has left again */
	return -1;
}

ssize_t take_bytes(int fd, void *bytes, size_t n, int flags) {
	struct peer *p = peer_at(fd, PEER_CONNECTION);
	if (p && p->condemned) {
		(void)peer_cut_condemned(p);
		errno = ECONNRESET;
		return -1;
	}
	if (p && !flags && zmtp_identity_left(&p->scan)) return peer_take_identity(p, fd, bytes, n);
	ssize_t got = syscall(SYS_recvfrom, fd, bytes, n, flags, NULL, NULL);
	if (!p || got <= 0 || flags || peer_received(p, bytes, (size_t)got, (size_t)got == n)) return got;
	errno = p->condemned ? EAGAIN : ECONNRESET;
	return -1;
}

ssize_t give_bytes(int fd, const void *bytes, size_t n, int flags) {
	ssize_t sent = syscall(SYS_sendto, fd, bytes, n, flags, NULL, 0);
	struct peer *p = peer_at(fd, PEER_CONNECTION);
	if (!p) return sent;
	int code = errno;
	if (!peer_sent(p, sent, n)) peer_waits_for_room(p);
	errno = code;
	return sent;
}

int end_descriptor(int fd) {
	const bool watched = peer_gone(fd);
	if (!watched) peers_hold_ends(fd);
	const int rc = really_close(fd);
	const int code = errno;
	if (watched) (void)peers_keep_spare();
	errno = code;
	return rc;
}

int wait_for_events(int epoll, int what, int fd, struct epoll_event *wanted) {
	struct peer *p = what == EPOLL_CTL_DEL ? NULL : peer_at(fd, PEER_CONNECTION);
	if (p && what == EPOLL_CTL_MOD && peer_waits(p, epoll, wanted)) return 0;
	struct epoll_event told = p ? *wanted : (struct epoll_event){0};
	if (p) told.events = peer_told(p, told.events);
	int rc = really_epoll_ctl(epoll, what, fd, p ? &told : wanted);
	if (p && rc == 0) peer_waited(p, epoll, wanted, told.events);
	return rc;
}

int wait_here(int epoll, struct epoll_event *events, int most, int wait_ms) {
	return (int)syscall(SYS_epoll_pwait, epoll, events, most, peers_hold_ms(epoll, wait_ms), NULL, 0);
}
