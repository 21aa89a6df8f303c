/* Signed webhooks over many keep-alive connections, one request under way on each, from one thread.
 *
 *   bench_http_load HOST PORT PATH CONNECTIONS SECONDS BODY_BYTES SECRET SALT REQUESTS once|again
 *
 * REQUESTS different events are made and signed before the clock starts, so that what is measured is the server and not
 * the signing. `once` ends when all are sent, or after SECONDS; `again` sends them again, for a server that does not
 * care. With BODY_BYTES 0 they are GETs, and SECRET is a file with a bearer token a line, which they have in turn.
 * Prints one JSON object. */
#include "event_body.h"
#include "net/stripe_hmac.h"
#include "samples.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS_MAX 1024
#define RESPONSE_MAX 8192
#define GET_MAX 4096

struct connection {
	int fd;
	int64_t sent_ns;
	const char *out;
	size_t out_len, out_at, in_len;
	char in[RESPONSE_MAX];
};

struct load {
	const char *path, *salt;
	size_t body_bytes;
	struct stripe_hmac *key;
	int epoll;
	bool again;
	char *requests; /* `count` of them, each in `stride` bytes behind its length */
	size_t stride;
	uint64_t count, next, under_way, ok, other;
	struct samples samples;
};

static bool put_get(char *at, const char *path, const char *token) {
	char *out = at + sizeof(size_t);
	int n = snprintf(out, GET_MAX, "GET %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n\r\n", path,
			 token);
	size_t len = (size_t)n;
	memcpy(at, &len, sizeof len);
	return n > 0 && n < GET_MAX;
}

static bool build_gets(struct load *l, const char *file) {
	FILE *f = fopen(file, "r");
	char token[GET_MAX];
	uint64_t tokens = 0;
	l->stride = sizeof(size_t) + GET_MAX;
	l->requests = malloc(l->count * l->stride);
	while (f && l->requests && tokens < l->count && fgets(token, sizeof token, f)) {
		token[strcspn(token, "\n")] = 0;
		if (!put_get(l->requests + tokens++ * l->stride, l->path, token)) break;
	}
	if (f) fclose(f);
	for (uint64_t n = tokens; tokens && n < l->count; n++)
		memcpy(l->requests + n * l->stride, l->requests + n % tokens * l->stride, l->stride);
	return tokens > 0;
}

static bool build_all(struct load *l) {
	static char body[EVENT_BODY_SIZE];
	char header[STRIPE_HEADER_SIZE];
	int64_t now = (int64_t)time(NULL);
	l->stride = sizeof(size_t) + l->body_bytes + 2048;
	l->requests = malloc(l->count * l->stride);
	for (uint64_t n = 0; l->requests && n < l->count; n++) {
		char *at = l->requests + n * l->stride, *out = at + sizeof(size_t);
		size_t len = event_body(body, n, l->salt, now, l->body_bytes, "price_pro_monthly");
		if (len > l->body_bytes + 1024 || stripe_hmac_header(l->key, now, view_of(body, len), header) != OK)
			return false;
		int head = snprintf(out, 1024,
				    "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
				    "Stripe-Signature: %s\r\nContent-Length: %zu\r\n\r\n",
				    l->path, header, len);
		memcpy(out + head, body, len);
		len += (size_t)head;
		memcpy(at, &len, sizeof len);
	}
	return l->requests != NULL;
}

/* The next request of a connection; false when there is none left. */
static bool start_next(struct load *l, struct connection *c) {
	if (l->next == l->count && l->again) l->next = 0;
	if (l->next == l->count) return false;
	const char *at = l->requests + l->next++ * l->stride;
	memcpy(&c->out_len, at, sizeof c->out_len);
	c->out = at + sizeof(size_t);
	c->out_at = c->in_len = 0;
	c->sent_ns = now_ns();
	l->under_way++;
	return true;
}

static void send_some(struct load *l, struct connection *c) {
	ssize_t n = send(c->fd, c->out + c->out_at, c->out_len - c->out_at, MSG_NOSIGNAL);
	if (n > 0) c->out_at += (size_t)n;
	struct epoll_event e = {.events = EPOLLIN | (c->out_at < c->out_len ? EPOLLOUT : 0), .data.ptr = c};
	epoll_ctl(l->epoll, EPOLL_CTL_MOD, c->fd, &e);
}

/* The length of the whole response once it is there, else 0. */
static size_t response_len(const struct connection *c) {
	const char *end = memmem(c->in, c->in_len, "\r\n\r\n", 4);
	if (!end) return 0;
	const char *length = NULL;
	for (const char *p = c->in; p < end && !length; p++)
		if (strncasecmp(p, "\r\ncontent-length:", 17) == 0) length = p + 17;
	size_t body = length ? strtoul(length, NULL, 10) : 0;
	size_t total = (size_t)(end - c->in) + 4 + body;
	return c->in_len >= total ? total : 0;
}

static bool receive_some(struct load *l, struct connection *c) {
	ssize_t n = recv(c->fd, c->in + c->in_len, sizeof c->in - 1 - c->in_len, 0);
	if (n <= 0) return n < 0 && (errno == EAGAIN || errno == EINTR);
	c->in_len += (size_t)n;
	c->in[c->in_len] = 0;
	if (response_len(c) == 0) return c->in_len < sizeof c->in - 1;
	samples_add(&l->samples, now_ns() - c->sent_ns);
	if (strncmp(c->in, "HTTP/1.1 200", 12) == 0)
		l->ok++;
	else if (l->other++ == 0)
		fprintf(stderr, "%.*s\n", (int)c->in_len, c->in);
	l->under_way--;
	if (start_next(l, c)) send_some(l, c);
	return true;
}

static int connect_to(const char *host, const char *port) {
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)strtoul(port, NULL, 10))};
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
	if (fd < 0 || inet_pton(AF_INET, host, &a.sin_addr) != 1 || connect(fd, (void *)&a, sizeof a) != 0) return -1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	return fd;
}

static void run(struct load *l, struct connection *all, int count, double seconds) {
	struct epoll_event events[256];
	int64_t end = now_ns() + (int64_t)(seconds * 1e9);
	for (int i = 0; i < count; i++) {
		if (start_next(l, &all[i])) send_some(l, &all[i]);
	}
	while (now_ns() < end && l->under_way) {
		int n = epoll_wait(l->epoll, events, 256, 100);
		for (int i = 0; i < n; i++) {
			struct connection *c = events[i].data.ptr;
			if (events[i].events & EPOLLOUT) send_some(l, c);
			if (!(events[i].events & EPOLLIN)) continue;
			if (!receive_some(l, c)) {
				fprintf(stderr, "a connection was closed\n");
				exit(1);
			}
		}
	}
}

int main(int argc, char **argv) {
	if (argc != 11) {
		fprintf(stderr,
			"usage: %s HOST PORT PATH CONNECTIONS SECONDS BODY_BYTES SECRET SALT REQUESTS once|again\n",
			argv[0]);
		return 64;
	}
	struct load l = {.path = argv[3], .salt = argv[8], .body_bytes = strtoul(argv[6], NULL, 10)};
	int count = (int)strtol(argv[4], NULL, 10);
	double seconds = strtod(argv[5], NULL);
	if (count < 1 || count > CONNECTIONS_MAX || l.body_bytes > EVENT_BODY_SIZE / 2) return 64;
	l.count = strtoull(argv[9], NULL, 10);
	l.again = strcmp(argv[10], "again") == 0;
	bool built = l.body_bytes ? stripe_hmac_create(view_str(argv[7]), &l.key) == OK && build_all(&l)
				  : build_gets(&l, argv[7]);
	if (!built) return 1;
	struct connection *all = calloc((size_t)count, sizeof *all);
	l.epoll = epoll_create1(0);
	for (int i = 0; i < count; i++) {
		all[i].fd = connect_to(argv[1], argv[2]);
		struct epoll_event e = {.events = EPOLLIN, .data.ptr = &all[i]};
		if (all[i].fd < 0 || epoll_ctl(l.epoll, EPOLL_CTL_ADD, all[i].fd, &e) != 0) {
			perror("connect");
			return 1;
		}
	}
	int64_t start = now_ns();
	run(&l, all, count, seconds);
	double took = (double)(now_ns() - start) / 1e9;
	printf("{\"per_s\": %.0f, \"p50_us\": %.0f, \"p99_us\": %.0f, \"ok\": %" PRIu64 ", \"other\": %" PRIu64 "}\n",
	       (double)l.samples.count / took, samples_percentile(&l.samples, 0.5),
	       samples_percentile(&l.samples, 0.99), l.ok, l.other);
	return l.other ? 1 : 0;
}
