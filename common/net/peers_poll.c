/* What libzmq waits for, told to the kernel only when it matters.
 *
 * For each reply that libzmq 4.3 sends to a peer that had none waiting, it has the kernel watch for room, sends, is
 * told at once that there is room, finds that it has nothing more to send, and has the kernel stop: two system calls
 * and a wake-up for nothing (stream_engine_base.cpp, restart_output and out_event). The send itself shows whether room
 * is worth waiting for: when all was taken, and that was less than libzmq gathers at a time, it had no more, and comes
 * back by itself with the next message. So "and for room, too" is not handed on, and done after a send that left
 * something. libzmq believes meanwhile that it waits for room, and spares itself the question the next time.
 *
 * During the handshake the engine relies on being told, so this begins with the first whole message of a peer. From
 * then on libzmq asks for room immediately before it sends, and nowhere else. All of it is on the connection's I/O
 * thread. */
#include "net/peers_private.h"

#include <sys/syscall.h>
#include <unistd.h>

bool peer_waits(struct peer *p, int epoll, const struct epoll_event *wanted) {
	/* it had room and found nothing more; or gave up after an error, and then there is a rest */
	if ((p->wanted.events & ~wanted->events & EPOLLOUT) && p->rest == 0) peer_sent_all(p);
	const uint32_t events = peer_told(p, wanted->events);
	bool same = p->epoll == epoll && p->polled.data.u64 == wanted->data.u64;
	bool for_room = p->talks && events == (p->polled.events | EPOLLOUT);
	if (!same || (events != p->polled.events && !for_room)) return false;
	p->wanted = *wanted;
	return true;
}

void peer_waited(struct peer *p, int epoll, const struct epoll_event *wanted, uint32_t told) {
	p->epoll = epoll;
	p->wanted = p->polled = *wanted;
	p->polled.events = told;
}

void peer_waits_for_room(struct peer *p) {
	struct epoll_event e = p->wanted;
	e.events = peer_told(p, e.events);
	if (e.events == p->polled.events) return;
	/* it cannot fail for what is watched already; if it did, the peer would be found not to read */
	if (syscall(SYS_epoll_ctl, p->epoll, EPOLL_CTL_MOD, (int)(p - peers_state.table), &e) == 0) p->polled = e;
}
