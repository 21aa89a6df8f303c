#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/parse.h"
#include "net/http_private.h"

/* "host:port", "[v6]:port", ":port" → host (empty: all addresses) and port. */
static enum error split(const char *endpoint, char host[HTTP_ENDPOINT_MAX], char port[8], struct problem *why) {
	struct view text = view_str(endpoint);
	const char *colon = text.len ? strrchr(endpoint, ':') : NULL;
	if (!colon || text.len >= HTTP_ENDPOINT_MAX)
		return problem_set(why, ERR_CONFIG, "\"%.100s\": want host:port", endpoint ? endpoint : "");
	struct view h = view_of(endpoint, (size_t)(colon - endpoint)), p = view_str(colon + 1);
	bool bracketed = h.len >= 2 && h.ptr[0] == '[' && h.ptr[h.len - 1] == ']';
	if (bracketed) h = view_of(h.ptr + 1, h.len - 2);
	if (!bracketed && h.len && memchr(h.ptr, ':', h.len))
		return problem_set(why, ERR_CONFIG, "\"%.100s\": an IPv6 address needs brackets", endpoint);
	uint64_t number;
	if (!parse_u64(p, 65535, &number)) return problem_set(why, ERR_CONFIG, "\"%.100s\": bad port", endpoint);
	if (h.len) memcpy(host, h.ptr, h.len);
	host[h.len] = 0;
	(void)snprintf(port, 8, "%u", (unsigned)number);
	return OK;
}

static int open_one(const struct addrinfo *a) {
	int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai_protocol);
	if (fd < 0) return -1;
	int on = 1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 && bind(fd, a->ai_addr, a->ai_addrlen) == 0 &&
	    listen(fd, SOMAXCONN) == 0)
		return fd;
	int e = errno;
	close(fd);
	errno = e;
	return -1;
}

static bool name_of(int fd, char out[HTTP_ENDPOINT_MAX]) {
	struct sockaddr_storage a = {0};
	socklen_t len = sizeof a;
	char host[INET6_ADDRSTRLEN + 32], port[8];
	if (getsockname(fd, (struct sockaddr *)&a, &len) != 0 ||
	    getnameinfo((struct sockaddr *)&a, len, host, sizeof host, port, sizeof port,
			NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		return false;
	int n = snprintf(out, HTTP_ENDPOINT_MAX, a.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
	return n > 0 && n < HTTP_ENDPOINT_MAX;
}

enum error http_listen(const char *endpoint, int *ret_fd, char ret_endpoint[HTTP_ENDPOINT_MAX], struct problem *why) {
	char host[HTTP_ENDPOINT_MAX] = "", port[8] = "";
	enum error e = split(endpoint, host, port, why);
	if (e) return e;
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV}, *list = NULL;
	int g = getaddrinfo(host[0] ? host : NULL, port, &hints, &list);
	if (g) return problem_set(why, ERR_CONFIG, "\"%s\": %s", endpoint, gai_strerror(g));
	int fd = -1;
	for (struct addrinfo *a = list; a && fd < 0; a = a->ai_next) fd = open_one(a);
	int failed = errno;
	freeaddrinfo(list);
	if (fd < 0)
		return problem_set(why, ERR_UNAVAILABLE, "cannot listen on %s: %s", endpoint, strerrordesc_np(failed));
	if (!name_of(fd, ret_endpoint)) {
		close(fd);
		return problem_set(why, ERR_INTERNAL, "cannot tell the address of %s", endpoint);
	}
	*ret_fd = fd;
	return OK;
}
