/* How long it takes from a webhook's first byte to a tier check that shows it, at a steady rate.
 *
 *   bench_visible HOST PORT PATH ENDPOINT RATE SECONDS BODY_BYTES SECRET SALT
 *
 * Each event makes a new subject; the check is asked again and again until it allows. One event at a time: the rate is
 * what is wanted, and what was reached is printed. Prints one JSON object. */
#include "event_body.h"
#include "net/stripe_hmac.h"
#include "proto/tg01.h"
#include "samples.h"
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zmq.h>

#define PATIENCE_NS INT64_C(5000000000)

struct probe {
	const char *path, *salt;
	size_t body_bytes;
	struct stripe_hmac *key;
	int http;
	void *req;
	struct samples visible, answered;
};

static bool post(struct probe *p, uint64_t n) {
	static char body[EVENT_BODY_SIZE], out[EVENT_BODY_SIZE + 1024], in[4096];
	char header[STRIPE_HEADER_SIZE];
	size_t len = event_body(body, n, p->salt, (int64_t)time(NULL), p->body_bytes, "price_pro_monthly");
	if (stripe_hmac_header(p->key, (int64_t)time(NULL), view_of(body, len), header) != OK) return false;
	int head = snprintf(out, sizeof out,
			    "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
			    "Stripe-Signature: %s\r\nContent-Length: %zu\r\n\r\n",
			    p->path, header, len);
	memcpy(out + head, body, len);
	len += (size_t)head;
	if (send(p->http, out, len, MSG_NOSIGNAL) != (ssize_t)len) return false;
	ssize_t got = recv(p->http, in, sizeof in, 0); /* an answer of ingress is one segment */
	return got > 12 && memcmp(in, "HTTP/1.1 200", 12) == 0;
}

static bool shows(struct probe *p, uint64_t n) {
	uint8_t bytes[1024];
	char sub[64], in[2048];
	struct writer w = writer_of(bytes, sizeof bytes);
	int len = snprintf(sub, sizeof sub, "user_%s%" PRIu64, p->salt, n);
	const struct tg01_request r = {.op = TG01_CHECK,
				       .id = {TG01_ID_NUMBER, n, VIEW_NONE},
				       .ask = {.sub = view_of(sub, (size_t)len), .tier = VIEW("pro")}};
	tg01_request_write(&w, &r);
	zmq_send(p->req, "TG01", 4, ZMQ_SNDMORE);
	zmq_send(p->req, w.start, (size_t)(w.at - w.start), 0);
	if (zmq_recv(p->req, in, sizeof in, 0) < 0) return false;
	int got = zmq_recv(p->req, in, sizeof in, 0);
	return got > 0 && memmem(in, (size_t)got, "allowed\xc3", 8);
}

static int run(struct probe *p, double rate, double seconds) {
	int64_t start = now_ns(), step = (int64_t)(1e9 / rate);
	uint64_t total = (uint64_t)(rate * seconds);
	for (uint64_t n = 0; n < total; n++) {
		int64_t due = start + (int64_t)n * step, now = now_ns();
		if (due > now) usleep((useconds_t)((due - now) / 1000));
		int64_t sent = now_ns();
		if (!post(p, n)) {
			fprintf(stderr, "event %" PRIu64 " was not accepted\n", n);
			return 1;
		}
		samples_add(&p->answered, now_ns() - sent);
		while (!shows(p, n)) {
			if (now_ns() - sent < PATIENCE_NS) continue;
			fprintf(stderr, "event %" PRIu64 " did not show\n", n);
			return 1;
		}
		samples_add(&p->visible, now_ns() - sent);
	}
	double took = (double)(now_ns() - start) / 1e9;
	double v50 = samples_percentile(&p->visible, 0.5), v99 = samples_percentile(&p->visible, 0.99);
	double a50 = samples_percentile(&p->answered, 0.5), a99 = samples_percentile(&p->answered, 0.99);
	printf("{\"events\": %" PRIu64 ", \"per_s\": %.0f, \"visible_ms_p50\": %.2f, \"visible_ms_p99\": %.2f, "
	       "\"answered_ms_p50\": %.2f, \"answered_ms_p99\": %.2f}\n",
	       total, (double)total / took, v50 / 1e3, v99 / 1e3, a50 / 1e3, a99 / 1e3);
	return 0;
}

int main(int argc, char **argv) {
	if (argc != 10) {
		fprintf(stderr, "usage: %s HOST PORT PATH ENDPOINT RATE SECONDS BODY_BYTES SECRET SALT\n", argv[0]);
		return 64;
	}
	struct probe p = {.path = argv[3], .salt = argv[9], .body_bytes = strtoul(argv[7], NULL, 10)};
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)strtoul(argv[2], NULL, 10))};
	int one = 1, timeout = 5000;
	void *context = zmq_ctx_new();
	p.req = zmq_socket(context, ZMQ_REQ);
	zmq_setsockopt(p.req, ZMQ_RCVTIMEO, &timeout, sizeof timeout);
	p.http = socket(AF_INET, SOCK_STREAM, 0);
	if (p.body_bytes > EVENT_BODY_SIZE / 2 || inet_pton(AF_INET, argv[1], &a.sin_addr) != 1) return 64;
	if (stripe_hmac_create(view_str(argv[8]), &p.key) != OK || zmq_connect(p.req, argv[4]) != 0 ||
	    connect(p.http, (void *)&a, sizeof a) != 0) {
		fprintf(stderr, "cannot connect\n");
		return 1;
	}
	setsockopt(p.http, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	return run(&p, strtod(argv[5], NULL), strtod(argv[6], NULL));
}
