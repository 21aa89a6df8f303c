#include "net/loopback.h"

#include <arpa/inet.h>
#include <string.h>

bool host_is_loopback(struct view host) {
	char name[INET6_ADDRSTRLEN];
	struct in_addr v4;
	struct in6_addr v6;
	bool brackets = host.len > 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']';
	if (brackets) host = view_of(host.ptr + 1, host.len - 2);
	if (view_eq(host, VIEW("localhost"))) return !brackets;
	if (host.len == 0 || host.len >= sizeof name || memchr(host.ptr, '\0', host.len)) return false;
	memcpy(name, host.ptr, host.len);
	name[host.len] = '\0';
	if (brackets) return inet_pton(AF_INET6, name, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
	return inet_pton(AF_INET, name, &v4) == 1 && (ntohl(v4.s_addr) >> 24) == 127;
}
