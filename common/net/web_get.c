#include "net/web_get.h"

#include "net/curl_loop.h"
#include "net/loopback.h"

#include <stdlib.h>
#include <strings.h>

#define CONNECT_MS 5000

struct web_get {
	struct curl_loop loop;
	CURL *curl;
	bool busy, too_large;
	char *body;
	size_t len, max;
	char detail[CURL_ERROR_SIZE];
	void (*done)(void *ctx, enum error e, struct view body, const struct problem *why);
	void *ctx;
};

/* ---- the address ---------------------------------------------------------------------- */

enum error web_url_check(const char *url, struct problem *why) {
	struct view u = view_str(url);
	for (size_t i = 0; i < u.len; i++)
		if (u.ptr[i] <= ' ' || u.ptr[i] > '~')
			return problem_set(why, ERR_CONFIG, "a blank or a control character in an address");
	if (u.len > WEB_URL_MAX) return problem_set(why, ERR_CONFIG, "an address of more than %d bytes", WEB_URL_MAX);
	bool tls = u.len > 8 && strncasecmp(u.ptr, "https://", 8) == 0;
	bool bare = u.len > 7 && strncasecmp(u.ptr, "http://", 7) == 0;
	if (!tls && !bare) return problem_set(why, ERR_CONFIG, "'%.100s': want https://host/…", url);
	const char *at = u.ptr + (tls ? 8 : 7);
	struct view authority = view_of(at, strcspn(at, "/?#"));
	if (authority.len && memchr(authority.ptr, '@', authority.len))
		return problem_set(why, ERR_CONFIG, "credentials in an address");
	struct view host = authority;
	if (host.len && host.ptr[0] == '[') {
		const char *end = memchr(host.ptr, ']', host.len);
		host.len = end ? (size_t)(end - host.ptr) + 1 : 0;
	} else {
		const char *colon = host.len ? memchr(host.ptr, ':', host.len) : NULL;
		if (colon) host.len = (size_t)(colon - host.ptr);
	}
	if (host.len == 0) return problem_set(why, ERR_CONFIG, "'%.100s' has no host", url);
	if (bare && !host_is_loopback(host))
		return problem_set(why, ERR_CONFIG, "'%.100s': http:// is for loopback alone", url);
	return OK;
}

static size_t on_body(char *bytes, size_t one, size_t n, void *ctx) {
	struct web_get *w = ctx;
	(void)one;
	w->too_large = w->too_large || n > w->max - w->len;
	if (w->too_large) return 0;
	memcpy(w->body + w->len, bytes, n);
	w->len += n;
	return n;
}

/* ---- a request ---------------------------------------------------------------------------- */

static void set_up(struct web_get *w, const char *url, int64_t deadline_ms) {
	CURL *curl = w->curl;
	curl_request(curl, url, deadline_ms, CONNECT_MS);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, w);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, w->detail);
}

enum error web_get_start(struct web_get *w, const char *url, int64_t deadline_ms,
			 void (*done)(void *ctx, enum error e, struct view body, const struct problem *why), void *ctx,
			 struct problem *why) {
	enum error e = web_url_check(url, why);
	if (e) return e;
	if (w->busy) return problem_set(why, ERR_OVERLOADED, "a request is under way");
	w->len = 0;
	w->too_large = false;
	w->detail[0] = '\0';
	w->done = done;
	w->ctx = ctx;
	set_up(w, url, deadline_ms);
	if (curl_multi_add_handle(w->loop.multi, w->curl) != CURLM_OK)
		return problem_set(why, ERR_MEMORY, "cannot begin a request");
	w->busy = true;
	return OK;
}

bool web_get_busy(const struct web_get *w) { return w->busy; }

static void finish(struct web_get *w, CURLcode code) {
	struct problem why = {0};
	long status = 0;
	enum error e = OK;
	(void)curl_easy_getinfo(w->curl, CURLINFO_RESPONSE_CODE, &status);
	if (w->too_large)
		e = problem_set(&why, ERR_LIMIT, "more than %zu bytes", w->max);
	else if (code != CURLE_OK)
		e = problem_set(&why, ERR_UNAVAILABLE, "%.200s", w->detail[0] ? w->detail : curl_easy_strerror(code));
	else if (status != 200)
		e = problem_set(&why, ERR_UNAVAILABLE, "HTTP %ld", status);
	w->busy = false; /* from here on `done` may begin another */
	w->done(w->ctx, e, e ? VIEW_NONE : view_of(w->body, w->len), &why);
}

/* ---- the loop ----------------------------------------------------------------------------- */

int web_get_fd(const struct web_get *w) { return w->loop.epoll; }

int64_t web_get_wait_ms(const struct web_get *w, int64_t most) { return curl_loop_wait_ms(&w->loop, most); }

void web_get_run(struct web_get *w) {
	int left;
	CURLMsg *m;
	curl_loop_run(&w->loop);
	while ((m = curl_multi_info_read(w->loop.multi, &left))) {
		if (m->msg != CURLMSG_DONE) continue;
		CURLcode code = m->data.result;
		(void)curl_multi_remove_handle(w->loop.multi, w->curl);
		finish(w, code);
	}
}

/* ---- its life ------------------------------------------------------------------------------- */

static enum error open_parts(struct web_get *w, struct problem *why) {
	enum error e = curl_loop_open(&w->loop, why);
	if (e) return e;
	w->body = malloc(w->max + 1);
	w->curl = curl_easy_init();
	if (!w->body || !w->curl) return problem_set(why, ERR_MEMORY, "out of memory");
	return OK;
}

enum error web_get_create(size_t answer_max, struct web_get **ret_w, struct problem *why) {
	struct web_get *w = calloc(1, sizeof *w);
	if (!w) return problem_set(why, ERR_MEMORY, "out of memory");
	w->max = answer_max;
	enum error e = open_parts(w, why);
	if (e)
		web_get_destroy(&w);
	else
		*ret_w = w;
	return e;
}

void web_get_destroy(struct web_get **pointer) {
	struct web_get *w = pointer ? *pointer : NULL;
	if (!w) return;
	if (w->busy) (void)curl_multi_remove_handle(w->loop.multi, w->curl);
	curl_easy_cleanup(w->curl);
	curl_loop_close(&w->loop);
	free(w->body);
	free(w);
	*pointer = NULL;
}
