#include "http.h"

#include <curl/curl.h>
#include <stdlib.h>

static size_t take(char *bytes, size_t size, size_t count, void *ctx) {
	struct http_reply *r = ctx;
	size_t n = size * count;
	if (n > HTTP_REPLY_MAX - r->len) return 0; /* curl gives up: CURLE_WRITE_ERROR */
	char *more = realloc(r->body, r->len + n + 1);
	if (!more) return 0;
	r->body = more;
	memcpy(r->body + r->len, bytes, n);
	r->len += n;
	r->body[r->len] = '\0';
	return n;
}

static enum error translate(CURLcode code, const struct http_ask *ask, const char *detail, struct problem *why) {
	const char *text = detail[0] ? detail : curl_easy_strerror(code);
	enum error e = ERR_IO;
	if (code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_GOT_NOTHING ||
	    code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR)
		e = ERR_UNAVAILABLE;
	if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL) e = ERR_USAGE;
	if (code == CURLE_OPERATION_TIMEDOUT) e = ERR_TIMEOUT;
	if (code == CURLE_WRITE_ERROR) e = ERR_LIMIT;
	if (code == CURLE_OUT_OF_MEMORY) e = ERR_MEMORY;
	return problem_set(why, e, "%.100s: %s", ask->url, text);
}

static void set_request(CURL *curl, const struct http_ask *ask, const struct curl_slist *headers) {
	curl_easy_setopt(curl, CURLOPT_URL, ask->url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)ask->timeout_ms);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_NOPROXY, "localhost,127.0.0.1,::1");
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "tiergate/" TIERGATE_VERSION);
	if (!ask->post) return;
	curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)ask->post->len);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, ask->post->len ? ask->post->ptr : "");
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
}

/* Expect: off, since our server answers at once and not with 100. */
static struct curl_slist *post_headers(const char *header) {
	const char *const lines[] = {"Content-Type: application/json", "Expect:", header};
	struct curl_slist *list = NULL;
	for (size_t i = 0; i < ARRAY_LEN(lines) && lines[i]; i++) {
		struct curl_slist *longer = curl_slist_append(list, lines[i]);
		if (!longer) {
			curl_slist_free_all(list);
			return NULL;
		}
		list = longer;
	}
	return list;
}

enum error http_ask(const struct http_ask *ask, struct http_reply *ret_reply, struct problem *why) {
	struct http_reply reply = {.body = calloc(1, 1)};
	char detail[CURL_ERROR_SIZE] = "";
	struct curl_slist *headers = ask->post ? post_headers(ask->header) : NULL;
	CURL *curl = curl_easy_init();
	if (!curl || !reply.body || (ask->post && !headers)) {
		curl_easy_cleanup(curl);
		curl_slist_free_all(headers);
		http_reply_finish(&reply);
		return problem_set(why, ERR_MEMORY, "no memory for a request");
	}
	set_request(curl, ask, headers);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, detail);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &reply);
	CURLcode code = curl_easy_perform(curl);
	if (code == CURLE_OK) curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &reply.status);
	enum error e = code == CURLE_OK ? OK : translate(code, ask, detail, why);
	curl_easy_cleanup(curl);
	curl_slist_free_all(headers);
	if (e) {
		http_reply_finish(&reply);
		return e;
	}
	*ret_reply = reply;
	return OK;
}

void http_reply_finish(struct http_reply *r) {
	free(r->body);
	*r = (struct http_reply){0};
}
