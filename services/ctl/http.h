/* One HTTP request over libcurl: plain, without redirects, bounded in time and size. */
#ifndef CTL_HTTP_H
#define CTL_HTTP_H

#include "base/error.h"
#include "base/view.h"

#define HTTP_REPLY_MAX 1048576 /* bytes of an answer's body */

struct http_reply {
	long status;
	size_t len;
	char *body; /* NUL-terminated after len; owned */
};

struct http_ask {
	const char *url;
	int64_t timeout_ms;
	/* NULL: GET. Else POST of application/json with one more header, "Name: value", which may be NULL. */
	const struct view *post;
	const char *header;
};

/* ERR_USAGE: the URL is none. ERR_UNAVAILABLE: nobody answers. ERR_TIMEOUT, ERR_LIMIT, ERR_MEMORY, ERR_IO. */
NODISCARD enum error http_ask(const struct http_ask *ask, struct http_reply *ret_reply, struct problem *why);
void http_reply_finish(struct http_reply *r);

#endif
