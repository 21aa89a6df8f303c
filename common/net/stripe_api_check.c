#include "net/stripe_api_private.h"

#include "net/loopback.h"

struct parts {
	CURLU *url;
	char *scheme, *host, *path, *rest;
};

static void parts_free(struct parts *p) {
	curl_free(p->scheme);
	curl_free(p->host);
	curl_free(p->path);
	curl_free(p->rest);
	curl_url_cleanup(p->url);
}

static bool has(struct parts *p, CURLUPart part) {
	curl_free(p->rest);
	p->rest = NULL;
	return curl_url_get(p->url, part, &p->rest, 0) == CURLUE_OK;
}

enum error stripe_base_check(const char *base, struct problem *why) {
	AUTO(parts_free)
	struct parts p = {.url = curl_url()};
	if (!p.url) return problem_set(why, ERR_MEMORY, "out of memory");
	if (curl_url_set(p.url, CURLUPART_URL, base, 0) != CURLUE_OK ||
	    curl_url_get(p.url, CURLUPART_SCHEME, &p.scheme, 0) != CURLUE_OK ||
	    curl_url_get(p.url, CURLUPART_HOST, &p.host, 0) != CURLUE_OK ||
	    curl_url_get(p.url, CURLUPART_PATH, &p.path, 0) != CURLUE_OK)
		return problem_set(why, ERR_CONFIG, "it is no URL: https://api.stripe.com is one");
	bool https = view_eq(view_str(p.scheme), VIEW("https")), http = view_eq(view_str(p.scheme), VIEW("http"));
	if (!https && !(http && host_is_loopback(view_str(p.host))))
		return problem_set(why, ERR_CONFIG, "only https:// is spoken, and http:// with this very machine");
	if (!view_eq(view_str(p.path), VIEW("/")) || has(&p, CURLUPART_QUERY) || has(&p, CURLUPART_FRAGMENT) ||
	    has(&p, CURLUPART_USER) || has(&p, CURLUPART_PASSWORD))
		return problem_set(why, ERR_CONFIG, "it is a scheme, a host and perhaps a port, and nothing else");
	return OK;
}

enum error stripe_key_mode(struct view key, bool *ret_livemode, struct problem *why) {
	static const struct {
		struct view prefix;
		bool livemode;
	} kinds[] = {{VIEW_INIT("sk_test_"), false},
		     {VIEW_INIT("rk_test_"), false},
		     {VIEW_INIT("sk_live_"), true},
		     {VIEW_INIT("rk_live_"), true}};
	for (size_t i = 0; i < key.len; i++)
		if (key.ptr[i] <= ' ' || key.ptr[i] > '~')
			return problem_set(why, ERR_CONFIG, "it has a blank or a character that no key has");
	if (key.len > STRIPE_KEY_MAX) return problem_set(why, ERR_CONFIG, "it is longer than any key");
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (!view_starts(key, kinds[i].prefix) || key.len == kinds[i].prefix.len) continue;
		*ret_livemode = kinds[i].livemode;
		return OK;
	}
	return problem_set(why, ERR_CONFIG, "it starts with none of sk_test_, rk_test_, sk_live_, rk_live_");
}
