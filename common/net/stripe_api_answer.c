#include "net/stripe_api_private.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/parse.h"

#define TEXT_MAX 256

static const char *const names[] = {
#define X(symbol, name) [symbol] = name,
	STRIPE_OUTCOME_TABLE(X)
#undef X
};

const char *stripe_outcome_name(enum stripe_outcome o) { return (unsigned)o < STRIPE_OUTCOME_COUNT ? names[o] : "?"; }

bool stripe_outcome_passes(enum stripe_outcome o) {
	return o == STRIPE_LIMITED || o == STRIPE_SERVER || o == STRIPE_UNREACHABLE || o == STRIPE_MALFORMED;
}

static struct view header(CURL *curl, const char *name) {
	struct curl_header *h = NULL;
	return curl_easy_header(curl, name, 0, CURLH_HEADER, -1, &h) == CURLHE_OK ? view_str(h->value) : VIEW_NONE;
}

static enum stripe_outcome outcome_of(long status) {
	if (status >= 200 && status < 300) return STRIPE_OK;
	if (status == 401 || status == 403) return STRIPE_REFUSED;
	if (status == 404) return STRIPE_MISSING;
	if (status == 429) return STRIPE_LIMITED;
	if (status >= 400 && status < 500) return STRIPE_INVALID;
	if (status >= 500) return STRIPE_SERVER;
	return STRIPE_MALFORMED; /* a redirect, for one: Stripe's API has none */
}

/* Seconds; an HTTP date in it is not used by Stripe, and passed over. */
static int64_t retry_after_ms(struct view text) {
	uint64_t s;
	if (!parse_u64(text, INT64_MAX, &s)) return 0;
	return s > STRIPE_RETRY_AFTER_MAX_MS / 1000 ? STRIPE_RETRY_AFTER_MAX_MS : (int64_t)s * 1000;
}

/* error.type and error.code are Stripe's own words and no values: "card_error card_declined". */
static void describe_error(const json_t *body, char *text, size_t n) {
	const json_t *error = json_object_get(body, "error");
	const char *type = json_string_value(json_object_get(error, "type"));
	const char *code = json_string_value(json_object_get(error, "code"));
	size_t used = strlen(text);
	(void)snprintf(text + used, n - used, "%s%.60s%s%.60s", type ? ": " : "", type ? type : "", code ? " " : "",
		       code ? code : "");
	for (char *c = text; *c; c++)
		if (*c < ' ' || *c > '~') *c = '?';
}

static void judge(struct stripe_slot *s, CURLcode code, struct stripe_answer *a, char *text) {
	if (s->too_large) {
		a->outcome = STRIPE_MALFORMED;
		(void)snprintf(text, TEXT_MAX, "the answer is larger than it may be");
		return;
	}
	if (code != CURLE_OK) {
		a->outcome = STRIPE_UNREACHABLE;
		(void)snprintf(text, TEXT_MAX, "%.200s", s->detail[0] ? s->detail : curl_easy_strerror(code));
		return;
	}
	a->outcome = outcome_of(a->status);
	if (s->len) a->body = json_loadb(s->body, s->len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
	if (a->outcome != STRIPE_OK) {
		(void)snprintf(text, TEXT_MAX, "HTTP %ld", a->status);
		describe_error(a->body, text, TEXT_MAX);
	} else if (!a->body) {
		a->outcome = STRIPE_MALFORMED;
		(void)snprintf(text, TEXT_MAX, "the answer is not JSON");
	} else if (!a->date) {
		a->outcome = STRIPE_MALFORMED;
		(void)snprintf(text, TEXT_MAX, "the answer has no Date");
	}
}

static void read_transfer(CURL *curl, struct stripe_answer *a, char *request_id) {
	curl_off_t took = 0;
	(void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &a->status);
	if (curl_easy_getinfo(curl, CURLINFO_TOTAL_TIME_T, &took) == CURLE_OK) a->took_us = (int64_t)took;
	struct view date = header(curl, "Date");
	time_t at = date.len ? curl_getdate(date.ptr, NULL) : -1;
	if (at > 0) {
		a->date = (int64_t)at;
		a->second = a->date - 1 - a->took_us / 1000000;
	}
	a->retry_after_ms = retry_after_ms(header(curl, "Retry-After"));
	a->replayed = view_eq(header(curl, "Idempotent-Replayed"), VIEW("true"));
	struct view id = header(curl, "Request-Id");
	if (id.len < TEXT_MAX) (void)snprintf(request_id, TEXT_MAX, "%.*s", VIEW_FMT(id));
}

void stripe_slot_finish(struct stripe_slot *s, CURLcode code) {
	char text[TEXT_MAX] = "", request_id[TEXT_MAX] = "";
	struct stripe_answer a = {.bytes = s->len, .request_id = request_id, .why = text};
	void (*done)(void *ctx, const struct stripe_answer *a) = s->done;
	void *ctx = s->ctx;

	read_transfer(s->curl, &a, request_id);
	judge(s, code, &a, text);
	free(s->body);
	s->body = NULL;
	s->len = s->size = 0;
	s->busy = false; /* from here on `done` may use it for another call */
	done(ctx, &a);
	json_decref(a.body);
}
