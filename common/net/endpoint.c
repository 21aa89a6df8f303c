/* Where sockets may bind and connect: the rules of net/zsocket.h. */
#include "net/zsocket.h"

#include "base/parse.h"
#include "base/show.h"
#include "net/loopback.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/un.h>

static struct view after(struct view v, size_t n) { return view_of(v.ptr + n, v.len - n); }

static enum error ipc_parse(struct view text, struct problem *why) {
	struct view path = after(text, 6);
	if (path.len == 0 || path.ptr[path.len - 1] == '/')
		return problem_set(why, ERR_CONFIG, "'%s' names no file: write ipc:// and the path of a socket",
				   show(text).text);
	if (path.ptr[0] == '@' || path.ptr[0] == '*')
		return problem_set(why, ERR_CONFIG,
				   "'%s': an abstract or temporary socket has no file permissions; write a path",
				   show(text).text);
	if (path.len >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return problem_set(why, ERR_CONFIG, "'%s…': the path of a socket is at most %zu bytes", show(text).text,
				   sizeof(((struct sockaddr_un *)0)->sun_path) - 1);
	return OK;
}

/* An address or a name; * binds all of this machine's. */
static bool is_host(struct view host) {
	char name[INET6_ADDRSTRLEN];
	struct in6_addr v6;
	if (view_eq(host, VIEW("*"))) return true;
	if (host.len > 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']') {
		if (host.len - 2 >= sizeof name) return false;
		memcpy(name, host.ptr + 1, host.len - 2);
		name[host.len - 2] = '\0';
		return inet_pton(AF_INET6, name, &v6) == 1;
	}
	for (size_t i = 0; i < host.len; i++) {
		char c = host.ptr[i];
		bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
			    c == '-' || c == '_';
		if (!good) return false;
	}
	return host.len > 0;
}

/* What stands before the last colon; empty when there is none. */
static struct view before_port(struct view rest) {
	size_t colon = rest.len;
	while (colon > 0 && rest.ptr[colon - 1] != ':') colon--;
	return view_of(rest.ptr, colon ? colon - 1 : 0);
}

bool endpoint_is_local(const char *endpoint) {
	struct view text = view_str(endpoint);
	return !view_starts(text, VIEW("tcp://")) || host_is_loopback(before_port(after(text, 6)));
}

bool endpoints_are_local(const struct endpoints *list) {
	for (unsigned i = 0; i < list->count; i++)
		if (!endpoint_is_local(list->at[i])) return false;
	return true;
}

struct view endpoint_host(const char *endpoint) {
	struct view text = view_str(endpoint);
	if (!view_starts(text, VIEW("tcp://"))) return VIEW_NONE;
	struct view host = before_port(after(text, 6));
	bool brackets = host.len > 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']';
	return brackets ? view_of(host.ptr + 1, host.len - 2) : host;
}

/* *ret_endpoint has room; the numeric form is written, since libzmq does not bind to names. */
static enum error tcp_parse(struct view text, char *ret_endpoint, struct problem *why) {
	struct view rest = after(text, 6);
	size_t colon = rest.len;
	while (colon > 0 && rest.ptr[colon - 1] != ':') colon--;
	if (colon < 2)
		return problem_set(why, ERR_CONFIG, "'%s' has no port: write tcp://127.0.0.1:8721", show(text).text);
	struct view host = view_of(rest.ptr, colon - 1), port = after(rest, colon);
	uint64_t n = 0;
	if (!view_eq(port, VIEW("*")) && !parse_u64(port, 65535, &n))
		return problem_set(why, ERR_CONFIG, "'%s': the port is a number up to 65535, or * for any free one",
				   show(text).text);
	if (!host_is_loopback(host) && !is_host(host))
		return problem_set(why, ERR_CONFIG, "'%s': the host is an address, [::] for IPv6, or a name",
				   show(text).text);
	if (view_eq(host, VIEW("localhost"))) host = VIEW("127.0.0.1");
	(void)snprintf(ret_endpoint, ENDPOINT_MAX, "tcp://%.*s:%.*s", VIEW_FMT(host), VIEW_FMT(port));
	return OK;
}

enum error endpoint_parse(struct view text, char ret_endpoint[ENDPOINT_MAX], struct problem *why) {
	if (text.len == 0) return problem_set(why, ERR_CONFIG, "an endpoint is empty");
	if (text.len >= ENDPOINT_MAX)
		return problem_set(why, ERR_CONFIG, "'%s…': an endpoint is at most %d bytes", show(text).text,
				   ENDPOINT_MAX - 1);
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] <= ' ' || text.ptr[i] > '~')
			return problem_set(why, ERR_CONFIG, "'%s': an endpoint has no spaces and is plain ASCII",
					   show(text).text);
	if (view_starts(text, VIEW("tcp://"))) return tcp_parse(text, ret_endpoint, why);
	enum error e = OK;
	if (view_starts(text, VIEW("ipc://"))) {
		e = ipc_parse(text, why);
	} else if (!view_starts(text, VIEW("inproc://")) || text.len == 9) {
		e = problem_set(why, ERR_CONFIG, "'%s' is no endpoint: write ipc://path or tcp://127.0.0.1:port",
				show(text).text);
	}
	if (e) return e;
	memcpy(ret_endpoint, text.ptr, text.len);
	ret_endpoint[text.len] = '\0';
	return OK;
}

/* Takes what stands before the first `mark` off *rest; false when there is none, and then *ret_part is all. */
static bool split(struct view *rest, char mark, struct view *ret_part) {
	size_t n = 0;
	while (n < rest->len && rest->ptr[n] != mark) n++;
	*ret_part = view_of(rest->ptr, n);
	bool found = n < rest->len;
	*rest = after(*rest, found ? n + 1 : n);
	return found;
}

enum error endpoints_parse(struct view text, struct endpoints *ret_list, struct problem *why) {
	struct endpoints list = {0};
	bool more = true;
	while (more) {
		struct view part;
		more = split(&text, ';', &part);
		if (list.count == ENDPOINTS_MAX)
			return problem_set(why, ERR_CONFIG, "more than %d endpoints", ENDPOINTS_MAX);
		enum error e = endpoint_parse(part, list.at[list.count], why);
		if (e) return e;
		list.count++;
	}
	*ret_list = list;
	return OK;
}

enum error endpoint_pairs_parse(struct view text, struct endpoint_pairs *ret_pairs, struct problem *why) {
	struct endpoint_pairs pairs = {0};
	bool more = true;
	while (more) {
		struct view pair, pub;
		more = split(&text, ';', &pair);
		struct view replay = pair;
		if (!split(&replay, ',', &pub))
			return problem_set(why, ERR_CONFIG,
					   "'%s' is no pair: write the pub endpoint, a comma, the replay one",
					   show(pair).text);
		if (pairs.count == ENDPOINTS_MAX)
			return problem_set(why, ERR_CONFIG, "more than %d pairs", ENDPOINTS_MAX);
		enum error e = endpoint_parse(pub, pairs.at[pairs.count].pub, why);
		if (!e) e = endpoint_parse(replay, pairs.at[pairs.count].replay, why);
		if (e) return e;
		pairs.count++;
	}
	*ret_pairs = pairs;
	return OK;
}
