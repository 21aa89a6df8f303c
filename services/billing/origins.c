#include "origins.h"

#include <stdio.h>
#include <strings.h>

static const char *default_port(struct view scheme) { return scheme.len == 5 ? ":443" : ":80"; }

/* How long scheme, "://" and authority are; 0: it is no address of ours. */
static size_t origin_length(struct view url) {
	size_t scheme = url.len >= 8 && strncasecmp(url.ptr, "https://", 8) == 0  ? 8
			: url.len >= 7 && strncasecmp(url.ptr, "http://", 7) == 0 ? 7
										  : 0;
	size_t end = scheme;
	if (!scheme) return 0;
	while (end < url.len && url.ptr[end] != '/' && url.ptr[end] != '?' && url.ptr[end] != '#') {
		unsigned char c = (unsigned char)url.ptr[end];
		if (c <= ' ' || c > '~' || strchr("@\\*<>\"'`{}|^,;%", c)) return 0;
		end++;
	}
	return end == scheme || url.ptr[scheme] == ':' ? 0 : end;
}

enum error origins_add_url(struct origins *o, struct view url, struct problem *why) {
	size_t n = origin_length(url);
	if (!n || n >= ORIGIN_MAX)
		return problem_set(why, ERR_CONFIG, "'%.*s' is no http or https address",
				   (int)(url.len < 100 ? url.len : 100), url.ptr);
	if (o->count == ORIGINS_MAX) return problem_set(why, ERR_LIMIT, "more than %d origins", ORIGINS_MAX);
	char *at = o->at[o->count];
	for (size_t i = 0; i < n; i++)
		at[i] = (char)(url.ptr[i] >= 'A' && url.ptr[i] <= 'Z' ? url.ptr[i] | 0x20 : url.ptr[i]);
	at[n] = '\0';
	const char *port = default_port(view_of(at, strcspn(at, ":")));
	size_t p = strlen(port);
	if (n > p && strcmp(at + n - p, port) == 0) at[n - p] = '\0';
	o->count++;
	return OK;
}

enum error origins_add_list(struct origins *o, const char *list, struct problem *why) {
	while (list && *list) {
		size_t n = strcspn(list, ";");
		struct view one = view_of(list, n);
		if (n && origin_length(one) != n)
			return problem_set(why, ERR_CONFIG, "'%.*s' is no origin: want https://host[:port]",
					   (int)(n < 100 ? n : 100), list);
		enum error e = n ? origins_add_url(o, one, why) : OK;
		if (e) return e;
		list += n + (list[n] == ';');
	}
	return OK;
}

const char *origins_find(const struct origins *o, struct view origin) {
	for (unsigned i = 0; i < o->count; i++)
		if (view_eq(view_str(o->at[i]), origin)) return o->at[i];
	return NULL;
}
