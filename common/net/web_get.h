/* One small document over HTTP(S), again and again, for a service with one loop of its own (as net/stripe_api.h: poll
 * web_get_fd, no longer than web_get_wait_ms, then web_get_run).
 *
 * One request at a time. TLS is verified; http:// is for loopback alone; redirects are not followed; no proxy for
 * loopback. Only 200 is an answer. Bounds: the size and the deadline that are given.
 */
#ifndef NET_WEB_GET_H
#define NET_WEB_GET_H

#include "base/error.h"
#include "base/view.h"

#define WEB_URL_MAX 2048

struct web_get;

/* "https://…", or "http://" with a loopback host; no credentials, blanks or control characters. ERR_CONFIG. */
NODISCARD enum error web_url_check(const char *url, struct problem *why);

NODISCARD enum error web_get_create(size_t answer_max, struct web_get **ret_w, struct problem *why);
/* What is under way is given up; its `done` is not called. */
void web_get_destroy(struct web_get **w);

/* `done` comes from web_get_run: e is OK and `body` lives during the call, or `why` says what was wrong.
 * ERR_OVERLOADED: one is under way. */
NODISCARD enum error web_get_start(struct web_get *w, const char *url, int64_t deadline_ms,
				   void (*done)(void *ctx, enum error e, struct view body, const struct problem *why),
				   void *ctx, struct problem *why);
bool web_get_busy(const struct web_get *w);

int web_get_fd(const struct web_get *w);
int64_t web_get_wait_ms(const struct web_get *w, int64_t most);
void web_get_run(struct web_get *w);

#endif
