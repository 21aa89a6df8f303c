/* Clients over TCP connections of their own, for Redis' protocol and for ZMTP 3.1 (https://rfc.zeromq.org/spec/37) with
 * the mechanism NULL. Both are as cheap as a client can be, so that the servers are compared. */
#include "check_load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define GREETING_SIZE 64
#define ZMTP_MORE 1
#define ZMTP_LONG 2
#define ZMTP_COMMAND 4

struct raw {
	int fd;
	size_t in_len;
	uint8_t in[2 * TG01_MESSAGE_MAX];
};

static bool send_all(const struct raw *r, const void *out, size_t len) {
	return send(r->fd, out, len, MSG_NOSIGNAL) == (ssize_t)len;
}

/* ---- Redis ------------------------------------------------------------------------ */

static bool redis_ask(struct load *l, struct raw *r, int i) {
	static char out[TG01_BATCH_MAX * 96];
	unsigned n = l->batch ? l->batch : 1;
	size_t len = (size_t)snprintf(out, sizeof out, "*%u\r\n$%d\r\n%s\r\n", n + 1, l->batch ? 4 : 3,
				      l->batch ? "MGET" : "GET");
	for (unsigned k = 0; k < n; k++) {
		char name[64];
		int name_len = snprintf(name, sizeof name, "user_%s%" PRIu64, l->salt, next_subject(l));
		len += (size_t)snprintf(out + len, sizeof out - len, "$%d\r\n%s\r\n", name_len, name);
	}
	l->sent_ns[i] = now_ns();
	return send_all(r, out, len);
}

/* Bytes of one bulk string at `at`, or 0 when it is not all there; a missing key is an error. */
static size_t bulk_len(struct load *l, const struct raw *r, size_t at) {
	const uint8_t *end = memchr(r->in + at, '\n', r->in_len - at);
	if (!end) return 0;
	long n = strtol((const char *)r->in + at + 1, NULL, 10);
	size_t head = (size_t)(end - (r->in + at)) + 1;
	if (n < 0) {
		l->errors++;
		return head;
	}
	return r->in_len - at >= head + (size_t)n + 2 ? head + (size_t)n + 2 : 0;
}

static bool redis_take(struct load *l, struct raw *r, int i) {
	size_t at = 0;
	unsigned n = 1;
	if (l->batch) {
		const uint8_t *end = memchr(r->in, '\n', r->in_len);
		if (!end) return false;
		at = (size_t)(end - r->in) + 1;
		n = l->batch;
	}
	for (unsigned k = 0; k < n; k++) {
		size_t len = at < r->in_len ? bulk_len(l, r, at) : 0;
		if (len == 0) return false;
		at += len;
	}
	l->reply_bytes = r->in_len;
	finish(l, i, true);
	return true;
}

/* ---- ZMTP ------------------------------------------------------------------------- */

/* One frame at `at`: where it ends, or 0 when it is not all there. */
static size_t frame_end(const struct raw *r, size_t at, uint8_t *ret_flags, struct view *ret_body) {
	uint64_t len = 0;
	if (r->in_len - at < 2) return 0;
	uint8_t flags = r->in[at++];
	unsigned digits = flags & ZMTP_LONG ? 8 : 1;
	if (r->in_len - at < digits) return 0;
	for (unsigned i = 0; i < digits; i++) len = len << 8 | r->in[at++];
	if (len > r->in_len - at) return 0;
	*ret_flags = flags;
	*ret_body = view_of(r->in + at, (size_t)len);
	return at + (size_t)len;
}

/* Reads until a frame is there, and leaves what follows it. */
static bool await_frame(struct raw *r, size_t skip) {
	uint8_t flags;
	struct view body;
	for (;;) {
		size_t end = r->in_len >= skip ? frame_end(r, skip, &flags, &body) : 0;
		if (end) {
			r->in_len -= end;
			memmove(r->in, r->in + end, r->in_len);
			return flags & ZMTP_COMMAND && body.len > 5 && memcmp(body.ptr, "\5READY", 6) == 0;
		}
		ssize_t got = recv(r->fd, r->in + r->in_len, sizeof r->in - r->in_len, 0);
		if (got <= 0) return false;
		r->in_len += (size_t)got;
	}
}

static bool zmtp_greet(struct raw *r) {
	static const char ready[] = "\4\x19"
				    "\5READY"
				    "\xbSocket-Type\0\0\0\3REQ";
	uint8_t greeting[GREETING_SIZE] = {0xff, [9] = 0x7f, [10] = 3, [11] = 1, [12] = 'N', 'U', 'L', 'L'};
	_Static_assert(sizeof ready - 1 == 2 + 0x19, "the length stands in the second byte");
	return send_all(r, greeting, sizeof greeting) && send_all(r, ready, sizeof ready - 1) &&
	       await_frame(r, GREETING_SIZE);
}

static bool zmtp_ask(struct load *l, struct raw *r, int i) {
	static uint8_t out[TG01_MESSAGE_MAX + 32];
	static const char head[] = "\1\0\1\4TG01"; /* the empty frame of a REQ, and the version */
	struct view v = next_request(l);
	struct writer w = writer_of(out, sizeof out);
	write_bytes(&w, view_of(head, sizeof head - 1));
	if (v.len < 256) {
		write_u8(&w, 0);
		write_u8(&w, (uint8_t)v.len);
	} else {
		write_u8(&w, ZMTP_LONG);
		write_be64(&w, v.len);
	}
	write_bytes(&w, v);
	l->sent_ns[i] = now_ns();
	return send_all(r, out, writer_view(&w).len);
}

static bool zmtp_take(struct load *l, struct raw *r, int i) {
	uint8_t flags = ZMTP_MORE;
	struct view body;
	size_t at = 0;
	while (flags & ZMTP_MORE) {
		at = frame_end(r, at, &flags, &body);
		if (at == 0) return false;
	}
	took_reply(l, i, body);
	return true;
}

/* ---- both ------------------------------------------------------------------------- */

static bool connect_to(struct raw *r, const char *at) {
	const char *port = strrchr(at, ':');
	int one = 1;
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_port = htons((uint16_t)strtoul(port ? port + 1 : at, NULL, 10)),
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	r->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (r->fd < 0 || connect(r->fd, (void *)&a, sizeof a) != 0) return false;
	return setsockopt(r->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) == 0;
}

/* Reads what came for client i, and asks again when that was the whole answer. */
static bool go_on(struct load *l, bool redis, struct raw *r, int i) {
	ssize_t got = recv(r->fd, r->in + r->in_len, sizeof r->in - r->in_len, 0);
	if (got <= 0) return false;
	r->in_len += (size_t)got;
	if (!(redis ? redis_take(l, r, i) : zmtp_take(l, r, i))) return true;
	r->in_len = 0;
	return redis ? redis_ask(l, r, i) : zmtp_ask(l, r, i);
}

int run_raw(struct load *l, bool redis, const char *at, int clients, double seconds) {
	struct raw *all = calloc((size_t)clients, sizeof *all);
	struct epoll_event events[64];
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	for (int i = 0; all && i < clients; i++) {
		if (!connect_to(&all[i], at) || (!redis && !zmtp_greet(&all[i]))) return 1;
		struct epoll_event e = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
		epoll_ctl(epoll, EPOLL_CTL_ADD, all[i].fd, &e);
	}
	int64_t start = now_ns(), end = start + (int64_t)(seconds * 1e9);
	for (int i = 0; all && i < clients; i++)
		if (!(redis ? redis_ask(l, &all[i], i) : zmtp_ask(l, &all[i], i))) return 1;
	while (all && now_ns() < end) {
		int n = epoll_wait(epoll, events, 64, 5000);
		if (n <= 0 && errno != EINTR) return 1;
		for (int k = 0; k < n; k++)
			if (!go_on(l, redis, &all[events[k].data.u32], (int)events[k].data.u32)) return 1;
	}
	return report(l, start);
}
