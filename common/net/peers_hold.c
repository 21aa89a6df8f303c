/* Who is not read for a while, so that TCP holds it back.
 *
 * What libzmq has read is paid for already: it costs as much to refuse it as to serve it. So who floods others' server
 * is read a piece at a time, and stays blocked in between; and who is to be cut for what it sent stays as long before
 * it is, since else it would be back at once.
 *
 * The kernel is told not to watch for its bytes, and told again when the time is over: on the connection's I/O thread,
 * which asks before each wait. A connection that breaks is noticed all the same. All are held equally long, so
 * whoever was first is first. What is held belongs to one epoll at a time, so to one thread: another thread (a
 * process has one context, but tests have more) holds nobody meanwhile. */
#include "net/peers_private.h"

#include <sys/syscall.h>
#include <unistd.h>

static int fd_of(const struct peer *p) { return (int)(p - peers_state.table); }

uint32_t peer_told(const struct peer *p, uint32_t events) { return p->held ? events & ~(uint32_t)EPOLLIN : events; }

/* Tells the kernel what has changed; the question for room stays spared (peers_poll.c). */
static bool tell(struct peer *p) {
	struct epoll_event e = p->wanted;
	e.events = peer_told(p, e.events) & (p->polled.events | ~(uint32_t)EPOLLOUT);
	if (e.events == p->polled.events) return true;
	if (syscall(SYS_epoll_ctl, p->epoll, EPOLL_CTL_MOD, fd_of(p), &e) != 0) return false;
	p->polled = e;
	return true;
}

static void push(struct peers_holds *h, int fd, int64_t until_ms) {
	h->at[(h->first + h->count++) % PEERS_HELD] = (struct peers_hold){fd, until_ms};
}

bool peer_hold(struct peer *p) {
	struct peers_holds *h = &peers_state.holds;
	int owner = 0;
	if (p->held) return true;
	if (!atomic_compare_exchange_strong(&h->epoll, &owner, p->epoll) && owner != p->epoll) return false;
	if (h->count == PEERS_HELD) return false;
	p->held = true;
	if (tell(p))
		push(h, fd_of(p), peers_now_ms() + PEERS_HOLD_MS);
	else
		p->held = false;
	return p->held;
}

/* Written by the I/O thread alone. */
static void note_asked(struct peers *s, int fd, int64_t now) {
	if (atomic_load_explicit(&s->asked, memory_order_relaxed) != fd) {
		atomic_store_explicit(&s->before_ms, atomic_load_explicit(&s->asked_ms, memory_order_relaxed),
				      memory_order_relaxed);
		atomic_store_explicit(&s->asked, fd, memory_order_relaxed);
	}
	atomic_store_explicit(&s->asked_ms, now, memory_order_relaxed);
}

static bool others_ask(const struct peer *p, int64_t now) {
	const struct peers *s = p->of;
	const bool mine = atomic_load_explicit(&s->asked, memory_order_relaxed) == fd_of(p);
	return now - atomic_load_explicit(mine ? &s->before_ms : &s->asked_ms, memory_order_relaxed) < PEERS_OTHERS_MS;
}

static void let_go(struct peers_holds *h, struct peers_hold was, int64_t now) {
	struct peer *p = peer_at(was.fd, PEER_CONNECTION);
	if (!p || !p->held || p->epoll != atomic_load(&h->epoll)) return; /* the number is another's by now */
	if (!p->condemned && peer_waiting(p) && others_ask(p, now)) {
		push(h, was.fd, now + PEERS_HOLD_MS); /* what was read of it last is still there */
		return;
	}
	p->held = false;
	if (p->condemned) (void)peer_cut_condemned(p);
	(void)tell(p);
}

int peers_hold_ms(int epoll, int wait_ms) {
	struct peers_holds *h = &peers_state.holds;
	if (atomic_load_explicit(&h->epoll, memory_order_acquire) != epoll || epoll <= 0) return wait_ms;
	const int64_t now = peers_now_ms();
	while (h->count && h->at[h->first].until_ms <= now) {
		const struct peers_hold due = h->at[h->first];
		h->first = (h->first + 1) % PEERS_HELD;
		h->count--;
		let_go(h, due, now);
	}
	if (!h->count) {
		atomic_store_explicit(&h->epoll, 0, memory_order_release);
		return wait_ms;
	}
	const int left = (int)(h->at[h->first].until_ms - now);
	return wait_ms < 0 || left < wait_ms ? left : wait_ms;
}

void peers_hold_ends(int epoll) {
	struct peers_holds *h = &peers_state.holds;
	if (epoll <= 0 || atomic_load(&h->epoll) != epoll) return;
	h->count = 0;
	atomic_store(&h->epoll, 0);
}

void peer_presses(struct peer *p, uint32_t waited, bool filled, int64_t now) {
	bool floods = atomic_load_explicit(&p->floods, memory_order_relaxed);
	if (waited > PEERS_SHARE_BURST) {
		if (!p->pressed_ms) p->pressed_ms = now;
		floods = floods || now - p->pressed_ms > PEERS_PRESS_MS;
	} else {
		p->pressed_ms = 0;
		floods = floods && filled;
	}
	atomic_store_explicit(&p->floods, floods, memory_order_relaxed);
	if (floods && others_ask(p, now)) (void)peer_hold(p);
	if (p->talks && !floods && !p->pressed_ms) note_asked(p->of, fd_of(p), now);
}

bool peers_floods(const struct peers *s, int peer) {
	const struct peer *p = s ? peer_at(peer, PEER_CONNECTION) : NULL;
	if (!p || p->of != s || !atomic_load_explicit(&p->floods, memory_order_relaxed)) return false;
	return others_ask(p, peers_now_ms());
}
