/* Tier checks by many clients, or GETs by as many Redis connections, one request under way on each.
 *
 *   bench_check_load KIND AT CLIENTS SECONDS SUBJECTS BATCH SALT [CURVE_DIR]
 *
 *   zmq    REQ sockets of libzmq in one poll; with the keys of CURVE_DIR when it is given
 *   zmtp   REQ clients that write to their TCP connections themselves, as Redis' do: it measures the server
 *   redis  GET, or MGET in batches, over TCP
 *
 * AT: tcp://HOST:PORT; of redis a port of loopback. BATCH 0: single checks. Subjects are user_<SALT><n>, n below
 * SUBJECTS, in a fixed pseudo-random order. Prints one JSON object. */
#include "check_load.h"

#include "net/curve_keys.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

uint64_t next_subject(struct load *l) {
	l->random ^= l->random << 13;
	l->random ^= l->random >> 7;
	l->random ^= l->random << 17;
	return l->random % l->subjects;
}

struct view next_request(struct load *l) {
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
	return writer_view(&w);
}

void finish(struct load *l, int i, bool ok) {
	samples_add(&l->samples, now_ns() - l->sent_ns[i]);
	l->checks += l->batch ? l->batch : 1;
	if (!ok) l->errors++;
}

void took_reply(struct load *l, int i, struct view reply) {
	static const char err[] = "\xa3"
				  "err\x83";
	l->reply_bytes = reply.len;
	if (memmem(reply.ptr, reply.len, "allowed\xc2", 8)) l->denied++;
	finish(l, i, !memmem(reply.ptr, reply.len, err, sizeof err - 1));
}

int report(struct load *l, int64_t start) {
	double took = (double)(now_ns() - start) / 1e9;
	printf("{\"requests_per_s\": %.0f, \"checks_per_s\": %.0f, \"p50_us\": %.1f, \"p99_us\": %.1f, \"errors\": "
	       "%" PRIu64 ", \"denied\": %" PRIu64 ", \"reply_bytes\": %zu}\n",
	       (double)l->samples.count / took, (double)l->checks / took, samples_percentile(&l->samples, 0.5),
	       samples_percentile(&l->samples, 0.99), l->errors, l->denied, l->reply_bytes);
	return l->errors ? 1 : 0;
}

/* ---- libzmq's REQ ------------------------------------------------------------------ */

static void ask(struct load *l, void *socket, int i) {
	struct view v = next_request(l);
	l->sent_ns[i] = now_ns();
	zmq_send(socket, "TG01", 4, ZMQ_SNDMORE);
	zmq_send(socket, v.ptr, v.len, 0);
}

static void take(struct load *l, void *socket, int i) {
	zmq_msg_t m;
	int more = 1;
	for (int frame = 0; more; frame++) {
		zmq_msg_init(&m);
		if (zmq_msg_recv(&m, socket, 0) < 0) exit(1);
		more = zmq_msg_more(&m);
		if (frame == 1) took_reply(l, i, view_of(zmq_msg_data(&m), zmq_msg_size(&m)));
		zmq_msg_close(&m);
	}
}

static bool connect_req(void *socket, const char *at, const struct curve_identity *keys) {
	struct curve_pair server;
	if (keys->dir) {
		if (curve_server_read(keys->dir, at, &server, NULL)) return false;
		zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, server.public_text, CURVE_TEXT_SIZE);
		zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, keys->mine.public_text, CURVE_TEXT_SIZE);
		zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, keys->mine.secret_text, CURVE_TEXT_SIZE);
	}
	return zmq_connect(socket, at) == 0;
}

static int run_zmq(struct load *l, const char *at, int clients, double seconds, const struct curve_identity *keys) {
	zmq_pollitem_t items[CLIENTS_MAX];
	void *context = zmq_ctx_new();
	for (int i = 0; i < clients; i++) {
		items[i] = (zmq_pollitem_t){.socket = zmq_socket(context, ZMQ_REQ), .events = ZMQ_POLLIN};
		if (!connect_req(items[i].socket, at, keys)) return 1;
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
	return report(l, start);
}

int main(int argc, char **argv) {
	if (argc != 8 && argc != 9) {
		fprintf(stderr, "usage: %s zmq|zmtp|redis AT CLIENTS SECONDS SUBJECTS BATCH SALT [CURVE_DIR]\n",
			argv[0]);
		return 64;
	}
	struct load l = {.salt = argv[7], .random = 88172645463325252u};
	struct curve_identity keys = {0};
	struct problem why = {0};
	int clients = (int)strtol(argv[3], NULL, 10);
	double seconds = strtod(argv[4], NULL);
	l.subjects = strtoull(argv[5], NULL, 10);
	l.batch = (unsigned)strtoul(argv[6], NULL, 10);
	if (clients < 1 || clients > CLIENTS_MAX || l.subjects < 1 || l.batch > TG01_BATCH_MAX) return 64;
	if (strcmp(argv[1], "zmq") != 0) return run_raw(&l, strcmp(argv[1], "redis") == 0, argv[2], clients, seconds);
	if (argc == 9 && curve_identity_read(argv[8], &keys, &why)) {
		fprintf(stderr, "%s\n", problem_text(&why));
		return 78;
	}
	return run_zmq(&l, argv[2], clients, seconds, &keys);
}
