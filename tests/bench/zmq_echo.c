/* A bare ROUTER: the peer that query is measured against. Every request is answered with "TG01" and REPLY_BYTES
 * of payload, behind the request's envelope.
 *
 *   bench_zmq_echo ENDPOINT REPLY_BYTES */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#define FRAMES_MAX 8

int main(int argc, char **argv) {
	if (argc != 3) return 64;
	size_t size = strtoul(argv[2], NULL, 10);
	char *payload = calloc(1, size + 1), endpoint[256];
	size_t endpoint_len = sizeof endpoint;
	void *context = zmq_ctx_new(), *router = zmq_socket(context, ZMQ_ROUTER);
	if (!payload || zmq_bind(router, argv[1]) != 0) return 1;
	zmq_getsockopt(router, ZMQ_LAST_ENDPOINT, endpoint, &endpoint_len);
	printf("%s\n", endpoint);
	fflush(stdout);
	for (;;) {
		zmq_msg_t frames[FRAMES_MAX];
		int n = 0, more = 1;
		for (; more && n < FRAMES_MAX; n++) {
			zmq_msg_init(&frames[n]);
			if (zmq_msg_recv(&frames[n], router, 0) < 0) return 0;
			more = zmq_msg_more(&frames[n]);
		}
		for (int i = 0; i < n - 1; i++) zmq_msg_send(&frames[i], router, ZMQ_SNDMORE);
		zmq_msg_close(&frames[n - 1]);
		zmq_send(router, payload, size, 0);
	}
}
