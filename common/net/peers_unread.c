/* What goes to a peer, and what of it the peer has not read. */
#include "net/peers_private.h"

static struct peer *peer_of(const struct peers *s, int peer) {
	struct peer *p = s ? peer_at(peer, PEER_CONNECTION) : NULL;
	return p && p->of == s ? p : NULL;
}

bool peers_has_room(const struct peers *s, int peer, size_t bytes) {
	const struct peer *p = peer_of(s, peer);
	const int64_t n = (int64_t)bytes;
	int64_t unread = p ? atomic_load(&p->unread) : 0;
	if (unread <= 0) return true;
	int64_t stuck = atomic_load(&p->stuck_ms);
	if (stuck && peers_now_ms() - stuck > PEERS_BEHIND_MS) return false;
	return unread + n <= s->limits.unread && atomic_load(&s->unread) + n <= PEERS_UNREAD_MAX;
}

bool peers_may_send(struct peers *s, int peer, size_t bytes) {
	struct peer *p = peer_of(s, peer);
	if (!p) return true;
	if (!peers_has_room(s, peer, bytes)) return false;
	atomic_fetch_add(&p->unread, (int64_t)bytes);
	atomic_fetch_add(&s->unread, (int64_t)bytes);
	return true;
}

static void take_unread(struct peer *p, int64_t most) {
	if (atomic_load_explicit(&p->unread, memory_order_relaxed) <= 0) return;
	const int64_t was = atomic_load(&p->unread), off = most < was ? most : was;
	if (off <= 0) return;
	atomic_fetch_sub(&p->unread, off);
	atomic_fetch_sub(&p->of->unread, off);
}

/* What was counted and what the kernel took differ by headers and heartbeats, and a peer's messages may be dropped: so
 * when nothing is left, nothing is unread. */
void peer_sent_all(struct peer *p) { take_unread(p, INT64_MAX); }

bool peer_sent(struct peer *p, int64_t sent, size_t asked) {
	const bool begins = p->rest == 0;
	p->rest = sent < 0 ? asked : asked - (size_t)sent;
	const bool drained = begins && p->rest == 0 && asked < PEERS_DRAINED;
	take_unread(p, drained ? INT64_MAX : sent);
	peers_sweep();
	return drained;
}
