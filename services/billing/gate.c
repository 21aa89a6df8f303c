#include <inttypes.h>
#include <stdio.h>
#include <strings.h>

#include "ask_private.h"
#include "base/parse.h"
#include "service/clock.h"

/* ---- what every request has -------------------------------------------------------------- */

static bool is_request_id(struct view v) {
	for (size_t i = 0; i < v.len; i++) {
		char c = v.ptr[i], letter = (char)(c | 0x20);
		if (!((c >= '0' && c <= '9') || (letter >= 'a' && letter <= 'z') || c == '-' || c == '_')) return false;
	}
	return v.len > 0 && v.len <= REQUEST_ID_MAX;
}

static void read_request_id(struct billing *b, const struct http_request *r, char id[REQUEST_ID_MAX + 1]) {
	struct view given;
	if (http_header(r, "X-Request-Id", &given) == 1 && is_request_id(given)) {
		memcpy(id, given.ptr, given.len);
		id[given.len] = '\0';
		return;
	}
	uint64_t n = atomic_fetch_add_explicit(&b->request_count, 1, memory_order_relaxed);
	(void)snprintf(id, REQUEST_ID_MAX + 1, "%016" PRIx64 "-%" PRIx64, b->run, n);
}

/* False: it comes from an origin that is not allowed. A browser names it in every cross-origin request that can read
 * its answer or has a body of ours. */
static bool read_origin(const struct billing *b, const struct http_request *r, const char **ret_origin) {
	struct view origin;
	unsigned n = http_header(r, "Origin", &origin);
	*ret_origin = n == 1 ? origins_find(&b->origins, origin) : NULL;
	return n == 0 || *ret_origin;
}

static const struct action *find_action(struct view path, enum http_method method) {
	for (const struct action *const *a = action_table; *a; a++)
		if (((*a)->method == method || method == HTTP_METHODS) && view_eq(view_str((*a)->path), path))
			return *a;
	return NULL;
}

/* ---- the token ---------------------------------------------------------------------------- */

struct bearer {
	struct view token; /* empty: none was sent */
	bool by_cookie, odd;
};

static struct view find_cookie(struct view cookies, const char *name) {
	size_t n = strlen(name);
	for (size_t at = 0; at < cookies.len;) {
		const char *end = memchr(cookies.ptr + at, ';', cookies.len - at);
		size_t stop = end ? (size_t)(end - cookies.ptr) : cookies.len;
		while (at < stop && cookies.ptr[at] == ' ') at++;
		if (stop - at > n && memcmp(cookies.ptr + at, name, n) == 0 && cookies.ptr[at + n] == '=')
			return view_of(cookies.ptr + at + n + 1, stop - at - n - 1);
		at = stop + 1;
	}
	return VIEW_NONE;
}

static struct bearer find_token(const struct billing *b, const struct http_request *r) {
	struct bearer t = {0};
	struct view header;
	unsigned n = http_header(r, "Authorization", &header);
	if (n) {
		bool bearer = n == 1 && header.len > 7 && strncasecmp(header.ptr, "Bearer ", 7) == 0;
		t.odd = !bearer;
		if (bearer) t.token = view_of(header.ptr + 7, header.len - 7);
		return t;
	}
	if (!b->settings.jwt_cookie || http_header(r, "Cookie", &header) != 1) return t;
	t.token = find_cookie(header, b->settings.jwt_cookie);
	t.by_cookie = t.token.len > 0;
	return t;
}

/* A browser sends a cookie along with whatever any site makes it send. So who is known by one alone must also show that
 * a page of ours made the request: by its Origin, or by Sec-Fetch-Site, which no script can set. A GET of another site
 * names no Origin when its answer cannot be read (an image's, say); it is refused by the same header. Without that
 * header, as of what is no browser, a GET is answered: it changes nothing.
 * https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header */
static bool is_own(const struct ask *a) {
	struct view site;
	if (a->origin) return true;
	unsigned n = http_header(a->request, "Sec-Fetch-Site", &site);
	bool same = n == 1 && view_eq(site, VIEW("same-origin"));
	if (a->action->method != HTTP_GET) return same;
	return n == 0 || same || (n == 1 && (view_eq(site, VIEW("same-site")) || view_eq(site, VIEW("none"))));
}

static void log_fault(struct billing *b, enum token_fault fault, const char *request_id) {
	struct fault_log *f = &b->faults[fault];
	uint64_t count = atomic_fetch_add(&f->count, 1) + 1;
	int64_t last_ms = atomic_load(&f->logged_ms), now_ms = mono_ms();
	if (last_ms && now_ms - last_ms < FAULT_LOG_MS) return;
	if (!atomic_compare_exchange_strong(&f->logged_ms, &last_ms, now_ms)) return;
	atomic_fetch_sub(&f->count, count);
	log_warn(&b->service.log, log_ev("token_refused"), kv_str("why", token_fault_text(fault)),
		 kv_u64("count", count), kv_str("request", request_id));
}

static void refuse_token(struct ask *a, enum token_fault fault) {
	log_fault(a->b, fault, a->request_id);
	if (fault == TOKEN_CUSTOMER)
		ask_refuse(a, REFUSAL_SUBJECT, "cus_… would stand for that customer of Stripe");
	else if (fault == TOKEN_NO_KEYS)
		ask_refuse(a, REFUSAL_UNAVAILABLE, "the keys of tokens are not known yet");
	else
		ask_refuse(a, fault == TOKEN_EXPIRED ? REFUSAL_TOKEN_EXPIRED : REFUSAL_TOKEN_INVALID, NULL);
}

/* ---- what is asked --------------------------------------------------------------------------- */

struct fields {
	struct ask *ask;
	const char *problem;
	char unknown[96];
};

static bool is_known(const struct action *action, struct view name) {
	for (const char *const *f = action->fields; f && *f; f++)
		if (view_eq(view_str(*f), name)) return true;
	return false;
}

static bool add_argument(void *ctx, struct view name, struct view value) {
	struct fields *f = ctx;
	char key[64];
	if (!is_known(f->ask->action, name)) {
		(void)snprintf(f->unknown, sizeof f->unknown, "%.*s", VIEW_FMT(name));
		f->problem = "unknown";
		return false;
	}
	(void)snprintf(key, sizeof key, "%.*s", VIEW_FMT(name));
	json_t *text = json_stringn(value.len ? value.ptr : "", value.len);
	if (!text)
		f->problem = "an argument is no UTF-8";
	else if (json_object_get(f->ask->body, key))
		f->problem = "an argument comes twice";
	if (f->problem) {
		json_decref(text);
		return false;
	}
	return json_object_set_new(f->ask->body, key, text) == 0;
}

static void read_body(struct ask *a, struct fields *f) {
	const char *key;
	json_t *value;
	a->bytes = http_body(a->request);
	if (a->bytes.len == 0) return;
	json_t *body = json_loadb(a->bytes.ptr, a->bytes.len, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(body)) {
		f->problem = "the body is no JSON object, or says a field twice";
		json_decref(body);
		return;
	}
	json_decref(a->body);
	a->body = body;
	json_object_foreach(body, key, value) {
		if (is_known(a->action, view_str(key))) continue;
		(void)snprintf(f->unknown, sizeof f->unknown, "%s", key);
		f->problem = "unknown";
		return;
	}
}

/* Cut, a name may end within a character; what is not ASCII is not repeated. */
static void make_printable(char *text) {
	for (; *text; text++)
		if (*text < ' ' || *text > '~') *text = '?';
}

/* False: refused. */
static bool read_fields(struct ask *a) {
	struct fields f = {.ask = a};
	char detail[160];
	a->body = json_object();
	if (!a->body) {
		ask_refuse(a, REFUSAL_INTERNAL, NULL);
		return false;
	}
	if (a->action->method == HTTP_GET)
		http_query_each(a->request, add_argument, &f);
	else
		read_body(a, &f);
	if (!f.problem) return true;
	make_printable(f.unknown);
	(void)snprintf(detail, sizeof detail, "'%s' is not known here", f.unknown);
	if (strcmp(f.problem, "unknown") == 0)
		ask_refuse(a, REFUSAL_UNKNOWN_FIELD, detail);
	else
		ask_refuse(a, REFUSAL_BAD_REQUEST, f.problem);
	return false;
}

/* RFC 7240: "wait=3", among other preferences. What is not understood is passed over. */
static void read_preference(struct ask *a) {
	struct view prefer;
	if (!http_header(a->request, "Prefer", &prefer)) return;
	for (size_t at = 0; at + 5 <= prefer.len; at++) {
		if (strncasecmp(prefer.ptr + at, "wait=", 5) != 0) continue;
		uint64_t s = 0;
		size_t n = at + 5;
		while (n < prefer.len && prefer.ptr[n] >= '0' && prefer.ptr[n] <= '9') n++;
		if (!parse_u64(view_of(prefer.ptr + at + 5, n - at - 5), 1000, &s)) return;
		a->wait_ms = 1000 * (int64_t)(s > PREFER_WAIT_MAX_S ? PREFER_WAIT_MAX_S : s);
		return;
	}
}

/* False: refused. */
static bool read_key(struct ask *a) {
	if (a->action->method != HTTP_POST) return true;
	unsigned n = http_header(a->request, "Idempotency-Key", &a->key);
	bool plain = n <= 1 && a->key.len <= IDEMPOTENCY_KEY_MAX && (n == 0 || a->key.len > 0);
	for (size_t i = 0; i < a->key.len && plain; i++) plain = a->key.ptr[i] > ' ' && a->key.ptr[i] <= '~';
	if (plain) return true;
	a->key = VIEW_NONE;
	ask_refuse(a, REFUSAL_BAD_REQUEST, "an Idempotency-Key is 1 to 255 visible ASCII characters");
	return false;
}

/* ---- the way in ---------------------------------------------------------------------------------- */

static void to_loop(struct note *n) {
	struct ask *a = (struct ask *)n;
	ask_adopt(a, ASK_DEADLINE_MS);
	ask_begin(a);
}

void ask_hand_over(struct ask *a) {
	if (a->kept) /* it came by the loop, as one that waited for keys does */
		ask_begin(a);
	else if (!ask_keep_for_loop(a, to_loop))
		ask_refuse(a, REFUSAL_UNAVAILABLE, "too many requests are under way");
}

/* A "cus_…" is whoever the store binds to that customer of Stripe. Where users choose their ids, one could be somebody
 * else so. */
static bool is_customer(const struct ask *a) {
	return !a->b->settings.subject_may_be_customer && view_starts(view_str(a->who.subject), VIEW("cus_"));
}

/* It is known who asks. */
static void admit(struct ask *a) {
	if (!ask_within_rate(a) || !read_key(a) || !read_fields(a)) return;
	read_preference(a);
	if (a->action->at_once)
		a->action->at_once(a);
	else
		ask_hand_over(a);
}

static void learn_key(struct note *n) {
	struct ask *a = (struct ask *)n;
	ask_adopt(a, AUTH_FETCH_MS + 1000);
	a->learning = auth_learn(a->b->auth, a->b->now_ms);
	if (!a->learning) refuse_token(a, TOKEN_UNKNOWN_KEY);
}

static void judge(struct ask *a) {
	bool cached = false;
	struct bearer t = find_token(a->b, a->request);
	if (t.token.len == 0) {
		ask_refuse(a, t.odd ? REFUSAL_TOKEN_INVALID : REFUSAL_TOKEN_MISSING, NULL);
		return;
	}
	if (t.by_cookie && !is_own(a)) {
		ask_refuse(a, REFUSAL_ORIGIN, NULL);
		return;
	}
	enum token_fault fault = auth_judge(a->b->auth, t.token, wall_s(), &a->who, &cached);
	if (fault == TOKEN_FINE && is_customer(a)) fault = TOKEN_CUSTOMER;
	if (fault == TOKEN_FINE) {
		counter_add(cached ? a->b->metrics.tokens_cached : a->b->metrics.tokens_verified, 1);
		admit(a);
		return;
	}
	a->who = (struct identity){0};
	bool may_learn = fault == TOKEN_UNKNOWN_KEY && auth_is_remote(a->b->auth) && !a->kept;
	if (!may_learn || !ask_keep_for_loop(a, learn_key)) refuse_token(a, fault);
}

void gate_settled(struct billing *b) {
	struct ask *next;
	for (struct ask *a = b->asks; a; a = next) {
		next = a->next;
		if (!a->learning) continue;
		a->learning = false;
		a->deadline_ms = b->now_ms + ASK_DEADLINE_MS;
		judge(a);
	}
}

void gate_enter(void *ctx, struct http_request *r) {
	struct billing *b = ctx;
	struct ask *a = ask_create(b, r);
	const struct action *action = find_action(http_path(r), http_method(r));
	if (!a || !action) {
		ask_destroy(a);
		gate_refuse_early(ctx, r, action ? ERR_MEMORY : ERR_NOT_FOUND, NULL);
		return;
	}
	a->action = action;
	read_request_id(b, r, a->request_id);
	if (!read_origin(b, r, &a->origin))
		ask_refuse(a, REFUSAL_ORIGIN, NULL);
	else if (action->open)
		admit(a);
	else
		judge(a);
}

/* ---- beside it ------------------------------------------------------------------------------------- */

/* Fetch, section 4.8: what a page of another origin may send. */
void gate_preflight(void *ctx, struct http_request *r) {
	struct billing *b = ctx;
	char id[REQUEST_ID_MAX + 1];
	struct reply reply = {.b = b, .request = r, .request_id = id};
	const struct action *action = find_action(http_path(r), HTTP_METHODS);
	read_request_id(b, r, id);
	if (!read_origin(b, r, &reply.origin) || !action)
		reply_refuse(&reply, action ? REFUSAL_ORIGIN : REFUSAL_NOT_FOUND, NULL);
	else
		reply_preflight(&reply, action->method == HTTP_POST ? "POST" : "GET, HEAD");
}

static enum refusal refusal_of(enum error e) {
	switch ((int)e) {
	case ERR_BAD_REQUEST:
		return REFUSAL_BAD_REQUEST;
	case ERR_NOT_FOUND:
		return REFUSAL_NOT_FOUND;
	case ERR_METHOD:
		return REFUSAL_METHOD;
	case ERR_LENGTH_REQUIRED:
		return REFUSAL_LENGTH;
	case ERR_TOO_LARGE:
		return REFUSAL_TOO_LARGE;
	case ERR_MEDIA_TYPE:
		return REFUSAL_MEDIA_TYPE;
	default:
		return error_http_status(e) == 503 ? REFUSAL_UNAVAILABLE : REFUSAL_INTERNAL;
	}
}

void gate_refuse_early(void *ctx, struct http_request *r, enum error e, const char *allow) {
	struct billing *b = ctx;
	char id[REQUEST_ID_MAX + 1];
	struct reply reply = {.b = b, .request = r, .request_id = id, .allow = allow};
	read_request_id(b, r, id);
	(void)read_origin(b, r, &reply.origin);
	reply_refuse(&reply, refusal_of(e), NULL);
}
