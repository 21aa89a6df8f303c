/* When a peer has noticed that its connection is lost: it connects anew, to whoever listens there now. */
#ifndef TESTS_AGAIN_H
#define TESTS_AGAIN_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define AGAIN_MS 60000

/* At an address of this process alone, so that nobody takes the port when its owner lets go of it. */
static inline const char *again_endpoint(char out[64]) {
	const unsigned pid = (unsigned)getpid();
	(void)snprintf(out, 64, "tcp://127.%u.%u.%u:0", 64 + (pid >> 16) % 64, (pid >> 8) & 255, 1 + pid % 254);
	return out;
}

/* True: somebody connected to the endpoint, which must be free. */
static inline bool again_connected(const char *endpoint) {
	struct sockaddr_in at = {.sin_family = AF_INET};
	char host[64];
	const char *port = strrchr(endpoint, ':');
	const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;
	struct pollfd fd = {.fd = listener, .events = POLLIN};
	(void)snprintf(host, sizeof host, "%.*s", (int)(port - endpoint - 6), endpoint + 6);
	at.sin_port = htons((uint16_t)strtoul(port + 1, NULL, 10));
	const bool did = inet_pton(AF_INET, host, &at.sin_addr) == 1 &&
			 setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0 &&
			 bind(listener, (const struct sockaddr *)&at, sizeof at) == 0 && listen(listener, 8) == 0 &&
			 poll(&fd, 1, AGAIN_MS) == 1;
	(void)close(listener);
	return did;
}

#endif
