/* Peers with ZMTP 2. libzmq tells the descriptor of a message's connection as a property of the handshake's metadata,
 * which ZMTP 2 does not have. What such a peer has is an identity, which comes with each of its messages: so it gets
 * one that names its descriptor, and that nobody else can know. */
#include "net/peers_private.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MARK 1 /* identities that libzmq makes begin with 0 */

static void write_frame(const struct peer *p, int fd, uint8_t *bytes) {
	const uint64_t name = atomic_load(&p->name);
	const int32_t number = fd;
	bytes[0] = 0;
	bytes[1] = PEER_NAME_SIZE;
	bytes[2] = MARK;
	memcpy(bytes + 3, &number, sizeof number);
	memcpy(bytes + 7, &name, sizeof name);
}

static ssize_t fail(int code) {
	errno = code;
	return -1;
}

/* A socket that is being closed has nobody to give an identity to, and libzmq 4.3.4 aborts when one comes then
 * (zmtp_engine_t::process_routing_id_msg). peers_forget comes before the close, and this is the thread that would learn
 * of it later. */
static bool is_open(const struct peers *s) {
	(void)pthread_mutex_lock(&peers_state.lock);
	bool open = s->socket != NULL;
	(void)pthread_mutex_unlock(&peers_state.lock);
	return open;
}

ssize_t peer_take_identity(struct peer *p, int fd, uint8_t *bytes, size_t n) {
	uint64_t name = atomic_load(&p->name);
	if (n < PEER_IDENTITY_SIZE || !is_open(p->of)) return fail(ECONNRESET);
	if (!name && getrandom(&name, sizeof name, GRND_NONBLOCK) != sizeof name) return fail(ECONNRESET);
	atomic_store(&p->name, name);
	for (size_t left; (left = zmtp_identity_left(&p->scan)) > 0;) {
		ssize_t got = syscall(SYS_recvfrom, fd, bytes, left < n ? left : n, 0, NULL, NULL);
		if (got <= 0) return got;
		if (!peer_received(p, bytes, (size_t)got, false)) return fail(p->condemned ? EAGAIN : ECONNRESET);
	}
	write_frame(p, fd, bytes);
	return PEER_IDENTITY_SIZE;
}

int peer_identified(zmq_msg_t *identity) {
	const uint8_t *bytes = zmq_msg_data(identity);
	int32_t fd;
	uint64_t name;
	if (zmq_msg_size(identity) != PEER_NAME_SIZE || bytes[0] != MARK) return -1;
	memcpy(&fd, bytes + 1, sizeof fd);
	memcpy(&name, bytes + 5, sizeof name);
	const struct peer *p = peer_at(fd, PEER_CONNECTION);
	return p && name && atomic_load(&p->name) == name ? fd : -1;
}
