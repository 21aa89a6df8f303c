/* Tier checks by many REQ clients, or GETs by as many Redis connections, one request under way on each.
 *
 *   bench_check_load zmq   ENDPOINT CLIENTS SECONDS SUBJECTS BATCH SALT    BATCH 0: single checks
 *   bench_check_load redis PORT     CLIENTS SECONDS SUBJECTS BATCH SALT
 *
 * Subjects are user_<SALT><n>, n below SUBJECTS, in a fixed pseudo-random order. Both kinds of client are one thread
 * with its sockets in one poll. Prints one JSON object. */
#include "proto/tg01.h"
#include "samples.h"
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zmq.h>

#define CLIENTS_MAX 512

struct load {
	const char *salt;
	uint64_t subjects, random, denied, errors, checks;
	unsigned batch;
	size_t reply_bytes;
	struct samples samples;
	int64_t sent_ns[CLIENTS_MAX];
};

static uint64_t next_subject(struct load *l) {
	l->random ^= l->random << 13;
	l->random ^= l->random >> 7;
	l->random ^= l->random << 17;
	return l->random % l->subjects;
}

static void finish(struct load *l, int i, bool ok) {
	samples_add(&l->samples, now_ns() - l->sent_ns[i]);
	l->checks += l->batch ? l->batch : 1;
	if (!ok) l->errors++;
}

static void report(struct load *l, int64_t start) {
	double took = (double)(now_ns() - start) / 1e9;
	printf("{\"requests_per_s\": %.0f, \"checks_per_s\": %.0f, \"p50_us\": %.1f, \"p99_us\": %.1f, \"errors\": "
	       "%" PRIu64 ", \"denied\": %" PRIu64 ", \"reply_bytes\": %zu}\n",
	       (double)l->samples.count / took, (double)l->checks / took, samples_percentile(&l->samples, 0.5),
	       samples_percentile(&l->samples, 0.99), l->errors, l->denied, l->reply_bytes);
}

/* ---- ZeroMQ ----------------------------------------------------------------------- */

static void ask(struct load *l, void *socket, int i) {
	static uint8_t bytes[TG01_MESSAGE_MAX];
	static char names[TG01_BATCH_MAX][64];
	static struct tg01_question questions[TG01_BATCH_MAX];
	struct writer w = writer_of(bytes, sizeof bytes);
	struct tg01_request r = {.op = l->batch ? TG01_BATCH : TG01_CHECK,
				 .id = {TG01_ID_NUMBER, l->samples.count, VIEW_NONE}};
	unsigned n = l->batch ? l->batch : 1;

	for (unsigned k = 0; k < n; k++) {
		int len = snprintf(names[k], sizeof names[k], "user_%s%" PRIu64, l->salt, next_subject(l));
		questions[k] = (struct tg01_question){.sub = view_of(names[k], (size_t)len), .tier = VIEW("pro")};
	}
	r.ask = questions[0];
	r.checks = questions;
	r.check_count = n;
	tg01_request_write(&w, &r);
	struct view v = writer_view(&w);
	l->sent_ns[i] = now_ns();
	zmq_send(socket, "TG01", 4, ZMQ_SNDMORE);
	zmq_send(socket, v.ptr, v.len, 0);
}

/* Looks for `"err"` rather than decoding: the client's cost is not what is measured. */
static void take(struct load *l, void *socket, int i) {
	zmq_msg_t m;
	bool ok = true;
	int more = 1;
	for (int frame = 0; more; frame++) {
		zmq_msg_init(&m);
		if (zmq_msg_recv(&m, socket, 0) < 0) exit(1);
		more = zmq_msg_more(&m);
		if (frame == 1) {
			l->reply_bytes = zmq_msg_size(&m);
			if (memmem(zmq_msg_data(&m), l->reply_bytes,
				   "\xa3"
				   "err\x83",
				   5))
				ok = false;
			if (memmem(zmq_msg_data(&m), l->reply_bytes, "allowed\xc2", 8)) l->denied++;
		}
		zmq_msg_close(&m);
	}
	finish(l, i, ok);
}

static int run_zmq(struct load *l, const char *endpoint, int clients, double seconds) {
	zmq_pollitem_t items[CLIENTS_MAX];
	void *context = zmq_ctx_new();
	for (int i = 0; i < clients; i++) {
		items[i] = (zmq_pollitem_t){.socket = zmq_socket(context, ZMQ_REQ), .events = ZMQ_POLLIN};
		if (zmq_connect(items[i].socket, endpoint) != 0) return 1;
	}
	int64_t start = now_ns(), end = start + (int64_t)(seconds * 1e9);
	for (int i = 0; i < clients; i++) ask(l, items[i].socket, i);
	while (now_ns() < end) {
		if (zmq_poll(items, clients, 5000) <= 0) {
			fprintf(stderr, "no answer in 5 s\n");
			return 1;
		}
		for (int i = 0; i < clients; i++) {
			if (!(items[i].revents & ZMQ_POLLIN)) continue;
			take(l, items[i].socket, i);
			ask(l, items[i].socket, i);
		}
	}
	report(l, start);
	return l->errors ? 1 : 0;
}

/* ---- Redis ------------------------------------------------------------------------ */

struct redis {
	int fd;
	size_t in_len;
	char in[TG01_MESSAGE_MAX];
};

static void redis_ask(struct load *l, struct redis *r, int i) {
	static char out[TG01_BATCH_MAX * 96];
	unsigned n = l->batch ? l->batch : 1;
	size_t len = (size_t)snprintf(out, sizeof out, "*%u\r\n$%d\r\n%s\r\n", n + 1, l->batch ? 4 : 3,
				      l->batch ? "MGET" : "GET");
	for (unsigned k = 0; k < n; k++) {
		char name[64];
		int name_len = snprintf(name, sizeof name, "user_%s%" PRIu64, l->salt, next_subject(l));
		len += (size_t)snprintf(out + len, sizeof out - len, "$%d\r\n%s\r\n", name_len, name);
	}
	r->in_len = 0;
	l->sent_ns[i] = now_ns();
	if (send(r->fd, out, len, MSG_NOSIGNAL) != (ssize_t)len) exit(1);
}

/* Bytes of one bulk string at `at`, or 0 when it is not all there; a missing key is an error. */
static size_t bulk_len(struct load *l, const struct redis *r, size_t at) {
	const char *end = memchr(r->in + at, '\n', r->in_len - at);
	if (!end) return 0;
	long n = strtol(r->in + at + 1, NULL, 10);
	size_t head = (size_t)(end - (r->in + at)) + 1;
	if (n < 0) {
		l->errors++;
		return head;
	}
	return r->in_len - at >= head + (size_t)n + 2 ? head + (size_t)n + 2 : 0;
}

static bool redis_whole(struct load *l, const struct redis *r) {
	size_t at = 0;
	unsigned n = 1;
	if (l->batch) {
		const char *end = memchr(r->in, '\n', r->in_len);
		if (!end) return false;
		at = (size_t)(end - r->in) + 1;
		n = l->batch;
	}
	for (unsigned k = 0; k < n; k++) {
		size_t len = at < r->in_len ? bulk_len(l, r, at) : 0;
		if (len == 0) return false;
		at += len;
	}
	return true;
}

static int run_redis(struct load *l, const char *port, int clients, double seconds) {
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_port = htons((uint16_t)strtoul(port, NULL, 10)),
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct redis *all = calloc((size_t)clients, sizeof *all);
	struct epoll_event events[64];
	int epoll = epoll_create1(0), one = 1;
	for (int i = 0; i < clients; i++) {
		all[i].fd = socket(AF_INET, SOCK_STREAM, 0);
		if (connect(all[i].fd, (void *)&a, sizeof a) != 0) return 1;
		setsockopt(all[i].fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		struct epoll_event e = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
		epoll_ctl(epoll, EPOLL_CTL_ADD, all[i].fd, &e);
	}
	int64_t start = now_ns(), end = start + (int64_t)(seconds * 1e9);
	for (int i = 0; i < clients; i++) redis_ask(l, &all[i], i);
	while (now_ns() < end) {
		int n = epoll_wait(epoll, events, 64, 5000);
		for (int k = 0; k < n; k++) {
			int i = (int)events[k].data.u32;
			ssize_t got = recv(all[i].fd, all[i].in + all[i].in_len, sizeof all[i].in - all[i].in_len, 0);
			if (got <= 0) return 1;
			all[i].in_len += (size_t)got;
			if (!redis_whole(l, &all[i])) continue;
			l->reply_bytes = all[i].in_len;
			finish(l, i, true);
			redis_ask(l, &all[i], i);
		}
	}
	report(l, start);
	return l->errors ? 1 : 0;
}

int main(int argc, char **argv) {
	if (argc != 8) {
		fprintf(stderr, "usage: %s zmq|redis ENDPOINT|PORT CLIENTS SECONDS SUBJECTS BATCH SALT\n", argv[0]);
		return 64;
	}
	struct load l = {.salt = argv[7], .random = 88172645463325252u};
	int clients = (int)strtol(argv[3], NULL, 10);
	double seconds = strtod(argv[4], NULL);
	l.subjects = strtoull(argv[5], NULL, 10);
	l.batch = (unsigned)strtoul(argv[6], NULL, 10);
	if (clients < 1 || clients > CLIENTS_MAX || l.subjects < 1 || l.batch > TG01_BATCH_MAX) return 64;
	return strcmp(argv[1], "redis") == 0 ? run_redis(&l, argv[2], clients, seconds)
					     : run_zmq(&l, argv[2], clients, seconds);
}
