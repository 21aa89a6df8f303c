#include "net/stripe_api_private.h"

#include "net/curl_loop.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>

#define BODY_FIRST 4096 /* bytes of a first buffer */

struct stripe_api {
	char *base; /* without the slash */
	char key[STRIPE_KEY_MAX + 1];
	size_t key_len;
	int64_t deadline_ms;
	size_t answer_max;
	unsigned concurrency;
	unsigned in_flight;
	struct curl_loop loop;
	struct stripe_slot slots[STRIPE_CONCURRENCY_MAX];
};

static size_t on_body(char *bytes, size_t size, size_t count, void *ctx) {
	struct stripe_slot *s = ctx;
	size_t n = size * count;
	if (n > s->api->answer_max - s->len) {
		s->too_large = true;
		return 0;
	}
	if (s->len + n + 1 > s->size) {
		size_t wanted = s->size ? s->size * 2 : BODY_FIRST;
		while (wanted < s->len + n + 1) wanted *= 2;
		char *more = realloc(s->body, wanted);
		if (!more) return 0;
		s->body = more;
		s->size = wanted;
	}
	memcpy(s->body + s->len, bytes, n);
	s->len += n;
	s->body[s->len] = '\0';
	return n;
}

/* ---- a call -------------------------------------------------------------------------- */

static void headers_free(struct curl_slist **list) {
	for (struct curl_slist *h = *list; h; h = h->next) OPENSSL_cleanse(h->data, strlen(h->data));
	curl_slist_free_all(*list);
	*list = NULL;
}

static bool header(struct curl_slist **list, const char *name, struct view value) {
	char line[STRIPE_KEY_MAX + 64];
	int n = snprintf(line, sizeof line, "%s %.*s", name, VIEW_FMT(value));
	struct curl_slist *longer = n > 0 && (size_t)n < sizeof line ? curl_slist_append(*list, line) : NULL;
	OPENSSL_cleanse(line, sizeof line);
	if (!longer) return false;
	*list = longer;
	return true;
}

static bool headers(const struct stripe_api *a, const struct stripe_call *c, struct curl_slist **list) {
	/* Expect: off, so that a body is not held back for a 100 that may not come */
	return header(list, "Authorization: Bearer", view_of(a->key, a->key_len)) &&
	       header(list, "Stripe-Version:", VIEW(STRIPE_API_VERSION)) &&
	       header(list, "Accept:", VIEW("application/json")) && header(list, "Expect:", VIEW_NONE) &&
	       (!c->account.len || header(list, "Stripe-Account:", c->account)) &&
	       (!c->post || header(list, "Content-Type:", VIEW("application/x-www-form-urlencoded"))) &&
	       (!c->post || !c->idempotency_key || header(list, "Idempotency-Key:", view_str(c->idempotency_key)));
}

static bool plain(struct view v, size_t max) {
	for (size_t i = 0; i < v.len; i++)
		if (v.ptr[i] <= ' ' || v.ptr[i] > '~') return false;
	return v.len <= max;
}

static enum error check(const struct stripe_call *c, struct problem *why) {
	struct view path = view_str(c->path);
	if (path.len == 0 || path.ptr[0] != '/' || !plain(path, STRIPE_PATH_MAX))
		return problem_set(why, ERR_BAD_REQUEST, "the path is none");
	if (!plain(c->account, ACCOUNT_MAX)) return problem_set(why, ERR_BAD_REQUEST, "the account is none");
	if (c->idempotency_key && !plain(view_str(c->idempotency_key), STRIPE_IDEMPOTENCY_MAX))
		return problem_set(why, ERR_BAD_REQUEST, "the idempotency key is none");
	if (c->form.len > STRIPE_FORM_MAX) return problem_set(why, ERR_LIMIT, "the form is too large");
	return OK;
}

static void set_up(struct stripe_slot *s, const struct stripe_call *c, const char *url) {
	const struct stripe_api *a = s->api;
	CURL *curl = s->curl;
	curl_request(curl, url, c->deadline_ms ? c->deadline_ms : a->deadline_ms, STRIPE_CONNECT_MS);
	curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "gzip");
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, s->headers);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, s);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, s->detail);
	curl_easy_setopt(curl, CURLOPT_PRIVATE, s);
	if (!c->post) return;
	curl_easy_setopt(curl, CURLOPT_POST, 1L);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)c->form.len);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, s->form);
}

static void slot_clear(struct stripe_slot *s) {
	headers_free(&s->headers);
	free(s->form);
	s->form = NULL;
}

static enum error begin(struct stripe_slot *s, const struct stripe_call *c, struct problem *why) {
	struct stripe_api *a = s->api;
	char url[STRIPE_PATH_MAX + 512];
	int n = snprintf(url, sizeof url, "%s%s", a->base, c->path);
	if (n < 0 || (size_t)n >= sizeof url) return problem_set(why, ERR_LIMIT, "the path is too long");
	if (!s->curl) s->curl = curl_easy_init();
	s->form = c->post ? strndup(c->form.ptr ? c->form.ptr : "", c->form.len) : NULL;
	if (!s->curl || (c->post && !s->form) || !headers(a, c, &s->headers))
		return problem_set(why, ERR_MEMORY, "no memory for a request");
	s->done = c->done;
	s->ctx = c->ctx;
	s->too_large = false;
	s->detail[0] = '\0';
	set_up(s, c, url);
	if (curl_multi_add_handle(a->loop.multi, s->curl) != CURLM_OK)
		return problem_set(why, ERR_MEMORY, "cannot begin a request");
	return OK;
}

enum error stripe_api_call(struct stripe_api *a, const struct stripe_call *c, struct problem *why) {
	enum error e = check(c, why);
	if (e) return e;
	for (unsigned i = 0; i < a->concurrency; i++) {
		struct stripe_slot *s = &a->slots[i];
		if (s->busy) continue;
		e = begin(s, c, why);
		if (e) {
			slot_clear(s);
			return e;
		}
		s->busy = true;
		a->in_flight++;
		return OK;
	}
	return problem_set(why, ERR_OVERLOADED, "%u requests are under way", a->concurrency);
}

unsigned stripe_api_in_flight(const struct stripe_api *a) { return a->in_flight; }

/* ---- the loop ---------------------------------------------------------------------------- */

int stripe_api_fd(const struct stripe_api *a) { return a->loop.epoll; }

int64_t stripe_api_wait_ms(const struct stripe_api *a, int64_t most) { return curl_loop_wait_ms(&a->loop, most); }

static void take_finished(struct stripe_api *a) {
	CURLMsg *m;
	int left;
	while ((m = curl_multi_info_read(a->loop.multi, &left))) {
		if (m->msg != CURLMSG_DONE) continue;
		char *private = NULL;
		CURLcode code = m->data.result;
		CURL *curl = m->easy_handle; /* m is invalid once the handle is removed */
		(void)curl_easy_getinfo(curl, CURLINFO_PRIVATE, &private);
		struct stripe_slot *s = (struct stripe_slot *)(void *)private;
		(void)curl_multi_remove_handle(a->loop.multi, curl);
		slot_clear(s);
		a->in_flight--;
		stripe_slot_finish(s, code);
	}
}

void stripe_api_run(struct stripe_api *a) {
	curl_loop_run(&a->loop);
	take_finished(a);
}

/* ---- its life ------------------------------------------------------------------------------ */

static enum error open_loop(struct stripe_api *a, struct problem *why) {
	enum error e = curl_loop_open(&a->loop, why);
	if (e) return e;
	curl_multi_setopt(a->loop.multi, CURLMOPT_MAXCONNECTS, (long)a->concurrency);
	curl_multi_setopt(a->loop.multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)a->concurrency);
	return OK;
}

static enum error prepare(struct stripe_api *a, const struct stripe_api_options *o, struct problem *why) {
	a->deadline_ms = o->deadline_ms > 0 ? o->deadline_ms : STRIPE_DEADLINE_MS;
	a->answer_max = o->answer_max ? o->answer_max : STRIPE_ANSWER_MAX;
	a->concurrency =
		o->concurrency && o->concurrency < STRIPE_CONCURRENCY_MAX ? o->concurrency : STRIPE_CONCURRENCY_MAX;
	memcpy(a->key, o->key.ptr, o->key.len);
	a->key_len = o->key.len;
	for (unsigned i = 0; i < STRIPE_CONCURRENCY_MAX; i++) a->slots[i].api = a;
	a->base = strdup(o->base);
	if (!a->base) return problem_set(why, ERR_MEMORY, "out of memory");
	size_t n = strlen(a->base);
	if (n && a->base[n - 1] == '/') a->base[n - 1] = '\0';
	return open_loop(a, why);
}

enum error stripe_api_create(const struct stripe_api_options *o, struct stripe_api **ret_a, struct problem *why) {
	bool livemode;
	enum error e = stripe_base_check(o->base, why);
	if (!e) e = stripe_key_mode(o->key, &livemode, why);
	if (e) return e;
	struct stripe_api *a = calloc(1, sizeof *a);
	if (!a) return problem_set(why, ERR_MEMORY, "out of memory");
	e = prepare(a, o, why);
	if (e) {
		stripe_api_destroy(&a);
		return e;
	}
	*ret_a = a;
	return OK;
}

void stripe_api_destroy(struct stripe_api **pointer) {
	struct stripe_api *a = pointer ? *pointer : NULL;
	if (!a) return;
	for (unsigned i = 0; i < STRIPE_CONCURRENCY_MAX; i++) {
		struct stripe_slot *s = &a->slots[i];
		if (s->busy) (void)curl_multi_remove_handle(a->loop.multi, s->curl);
		slot_clear(s);
		free(s->body);
		curl_easy_cleanup(s->curl);
	}
	curl_loop_close(&a->loop);
	OPENSSL_cleanse(a->key, sizeof a->key);
	free(a->base);
	free(a);
	*pointer = NULL;
}
